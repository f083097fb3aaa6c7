//! BFD beside a session of the fabric (RFC 5880, RFC 5882).
//!
//! Where both are down one of them is the news. A neighbour that is not heard any more may not be
//! there at all, and the BGP session is it. One that is heard, and says that it has ended BFD or
//! that nothing of us arrives, keeps bgpd from opening the session for as long as that lasts: then
//! it is BFD.

use std::time::Duration;

use super::facts::{BfdSession, BfdState, Facts, Session, SessionState};
use super::finding::Check;
use super::ledger::{Fault, Ledger};
use super::sources::{Source, waiting};
use crate::api::{ObjectKey, Peer};

/// How long after the BGP session a BFD session may come up: it starts with a packet a second
/// (RFC 5880 §6.8.3), and needs some.
const GRACE: Duration = Duration::from_secs(10);

/// Whether a BGP session is down because bgpd waits for BFD, which the neighbour has ended.
pub(super) fn holds(peer: &Peer, session: &Session, facts: &Facts) -> bool {
    let waits = match &session.state {
        // In any other state bgpd tries by itself.
        SessionState::Down { state } => matches!(state.as_str(), "Idle" | "Clearing"),
        SessionState::Established { .. } => false,
    };
    waits
        && guard(peer, facts)
            .is_some_and(|bfd| matches!(bfd.state, BfdState::Down(_)) && ended(bfd))
}

/// Whether it went down by the neighbour's word (RFC 5880 §4.1, diagnostics 3 and 7).
fn ended(bfd: &BfdSession) -> bool {
    bfd.diagnostic.contains("neighbor signaled")
        || bfd.remote_diagnostic.contains("administratively")
}

fn guard<'a>(peer: &Peer, facts: &'a Facts) -> Option<&'a BfdSession> {
    let known = facts.underlay.bfd.as_ref().ok()?;
    known.iter().find(|bfd| guards(bfd, peer))
}

/// Checks the BFD session that guards one BGP session.
pub(super) fn check(
    object: Option<&ObjectKey>,
    peer: &Peer,
    session: &Session,
    facts: &Facts,
    ledger: &mut Ledger,
) {
    if facts.underlay.bfd.is_err() {
        ledger.pending(Check::BfdSession, object, waiting(Source::Bfd));
        return;
    }
    let uptime = match session.state {
        SessionState::Established { uptime } => uptime,
        SessionState::Down { .. } if holds(peer, session, facts) => GRACE,
        SessionState::Down { .. } => {
            let session = format_args!("{} {peer}", Check::UnderlaySession);
            ledger.pending(Check::BfdSession, object, session);
            return;
        }
    };
    let found = guard(peer, facts);
    match found.map(|bfd| &bfd.state) {
        Some(BfdState::Up) => ledger.good(Check::BfdSession, object, peer, ""),
        Some(BfdState::Init) => {
            let waiting_for = format_args!("BFD with {peer} to come up");
            ledger.pending(Check::BfdSession, object, waiting_for);
        }
        Some(BfdState::Down(_)) | None if uptime < GRACE => {
            let waiting_for = format_args!("BFD with {peer} to come up");
            ledger.pending(Check::BfdSession, object, waiting_for);
        }
        Some(BfdState::Down(state)) => {
            ledger.bad(Check::BfdSession, object, peer, fault(peer, found, state));
        }
        None => {
            let fault = fault(peer, None, "bfdd has no session with it");
            ledger.bad(Check::BfdSession, object, peer, fault);
        }
    }
}

fn guards(bfd: &BfdSession, peer: &Peer) -> bool {
    match peer {
        Peer::Address(address) => bfd.peer == *address,
        Peer::Interface(link) => bfd.link.as_ref() == Some(link),
        // Sessions are with those who called, not with their range.
        Peer::Range(_) => false,
    }
}

fn fault(peer: &Peer, found: Option<&BfdSession>, state: &str) -> Fault {
    let diagnostics = found.map(|bfd| (bfd.diagnostic.as_str(), bfd.remote_diagnostic.as_str()));
    let seen = match diagnostics {
        Some((ours, theirs)) => format!("{state}; our side: {ours}, the other: {theirs}"),
        None => state.to_owned(),
    };
    let hint = match (state, diagnostics) {
        ("shutdown", _) => "it is shut down on our side".to_owned(),
        (_, None) => "is `neighbor … bfd` in bgpd's configuration, and does bfdd run?".to_owned(),
        (_, Some((_, theirs))) if theirs.contains("administratively") => {
            "its operator shut BFD down".to_owned()
        }
        (_, Some((ours, _))) if ours.contains("neighbor signaled") => format!(
            "{peer} ended it: does it still run BFD with us, or does nothing of us arrive there? \
             bgpd opens no session without it"
        ),
        (_, Some(_)) => {
            format!("does {peer} run BFD with us, and do UDP ports 3784 and 4784 pass?")
        }
    };
    let hint = format!("{hint}; see `show bfd peers`");
    Fault::new("a BFD session that is up", seen, hint)
}
