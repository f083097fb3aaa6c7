//! From what is wanted and what is seen to ordered, undoable steps. Pure.
//!
//! A plan is made of units. A unit belongs to one object; its steps apply together or are
//! undone together. What belongs to nobody any more is swept first, step by step.

pub mod bfd;
pub mod bgp;
pub mod desired;
pub mod kernel;
pub mod link;
mod planning;
pub mod show;
mod stale;
#[cfg(test)]
mod tests;
mod underlay;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use perouter_parsers::running_config::{Config, Context, InvalidLine};

use crate::api::types::{InterfaceName, ObjectKey, Vni, VrfName};
use crate::intent::{NodeIntent, RawIntent};
use bfd::{BfdProfile, ProfileChange, SeenBfd};
use bgp::desired::{ALLOW_ALL, DesiredBgp};
use bgp::difference::ContextChange;
use bgp::filter::{self, ListChange, ListId, PrefixList};
use bgp::host::{lists_of_passthrough, lists_of_vni};
use bgp::instances::Instances;
use bgp::raw::{self, RawMemory};
use desired::{Desired, DesiredVni};
use kernel::ForeignLink;
use link::{KernelStep, NicConfig, SeenKernel};
pub use planning::Planning;
use stale::Stale;

/// One step, and the step that takes it back where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What to do.
    pub step: Step,
    /// How to take it back.
    pub undo: Option<Step>,
}

impl Planned {
    fn without_undo(step: KernelStep) -> Self {
        Self {
            step: Step::Kernel(step),
            undo: None,
        }
    }
}

/// A step, by who executes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The kernel, by netlink.
    Kernel(KernelStep),
    /// bgpd, by its vty.
    Bgp(ContextChange),
    /// bgpd's route map that lets everything through: by northbound, else by its vty.
    AllowAll(Presence),
    /// bgpd's prefix lists: by northbound, else by its vty.
    PrefixLists(Vec<ListChange>),
    /// bfdd's profiles: by northbound, else by its vty.
    BfdProfiles(Vec<ProfileChange>),
    /// Lines of people's own, into bgpd's vty.
    Raw(RawLines),
    /// The VRF's L3VNI in zebra: by northbound, else by mgmtd's vty. `None` takes it away.
    MapVni {
        /// The VRF.
        vrf: VrfName,
        /// Its L3VNI.
        vni: Option<Vni>,
    },
}

/// The lines of a raw object.
#[derive(Clone, PartialEq, Eq)]
pub struct RawLines(pub Config);

impl fmt::Debug for RawLines {
    /// The lines may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawLines").finish_non_exhaustive()
    }
}

/// Whether something shall be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It shall.
    Present,
    /// It shall not.
    Absent,
}

/// What FRR runs, as far as plans go.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SeenFrr {
    /// bgpd's running configuration.
    pub bgp: Config,
    /// The L3VNI that zebra is configured with, by VRF.
    pub vnis: BTreeMap<VrfName, Vni>,
    /// bfdd's profiles.
    pub bfd: SeenBfd,
}

impl fmt::Debug for SeenFrr {
    /// The configuration may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contexts = self.bgp.contexts().iter().map(Context::header);
        f.debug_struct("SeenFrr")
            .field("contexts", &contexts.collect::<Vec<_>>())
            .field("vnis", &self.vnis)
            .field("bfd", &self.bfd)
            .finish_non_exhaustive()
    }
}

/// Steps that stand or fall together, for one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// The object.
    pub key: ObjectKey,
    /// Its role.
    pub role: Role,
    /// The steps, or why none can be planned.
    pub steps: Result<Vec<Planned>, Blocked>,
}

/// What a unit's object is to the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Without it no VNI can be set up.
    Underlay,
    /// Independent of its likes.
    Vni,
    /// The host's session with the router; it shares the underlay's BGP instance.
    Passthrough,
    /// Raw configuration, whatever it is about.
    Raw,
}

/// Why an object cannot be planned for as things are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// A name is taken.
    #[error(transparent)]
    Foreign(#[from] ForeignLink),
    /// A daemon that the object needs does not run.
    #[error("spec.neighbors: BFD needs bfdd, which does not run; start it with FRR (bfdd=yes)")]
    NoBfdd,
    /// A NIC is in neither namespace.
    #[error("spec.interfaces: this node has no NIC named {nic}{}", alternatives(.present))]
    NoSuchNic {
        /// The NIC asked for.
        nic: InterfaceName,
        /// NICs of the host that could have been meant.
        present: Vec<InterfaceName>,
    },
}

fn alternatives(present: &[InterfaceName]) -> String {
    if present.is_empty() {
        return String::new();
    }
    let names: Vec<&str> = present.iter().map(AsRef::as_ref).collect();
    format!("; it has {}", names.join(", "))
}

/// Something that nobody wants any more: its steps apply together or are undone together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// The steps that take it away.
    pub steps: Vec<Planned>,
}

impl Leftover {
    fn alone(step: Step) -> Self {
        let undo = None;
        Self {
            steps: vec![Planned { step, undo }],
        }
    }
}

