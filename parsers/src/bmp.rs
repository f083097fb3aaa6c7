//! What bgpd's module `bmp` tells of its sessions as they come and go: the BGP Monitoring
//! Protocol, version 3 (RFC 7854).
//!
//! Messages are told apart and those on sessions are read; of all others only the kind is. A
//! length that no message has, or another version, is an error: what follows means nothing then.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use nom::bytes::take;
use nom::combinator::map;
use nom::number::{be_u8, be_u16, be_u32, be_u64, be_u128};
use nom::{IResult, Parser};

/// The version that is spoken (RFC 7854 §4.1).
const VERSION: u8 = 3;

/// Version, length and kind, which every message begins with, in bytes.
const HEADER: usize = 6;

/// The longest message that is waited for, in bytes: two BGP messages of the longest kind
/// (RFC 8654) with all that goes around them.
const LONGEST: usize = 256 * 1024;

/// What received bytes begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Front {
    /// Not yet a whole message.
    More,
    /// A message.
    Message {
        /// What it says.
        message: Message,
        /// The bytes that it takes.
        length: usize,
    },
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A session is up (RFC 7854 §4.10): it came up, or was when the connection opened.
    PeerUp(Peer),
    /// A session went down (RFC 7854 §4.9).
    PeerDown {
        /// Which.
        peer: Peer,
        /// Why.
        reason: DownReason,
    },
    /// A message of another kind, by its number.
    Other(u8),
}

/// A session, by the neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// The BGP instance that it belongs to.
    pub instance: Instance,
    /// The neighbour's address.
    pub address: IpAddr,
    /// The neighbour's AS number.
    pub asn: u32,
}

/// A BGP instance as the per-peer header names it (RFC 7854 §4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Instance {
    /// The default one.
    Default,
    /// A VRF's. Where the VRF has no RD for MPLS VPN, FRR 10.3 gives the index of its link.
    Vrf(u64),
    /// No neighbour at all: the instance's own table (RFC 9069), or something newer.
    Other(u8),
}

/// Why a session went down (RFC 7854 §4.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownReason {
    /// bgpd sent a NOTIFICATION.
    SentNotification(Notification),
    /// bgpd closed it without one; FRR's events have no numbers of RFC 4271, and are 0.
    Closed {
        /// The event of the state machine (RFC 4271 §8.1).
        event: u16,
    },
    /// The neighbour sent a NOTIFICATION.
    ReceivedNotification(Notification),
    /// The neighbour closed it without one.
    ClosedByNeighbour,
    /// Another, by its number.
    Other(u8),
}

impl fmt::Display for DownReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SentNotification(what) => write!(f, "sent NOTIFICATION {what}"),
            Self::Closed { event: 0 } => f.write_str("closed"),
            Self::Closed { event } => write!(f, "closed, event {event}"),
            Self::ReceivedNotification(what) => write!(f, "received NOTIFICATION {what}"),
            Self::ClosedByNeighbour => f.write_str("closed by the neighbour"),
            Self::Other(number) => write!(f, "reason {number}"),
        }
    }
}

/// The codes of a NOTIFICATION (RFC 4271 §4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The error.
    pub code: u8,
    /// What of it.
    pub subcode: u8,
}

impl fmt::Display for Notification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.code, self.subcode)
    }
}

/// Bytes that are no BMP.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Another version.
    #[error("BMP version {0}, not {VERSION}")]
    Version(u8),
    /// A length that no message has.
    #[error("a message of {0} bytes, which is not between {HEADER} and {LONGEST}")]
    Length(u32),
    /// A message that ends before what its kind has to say.
    #[error("a message of kind {kind} that ends after {length} bytes")]
    Short {
        /// The kind.
        kind: u8,
        /// Its length.
        length: usize,
    },
}

/// Looks at the front of received bytes.
///
/// # Errors
/// [`Error`] when they are no BMP.
pub fn front(received: &[u8]) -> Result<Front, Error> {
    let Some((version, _)) = received.split_first() else {
        return Ok(Front::More);
    };
    if *version != VERSION {
        return Err(Error::Version(*version));
    }
    let Ok((body, (_, told, kind))) = header(received) else {
        return Ok(Front::More);
    };
    let length = usize::try_from(told).unwrap_or(usize::MAX);
    if !(HEADER..=LONGEST).contains(&length) {
        return Err(Error::Length(told));
    }
    let Some(body) = body.get(..length - HEADER) else {
        return Ok(Front::More);
    };
    let message = message(kind, body).map_err(|_| Error::Short { kind, length })?;
    Ok(Front::Message {
        message: message.1,
        length,
    })
}

/// RFC 7854 §4.1.
fn header(received: &[u8]) -> IResult<&[u8], (u8, u32, u8)> {
    (be_u8(), be_u32(), be_u8()).parse(received)
}

fn message(kind: u8, body: &[u8]) -> IResult<&[u8], Message> {
    match kind {
        2 => map((peer, reason), |(peer, reason)| Message::PeerDown {
            peer,
            reason,
        })
        .parse(body),
        3 => map(peer, Message::PeerUp).parse(body),
        _ => Ok((body, Message::Other(kind))),
    }
}

/// The per-peer header (RFC 7854 §4.2): type, flags, distinguisher, address, AS number, BGP
/// identifier, and the time in seconds and microseconds.
fn peer(body: &[u8]) -> IResult<&[u8], Peer> {
    /// Whether the address is one of IPv6.
    const V6: u8 = 0x80;
    let fields = (
        be_u8(),
        be_u8(),
        be_u64(),
        be_u128(),
        be_u32(),
        take(12_usize),
    );
    map(fields, |(kind, flags, distinguisher, address, asn, _)| {
        let v6 = Ipv6Addr::from(address);
        let [.., a, b, c, d] = v6.octets();
        Peer {
            instance: match kind {
                0 => Instance::Default,
                1 => Instance::Vrf(distinguisher),
                other => Instance::Other(other),
            },
            address: if flags & V6 == 0 {
                IpAddr::V4(Ipv4Addr::new(a, b, c, d))
            } else {
                IpAddr::V6(v6)
            },
            asn,
        }
    })
    .parse(body)
}

fn reason(body: &[u8]) -> IResult<&[u8], DownReason> {
    let (body, number) = be_u8().parse(body)?;
    match number {
        1 => map(notification, DownReason::SentNotification).parse(body),
        2 => map(be_u16(), |event| DownReason::Closed { event }).parse(body),
        3 => map(notification, DownReason::ReceivedNotification).parse(body),
        4 => Ok((body, DownReason::ClosedByNeighbour)),
        other => Ok((body, DownReason::Other(other))),
    }
}

/// A whole BGP message: marker, length and type, then the codes.
fn notification(body: &[u8]) -> IResult<&[u8], Notification> {
    let fields = (take(19_usize), be_u8(), be_u8());
    map(fields, |(_, code, subcode)| Notification { code, subcode }).parse(body)
}

#[cfg(test)]
mod tests;
