//! One thing is broken at a time, and exactly that is found.

use super::fixture::{
    REMOTE_MAC, REMOTE_PREFIXES, evpn, facts, good, intent, ip, name, net, peer, red, remote_vtep,
    run,
};
use crate::api::Peer;
use crate::plan::link::{SeenKind, SeenLink};
use crate::verify::facts::{
    BgpVni, EvpnPath, Facts, ImportTarget, LastReset, Negotiation, Origin, RouteId, Session,
    SessionState, Standing, Telling, VniKind, VniState,
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
        // Of each IP version one from the host, its own address, and IPv4's is a gateway, too.
        (Check::HostRouteExported, 5),
        // These, a host of the segment, and that we take part in it.
        (Check::RouteAdvertised, 7),
        // Five prefixes, a host of the segment, and who takes part in it.
        (Check::RouteValid, 7),
        (Check::RouteImported, 5),
        // The fifth is the other PE's 192.170.1.0/24, which this VRF has itself.
        (Check::RouteInRib, 4),
        (Check::RouteInKernel, 4),
        // One of each IP version, to one place.
        (Check::NeighbourEntry, 2),
        (Check::FdbEntry, 1),
        // The networks of the veth and of the gateway, and a route of each IP version.
        (Check::HostRouteInKernel, 5),
        (Check::UnderlayRoute, 1),
        (Check::VtepReachable, 1),
        (Check::MtuPath, 4),
        (Check::LocalMacAdvertised, 1),
        (Check::RemoteMacInFdb, 1),
        // We, and the other.
        (Check::FloodList, 2),
        // An address and the MAC.
        (Check::Gateway, 2),
        (Check::DuplicateAddress, 2),
    ];
    for (check, count) in expected {
        assert_eq!(good(&findings, check), count, "{check}");
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
                down(
                    sessions
                        .get_mut(&Peer::Address(ip("192.169.10.2")))
                        .unwrap(),
                );
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
            |facts| {
                let vnis = facts.bgp_vnis.as_mut().unwrap();
                vnis.remove(&"100".parse().unwrap());
            },
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

fn bgp_vni(facts: &mut Facts) -> &mut BgpVni {
    let vnis = facts.bgp_vnis.as_mut().unwrap();
    vnis.get_mut(&"100".parse().unwrap()).unwrap()
}

fn own(facts: &mut Facts) -> &mut EvpnPath {
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
        (
            "an aggregate is told in the place of a route",
            |facts| {
                let vrf = facts.vrfs.get_mut(&red()).unwrap();
                let paths = vrf.bgp.as_mut().unwrap();
                let kept = paths.get_mut(&net("172.16.1.0/24")).unwrap();
                kept[0].telling = Telling::Suppressed;
                let paths = facts.evpn.as_mut().unwrap();
                paths.retain(|path| path.id.prefix != net("172.16.1.0/24"));
            },
            &[],
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
