//! The agent's program beside a real API server. There is no FRR here: what is shown is what the
//! agent knows of objects and its node, not what it makes of them.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::bed::{self, Bed, NAMESPACE, l3vni};

const SOON: Duration = Duration::from_secs(60);

/// A running agent, in a router's namespace of its own.
pub(crate) struct Agent {
    folder: TempDir,
    netns: String,
    kubeconfig: PathBuf,
    /// Where it writes its status.
    namespace: &'static str,
    process: Option<Child>,
}

impl Agent {
    fn new(bed: &Bed) -> Self {
        Self::with(bed.server.kubeconfig(), NAMESPACE)
    }

    /// One with these credentials, which writes its status into this namespace.
    pub(crate) fn with(kubeconfig: PathBuf, namespace: &'static str) -> Self {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let mut this = Self {
            folder: tempfile::tempdir().unwrap(),
            netns: format!("kube-{}-{number}", std::process::id()),
            kubeconfig,
            namespace,
            process: None,
        };
        this.start();
        this
    }

    pub(crate) fn start(&mut self) {
        let path = |name: &str| self.folder.path().join(name);
        std::fs::create_dir_all(path("frr")).unwrap();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path("log"))
            .unwrap();
        let agent = Command::new(env!("CARGO_BIN_EXE_perouter"))
            .args(["agent", "--kubernetes", "--node-name", "node1"])
            .args(["--listen", "off", "--netns", &self.netns])
            .args(["--namespace", self.namespace])
            .args(["--socket".as_ref(), path("socket").as_os_str()])
            .args(["--frr-dir".as_ref(), path("frr").as_os_str()])
            .args(["--state-dir".as_ref(), path("state").as_os_str()])
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn();
        self.process = Some(agent.unwrap());
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// What it says; nothing while it does not answer.
    fn status(&self) -> Option<Value> {
        let socket = self.folder.path().join("socket");
        let asked = Command::new(env!("CARGO_BIN_EXE_perouter"))
            .args(["status", "-o", "json", "--socket"])
            .arg(socket)
            .output()
            .unwrap();
        serde_json::from_slice(&asked.stdout).ok()
    }

    /// Waits until it says so.
    pub(crate) fn becomes(&self, what: &str, is_so: impl Fn(&Value) -> bool) {
        let begin = Instant::now();
        loop {
            let status = self.status();
            if status.as_ref().is_some_and(&is_so) {
                return;
            }
            assert!(
                begin.elapsed() < SOON,
                "not {what}: {status:#?}\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.kill();
        let gone = Command::new("ip")
            .args(["netns", "del", &self.netns])
            .output();
        drop(gone);
    }
}

/// The names of objects, each with its condition `Accepted`.
fn accepted(status: &Value) -> Vec<(String, String)> {
    let objects = status["objects"].as_array().into_iter().flatten();
    let mut all: Vec<_> = objects
        .map(|object| {
            let conditions = object["conditions"].as_array().unwrap();
            let accepted = conditions.iter().find(|it| it["type"] == "Accepted");
            let key = object["object"].as_str().unwrap();
            let (_, name) = key.rsplit_once('/').unwrap();
            let status = accepted.unwrap()["status"].as_str().unwrap();
            (name.to_owned(), status.to_owned())
        })
        .collect();
    all.sort();
    all
}

pub(crate) fn is(wanted: &[(&str, &str)]) -> impl Fn(&Value) -> bool + use<> {
    let wanted: Vec<_> = wanted
        .iter()
        .map(|(name, status)| ((*name).to_owned(), (*status).to_owned()))
        .collect();
    move |status| accepted(status) == wanted
}

/// An Underlay over a NIC that is not there.
pub(crate) fn underlay(neighbor: &str) -> String {
    let mut underlay = bed::underlay();
    let spec = &mut underlay["spec"];
    spec["interfaces"][0]["networkDevice"]["interfaceName"] = json!("none0");
    spec["neighbors"][0]["address"] = json!(neighbor);
    spec["tunnelEndpoint"] = json!({"cidrs": ["100.65.0.0/24"]});
    underlay.to_string()
}

/// What the agent told of objects.
fn events(bed: &Bed) -> Vec<Value> {
    let all = ["-n", NAMESPACE, "get", "events.events.k8s.io", "-o", "json"];
    let all: Value = serde_json::from_str(&bed.run(&all)).unwrap();
    all["items"].as_array().unwrap().clone()
}

fn uid(bed: &Bed, object: &str) -> String {
    let path = ["-o", "jsonpath={.metadata.uid}"];
    bed.run(&[&["-n", NAMESPACE, "get", object], &path[..]].concat())
}

/// What the node's status says at a path.
fn rns(bed: &Bed, path: &str) -> String {
    let path = format!("jsonpath={path}");
    bed.run(&["-n", NAMESPACE, "get", "rns/node1", "-o", &path])
}

#[test]
fn the_agent_takes_objects_from_the_api_and_keeps_them_without_it() {
    let mut bed = Bed::new();
    let apply = ["apply", "-f", "-"];
    bed.feed(&apply, &underlay("192.168.11.2"));
    let mut agent = Agent::new(&bed);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(agent.status(), None, "it has no index: {}", agent.log());

    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node1", "annotations": {"openpe.io/nodeindex": "4"}},
    });
    bed.feed(&apply, &node.to_string());
    agent.becomes("with an underlay", is(&[("fabric", "True")]));
    assert_eq!(agent.status().unwrap()["index"], 4);

    bed.feed(&apply, &l3vni("red", 100));
    agent.becomes("with a VNI", is(&[("fabric", "True"), ("red", "True")]));

    // What a schema has no words for. The version before stays in force.
    bed.feed(&apply, &underlay("224.0.0.1"));
    agent.becomes("refused", is(&[("fabric", "False"), ("red", "True")]));
    let status = agent.status().unwrap().to_string();
    assert!(status.contains("the address of one neighbor"), "{status}");
    let begin = Instant::now();
    let note = loop {
        let of = |event: &&Value| event["reason"] == "LastGoodKept";
        if let Some(event) = events(&bed).iter().find(of) {
            assert_eq!(event["regarding"]["uid"], uid(&bed, "underlay/fabric"));
            assert_eq!(event["reportingInstance"], "node1");
            break event["note"].to_string();
        }
        assert!(begin.elapsed() < SOON, "no event: {}", agent.log());
        std::thread::sleep(Duration::from_millis(100));
    };
    assert!(note.contains("node1: the version before stays"), "{note}");
    assert!(note.contains("the address of one neighbor"), "{note}");
    let path = "jsonpath={.metadata.generation}";
    let read = bed.run(&["-n", NAMESPACE, "get", "underlay/fabric", "-o", path]);
    let path = "{.status.objects[*].named}";
    let wanted = format!("Underlay {NAMESPACE}/fabric {read}\n");
    let begin = Instant::now();
    while !rns(&bed, path).contains(&wanted) {
        assert!(begin.elapsed() < SOON, "{} of {read}", rns(&bed, path));
        std::thread::sleep(Duration::from_millis(100));
    }
    bed.feed(&apply, &underlay("192.168.11.2"));
    agent.becomes("mended", is(&[("fabric", "True"), ("red", "True")]));

    // There is no FRR here, and the status says so, with what OpenPERouter's readers look for.
    let condition = |kind: &str| {
        let path = format!("{{.status.conditions[?(@.type=='{kind}')].status}}");
        rns(&bed, &path)
    };
    let begin = Instant::now();
    while (condition("Ready"), condition("Degraded")) != ("False".into(), "True".into()) {
        assert!(begin.elapsed() < SOON, "no status: {}", agent.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    let failed = rns(&bed, "{.status.failedResources[?(@.name=='red')].message}");
    assert!(failed.contains("cannot reach bgpd"), "{failed}");
    let owner = rns(
        &bed,
        "{.metadata.ownerReferences[0].kind}/{.metadata.ownerReferences[0].name}",
    );
    assert_eq!(owner, "Node/node1");
    let version = || rns(&bed, "{.metadata.resourceVersion}");
    let before = version();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(
        version(),
        before,
        "nothing is written while nothing changes"
    );

    bed.server.kill();
    agent.kill();
    agent.start();
    agent.becomes("as before", is(&[("fabric", "True"), ("red", "True")]));
    assert_eq!(agent.status().unwrap()["index"], 4);
    bed.server.start_server().unwrap();
    let known = events(&bed).len();
    bed.run(&["-n", NAMESPACE, "delete", "l3vni", "red"]);
    agent.becomes("without the VNI", is(&[("fabric", "True")]));
    assert!(known < 10, "no flood: {:#?}", events(&bed));
}

/// The status of the node, and whom it belongs to; nothing while it is not there.
fn written(bed: &Bed) -> Option<(Value, Value)> {
    let get = ["-n", NAMESPACE, "get", "rns/node1", "-o", "json"];
    let mut rns: Value = serde_json::from_str(&bed.kubectl(&get, "").out).ok()?;
    let status = rns.get_mut("status")?.take();
    Some((status, rns["metadata"]["ownerReferences"][0]["uid"].take()))
}

#[test]
fn a_status_that_somebody_deletes_comes_back_and_goes_with_the_node_that_is_there() {
    const REST: Duration = Duration::from_secs(5);
    let bed = Bed::new();
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node1", "annotations": {"openpe.io/nodeindex": "4"}},
    });
    let apply = ["apply", "-f", "-"];
    bed.feed(&apply, &format!("{node}\n---\n{}", l3vni("red", 100)));
    let agent = Agent::new(&bed);
    let becomes = |what: &str, is_so: &dyn Fn(&(Value, Value)) -> bool| {
        let begin = Instant::now();
        loop {
            let written = written(&bed);
            if let Some(written) = written.as_ref().filter(|it| is_so(it)) {
                return written.clone();
            }
            let is_late = begin.elapsed() > SOON;
            assert!(!is_late, "not {what}: {written:#?}\n{}", agent.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    };
    becomes("told of the object", &|(status, _)| {
        status["failedResources"].to_string().contains("red")
    });
    std::thread::sleep(REST);
    let before = written(&bed).unwrap();
    for _ in 0..2 {
        bed.run(&["-n", NAMESPACE, "delete", "rns/node1"]);
        becomes("back as it was", &|written| *written == before);
    }
    let version = || rns(&bed, "{.metadata.resourceVersion}");
    std::thread::sleep(REST);
    let rested = version();
    std::thread::sleep(REST);
    assert_eq!(version(), rested, "nothing is written once it is back");

    bed.run(&["delete", "node/node1"]);
    bed.feed(&apply, &node.to_string());
    let uid = bed.run(&["get", "node/node1", "-o", "jsonpath={.metadata.uid}"]);
    let after = becomes("of the new Node", &|(_, owner)| *owner == uid.as_str());
    assert_eq!(after.0, before.0);
}

#[test]
fn of_much_that_changes_at_once_a_few_events_tell_and_the_status_all() {
    const TWINS: usize = 60;
    let bed = Bed::new();
    let apply = ["apply", "-f", "-"];
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node1", "annotations": {"openpe.io/nodeindex": "4"}},
    });
    let twins = (0..TWINS).map(|number| l3vni(&format!("twin-{number}"), 100));
    let all = [node.to_string(), underlay("192.168.11.2")];
    let all: Vec<String> = all.into_iter().chain(twins).collect();
    bed.feed(&apply, &all.join("\n---\n"));

    let agent = Agent::new(&bed);
    let refused = |status: &Value| {
        let accepted = accepted(status);
        let refused = accepted.iter().filter(|(_, accepted)| accepted == "False");
        refused.count()
    };
    agent.becomes("with all refused but one", |status| {
        refused(status) == TWINS - 1
    });
    let begin = Instant::now();
    let named = || rns(&bed, "{.status.objects[*].named}");
    while named().matches("L3VNI ").count() < TWINS {
        assert!(begin.elapsed() < SOON, "{}\n{}", named(), agent.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    // Long enough for another round.
    std::thread::sleep(Duration::from_secs(5));
    let told = events(&bed).len();
    assert!((10..=20).contains(&told), "{told}: {:#?}", events(&bed));
}
