//! What the agent writes of its node into the Kubernetes API, made of its report.
//!
//! What always holds: the same state gives the same status, so nothing is written while nothing
//! changes; and no part grows without bound.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition as ApiCondition, Time};

use super::condition::{Condition, ConditionStatus, ConditionType, Reason};
use super::report::{ObjectReport, Report, SessionReport, Verdict};
use crate::api::Kind;
use crate::api::v1alpha1::node_status::{
    FailedResource, FailureReason, NamedObject, NodeStatus, NotTrue, ObjectsAlike, UpOfAll,
};

/// How long a message may be, in bytes.
const LONGEST: usize = 500;

/// How many objects are told of, and how many of those that failed.
const MOST_OBJECTS: usize = 4096;
const MOST_FAILED: usize = 1024;

/// The status of the node of this report.
#[must_use]
pub fn node_status(report: &Report) -> NodeStatus {
    let failed = report.objects.iter().filter_map(failed_resource);
    let failed: Vec<FailedResource> = failed.take(MOST_FAILED).collect();
    let (ready, degraded) = match report.verdict {
        Verdict::Ready => ("True", "False"),
        Verdict::NotReady => ("False", "True"),
    };
    let reason = reason(report, &failed);
    let message = match report.verdict {
        Verdict::Ready => "All configuration applied and verified".to_owned(),
        Verdict::NotReady => shortened(&report.cause, LONGEST),
    };
    let condition = |kind: &str, status: &str| ApiCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.clone(),
        last_transition_time: Time(report.since),
        observed_generation: None,
    };
    let objects = report.objects.iter().map(on_node);
    let layer_3 = report.vnis.iter().map(|vni| vni.state == "Up");
    let layer_2 = report.segments.iter().map(|segment| segment.state == "Up");
    NodeStatus {
        conditions: vec![condition("Ready", ready), condition("Degraded", degraded)],
        sessions: Some(up_of_all(report.sessions.iter().map(is_established))),
        vnis: Some(up_of_all(layer_3.chain(layer_2))),
        failed_resources: failed,
        objects: ObjectsAlike::gather(objects.take(MOST_OBJECTS)),
    }
}

fn is_established(session: &SessionReport) -> bool {
    session.established_seconds.is_some()
}

fn up_of_all(all: impl Iterator<Item = bool>) -> UpOfAll {
    let add = |sum: UpOfAll, is_up: bool| UpOfAll {
        up: sum.up.saturating_add(u32::from(is_up)),
        all: sum.all.saturating_add(1),
    };
    all.fold(UpOfAll::default(), add)
}

/// In one word, as OpenPERouter says it.
fn reason(report: &Report, failed: &[FailedResource]) -> &'static str {
    let is_underlay = |resource: &FailedResource| {
        resource.kind == Kind::Underlay.as_str()
            && resource.reason == FailureReason::ValidationFailed
    };
    match report.verdict {
        Verdict::Ready => "ConfigurationSuccessful",
        Verdict::NotReady if failed.iter().any(is_underlay) => "UnderlayFailed",
        Verdict::NotReady => "ConfigurationFailed",
    }
}

/// The first thing that is false of an object, unless it is only on its way.
fn failed_resource(object: &ObjectReport) -> Option<FailedResource> {
    let is_failed = |condition: &&Condition| {
        condition.status == ConditionStatus::False && condition.reason != Reason::Progressing
    };
    let first = object.conditions.iter().find(is_failed)?;
    let key = &object.object;
    Some(FailedResource {
        kind: key.kind.as_str().to_owned(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        reason: failure(first),
        message: match shortened(&first.message, LONGEST) {
            message if message.is_empty() => first.kind.as_str().to_owned(),
            message => message,
        },
    })
}

fn failure(condition: &Condition) -> FailureReason {
    match (condition.kind, condition.reason) {
        (_, Reason::Waiting) => FailureReason::DependencyFailed,
        (ConditionType::Accepted, _) => FailureReason::ValidationFailed,
        (ConditionType::Programmed, _) => FailureReason::OverlayAttachmentFailed,
        (
            ConditionType::SessionsEstablished
            | ConditionType::RoutesExchanged
            | ConditionType::Ready,
            _,
        ) => FailureReason::VerificationFailed,
    }
}

/// The object, and its conditions that are not true.
fn on_node(object: &ObjectReport) -> (NamedObject<'_>, Vec<NotTrue>) {
    let mut generations = object.conditions.iter();
    let not_true = object
        .conditions
        .iter()
        .filter(|condition| condition.status != ConditionStatus::True)
        .map(|condition| NotTrue {
            kind: condition.kind.as_str().to_owned(),
            status: condition.status.as_str().to_owned(),
            reason: condition.reason.as_str().to_owned(),
            message: shortened(&condition.message, LONGEST),
        });
    let key = &object.object;
    let named = NamedObject {
        kind: key.kind.as_str(),
        namespace: &key.namespace,
        name: &key.name,
        observed_generation: generations.find_map(|condition| condition.observed_generation),
    };
    (named, not_true.collect())
}

/// At most so many bytes, cut between letters, with a mark that it was.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(longest - '…'.len_utf8());
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests;
