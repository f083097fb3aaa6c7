//! What is in force so far in one resolution, and whether one more object fits beside it.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::addresses::{self, HostLeg};
use super::names;
use super::{NodeIndex, NodeIntent, Refusal, UnderlayIntent, VniIntent};
use crate::api::types::{ObjectKey, Vni, VrfName};
use crate::api::{L3Vni, Manifest, Object, Underlay};

pub(super) struct Taken {
    index: NodeIndex,
    underlay: Option<UnderlayIntent>,
    l3vnis: BTreeMap<ObjectKey, VniIntent>,
    vnis: BTreeMap<Vni, ObjectKey>,
    vrfs: BTreeMap<VrfName, ObjectKey>,
    /// By network address: pools never overlap, so a neighbour in this order is enough to ask.
    pools: BTreeMap<u32, (Ipv4Net, ObjectKey)>,
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
        }
    }

    pub(super) fn into_intent(self) -> NodeIntent {
        NodeIntent {
            underlay: self.underlay,
            vnis: self.l3vnis.into_values().collect(),
        }
    }

    /// Takes an object in, or leaves everything as it was and says why not.
    pub(super) fn take(&mut self, manifest: &Manifest) -> Result<(), Refusal> {
        match manifest {
            Manifest::Underlay(object) => self.take_underlay(object),
            Manifest::L3Vni(object) => self.take_vni(object),
        }
    }

    /// Takes an object out, and with it all that it claims.
    pub(super) fn release(&mut self, key: &ObjectKey) {
        if self.underlay.as_ref().is_some_and(|own| own.key == *key) {
            self.underlay = None;
        }
        if let Some(VniIntent { spec, .. }) = self.l3vnis.remove(key) {
            self.vnis.remove(&spec.vni);
            self.vrfs.remove(&spec.vrf);
            if let Some(session) = spec.host_session {
                self.pools.remove(&u32::from(session.local_cidr.network()));
            }
        }
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
            vtep: spec
                .tunnel_endpoint
                .map(|cidr| addresses::vtep(cidr, self.index))
                .transpose()
                .map_err(pool("spec.tunnelEndpoint.cidrs[0]"))?,
            spec: spec.clone(),
        });
        Ok(())
    }

    fn take_vni(&mut self, object: &Object<L3Vni>) -> Result<(), Refusal> {
        let (key, spec) = (&object.key, &object.spec);
        let underlay = self.underlay.as_ref().ok_or(Refusal::NoUnderlay)?;
        if underlay.vtep.is_none() {
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
        let leg = self.leg(spec)?;
        if let Some(session) = &spec.host_session {
            let cidr = session.local_cidr.trunc();
            self.pools
                .insert(u32::from(cidr.network()), (cidr, key.clone()));
        }
        self.vnis.insert(spec.vni, key.clone());
        self.vrfs.insert(spec.vrf.clone(), key.clone());
        let intent = VniIntent {
            key: key.clone(),
            spec: spec.clone(),
            leg,
        };
        self.l3vnis.insert(key.clone(), intent);
        Ok(())
    }

    fn leg(&self, spec: &L3Vni) -> Result<Option<HostLeg>, Refusal> {
        let Some(session) = &spec.host_session else {
            return Ok(None);
        };
        let cidr = session.local_cidr.trunc();
        if let Some((other, by)) = self.overlapping(cidr) {
            return Err(Refusal::CidrOverlap {
                cidr,
                other: *other,
                by: by.clone(),
            });
        }
        addresses::host_leg(cidr, self.index)
            .map(Some)
            .map_err(|source| Refusal::Pool {
                field: "spec.hostSession.localCIDR.ipv4",
                source,
            })
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
