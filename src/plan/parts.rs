//! What VNIs lead to on all sides, derived object by object and kept.
//!
//! A part follows from its object and from the [`Ground`] alone: types see to it that nothing
//! else of the underlay gets in. So one more VNI among a thousand costs the derivation of one.
//! What always holds: a name is found by the index exactly when a part claims it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use perouter_parsers::running_config::InvalidLine;

use super::bgp::desired::{self as bgp, DesiredBgp};
use super::bgp::filter::{ListId, PrefixList};
use super::bgp::host::lists_of_vni;
use super::desired::{self, DesiredVni};
use super::link::{SeenKernel, Space};
use super::{since, underlay};
use crate::api::types::{Asn, InterfaceName, ObjectKey, Vni};
use crate::intent::{NodeIntent, VniIntent};

/// What every VNI's part follows from, besides its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ground {
    asn: Asn,
    router_id: Ipv4Addr,
    /// Where tunnels start from.
    local: Option<IpAddr>,
    /// The smallest MTU of the underlay's NICs, when they were seen.
    nic_mtu: Option<u32>,
}

impl Ground {
    /// None without an underlay: then no VNI can be.
    pub(super) fn of(intent: &NodeIntent, kernel: &SeenKernel) -> Option<Self> {
        let underlay = intent.underlay.as_ref()?;
        Some(Self {
            asn: underlay.spec.asn,
            router_id: underlay.router_id,
            local: underlay.vteps.preferred(),
            nic_mtu: underlay::nic_mtu(intent, kernel),
        })
    }
}

/// Tells a part from every other that was ever derived here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartId(u64);

/// All that one VNI leads to.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) id: PartId,
    intent: VniIntent,
    /// None where the underlay has no end for tunnels.
    pub(super) kernel: Option<DesiredVni>,
    pub(super) bgp: DesiredBgp,
    /// The prefix lists that limit its session.
    pub(super) lists: Vec<PrefixList>,
}

impl Part {
    fn of(intent: &VniIntent, ground: &Ground, id: PartId) -> Result<Self, InvalidLine> {
        let local = ground.local;
        Ok(Self {
            id,
            kernel: local.map(|local| desired::of_vni(intent, local, ground.nic_mtu)),
            bgp: bgp::of_vni(intent, ground.asn, ground.router_id)?,
            lists: lists_of_vni(intent),
            intent: intent.clone(),
        })
    }

    pub(super) fn key(&self) -> &ObjectKey {
        &self.intent.key
    }

    /// The links that it claims.
    pub(super) fn links(&self) -> impl Iterator<Item = (Space, &InterfaceName)> {
        let links = self.kernel.iter().flat_map(|own| &own.links);
        links.map(|link| (link.space, &link.name))
    }
}

/// Whether two parts claim the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Claims {
    /// Each name has one owner and objects come in order, as [`resolve`](crate::intent::resolve)
    /// sees to.
    #[default]
    Distinct,
    /// The index cannot tell who owns what.
    Contested,
}

/// The parts of all VNIs, in their order, and who claims what.
#[derive(Debug, Default)]
pub(super) struct Parts {
    all: Vec<Arc<Part>>,
    host: HashMap<InterfaceName, Arc<Part>>,
    router: HashMap<InterfaceName, Arc<Part>>,
    /// By the VRF's name, as FRR says it.
    vrfs: HashMap<String, Arc<Part>>,
    vnis: HashMap<Vni, Arc<Part>>,
    lists: HashMap<ListId, Arc<Part>>,
    pub(super) claims: Claims,
    derived: u64,
}

/// What became of parts when the intent changed.
#[derive(Debug, Default)]
pub(super) struct Renewed {
    pub(super) went: Vec<Arc<Part>>,
    pub(super) came: Vec<Arc<Part>>,
}

impl Parts {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Part>> {
        self.all.iter()
    }

    pub(super) fn of_link(&self, space: Space, name: &InterfaceName) -> Option<&Part> {
        let links = match space {
            Space::Host => &self.host,
            Space::Router => &self.router,
        };
        links.get(name).map(|part| &**part)
    }

    pub(super) fn of_vrf(&self, vrf: &str) -> Option<&Part> {
        self.vrfs.get(vrf).map(|part| &**part)
    }

    pub(super) fn of_list(&self, list: &ListId) -> Option<&Part> {
        self.lists.get(list).map(|part| &**part)
    }

    /// Whether a VRF is to have this VNI.
    pub(super) fn claim_vni(&self, vni: Vni) -> bool {
        self.vnis.contains_key(&vni)
    }

    /// Follows the VNIs of an intent: parts whose object stayed as it was stay too.
    pub(super) fn follow(
        &mut self,
        vnis: &[VniIntent],
        ground: &Ground,
    ) -> Result<Renewed, InvalidLine> {
        let same = |part: &Arc<Part>, vni: &VniIntent| part.intent == *vni;
        let (before, now) = since::middle(&self.all, vnis, same);
        let mut renewed = Renewed::default();
        let held = self.all.get(before.clone()).unwrap_or_default().iter();
        let mut held: HashMap<ObjectKey, Arc<Part>> = held
            .map(|part| (part.key().clone(), part.clone()))
            .collect();
        let mut middle = Vec::with_capacity(now.len());
        for vni in vnis.get(now).unwrap_or_default() {
            let part = match held.get(&vni.key) {
                Some(part) if part.intent == *vni => {
                    let part = part.clone();
                    held.remove(&vni.key);
                    part
                }
                Some(_) | None => {
                    self.derived += 1;
                    let part = Arc::new(Part::of(vni, ground, PartId(self.derived))?);
                    renewed.came.push(part.clone());
                    part
                }
            };
            middle.push(part);
        }
        renewed.went.extend(held.into_values());
        self.all.splice(before, middle);
        renewed.went.iter().for_each(|part| self.release(part));
        renewed.came.iter().for_each(|part| self.claim(part));
        if !self.all.is_sorted_by(|one, next| one.key() < next.key()) {
            self.claims = Claims::Contested;
        }
        Ok(renewed)
    }

    fn links(&mut self, space: Space) -> &mut HashMap<InterfaceName, Arc<Part>> {
        match space {
            Space::Host => &mut self.host,
            Space::Router => &mut self.router,
        }
    }

    fn claim(&mut self, part: &Arc<Part>) {
        let mut contested = claim(&mut self.vrfs, part.intent.spec.vrf.to_string(), part);
        if let Some(own) = &part.kernel {
            contested |= claim(&mut self.vnis, own.vni, part);
        }
        for (space, name) in part.links() {
            contested |= claim(self.links(space), name.clone(), part);
        }
        for list in &part.lists {
            contested |= claim(&mut self.lists, list.id.clone(), part);
        }
        if contested {
            self.claims = Claims::Contested;
        }
    }

    fn release(&mut self, part: &Part) {
        self.vrfs.remove(part.intent.spec.vrf.as_str());
        self.vnis.remove(&part.intent.spec.vni);
        for (space, name) in part.links() {
            self.links(space).remove(name);
        }
        for list in &part.lists {
            self.lists.remove(&list.id);
        }
    }
}

/// Whether somebody else claims it too.
fn claim<K: Eq + Hash>(owners: &mut HashMap<K, Arc<Part>>, name: K, part: &Arc<Part>) -> bool {
    owners.insert(name, part.clone()).is_some()
}
