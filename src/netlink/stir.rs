//! Tells when what packets are forwarded by changes: routes, and entries that a control plane put
//! into the tables of neighbours and MAC addresses.
//!
//! It says where something changed, not what: whoever is told reads it. What always holds: a
//! change is told of, even if the kernel had to throw its message away; and thousands of them
//! that come before anybody listens are told of once, in bounded memory.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use rtnetlink::MulticastGroup;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::neighbour::{NeighbourMessage, NeighbourState};
use rtnetlink::packet_route::route::{RouteAttribute, RouteMessage};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::{AsyncSocketExt as _, TokioSocket};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::channel::{Channel, OpenError};
use super::socket::{self, DATAGRAM};
use super::watch::{is_overrun, subscribe};
use crate::plan::link::TableId;

/// What is heard.
const GROUPS: &[MulticastGroup] = &[
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Route,
    MulticastGroup::Neigh,
];

/// As many places as are told one by one; where more stir, everything may have.
const MOST: usize = 256;

/// Where something changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A routing table.
    Table(TableId),
    /// The entries of the link with this index: neighbours, or MAC addresses.
    Link(u32),
}

/// All places where something changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// These; perhaps none.
    Some(BTreeSet<Place>),
    /// It cannot be told where.
    All,
}

impl Default for Places {
    fn default() -> Self {
        Self::Some(BTreeSet::new())
    }
}

impl Places {
    /// Whether nothing changed.
    #[must_use]
    pub fn is_nowhere(&self) -> bool {
        match self {
            Self::Some(places) => places.is_empty(),
            Self::All => false,
        }
    }

    fn add(&mut self, place: Option<Place>) {
        match (&mut *self, place) {
            (Self::All, _) => {}
            (Self::Some(places), Some(place)) if places.len() < MOST || places.contains(&place) => {
                places.insert(place);
            }
            (Self::Some(_), Some(_) | None) => *self = Self::All,
        }
    }
}

/// Where something has changed that nobody has asked for yet. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Stirred(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    places: Mutex<Places>,
    news: Notify,
}

impl Stirred {
    /// Takes what has changed so far.
    pub fn take(&self) -> Places {
        std::mem::take(&mut *self.places())
    }

    /// Waits until something has changed, and takes it.
    ///
    /// Cancel safe.
    pub async fn next(&self) -> Places {
        loop {
            let places = self.take();
            if !places.is_nowhere() {
                return places;
            }
            self.0.news.notified().await;
        }
    }

    /// Something changed there, or nobody knows where.
    fn tell(&self, place: Option<Place>) {
        self.places().add(place);
        self.0.news.notify_one();
    }

    /// What is behind the lock is whole at any time.
    fn places(&self) -> MutexGuard<'_, Places> {
        self.0.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens in one namespace. Dropping it ends the listening.
#[derive(Debug)]
pub struct Stir {
    _task: AbortOnDropHandle<()>,
}

impl Stir {
    /// Tells `stirred` of every change from now on.
    pub(super) async fn watch(channel: &Channel, stirred: Stirred) -> Result<Self, OpenError> {
        let socket = subscribe(channel, GROUPS).await?;
        Ok(Self {
            _task: AbortOnDropHandle::new(tokio::spawn(listen(socket, stirred))),
        })
    }
}

async fn listen(socket: TokioSocket, stirred: Stirred) {
    let mut datagram = BytesMut::with_capacity(DATAGRAM);
    loop {
        datagram.clear();
        datagram.reserve(DATAGRAM);
        match socket.recv_from(&mut datagram).await {
            Ok(_) => hear(&datagram, &stirred),
            Err(error) if is_overrun(&error) => stirred.tell(None),
            Err(error) => {
                tracing::warn!(%error, "the socket that hears of routes failed");
                return;
            }
        }
    }
}

/// Tells of what a datagram tells. What cannot be read happened all the same.
fn hear(mut datagram: &[u8], stirred: &Stirred) {
    loop {
        match socket::next_message(&mut datagram) {
            Ok(None) => return,
            Ok(Some(message)) => match NetlinkMessage::deserialize(&message) {
                Ok(message) => {
                    if let Some(place) = place(&message.payload) {
                        stirred.tell(place);
                    }
                }
                Err(_) => stirred.tell(None),
            },
            Err(_) => return stirred.tell(None),
        }
    }
}

/// Where a message says that something changed, if that matters; nowhere in particular when it
/// does not say.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the kernel's many messages only those of the groups joined can come"
)]
fn place(payload: &NetlinkPayload<RouteNetlinkMessage>) -> Option<Option<Place>> {
    use RouteNetlinkMessage::{DelNeighbour, DelRoute, NewNeighbour, NewRoute};
    match payload {
        NetlinkPayload::InnerMessage(DelNeighbour(entry) | NewNeighbour(entry)) => {
            is_put_there(entry).then_some(Some(Place::Link(entry.header.ifindex)))
        }
        NetlinkPayload::InnerMessage(DelRoute(route) | NewRoute(route)) => {
            Some(Some(Place::Table(table_of(route))))
        }
        _ => Some(None),
    }
}

/// A route's table; the header has room for small numbers alone.
fn table_of(route: &RouteMessage) -> TableId {
    let said = route.attributes.iter().find_map(|attribute| {
        if let RouteAttribute::Table(table) = attribute {
            Some(*table)
        } else {
            None
        }
    });
    said.unwrap_or_else(|| TableId::from(route.header.table))
}

/// Whether an entry was put there, by a control plane or by hand. Others come and go with the
/// traffic, many of them every minute.
fn is_put_there(entry: &NeighbourMessage) -> bool {
    use rtnetlink::packet_route::neighbour::{NeighbourAttribute, NeighbourFlags};
    let header = &entry.header;
    let behind_tunnel = header.family == AddressFamily::Bridge
        && entry
            .attributes
            .iter()
            .any(|attribute| matches!(attribute, NeighbourAttribute::Destination(_)));
    let lasting = matches!(
        header.state,
        NeighbourState::Permanent | NeighbourState::Noarp
    );
    behind_tunnel || lasting || header.flags.contains(NeighbourFlags::ExtLearned)
}

#[cfg(test)]
mod tests;
