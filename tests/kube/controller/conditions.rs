//! The conditions of objects over all nodes, from statuses as agents write them.

use std::time::{Duration, Instant};

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Node;
use kube::Api;
use kube::api::ApiResource;
use kube::api::{DynamicObject, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use perouter::api::v1alpha1::node_status::{NamedObject, NotTrue, ObjectsAlike};
use perouter::api::v1alpha1::{L3Vni, NodeStatus, RouterNodeConfigurationStatus};
use serde_json::{Value, json};

use super::process::{Controller, FAST, add_node, becomes, is};
use crate::bed::{Bed, NAMESPACE, l3vni};

const AGENT: [&str; 4] = [
    "apply",
    "--server-side",
    "--field-manager=perouter-agent",
    "-f",
];

/// What an agent says of the L3VNI red.
fn red(generation: i64, not_true: &[(&str, &str, &str)]) -> ObjectsAlike {
    let not_true = not_true.iter().map(|(kind, reason, message)| NotTrue {
        kind: (*kind).to_owned(),
        status: "False".to_owned(),
        reason: (*reason).to_owned(),
        message: (*message).to_owned(),
    });
    let object = NamedObject {
        kind: "L3VNI",
        namespace: NAMESPACE,
        name: "red",
        observed_generation: Some(generation),
    };
    ObjectsAlike::gather([(object, not_true.collect())]).remove(0)
}

/// An object as the node's agent writes it, and what stands in its status.
fn documents(node: &str, objects: &[ObjectsAlike]) -> (Value, Value) {
    let object = json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "RouterNodeConfigurationStatus",
        "metadata": {"name": node, "namespace": NAMESPACE},
    });
    let mut with_status = object.clone();
    with_status["status"] = json!(NodeStatus {
        objects: objects.to_vec(),
        ..NodeStatus::default()
    });
    (object, with_status)
}

/// Writes a node's status as its agent does.
pub(crate) fn write_status(bed: &Bed, node: &str, objects: &[ObjectsAlike]) {
    let (object, with_status) = documents(node, objects);
    bed.feed(&[&AGENT[..], &["-"]].concat(), &object.to_string());
    let status = [&AGENT[..], &["-", "--subresource=status"]].concat();
    bed.feed(&status, &with_status.to_string());
}

pub(super) fn field(bed: &Bed, object: &str, path: &str) -> String {
    let path = format!("jsonpath={{{path}}}");
    bed.run(&["-n", NAMESPACE, "get", object, "-o", &path])
}

/// Status, reason and message of a condition of red.
pub(super) fn says(bed: &Bed, kind: &str) -> (String, String, String) {
    let of = |what| {
        field(
            bed,
            "l3vni/red",
            &format!(".status.conditions[?(@.type=='{kind}')].{what}"),
        )
    };
    (of("status"), of("reason"), of("message"))
}

fn said(status: &str, reason: &str, message: &str) -> (String, String, String) {
    (status.to_owned(), reason.to_owned(), message.to_owned())
}

/// The versions of everything that a controller could write.
fn versions(bed: &Bed) -> String {
    let all = "nodes,rns,l3vni,lease";
    let path = "jsonpath={range .items[?(@.kind!='Lease')]}{.kind} {.metadata.name} \
                {.metadata.resourceVersion}\n{end}";
    bed.run(&["-n", NAMESPACE, "get", all, "-o", path])
}

