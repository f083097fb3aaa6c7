//! The plugin of kubectl beside a real API server, called by kubectl itself.

use std::process::{Command, Output};

use perouter_harness::kube::Assets;
use serde_json::{Value, json};

use crate::bed::{Bed, NAMESPACE, l3vni};

/// kubectl with the plugin on its PATH.
fn plugin(bed: &Bed, arguments: &[&str]) -> (Option<i32>, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let link = |to: &std::path::Path, name: &str| {
        std::os::unix::fs::symlink(to, folder.path().join(name)).unwrap();
    };
    let kubectl = Assets::find().unwrap().kubectl();
    link(&kubectl, "kubectl");
    link(env!("CARGO_BIN_EXE_perouter").as_ref(), "kubectl-perouter");
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(&kubectl)
        .arg("perouter")
        .args(arguments)
        .env("PATH", path)
        .env("KUBECONFIG", bed.server.kubeconfig())
        .env("KUBECACHEDIR", folder.path().join("cache"))
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code(), text(stdout), text(stderr))
}

fn condition(kind: &str, status: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": "Because", "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1,
    })
}

/// Writes the status of an object.
fn write(bed: &Bed, object: &Value) {
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    bed.feed(&apply, &object.to_string());
    let status = [&apply[..], &["--subresource=status"]].concat();
    bed.feed(&status, &object.to_string());
}

fn write_node(bed: &Bed, name: &str, status: &str, message: &str) {
    let object = json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "RouterNodeConfigurationStatus",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "status": {
            "conditions": [condition("Ready", status, message)],
            "sessions": {"up": 2, "all": 3},
            "vnis": {"up": 1, "all": 1},
        },
    });
    write(bed, &object);
}

/// Writes the pod of a node's router, of which the agent's image cannot be had.
fn write_pod(bed: &Bed, node: &str) {
    // A server without controllers has none.
    bed.run(&["-n", NAMESPACE, "create", "serviceaccount", "default"]);
    let labels = json!({
        "app.kubernetes.io/name": "perouter", "app.kubernetes.io/component": "router",
    });
    let waiting = json!({
        "name": "agent", "image": "none", "imageID": "", "ready": false, "restartCount": 0,
        "state": {"waiting": {"reason": "ImagePullBackOff"}},
    });
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": format!("router-{node}"), "namespace": NAMESPACE, "labels": labels,
        },
        "spec": {"nodeName": node, "containers": [{"name": "agent", "image": "none"}]},
        "status": {"containerStatuses": [waiting]},
    });
    write(bed, &pod);
}

#[test]
fn the_cluster_is_told_by_kubectl_and_its_exit_status() {
    let bed = Bed::new();
    let (code, out, _) = plugin(&bed, &["status"]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.starts_with("Not ready: no node has a status"), "{out}");

    let mut red: Value = serde_json::from_str(&l3vni("red", 100)).unwrap();
    red["status"] = json!({"conditions": [condition("Ready", "True", "2/2 nodes ready")]});
    write(&bed, &red);
    write_node(&bed, "node-a", "True", "well");
    write_node(&bed, "node-b", "True", "well");
    let (code, out, errors) = plugin(&bed, &["status"]);
    assert_eq!(code, Some(0), "{out}{errors}");
    assert!(out.starts_with("Ready: 2 nodes, 1 object\n"), "{out}");

    write_node(
        &bed,
        "node-b",
        "False",
        "links-present br-pe-100: expected up",
    );
    let (code, out, _) = plugin(&bed, &["status", "-n", NAMESPACE]);
    let first = "Not ready: 1 of 2 nodes: node-b: links-present br-pe-100: expected up\n";
    assert!(code == Some(1) && out.starts_with(first), "{out}");
    let (code, out, _) = plugin(&bed, &["status", "-o", "json"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["verdict"]), (Some(1), &json!("NotReady")));
    assert_eq!(told["nodes"][1]["sessions"], json!({"up": 2, "all": 3}));

    write_node(&bed, "node-b", "True", "well");
    write_pod(&bed, "node-c");
    let (code, out, _) = plugin(&bed, &["status"]);
    let first = "Not ready: 1 of 3 nodes: node-c: the agent of its pod router-node-c does not run: \
                 ImagePullBackOff\n";
    assert!(code == Some(1) && out.starts_with(first), "{out}");

    let (code, out, errors) = plugin(&bed, &["status", "--context", "nowhere"]);
    assert_eq!((code, &*out), (Some(2), ""), "{errors}");
    assert!(errors.contains("nowhere"), "{errors}");
}

/// A kubectl of a cluster with three nodes: on one nothing is found, one's agent is away, and one
/// says nothing. There is no kubelet in these tests that a real one could exec by.
const FAKE: &str = r#"#!/bin/sh
echo "$*" >> "$(dirname "$0")/calls"
pod() {
    echo '{"metadata": {"name": "router-'$1'", "namespace": "routers"},
        "spec": {"nodeName": "node-'$1'", "containers": []},
        "status": {"containerStatuses": [{"name": "agent", "image": "", "imageID": "",
            "ready": true, "restartCount": 0, "state": {"running": {}}}]}}'
}
case "$*" in
*"get pods"*) echo "{\"items\": [$(pod a), $(pod b), $(pod c)]}" ;;
*get*) echo '{"items": [{"metadata": {"name": "node-d"}}]}' ;;
*router-a*) echo '{"node": "node-a", "at": "2026-01-01T00:00:00Z", "tookMs": 1,
    "target": "172.16.2.0/24", "vnis": [], "notes": ["nobody knows it"]}'
    echo "command terminated with exit code 2" >&2
    exit 2 ;;
*router-b*) echo "perouter verify: cannot reach the agent" >&2; exit 2 ;;
*) exec sleep 600 ;;
esac
"#;

#[test]
fn every_node_is_asked_and_one_that_does_not_answer_says_why() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let kubectl = folder.path().join("kubectl");
    std::fs::write(&kubectl, FAKE).unwrap();
    std::fs::set_permissions(&kubectl, PermissionsExt::from_mode(0o755)).unwrap();
    let program = folder.path().join("kubectl-perouter");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_perouter"), &program).unwrap();
    let run = |arguments: &[&str]| {
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let output = Command::new(&program)
            .args(arguments)
            .env("PATH", path)
            .output()
            .unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), told)
    };
    let verify = ["verify", "172.16.2.0/24", "--context=lab", "--timeout=2"];
    let (code, out) = run(&verify);
    assert_eq!(code, Some(1), "{out}");
    let lines: Vec<String> = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    for wanted in [
        "node-a no route - - nobody knows it",
        "node-b no answer - - perouter verify: cannot reach the agent",
        "node-c no answer - - no answer within 2 s",
        "node-d no answer - - there is no router's pod on it",
    ] {
        assert!(lines.iter().any(|line| line == wanted), "{wanted}: {out}");
    }
    let calls = std::fs::read_to_string(folder.path().join("calls")).unwrap();
    let exec = "--context=lab exec --namespace=routers router-a --container agent -- \
                perouter verify --output json 172.16.2.0/24\n";
    assert!(calls.contains(exec), "{calls}");

    let (code, out) = run(&[&verify[..], &["--node", "node-a"]].concat());
    assert_eq!(code, Some(2), "no such route anywhere: {out}");
    assert!(!out.contains("node-b"), "{out}");
}
