//! `show ip route vrf VRF json` and its IPv6 sister: zebra's table, which it puts into the
//! kernel.

use std::{io::Read, net::IpAddr, ops::ControlFlow};

use ipnet::IpNet;
use serde::Deserialize;

use crate::{
    json::Error,
    stream::{self, Fault, Object, Streamed, Walker, Window},
    words::words,
};

const COMMAND: &str = "show IP route vrf VRF json";

words! {
    /// Where a route came from.
    pub enum Protocol {
        /// An address of this router.
        Local = "local",
        /// A network on a link of this router.
        Connected = "connected",
        /// The kernel had it before.
        Kernel = "kernel",
        /// Configuration.
        Static = "static",
        /// BGP, EVPN included.
        Bgp = "bgp",
        /// OSPF.
        Ospf = "ospf",
        /// OSPF for IPv6.
        Ospf6 = "ospf6",
        /// IS-IS.
        Isis = "isis",
    }
}

/// A prefix in zebra's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RibPrefix {
    /// The prefix.
    pub prefix: IpNet,
    /// The routes to it, of which one is selected at most.
    pub routes: Vec<RibRoute>,
}

/// A route in zebra's table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RibRoute {
    /// Where it came from.
    pub protocol: Protocol,
    /// Whether zebra chose it among the routes to the prefix.
    #[serde(default)]
    pub selected: bool,
    /// Whether the kernel confirmed it.
    #[serde(default)]
    pub installed: bool,
    /// Administrative distance.
    pub distance: u8,
    /// Metric.
    pub metric: u32,
    /// The kernel's table, for example 1100.
    pub table: u32,
    /// zebra's own flags of it.
    #[serde(default, rename = "internalFlags")]
    pub internal_flags: u32,
    /// Where traffic goes.
    #[serde(rename = "nexthops")]
    pub next_hops: Vec<RibNextHop>,
}

impl RibRoute {
    /// Whether zebra found it in the kernel when it started, where another zebra had left it
    /// (`ZEBRA_FLAG_SELFROUTE`): nobody has told this zebra of it.
    #[must_use]
    pub const fn is_found(&self) -> bool {
        self.internal_flags & 0x02 != 0
    }
}

/// Where traffic goes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RibNextHop {
    /// The gateway; `None` for a network on a link, and for a route that drops.
    pub ip: Option<IpAddr>,
    /// The link; `None` where the gateway is resolved by another route, or traffic is dropped.
    pub interface_name: Option<String>,
    /// Whether the next hop can be used.
    #[serde(default)]
    pub active: bool,
    /// Whether the kernel has it.
    #[serde(default)]
    pub fib: bool,
    /// Whether the gateway is taken to be on the link although no address of the link says so.
    #[serde(default)]
    pub on_link: bool,
    /// Whether the gateway was resolved by another route; that route's next hops follow.
    #[serde(default)]
    pub recursive: bool,
    /// Whether traffic is dropped: silently (`blackhole`, `Null0`), or with an ICMP (`reject`).
    #[serde(default, rename = "unreachable")]
    pub drops: bool,
}

/// Hands over the prefixes of an answer in memory, one by one, until `each` breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; prefixes before the error were handed over.
pub fn rib(
    answer: &[u8],
    each: impl FnMut(RibPrefix) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    stream::slice(COMMAND, answer, &mut Table(each))
}

/// Hands over the prefixes of an answer while it is read, one by one, until `each` breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; prefixes before the error were handed over.
pub fn rib_from(
    answer: impl Read,
    each: impl FnMut(RibPrefix) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    stream::reader(COMMAND, answer, &mut Table(each))
}

struct Table<F>(F);

impl<F: FnMut(RibPrefix) -> ControlFlow<()>> Object for Table<F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        let prefix = walker.key().parse().map_err(Fault::data)?;
        let routes = walker.value()?;
        walker.follow((self.0)(RibPrefix { prefix, routes }))
    }
}

#[cfg(test)]
mod tests;
