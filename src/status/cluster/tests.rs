use serde_json::{Value, json};

use super::*;
use crate::status::node_status::node_status;
use crate::status::report::tests::Scene;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

/// A node with the status that its agent makes of the scene.
pub(crate) fn node_of(name: &str, scene: &Scene) -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": OF_NODE,
        "metadata": {"name": name, "namespace": "perouter-system"},
        "status": node_status(&scene.report(None, 900)),
    })
}

/// An L3VNI at a generation, with conditions of another one: type, status, message.
pub(crate) fn l3vni(
    name: &str,
    generation: i64,
    observed: i64,
    conditions: &[(&str, &str, &str)],
) -> Value {
    let conditions = conditions.iter().map(|(kind, status, message)| {
        json!({
            "type": kind, "status": status, "reason": "Because", "message": message,
            "lastTransitionTime": "1970-01-01T00:15:40Z", "observedGeneration": observed,
        })
    });
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L3VNI",
        "metadata": {"name": name, "namespace": "default", "generation": generation},
        "status": {"conditions": conditions.collect::<Vec<_>>()},
    })
}

pub(crate) const GOOD: [(&str, &str, &str); 6] = [
    ("Accepted", "True", "2/2 nodes accepted it"),
    ("Programmed", "True", "2/2 nodes programmed"),
    (
        "SessionsEstablished",
        "True",
        "2/2 nodes with sessions established",
    ),
    ("RoutesExchanged", "True", "2/2 nodes with routes exchanged"),
    ("Ready", "True", "2/2 nodes ready"),
    ("Audited", "False", "somebody else's"),
];

pub(crate) fn read(items: &[Value]) -> ClusterReport {
    read_beside(items, &[])
}

fn read_beside(items: &[Value], routers: &[Router]) -> ClusterReport {
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    ClusterReport::read(&list, routers, at(1000)).unwrap()
}

fn broken() -> Scene {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    scene
}

#[test]
fn a_node_whose_router_never_wrote_has_its_row_and_is_not_ready() {
    let router = |node: &str, pod: Result<&str, &str>| Router {
        node: node.to_owned(),
        pod: pod
            .map(|name| routers::PodName {
                namespace: "perouter-system".to_owned(),
                name: name.to_owned(),
            })
            .map_err(str::to_owned),
    };
    let routers = [
        router("node-a", Ok("router-1")),
        router("node-b", Ok("router-2")),
        router("node-c", Err("the agent does not run")),
    ];
    let report = read_beside(&[node_of("node-b", &Scene::healthy())], &routers);
    let rows = report.nodes.iter();
    let rows = rows.map(|row| (&*row.node, row.is_ready(), &*row.finding));
    assert_eq!(
        rows.collect::<Vec<_>>(),
        [
            ("node-a", false, NOTHING_TOLD),
            ("node-b", true, ""),
            ("node-c", false, "the agent does not run"),
        ]
    );
    assert_eq!(report.verdict, Verdict::NotReady);
    assert_eq!(
        report.cause,
        format!("2 of 3 nodes: node-a: {NOTHING_TOLD}")
    );
    let none = read_beside(&[], &routers[..1]);
    assert_eq!(none.cause, format!("1 of 1 nodes: node-a: {NOTHING_TOLD}"));
}

#[test]
fn all_that_is_ready_is_counted() {
    let report = read(&[
        node_of("node-b", &Scene::healthy()),
        node_of("node-a", &Scene::healthy()),
        l3vni("red", 3, 3, &GOOD),
    ]);
    assert_eq!((report.verdict, &*report.cause), (Verdict::Ready, ""));
    let names: Vec<&str> = report.nodes.iter().map(|row| &*row.node).collect();
    assert_eq!(names, ["node-a", "node-b"]);
    let first = &report.nodes[0];
    assert_eq!(first.sessions, Some(UpOfAll { up: 3, all: 3 }));
    assert_eq!(first.vnis, Some(UpOfAll { up: 2, all: 2 }));
    assert_eq!((first.since, &*first.finding), (Some(at(900)), ""));
    assert_eq!(report.objects[0].conditions.len(), 5, "{report:?}");
}

#[test]
fn a_node_that_is_not_ready_says_what_it_found_first() {
    let report = read(&[
        node_of("node-a", &Scene::healthy()),
        node_of("node-b", &broken()),
        l3vni("red", 1, 1, &GOOD),
    ]);
    assert_eq!(report.verdict, Verdict::NotReady);
    let start = "1 of 2 nodes: node-b: L3VNI default/red: route-in-kernel";
    assert!(report.cause.starts_with(start), "{}", report.cause);
    assert!(report.nodes[1].finding.contains("route-in-kernel"));
}

#[test]
fn what_was_said_of_an_earlier_generation_says_nothing_of_this_one() {
    let report = read(&[
        node_of("node-a", &Scene::healthy()),
        l3vni("red", 4, 3, &GOOD),
    ]);
    assert_eq!(report.objects[0].conditions.len(), 0);
    let cause = "1 of 1 objects: L3VNI default/red: the controller has not told of it as it is now";
    assert_eq!(report.cause, cause);
}

#[test]
fn who_has_said_nothing_is_not_ready() {
    let nobody = read(&[]);
    assert!(
        nobody.cause.starts_with("no node has a status"),
        "{nobody:?}"
    );
    let silent = json!({"kind": OF_NODE, "metadata": {"name": "node-a"}});
    let report = read(&[silent]);
    assert_eq!(report.verdict, Verdict::NotReady);
    assert_eq!(report.nodes[0].ready, ConditionStatus::Unknown);
    assert_eq!(
        report.nodes[0].finding,
        "its agent has not told anything yet"
    );
    // One of an agent that does not count.
    let mut old = node_of("node-a", &Scene::healthy());
    for numbers in ["sessions", "vnis"] {
        old["status"].as_object_mut().unwrap().remove(numbers);
    }
    assert_eq!(read(&[old]).nodes[0].sessions, None);
}

#[test]
fn what_is_no_list_is_refused() {
    let error = ClusterReport::read("No resources found", &[], at(1)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "what kubectl printed is no list of objects"
    );
}
