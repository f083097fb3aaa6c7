//! The report on this node: what `perouter status -o json` prints.
//!
//! Field names and words are stable. Times are RFC 3339, durations are whole numbers with their
//! unit in the name.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::Timestamp;
use super::condition::{
    Acceptance, Condition, ConditionStatus, ConditionType, ObjectState, Programming, Reason,
    Verification, conditions,
};
use crate::api::Peer;
use crate::api::types::{Asn, Kind, ObjectKey, Vni, VrfName};
use crate::intent::{Kept, NodeIndex, NodeIntent, Rejection};
use crate::verify::facts::{Session, SessionState, VniState, sessions_of};
use crate::verify::{Check, Facts, Finding, Outcome};

mod parts;
#[cfg(test)]
pub(crate) mod tests;

pub use parts::{FamilyReport, ListenReport, Reading, SegmentReport, SessionKind, Tally};

/// What is true of this node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The node's name.
    pub node: String,
    /// The number that its addresses are computed from.
    pub index: u32,
    /// Whether all is well.
    pub verdict: Verdict,
    /// The first root cause when it is not; empty when it is.
    pub cause: String,
    /// Since when the verdict stands.
    pub since: Timestamp,
    /// When this report was made.
    pub at: Timestamp,
    /// The last complete pass; none before the first.
    pub pass: Option<Pass>,
    /// The last verification; none before the first.
    pub verification: Option<Reading>,
    /// Where the agent answers over HTTP; none when it does not.
    pub listen: Option<ListenReport>,
    /// The FRR instance.
    pub frr: FrrReport,
    /// What was done since the agent started.
    pub counters: Counters,
    /// The objects that concern this node.
    pub objects: Vec<ObjectReport>,
    /// The BGP sessions that were asked for.
    pub sessions: Vec<SessionReport>,
    /// The VNIs that were asked for.
    pub vnis: Vec<VniReport>,
    /// The layer 2 segments that were asked for.
    pub segments: Vec<SegmentReport>,
    /// What each check found, in numbers; empty before the first verification.
    pub checks: Vec<Tally>,
    /// Everything verified that is not good.
    pub findings: Vec<Finding>,
    /// What was changed behind our back and mended, the latest last.
    #[serde(default)]
    pub repairs: Vec<Repair>,
    /// What was not taken, and why.
    pub rejections: Vec<RejectionReport>,
}

/// Whether all is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verdict {
    /// Every object is ready, and nothing was rejected.
    Ready,
    /// Something is not.
    NotReady,
}

/// One pass of the agent's loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pass {
    /// Its number, from 1.
    pub number: u64,
    /// When it was complete.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// The FRR instance.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FrrReport {
    /// Its version, when it was told.
    pub version: Option<String>,
    /// How each daemon is driven, by its name.
    pub daemons: BTreeMap<String, DaemonMode>,
}

/// How a daemon is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DaemonMode {
    /// By its gRPC northbound for what it implements in YANG, and by its vty for the rest.
    Northbound,
    /// By its vty alone.
    Vty,
    /// Not at all: it does not answer.
    Unreachable,
}

impl DaemonMode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Northbound, Self::Vty, Self::Unreachable];

    /// Its name in a report.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Northbound => "northbound",
            Self::Vty => "vty",
            Self::Unreachable => "unreachable",
        }
    }
}

/// What was done since the agent started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counters {
    /// Complete passes.
    pub passes: u64,
    /// Passes in which something failed.
    pub failures: u64,
    /// Differences that were found, and repaired, without a change of manifests.
    pub drift_repaired: u64,
    /// Messages to the kernel that change something.
    pub netlink_writes: u64,
    /// Commands and commits to FRR that change something.
    pub frr_writes: u64,
    /// Commands that FRR refused over its vty, and times that it could not be spoken with there.
    pub vty_errors: u64,
    /// The same of its gRPC northbound.
    pub northbound_errors: u64,
}

/// Something that was changed behind our back, and mended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Repair {
    /// When it was found.
    pub at: Timestamp,
    /// The steps that mended it, as `perouter plan` prints them.
    pub steps: Vec<String>,
}

/// One object and its conditions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectReport {
    /// The object.
    pub object: ObjectKey,
    /// Its conditions.
    pub conditions: Vec<Condition>,
}

impl ObjectReport {
    /// One of its conditions.
    #[must_use]
    pub fn condition(&self, kind: ConditionType) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == kind)
    }

    /// Whether it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.condition(ConditionType::Ready)
            .is_some_and(|ready| ready.status == ConditionStatus::True)
    }
}

