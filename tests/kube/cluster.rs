//! Objects and the node as an agent takes them from a real API server, which goes away and
//! comes back.

use std::time::{Duration, Instant};

use perouter::agent::source::{Cluster, Contents};
use perouter::api::{Kind, Manifest};
use perouter::intent::{NodeIndex, Unfit};
use serde_json::json;
use tokio::sync::mpsc;

use crate::bed::{Bed, NAMESPACE, crds, l3vni, underlay};

const SOON: Duration = Duration::from_secs(30);

fn names(contents: &Contents) -> Vec<&str> {
    let objects = contents.candidates.objects.iter();
    objects.map(|object| object.key.name.as_str()).collect()
}

/// Waits until the contents are so; each look is caused by word of a change.
async fn becomes(
    cluster: &Cluster,
    changed: &mut mpsc::Receiver<()>,
    what: &str,
    is_so: impl Fn(&Contents) -> bool,
) {
    let begin = Instant::now();
    while !is_so(&cluster.contents()) {
        let told = tokio::time::timeout(SOON, changed.recv()).await;
        assert!(
            told.is_ok() && begin.elapsed() < SOON,
            "not {what}: {:?}, {:?}",
            names(&cluster.contents()),
            cluster.contents().candidates.broken_sources
        );
    }
}

#[tokio::test]
async fn objects_are_told_as_they_come_and_stay_while_the_api_is_away() {
    let mut bed = Bed::new();
    bed.feed(&["apply", "-f", "-"], &l3vni("red", 100));
    let client = bed.client().await;
    let (tell, mut changed) = mpsc::channel(1);
    let cluster = Cluster::watch(&client, "node1", NAMESPACE, &tell);
    let is = |wanted: &'static [&'static str]| {
        move |contents: &Contents| {
            contents.candidates.broken_sources.is_empty() && names(contents) == wanted
        }
    };
    becomes(&cluster, &mut changed, "red", is(&["red"])).await;
    bed.feed(&["apply", "-f", "-"], &l3vni("blue", 200));
    becomes(&cluster, &mut changed, "red and blue", is(&["blue", "red"])).await;

    bed.server.kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(names(&cluster.contents()), ["blue", "red"]);
    assert!(cluster.contents().candidates.broken_sources.is_empty());
    bed.server.start_server().unwrap();
    bed.run(&["-n", NAMESPACE, "delete", "l3vni", "red"]);
    let back = Instant::now();
    becomes(&cluster, &mut changed, "blue", is(&["blue"])).await;
    eprintln!(
        "what changed is known {:?} after the API is back",
        back.elapsed()
    );
}

#[tokio::test]
async fn lines_of_configuration_from_a_tenants_namespace_are_told_and_not_taken() {
    let bed = Bed::new();
    for namespace in ["default", NAMESPACE] {
        let lines = json!({
            "apiVersion": "network.openperouter.io/v1alpha1",
            "kind": "RawFRRConfig",
            "metadata": {"name": "lines", "namespace": namespace},
            "spec": {"rawConfig": "ip prefix-list lines permit any"},
        });
        bed.feed(&["apply", "-f", "-"], &lines.to_string());
    }
    let (tell, mut changed) = mpsc::channel(1);
    let cluster = Cluster::watch(&bed.client().await, "node1", NAMESPACE, &tell);
    let both = |contents: &Contents| {
        contents.candidates.broken_sources.is_empty() && names(contents).len() == 2
    };
    becomes(&cluster, &mut changed, "both", both).await;
    let contents = cluster.contents();
    let [tenants, own] = contents.candidates.objects.as_slice() else {
        panic!("{:?}", names(&contents));
    };
    let words = format!(
        "RawFRRConfig default/lines: metadata.namespace: its lines would go into routers as they \
         are, so it counts only in {NAMESPACE}, the namespace of the router itself; create it there"
    );
    assert_eq!(tenants.manifest, Err(Unfit::Barred(words)));
    assert!(own.manifest.is_ok(), "{:?}", own.manifest);
}

/// The password of the one neighbour of the one Underlay, or why there is none.
fn password(contents: &Contents) -> Result<String, String> {
    let mut objects = contents.candidates.objects.iter();
    let underlay = objects.find(|object| object.key.name == "fabric");
    match &underlay.ok_or("no Underlay")?.manifest {
        Ok(Manifest::Underlay(underlay)) => {
            let password = underlay.spec.neighbors[0].password.as_ref();
            Ok(password.ok_or("no password")?.expose().to_owned())
        }
        Ok(other) => Err(format!("{other:?}")),
        Err(Unfit::Faulty { message: why, .. } | Unfit::Barred(why)) => Err(why.clone()),
    }
}

