//! Route targets: which VRFs a route goes to (RFC 4360 §4).

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::types::ValueError;

#[cfg(test)]
mod tests;

/// A route target, in one of its three encodings.
///
/// The text decides the encoding as it does in FRR: an AS number up to 65535 makes
/// [`Self::TwoOctetAs`], a larger one [`Self::FourOctetAs`]. Prints as FRR prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum RouteTarget {
    /// `64514:100` (RFC 4360 §3.1).
    TwoOctetAs {
        /// The AS number.
        asn: u16,
        /// The number that it assigned.
        number: u32,
    },
    /// `4200000001:100` (RFC 5668).
    FourOctetAs {
        /// The AS number, above 65535.
        asn: u32,
        /// The number that it assigned.
        number: u16,
    },
    /// `192.0.2.1:100` (RFC 4360 §3.2).
    Ipv4 {
        /// The address.
        address: Ipv4Addr,
        /// The number that its owner assigned.
        number: u16,
    },
}

impl RouteTarget {
    /// The extended community as it stands in a BGP message: type, sub-type 2, value.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 8] {
        match self {
            Self::TwoOctetAs { asn, number } => {
                let ([a, b], [c, d, e, f]) = (asn.to_be_bytes(), number.to_be_bytes());
                [0x00, 0x02, a, b, c, d, e, f]
            }
            Self::Ipv4 { address, number } => {
                let ([a, b, c, d], [e, f]) = (address.octets(), number.to_be_bytes());
                [0x01, 0x02, a, b, c, d, e, f]
            }
            Self::FourOctetAs { asn, number } => {
                let ([a, b, c, d], [e, f]) = (asn.to_be_bytes(), number.to_be_bytes());
                [0x02, 0x02, a, b, c, d, e, f]
            }
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (administrator, number) = text.split_once(':')?;
        if let Ok(address) = administrator.parse::<Ipv4Addr>() {
            return Some(Self::Ipv4 {
                address,
                number: decimal(number)?.try_into().ok()?,
            });
        }
        let (asn, number) = (decimal(administrator)?, decimal(number)?);
        match u16::try_from(asn) {
            Ok(asn) => Some(Self::TwoOctetAs { asn, number }),
            Err(_) => Some(Self::FourOctetAs {
                asn,
                number: number.try_into().ok()?,
            }),
        }
    }
}

/// Reads decimal digits and nothing else: `str::parse` would also take a sign.
fn decimal(text: &str) -> Option<u32> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

impl FromStr for RouteTarget {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        Self::parse(text).ok_or_else(|| ValueError::RouteTarget {
            found: text.to_owned(),
        })
    }
}

impl TryFrom<String> for RouteTarget {
    type Error = ValueError;

    fn try_from(text: String) -> Result<Self, ValueError> {
        text.parse()
    }
}

impl From<RouteTarget> for String {
    fn from(target: RouteTarget) -> Self {
        target.to_string()
    }
}

impl fmt::Display for RouteTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoOctetAs { asn, number } => write!(f, "{asn}:{number}"),
            Self::FourOctetAs { asn, number } => write!(f, "{asn}:{number}"),
            Self::Ipv4 { address, number } => write!(f, "{address}:{number}"),
        }
    }
}
