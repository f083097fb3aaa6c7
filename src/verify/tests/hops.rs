//! One thing is broken at a time, and exactly that is found.

use super::fixture::{
    OWN_MAC, REMOTE_MAC, REMOTE_PREFIXES, SVI, VETH, VXLAN, bad, facts, good, intent, ip, name,
    net, peer, red, remote_vtep,
};
use crate::plan::link::{Mac, SeenKind, SeenLink};
use crate::verify::facts::{
    Facts, ImportTarget, KernelRoute, LastReset, Negotiation, Origin, RibChoice, RibEntry,
    RibProtocol, RouteAction, RouteHop, RouteId, Session, SessionState, Standing, VniKind,
    VniState, VrfPath,
};
use crate::verify::{Check, Outcome, verify};

#[test]
fn healthy_node_is_good_in_every_check() {
    let findings = verify(&intent(), &facts());
    for check in Check::ALL {
        assert!(
            good(&findings, check) > 0,
            "{check} has nothing good in {findings:#?}"
        );
    }
    let rest: Vec<_> = findings.iter().filter(|f| !f.is_good()).collect();
    assert!(rest.is_empty(), "{rest:#?}");
}

#[test]
fn good_ones_are_counted() {
    let findings = verify(&intent(), &facts());
    let expected = [
        (Check::HostRouteExported, 3),
        (Check::RouteAdvertised, 3),
        // The third is the other PE's 192.170.1.0/24, which this VRF has itself.
        (Check::RouteValid, 3),
        (Check::RouteImported, 3),
        (Check::RouteInRib, 2),
        (Check::RouteInKernel, 2),
        (Check::NeighbourEntry, 1),
        (Check::FdbEntry, 1),
    ];
    for (check, count) in expected {
        assert_eq!(good(&findings, check), count, "{check}");
    }
}

