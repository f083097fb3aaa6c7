//! What is in force so far in one resolution, and whether one more object fits beside it.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::addresses::{self, HostLeg, Vteps};
use super::names;
use super::subnets::Subnets;
use super::{
    NodeIndex, NodeIntent, PassthroughIntent, RawIntent, Refusal, SegmentIntent, UnderlayIntent,
    VniIntent,
};
use crate::api::types::{Kind, ObjectKey, Vni, VrfName};
use crate::api::{
    HostMaster, IpVersion, L2Vni, L3Passthrough, L3Vni, LocalCidr, Manifest, Object, RawFrrConfig,
    TunnelEndpoint, Underlay,
};

/// Where a host session has its prefixes.
const fn cidr_field(cidr: IpNet) -> &'static str {
    match cidr {
        IpNet::V4(_) => "spec.hostSession.localCIDR.ipv4",
        IpNet::V6(_) => "spec.hostSession.localCIDR.ipv6",
    }
}

pub(super) struct Taken {
    index: NodeIndex,
    underlay: Option<UnderlayIntent>,
    l3vnis: BTreeMap<ObjectKey, VniIntent>,
    segments: BTreeMap<ObjectKey, L2Vni>,
    passthrough: Option<PassthroughIntent>,
    vnis: BTreeMap<Vni, ObjectKey>,
    vrfs: BTreeMap<VrfName, ObjectKey>,
    /// The prefixes of host sessions: the host's ends share the host's table.
    host: Subnets,
    /// What is connected to a VRF, by the object that makes it: its host session, and the
    /// segments that it routes.
    routed: BTreeMap<ObjectKey, Subnets>,
    raw: BTreeMap<ObjectKey, RawIntent>,
}

impl Taken {
    pub(super) fn new(index: NodeIndex) -> Self {
        Self {
            index,
            underlay: None,
            l3vnis: BTreeMap::new(),
            segments: BTreeMap::new(),
            passthrough: None,
            vnis: BTreeMap::new(),
            vrfs: BTreeMap::new(),
            host: Subnets::default(),
            routed: BTreeMap::new(),
            raw: BTreeMap::new(),
        }
    }

    pub(super) fn into_intent(mut self) -> NodeIntent {
        let mut raw: Vec<RawIntent> = self.raw.into_values().collect();
        raw.sort_by_key(|raw| raw.spec.priority);
        let mut segments = Vec::with_capacity(self.segments.len());
        for (key, spec) in self.segments {
            let domain = domain(&key, &spec).and_then(|domain| self.l3vnis.get_mut(&domain));
            let vrf = domain.map(|vni| {
                let subnets = spec.gateways.addresses().map(|address| address.trunc());
                vni.gateway_subnets.extend(subnets);
                vni.spec.vrf.clone()
            });
            segments.push(SegmentIntent { key, spec, vrf });
        }
        NodeIntent {
            underlay: self.underlay,
            vnis: self.l3vnis.into_values().collect(),
            segments,
            passthrough: self.passthrough,
            raw,
        }
    }

