//! What `kubectl apply -k deploy/` makes of an API server: it takes all of it, and what the roles
//! allow is enough for the agent's program and no more.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use perouter_harness::kube::Assets;
use serde_json::{Value, json};

use crate::agent::Agent;
use crate::bed::{Bed, l3vni};

/// What `deploy/` names.
pub(crate) const NAMESPACE: &str = "openperouter-system";

/// How long programs may take for what they do at once.
const SOON: Duration = Duration::from_secs(60);

pub(crate) fn deploy() -> String {
    format!("{}/deploy", env!("CARGO_MANIFEST_DIR"))
}

/// Installs everything, as the README says.
fn apply(bed: &Bed) {
    bed.run(&[
        "apply",
        "--server-side",
        "--validate=strict",
        "-k",
        &deploy(),
    ]);
}

/// A server on which everything is installed.
pub(crate) fn installed() -> Bed {
    let bed = Bed::new();
    apply(&bed);
    bed
}

pub(crate) fn account(name: &str) -> String {
    format!("system:serviceaccount:{NAMESPACE}:{name}")
}

/// Whether somebody may do something: a verb and a kind, in a namespace if one is given.
fn may(bed: &Bed, who: &str, what: &[&str], namespace: Option<&str>) -> bool {
    let who = account(who);
    let mut arguments = vec!["auth", "can-i", "--as", &who];
    arguments.extend(what);
    arguments.extend(namespace.into_iter().flat_map(|name| ["--namespace", name]));
    let said = bed.kubectl(&arguments, "");
    assert!(
        ["yes", "no"].contains(&said.out.trim()),
        "{}{}",
        said.out,
        said.errors
    );
    said.worked
}

