//! What cannot be told is neither good nor bad.

use std::time::Duration;

use super::fixture::{bad, facts, good, intent, peer, red, waiting};
use crate::api::{Family, Peer};
use crate::verify::facts::{EndOfRib, Facts, Origin, SessionState, Unreadable, VniState};
use crate::verify::{Check, Outcome, verify};

const WORDS: &str = "bgpd: connection refused";

fn unread() -> Unreadable {
    Unreadable::new(WORDS)
}

#[test]
fn without_an_underlay_there_is_nothing_to_verify() {
    let intent = crate::intent::NodeIntent::default();
    assert_eq!(verify(&intent, &Facts::default()), []);
}

#[test]
fn an_unreadable_source_is_bad_and_what_needs_it_is_pending() {
    type Case = (&'static str, fn(&mut Facts), &'static [Check]);
    let cases: [Case; 21] = [
        (
            "show bgp neighbors json",
            |facts| facts.fabric_sessions = Err(unread()),
            &[
                Check::UnderlaySession,
                Check::EvpnFamily,
                Check::RouteAdvertised,
            ],
        ),
        (
            "show vrf vni json",
            |facts| facts.zebra_vnis = Err(unread()),
            &[Check::VniUp, Check::RouterMac, Check::RouteInKernel],
        ),
        (
            "show bgp l2vpn evpn vni json",
            |facts| facts.bgp_vnis = Err(unread()),
            &[Check::BgpVni, Check::RouterMac, Check::HostRouteExported],
        ),
        (
            "show bgp l2vpn evpn route type 5 json",
            |facts| facts.evpn = Err(unread()),
            &[Check::HostRouteExported, Check::RouteValid, Check::FdbEntry],
        ),
        (
            "show bgp l2vpn evpn rd RD neighbors 10.0.1.1 advertised-routes json",
            |facts| {
                facts.advertised.insert(peer(), Err(unread()));
            },
            &[Check::RouteAdvertised],
        ),
        (
            "show bgp vrf red neighbors json",
            |facts| facts.vrfs.get_mut(&red()).unwrap().sessions = Err(unread()),
            &[Check::HostSession],
        ),
        (
            "show bgp vrf red ipv4|ipv6 unicast json",
            |facts| facts.vrfs.get_mut(&red()).unwrap().bgp = Err(unread()),
            &[
                Check::HostRouteExported,
                Check::RouteImported,
                Check::RouteInRib,
            ],
        ),
        (
            "show ip|ipv6 route vrf red json",
            |facts| facts.vrfs.get_mut(&red()).unwrap().rib = Err(unread()),
            &[Check::RouteInRib, Check::RouteInKernel, Check::FdbEntry],
        ),
        (
            "kernel routes of VRF red",
            |facts| facts.vrfs.get_mut(&red()).unwrap().table = Err(unread()),
            &[Check::RouteInKernel, Check::NeighbourEntry],
        ),
        (
            "kernel links",
            |facts| facts.kernel = Err(unread()),
            &[Check::LinksPresent, Check::VtepAddress, Check::VniUp],
        ),
        (
            "kernel neighbours",
            |facts| facts.neighbours = Err(unread()),
            &[Check::NeighbourEntry, Check::FdbEntry],
        ),
        (
            "kernel forwarding entries",
            |facts| {
                facts.fdb = Err(unread());
                facts.segments.learned = Err(unread());
            },
            &[
                Check::FdbEntry,
                Check::FloodList,
                Check::RemoteMacInFdb,
                Check::LocalMacAdvertised,
            ],
        ),
        (
            "show bgp nexthop json",
            |facts| facts.underlay.next_hops = Err(unread()),
            &[Check::UnderlayRoute, Check::VtepReachable],
        ),
        (
            "show ip|ipv6 nht json",
            |facts| facts.underlay.tracked = Err(unread()),
            &[Check::UnderlayRoute, Check::VtepReachable],
        ),
        (
            "kernel routes of the main table",
            |facts| facts.underlay.table = Err(unread()),
            &[Check::UnderlayRoute, Check::VtepReachable],
        ),
        (
            "show bfd peers json",
            |facts| facts.underlay.bfd = Err(unread()),
            &[Check::BfdSession],
        ),
        (
            "show evpn vni detail json",
            |facts| facts.segments.zebra = Err(unread()),
            &[Check::VniUp, Check::BgpVni, Check::RemoteMacInFdb],
        ),
        (
            "show evpn mac vni all json",
            |facts| facts.segments.hosts = Err(unread()),
            &[Check::LocalMacAdvertised, Check::DuplicateAddress],
        ),
        (
            "show evpn arp-cache vni all json",
            |facts| facts.segments.duplicate_addresses = Err(unread()),
            &[Check::DuplicateAddress],
        ),
        (
            "show bgp l2vpn evpn route type 2 json",
            |facts| facts.segments.macs = Err(unread()),
            &[
                Check::LocalMacAdvertised,
                Check::RouteValid,
                Check::RemoteMacInFdb,
            ],
        ),
        (
            "show bgp l2vpn evpn route type 3 json",
            |facts| facts.segments.floods = Err(unread()),
            &[Check::RouteValid, Check::FloodList, Check::RemoteMacInFdb],
        ),
    ];
    for (source, make, pending) in cases {
        let mut facts = facts();
        make(&mut facts);
        let findings = verify(&intent(), &facts);
        let expected = vec![(Check::FactsReadable, source.to_owned())];
        assert_eq!(bad(&findings), expected, "{findings:#?}");
        let said = findings.iter().find(|finding| finding.is_bad()).unwrap();
        assert!(said.to_string().contains(WORDS), "{said}");
        for check in pending {
            let waiting = waiting(&findings, *check);
            assert!(
                waiting.iter().any(|for_what| for_what.ends_with(source)),
                "{source}: {check} waits for {waiting:?}"
            );
            // What is good of it is another object's, or another part of the same.
            let undecided = findings.iter().any(|finding| {
                finding.check == *check && matches!(finding.outcome, Outcome::Pending { .. })
            });
            assert!(undecided, "{source}: {check}");
        }
    }
}

