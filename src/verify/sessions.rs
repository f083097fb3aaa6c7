//! BGP sessions: established, and with the families that they should carry.

use std::net::IpAddr;
use std::time::Duration;

use super::age::Age;
use super::facts::{
    EndOfRib, Facts, FamilyState, Negotiation, Session, SessionState, Sessions, sessions_of,
};
use super::finding::Check;
use super::ledger::{Fault, Ledger};
use super::sources::{Source, waiting};
use super::{bfd, hints};
use crate::api::types::VrfName;
use crate::api::{Family, Neighbor, ObjectKey, Peer};
use crate::intent::addresses::HostLeg;
use crate::intent::{PassthroughIntent, UnderlayIntent, VniIntent};
use crate::plan::bgp::desired::families;

/// What the fabric's sessions leave to the VNIs.
#[derive(Debug)]
pub(super) struct Fabric {
    /// The neighbours with which EVPN routes are exchanged.
    pub(super) evpn_peers: Vec<Peer>,
    /// Those of them that have told all that they knew when the session came up.
    pub(super) told: Vec<Peer>,
    /// What a VNI waits for when there is none of those.
    pub(super) waiting_for: String,
}

/// A neighbour without an End-of-RIB marker has told all by then.
const TOLD_BY_THEN: Duration = Duration::from_secs(10);

/// Whether a neighbour has told all of its EVPN routes.
fn has_told(session: &Session) -> bool {
    let evpn = session.families.get(&Family::Evpn);
    let marked = evpn.is_some_and(|family| family.end_of_rib == EndOfRib::Received);
    match session.state {
        SessionState::Established { uptime } => marked || uptime >= TOLD_BY_THEN,
        SessionState::Down { .. } => false,
    }
}

/// A host whose session is up and that may have routes yet to tell. One that sends no marker has
/// told all by the time above, or once it has told anything.
pub(super) fn still_telling(legs: &[HostLeg], sessions: &Sessions) -> Option<IpAddr> {
    let is_telling = |host: &IpAddr| {
        let Some(session) = sessions.get(&Peer::Address(*host)) else {
            return false;
        };
        let SessionState::Established { uptime } = session.state else {
            return false;
        };
        let mut agreed = session.families.values();
        let is_awaited = |family: &FamilyState| {
            family.negotiation == Negotiation::Agreed
                && family.end_of_rib == EndOfRib::Awaited
                && family.received == 0
        };
        uptime < TOLD_BY_THEN && agreed.any(is_awaited)
    };
    let mut hosts = legs.iter().map(|leg| leg.host.addr());
    hosts.find(is_telling)
}

/// Whether a session exchanges EVPN routes.
pub(super) fn speaks_evpn(session: &Session) -> bool {
    session.is_established()
        && session
            .families
            .get(&Family::Evpn)
            .is_some_and(|family| family.negotiation == Negotiation::Agreed)
}

/// Checks each fabric neighbour.
pub(super) fn check_fabric(
    underlay: &UnderlayIntent,
    facts: &Facts,
    ledger: &mut Ledger,
) -> Fabric {
    let object = Some(&underlay.key);
    let mut fabric = Fabric {
        evpn_peers: Vec::new(),
        told: Vec::new(),
        waiting_for: format!("{} with EVPN", Check::UnderlaySession),
    };
    let Ok(sessions) = &facts.fabric_sessions else {
        let source = waiting(Source::FabricSessions);
        ledger.pending(Check::UnderlaySession, object, &source);
        if underlay.spec.neighbors.iter().any(|own| own.bfd.is_some()) {
            ledger.pending(Check::BfdSession, object, &source);
        }
        ledger.pending(Check::EvpnFamily, object, &source);
        fabric.waiting_for = source;
        return fabric;
    };
    let neighbors = &underlay.spec.neighbors;
    for neighbor in neighbors {
        let found = sessions_of(&neighbor.peer, sessions, neighbors);
        if found.is_empty() {
            not_there(&neighbor.peer, object, ledger);
            if neighbor.bfd.is_some() {
                let session = format_args!("{} {}", Check::UnderlaySession, neighbor.peer);
                ledger.pending(Check::BfdSession, object, session);
            }
        }
        for (peer, session) in found {
            let up = if neighbor.bfd.is_some() && bfd::holds(peer, session, facts) {
                let watched = format_args!("{} {peer}", Check::BfdSession);
                ledger.pending(Check::UnderlaySession, object, watched);
                false
            } else {
                established(
                    Check::UnderlaySession,
                    object,
                    (peer, session, Some(neighbor)),
                    None,
                    ledger,
                )
            };
            if neighbor.bfd.is_some() {
                bfd::check(object, peer, session, facts, ledger);
            }
            if !families(neighbor, underlay).contains(&Family::Evpn) {
                continue;
            }
            if !up {
                let session = format!("{} {peer}", Check::UnderlaySession);
                ledger.pending(Check::EvpnFamily, object, session);
            } else if evpn_agreed(object, peer, session, ledger) {
                fabric.evpn_peers.push(peer.clone());
                fabric.told.extend(has_told(session).then(|| peer.clone()));
            }
        }
        if found_none_with_evpn(neighbor, underlay, sessions) {
            let session = format!("{} {}", Check::UnderlaySession, neighbor.peer);
            ledger.pending(Check::EvpnFamily, object, session);
        }
    }
    if fabric.told.is_empty()
        && let Some(first) = fabric.evpn_peers.first()
    {
        fabric.waiting_for = format!("the routes of {first}");
    }
    fabric
}

