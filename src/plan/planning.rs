//! Pass after pass: what is derived and looked at again is what changed since the last one.
//!
//! Of every VNI's part it is known whether it was as it should be when it was looked at last. It
//! still is, unless something changed that it depends on: its object, the ground that all parts
//! stand on, its links, a VRF that came by its routing table, its instance or another one in its
//! VRF, its mapping, its prefix lists, or lines of raw objects in its instance. Only then it is
//! looked at again; one that was not right is every time. All else is planned anew in each
//! pass, since there is little of it.
//!
//! What always holds: the plan is the one that [`plan`](super::plan) makes, which is that of a
//! planner that remembers nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use perouter_parsers::running_config::{Config, InvalidLine};

use super::bgp::filter::ListId;
use super::bgp::raw;
use super::kernel::{self, Id};
use super::link::{Link, Master, SeenKernel, SeenKind, SeenLink, Space, TableId};
use super::parts::{Claims, Ground, Part, PartId, Parts, Renewed};
use super::since::{changed, differing};
use super::stale::{DefaultInstance, Stale, vrf_of};
use super::units::{Planner, Units};
use super::wanted::Wanted;
use super::{Leftover, Memory, Plan, SeenFrr, underlay};
use crate::api::types::InterfaceName;
use crate::intent::NodeIntent;

/// A planner that remembers what it derived and looked at last.
#[derive(Debug, Default)]
pub struct Planning {
    last: Option<Last>,
}

/// What the last pass left, and what it saw.
#[derive(Debug)]
struct Last {
    pass: Pass,
    kernel: Arc<SeenKernel>,
    frr: SeenFrr,
}

/// What one pass hands on to the next.
#[derive(Debug)]
pub(super) struct Pass {
    ground: Option<Ground>,
    parts: Parts,
    /// The parts that are to be looked at.
    open: BTreeSet<PartId>,
    /// Links of ours that no part wants.
    loose: BTreeSet<Id>,
    raw: Config,
}

impl Planning {
    /// A planner that remembers nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Plans the way from what is seen to the intent.
    ///
    /// # Errors
    /// [`InvalidLine`] when a value of the intent cannot be typed into FRR.
    pub fn plan(
        &mut self,
        intent: &NodeIntent,
        kernel: &Arc<SeenKernel>,
        frr: &SeenFrr,
        memory: &Memory,
    ) -> Result<Plan, InvalidLine> {
        let ground = Ground::of(intent, kernel, frr.monitoring);
        let last = self.last.take().filter(|last| last.pass.ground == ground);
        let mut last = last.unwrap_or_else(|| Last::nothing(ground));
        last.renew(intent, memory, (kernel, frr))?;
        if last.pass.parts.claims == Claims::Contested {
            // Whoever came last has the name, so it matters in which order they came.
            last = Last::nothing(ground);
            last.renew(intent, memory, (kernel, frr))?;
        }
        let plan = last.pass.plan(intent, kernel, frr, memory)?;
        if last.pass.parts.claims == Claims::Distinct {
            last.kernel = kernel.clone();
            if last.frr != *frr {
                last.frr = frr.clone();
            }
            self.last = Some(last);
        }
        Ok(plan)
    }
}

impl Last {
    fn nothing(ground: Option<Ground>) -> Self {
        Self {
            pass: Pass::nothing(ground),
            kernel: Arc::default(),
            frr: SeenFrr::default(),
        }
    }

    fn renew(
        &mut self,
        intent: &NodeIntent,
        memory: &Memory,
        now: Seen<'_>,
    ) -> Result<(), InvalidLine> {
        let before = (&*self.kernel, &self.frr);
        self.pass.renew(intent, memory, before, now)
    }
}

