//! Two namespaces of our own, and what the agent does with the kernel in one pass.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use perouter::agent::execute::{self, UnderlayState, Voice};
use perouter::agent::eye::{Eye, needs_reading};
use perouter::agent::vrf_tables::clear_of_others;
use perouter::frr::{self, Frr, Mode};
use perouter::intent::NodeIntent;
use perouter::netlink::{Dump, Kernel, namespace};
use perouter::plan::link::{SeenKernel, Space};
use perouter::plan::{self, Memory, Plan, Planning, SeenFrr, Step};
use perouter::status::serve::Pulse;
use tokio::runtime::{Builder, Runtime};

use crate::Failure;
use crate::node::NIC;

/// How often a pass may write before it must have converged; the agent allows three.
const ROUNDS: usize = 3;

/// A host's and a router's namespace, with a NIC in the host's. They go with the value.
pub(crate) struct Places {
    pub(crate) host: String,
    pub(crate) router: String,
}

impl Places {
    pub(crate) fn new(of: &str) -> Result<Self, Failure> {
        let [host, router] = ["host", "router"].map(|role| format!("{of}-{role}"));
        namespace::ensure(&host)?;
        namespace::ensure(&router)?;
        let places = Self { host, router };
        for words in [
            format!("-n {} link add {NIC} type dummy", places.host),
            format!("-n {} address add 10.0.1.10/24 dev {NIC}", places.host),
            format!("-n {} link set {NIC} up", places.host),
            format!("-n {} link set lo up", places.router),
        ] {
            ip(&words)?;
        }
        Ok(places)
    }
}

impl Drop for Places {
    fn drop(&mut self) {
        for name in [&self.host, &self.router] {
            if let Err(error) = namespace::remove(name) {
                eprintln!("namespace {name} is left behind: {error}");
            }
        }
    }
}

/// Runs `ip`, and demands that it succeeds.
pub(crate) fn ip(words: &str) -> Result<(), Failure> {
    let ran = Command::new("ip").args(words.split_whitespace()).output()?;
    if ran.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&ran.stderr);
        Err(format!("ip {words}: {said}").into())
    }
}

/// What the agent has of the kernel.
pub(crate) struct Router {
    kernel: Kernel,
    /// As in the agent, who is told of every change.
    eye: Eye,
    planning: Planning,
    /// For the executor. The plans that are measured hold no step for it.
    driver: Frr,
    runtime: Arc<Runtime>,
    _places: Places,
}

/// One pass, and the time from its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    pub(crate) steps: usize,
    pub(crate) in_force: Duration,
    pub(crate) read_back: Duration,
    /// How many messages were sent.
    pub(crate) writes: u64,
}

impl Router {
    /// Opens namespaces as the agent does before it looks at manifests.
    pub(crate) fn start(of: &str) -> Result<Self, Failure> {
        let places = Places::new(of)?;
        // The agent runs on one thread too.
        let runtime = Arc::new(Builder::new_current_thread().enable_all().build()?);
        let netns = namespace::path_of(&places.router)?;
        let host = namespace::path_of(&places.host)?;
        let kernel = runtime.block_on(Kernel::open(&host, &netns))?;
        let eye = Eye::new(runtime.block_on(kernel.watch())?);
        let driver = Frr::new(frr::Options {
            dir: Path::new("/nonexistent").to_owned(),
            netns,
            northbound: Mode::Off,
        });
        let mut router = Self {
            kernel,
            eye,
            planning: Planning::new(),
            driver,
            runtime: runtime.clone(),
            _places: places,
        };
        runtime.block_on(router.guard())?;
        Ok(router)
    }

    async fn guard(&mut self) -> Result<(), Failure> {
        let seen = self.observe().await?;
        for step in plan::guard(&seen) {
            self.kernel.execute(&step).await?;
        }
        Ok(())
    }

