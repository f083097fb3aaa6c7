//! Plans pass after pass, and does not do again what would come out the same.
//!
//! A plan is a function of what is wanted and what is seen; most passes see what the last one
//! saw. What always holds: the plan is the one that [`plan`](super::plan) makes.

use std::sync::Arc;

use perouter_parsers::running_config::InvalidLine;

use super::link::SeenKernel;
use super::{Memory, Plan, SeenFrr, Wanted, underlay};
use crate::intent::NodeIntent;

/// A planner that remembers what it derived and looked at last.
#[derive(Debug, Default)]
pub struct Planning {
    wanted: Option<Derived>,
    settled: Option<Settled>,
}

/// What an intent wants, with all that it follows from.
#[derive(Debug)]
struct Derived {
    intent: NodeIntent,
    nic_mtu: Option<u32>,
    wanted: Wanted,
}

/// What was seen when there was nothing to do for what is wanted.
#[derive(Debug)]
struct Settled {
    kernel: Arc<SeenKernel>,
    frr: SeenFrr,
    memory: Memory,
    plan: Plan,
}

impl Planning {
    /// A planner that remembers nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Plans the way from what is seen to the intent.
    ///
    /// # Errors
    /// [`InvalidLine`] when a value of the intent cannot be typed into FRR.
    pub fn plan(
        &mut self,
        intent: &NodeIntent,
        kernel: &Arc<SeenKernel>,
        frr: &SeenFrr,
        memory: &Memory,
    ) -> Result<Plan, InvalidLine> {
        let nic_mtu = underlay::nic_mtu(intent, kernel);
        let derived = match self.wanted.take() {
            Some(derived) if derived.intent == *intent && derived.nic_mtu == nic_mtu => derived,
            Some(_) | None => {
                self.settled = None;
                Derived {
                    intent: intent.clone(),
                    nic_mtu,
                    wanted: Wanted::of(intent, nic_mtu)?,
                }
            }
        };
        let derived = self.wanted.insert(derived);
        if let Some(settled) = &self.settled
            && settled.saw(kernel, frr, memory)
        {
            return Ok(settled.plan.clone());
        }
        let plan = derived.wanted.plan(kernel, frr, memory)?;
        self.settled = plan.is_empty().then(|| Settled {
            kernel: Arc::clone(kernel),
            frr: frr.clone(),
            memory: memory.clone(),
            plan: plan.clone(),
        });
        Ok(plan)
    }
}

impl Settled {
    fn saw(&self, kernel: &SeenKernel, frr: &SeenFrr, memory: &Memory) -> bool {
        self.frr == *frr && *self.kernel == *kernel && self.memory == *memory
    }
}
