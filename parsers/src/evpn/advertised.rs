//! `show bgp l2vpn evpn neighbors NEIGHBOR advertised-routes json`: what a neighbour was sent.

use std::{io::Read, net::IpAddr, ops::ControlFlow};

use ipnet::IpNet;
use serde::Deserialize;

use super::table::Key;
use super::type2::{MacKey, MulticastKey};
use super::type5::prefix_key;
use crate::{
    bgp::AsPath,
    id::{RouteDistinguisher, RouterMac},
    json::Error,
    stream::{self, Fault, Object, Streamed, Walker, Window},
};

const COMMAND: &str = "show bgp l2vpn evpn neighbors NEIGHBOR advertised-routes json";

/// A route that was sent to a neighbour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advertised {
    /// The route distinguisher.
    pub rd: RouteDistinguisher,
    /// What the route is about.
    pub key: EvpnKey,
    /// The next hop that was sent: the VTEP. FRR leaves it out for some routes.
    pub next_hop: Option<IpAddr>,
    /// The AS path, before this router's own AS is put in front of it.
    pub as_path: AsPath,
}

/// What an EVPN route is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvpnKey {
    /// A Type-5 route: an IP prefix (RFC 9136).
    Prefix {
        /// The Ethernet tag; 0 in practice.
        ethernet_tag: u32,
        /// The prefix.
        prefix: IpNet,
    },
    /// A Type-2 route: a host (RFC 7432 section 7.2).
    Mac {
        /// The Ethernet tag; 0 in practice.
        ethernet_tag: u32,
        /// The host's MAC.
        mac: RouterMac,
        /// The host's address, where the route tells one.
        ip: Option<IpAddr>,
    },
    /// A Type-3 route: who is to get what is flooded (RFC 7432 section 7.3).
    Multicast {
        /// The Ethernet tag; 0 in practice.
        ethernet_tag: u32,
        /// The router that takes part: its VTEP.
        originator: IpAddr,
    },
    /// A route of another type, as FRR writes it: `[4]:[…]:[32]:[100.64.0.9]`.
    Other(Box<str>),
}

impl EvpnKey {
    fn read(key: &str) -> Result<Self, Fault> {
        if key.starts_with("[5]:") {
            let wrong = || Fault::data("the key is not [5]:[TAG]:[LENGTH]:[ADDRESS]");
            let (ethernet_tag, prefix) = prefix_key(key).ok_or_else(wrong)?;
            return Ok(Self::Prefix {
                ethernet_tag,
                prefix,
            });
        }
        if key.starts_with(MacKey::PREFIX) {
            let MacKey {
                ethernet_tag,
                mac,
                ip,
            } = Key::demand(key)?;
            return Ok(Self::Mac {
                ethernet_tag,
                mac,
                ip,
            });
        }
        if key.starts_with(MulticastKey::PREFIX) {
            let MulticastKey {
                ethernet_tag,
                originator,
            } = Key::demand(key)?;
            return Ok(Self::Multicast {
                ethernet_tag,
                originator,
            });
        }
        Ok(Self::Other(key.into()))
    }
}

/// Hands over the routes of an answer in memory, one by one, until `each` breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; routes before the error were handed over.
pub fn advertised(
    answer: &[u8],
    each: impl FnMut(Advertised) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    stream::slice(COMMAND, answer, &mut Answer(each))
}

/// Hands over the routes of an answer while it is read, one by one, until `each` breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; routes before the error were handed over.
pub fn advertised_from(
    answer: impl Read,
    each: impl FnMut(Advertised) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    stream::reader(COMMAND, answer, &mut Answer(each))
}

struct Answer<F>(F);

impl<F: FnMut(Advertised) -> ControlFlow<()>> Object for Answer<F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        match walker.key() {
            "advertisedRoutes" => walker.enter(&mut Routes(&mut self.0)),
            _ => walker.skip(),
        }
    }
}

/// Routes by route distinguisher.
struct Routes<'a, F>(&'a mut F);

impl<F: FnMut(Advertised) -> ControlFlow<()>> Object for Routes<'_, F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        let rd = walker.key().parse().map_err(Fault::data)?;
        walker.enter(&mut Distinguished { rd, each: self.0 })
    }
}

/// The routes of one distinguisher, beside the key `rd`.
struct Distinguished<'a, F> {
    rd: RouteDistinguisher,
    each: &'a mut F,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    next_hop: Option<IpAddr>,
    /// In place of the other where it is not IPv4.
    next_hop_global: Option<IpAddr>,
    path: AsPath,
}

impl<F: FnMut(Advertised) -> ControlFlow<()>> Object for Distinguished<'_, F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        if !walker.key().starts_with('[') {
            return walker.skip();
        }
        let key = EvpnKey::read(walker.key())?;
        let Entry {
            next_hop,
            next_hop_global,
            path: as_path,
        } = walker.value()?;
        let rd = self.rd.clone();
        walker.follow((self.each)(Advertised {
            rd,
            key,
            next_hop: next_hop.or(next_hop_global),
            as_path,
        }))
    }
}
