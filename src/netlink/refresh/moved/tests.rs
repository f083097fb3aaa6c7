use super::*;

const BRIDGE: &str = "br-pe-110";
const MAC: Mac = Mac([2, 0, 0, 0, 0, 1]);

fn bridges() -> BTreeSet<InterfaceName> {
    BTreeSet::from([BRIDGE.parse().expect("a name")])
}

/// A workload's entry as EVPN tells it.
fn told(ip: &str) -> SeenNeighbour {
    SeenNeighbour {
        ip: ip.parse().expect("an address"),
        mac: Some(MAC),
        index: 7,
        link: Some(BRIDGE.parse().expect("a name")),
        state: NeighbourState::NOARP,
        origin: Origin::ExternLearn,
    }
}

/// The same when it is taken away.
fn withdrawn(ip: &str) -> SeenNeighbour {
    SeenNeighbour {
        mac: None,
        state: NeighbourState::FAILED,
        origin: Origin::Local,
        ..told(ip)
    }
}

/// The same when the kernel has asked for it.
fn known(ip: &str) -> SeenNeighbour {
    SeenNeighbour {
        state: NeighbourState::REACHABLE,
        origin: Origin::Local,
        ..told(ip)
    }
}

/// The MAC behind a port of the bridge, which has heard it there.
fn learned() -> SeenFdb {
    SeenFdb {
        mac: MAC,
        index: 8,
        dst: None,
        place: FdbPlace::Master,
        vlan: None,
        origin: Origin::Local,
        state: NeighbourState::REACHABLE,
    }
}

fn after(events: &[SeenNeighbour]) -> Moves {
    let mut moves = Moves::default();
    for event in events {
        moves.heard(event, &bridges(), Instant::now());
    }
    moves
}

fn arrived(moves: &mut Moves) -> Vec<String> {
    let arrived = moves.arrived(&[learned()]);
    arrived.iter().map(|place| place.ip.to_string()).collect()
}

#[test]
fn what_was_evpns_and_is_behind_a_port_now_is_asked_for_once() {
    for ip in ["10.20.0.11", "fd00:20::11"] {
        let mut moves = after(&[told(ip)]);
        assert!(moves.heard(&withdrawn(ip), &bridges(), Instant::now()));
        assert!(moves.awaits());
        assert_eq!(arrived(&mut moves), [ip]);
        assert!(!moves.awaits());
    }
}

#[test]
fn a_mac_that_is_not_behind_a_port_of_ours_is_awaited() {
    let elsewhere = [
        SeenFdb {
            origin: Origin::ExternLearn,
            ..learned()
        },
        SeenFdb {
            place: FdbPlace::Own,
            ..learned()
        },
        SeenFdb {
            state: NeighbourState::PERMANENT,
            ..learned()
        },
        SeenFdb {
            mac: Mac([2, 0, 0, 0, 0, 2]),
            ..learned()
        },
    ];
    let mut moves = after(&[told("10.20.0.11"), withdrawn("10.20.0.11")]);
    assert_eq!(moves.arrived(&elsewhere), []);
    assert!(moves.awaits());
}

#[test]
fn what_evpn_did_not_tell_is_nobodys_move() {
    let ip = "10.20.0.11";
    let other_link = |entry| SeenNeighbour {
        link: Some("eth1".parse().expect("a name")),
        ..entry
    };
    for events in [
        vec![withdrawn(ip)],
        vec![known(ip), withdrawn(ip)],
        vec![told(ip), known(ip), withdrawn(ip)],
        vec![other_link(told(ip)), other_link(withdrawn(ip))],
        vec![told("fe80::11"), withdrawn("fe80::11")],
    ] {
        assert!(!after(&events).awaits(), "{events:?}");
    }
}

#[test]
fn an_address_that_is_known_again_is_not_asked_for() {
    for again in [told("10.20.0.11"), known("10.20.0.11")] {
        let mut moves = after(&[told("10.20.0.11"), withdrawn("10.20.0.11"), again]);
        assert_eq!(arrived(&mut moves), Vec::<String>::new());
    }
}

#[test]
fn a_withdrawal_that_was_not_heard_is_seen_in_the_table() {
    let mut moves = after(&[told("10.20.0.11")]);
    moves.read(&[told("10.20.0.11")], &bridges(), Instant::now());
    assert!(!moves.awaits());
    moves.read(&[], &bridges(), Instant::now());
    assert_eq!(arrived(&mut moves), ["10.20.0.11"]);
}

#[test]
fn what_the_table_shows_to_be_evpns_is_known_without_an_event() {
    let mut moves = Moves::default();
    moves.read(&[told("10.20.0.11")], &bridges(), Instant::now());
    assert!(moves.heard(&withdrawn("10.20.0.11"), &bridges(), Instant::now()));
}

#[test]
fn patience_ends() {
    let (mut moves, start) = (after(&[told("10.20.0.11")]), Instant::now());
    moves.heard(&withdrawn("10.20.0.11"), &bridges(), start);
    moves.read(&[], &bridges(), start + PATIENCE / 2);
    assert!(moves.awaits());
    moves.read(&[], &bridges(), start + PATIENCE);
    assert!(!moves.awaits());
}

#[test]
fn many_that_arrive_at_once_have_their_turns() {
    let all: Vec<String> = (0..2 * MOST)
        .map(|at| format!("10.20.{}.{}", at / 250, at % 250))
        .collect();
    let events: Vec<_> = all
        .iter()
        .flat_map(|ip| [told(ip), withdrawn(ip)])
        .collect();
    let mut moves = after(&events);
    assert_eq!(arrived(&mut moves).len(), MOST);
    assert!(moves.awaits());
    assert_eq!(arrived(&mut moves).len(), MOST);
    assert!(!moves.awaits());
}