type Break = fn(&mut Facts);
type Case = (&'static str, Break, &'static [(Check, &'static str)]);

fn run(cases: &[Case]) {
    for (case, broken, expected) in cases {
        let mut facts = facts();
        broken(&mut facts);
        let findings = verify(&intent(), &facts);
        let expected: Vec<(Check, String)> = expected
            .iter()
            .map(|(check, subject)| (*check, (*subject).to_owned()))
            .collect();
        assert_eq!(bad(&findings), expected, "{case}: {findings:#?}");
    }
}

fn fabric(facts: &mut Facts) -> &mut Session {
    let sessions = facts.fabric_sessions.as_mut().unwrap();
    sessions.get_mut(&peer()).unwrap()
}

fn down(session: &mut Session) {
    session.state = SessionState::Down {
        state: "Active".to_owned(),
    };
    session.last_reset = Some(LastReset {
        reason: "Hold Timer Expired".to_owned(),
        ago: std::time::Duration::from_secs(5),
    });
}

fn router_link<'a>(facts: &'a mut Facts, link: &str) -> &'a mut SeenLink {
    let router = &mut facts.kernel.as_mut().unwrap().router;
    router.get_mut(&name(link)).unwrap()
}

#[test]
fn sessions_and_links() {
    run(&[
        (
            "fabric session down",
            |facts| down(fabric(facts)),
            &[(Check::UnderlaySession, "10.0.1.1")],
        ),
        (
            "fabric neighbour not known",
            |facts| {
                let sessions = facts.fabric_sessions.as_mut().unwrap();
                sessions.remove(&peer());
            },
            &[(Check::UnderlaySession, "10.0.1.1")],
        ),
        (
            "EVPN not announced by the spine",
            |facts| {
                for state in fabric(facts).families.values_mut() {
                    state.negotiation = Negotiation::Missing;
                }
            },
            &[(Check::EvpnFamily, "10.0.1.1")],
        ),
        (
            "EVPN not activated",
            |facts| fabric(facts).families.clear(),
            &[(Check::EvpnFamily, "10.0.1.1")],
        ),
        (
            "host session down",
            |facts| {
                let vrf = facts.vrfs.get_mut(&red()).unwrap();
                let sessions = vrf.sessions.as_mut().unwrap();
                down(sessions.get_mut(&ip("192.169.10.2")).unwrap());
            },
            &[(Check::HostSession, "192.169.10.2")],
        ),
        (
            "NIC down",
            |facts| router_link(facts, "eth0").up = false,
            &[(Check::LinksPresent, "eth0")],
        ),
        (
            "NIC went back to the host",
            |facts| {
                let kernel = facts.kernel.as_mut().unwrap();
                let nic = kernel.router.remove(&name("eth0")).unwrap();
                kernel.host.insert(name("eth0"), nic);
            },
            &[(Check::LinksPresent, "eth0")],
        ),
        (
            "VTEP address gone",
            |facts| router_link(facts, "lo").addresses.clear(),
            &[(Check::VtepAddress, "100.65.0.1/32")],
        ),
        (
            "VXLAN gone",
            |facts| {
                let kernel = facts.kernel.as_mut().unwrap();
                kernel.router.remove(&name("vni100"));
            },
            &[(Check::LinksPresent, "vni100 (router)")],
        ),
        (
            "VXLAN learns",
            |facts| {
                if let SeenKind::Vxlan { learning, .. } = &mut router_link(facts, "vni100").kind {
                    *learning = true;
                }
            },
            &[(Check::LinksPresent, "vni100 (router)")],
        ),
        (
            "bridge left the VRF",
            |facts| router_link(facts, "br-pe-100").master = None,
            &[(Check::LinksPresent, "br-pe-100 (router)")],
        ),
        (
            "bridge down",
            |facts| router_link(facts, "br-pe-100").up = false,
            &[(Check::LinksPresent, "br-pe-100 (router)")],
        ),
        (
            "router's veth lost its address",
            |facts| router_link(facts, "pe-e-100").addresses.clear(),
            &[(Check::LinksPresent, "pe-e-100 (router)")],
        ),
    ]);
}

#[test]
fn vnis() {
    run(&[
        (
            "VNI not mapped",
            |facts| facts.zebra_vnis.as_mut().unwrap().clear(),
            &[(Check::VniUp, "VNI 100")],
        ),
        (
            "VNI down",
            |facts| {
                for vni in facts.zebra_vnis.as_mut().unwrap().values_mut() {
                    vni.state = VniState::Down("Down".to_owned());
                }
            },
            &[(Check::VniUp, "VNI 100")],
        ),
        (
            "VNI in another VRF",
            |facts| {
                for vni in facts.zebra_vnis.as_mut().unwrap().values_mut() {
                    vni.vrf = Some("blue".to_owned());
                }
            },
            &[(Check::VniUp, "VNI 100")],
        ),
        (
            "VNI without an SVI",
            |facts| {
                for vni in facts.zebra_vnis.as_mut().unwrap().values_mut() {
                    vni.svi = None;
                }
            },
            &[(Check::VniUp, "VNI 100")],
        ),
        (
            "bgpd does not know the VNI",
            |facts| facts.bgp_vnis.as_mut().unwrap().clear(),
            &[(Check::BgpVni, "VNI 100")],
        ),
        (
            "bgpd has it as a layer 2 VNI",
            |facts| bgp_vni(facts).kind = VniKind::L2,
            &[(Check::BgpVni, "VNI 100")],
        ),
        (
            "bgpd imports by another target",
            |facts| {
                let other = "64514:999".parse().unwrap();
                bgp_vni(facts).import_targets = vec![ImportTarget::Exact(other)];
            },
            &[(Check::BgpVni, "VNI 100")],
        ),
        (
            "bgpd exports with another target",
            |facts| bgp_vni(facts).export_targets = vec!["64514:999".parse().unwrap()],
            &[(Check::BgpVni, "VNI 100")],
        ),
        (
            "zebra has another router MAC",
            |facts| {
                for vni in facts.zebra_vnis.as_mut().unwrap().values_mut() {
                    vni.router_mac = Some(REMOTE_MAC);
                }
            },
            &[(Check::RouterMac, "VNI 100")],
        ),
        (
            "bgpd has no router MAC",
            |facts| bgp_vni(facts).router_mac = None,
            &[(Check::RouterMac, "VNI 100")],
        ),
        (
            "the bridge changed its MAC",
            |facts| router_link(facts, "br-pe-100").mac = Some(REMOTE_MAC),
            &[(Check::RouterMac, "VNI 100")],
        ),
    ]);
}

fn bgp_vni(facts: &mut Facts) -> &mut crate::verify::facts::BgpVni {
    let vnis = facts.bgp_vnis.as_mut().unwrap();
    vnis.get_mut(&"100".parse().unwrap()).unwrap()
}

/// The path of the EVPN table that tells `prefix`, from here or from the fabric.
fn evpn<'a>(
    facts: &'a mut Facts,
    prefix: &str,
    origin: Origin,
) -> &'a mut crate::verify::facts::EvpnPath {
    let paths = facts.evpn.as_mut().unwrap();
    paths
        .iter_mut()
        .find(|path| path.id.prefix == net(prefix) && path.origin == origin)
        .unwrap()
}

