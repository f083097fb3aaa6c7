//! The conditions of one object on this node.
//!
//! What always holds: the transition time moves only when the status does; a condition says
//! which generation it speaks of; and an object is ready only when everything about it was
//! verified, and found good.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::api::types::ObjectKey;
use crate::intent::Kept;
use crate::verify::{Check, Finding, Outcome};

#[cfg(test)]
mod tests;

/// What a condition is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ConditionType {
    /// The object as written was taken.
    Accepted,
    /// FRR and the kernel hold it, by what was read back.
    Programmed,
    /// Its BGP sessions are up and carry the families that they should.
    SessionsEstablished,
    /// Its routes go out and come in, hop by hop.
    RoutesExchanged,
    /// All of the above.
    Ready,
}

impl ConditionType {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 5] = [
        Self::Accepted,
        Self::Programmed,
        Self::SessionsEstablished,
        Self::RoutesExchanged,
        Self::Ready,
    ];

    /// Its name in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Programmed => "Programmed",
            Self::SessionsEstablished => "SessionsEstablished",
            Self::RoutesExchanged => "RoutesExchanged",
            Self::Ready => "Ready",
        }
    }

    /// The condition that a check decides on.
    #[must_use]
    pub const fn of(check: Check) -> Self {
        match check {
            Check::FactsReadable
            | Check::LinksPresent
            | Check::VtepAddress
            | Check::DuplicateVtep
            | Check::MtuPath
            | Check::VniUp
            | Check::BgpVni
            | Check::RouteTargets
            | Check::RouterMac
            | Check::Gateway => Self::Programmed,
            Check::UnderlaySession | Check::BfdSession | Check::EvpnFamily | Check::HostSession => {
                Self::SessionsEstablished
            }
            Check::UnderlayRoute
            | Check::VtepReachable
            | Check::HostRouteInKernel
            | Check::HostRouteExported
            | Check::LocalMacAdvertised
            | Check::RouteAdvertised
            | Check::RouteFiltered
            | Check::RouteValid
            | Check::RouteImported
            | Check::RouteInRib
            | Check::RouteInKernel
            | Check::NeighbourEntry
            | Check::FdbEntry
            | Check::FloodList
            | Check::RemoteMacInFdb
            | Check::DuplicateAddress => Self::RoutesExchanged,
        }
    }
}

impl fmt::Display for ConditionType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether a condition holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ConditionStatus {
    /// It does.
    True,
    /// It does not.
    False,
    /// That cannot be told.
    Unknown,
}

impl ConditionStatus {
    /// Its name in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Why a condition has its status, in one word for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// The object as written is in force.
    Accepted,
    /// It was refused, and nothing of it is in force.
    Rejected,
    /// It was refused, and the version accepted before stays in force.
    LastGoodKept,
    /// Nothing of it is in force, so there is nothing to say.
    NotInForce,
    /// It has not been applied yet.
    NotApplied,
    /// FRR or the kernel refused a step; the object's steps were undone.
    ApplyFailed,
    /// Something foreign stands in the way.
    Blocked,
    /// It has not been verified yet.
    NotVerified,
    /// Something is not as it should be, but has not been for long.
    Progressing,
    /// Something before it is missing.
    Waiting,
    /// Verification found everything as it should be.
    Verified,
    /// Verification found something that is not as it should be.
    VerificationFailed,
    /// The object asks for nothing of the kind.
    NothingAsked,
    /// Every other condition holds.
    Ready,
    /// Another condition does not hold.
    NotReady,
}

impl Reason {
    /// Its name in a status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Rejected => "Rejected",
            Self::LastGoodKept => "LastGoodKept",
            Self::NotInForce => "NotInForce",
            Self::NotApplied => "NotApplied",
            Self::ApplyFailed => "ApplyFailed",
            Self::Blocked => "Blocked",
            Self::NotVerified => "NotVerified",
            Self::Progressing => "Progressing",
            Self::Waiting => "Waiting",
            Self::Verified => "Verified",
            Self::VerificationFailed => "VerificationFailed",
            Self::NothingAsked => "NothingAsked",
            Self::Ready => "Ready",
            Self::NotReady => "NotReady",
        }
    }
}

