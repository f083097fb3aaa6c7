//! A lab that scenarios share: started from the topology that people use, under a name of its own,
//! and asked by commands in its nodes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use perouter::lab::backend::Backend;
use perouter::lab::client::{self, Finished, Started};
use perouter::lab::interrupt::Interrupt;
use perouter::lab::plan::{Leash, Plan};
use perouter::lab::root;
use perouter::lab::topology::{Access, Bind, Topology};
use perouter::status::{Report, Verdict};
use serde_json::Value;

use crate::cluster::Cluster;
use crate::names::{AGENTS, BLUE, End, NODE2, RED, pairs};
use crate::ping;
use crate::snapshot::{self, Snapshot};
use crate::wait::until;

/// Why a scenario failed, for people.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Where a node sees the compiled tests of the kernel's part.
pub(crate) const NETLINK_TESTS: &str = "/usr/bin/netlink-tests";

/// How long the fabric may take to be well again before a scenario.
const GUARD: Duration = Duration::from_secs(60);

/// How long the lab may take to come up; it takes a quarter on an idle machine.
const START: Duration = Duration::from_secs(120);

/// Which lab it is, by what the nodes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Routers of VRFs, beside a leaf that nobody manages: the fabric.
    Routed,
    /// The same, with segments of layer 2.
    Mixed,
    /// Routers with two NICs, to two switches that BFD watches.
    MultiHomed,
    /// The fabric, whose agents take everything from a Kubernetes API.
    Cluster,
}

impl Kind {
    /// Every kind, in the order in which they are started.
    pub(crate) const ALL: [Self; 4] = [Self::Routed, Self::Mixed, Self::MultiHomed, Self::Cluster];

    const fn file(self) -> &'static str {
        match self {
            Self::Routed | Self::Cluster => "evpn-l3.clab.yml",
            Self::Mixed => "evpn-mixed.clab.yml",
            Self::MultiHomed => "multi-homed.clab.yml",
        }
    }
}

/// The lab; it goes down with this value.
pub(crate) struct Fabric {
    kind: Kind,
    name: String,
    started: Started,
    fresh: OnceLock<Snapshot>,
}

