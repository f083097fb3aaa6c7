//! What VNIs and segments lead to on all sides, derived object by object and kept.
//!
//! A part follows from its object and from the [`Ground`] alone: types see to it that nothing
//! else of the underlay gets in. So one more VNI among a thousand costs the derivation of one.
//! What always holds: a name is found by the index exactly when a part claims it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use perouter_parsers::running_config::InvalidLine;

use super::bgp::desired::{self as bgp, DesiredBgp, Monitoring, Shared};
use super::bgp::filter::{ListId, PrefixList};
use super::bgp::host::lists_of_vni;
use super::desired::{Tunnels, links_of_segment, links_of_vni};
use super::link::{Link, SeenKernel, Space};
use super::{since, underlay};
use crate::api::types::{InterfaceName, ObjectKey, Vni, VrfName};
use crate::intent::{NodeIntent, SegmentIntent, VniIntent};

/// What every VNI's part follows from, besides its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ground {
    shared: Shared,
    tunnels: Tunnels,
}

impl Ground {
    /// None without an underlay: then no VNI can be.
    pub(super) fn of(
        intent: &NodeIntent,
        kernel: &SeenKernel,
        monitoring: Monitoring,
    ) -> Option<Self> {
        let underlay = intent.underlay.as_ref()?;
        Some(Self {
            shared: Shared::of(underlay, monitoring),
            tunnels: Tunnels {
                vteps: underlay.vteps,
                nic_mtu: underlay::nic_mtu(intent, kernel),
            },
        })
    }
}

/// Tells a part from every other that was ever derived here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PartId(u64);

/// The object of a part.
#[derive(Clone, Debug, PartialEq)]
enum Subject {
    Vni(VniIntent),
    Segment(SegmentIntent),
}

/// An object that may have a part.
#[derive(Clone, Copy)]
enum Object<'a> {
    Vni(&'a VniIntent),
    Segment(&'a SegmentIntent),
}

impl Object<'_> {
    fn key(&self) -> &ObjectKey {
        match self {
            Self::Vni(own) => &own.key,
            Self::Segment(own) => &own.key,
        }
    }
}

/// All that one VNI, or one segment, leads to.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) id: PartId,
    subject: Subject,
    /// None where the underlay has no end for its tunnels.
    pub(super) links: Option<Vec<Link>>,
    /// What FRR is told of it; nothing of a segment, which zebra finds by its VXLAN device.
    pub(super) routing: Option<Routing>,
}

/// A VRF in FRR.
#[derive(Debug)]
pub(super) struct Routing {
    pub(super) vrf: VrfName,
    pub(super) vni: Vni,
    pub(super) bgp: DesiredBgp,
    /// The prefix lists that limit its session.
    pub(super) lists: Vec<PrefixList>,
}

impl Part {
    fn of(object: Object<'_>, ground: &Ground, id: PartId) -> Result<Self, InvalidLine> {
        let tunnels = &ground.tunnels;
        let (links, routing) = match object {
            Object::Vni(own) => (links_of_vni(own, tunnels), Some(Routing::of(own, ground)?)),
            Object::Segment(own) => (links_of_segment(own, tunnels), None),
        };
        Ok(Self {
            id,
            subject: match object {
                Object::Vni(own) => Subject::Vni(own.clone()),
                Object::Segment(own) => Subject::Segment(own.clone()),
            },
            links,
            routing,
        })
    }

    /// Whether it was derived from just this.
    fn is_of(&self, object: Object<'_>) -> bool {
        match (&self.subject, object) {
            (Subject::Vni(own), Object::Vni(other)) => own == other,
            (Subject::Segment(own), Object::Segment(other)) => own == other,
            (Subject::Vni(_), Object::Segment(_)) | (Subject::Segment(_), Object::Vni(_)) => false,
        }
    }

    pub(super) fn key(&self) -> &ObjectKey {
        match &self.subject {
            Subject::Vni(own) => &own.key,
            Subject::Segment(own) => &own.key,
        }
    }

    fn vni(&self) -> Vni {
        match &self.subject {
            Subject::Vni(own) => own.spec.vni,
            Subject::Segment(own) => own.spec.vni,
        }
    }

    /// The links that it claims.
    pub(super) fn links(&self) -> impl Iterator<Item = (Space, &InterfaceName)> {
        let links = self.links.iter().flatten();
        links.map(|link| (link.space, &link.name))
    }
}

impl Routing {
    fn of(own: &VniIntent, ground: &Ground) -> Result<Self, InvalidLine> {
        Ok(Self {
            vrf: own.spec.vrf.clone(),
            vni: own.spec.vni,
            bgp: bgp::of_vni(own, &ground.shared)?,
            lists: lists_of_vni(own),
        })
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

    /// Whether something is to have this VNI.
    pub(super) fn claim_vni(&self, vni: Vni) -> bool {
        self.vnis.contains_key(&vni)
    }

    /// Follows the VNIs and segments of an intent: parts whose object stayed as it was stay too.
    pub(super) fn follow(
        &mut self,
        intent: &NodeIntent,
        ground: &Ground,
    ) -> Result<Renewed, InvalidLine> {
        let vnis = intent.vnis.iter().map(Object::Vni);
        let segments = intent.segments.iter().map(Object::Segment);
        let objects: Vec<Object<'_>> = vnis.chain(segments).collect();
        let same = |part: &Arc<Part>, object: &Object<'_>| part.is_of(*object);
        let (before, now) = since::middle(&self.all, &objects, same);
        let mut renewed = Renewed::default();
        let held = self.all.get(before.clone()).unwrap_or_default().iter();
        let mut held: HashMap<ObjectKey, Arc<Part>> = held
            .map(|part| (part.key().clone(), part.clone()))
            .collect();
        let mut middle = Vec::with_capacity(now.len());
        for object in objects.get(now).unwrap_or_default() {
            let part = match held.get(object.key()) {
                Some(part) if part.is_of(*object) => {
                    let part = part.clone();
                    held.remove(object.key());
                    part
                }
                Some(_) | None => {
                    self.derived += 1;
                    let part = Arc::new(Part::of(*object, ground, PartId(self.derived))?);
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
        let mut contested = false;
        if part.links.is_some() {
            contested |= claim(&mut self.vnis, part.vni(), part);
        }
        for (space, name) in part.links() {
            contested |= claim(self.links(space), name.clone(), part);
        }
        if let Some(routing) = &part.routing {
            contested |= claim(&mut self.vrfs, routing.vrf.to_string(), part);
            for list in &routing.lists {
                contested |= claim(&mut self.lists, list.id.clone(), part);
            }
        }
        if contested {
            self.claims = Claims::Contested;
        }
    }

    fn release(&mut self, part: &Part) {
        self.vnis.remove(&part.vni());
        for (space, name) in part.links() {
            self.links(space).remove(name);
        }
        if let Some(routing) = &part.routing {
            self.vrfs.remove(routing.vrf.as_str());
            for list in &routing.lists {
                self.lists.remove(&list.id);
            }
        }
    }
}

/// Whether somebody else claims it too.
fn claim<K: Eq + Hash>(owners: &mut HashMap<K, Arc<Part>>, name: K, part: &Arc<Part>) -> bool {
    owners.insert(name, part.clone()).is_some()
}