/// One BGP session that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionReport {
    /// Whom it is with.
    pub kind: SessionKind,
    /// The VRF; none for the default instance.
    pub vrf: Option<VrfName>,
    /// The neighbour.
    pub neighbor: String,
    /// Its AS, when it is known.
    pub remote_as: Option<Asn>,
    /// FRR's word for its state; `unknown` when bgpd does not know the session, or could not be
    /// asked.
    pub state: String,
    /// For how long it has been established, in seconds.
    pub established_seconds: Option<u64>,
    /// Prefixes accepted, over all address families.
    pub received: u64,
    /// Prefixes sent, over all address families.
    pub sent: u64,
    /// The same by address family.
    pub families: Vec<FamilyReport>,
    /// How often it went down since bgpd knows it.
    pub dropped: u64,
    /// Why it last went, or stayed, down.
    pub last_reset: Option<String>,
    /// How long ago that was, in seconds.
    pub last_reset_seconds: Option<u64>,
}

/// One VNI that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VniReport {
    /// The VNI.
    pub vni: Vni,
    /// Its VRF.
    pub vrf: VrfName,
    /// zebra's word for its state; `unknown` when zebra does not know it, or could not be asked.
    pub state: String,
    /// Its router MAC, when it has one.
    pub router_mac: Option<String>,
    /// The route distinguisher of its routes, when bgpd told it.
    pub rd: Option<String>,
    /// How many of its routes are exported as they should be.
    pub exported: u64,
    /// How many received routes are imported as they should be.
    pub imported: u64,
}

/// Something that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RejectionReport {
    /// The object; none when a source could not be read at all.
    pub object: Option<ObjectKey>,
    /// Where it was read.
    pub source: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// What stays in force.
    pub kept: Kept,
}

impl From<&Rejection> for RejectionReport {
    fn from(rejection: &Rejection) -> Self {
        let Rejection {
            object,
            source,
            message,
            kept,
            cause: _,
        } = rejection.clone();
        Self {
            object,
            source,
            message,
            kept,
        }
    }
}

/// How the agent sees one object: the part of [`ObjectState`] that is not verification.
#[derive(Clone, Debug)]
pub struct ObjectInput {
    /// The object.
    pub key: ObjectKey,
    /// The generation that was read last.
    pub generation: Option<i64>,
    /// The generation in force: another one when the last edit was refused.
    pub generation_in_force: Option<i64>,
    /// Whether it was taken.
    pub acceptance: Acceptance,
    /// How its steps fared.
    pub programming: Programming,
}

/// What a report is made of.
#[derive(Clone, Debug)]
pub struct Inputs<'a> {
    /// The node's name.
    pub node: &'a str,
    /// The number that its addresses are computed from.
    pub index: NodeIndex,
    /// The last complete pass.
    pub pass: Option<Pass>,
    /// Where the agent answers over HTTP.
    pub listen: Option<ListenReport>,
    /// The FRR instance.
    pub frr: FrrReport,
    /// What was done since the agent started.
    pub counters: Counters,
    /// What this node should be.
    pub intent: &'a NodeIntent,
    /// The objects that concern this node, rejected ones included.
    pub objects: &'a [ObjectInput],
    /// What was not taken.
    pub rejections: &'a [Rejection],
    /// What was mended, the latest last.
    pub repairs: &'a [Repair],
    /// The last verification; none before the first.
    pub verified: Option<Verified<'a>>,
}

/// One verification: what was read, and what it says.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    /// What was read back.
    pub facts: &'a Facts,
    /// What it says.
    pub findings: &'a [Finding],
    /// When that was.
    pub reading: Reading,
}