/// Plans with nothing to remember.
pub(super) fn alone(
    intent: &NodeIntent,
    kernel: &SeenKernel,
    frr: &SeenFrr,
    memory: &Memory,
) -> Result<Plan, InvalidLine> {
    let mut pass = Pass::nothing(Ground::of(intent, kernel, frr.monitoring));
    let nothing = (&SeenKernel::default(), &SeenFrr::default());
    pass.renew(intent, memory, nothing, (kernel, frr))?;
    pass.plan(intent, kernel, frr, memory)
}

/// Both sides as they were seen.
type Seen<'a> = (&'a SeenKernel, &'a SeenFrr);

impl Pass {
    fn nothing(ground: Option<Ground>) -> Self {
        Self {
            ground,
            parts: Parts::default(),
            open: BTreeSet::new(),
            loose: BTreeSet::new(),
            raw: Config::new(),
        }
    }

    /// Follows the intent, and opens the parts that something changed for.
    fn renew(
        &mut self,
        intent: &NodeIntent,
        memory: &Memory,
        (kernel_before, frr_before): Seen<'_>,
        (kernel, frr): Seen<'_>,
    ) -> Result<(), InvalidLine> {
        let renewed = match &self.ground {
            Some(ground) => self.parts.follow(intent, ground)?,
            None => Renewed::default(),
        };
        for part in &renewed.went {
            self.open.remove(&part.id);
        }
        self.open.extend(renewed.came.iter().map(|part| part.id));
        self.heed_links(&renewed, kernel_before, kernel);
        self.heed_frr(frr_before, frr);
        self.heed_raw(raw::wanted(&intent.raw, &memory.raw));
        Ok(())
    }

    /// Links that changed, or whose owner did.
    fn heed_links(&mut self, renewed: &Renewed, before: &SeenKernel, now: &SeenKernel) {
        let mut tables = BTreeSet::new();
        for part in renewed.went.iter().chain(&renewed.came) {
            for (space, name) in part.links() {
                tables.extend(self.heed_link(space, name, now));
            }
        }
        if !std::ptr::eq(before, now) {
            for space in [Space::Host, Space::Router] {
                let mut strangers = BTreeSet::new();
                for name in differing(before.links(space), now.links(space)) {
                    tables.extend(self.heed_link(space, name, now));
                    if self.parts.of_link(space, name).is_none() {
                        strangers.insert(name);
                    }
                }
                self.heed_strangers(space, &strangers);
            }
        }
        self.heed_tables(&tables, now);
    }

    /// Parts with links in bridges that somebody else makes.
    fn heed_strangers(&mut self, space: Space, changed: &BTreeSet<&InterfaceName>) {
        if changed.is_empty() {
            return;
        }
        let joins = |link: &Link| match &link.master {
            Master::Foreign(bridge) => link.space == space && changed.contains(bridge),
            Master::None | Master::Link(_) | Master::Free => false,
        };
        let mut joined = Vec::new();
        for part in self.parts.iter() {
            if part.links.iter().flatten().any(joins) {
                joined.push(part.id);
            }
        }
        self.open.extend(joined);
    }

    /// Returns the table of a VRF.
    fn heed_link(
        &mut self,
        space: Space,
        name: &InterfaceName,
        now: &SeenKernel,
    ) -> Option<(Space, TableId)> {
        let owner = self.parts.of_link(space, name);
        let link = now.links(space).get(name);
        if owner.is_none() && link.is_some_and(|link| kernel::is_ours(space, name, link)) {
            self.loose.insert((space, name.clone()));
        } else if !self.loose.is_empty() {
            self.loose.remove(&(space, name.clone()));
        }
        self.open.extend(owner.map(|part| part.id));
        Some((space, table(&link?.kind)?))
    }

    /// Two VRFs with one table concern each other.
    fn heed_tables(&mut self, tables: &BTreeSet<(Space, TableId)>, now: &SeenKernel) {
        if tables.is_empty() {
            return;
        }
        for space in [Space::Host, Space::Router] {
            let links = now.links(space).iter();
            let shares = |link: &SeenLink| {
                table(&link.kind).is_some_and(|table| tables.contains(&(space, table)))
            };
            let sharing = links.filter(|(_, link)| shares(link));
            let owners = sharing.filter_map(|(name, _)| self.parts.of_link(space, name));
            self.open.extend(owners.map(|part| part.id));
        }
    }