impl Fabric {
    /// Starts a lab; `netlink_tests`: with the compiled tests of the kernel's part in a node.
    pub(crate) fn up(kind: Kind, netlink_tests: bool) -> Result<Self, Failure> {
        if !nix::unistd::geteuid().is_root() {
            return Err("labs make namespaces and mounts: run these tests as root".into());
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("containerlab");
        let mut topology = Topology::read(&folder.join(kind.file()))?;
        let name = format!("fabric-{}", std::process::id());
        topology.name = name.parse()?;
        if netlink_tests {
            let source = build_netlink_tests()?;
            let host = |node: &&mut perouter::lab::topology::Node| node.name.as_str() == NODE2;
            let node = topology.nodes.iter_mut().find(host);
            node.ok_or("the topology has no node2")?.binds.push(Bind {
                source,
                target: NETLINK_TESTS.into(),
                access: Access::ReadOnly,
            });
        }
        let cluster = match kind {
            Kind::Cluster => Some(Cluster::plug_into(&mut topology)?),
            Kind::Routed | Kind::Mixed | Kind::MultiHomed => None,
        };
        let root = match std::env::var_os("PEROUTER_ROOT") {
            Some(root) => root::check(Path::new(&root))?,
            None => root::ensure(&Interrupt::watch()?, crate::say)?,
        };
        let plan = Plan {
            topology,
            kernel: Backend::Auto.choose(&root),
            root,
            executable: PathBuf::from(env!("CARGO_BIN_EXE_perouter")),
            memory_mib: 3072,
            deadline: START,
        };
        // It goes with this process, however that ends.
        let started = client::start(plan, Leash::Always, |_| ())?;
        let this = Self {
            kind,
            name,
            started,
            fresh: OnceLock::new(),
        };
        if let Some(cluster) = cluster {
            cluster.start(&this)?;
        }
        Ok(this)
    }

    /// Remembers what node1 holds after its first bring-up, beside things of somebody else.
    pub(crate) fn remember_fresh(&self) -> Result<(), Failure> {
        self.guard()?;
        snapshot::make_strangers(self)?;
        // What came last may still be on its way: two looks in a row are the same.
        let (fresh, _) = until(GUARD, "node1 has settled", || {
            let first = Snapshot::take(self)?;
            Ok(first.same(&Snapshot::take(self)?).map(|()| first))
        })?;
        drop(self.fresh.set(fresh));
        Ok(())
    }

    /// What node1 held after its first bring-up.
    pub(crate) fn fresh(&self) -> Result<&Snapshot, Failure> {
        let fresh = self.fresh.get();
        fresh.ok_or_else(|| "nobody looked at the first bring-up".into())
    }

    /// What differs in node1 from its first bring-up, if anything.
    pub(crate) fn as_fresh(&self) -> Result<Result<(), String>, Failure> {
        Ok(self.fresh()?.same(&Snapshot::take(self)?))
    }

    /// Takes the lab down.
    pub(crate) fn down(self) -> Result<(), Failure> {
        Ok(self.started.release()?)
    }

    /// The lab's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs a command in a node, however it ends.
    pub(crate) fn run(&self, node: &str, command: &[&str]) -> Result<Finished, Failure> {
        Ok(client::collect(&self.name, node, command)?)
    }

    /// Runs a command in a node and demands that it succeeds; what it printed.
    pub(crate) fn ask(&self, node: &str, command: &[&str]) -> Result<String, Failure> {
        let Finished {
            status,
            output,
            errors,
        } = self.run(node, command)?;
        if status == 0 {
            return Ok(output);
        }
        let command = command.join(" ");
        Err(format!("{node}: «{command}» ended with status {status}: {errors}{output}").into())
    }

    /// Runs a shell script in a node and demands that it succeeds; what it printed.
    pub(crate) fn shell(&self, node: &str, script: &str) -> Result<String, Failure> {
        self.ask(node, &["bash", "-euc", script])
    }

    /// Runs a command in the router's namespace of a node; what it printed.
    pub(crate) fn router(&self, node: &str, command: &[&str]) -> Result<String, Failure> {
        let inside = ["nsenter", "--net=/run/netns/perouter"];
        self.ask(node, &[&inside, command].concat())
    }

    /// Asks a node's own FRR, or has it configured.
    pub(crate) fn vtysh(&self, node: &str, commands: &[&str]) -> Result<String, Failure> {
        let words = commands.iter().flat_map(|command| ["-c", command]);
        let command: Vec<&str> = std::iter::once("vtysh").chain(words).collect();
        self.ask(node, &command)
    }

    /// Asks the router's FRR of a node, or has it configured behind the agent's back.
    pub(crate) fn router_vtysh(&self, node: &str, commands: &[&str]) -> Result<String, Failure> {
        let words = commands.iter().flat_map(|command| ["-c", command]);
        let command: Vec<&str> = ["vtysh", "-N", "perouter"]
            .into_iter()
            .chain(words)
            .collect();
        self.ask(node, &command)
    }

    /// What a node's agent says.
    pub(crate) fn status(&self, node: &str) -> Result<Result<Report, String>, Failure> {
        let asked = self.run(node, &["perouter", "status", "-o", "json"])?;
        // Status 1 is an answer too: that not all is well.
        Ok(serde_json::from_str(&asked.output)
            .map_err(|error| format!("{error}: {}{}", asked.output, asked.errors)))
    }

    /// What a node's agent says, word for word.
    pub(crate) fn words(&self, node: &str) -> Result<String, Failure> {
        let asked = self.run(node, &["perouter", "status", "-o", "json"])?;
        Ok(asked.output + &asked.errors)
    }

    /// What a node's agent answers over HTTP: the status, and the body.
    pub(crate) fn http(&self, node: &str, path: &str) -> Result<(String, String), Failure> {
        const ASK: &str = "
import sys, urllib.request, urllib.error
try:
    answer = urllib.request.urlopen(sys.argv[1], timeout=5)
except urllib.error.HTTPError as error:
    answer = error
print(answer.code)
print(answer.read().decode())
";
        let url = format!("http://127.0.0.1:9081/{path}");
        let answer = self.ask(node, &["python3", "-c", ASK, &url])?;
        let (status, body) = answer
            .split_once('\n')
            .ok_or("an answer without a status")?;
        Ok((status.to_owned(), body.to_owned()))
    }

    /// What a node's agent says; a failure if it does not answer.
    pub(crate) fn report(&self, node: &str) -> Result<Report, Failure> {
        self.status(node)?.map_err(Failure::from)
    }

    /// Has a node's agent look at everything, and says what is wrong.
    pub(crate) fn verified(&self, node: &str) -> Result<Result<Report, String>, Failure> {
        let verified = self.run(node, &["perouter", "verify", "-o", "json"])?;
        if verified.status > 1 {
            return Ok(Err(format!("{node}: {}", verified.errors)));
        }
        Ok(self.status(node)?.and_then(|report| match report.verdict {
            Verdict::Ready => Ok(report),
            Verdict::NotReady => Err(format!("{node}: {}", report.cause)),
        }))
    }

    /// Waits until a node's agent has looked at everything and found it good.
    pub(crate) fn ready(&self, node: &str, deadline: Duration) -> Result<Duration, Failure> {
        let what = format!("{node} is ready");
        Ok(until(deadline, &what, || self.verified(node))?.1)
    }

    /// Waits until all is well: all agents ready, all ends reach each other.
    pub(crate) fn guard(&self) -> Result<(), Failure> {
        for node in AGENTS {
            self.ready(node, GUARD)
                .map_err(|error| format!("before it began: {error}"))?;
        }
        let (red, blue): (&[End], &[End]) = match self.kind {
            Kind::Routed | Kind::Cluster => (&RED, &BLUE),
            // Their own tests ping in them.
            Kind::Mixed | Kind::MultiHomed => (&[], &[]),
        };
        for (from, to) in pairs(red).chain(pairs(blue)) {
            until(GUARD, "before it began: all ends reach each other", || {
                let once = ping::once(from, to, "1");
                let ping = self.run(from.node, &once)?;
                Ok(match ping.status {
                    0 => Ok(()),
                    _ => Err(format!("{} does not reach {}", from.address, to.address)),
                })
            })?;
        }
        Ok(())
    }

    /// How the kernels of the agents' nodes lead packets of the VRFs.
    pub(crate) fn ways(&self) -> String {
        const LOOK: &str = r#"
            ip route show proto bgp | tr '\n' ';'; echo
            nsenter --net=/run/netns/perouter bash -c '
                ip route show proto bgp | tr "\n" ";"; echo
                for vrf in $(ip -o link show type vrf | cut -d " " -f 2 | tr -d :); do
                    ip route show proto bgp vrf $vrf | tr "\n" ";"; echo
                    ip neigh show vrf $vrf | tr "\n" ";"; echo
                done
                for device in $(ip -o link show type vxlan | cut -d " " -f 2 | tr -d :); do
                    bridge fdb show dev $device | tr "\n" ";"; echo
                done'"#;
        self.look(LOOK)
    }

    /// What the agents say and said last, for whoever has to find out why something failed.
    pub(crate) fn evidence(&self) -> String {
        // Sessions with the time for which they have been up.
        const LOOK: &str = r#"
            perouter status | sed -n '1p; /^Not as it should be/,$p'
            for instance in "" "-N perouter"; do
                # The instance is an option and its value, or nothing.
                # shellcheck disable=SC2086
                echo "sessions ${instance:-of the host}:" $(vtysh $instance \
                    -c 'show bgp vrf all summary' 2>/dev/null | awk '$2 == 4 {print $1, $9}')
            done
            tail -n 18 /var/log/perouter/agent.log"#;
        self.look(LOOK)
    }

    /// What a script prints in each node with an agent, however it ends.
    fn look(&self, script: &str) -> String {
        let mut text = String::new();
        for node in AGENTS {
            match self.run(node, &["bash", "-c", script]) {
                Ok(said) => text.push_str(&format!("--- {node}: {}{}", said.errors, said.output)),
                Err(error) => text.push_str(&format!("--- {node}: {error}\n")),
            }
        }
        text
    }

    /// Puts back what a scenario that failed may have left: manifests, and stopped daemons.
    pub(crate) fn mend(&self) {
        if self.kind == Kind::Cluster {
            // Whatever is left, the manifests are not files.
            return;
        }
        for node in AGENTS {
            let script = "
                cp /etc/lab/manifests/*.yaml /etc/perouter/
                rm -f /etc/perouter/zz-* /run/lab-labels
                for pid in $(pgrep -f -- '-N perouter'); do kill -CONT $pid; done";
            if let Err(error) = self.shell(node, script) {
                crate::say(&format!("{node} cannot be mended: {error}"));
            }
        }
    }
}

/// Reads JSON that some program printed.
pub(crate) fn json(text: &str) -> Result<Value, Failure> {
    serde_json::from_str(text).map_err(|error| format!("{error} in {text:?}").into())
}

/// Has cargo build the tests of the kernel's part, if it has not, and say where they are.
fn build_netlink_tests() -> Result<PathBuf, Failure> {
    let program = Path::new(env!("CARGO_BIN_EXE_perouter"));
    let target = program.ancestors().nth(2).ok_or("no target folder")?;
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "test",
        "--no-run",
        "--message-format=json",
        "--test",
        "netlink",
    ]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    cargo.arg("--target-dir").arg(target);
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output()?;
    let messages = String::from_utf8_lossy(&built.stdout);
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let of_netlink = message["target"]["name"] == "netlink";
        let path = message["executable"].as_str().filter(|_| of_netlink)?;
        Some(PathBuf::from(path))
    };
    messages.lines().find_map(executable).ok_or_else(|| {
        let errors = String::from_utf8_lossy(&built.stderr);
        format!("cargo built no netlink tests: {errors}").into()
    })
}
