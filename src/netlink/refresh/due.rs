//! Which neighbours are to be probed, and when it is time to look.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Bound;
use std::time::Duration;

use tokio::time::Instant;

use crate::api::types::InterfaceName;
use crate::netlink::KernelEvent;
use crate::netlink::facts::{NeighbourState, Origin, SeenNeighbour};

/// How many neighbours one round probes. What is left has its turn a moment later: a node whose
/// thousands of workloads fall silent at once must not send as many requests at once.
pub(super) const MOST: usize = 256;

/// How often to look.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// From one round to the next when nothing is heard. The kernel may collect an entry that
    /// has been stale for 60 s (`gc_stale_time`): at half of that, one whose event was lost is
    /// found before.
    pub interval: Duration,
    /// From an event to the round that it causes, so that a burst costs one round. No entry is
    /// probed more often than this, whatever it does: two workloads that fight for an address
    /// make it stale again with every answer.
    pub settle: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            interval: Duration::from_secs(30),
            settle: Duration::from_secs(1),
        }
    }
}

/// An entry that the kernel is to probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Probe {
    pub(super) index: u32,
    pub(super) ip: IpAddr,
}

impl Probe {
    pub(super) fn of(entry: &SeenNeighbour) -> Self {
        Self {
            index: entry.index,
            ip: entry.ip,
        }
    }
}

/// What one round does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) probes: Vec<Probe>,
    pub(super) rest: Rest,
}

/// Whether a round leaves entries to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    None,
    More,
}

/// Chooses among the entries seen those that are due on `bridges`, at most [`MOST`]. It goes on
/// after the one that was probed last, so that none that stay due keep others from their turn.
pub(super) fn choose(
    seen: &[SeenNeighbour],
    bridges: &BTreeSet<InterfaceName>,
    last: Option<Probe>,
) -> Round {
    let due: BTreeSet<Probe> = seen
        .iter()
        .filter(|entry| is_due(entry, bridges))
        .map(Probe::of)
        .collect();
    let (after, until) = match last {
        Some(last) => (Bound::Excluded(last), Some(last)),
        None => (Bound::Unbounded, None),
    };
    let later = due.range((after, Bound::Unbounded));
    let earlier = until.into_iter().flat_map(|last| due.range(..=last));
    Round {
        probes: later.chain(earlier).take(MOST).copied().collect(),
        rest: if due.len() > MOST {
            Rest::More
        } else {
            Rest::None
        },
    }
}

/// Whether an entry is a local workload's that has not been heard of for a while.
///
/// A remote one is EVPN's to keep. One that has no MAC or is being probed already needs no
/// probe, and what never ages (permanent, no-ARP) no refreshing.
fn is_due(entry: &SeenNeighbour, bridges: &BTreeSet<InterfaceName>) -> bool {
    entry.state == NeighbourState::STALE
        && entry.origin == Origin::Local
        && entry.mac.is_some()
        && is_identity(entry, bridges)
}

/// Whether an entry is of a workload on one of `bridges`. A link-local address is no workload's
/// identity in a fabric.
pub(super) fn is_identity(entry: &SeenNeighbour, bridges: &BTreeSet<InterfaceName>) -> bool {
    let is_link_local = match entry.ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    !is_link_local && entry.link.as_ref().is_some_and(|it| bridges.contains(it))
}

/// Whether an event is reason for a round: an entry that is due now, or the loss of who knows
/// what. All others, the kernel's own probing among them, cost nothing.
pub(super) fn asks_for_a_round(event: &KernelEvent, bridges: &BTreeSet<InterfaceName>) -> bool {
    match event {
        KernelEvent::Neighbour { entry, .. } => is_due(entry, bridges),
        KernelEvent::Overrun { .. } => true,
        KernelEvent::Link { .. } | KernelEvent::Address { .. } | KernelEvent::Lost { .. } => false,
    }
}

/// When the next round is due.
#[derive(Clone, Copy, Debug)]
pub(super) struct Schedule {
    pace: Pace,
    next: Instant,
}

impl Schedule {
    pub(super) fn new(pace: Pace, now: Instant) -> Self {
        Self {
            pace,
            next: now + pace.interval,
        }
    }

    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Something was heard that asks for a round.
    pub(super) fn hasten(&mut self, now: Instant) {
        self.next = self.next.min(now + self.pace.settle);
    }

    /// A round is over.
    pub(super) fn done(&mut self, now: Instant, rest: Rest) {
        self.next = now
            + match rest {
                Rest::None => self.pace.interval,
                Rest::More => self.pace.settle,
            };
    }
}

#[cfg(test)]
mod tests;
