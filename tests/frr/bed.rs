//! One real FRR and a driver for it, and the way from an intent to a configured FRR.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use perouter::frr::{self, Frr, Mode};
use perouter::intent::NodeIntent;
use perouter::plan::bgp::raw::RawMemory;
use perouter::plan::link::{SeenKernel, SeenKind, SeenLink};
use perouter::plan::{self, Memory, Plan, RawLines, Step};
use perouter_harness::{Daemon, Options};

/// The daemons that a router runs and the driver drives.
pub(crate) const DAEMONS: [Daemon; 4] = [Daemon::Mgmtd, Daemon::Zebra, Daemon::Bgpd, Daemon::Bfdd];

/// A real FRR, and a driver that knows it.
pub(crate) struct Bed {
    pub(crate) real: perouter_harness::Frr,
    pub(crate) driver: Frr,
    /// What became of raw objects.
    pub(crate) raw: RawMemory,
}

impl Bed {
    /// Daemons with the gRPC module, driven in `mode`.
    pub(crate) fn new(mode: Mode) -> Self {
        Self::with(Options::default().daemons(DAEMONS), mode)
    }

    /// Daemons as of a stock package, without the gRPC module.
    pub(crate) fn stock(mode: Mode) -> Self {
        Self::with(Options::default().daemons(DAEMONS).without_grpc(), mode)
    }

    pub(crate) fn with(options: Options, mode: Mode) -> Self {
        let real = perouter_harness::Frr::start(options).expect("real FRR starts");
        zebra_is_known_to_mgmtd(&real);
        let driver = driver(&real, mode);
        Self {
            real,
            driver,
            raw: RawMemory::new(),
        }
    }

    /// bgpd's running configuration, as another client than the driver sees it.
    pub(crate) fn running(&self) -> String {
        running(&self.real)
    }

    /// bfdd's running configuration, as another client sees it. The context of profiles stays
    /// when it was once entered, and says nothing when it is empty.
    pub(crate) fn profiles(&self) -> String {
        let text = self.real.vty(Daemon::Bfdd, &["show running-config"]);
        let text = text.unwrap().replace("bfd\nexit\n", "");
        let lines = text.lines().filter(|line| *line != "!");
        lines.map(|line| format!("{line}\n")).collect()
    }

    /// The mappings of VRFs to VNIs, as another client sees them.
    pub(crate) fn mapped(&self) -> serde_json::Value {
        let text = self
            .real
            .vty(Daemon::Zebra, &["show vrf vni json"])
            .unwrap();
        serde_json::from_str(&text).unwrap()
    }

    /// The VNI of one VRF, as another client sees it.
    pub(crate) fn vni_of(&self, vrf: &str) -> Option<u64> {
        let mapped = self.mapped();
        let mut entries = mapped["vrfs"].as_array()?.iter();
        entries.find(|entry| entry["vrf"] == vrf)?["vni"].as_u64()
    }

    /// What remains to be done in FRR for an intent. The kernel's steps are left out: no kernel
    /// takes part in these tests.
    pub(crate) async fn remaining(&mut self, intent: &NodeIntent) -> Vec<Step> {
        let mut seen = self.driver.observe().await.expect("FRR is observed");
        // What it is told of tunnels over IPv6 reads back, even by one that makes nothing of it.
        seen.release = None;
        let memory = Memory {
            raw: self.raw.clone(),
            ..Memory::default()
        };
        let plan = plan::plan(intent, &kernel(), &seen, &memory).expect("plannable");
        frr_steps(&plan)
    }

    /// Leads FRR to an intent, step by step as the planner orders them, and demands that nothing
    /// remains to be done.
    pub(crate) async fn lead(&mut self, what: &str, intent: &NodeIntent) {
        self.try_to_lead(intent)
            .await
            .unwrap_or_else(|fault| panic!("{what}: {fault}"));
    }

    /// As [`Self::lead`], but says what is wrong.
    pub(crate) async fn try_to_lead(&mut self, intent: &NodeIntent) -> Result<(), String> {
        for step in self.remaining(intent).await {
            self.take(intent, &step)
                .await
                .map_err(|error| format!("{}: {error}", words(&step)))?;
        }
        let left: Vec<String> = self.remaining(intent).await.iter().map(words).collect();
        if left.is_empty() {
            return Ok(());
        }
        let left = left.join("\n");
        Err(format!(
            "what was typed does not read back; left to do:\n{left}\nFRR runs:\n{}",
            self.running()
        ))
    }
}