impl Report {
    /// Makes the report of `now`, given the one before: times of what did not change stay.
    #[must_use]
    pub fn new(previous: Option<&Self>, inputs: &Inputs<'_>, now: Timestamp) -> Self {
        let findings = inputs
            .verified
            .map_or(&[][..], |verified| verified.findings);
        let objects = objects(previous, inputs, now);
        let cause = cause(inputs, findings, &objects);
        let verdict = if cause.is_empty() {
            Verdict::Ready
        } else {
            Verdict::NotReady
        };
        let since = previous
            .filter(|before| before.verdict == verdict)
            .map_or(now, |before| before.since);
        let facts = inputs.verified.map(|verified| verified.facts);
        Self {
            node: inputs.node.to_owned(),
            index: inputs.index.0,
            verdict,
            cause,
            since,
            at: now,
            pass: inputs.pass,
            verification: inputs.verified.map(|verified| verified.reading),
            listen: inputs.listen.clone(),
            frr: inputs.frr.clone(),
            counters: inputs.counters,
            objects,
            sessions: sessions(inputs.intent, facts),
            vnis: vnis(inputs.intent, facts, findings),
            segments: parts::segments(inputs.intent, facts),
            checks: facts.map_or_else(Vec::new, |_| parts::tallies(findings)),
            findings: findings
                .iter()
                .filter(|finding| !finding.is_good())
                .cloned()
                .collect(),
            repairs: inputs.repairs.to_vec(),
            rejections: inputs
                .rejections
                .iter()
                .map(RejectionReport::from)
                .collect(),
        }
    }
}

fn objects(previous: Option<&Report>, inputs: &Inputs<'_>, now: Timestamp) -> Vec<ObjectReport> {
    let before: HashMap<&ObjectKey, &[Condition]> = previous
        .map(|report| report.objects.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|object| (&object.object, object.conditions.as_slice()))
        .collect();
    let by_object = inputs.verified.map(|verified| {
        let mut by_object: HashMap<&ObjectKey, Vec<&Finding>> = HashMap::new();
        for finding in verified.findings {
            if let Some(object) = &finding.object {
                by_object.entry(object).or_default().push(finding);
            }
        }
        by_object
    });
    let report = |input: &ObjectInput| {
        let verification = match &by_object {
            // An object that the last verification did not know of was not verified.
            Some(by_object) => match by_object.get(&input.key) {
                Some(of) => Verification::Done(of.clone()),
                // Raw lines have no facts of their own. That FRR runs them was read back by the
                // pass that typed them, and is by every pass; one that finds them gone and cannot
                // put them back fails the object.
                None if input.key.kind == Kind::RawFrrConfig => Verification::Done(Vec::new()),
                None => Verification::Never,
            },
            None => Verification::Never,
        };
        let state = ObjectState {
            key: &input.key,
            generation: input.generation,
            generation_in_force: input.generation_in_force,
            acceptance: input.acceptance.clone(),
            programming: input.programming.clone(),
            verification,
        };
        let before = before.get(&input.key).copied().unwrap_or_default();
        ObjectReport {
            object: input.key.clone(),
            conditions: conditions(before, &state, now),
        }
    };
    inputs.objects.iter().map(report).collect()
}

/// The first root cause, in the order of dependence: what was rejected, what was not applied,
/// what verification found bad, what it could not tell. Empty when all is well.
fn cause(inputs: &Inputs<'_>, findings: &[Finding], objects: &[ObjectReport]) -> String {
    if let Some(broken) = inputs
        .rejections
        .iter()
        .find(|rejection| rejection.object.is_none())
    {
        return format!("{}: {}", broken.source, broken.message);
    }
    let not_applied = |object: &&ObjectReport| {
        [ConditionType::Accepted, ConditionType::Programmed]
            .into_iter()
            .filter_map(|kind| object.condition(kind))
            .any(|condition| {
                condition.status == ConditionStatus::False
                    && condition.reason != Reason::VerificationFailed
            })
    };
    let unready = |object: &&ObjectReport| !object.is_ready();
    let bad = findings
        .iter()
        .filter(|finding| matches!(finding.outcome, Outcome::Bad { .. }))
        .min_by_key(|finding| finding.check);
    let pending = findings.iter().find(|finding| !finding.is_good());
    let of_object = |object: &ObjectReport| {
        let message = object
            .condition(ConditionType::Ready)
            .map_or("has no conditions", |ready| ready.message.as_str());
        format!("{}: {message}", object.object)
    };
    let of_finding = |finding: &Finding| match &finding.object {
        Some(object) => format!("{object}: {finding}"),
        None => finding.to_string(),
    };
    objects
        .iter()
        .find(not_applied)
        .filter(|_| bad.is_none_or(|bad| bad.check != Check::FactsReadable))
        .map(of_object)
        .or_else(|| bad.map(of_finding))
        .or_else(|| objects.iter().find(unready).map(of_object))
        .or_else(|| pending.map(of_finding))
        .or_else(|| {
            inputs
                .rejections
                .first()
                .map(|rejection| rejection.message.clone())
        })
        .or_else(|| {
            inputs
                .pass
                .is_none()
                .then(|| "the agent has not completed its first pass yet".to_owned())
        })
        .unwrap_or_default()
}

