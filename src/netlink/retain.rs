//! Keeps packets flowing while bgpd restarts.
//!
//! When bgpd dies, zebra takes away at once what EVPN had told it: the MACs of remote routers
//! and workloads, their neighbour entries, the tunnels to flood by. Graceful restart keeps the
//! routes alone, and even those are swept for a moment once bgpd is back, before they are
//! written again. (So does FRR 10.3: `zebra_evpn_cfg_clean_up`, `zebra_gr_process_client`.) The
//! neighbours have kept sending meanwhile, so all of that is forwarding lost for nothing.
//!
//! What zebra takes away between bgpd's death and the moment when all is well again is
//! therefore put back at once, from the kernel's own message on it, and taken away at the end
//! unless zebra has written it again. How it is told apart: see [`held`].
//!
//! What always holds:
//!
//! - What bgpd withdraws while it lives goes. Whether it lives is asked of the kernel, by a
//!   connection to its socket, which closes with the process.
//! - Nothing stays longer than neighbours are asked to wait for us.
//! - What an agent that died had put back is found and taken away by the next.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use futures::future::join_all;
use nix::errno::Errno;
use rtnetlink::packet_core::{
    NLM_F_APPEND, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::neighbour::NeighbourMessage;
use rtnetlink::packet_route::route::{RouteMessage, RouteProtocol, RouteType};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::{AsyncSocket as _, AsyncSocketExt as _, TokioSocket};
use rtnetlink::{Handle, MulticastGroup, RouteMessageBuilder};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::channel::{Channel, Dump, NetlinkError, OpenError};
use super::facts::SeenNeighbour;
use super::namespace::Netns;
use super::observe;
use super::socket::{self, DATAGRAM};
use super::watch::{is_overrun, subscribe};
use crate::api::IpVersion;

mod held;
mod phase;

use held::Held;
use phase::Phase;

pub(super) use held::METRIC;

/// What is listened to.
const GROUPS: &[MulticastGroup] = &[
    MulticastGroup::Neigh,
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Route,
];

/// How often bgpd's socket is tried while it is gone, and the pause after a failure of ours.
const RECONNECT: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_secs(1);

/// For how long a deletion is remembered: zebra may hear of bgpd's death before we do.
const BEFORE: Duration = Duration::from_millis(500);

/// How many of those are remembered.
const REMEMBERED: usize = 16 * 1024;

/// Puts back what zebra takes away while bgpd restarts, until it is dropped.
#[derive(Debug)]
pub struct Retention {
    orders: watch::Sender<Orders>,
}

/// What the agent says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Orders {
    /// How long a restart may take; nothing is retained without.
    limit: Option<Duration>,
    /// When the last verification began that found all well.
    verified: Option<Instant>,
}

impl Retention {
    /// Starts without retaining anything. bgpd listens at `bgpd`. It has sockets of its own: what
    /// it does is not configuration, and not to be counted as such.
    pub(super) fn start(netns: Netns, bgpd: PathBuf) -> Self {
        let (orders, heard) = watch::channel(Orders::default());
        let work = Work {
            netns,
            bgpd,
            orders: heard,
        };
        // A thread of its own: while the agent plans for a thousand VNIs, packets are lost.
        let thread = std::thread::Builder::new().name("retention".to_owned());
        if let Err(error) = thread.spawn(move || work.run_here()) {
            tracing::warn!("{IN_VAIN}: no thread: {error}");
        }
        Self { orders }
    }

    /// How long a restart of bgpd may take from now on, which is what neighbours are asked to
    /// wait for it; with `None`, nothing is retained.
    pub fn allow(&self, limit: Option<Duration>) {
        self.orders.send_if_modified(|orders| {
            let changed = orders.limit != limit;
            orders.limit = limit;
            changed
        });
    }

    /// A verification that began at `begun` found all well: what bgpd did not tell again by then
    /// it will not tell any more.
    pub fn settled(&self, begun: Instant) {
        self.orders
            .send_modify(|orders| orders.verified = Some(begun));
    }
}

