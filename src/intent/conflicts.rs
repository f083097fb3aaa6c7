//! What is in force so far in one resolution, and whether one more object fits beside it.

use std::collections::BTreeMap;

use ipnet::{IpNet, Ipv4Net};

use super::addresses::{self, HostLeg, Vteps};
use super::names;
use super::{NodeIndex, NodeIntent, RawIntent, Refusal, UnderlayIntent, VniIntent};
use crate::api::types::{ObjectKey, Vni, VrfName};
use crate::api::{L3Vni, Manifest, Object, RawFrrConfig, TunnelEndpoint, Underlay};

pub(super) struct Taken {
    index: NodeIndex,
    underlay: Option<UnderlayIntent>,
    l3vnis: BTreeMap<ObjectKey, VniIntent>,
    vnis: BTreeMap<Vni, ObjectKey>,
    vrfs: BTreeMap<VrfName, ObjectKey>,
    /// By network address: pools never overlap, so a neighbour in this order is enough to ask.
    pools: BTreeMap<u32, (Ipv4Net, ObjectKey)>,
    raw: BTreeMap<ObjectKey, RawIntent>,
}

impl Taken {
    pub(super) fn new(index: NodeIndex) -> Self {
        Self {
            index,
            underlay: None,
            l3vnis: BTreeMap::new(),
            vnis: BTreeMap::new(),
            vrfs: BTreeMap::new(),
            pools: BTreeMap::new(),
            raw: BTreeMap::new(),
        }
    }

    pub(super) fn into_intent(self) -> NodeIntent {
        let mut raw: Vec<RawIntent> = self.raw.into_values().collect();
        raw.sort_by_key(|raw| raw.spec.priority);
        NodeIntent {
            underlay: self.underlay,
            vnis: self.l3vnis.into_values().collect(),
            passthrough: None,
            raw,
        }
    }

    /// Takes an object in, or leaves everything as it was and says why not.
    pub(super) fn take(&mut self, manifest: &Manifest) -> Result<(), Refusal> {
        match manifest {
            Manifest::Underlay(object) => self.take_underlay(object),
            Manifest::L3Vni(object) => self.take_vni(object),
            Manifest::RawFrrConfig(object) => {
                self.take_raw(object);
                Ok(())
            }
        }
    }

    fn take_raw(&mut self, Object { key, spec, .. }: &Object<RawFrrConfig>) {
        let intent = RawIntent {
            key: key.clone(),
            spec: spec.clone(),
        };
        self.raw.insert(key.clone(), intent);
    }

    /// Takes an object out, and with it all that it claims.
    pub(super) fn release(&mut self, key: &ObjectKey) {
        if self.underlay.as_ref().is_some_and(|own| own.key == *key) {
            self.underlay = None;
        }
        if let Some(VniIntent { spec, .. }) = self.l3vnis.remove(key) {
            self.vnis.remove(&spec.vni);
            self.vrfs.remove(&spec.vrf);
            if let Some(cidr) = spec.host_session.and_then(|s| s.local_cidr.ipv4) {
                self.pools.remove(&u32::from(cidr.network()));
            }
        }
        self.raw.remove(key);
    }

    fn take_underlay(&mut self, object: &Object<Underlay>) -> Result<(), Refusal> {
        if let Some(first) = &self.underlay {
            return Err(Refusal::SecondUnderlay(first.key.clone()));
        }
        let spec = &object.spec;
        for nic in &spec.interfaces {
            if let Some(why) = names::reserved(nic.as_str()) {
                let nic = nic.clone();
                return Err(Refusal::ReservedNic { nic, why });
            }
        }
        let pool = |field| move |source| Refusal::Pool { field, source };
        self.underlay = Some(UnderlayIntent {
            key: object.key.clone(),
            router_id: addresses::router_id(spec.router_id_cidr, self.index)
                .map_err(pool("spec.routerIDCIDR"))?,
            vteps: self
                .vteps(spec.tunnel_endpoint)
                .map_err(pool("spec.tunnelEndpoint.cidrs"))?,
            spec: spec.clone(),
        });
        Ok(())
    }

