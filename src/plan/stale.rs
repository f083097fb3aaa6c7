//! What stands and nobody wants any more: the sweep, and what is there once it is done.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use perouter_parsers::running_config::{Config, Context, Line};

use super::bgp::desired::ALLOW_ALL;
use super::bgp::difference::ContextChange;
use super::bgp::raw::intersection;
use super::desired::Names;
use super::kernel::Id;
use super::link::{KernelStep, SeenKernel, Space};
use super::wanted::Wanted;
use super::{Leftover, Planned, Presence, SeenFrr, Step, kernel};
use crate::api::types::{Vni, VrfName};

/// What becomes of the default instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DefaultInstance {
    /// It stays, or there is none.
    Stays,
    /// It goes, and with it all others.
    Goes,
}

pub(super) struct Stale {
    /// Leftovers of FRR, in their order.
    frr: Vec<Leftover>,
    /// What goes before the underlay's instance can come: with the default instance all go.
    before_underlay: Vec<Planned>,
    /// What goes before a VRF's own can come: an instance with another AS number, another VNI.
    before_vrfs: BTreeMap<VrfName, Vec<Planned>>,
    /// The instances among all these, and the VRFs that are unmapped.
    instances: BTreeSet<Line>,
    unmapped: BTreeSet<VrfName>,
    links: Vec<Id>,
    default: DefaultInstance,
}

impl Stale {
    /// `links` are those of ours that nothing wants.
    pub(super) fn of(
        wanted: &Wanted<'_>,
        links: &BTreeSet<Id>,
        kernel: &SeenKernel,
        frr: &SeenFrr,
    ) -> Self {
        let mut stale = Self {
            frr: Vec::new(),
            before_underlay: Vec::new(),
            before_vrfs: BTreeMap::new(),
            instances: BTreeSet::new(),
            unmapped: BTreeSet::new(),
            links: kernel::removals(links, kernel),
            default: DefaultInstance::Stays,
        };
        let mappings = frr.vnis.iter();
        let wrong = mappings.filter(|(vrf, vni)| wanted.vni_of(vrf.as_str()) != Some(**vni));
        let wrong: Vec<(&VrfName, &Vni)> = wrong.collect();
        stale.free_claimed(&wrong, wanted, frr);
        stale.take_instances(wanted, frr);
        stale.take_mappings(&wrong, wanted, frr);
        let mut rest = raw_leftovers(wanted, &frr.bgp);
        rest.retain(|change| !stale.instances.contains(&change.header));
        stale.frr.extend(rest.into_iter().map(|change| Leftover {
            steps: vec![undoable(change)],
        }));
        stale
    }

    /// A VNI that passes from one VRF to another goes before either is dealt with: the one that
    /// waits for it may come first. One whose links go must be gone before them: zebra keeps
    /// pointing at a bridge that went while it was mapped.
    fn free_claimed(&mut self, wrong: &[(&VrfName, &Vni)], wanted: &Wanted<'_>, frr: &SeenFrr) {
        for (vrf, vni) in wrong {
            let is_needed = wanted.parts.claim_vni(**vni) || self.takes_links_of(**vni);
            if wanted.vni_of(vrf.as_str()).is_some() && is_needed {
                let steps: Vec<Planned> = unmapping(vrf.as_str(), frr).into_iter().collect();
                self.note_unmapped(&steps);
                self.frr.push(Leftover { steps });
            }
        }
    }

    /// Whether the bridge or the VXLAN device of a VNI goes.
    fn takes_links_of(&self, vni: Vni) -> bool {
        let Names { bridge, vxlan, .. } = Names::of(vni);
        let own = [(Space::Router, bridge), (Space::Router, vxlan)];
        self.links.iter().any(|link| own.contains(link))
    }

