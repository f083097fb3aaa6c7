//! What is put back of that which zebra took away, in which form, and what of it is taken away
//! again.
//!
//! What is put back differs from what zebra writes in one point that can be read back, so that
//! nobody has to remember who wrote an entry last: once zebra has written it again, it is
//! zebra's. Routes have a metric of their own, and stand behind zebra's. Neighbours name another
//! protocol. A bridge's forwarding entries are not marked as learned elsewhere, and get that
//! mark from zebra; those of a VXLAN device cannot be told apart, because the kernel lets nobody
//! who has that mark change one, but zebra writes them in one message with the bridge's.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes are an open set, of which only a few are read"
)]

use std::collections::BTreeSet;
use std::net::IpAddr;

use rtnetlink::packet_core::Emitable as _;
use rtnetlink::packet_route::neighbour::{
    NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{
    RouteAttribute, RouteFlags, RouteMessage, RouteNextHopFlags, RouteProtocol,
};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::super::facts;

/// The metric of routes that were put back: zebra's are always before them.
pub(in crate::netlink) const METRIC: u32 = 0xffff_ff00;

/// The protocol of neighbours that were put back. Nobody else has it in iproute2's list.
pub(super) const PROTOCOL: u8 = 119;

/// The MAC of a VXLAN device's entries for flooding.
const FLOODING: Mac = [0; 6];

type Mac = [u8; 6];

/// A MAC behind the port of this index.
type Place = (u32, Mac);

/// Something to put back.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Held {
    /// A route of bgpd's.
    Route(RouteMessage),
    /// An entry of the bridge's table.
    Bridge(NeighbourMessage),
    /// An entry of a VXLAN device's own table.
    Vxlan(NeighbourMessage),
    /// An entry by which a VXLAN device floods. Nothing tells whose it is; but zebra puts it
    /// back by itself when it is taken away and still of use.
    Flooding(NeighbourMessage),
    /// A neighbour.
    Neighbour(NeighbourMessage),
}

impl Held {
    /// What to put back for a route that was deleted; `None` when it was not bgpd's, or was put
    /// back itself.
    pub(super) fn route(deleted: &RouteMessage) -> Option<Self> {
        (deleted.header.protocol == RouteProtocol::Bgp && !is_held_route(deleted)).then_some(())?;
        let mut route = deleted.clone();
        // The rest is the kernel's word on how the route is, not on what it is.
        route.header.flags &= RouteFlags::Onlink;
        route.attributes.retain(|attribute| {
            !matches!(
                attribute,
                RouteAttribute::Priority(_)
                    | RouteAttribute::NhId(_)
                    | RouteAttribute::CacheInfo(_)
                    | RouteAttribute::Expires(_)
                    | RouteAttribute::MulticastExpires(_)
            )
        });
        for attribute in &mut route.attributes {
            if let RouteAttribute::MultiPath(hops) = attribute {
                hops.iter_mut()
                    .for_each(|hop| hop.flags &= RouteNextHopFlags::Onlink);
            }
        }
        route.attributes.push(RouteAttribute::Priority(METRIC));
        Some(Self::Route(route))
    }

    /// What to put back for a forwarding entry that was deleted; `None` when no control plane
    /// had told it.
    pub(super) fn forwarding(deleted: &NeighbourMessage) -> Option<Self> {
        is_told(deleted).then_some(())?;
        let mac = mac_of(deleted)?;
        let is_own = deleted.header.flags.contains(NeighbourFlags::Own);
        let mut entry = deleted.clone();
        entry.attributes.retain(is_content);
        Some(match (is_own, mac) {
            (false, _) => {
                entry.header.flags = NeighbourFlags::Controller;
                entry.header.state = NeighbourState::Reachable;
                Self::Bridge(entry)
            }
            (true, FLOODING) => Self::Flooding(entry),
            (true, _) => Self::Vxlan(entry),
        })
    }

    /// What to put back for a neighbour that was deleted, from its entry while it was valid.
    pub(super) fn neighbour(valid: &NeighbourMessage) -> Self {
        let mut entry = valid.clone();
        entry.attributes.retain(|attribute| {
            is_content(attribute) && !matches!(attribute, NeighbourAttribute::Protocol(_))
        });
        entry
            .attributes
            .push(NeighbourAttribute::Protocol(PROTOCOL.into()));
        Self::Neighbour(entry)
    }

    /// What the kernel is asked to hold.
    pub(super) fn message(&self) -> RouteNetlinkMessage {
        match self {
            Self::Route(route) => RouteNetlinkMessage::NewRoute(route.clone()),
            Self::Bridge(entry)
            | Self::Vxlan(entry)
            | Self::Flooding(entry)
            | Self::Neighbour(entry) => RouteNetlinkMessage::NewNeighbour(entry.clone()),
        }
    }

    /// What the kernel is asked to drop.
    pub(super) fn removal(&self) -> RouteNetlinkMessage {
        match self {
            Self::Route(route) => RouteNetlinkMessage::DelRoute(route.clone()),
            Self::Bridge(entry)
            | Self::Vxlan(entry)
            | Self::Flooding(entry)
            | Self::Neighbour(entry) => RouteNetlinkMessage::DelNeighbour(entry.clone()),
        }
    }

