//! The ways to VTEPs, who else has ours, BFD, and packet sizes.

use std::time::Duration;

use super::fixture::{
    OWN_MAC, REMOTE_MAC, bad, evpn, facts, intent, ip, name, net, peer, peer_address, remote_vtep,
    run, waiting,
};
use crate::api::Peer;
use crate::plan::link::{SeenLink, Space};
use crate::verify::facts::{
    BfdState, EvpnPath, Facts, FloodPath, MacPath, Origin, Reach, RouteAction, SessionState,
    Standing,
};
use crate::verify::{Check, verify};

const VTEP: &str = "100.65.0.2";

/// Makes all that the other PE told invalid, as bgpd does without a way to it.
fn invalidate(facts: &mut Facts) {
    for path in facts.evpn.as_mut().unwrap() {
        if path.origin != Origin::Local {
            path.standing = Standing::Invalid;
        }
    }
    let segments = &mut facts.segments;
    let macs = segments.macs.as_mut().unwrap().iter_mut();
    let floods = segments.floods.as_mut().unwrap().iter_mut();
    for came in macs
        .map(|path| &mut path.came)
        .chain(floods.map(|path| &mut path.came))
    {
        if came.origin != Origin::Local {
            came.standing = Standing::Invalid;
        }
    }
    let next_hops = facts.underlay.next_hops.as_mut().unwrap();
    next_hops.insert(remote_vtep(), Reach::Unreachable);
}

fn main_route(facts: &mut Facts) -> &mut RouteAction {
    let table = facts.underlay.table.as_mut().unwrap();
    let mut routes = table.iter_mut();
    let route = routes.find(|to| to.destination == net("100.65.0.2/32"));
    &mut route.unwrap().action
}

#[test]
fn ways_to_a_vtep() {
    run(&[
        (
            "zebra has no route",
            |facts| {
                invalidate(facts);
                let tracked = facts.underlay.tracked.as_mut().unwrap();
                tracked.insert(remote_vtep(), None);
            },
            &[(Check::UnderlayRoute, VTEP)],
        ),
        (
            "the kernel has none",
            |facts| {
                let table = facts.underlay.table.as_mut().unwrap();
                table.retain(|to| to.destination != net("100.65.0.2/32"));
            },
            &[(Check::UnderlayRoute, VTEP)],
        ),
        (
            "the kernel drops it",
            |facts| *main_route(facts) = RouteAction::Drop("blackhole"),
            &[(Check::UnderlayRoute, VTEP)],
        ),
        (
            "the kernel keeps it",
            |facts| *main_route(facts) = RouteAction::Local,
            &[(Check::UnderlayRoute, VTEP)],
        ),
        (
            "only bgpd does not take it",
            invalidate,
            &[(Check::VtepReachable, VTEP)],
        ),
        (
            "zebra reaches it by a default route",
            |facts| {
                let tracked = facts.underlay.tracked.as_mut().unwrap();
                tracked.insert(remote_vtep(), Some(net("0.0.0.0/0")));
                let table = facts.underlay.table.as_mut().unwrap();
                table[1].destination = net("0.0.0.0/0");
            },
            &[],
        ),
    ]);
}

/// The VTEP is the news, not each route behind it.
#[test]
fn routes_wait_for_their_vtep() {
    let mut facts = facts();
    invalidate(&mut facts);
    let findings = verify(&intent(), &facts);
    let expected = ["vtep-reachable 100.65.0.2"; 2];
    assert_eq!(waiting(&findings, Check::RouteValid), expected);

    let tracked = facts.underlay.tracked.as_mut().unwrap();
    tracked.insert(remote_vtep(), None);
    let findings = verify(&intent(), &facts);
    let expected = ["underlay-route 100.65.0.2"; 2];
    assert_eq!(waiting(&findings, Check::RouteValid), expected);
    let expected = ["underlay-route 100.65.0.2"];
    assert_eq!(waiting(&findings, Check::VtepReachable), expected);
}

#[test]
fn a_next_hop_that_bgpd_has_not_looked_for_yet_is_no_fault() {
    let mut facts = facts();
    facts
        .underlay
        .next_hops
        .as_mut()
        .unwrap()
        .remove(&remote_vtep());
    facts
        .underlay
        .tracked
        .as_mut()
        .unwrap()
        .remove(&remote_vtep());
    let findings = verify(&intent(), &facts);
    assert_eq!(bad(&findings), []);
    let expected = ["bgpd to look for the next hop 100.65.0.2"];
    assert_eq!(waiting(&findings, Check::VtepReachable), expected);
}

/// A route of the fabric that names our own VTEP.
fn with_our_vtep(facts: &mut Facts) -> &mut EvpnPath {
    let mut path = evpn(facts, "172.16.2.0/24", Origin::Peer(peer_address())).clone();
    path.next_hop = ip("100.65.0.1");
    let paths = facts.evpn.as_mut().unwrap();
    paths.push(path);
    paths.last_mut().unwrap()
}

