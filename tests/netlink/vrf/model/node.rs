//! A node with NICs and links of others, and what the agent does with its kernel.

use std::collections::BTreeMap;
use std::future::{Future as _, poll_fn};
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use perouter::agent::execute::{self, UnderlayState, Voice};
use perouter::frr::{self, Frr, Mode};
use perouter::intent::NodeIntent;
use perouter::netlink::{Kernel, namespace};
use perouter::plan::bfd::SeenBfd;
use perouter::plan::desired::sysctl_keys;
use perouter::plan::link::{KernelStep, SeenKernel, Space};
use perouter::plan::{self, Memory, Plan, Planning, SeenFrr, Step};
use perouter::status::serve::Pulse;
use proptest::sample::Index;
use serde_json::Value;

use super::Fault;
use crate::bed::{Bed, Namespace, chain, name};
use crate::state::{State, differences, state};

/// As many passes as may be needed until nothing is left to do.
const PASSES: usize = 4;

/// How long the kernel may take to settle what it does by itself.
const SETTLE: Duration = Duration::from_secs(3);

/// What others have in the host's namespace, and the NICs.
const OTHERS: [&str; 5] = ["eth0", "eth1", "eth2", "br-lan", "lan0"];

pub(super) struct Node {
    bed: Bed,
    planning: Planning,
    memory: Memory,
    /// For the executor; no step of the plans is for it.
    driver: Frr,
}

impl Node {
    pub(super) async fn new() -> Self {
        let bed = super::super::bed_on_a_kernel_with_vrfs().await;
        for number in 0..3 {
            bed.host.ip(&format!("link add eth{number} type dummy"));
            bed.host
                .ip(&format!("address add 10.0.{number}.7/24 dev eth{number}"));
            bed.host.ip(&format!(
                "address add fd00:{number}::7/64 dev eth{number} nodad"
            ));
            bed.host.ip(&format!("link set eth{number} up"));
            bed.host.ip(&format!(
                "route add 10.20{number}.0.0/16 via 10.0.{number}.1"
            ));
        }
        bed.host.ip("link add br-lan type bridge");
        bed.host.ip("link add lan0 master br-lan type dummy");
        bed.host.ip("address add 10.77.0.1/24 dev br-lan");
        bed.host.ip("link set br-lan up");
        bed.host.ip("link set lan0 up");
        let driver = Frr::new(frr::Options {
            dir: Path::new("/nonexistent").to_owned(),
            netns: bed.router.path(),
            northbound: Mode::Off,
        });
        let node = Self {
            bed,
            planning: Planning::new(),
            memory: Memory::default(),
            driver,
        };
        node.guard().await;
        node
    }

    async fn guard(&self) {
        for step in plan::guard(&*self.observe().await) {
            self.bed.execute(step).await;
        }
    }

    async fn observe(&self) -> Arc<SeenKernel> {
        let nics = ["eth0", "eth1", "eth2"].map(name);
        let seen = self.bed.kernel.observe(&nics, &sysctl_keys()).await;
        Arc::new(seen.unwrap())
    }

    fn plan(&mut self, intent: &NodeIntent, seen: &Arc<SeenKernel>) -> Plan {
        let running = SeenFrr {
            bfd: SeenBfd::Profiles(BTreeMap::new()),
            ..SeenFrr::default()
        };
        let plan = self.planning.plan(intent, seen, &running, &self.memory);
        let mut plan = plan.unwrap();
        let is_kernel = |step: &Step| matches!(step, Step::Kernel(_));
        for leftover in &mut plan.sweep {
            leftover.steps.retain(|planned| is_kernel(&planned.step));
        }
        for steps in plan
            .units
            .iter_mut()
            .filter_map(|unit| unit.steps.as_mut().ok())
        {
            steps.retain(|planned| is_kernel(&planned.step));
        }
        plan.closing.clear();
        plan
    }

