//! From what is wanted and what is seen to ordered, undoable steps. Pure.
//!
//! A plan is made of units. A unit belongs to one object; its steps apply together or are
//! undone together. What belongs to nobody any more is swept first, step by step.

pub mod bfd;
pub mod bgp;
pub mod desired;
pub mod kernel;
pub mod link;
mod parts;
mod planning;
pub mod show;
mod since;
mod stale;
#[cfg(test)]
mod tests;
mod underlay;
mod units;
mod wanted;

use std::collections::BTreeMap;
use std::fmt;

use perouter_parsers::running_config::{Config, Context, InvalidLine};
use perouter_parsers::system::Version;

use crate::api::types::{InterfaceName, ObjectKey, Vni, VrfName};
use crate::intent::NodeIntent;
use bfd::{ProfileChange, SeenBfd};
use bgp::desired::Monitoring;
use bgp::difference::ContextChange;
use bgp::filter::ListChange;
use bgp::raw::RawMemory;
use kernel::{ForeignLink, NoBridge};
use link::{KernelStep, LinkKind, NicConfig, SeenKernel, Space, TableId};
pub use planning::Planning;

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
    /// bgpd's release, once it has told it.
    pub release: Option<Version>,
    /// Whether bgpd can tell of its sessions as they come and go.
    pub monitoring: Monitoring,
}

/// The first release whose EVPN knows tunnel ends of IPv6; older ones announce routes over them
/// with the next hop 0.0.0.0.
pub const IPV6_TUNNELS: Version = Version::new(10, 6, 0);

impl fmt::Debug for SeenFrr {
    /// The configuration may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let contexts = self.bgp.contexts().iter().map(Context::header);
        f.debug_struct("SeenFrr")
            .field("contexts", &contexts.collect::<Vec<_>>())
            .field("vnis", &self.vnis)
            .field("bfd", &self.bfd)
            .field("release", &self.release)
            .field("monitoring", &self.monitoring)
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
    /// A bridge that somebody else should have made is not there.
    #[error(transparent)]
    NoBridge(#[from] NoBridge),
    /// FRR is too old for tunnels over IPv6.
    #[error(
        "spec.underlayAddressFamily: tunnels over IPv6 need FRR {needed} or later, and this is \
         FRR {found}; use IPv4, with an IPv4 prefix in the Underlay's spec.tunnelEndpoint.cidrs"
    )]
    Ipv6Tunnels {
        /// The oldest release that has them.
        needed: Version,
        /// The one that runs.
        found: Version,
    },
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

    /// The tables that VRFs are to be made with.
    pub fn new_tables(&self) -> impl Iterator<Item = TableId> {
        self.all_steps().filter_map(|step| match step {
            Step::Kernel(KernelStep::AddLink(link)) => match link.kind {
                LinkKind::Vrf { table } => Some(table),
                LinkKind::Bridge | LinkKind::Vxlan { .. } | LinkKind::Veth { .. } => None,
            },
            Step::Kernel(_)
            | Step::Bgp(_)
            | Step::AllowAll(_)
            | Step::PrefixLists(_)
            | Step::BfdProfiles(_)
            | Step::Raw(_)
            | Step::MapVni { .. } => None,
        })
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

impl Memory {
    /// Forgets what NICs carried that a plan has given back: they are the host's again, and what
    /// they carry from now on counts. To be called once the plan was executed.
    pub fn forget_given_back(&mut self, plan: &Plan) {
        for step in plan.all_steps() {
            if let Step::Kernel(KernelStep::MoveNic {
                name,
                to: Space::Host,
                ..
            }) = step
            {
                self.nics.remove(name);
            }
        }
    }
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
    planning::alone(intent, kernel, frr, memory)
}

/// What must stand in the router's namespace before FRR is spoken with, whatever the manifests
/// say: the guard before FRR's open ports, and the loopback that its gRPC is reached by.
#[must_use]
pub fn guard(kernel: &SeenKernel) -> Vec<KernelStep> {
    underlay::guard(kernel)
}