    /// Whether a VXLAN device floods by it.
    pub(super) fn is_flooding(&self) -> bool {
        matches!(self, Self::Flooding(_))
    }

    /// Where it is, if it is a neighbour.
    pub(super) fn as_neighbour(&self) -> Option<(u32, IpAddr)> {
        match self {
            Self::Neighbour(entry) => told_neighbour(entry),
            Self::Route(_) | Self::Bridge(_) | Self::Vxlan(_) | Self::Flooding(_) => None,
        }
    }

    /// Whether it is a VXLAN device's entry of which zebra has written the bridge's half.
    pub(super) fn is_half_of(&self, told: &BTreeSet<Place>) -> bool {
        match self {
            Self::Vxlan(entry) => place_of(entry).is_some_and(|place| told.contains(&place)),
            Self::Route(_) | Self::Bridge(_) | Self::Flooding(_) | Self::Neighbour(_) => false,
        }
    }

    /// Its bytes, by which two of the same are known.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let message = self.message();
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        bytes
    }
}

/// Whether a route was put back by us.
pub(super) fn is_held_route(route: &RouteMessage) -> bool {
    route.header.protocol == RouteProtocol::Bgp
        && route.attributes.contains(&RouteAttribute::Priority(METRIC))
}

/// What of a dump of neighbours was put back by us, and not by zebra since.
pub(super) fn held_neighbour(entry: &NeighbourMessage) -> Option<Held> {
    let protocol = NeighbourAttribute::Protocol(PROTOCOL.into());
    let is_held = entry.attributes.contains(&protocol);
    is_held.then(|| Held::neighbour(entry))
}

/// A neighbour's address on its link, if a control plane told it and packets can be sent by it.
pub(super) fn told_neighbour(entry: &NeighbourMessage) -> Option<(u32, IpAddr)> {
    let seen = facts::decode_neighbour(entry)?;
    let is_told = seen.origin == facts::Origin::ExternLearn;
    (is_told && seen.mac.is_some() && seen.state.is_valid()).then_some((seen.index, seen.ip))
}

/// What of a dump of all forwarding entries was put back by us, and not by zebra since; entries
/// for flooding apart.
///
/// `tunnels` are the VXLAN devices. Ours do not learn, nor do the bridges from them: whatever a
/// bridge has by such a port that is neither told by a control plane nor the device's own was put back.
pub(super) fn held_forwarding(dump: &[NeighbourMessage], tunnels: &BTreeSet<u32>) -> Vec<Held> {
    let is_own = |entry: &&NeighbourMessage| entry.header.flags.contains(NeighbourFlags::Own);
    let (own, bridge): (Vec<_>, Vec<_>) = dump.iter().partition(is_own);
    let by_zebra = told_to_bridges(dump);
    let of_bridges = bridge.into_iter().filter(|entry| {
        let ages = matches!(
            entry.header.state,
            NeighbourState::Reachable | NeighbourState::Stale
        );
        ages && !is_told(entry) && tunnels.contains(&entry.header.ifindex)
    });
    let held = |entry: &NeighbourMessage| {
        let mut told = entry.clone();
        told.header.flags |= NeighbourFlags::ExtLearned;
        Held::forwarding(&told)
    };
    let of_tunnels = own.into_iter().filter(|entry| {
        let is_zebras = place_of(entry).is_none_or(|place| by_zebra.contains(&place));
        is_told(entry) && !is_zebras
    });
    let forwarding = of_bridges.chain(of_tunnels).filter_map(held);
    forwarding.filter(|held| !held.is_flooding()).collect()
}

/// What a control plane has told bridges.
pub(super) fn told_to_bridges(dump: &[NeighbourMessage]) -> BTreeSet<Place> {
    let of_bridges = dump
        .iter()
        .filter(|entry| is_told(entry) && !entry.header.flags.contains(NeighbourFlags::Own));
    of_bridges.filter_map(place_of).collect()
}

fn place_of(entry: &NeighbourMessage) -> Option<Place> {
    Some((entry.header.ifindex, mac_of(entry)?))
}

/// Whether a forwarding entry was told by a control plane.
fn is_told(entry: &NeighbourMessage) -> bool {
    let header = &entry.header;
    header.family == AddressFamily::Bridge && header.flags.contains(NeighbourFlags::ExtLearned)
}

/// What an entry is, as opposed to how it has been.
fn is_content(attribute: &NeighbourAttribute) -> bool {
    !matches!(
        attribute,
        NeighbourAttribute::CacheInfo(_)
            | NeighbourAttribute::Probes(_)
            | NeighbourAttribute::Controller(_)
    )
}

fn mac_of(entry: &NeighbourMessage) -> Option<Mac> {
    entry
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => bytes.as_slice().try_into().ok(),
            _ => None,
        })
}

#[cfg(test)]
mod tests;
