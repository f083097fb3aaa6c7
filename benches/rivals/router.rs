//! A real FRR, and what the agent does with it in one pass.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use perouter::agent::execute::{self, UnderlayState, Voice};
use perouter::frr::{self, Frr, Mode};
use perouter::intent::NodeIntent;
use perouter::netlink::Kernel;
use perouter::plan::link::SeenKernel;
use perouter::plan::{self, Memory, Plan, Planning, SeenFrr, Step};
use perouter::status::serve::Pulse;
use perouter_harness::{Daemon, Options};
use tokio::runtime::{Builder, Runtime};

use crate::Failure;
use crate::node;

/// How FRR was started and is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// With its gRPC module, which takes what it can.
    Northbound,
    /// As packages are, by vty alone.
    Vty,
}

/// One FRR with a driver.
pub(crate) struct Router {
    pub(crate) real: perouter_harness::Frr,
    driver: Frr,
    planning: Planning,
    /// The namespaces, for the executor. The plans that are measured hold no step for it.
    kernel: Kernel,
    runtime: Runtime,
}

/// How often a pass may write before it must have converged; the agent allows three.
const ROUNDS: usize = 3;

impl Router {
    /// Starts daemons in namespaces of their own.
    pub(crate) fn start(way: Way) -> Result<Self, Failure> {
        let options = Options::default().daemons([Daemon::Mgmtd, Daemon::Zebra, Daemon::Bgpd]);
        let (options, northbound) = match way {
            Way::Northbound => (options, Mode::Require),
            Way::Vty => (options.without_grpc(), Mode::Off),
        };
        let real = perouter_harness::Frr::start(options)?;
        // The agent runs on one thread too.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let netns = real.netns_path();
        let kernel = runtime.block_on(Kernel::open(Path::new("/proc/self/ns/net"), &netns))?;
        let driver = Frr::new(frr::Options {
            dir: real.vty_dir(),
            netns,
            northbound,
        });
        Ok(Self {
            real,
            driver,
            planning: Planning::new(),
            kernel,
            runtime,
        })
    }

    /// What FRR runs.
    pub(crate) fn observe(&mut self) -> Result<SeenFrr, Failure> {
        Ok(self.runtime.block_on(self.driver.observe())?)
    }

    /// What the agent does with FRR in one pass after a change of the intent: plan on what is
    /// known, execute, observe and plan again, until nothing remains to be done, as the last
    /// observation shows.
    pub(crate) fn pass(
        &mut self,
        intent: &NodeIntent,
        seen: &Arc<SeenKernel>,
    ) -> Result<Passed, Failure> {
        let Self {
            real: _,
            driver,
            planning,
            kernel,
            runtime,
        } = self;
        let started = Instant::now();
        runtime.block_on(async {
            let _turn = driver.take_turn().await?;
            let (mut steps, mut in_force) = (0, None);
            for round in 0..=ROUNDS {
                let known = if round == 0 { driver.known() } else { None };
                let was_read = known.is_none();
                let running = match known {
                    Some(known) => known,
                    None => driver.observe().await?,
                };
                let plan = planning.plan(intent, seen, &running, &Memory::default())?;
                let plan = without_kernel(plan)?;
                if plan.is_empty() && was_read {
                    let read_back = started.elapsed();
                    return Ok(Passed {
                        steps,
                        in_force: in_force.unwrap_or(read_back),
                        read_back,
                    });
                }
                if plan.is_empty() {
                    continue;
                }
                let told = (&Pulse::default(), Voice::Aloud);
                let executed = execute::execute(&plan, underlay(&running), kernel, driver, told);
                let outcome = executed.await;
                if let Some(failure) = outcome.failures.first() {
                    return Err(failure.message.clone().into());
                }
                steps += outcome.done;
                in_force = Some(started.elapsed());
            }
            Err("what was written does not read back as it should".into())
        })
    }
}

/// One pass, and the time from its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    /// How many steps were taken.
    pub(crate) steps: usize,
    /// Until FRR had accepted the last of them, and zebra held the mappings.
    pub(crate) in_force: Duration,
    /// Until all was read back and nothing was left to do.
    pub(crate) read_back: Duration,
}

/// A plan that leaves the kernel alone.
pub(crate) fn plan_for_frr(
    intent: &NodeIntent,
    seen: &SeenKernel,
    running: &SeenFrr,
) -> Result<Plan, Failure> {
    without_kernel(plan::plan(intent, seen, running, &Memory::default())?)
}

fn without_kernel(plan: Plan) -> Result<Plan, Failure> {
    let is_kernel = |step: &&Step| matches!(step, Step::Kernel(_));
    if let Some(step) = plan.all_steps().find(is_kernel) {
        return Err(format!("the kernel was to be left alone: {step}").into());
    }
    Ok(plan)
}

fn underlay(running: &SeenFrr) -> UnderlayState {
    match running.bgp.context(&format!("router bgp {}", node::ASN)) {
        Some(_) => UnderlayState::Stands,
        None => UnderlayState::Missing,
    }
}
