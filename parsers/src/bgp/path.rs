//! One path to a prefix, as bgpd lists it in every table.

use std::{fmt, net::IpAddr, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};

use crate::id::{Asn, InvalidText, RouteTarget, RouterMac, deserialize_from_text};

/// A path to a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Path {
    /// Whether the path may be used: its next hop is reachable, and nothing else forbids it.
    #[serde(default)]
    pub valid: bool,
    /// Whether bgpd selected this path.
    #[serde(default, rename = "bestpath")]
    pub best: bool,
    /// Whether bgpd uses this path beside the best one.
    #[serde(default)]
    pub multipath: bool,
    /// Whether the path is kept only because its peer is restarting gracefully.
    #[serde(default)]
    pub stale: bool,
    /// Whether the path is told to nobody, because an aggregate stands for it
    /// (`aggregate-address PREFIX summary-only`).
    #[serde(default)]
    pub suppressed: bool,
    /// Who told us.
    #[serde(rename = "peerId")]
    pub source: Source,
    /// The AS path.
    #[serde(rename = "path")]
    pub as_path: AsPath,
    /// Where traffic goes. For EVPN this is the VTEP; 0.0.0.0 is this router itself.
    #[serde(rename = "nexthops", deserialize_with = "addresses")]
    pub next_hops: Vec<IpAddr>,
    /// Its extended communities; empty where FRR shows none.
    #[serde(default, rename = "extendedCommunity")]
    pub extended: ExtendedCommunities,
}

/// Who told bgpd of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// This router: a `network` statement, redistribution, or an export from a VRF.
    Local,
    /// A peer. A path imported into a VRF names the peer of the default instance.
    Peer(IpAddr),
    /// Something else, in FRR's words.
    Other(Box<str>),
}

impl FromStr for Source {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "(unspec)" {
            return Ok(Self::Local);
        }
        Ok(text
            .parse()
            .map_or_else(|_| Self::Other(text.into()), Self::Peer))
    }
}

/// An AS path, in FRR's notation: sequences bare, sets in `{}`, confederations in `()`, `[]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AsPath(Box<str>);

impl AsPath {
    /// FRR's notation; empty for a path that starts here.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The AS numbers, nearest first, those in sets included.
    pub fn numbers(&self) -> impl Iterator<Item = Asn> {
        let separators = [' ', ',', '{', '}', '(', ')', '[', ']'];
        self.0
            .split(separators)
            .filter_map(|word| word.parse().ok())
    }

    /// Whether the path leads through the AS.
    #[must_use]
    pub fn contains(&self, asn: Asn) -> bool {
        self.numbers().any(|number| number == asn)
    }
}

impl fmt::Display for AsPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for AsPath {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.into()))
    }
}

/// The extended communities that matter for EVPN. Others are left out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExtendedCommunities {
    /// Route targets (`RT:`).
    pub route_targets: Vec<RouteTarget>,
    /// The MAC of the router behind the route (`Rmac:`).
    pub router_mac: Option<RouterMac>,
    /// The encapsulation (`ET:`). A route without it is understood as VXLAN by FRR.
    pub encapsulation: Option<Encapsulation>,
}

/// A tunnel type (RFC 9012 section 4.1, IANA "BGP Tunnel Encapsulation Attribute Tunnel Types").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encapsulation {
    /// 8.
    Vxlan,
    /// Any other.
    Other(u16),
}

impl FromStr for ExtendedCommunities {
    type Err = InvalidText;

    /// Reads FRR's list; a community that cannot be read is one of those left out, because a
    /// peer may send any.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut communities = Self::default();
        for community in text.split_ascii_whitespace() {
            match community.split_once(':') {
                Some(("RT", target)) => communities
                    .route_targets
                    .extend(target.parse::<RouteTarget>().ok()),
                Some(("Rmac", mac)) => communities.router_mac = mac.parse().ok(),
                Some(("ET", number)) => {
                    communities.encapsulation = number.parse().ok().map(|number| match number {
                        8 => Encapsulation::Vxlan,
                        other => Encapsulation::Other(other),
                    });
                }
                Some(_) | None => {}
            }
        }
        Ok(communities)
    }
}

deserialize_from_text!(Source, AsPath);

impl<'de> Deserialize<'de> for ExtendedCommunities {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            string: Text,
        }
        struct Text(ExtendedCommunities);
        impl<'de> Deserialize<'de> for Text {
            fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
                let text = crate::id::FromText(std::marker::PhantomData);
                input.deserialize_str(text).map(Self)
            }
        }
        Written::deserialize(input).map(|written| written.string.0)
    }
}

/// The addresses of a list of next hops.
fn addresses<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<IpAddr>, D::Error> {
    #[derive(Deserialize)]
    struct NextHop {
        ip: IpAddr,
    }

    struct Addresses;
    impl<'de> Visitor<'de> for Addresses {
        type Value = Vec<IpAddr>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of next hops")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            let mut addresses = Vec::with_capacity(1);
            while let Some(NextHop { ip }) = seq.next_element()? {
                addresses.push(ip);
            }
            Ok(addresses)
        }
    }
    input.deserialize_seq(Addresses)
}
