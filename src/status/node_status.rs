//! What the agent writes of its node into the Kubernetes API, made of its report.
//!
//! What always holds: the same state gives the same status, so nothing is written while nothing
//! changes; and no part grows without bound, nor does the whole: etcd takes 1.5 MiB.

mod room;

use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition as ApiCondition, Time};

use super::condition::{Condition, ConditionStatus, ConditionType, Reason};
use super::report::{ObjectReport, Report, SessionReport, Verdict};
use crate::api::Kind;
use crate::api::v1alpha1::node_status::{
    FailedResource, FailureReason, NamedObject, NodeStatus, NotTrue, ObjectsAlike, UpOfAll,
};
use room::Room;

/// How long the message of the whole may be, in bytes, but for what is left out.
const LONGEST: usize = 500;

/// The status of the node of this report.
#[must_use]
pub fn node_status(report: &Report) -> NodeStatus {
    let mut room = Room::MOST;
    loop {
        let status = status_within(report, room);
        match room.less() {
            Some(less) if !room::fits(&status) => room = less,
            Some(_) | None => return status,
        }
    }
}

/// The status with so much of each part.
fn status_within(report: &Report, room: Room) -> NodeStatus {
    let failed = report.objects.iter();
    let failed = failed.filter_map(|object| failed_resource(object, room));
    let mut failed: Vec<FailedResource> = failed.collect();
    let reason = reason(report, &failed);
    let left_out = LeftOut {
        failed: failed.len().saturating_sub(room.failed),
        objects: report.objects.len().saturating_sub(room.objects),
    };
    failed.truncate(room.failed);
    let (ready, degraded) = match report.verdict {
        Verdict::Ready => ("True", "False"),
        Verdict::NotReady => ("False", "True"),
    };
    let message = match report.verdict {
        Verdict::Ready => "All configuration applied and verified".to_owned(),
        Verdict::NotReady => shortened(&report.cause, LONGEST),
    };
    let message = format!("{message}{left_out}");
    let condition = |kind: &str, status: &str| ApiCondition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.clone(),
        last_transition_time: Time(report.since),
        observed_generation: None,
    };
    let objects = report.objects.iter().take(room.objects);
    let objects = objects.map(|object| on_node(object, room));
    let layer_3 = report.vnis.iter().map(|vni| vni.state == "Up");
    let layer_2 = report.segments.iter().map(|segment| segment.state == "Up");
    NodeStatus {
        conditions: vec![condition("Ready", ready), condition("Degraded", degraded)],
        sessions: Some(up_of_all(report.sessions.iter().map(is_established))),
        vnis: Some(up_of_all(layer_3.chain(layer_2))),
        failed_resources: failed,
        objects: ObjectsAlike::gather(objects),
    }
}

/// What there is no room for.
struct LeftOut {
    failed: usize,
    objects: usize,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.failed > 0 {
            write!(f, "; {} more that failed are left out here", self.failed)?;
        }
        if self.objects > 0 {
            write!(f, "; {} more objects are left out here", self.objects)?;
        }
        Ok(())
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
fn failed_resource(object: &ObjectReport, room: Room) -> Option<FailedResource> {
    let is_failed = |condition: &&Condition| {
        condition.status == ConditionStatus::False && condition.reason != Reason::Progressing
    };
    let first = object.conditions.iter().find(is_failed)?;
    let key = &object.object;
    Some(FailedResource {
        kind: key.kind.as_str().to_owned(),
        namespace: key.namespace.clone(),
        name: key.name.clone(),
        reason: failure(key.kind, first),
        message: match shortened(&first.message, room.message) {
            message if message.is_empty() => first.kind.as_str().to_owned(),
            message => message,
        },
    })
}

fn failure(kind: Kind, condition: &Condition) -> FailureReason {
    match (condition.kind, condition.reason) {
        (_, Reason::Waiting) => FailureReason::DependencyFailed,
        (ConditionType::Accepted, _) => FailureReason::ValidationFailed,
        // FRR alone is told of it.
        (ConditionType::Programmed, Reason::ApplyFailed) if kind == Kind::RawFrrConfig => {
            FailureReason::FrrConfigurationFailed
        }
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
fn on_node(object: &ObjectReport, room: Room) -> (NamedObject<'_>, Vec<NotTrue>) {
    let mut generations = object.conditions.iter();
    let not_true = object
        .conditions
        .iter()
        .filter(|condition| condition.status != ConditionStatus::True)
        .map(|condition| NotTrue {
            kind: condition.kind.as_str().to_owned(),
            status: condition.status.as_str().to_owned(),
            reason: condition.reason.as_str().to_owned(),
            message: shortened(&condition.message, room.message),
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
    let Some(rest) = longest.checked_sub('…'.len_utf8()) else {
        return String::new();
    };
    let end = text.floor_char_boundary(rest);
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests;
