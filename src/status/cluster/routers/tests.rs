use serde_json::{Value, json};

use super::*;
use crate::status::render::tests::{broken, verify_report, walked};
use crate::status::report::tests::Scene;

fn pod(name: &str, node: Option<&str>, state: &Value) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "openperouter-system"},
        "spec": {"nodeName": node, "containers": []},
        "status": {"phase": "Running", "containerStatuses": [
            {"name": "frr", "image": "", "imageID": "", "ready": true, "restartCount": 0,
             "state": {"running": {}}},
            {"name": "agent", "image": "", "imageID": "", "ready": false, "restartCount": 0,
             "state": state},
        ]},
    })
}

fn all(pods: &[Value], statuses: &[&str]) -> Vec<(String, Result<String, String>)> {
    let statuses: Vec<Value> = statuses
        .iter()
        .map(|name| json!({"metadata": {"name": name}}))
        .collect();
    let list = |items: &[Value]| json!({ "items": items }).to_string();
    let routers = routers(&list(pods), &list(&statuses)).unwrap();
    routers
        .into_iter()
        .map(|router| (router.node, router.pod.map(|pod| pod.name)))
        .collect()
}

#[test]
fn every_node_has_its_line_whether_its_agent_can_be_asked_or_not() {
    let crash = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let ended = json!({"terminated": {"exitCode": 137, "reason": "OOMKilled"}});
    let mut young = pod("router-5", Some("node-e"), &json!({}));
    young["status"] = json!({"phase": "Pending"});
    let pods = [
        pod("router-1", Some("node-a"), &json!({"running": {}})),
        pod("router-2", Some("node-b"), &crash),
        pod("router-3", Some("node-c"), &ended),
        pod("router-4", None, &json!({})),
        young,
    ];
    let why = |text: &str| Err(text.to_owned());
    let wanted = [
        ("node-a", Ok("router-1".to_owned())),
        (
            "node-b",
            why("the agent of its pod router-2 does not run: CrashLoopBackOff"),
        ),
        (
            "node-c",
            why("the agent of its pod router-3 does not run: OOMKilled, exit status 137"),
        ),
        ("node-d", why("there is no router's pod on it")),
        (
            "node-e",
            why("the agent of its pod router-5 does not run: Pending"),
        ),
    ];
    let wanted = wanted.map(|(node, pod)| (node.to_owned(), pod));
    assert_eq!(all(&pods, &["node-a", "node-d"]), wanted);
}

#[test]
fn of_two_pods_on_a_node_the_one_that_runs_is_asked() {
    let crash = json!({"waiting": {"reason": "CrashLoopBackOff"}});
    let pods = [
        pod("old", Some("node-a"), &crash),
        pod("new", Some("node-a"), &json!({"running": {}})),
        pod("older", Some("node-a"), &crash),
    ];
    let wanted = ("node-a".to_owned(), Ok("new".to_owned()));
    assert_eq!(all(&pods, &[]), [wanted]);
}

fn said(out: impl Serialize) -> Said {
    Said {
        out: serde_json::to_string(&out).unwrap(),
        // It says so whenever something was found.
        errors: "command terminated with exit code 1".to_owned(),
    }
}

fn red() -> Option<Target> {
    Some("172.16.2.0/24".parse().unwrap())
}

#[test]
fn an_answer_is_read_whatever_the_exit_status_is() {
    let walk = walked(&broken(), "172.16.2.0/24");
    let told = answer("node-a", red(), &said(&walk));
    assert_eq!(told.told, Told::Walk(walk));
    assert_eq!(told.outcome(), Outcome::Broken);
    let good = verify_report(&Scene::healthy());
    assert_eq!(
        answer("node-a", None, &said(&good)).outcome(),
        Outcome::Whole
    );
}

#[test]
fn without_an_answer_the_agents_own_words_come_first() {
    let errors = "perouter verify: cannot reach the agent\ncommand terminated with exit code 2\n";
    let failed = Said {
        errors: errors.to_owned(),
        ..Said::default()
    };
    let why = Told::Error("perouter verify: cannot reach the agent".to_owned());
    assert_eq!(answer("node-a", red(), &failed).told, why);
    let Told::Error(why) = answer("node-a", red(), &Said::default()).told else {
        panic!("nothing is no answer");
    };
    assert!(why.starts_with("its answer cannot be read"), "{why}");
}

#[test]
fn a_route_may_be_on_some_nodes_alone_but_silence_is_never_well() {
    let whole = answer(
        "a",
        red(),
        &said(walked(&Scene::healthy(), "172.16.2.0/24")),
    );
    let mut none = walked(&Scene::healthy(), "172.16.2.0/24");
    none.walk.vnis.clear();
    let none = answer("b", red(), &said(none));
    let broken = answer("c", red(), &said(walked(&broken(), "172.16.2.0/24")));
    let silent = answer("d", red(), &Said::default());
    let of = |nodes: &[&Answer]| {
        let nodes = nodes.iter().map(|&answer| answer.clone()).collect();
        let target = red();
        Answers { target, nodes }.outcome()
    };
    assert_eq!(of(&[&whole, &none]), Outcome::Whole);
    assert_eq!(of(&[&none, &none]), Outcome::NoRoute);
    assert_eq!(of(&[&whole, &broken, &none]), Outcome::Broken);
    assert_eq!(of(&[&whole, &silent]), Outcome::Broken);
    assert_eq!(of(&[&silent, &silent]), Outcome::Silent);
    assert_eq!(of(&[]), Outcome::Silent);
}
