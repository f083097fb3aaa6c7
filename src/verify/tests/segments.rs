//! Segments: one thing is broken at a time, and exactly that is found.

use super::fixture::{
    LAN_BRIDGE, LAN_PORT, LAN_VXLAN, LOCAL_HOST, REMOTE_HOST, bad, facts, good, intent, ip, name,
    peer, peer_address, remote_vtep, run, waiting,
};
use crate::api::Vni;
use crate::plan::link::{Mac, SeenLink};
use crate::verify::facts::{
    BgpVni, Facts, FdbEntry, FloodPath, ForwardTo, Host, HostPlace, LearnedMac, MacPath, Moves,
    NeighbourEntry, Origin, SegmentFacts, SegmentRoute, Standing, Unreadable, VniKind,
    ZebraSegment,
};
use crate::verify::lost_hosts::{LostHosts, lost_hosts};
use crate::verify::{Check, verify};

const FLOOD: &str = "100.65.0.2";
const HERE: &str = "56:23:e0:4a:dc:07";
const THERE: &str = "1e:48:f6:9f:6e:be";
const STRANGER: Mac = Mac([2, 0, 0, 0, 0, 9]);

fn vni() -> Vni {
    "110".parse().unwrap()
}

fn bridge(facts: &mut Facts) -> &mut SeenLink {
    let router = &mut facts.kernel.as_mut().unwrap().router;
    router.get_mut(&name("br-pe-110")).unwrap()
}

fn zebra(facts: &mut Facts) -> &mut ZebraSegment {
    facts
        .segments
        .zebra
        .as_mut()
        .unwrap()
        .get_mut(&vni())
        .unwrap()
}

fn bgp(facts: &mut Facts) -> &mut BgpVni {
    facts.bgp_vnis.as_mut().unwrap().get_mut(&vni()).unwrap()
}

fn host(facts: &mut Facts, mac: Mac) -> &mut Host {
    let hosts = facts.segments.hosts.as_mut().unwrap();
    hosts.get_mut(&(vni(), mac)).unwrap()
}

fn mac_path(facts: &mut Facts, mac: Mac) -> &mut MacPath {
    let paths = facts.segments.macs.as_mut().unwrap();
    paths.iter_mut().find(|path| path.mac == mac).unwrap()
}

fn flood_path(facts: &mut Facts, local: bool) -> &mut FloodPath {
    let paths = facts.segments.floods.as_mut().unwrap();
    let is_it = |path: &&mut FloodPath| (path.came.origin == Origin::Local) == local;
    paths.iter_mut().find(is_it).unwrap()
}

/// Some of our own routes were not sent.
fn unsent(facts: &mut Facts, which: fn(&SegmentRoute) -> bool) {
    let sent = facts.segments.advertised.get_mut(&peer()).unwrap();
    sent.as_mut().unwrap().retain(|route| !which(route));
}

fn entry(facts: &mut Facts, mac: Mac) -> &mut FdbEntry {
    let entries = facts.fdb.as_mut().unwrap();
    let of_lan = |entry: &&mut FdbEntry| entry.link == LAN_VXLAN && entry.mac == mac;
    entries.iter_mut().find(of_lan).unwrap()
}

#[test]
fn in_zebra_and_bgpd() {
    run(&[
        (
            "zebra does not know it",
            |facts| facts.segments.zebra.as_mut().unwrap().clear(),
            &[(Check::VniUp, "VNI 110")],
        ),
        (
            "in another VRF",
            |facts| zebra(facts).vrf = Some("blue".to_owned()),
            &[(Check::VniUp, "VNI 110")],
        ),
        (
            "without an SVI",
            |facts| zebra(facts).svi = None,
            &[(Check::VniUp, "VNI 110")],
        ),
        (
            "without a VXLAN device",
            |facts| zebra(facts).vxlan = None,
            &[(Check::VniUp, "VNI 110")],
        ),
        (
            "with another VTEP",
            |facts| zebra(facts).vtep = ip("100.65.0.9"),
            &[(Check::VniUp, "VNI 110")],
        ),
        (
            "as a layer 3 VNI in bgpd",
            |facts| bgp(facts).kind = VniKind::L3,
            &[(Check::BgpVni, "VNI 110")],
        ),
        (
            "with another VTEP in bgpd",
            |facts| bgp(facts).vtep = ip("100.65.0.9"),
            &[(Check::BgpVni, "VNI 110")],
        ),
        (
            "with another export target in bgpd",
            |facts| bgp(facts).export_targets = vec!["64514:999".parse().unwrap()],
            &[(Check::BgpVni, "VNI 110")],
        ),
    ]);
}

