//! The socket under rtnetlink, which lets nothing that it reads get lost further up.
//!
//! rtnetlink logs a message that it cannot decode and goes on, so that the link or route in it
//! seems not to exist. It also keeps the headers of what it decodes to itself, and with them
//! the kernel's word that a table changed while it was dumped. So this socket looks at what it
//! reads before rtnetlink does: it puts an error in the place of a message that cannot be
//! decoded, and repeats the kernel's word at the end of the dump.
//!
//! Links are the exception that proves it: any machine may have one with an attribute that
//! nobody here reads and that the decoder does not know in that shape. Such a link is handed on
//! with only the attributes that are read. It must not keep the others from being managed.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::num::NonZeroI32;
use std::task::{Context, Poll, ready};

use bytes::{BufMut, BytesMut};
use rtnetlink::packet_core::{
    ErrorMessage, NLMSG_DONE, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload,
    NlasIterator, Parseable as _,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::sys::{AsyncSocket, Socket, SocketAddr, TokioSocket};

/// The error code of a message that cannot be decoded. The kernel's own are negative.
pub(super) const UNDECODABLE: NonZeroI32 = NonZeroI32::MAX;

/// `NLM_F_DUMP_INTR`: what was dumped changed meanwhile.
pub(super) const NLM_F_DUMP_INTR: u16 = 0x10;

/// What a datagram of the kernel can be long.
pub(super) const DATAGRAM: usize = 64 << 10;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;

/// `struct nlmsghdr` and `struct ifinfomsg`.
const LINK_HEADERS_LEN: usize = 32;

/// `IFLA_ADDRESS`, `IFLA_IFNAME`, `IFLA_MTU`, `IFLA_LINK`, `IFLA_MASTER`, `IFLA_LINKINFO`,
/// `IFLA_IFALIAS`, `IFLA_AF_SPEC` and `IFLA_GROUP`: what observing reads.
const READ_ATTRIBUTES: [u16; 9] = [1, 3, 4, 5, 10, 18, 20, 26, 27];

/// A socket for a connection of rtnetlink.
pub(super) struct FaithfulSocket {
    inner: TokioSocket,
    reading: RefCell<Reading>,
}

#[derive(Default)]
struct Reading {
    datagram: BytesMut,
    /// The dump under way was told to be inconsistent. A socket has one dump at a time.
    interrupted: bool,
}

impl From<TokioSocket> for FaithfulSocket {
    fn from(inner: TokioSocket) -> Self {
        Self {
            inner,
            reading: RefCell::default(),
        }
    }
}

impl AsyncSocket for FaithfulSocket {
    fn socket_ref(&self) -> &Socket {
        self.inner.socket_ref()
    }

    fn socket_mut(&mut self) -> &mut Socket {
        self.inner.socket_mut()
    }

    fn new(protocol: isize) -> io::Result<Self> {
        TokioSocket::new(protocol).map(Self::from)
    }

    fn poll_send(&self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.inner.poll_send(cx, buf)
    }

    fn poll_send_to(
        &self,
        cx: &mut Context<'_>,
        buf: &[u8],
        addr: &SocketAddr,
    ) -> Poll<io::Result<usize>> {
        self.inner.poll_send_to(cx, buf, addr)
    }

    fn poll_recv<B: BufMut>(&self, cx: &mut Context<'_>, buf: &mut B) -> Poll<io::Result<()>> {
        self.poll_recv_from(cx, buf).map_ok(drop)
    }

    fn poll_recv_from<B: BufMut>(
        &self,
        cx: &mut Context<'_>,
        buf: &mut B,
    ) -> Poll<io::Result<SocketAddr>> {
        let mut reading = self.reading.borrow_mut();
        reading.datagram.clear();
        reading.datagram.reserve(DATAGRAM);
        // rtnetlink takes an overrun for an event that answers no request, and whoever waits
        // for the lost answer would do so for ever: it ends the connection instead.
        let from = ready!(self.inner.poll_recv_from(cx, &mut reading.datagram))
            .map_err(|error| io::Error::new(io::ErrorKind::ConnectionReset, error))?;
        reading.hand_on(buf)?;
        Poll::Ready(Ok(from))
    }

    fn poll_recv_from_full(&self, cx: &mut Context<'_>) -> Poll<io::Result<(Vec<u8>, SocketAddr)>> {
        let mut datagram = Vec::new();
        self.poll_recv_from(cx, &mut datagram)
            .map_ok(|from| (datagram, from))
    }
}

impl Reading {
    /// Hands on what was read, one message after the other without padding, as rtnetlink
    /// expects them.
    fn hand_on(&mut self, buf: &mut impl BufMut) -> io::Result<()> {
        let mut rest: &[u8] = &self.datagram;
        while let Some(mut message) = next_message(&mut rest)? {
            let header = NetlinkBuffer::new(&message);
            let (kind, flags) = (header.message_type(), header.flags());
            if kind != NLMSG_DONE {
                self.interrupted |= flags & NLM_F_DUMP_INTR != 0;
            } else if std::mem::take(&mut self.interrupted) {
                NetlinkBuffer::new(message.to_mut()).set_flags(flags | NLM_F_DUMP_INTR);
            }
            buf.put_slice(&message);
        }
        Ok(())
    }
}

/// Takes the next message off a datagram, in a form that can be decoded for certain; `None` at
/// the end.
///
/// # Errors
///
/// When it is not even a message, so that where the next one begins cannot be known.
pub(super) fn next_message<'a>(datagram: &mut &'a [u8]) -> io::Result<Option<Cow<'a, [u8]>>> {
    if datagram.is_empty() {
        return Ok(None);
    }
    let malformed = |error| io::Error::new(io::ErrorKind::InvalidData, error);
    let buffer = NetlinkBuffer::new_checked(datagram as &&[u8]).map_err(malformed)?;
    let header = NetlinkHeader::parse(&buffer).map_err(malformed)?;
    let length = buffer.length() as usize;
    // Messages are padded to four bytes; the last one of a datagram may not be.
    let padded = length.next_multiple_of(4).min(datagram.len());
    let (bytes, rest) = datagram.split_at(padded);
    *datagram = rest;
    let bytes = bytes.get(..length).unwrap_or(bytes);
    let Err(error) = decode(bytes) else {
        return Ok(Some(bytes.into()));
    };
    let reduced = reduced_link(&header, bytes).filter(|link| decode(link).is_ok());
    Ok(Some(
        reduced
            .unwrap_or_else(|| undecodable(header, &error.to_string()))
            .into(),
    ))
}

