//! Every call that the programs make of the API server beside what their roles in `deploy/` allow:
//! none is refused, and nothing is allowed that they have no use for.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::agent::{Agent, is, underlay};
use crate::bed::{self, Bed, l3vni, l3vpn, resource_of};
use crate::installed::{NAMESPACE, account, credentials, deploy, installed};

/// How long the programs may take for what they do at once.
const SOON: Duration = Duration::from_secs(60);

/// One thing that somebody may do, or has done.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    who: String,
    verb: String,
    /// With its group, and the part of it that is meant.
    resource: String,
}

const WHO: [&str; 2] = ["perouter-router", "perouter-controller"];

fn resource(group: &str, name: &str) -> String {
    format!("{group}/{name}")
}

/// What the roles allow.
fn granted() -> BTreeSet<Right> {
    let mut all = BTreeSet::new();
    for file in ["router-access.yaml", "controller-access.yaml"] {
        let path = format!("{}/kubernetes/{file}", deploy());
        let objects = std::fs::read_to_string(path).unwrap();
        let objects: Vec<Value> = serde_saphyr::from_multiple(&objects).unwrap();
        let roles = objects.iter().filter(|it| it["rules"].is_array());
        for role in roles {
            let who = role["metadata"]["name"].as_str().unwrap();
            for rule in role["rules"].as_array().unwrap() {
                let words = |key: &str| {
                    let words = rule[key].as_array().unwrap().iter();
                    words.map(|word| word.as_str().unwrap())
                };
                for group in words("apiGroups") {
                    for name in words("resources") {
                        all.extend(words("verbs").map(|verb| Right {
                            who: who.to_owned(),
                            verb: verb.to_owned(),
                            resource: resource(group, name),
                        }));
                    }
                }
            }
        }
    }
    all
}

/// What was done, and the calls that were refused.
fn used(bed: &Bed) -> (BTreeSet<Right>, Vec<String>) {
    let (mut used, mut refused) = (BTreeSet::new(), Vec::new());
    for call in bed.calls().unwrap() {
        let code = call["responseStatus"]["code"].as_u64().unwrap_or_default();
        if [401, 403].contains(&code) {
            refused.push(call.to_string());
        }
        let is_of = |who: &&&str| call["user"]["username"] == account(who);
        let Some(who) = WHO.iter().find(is_of) else {
            panic!("somebody else called: {call}");
        };
        let Some(name) = resource_of(&call) else {
            continue;
        };
        let group = call["objectRef"]["apiGroup"].as_str().unwrap_or_default();
        let verb = call["verb"].as_str().unwrap();
        // Who applies what is not there must be allowed to make it.
        let made = (verb == "patch" && code == 201).then_some("create");
        used.extend([verb].into_iter().chain(made).map(|verb| Right {
            who: (*who).to_owned(),
            verb: verb.to_owned(),
            resource: resource(group, &name),
        }));
    }
    (used, refused)
}

/// One object of each of our kinds, the Underlay apart, and what a cluster has that a controller
/// does not want.
fn objects() -> Vec<String> {
    let ours = |kind: &str, name: &str, spec: Value| {
        json!({
            "apiVersion": "network.openperouter.io/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": bed::NAMESPACE},
            "spec": spec,
        })
        .to_string()
    };
    let session = json!({
        "asn": 64514, "hostASN": 64515, "localCIDR": {"ipv4": "192.169.20.0/24"},
    });
    let gone = json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "RouterNodeConfigurationStatus",
        "metadata": {"name": "node2", "namespace": NAMESPACE},
    });
    let wrong = json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": "perouter-webhook", "namespace": NAMESPACE},
    });
    vec![
        underlay("192.168.11.2"),
        l3vni("red", 100),
        ours("L2VNI", "lan", json!({"vni": 110})),
        l3vpn("violet").to_string(),
        ours("L3Passthrough", "host", json!({"hostSession": session})),
        // These count in the routers' own namespace alone.
        json!({
            "apiVersion": "network.openperouter.io/v1alpha1",
            "kind": "RawFRRConfig",
            "metadata": {"name": "lines", "namespace": NAMESPACE},
            "spec": {"rawConfig": "ip prefix-list lines permit any"},
        })
        .to_string(),
        json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node1"}}).to_string(),
        gone.to_string(),
        wrong.to_string(),
    ]
}

/// A controller's program.
struct Controller(Child);

impl Controller {
    fn start(folder: &Path, kubeconfig: &Path) -> Self {
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let controller = Command::new(env!("CARGO_BIN_EXE_perouter"))
            .args(["controller", "--health-listen=off"])
            .arg("--webhook-listen=127.0.0.1:0")
            .env("KUBECONFIG", kubeconfig)
            .env("POD_NAMESPACE", NAMESPACE)
            .stdin(Stdio::null())
            .stderr(log)
            .spawn();
        Self(controller.unwrap())
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[test]
fn every_call_is_allowed_and_everything_allowed_is_called() {
    let bed = installed();
    let apply = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    for object in objects() {
        bed.feed(&apply, &object);
    }
    let folders = WHO.map(|_| tempfile::tempdir().unwrap());
    let [router, controller] = [0, 1].map(|at| credentials(&bed, WHO[at], folders[at].path()));
    let _controller = Controller::start(folders[1].path(), &controller);
    let agent = Agent::with(router, NAMESPACE);
    let all = |fabric| {
        let names = ["host", "lan", "lines", "red"].map(|name| (name, "True"));
        // Nothing is made of an L3VPN, and agents and controller tell so.
        let refused = [("violet", "False")];
        let wanted = [&[("fabric", fabric)], &names[..], &refused].concat();
        is(&wanted)
    };
    agent.becomes("with all objects", all("True"));
    // The same transition twice is an Event that is counted up.
    for _ in 0..2 {
        bed.feed(&apply, &underlay("224.0.0.1"));
        agent.becomes("refused", all("False"));
        // Transitions are told some seconds after one another.
        std::thread::sleep(Duration::from_secs(5));
        bed.feed(&apply, &underlay("192.168.11.2"));
        agent.becomes("mended", all("True"));
        std::thread::sleep(Duration::from_secs(5));
    }
    // A certificate that is of no use is replaced.
    bed.spoil_webhook_key(NAMESPACE);
    let (granted, begin) = (granted(), Instant::now());
    loop {
        let (used, refused) = used(&bed);
        assert_eq!(refused, Vec::<String>::new());
        let idle: Vec<&Right> = granted.difference(&used).collect();
        if idle.is_empty() {
            // What a refusal would have said in other words.
            assert_eq!(
                used.difference(&granted).collect::<Vec<_>>(),
                Vec::<&Right>::new()
            );
            return;
        }
        assert!(begin.elapsed() < SOON, "allowed and of no use: {idle:#?}");
        std::thread::sleep(Duration::from_millis(500));
    }
}
