//! Each test breaks one thing in the fabric of the fixture, and looks where the walk ends.

use std::net::IpAddr;

use super::*;
use crate::api::Kind;
use crate::verify::facts::{
    ForwardTo, Negotiation, Origin, RibChoice, RibEntry, RibProtocol, RouteAction, SessionState,
    Standing, Unreadable,
};
use crate::verify::tests::fixture::{
    self, OWN_MAC, REMOTE_MAC, REMOTE_PREFIXES, SVI, VXLAN, ip, net, peer, peer_address, red,
};
use crate::verify::{Finding, verify};

/// What the host announces.
const OWN: &str = "172.16.1.0/24";
/// What the other PE announces.
const REMOTE: &str = REMOTE_PREFIXES[0];

type Break = fn(&mut Facts);

fn walked(target: &str, broken: Break) -> Walk {
    let mut facts = fixture::facts();
    broken(&mut facts);
    walk(&fixture::intent(), &facts, target.parse().unwrap())
}

fn vrf(facts: &mut Facts) -> &mut crate::verify::facts::VrfFacts {
    facts.vrfs.get_mut(&red()).unwrap()
}

/// The only route of a walk.
fn only(walk: &Walk) -> &RouteWalk {
    let [vni] = walk.vnis.as_slice() else {
        panic!("{walk:#?}")
    };
    let [route] = vni.routes.as_slice() else {
        panic!("{walk:#?}")
    };
    route
}

fn told(route: &RouteWalk) -> Vec<String> {
    let hops = route.hops.iter();
    hops.map(|hop| format!("{}: {}", hop.stage, hop.seen))
        .collect()
}

#[test]
fn a_whole_route_in_names_every_hop() {
    let walk = walked(REMOTE, |_| {});
    assert_eq!(walk.verdict(), Verdict::Whole, "{walk:#?}");
    let route = only(&walk);
    assert_eq!(route.direction, Direction::In);
    assert_eq!(
        told(route),
        [
            "EVPN path: RD 10.0.0.2:2, RT 64514:100, router MAC 2e:ad:f5:91:dd:e4, \
             next hop 100.65.0.2, from 10.0.1.1, best",
            "VRF BGP table: next hop 100.65.0.2, from 10.0.1.1, best",
            "zebra RIB: bgp, selected, installed, via 100.65.0.2",
            "kernel route: via 100.65.0.2 dev br-pe-100 onlink metric 20",
            "neighbour: 100.65.0.2 lladdr 2e:ad:f5:91:dd:e4 dev br-pe-100",
            "FDB: 2e:ad:f5:91:dd:e4 dst 100.65.0.2 dev vni100",
        ]
    );
}

#[test]
fn a_whole_route_out_names_every_hop() {
    let walk = walked(OWN, |_| {});
    assert_eq!(walk.verdict(), Verdict::Whole, "{walk:#?}");
    let route = only(&walk);
    assert_eq!(route.direction, Direction::Out);
    assert_eq!(
        told(route),
        [
            "VRF BGP table: next hop 192.169.10.2, from 192.169.10.2, best",
            "Type-5 route: RD 10.0.0.1:2, RT 64514:100, router MAC f2:b3:e2:88:2e:8b, \
             next hop 100.65.0.1",
            "sent: to 10.0.1.1",
        ]
    );
}

#[test]
fn a_vni_is_walked_with_what_it_rests_on() {
    let walk = walked("100", |_| {});
    assert_eq!(walk.verdict(), Verdict::Whole, "{walk:#?}");
    let vni = &walk.vnis[0];
    let hops: Vec<_> = vni.hops.iter().map(|hop| (hop.stage, &*hop.seen)).collect();
    assert_eq!(
        hops,
        [
            (Stage::Links, "br-pe-100 and vni100 up, in VRF red"),
            (
                Stage::ZebraVni,
                "L3, Up, VRF red, SVI br-pe-100, VXLAN vni100"
            ),
            (
                Stage::BgpVni,
                "RD 10.0.0.1:2, import 64514:100, export 64514:100"
            ),
            (Stage::RouterMac, "f2:b3:e2:88:2e:8b"),
        ]
    );
    // As many as a verification counts.
    let findings = verify(&fixture::intent(), &fixture::facts());
    let count = |direction| {
        let routes = vni.routes.iter();
        routes.filter(|route| route.direction == direction).count() as u64
    };
    let of_red = |finding: &&Finding| finding.object.as_ref() == Some(&vni.object);
    let of_red: Vec<Finding> = findings.iter().filter(of_red).cloned().collect();
    let good = |check| fixture::good(&of_red, check);
    assert_eq!(count(Direction::Out), good(Check::HostRouteExported));
    assert_eq!(count(Direction::In), good(Check::RouteValid));
}