    /// Passes until nothing is left to do; why not, if not.
    pub(super) async fn settle(&mut self, intent: &NodeIntent) -> Result<(), String> {
        let mut last = String::new();
        for _ in 0..PASSES {
            let seen = self.observe().await;
            let plan = self.plan(intent, &seen);
            if plan.steps() == 0 {
                return Ok(());
            }
            self.remember(&plan);
            let stands = UnderlayState::Stands;
            let outcome = execute::execute(
                &plan,
                stands,
                &self.bed.kernel,
                &mut self.driver,
                (&Pulse::default(), Voice::Aloud),
            )
            .await;
            if outcome.failures.is_empty() {
                self.forget(&plan);
            }
            last = format!("{plan}\n{:?}", outcome.failures);
        }
        Err(format!("it does not settle:\n{last}"))
    }

    /// Begins a pass, and ends it once so many messages were sent.
    pub(super) async fn killed_in_a_pass(&mut self, intent: &NodeIntent, writes: u64) {
        let seen = self.observe().await;
        let plan = self.plan(intent, &seen);
        self.remember(&plan);
        let kernel = &self.bed.kernel;
        let last = kernel.writes() + writes;
        let stands = UnderlayState::Stands;
        let pulse = Pulse::default();
        let mut executing = pin!(execute::execute(
            &plan,
            stands,
            kernel,
            &mut self.driver,
            (&pulse, Voice::Aloud)
        ));
        poll_fn(|context| match executing.as_mut().poll(context) {
            Poll::Pending if kernel.writes() < last => Poll::Pending,
            Poll::Pending | Poll::Ready(_) => Poll::Ready(()),
        })
        .await;
        self.planning = Planning::new();
    }

    fn remember(&mut self, plan: &Plan) {
        for step in plan.all_steps() {
            if let Step::Kernel(KernelStep::MoveNic {
                name,
                to: Space::Router,
                config,
            }) = step
            {
                self.memory.nics.insert(name.clone(), config.clone());
            }
        }
    }

    fn forget(&mut self, plan: &Plan) {
        for step in plan.all_steps() {
            if let Step::Kernel(KernelStep::MoveNic {
                name,
                to: Space::Host,
                ..
            }) = step
            {
                self.memory.nics.remove(name);
            }
        }
    }

    /// Deletes the router's namespace; the agent takes the NICs out and makes another.
    pub(super) async fn lose_the_namespace(&mut self) {
        let path = self.bed.router.path();
        namespace::remove(&self.bed.router.name).unwrap();
        assert!(!self.bed.kernel.is_current());
        for (nic, config) in &self.memory.nics {
            let step = KernelStep::MoveNic {
                name: nic.clone(),
                to: Space::Host,
                config: config.clone(),
            };
            if let Err(error) = self.bed.kernel.execute(&step).await {
                eprintln!("{nic} was not in it: {}", chain(&error));
            }
        }
        namespace::ensure(&self.bed.router.name).unwrap();
        self.bed.router.ip("link set lo up");
        self.bed.kernel = Kernel::open(&self.bed.host.path(), &path).await.unwrap();
        self.guard().await;
        self.wait_for_the_ends_of_the_host().await;
    }