/// Each object of `deploy/`, with its version.
fn versions(bed: &Bed) -> BTreeMap<String, String> {
    let all = bed.run(&["get", "-k", &deploy(), "-o", "json"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    let items = all["items"].as_array().unwrap().iter();
    let version = |it: &Value| {
        let metadata = &it["metadata"];
        let name = format!("{} {}", it["kind"], metadata["name"]);
        (
            name,
            metadata["resourceVersion"].as_str().unwrap().to_owned(),
        )
    };
    let versions: BTreeMap<_, _> = items.map(version).collect();
    assert!(versions.len() > 20, "{versions:?}");
    versions
}

/// Nobody else is here who writes: of all that is applied, a controller writes the webhook's
/// `caBundle`, and Kubernetes' own controllers the status of workloads.
#[test]
fn everything_is_taken_and_taken_again_without_a_change() {
    let bed = installed();
    let before = versions(&bed);
    apply(&bed);
    assert_eq!(versions(&bed), before);
    // What the controller has written stays.
    let patch = json!({"webhooks": [{
        "name": "validate.network.openperouter.io", "clientConfig": {"caBundle": "Y2E="},
    }]});
    let configuration = "validatingwebhookconfiguration/perouter";
    bed.run(&["patch", configuration, "-p", &patch.to_string()]);
    let before = versions(&bed);
    apply(&bed);
    assert_eq!(versions(&bed), before);
    let bundle = "jsonpath={.webhooks[0].clientConfig.caBundle}";
    assert_eq!(bed.run(&["get", configuration, "-o", bundle]), "Y2E=");
}

#[test]
fn nobody_may_do_what_is_not_theirs() {
    let bed = installed();
    let (router, controller) = ("perouter-router", "perouter-controller");
    let rns = "routernodeconfigurationstatuses.network.openperouter.io";
    let leases = "leases.coordination.k8s.io";
    let configurations = "validatingwebhookconfigurations";
    let ours = "validatingwebhookconfigurations/perouter";
    for (who, what, namespace, wanted) in [
        (
            router,
            ["list", "underlays.network.openperouter.io"],
            None,
            true,
        ),
        (router, ["patch", rns], Some(NAMESPACE), true),
        (router, ["patch", rns], Some("default"), false),
        (router, ["watch", rns], Some(NAMESPACE), true),
        (router, ["watch", rns], Some("default"), false),
        (router, ["delete", rns], Some(NAMESPACE), false),
        (router, ["patch", "nodes"], None, false),
        (
            router,
            ["create", "events.events.k8s.io"],
            Some("default"),
            true,
        ),
        (
            router,
            ["list", "events.events.k8s.io"],
            Some("default"),
            false,
        ),
        (router, ["list", "secrets"], Some(NAMESPACE), true),
        (router, ["list", "secrets"], Some("default"), false),
        (router, ["get", "secrets"], Some(NAMESPACE), false),
        (
            router,
            ["patch", "underlays.network.openperouter.io"],
            None,
            false,
        ),
        (controller, ["patch", "nodes"], None, true),
        (controller, ["delete", "nodes"], None, false),
        (controller, ["delete", rns], Some(NAMESPACE), true),
        (controller, ["create", leases], Some(NAMESPACE), true),
        (controller, ["create", leases], Some("kube-system"), false),
        (controller, ["get", "secrets"], Some(NAMESPACE), false),
        (
            controller,
            ["get", "secrets/perouter-webhook"],
            Some(NAMESPACE),
            true,
        ),
        (
            controller,
            ["get", "secrets/perouter-webhook"],
            Some("default"),
            false,
        ),
        (controller, ["patch", configurations], None, false),
        (controller, ["patch", ours], None, true),
        (controller, ["delete", ours], None, false),
    ] {
        assert_eq!(
            may(&bed, who, &what, namespace),
            wanted,
            "{who} {what:?} {namespace:?}"
        );
    }
}

/// Credentials like those of a pod. What they may do was just said, and is known to the server
/// a moment later.
pub(crate) fn credentials(bed: &Bed, who: &str, folder: &Path) -> std::path::PathBuf {
    bed.credentials(NAMESPACE, who, folder)
}

#[test]
fn the_agent_gets_along_with_what_it_may_do() {
    let bed = installed();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = credentials(&bed, "perouter-router", folder.path());
    let node = json!({
        "apiVersion": "v1", "kind": "Node",
        "metadata": {"name": "node1", "annotations": {"openpe.io/nodeindex": "0"}},
    });
    bed.feed(&["apply", "--server-side", "-f", "-"], &node.to_string());
    bed.feed(&["apply", "--server-side", "-f", "-"], &l3vni("red", 100));
    let agent = Agent::with(kubeconfig, NAMESPACE);
    agent.becomes("told of the object", |status| {
        status["objects"]
            .as_array()
            .is_some_and(|objects| objects.len() == 1)
    });
    let begin = Instant::now();
    let get = [
        "-n",
        NAMESPACE,
        "get",
        "rns/node1",
        "-o",
        "jsonpath={.status.conditions[*].type}",
    ];
    while !bed.kubectl(&get, "").out.contains("Ready") {
        assert!(begin.elapsed() < SOON, "{}", agent.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    let log = agent.log();
    assert!(!log.contains("forbidden"), "{log}");
}

#[test]
fn the_controller_gets_along_with_what_it_may_do() {
    let bed = installed();
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = credentials(&bed, "perouter-controller", folder.path());
    for object in [
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node1"}}),
        json!({
            "apiVersion": "network.openperouter.io/v1alpha1",
            "kind": "RouterNodeConfigurationStatus",
            "metadata": {"name": "node2", "namespace": NAMESPACE},
        }),
    ] {
        bed.feed(&["apply", "--server-side", "-f", "-"], &object.to_string());
    }
    bed.feed(&["apply", "--server-side", "-f", "-"], &l3vni("red", 100));
    let log = folder.path().join("log");
    let mut controller = Command::new(env!("CARGO_BIN_EXE_perouter"))
        .args(["controller", "--health-listen=off"])
        .arg("--webhook-listen=127.0.0.1:0")
        .env("KUBECONFIG", kubeconfig)
        .env("POD_NAMESPACE", NAMESPACE)
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let said = |arguments: &[&str]| bed.kubectl(arguments, "").out;
    let index = "jsonpath={.metadata.annotations.openpe\\.io/nodeindex}";
    let begin = Instant::now();
    let done = || {
        said(&["get", "node/node1", "-o", index]) == "0"
            && said(&[
                "get",
                "l3vni",
                "-A",
                "-o",
                "jsonpath={.items[*].status.conditions[*].type}",
            ])
            .contains("Ready")
            && !bed
                .kubectl(&["-n", NAMESPACE, "get", "rns/node2"], "")
                .worked
            && bed.trusts_webhook(NAMESPACE)
    };
    let mut came = done();
    while !came && begin.elapsed() < SOON {
        std::thread::sleep(Duration::from_millis(100));
        came = done();
    }
    Command::new("kill")
        .arg(controller.id().to_string())
        .status()
        .unwrap();
    let ended = controller.wait().unwrap();
    let log = fs::read_to_string(log).unwrap();
    assert!(
        came && ended.success() && !log.contains("forbidden"),
        "{ended}: {log}"
    );
    let holder = "jsonpath={.spec.holderIdentity}";
    let held = said(&[
        "-n",
        NAMESPACE,
        "get",
        "lease/perouter-controller",
        "-o",
        holder,
    ]);
    assert_eq!(held, "", "it gives the lease back");
}

/// What comes of everything with a component besides, added from outside.
fn with(component: &str) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let mut copy = Command::new("cp");
    copy.arg("-r").arg(deploy()).arg(folder.path());
    assert!(copy.status().unwrap().success());
    let overlay = folder.path().join("overlay");
    fs::create_dir(&overlay).unwrap();
    let component = format!("../deploy/components/{component}");
    let wanted = json!({"resources": ["../deploy"], "components": [component]});
    fs::write(overlay.join("kustomization.yaml"), wanted.to_string()).unwrap();
    let assets = Assets::find().unwrap();
    let rendered = Command::new(assets.kubectl())
        .arg("kustomize")
        .arg(overlay)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&rendered.stderr);
    assert!(rendered.status.success(), "{said}");
    serde_saphyr::from_multiple(&String::from_utf8(rendered.stdout).unwrap()).unwrap()
}

/// The pod of a router.
fn pod(objects: &[Value]) -> &Value {
    let router = objects.iter().find(|object| object["kind"] == "DaemonSet");
    &router.unwrap()["spec"]["template"]["spec"]
}

#[test]
fn with_monitoring_the_agent_listens_where_prometheus_asks() {
    let objects = with("monitoring");
    let named = |kind: &str| objects.iter().filter(|it| it["kind"] == kind).count();
    let kinds = ["PrometheusRule", "ServiceMonitor", "Service", "DaemonSet"];
    // The other Service is the webhook's.
    assert_eq!(kinds.map(named), [1, 1, 2, 1]);
    let variables = pod(&objects)["containers"][0]["env"].as_array().unwrap();
    let listen: Vec<_> = variables
        .iter()
        .filter(|it| it["name"] == "LISTEN")
        .collect();
    assert_eq!(listen, [&json!({"name": "LISTEN", "value": ":9081"})]);
}

#[test]
fn to_uninstall_every_node_gives_back_first() {
    let usual = with("monitoring");
    let objects = with("uninstall");
    let (usual, pod) = (pod(&usual), pod(&objects));
    let before = usual["containers"].as_array().unwrap();
    let agent = before.iter().find(|it| it["name"] == "agent").unwrap();
    let cleanup = &pod["initContainers"][0];
    for same in ["image", "securityContext"] {
        assert_eq!(cleanup[same], agent[same]);
    }
    let arguments = cleanup["args"].as_array().unwrap();
    assert!(arguments.contains(&json!("--cleanup")), "{arguments:?}");
    // All that the agent sees, but for what it is in the cluster by.
    let seen = |of: &Value| {
        let mut mounts = of["volumeMounts"].as_array().unwrap().clone();
        mounts.retain(|mount| mount["name"] != "token");
        mounts
    };
    assert_eq!(seen(cleanup), seen(agent));
    let left = pod["containers"].as_array().unwrap();
    let left: Vec<_> = left
        .iter()
        .map(|it| (&it["name"], &it["command"]))
        .collect();
    assert_eq!(left, [(&json!("frr"), &json!(["sleep", "infinity"]))]);
}