    /// What changed in FRR.
    fn heed_frr(&mut self, before: &SeenFrr, now: &SeenFrr) {
        let id = |part: &Part| part.id;
        let contexts = changed(before.bgp.contexts(), now.bgp.contexts());
        let vrfs = contexts.filter_map(|context| vrf_of(context.header()));
        let mappings = differing(&before.vnis, &now.vnis);
        let vrfs = vrfs.chain(mappings.iter().map(|vrf| vrf.as_str()));
        let of_vrfs = vrfs.filter_map(|vrf| self.parts.of_vrf(vrf).map(id));
        let lines = changed(before.bgp.lines(), now.bgp.lines());
        let lists = lines.filter_map(ListId::of);
        let of_lists = lists.filter_map(|list| self.parts.of_list(&list).map(id));
        let found: Vec<PartId> = of_vrfs.chain(of_lists).collect();
        self.open.extend(found);
    }

    /// Raw objects that have lines in the instance of a VRF, or in a list of its.
    fn heed_raw(&mut self, raw: Config) {
        if raw != self.raw {
            for context in raw.contexts().iter().chain(self.raw.contexts()) {
                let owner = vrf_of(context.header()).and_then(|vrf| self.parts.of_vrf(vrf));
                self.open.extend(owner.map(|part| part.id));
            }
            for line in raw.lines().iter().chain(self.raw.lines()) {
                let owner = ListId::of(line).and_then(|list| self.parts.of_list(&list));
                self.open.extend(owner.map(|part| part.id));
            }
            self.raw = raw;
        }
    }

    /// Plans, and closes the parts that need nothing.
    fn plan(
        &mut self,
        intent: &NodeIntent,
        kernel: &SeenKernel,
        frr: &SeenFrr,
        memory: &Memory,
    ) -> Result<Plan, InvalidLine> {
        let wanted = Wanted::of(intent, &self.raw, &self.parts, frr.monitoring)?;
        let loose = self.loose.iter().filter(|link| !wanted.has_link(link));
        let stale = Stale::of(&wanted, &loose.cloned().collect(), kernel, frr);
        self.open.extend(swept(&self.parts, &stale, kernel));
        let mut sweep = stale.leftovers();
        if wanted.underlay.is_none() {
            let steps = underlay::dismantle(kernel, &memory.nics).into_iter();
            sweep.extend(steps.map(Leftover::alone));
        }
        let (kernel, frr) = (stale.kernel_without(kernel), stale.frr_without(frr));
        let planner = Planner::new(&wanted, &self.open, &stale, (&kernel, &frr), memory);
        let Units { units, right } = planner.units()?;
        let closing = planner.closing();
        for part in right {
            self.open.remove(&part);
        }
        Ok(Plan {
            sweep,
            units,
            closing,
        })
    }
}

/// The parts that lose something by the sweep.
fn swept(parts: &Parts, stale: &Stale, kernel: &SeenKernel) -> Vec<PartId> {
    match stale.default() {
        DefaultInstance::Goes => parts.iter().map(|part| part.id).collect(),
        DefaultInstance::Stays => {
            let gone = stale.gone(kernel);
            let ports = kernel::ports_of(&gone, kernel);
            let links = gone.iter().chain(&ports);
            let owners = links.filter_map(|(space, name)| parts.of_link(*space, name));
            owners.map(|part| part.id).collect()
        }
    }
}

/// The routing table of a VRF.
pub(super) fn table(kind: &SeenKind) -> Option<TableId> {
    match kind {
        SeenKind::Vrf { table } => Some(*table),
        SeenKind::Bridge
        | SeenKind::Vxlan { .. }
        | SeenKind::Veth { .. }
        | SeenKind::Other { .. } => None,
    }
}
