//! `show evpn rmac vni all json` and `show evpn next-hops vni all json`: the routers behind the
//! Type-5 routes in use, as zebra programs them into FDB and neighbour tables.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;

use crate::{
    id::{InvalidText, RouterMac, Vni},
    json::{self, Error},
};

/// A router's MAC, and the VTEP behind which it is: an FDB entry of the VXLAN device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RemoteRouter {
    /// The MAC.
    pub router_mac: RouterMac,
    /// The VTEP.
    pub vtep_ip: IpAddr,
}

/// A VTEP, and its router's MAC: a neighbour entry of the SVI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NextHop {
    /// The VTEP. For IPv6 routes over an IPv4 VTEP this is the mapped address
    /// `::ffff:100.65.0.2`.
    pub nexthop_ip: IpAddr,
    /// The MAC.
    pub router_mac: RouterMac,
}

/// An object in which members with an address for a key stand beside a counter.
#[derive(Deserialize)]
#[serde(bound = "T: Deserialize<'de>", transparent)]
struct Members<T>(#[serde(deserialize_with = "json::members")] BTreeMap<Address, T>);

/// A key with a colon or dot: a MAC or IP address. The counters' names have neither.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Address(String);

impl std::str::FromStr for Address {
    type Err = InvalidText;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.contains([':', '.']) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidText {
                expected: "an address",
                text: text.to_owned(),
            })
        }
    }
}

type ByVni<T> = BTreeMap<Vni, Members<T>>;

fn by_vni<T>(written: Option<ByVni<T>>) -> BTreeMap<Vni, Vec<T>> {
    let written = written.unwrap_or_default();
    written
        .into_iter()
        .map(|(vni, Members(own))| (vni, own.into_values().collect()))
        .collect()
}

/// Reads `show evpn rmac vni all json`: remote routers by layer 3 VNI.
///
/// # Errors
/// [`Error`] when the answer is not that.
pub fn router_macs(answer: &[u8]) -> Result<BTreeMap<Vni, Vec<RemoteRouter>>, Error> {
    json::read("show evpn rmac vni all json", answer).map(by_vni)
}

/// Reads `show evpn next-hops vni all json`: remote VTEPs by layer 3 VNI.
///
/// # Errors
/// [`Error`] when the answer is not that.
pub fn next_hops(answer: &[u8]) -> Result<BTreeMap<Vni, Vec<NextHop>>, Error> {
    json::read("show evpn next-hops vni all json", answer).map(by_vni)
}