    async fn observe(&mut self) -> Result<Arc<SeenKernel>, Failure> {
        let nics = vec![NIC.parse()?];
        Ok(self.eye.observe(&self.kernel, nics).await?)
    }

    /// How often what was dumped.
    pub(crate) fn dumps(&self) -> BTreeMap<(Space, Dump), u64> {
        self.runtime.block_on(self.kernel.dumps())
    }

    /// What the agent does after a pass: it hears of what it did itself, and reads all once more.
    pub(crate) fn settle(&mut self, intent: &NodeIntent) -> Result<(), Failure> {
        let runtime = self.runtime.clone();
        runtime.block_on(async {
            let calm = Duration::from_millis(50);
            while let Ok(Some(_)) = tokio::time::timeout(calm, self.eye.changed()).await {}
            let seen = self.observe().await?;
            let left = self.plan(intent, &seen).await?.steps();
            match left {
                0 => Ok(()),
                left => Err(format!("{left} steps are left").into()),
            }
        })
    }

    /// What the agent does in one pass after a change of the intent.
    pub(crate) fn pass(&mut self, intent: &NodeIntent) -> Result<Passed, Failure> {
        let runtime = self.runtime.clone();
        runtime.block_on(self.rounds(intent))
    }

    async fn rounds(&mut self, intent: &NodeIntent) -> Result<Passed, Failure> {
        let before = self.kernel.writes();
        let started = Instant::now();
        let (mut steps, mut in_force) = (0, None);
        for round in 0..=ROUNDS {
            let (plan, was_read) = self.looked_at(intent, round).await?;
            if plan.is_empty() && was_read {
                let read_back = started.elapsed();
                return Ok(Passed {
                    steps,
                    in_force: in_force.unwrap_or(read_back),
                    read_back,
                    writes: self.kernel.writes() - before,
                });
            }
            if plan.is_empty() {
                continue;
            }
            let stands = UnderlayState::Stands;
            let outcome = execute::execute(
                &plan,
                stands,
                &self.kernel,
                &mut self.driver,
                (&Pulse::default(), Voice::Aloud),
            )
            .await;
            if let Some(failure) = outcome.failures.first() {
                return Err(failure.message.clone().into());
            }
            steps += outcome.done;
            in_force = Some(started.elapsed());
        }
        Err("what was written does not read back as it should".into())
    }

    /// Plans at first on what is known, if the kernel told of nothing since; and whether all was
    /// read.
    async fn looked_at(
        &mut self,
        intent: &NodeIntent,
        round: usize,
    ) -> Result<(Plan, bool), Failure> {
        if round == 0
            && let Some(seen) = self.eye.known(&[NIC.parse()?])
        {
            let plan = self.plan(intent, &seen).await?;
            if !needs_reading(&plan) {
                return Ok((plan, false));
            }
        }
        let seen = self.observe().await?;
        Ok((self.plan(intent, &seen).await?, true))
    }

    /// The kernel's part of the plan.
    async fn plan(&mut self, intent: &NodeIntent, seen: &Arc<SeenKernel>) -> Result<Plan, Failure> {
        let (running, memory) = (SeenFrr::default(), Memory::default());
        let planning = &mut self.planning;
        let mut plan = clear_of_others(&self.kernel, seen.clone(), |seen| {
            Ok::<_, Failure>(planning.plan(intent, seen, &running, &memory)?)
        })
        .await?;
        let is_kernel = |step: &Step| matches!(step, Step::Kernel(_));
        for leftover in &mut plan.sweep {
            leftover.steps.retain(|planned| is_kernel(&planned.step));
        }
        plan.sweep.retain(|leftover| !leftover.steps.is_empty());
        for unit in &mut plan.units {
            let steps = unit.steps.as_mut().map_err(|blocked| blocked.to_string())?;
            steps.retain(|planned| is_kernel(&planned.step));
        }
        plan.closing.clear();
        Ok(plan)
    }
}