fn own<'a>(facts: &'a mut Facts) -> &'a mut crate::verify::facts::EvpnPath {
    evpn(facts, "172.16.1.0/24", Origin::Local)
}

const EXPORTED: &[(Check, &str)] = &[(Check::HostRouteExported, "172.16.1.0/24")];

#[test]
fn routes_out() {
    run(&[
        (
            "no Type-5 route",
            |facts| {
                let paths = facts.evpn.as_mut().unwrap();
                paths.retain(|path| path.id.prefix != net("172.16.1.0/24"));
            },
            EXPORTED,
        ),
        (
            "Type-5 route without the route target",
            |facts| own(facts).targets.clear(),
            EXPORTED,
        ),
        (
            "Type-5 route with another MAC",
            |facts| own(facts).router_mac = Some(REMOTE_MAC),
            EXPORTED,
        ),
        (
            "Type-5 route without a MAC",
            |facts| own(facts).router_mac = None,
            EXPORTED,
        ),
        (
            "Type-5 route with another next hop",
            |facts| own(facts).next_hop = remote_vtep(),
            EXPORTED,
        ),
        (
            "Type-5 route not valid",
            |facts| own(facts).standing = Standing::Invalid,
            EXPORTED,
        ),
        (
            "the host's own address is not announced",
            |facts| {
                let vrf = facts.vrfs.get_mut(&red()).unwrap();
                vrf.bgp.as_mut().unwrap().remove(&net("192.169.10.2/32"));
                let paths = facts.evpn.as_mut().unwrap();
                paths.retain(|path| path.id.prefix != net("192.169.10.2/32"));
            },
            &[(Check::HostRouteExported, "192.169.10.2/32")],
        ),
        (
            "one route not sent",
            |facts| {
                let sent = facts.advertised.get_mut(&peer()).unwrap();
                let id = RouteId {
                    rd: "10.0.0.1:2".into(),
                    prefix: net("172.16.1.0/24"),
                };
                assert!(sent.as_mut().unwrap().remove(&id));
            },
            &[(Check::RouteAdvertised, "172.16.1.0/24 to 10.0.1.1")],
        ),
    ]);
}

/// The remote prefix that is broken, and how it is named in a finding on its route.
const REMOTE: &str = "172.16.2.0/24";
const ROUTE: &str = "172.16.2.0/24 (RD 10.0.0.2:2)";

fn vrf(facts: &mut Facts) -> &mut crate::verify::facts::VrfFacts {
    facts.vrfs.get_mut(&red()).unwrap()
}

fn in_vrf(facts: &mut Facts) -> &mut Vec<VrfPath> {
    let table = vrf(facts).bgp.as_mut().unwrap();
    table.get_mut(&net(REMOTE)).unwrap()
}

fn in_rib(facts: &mut Facts) -> &mut Vec<RibEntry> {
    let rib = vrf(facts).rib.as_mut().unwrap();
    rib.get_mut(&net(REMOTE)).unwrap()
}

fn in_kernel(facts: &mut Facts) -> &mut KernelRoute {
    let table = vrf(facts).table.as_mut().unwrap();
    let mut routes = table.iter_mut();
    routes.find(|to| to.destination == net(REMOTE)).unwrap()
}

fn hop(facts: &mut Facts) -> &mut RouteHop {
    match &mut in_kernel(facts).action {
        RouteAction::Forward(hops) => hops.first_mut().unwrap(),
        RouteAction::Drop(_) | RouteAction::Local => panic!("the fixture forwards"),
    }
}

#[test]
fn routes_in_bgp() {
    run(&[
        (
            "next hop not reachable",
            |facts| evpn(facts, REMOTE, Origin::Peer(peer())).standing = Standing::Invalid,
            &[(Check::RouteValid, ROUTE)],
        ),
        (
            "no best path",
            |facts| evpn(facts, REMOTE, Origin::Peer(peer())).standing = Standing::Valid,
            &[(Check::RouteValid, ROUTE)],
        ),
        (
            "not imported",
            |facts| {
                let table = vrf(facts).bgp.as_mut().unwrap();
                table.remove(&net(REMOTE));
            },
            &[(Check::RouteImported, ROUTE)],
        ),
        (
            "imported with another next hop",
            |facts| in_vrf(facts)[0].next_hop = ip("100.65.0.9"),
            &[(Check::RouteImported, ROUTE)],
        ),
        (
            "imported, but no best path",
            |facts| in_vrf(facts)[0].standing = Standing::Valid,
            &[(Check::RouteImported, REMOTE)],
        ),
    ]);
}

