//! An L3VPN, with an agent and a controller: it is there, refused by name, and in nobody's way.

use serde_json::{Value, json};

use super::conditions::field;
use super::process::{Controller, FAST, becomes, is};
use crate::agent::{self, Agent};
use crate::bed::{Bed, NAMESPACE, l3vni, l3vpn};

const WORDS: &str = "VRFs over SRv6 are not supported yet";

fn in_rack(mut object: Value, rack: &str) -> Value {
    object["spec"]["nodeSelector"] = json!({"matchLabels": {"rack": rack}});
    object
}

/// Status and reason of a condition, and what it says.
fn says(bed: &Bed, object: &str, kind: &str) -> [String; 3] {
    let of = |what| format!(".status.conditions[?(@.type=='{kind}')].{what}");
    ["status", "reason", "message"].map(|what| field(bed, object, &of(what)))
}

fn said(status: &str, reason: &str, message: &str) -> [String; 3] {
    [status, reason, message].map(str::to_owned)
}

#[test]
fn it_is_refused_by_name_where_it_is_meant_and_all_else_stays_in_force() {
    let bed = Bed::new();
    let apply = |object: &str| bed.feed(&["apply", "-f", "-"], object);
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": "node1",
            "labels": {"rack": "a"},
            "annotations": {"openpe.io/nodeindex": "4"},
        },
    });
    for object in [
        node.to_string(),
        agent::underlay("192.168.11.2"),
        l3vni("red", 100),
    ] {
        apply(&object);
    }
    let _controller = Controller::start(&bed, "a", FAST);
    let agent = Agent::with(bed.server.kubeconfig(), NAMESPACE);
    let others = [("fabric", "True"), ("red", "True")];
    agent.becomes("without it", agent::is(&others));

    apply(&in_rack(l3vpn("elsewhere"), "b").to_string());
    apply(&in_rack(l3vpn("violet"), "a").to_string());
    let refused = [&others[..], &[("violet", "False")]].concat();
    agent.becomes("with it", agent::is(&refused));
    let message = format!("0/1 nodes accepted it: node1: L3VPN {NAMESPACE}/violet: {WORDS}");
    let accepted = || says(&bed, "vpn/violet", "Accepted");
    is(accepted, &said("False", "Rejected", &message));
    let [status, reason, _] = says(&bed, "vpn/violet", "Ready");
    assert_eq!((&*status, &*reason), ("False", "Rejected"));
    let shown = bed.run(&["-n", NAMESPACE, "get", "vpn", "violet", "--no-headers"]);
    let shown: Vec<&str> = shown.split_whitespace().take(5).collect();
    assert_eq!(shown, ["violet", "violet", "100", "False", "Rejected"]);
    let nowhere = said("Unknown", "NoNodes", "its nodeSelector selects no node");
    is(|| says(&bed, "vpn/elsewhere", "Accepted"), &nowhere);
    let path = "{range .status.failedResources[*]}{.kind} {.name} {.reason}: {.message}\n{end}";
    let path = format!("jsonpath={path}");
    let failed = || bed.run(&["-n", NAMESPACE, "get", "rns/node1", "-o", &path]);
    let line = format!("L3VPN violet ValidationFailed: L3VPN {NAMESPACE}/violet: {WORDS}\n");
    let failed = becomes("told", failed, |it| it.contains(&line));
    assert!(!failed.contains("elsewhere"), "{failed}");

    // Nor can a segment be routed by it.
    let segment = json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L2VNI",
        "metadata": {"name": "lan", "namespace": NAMESPACE},
        "spec": {"vni": 110, "routingDomain": {"type": "L3VPN", "l3vpn": {"name": "violet"}}},
    });
    apply(&segment.to_string());
    let with_segment = [("fabric", "True"), ("lan", "False"), ("red", "True")];
    let with_segment = [&with_segment[..], &[("violet", "False")]].concat();
    agent.becomes("with a segment", agent::is(&with_segment));
    let message = || says(&bed, "l2vni/lan", "Accepted")[2].clone();
    let words = format!("spec.routingDomain.l3vpn: {WORDS}");
    becomes("refused", message, |it| it.contains(&words));

    bed.run(&["-n", NAMESPACE, "delete", "l2vni/lan", "vpn/violet"]);
    agent.becomes("as before", agent::is(&others));
}
