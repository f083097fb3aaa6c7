//! When the fabric is made to wait for hosts, and for which.

use std::time::Duration;

use super::*;
use crate::api::GracefulRestart;
use crate::intent::samples::{fabric, intent as intent_of, l3vni, underlay, vrf_with_host};
use crate::verify::facts::{Session, SessionState, Unreadable};

const EVERYTHING_ELSE: [Cause; 6] = [
    Cause::Start,
    Cause::Manifests,
    Cause::Kernel,
    Cause::Broken,
    Cause::Resync,
    Cause::Request,
];

fn name(text: &str) -> VrfName {
    text.parse().unwrap()
}

fn peer(address: &str) -> Peer {
    Peer::Address(address.parse().unwrap())
}

fn host(vrf: &str, address: &str) -> Host {
    (name(vrf), peer(address))
}

fn session(state: SessionState) -> Session {
    Session {
        state,
        remote_as: None,
        families: BTreeMap::new(),
        last_reset: None,
        established_count: 0,
        dropped_count: 0,
    }
}

fn up() -> Session {
    session(SessionState::Established {
        uptime: Duration::from_secs(60),
    })
}

fn down() -> Session {
    session(SessionState::Down {
        state: "Active".to_owned(),
    })
}

fn facts(sessions: Read<Sessions>) -> VrfFacts {
    VrfFacts {
        sessions,
        ..VrfFacts::default()
    }
}

fn silent() -> Read<Sessions> {
    Err(Unreadable::new("bgpd is gone"))
}

fn intent(graceful_restart: Option<GracefulRestart>) -> NodeIntent {
    let mut spec = underlay();
    spec.graceful_restart = graceful_restart;
    let red = vrf_with_host("red", 100, "192.169.10.0/24");
    intent_of(vec![fabric("underlay", spec), l3vni("red", red)])
}

#[test]
fn a_daemon_that_went_or_came_may_be_another() {
    for cause in [Cause::DaemonLost, Cause::DaemonBack, Cause::Retry] {
        for last in [None, Some(&silent()), Some(&Ok(Sessions::new()))] {
            assert_eq!(may_have_restarted(cause, last), Restarted::Maybe, "{cause}");
        }
    }
}

#[test]
fn one_that_was_silent_may_be_another_whatever_wakes_us() {
    for cause in EVERYTHING_ELSE {
        let last = Some(&silent());
        assert_eq!(may_have_restarted(cause, last), Restarted::Maybe, "{cause}");
    }
}

#[test]
fn one_that_answered_or_was_never_asked_is_the_same() {
    for cause in EVERYTHING_ELSE {
        for last in [None, Some(&Ok(Sessions::new()))] {
            assert_eq!(may_have_restarted(cause, last), Restarted::No, "{cause}");
        }
    }
}

#[test]
fn the_fabric_waits_when_neighbours_keep_routes_and_hosts_were_there() {
    let hosts = BTreeSet::from([host("red", "192.169.10.2")]);
    let graceful = || {
        intent(Some(GracefulRestart {
            restart_time: 120,
            stale_path_time: 360,
        }))
    };
    let begun = without_fabric(&graceful(), &hosts).unwrap();
    assert!(begun.underlay.as_ref().unwrap().spec.neighbors.is_empty());
    let mut all = graceful();
    all.underlay.as_mut().unwrap().spec.neighbors.clear();
    assert_eq!(begun, all, "nothing else is kept back");
    assert_eq!(without_fabric(&graceful(), &BTreeSet::new()), None);
    assert_eq!(without_fabric(&intent(None), &hosts), None);
    assert_eq!(without_fabric(&NodeIntent::default(), &hosts), None);
}

#[test]
fn hosts_are_remembered_while_their_sessions_are_up() {
    let mut hosts = BTreeSet::from([host("red", "192.169.10.2"), host("red", "fd00::2")]);
    let red = Sessions::from([
        (peer("192.169.10.2"), up()),
        (peer("fd00::2"), down()),
        (peer("192.169.10.9"), up()),
    ]);
    remember(
        &mut hosts,
        &spines(),
        &BTreeMap::from([(name("red"), facts(Ok(red)))]),
    );
    let now = [host("red", "192.169.10.2"), host("red", "192.169.10.9")];
    assert_eq!(hosts, now.into());
}

#[test]
fn hosts_that_cannot_be_asked_about_are_remembered() {
    let before = BTreeSet::from([host("red", "192.169.10.2"), host("blue", "192.169.20.2")]);
    let mut hosts = before.clone();
    remember(&mut hosts, &spines(), &BTreeMap::new());
    assert_eq!(hosts, before);
    let vrfs = BTreeMap::from([
        (name("red"), facts(silent())),
        (name("blue"), facts(Ok(Sessions::new()))),
    ]);
    remember(&mut hosts, &spines(), &vrfs);
    assert_eq!(hosts, [host("red", "192.169.10.2")].into());
}

/// A neighbour in the fabric that bgpd knows of, whatever its session does.
fn spines() -> Read<Sessions> {
    Ok(Sessions::from([(peer("10.0.1.1"), down())]))
}

#[test]
fn a_bgpd_that_has_just_come_back_with_nothing_makes_no_host_forgotten() {
    let before = BTreeSet::from([host("red", "192.169.10.2")]);
    let nothing = BTreeMap::from([(name("red"), facts(Ok(Sessions::new())))]);
    // It may come back between the two questions, too.
    for fabric in [Ok(Sessions::new()), silent()] {
        let mut hosts = before.clone();
        remember(&mut hosts, &fabric, &nothing);
        assert_eq!(hosts, before);
    }
    let mut hosts = before;
    remember(&mut hosts, &spines(), &nothing);
    assert_eq!(hosts, BTreeSet::new());
}
