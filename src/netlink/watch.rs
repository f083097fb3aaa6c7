//! Tells what changes in the kernel, as it changes.
//!
//! The watcher reads one socket a namespace, which belongs to the multicast groups of what is of
//! interest. Nothing is ever dropped in silence: while the receiver is slow, the kernel keeps
//! the messages; when its buffer is full, the next event is [`KernelEvent::Overrun`], and
//! everything has to be observed anew.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use nix::errno::Errno;
use nix::sys::socket::{setsockopt, sockopt};
use rtnetlink::MulticastGroup;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::address::AddressMessage;
use rtnetlink::packet_route::link::LinkMessage;
use rtnetlink::packet_route::neighbour::NeighbourMessage;
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::{AsyncSocket as _, AsyncSocketExt as _, SocketAddr, TokioSocket};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;
use tokio_util::task::AbortOnDropHandle;

use super::channel::{Channel, NetlinkError, OpenError, open_socket};
use super::facts::{self, SeenNeighbour};
use super::observe;
use super::socket::{self, DATAGRAM};
use crate::api::types::InterfaceName;
use crate::plan::link::Space;

/// Events that wait for the receiver before the kernel has to keep them.
pub(crate) const QUEUE: usize = 1024;

/// The kernel's buffer, in bytes: some ten thousand events.
const BUFFER: usize = 8 << 20;

/// What is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// Links and addresses.
    Links,
    /// Neighbours, and the links that they are on.
    Neighbours,
}

impl Interest {
    /// The groups that are joined.
    fn groups(self) -> &'static [MulticastGroup] {
        match self {
            Self::Links => &[
                MulticastGroup::Link,
                MulticastGroup::Ipv4Ifaddr,
                MulticastGroup::Ipv6Ifaddr,
            ],
            Self::Neighbours => &[MulticastGroup::Link, MulticastGroup::Neigh],
        }
    }
}

/// What happened to a link or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Appeared,
    /// It is another than before: up or down, renamed, in another master, and so on.
    Changed,
    /// It is gone.
    Gone,
}

/// Something that happened in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelEvent {
    /// A link appeared, changed or went.
    Link {
        /// Where.
        space: Space,
        /// Its index.
        index: u32,
        /// Its name, when it has one that this program can use.
        name: Option<InterfaceName>,
        /// What happened.
        change: Change,
    },
    /// An address of a link was added, changed or removed.
    Address {
        /// Where.
        space: Space,
        /// The link's index.
        index: u32,
        /// The link's name, when it is known.
        name: Option<InterfaceName>,
        /// What happened.
        change: Change,
    },
    /// A neighbour entry is new, or another than before.
    Neighbour {
        /// Where.
        space: Space,
        /// What it is now.
        entry: SeenNeighbour,
    },
    /// Events were lost; observe everything anew.
    Overrun {
        /// Where.
        space: Space,
    },
    /// No more events come from this namespace: its socket failed. Open the kernel anew.
    Lost {
        /// Where.
        space: Space,
    },
}

/// Receives what changes in both namespaces. Dropping it ends the watching.
#[derive(Debug)]
pub struct Watch {
    events: mpsc::Receiver<KernelEvent>,
    _watchers: Vec<AbortOnDropHandle<()>>,
}

impl Watch {
    /// The next event; `None` when no namespace is watched any more.
    ///
    /// Cancel safe: an event is either given or kept.
    pub async fn next(&mut self) -> Option<KernelEvent> {
        self.events.recv().await
    }

    /// What has come already, without waiting: every event that has, however many they are.
    pub fn heard(&mut self) -> Heard {
        // To poll `next` once would do for some hundred: tokio then lets other tasks go first.
        match self.events.try_recv() {
            Ok(event) => Heard::Event(event),
            Err(TryRecvError::Empty) => Heard::Nothing,
            Err(TryRecvError::Disconnected) => Heard::NoMore,
        }
    }
}

/// What has come from the kernel already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// This, and perhaps more.
    Event(KernelEvent),
    /// Nothing yet.
    Nothing,
    /// No namespace is watched any more.
    NoMore,
}

