//! An API server that knows our kinds.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use perouter_harness::kube::ApiServer;
use serde_json::{Value, json};

/// Where our objects are.
pub(crate) const NAMESPACE: &str = "perouter-system";

/// A key that is none, as a Secret has it.
pub(crate) const SPOILED: &str = "bm9uc2Vuc2U=";

/// How long what an API server does by itself may take.
const SOON: Duration = Duration::from_secs(30);

/// A server with the definitions of `deploy/crds`, and the namespace of the samples.
pub(crate) struct Bed {
    pub(crate) server: ApiServer,
}

/// What kubectl said.
pub(crate) struct Said {
    pub(crate) worked: bool,
    pub(crate) out: String,
    pub(crate) errors: String,
}

impl Bed {
    pub(crate) fn new() -> Self {
        let server = ApiServer::start().unwrap_or_else(|error| panic!("{}", chain(&error)));
        let this = Self { server };
        this.run(&["create", "namespace", NAMESPACE]);
        this.run(&["apply", "--server-side", "-f", &crds()]);
        this.run(&[
            "wait",
            "--for=condition=Established",
            "crd",
            "--all",
            "--timeout=30s",
        ]);
        // A kind that was just established answers that it is not ready yet for a moment.
        let begin = Instant::now();
        while !this.kubectl(&["get", "perouter", "-A"], "").worked {
            assert!(begin.elapsed() < SOON, "the kinds are not served");
            std::thread::sleep(Duration::from_millis(50));
        }
        this
    }

    pub(crate) fn kubectl(&self, arguments: &[&str], input: &str) -> Said {
        let Output {
            status,
            stdout,
            stderr,
        } = self.server.kubectl(arguments, input).unwrap();
        Said {
            worked: status.success(),
            out: String::from_utf8(stdout).unwrap(),
            errors: String::from_utf8(stderr).unwrap(),
        }
    }

    /// Runs kubectl and demands that it works; what it printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        self.feed(arguments, "")
    }

    /// The same with something on its input.
    pub(crate) fn feed(&self, arguments: &[&str], input: &str) -> String {
        let said = self.kubectl(arguments, input);
        assert!(said.worked, "kubectl {arguments:?}: {}", said.errors);
        said.out
    }

    /// Runs kubectl and demands that it fails; what it complained of.
    pub(crate) fn fail(&self, arguments: &[&str], input: &str) -> String {
        let said = self.kubectl(arguments, input);
        assert!(!said.worked, "kubectl {arguments:?} works: {}", said.out);
        said.errors
    }

    /// Credentials like those of a service account's pod, in a file of the folder.
    pub(crate) fn credentials(&self, namespace: &str, who: &str, folder: &Path) -> PathBuf {
        let token = self.run(&["-n", namespace, "create", "token", who]);
        let admin = std::fs::read_to_string(self.server.kubeconfig()).unwrap();
        let mut config: Value = serde_saphyr::from_str(&admin).unwrap();
        config["users"][0]["user"] = json!({"token": token.trim()});
        let path = folder.join("kubeconfig");
        std::fs::write(&path, config.to_string()).unwrap();
        path
    }

    /// The calls that service accounts have made, each an Event of `audit.k8s.io/v1`; `None`
    /// before the first.
    pub(crate) fn calls(&self) -> Option<Vec<Value>> {
        let calls = self.server.calls().ok()?;
        // A line may be half written.
        let lines = calls.split_inclusive('\n').filter(|it| it.ends_with('\n'));
        Some(
            lines
                .map(|line| serde_json::from_str(line).unwrap())
                .collect(),
        )
    }

    /// Whether the API server trusts the CA of the webhook's certificate.
    pub(crate) fn trusts_webhook(&self, namespace: &str) -> bool {
        let said = |arguments: &[&str]| self.kubectl(arguments, "").out;
        let configuration = "validatingwebhookconfiguration/perouter";
        let bundle = "jsonpath={.webhooks[0].clientConfig.caBundle}";
        let bundle = said(&["get", configuration, "-o", bundle]);
        let secret = ["-n", namespace, "get", "secret/perouter-webhook", "-o"];
        let ca = said(&[&secret[..], &["jsonpath={.data.ca\\.crt}"]].concat());
        !ca.is_empty() && bundle == ca
    }

    /// Spoils the key of the webhook's certificate.
    pub(crate) fn spoil_webhook_key(&self, namespace: &str) {
        let patch = json!({"data": {"tls.key": SPOILED}}).to_string();
        let secret = "secret/perouter-webhook";
        self.run(&["-n", namespace, "patch", secret, "-p", &patch]);
    }

    pub(crate) async fn client(&self) -> Client {
        let kubeconfig = Kubeconfig::read_from(self.server.kubeconfig()).unwrap();
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        Client::try_from(config.unwrap()).unwrap()
    }
}

/// The folder with the definitions of our kinds.
pub(crate) fn crds() -> String {
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/crds");
    crds.to_str().unwrap().to_owned()
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let all: Vec<String> = causes.map(ToString::to_string).collect();
    all.join(": ")
}

/// An Underlay `fabric` with one NIC and one neighbour.
pub(crate) fn underlay() -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "Underlay",
        "metadata": {"name": "fabric", "namespace": NAMESPACE},
        "spec": {
            "asn": 64514,
            "interfaces": [{"type": "NetworkDevice", "networkDevice": {"interfaceName": "eth1"}}],
            "neighbors": [{"asn": 64512, "address": "192.168.11.2"}],
        },
    })
}

/// An L3VNI without a host, whose VRF has its name.
pub(crate) fn l3vni(name: &str, vni: u32) -> String {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L3VNI",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"vrf": name, "vni": vni},
    })
    .to_string()
}

/// An L3VPN whose VRF has its name, and whose host may be in any AS but its own.
pub(crate) fn l3vpn(name: &str) -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L3VPN",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "vrf": name,
            "rdAssignedNumber": 100,
            "importRTs": ["64514:100"],
            "hostSession": {
                "asn": 64514,
                "hostType": "External",
                "localCIDR": {"ipv4": "192.169.30.0/24"},
            },
        },
    })
}

/// What a recorded call was made on: the resource, and the part of it that is meant.
pub(crate) fn resource_of(call: &Value) -> Option<String> {
    let name = call["objectRef"]["resource"].as_str()?;
    Some(match call["objectRef"]["subresource"].as_str() {
        Some(part) => format!("{name}/{part}"),
        None => name.to_owned(),
    })
}

#[test]
fn calls_of_kubectl_at_once_have_each_their_own_input() {
    let bed = Bed::new();
    let named = |name: &str| {
        let object = json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name},
        });
        let print = ["create", "--dry-run=client", "-o", "name", "-f", "-"];
        bed.feed(&print, &object.to_string())
    };
    let named = &named;
    std::thread::scope(|scope| {
        for caller in 0..6 {
            scope.spawn(move || {
                for call in 0..5 {
                    let name = format!("map-{caller}-{call}");
                    assert_eq!(named(&name), format!("configmap/{name}\n"));
                }
            });
        }
    });
}