fn received(facts: &mut Facts) -> &mut crate::verify::facts::EvpnPath {
    let paths = facts.evpn.as_mut().unwrap().iter_mut();
    let mut of_peer = paths.filter(|path| path.origin == Origin::Peer(peer_address()));
    of_peer.find(|path| path.id.prefix == net(REMOTE)).unwrap()
}

fn exported(facts: &mut Facts) -> &mut crate::verify::facts::EvpnPath {
    let paths = facts.evpn.as_mut().unwrap().iter_mut();
    let mut own = paths.filter(|path| path.origin == Origin::Local);
    own.find(|path| path.id.prefix == net(OWN)).unwrap()
}

fn kernel_route(facts: &mut Facts) -> &mut RouteAction {
    let routes = vrf(facts).table.as_mut().unwrap().iter_mut();
    let mut found = routes.filter(|route| route.destination == net(REMOTE));
    &mut found.next().unwrap().action
}

fn kernel_hop(facts: &mut Facts) -> &mut crate::verify::facts::RouteHop {
    match kernel_route(facts) {
        RouteAction::Forward(hops) => &mut hops[0],
        RouteAction::Drop(_) | RouteAction::Local => panic!("does not forward"),
    }
}

/// What is broken, how, which route then ends where, and a word of what was seen.
const BREAKS: &[(&str, Break, &str, Stage, &str)] = &[
    (
        "next hop not reached",
        |facts| received(facts).standing = Standing::Invalid,
        REMOTE,
        Stage::EvpnPath,
        "no valid path, next hop 100.65.0.2",
    ),
    (
        "not imported",
        |facts| drop(vrf(facts).bgp.as_mut().unwrap().remove(&net(REMOTE))),
        REMOTE,
        Stage::VrfBgp,
        "not in it",
    ),
    (
        "no best path in the VRF",
        |facts| {
            let table = vrf(facts).bgp.as_mut().unwrap();
            for path in table.get_mut(&net(REMOTE)).unwrap() {
                path.standing = Standing::Valid;
            }
        },
        REMOTE,
        Stage::VrfBgp,
        "paths, but none is best",
    ),
    (
        "not in the RIB",
        |facts| drop(vrf(facts).rib.as_mut().unwrap().remove(&net(REMOTE))),
        REMOTE,
        Stage::Rib,
        "not there",
    ),
    (
        "not installed",
        |facts| {
            let rib = vrf(facts).rib.as_mut().unwrap();
            rib.get_mut(&net(REMOTE)).unwrap()[0].choice = RibChoice::Selected;
        },
        REMOTE,
        Stage::Rib,
        "selected, but not installed",
    ),
    (
        "not in the kernel",
        |facts| {
            let table = vrf(facts).table.as_mut().unwrap();
            table.retain(|route| route.destination != net(REMOTE));
        },
        REMOTE,
        Stage::Kernel,
        "not there",
    ),
    (
        "dropped by the kernel",
        |facts| *kernel_route(facts) = RouteAction::Drop("blackhole"),
        REMOTE,
        Stage::Kernel,
        "the kernel drops it (blackhole)",
    ),
    (
        "not onlink",
        |facts| kernel_hop(facts).onlink = false,
        REMOTE,
        Stage::Kernel,
        "not onlink",
    ),
    (
        "by another link",
        |facts| kernel_hop(facts).link = Some(VXLAN),
        REMOTE,
        Stage::Kernel,
        "another link than the SVI",
    ),
    (
        "no neighbour",
        |facts| {
            let entries = facts.neighbours.as_mut().unwrap();
            entries.retain(|entry| entry.link != SVI);
        },
        REMOTE,
        Stage::Neighbour,
        "100.65.0.2: no entry",
    ),
    (
        "another's MAC",
        |facts| facts.neighbours.as_mut().unwrap()[0].mac = Some(OWN_MAC),
        REMOTE,
        Stage::Neighbour,
        "100.65.0.2: f2:b3:e2:88:2e:8b",
    ),
    (
        "no forwarding entry",
        |facts| facts.fdb.as_mut().unwrap().clear(),
        REMOTE,
        Stage::Fdb,
        "2e:ad:f5:91:dd:e4 to 100.65.0.2: no entry",
    ),
    (
        "forwarded to another VTEP",
        |facts| facts.fdb.as_mut().unwrap()[0].to = ForwardTo::Vtep(ip("100.65.0.9")),
        REMOTE,
        Stage::Fdb,
        "to 100.65.0.9",
    ),
    (
        "not exported",
        |facts| {
            let paths = facts.evpn.as_mut().unwrap();
            paths.retain(|path| path.id.prefix != net(OWN) || path.origin != Origin::Local);
        },
        OWN,
        Stage::Exported,
        "no Type-5 route",
    ),
    (
        "exported with another's MAC",
        |facts| exported(facts).router_mac = Some(REMOTE_MAC),
        OWN,
        Stage::Exported,
        "router MAC 2e:ad:f5:91:dd:e4",
    ),
    (
        "exported with another VTEP",
        |facts| exported(facts).next_hop = ip("100.65.0.9"),
        OWN,
        Stage::Exported,
        "next hop 100.65.0.9",
    ),
    (
        "not sent",
        |facts| {
            let sent = facts.advertised.get_mut(&peer()).unwrap().as_mut().unwrap();
            sent.retain(|id| id.prefix != net(OWN));
        },
        OWN,
        Stage::Advertised,
        "not sent to 10.0.1.1",
    ),
    (
        "the host's own address is not announced",
        |facts| {
            let own = net("192.169.10.2/32");
            vrf(facts).bgp.as_mut().unwrap().remove(&own);
            let paths = facts.evpn.as_mut().unwrap();
            paths.retain(|path| path.id.prefix != own);
        },
        "192.169.10.2/32",
        Stage::VrfBgp,
        "none",
    ),
];

