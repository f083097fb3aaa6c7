//! BFD beside a session of the fabric (RFC 5880, RFC 5882).

use std::time::Duration;

use super::facts::{BfdSession, BfdState, Facts, Session, SessionState};
use super::finding::Check;
use super::ledger::{Fault, Ledger};
use super::sources::{Source, waiting};
use crate::api::{ObjectKey, Peer};

/// How long after the BGP session a BFD session may come up: it starts with a packet a second
/// (RFC 5880 §6.8.3), and needs some.
const GRACE: Duration = Duration::from_secs(10);

/// Checks the BFD session that guards one BGP session.
pub(super) fn check(
    object: Option<&ObjectKey>,
    peer: &Peer,
    session: &Session,
    facts: &Facts,
    ledger: &mut Ledger,
) {
    let Ok(known) = &facts.underlay.bfd else {
        ledger.pending(Check::BfdSession, object, waiting(Source::Bfd));
        return;
    };
    // Without BGP the neighbour may not be there at all, which is the news then.
    let SessionState::Established { uptime } = session.state else {
        let session = format_args!("{} {peer}", Check::UnderlaySession);
        ledger.pending(Check::BfdSession, object, session);
        return;
    };
    let found = known.iter().find(|bfd| guards(bfd, peer));
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
        (_, Some(_)) => {
            format!("does {peer} run BFD with us, and do UDP ports 3784 and 4784 pass?")
        }
    };
    let hint = format!("{hint} see `show bfd peers`");
    Fault::new("a BFD session that is up", seen, hint)
}