/// Why the kernel cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// No socket.
    #[error("cannot watch the {space} namespace")]
    Open {
        /// Where.
        space: Space,
        /// Why.
        #[source]
        source: OpenError,
    },
    /// The links' names cannot be read.
    #[error("cannot read the links of the {space} namespace")]
    Names {
        /// Where.
        space: Space,
        /// Why.
        #[source]
        source: NetlinkError,
    },
}

/// Watches what is of interest in the namespaces of `channels`.
pub(super) async fn watch(
    channels: &[(Space, &Arc<Channel>)],
    interest: Interest,
) -> Result<Watch, WatchError> {
    let (sender, events) = mpsc::channel(QUEUE);
    let mut watchers = Vec::new();
    for (space, channel) in channels {
        let space = *space;
        let socket = subscribe(channel, interest.groups())
            .await
            .map_err(|source| WatchError::Open { space, source })?;
        // Subscribed first, so that a link which appears meanwhile is told of.
        let names = observe::names(channel)
            .await
            .map_err(|source| WatchError::Names { space, source })?;
        let watcher = Watcher {
            space,
            channel: Arc::clone(channel),
            socket,
            names,
            events: sender.clone(),
        };
        watchers.push(AbortOnDropHandle::new(tokio::spawn(watcher.run())));
    }
    Ok(Watch {
        events,
        _watchers: watchers,
    })
}

/// A socket that hears of what belongs to these groups.
pub(super) async fn subscribe(
    channel: &Channel,
    groups: &[MulticastGroup],
) -> Result<TokioSocket, OpenError> {
    let mut socket = open_socket(channel.netns()).await?;
    let options = socket.socket_mut();
    // More than the system's usual limit takes CAP_NET_ADMIN in the first user namespace;
    // without it the usual buffer does, and overruns come sooner.
    if setsockopt(&*options, sockopt::RcvBufForce, &BUFFER).is_err() {
        tracing::debug!("the kernel's buffer for events keeps its usual size");
    }
    // A connection of rtnetlink would read without end into a queue of its own: nothing would
    // slow the kernel down, and no loss be told at its place.
    let groups = groups.iter().map(|group| 1 << (*group as u32 - 1));
    options
        .bind(&SocketAddr::new(0, groups.sum()))
        .map_err(OpenError::Socket)?;
    Ok(socket)
}

/// Whether the kernel had to throw events away.
pub(super) fn is_overrun(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::ENOBUFS as i32)
}

struct Watcher {
    space: Space,
    channel: Arc<Channel>,
    socket: TokioSocket,
    names: HashMap<u32, InterfaceName>,
    events: mpsc::Sender<KernelEvent>,
}

impl Watcher {
    /// Reads until the receiver is gone or the socket fails.
    async fn run(mut self) {
        let space = self.space;
        let mut datagram = BytesMut::with_capacity(DATAGRAM);
        loop {
            datagram.clear();
            datagram.reserve(DATAGRAM);
            let told = match self.socket.recv_from(&mut datagram).await {
                Ok(_) => self.tell(&datagram).await,
                Err(error) if is_overrun(&error) => self.recover().await,
                Err(error) => {
                    tracing::warn!(%space, %error, "the socket that watches the kernel failed");
                    // Nobody to tell when the receiver is gone too.
                    drop(self.events.send(KernelEvent::Lost { space }).await);
                    None
                }
            };
            if told.is_none() {
                return;
            }
        }
    }

    /// After a loss: reads off what the kernel's buffer still holds, and tells of the loss only
    /// then. The kernel reports a loss once, and goes on losing events until the buffer has been
    /// empty; whoever observes anew before that would still miss some.
    async fn recover(&mut self) -> Option<()> {
        let space = self.space;
        let mut discarded = BytesMut::with_capacity(DATAGRAM);
        loop {
            discarded.clear();
            discarded.reserve(DATAGRAM);
            match self.socket.socket_ref().recv(&mut discarded, 0) {
                Ok(_) => {}
                Err(error) if is_overrun(&error) => {}
                // Empty, or failed: then the next reading fails too, and is told.
                Err(_) => break,
            }
            tokio::task::consume_budget().await;
        }
        match observe::names(&self.channel).await {
            Ok(names) => self.names = names,
            Err(error) => tracing::warn!(%space, %error, "cannot read the links' names anew"),
        }
        self.events.send(KernelEvent::Overrun { space }).await.ok()
    }