/// What to do in one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What nobody wants any more, in order; each stands for itself.
    pub sweep: Vec<Leftover>,
    /// The objects, the underlay first.
    pub units: Vec<Unit>,
    /// What nobody uses any more once all objects are as they should be.
    pub closing: Vec<Step>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sweep.is_empty()
            && self.closing.is_empty()
            && self
                .units
                .iter()
                .all(|unit| unit.steps.as_ref().is_ok_and(Vec::is_empty))
    }

    /// All steps that can be taken, in their order.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        let swept = self.sweep.iter().flat_map(|leftover| &leftover.steps);
        let units = self
            .units
            .iter()
            .filter_map(|unit| unit.steps.as_ref().ok());
        let planned = swept.chain(units.flatten());
        planned.map(|planned| &planned.step).chain(&self.closing)
    }

    /// How many steps it has.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.all_steps().count()
    }
}

/// What NICs carried when they were taken, by name: the way back for their addresses and routes.
pub type NicMemory = BTreeMap<InterfaceName, NicConfig>;

/// What earlier passes left to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What NICs carried when they were taken.
    pub nics: NicMemory,
    /// What became of raw objects when they were typed.
    pub raw: RawMemory,
}

/// Plans the way from what is seen to the intent.
///
/// # Errors
/// [`InvalidLine`] when a value of the intent cannot be typed into FRR.
pub fn plan(
    intent: &NodeIntent,
    kernel: &SeenKernel,
    frr: &SeenFrr,
    memory: &Memory,
) -> Result<Plan, InvalidLine> {
    let wanted = Wanted::of(intent, underlay::nic_mtu(intent, kernel))?;
    wanted.plan(kernel, frr, memory)
}

/// All that an intent wants, on both sides.
#[derive(Debug)]
struct Wanted {
    kernel: Desired,
    bgp: Vec<DesiredBgp>,
    /// Prefix lists, by the object whose session they limit.
    lists: BTreeMap<ObjectKey, Vec<PrefixList>>,
    profiles: BTreeMap<String, BfdProfile>,
    bfd: bfd::Need,
    passthrough: Option<ObjectKey>,
    raw: Vec<RawIntent>,
}

impl Wanted {
    fn of(intent: &NodeIntent, nic_mtu: Option<u32>) -> Result<Self, InvalidLine> {
        let passthrough = intent.passthrough.as_ref();
        let of_vnis = intent.vnis.iter().map(|vni| (&vni.key, lists_of_vni(vni)));
        let own = passthrough.map(|own| (&own.key, lists_of_passthrough(own)));
        let lists = of_vnis.chain(own).filter(|(_, lists)| !lists.is_empty());
        Ok(Self {
            kernel: desired::desired(intent, nic_mtu),
            bgp: bgp::desired::desired(intent)?,
            lists: lists.map(|(key, lists)| (key.clone(), lists)).collect(),
            profiles: bfd::wanted(intent),
            bfd: bfd::need(intent),
            passthrough: passthrough.map(|own| own.key.clone()),
            raw: intent.raw.clone(),
        })
    }

    fn plan(
        &self,
        kernel: &SeenKernel,
        frr: &SeenFrr,
        memory: &Memory,
    ) -> Result<Plan, InvalidLine> {
        let raw = raw::wanted(&self.raw, &memory.raw);
        let stale = Stale::of(&self.kernel, &self.bgp, &raw, kernel, frr);
        let frr_then = stale.frr_without(frr);
        let (profiles, old_profiles) = bfd::changes(&self.profiles, &frr.bfd);
        let planner = Planner {
            wanted: self,
            instances: Instances::new(&self.bgp, &raw, &frr_then.bgp),
            raw: &raw,
            lists: filter::running(&frr_then.bgp),
            profiles,
            stale: &stale,
            kernel: &stale.kernel_without(kernel),
            frr: &frr_then,
            memory,
        };
        let units = planner.units()?;
        let mut closing = planner.closing();
        if !old_profiles.is_empty() {
            closing.push(Step::BfdProfiles(old_profiles));
        }
        let mut sweep = stale.leftovers();
        if self.kernel.underlay.is_none() {
            let steps = underlay::dismantle(kernel, &memory.nics).into_iter();
            sweep.extend(steps.map(Leftover::alone));
        }
        Ok(Plan {
            sweep,
            units,
            closing,
        })
    }
}

/// What must stand in the router's namespace before FRR is spoken with, whatever the manifests
/// say: the guard before FRR's open ports, and the loopback that its gRPC is reached by.
#[must_use]
pub fn guard(kernel: &SeenKernel) -> Vec<KernelStep> {
    underlay::guard(kernel)
}

/// Plans the units of what is wanted against what is there once the sweep is done.
struct Planner<'a> {
    wanted: &'a Wanted,
    instances: Instances<'a>,
    raw: &'a Config,
    lists: filter::Running<'a>,
    profiles: Vec<ProfileChange>,
    stale: &'a Stale,
    kernel: &'a SeenKernel,
    frr: &'a SeenFrr,
    memory: &'a Memory,
}

