//! Numbers and names of the field: VNIs, AS numbers, route distinguishers and targets, MACs.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    num::ParseIntError,
    str::FromStr,
};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, Unexpected, Visitor},
};
use thiserror::Error;

/// Why a text is not the value it should be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{text:?} is not {expected}")]
pub struct InvalidText {
    /// What should have stood there.
    pub expected: &'static str,
    /// What stood there.
    pub text: String,
}

impl InvalidText {
    fn new(expected: &'static str, text: &str) -> Self {
        Self {
            expected,
            text: text.to_owned(),
        }
    }
}

/// Reads a string with [`FromStr`], without keeping the string.
pub(crate) struct FromText<T>(pub(crate) std::marker::PhantomData<T>);

impl<T: FromStr<Err = InvalidText>> Visitor<'_> for FromText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Deserializes from a string by [`FromStr`].
macro_rules! deserialize_from_text {
    ($($type:ty),+) => {$(
        impl<'de> ::serde::Deserialize<'de> for $type {
            fn deserialize<D: ::serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                input.deserialize_str($crate::id::FromText(::std::marker::PhantomData))
            }
        }
    )+};
}
pub(crate) use deserialize_from_text;

/// A VXLAN network identifier, 1 to 16777215 (RFC 7348 section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vni(u32);

impl Vni {
    /// A VNI, when the number is one. FRR writes 0 for none.
    #[must_use]
    pub fn new(number: u32) -> Option<Self> {
        (1..=0x00ff_ffff).contains(&number).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Vni {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Vni {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().ok().and_then(Self::new);
        number.ok_or_else(|| InvalidText::new("a VNI", text))
    }
}

impl<'de> Deserialize<'de> for Vni {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        let number = u32::deserialize(input)?;
        let unexpected = || Unexpected::Unsigned(number.into());
        Self::new(number).ok_or_else(|| D::Error::invalid_value(unexpected(), &"a VNI"))
    }
}

/// A VNI, or `None` for FRR's 0.
pub(crate) fn vni_or_zero<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Vni>, D::Error> {
    match u32::deserialize(input)? {
        0 => Ok(None),
        number => {
            let unexpected = || Unexpected::Unsigned(number.into());
            let vni = Vni::new(number);
            vni.map(Some)
                .ok_or_else(|| D::Error::invalid_value(unexpected(), &"a VNI or 0"))
        }
    }
}

/// An autonomous system's number (RFC 6793). FRR writes 0 where the number is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Asn(pub u32);

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Asn {
    type Err = InvalidText;

    /// Reads `4200000000` and the dotted `64086.59904` (RFC 5396).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = match text.split_once('.') {
            Some((high, low)) => two_parts::<u16, u16>(high, low)
                .map(|(high, low)| (u32::from(high) << 16) | u32::from(low)),
            None => text.parse().ok(),
        };
        number
            .map(Self)
            .ok_or_else(|| InvalidText::new("an AS number", text))
    }
}

impl<'de> Deserialize<'de> for Asn {
    /// A number, or the dotted text that `bgp asnotation` chooses.
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct AsnVisitor;
        impl Visitor<'_> for AsnVisitor {
            type Value = Asn;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an AS number")
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Asn, E> {
                let unexpected = || Unexpected::Unsigned(number);
                let asn = u32::try_from(number);
                asn.map(Asn)
                    .map_err(|_| E::invalid_value(unexpected(), &self))
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Asn, E> {
                text.parse().map_err(E::custom)
            }
        }
        input.deserialize_any(AsnVisitor)
    }
}

fn two_parts<A: FromStr, B: FromStr>(left: &str, right: &str) -> Option<(A, B)> {
    Some((left.parse().ok()?, right.parse().ok()?))
}

/// An administrator and a number assigned by it: the common form of route distinguishers
/// (RFC 4364 section 4.2) and route targets (RFC 4360 section 4, RFC 5668).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Assigned {
    /// A two-octet AS number and a four-octet number; type 0.
    As2(u16, u32),
    /// An IPv4 address and a two-octet number; type 1.
    Ip(Ipv4Addr, u16),
    /// A four-octet AS number and a two-octet number; type 2.
    As4(u32, u16),
}

