//! What the host announced, and the networks of links: each hop is broken by itself.

use std::time::Duration;

use super::fixture::{VETH, bad, facts, intent, ip, name, net, red, run, waiting};
use crate::api::{Family, Peer};
use crate::verify::facts::{
    EndOfRib, Facts, FamilyState, KernelRoute, Negotiation, RibChoice, RibEntry, RibProtocol,
    RouteAction, RouteHop, SessionState, Standing, VrfFacts,
};
use crate::verify::untold::vrfs_that_lack;
use crate::verify::{Check, verify};

const ROUTE: &str = "172.16.1.0/24";
const ROUTE6: &str = "2001:db8:16:1::/64";
const NETWORK: &str = "192.169.10.0/24";

fn vrf(facts: &mut Facts) -> &mut VrfFacts {
    facts.vrfs.get_mut(&red()).unwrap()
}

fn rib<'a>(facts: &'a mut Facts, prefix: &str) -> &'a mut Vec<RibEntry> {
    let rib = vrf(facts).rib.as_mut().unwrap();
    rib.get_mut(&net(prefix)).unwrap()
}

fn kernel<'a>(facts: &'a mut Facts, prefix: &str) -> &'a mut KernelRoute {
    let table = vrf(facts).table.as_mut().unwrap();
    let mut routes = table.iter_mut();
    routes.find(|to| to.destination == net(prefix)).unwrap()
}

fn forget(facts: &mut Facts, prefix: &str) {
    let table = vrf(facts).table.as_mut().unwrap();
    table.retain(|to| to.destination != net(prefix));
}

fn to(gateway: Option<&str>) -> RouteAction {
    RouteAction::Forward(vec![RouteHop {
        gateway: gateway.map(ip),
        link: Some(VETH),
        onlink: false,
    }])
}

#[test]
fn routes_of_the_host() {
    run(&[
        (
            "not in zebra",
            |facts| rib(facts, ROUTE).clear(),
            &[(Check::HostRouteInKernel, ROUTE)],
        ),
        (
            "not selected in zebra",
            |facts| rib(facts, ROUTE)[0].choice = RibChoice::NotSelected,
            &[(Check::HostRouteInKernel, ROUTE)],
        ),
        (
            "not installed by zebra",
            |facts| rib(facts, ROUTE)[0].choice = RibChoice::Selected,
            &[(Check::HostRouteInKernel, ROUTE)],
        ),
        (
            "not in the kernel",
            |facts| forget(facts, ROUTE),
            &[(Check::HostRouteInKernel, ROUTE)],
        ),
        (
            "not in the kernel, IPv6",
            |facts| forget(facts, ROUTE6),
            &[(Check::HostRouteInKernel, ROUTE6)],
        ),
        (
            "to another gateway in the kernel",
            |facts| kernel(facts, ROUTE).action = to(Some("192.169.10.77")),
            &[(Check::HostRouteInKernel, ROUTE)],
        ),
        (
            "dropped by the kernel",
            |facts| kernel(facts, ROUTE).action = RouteAction::Drop("unreachable"),
            &[(Check::HostRouteInKernel, ROUTE)],
        ),
        (
            "zebra prefers a static route",
            |facts| {
                rib(facts, ROUTE)[0].choice = RibChoice::NotSelected;
                rib(facts, ROUTE).push(RibEntry {
                    protocol: RibProtocol::Other("static".into()),
                    choice: RibChoice::Installed,
                    next_hops: Vec::new(),
                });
                kernel(facts, ROUTE).action = RouteAction::Drop("blackhole");
            },
            &[],
        ),
        (
            "a path that is not used, of a route that is not there",
            |facts| {
                let table = vrf(facts).bgp.as_mut().unwrap();
                let mut path = table[&net(ROUTE)][0].clone();
                path.standing = Standing::Invalid;
                table.insert(net("172.16.99.0/24"), vec![path]);
            },
            &[],
        ),
    ]);
}

