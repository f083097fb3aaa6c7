//! `show bgp l2vpn evpn vni json`: the VNIs as bgpd knows them.

use std::{collections::BTreeMap, net::IpAddr};

use serde::Deserialize;

use crate::{
    id::{ImportTarget, RouteDistinguisher, RouteTarget, RouterMac, Vni},
    json::{self, Error},
    words::words,
};

words! {
    /// What a VNI carries.
    pub enum VniKind {
        /// A bridge domain.
        L2 = "L2",
        /// A VRF.
        L3 = "L3",
    }
}

words! {
    /// Whether zebra has told bgpd of a VXLAN device with this VNI.
    pub enum InKernel {
        /// It has.
        Yes = "True",
        /// The VNI is only configured.
        No = "False",
    }
}

/// The VNIs of bgpd.
pub type BgpVnis = BTreeMap<Vni, BgpVni>;

/// One VNI in bgpd.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BgpVni {
    /// What it carries.
    #[serde(rename = "type")]
    pub kind: VniKind,
    /// Whether its device exists.
    pub in_kernel: InKernel,
    /// The route distinguisher of its routes.
    pub rd: RouteDistinguisher,
    /// The local VTEP, which is the next hop of its routes.
    pub originator_ip: IpAddr,
    /// What it imports.
    #[serde(rename = "importRTs")]
    pub import: Vec<ImportTarget>,
    /// What its routes are marked with.
    #[serde(rename = "exportRTs")]
    pub export: Vec<RouteTarget>,
    /// The router MAC that its Type-5 routes carry; only for [`VniKind::L3`].
    #[serde(default, rename = "rmac", deserialize_with = "json::mac")]
    pub router_mac: Option<RouterMac>,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct Written(#[serde(deserialize_with = "json::members")] BgpVnis);

/// Reads `show bgp l2vpn evpn vni json`; `None` when there is no BGP instance.
///
/// # Errors
/// [`Error`] when the answer is not that.
pub fn bgp_vnis(answer: &[u8]) -> Result<Option<BgpVnis>, Error> {
    let written: Option<Written> = json::read("show bgp l2vpn evpn vni json", answer)?;
    Ok(written.map(|written| written.0))
}
