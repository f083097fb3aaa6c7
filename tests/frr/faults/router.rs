//! One real FRR that serves many cases, seen directly and through the proxies.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use perouter::agent::execute::{self, UnderlayState, Voice};
use perouter::frr::{self, Frr, Mode};
use perouter::intent::NodeIntent;
use perouter::netlink::Kernel;
use perouter::plan::{self, Memory, Plan, SeenFrr, Step};
use perouter::status::serve::Pulse;
use perouter_harness::proxy::{Faults, NorthboundProxy, VtyProxy};
use perouter_harness::{Daemon, Options};

use crate::bed::{DAEMONS, driver, zebra_is_known_to_mgmtd};
use crate::intents::OWN_AS;

/// How FRR was started and is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Setup {
    /// With its gRPC module, which takes what it can.
    Northbound,
    /// With its gRPC module, and with nobody but the driver that could tell zebra something.
    WithoutMgmtd,
    /// As packages are.
    VtyAlone,
}

impl Setup {
    fn daemons(self) -> &'static [Daemon] {
        match self {
            Self::Northbound | Self::VtyAlone => &DAEMONS,
            Self::WithoutMgmtd => &[Daemon::Zebra, Daemon::Bgpd],
        }
    }

    fn mode(self) -> Mode {
        match self {
            Self::Northbound => Mode::Auto,
            // Otherwise a northbound that was lost is looked for again after seconds only, and
            // until then nobody could be told of a VNI.
            Self::WithoutMgmtd => Mode::Require,
            Self::VtyAlone => Mode::Off,
        }
    }
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Northbound => "by northbound",
            Self::WithoutMgmtd => "by northbound, without mgmtd",
            Self::VtyAlone => "by vty alone",
        })
    }
}

/// How often the way back to where a case begins may write. A case may leave anything.
const ROUNDS: usize = 4;

/// The pause before the way back is tried again.
const UNLOCKED: Duration = Duration::from_millis(200);

/// Who stands between the driver and FRR.
struct Proxies {
    vty: VtyProxy,
    /// With the namespace in which its ports are; none where all goes by vty.
    northbound: Option<(NorthboundProxy, perouter_harness::Frr)>,
}

/// A real FRR behind proxies.
pub(super) struct Router {
    proxies: Proxies,
    /// The driver that puts things in order between the cases, past the proxies.
    direct: Frr,
    kernel: Kernel,
    setup: Setup,
    real: perouter_harness::Frr,
}

/// What one object is in FRR, as its own `show` commands print it. The name of the object is
/// that of its VRF, or one of [`UNDERLAY`] and [`REST`].
pub(super) type Objects = BTreeMap<String, String>;

const UNDERLAY: &str = "underlay";
const REST: &str = "nobody's";

impl Router {
    /// Starts FRR, and proxies before all of it.
    pub(super) async fn start(setup: Setup) -> Self {
        let daemons = setup.daemons();
        let options = Options::default().daemons(daemons.iter().copied());
        let options = match setup {
            Setup::Northbound | Setup::WithoutMgmtd => options,
            Setup::VtyAlone => options.without_grpc(),
        };
        let real = perouter_harness::Frr::start(options).unwrap();
        if daemons.contains(&Daemon::Mgmtd) {
            zebra_is_known_to_mgmtd(&real);
        }
        let vty = VtyProxy::start(&real, daemons).unwrap();
        let northbound = match setup {
            Setup::Northbound | Setup::WithoutMgmtd => Some(before_northbound(&real)),
            Setup::VtyAlone => None,
        };
        let kernel = Kernel::open(Path::new("/proc/self/ns/net"), &real.netns_path())
            .await
            .unwrap();
        Self {
            proxies: Proxies { vty, northbound },
            direct: driver(&real, setup.mode()),
            kernel,
            setup,
            real,
        }
    }

    pub(super) fn vty_faults(&self) -> &Faults {
        self.proxies.vty.faults()
    }

    pub(super) fn northbound_faults(&self) -> Option<&Faults> {
        self.proxies
            .northbound
            .as_ref()
            .map(|(proxy, _)| proxy.faults())
    }

    /// A new driver, that speaks with FRR through the proxies.
    pub(super) fn through_proxies(&self) -> Frr {
        let front = self.proxies.northbound.as_ref();
        Frr::new(frr::Options {
            dir: self.proxies.vty.dir().to_owned(),
            netns: front.map_or_else(|| self.real.netns_path(), |(_, front)| front.netns_path()),
            northbound: self.setup.mode(),
        })
    }

    /// One pass of the agent, but for the kernel: observe, plan, execute.
    pub(super) async fn pass(&self, driver: &mut Frr, intent: &NodeIntent) -> Result<(), String> {
        pass(&self.kernel, driver, intent).await
    }