    /// Unmap before the BGP instance goes, which FRR refuses otherwise; the default instance
    /// after those of VRFs.
    fn take_instances(&mut self, wanted: &Wanted<'_>, frr: &SeenFrr) {
        let gone = instances(wanted, &frr.bgp);
        self.instances = gone.iter().map(|change| change.header.clone()).collect();
        let default_goes = gone.iter().any(|change| vrf_of(&change.header).is_none());
        // With nothing to come after it, all goes together or stays together.
        let all_go = default_goes && wanted.underlay.is_none();
        if default_goes {
            self.default = DefaultInstance::Goes;
        }
        let is_wanted = |vrf: &str| wanted.vni_of(vrf).is_some();
        let mut together = Vec::new();
        for change in gone {
            let vrf = vrf_of(&change.header).map(str::to_owned);
            let unmapped = vrf.as_deref().and_then(|vrf| unmapping(vrf, frr));
            let unmapped = unmapped.filter(|_| !self.is_unmapped(vrf.as_deref()));
            let steps: Vec<Planned> = unmapped.into_iter().chain([undoable(change)]).collect();
            self.note_unmapped(&steps);
            match vrf.and_then(|vrf| vrf.parse::<VrfName>().ok()) {
                _ if all_go => together.extend(steps),
                Some(vrf) if !is_wanted(vrf.as_str()) => self.frr.push(Leftover { steps }),
                Some(vrf) if !default_goes => _ = self.before_vrfs.insert(vrf, steps),
                Some(_) | None => self.before_underlay.extend(steps),
            }
        }
        if !together.is_empty() {
            self.frr.push(Leftover { steps: together });
        }
    }

    fn is_unmapped(&self, vrf: Option<&str>) -> bool {
        let is_it = |unmapped: &VrfName| Some(unmapped.as_str()) == vrf;
        self.unmapped.iter().any(is_it)
    }

    /// VRFs that lose their VNI: for good, or to another one, which is then the matter of the
    /// object alone.
    fn take_mappings(&mut self, wrong: &[(&VrfName, &Vni)], wanted: &Wanted<'_>, frr: &SeenFrr) {
        for (vrf, _) in wrong {
            if self.unmapped.contains(*vrf) {
                continue;
            }
            let steps: Vec<Planned> = unmapping(vrf.as_str(), frr).into_iter().collect();
            self.note_unmapped(&steps);
            if wanted.vni_of(vrf.as_str()).is_some() {
                self.before_vrfs.insert((*vrf).clone(), steps);
            } else {
                self.frr.push(Leftover { steps });
            }
        }
    }

    fn note_unmapped(&mut self, steps: &[Planned]) {
        let unmapped = steps.iter().filter_map(|planned| match &planned.step {
            Step::MapVni { vrf, vni: None } => Some(vrf.clone()),
            Step::MapVni { .. }
            | Step::Kernel(_)
            | Step::Bgp(_)
            | Step::AllowAll(_)
            | Step::PrefixLists(_)
            | Step::BfdProfiles(_)
            | Step::Raw(_) => None,
        });
        self.unmapped.extend(unmapped);
    }

    /// What is swept first: links when nothing speaks over them any more.
    pub(super) fn leftovers(&self) -> Vec<Leftover> {
        let links = self.links.iter().cloned();
        let links = links.map(|(space, name)| Step::Kernel(KernelStep::DeleteLink { space, name }));
        let links = links.map(Leftover::alone);
        self.frr.iter().cloned().chain(links).collect()
    }

    /// What becomes of the default instance.
    pub(super) fn default(&self) -> DefaultInstance {
        self.default
    }

    /// The links that are gone after the sweep.
    pub(super) fn gone(&self, kernel: &SeenKernel) -> BTreeSet<Id> {
        kernel::gone_with(&self.links, kernel)
    }

    /// What the underlay's object does first.
    pub(super) fn before_underlay(&self) -> Vec<Planned> {
        self.before_underlay.clone()
    }

    /// What the object of a VRF does first.
    pub(super) fn before_vrf(&self, vrf: &VrfName) -> Vec<Planned> {
        self.before_vrfs.get(vrf).cloned().unwrap_or_default()
    }

    pub(super) fn kernel_without<'a>(&self, kernel: &'a SeenKernel) -> Cow<'a, SeenKernel> {
        if self.links.is_empty() {
            return Cow::Borrowed(kernel);
        }
        Cow::Owned(kernel::without(kernel, &self.links))
    }

    pub(super) fn frr_without<'a>(&self, frr: &'a SeenFrr) -> Cow<'a, SeenFrr> {
        if self.unmapped.is_empty() && self.instances.is_empty() {
            return Cow::Borrowed(frr);
        }
        let mut bgp = Config::from(frr.bgp.lines().to_vec());
        for context in frr.bgp.contexts() {
            if !self.instances.contains(context.header()) {
                bgp.push_context(context.clone());
            }
        }
        let mut vnis = frr.vnis.clone();
        vnis.retain(|vrf, _| !self.unmapped.contains(vrf));
        Cow::Owned(SeenFrr {
            bgp,
            vnis,
            bfd: frr.bfd.clone(),
            release: frr.release.clone(),
            monitoring: frr.monitoring,
        })
    }
}

