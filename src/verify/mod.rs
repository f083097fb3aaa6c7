//! Facts against intent: is what should be true, true, hop by hop.
//!
//! Pure: no I/O and no clock. What always holds: a source that could not be read is a finding of
//! its own and whatever depends on it is pending, never good; of one route's hops only the first
//! broken one is reported, which is the root cause; good ones are counted, not listed; and the
//! work grows linearly with the routes, but for one sort.
//!
//! Every check is named in every pass: good, bad, or pending with what it waits for. The words
//! of a bad or pending finding hold no ages, so that what does not change compares equal.

pub mod age;
pub mod explain;
mod export;
pub mod facts;
pub mod finding;
pub mod history;
mod import;
mod ledger;
mod links;
mod routes;
mod sessions;
mod sources;
#[cfg(test)]
pub(crate) mod tests;
mod vni;
pub mod walk;

pub use explain::Explanation;
pub use facts::Facts;
pub use finding::{Check, Finding, Outcome, stalled};
pub use history::History;
pub use walk::{Target, Walk, walk};

use crate::api::types::VrfName;
use crate::intent::NodeIntent;
use crate::plan::desired::{self, Tunnels};
use ledger::Ledger;

/// Compares what was read back with what this node should be. Without an underlay the node is
/// no router, and there is nothing to verify.
#[must_use]
pub fn verify(intent: &NodeIntent, facts: &Facts) -> Vec<Finding> {
    let mut ledger = Ledger::default();
    let Some(underlay) = &intent.underlay else {
        return Vec::new();
    };
    sources::check(intent, facts, &mut ledger);
    links::check_underlay(underlay, facts, &mut ledger);
    let tunnels = Tunnels {
        vteps: underlay.vteps,
        nic_mtu: None,
    };
    let fabric = sessions::check_fabric(underlay, facts, &mut ledger);
    let forwarding = import::Forwarding::new(facts);
    let routes = routes::Index::new(intent, underlay, facts);
    for (intent, routes) in intent.vnis.iter().zip(&routes.vnis) {
        let wanted = desired::links_of_vni(intent, &tunnels).unwrap_or_default();
        let links = links::check_vni(intent, &wanted, facts, &mut ledger);
        sessions::check_host(intent, facts, &mut ledger);
        let one = vni::One {
            intent,
            underlay,
            facts,
            fabric: &fabric,
            forwarding: &forwarding,
            routes,
        };
        vni::check(&one, links, &mut ledger);
    }
    for segment in &intent.segments {
        let wanted = desired::links_of_segment(segment, &tunnels).unwrap_or_default();
        links::check_object(&segment.key, &wanted, facts, &mut ledger);
    }
    if let Some(own) = &intent.passthrough {
        let wanted = desired::links_of_passthrough(own);
        links::check_object(&own.key, &wanted, facts, &mut ledger);
        sessions::check_passthrough(own, facts, &mut ledger);
    }
    ledger.into_findings()
}

/// Whose sessions are looked at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SessionsOf {
    /// The default instance's: with the fabric, and with the host by a passthrough.
    Fabric,
    /// A VRF's.
    Vrf(VrfName),
}

/// What [`verify`] says of the sessions of one instance alone.
#[must_use]
pub fn sessions(intent: &NodeIntent, facts: &Facts, instance: &SessionsOf) -> Vec<Finding> {
    let mut ledger = Ledger::default();
    match (instance, &intent.underlay) {
        (_, None) => {}
        (SessionsOf::Fabric, Some(underlay)) => {
            sessions::check_fabric(underlay, facts, &mut ledger);
            if let Some(own) = &intent.passthrough {
                sessions::check_passthrough(own, facts, &mut ledger);
            }
        }
        (SessionsOf::Vrf(vrf), Some(_)) => {
            for vni in intent.vnis.iter().filter(|vni| vni.spec.vrf == *vrf) {
                sessions::check_host(vni, facts, &mut ledger);
            }
        }
    }
    ledger.into_findings()
}

/// Puts findings in the place of those on the same checks and objects.
pub fn replace(findings: &mut Vec<Finding>, newer: &[Finding]) {
    let same = |a: &Finding, b: &Finding| (a.check, &a.object) == (b.check, &b.object);
    let place = findings
        .iter()
        .position(|old| newer.iter().any(|new| same(old, new)));
    findings.retain(|old| !newer.iter().any(|new| same(old, new)));
    let place = place.unwrap_or(findings.len()).min(findings.len());
    findings.splice(place..place, newer.iter().cloned());
}