    /// Leads FRR to an intent, past the proxies and whatever it takes.
    pub(super) async fn reset(&mut self, intent: &NodeIntent) {
        let mut said = Ok(());
        for _ in 0..ROUNDS {
            if remaining(&mut self.direct, intent)
                .await
                .is_ok_and(|plan| plan.is_empty())
            {
                return;
            }
            said = pass(&self.kernel, &mut self.direct, intent).await;
            if said.is_err() {
                // mgmtd keeps the lock of a connection that was cut until it has looked.
                tokio::time::sleep(UNLOCKED).await;
            }
        }
        panic!(
            "FRR cannot be led back: {said:?}; it runs:\n{:?}",
            self.objects()
        );
    }

    /// Every object, as another client than the driver sees it.
    pub(super) fn objects(&self) -> Objects {
        let running = crate::bed::running(&self.real);
        let mut objects = Objects::new();
        let mut object = REST.to_owned();
        for line in running.lines().filter(|line| line.trim() != "!") {
            if !line.starts_with(' ') && line != "exit" {
                object = owner(line);
            }
            let text = objects.entry(object.clone()).or_default();
            text.push_str(line);
            text.push('\n');
        }
        for (vrf, vni) in self.mapped() {
            let text = objects.entry(vrf).or_default();
            text.push_str(&format!("vni {vni}\n"));
        }
        objects
    }

    /// The mapping of VRFs to VNIs that zebra holds.
    pub(super) fn mapped(&self) -> BTreeMap<String, u64> {
        let text = (self.real).vty(Daemon::Zebra, &["show vrf vni json"]);
        let shown: serde_json::Value = serde_json::from_str(&text.unwrap()).unwrap();
        let entries = shown["vrfs"].as_array().into_iter().flatten();
        let mapped = |entry: &serde_json::Value| {
            let vrf = entry["vrf"].as_str().unwrap().to_owned();
            (vrf, entry["vni"].as_u64().unwrap())
        };
        entries.map(mapped).collect()
    }

    /// The mapping that mgmtd, where it runs, would give to a zebra that starts.
    pub(super) fn believed(&self) -> Option<BTreeMap<String, u64>> {
        if !self.setup.daemons().contains(&Daemon::Mgmtd) {
            return None;
        }
        let text = (self.real).vty(Daemon::Mgmtd, &["show running-config"]);
        let mut vrf = "";
        let mut believed = BTreeMap::new();
        for line in text.unwrap().lines() {
            if let Some(name) = line.strip_prefix("vrf ") {
                vrf = name;
            } else if let Some(vni) = line.trim().strip_prefix("vni ") {
                believed.insert(vrf.to_owned(), vni.parse().unwrap());
            }
        }
        Some(believed)
    }
}

/// Whose a line of bgpd's running configuration is that stands in no context.
fn owner(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    match words.as_slice() {
        ["router", "bgp", _, "vrf", vrf] => (*vrf).to_owned(),
        ["router", "bgp", _] | ["route-map", ..] => UNDERLAY.to_owned(),
        _ => REST.to_owned(),
    }
}

fn before_northbound(real: &perouter_harness::Frr) -> (NorthboundProxy, perouter_harness::Frr) {
    let front = perouter_harness::Frr::start(Options::default().daemons([])).unwrap();
    let proxy = NorthboundProxy::start(real, &front, &[Daemon::Zebra, Daemon::Bgpd]).unwrap();
    (proxy, front)
}

async fn pass(kernel: &Kernel, driver: &mut Frr, intent: &NodeIntent) -> Result<(), String> {
    let (seen, plan) = planned(driver, intent).await?;
    let told = (&Pulse::default(), Voice::Aloud);
    let outcome = execute::execute(&plan, underlay(&seen), kernel, driver, told).await;
    let failures: Vec<_> = (outcome.failures.into_iter())
        .map(|failure| failure.message)
        .collect();
    match failures.is_empty() {
        true => Ok(()),
        false => Err(failures.join("; ")),
    }
}

/// What remains to be done.
pub(super) async fn remaining(driver: &mut Frr, intent: &NodeIntent) -> Result<Plan, String> {
    planned(driver, intent).await.map(|(_, plan)| plan)
}

async fn planned(driver: &mut Frr, intent: &NodeIntent) -> Result<(SeenFrr, Plan), String> {
    let seen = driver.observe().await.map_err(|error| error.to_string())?;
    let plan = plan::plan(intent, &crate::bed::kernel(), &seen, &Memory::default());
    Ok((seen, without_kernel(plan.unwrap())))
}

/// The kernel takes no part: what it would have to do is left out.
fn without_kernel(mut plan: Plan) -> Plan {
    let in_frr = |step: &Step| !matches!(step, Step::Kernel(_));
    for leftover in &mut plan.sweep {
        leftover.steps.retain(|planned| in_frr(&planned.step));
    }
    plan.sweep.retain(|leftover| !leftover.steps.is_empty());
    for unit in &mut plan.units {
        let steps = unit.steps.as_mut().expect("nothing blocks the plan");
        steps.retain(|planned| in_frr(&planned.step));
    }
    plan
}

fn underlay(seen: &SeenFrr) -> UnderlayState {
    match seen.bgp.context(&format!("router bgp {OWN_AS}")) {
        Some(_) => UnderlayState::Stands,
        None => UnderlayState::Missing,
    }
}