    /// The kernel takes a namespace down in its own time.
    async fn wait_for_the_ends_of_the_host(&self) {
        let begin = Instant::now();
        while self
            .links()
            .iter()
            .any(|(_, link)| link["linkinfo"]["info_kind"] == "veth")
        {
            assert!(
                begin.elapsed() < SETTLE,
                "ends of veths outlive their namespace"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) fn writes(&self) -> u64 {
        self.bed.kernel.writes()
    }

    pub(super) fn state(&self) -> State {
        state(&self.bed.host, &self.bed.router)
    }

    /// In what it differs for good from what is expected.
    pub(super) async fn becomes(&self, expected: &State) -> Vec<String> {
        let begin = Instant::now();
        loop {
            let found = differences(&self.state(), expected);
            if found.is_empty() || begin.elapsed() > SETTLE {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The Ethernet addresses of what is not ours, which tell whether it is still the same.
    pub(super) fn others(&self) -> BTreeMap<String, String> {
        let spaces = [&self.bed.host, &self.bed.router].into_iter();
        let links = spaces.flat_map(|space| all(space.ip_json("link show")));
        let others = links.filter(|link| OTHERS.contains(&text(link, "ifname")));
        others
            .map(|link| {
                (
                    text(&link, "ifname").to_owned(),
                    text(&link, "address").to_owned(),
                )
            })
            .collect()
    }

    /// Our links.
    fn links(&self) -> Vec<(&Namespace, Value)> {
        let spaces = [&self.bed.host, &self.bed.router].into_iter();
        let links = spaces.flat_map(|space| {
            let links = all(space.ip_json("address show"));
            links.into_iter().map(move |link| (space, link))
        });
        let ours = links.filter(|(_, link)| text(link, "ifalias").starts_with("perouter:"));
        ours.collect()
    }

    /// Alters something, if there is something to alter.
    pub(super) fn suffer(&self, fault: Fault, which: Index) {
        if fault == Fault::RulesGone {
            for version in ["-4", "-6"] {
                // There is none without a VRF.
                drop(
                    self.bed
                        .router
                        .try_ip(&format!("{version} rule delete pref 2000")),
                );
            }
            return;
        }
        let mut links = self.links();
        if fault == Fault::AddressGone {
            // Those of the loopback and of NICs are ours too.
            let more = all(self.bed.router.ip_json("address show"));
            let more = more.into_iter().filter(|link| {
                let name = text(link, "ifname");
                name == "lo" || name.starts_with("eth")
            });
            links.extend(more.map(|link| (&self.bed.router, link)));
        }
        let possible: Vec<(&Namespace, Vec<String>)> = links
            .iter()
            .filter_map(|(space, link)| Some((*space, commands(fault, link)?)))
            .collect();
        if possible.is_empty() {
            return;
        }
        let (space, commands) = which.get(&possible);
        for command in commands {
            space.ip(command);
        }
    }
}

fn all(list: Value) -> Vec<Value> {
    let Value::Array(all) = list else {
        panic!("no list: {list}");
    };
    all
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The first address that can be taken away.
fn address(link: &Value) -> Option<String> {
    let mut infos = link["addr_info"].as_array()?.iter();
    let info = infos.find(|info| !matches!(text(info, "scope"), "link" | "host"))?;
    Some(format!("{}/{}", text(info, "local"), info["prefixlen"]))
}

/// What makes a fault of a link that can have it.
fn commands(fault: Fault, link: &Value) -> Option<Vec<String>> {
    let name = text(link, "ifname");
    let with = |possible: bool, command: String| possible.then(|| vec![command]);
    let is_leg = name.starts_with("pe-e-") || name.starts_with("host-e-");
    let is_vxlan = name.starts_with("vni");
    match fault {
        Fault::Deleted => with(true, format!("link delete {name}")),
        Fault::Down => with(true, format!("link set {name} down")),
        Fault::NoAlias => with(true, format!("link set {name} alias other")),
        Fault::OtherMtu => with(is_leg, format!("link set {name} mtu 1300")),
        Fault::OtherMac => with(
            text(link, "address").starts_with("00:f3:"),
            format!("link set {name} address 02:00:00:00:00:09"),
        ),
        Fault::NoMaster => with(
            link.get("master").is_some(),
            format!("link set {name} nomaster"),
        ),
        Fault::OtherGeneration => {
            let mode = match text(link, "inet6_addr_gen_mode") {
                "none" => "eui64",
                _ => "none",
            };
            with(true, format!("link set {name} addrgenmode {mode}"))
        }
        Fault::PortLearns => with(
            is_vxlan,
            format!("link set {name} type bridge_slave learning on neigh_suppress off"),
        ),
        Fault::OtherVni => is_vxlan.then(|| {
            vec![
                format!("link delete {name}"),
                format!("link add {name} type vxlan id 4711 local 100.65.0.9 dstport 4711"),
            ]
        }),
        Fault::MoreAddresses => Some(vec![
            format!("address add 198.51.100.9/24 dev {name}"),
            format!("address add 2001:db8:9::9/64 dev {name} nodad"),
        ]),
        Fault::AddressGone => {
            let address = address(link)?;
            Some(vec![format!("address delete {address} dev {name}")])
        }
        Fault::RulesGone => None,
    }
}
