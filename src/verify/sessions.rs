//! BGP sessions: established, and with the families that they should carry.

use std::net::IpAddr;

use super::age::Age;
use super::facts::{Facts, Negotiation, Session, SessionState};
use super::finding::Check;
use super::ledger::{Fault, Ledger};
use super::sources::{Source, waiting};
use crate::api::Family;
use crate::intent::{UnderlayIntent, VniIntent};
use crate::plan::bgp::desired::families;

/// What the fabric's sessions leave to the VNIs.
#[derive(Debug)]
pub(super) struct Fabric {
    /// The neighbours with which EVPN routes are exchanged.
    pub(super) evpn_peers: Vec<IpAddr>,
    /// What a VNI waits for when there is none of those.
    pub(super) waiting_for: String,
}

/// Whether a session exchanges EVPN routes.
pub(super) fn speaks_evpn(session: &Session) -> bool {
    is_established(session)
        && session
            .families
            .get(&Family::Evpn)
            .is_some_and(|family| family.negotiation == Negotiation::Agreed)
}

fn is_established(session: &Session) -> bool {
    matches!(session.state, SessionState::Established { .. })
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
        waiting_for: format!("{} with EVPN", Check::UnderlaySession),
    };
    let Ok(sessions) = &facts.fabric_sessions else {
        let source = waiting(Source::FabricSessions);
        ledger.pending(Check::UnderlaySession, object, &source);
        ledger.pending(Check::EvpnFamily, object, &source);
        fabric.waiting_for = source;
        return fabric;
    };
    for neighbor in &underlay.spec.neighbors {
        let peer = IpAddr::V4(neighbor.address);
        let session = sessions.get(&peer);
        let show = format!("show bgp neighbors {peer}");
        let up = established(Check::UnderlaySession, object, peer, session, &show, ledger);
        if !families(neighbor, underlay).contains(&Family::Evpn) {
            continue;
        }
        match session {
            Some(session) if up => {
                if evpn_agreed(object, peer, session, ledger) {
                    fabric.evpn_peers.push(peer);
                }
            }
            Some(_) | None => {
                let session = format!("{} {peer}", Check::UnderlaySession);
                ledger.pending(Check::EvpnFamily, object, session);
            }
        }
    }
    fabric
}

/// Checks the session with the host of one VNI, when it has one.
pub(super) fn check_host(vni: &VniIntent, facts: &Facts, ledger: &mut Ledger) {
    let Some(leg) = vni.leg else { return };
    let (object, vrf) = (Some(&vni.key), &vni.spec.vrf);
    let sessions = facts.vrfs.get(vrf).map(|facts| &facts.sessions);
    let Some(Ok(sessions)) = sessions else {
        let source = waiting(Source::HostSessions(vrf));
        ledger.pending(Check::HostSession, object, source);
        return;
    };
    let peer = IpAddr::V4(leg.host.addr());
    let show = format!("show bgp vrf {vrf} neighbors {peer}");
    let session = sessions.get(&peer);
    established(Check::HostSession, object, peer, session, &show, ledger);
}

fn established(
    check: Check,
    object: Option<&crate::api::ObjectKey>,
    peer: IpAddr,
    session: Option<&Session>,
    show: &str,
    ledger: &mut Ledger,
) -> bool {
    let Some(session) = session else {
        let seen = "bgpd does not know this neighbour";
        let fault = Fault::new("Established", seen, "see `show running-config` of bgpd");
        ledger.bad(check, object, peer, fault);
        return false;
    };
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
            let hint = format!("can {peer} be reached, and does it expect us? see `{show}`");
            ledger.bad(check, object, peer, Fault::new("Established", seen, hint));
            false
        }
    }
}

fn evpn_agreed(
    object: Option<&crate::api::ObjectKey>,
    peer: IpAddr,
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