#[test]
fn gateways() {
    run(&[
        (
            "the address is gone, and with it the network",
            |facts| bridge(facts).addresses.clear(),
            &[(Check::Gateway, "192.170.1.1/24")],
        ),
        (
            "another MAC",
            |facts| bridge(facts).mac = Some(STRANGER),
            &[(Check::Gateway, "br-pe-110")],
        ),
        (
            "the bridge is gone",
            |facts| {
                let kernel = facts.kernel.as_mut().unwrap();
                kernel.router.remove(&name("br-pe-110"));
            },
            &[(Check::LinksPresent, "br-pe-110 (router)")],
        ),
    ]);
}

#[test]
fn own_hosts() {
    run(&[
        (
            "no Type-2 route",
            |facts| {
                let paths = facts.segments.macs.as_mut().unwrap();
                paths.retain(|path| path.mac != LOCAL_HOST);
            },
            &[(Check::LocalMacAdvertised, HERE)],
        ),
        (
            "a Type-2 route that is not used",
            |facts| mac_path(facts, LOCAL_HOST).came.standing = Standing::Valid,
            &[(Check::LocalMacAdvertised, HERE)],
        ),
        (
            "a Type-2 route that is not sent",
            |facts| unsent(facts, |route| matches!(route, SegmentRoute::Mac { .. })),
            &[(Check::RouteAdvertised, "56:23:e0:4a:dc:07 to 10.0.1.1")],
        ),
        (
            "a Type-3 route that is not sent",
            |facts| unsent(facts, |route| matches!(route, SegmentRoute::Flood { .. })),
            &[(Check::RouteAdvertised, "VTEP 100.65.0.1 to 10.0.1.1")],
        ),
        (
            "not known to zebra",
            |facts| {
                let hosts = facts.segments.hosts.as_mut().unwrap();
                hosts.remove(&(vni(), LOCAL_HOST));
            },
            &[(Check::LocalMacAdvertised, HERE)],
        ),
        (
            "remote to zebra",
            |facts| host(facts, LOCAL_HOST).place = HostPlace::Remote,
            &[(Check::LocalMacAdvertised, HERE)],
        ),
        (
            "another one at the port, of which nobody knows",
            |facts| {
                let learned = facts.segments.learned.as_mut().unwrap();
                learned.push(LearnedMac {
                    port: LAN_PORT,
                    mac: STRANGER,
                });
            },
            &[(Check::LocalMacAdvertised, "02:00:00:00:00:09")],
        ),
        (
            "what is learned on another bridge is no host of the segment",
            |facts| {
                let learned = facts.segments.learned.as_mut().unwrap();
                learned.push(LearnedMac {
                    port: LAN_PORT + 100,
                    mac: STRANGER,
                });
            },
            &[],
        ),
        (
            "a remote one that may not move, whose entry looks as if it were ours",
            |facts| {
                let learned = facts.segments.learned.as_mut().unwrap();
                learned.push(LearnedMac {
                    port: LAN_VXLAN,
                    mac: REMOTE_HOST,
                });
            },
            &[],
        ),
        (
            "a duplicate, which FRR keeps to itself",
            |facts| {
                host(facts, LOCAL_HOST).moves = Moves::Duplicate;
                let paths = facts.segments.macs.as_mut().unwrap();
                paths.retain(|path| path.mac != LOCAL_HOST);
            },
            &[(Check::DuplicateAddress, HERE)],
        ),
        (
            "an address in two places",
            |facts| {
                let duplicates = facts.segments.duplicate_addresses.as_mut().unwrap();
                duplicates.push((vni(), ip("192.170.1.7")));
            },
            &[(Check::DuplicateAddress, "192.170.1.7")],
        ),
    ]);
}