    /// Takes an object in, or leaves everything as it was and says why not.
    pub(super) fn take(&mut self, manifest: &Manifest) -> Result<(), Refusal> {
        match manifest {
            Manifest::Underlay(object) => self.take_underlay(object),
            Manifest::L3Vni(object) => self.take_vni(object),
            Manifest::L2Vni(object) => self.take_segment(object),
            Manifest::L3Passthrough(object) => self.take_passthrough(object),
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
        match key.kind {
            Kind::Underlay => {
                self.underlay.take_if(|own| own.key == *key);
            }
            Kind::L3Vni => self.release_vni(key),
            Kind::L2Vni => self.release_segment(key),
            Kind::L3Passthrough => {
                if let Some(own) = self.passthrough.take_if(|own| own.key == *key) {
                    let cidrs = own.session.local_cidr.prefixes();
                    cidrs.for_each(|cidr| self.host.remove(cidr));
                }
            }
            Kind::RawFrrConfig => {
                self.raw.remove(key);
            }
            Kind::L3Vpn => {}
        }
    }

    fn release_vni(&mut self, key: &ObjectKey) {
        let Some(VniIntent { spec, .. }) = self.l3vnis.remove(key) else {
            return;
        };
        self.vnis.remove(&spec.vni);
        self.vrfs.remove(&spec.vrf);
        let session = spec.host_session.iter();
        for cidr in session.flat_map(|session| session.local_cidr.prefixes()) {
            self.host.remove(cidr);
            self.routed_by(key).remove(cidr);
        }
    }

    fn release_segment(&mut self, key: &ObjectKey) {
        let Some(spec) = self.segments.remove(key) else {
            return;
        };
        self.vnis.remove(&spec.vni);
        if let Some(domain) = domain(key, &spec) {
            for gateway in spec.gateways.addresses() {
                self.routed_by(&domain).remove(gateway);
            }
        }
    }

    fn routed_by(&mut self, domain: &ObjectKey) -> &mut Subnets {
        self.routed.entry(domain.clone()).or_default()
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

    fn the_underlay(&self) -> Result<&UnderlayIntent, Refusal> {
        self.underlay.as_ref().ok_or(Refusal::NoUnderlay)
    }

    /// The underlay, if VXLAN can go over it.
    fn tunnels(&self, over: Option<IpVersion>) -> Result<&UnderlayIntent, Refusal> {
        let own = self.the_underlay()?;
        let underlay = own.key.clone();
        match (own.vteps.local(over), over) {
            (Some(_), _) => Ok(own),
            (None, Some(over)) if own.vteps.is_some() => Err(Refusal::NoVtep { over, underlay }),
            (None, _) => Err(Refusal::NoTunnelEndpoint(underlay)),
        }
    }

    fn vni_is_free(&self, vni: Vni) -> Result<(), Refusal> {
        match self.vnis.get(&vni) {
            Some(by) => Err(Refusal::VniTaken {
                vni,
                by: by.clone(),
            }),
            None => Ok(()),
        }
    }

    fn take_vni(&mut self, object: &Object<L3Vni>) -> Result<(), Refusal> {
        let (key, spec) = (&object.key, &object.spec);
        vrf_is_free(&spec.vrf, self.tunnels(spec.tunnels_over)?)?;
        self.vni_is_free(spec.vni)?;
        if let Some(by) = self.vrfs.get(&spec.vrf) {
            return Err(Refusal::VrfTaken {
                vrf: spec.vrf.clone(),
                by: by.clone(),
            });
        }
        let cidrs = spec.host_session.as_ref().map(|own| own.local_cidr);
        if let Some(routed) = self.routed.get(key) {
            cidrs.map_or(Ok(()), |cidrs| disjoint(cidrs, routed))?;
        }
        let legs = cidrs.map(|cidrs| self.legs(cidrs)).transpose()?;
        for cidr in cidrs.iter().flat_map(LocalCidr::prefixes) {
            self.host.insert(cidr, key);
            self.routed_by(key).insert(cidr, key);
        }
        self.vnis.insert(spec.vni, key.clone());
        self.vrfs.insert(spec.vrf.clone(), key.clone());
        let intent = VniIntent {
            key: key.clone(),
            spec: spec.clone(),
            legs: legs.unwrap_or_default(),
            gateway_subnets: Vec::new(),
        };
        self.l3vnis.insert(key.clone(), intent);
        Ok(())
    }

    fn take_segment(&mut self, object: &Object<L2Vni>) -> Result<(), Refusal> {
        let (key, spec) = (&object.key, &object.spec);
        self.tunnels(spec.tunnels_over)?;
        self.vni_is_free(spec.vni)?;
        if let Some(HostMaster::External(bridge)) = &spec.host_master
            && let Some(why) = names::reserved(bridge.as_str())
        {
            let bridge = bridge.clone();
            return Err(Refusal::ReservedBridge { bridge, why });
        }
        if let Some(domain) = domain(key, spec) {
            if !self.l3vnis.contains_key(&domain) {
                return Err(Refusal::NoRoutingDomain(domain));
            }
            let routed = self.routed_by(&domain);
            for gateway in spec.gateways.addresses() {
                let field = "spec.gatewayIPs";
                overlaps_none(field, gateway.trunc(), routed)?;
            }
            for gateway in spec.gateways.addresses() {
                routed.insert(gateway, key);
            }
        }
        self.vnis.insert(spec.vni, key.clone());
        self.segments.insert(key.clone(), spec.clone());
        Ok(())
    }

    fn take_passthrough(&mut self, object: &Object<L3Passthrough>) -> Result<(), Refusal> {
        self.the_underlay()?;
        if let Some(first) = &self.passthrough {
            return Err(Refusal::SecondPassthrough(first.key.clone()));
        }
        let session = &object.spec.host_session;
        let legs = self.legs(session.local_cidr)?;
        for cidr in session.local_cidr.prefixes() {
            self.host.insert(cidr, &object.key);
        }
        self.passthrough = Some(PassthroughIntent {
            key: object.key.clone(),
            session: session.clone(),
            legs,
        });
        Ok(())
    }

    /// The veth's addresses, if the host's table has room for their prefixes.
    fn legs(&self, cidrs: LocalCidr) -> Result<Vec<HostLeg>, Refusal> {
        disjoint(cidrs, &self.host)?;
        let leg = |cidr| {
            addresses::host_leg(cidr, self.index).map_err(|source| Refusal::Pool {
                field: cidr_field(cidr),
                source,
            })
        };
        cidrs.prefixes().map(leg).collect()
    }
}

/// The object whose VRF routes a segment.
fn domain(segment: &ObjectKey, spec: &L2Vni) -> Option<ObjectKey> {
    spec.routing_domain.as_ref().map(|name| ObjectKey {
        kind: Kind::L3Vni,
        namespace: segment.namespace.clone(),
        name: name.clone(),
    })
}

fn disjoint(cidrs: LocalCidr, others: &Subnets) -> Result<(), Refusal> {
    let mut cidrs = cidrs.prefixes();
    cidrs.try_for_each(|cidr| overlaps_none(cidr_field(cidr), cidr, others))
}

fn overlaps_none(field: &'static str, cidr: IpNet, others: &Subnets) -> Result<(), Refusal> {
    match others.overlapping(cidr) {
        Some((other, by)) => Err(Refusal::CidrOverlap {
            field,
            cidr,
            other: *other,
            by: by.clone(),
        }),
        None => Ok(()),
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