#[test]
fn a_broken_route_ends_at_its_broken_hop() {
    for (case, broken, target, stage, seen) in BREAKS {
        let walk = walked(target, *broken);
        assert_eq!(walk.verdict(), Verdict::Broken, "{case}: {walk:#?}");
        let route = only(&walk);
        let last = route.hops.last().unwrap();
        assert_eq!(last.stage, *stage, "{case}: {route:#?}");
        assert!(last.seen.contains(seen), "{case}: {}", last.seen);
        let State::Broken { expected, hint } = &last.state else {
            panic!("{case}: {last:?}")
        };
        assert!(!expected.is_empty() && !hint.is_empty(), "{case}");
        let before = &route.hops[..route.hops.len() - 1];
        assert!(before.iter().all(Hop::is_whole), "{case}: {route:#?}");
        assert!(before.iter().all(|hop| hop.stage <= *stage), "{case}");
    }
}

/// A walk and a verification never differ on what is broken.
#[test]
fn a_walk_says_what_a_verification_says() {
    for (case, broken, _, _, _) in BREAKS {
        let mut facts = fixture::facts();
        broken(&mut facts);
        let found = verify(&fixture::intent(), &facts);
        let of_red = found.iter().filter(|finding| {
            finding
                .object
                .as_ref()
                .is_some_and(|key| key.kind == Kind::L3Vni)
        });
        let found: Vec<Finding> = of_red.cloned().collect();
        let mut found: Vec<Check> = fixture::bad(&found)
            .iter()
            .map(|(check, _)| *check)
            .collect();
        let walk = walked("100", *broken);
        let routes = walk.vnis.iter().flat_map(|vni| &vni.routes);
        let hops = routes.flat_map(|route| &route.hops);
        let broken_hops = hops.filter(|hop| matches!(hop.state, State::Broken { .. }));
        let mut seen: Vec<Check> = broken_hops.map(|hop| hop.check).collect();
        // Of entries that several routes share, a verification speaks once.
        seen.sort_unstable();
        seen.dedup();
        found.sort_unstable();
        found.dedup();
        assert_eq!(seen, found, "{case}");
    }
}

#[test]
fn an_address_is_followed_by_its_longest_match() {
    let more = |facts: &mut Facts| {
        // A default route beside the longer one.
        let mut path = received(facts).clone();
        path.id.prefix = net("0.0.0.0/0");
        facts.evpn.as_mut().unwrap().push(path);
    };
    assert_eq!(only(&walked("172.16.2.7", more)).prefix, net(REMOTE));
    assert_eq!(only(&walked("8.8.8.8", more)).prefix, net("0.0.0.0/0"));
    assert_eq!(walked("172.16.2.7/32", more).verdict(), Verdict::NoRoute);
    assert_eq!(walked("8.8.8.8", |_| {}).verdict(), Verdict::NoRoute);
}