impl Bed {
    /// Takes a step, and remembers what became of raw lines, as the agent does.
    async fn take(&mut self, intent: &NodeIntent, step: &Step) -> Result<(), frr::FrrError> {
        let Step::Raw(RawLines(lines)) = step else {
            return take(&mut self.driver, step).await;
        };
        let applied = self.driver.type_raw(lines).await?;
        let of = intent.raw.iter().find(|raw| raw.spec.config == *lines);
        let key = of.expect("the step is of an object").key.clone();
        self.raw.insert(key, applied);
        Ok(())
    }
}

/// A step in few words, for whoever reads a failure.
fn words(step: &Step) -> String {
    match step {
        Step::Bgp(change) => change
            .commands()
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n"),
        Step::PrefixLists(_) | Step::BfdProfiles(_) | Step::Raw(_) => step.to_string(),
        Step::Kernel(_) | Step::AllowAll(_) | Step::MapVni { .. } => format!("{step:?}"),
    }
}

/// A driver for a real FRR.
pub(crate) fn driver(real: &perouter_harness::Frr, mode: Mode) -> Frr {
    driver_at(real, real.vty_dir(), mode)
}

/// A driver that looks for the vty sockets of a real FRR in another folder.
pub(crate) fn driver_at(real: &perouter_harness::Frr, dir: PathBuf, mode: Mode) -> Frr {
    Frr::new(frr::Options {
        dir,
        netns: real.netns_path(),
        northbound: mode,
    })
}

/// bgpd's running configuration.
pub(crate) fn running(real: &perouter_harness::Frr) -> String {
    real.vty(Daemon::Bgpd, &["show running-config"]).unwrap()
}

/// Takes one step of a plan.
pub(crate) async fn take(driver: &mut Frr, step: &Step) -> Result<(), frr::FrrError> {
    match step {
        Step::Kernel(step) => panic!("no kernel takes part: {step:?}"),
        Step::Bgp(change) => driver.change_bgp(change).await,
        Step::AllowAll(presence) => driver.set_allow_all(*presence).await,
        Step::PrefixLists(changes) => driver.change_prefix_lists(changes).await,
        Step::BfdProfiles(changes) => driver.change_profiles(changes).await,
        Step::Raw(RawLines(lines)) => driver.type_raw(lines).await.map(|_footprint| ()),
        Step::MapVni { vrf, vni } => driver.map_vnis(&[(vrf.clone(), *vni)]).await,
    }
}

/// A kernel that has the underlay's NIC and nothing else.
pub(crate) fn kernel() -> SeenKernel {
    let nic = SeenLink {
        index: 2,
        kind: SeenKind::Other {
            name: String::new(),
        },
        master: None,
        up: true,
        mtu: 1500,
        mac: None,
        group: 0,
        alias: String::new(),
        address_generation: None,
        evpn_port: None,
        addresses: std::collections::BTreeSet::new(),
    };
    let mut seen = SeenKernel::default();
    seen.host.insert("eth1".parse().unwrap(), nic);
    seen
}

fn frr_steps(plan: &Plan) -> Vec<Step> {
    for unit in &plan.units {
        unit.steps.as_ref().expect("nothing blocks the plan");
    }
    let steps = plan.all_steps();
    steps
        .filter(|step| !matches!(step, Step::Kernel(_)))
        .cloned()
        .collect()
}

/// Waits until mgmtd has zebra to hand its commits to, which is some tenths of a second after
/// both answer. What it is told before, it keeps to itself until then.
pub(crate) fn zebra_is_known_to_mgmtd(real: &perouter_harness::Frr) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let known = real
            .vty(Daemon::Mgmtd, &["show mgmt backend-adapter all"])
            .unwrap();
        if known.contains("zebra") {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "mgmtd does not know zebra: {known}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Polls until something holds, or a generous deadline passes.
pub(crate) async fn eventually<T>(
    what: &str,
    mut look: impl AsyncFnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match look().await {
            Ok(found) => return found,
            Err(now) => assert!(Instant::now() < deadline, "still not: {what}; now: {now}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
