//! Netlink messages to and from datagrams, without losing any.
//!
//! The usual codec logs a message that it cannot decode and goes on, so that the link or route
//! in it seems not to exist. This one hands such a message on as an error of the request that
//! it answers.
//!
//! Links are the exception that proves it: any machine may have one with an attribute that
//! nobody here reads and that the decoder does not know in that shape. Such a link is decoded
//! once more, by the attributes that are read. It must not keep the others from being managed.

use std::fmt::Debug;
use std::io;
use std::num::NonZeroI32;

use bytes::BytesMut;
use netlink_packet_core::{
    DecodeError, ErrorMessage, NetlinkBuffer, NetlinkDeserializable, NetlinkHeader, NetlinkMessage,
    NetlinkPayload, NetlinkSerializable, NlasIterator,
};
use netlink_proto::{NetlinkCodec, NetlinkMessageCodec};

/// The error code of a message that cannot be decoded. The kernel's own are negative.
pub(super) const UNDECODABLE: NonZeroI32 = NonZeroI32::MAX;

const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;

/// `struct nlmsghdr` and `struct ifinfomsg`.
const LINK_HEADERS_LEN: usize = 32;

/// `IFLA_ADDRESS`, `IFLA_IFNAME`, `IFLA_MTU`, `IFLA_LINK`, `IFLA_MASTER`, `IFLA_LINKINFO`,
/// `IFLA_IFALIAS`, `IFLA_AF_SPEC` and `IFLA_GROUP`: what observing reads.
const READ_ATTRIBUTES: [u16; 9] = [1, 3, 4, 5, 10, 18, 20, 26, 27];

/// The codec of every socket of ours.
#[derive(Debug)]
pub(super) struct Codec;

impl NetlinkMessageCodec for Codec {
    fn decode<T>(source: &mut BytesMut) -> io::Result<Option<NetlinkMessage<T>>>
    where
        T: NetlinkDeserializable + Debug,
    {
        if source.is_empty() {
            return Ok(None);
        }
        let (length, header) = match NetlinkBuffer::new_checked(source.as_ref()) {
            Ok(buffer) => (buffer.length() as usize, header_of(&buffer)),
            // Where the next message begins cannot be known: the connection ends, and all who
            // wait on it learn that it was lost.
            Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
        };
        // Messages are padded to four bytes; the last one of a datagram may not be.
        let padded = length.next_multiple_of(4).min(source.len());
        let bytes = source.split_to(padded);
        let bytes = bytes.get(..length).unwrap_or(&bytes);
        let message = NetlinkMessage::deserialize(bytes).or_else(|error| {
            let reduced = reduced_link(&header, bytes).ok_or(error)?;
            NetlinkMessage::deserialize(&reduced)
        });
        Ok(Some(message.unwrap_or_else(|error: DecodeError| {
            let mut undecodable = ErrorMessage::default();
            undecodable.code = Some(UNDECODABLE);
            undecodable.header = error.to_string().into_bytes();
            NetlinkMessage::new(header, NetlinkPayload::Error(undecodable))
        })))
    }

    fn encode<T>(message: NetlinkMessage<T>, buffer: &mut BytesMut) -> io::Result<()>
    where
        T: NetlinkSerializable + Debug,
    {
        NetlinkCodec::encode(message, buffer)
    }
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

fn header_of(buffer: &NetlinkBuffer<&[u8]>) -> NetlinkHeader {
    let mut header = NetlinkHeader::default();
    header.length = buffer.length();
    header.message_type = buffer.message_type();
    header.flags = buffer.flags();
    header.sequence_number = buffer.sequence_number();
    header.port_number = buffer.port_number();
    header
}

#[cfg(test)]
mod tests;