/// Why nothing is retained for now.
#[derive(Debug, thiserror::Error)]
enum RetainError {
    #[error("cannot open a socket: {0}")]
    Open(#[from] OpenError),
    #[error("cannot read what is there: {0}")]
    Read(#[from] NetlinkError),
    #[error("cannot hear of what zebra does: {0}")]
    Deaf(#[from] std::io::Error),
}

/// The task behind a [`Retention`].
struct Work {
    netns: Netns,
    bgpd: PathBuf,
    orders: watch::Receiver<Orders>,
}

/// What follows when nothing can be retained.
const IN_VAIN: &str = "a restart of bgpd will cost packets";

impl Work {
    /// Works on this thread until there is no [`Retention`] any more.
    fn run_here(self) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => runtime.block_on(self.run()),
            Err(error) => tracing::warn!("{IN_VAIN}: no runtime: {error}"),
        }
    }

    /// Works as long as there is a [`Retention`], whatever fails.
    async fn run(mut self) {
        while self.orders.has_changed().is_ok() {
            let limit = self.orders.borrow_and_update().limit;
            let outcome = match limit {
                Some(limit) => self.retain(limit).await,
                None => {
                    // An error is the end, which the loop sees too.
                    let _ = self.orders.changed().await;
                    Ok(())
                }
            };
            if let Err(error) = outcome {
                tracing::warn!("{IN_VAIN}: {error}");
                sleep(PAUSE).await;
            }
        }
    }

    /// Retains until another limit is ordered, or something fails.
    async fn retain(&mut self, limit: Duration) -> Result<(), RetainError> {
        let channel = Channel::open(self.netns.clone()).await?;
        let socket = subscribe(&channel, GROUPS).await?;
        let mut retained = Retained::adopt(channel, limit).await?;
        let mut alive = UnixStream::connect(&self.bgpd).await.ok();
        if alive.is_none() {
            retained.phase = retained.phase.died(Instant::now(), limit);
        }
        let outcome = self.listen(socket, &mut alive, &mut retained).await;
        if self.orders.borrow().limit.is_none() {
            retained.release().await?;
        }
        outcome
    }

    async fn listen(
        &mut self,
        socket: TokioSocket,
        alive: &mut Option<UnixStream>,
        retained: &mut Retained,
    ) -> Result<(), RetainError> {
        let mut datagram = BytesMut::with_capacity(DATAGRAM);
        let mut next_try = Instant::now();
        loop {
            datagram.clear();
            datagram.reserve(DATAGRAM);
            tokio::select! {
                read = socket.recv_from(&mut datagram) => {
                    if alive.as_ref().is_some_and(is_closed) {
                        *alive = None;
                        retained.died().await?;
                    }
                    match read {
                        Ok(_) => {
                            let mut lost = retained.read(&datagram);
                            // zebra takes away one after the other; all goes back together.
                            while more(&socket, &mut datagram) {
                                lost.extend(retained.read(&datagram));
                            }
                            retained.heard(lost).await?;
                        }
                        // What was lost cannot be put back; neighbours can be known anew.
                        Err(error) if is_overrun(&error) => retained.learn_neighbours().await?,
                        Err(error) => return Err(error.into()),
                    }
                }
                () = closed(alive.as_ref()) => {
                    *alive = None;
                    retained.died().await?;
                }
                () = sleep_until(next_try), if alive.is_none() => {
                    next_try = Instant::now() + RECONNECT;
                    *alive = UnixStream::connect(&self.bgpd).await.ok();
                    if alive.is_some() {
                        retained.phase = retained.phase.came_back(Instant::now());
                    }
                }
                () = until(retained.phase.deadline()) => {
                    retained.phase = retained.phase.expired();
                    retained.release().await?;
                }
                changed = self.orders.changed() => {
                    let orders = *self.orders.borrow_and_update();
                    if changed.is_err() || orders.limit != Some(retained.limit) {
                        return Ok(());
                    }
                    if let Some(verified) = orders.verified {
                        retained.settled(verified).await?;
                    }
                }
            }
        }
    }
}

/// Reads a datagram that is there already, if any.
fn more(socket: &TokioSocket, datagram: &mut BytesMut) -> bool {
    datagram.clear();
    datagram.reserve(DATAGRAM);
    // What fails here fails again when it is waited for, and is told there.
    socket.socket_ref().recv(datagram, 0).is_ok()
}

/// Waits until the other side closes; for ever without a connection.
async fn closed(stream: Option<&UnixStream>) {
    let Some(stream) = stream else {
        return std::future::pending().await;
    };
    while stream.readable().await.is_ok() {
        if is_closed(stream) {
            return;
        }
    }
}

/// Whether the other side has closed, as far as the kernel knows. bgpd says nothing unasked.
fn is_closed(stream: &UnixStream) -> bool {
    match stream.try_read(&mut [0; 64]) {
        Ok(read) => read == 0,
        Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// What is there, and what was put back of it.
struct Retained {
    channel: Arc<Channel>,
    limit: Duration,
    phase: Phase,
    /// The neighbours that a control plane told: the kernel does not say what they were when it
    /// tells that they are deleted.
    neighbours: HashMap<(u32, IpAddr), NeighbourMessage>,
    /// What was deleted lately.
    recent: VecDeque<(Instant, Held)>,
    /// What was put back.
    held: BTreeMap<Vec<u8>, Held>,
}

impl Retained {
    /// Learns what is there, and what of it a predecessor had put back.
    async fn adopt(channel: Arc<Channel>, limit: Duration) -> Result<Self, RetainError> {
        let mut this = Self {
            channel,
            limit,
            phase: Phase::Steady,
            neighbours: HashMap::new(),
            recent: VecDeque::new(),
            held: BTreeMap::new(),
        };
        this.learn_neighbours().await?;
        for held in this.still_held().await? {
            this.held.insert(held.bytes(), held);
        }
        Ok(this)
    }

    async fn learn_neighbours(&mut self) -> Result<(), RetainError> {
        let told = |entry: NeighbourMessage| Some((held::told_neighbour(&entry)?, entry));
        let dumped = self.channel.dump(
            Dump::Neighbours,
            |handle| handle.neighbours().get().execute(),
            told,
        );
        self.neighbours = dumped.await?.into_iter().collect();
        Ok(())
    }

    /// What dumps show to be put back and not written again by zebra, but for entries for
    /// flooding.
    async fn still_held(&self) -> Result<Vec<Held>, NetlinkError> {
        let neighbours = self.channel.dump(
            Dump::Neighbours,
            |handle| handle.neighbours().get().execute(),
            |entry| held::held_neighbour(&entry),
        );
        let mut found = neighbours.await?;
        let tunnels = observe::tunnels(&self.channel).await?;
        found.extend(held::held_forwarding(&self.forwarding().await?, &tunnels));
        let is_held = |route: &RouteMessage| held::is_held_route(route);
        let routes = self.routes(is_held).await?;
        found.extend(routes.into_iter().map(Held::Route));
        Ok(found)
    }

    /// Those routes of bgpd's that are wanted, of all tables.
    async fn routes(
        &self,
        is_wanted: impl Fn(&RouteMessage) -> bool,
    ) -> Result<Vec<RouteMessage>, NetlinkError> {
        let mut found = Vec::new();
        for (family, version) in [
            (AddressFamily::Inet, IpVersion::V4),
            (AddressFamily::Inet6, IpVersion::V6),
        ] {
            let request = bgp_routes(family);
            let routes = self.channel.dump(
                Dump::Routes(version),
                |handle| handle.route().get(request.clone()).execute(),
                |route| is_wanted(&route).then_some(route),
            );
            found.extend(routes.await?);
        }
        Ok(found)
    }

    /// All forwarding entries.
    async fn forwarding(&self) -> Result<Vec<NeighbourMessage>, NetlinkError> {
        let ask = |handle: &Handle| {
            let request = handle.neighbours().get();
            request.set_address_family(AddressFamily::Bridge).execute()
        };
        self.channel.dump(Dump::Fdb, ask, Some).await
    }

    /// A verification that began at `verified` found all well: what was put back is not needed
    /// any more once bgpd had the time to tell everything again.
    async fn settled(&mut self, verified: Instant) -> Result<(), NetlinkError> {
        self.phase = self.phase.settled(verified);
        match self.phase {
            Phase::Steady => self.release().await,
            Phase::Restarting { .. } | Phase::GivenUp => Ok(()),
        }
    }

    /// bgpd is gone. Routes get their copies before zebra takes them away, which it will do only
    /// when bgpd is back: so there is not even a moment without.
    async fn died(&mut self) -> Result<(), NetlinkError> {
        let now = Instant::now();
        if self.phase == Phase::Steady {
            tracing::info!("bgpd is gone; what zebra takes away stays until it is back");
        }
        self.phase = self.phase.died(now, self.limit);
        if !self.phase.holds() {
            return Ok(());
        }
        let recent = std::mem::take(&mut self.recent);
        let recent = recent.into_iter().filter(|(at, _)| *at + BEFORE >= now);
        let lost = recent.map(|(_, held)| held).collect();
        self.put_back(lost).await?;
        let routes = self.routes(|route| !held::is_held_route(route)).await?;
        let copies = routes.iter().filter_map(Held::route).collect();
        self.put_back(copies).await
    }

    /// What was deleted, as a datagram tells.
    fn read(&mut self, mut datagram: &[u8]) -> Vec<Held> {
        let mut lost = Vec::new();
        while let Ok(Some(message)) = socket::next_message(&mut datagram) {
            if let Ok(message) = NetlinkMessage::deserialize(&message) {
                lost.extend(self.deleted(message.payload));
            }
        }
        lost
    }

    /// Puts back what was deleted if bgpd is gone, and remembers it for a moment if not.
    async fn heard(&mut self, lost: Vec<Held>) -> Result<(), NetlinkError> {
        if self.phase.holds() {
            return self.put_back(lost).await;
        }
        let now = Instant::now();
        self.recent.extend(lost.into_iter().map(|held| (now, held)));
        let surplus = self.recent.len().saturating_sub(REMEMBERED);
        self.recent.drain(..surplus);
        while self
            .recent
            .front()
            .is_some_and(|(at, _)| *at + BEFORE < now)
        {
            self.recent.pop_front();
        }
        Ok(())
    }

    /// What is to be put back after a message, should bgpd be gone.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of the kernel's many messages only those of the groups joined can come"
    )]
    fn deleted(&mut self, payload: NetlinkPayload<RouteNetlinkMessage>) -> Option<Held> {
        let NetlinkPayload::InnerMessage(message) = payload else {
            return None;
        };
        match message {
            RouteNetlinkMessage::DelRoute(route) => Held::route(&route),
            RouteNetlinkMessage::NewNeighbour(entry) => {
                if let Some(place) = held::told_neighbour(&entry) {
                    self.neighbours.insert(place, entry);
                    return None;
                }
                // One that packets are just being sent to outlives its deletion, as one that is
                // looked for: nothing tells of its end but that it is not valid any more.
                let seen = super::facts::decode_neighbour(&entry)?;
                (!seen.state.is_valid()).then(|| self.lost(&seen)).flatten()
            }
            RouteNetlinkMessage::DelNeighbour(entry) => {
                match super::facts::decode_neighbour(&entry) {
                    Some(seen) => self.lost(&seen),
                    None => Held::forwarding(&entry),
                }
            }
            _ => None,
        }
    }

    /// A neighbour that is gone, if a control plane had told it.
    fn lost(&mut self, seen: &SeenNeighbour) -> Option<Held> {
        let valid = self.neighbours.remove(&(seen.index, seen.ip))?;
        Some(Held::neighbour(&valid))
    }

    /// Puts things back, all at once. What is there again already is zebra's; but for a neighbour
    /// that the kernel itself began to look for, because there are packets for it.
    async fn put_back(&mut self, lost: Vec<Held>) -> Result<(), NetlinkError> {
        let sought = self.write(lost, NLM_F_EXCL).await;
        let sought = sought
            .into_iter()
            .filter(|held| held.as_neighbour().is_some());
        let mut sought: Vec<Held> = sought.collect();
        if sought.is_empty() {
            return Ok(());
        }
        let told = |entry: NeighbourMessage| held::told_neighbour(&entry);
        let by_zebra: HashSet<_> = self
            .channel
            .dump(
                Dump::Neighbours,
                |handle| handle.neighbours().get().execute(),
                told,
            )
            .await?
            .into_iter()
            .collect();
        sought.retain(|held| {
            held.as_neighbour()
                .is_some_and(|place| !by_zebra.contains(&place))
        });
        self.write(sought, NLM_F_REPLACE).await;
        Ok(())
    }

    /// Writes entries, all at once; those that are there already are returned.
    async fn write(&mut self, entries: Vec<Held>, flags: u16) -> Vec<Held> {
        let requests = entries.iter().map(|held| {
            let flags = if held.is_flooding() {
                NLM_F_APPEND
            } else {
                flags
            };
            self.channel.ask(held.message(), NLM_F_CREATE | flags)
        });
        let outcomes = join_all(requests).await;
        let mut there = Vec::new();
        for (held, outcome) in entries.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => {
                    self.held.insert(held.bytes(), held);
                }
                Err(error) if error.errno() == Some(Errno::EEXIST) => there.push(held),
                // Its link went, or what it depends on: then it is of no use.
                Err(error) => tracing::debug!("not put back: {error}: {held:?}"),
            }
        }
        there
    }

    /// Takes away what was put back, but for what zebra has written again.
    async fn release(&mut self) -> Result<(), NetlinkError> {
        let held = std::mem::take(&mut self.held);
        if held.is_empty() {
            return Ok(());
        }
        let still: BTreeMap<Vec<u8>, Held> = self
            .still_held()
            .await?
            .into_iter()
            .map(|held| (held.bytes(), held))
            .collect();
        let flooding = held.iter().filter(|(_, held)| held.is_flooding());
        let left: Vec<&Held> = flooding.chain(&still).map(|(_, held)| held).collect();
        tracing::info!(
            kept = held.len(),
            left = left.len(),
            "bgpd's restart is over; what it did not tell again is taken away"
        );
        let removals = left.iter().map(|held| self.channel.ask(held.removal(), 0));
        for (held, outcome) in left.iter().zip(join_all(removals).await) {
            if let Err(error) = outcome {
                tracing::debug!("not taken away: {error}: {held:?}");
            }
        }
        self.repair(still).await
    }

    /// Puts back what zebra wrote again just while it was taken away.
    async fn repair(&mut self, removed: BTreeMap<Vec<u8>, Held>) -> Result<(), NetlinkError> {
        let told = held::told_to_bridges(&self.forwarding().await?);
        let wronged = removed.into_values().filter(|held| held.is_half_of(&told));
        self.put_back(wronged.collect()).await?;
        self.held.clear();
        Ok(())
    }
}

/// Asks for all routes of bgpd's, whatever their table.
fn bgp_routes(family: AddressFamily) -> RouteMessage {
    let mut request = RouteMessageBuilder::<IpAddr>::new()
        .table_id(0)
        .protocol(RouteProtocol::Bgp)
        .kind(RouteType::Unspec);
    request.get_mut().header.address_family = family;
    request.build()
}
