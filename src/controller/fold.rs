//! The conditions of an object over all nodes that it concerns.
//!
//! Pure. What always holds: only the nodes that the object selects count; a node that says nothing
//! of the object as it is now makes nothing true; the transition time moves only when the status
//! does; the same statuses give the same conditions, and none grows without bound.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use crate::api::v1alpha1::node_status::{NamedObject, NotTrue, ObjectsAlike};
use crate::api::{Labels, NodeSelector, ObjectKey};
use crate::status::condition::{ConditionStatus, ConditionType, Reason};
use crate::status::node_status::shortened;

#[cfg(test)]
mod tests;

/// How long a message may be, in bytes.
pub const LONGEST: usize = 1024;

/// How many different faults a message tells of, and how many nodes that have the same.
const FAULTS: usize = 3;
const NAMES: usize = 3;

/// Why a condition is unknown where no node is to blame.
const NO_NODES: &str = "NoNodes";
const NO_STATUS: &str = "NoStatus";

/// All nodes, by name.
pub type Nodes<'a> = BTreeMap<&'a str, NodeView<'a>>;

/// A node, and what its agent said last.
#[derive(Clone, Debug)]
pub struct NodeView<'a> {
    /// Objects select it by these.
    pub labels: &'a Labels,
    /// What is true of each object; none without a status.
    pub objects: Option<Objects<'a>>,
}

/// What a node's status says, by kind, namespace and name.
#[derive(Clone, Debug, Default)]
pub struct Objects<'a>(HashMap<(&'a str, &'a str, &'a str), OnNode<'a>>);

/// What a node says of an object.
#[derive(Clone, Copy, Debug)]
struct OnNode<'a> {
    observed_generation: Option<i64>,
    not_true: &'a [NotTrue],
}

impl<'a> Objects<'a> {
    /// The objects of a status.
    #[must_use]
    pub fn of(objects: &'a [ObjectsAlike]) -> Self {
        let each = |alike: &'a ObjectsAlike| {
            let told = |object: NamedObject<'a>| OnNode {
                observed_generation: object.observed_generation,
                not_true: &alike.not_true,
            };
            alike
                .objects()
                .map(move |object| ((object.kind, object.namespace, object.name), told(object)))
        };
        Self(objects.iter().flat_map(each).collect())
    }

    fn get(&self, key: &ObjectKey) -> Option<OnNode<'a>> {
        let key = (key.kind.as_str(), &*key.namespace, &*key.name);
        self.0.get(&key).copied()
    }
}

/// An object as it is now.
#[derive(Clone, Copy, Debug)]
pub struct ObjectView<'a> {
    /// Names it.
    pub key: &'a ObjectKey,
    /// Its generation.
    pub generation: Option<i64>,
    /// The nodes that it concerns; none where that cannot be read, so every node refuses it.
    pub selector: Option<&'a NodeSelector>,
    /// Its conditions as they are written.
    pub before: &'a [Condition],
}

/// The conditions that the object should have.
#[must_use]
pub fn fold(object: &ObjectView<'_>, nodes: &Nodes<'_>, now: Timestamp) -> Vec<Condition> {
    let concerned = nodes.iter().filter(|(_, node)| {
        let selects = |selector: &NodeSelector| selector.selects(node.labels);
        object.selector.is_none_or(selects)
    });
    let told: Vec<_> = concerned
        .map(|(name, node)| (*name, Standing::of(object, node)))
        .collect();
    ConditionType::ALL
        .into_iter()
        .map(|kind| {
            let of_nodes = told.iter();
            let judged = judge(kind, of_nodes.map(|(name, it)| (*name, it.on(kind))));
            stamp(kind, judged, object, now)
        })
        .collect()
}

/// How conditions differ from those that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// Not at all.
    Nothing,
    /// In reason or message: they tell of other nodes, or in other words.
    Words,
    /// In a status, or in the generation that it is of.
    Verdict,
}

/// What is to be written of an object's conditions: those that others wrote do not count.
#[must_use]
pub fn change(before: &[Condition], conditions: &[Condition]) -> Change {
    let of_one = |wanted: &Condition| {
        let same = |old: &&Condition| {
            old.type_ == wanted.type_
                && old.status == wanted.status
                && old.observed_generation == wanted.observed_generation
        };
        match before.iter().find(same) {
            Some(old) if old == wanted => Change::Nothing,
            Some(_) => Change::Words,
            None => Change::Verdict,
        }
    };
    let all = conditions.iter().map(of_one);
    all.max().unwrap_or(Change::Nothing)
}

/// What a node says of the object as it is now.
enum Standing<'a> {
    /// It has said nothing at all.
    NoStatus,
    /// It has not looked at it yet, or at an earlier generation.
    Behind(String),
    /// This.
    Told(OnNode<'a>),
}

/// What a node says of one condition.
enum Said<'a> {
    True,
    Not(Fault<'a>),
}

/// Why a condition does not hold on a node; those that are the same are told of together. The
/// gravest come first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Fault<'a> {
    gravity: Gravity,
    reason: &'a str,
    message: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Gravity {
    False,
    Unknown,
}

impl<'a> Standing<'a> {
    fn of(object: &ObjectView<'_>, node: &NodeView<'a>) -> Self {
        let Some(objects) = &node.objects else {
            return Self::NoStatus;
        };
        let Some(told) = objects.get(object.key) else {
            return Self::Behind("has not looked at it yet".to_owned());
        };
        let wanted = object.generation.unwrap_or_default();
        match told.observed_generation {
            Some(seen) if seen < wanted => {
                Self::Behind(format!("is at generation {seen} of {wanted}"))
            }
            Some(_) | None => Self::Told(told),
        }
    }