#[test]
fn an_address_that_another_protocol_reaches_is_said_to_be() {
    let connected = |facts: &mut Facts| {
        let entry = RibEntry {
            protocol: RibProtocol::Other("connected".into()),
            choice: RibChoice::Installed,
            next_hops: Vec::new(),
        };
        let rib = vrf(facts).rib.as_mut().unwrap();
        rib.insert(net("172.16.2.0/25"), vec![entry]);
    };
    let walk = walked("172.16.2.7", connected);
    assert_eq!(walk.verdict(), Verdict::NoRoute);
    assert_eq!(
        walk.notes[0],
        "VRF red reaches 172.16.2.7 by 172.16.2.0/25, connected: BGP is not asked"
    );
    assert_eq!(walked(REMOTE, connected).verdict(), Verdict::Whole);
}

#[test]
fn a_route_that_another_protocol_replaces_is_whole() {
    let walk = walked(REMOTE, |facts| {
        let rib = vrf(facts).rib.as_mut().unwrap();
        let entries = rib.get_mut(&net(REMOTE)).unwrap();
        entries[0].choice = RibChoice::NotSelected;
        entries.push(RibEntry {
            protocol: RibProtocol::Other("static".into()),
            choice: RibChoice::Installed,
            next_hops: Vec::new(),
        });
    });
    assert_eq!(walk.verdict(), Verdict::Whole);
    let last = only(&walk).hops.last().unwrap();
    assert_eq!(last.stage, Stage::Rib);
    assert!(
        last.seen.contains("a static route is preferred"),
        "{last:?}"
    );
}

#[test]
fn what_is_not_for_this_node_is_told() {
    let walk = walked(REMOTE, |facts| {
        vrf(facts).bgp.as_mut().unwrap().remove(&net(REMOTE));
        received(facts).targets = vec!["64514:999".parse().unwrap()];
    });
    assert_eq!(walk.verdict(), Verdict::NoRoute);
    assert_eq!(
        walk.notes,
        [
            "EVPN has 172.16.2.0/24 (RD 10.0.0.2:2), from 10.0.1.1, but it is for no VNI of this \
             node: RT 64514:999"
        ]
    );
    let walk = walked("101", |_| {});
    assert_eq!(walk.verdict(), Verdict::NoRoute);
    assert_eq!(walk.notes, ["no L3VNI or L2VNI of this node has VNI 101"]);
}

fn session_down(facts: &mut Facts) {
    let sessions = facts.fabric_sessions.as_mut().unwrap();
    let session = sessions.get_mut(&peer()).unwrap();
    session.state = SessionState::Down {
        state: "Active".to_owned(),
    };
    for family in session.families.values_mut() {
        family.negotiation = Negotiation::Missing;
    }
    let paths = facts.evpn.as_mut().unwrap();
    paths.retain(|path| path.origin == Origin::Local);
}

#[test]
fn without_a_session_a_vni_waits_for_one() {
    let walk = walked("100", session_down);
    assert_eq!(walk.verdict(), Verdict::Broken);
    let waiting = "underlay-session with EVPN";
    let waits =
        |hop: &Hop| matches!(&hop.state, State::Unknown { waiting_for } if waiting_for == waiting);
    assert!(walk.vnis[0].hops.iter().any(waits), "{walk:#?}");
    let walk = walked(REMOTE, |facts| {
        session_down(facts);
        vrf(facts).bgp.as_mut().unwrap().remove(&net(REMOTE));
    });
    assert_eq!(walk.verdict(), Verdict::NoRoute);
    assert_eq!(
        walk.notes,
        [format!("nothing comes in: waiting for {waiting}")]
    );
}