    fn vteps(&self, endpoint: TunnelEndpoint) -> Result<Vteps, addresses::PoolError> {
        let TunnelEndpoint { ipv4, ipv6 } = endpoint;
        Ok(Vteps {
            ipv4: ipv4
                .map(|cidr| addresses::vtep(cidr, self.index))
                .transpose()?,
            ipv6: ipv6
                .map(|cidr| addresses::vtep_ipv6(cidr, self.index))
                .transpose()?,
        })
    }

    fn take_vni(&mut self, object: &Object<L3Vni>) -> Result<(), Refusal> {
        let (key, spec) = (&object.key, &object.spec);
        let underlay = self.underlay.as_ref().ok_or(Refusal::NoUnderlay)?;
        if !underlay.vteps.is_some() {
            return Err(Refusal::NoTunnelEndpoint(underlay.key.clone()));
        }
        vrf_is_free(&spec.vrf, underlay)?;
        if let Some(by) = self.vnis.get(&spec.vni) {
            return Err(Refusal::VniTaken {
                vni: spec.vni,
                by: by.clone(),
            });
        }
        if let Some(by) = self.vrfs.get(&spec.vrf) {
            return Err(Refusal::VrfTaken {
                vrf: spec.vrf.clone(),
                by: by.clone(),
            });
        }
        let legs = self.legs(spec)?;
        if let Some(cidr) = spec.host_session.as_ref().and_then(|s| s.local_cidr.ipv4) {
            self.pools
                .insert(u32::from(cidr.network()), (cidr, key.clone()));
        }
        self.vnis.insert(spec.vni, key.clone());
        self.vrfs.insert(spec.vrf.clone(), key.clone());
        let intent = VniIntent {
            key: key.clone(),
            spec: spec.clone(),
            legs,
            gateway_subnets: Vec::new(),
        };
        self.l3vnis.insert(key.clone(), intent);
        Ok(())
    }

    fn legs(&self, spec: &L3Vni) -> Result<Vec<HostLeg>, Refusal> {
        let Some(session) = &spec.host_session else {
            return Ok(Vec::new());
        };
        let cidrs = session.local_cidr;
        if let Some((cidr, (other, by))) = cidrs
            .ipv4
            .and_then(|cidr| Some((cidr, self.overlapping(cidr)?)))
        {
            return Err(Refusal::CidrOverlap {
                cidr: IpNet::V4(cidr),
                other: IpNet::V4(*other),
                by: by.clone(),
            });
        }
        let leg = |field, cidr| {
            addresses::host_leg(cidr, self.index).map_err(|source| Refusal::Pool { field, source })
        };
        let ipv4 = cidrs.ipv4.map(IpNet::V4);
        let ipv4 = ipv4.map(|cidr| leg("spec.hostSession.localCIDR.ipv4", cidr));
        let ipv6 = cidrs.ipv6.map(IpNet::V6);
        let ipv6 = ipv6.map(|cidr| leg("spec.hostSession.localCIDR.ipv6", cidr));
        ipv4.into_iter().chain(ipv6).collect()
    }

    fn overlapping(&self, cidr: Ipv4Net) -> Option<&(Ipv4Net, ObjectKey)> {
        let last = u32::from(cidr.broadcast());
        let (_, candidate) = self.pools.range(..=last).next_back()?;
        let overlaps = u32::from(candidate.0.broadcast()) >= u32::from(cidr.network());
        overlaps.then_some(candidate)
    }
}

/// A VRF is a link in the router's namespace, so it shares its names with the others there.
fn vrf_is_free(vrf: &VrfName, underlay: &UnderlayIntent) -> Result<(), Refusal> {
    if let Some(why) = names::reserved(vrf.as_str()) {
        let vrf = vrf.clone();
        return Err(Refusal::ReservedVrf { vrf, why });
    }
    let nics = &underlay.spec.interfaces;
    if nics.iter().any(|nic| nic.as_str() == vrf.as_str()) {
        return Err(Refusal::VrfIsNic {
            vrf: vrf.clone(),
            of: underlay.key.clone(),
        });
    }
    Ok(())
}
