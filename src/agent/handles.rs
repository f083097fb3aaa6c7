//! The agent's hold on the kernel, which outlives passes: it is given up only with the router's
//! namespace.

use std::path::PathBuf;
use std::time::Duration;

use tokio::time::Instant;

use super::eye::Eye;
use super::pass::Worker;
use crate::frr::station::Station;
use crate::intent::NodeIntent;
use crate::netlink::{self, Heard, Kernel, KernelEvent, Pace, Refresher, Retention, Stir, Watch};
use crate::plan::desired::gateway_bridges;

/// The kernel handles, what is heard from the kernel, what keeps neighbours fresh in it, and
/// what keeps packets flowing while bgpd restarts.
pub(super) struct Handles {
    pub(super) kernel: Kernel,
    pub(super) eye: Eye,
    refresher: Refresher,
    retention: Retention,
    _station: Option<Station>,
    _stir: Stir,
}

impl Handles {
    /// bgpd listens at `bgpd`, and tells of its sessions at `station`.
    pub(super) fn new(
        kernel: Kernel,
        watch: Watch,
        stir: Stir,
        bgpd: PathBuf,
        station: Option<Station>,
    ) -> Self {
        Self {
            _station: station,
            _stir: stir,
            retention: kernel.retention(bgpd),
            refresher: kernel.refresher(Pace::default()),
            kernel,
            eye: Eye::new(watch),
        }
    }

    /// Has workloads that fall silent probed from now on where this intent is their gateway, and
    /// forwarding retained if it asks for graceful restart.
    pub(super) fn follow(&self, intent: &NodeIntent) {
        self.refresher.follow(gateway_bridges(intent));
        let underlay = intent.underlay.as_ref();
        let restart = underlay.and_then(|underlay| underlay.spec.graceful_restart);
        let limit = restart.map(|restart| Duration::from_secs(restart.restart_time.into()));
        self.retention.allow(limit);
    }

    /// A verification that began at `begun` found all well.
    pub(super) fn settled(&self, begun: Instant) {
        self.retention.settled(begun);
    }
}

impl Worker {
    /// Waits until the kernel tells of a change that may concern us; for ever without handles.
    pub(super) async fn kernel_changed(&mut self) {
        let Some(handles) = &mut self.handles else {
            return std::future::pending().await;
        };
        let event = handles.eye.changed().await;
        self.heed(event);
    }

    /// Forgets the events that have come in already; the pass that follows sees their effect.
    /// Returns whether so many had come that the kernel may hold more of them.
    pub(super) fn drain_kernel_events(&mut self) -> bool {
        let mut all = 0;
        while let Some(handles) = &mut self.handles {
            match handles.eye.heard() {
                Heard::Nothing => break,
                Heard::Event(event) => self.heed(Some(event)),
                Heard::NoMore => self.heed(None),
            }
            all += 1;
        }
        all >= netlink::QUEUE
    }

    /// Handles that nothing is heard from any more are given up; the next pass opens others.
    fn heed(&mut self, event: Option<KernelEvent>) {
        if matches!(event, Some(KernelEvent::Lost { .. }) | None) {
            self.give_up_kernel();
        }
    }

    pub(super) fn give_up_kernel(&mut self) {
        if let Some(handles) = self.handles.take() {
            self.counters.netlink_writes_before += handles.kernel.writes();
        }
    }
}
