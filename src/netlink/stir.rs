//! Tells when what packets are forwarded by changes: routes, and entries that a control plane put
//! into the tables of neighbours and MAC addresses.
//!
//! It says that something changed, not what: whoever is told reads it. What always holds: a
//! change is told of, even if the kernel had to throw its message away; and thousands of them
//! that come before anybody listens are told of once.

use bytes::BytesMut;
use rtnetlink::MulticastGroup;
use rtnetlink::packet_core::{NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::neighbour::{NeighbourMessage, NeighbourState};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};
use rtnetlink::sys::{AsyncSocketExt as _, TokioSocket};
use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;

use super::channel::{Channel, OpenError};
use super::socket::{self, DATAGRAM};
use super::watch::{is_overrun, subscribe};

/// What is heard.
const GROUPS: &[MulticastGroup] = &[
    MulticastGroup::Ipv4Route,
    MulticastGroup::Ipv6Route,
    MulticastGroup::Neigh,
];

/// Listens in one namespace. Dropping it ends the listening.
#[derive(Debug)]
pub struct Stir {
    _task: AbortOnDropHandle<()>,
}

impl Stir {
    /// Tells `stirred` of every change from now on; a full channel has been told.
    pub(super) async fn watch(
        channel: &Channel,
        stirred: mpsc::Sender<()>,
    ) -> Result<Self, OpenError> {
        let socket = subscribe(channel, GROUPS).await?;
        Ok(Self {
            _task: AbortOnDropHandle::new(tokio::spawn(listen(socket, stirred))),
        })
    }
}

async fn listen(socket: TokioSocket, stirred: mpsc::Sender<()>) {
    let mut datagram = BytesMut::with_capacity(DATAGRAM);
    loop {
        datagram.clear();
        datagram.reserve(DATAGRAM);
        let stirs = match socket.recv_from(&mut datagram).await {
            Ok(_) => stirs(&datagram),
            Err(error) if is_overrun(&error) => true,
            Err(error) => {
                tracing::warn!(%error, "the socket that hears of routes failed");
                return;
            }
        };
        if stirs && let Err(mpsc::error::TrySendError::Closed(())) = stirred.try_send(()) {
            return;
        }
    }
}

/// Whether a datagram tells of a change that matters. What cannot be read happened all the same.
fn stirs(mut datagram: &[u8]) -> bool {
    loop {
        match socket::next_message(&mut datagram) {
            Ok(None) => return false,
            Ok(Some(message)) => match NetlinkMessage::deserialize(&message) {
                Ok(message) if !matters(&message.payload) => {}
                Ok(_) | Err(_) => return true,
            },
            Err(_) => return true,
        }
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the kernel's many messages only those of the groups joined can come"
)]
fn matters(payload: &NetlinkPayload<RouteNetlinkMessage>) -> bool {
    use RouteNetlinkMessage::{DelNeighbour, NewNeighbour};
    match payload {
        NetlinkPayload::InnerMessage(DelNeighbour(entry) | NewNeighbour(entry)) => {
            is_put_there(entry)
        }
        _ => true,
    }
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