    fn on(&self, kind: ConditionType) -> Said<'_> {
        let unknown = |reason, message| {
            Said::Not(Fault {
                gravity: Gravity::Unknown,
                reason,
                message,
            })
        };
        let told = match self {
            Self::NoStatus => return unknown(NO_STATUS, "has no status yet"),
            Self::Behind(how) => return unknown(Reason::Progressing.as_str(), how),
            Self::Told(told) => *told,
        };
        let of_kind = |not_true: &&NotTrue| not_true.kind == kind.as_str();
        let Some(not_true) = told.not_true.iter().find(of_kind) else {
            return Said::True;
        };
        let reason = match kind {
            ConditionType::Ready => root(told).unwrap_or(&not_true.reason),
            ConditionType::Accepted
            | ConditionType::Programmed
            | ConditionType::SessionsEstablished
            | ConditionType::RoutesExchanged => &not_true.reason,
        };
        Said::Not(Fault {
            gravity: if is_false(not_true) {
                Gravity::False
            } else {
                Gravity::Unknown
            },
            reason,
            message: &not_true.message,
        })
    }
}

fn is_false(not_true: &NotTrue) -> bool {
    not_true.status == ConditionStatus::False.as_str()
}

/// Why an object is not ready: of the other conditions the first that is false, else the first.
fn root(told: OnNode<'_>) -> Option<&str> {
    let others = || {
        let all = told.not_true.iter();
        all.filter(|it| it.kind != ConditionType::Ready.as_str())
    };
    let first = others().find(|it| is_false(it)).or_else(|| others().next());
    first.map(|it| it.reason.as_str())
}

/// A status with its reasons, before it gets its time.
struct Judgement {
    status: ConditionStatus,
    reason: String,
    message: String,
}

fn judge<'a>(kind: ConditionType, said: impl Iterator<Item = (&'a str, Said<'a>)>) -> Judgement {
    let mut by_fault: BTreeMap<Fault<'_>, Vec<&str>> = BTreeMap::new();
    let (mut good, mut all) = (0_usize, 0_usize);
    for (node, said) in said {
        all += 1;
        match said {
            Said::True => good += 1,
            Said::Not(fault) => by_fault.entry(fault).or_default().push(node),
        }
    }
    if all == 0 {
        return Judgement {
            status: ConditionStatus::Unknown,
            reason: NO_NODES.to_owned(),
            message: "its nodeSelector selects no node".to_owned(),
        };
    }
    let mut faults: Vec<_> = by_fault.into_iter().collect();
    faults.sort_by_key(|(fault, nodes)| (fault.gravity, Reverse(nodes.len())));
    let counts = format!("{good}/{all} nodes {}", adjective(kind));
    let Some((gravest, _)) = faults.first() else {
        return Judgement {
            status: ConditionStatus::True,
            reason: reason_when_true(kind).as_str().to_owned(),
            message: counts,
        };
    };
    Judgement {
        status: match gravest.gravity {
            Gravity::False => ConditionStatus::False,
            Gravity::Unknown => ConditionStatus::Unknown,
        },
        reason: gravest.reason.to_owned(),
        message: shortened(&format!("{counts}: {}", told(&faults)), LONGEST),
    }
}

/// The faults, each with the nodes that have it.
fn told(faults: &[(Fault<'_>, Vec<&str>)]) -> String {
    let first = faults.iter().take(FAULTS);
    let mut parts: Vec<String> = first
        .map(|(fault, nodes)| format!("{}: {}", names(nodes), fault.message))
        .collect();
    let rest = faults.iter().skip(FAULTS);
    let rest: usize = rest.map(|(_, nodes)| nodes.len()).sum();
    if rest > 0 {
        parts.push(format!("{rest} more for other reasons"));
    }
    parts.join("; ")
}

fn names(nodes: &[&str]) -> String {
    let rest = nodes.len().saturating_sub(NAMES);
    let first = nodes[..nodes.len() - rest].join(", ");
    if rest > 0 {
        format!("{first} and {rest} more")
    } else {
        first
    }
}

const fn adjective(kind: ConditionType) -> &'static str {
    match kind {
        ConditionType::Accepted => "accepted it",
        ConditionType::Programmed => "programmed",
        ConditionType::SessionsEstablished => "with sessions established",
        ConditionType::RoutesExchanged => "with routes exchanged",
        ConditionType::Ready => "ready",
    }
}

const fn reason_when_true(kind: ConditionType) -> Reason {
    match kind {
        ConditionType::Accepted => Reason::Accepted,
        ConditionType::Programmed
        | ConditionType::SessionsEstablished
        | ConditionType::RoutesExchanged => Reason::Verified,
        ConditionType::Ready => Reason::Ready,
    }
}

fn stamp(
    kind: ConditionType,
    judged: Judgement,
    object: &ObjectView<'_>,
    now: Timestamp,
) -> Condition {
    let status = judged.status.as_str();
    let mut before = object.before.iter();
    let unchanged = before.find(|old| old.type_ == kind.as_str() && old.status == status);
    let since = unchanged.map_or(Time(now), |old| old.last_transition_time.clone());
    Condition {
        type_: kind.as_str().to_owned(),
        status: status.to_owned(),
        reason: judged.reason,
        message: judged.message,
        observed_generation: object.generation,
        last_transition_time: since,
    }
}