impl Planner<'_> {
    fn units(&self) -> Result<Vec<Unit>, InvalidLine> {
        let mut units = Vec::new();
        if let Some(underlay) = &self.wanted.kernel.underlay {
            units.push(Unit {
                key: underlay.key.clone(),
                role: Role::Underlay,
                steps: self.underlay_steps(underlay),
            });
        }
        for vni in &self.wanted.kernel.vnis {
            units.push(Unit {
                key: vni.key.clone(),
                role: Role::Vni,
                steps: self.vni_steps(vni, self.list_step(&vni.key)?),
            });
        }
        if let Some(key) = &self.wanted.passthrough {
            let mut steps = self.list_step(key)?;
            steps.extend(self.instances.step(key));
            units.push(Unit {
                key: key.clone(),
                role: Role::Passthrough,
                steps: Ok(steps),
            });
        }
        units.extend(self.wanted.raw.iter().map(|raw| self.raw_unit(raw)));
        Ok(units)
    }

    fn raw_unit(&self, raw: &RawIntent) -> Unit {
        let due = raw::is_due(raw, &self.memory.raw, &self.frr.bgp);
        let step = due.then(|| Planned {
            step: Step::Raw(RawLines(raw.spec.config.clone())),
            undo: None,
        });
        Unit {
            key: raw.key.clone(),
            role: Role::Raw,
            steps: Ok(step.into_iter().collect()),
        }
    }

    /// What nobody uses any more once the units are done.
    fn closing(&self) -> Vec<Step> {
        let wanted = self.wanted.lists.values().flatten();
        let wanted: BTreeSet<&ListId> = wanted.map(|list| &list.id).collect();
        let mut lists = filter::unwanted(&self.lists, &wanted, self.raw);
        lists.extend(raw::surplus_lines(&self.frr.bgp, self.raw));
        let underlay = self.wanted.kernel.underlay.is_some();
        let mut steps = stale::route_maps(underlay, self.raw, &self.frr.bgp);
        if !lists.is_empty() {
            steps.push(Step::PrefixLists(lists));
        }
        steps
    }

    fn underlay_steps(&self, underlay: &desired::DesiredUnderlay) -> Result<Vec<Planned>, Blocked> {
        if self.wanted.bfd == bfd::Need::Bfdd && self.frr.bfd == SeenBfd::NotRunning {
            return Err(Blocked::NoBfdd);
        }
        let mut steps = underlay::steps(underlay, self.kernel, &self.memory.nics)?;
        steps.extend(self.allow_all());
        if !self.profiles.is_empty() {
            let back: Option<Vec<_>> = self.profiles.iter().map(ProfileChange::reversed).collect();
            steps.push(Planned {
                step: Step::BfdProfiles(self.profiles.clone()),
                undo: back.map(Step::BfdProfiles),
            });
        }
        steps.extend(self.stale.before_underlay());
        steps.extend(self.instances.step(&underlay.key));
        Ok(steps)
    }

    fn allow_all(&self) -> Option<Planned> {
        self.frr
            .bgp
            .context(ALLOW_ALL)
            .is_none()
            .then_some(Planned {
                step: Step::AllowAll(Presence::Present),
                undo: Some(Step::AllowAll(Presence::Absent)),
            })
    }

    /// Lists stand before a session names them.
    fn list_step(&self, key: &ObjectKey) -> Result<Vec<Planned>, InvalidLine> {
        let Some(wanted) = self.wanted.lists.get(key) else {
            return Ok(Vec::new());
        };
        let changes = filter::towards(wanted, &self.lists, self.raw)?;
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let created = changes.iter().map(|change| match change {
            ListChange::Create(list) => Some(ListChange::Remove(list.id.clone())),
            ListChange::Mend { .. } | ListChange::Remove(_) => None,
        });
        let back: Vec<ListChange> = created.flatten().collect();
        Ok(vec![Planned {
            step: Step::PrefixLists(changes),
            undo: (!back.is_empty()).then_some(Step::PrefixLists(back)),
        }])
    }

    /// BGP before the VXLAN device, because bgpd crashes on a VNI that it has no instance for;
    /// the mapping last, when all that it joins is there.
    fn vni_steps(&self, vni: &DesiredVni, lists: Vec<Planned>) -> Result<Vec<Planned>, Blocked> {
        let links = kernel::plan_links(&vni.links, self.kernel)?;
        let mut steps = self.stale.before_vrf(&vni.vrf);
        steps.extend(lists);
        steps.extend(self.instances.step(&vni.key));
        steps.extend(links);
        let mapped = self.frr.vnis.get(&vni.vrf).copied();
        if mapped != Some(vni.vni) {
            steps.push(Planned {
                step: Step::MapVni {
                    vrf: vni.vrf.clone(),
                    vni: Some(vni.vni),
                },
                undo: Some(Step::MapVni {
                    vrf: vni.vrf.clone(),
                    vni: mapped,
                }),
            });
        }
        Ok(steps)
    }
}