/// One condition, as Kubernetes has them (`metav1.Condition`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Condition {
    /// What it is about.
    #[serde(rename = "type")]
    pub kind: ConditionType,
    /// Whether it holds.
    pub status: ConditionStatus,
    /// Why, in one word.
    pub reason: Reason,
    /// Why, for people, in FRR's or the kernel's own words where there are some.
    pub message: String,
    /// The generation of the object that it speaks of; a file has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// When its status changed last.
    pub last_transition_time: Timestamp,
}

/// All that is known of one object on this node.
#[derive(Clone, Debug)]
pub struct ObjectState<'a> {
    /// The object.
    pub key: &'a ObjectKey,
    /// The generation that was read last.
    pub generation: Option<i64>,
    /// The generation in force: another one when the last edit was refused.
    pub generation_in_force: Option<i64>,
    /// Whether it was taken.
    pub acceptance: Acceptance,
    /// Whether it was applied.
    pub programming: Programming,
    /// What verification says.
    pub verification: Verification<'a>,
}

/// Whether an object as written was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// It was.
    Accepted,
    /// It was not.
    Rejected {
        /// Why.
        message: String,
        /// What stays in force.
        kept: Kept,
    },
}

/// How the object's steps fared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Programming {
    /// All done, or none needed.
    Done,
    /// Not tried yet.
    NotYet,
    /// A step was refused.
    Failed {
        /// The step, and FRR's or the kernel's words.
        message: String,
    },
    /// No step could be planned.
    Blocked {
        /// Why.
        message: String,
    },
}

/// What verification says of an object.
#[derive(Clone, Debug)]
pub enum Verification<'a> {
    /// Nothing yet.
    Never,
    /// The findings on this object.
    Done(Vec<&'a Finding>),
}

/// A status with its reasons, before it gets its times.
struct Judgement {
    status: ConditionStatus,
    reason: Reason,
    message: String,
}

impl Judgement {
    fn new(status: ConditionStatus, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            status,
            reason,
            message: message.into(),
        }
    }
}

/// The conditions of an object, in the order of [`ConditionType`], given those before.
#[must_use]
pub fn conditions(
    previous: &[Condition],
    object: &ObjectState<'_>,
    now: Timestamp,
) -> Vec<Condition> {
    let mut judged = vec![
        (
            ConditionType::Accepted,
            accepted(&object.acceptance),
            object.generation,
        ),
        (
            ConditionType::Programmed,
            programmed(object),
            object.generation_in_force,
        ),
    ];
    for kind in [
        ConditionType::SessionsEstablished,
        ConditionType::RoutesExchanged,
    ] {
        let judgement = out_of_force(object).unwrap_or_else(|| verified(kind, object));
        judged.push((kind, judgement, object.generation_in_force));
    }
    let ready = ready(&judged);
    judged.push((ConditionType::Ready, ready, object.generation));
    judged
        .into_iter()
        .map(|(kind, judgement, generation)| stamp(kind, judgement, generation, previous, now))
        .collect()
}

fn stamp(
    kind: ConditionType,
    judgement: Judgement,
    observed_generation: Option<i64>,
    previous: &[Condition],
    now: Timestamp,
) -> Condition {
    let unchanged = previous
        .iter()
        .find(|before| before.kind == kind && before.status == judgement.status);
    Condition {
        kind,
        status: judgement.status,
        reason: judgement.reason,
        message: judgement.message,
        observed_generation,
        last_transition_time: unchanged.map_or(now, |before| before.last_transition_time),
    }
}

fn accepted(acceptance: &Acceptance) -> Judgement {
    match acceptance {
        Acceptance::Accepted => Judgement::new(ConditionStatus::True, Reason::Accepted, ""),
        Acceptance::Rejected { message, kept } => {
            let reason = match kept {
                Kept::LastGood => Reason::LastGoodKept,
                Kept::Nothing => Reason::Rejected,
            };
            Judgement::new(ConditionStatus::False, reason, message.clone())
        }
    }
}

