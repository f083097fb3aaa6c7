//! `show evpn vni json`, `show evpn vni detail json`, `show vrf vni json`: the VNIs as zebra
//! knows them.

use std::{collections::BTreeMap, fmt, net::IpAddr};

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, SeqAccess, Visitor},
};

use super::VniKind;
use crate::{
    id::{RouterMac, Vni},
    json::{self, Error},
    words::words,
};

/// One VNI in zebra, in short.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ZebraVni {
    /// What it carries.
    #[serde(rename = "type")]
    pub kind: VniKind,
    /// The VXLAN device; `None` when the kernel has none with this VNI.
    #[serde(rename = "vxlanIf", deserialize_with = "json::named")]
    pub vxlan: Option<String>,
    /// The VRF; `None` when the kernel has no such VRF.
    #[serde(rename = "tenantVrf", deserialize_with = "json::named")]
    pub vrf: Option<String>,
    /// MAC addresses known: of hosts for L2, of routers for L3.
    pub num_macs: u32,
    /// The VTEPs that joined this bridge domain; none for L3.
    #[serde(default)]
    pub remote_vteps: Vec<IpAddr>,
}

/// Reads `show evpn vni json`.
///
/// # Errors
/// [`Error`] when the answer is not that.
pub fn zebra_vnis(answer: &[u8]) -> Result<BTreeMap<Vni, ZebraVni>, Error> {
    json::read("show evpn vni json", answer).map(Option::unwrap_or_default)
}

words! {
    /// Whether a layer 3 VNI forwards.
    pub enum LinkState {
        /// The VXLAN device, the SVI and the VRF exist and are up.
        Up = "Up",
        /// One of them is missing or down.
        Down = "Down",
    }
}

/// One VNI in zebra, in detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VniDetail {
    /// A bridge domain.
    L2(L2Vni),
    /// A VRF.
    L3(L3Vni),
}

/// A bridge domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L2Vni {
    /// Its VNI.
    pub vni: Vni,
    /// The VRF of its SVI.
    pub vrf: Option<String>,
    /// The VXLAN device.
    pub vxlan: Option<String>,
    /// The SVI: the bridge.
    pub svi: Option<String>,
    /// The address of the local VTEP.
    pub local_vtep: IpAddr,
    /// MAC addresses known, local and remote.
    pub macs: u32,
    /// Neighbour entries known, local and remote.
    pub neighbors: u32,
    /// The VTEPs that joined.
    pub remote_vteps: Vec<IpAddr>,
}

/// A VRF's VNI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L3Vni {
    /// The VNI.
    pub vni: Vni,
    /// The VRF; `None` when the kernel has no such VRF.
    pub vrf: Option<String>,
    /// The VXLAN device; `None` when the kernel has none with this VNI.
    pub vxlan: Option<String>,
    /// The SVI: the bridge of the VXLAN device.
    pub svi: Option<String>,
    /// The address of the local VTEP; 0.0.0.0 when there is no VXLAN device.
    pub local_vtep: IpAddr,
    /// Whether it forwards.
    pub state: LinkState,
    /// The MAC that this router announces.
    pub router_mac: Option<RouterMac>,
    /// The bridge domains in this VRF.
    pub l2_vnis: Vec<Vni>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenL2 {
    vni: Vni,
    #[serde(deserialize_with = "json::named")]
    tenant_vrf: Option<String>,
    #[serde(deserialize_with = "json::named")]
    vxlan_interface: Option<String>,
    #[serde(default, deserialize_with = "json::named")]
    svi_interface: Option<String>,
    vtep_ip: IpAddr,
    num_macs: u32,
    num_arp_nd: u32,
    #[serde(default)]
    remote_vteps: Vec<WrittenVtep>,
}