#[test]
fn remote_hosts() {
    run(&[
        (
            "no valid path",
            |facts| mac_path(facts, REMOTE_HOST).came.standing = Standing::Invalid,
            &[(Check::RouteValid, "1e:48:f6:9f:6e:be (RD 10.0.0.2:3)")],
        ),
        (
            "not in the kernel",
            |facts| entry(facts, REMOTE_HOST).link = LAN_VXLAN + 100,
            &[(Check::RemoteMacInFdb, THERE)],
        ),
        (
            "behind another VTEP in the kernel",
            |facts| entry(facts, REMOTE_HOST).to = ForwardTo::Vtep(ip("100.65.0.9")),
            &[(Check::RemoteMacInFdb, THERE)],
        ),
        (
            "it has just moved here: still told by the other, and not in the kernel any more",
            |facts| {
                host(facts, REMOTE_HOST).place = HostPlace::Local;
                entry(facts, REMOTE_HOST).link = LAN_VXLAN + 100;
                let mut ours = mac_path(facts, LOCAL_HOST).clone();
                ours.mac = REMOTE_HOST;
                let sent = facts.segments.advertised.get_mut(&peer()).unwrap();
                sent.as_mut().unwrap().insert(ours.route());
                facts.segments.macs.as_mut().unwrap().push(ours);
            },
            &[],
        ),
        (
            "a route of a segment that is not here",
            |facts| {
                let mut other = mac_path(facts, REMOTE_HOST).clone();
                other.mac = STRANGER;
                other.came.targets = vec!["64514:111".parse().unwrap()];
                facts.segments.macs.as_mut().unwrap().push(other);
            },
            &[],
        ),
        (
            "our own route, told back by the fabric",
            |facts| {
                let mut reflected = mac_path(facts, LOCAL_HOST).clone();
                reflected.came.origin = Origin::Peer(peer_address());
                reflected.came.standing = Standing::Invalid;
                facts.segments.macs.as_mut().unwrap().push(reflected);
            },
            &[],
        ),
    ]);
}

/// Has the other node tell an address of its host, too.
fn add_address(facts: &mut Facts, known_as: Option<Mac>) {
    let mut path = mac_path(facts, REMOTE_HOST).clone();
    path.ip = Some(ip("192.170.1.8"));
    facts.segments.macs.as_mut().unwrap().push(path);
    facts.neighbours.as_mut().unwrap().push(NeighbourEntry {
        link: LAN_BRIDGE,
        ip: ip("192.170.1.8"),
        mac: known_as,
    });
}

#[test]
fn addresses_of_remote_hosts() {
    run(&[
        ("known", |facts| add_address(facts, Some(REMOTE_HOST)), &[]),
        (
            "with another MAC",
            |facts| add_address(facts, Some(STRANGER)),
            &[(Check::RemoteMacInFdb, "192.170.1.8")],
        ),
        (
            "not resolved",
            |facts| add_address(facts, None),
            &[(Check::RemoteMacInFdb, "192.170.1.8")],
        ),
        (
            "no entry",
            |facts| {
                add_address(facts, None);
                facts.neighbours.as_mut().unwrap().pop();
            },
            &[(Check::RemoteMacInFdb, "192.170.1.8")],
        ),
        (
            "no entry, but the host is the root cause",
            |facts| {
                add_address(facts, None);
                facts.neighbours.as_mut().unwrap().pop();
                entry(facts, REMOTE_HOST).link = LAN_VXLAN + 100;
            },
            &[(Check::RemoteMacInFdb, THERE)],
        ),
    ]);
}

