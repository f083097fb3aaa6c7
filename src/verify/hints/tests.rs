use std::collections::BTreeMap;
use std::time::Duration;

use super::session_down;
use crate::api::{Neighbor, RemoteAs, Secret};
use crate::intent::samples::{asn, neighbor};
use crate::verify::facts::{LastReset, Session, SessionState};

fn session(state: &str, reason: &str) -> Session {
    Session {
        state: SessionState::Down {
            state: state.to_owned(),
        },
        remote_as: None,
        families: BTreeMap::new(),
        last_reset: (!reason.is_empty()).then(|| LastReset {
            reason: reason.to_owned(),
            ago: Duration::from_secs(5),
        }),
        established_count: 0,
        dropped_count: 0,
    }
}

fn known(password: Option<&str>) -> Neighbor {
    Neighbor {
        password: password.map(|text| Secret::new(text.to_owned())),
        ..neighbor("10.0.1.1", RemoteAs::Number(asn(64512)))
    }
}

#[test]
fn the_cause_is_told_from_the_words() {
    let cases = [
        (
            "Idle",
            "BGP Notification send: OPEN Message Error/Bad Peer AS",
            "its AS is not the one that spec.neighbors expects",
        ),
        (
            "Active",
            "BGP Notification received: OPEN Message Error/Bad Peer AS",
            "it does not expect our AS",
        ),
        (
            "Active",
            "BGP Notification received: Cease/Administrative Shutdown",
            "its operator shut the session down",
        ),
        (
            "Idle (Admin)",
            "BGP Notification send: Cease/Administrative Shutdown",
            "shut down on our side",
        ),
        (
            "Idle (PfxCt)",
            "BGP Notification send: Cease/Maximum Number of Prefixes Reached",
            "raise `maximum-prefix`",
        ),
        (
            "Active",
            "BGP Notification received: Cease/Maximum Number of Prefixes Reached",
            "raise its `maximum-prefix`",
        ),
        (
            "Active",
            "BGP Notification received: Cease/Connection Rejected",
            "it refuses us",
        ),
        (
            "Idle",
            "BGP Notification send: Hold Timer Expired",
            "nothing was heard of it for the hold time",
        ),
        (
            "Active",
            "BGP Notification received: Hold Timer Expired",
            "it heard nothing of us",
        ),
        (
            "Active",
            "No path to specified Neighbor",
            "no route to its address",
        ),
        ("OpenSent", "Peer closed the session", "without a word"),
        ("OpenSent", "", "can it be reached"),
        ("Active", "Waiting for peer OPEN", "TCP does not open"),
    ];
    for (state, reason, expected) in cases {
        let hint = session_down(&session(state, reason), Some(&known(None)));
        assert!(hint.contains(expected), "{state}, {reason}: {hint}");
        assert!(!hint.contains("a password is configured"), "{hint}");
    }
}

/// A password that differs has the kernel drop the packets before TCP sees them.
#[test]
fn a_password_is_suspected_while_tcp_does_not_open() {
    let with = known(Some("Xyzzy-42-plugh"));
    for state in ["Connect", "Active"] {
        let hint = session_down(&session(state, ""), Some(&with));
        assert!(hint.contains("a password is configured"), "{state}: {hint}");
        assert!(!hint.contains("Xyzzy"), "{hint}");
    }
    let opened = session(
        "Active",
        "BGP Notification received: OPEN Message Error/Bad Peer AS",
    );
    let hint = session_down(&opened, Some(&with));
    assert!(!hint.contains("a password is configured"), "{hint}");
    let hint = session_down(&session("OpenSent", ""), Some(&with));
    assert!(!hint.contains("a password is configured"), "{hint}");
}
