//! Nodes and what they say, in tables.

use super::*;
use crate::api::Kind;
use crate::api::selector::{Demand, Requirement};

fn key() -> ObjectKey {
    ObjectKey {
        kind: Kind::L3Vni,
        namespace: "default".to_owned(),
        name: "red".to_owned(),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn not_true(kind: &str, status: &str, reason: &str, message: &str) -> NotTrue {
    NotTrue {
        kind: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
    }
}

/// What a node says of the object.
fn on_node(generation: impl Into<Option<i64>>, not_true: &[NotTrue]) -> Vec<ObjectsAlike> {
    let red = NamedObject {
        kind: "L3VNI",
        namespace: "default",
        name: "red",
        observed_generation: generation.into(),
    };
    ObjectsAlike::gather([(red, not_true.to_vec())])
}

fn good() -> Vec<ObjectsAlike> {
    on_node(2, &[])
}

fn broken(why: &str) -> Vec<ObjectsAlike> {
    let ready = format!("SessionsEstablished: {why}");
    on_node(
        2,
        &[
            not_true("SessionsEstablished", "False", "VerificationFailed", why),
            not_true("RoutesExchanged", "Unknown", "Waiting", "no session"),
            not_true("Ready", "False", "NotReady", &ready),
        ],
    )
}

/// A node's name, its rack, and its status.
type Row = (&'static str, &'static str, Option<Vec<ObjectsAlike>>);

struct Scene {
    rows: Vec<(Row, Labels)>,
    generation: i64,
    selector: Option<NodeSelector>,
    before: Vec<Condition>,
    now: Timestamp,
}

impl Scene {
    fn of(rows: Vec<Row>) -> Self {
        let with_labels = rows.into_iter().map(|row| {
            let labels = Labels::from([("rack".to_owned(), row.1.to_owned())]);
            (row, labels)
        });
        Self {
            rows: with_labels.collect(),
            generation: 2,
            selector: Some(NodeSelector::default()),
            before: Vec::new(),
            now: at(100),
        }
    }

    fn fold(&self) -> Vec<Condition> {
        let nodes = self.rows.iter().map(|((name, _, told), labels)| {
            let objects = told.as_deref().map(Objects::of);
            (*name, NodeView { labels, objects })
        });
        let object = ObjectView {
            key: &key(),
            generation: Some(self.generation),
            selector: self.selector.as_ref(),
            before: &self.before,
        };
        fold(&object, &nodes.collect(), self.now)
    }

    /// Status, reason and message of a condition.
    fn says(&self, kind: &str) -> (String, String, String) {
        let all = self.fold();
        let found = all.into_iter().find(|it| it.type_ == kind).unwrap();
        (found.status, found.reason, found.message)
    }
}

fn said(status: &str, reason: &str, message: &str) -> (String, String, String) {
    (status.to_owned(), reason.to_owned(), message.to_owned())
}

#[test]
fn what_holds_on_all_nodes_is_true() {
    let scene = Scene::of(vec![("a", "1", Some(good())), ("b", "1", Some(good()))]);
    let all = scene.fold();
    let kinds: Vec<&str> = all.iter().map(|it| &*it.type_).collect();
    assert_eq!(kinds, ConditionType::ALL.map(ConditionType::as_str));
    for condition in &all {
        assert_eq!(condition.status, "True", "{condition:?}");
        assert_eq!(condition.observed_generation, Some(2));
        assert_eq!(condition.last_transition_time, Time(at(100)));
    }
    assert_eq!(
        scene.says("Ready"),
        said("True", "Ready", "2/2 nodes ready")
    );
}

#[test]
fn one_node_on_which_it_does_not_hold_makes_it_false_and_is_named_with_its_finding() {
    let scene = Scene::of(vec![
        ("a", "1", Some(good())),
        ("b", "1", Some(broken("peer 10.1.1.1: Active"))),
        ("c", "1", Some(good())),
    ]);
    for (kind, wanted) in [
        (
            "Ready",
            said(
                "False",
                "VerificationFailed",
                "2/3 nodes ready: b: SessionsEstablished: peer 10.1.1.1: Active",
            ),
        ),
        (
            "RoutesExchanged",
            said(
                "Unknown",
                "Waiting",
                "2/3 nodes with routes exchanged: b: no session",
            ),
        ),
        (
            "Programmed",
            said("True", "Verified", "3/3 nodes programmed"),
        ),
        (
            "Accepted",
            said("True", "Accepted", "3/3 nodes accepted it"),
        ),
    ] {
        assert_eq!(scene.says(kind), wanted);
    }
}

#[test]
fn a_node_without_a_status_or_behind_makes_it_unknown() {
    for (told, reason, message) in [
        (None, "NoStatus", "1/2 nodes ready: b: has no status yet"),
        (
            Some(vec![]),
            "Progressing",
            "1/2 nodes ready: b: has not looked at it yet",
        ),
        (
            Some(on_node(1, &[])),
            "Progressing",
            "1/2 nodes ready: b: is at generation 1 of 2",
        ),
    ] {
        let scene = Scene::of(vec![("a", "1", Some(good())), ("b", "1", told)]);
        assert_eq!(scene.says("Ready"), said("Unknown", reason, message));
        assert_eq!(scene.says("Accepted").0, "Unknown");
    }
}

#[test]
fn false_beats_unknown() {
    let scene = Scene::of(vec![
        ("a", "1", None),
        ("b", "1", None),
        ("c", "1", Some(broken("down"))),
    ]);
    let message = "0/3 nodes ready: c: SessionsEstablished: down; a, b: has no status yet";
    let wanted = said("False", "VerificationFailed", message);
    assert_eq!(scene.says("Ready"), wanted);
}

#[test]
fn the_refusal_of_what_is_written_now_counts_and_an_earlier_one_does_not() {
    let refusal = [
        not_true(
            "Accepted",
            "False",
            "LastGoodKept",
            "spec.vni: 0 is not a VNI",
        ),
        not_true(
            "Ready",
            "False",
            "NotReady",
            "Accepted: spec.vni: 0 is not a VNI",
        ),
    ];
    let of =
        |generation: Option<i64>| Scene::of(vec![("a", "1", Some(on_node(generation, &refusal)))]);
    let mended = "0/1 nodes accepted it: a: is at generation 1 of 2";
    let wanted = said("Unknown", "Progressing", mended);
    assert_eq!(of(Some(1)).says("Accepted"), wanted);
    for generation in [Some(2), None] {
        let scene = of(generation);
        let message = "0/1 nodes accepted it: a: spec.vni: 0 is not a VNI";
        let wanted = said("False", "LastGoodKept", message);
        assert_eq!(scene.says("Accepted"), wanted);
        assert_eq!(scene.says("Ready").1, "LastGoodKept");
        assert_eq!(scene.says("Programmed").0, "True");
    }
}

#[test]
fn only_the_nodes_that_it_selects_count() {
    let mut scene = Scene::of(vec![
        ("a", "1", Some(good())),
        ("b", "2", Some(broken("down"))),
        ("c", "2", None),
    ]);
    scene.selector = Some(NodeSelector::new(vec![Requirement {
        key: "rack".to_owned(),
        demand: Demand::In(["1".to_owned()].into()),
    }]));
    assert_eq!(
        scene.says("Ready"),
        said("True", "Ready", "1/1 nodes ready")
    );
    scene.selector = Some(NodeSelector::new(vec![Requirement {
        key: "rack".to_owned(),
        demand: Demand::DoesNotExist,
    }]));
    let wanted = said("Unknown", "NoNodes", "its nodeSelector selects no node");
    assert_eq!(scene.says("Ready"), wanted);
    // Every node refuses an object whose selector cannot be read.
    scene.selector = None;
    assert!(scene.says("Ready").2.starts_with("1/3 nodes ready: b: "));
}

#[test]
fn the_status_of_another_object_says_nothing() {
    for other in [
        "L2VNI default/red 2",
        "L3VNI other/red 2",
        "L3VNI default/blue 2",
    ] {
        let mut told = good();
        told[0].named = other.to_owned();
        let scene = Scene::of(vec![("a", "1", Some(told))]);
        assert_eq!(scene.says("Ready").1, "Progressing");
    }
}

#[test]
fn the_transition_time_moves_with_the_status_alone() {
    let mut scene = Scene::of(vec![("a", "1", Some(good())), ("b", "1", Some(good()))]);
    scene.before = scene.fold();
    scene.now = at(200);
    assert_eq!(change(&scene.before, &scene.fold()), Change::Nothing);

    scene.rows[1].0.2 = Some(broken("down"));
    let down = scene.fold();
    let times = |all: &[Condition]| -> Vec<(String, Timestamp)> {
        let all = all.iter();
        all.map(|it| (it.type_.clone(), it.last_transition_time.0))
            .collect()
    };
    let wanted = [
        ("Accepted", 100),
        ("Programmed", 100),
        ("SessionsEstablished", 200),
        ("RoutesExchanged", 200),
        ("Ready", 200),
    ]
    .map(|(kind, second)| (kind.to_owned(), at(second)));
    assert_eq!(times(&down), wanted);
    assert_eq!(change(&scene.before, &down), Change::Verdict);

    // Another fault, the same status.
    scene.before = down;
    scene.now = at(300);
    scene.rows[1].0.2 = Some(broken("still down"));
    let still = scene.fold();
    assert_eq!(times(&still), wanted);
    assert_eq!(change(&scene.before, &still), Change::Words);
}

#[test]
fn a_new_generation_is_another_verdict_and_what_others_wrote_is_nothing() {
    let mut scene = Scene::of(vec![("a", "1", Some(on_node(3, &[])))]);
    scene.before = scene.fold();
    let foreign = Condition {
        type_: "Audited".to_owned(),
        ..scene.before[0].clone()
    };
    scene.before.insert(0, foreign);
    assert_eq!(change(&scene.before, &scene.fold()), Change::Nothing);
    scene.generation = 3;
    assert_eq!(change(&scene.before, &scene.fold()), Change::Verdict);
    assert_eq!(change(&[], &scene.fold()), Change::Verdict);
}

#[test]
fn nodes_with_the_same_fault_are_told_of_together_and_many_are_counted() {
    const NODES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let faults = ["x", "y", "y", "y", "y", "z", "u", "v"];
    let rows = NODES.into_iter().zip(faults);
    let scene = Scene::of(
        rows.map(|(node, why)| (node, "1", Some(broken(why))))
            .collect(),
    );
    assert_eq!(
        scene.says("SessionsEstablished").2,
        "0/8 nodes with sessions established: b, c, d and 1 more: y; g: u; h: v; \
         2 more for other reasons"
    );
}

#[test]
fn a_message_does_not_grow_without_bound() {
    let long = "ö".repeat(LONGEST);
    let scene = Scene::of(vec![("a", "1", Some(broken(&long)))]);
    let (_, _, message) = scene.says("Ready");
    assert!(message.len() <= LONGEST, "{}", message.len());
    assert!(message.ends_with('…'), "{message}");
}