fn undoable(change: ContextChange) -> Planned {
    Planned {
        undo: Some(Step::Bgp(change.reversed())),
        step: Step::Bgp(change),
    }
}

/// Takes a VRF's VNI away, if it has one.
fn unmapping(vrf: &str, frr: &SeenFrr) -> Option<Planned> {
    let vrf: VrfName = vrf.parse().ok()?;
    let vni = *frr.vnis.get(&vrf)?;
    let map = |vni| Step::MapVni {
        vrf: vrf.clone(),
        vni,
    };
    Some(Planned {
        step: map(None),
        undo: Some(map(Some(vni))),
    })
}

/// Instances that nobody wants, those of VRFs first. When the default instance has another AS
/// number than it shall have, all go: FRR keeps it as long as a VRF's stands.
fn instances(wanted: &Wanted<'_>, running: &Config) -> Vec<ContextChange> {
    // An object's instance goes before one that raw lines speak of in the same place.
    let raw = wanted.raw.contexts().iter().map(Context::header);
    let raw = raw.filter(|header| !(is_instance(header) && wanted.has_instance_for(header)));
    let raw: BTreeSet<&Line> = raw.collect();
    let is_wanted = |header: &Line| wanted.types(header) || raw.contains(header);
    let contexts = running.contexts().iter().map(Context::header);
    let instances: Vec<&Line> = contexts.filter(|header| is_instance(header)).collect();
    let default_goes = instances
        .iter()
        .any(|header| is_default(header) && !is_wanted(header));
    let mut stale: Vec<&Line> = instances
        .into_iter()
        .filter(|header| default_goes || !is_wanted(header))
        .collect();
    stale.sort_by_key(|header| is_default(header));
    if stale.is_empty() {
        return Vec::new();
    }
    let running = running.by_header();
    let held = |header: &Line| running.get(header.as_str()).copied();
    stale
        .into_iter()
        .filter_map(|header| ContextChange::between(header, held(header), None))
        .collect()
}

/// Lines that nobody wants in contexts that only raw objects have.
fn raw_leftovers(wanted: &Wanted<'_>, running: &Config) -> Vec<ContextChange> {
    let contexts = wanted.raw.contexts().iter();
    contexts
        .filter(|context| !wanted.types(context.header()))
        .filter_map(|context| {
            let header = context.header();
            let held = running.context(header.as_str())?;
            let kept = intersection(held, context.body());
            ContextChange::between(header, Some(held), Some(&kept))
        })
        .collect()
}

/// Route maps that nobody names any more.
pub(super) fn route_maps(underlay: bool, raw: &Config, running: &Config) -> Vec<Step> {
    let contexts = running.contexts().iter().map(Context::header);
    let maps = contexts.filter(|header| {
        header.words().next() == Some("route-map") && raw.context(header.as_str()).is_none()
    });
    maps.filter_map(|header| match header.as_str() {
        ALLOW_ALL if underlay => None,
        ALLOW_ALL => Some(Step::AllowAll(Presence::Absent)),
        _ => ContextChange::towards(running, header, None).map(Step::Bgp),
    })
    .collect()
}

fn is_instance(header: &Line) -> bool {
    let mut words = header.words();
    (words.next(), words.next()) == (Some("router"), Some("bgp"))
}

/// Whether an instance is the default one: nothing follows its AS number.
pub(super) fn is_default(header: &Line) -> bool {
    header.words().nth(3).is_none()
}

/// The VRF of an instance: `router bgp ASN vrf NAME`.
pub(super) fn vrf_of(header: &Line) -> Option<&str> {
    let mut words = header.words().skip(3);
    (words.next() == Some("vrf"))
        .then(|| words.next())
        .flatten()
}