#[test]
fn what_the_kernel_lost_of_remote_hosts_is_named() {
    let lost = |change: &dyn Fn(&mut Facts)| {
        let mut facts = facts();
        change(&mut facts);
        let findings = verify(&intent(), &facts);
        lost_hosts(&findings).into_values().collect::<Vec<_>>()
    };
    assert_eq!(lost(&|facts| add_address(facts, Some(REMOTE_HOST))), []);
    assert_eq!(
        lost(&|facts| entry(facts, REMOTE_HOST).link = LAN_VXLAN + 100),
        [LostHosts {
            macs: vec![THERE.to_owned()],
            ..LostHosts::default()
        }]
    );
    assert_eq!(
        lost(&|facts| add_address(facts, Some(STRANGER))),
        [LostHosts {
            addresses: vec![ip("192.170.1.8")],
            ..LostHosts::default()
        }]
    );
}

/// Where nobody routes, neighbour entries only save some floods.
#[test]
fn without_a_gateway_addresses_are_not_looked_at() {
    let mut intent = intent();
    intent.segments[0].spec.gateways = crate::api::Gateways::default();
    let mut facts = facts();
    add_address(&mut facts, None);
    let findings = verify(&intent, &facts);
    assert_eq!(bad(&findings), []);
    let gateways = findings
        .iter()
        .filter(|found| found.check == Check::Gateway);
    assert_eq!(gateways.count(), 0);
}

#[test]
fn flooding() {
    run(&[
        (
            "no entry for the other",
            |facts| entry(facts, Mac([0; 6])).link = LAN_VXLAN + 100,
            &[(Check::FloodList, FLOOD)],
        ),
        (
            "to a VTEP that is none",
            |facts| entry(facts, Mac([0; 6])).to = ForwardTo::Vtep(ip("100.65.0.9")),
            &[(Check::FloodList, FLOOD)],
        ),
        (
            "no Type-3 route of ours",
            |facts| {
                let paths = facts.segments.floods.as_mut().unwrap();
                paths.retain(|path| path.came.origin != Origin::Local);
            },
            &[(Check::FloodList, "this router")],
        ),
        (
            "a Type-3 route of ours with another next hop",
            |facts| flood_path(facts, true).came.next_hop = remote_vtep(),
            &[(Check::FloodList, "this router")],
        ),
        (
            "no valid path to the other",
            |facts| flood_path(facts, false).came.standing = Standing::Invalid,
            &[(Check::RouteValid, "flooding to 100.65.0.2 (RD 10.0.0.2:3)")],
        ),
    ]);
}

/// What nobody has told yet is no fault.
#[test]
fn an_empty_segment_is_good() {
    let mut facts = facts();
    facts.segments.learned = Ok(Vec::new());
    facts.segments.hosts.as_mut().unwrap().clear();
    facts.segments.macs.as_mut().unwrap().clear();
    let floods = facts.segments.floods.as_mut().unwrap();
    floods.retain(|path| path.came.origin == Origin::Local);
    let findings = verify(&intent(), &facts);
    assert_eq!(bad(&findings), []);
    assert_eq!(good(&findings, Check::FloodList), 1);
}

#[test]
fn what_lies_behind_waits() {
    let mut facts = facts();
    facts.segments.zebra.as_mut().unwrap().clear();
    let findings = verify(&intent(), &facts);
    for check in [
        Check::LocalMacAdvertised,
        Check::RouteAdvertised,
        Check::FloodList,
        Check::RemoteMacInFdb,
        Check::DuplicateAddress,
    ] {
        assert_eq!(waiting(&findings, check), ["vni-up"], "{check}");
    }
}

/// Whether a route was sent cannot be told of routes that are not known.
#[test]
fn what_is_sent_waits_for_what_there_is_to_send() {
    type Lose = fn(&mut SegmentFacts);
    let losses: [(Lose, &str); 2] = [
        (
            |segments| segments.macs = Err(Unreadable::not_read()),
            "show bgp l2vpn evpn route type 2 json",
        ),
        (
            |segments| segments.floods = Err(Unreadable::not_read()),
            "show bgp l2vpn evpn route type 3 json",
        ),
    ];
    for (lose, source) in losses {
        let mut facts = facts();
        lose(&mut facts.segments);
        let findings = verify(&intent(), &facts);
        let waiting = waiting(&findings, Check::RouteAdvertised);
        assert!(
            waiting.iter().any(|what| what.contains(source)),
            "{source}: {waiting:?}"
        );
    }
}