    /// Sends on what a datagram tells; `None` when there is nobody to send it to.
    async fn tell(&mut self, mut datagram: &[u8]) -> Option<()> {
        let lost = KernelEvent::Overrun { space: self.space };
        loop {
            let event = match socket::next_message(&mut datagram) {
                Ok(None) => return Some(()),
                Ok(Some(message)) => match NetlinkMessage::deserialize(&message) {
                    Ok(message) => self.event_of(&message.payload),
                    Err(_) => Some(lost.clone()),
                },
                Err(_) => return self.events.send(lost).await.ok(),
            };
            if let Some(event) = event {
                self.events.send(event).await.ok()?;
            }
        }
    }

    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of the kernel's many messages only those of the groups joined can come"
    )]
    fn event_of(&mut self, payload: &NetlinkPayload<RouteNetlinkMessage>) -> Option<KernelEvent> {
        use RouteNetlinkMessage::{DelAddress, DelLink, NewAddress, NewLink, NewNeighbour};
        match payload {
            NetlinkPayload::InnerMessage(NewLink(link)) => Some(self.link(link, Change::Appeared)),
            NetlinkPayload::InnerMessage(DelLink(link)) => Some(self.link(link, Change::Gone)),
            NetlinkPayload::InnerMessage(NewAddress(address)) => {
                Some(self.address(address, Change::Appeared))
            }
            NetlinkPayload::InnerMessage(DelAddress(address)) => {
                Some(self.address(address, Change::Gone))
            }
            NetlinkPayload::InnerMessage(NewNeighbour(neighbour)) => self.neighbour(neighbour),
            // What cannot be decoded happened all the same.
            NetlinkPayload::Error(_) | NetlinkPayload::Overrun(_) => {
                Some(KernelEvent::Overrun { space: self.space })
            }
            _ => None,
        }
    }

    fn link(&mut self, message: &LinkMessage, change: Change) -> KernelEvent {
        let index = message.header.index;
        let told = observe::name_of(message);
        // A bridge port that leaves its bridge is told as a deletion of the bridge's family:
        // the link itself stays.
        let whole = message.header.interface_family == AddressFamily::Unspec;
        let known = self.names.contains_key(&index);
        let change = match change {
            Change::Gone if whole => Change::Gone,
            Change::Appeared if whole && !known => Change::Appeared,
            Change::Gone | Change::Appeared | Change::Changed => Change::Changed,
        };
        let name = told.or_else(|| self.names.get(&index).cloned());
        match (change, &name) {
            (Change::Gone, _) => {
                self.names.remove(&index);
            }
            (Change::Appeared | Change::Changed, Some(name)) if whole => {
                self.names.insert(index, name.clone());
            }
            (Change::Appeared | Change::Changed, _) => {}
        }
        KernelEvent::Link {
            space: self.space,
            index,
            name,
            change,
        }
    }

    fn address(&self, message: &AddressMessage, change: Change) -> KernelEvent {
        let index = message.header.index;
        KernelEvent::Address {
            space: self.space,
            index,
            name: self.names.get(&index).cloned(),
            change,
        }
    }

    fn neighbour(&self, message: &NeighbourMessage) -> Option<KernelEvent> {
        let mut entry = facts::decode_neighbour(message)?;
        entry.link = self.names.get(&entry.index).cloned();
        Some(KernelEvent::Neighbour {
            space: self.space,
            entry,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_that_has_come_is_heard_at_once() {
        let (sender, events) = mpsc::channel(QUEUE);
        let mut watch = Watch {
            events,
            _watchers: Vec::new(),
        };
        assert_eq!(watch.heard(), Heard::Nothing);
        let event = KernelEvent::Overrun {
            space: Space::Router,
        };
        for _ in 0..QUEUE {
            sender.try_send(event.clone()).unwrap();
        }
        let mut all = 0;
        while watch.heard() == Heard::Event(event.clone()) {
            all += 1;
        }
        assert_eq!(all, QUEUE);
        drop(sender);
        assert_eq!(watch.heard(), Heard::NoMore);
    }
}