#[test]
fn another_router_with_our_vtep() {
    const OURS: &str = "100.65.0.1";
    run(&[
        (
            "by its router MAC",
            |facts| {
                with_our_vtep(facts).id.prefix = net("172.16.3.0/24");
            },
            &[(Check::DuplicateVtep, OURS)],
        ),
        (
            "the same node index, so the same distinguisher",
            |facts| {
                let twin = with_our_vtep(facts);
                twin.id.rd = "10.0.0.1:2".into();
                twin.router_mac = Some(REMOTE_MAC);
            },
            &[(Check::DuplicateVtep, OURS)],
        ),
        (
            "our own, told back, of a VRF that has just gone",
            |facts| {
                let own = with_our_vtep(facts);
                own.id.rd = "10.0.0.1:9".into();
                own.router_mac = Some(OWN_MAC);
            },
            &[],
        ),
        (
            "by a host of a segment",
            |facts| {
                let paths = facts.segments.macs.as_mut().unwrap();
                let told = |path: &&MacPath| matches!(path.came.origin, Origin::Peer(_));
                let mut path = paths.iter().find(told).unwrap().clone();
                path.came.next_hop = ip(OURS);
                path.rd = "10.0.0.7:3".into();
                paths.push(path);
            },
            &[(Check::DuplicateVtep, OURS)],
        ),
        (
            "by taking part in a segment",
            |facts| {
                let paths = facts.segments.floods.as_mut().unwrap();
                let told = |path: &&FloodPath| matches!(path.came.origin, Origin::Peer(_));
                let mut path = paths.iter().find(told).unwrap().clone();
                path.originator = ip(OURS);
                path.came.next_hop = ip(OURS);
                path.rd = "10.0.0.7:3".into();
                paths.push(path);
            },
            &[(Check::DuplicateVtep, OURS)],
        ),
        (
            "our own part in a segment, told back, of one that has just gone",
            |facts| {
                let paths = facts.segments.floods.as_mut().unwrap();
                let own = |path: &&FloodPath| path.came.origin == Origin::Local;
                let mut path = paths.iter().find(own).unwrap().clone();
                path.came.origin = Origin::Peer(peer_address());
                path.rd = "10.0.0.1:9".into();
                paths.push(path);
            },
            &[],
        ),
    ]);
}

fn bfd(facts: &mut Facts) -> &mut BfdState {
    &mut facts.underlay.bfd.as_mut().unwrap()[0].state
}

fn up_for(facts: &mut Facts, seconds: u64) {
    let sessions = facts.fabric_sessions.as_mut().unwrap();
    sessions.get_mut(&peer()).unwrap().state = SessionState::Established {
        uptime: Duration::from_secs(seconds),
    };
}

#[test]
fn bfd_sessions() {
    run(&[
        (
            "down",
            |facts| *bfd(facts) = BfdState::Down("down".to_owned()),
            &[(Check::BfdSession, "10.0.1.1")],
        ),
        (
            "shut down",
            |facts| *bfd(facts) = BfdState::Down("shutdown".to_owned()),
            &[(Check::BfdSession, "10.0.1.1")],
        ),
        (
            "none",
            |facts| facts.underlay.bfd.as_mut().unwrap().clear(),
            &[(Check::BfdSession, "10.0.1.1")],
        ),
        ("coming up", |facts| *bfd(facts) = BfdState::Init, &[]),
        (
            "down, but BGP has only just come up",
            |facts| {
                up_for(facts, 5);
                *bfd(facts) = BfdState::Down("down".to_owned());
            },
            &[],
        ),
        (
            "down with BGP, which is the news",
            |facts| {
                let sessions = facts.fabric_sessions.as_mut().unwrap();
                sessions.get_mut(&peer()).unwrap().state = SessionState::Down {
                    state: "Active".to_owned(),
                };
                *bfd(facts) = BfdState::Down("down".to_owned());
            },
            &[(Check::UnderlaySession, "10.0.1.1")],
        ),
        (
            "ended by the neighbour, and BGP waits for it",
            |facts| ended_by_the_neighbour(facts, "Idle"),
            &[(Check::BfdSession, "10.0.1.1")],
        ),
        (
            "ended by the neighbour, and BGP is at it by itself",
            |facts| ended_by_the_neighbour(facts, "Active"),
            &[(Check::UnderlaySession, "10.0.1.1")],
        ),
        (
            "ended by its operator's word",
            |facts| {
                ended_by_the_neighbour(facts, "Idle");
                let bfd = &mut facts.underlay.bfd.as_mut().unwrap()[0];
                "ok".clone_into(&mut bfd.diagnostic);
                "administratively down".clone_into(&mut bfd.remote_diagnostic);
            },
            &[(Check::BfdSession, "10.0.1.1")],
        ),
        (
            "nothing is heard any more",
            |facts| {
                ended_by_the_neighbour(facts, "Idle");
                let bfd = &mut facts.underlay.bfd.as_mut().unwrap()[0];
                "control detection time expired".clone_into(&mut bfd.diagnostic);
            },
            &[(Check::UnderlaySession, "10.0.1.1")],
        ),
        (
            "back, and BGP is not yet",
            |facts| {
                ended_by_the_neighbour(facts, "Idle");
                *bfd(facts) = BfdState::Up;
            },
            &[(Check::UnderlaySession, "10.0.1.1")],
        ),
    ]);
}