#[derive(Deserialize)]
struct WrittenVtep {
    ip: IpAddr,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenL3 {
    vni: Vni,
    #[serde(deserialize_with = "json::named")]
    tenant_vrf: Option<String>,
    #[serde(deserialize_with = "json::named")]
    vxlan_intf: Option<String>,
    #[serde(deserialize_with = "json::named")]
    svi_intf: Option<String>,
    local_vtep_ip: IpAddr,
    state: LinkState,
    #[serde(deserialize_with = "json::mac")]
    router_mac: Option<RouterMac>,
    l2_vnis: Vec<Vni>,
}

impl<'de> Deserialize<'de> for VniDetail {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        // The kind stands among the fields that depend on it, so they are kept until it is known.
        #[derive(Deserialize)]
        struct Kind {
            #[serde(rename = "type")]
            kind: VniKind,
        }
        let fields = serde_json::Value::deserialize(input)?;
        match Kind::deserialize(&fields).map_err(D::Error::custom)?.kind {
            VniKind::L2 => WrittenL2::deserialize(fields).map(|written| Self::L2(written.into())),
            VniKind::L3 => WrittenL3::deserialize(fields).map(|written| Self::L3(written.into())),
            VniKind::Other(word) => return Err(D::Error::unknown_variant(&word, &["L2", "L3"])),
        }
        .map_err(D::Error::custom)
    }
}

impl From<WrittenL2> for L2Vni {
    fn from(written: WrittenL2) -> Self {
        Self {
            vni: written.vni,
            vrf: written.tenant_vrf,
            vxlan: written.vxlan_interface,
            svi: written.svi_interface,
            local_vtep: written.vtep_ip,
            macs: written.num_macs,
            neighbors: written.num_arp_nd,
            remote_vteps: written
                .remote_vteps
                .into_iter()
                .map(|vtep| vtep.ip)
                .collect(),
        }
    }
}

impl From<WrittenL3> for L3Vni {
    fn from(written: WrittenL3) -> Self {
        Self {
            vni: written.vni,
            vrf: written.tenant_vrf,
            vxlan: written.vxlan_intf,
            svi: written.svi_intf,
            local_vtep: written.local_vtep_ip,
            state: written.state,
            router_mac: written.router_mac,
            l2_vnis: written.l2_vnis,
        }
    }
}

/// A list, for which FRR writes `{}` when it is empty.
struct Details(Vec<VniDetail>);

impl<'de> Deserialize<'de> for Details {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct DetailsVisitor;
        impl<'de> Visitor<'de> for DetailsVisitor {
            type Value = Details;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of VNIs, or an empty object")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Details, A::Error> {
                let mut details = Vec::new();
                while let Some(detail) = seq.next_element()? {
                    details.push(detail);
                }
                Ok(Details(details))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Details, A::Error> {
                match map.next_key::<String>()? {
                    None => Ok(Details(Vec::new())),
                    Some(key) => Err(A::Error::unknown_field(&key, &[])),
                }
            }
        }
        input.deserialize_any(DetailsVisitor)
    }
}

/// Reads `show evpn vni detail json`.
///
/// # Errors
/// [`Error`] when the answer is not that.
pub fn vni_details(answer: &[u8]) -> Result<Vec<VniDetail>, Error> {
    let details: Option<Details> = json::read("show evpn vni detail json", answer)?;
    Ok(details.map(|details| details.0).unwrap_or_default())
}

/// The mapping of a VRF to its VNI, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VrfVni {
    /// The VRF.
    pub vrf: String,
    /// Its VNI.
    pub vni: Vni,
    /// The VXLAN device; `None` when the kernel has none with this VNI.
    #[serde(rename = "vxlanIntf", deserialize_with = "json::named")]
    pub vxlan: Option<String>,
    /// The SVI: the bridge of the VXLAN device.
    #[serde(rename = "sviIntf", deserialize_with = "json::named")]
    pub svi: Option<String>,
    /// Whether it forwards.
    pub state: LinkState,
    /// The MAC that this router announces.
    #[serde(deserialize_with = "json::mac")]
    pub router_mac: Option<RouterMac>,
}

/// Reads `show vrf vni json`.
///
/// # Errors
/// [`Error`] when the answer is not that.
pub fn vrf_vnis(answer: &[u8]) -> Result<Vec<VrfVni>, Error> {
    #[derive(Deserialize)]
    struct Written {
        vrfs: Vec<VrfVni>,
    }
    let written: Option<Written> = json::read("show vrf vni json", answer)?;
    Ok(written.map(|written| written.vrfs).unwrap_or_default())
}
