//! Keeps the neighbour entries of workloads that still answer.
//!
//! EVPN announces a workload by its entries: its MAC in the bridge, its address among the
//! neighbours. One that says nothing for long loses both, and with them its route, though it is
//! there. So whatever goes stale on a gateway's bridge is probed: a workload that lives answers,
//! which renews both entries; one that does not loses them as it should.
//!
//! The kernel does the probing. An `RTM_NEWNEIGH` for an entry that exists, with the state
//! `NUD_PROBE` and no MAC, makes it send a unicast request at once and leaves the MAC alone.
//! `NTF_USE`, the other way to ask, waits five seconds in `NUD_DELAY` first, and makes a
//! permanent entry lose its MAC. Both take the mark of EVPN (`NTF_EXT_LEARNED`) off an entry that
//! has it, and nothing in a request can forbid that: so every round acts on a table read just
//! before, never on what an event said a moment ago.
//!
//! Workloads that have moved here are asked for, too: see [`moved`].

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nix::errno::Errno;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::channel::{Channel, NetlinkError, OpenError};
use super::facts::{self, OfLink};
use super::namespace::Netns;
use super::watch::{Interest, KernelEvent, Watch, WatchError};
use crate::api::types::InterfaceName;
use crate::plan::link::Space;

mod due;
mod moved;

pub use due::Pace;
use due::{Probe, Rest, Schedule};
use moved::Moves;

/// Has the kernel probe stale neighbours on some bridges of one namespace, until it is dropped.
#[derive(Debug)]
pub struct Refresher {
    bridges: watch::Sender<BTreeSet<InterfaceName>>,
    probes: Arc<AtomicU64>,
    _task: AbortOnDropHandle<()>,
}

impl Refresher {
    /// Starts with no bridge at all. It has sockets of its own: probing changes nothing that
    /// was configured, and is not to be counted as a write.
    pub(super) fn start(netns: Netns, pace: Pace) -> Self {
        let (bridges, followed) = watch::channel(BTreeSet::new());
        let probes = Arc::new(AtomicU64::new(0));
        let work = Work {
            netns,
            pace,
            bridges: followed,
            probes: Arc::clone(&probes),
            moves: Moves::default(),
            complaint: None,
        };
        Self {
            bridges,
            probes,
            _task: AbortOnDropHandle::new(tokio::spawn(work.run())),
        }
    }

    /// Takes `bridges`, and no others, from now on. Those that do not exist have no neighbours.
    pub fn follow(&self, bridges: BTreeSet<InterfaceName>) {
        self.bridges.send_if_modified(|followed| {
            let changed = *followed != bridges;
            *followed = bridges;
            changed
        });
    }

    /// How many probes the kernel was asked for.
    #[must_use]
    pub fn probes(&self) -> u64 {
        self.probes.load(Ordering::Relaxed)
    }
}

