//! `show bgp l2vpn evpn route type 2 json` and `… type 3 json`: the MAC addresses of the
//! fabric's bridge domains, and who takes part in them.

use std::{io::Read, net::IpAddr, ops::ControlFlow};

use super::table::{Key, Route, Table};
use crate::{
    bgp::Path,
    id::{RouteDistinguisher, RouterMac},
    json::Error,
    stream::{self, Streamed},
};

const TYPE2: &str = "show bgp l2vpn evpn route type 2 json";
const TYPE3: &str = "show bgp l2vpn evpn route type 3 json";

/// A MAC/IP advertisement route (RFC 7432 section 7.2) in bgpd's EVPN table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type2Route {
    /// The route distinguisher: of the bridge domain and router that announced it.
    pub rd: RouteDistinguisher,
    /// The Ethernet tag; 0 in practice.
    pub ethernet_tag: u32,
    /// The host's MAC.
    pub mac: RouterMac,
    /// The host's address, where the route tells one.
    pub ip: Option<IpAddr>,
    /// The paths to it, the best one first.
    pub paths: Vec<Path>,
}

/// An inclusive multicast Ethernet tag route (RFC 7432 section 7.3): who is to get what is
/// flooded in a bridge domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type3Route {
    /// The route distinguisher: of the bridge domain and router that announced it.
    pub rd: RouteDistinguisher,
    /// The Ethernet tag; 0 in practice.
    pub ethernet_tag: u32,
    /// The router that takes part: its VTEP.
    pub originator: IpAddr,
    /// The paths to it, the best one first.
    pub paths: Vec<Path>,
}

pub(super) struct MacKey {
    pub(super) ethernet_tag: u32,
    pub(super) mac: RouterMac,
    pub(super) ip: Option<IpAddr>,
}

/// The parts of `[A]:[B]:…`, without the brackets.
fn parts(key: &str) -> Option<std::str::Split<'_, &'static str>> {
    Some(key.strip_prefix('[')?.strip_suffix(']')?.split("]:["))
}

/// Whether the length that stands before an address is that of its kind.
fn is_length(length: &str, address: IpAddr) -> bool {
    length == if address.is_ipv4() { "32" } else { "128" }
}

impl Key for MacKey {
    const PREFIX: &'static str = "[2]:";
    const FORM: &'static str = "[2]:[TAG]:[48]:[MAC] or [2]:[TAG]:[48]:[MAC]:[LENGTH]:[ADDRESS]";

    fn read(key: &str) -> Option<Self> {
        let mut parts = parts(key)?;
        let (_, tag, length) = (parts.next()?, parts.next()?, parts.next()?);
        let mac = parts.next().filter(|_| length == "48")?.parse().ok()?;
        let ip = match (parts.next(), parts.next()) {
            (None, _) => None,
            (Some(length), address) => {
                let address: IpAddr = address?.parse().ok()?;
                Some(address).filter(|address| is_length(length, *address))?;
                Some(address)
            }
        };
        let ethernet_tag = tag.parse().ok().filter(|_| parts.next().is_none())?;
        Some(Self {
            ethernet_tag,
            mac,
            ip,
        })
    }
}

pub(super) struct MulticastKey {
    pub(super) ethernet_tag: u32,
    pub(super) originator: IpAddr,
}

impl Key for MulticastKey {
    const PREFIX: &'static str = "[3]:";
    const FORM: &'static str = "[3]:[TAG]:[LENGTH]:[ADDRESS]";

    fn read(key: &str) -> Option<Self> {
        let mut parts = parts(key)?;
        let (_, tag, length) = (parts.next()?, parts.next()?, parts.next()?);
        let originator: IpAddr = parts.next()?.parse().ok()?;
        let whole = is_length(length, originator) && parts.next().is_none();
        let ethernet_tag = tag.parse().ok().filter(|_| whole)?;
        Some(Self {
            ethernet_tag,
            originator,
        })
    }
}

/// Hands over the MAC/IP routes of an answer while it is read, one by one, until `each` breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; routes before the error were handed over.
pub fn type2_from(
    answer: impl Read,
    mut each: impl FnMut(Type2Route) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    let mut table = Table::new(|route: Route<MacKey>| {
        let Route { rd, key, paths } = route;
        let MacKey {
            ethernet_tag,
            mac,
            ip,
        } = key;
        each(Type2Route {
            rd,
            ethernet_tag,
            mac,
            ip,
            paths,
        })
    });
    stream::reader(TYPE2, answer, &mut table)
}

/// Hands over the multicast routes of an answer while it is read, one by one, until `each`
/// breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; routes before the error were handed over.
pub fn type3_from(
    answer: impl Read,
    mut each: impl FnMut(Type3Route) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    let mut table = Table::new(|route: Route<MulticastKey>| {
        let Route { rd, key, paths } = route;
        let MulticastKey {
            ethernet_tag,
            originator,
        } = key;
        each(Type3Route {
            rd,
            ethernet_tag,
            originator,
            paths,
        })
    });
    stream::reader(TYPE3, answer, &mut table)
}