#[tokio::test]
async fn a_session_has_its_password_from_a_secret_as_that_is_now() {
    let mut bed = Bed::new();
    let apply = ["apply", "-f", "-"];
    let mut underlay = underlay();
    underlay["spec"]["neighbors"][0]["passwordSecret"] = json!("bgp");
    let secret = |kind: &str, password: &str| {
        let secret = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": kind,
            "metadata": {"name": "bgp", "namespace": NAMESPACE},
            "stringData": {"username": "bgp", "password": password},
        });
        secret.to_string()
    };
    bed.feed(&apply, &underlay.to_string());
    let client = bed.client().await;
    let (tell, mut changed) = mpsc::channel(1);
    let cluster = Cluster::watch(&client, "node1", NAMESPACE, &tell);
    let is = |wanted: &'static str| {
        move |contents: &Contents| password(contents).as_deref() == Ok(wanted)
    };
    let is_missing = |contents: &Contents| {
        password(contents).is_err_and(|why| why.contains("\"bgp\": there is no such Secret"))
    };
    becomes(&cluster, &mut changed, "missing", is_missing).await;
    // One of another type is none of ours, and is not even told.
    bed.feed(&apply, &secret("Opaque", "hunter1"));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(is_missing(&cluster.contents()));
    bed.run(&["-n", NAMESPACE, "delete", "secret", "bgp"]);
    let basic = "kubernetes.io/basic-auth";
    bed.feed(&apply, &secret(basic, "hunter2"));
    becomes(&cluster, &mut changed, "hunter2", is("hunter2")).await;
    bed.feed(&apply, &secret(basic, "hunter3"));
    becomes(&cluster, &mut changed, "hunter3", is("hunter3")).await;

    bed.server.kill();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(password(&cluster.contents()).as_deref(), Ok("hunter3"));
    bed.server.start_server().unwrap();
    bed.run(&["-n", NAMESPACE, "delete", "secret", "bgp"]);
    becomes(&cluster, &mut changed, "missing again", is_missing).await;
}

#[tokio::test]
async fn the_node_gets_an_index_some_time() {
    let bed = Bed::new();
    let node = |name: &str| {
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name, "labels": {"rack": "1"}},
        })
        .to_string()
    };
    for name in ["node1", "node2"] {
        bed.feed(&["apply", "-f", "-"], &node(name));
    }
    bed.run(&["annotate", "node/node2", "openpe.io/nodeindex=7"]);
    let client = bed.client().await;
    let (tell, _changed) = mpsc::channel(1);
    let cluster = Cluster::watch(&client, "node1", NAMESPACE, &tell);
    let given = tokio::time::timeout(Duration::from_secs(2), cluster.indexed_node()).await;
    assert!(given.is_err(), "another node's: {given:?}");
    let labels = cluster.node().expect("the node was read").labels;
    assert_eq!(labels["rack"], "1");

    bed.run(&["annotate", "node/node1", "openpe.io/nodeindex=3"]);
    let given = tokio::time::timeout(SOON, cluster.indexed_node()).await;
    assert_eq!(given.expect("soon").0, NodeIndex(3));
}

#[tokio::test]
async fn without_the_api_nothing_is_known_and_the_reason_is_told() {
    let mut bed = Bed::new();
    let client = bed.client().await;
    bed.server.kill();
    let (tell, mut changed) = mpsc::channel(1);
    let cluster = Cluster::watch(&client, "node1", NAMESPACE, &tell);
    let all_refused = |contents: &Contents| {
        let broken = contents.candidates.broken_sources.values();
        let refused = broken.filter(|why| why.contains("Connection refused"));
        refused.count() == Kind::ALL.len()
    };
    becomes(&cluster, &mut changed, "refused", all_refused).await;
    // Some tries later nobody is bothered, and the reason is still told.
    while changed.try_recv().is_ok() {}
    let again = tokio::time::timeout(Duration::from_secs(3), changed.recv()).await;
    assert!(again.is_err() && all_refused(&cluster.contents()));
    bed.server.start_server().unwrap();
    becomes(&cluster, &mut changed, "known", |contents| {
        contents.candidates.broken_sources.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_kind_without_a_definition_is_told_with_what_to_do_and_keeps_no_other_from_being_read() {
    let bed = Bed::new();
    bed.feed(&["apply", "-f", "-"], &l3vni("red", 100));
    bed.run(&["delete", "crd", "l3vpns.network.openperouter.io"]);
    let (tell, mut changed) = mpsc::channel(1);
    let cluster = Cluster::watch(&bed.client().await, "node1", NAMESPACE, &tell);
    let missing = |contents: &Contents| {
        let broken = &contents.candidates.broken_sources;
        let words = "the API server has no definition of this kind; apply deploy/crds";
        let told = broken.get("Kubernetes API, L3VPN");
        names(contents) == ["red"]
            && broken.len() == 1
            && told.is_some_and(|why| why.contains(words))
    };
    becomes(&cluster, &mut changed, "missing", missing).await;
    bed.run(&["apply", "--server-side", "-f", &crds()]);
    becomes(&cluster, &mut changed, "whole", |contents| {
        contents.candidates.broken_sources.is_empty() && names(contents) == ["red"]
    })
    .await;
}