fn decode(
    bytes: &[u8],
) -> Result<NetlinkMessage<RouteNetlinkMessage>, rtnetlink::packet_core::DecodeError> {
    NetlinkMessage::deserialize(bytes)
}

/// An error message in the place of the one that `header` belongs to.
fn undecodable(header: NetlinkHeader, reason: &str) -> Vec<u8> {
    let mut error = ErrorMessage::default();
    error.code = Some(UNDECODABLE);
    error.header = reason.as_bytes().to_vec();
    let payload = NetlinkPayload::<RouteNetlinkMessage>::Error(error);
    let mut message = NetlinkMessage::new(header, payload);
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

/// A message about a link with those of its attributes only that are read; `None` when it is
/// no such message or is not even made of attributes.
fn reduced_link(header: &NetlinkHeader, bytes: &[u8]) -> Option<Vec<u8>> {
    if header.message_type != RTM_NEWLINK && header.message_type != RTM_DELLINK {
        return None;
    }
    let (fixed, attributes) = bytes.split_at_checked(LINK_HEADERS_LEN)?;
    let mut reduced = fixed.to_vec();
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.ok()?;
        if READ_ATTRIBUTES.contains(&attribute.kind()) {
            let length = usize::from(attribute.length());
            reduced.extend_from_slice(attribute.into_inner().get(..length)?);
            reduced.resize(reduced.len().next_multiple_of(4), 0);
        }
    }
    let length = u32::try_from(reduced.len()).ok()?;
    reduced.get_mut(..4)?.copy_from_slice(&length.to_ne_bytes());
    Some(reduced)
}

#[cfg(test)]
mod tests;
