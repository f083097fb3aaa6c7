//! Why a session is down, from FRR's words: its state, why it was reset last, and the text of
//! the NOTIFICATION message (RFC 4271 §6, RFC 4486), whoever sent it.

use super::facts::{Session, SessionState};
use crate::api::Neighbor;

/// What FRR says where it has no route to the neighbour, which it tries all the same.
const NO_WAY: &str = "No path to specified Neighbor";

/// What FRR says of a NOTIFICATION that it sent; of others it says that they were received.
const SENT: &str = "BGP Notification send";

/// What to look at, or do, about a session that is not up.
pub(super) fn session_down(session: &Session, neighbor: Option<&Neighbor>) -> String {
    let reason = session.last_reset.as_ref().map(|reset| &*reset.reason);
    let reason = reason.unwrap_or_default();
    let by_us = reason.contains(SENT);
    let told = NOTIFICATIONS
        .iter()
        .find(|(words, _, _)| reason.contains(words))
        .map(|(_, ours, theirs)| if by_us { *ours } else { *theirs });
    let state = match &session.state {
        SessionState::Established { .. } => "",
        SessionState::Down { state } => state.as_str(),
    };
    match (told, state) {
        (_, "Idle (Admin)") => {
            return "it is shut down on our side: remove `neighbor … shutdown`".to_owned();
        }
        (_, "Idle (PfxCt)") => {
            return "it sent more prefixes than this side allows: raise `maximum-prefix`, or \
                    mend what it sends"
                .to_owned();
        }
        (Some(told), _) => return told.to_owned(),
        (None, _) => {}
    }
    let is_tcp = matches!(state, "Connect" | "Active");
    if reason.contains(NO_WAY) {
        return "there was no route to its address when it was tried last: is the NIC up, and in \
                its subnet?"
            .to_owned();
    }
    if is_tcp && neighbor.is_some_and(|neighbor| neighbor.password.is_some()) {
        return "TCP does not open, and a password is configured: is it the same on both sides? \
                One that differs leaves no other trace than packets without an answer"
            .to_owned();
    }
    if is_tcp {
        return "TCP does not open: does it run BGP, is port 179 open, and does it want no \
                password?"
            .to_owned();
    }
    for (words, hint) in RESETS {
        if reason.contains(words) {
            return (*hint).to_owned();
        }
    }
    "can it be reached, and does it expect us?".to_owned()
}

/// Words of a NOTIFICATION; what to do when we sent it, and when the neighbour did.
const NOTIFICATIONS: &[(&str, &str, &str)] = &[
    (
        "Bad Peer AS",
        "its AS is not the one that spec.neighbors expects: compare asn with the neighbour's own",
        "it does not expect our AS: compare spec.asn with its `remote-as` for us",
    ),
    (
        "Bad BGP Identifier",
        "it has our router identifier, or none: two nodes with one index?",
        "it takes our router identifier for its own or another's: two nodes with one index?",
    ),
    (
        "Unacceptable Hold Time",
        "its hold time is too short for us: compare the timers on both sides",
        "our hold time is too short for it: compare the timers on both sides",
    ),
    (
        "Unsupported Capability",
        "it announces a capability that this side insists on, or not: compare the families",
        "it misses a capability of ours: compare the address families on both sides",
    ),
    (
        "Role Mismatch",
        "the BGP roles (RFC 9234) do not fit: compare `local-role` on both sides",
        "the BGP roles (RFC 9234) do not fit: compare `local-role` on both sides",
    ),
    (
        "Maximum Number of Prefixes Reached",
        "it sent more prefixes than this side allows: raise `maximum-prefix`, or mend what it \
         sends",
        "we sent more prefixes than it allows: raise its `maximum-prefix`, or send fewer",
    ),
    (
        "Administrative Shutdown",
        "it is shut down on our side: remove `neighbor … shutdown`",
        "its operator shut the session down: ask them",
    ),
    (
        "Peer De-configured",
        "this side had removed the neighbour, and has it again: wait for the next attempt",
        "it has removed us from its configuration: ask its operator",
    ),
    (
        "Connection Rejected",
        "this side refuses it: is it configured as a neighbour in this VRF?",
        "it refuses us: is our address configured as a neighbour there?",
    ),
    (
        "BFD Down",
        "BFD lost the way to it, and bgpd waits until BFD has it again: cable, or do UDP ports 3784 \
         and 4784 not pass? see `show bfd peers`",
        "BFD lost the way on its side: does what we send arrive there? see `show bfd peers`",
    ),
    (
        "Hold Timer Expired",
        "nothing was heard of it for the hold time: is it overloaded, or are packets lost? a \
         path that drops large packets does this once the table is sent",
        "it heard nothing of us for the hold time: are packets lost? a path that drops large \
         packets does this once the table is sent",
    ),
    (
        "UPDATE Message Error",
        "it sent a route that this side cannot read: see bgpd's log",
        "we sent a route that it cannot read: see its log",
    ),
];

/// Words of FRR's where there was no NOTIFICATION, and what to do.
const RESETS: &[(&str, &str)] = &[
    (
        "No AFI/SAFI activated",
        "no address family is activated with it: see the families of this neighbour",
    ),
    (
        "Waiting for Peer IPv6 LLA",
        "nobody announced itself on the link: does it send router advertisements?",
    ),
    (
        "Interface down",
        "the link to it is down: cable, or the other side's port",
    ),
    (
        "Peer closed the session",
        "it closed the connection without a word: does it expect our address as a neighbour?",
    ),
    (
        "BFD down received",
        "BFD lost the way to it, and bgpd waits until BFD has it again: cable, or do UDP ports 3784 \
         and 4784 not pass? see `show bfd peers`",
    ),
];

#[cfg(test)]
mod tests;
