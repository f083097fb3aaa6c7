//! `show bgp vrfs json`: the BGP instances.

use std::{collections::BTreeMap, net::Ipv4Addr};

use serde::Deserialize;

use crate::{
    id::{RouterMac, Vni, vni_or_zero},
    json::{self, Error},
    words::words,
};

words! {
    /// What an instance is for.
    pub enum InstanceKind {
        /// The default instance.
        Default = "DFLT",
        /// A VRF.
        Vrf = "VRF",
        /// A view, which has no kernel table.
        View = "VIEW",
    }
}

/// One BGP instance.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// What it is for.
    #[serde(rename = "type")]
    pub kind: InstanceKind,
    /// The kernel's identifier of the VRF; `None` when the kernel has no such VRF.
    #[serde(deserialize_with = "json::vrf_id")]
    pub vrf_id: Option<u32>,
    /// Router identifier; 0.0.0.0 when there is none yet.
    pub router_id: Ipv4Addr,
    /// Neighbours in the configuration.
    pub num_configured_peers: u32,
    /// Neighbours whose session is up.
    pub num_established_peers: u32,
    /// The layer 3 VNI bgpd knows for this VRF.
    #[serde(rename = "l3vni", deserialize_with = "vni_or_zero")]
    pub vni: Option<Vni>,
    /// The router MAC that its Type-5 routes carry.
    #[serde(rename = "rmac", deserialize_with = "json::mac")]
    pub router_mac: Option<RouterMac>,
    /// The SVI: the bridge that carries the VNI.
    #[serde(deserialize_with = "json::named")]
    pub interface: Option<String>,
}

#[derive(Deserialize)]
struct Written {
    vrfs: BTreeMap<String, Instance>,
}

/// Reads `show bgp vrfs json`: instances by VRF.
///
/// # Errors
/// [`Error`] when the answer is not that.
pub fn instances(answer: &[u8]) -> Result<BTreeMap<String, Instance>, Error> {
    let written: Option<Written> = json::read("show bgp vrfs json", answer)?;
    Ok(written.map(|written| written.vrfs).unwrap_or_default())
}
