//! The scenarios, in the order in which they run: what only looks comes first, then what compares
//! with the fresh fabric, before others leave their traces in it.

mod breaks;
mod calm;
mod cleanup;
mod drift;
mod edits;
mod faults;
mod frr_hangs;
mod honest;
mod kubernetes;
mod labels;
mod northbound;
mod parts;
mod policies;
mod ports;
mod quiet;
mod reachability;
mod recording;
mod refusals;
mod removal;
mod restart;
mod secrets;
mod swept;
mod underlay;
mod vrfs;
mod walk;
mod watching;
mod withdrawal;

use crate::fabric::{Fabric, Failure, Kind};

/// Something that is promised.
pub(crate) struct Scenario {
    /// Its name, by which it can be chosen.
    pub(crate) name: &'static str,
    /// The lab that it runs in.
    pub(crate) lab: Kind,
    /// Whether the compiled tests of the kernel's part must be in a node.
    pub(crate) needs_netlink_tests: bool,
    /// Shows that it is so, and says what was measured.
    pub(crate) run: fn(&Fabric) -> Result<String, Failure>,
}

const fn scenario(name: &'static str, run: fn(&Fabric) -> Result<String, Failure>) -> Scenario {
    Scenario {
        name,
        lab: Kind::Routed,
        needs_netlink_tests: false,
        run,
    }
}

/// One that runs in a lab of another kind.
const fn elsewhere(
    name: &'static str,
    lab: Kind,
    run: fn(&Fabric) -> Result<String, Failure>,
) -> Scenario {
    Scenario {
        name,
        lab,
        needs_netlink_tests: false,
        run,
    }
}

/// All of them.
pub(crate) const SCENARIOS: &[Scenario] = &[
    scenario("reachability", reachability::run),
    scenario("walk", walk::run),
    scenario("withdrawal", withdrawal::run),
    scenario("parts", parts::run),
    scenario("restart", restart::run),
    scenario("ports", ports::run),
    scenario("altered", faults::altered),
    scenario("deleted", faults::deleted),
    scenario("halfway", faults::halfway),
    scenario("killed", faults::killed),
    scenario("swept", swept::run),
    scenario("honest", honest::run),
    scenario("calm", calm::run),
    scenario("breaks", breaks::run),
    scenario("quiet", quiet::run),
    scenario("watching", watching::run),
    scenario("policies", policies::run),
    scenario("secrets", secrets::run),
    scenario("recording", recording::run),
    scenario("removal", removal::run),
    scenario("edits", edits::run),
    scenario("labels", labels::run),
    scenario("drift", drift::run),
    scenario("refusals", refusals::run),
    scenario("northbound", northbound::run),
    scenario("frr-hangs", frr_hangs::run),
    scenario("underlay", underlay::run),
    scenario("cleanup", cleanup::run),
    Scenario {
        name: "vrfs",
        lab: Kind::Routed,
        needs_netlink_tests: true,
        run: vrfs::run,
    },
    elsewhere("breaks-mixed", Kind::Mixed, breaks::in_segments),
    elsewhere("breaks-homed", Kind::MultiHomed, breaks::by_two_switches),
    elsewhere("kubernetes", Kind::Cluster, kubernetes::run),
];
