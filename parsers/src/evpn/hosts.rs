//! `show evpn mac vni all json` and `show evpn arp-cache vni all json`: the hosts of the bridge
//! domains as zebra knows them.

use std::{io::Read, net::IpAddr, ops::ControlFlow};

use serde::Deserialize;

use crate::{
    id::{RouterMac, Vni},
    json::Error,
    stream::{self, Fault, Object, Streamed, Walker, Window},
    words::words,
};

const MACS: &str = "show evpn mac vni all json";
const NEIGHBORS: &str = "show evpn arp-cache vni all json";

words! {
    /// Where a host is.
    pub enum Place {
        /// Behind a port of this router.
        Local = "local",
        /// Behind another router.
        Remote = "remote",
        /// Zebra knows of it only by a neighbour entry.
        Auto = "auto",
    }
}

/// A MAC of a bridge domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMac {
    /// The bridge domain.
    pub vni: Vni,
    /// The MAC.
    pub mac: RouterMac,
    /// Where it is.
    pub place: Place,
    /// The VTEP that it is behind, for a remote one.
    pub remote_vtep: Option<IpAddr>,
    /// Whether zebra found it in two places in turn too often (RFC 7432 section 15.1).
    pub duplicate: bool,
}

/// An address of a host of a bridge domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAddress {
    /// The bridge domain.
    pub vni: Vni,
    /// The address.
    pub ip: IpAddr,
    /// Where it is.
    pub place: Place,
    /// Whether zebra found it in two places, or with two MACs, in turn too often.
    pub duplicate: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    #[serde(rename = "type")]
    place: Place,
    remote_vtep: Option<IpAddr>,
    #[serde(default)]
    is_duplicate: bool,
}

/// Hands over the MACs of an answer while it is read, one by one, until `each` breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; MACs before the error were handed over.
pub fn host_macs_from(
    answer: impl Read,
    each: impl FnMut(HostMac) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    stream::reader(MACS, answer, &mut MacDomains(each))
}

/// Hands over the addresses of an answer while it is read, one by one, until `each` breaks.
///
/// # Errors
/// [`Error`] when the answer is not that command's; addresses before the error were handed over.
pub fn host_addresses_from(
    answer: impl Read,
    each: impl FnMut(HostAddress) -> ControlFlow<()>,
) -> Result<Streamed, Error> {
    stream::reader(NEIGHBORS, answer, &mut AddressDomains(each))
}

/// MACs by bridge domain.
struct MacDomains<F>(F);

impl<F: FnMut(HostMac) -> ControlFlow<()>> Object for MacDomains<F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        let vni = walker.key().parse().map_err(Fault::data)?;
        let each = &mut self.0;
        walker.enter(&mut MacDomain { vni, each })
    }
}

/// The MACs of one bridge domain, beside their number.
struct MacDomain<'a, F> {
    vni: Vni,
    each: &'a mut F,
}

impl<F: FnMut(HostMac) -> ControlFlow<()>> Object for MacDomain<'_, F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        match walker.key() {
            "macs" => {
                let vni = self.vni;
                let each = &mut *self.each;
                walker.enter(&mut Macs { vni, each })
            }
            _ => walker.skip(),
        }
    }
}

struct Macs<'a, F> {
    vni: Vni,
    each: &'a mut F,
}

impl<F: FnMut(HostMac) -> ControlFlow<()>> Object for Macs<'_, F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        let mac = walker.key().parse().map_err(Fault::data)?;
        let Written {
            place,
            remote_vtep,
            is_duplicate,
        } = walker.value()?;
        walker.follow((self.each)(HostMac {
            vni: self.vni,
            mac,
            place,
            remote_vtep,
            duplicate: is_duplicate,
        }))
    }
}

/// Addresses by bridge domain.
struct AddressDomains<F>(F);

impl<F: FnMut(HostAddress) -> ControlFlow<()>> Object for AddressDomains<F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        let vni = walker.key().parse().map_err(Fault::data)?;
        let each = &mut self.0;
        walker.enter(&mut AddressDomain { vni, each })
    }
}

/// The addresses of one bridge domain, beside their number.
struct AddressDomain<'a, F> {
    vni: Vni,
    each: &'a mut F,
}

impl<F: FnMut(HostAddress) -> ControlFlow<()>> Object for AddressDomain<'_, F> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        // Every address has a dot or a colon, and no counter has one.
        if !walker.key().contains(['.', ':']) {
            return walker.skip();
        }
        let ip = walker.key().parse().map_err(Fault::data)?;
        let Written {
            place,
            remote_vtep: _,
            is_duplicate,
        } = walker.value()?;
        walker.follow((self.each)(HostAddress {
            vni: self.vni,
            ip,
            place,
            duplicate: is_duplicate,
        }))
    }
}
