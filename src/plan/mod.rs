//! From what is wanted and what is seen to ordered, undoable steps. Pure.
//!
//! A plan is made of units. A unit belongs to one object; its steps apply together or are
//! undone together. What belongs to nobody any more is swept first, step by step.

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

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use perouter_parsers::running_config::{Config, Context, InvalidLine};

use crate::api::types::{InterfaceName, ObjectKey, Vni, VrfName};
use crate::intent::NodeIntent;
use bgp::desired::{ALLOW_ALL, DesiredBgp};
use bgp::difference::ContextChange;
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
    /// The VRF's L3VNI in zebra: by northbound, else by mgmtd's vty. `None` takes it away.
    MapVni {
        /// The VRF.
        vrf: VrfName,
        /// Its L3VNI.
        vni: Option<Vni>,
    },
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
}

impl fmt::Debug for SeenFrr {
    /// The configuration may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contexts = self.bgp.contexts().iter().map(Context::header);
        f.debug_struct("SeenFrr")
            .field("contexts", &contexts.collect::<Vec<_>>())
            .field("vnis", &self.vnis)
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
}

/// Why an object cannot be planned for as things are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// A name is taken.
    #[error(transparent)]
    Foreign(#[from] ForeignLink),
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

/// What to do in one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What nobody wants any more, in order; each step stands for itself.
    pub sweep: Vec<Step>,
    /// The objects, the underlay first.
    pub units: Vec<Unit>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sweep.is_empty()
            && self
                .units
                .iter()
                .all(|unit| unit.steps.as_ref().is_ok_and(Vec::is_empty))
    }

    /// How many steps it has.
    #[must_use]
    pub fn steps(&self) -> usize {
        let in_units = |unit: &Unit| unit.steps.as_ref().map_or(0, Vec::len);
        self.sweep.len() + self.units.iter().map(in_units).sum::<usize>()
    }
}

/// What NICs carried when they were taken, by name: the way back for their addresses and routes.
pub type NicMemory = BTreeMap<InterfaceName, NicConfig>;

/// Plans the way from what is seen to the intent.
///
/// # Errors
/// [`InvalidLine`] when a value of the intent cannot be typed into FRR.
pub fn plan(
    intent: &NodeIntent,
    kernel: &SeenKernel,
    frr: &SeenFrr,
    memory: &NicMemory,
) -> Result<Plan, InvalidLine> {
    let wanted = Wanted::of(intent, underlay::nic_mtu(intent, kernel))?;
    Ok(wanted.plan(kernel, frr, memory))
}

/// Both sides of an intent.
#[derive(Debug)]
struct Wanted {
    kernel: Desired,
    bgp: Vec<DesiredBgp>,
}

impl Wanted {
    fn of(intent: &NodeIntent, nic_mtu: Option<u32>) -> Result<Self, InvalidLine> {
        Ok(Self {
            kernel: desired::desired(intent, nic_mtu),
            bgp: bgp::desired::desired(intent)?,
        })
    }

    fn plan(&self, kernel: &SeenKernel, frr: &SeenFrr, memory: &NicMemory) -> Plan {
        let stale = Stale::of(&self.kernel, &self.bgp, kernel, frr);
        let frr_then = stale.frr_without(frr);
        let planner = Planner {
            wanted: &self.kernel,
            wanted_bgp: self.bgp.iter().map(|bgp| (&bgp.key, bgp)).collect(),
            kernel: &stale.kernel_without(kernel),
            running: frr_then.bgp.by_header(),
            frr: &frr_then,
            memory,
        };
        let mut sweep = stale.steps();
        if self.kernel.underlay.is_none() {
            if frr.bgp.context(ALLOW_ALL).is_some() {
                sweep.push(Step::AllowAll(Presence::Absent));
            }
            sweep.extend(underlay::dismantle(kernel, memory));
        }
        Plan {
            sweep,
            units: planner.units(),
        }
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
    wanted: &'a Desired,
    wanted_bgp: BTreeMap<&'a ObjectKey, &'a DesiredBgp>,
    kernel: &'a SeenKernel,
    frr: &'a SeenFrr,
    /// The contexts of `frr.bgp`.
    running: HashMap<&'a str, &'a Config>,
    memory: &'a NicMemory,
}

impl Planner<'_> {
    fn units(&self) -> Vec<Unit> {
        let underlay = self.wanted.underlay.as_ref().map(|underlay| Unit {
            key: underlay.key.clone(),
            role: Role::Underlay,
            steps: underlay::steps(underlay, self.kernel, self.memory).map(|mut steps| {
                steps.extend(self.allow_all());
                steps.extend(self.bgp_step(&underlay.key));
                steps
            }),
        });
        let vnis = self.wanted.vnis.iter().map(|vni| Unit {
            key: vni.key.clone(),
            role: Role::Vni,
            steps: self.vni_steps(vni),
        });
        underlay.into_iter().chain(vnis).collect()
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

    fn bgp_step(&self, key: &ObjectKey) -> Option<Planned> {
        let instance = &self.wanted_bgp.get(key)?.instance;
        let (header, body) = (instance.header(), instance.body());
        let before = self.running.get(header.as_str()).copied();
        let change = ContextChange::between(before, header, Some(body))?;
        Some(Planned {
            undo: Some(Step::Bgp(change.reversed())),
            step: Step::Bgp(change),
        })
    }

    /// BGP before the VXLAN device, because bgpd crashes on a VNI that it has no instance for;
    /// the mapping last, when all that it joins is there.
    fn vni_steps(&self, vni: &DesiredVni) -> Result<Vec<Planned>, Blocked> {
        let links = kernel::plan_links(&vni.links, self.kernel)?;
        let mut steps: Vec<Planned> = self.bgp_step(&vni.key).into_iter().collect();
        steps.extend(links);
        if self.frr.vnis.get(&vni.vrf) != Some(&vni.vni) {
            steps.push(Planned {
                step: Step::MapVni {
                    vrf: vni.vrf.clone(),
                    vni: Some(vni.vni),
                },
                undo: Some(Step::MapVni {
                    vrf: vni.vrf.clone(),
                    vni: None,
                }),
            });
        }
        Ok(steps)
    }
}
