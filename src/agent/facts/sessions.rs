//! BGP sessions, from bgpd's words to facts.

use std::collections::BTreeMap;
use std::time::Duration;

use perouter_parsers::bgp::{self, AddressFamily, AdminState, Neighbor, Neighbors, PeerState};
use perouter_parsers::id::PeerName;

use crate::api::{Asn, Family, Peer};
use crate::verify::facts::{
    EndOfRib, FamilyState, LastReset, Negotiation, Session, SessionState, Sessions,
};

/// The sessions of one BGP instance.
pub(in crate::agent) fn of(neighbors: Neighbors) -> Sessions {
    let named = neighbors.into_iter().filter_map(|(name, neighbor)| {
        let peer = match name {
            PeerName::Address(address) => Peer::Address(address),
            // A name that no manifest can have is no neighbour of an intent.
            PeerName::Interface(name) => Peer::Interface(name.parse().ok()?),
        };
        Some((peer, session(&neighbor)))
    });
    named.collect()
}

fn session(neighbor: &Neighbor) -> Session {
    Session {
        state: state(neighbor),
        // FRR writes 0, which is no AS number, where it does not know it yet.
        remote_as: Asn::try_from(neighbor.remote_as.0).ok(),
        families: families(neighbor),
        last_reset: neighbor.last_reset.as_ref().map(last_reset),
        established_count: neighbor.connections_established,
        dropped_count: neighbor.connections_dropped,
    }
}

fn state(neighbor: &Neighbor) -> SessionState {
    match (&neighbor.state, neighbor.admin) {
        (PeerState::Established, _) => SessionState::Established {
            // Just established, FRR may not have the time yet.
            uptime: Duration::from_millis(neighbor.uptime.map_or(0, |uptime| uptime.msec)),
        },
        // This answer says why in another field; other answers say it in this word.
        (PeerState::Idle, AdminState::Shutdown) => SessionState::Down {
            state: PeerState::IdleAdmin.as_str().to_owned(),
        },
        (state, AdminState::Up | AdminState::Shutdown) => SessionState::Down {
            state: state.as_str().to_owned(),
        },
    }
}

fn families(neighbor: &Neighbor) -> BTreeMap<Family, FamilyState> {
    let known = neighbor.families.iter().filter_map(|(name, counters)| {
        let negotiation = if neighbor.negotiated.contains(name) {
            Negotiation::Agreed
        } else {
            Negotiation::Missing
        };
        let end_of_rib = if neighbor.told.contains(name) {
            EndOfRib::Received
        } else {
            EndOfRib::Awaited
        };
        let state = FamilyState {
            negotiation,
            end_of_rib,
            received: counters.accepted,
            // FRR leaves the number out while nothing can be sent.
            sent: counters.sent.unwrap_or(0),
        };
        Some((family(name)?, state))
    });
    known.collect()
}

fn family(name: &AddressFamily) -> Option<Family> {
    match name {
        AddressFamily::Ipv4Unicast => Some(Family::Ipv4Unicast),
        AddressFamily::L2VpnEvpn => Some(Family::Evpn),
        AddressFamily::Ipv6Unicast => Some(Family::Ipv6Unicast),
        // No intent can ask for these.
        AddressFamily::Other(_) => None,
    }
}

fn last_reset(reset: &bgp::LastReset) -> LastReset {
    LastReset {
        reason: match &reset.notification {
            Some(notification) => format!("{}: {}", reset.reason, notification.words),
            None => reset.reason.clone(),
        },
        ago: Duration::from_millis(reset.ago_msec),
    }
}