/// A neighbour that bgpd has no session for. One who is to call may come at any time.
fn not_there(peer: &Peer, object: Option<&ObjectKey>, ledger: &mut Ledger) {
    match peer {
        Peer::Address(_) | Peer::Interface(_) => {
            unknown(Check::UnderlaySession, object, peer, ledger);
        }
        Peer::Range(range) => {
            let waiting_for = format!("a neighbour that calls from {range}");
            ledger.pending(Check::UnderlaySession, object, waiting_for);
        }
    }
}

fn found_none_with_evpn(
    neighbor: &Neighbor,
    underlay: &UnderlayIntent,
    sessions: &Sessions,
) -> bool {
    families(neighbor, underlay).contains(&Family::Evpn)
        && sessions_of(&neighbor.peer, sessions, &underlay.spec.neighbors).is_empty()
}

/// Checks the sessions with the host of one VNI, one for each IP version that it has.
pub(super) fn check_host(vni: &VniIntent, facts: &Facts, ledger: &mut Ledger) {
    if vni.legs.is_empty() {
        return;
    }
    let (object, vrf) = (Some(&vni.key), &vni.spec.vrf);
    let sessions = facts.vrfs.get(vrf).map(|facts| &facts.sessions);
    let Some(Ok(sessions)) = sessions else {
        let source = waiting(Source::HostSessions(vrf));
        ledger.pending(Check::HostSession, object, source);
        return;
    };
    check_legs(&vni.legs, object, Some(vrf), sessions, ledger);
}

/// Checks the sessions of the host with the router itself.
pub(super) fn check_passthrough(own: &PassthroughIntent, facts: &Facts, ledger: &mut Ledger) {
    let object = Some(&own.key);
    match &facts.fabric_sessions {
        Ok(sessions) => check_legs(&own.legs, object, None, sessions, ledger),
        Err(_) => {
            let source = waiting(Source::FabricSessions);
            ledger.pending(Check::HostSession, object, source);
        }
    }
}

fn check_legs(
    legs: &[HostLeg],
    object: Option<&ObjectKey>,
    vrf: Option<&VrfName>,
    sessions: &Sessions,
    ledger: &mut Ledger,
) {
    for leg in legs {
        let peer = Peer::Address(leg.host.addr());
        match sessions.get(&peer) {
            Some(session) => {
                let of_peer = (&peer, session, None);
                established(Check::HostSession, object, of_peer, vrf, ledger);
            }
            None => unknown(Check::HostSession, object, &peer, ledger),
        }
    }
}

fn unknown(check: Check, object: Option<&ObjectKey>, peer: &Peer, ledger: &mut Ledger) {
    let seen = "bgpd does not know this neighbour";
    let fault = Fault::new("Established", seen, "see `show running-config` of bgpd");
    ledger.bad(check, object, peer, fault);
}

fn established(
    check: Check,
    object: Option<&ObjectKey>,
    (peer, session, neighbor): (&Peer, &Session, Option<&Neighbor>),
    vrf: Option<&VrfName>,
    ledger: &mut Ledger,
) -> bool {
    match &session.state {
        SessionState::Established { uptime } => {
            let seen = format!("established for {}", Age(*uptime));
            ledger.good(check, object, peer, seen);
            true
        }
        SessionState::Down { state } => {
            let seen = match &session.last_reset {
                Some(reset) => format!("{state}; last reset: {}", reset.reason),
                None => format!("{state}; it was never up"),
            };
            let of_vrf = vrf.map(|vrf| format!("vrf {vrf} ")).unwrap_or_default();
            let hint = hints::session_down(session, neighbor);
            let hint = format!("{hint}; see `show bgp {of_vrf}neighbors {peer}`");
            ledger.bad(check, object, peer, Fault::new("Established", seen, hint));
            false
        }
    }
}

fn evpn_agreed(
    object: Option<&ObjectKey>,
    peer: &Peer,
    session: &Session,
    ledger: &mut Ledger,
) -> bool {
    let agreed = speaks_evpn(session);
    if agreed {
        ledger.good(Check::EvpnFamily, object, peer, "");
    } else {
        let seen = match session.families.get(&Family::Evpn) {
            Some(_) => "the neighbour did not announce it",
            None => "not activated on our side",
        };
        let hint = format!("activate l2vpn evpn for this router on {peer}");
        let fault = Fault::new("EVPN announced by both sides", seen, hint);
        ledger.bad(Check::EvpnFamily, object, peer, fault);
    }
    agreed
}