impl fmt::Display for Assigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::As2(asn, number) => write!(f, "{asn}:{number}"),
            Self::Ip(address, number) => write!(f, "{address}:{number}"),
            Self::As4(asn, number) => write!(f, "{asn}:{number}"),
        }
    }
}

impl FromStr for Assigned {
    type Err = InvalidText;

    /// Reads what FRR writes; an AS number that fits two octets is one of two octets.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidText::new("ADMINISTRATOR:NUMBER", text);
        let (administrator, number) = text.split_once(':').ok_or_else(invalid)?;
        if let Some((asn, number)) = two_parts(administrator, number) {
            return Ok(Self::As2(asn, number));
        }
        if let Some((address, number)) = two_parts(administrator, number) {
            return Ok(Self::Ip(address, number));
        }
        let asn: Asn = administrator.parse().map_err(|_| invalid())?;
        match u16::try_from(asn.0) {
            Ok(asn) => number.parse().map(|number| Self::As2(asn, number)),
            Err(_) => number.parse().map(|number| Self::As4(asn.0, number)),
        }
        .map_err(|_: ParseIntError| invalid())
    }
}

/// A route distinguisher.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteDistinguisher {
    /// One of the three types of RFC 4364.
    Assigned(Assigned),
    /// Another type, in FRR's words. A peer can send any, so it is not an error.
    Other(Box<str>),
}

impl fmt::Display for RouteDistinguisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Assigned(assigned) => assigned.fmt(f),
            Self::Other(text) => f.write_str(text),
        }
    }
}

impl FromStr for RouteDistinguisher {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text
            .parse()
            .map_or_else(|_| Self::Other(text.into()), Self::Assigned))
    }
}

/// A route target, for example `64514:100`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteTarget(pub Assigned);

impl fmt::Display for RouteTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RouteTarget {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse()
            .map(Self)
            .map_err(|_| InvalidText::new("a route target", text))
    }
}

/// What a VNI or VRF imports: one route target, or a number with any AS (`*:100`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImportTarget {
    /// Exactly this target.
    Exact(RouteTarget),
    /// Every target with this number, whatever its administrator.
    AnyAs(u32),
}

impl ImportTarget {
    /// Whether a route with this target is imported.
    #[must_use]
    pub fn matches(self, target: RouteTarget) -> bool {
        match self {
            Self::Exact(own) => own == target,
            Self::AnyAs(own) => match target.0 {
                Assigned::As2(_, number) => number == own,
                Assigned::Ip(_, number) | Assigned::As4(_, number) => u32::from(number) == own,
            },
        }
    }
}

impl fmt::Display for ImportTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(target) => target.fmt(f),
            Self::AnyAs(number) => write!(f, "*:{number}"),
        }
    }
}

impl FromStr for ImportTarget {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("*:").map(str::parse) {
            Some(number) => number
                .map(Self::AnyAs)
                .map_err(|_| InvalidText::new("a route target", text)),
            None => text.parse().map(Self::Exact),
        }
    }
}

/// The MAC address of a router, which Type-5 routes carry (RFC 9135 section 8.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterMac(pub [u8; 6]);

impl fmt::Display for RouterMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl FromStr for RouterMac {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidText::new("a MAC address", text);
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let two_digits =
                |part: &&str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            let part = parts.next().filter(two_digits).ok_or_else(invalid)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| invalid())?;
        }
        if parts.next().is_some() {
            Err(invalid())
        } else {
            Ok(Self(octets))
        }
    }
}

/// A BGP neighbour as configured: an address, or an interface for an unnumbered session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeerName {
    /// `neighbor 10.0.1.1`
    Address(IpAddr),
    /// `neighbor eth0 interface`
    Interface(String),
}

impl fmt::Display for PeerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Interface(name) => f.write_str(name),
        }
    }
}

impl FromStr for PeerName {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(text
            .parse()
            .map_or_else(|_| Self::Interface(text.to_owned()), Self::Address))
    }
}

deserialize_from_text!(
    RouteDistinguisher,
    RouteTarget,
    ImportTarget,
    RouterMac,
    PeerName
);

#[cfg(test)]
mod tests;