/// Why there is no refreshing for now.
#[derive(Debug, thiserror::Error)]
enum RefreshError {
    #[error("cannot open a socket: {0}")]
    Open(#[from] OpenError),
    #[error("cannot hear of them: {0}")]
    Watch(#[from] WatchError),
    #[error("cannot read them: {0}")]
    Read(#[source] NetlinkError),
    #[error("the kernel does not probe them: {0}")]
    Probe(#[source] NetlinkError),
    #[error("nothing is heard of them any more")]
    Deaf,
}

/// The task behind a [`Refresher`].
struct Work {
    netns: Netns,
    pace: Pace,
    bridges: watch::Receiver<BTreeSet<InterfaceName>>,
    probes: Arc<AtomicU64>,
    moves: Moves,
    /// What was logged last and still holds.
    complaint: Option<String>,
}

impl Work {
    /// Works with one pair of sockets after the other, as long as there is a [`Refresher`].
    async fn run(mut self) {
        loop {
            let outcome = match self.open().await {
                Ok((channel, watch)) => self.refresh(&channel, watch).await,
                Err(error) => Err(error),
            };
            match outcome {
                Ok(()) => return,
                Err(error) => self.complain(Some(&error)),
            }
            sleep(self.pace.interval).await;
        }
    }

    async fn open(&self) -> Result<(Arc<Channel>, Watch), RefreshError> {
        let channel = Channel::open(self.netns.clone()).await?;
        let interest = Interest::Neighbours;
        let watch = super::watch::watch(&[(Space::Router, &channel)], interest).await?;
        Ok((channel, watch))
    }

    /// Holds rounds until there is no [`Refresher`] any more, or a socket is lost.
    async fn refresh(&mut self, channel: &Channel, mut watch: Watch) -> Result<(), RefreshError> {
        // Events are heard from now on; what was stale before is found by a round.
        let mut schedule = Schedule::new(self.pace, Instant::now());
        schedule.hasten(Instant::now());
        let mut last = None;
        loop {
            tokio::select! {
                changed = self.bridges.changed() => match changed {
                    Ok(()) => schedule.hasten(Instant::now()),
                    Err(_) => return Ok(()),
                },
                event = watch.next() => match event {
                    Some(KernelEvent::Lost { .. }) | None => return Err(RefreshError::Deaf),
                    Some(event) => if self.asks_for_a_round(&event) {
                        schedule.hasten(Instant::now());
                    },
                },
                () = sleep_until(schedule.next()) => {
                    let outcome = self.round(channel, &mut last).await;
                    if let Err(RefreshError::Read(NetlinkError::Lost)) = outcome {
                        return outcome.map(drop);
                    }
                    self.complain(outcome.as_ref().err());
                    schedule.done(Instant::now(), outcome.unwrap_or(Rest::None));
                }
            }
        }
    }

    fn asks_for_a_round(&mut self, event: &KernelEvent) -> bool {
        let bridges = self.bridges.borrow();
        let has_left = match event {
            KernelEvent::Neighbour { entry, .. } => {
                self.moves.heard(entry, &bridges, Instant::now())
            }
            KernelEvent::Link { .. }
            | KernelEvent::Address { .. }
            | KernelEvent::Overrun { .. }
            | KernelEvent::Lost { .. } => false,
        };
        has_left || due::asks_for_a_round(event, &bridges)
    }

    /// Reads the table once and has the kernel probe what is due in it, and ask for who has
    /// moved here. What cannot be probed keeps none of the others from it; the first such
    /// failure is returned.
    async fn round(
        &mut self,
        channel: &Channel,
        last: &mut Option<Probe>,
    ) -> Result<Rest, RefreshError> {
        let bridges = self.bridges.borrow().clone();
        if bridges.is_empty() {
            return Ok(Rest::None);
        }
        let seen = facts::named_neighbours(channel)
            .await
            .map_err(RefreshError::Read)?;
        let round = due::choose(&seen, &bridges, *last);
        *last = round.probes.last().copied().or(*last);
        let probed = self.request(channel, &round.probes, probe).await;
        self.moves.read(&seen, &bridges, Instant::now());
        if !self.moves.awaits() {
            return probed.map(|()| round.rest);
        }
        let fdb = facts::fdb(channel, OfLink::All)
            .await
            .map_err(RefreshError::Read)?;
        let arrived = self.moves.arrived(&fdb);
        let asked = self.request(channel, &arrived, resolve).await;
        let rest = if self.moves.awaits() {
            Rest::More
        } else {
            round.rest
        };
        probed.and(asked).map(|()| rest)
    }

    /// Makes one request for each, and returns the first failure.
    async fn request(
        &self,
        channel: &Channel,
        places: &[Probe],
        request: fn(Probe) -> (RouteNetlinkMessage, u16),
    ) -> Result<(), RefreshError> {
        let mut failed = None;
        for place in places {
            let (message, flags) = request(*place);
            match channel.ask(message, flags).await {
                Ok(()) => {
                    self.probes.fetch_add(1, Ordering::Relaxed);
                }
                // The entry, or the whole bridge, went meanwhile, or somebody else has asked.
                Err(error)
                    if matches!(
                        error.errno(),
                        Some(Errno::ENOENT | Errno::ENODEV | Errno::EEXIST)
                    ) => {}
                Err(error) => {
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(()), |error| Err(RefreshError::Probe(error)))
    }

    /// Logs a failure when it is another than before, and its end.
    fn complain(&mut self, error: Option<&RefreshError>) {
        let complaint = error.map(ToString::to_string);
        if complaint == self.complaint {
            return;
        }
        match &complaint {
            Some(message) => tracing::warn!("silent workloads may lose their routes: {message}"),
            None => tracing::info!("silent workloads keep their routes again"),
        }
        self.complaint = complaint;
    }
}

/// Has the kernel probe an entry that exists. Without `NLM_F_CREATE`, which rtnetlink's own
/// request for neighbours always has, one that is gone is not made anew.
fn probe(place: Probe) -> (RouteNetlinkMessage, u16) {
    let mut message = entry(place);
    message.header.state = NeighbourState::Probe;
    (RouteNetlinkMessage::NewNeighbour(message), 0)
}

/// Has the kernel ask who has an address that it knows nothing of; one that it knows is left
/// alone.
fn resolve(place: Probe) -> (RouteNetlinkMessage, u16) {
    let mut message = entry(place);
    message.header.flags = NeighbourFlags::Use;
    let message = RouteNetlinkMessage::NewNeighbour(message);
    (message, NLM_F_CREATE | NLM_F_EXCL)
}

fn entry(place: Probe) -> NeighbourMessage {
    let (family, destination) = match place.ip {
        IpAddr::V4(ip) => (AddressFamily::Inet, NeighbourAddress::Inet(ip)),
        IpAddr::V6(ip) => (AddressFamily::Inet6, NeighbourAddress::Inet6(ip)),
    };
    let mut message = NeighbourMessage::default();
    message.header.family = family;
    message.header.ifindex = place.index;
    message.attributes = vec![NeighbourAttribute::Destination(destination)];
    message
}