#[test]
fn routes_in_zebra_and_kernel() {
    run(&[
        (
            "not in the RIB",
            |facts| in_rib(facts).clear(),
            &[(Check::RouteInRib, REMOTE)],
        ),
        (
            "not selected",
            |facts| in_rib(facts)[0].choice = RibChoice::NotSelected,
            &[(Check::RouteInRib, REMOTE)],
        ),
        (
            "not installed",
            |facts| in_rib(facts)[0].choice = RibChoice::Selected,
            &[(Check::RouteInRib, REMOTE)],
        ),
        (
            "next hop not active",
            |facts| in_rib(facts)[0].next_hops.clear(),
            &[(Check::RouteInRib, REMOTE)],
        ),
        (
            "not in the kernel",
            |facts| {
                let table = vrf(facts).table.as_mut().unwrap();
                table.retain(|to| to.destination != net(REMOTE));
            },
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "in the kernel by another link",
            |facts| hop(facts).link = Some(VETH),
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "in the kernel to another next hop",
            |facts| hop(facts).gateway = Some(ip("100.65.0.9")),
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "in the kernel, not onlink",
            |facts| hop(facts).onlink = false,
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "the kernel drops it",
            |facts| in_kernel(facts).action = RouteAction::Drop("unreachable"),
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "a route with a lower metric shadows it",
            |facts| {
                let shadow = KernelRoute {
                    metric: 1,
                    action: RouteAction::Drop("blackhole"),
                    ..in_kernel(facts).clone()
                };
                vrf(facts).table.as_mut().unwrap().push(shadow);
            },
            &[(Check::RouteInKernel, REMOTE)],
        ),
    ]);
}

#[test]
fn forwarding_entries() {
    run(&[
        (
            "no neighbour entry",
            |facts| facts.neighbours.as_mut().unwrap().clear(),
            &[(Check::NeighbourEntry, "100.65.0.2")],
        ),
        (
            "neighbour entry with another MAC",
            |facts| facts.neighbours.as_mut().unwrap()[0].mac = Some(OWN_MAC),
            &[(Check::NeighbourEntry, "100.65.0.2")],
        ),
        (
            "neighbour entry not resolved",
            |facts| facts.neighbours.as_mut().unwrap()[0].mac = None,
            &[(Check::NeighbourEntry, "100.65.0.2")],
        ),
        (
            "neighbour entry on another link",
            |facts| facts.neighbours.as_mut().unwrap()[0].link = VETH,
            &[(Check::NeighbourEntry, "100.65.0.2")],
        ),
        (
            "no forwarding entry",
            |facts| facts.fdb.as_mut().unwrap().clear(),
            &[(Check::FdbEntry, "2e:ad:f5:91:dd:e4 to 100.65.0.2")],
        ),
        (
            "forwarding entry to another VTEP",
            |facts| facts.fdb.as_mut().unwrap()[0].vtep = ip("100.65.0.9"),
            &[(Check::FdbEntry, "2e:ad:f5:91:dd:e4 to 100.65.0.2")],
        ),
        (
            "forwarding entry on another VXLAN device",
            |facts| facts.fdb.as_mut().unwrap()[0].link = VXLAN + 100,
            &[(Check::FdbEntry, "2e:ad:f5:91:dd:e4 to 100.65.0.2")],
        ),
    ]);
}

