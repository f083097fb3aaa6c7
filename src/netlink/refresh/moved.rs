//! Workloads that have come here from another node, and whose addresses nobody asks for.
//!
//! What a workload says when it arrives, a gratuitous ARP, is lost: the kernel heeds none while
//! it has the entry that EVPN told, and zebra takes that away a moment later, when the other node
//! withdraws it. The MAC is known at once, by its frames; the address would be known only when
//! somebody sends to it by this node, or its own entry for the gateway goes stale after half a
//! minute. So whoever was EVPN's until now and has a MAC behind a port of ours is asked for.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use tokio::time::Instant;

use super::due::{MOST, Probe, is_identity};
use crate::api::types::InterfaceName;
use crate::netlink::facts::{FdbPlace, NeighbourState, Origin, SeenFdb, SeenNeighbour};
use crate::plan::link::Mac;

/// For how long the MAC may turn up after its address was withdrawn.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What EVPN told of the workloads on the bridges that are followed, and what it has withdrawn.
#[derive(Debug, Default)]
pub(super) struct Moves {
    told: HashMap<Probe, Mac>,
    left: BTreeMap<Probe, Left>,
}

/// An address that EVPN has withdrawn.
#[derive(Clone, Copy, Debug)]
struct Left {
    mac: Mac,
    since: Instant,
}

impl Moves {
    /// Heeds an event; whether an address was withdrawn by it.
    pub(super) fn heard(
        &mut self,
        entry: &SeenNeighbour,
        bridges: &BTreeSet<InterfaceName>,
        now: Instant,
    ) -> bool {
        if !is_identity(entry, bridges) {
            return false;
        }
        let place = Probe::of(entry);
        if entry.state.is_valid() {
            self.left.remove(&place);
            match (entry.origin, entry.mac) {
                (Origin::ExternLearn, Some(mac)) => self.told.insert(place, mac),
                (Origin::ExternLearn, None) | (Origin::Local, _) => self.told.remove(&place),
            };
            return false;
        }
        self.withdrawn(place, now)
    }

    /// Heeds the whole table: whatever is not in it any more was withdrawn unheard.
    pub(super) fn read(
        &mut self,
        seen: &[SeenNeighbour],
        bridges: &BTreeSet<InterfaceName>,
        now: Instant,
    ) {
        let there: HashSet<Probe> = seen.iter().map(Probe::of).collect();
        let gone: Vec<Probe> = self.told.keys().copied().collect();
        for place in gone.into_iter().filter(|place| !there.contains(place)) {
            self.withdrawn(place, now);
        }
        for entry in seen {
            self.heard(entry, bridges, now);
        }
        self.left.retain(|_, left| now < left.since + PATIENCE);
    }

    /// Whether a MAC is awaited.
    pub(super) fn awaits(&self) -> bool {
        !self.left.is_empty()
    }

    /// The addresses whose MACs are behind ports of ours, as `fdb` shows; each is given once, and
    /// so many at a time as are probed in one round.
    pub(super) fn arrived(&mut self, fdb: &[SeenFdb]) -> Vec<Probe> {
        let learned: HashSet<Mac> = fdb
            .iter()
            .filter(|it| is_learned(it))
            .map(|it| it.mac)
            .collect();
        let here = self
            .left
            .iter()
            .filter(|(_, left)| learned.contains(&left.mac));
        let here: Vec<Probe> = here.map(|(place, _)| *place).take(MOST).collect();
        for place in &here {
            self.left.remove(place);
        }
        here
    }

    fn withdrawn(&mut self, place: Probe, now: Instant) -> bool {
        let Some(mac) = self.told.remove(&place) else {
            return false;
        };
        self.left.insert(place, Left { mac, since: now });
        true
    }
}

/// Whether a bridge has heard the MAC itself.
fn is_learned(entry: &SeenFdb) -> bool {
    entry.place == FdbPlace::Master
        && entry.origin == Origin::Local
        && entry.state != NeighbourState::PERMANENT
}

#[cfg(test)]
mod tests;
