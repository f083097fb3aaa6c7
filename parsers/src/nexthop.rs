//! `show bgp nexthop json` and `show ip nht json`: by which routes next hops are reached, as
//! bgpd and as zebra see it.

use std::{collections::BTreeMap, net::IpAddr, str::FromStr};

use ipnet::IpNet;
use serde::Deserialize;

use crate::{
    id::InvalidText,
    json::{self, Error},
};

/// An address as a key. The other keys are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Address(IpAddr);

impl FromStr for Address {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| InvalidText {
            expected: "an address",
            text: text.to_owned(),
        })
    }
}

/// Addresses beside settings.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>", transparent)]
struct Addresses<T>(#[serde(deserialize_with = "json::members")] BTreeMap<Address, T>);

impl<T> Default for Addresses<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>")]
struct Versions<T> {
    #[serde(default)]
    ipv4: Addresses<T>,
    #[serde(default)]
    ipv6: Addresses<T>,
}

impl<T> Versions<T> {
    fn together(self) -> BTreeMap<IpAddr, T> {
        let all = self.ipv4.0.into_iter().chain(self.ipv6.0);
        all.map(|(Address(address), own)| (address, own)).collect()
    }
}

/// A next hop of bgpd's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub struct BgpNextHop {
    /// Whether bgpd takes it as one that can be reached: paths by it may be used.
    #[serde(default)]
    pub valid: bool,
}

/// Reads `show bgp nexthop json`: the next hops of one instance.
///
/// # Errors
/// [`Error`] when the answer is not that.
pub fn bgp(answer: &[u8]) -> Result<BTreeMap<IpAddr, BgpNextHop>, Error> {
    let read: Option<Versions<BgpNextHop>> = json::read("show bgp nexthop json", answer)?;
    Ok(read.map(Versions::together).unwrap_or_default())
}

/// A next hop that zebra watches for others.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tracked {
    /// The route by which it is reached; `None` when there is none.
    pub prefix: Option<IpNet>,
    /// Whose route that is, in FRR's word: `bgp`, `connected`, `static`.
    pub resolved_protocol: Option<String>,
}

/// Reads `show ip nht json` or `show ipv6 nht json`: the watched next hops of the default VRF.
///
/// # Errors
/// [`Error`] when the answer is neither.
pub fn tracked(answer: &[u8]) -> Result<BTreeMap<IpAddr, Tracked>, Error> {
    let read: Option<BTreeMap<String, Versions<Tracked>>> = json::read("show IP nht json", answer)?;
    let default = read.unwrap_or_default().remove("default");
    Ok(default.map(Versions::together).unwrap_or_default())
}

#[cfg(test)]
mod tests;
