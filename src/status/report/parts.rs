//! Parts of a report that are counted or taken straight from facts.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::api::Family;
use crate::api::types::{Vni, VrfName};
use crate::intent::NodeIntent;
use crate::verify::facts::{Facts, Session, VniKind};
use crate::verify::{Check, Finding, Outcome};

/// When facts were read back and verified last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// When the facts were complete.
    pub at: Timestamp,
    /// How long reading and verifying took, in milliseconds.
    pub took_ms: u64,
}

/// Where the agent answers over HTTP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenReport {
    /// The address and port.
    pub address: String,
    /// Why it does not, when it does not: it is being tried again.
    pub error: Option<String>,
}

/// What one check found, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tally {
    /// The check.
    pub check: Check,
    /// How many things are as they should be.
    pub good: u64,
    /// How many are not.
    pub bad: u64,
    /// How many cannot be told, yet or at all.
    pub pending: u64,
}

/// A row for each check, in their order, also of those that had nothing to look at.
pub(super) fn tallies(findings: &[Finding]) -> Vec<Tally> {
    let mut by_check: HashMap<Check, Tally> = HashMap::new();
    let empty = |check| Tally {
        check,
        good: 0,
        bad: 0,
        pending: 0,
    };
    for finding in findings {
        let tally = by_check
            .entry(finding.check)
            .or_insert_with(|| empty(finding.check));
        match finding.outcome {
            Outcome::Good { count, .. } => tally.good += count,
            Outcome::Bad { .. } => tally.bad += 1,
            Outcome::MoreBad { count } => tally.bad += count,
            Outcome::Unsettled { .. } | Outcome::Pending { .. } => tally.pending += 1,
        }
    }
    let of = |check| by_check.remove(&check).unwrap_or_else(|| empty(check));
    Check::ALL.map(of).to_vec()
}

/// Whom a session is with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionKind {
    /// A neighbour in the fabric.
    Fabric,
    /// The host that this router serves.
    Host,
}

impl SessionKind {
    /// Its name in a report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fabric => "fabric",
            Self::Host => "host",
        }
    }
}

/// One address family of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FamilyReport {
    /// FRR's word for it: `ipv4Unicast`, `ipv6Unicast`, `l2VpnEvpn`.
    pub family: String,
    /// Prefixes accepted from the neighbour.
    pub received: u64,
    /// Prefixes sent to it.
    pub sent: u64,
}

/// The families that a session carries.
pub(super) fn families(session: Option<&Session>) -> Vec<FamilyReport> {
    let name = |family: Family| match family {
        Family::Ipv4Unicast => "ipv4Unicast",
        Family::Ipv6Unicast => "ipv6Unicast",
        Family::Evpn => "l2VpnEvpn",
    };
    let families = session.into_iter().flat_map(|session| &session.families);
    families
        .map(|(family, state)| FamilyReport {
            family: name(*family).to_owned(),
            received: state.received,
            sent: state.sent,
        })
        .collect()
}

/// One layer 2 segment that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentReport {
    /// Its VNI.
    pub vni: Vni,
    /// The VRF that routes it; none when nobody does.
    pub vrf: Option<VrfName>,
    /// `Up` when bgpd has it as a layer 2 VNI, of which zebra tells it as long as the VXLAN
    /// device is up and in its bridge; `Down` when it does not, `unknown` when it could not be
    /// asked.
    pub state: String,
    /// The route distinguisher of its routes, when bgpd told it.
    pub rd: Option<String>,
}

/// The segments (`show bgp l2vpn evpn vni json`).
pub(super) fn segments(intent: &NodeIntent, facts: Option<&Facts>) -> Vec<SegmentReport> {
    let known = facts.and_then(|facts| facts.bgp_vnis.as_ref().ok());
    let row = |segment: &crate::intent::SegmentIntent| {
        let vni = segment.spec.vni;
        let bgp = known.and_then(|known| known.get(&vni));
        let state = match (known, bgp.map(|bgp| bgp.kind)) {
            (None, _) => "unknown",
            (Some(_), Some(VniKind::L2)) => "Up",
            (Some(_), Some(VniKind::L3) | None) => "Down",
        };
        SegmentReport {
            vni,
            vrf: segment.vrf.clone(),
            state: state.to_owned(),
            rd: bgp.map(|bgp| bgp.rd.to_string()),
        }
    };
    intent.segments.iter().map(row).collect()
}
