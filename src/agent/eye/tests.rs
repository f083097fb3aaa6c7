//! What still counts of what was seen, and what a plan may rest on.

use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::api::Kind;
use crate::intent::samples::key;
use crate::netlink::Change;
use crate::plan::link::{NicConfig, NicRoute, Space};
use crate::plan::{Leftover, Planned, Presence, Role, Unit};

fn nics(names: &[&str]) -> Vec<InterfaceName> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

fn sight() -> Sight {
    let mut sight = Sight::default();
    sight.saw(nics(&["eth1"]), Arc::default());
    sight
}

fn harmless() -> [KernelEvent; 3] {
    let space = Space::Router;
    [
        KernelEvent::Link {
            space,
            index: 7,
            name: None,
            change: Change::Gone,
        },
        KernelEvent::Address {
            space,
            index: 7,
            name: None,
            change: Change::Appeared,
        },
        KernelEvent::Overrun { space },
    ]
}

fn lost() -> KernelEvent {
    KernelEvent::Lost {
        space: Space::Router,
    }
}

#[test]
fn what_was_read_counts_for_the_same_nics() {
    let sight = sight();
    assert!(sight.known(&nics(&["eth1"])).is_some());
    assert!(sight.known(&nics(&["eth2"])).is_none());
    assert!(sight.known(&nics(&["eth1", "eth2"])).is_none());
    assert!(sight.known(&[]).is_none());
    assert!(Sight::default().known(&[]).is_none());
}

#[test]
fn whatever_is_told_ends_that_and_more_may_follow() {
    for event in harmless() {
        let mut sight = sight();
        let words = format!("{event:?}");
        assert_eq!(
            sight.overhear(Heard::Event(event)),
            Listening::Goes,
            "{words}"
        );
        assert!(sight.known(&nics(&["eth1"])).is_none(), "{words}");
        assert!(sight.lost.is_none(), "{words}");
    }
}

#[test]
fn that_nothing_more_is_told_is_kept_for_whoever_waits() {
    let mut sight = sight();
    assert_eq!(sight.overhear(Heard::Event(lost())), Listening::Ends);
    assert!(sight.known(&nics(&["eth1"])).is_none());
    assert!(matches!(sight.lost, Some(KernelEvent::Lost { .. })));
}

#[test]
fn what_was_read_counts_as_long_as_nothing_is_told() {
    let mut sight = sight();
    assert_eq!(sight.overhear(Heard::Nothing), Listening::Ends);
    assert!(sight.known(&nics(&["eth1"])).is_some());
}

#[test]
fn a_watch_that_has_ended_is_not_listened_to() {
    let mut sight = sight();
    assert_eq!(sight.overhear(Heard::NoMore), Listening::Ends);
    assert!(sight.known(&nics(&["eth1"])).is_none());
    assert!(sight.lost.is_none());
}

#[test]
fn what_is_read_afterwards_counts_again() {
    let mut sight = sight();
    for event in harmless() {
        sight.overhear(Heard::Event(event));
    }
    sight.saw(nics(&["eth2"]), Arc::default());
    assert!(sight.known(&nics(&["eth2"])).is_some());
}

fn moved() -> Step {
    Step::Kernel(KernelStep::MoveNic {
        name: "eth1".parse().unwrap(),
        to: Space::Router,
        config: NicConfig::default(),
    })
}

fn routed() -> Step {
    Step::Kernel(KernelStep::AddRoute {
        space: Space::Router,
        name: "eth1".parse().unwrap(),
        route: NicRoute {
            destination: "0.0.0.0/0".parse().unwrap(),
            gateway: Some(IpAddr::V4(Ipv4Addr::new(10, 0, 1, 1))),
            source: None,
            metric: 0,
            protocol: 3,
            scope: 0,
            onlink: false,
        },
    })
}

fn unit(steps: Vec<Step>) -> Unit {
    let planned = |step| Planned { step, undo: None };
    Unit {
        key: key(Kind::Underlay, "underlay"),
        role: Role::Underlay,
        steps: Ok(steps.into_iter().map(planned).collect()),
    }
}

#[test]
fn what_moves_a_nic_or_adds_its_routes_has_to_be_read_first() {
    for step in [moved(), routed()] {
        let plan = Plan {
            units: vec![unit(vec![Step::AllowAll(Presence::Absent), step.clone()])],
            ..Plan::default()
        };
        assert!(needs_reading(&plan), "{step}");
        let swept = Planned { step, undo: None };
        let plan = Plan {
            sweep: vec![Leftover { steps: vec![swept] }],
            ..Plan::default()
        };
        assert!(needs_reading(&plan));
    }
}

#[test]
fn all_else_may_rest_on_what_was_read() {
    let plan = Plan {
        units: vec![unit(vec![
            Step::AllowAll(Presence::Absent),
            Step::PrefixLists(Vec::new()),
        ])],
        closing: vec![Step::BfdProfiles(Vec::new())],
        ..Plan::default()
    };
    assert!(!needs_reading(&plan));
    assert!(!needs_reading(&Plan::default()));
}