fn sessions(intent: &NodeIntent, facts: Option<&Facts>) -> Vec<SessionReport> {
    let mut rows = Vec::new();
    let row = |(kind, vrf): (SessionKind, Option<&VrfName>),
               neighbor: String,
               session: Option<&Session>| {
        let total = |count: fn(&crate::verify::facts::FamilyState) -> u64| {
            session.map_or(0, |session| session.families.values().map(count).sum())
        };
        let (state, established_seconds) = match session.map(|session| &session.state) {
            Some(SessionState::Established { uptime }) => {
                ("Established".to_owned(), Some(uptime.as_secs()))
            }
            Some(SessionState::Down { state }) => (state.clone(), None),
            None => ("unknown".to_owned(), None),
        };
        let last_reset = session.and_then(|session| session.last_reset.as_ref());
        SessionReport {
            kind,
            vrf: vrf.cloned(),
            neighbor,
            remote_as: session.and_then(|session| session.remote_as),
            state,
            established_seconds,
            received: total(|family| family.received),
            sent: total(|family| family.sent),
            families: parts::families(session),
            dropped: session.map_or(0, |session| session.dropped_count),
            last_reset: last_reset.map(|reset| reset.reason.clone()),
            last_reset_seconds: last_reset.map(|reset| reset.ago.as_secs()),
        }
    };
    let known = facts.and_then(|facts| facts.fabric_sessions.as_ref().ok());
    if let Some(underlay) = &intent.underlay {
        let fabric = (SessionKind::Fabric, None);
        for neighbor in &underlay.spec.neighbors {
            let neighbors = &underlay.spec.neighbors;
            let sessions = known.map(|all| sessions_of(&neighbor.peer, all, neighbors));
            let sessions = sessions.unwrap_or_default();
            if sessions.is_empty() {
                rows.push(row(fabric, neighbor.peer.to_string(), None));
            }
            for (peer, session) in sessions {
                rows.push(row(fabric, peer.to_string(), Some(session)));
            }
        }
    }
    for leg in intent.passthrough.iter().flat_map(|own| &own.legs) {
        let host = Peer::Address(leg.host.addr());
        let session = known.and_then(|sessions| sessions.get(&host));
        rows.push(row((SessionKind::Host, None), host.to_string(), session));
    }
    for vni in &intent.vnis {
        let known = facts
            .and_then(|facts| facts.vrfs.get(&vni.spec.vrf))
            .and_then(|vrf| vrf.sessions.as_ref().ok());
        for leg in &vni.legs {
            let host = Peer::Address(leg.host.addr());
            let session = known.and_then(|sessions| sessions.get(&host));
            let of = (SessionKind::Host, Some(&vni.spec.vrf));
            rows.push(row(of, host.to_string(), session));
        }
    }
    rows
}

fn vnis(intent: &NodeIntent, facts: Option<&Facts>, findings: &[Finding]) -> Vec<VniReport> {
    let mut good: HashMap<(&ObjectKey, Check), u64> = HashMap::new();
    for finding in findings {
        if let (Some(object), Outcome::Good { count, .. }) = (&finding.object, &finding.outcome) {
            *good.entry((object, finding.check)).or_default() += count;
        }
    }
    intent
        .vnis
        .iter()
        .map(|vni| {
            let zebra = facts
                .and_then(|facts| facts.zebra_vnis.as_ref().ok())
                .and_then(|all| all.get(&vni.spec.vni));
            let bgp = facts
                .and_then(|facts| facts.bgp_vnis.as_ref().ok())
                .and_then(|all| all.get(&vni.spec.vni));
            let count = |check| good.get(&(&vni.key, check)).copied().unwrap_or_default();
            VniReport {
                vni: vni.spec.vni,
                vrf: vni.spec.vrf.clone(),
                state: match zebra.map(|zebra| &zebra.state) {
                    Some(VniState::Up) => "Up".to_owned(),
                    Some(VniState::Down(words)) => words.clone(),
                    None => "unknown".to_owned(),
                },
                router_mac: zebra
                    .and_then(|zebra| zebra.router_mac)
                    .map(|mac| mac.to_string()),
                rd: bgp.map(|bgp| bgp.rd.to_string()),
                exported: count(Check::HostRouteExported),
                imported: count(Check::RouteImported),
            }
        })
        .collect()
}