#[test]
fn what_cannot_be_read_ends_the_way_without_being_called_broken() {
    let cases: [(Break, Stage, &str); 3] = [
        (
            |facts| vrf(facts).rib = Err(Unreadable::new("silent")),
            Stage::Rib,
            "facts-readable: show ip|ipv6 route vrf red json",
        ),
        (
            |facts| vrf(facts).table = Err(Unreadable::new("silent")),
            Stage::Kernel,
            "facts-readable: kernel routes of VRF red",
        ),
        (
            |facts| facts.fdb = Err(Unreadable::new("silent")),
            Stage::Fdb,
            "facts-readable: kernel forwarding entries",
        ),
    ];
    for (unread, stage, source) in cases {
        let walk = walked(REMOTE, unread);
        assert_eq!(walk.verdict(), Verdict::Broken);
        let last = only(&walk).hops.last().unwrap();
        let waiting_for = source.to_owned();
        assert_eq!(
            (last.stage, &last.state),
            (stage, &State::Unknown { waiting_for })
        );
    }
}

#[test]
fn a_broken_vni_is_told_in_place_of_its_routes() {
    let walk = walked(REMOTE, |facts| {
        let kernel = facts.kernel.as_mut().unwrap();
        kernel.router.get_mut(&fixture::name("vni100")).unwrap().up = false;
    });
    assert_eq!(walk.verdict(), Verdict::Broken);
    let vni = &walk.vnis[0];
    assert!(vni.routes.is_empty());
    let first = &vni.hops[0];
    assert_eq!(first.stage, Stage::Links);
    assert!(first.seen.starts_with("vni100 (router): "), "{first:?}");
    assert!(matches!(first.state, State::Broken { .. }));
}

#[test]
fn of_many_whole_routes_some_are_counted() {
    let walk = walked("100", |facts| {
        let path = received(facts).clone();
        let bgp = vrf(facts).bgp.as_ref().unwrap()[&net(REMOTE)].clone();
        let rib = vrf(facts).rib.as_ref().unwrap()[&net(REMOTE)].clone();
        let routes = vrf(facts).table.as_ref().unwrap().iter();
        let kernel = routes
            .clone()
            .find(|route| route.destination == net(REMOTE));
        let kernel = kernel.unwrap().clone();
        for number in 0..=255_u8 {
            let prefix = IpNet::new(IpAddr::from([10, 9, number, 0]), 24).unwrap();
            let mut path = path.clone();
            path.id.prefix = prefix;
            facts.evpn.as_mut().unwrap().push(path);
            let vrf = vrf(facts);
            vrf.bgp.as_mut().unwrap().insert(prefix, bgp.clone());
            vrf.rib.as_mut().unwrap().insert(prefix, rib.clone());
            let mut route = kernel.clone();
            route.destination = prefix;
            // The last is not in the kernel.
            if number < 255 {
                vrf.table.as_mut().unwrap().push(route);
            }
        }
    });
    let vni = &walk.vnis[0];
    let broken: Vec<_> = vni
        .routes
        .iter()
        .filter(|route| !route.is_whole())
        .collect();
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].prefix, net("10.9.255.0/24"));
    assert_eq!(vni.routes.len(), MOST_LISTED + 1);
    assert_eq!((vni.more_whole, vni.more_broken), (255 + 10 - 200, 0));
}

#[test]
fn a_node_without_an_underlay_has_no_routes() {
    let mut intent = fixture::intent();
    intent.underlay = None;
    let walk = walk(&intent, &fixture::facts(), "100".parse().unwrap());
    assert_eq!(walk.verdict(), Verdict::NoRoute);
    assert_eq!(walk.notes, ["this node has no underlay"]);
}

#[test]
fn targets_read_back() {
    for text in [
        "1",
        "16777215",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "2001:db8::/32",
        "10.1.2.3",
        "::1",
    ] {
        let target: Target = text.parse().unwrap();
        assert_eq!(target.to_string(), text);
        let json = serde_json::to_string(&target).unwrap();
        assert_eq!(json, format!("\"{text}\""));
        assert_eq!(serde_json::from_str::<Target>(&json).unwrap(), target);
    }
    let with_host_bits: Target = "172.16.2.7/24".parse().unwrap();
    assert_eq!(with_host_bits, Target::Prefix(net("172.16.2.0/24")));
    for text in ["", "0", "16777216", "red", "10.0.0.0/33", "10.0.0", "100 "] {
        let error = text.parse::<Target>().unwrap_err();
        assert!(error.to_string().contains("neither a VNI"), "{text:?}");
    }
}

#[test]
fn a_walk_reads_back() {
    for (_, broken, target, _, _) in BREAKS {
        let walk = walked(target, *broken);
        let json = serde_json::to_string(&walk).unwrap();
        assert_eq!(serde_json::from_str::<Walk>(&json).unwrap(), walk);
    }
}
