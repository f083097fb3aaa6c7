//! A Kubernetes API in the lab: one node more, with etcd, an API server and two controllers, on a
//! network of its own with the nodes that have agents.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use perouter::lab::topology::{Access, Bind, Endpoint, Image, Link, Node, Topology};
use perouter_harness::kube::{Assets, Audit, Credentials};

use crate::fabric::{Fabric, Failure};
use crate::names::AGENTS;
use crate::wait::until;

/// The node with the API.
pub(crate) const API: &str = "api";

/// Where its server listens; the nodes follow by their place among [`AGENTS`].
const ADDRESS: Ipv4Addr = Ipv4Addr::new(172, 31, 0, 1);
const PORT: u16 = 6443;
const ETCD: u16 = 2379;
const ETCD_PEERS: u16 = 2380;

/// The port of agents' nodes that leads there.
const PORT_OF_NODES: &str = "eth2";

/// Where nodes find the administrator's credentials.
const KUBECONFIG: &str = "/etc/lab-kubeconfig";

/// A program that speaks TLS wants to know an authority, even where it is told to believe everybody.
const AUTHORITY: &str = include_str!("ca.pem");
const AUTHORITIES: &str = "/etc/lab-ca.pem";

/// Where the API's node keeps its own things, and sees the definitions and manifests.
const FOLDER: &str = "/run/kube";
const CRDS: &str = "/opt/crds";
const MANIFESTS: &str = "/opt/manifests";

/// How long what is started may take, on a kernel that has one processor.
const START: Duration = Duration::from_secs(120);

/// The API of a lab that is about to start.
pub(crate) struct Cluster {
    assets: Assets,
}

impl Cluster {
    /// Adds the node, its network, and what agents need to a topology.
    pub(crate) fn plug_into(topology: &mut Topology) -> Result<Self, Failure> {
        let assets = Assets::find()?;
        let own = Path::new(env!("CARGO_MANIFEST_DIR"));
        let read_only = |source: PathBuf, target: &Path| Bind {
            source,
            target: target.into(),
            access: Access::ReadOnly,
        };
        topology.nodes.push(Node {
            name: API.parse()?,
            image: Image::Frr,
            entrypoint: Some(vec!["sleep".to_owned()]),
            cmd: vec!["infinity".to_owned()],
            env: environment().into(),
            binds: vec![
                read_only(assets.folder().to_owned(), assets.folder()),
                read_only(own.join("deploy/crds"), Path::new(CRDS)),
                read_only(
                    own.join("containerlab/evpn-l3/manifests"),
                    Path::new(MANIFESTS),
                ),
            ],
            exec: Vec::new(),
            sysctls: [].into(),
        });
        for (place, name) in AGENTS.iter().enumerate() {
            let end = |node: &str, interface: &str| -> Result<Endpoint, Failure> {
                Ok(Endpoint {
                    node: node.parse()?,
                    interface: interface.parse()?,
                    mac: None,
                })
            };
            topology.links.push(Link {
                a: end(API, &port(place))?,
                b: end(name, PORT_OF_NODES)?,
                mtu: 1500,
            });
            let node = topology
                .nodes
                .iter_mut()
                .find(|node| node.name.as_str() == *name);
            let node = node.ok_or("a node is missing")?;
            node.binds
                .retain(|bind| !bind.target.starts_with("/etc/lab/manifests"));
            node.env.remove("NODE_INDEX");
            node.env.extend(environment());
        }
        Ok(Self { assets })
    }

    /// Starts everything, and applies the manifests.
    pub(crate) fn start(self, fabric: &Fabric) -> Result<(), Failure> {
        self.networks(fabric)?;
        self.programs(fabric)?;
        start_server(fabric)?;
        let kinds = format!(
            "kubectl create namespace perouter-system
             kubectl apply --server-side -f {CRDS}
             kubectl wait --for=condition=Established crd --all --timeout=60s
             until kubectl get perouter -A; do sleep 0.2; done"
        );
        fabric.shell(API, &kinds)?;
        for name in AGENTS {
            let node = format!(
                "kubectl apply -f - <<< '{{apiVersion: v1, kind: Node, metadata: {{name: {name}, \
                 labels: {{kubernetes.io/hostname: {name}}}}}}}'"
            );
            fabric.shell(API, &node)?;
        }
        for number in [1, 2] {
            start_controller(fabric, number)?;
        }
        apply(fabric)
    }

