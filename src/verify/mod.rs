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
mod bfd;
mod domains;
mod duplicates;
pub mod explain;
mod export;
pub mod facts;
pub mod finding;
mod hints;
pub mod history;
mod host_routes;
mod import;
mod ledger;
mod links;
pub mod lost_hosts;
mod mtu;
pub mod news;
mod reach;
mod remote_hosts;
mod routes;
pub mod scope;
mod segment;
mod sent;
mod sessions;
mod sources;
mod targets;
#[cfg(test)]
pub(crate) mod tests;
pub mod untold;
mod vni;
pub mod walk;

pub use explain::Explanation;
pub use facts::Facts;
pub use finding::{Check, Finding, Key, Outcome, Stalled, StalledOnes, stalled, unforwarded};
pub use history::History;
pub use news::{News, Said};
pub use walk::{Target, Walk, walk};

use crate::api::types::VrfName;
use crate::intent::{NodeIntent, SegmentIntent, UnderlayIntent, VniIntent};
use crate::plan::desired::{self, Tunnels};
use crate::plan::link::Link;
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
    for vni in &intent.vnis {
        sources::check_vni(vni, facts, &mut ledger);
    }
    links::check_underlay(underlay, facts, &mut ledger);
    let tunnels = tunnels(underlay);
    if !intent.vnis.is_empty() || !intent.segments.is_empty() {
        duplicates::check(intent, underlay, facts, &mut ledger);
    }
    let fabric = sessions::check_fabric(underlay, facts, &mut ledger);
    let overlay = Overlay::new(intent, underlay, facts, &fabric, &mut ledger);
    let among = targets::Among::new(intent, underlay, facts);
    for vni in &intent.vnis {
        among.check(vni, &mut ledger);
    }
    for (own, routes) in intent.vnis.iter().zip(&overlay.routes.vnis) {
        overlay.vni(own, routes, &tunnels, &mut ledger);
    }
    for (own, routes) in intent.segments.iter().zip(&overlay.domains) {
        overlay.segment(own, routes, &tunnels, &mut ledger);
    }
    if let Some(own) = &intent.passthrough {
        let wanted = desired::links_of_passthrough(own);
        links::check_object(&own.key, &wanted, facts, &mut ledger);
        sessions::check_passthrough(own, facts, &mut ledger);
    }
    ledger.into_findings()
}

const fn tunnels(underlay: &UnderlayIntent) -> Tunnels {
    Tunnels {
        vteps: underlay.vteps,
        nic_mtu: None,
    }
}

/// What all VNIs and segments are looked at with.
struct Overlay<'a> {
    underlay: &'a UnderlayIntent,
    facts: &'a Facts,
    fabric: &'a sessions::Fabric,
    forwarding: import::Forwarding,
    routes: routes::Index<'a>,
    domains: Vec<domains::DomainRoutes<'a>>,
    reach: reach::Reachability,
}

impl<'a> Overlay<'a> {
    /// Sorts the routes, and checks the ways to where they come from.
    fn new(
        intent: &NodeIntent,
        underlay: &'a UnderlayIntent,
        facts: &'a Facts,
        fabric: &'a sessions::Fabric,
        ledger: &mut Ledger,
    ) -> Self {
        let routes = routes::Index::new(intent, underlay, facts);
        let domains = domains::index(intent, underlay, facts);
        let prefixes = routes.vnis.iter().flat_map(|own| &own.received);
        let macs = domains.iter().flat_map(|own| &own.macs);
        let floods = domains.iter().flat_map(|own| &own.floods);
        let next_hops = prefixes
            .map(|path| path.next_hop)
            .chain(macs.map(|path| path.came.next_hop))
            .chain(floods.map(|path| path.came.next_hop));
        let vteps = next_hops.map(|at| at.to_canonical()).collect();
        let reach = if intent.vnis.is_empty() && intent.segments.is_empty() {
            reach::Reachability::default()
        } else {
            reach::check(underlay, facts, fabric, &vteps, ledger)
        };
        Self {
            underlay,
            facts,
            fabric,
            forwarding: import::Forwarding::new(facts),
            routes,
            domains,
            reach,
        }
    }

    fn vni(
        &self,
        intent: &VniIntent,
        routes: &routes::VniRoutes<'_>,
        tunnels: &Tunnels,
        ledger: &mut Ledger,
    ) {
        let wanted = desired::links_of_vni(intent, tunnels).unwrap_or_default();
        let links = links::check_vni(intent, &wanted, self.facts, ledger);
        if let Some(vtep) = tunnels.vteps.local(intent.spec.tunnels_over)
            && !intent.legs.is_empty()
        {
            let of = (&intent.key, intent.spec.vni);
            mtu::check(of, vtep, self.underlay, self.facts, ledger);
        }
        sessions::check_host(intent, self.facts, ledger);
        host_routes::check_vni(intent, links.leg, self.facts, ledger);
        vni::check(&self.one_vni(intent, routes), links.vni, ledger);
    }

    /// A VNI with all that it is looked at with.
    const fn one_vni<'b>(
        &'b self,
        intent: &'b VniIntent,
        routes: &'b routes::VniRoutes<'b>,
    ) -> vni::One<'b> {
        vni::One {
            intent,
            underlay: self.underlay,
            facts: self.facts,
            fabric: self.fabric,
            reach: &self.reach,
            forwarding: &self.forwarding,
            routes,
        }
    }

    fn segment(
        &self,
        intent: &SegmentIntent,
        routes: &domains::DomainRoutes<'_>,
        tunnels: &Tunnels,
        ledger: &mut Ledger,
    ) {
        let wanted = desired::links_of_segment(intent, tunnels).unwrap_or_default();
        let links = links::check_segment(intent, &wanted, self.facts, ledger);
        if let Some(vtep) = tunnels.vteps.local(intent.spec.tunnels_over) {
            let of = (&intent.key, intent.spec.vni);
            mtu::check(of, vtep, self.underlay, self.facts, ledger);
        }
        segment::check(&self.one_segment(intent, routes, &wanted), links, ledger);
    }

    /// A segment with all that it is looked at with, its links among them.
    fn one_segment<'b>(
        &'b self,
        intent: &'b SegmentIntent,
        routes: &'b domains::DomainRoutes<'b>,
        wanted: &'b [Link],
    ) -> segment::One<'b> {
        segment::One {
            intent,
            underlay: self.underlay,
            facts: self.facts,
            fabric: self.fabric,
            reach: &self.reach,
            forwarding: &self.forwarding,
            routes,
            // The bridge comes first, as everything's master.
            bridge: wanted.first(),
        }
    }
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