/// The judgement on everything but acceptance when no version of the object is in force.
fn out_of_force(object: &ObjectState<'_>) -> Option<Judgement> {
    match object.acceptance {
        Acceptance::Rejected {
            kept: Kept::Nothing,
            ..
        } => Some(Judgement::new(
            ConditionStatus::False,
            Reason::NotInForce,
            "no version of this object is in force",
        )),
        Acceptance::Accepted
        | Acceptance::Rejected {
            kept: Kept::LastGood,
            ..
        } => None,
    }
}

fn programmed(object: &ObjectState<'_>) -> Judgement {
    if let Some(judgement) = out_of_force(object) {
        return judgement;
    }
    match &object.programming {
        Programming::Done => verified(ConditionType::Programmed, object),
        Programming::NotYet => Judgement::new(
            ConditionStatus::Unknown,
            Reason::NotApplied,
            "not applied yet",
        ),
        Programming::Failed { message } => {
            Judgement::new(ConditionStatus::False, Reason::ApplyFailed, message.clone())
        }
        Programming::Blocked { message } => {
            Judgement::new(ConditionStatus::False, Reason::Blocked, message.clone())
        }
    }
}

/// What the findings say on one condition: bad outweighs pending, and pending outweighs good.
fn verified(kind: ConditionType, object: &ObjectState<'_>) -> Judgement {
    let Verification::Done(findings) = &object.verification else {
        return Judgement::new(
            ConditionStatus::Unknown,
            Reason::NotVerified,
            "not verified yet",
        );
    };
    let of_kind = || {
        findings
            .iter()
            .filter(|finding| ConditionType::of(finding.check) == kind)
    };
    let first_bad = of_kind().find(|finding| finding.is_bad());
    if let Some(bad) = first_bad {
        let count: u64 = of_kind().map(|finding| bad_count(finding)).sum();
        let more = match count {
            0 | 1 => String::new(),
            _ => format!(" (and {} more)", count - 1),
        };
        return Judgement::new(
            ConditionStatus::False,
            Reason::VerificationFailed,
            format!("{bad}{more}"),
        );
    }
    // What is only on its way is what others wait for.
    let unsettled = |finding: &&&Finding| matches!(finding.outcome, Outcome::Unsettled { .. });
    let first_pending = of_kind()
        .find(unsettled)
        .or_else(|| of_kind().find(|finding| !finding.is_good()));
    if let Some(pending) = first_pending {
        let reason = match pending.outcome {
            Outcome::Unsettled { .. } => Reason::Progressing,
            Outcome::Good { .. }
            | Outcome::Bad { .. }
            | Outcome::MoreBad { .. }
            | Outcome::Pending { .. } => Reason::Waiting,
        };
        return Judgement::new(ConditionStatus::Unknown, reason, pending.to_string());
    }
    if of_kind().next().is_none() {
        return Judgement::new(
            ConditionStatus::True,
            Reason::NothingAsked,
            "this object asks for nothing of the kind",
        );
    }
    // Names only: uptimes and counts of routes change, and would have the status written again.
    let mut checks: Vec<&str> = of_kind().map(|finding| finding.check.name()).collect();
    checks.dedup();
    Judgement::new(ConditionStatus::True, Reason::Verified, checks.join(", "))
}

fn bad_count(finding: &Finding) -> u64 {
    match finding.outcome {
        Outcome::Bad { .. } => 1,
        Outcome::MoreBad { count } => count,
        Outcome::Good { .. } | Outcome::Unsettled { .. } | Outcome::Pending { .. } => 0,
    }
}

/// Ready when all others hold. False beats unknown: what is known to be wrong is the news.
fn ready(others: &[(ConditionType, Judgement, Option<i64>)]) -> Judgement {
    let having =
        |status: ConditionStatus| others.iter().find(|(_, other, _)| other.status == status);
    let worst = having(ConditionStatus::False).or_else(|| having(ConditionStatus::Unknown));
    match worst {
        None => Judgement::new(ConditionStatus::True, Reason::Ready, ""),
        Some((kind, judgement, _)) => Judgement::new(
            ConditionStatus::False,
            Reason::NotReady,
            format!("{kind}: {}", judgement.message),
        ),
    }
}