#[test]
fn nothing_read_is_nothing_good() {
    let findings = verify(&intent(), &Facts::default());
    for check in Check::ALL {
        assert_eq!(good(&findings, check), 0, "{check}");
        let named = findings.iter().filter(|finding| finding.check == check);
        assert!(named.count() > 0, "{check} is not named");
    }
    assert!(
        bad(&findings)
            .iter()
            .all(|(check, _)| *check == Check::FactsReadable)
    );
}

#[test]
fn what_lies_behind_a_fault_waits_for_it() {
    let mut facts = facts();
    for vni in facts.zebra_vnis.as_mut().unwrap().values_mut() {
        vni.state = VniState::Down("Down".to_owned());
    }
    let findings = verify(&intent(), &facts);
    for check in [
        Check::BgpVni,
        Check::HostRouteExported,
        Check::RouteInKernel,
    ] {
        assert!(
            waiting(&findings, check).contains(&"vni-up".to_owned()),
            "{check}"
        );
    }
}

#[test]
fn every_check_is_named_whatever_is_broken() {
    let breaks: [fn(&mut Facts); 4] = [
        |facts| facts.kernel.as_mut().unwrap().router.clear(),
        |facts| facts.zebra_vnis.as_mut().unwrap().clear(),
        |facts| facts.bgp_vnis.as_mut().unwrap().clear(),
        |facts| facts.fabric_sessions.as_mut().unwrap().clear(),
    ];
    for make in breaks {
        let mut facts = facts();
        make(&mut facts);
        let findings = verify(&intent(), &facts);
        for check in Check::ALL {
            let mut named = findings.iter().filter(|finding| finding.check == check);
            assert!(
                named.next().is_some(),
                "{check} is missing in {findings:#?}"
            );
        }
    }
}

#[test]
fn one_neighbour_down_leaves_the_vni_to_the_other() {
    let mut intent = intent();
    let mut facts = facts();
    let second = Peer::Address("10.0.9.1".parse().unwrap());
    let underlay = intent.underlay.as_mut().unwrap();
    let mut neighbor = underlay.spec.neighbors[0].clone();
    neighbor.peer = second.clone();
    underlay.spec.neighbors.push(neighbor);
    let sessions = facts.fabric_sessions.as_mut().unwrap();
    let mut session = sessions[&peer()].clone();
    session.state = SessionState::Down {
        state: "Idle".to_owned(),
    };
    sessions.insert(second, session);
    let findings = verify(&intent, &facts);
    let expected = vec![(Check::UnderlaySession, "10.0.9.1".to_owned())];
    assert_eq!(bad(&findings), expected);
    assert!(waiting(&findings, Check::RouteAdvertised).is_empty());
}

/// What looks at routes that others tell.
const FROM_OTHERS: [Check; 7] = [
    Check::RouteFiltered,
    Check::RouteValid,
    Check::RouteInKernel,
    Check::UnderlayRoute,
    Check::VtepReachable,
    Check::FloodList,
    Check::RemoteMacInFdb,
];

/// Forgets what others have told of EVPN.
fn without_received(facts: &mut Facts) {
    let paths = facts.evpn.as_mut().unwrap();
    paths.retain(|path| path.origin == Origin::Local);
    let macs = facts.segments.macs.as_mut().unwrap();
    macs.retain(|path| path.came.origin == Origin::Local);
    let floods = facts.segments.floods.as_mut().unwrap();
    floods.retain(|path| path.came.origin == Origin::Local);
}

/// Between the session and its first routes there is a moment in which none is missing yet.
#[test]
fn routes_are_waited_for_until_a_neighbour_has_told_all_or_has_had_the_time() {
    let findings = |end_of_rib, uptime| {
        let mut facts = facts();
        without_received(&mut facts);
        for session in facts.fabric_sessions.as_mut().unwrap().values_mut() {
            session.state = SessionState::Established {
                uptime: Duration::from_secs(uptime),
            };
            if let Some(evpn) = session.families.get_mut(&Family::Evpn) {
                evpn.end_of_rib = end_of_rib;
            }
        }
        verify(&intent(), &facts)
    };
    let early = findings(EndOfRib::Awaited, 1);
    let waited_for = format!("the routes of {}", peer());
    for check in FROM_OTHERS {
        let waiting = waiting(&early, check);
        assert!(!waiting.is_empty(), "{check}");
        assert!(
            waiting.iter().all(|what| *what == waited_for),
            "{check}: {waiting:?}"
        );
    }
    for told in [
        findings(EndOfRib::Received, 1),
        findings(EndOfRib::Awaited, 10),
    ] {
        for check in FROM_OTHERS {
            assert!(waiting(&told, check).is_empty(), "{check}");
        }
    }
}

#[test]
fn with_no_neighbour_up_routes_out_wait() {
    let mut facts = facts();
    for session in facts.fabric_sessions.as_mut().unwrap().values_mut() {
        session.state = SessionState::Down {
            state: "Idle".to_owned(),
        };
    }
    facts.advertised.clear();
    without_received(&mut facts);
    let findings = verify(&intent(), &facts);
    for check in FROM_OTHERS.into_iter().chain([Check::RouteAdvertised]) {
        let waiting = waiting(&findings, check);
        assert!(!waiting.is_empty(), "{check}");
        assert!(
            waiting
                .iter()
                .all(|what| what == "underlay-session with EVPN"),
            "{check}: {waiting:?}"
        );
    }
}