#[test]
fn networks_of_links() {
    run(&[
        (
            "of the veth, not in the kernel",
            |facts| forget(facts, NETWORK),
            &[(Check::HostRouteInKernel, NETWORK)],
        ),
        (
            "of the veth, not in zebra",
            |facts| rib(facts, NETWORK).clear(),
            &[(Check::HostRouteInKernel, NETWORK)],
        ),
        (
            "of the veth, sent to a gateway",
            |facts| kernel(facts, NETWORK).action = to(Some("192.169.10.9")),
            &[(Check::HostRouteInKernel, NETWORK)],
        ),
        (
            "of the gateway, not in the kernel",
            |facts| forget(facts, "192.170.1.0/24"),
            &[(Check::HostRouteInKernel, "192.170.1.0/24")],
        ),
    ]);
}

/// A veth that is gone takes its networks and routes with it.
#[test]
fn a_broken_veth_is_the_root_cause() {
    let mut facts = facts();
    let seen = facts.kernel.as_mut().unwrap();
    seen.router.remove(&name("pe-e-100"));
    for prefix in [ROUTE, ROUTE6, NETWORK, "2001:db8:169:10::/64"] {
        forget(&mut facts, prefix);
    }
    let findings = verify(&intent(), &facts);
    let found = bad(&findings);
    assert!(
        found.iter().all(|(check, _)| *check == Check::LinksPresent),
        "{found:?}"
    );
    let expected = ["links-present pe-e-100"];
    assert_eq!(waiting(&findings, Check::HostRouteInKernel), expected);
}

#[test]
fn a_vrf_lacks_what_did_not_come_from_bgpd_to_zebra() {
    let lacking = |change: &dyn Fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        let intent = intent();
        let lacking = vrfs_that_lack(&intent, &verify(&intent, &facts));
        lacking.into_iter().cloned().collect::<Vec<_>>()
    };
    assert_eq!(lacking(&|_| {}), []);
    assert_eq!(lacking(&|facts| rib(facts, ROUTE).clear()), [red()]);
    assert_eq!(
        lacking(&|facts| rib(facts, "172.16.2.0/24").clear()),
        [red()],
        "a route of the fabric"
    );
    assert_eq!(
        lacking(&|facts| facts.neighbours = Ok(Vec::new())),
        [],
        "zebra has all that it should"
    );
}

/// A session that has just come up: what the host has to tell may be on its way.
#[test]
fn a_host_is_waited_for_until_it_has_told_all_or_anything_or_has_had_the_time() {
    type Change = fn(&mut FamilyState);
    let waiting_with = |uptime, change: Change| {
        let mut facts = facts();
        let sessions = vrf(&mut facts).sessions.as_mut().unwrap();
        let session = sessions.get_mut(&Peer::Address(ip("192.169.10.2")));
        let session = session.unwrap();
        let uptime = Duration::from_millis(uptime);
        session.state = SessionState::Established { uptime };
        for family in session.families.values_mut() {
            family.end_of_rib = EndOfRib::Awaited;
            family.received = 0;
            change(family);
        }
        let findings = verify(&intent(), &facts);
        waiting(&findings, Check::HostRouteInKernel)
    };
    let early = waiting_with(9_999, |_| {});
    assert_eq!(early, ["the routes of 192.169.10.2"]);
    let told: [(u64, Change); 4] = [
        (10, |family| family.end_of_rib = EndOfRib::Received),
        (10, |family| family.received = 1),
        (10, |family| family.negotiation = Negotiation::Missing),
        (10_000, |_| {}),
    ];
    for (uptime, change) in told {
        assert!(waiting_with(uptime, change).is_empty(), "{uptime}");
    }
}

/// Of two families each has its own marker.
#[test]
fn a_host_that_has_told_one_family_alone_is_waited_for() {
    let mut facts = facts();
    let sessions = vrf(&mut facts).sessions.as_mut().unwrap();
    let session = sessions.get_mut(&Peer::Address(ip("192.169.10.2")));
    let session = session.unwrap();
    session.state = SessionState::Established {
        uptime: Duration::from_millis(10),
    };
    let template = *session.families.values().next().unwrap();
    for (family, end_of_rib) in [
        (Family::Ipv4Unicast, EndOfRib::Received),
        (Family::Ipv6Unicast, EndOfRib::Awaited),
    ] {
        let state = FamilyState {
            negotiation: Negotiation::Agreed,
            end_of_rib,
            received: 0,
            ..template
        };
        session.families.insert(family, state);
    }
    let findings = verify(&intent(), &facts);
    let waiting = waiting(&findings, Check::HostRouteInKernel);
    assert_eq!(waiting, ["the routes of 192.169.10.2"]);
}