fn ended_by_the_neighbour(facts: &mut Facts, bgp: &str) {
    let sessions = facts.fabric_sessions.as_mut().unwrap();
    sessions.get_mut(&peer()).unwrap().state = SessionState::Down {
        state: bgp.to_owned(),
    };
    let bfd = &mut facts.underlay.bfd.as_mut().unwrap()[0];
    bfd.state = BfdState::Down("down".to_owned());
    "neighbor signaled session down".clone_into(&mut bfd.diagnostic);
}

#[test]
fn bfd_of_a_neighbour_behind_an_interface() {
    let mut intent = intent();
    let mut facts = facts();
    let behind = Peer::Interface(name("eth0"));
    intent.underlay.as_mut().unwrap().spec.neighbors[0].peer = behind.clone();
    let sessions = facts.fabric_sessions.as_mut().unwrap();
    let session = sessions.remove(&peer()).unwrap();
    sessions.insert(behind.clone(), session);
    let sent = facts.advertised.remove(&peer()).unwrap();
    facts.advertised.insert(behind.clone(), sent);
    let of_segments = &mut facts.segments.advertised;
    let sent = of_segments.remove(&peer()).unwrap();
    of_segments.insert(behind, sent);
    assert_eq!(bad(&verify(&intent, &facts)), []);
    facts.underlay.bfd.as_mut().unwrap()[0].link = Some(name("eth1"));
    let expected = [(Check::BfdSession, "eth0".to_owned())];
    assert_eq!(bad(&verify(&intent, &facts)), expected);
}

#[test]
fn without_bfd_nobody_asks_for_it() {
    let mut intent = intent();
    intent.underlay.as_mut().unwrap().spec.neighbors[0].bfd = None;
    let findings = verify(&intent, &facts());
    let named = findings
        .iter()
        .filter(|found| found.check == Check::BfdSession);
    assert_eq!(named.count(), 0);
}

fn link<'a>(facts: &'a mut Facts, space: Space, link: &str) -> &'a mut SeenLink {
    let kernel = facts.kernel.as_mut().unwrap();
    let links = match space {
        Space::Router => &mut kernel.router,
        Space::Host => &mut kernel.host,
    };
    links.get_mut(&name(link)).unwrap()
}

#[test]
fn packet_sizes() {
    run(&[
        (
            "an end that takes more than the tunnel",
            |facts| link(facts, Space::Host, "host-e-100").mtu = 1500,
            &[(Check::MtuPath, "host-e-100 (host)")],
        ),
        (
            "an end that takes less than it could",
            |facts| link(facts, Space::Router, "pe-e-110").mtu = 1400,
            &[(Check::MtuPath, "pe-e-110 (router)")],
        ),
        (
            "jumbo frames all the way",
            |facts| {
                link(facts, Space::Router, "eth0").mtu = 9000;
                for (space, name) in [
                    (Space::Router, "pe-e-100"),
                    (Space::Host, "host-e-100"),
                    (Space::Router, "pe-e-110"),
                    (Space::Host, "host-e-110"),
                ] {
                    link(facts, space, name).mtu = 8950;
                }
            },
            &[],
        ),
        (
            "a NIC that is too small for any tunnel",
            |facts| link(facts, Space::Router, "eth0").mtu = 1300,
            &[
                (Check::MtuPath, "pe-e-100 (router)"),
                (Check::MtuPath, "host-e-100 (host)"),
                (Check::MtuPath, "pe-e-110 (router)"),
                (Check::MtuPath, "host-e-110 (host)"),
            ],
        ),
        (
            "an end that is missing is the news",
            |facts| {
                let kernel = facts.kernel.as_mut().unwrap();
                kernel.host.remove(&name("host-e-110"));
            },
            &[
                (Check::LinksPresent, "pe-e-110 (router)"),
                (Check::LinksPresent, "host-e-110 (host)"),
            ],
        ),
    ]);
}

/// A zebra that was started again is not asked for next hops by a bgpd that goes on.
#[test]
fn a_vtep_that_zebra_was_not_asked_for_needs_a_way_in_the_kernel() {
    let mut facts = facts();
    facts.underlay.tracked = Ok(std::collections::HashMap::new());
    assert_eq!(bad(&verify(&intent(), &facts)), []);
    let main = facts.underlay.table.as_mut().unwrap();
    main.retain(|to| to.destination != net("100.65.0.2/32"));
    let expected = [(Check::UnderlayRoute, "100.65.0.2".to_owned())];
    assert_eq!(bad(&verify(&intent(), &facts)), expected);
}
