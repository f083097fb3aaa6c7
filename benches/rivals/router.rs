//! A real FRR, and what the agent does with it in one pass.

use std::path::Path;

use perouter::agent::execute::{self, UnderlayState};
use perouter::frr::{self, Frr, Mode};
use perouter::intent::NodeIntent;
use perouter::netlink::Kernel;
use perouter::plan::link::SeenKernel;
use perouter::plan::{self, NicMemory, SeenFrr, Step};
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
            kernel,
            runtime,
        })
    }

    /// What FRR runs.
    pub(crate) fn observe(&mut self) -> Result<SeenFrr, Failure> {
        Ok(self.runtime.block_on(self.driver.observe())?)
    }

    /// What the agent does with FRR in one pass: observe, plan, execute, until nothing remains
    /// to be done, as the last observation shows. Answers how many steps were taken.
    pub(crate) fn pass(
        &mut self,
        intent: &NodeIntent,
        seen: &SeenKernel,
    ) -> Result<usize, Failure> {
        let Self {
            real: _,
            driver,
            kernel,
            runtime,
        } = self;
        runtime.block_on(async {
            let mut done = 0;
            for _ in 0..=ROUNDS {
                let running = driver.observe().await?;
                let plan = plan::plan(intent, seen, &running, &NicMemory::new())?;
                if plan.is_empty() {
                    return Ok(done);
                }
                let units = plan
                    .units
                    .iter()
                    .filter_map(|unit| unit.steps.as_ref().ok())
                    .flatten();
                let steps = plan.sweep.iter().chain(units.map(|planned| &planned.step));
                if let Some(step) = steps
                    .into_iter()
                    .find(|step| matches!(step, Step::Kernel(_)))
                {
                    return Err(format!(
                        "the kernel was to be left alone, and this is planned: {step}"
                    )
                    .into());
                }
                let outcome = execute::execute(&plan, underlay(&running), kernel, driver).await;
                if let Some(failure) = outcome.failures.first() {
                    return Err(failure.message.clone().into());
                }
                done += outcome.done;
            }
            Err("what was written does not read back as it should".into())
        })
    }
}

fn underlay(running: &SeenFrr) -> UnderlayState {
    match running.bgp.context(&format!("router bgp {}", node::ASN)) {
        Some(_) => UnderlayState::Stands,
        None => UnderlayState::Missing,
    }
}