#[test]
fn conditions_say_what_all_nodes_say_and_nothing_is_written_at_rest() {
    let bed = Bed::new();
    add_node(&bed, "node-a", None);
    add_node(&bed, "node-b", None);
    bed.feed(&["apply", "-f", "-"], &l3vni("red", 100));
    let _controller = Controller::start(&bed, "a", FAST);
    let ready = || says(&bed, "Ready");
    let message = "0/2 nodes ready: node-a, node-b: has no status yet";
    is(ready, &said("Unknown", "NoStatus", message));

    write_status(&bed, "node-a", &[red(1, &[])]);
    let why = "host-session 192.169.10.2: expected Established; seen: Connect";
    let ready_why = format!("SessionsEstablished: {why}");
    let broken = red(
        1,
        &[
            ("SessionsEstablished", "VerificationFailed", why),
            ("Ready", "NotReady", &ready_why),
        ],
    );
    write_status(&bed, "node-b", &[broken]);
    let message = format!("1/2 nodes ready: node-b: {ready_why}");
    is(ready, &said("False", "VerificationFailed", &message));
    assert_eq!(says(&bed, "Programmed").2, "2/2 nodes programmed");
    let message = format!("1/2 nodes with sessions established: node-b: {why}");
    let sessions = said("False", "VerificationFailed", &message);
    assert_eq!(says(&bed, "SessionsEstablished"), sessions);
    let since = "{.status.conditions[?(@.type=='Programmed')].lastTransitionTime}";
    let since = || {
        bed.run(&[
            "-n",
            NAMESPACE,
            "get",
            "l3vni/red",
            "-o",
            &format!("jsonpath={since}"),
        ])
    };
    let programmed = since();

    write_status(&bed, "node-b", &[red(1, &[])]);
    is(ready, &said("True", "Ready", "2/2 nodes ready"));
    assert_eq!(since(), programmed, "what stays true is true since then");

    // The condition of somebody else stays.
    let foreign = json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L3VNI",
        "metadata": {"name": "red", "namespace": NAMESPACE},
        "status": {"conditions": [{
            "type": "Audited", "status": "True", "reason": "Checked", "message": "",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }]},
    });
    let manager = [
        "apply",
        "--server-side",
        "--field-manager=auditor",
        "--subresource=status",
    ];
    bed.feed(&[&manager[..], &["-f", "-"]].concat(), &foreign.to_string());

    // The rounds that all of this caused are over.
    std::thread::sleep(Duration::from_secs(5));
    let before = versions(&bed);
    assert!(before.lines().count() >= 5, "{before}");
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(
        versions(&bed),
        before,
        "nothing is written while nothing changes"
    );

    // An edit, which no node has taken yet.
    bed.feed(&["apply", "-f", "-"], &l3vni("red", 101));
    let message = "0/2 nodes ready: node-a, node-b: is at generation 1 of 2";
    is(ready, &said("Unknown", "Progressing", message));
    let generations = ".status.conditions[?(@.type=='Ready')].observedGeneration";
    assert_eq!(field(&bed, "l3vni/red", generations), "2");
    for node in ["node-a", "node-b"] {
        write_status(&bed, node, &[red(2, &[])]);
    }
    is(ready, &said("True", "Ready", "2/2 nodes ready"));
    assert_eq!(says(&bed, "Audited").1, "Checked");

    // Only nodes that it selects count.
    let selector =
        json!({"spec": {"nodeSelector": {"matchLabels": {"kubernetes.io/hostname": "node-a"}}}});
    let patch = ["-n", NAMESPACE, "patch", "l3vni/red", "--type=merge", "-p"];
    bed.run(&[&patch[..], &[&selector.to_string()]].concat());
    write_status(&bed, "node-a", &[red(3, &[])]);
    is(ready, &said("True", "Ready", "1/1 nodes ready"));
    bed.run(&[
        "label",
        "--overwrite",
        "node/node-a",
        "kubernetes.io/hostname=other",
    ]);
    let message = "its nodeSelector selects no node";
    is(ready, &said("Unknown", "NoNodes", message));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_statuses_costs_few_writes() {
    const NODES: usize = 500;
    let bed = Bed::new();
    bed.feed(&["apply", "-f", "-"], &l3vni("red", 100));
    let client = bed.client().await;
    let names: Vec<String> = (0..NODES)
        .map(|number| format!("node-{number:03}"))
        .collect();
    let nodes: Api<Node> = Api::all(client.clone());
    let make = |name: &String| {
        let node: Node = serde_json::from_value(json!({"metadata": {"name": name}})).unwrap();
        let nodes = nodes.clone();
        async move { nodes.create(&PostParams::default(), &node).await }
    };
    let made = futures::stream::iter(names.iter().map(make)).buffer_unordered(20);
    made.try_collect::<Vec<_>>().await.unwrap();
    let _controller = Controller::start(&bed, "a", FAST);
    let unknown = |it: &(String, String, String)| it.2.starts_with("0/500 nodes ready: node-000");
    becomes("500 without a status", || says(&bed, "Ready"), unknown);

    let objects: Api<L3Vni> = Api::namespaced(client.clone(), NAMESPACE);
    let version = field(&bed, "l3vni/red", ".metadata.resourceVersion");
    let begin = Instant::now();
    let kind = ApiResource::erase::<RouterNodeConfigurationStatus>(&());
    let statuses: Api<DynamicObject> = Api::namespaced_with(client, NAMESPACE, &kind);
    let write = |name: &String| {
        let (object, with_status) = documents(name, &[red(1, &[])]);
        let (statuses, name) = (statuses.clone(), name.clone());
        async move {
            let apply = PatchParams::apply("perouter-agent").force();
            statuses.patch(&name, &apply, &Patch::Apply(object)).await?;
            let patch = Patch::Apply(with_status);
            statuses.patch_status(&name, &apply, &patch).await
        }
    };
    let written = futures::stream::iter(names.iter().map(write)).buffer_unordered(20);
    written.try_collect::<Vec<_>>().await.unwrap();
    let burst = begin.elapsed();
    is(|| says(&bed, "Ready").2, &"500/500 nodes ready".to_owned());
    let took = begin.elapsed();

    // Every version of the object since.
    let params = WatchParams::default().timeout(5);
    let told = objects.watch(&params, &version).await.unwrap();
    let told: Vec<_> = told.try_collect().await.unwrap();
    let writes = told
        .iter()
        .filter(|event| matches!(event, WatchEvent::Modified(_)))
        .count();
    eprintln!(
        "{NODES} statuses within {burst:?}: {writes} writes of the object, the last after {took:?}"
    );
    let most = 2 + took.as_secs() / 2;
    assert!(
        (1..=most).contains(&(writes as u64)),
        "{writes} writes in {took:?}"
    );
    let indices: std::collections::BTreeSet<String> = super::indices::indices(&bed)
        .into_iter()
        .map(|(_, index)| index)
        .collect();
    assert_eq!(indices.len(), NODES, "every node has an index of its own");
}
