//! The agent's hold on the kernel, which outlives passes: it is given up only with the router's
//! namespace.

use super::eye::Eye;
use crate::intent::NodeIntent;
use crate::netlink::{Kernel, Pace, Refresher, Watch};
use crate::plan::desired::gateway_bridges;

/// The kernel handles, what is heard from the kernel, and what keeps neighbours fresh in it.
pub(super) struct Handles {
    pub(super) kernel: Kernel,
    pub(super) eye: Eye,
    refresher: Refresher,
}

impl Handles {
    pub(super) fn new(kernel: Kernel, watch: Watch) -> Self {
        Self {
            refresher: kernel.refresher(Pace::default()),
            kernel,
            eye: Eye::new(watch),
        }
    }

    /// Has workloads that fall silent probed from now on where this intent is their gateway.
    pub(super) fn refresh_neighbours(&self, intent: &NodeIntent) {
        self.refresher.follow(gateway_bridges(intent));
    }
}