    /// The API's network, and everybody's way into it.
    fn networks(&self, fabric: &Fabric) -> Result<(), Failure> {
        let listen = SocketAddr::from((ADDRESS, PORT));
        let Credentials { kubeconfig, tokens } = Credentials::of(listen);
        let ports: Vec<String> = (0..AGENTS.len()).map(port).collect();
        let script = format!(
            "ip link add kube type bridge
             for port in {}; do ip link set $port master kube up; done
             ip address add {ADDRESS}/24 dev kube; ip link set kube up
             mkdir -p {FOLDER}; printf %s '{tokens}' > {FOLDER}/{}
             cat > {FOLDER}/{} <<'END'\n{}END
             ln -s {} /usr/local/bin/kubectl",
            ports.join(" "),
            Credentials::TOKENS,
            Audit::POLICY,
            Audit::WHAT,
            self.assets.kubectl().display(),
        );
        fabric.shell(API, &script)?;
        for (place, name) in AGENTS.iter().enumerate() {
            let last = 11 + place;
            let script = format!(
                "ip address add 172.31.0.{last}/24 dev {PORT_OF_NODES}
                 ip link set {PORT_OF_NODES} up"
            );
            fabric.shell(name, &script)?;
        }
        for name in AGENTS.iter().chain([&API]) {
            let script = format!(
                "cat > {AUTHORITIES} <<'END'\n{AUTHORITY}\nEND\n\
                 cat > {KUBECONFIG} <<'END'\n{kubeconfig}\nEND"
            );
            fabric.shell(name, &script)?;
        }
        Ok(())
    }

    /// Starts etcd, and leaves how to start the server.
    fn programs(&self, fabric: &Fabric) -> Result<(), Failure> {
        let folder = Path::new(FOLDER);
        let listen = SocketAddr::from((ADDRESS, PORT));
        let etcd = words(&self.assets.etcd(folder, ETCD, ETCD_PEERS));
        let server = words(&self.assets.server(folder, ETCD, listen));
        let server = quoted(&format!("exec {server}"));
        let script = format!(
            "printf '%s\\n' '#!/bin/bash' {server} > {FOLDER}/server; chmod +x {FOLDER}/server
             setsid {etcd} > /var/log/etcd.log 2>&1 < /dev/null &"
        );
        fabric.shell(API, &script)?;
        Ok(())
    }
}

/// What everybody needs who asks the API.
fn environment() -> [(String, String); 2] {
    [("KUBECONFIG", KUBECONFIG), ("SSL_CERT_FILE", AUTHORITIES)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// The API's port that leads to the agent at this place.
fn port(place: usize) -> String {
    format!("eth{}", place + 1)
}

/// A command for a shell.
fn words(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words.map(|word| quoted(&word.to_string_lossy())).collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// Starts the API server, and waits until it is ready.
pub(crate) fn start_server(fabric: &Fabric) -> Result<(), Failure> {
    let script = format!(
        "setsid {FOLDER}/server > /var/log/server.log 2>&1 < /dev/null &
         echo $! > {FOLDER}/pid"
    );
    fabric.shell(API, &script)?;
    until(START, "the API server is ready", || {
        let asked = fabric.run(API, &["kubectl", "get", "--raw", "/readyz"])?;
        Ok(match asked.output.as_str() {
            "ok" => Ok(()),
            other => Err(format!("{other}{}", asked.errors)),
        })
    })?;
    Ok(())
}

/// Kills the API server, but not etcd.
pub(crate) fn kill_server(fabric: &Fabric) -> Result<(), Failure> {
    fabric.shell(API, &format!("kill -KILL $(cat {FOLDER}/pid)"))?;
    Ok(())
}

/// Starts one of the controllers, which is called by its number.
pub(crate) fn start_controller(fabric: &Fabric, number: u16) -> Result<(), Failure> {
    let script = format!(
        "setsid perouter controller --identity controller-{number} --health-listen 127.0.0.1:{} \
         --webhook-listen off > /var/log/controller-{number}.log 2>&1 < /dev/null &",
        9100 + number
    );
    fabric.shell(API, &script)?;
    Ok(())
}

/// Applies the fabric's manifests; of the Underlays each selects its node.
pub(crate) fn apply(fabric: &Fabric) -> Result<(), Failure> {
    let mut script = format!("cd {MANIFESTS}\n");
    for name in AGENTS {
        script.push_str(&format!(
            "sed 's/name: underlay/name: {name}/
                  s/^spec:/&\\n  nodeSelector: {{matchLabels: {{kubernetes.io\\/hostname: {name}}}}}/' \
                 {name}/underlay.yaml | kubectl apply --server-side -f -\n"
        ));
    }
    script.push_str("for file in red blue; do kubectl apply --server-side -f $file.yaml; done\n");
    fabric.shell(API, &script)?;
    Ok(())
}