#[test]
fn what_is_as_it_should_be() {
    run(&[
        (
            "a route with a foreign route target is not ours",
            |facts| {
                let mut foreign = evpn(facts, REMOTE, Origin::Peer(peer())).clone();
                foreign.id.prefix = net("10.99.0.0/16");
                foreign.targets = vec!["64514:7".parse().unwrap()];
                facts.evpn.as_mut().unwrap().push(foreign);
            },
            &[],
        ),
        (
            "our own route, told back by the fabric",
            |facts| {
                let mut reflected = own(facts).clone();
                reflected.origin = Origin::Peer(peer());
                reflected.standing = Standing::Invalid;
                facts.evpn.as_mut().unwrap().push(reflected);
            },
            &[],
        ),
        (
            "a path that loops beside a good one",
            |facts| {
                let mut loops = evpn(facts, REMOTE, Origin::Peer(peer())).clone();
                loops.origin = Origin::Peer(ip("10.0.2.1"));
                loops.standing = Standing::Invalid;
                facts.evpn.as_mut().unwrap().push(loops);
            },
            &[],
        ),
        (
            "zebra prefers a connected route",
            |facts| {
                in_rib(facts)[0].choice = RibChoice::NotSelected;
                in_rib(facts).push(RibEntry {
                    protocol: RibProtocol::Other("connected".into()),
                    choice: RibChoice::Installed,
                    next_hops: Vec::new(),
                });
                hop(facts).link = Some(VETH);
            },
            &[],
        ),
        (
            "a kernel route with a higher metric does no harm",
            |facts| {
                let spare = KernelRoute {
                    metric: 4000,
                    action: RouteAction::Drop("unreachable"),
                    ..in_kernel(facts).clone()
                };
                vrf(facts).table.as_mut().unwrap().push(spare);
            },
            &[],
        ),
    ]);
}

/// A second PE with the same prefix, and a route by both.
fn add_second_pe(facts: &mut Facts) {
    const MAC: Mac = Mac([2, 0, 0, 0, 0, 3]);
    let vtep = ip("100.65.0.3");
    let mut path = evpn(facts, REMOTE, Origin::Peer(peer())).clone();
    path.id.rd = "10.0.0.3:2".into();
    path.next_hop = vtep;
    path.router_mac = Some(MAC);
    facts.evpn.as_mut().unwrap().push(path);
    in_vrf(facts).push(VrfPath {
        origin: Origin::Peer(peer()),
        next_hop: vtep,
        standing: Standing::Multipath,
    });
    in_rib(facts)[0].next_hops.push(vtep);
    let hop = RouteHop {
        gateway: Some(vtep),
        ..*hop(facts)
    };
    if let RouteAction::Forward(hops) = &mut in_kernel(facts).action {
        hops.push(hop);
    }
    facts
        .neighbours
        .as_mut()
        .unwrap()
        .push(crate::verify::facts::NeighbourEntry {
            link: SVI,
            ip: vtep,
            mac: Some(MAC),
        });
    facts
        .fdb
        .as_mut()
        .unwrap()
        .push(crate::verify::facts::FdbEntry {
            link: VXLAN,
            mac: MAC,
            vtep,
        });
}

#[test]
fn equal_cost_next_hops() {
    run(&[
        ("both good", add_second_pe, &[]),
        (
            "the kernel has only one of both",
            |facts| {
                add_second_pe(facts);
                if let RouteAction::Forward(hops) = &mut in_kernel(facts).action {
                    hops.pop();
                }
            },
            &[(Check::RouteInKernel, REMOTE)],
        ),
        (
            "the second is not imported",
            |facts| {
                add_second_pe(facts);
                in_vrf(facts).pop();
            },
            &[(Check::RouteImported, "172.16.2.0/24 (RD 10.0.0.3:2)")],
        ),
        (
            "the second's forwarding entry is missing",
            |facts| {
                add_second_pe(facts);
                facts.fdb.as_mut().unwrap().pop();
            },
            &[(Check::FdbEntry, "02:00:00:00:00:03 to 100.65.0.3")],
        ),
    ]);
}

#[test]
fn a_bad_finding_says_what_and_what_next() {
    let mut facts = facts();
    down(fabric(&mut facts));
    let findings = verify(&intent(), &facts);
    let finding = findings.iter().find(|finding| finding.is_bad()).unwrap();
    let Outcome::Bad {
        expected,
        seen,
        hint,
    } = &finding.outcome
    else {
        panic!("{finding:?}");
    };
    assert_eq!(expected, "Established");
    assert_eq!(seen, "Active; last reset: Hold Timer Expired");
    assert!(hint.contains("show bgp neighbors 10.0.1.1"), "{hint}");
}

#[test]
fn the_fixture_reaches_the_kernel() {
    let facts = facts();
    let table = facts.vrfs[&red()].table.as_ref().unwrap();
    for prefix in REMOTE_PREFIXES {
        assert!(table.iter().any(|to| to.destination == net(prefix)));
    }
}
