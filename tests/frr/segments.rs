//! What is read back of a layer 2 segment between two real routers, with real bridges and VXLAN
//! devices: nobody routes it, so it needs no VRFs. Beside it, what is read of the ways to VTEPs and
//! of BFD.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use perouter::agent::facts::gather;
use perouter::api::{Bfd, Gateways, Kind, L2Vni, ObjectKey, Peer};
use perouter::frr::Mode;
use perouter::intent::{NodeIntent, SegmentIntent};
use perouter::netlink::Kernel;
use perouter::plan::link::Mac;
use perouter::verify::facts::{
    BfdState, Came, Facts, FloodPath, ForwardTo, Host, HostPlace, MacPath, Moves, Origin, Reach,
    SegmentRoute, SessionState, Standing, VniKind, ZebraSegment,
};
use perouter::verify::{Check, verify};
use perouter_harness::{Daemon as Real, End, Frr as RealFrr, Options, connect};

use crate::bed::{Bed, eventually};
use crate::intents::{changed, evpn, vni};

const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 1));
const THERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 2));
const OURS: Mac = Mac([2, 0, 0, 0, 0, 0x0a]);
const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 0x0b]);
const OUR_HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 20, 0, 11));
const THEIR_HOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 20, 0, 12));

/// The underlay with one neighbour that BFD watches, and a segment that nobody routes.
fn intent() -> NodeIntent {
    let mut intent = changed(evpn(), |underlay| {
        underlay.spec.neighbors[0].connect_time = Some(1);
        underlay.spec.neighbors[0].bfd = Some(Bfd::default());
    });
    intent.segments.push(SegmentIntent {
        key: ObjectKey {
            kind: Kind::L2Vni,
            namespace: "default".to_owned(),
            name: "flat".to_owned(),
        },
        spec: L2Vni {
            vni: vni(120),
            vxlan_port: 4789,
            tunnels_over: None,
            routing_domain: None,
            host_master: None,
            gateways: Gateways::default(),
        },
        vrf: None,
    });
    intent
}

/// The bridge and the VXLAN device of the segment, and a host at a port.
fn links(at: &RealFrr, vtep: IpAddr, host: Mac, address: IpAddr) {
    for line in [
        "ip link add br-pe-120 type bridge".to_owned(),
        format!("ip link add vni120 type vxlan id 120 local {vtep} dstport 4789 nolearning"),
        "ip link set vni120 master br-pe-120 up".to_owned(),
        "bridge link set dev vni120 learning off neigh_suppress on".to_owned(),
        "ip link add pe-e-120 type veth peer name host-e-120".to_owned(),
        "ip link set host-e-120 up".to_owned(),
        "ip link set pe-e-120 master br-pe-120 up".to_owned(),
        "ip link set br-pe-120 up".to_owned(),
        format!("ip neigh add {address} dev br-pe-120 lladdr {host} nud reachable"),
    ] {
        at.exec(&line.split(' ').collect::<Vec<_>>()).unwrap();
    }
    learn(at, host);
}

/// The port learns once its other end is up.
fn learn(at: &RealFrr, host: Mac) {
    let learn =
        format!("until bridge fdb add {host} dev pe-e-120 master dynamic; do sleep 0.05; done");
    at.exec(&["timeout", "10", "bash", "-c", &learn]).unwrap();
}

/// Both routers, joined, with the segment.
async fn routers(intent: &NodeIntent) -> (Bed, RealFrr) {
    let mut router = Bed::new(Mode::Off);
    let spine = RealFrr::start(Options::default().daemons([Real::Zebra, Real::Bgpd, Real::Bfdd]));
    let spine = spine.unwrap();
    let ends = (
        End::new("eth1", "10.9.0.1/24"),
        End::new("eth1", "10.9.0.2/24"),
    );
    connect(&router.real, ends.0, &spine, ends.1).unwrap();
    router.lead("the intent", intent).await;
    let typed = [
        "configure terminal",
        "router bgp 64512",
        "no bgp ebgp-requires-policy",
        "neighbor 10.9.0.1 remote-as 64514",
        "neighbor 10.9.0.1 bfd",
        "address-family l2vpn evpn",
        "neighbor 10.9.0.1 activate",
        "advertise-all-vni",
    ];
    spine.vty(Real::Bgpd, &typed).unwrap();
    links(&router.real, HERE, OURS, OUR_HOST);
    links(&spine, THERE, THEIRS, THEIR_HOST);
    (router, spine)
}

/// Whether everything that comes from the other router has come.
fn is_complete(facts: &Facts) -> bool {
    let of = |mac| (vni(120), mac);
    let remote = facts.segments.hosts.as_ref();
    let remote = remote.is_ok_and(|hosts| {
        hosts.get(&of(THEIRS)).map(|host| host.place) == Some(HostPlace::Remote)
            && hosts.contains_key(&of(OURS))
    });
    let macs = facts.segments.macs.as_ref();
    let told = |mac, ip| {
        macs.is_ok_and(|macs| {
            let mut macs = macs.iter();
            macs.any(|path| {
                path.mac == mac && path.ip == Some(ip) && path.came.standing == Standing::Best
            })
        })
    };
    let floods = facts.segments.floods.as_ref();
    let flooded = facts.fdb.as_ref();
    let flooded = flooded.is_ok_and(|fdb| fdb.iter().any(|entry| entry.mac == Mac([0; 6])));
    let watched = facts.underlay.bfd.as_ref();
    let watched = watched.is_ok_and(|bfd| bfd.iter().any(|one| one.state == BfdState::Up));
    remote
        && told(OURS, OUR_HOST)
        && told(THEIRS, THEIR_HOST)
        && floods.is_ok_and(|floods| floods.len() >= 2)
        && flooded
        && watched
        && sent(facts) == own(facts)
}

/// The other router, as it is configured.
fn peer() -> Peer {
    intent().underlay.unwrap().spec.neighbors[0].peer.clone()
}

/// Our own routes.
fn own(facts: &Facts) -> BTreeSet<SegmentRoute> {
    let known = &facts.segments;
    let is_own = |came: &Came| came.origin == Origin::Local;
    let macs = known.macs.iter().flatten();
    let macs = macs.filter(|path| is_own(&path.came));
    let floods = known.floods.iter().flatten();
    let floods = floods.filter(|path| is_own(&path.came));
    let macs = macs.map(MacPath::route);
    macs.chain(floods.map(FloodPath::route)).collect()
}

/// What the other router was sent.
fn sent(facts: &Facts) -> BTreeSet<SegmentRoute> {
    let sent = facts.segments.advertised.get(&peer());
    sent.into_iter().flatten().flatten().cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_between_two_routers() {
    let intent = intent();
    let (mut router, _spine) = routers(&intent).await;
    let netns = router.real.netns_path();
    let kernel = Kernel::open(Path::new("/proc/self/ns/net"), &netns)
        .await
        .unwrap();
    let (seen, facts) = eventually("hosts of both sides and BFD", async || {
        let seen = kernel.observe(&[], &[]).await.unwrap();
        let facts = gather(&mut router.driver, Some(&kernel), Some(&seen), &intent).await;
        if is_complete(&facts) {
            Ok((seen, facts))
        } else {
            Err(format!("{facts:#?}"))
        }
    })
    .await;
    let index = |name: &str| seen.router[&name.parse().unwrap()].index;
    vnis_are_right(&facts);
    hosts_are_right(&facts, index("pe-e-120"));
    routes_are_right(&facts);
    let fdb = facts.fdb.as_ref().unwrap();
    for mac in [THEIRS, Mac([0; 6])] {
        let mut entries = fdb.iter();
        let there = entries.any(|entry| {
            (entry.link, entry.mac, entry.to) == (index("vni120"), mac, ForwardTo::Vtep(THERE))
        });
        assert!(there, "{mac}: {fdb:?}");
    }
    ways_are_right(&facts);
    let policy = [
        "configure terminal",
        "route-map no-hosts deny 10",
        "match evpn route-type macip",
        "route-map no-hosts permit 20",
        "router bgp 64514",
        "address-family l2vpn evpn",
        "neighbor 10.9.0.2 route-map no-hosts out",
    ];
    router.real.vty(Real::Bgpd, &policy).unwrap();
    let unsent = eventually("hosts are kept back", async || {
        let facts = gather(&mut router.driver, Some(&kernel), Some(&seen), &intent).await;
        let unsent: BTreeSet<_> = own(&facts).difference(&sent(&facts)).cloned().collect();
        if unsent.is_empty() {
            return Err("all are sent".to_owned());
        }
        Ok(unsent)
    })
    .await;
    let is_host = |route: &SegmentRoute| matches!(route, SegmentRoute::Mac { .. });
    assert!(unsent.iter().all(is_host), "{unsent:?}");

    // What the kernel forgets and learns again zebra hears of.
    let port = index("pe-e-120");
    assert!(kernel.forget_learned_mac(port, OURS).await.unwrap());
    assert!(!kernel.forget_learned_mac(port, OURS).await.unwrap());
    let mut zebra_has = async |wanted| {
        eventually("zebra has heard", async || {
            let facts = gather(&mut router.driver, Some(&kernel), Some(&seen), &intent).await;
            let hosts = facts.segments.hosts.unwrap_or_default();
            let place = hosts.get(&(vni(120), OURS)).map(|host| host.place);
            let is_here = place == Some(HostPlace::Local);
            if is_here == wanted {
                Ok(())
            } else {
                Err(format!("{hosts:?}"))
            }
        })
        .await;
    };
    zebra_has(false).await;
    learn(&router.real, OURS);
    zebra_has(true).await;
}

fn vnis_are_right(facts: &Facts) {
    let zebra = &facts.segments.zebra.as_ref().unwrap()[&vni(120)];
    let wanted = ZebraSegment {
        vrf: Some("default".to_owned()),
        vxlan: Some("vni120".to_owned()),
        svi: Some("br-pe-120".to_owned()),
        vtep: HERE,
    };
    assert_eq!(zebra, &wanted);
    let bgp = &facts.bgp_vnis.as_ref().unwrap()[&vni(120)];
    assert_eq!((bgp.kind, bgp.vtep), (VniKind::L2, HERE));
    assert_eq!(bgp.export_targets, ["64514:120".parse().unwrap()]);
}

fn hosts_are_right(facts: &Facts, port: u32) {
    let hosts = facts.segments.hosts.as_ref().unwrap();
    for (mac, place) in [(OURS, HostPlace::Local), (THEIRS, HostPlace::Remote)] {
        let moves = Moves::Plausible;
        assert_eq!(hosts[&(vni(120), mac)], Host { place, moves }, "{mac}");
    }
    assert_eq!(facts.segments.duplicate_addresses, Ok(Vec::new()));
    let learned = facts.segments.learned.as_ref().unwrap();
    let at_port = learned.iter().filter(|learned| learned.port == port);
    let at_port: Vec<Mac> = at_port.map(|learned| learned.mac).collect();
    assert!(
        at_port.contains(&OURS) && !at_port.contains(&THEIRS),
        "{learned:?}"
    );
}

fn routes_are_right(facts: &Facts) {
    let macs = facts.segments.macs.as_ref().unwrap();
    let floods = facts.segments.floods.as_ref().unwrap();
    for (mac, ip, origin, vtep, target) in [
        (OURS, OUR_HOST, Origin::Local, HERE, "64514:120"),
        (THEIRS, THEIR_HOST, Origin::Peer(THERE), THERE, "64512:120"),
    ] {
        let wanted = Came {
            origin,
            next_hop: vtep,
            targets: vec![target.parse().unwrap()],
            standing: Standing::Best,
        };
        let alone = macs
            .iter()
            .find(|path| path.mac == mac && path.ip.is_none());
        let with_ip = macs.iter().find(|path| path.ip == Some(ip)).unwrap();
        assert_eq!((with_ip.mac, &with_ip.came), (mac, &wanted));
        assert_eq!(alone.map(|path| &path.came), Some(&wanted));
        let mut of_router = floods.iter();
        let flood = of_router.find(|flood| flood.originator == vtep && flood.came.origin == origin);
        assert_eq!(flood.map(|flood| &flood.came), Some(&wanted));
        assert_eq!(flood.map(|flood| &flood.rd), Some(&with_ip.rd));
    }
}

/// How bgpd and zebra reach the other VTEP, and that BFD watches it.
fn ways_are_right(facts: &Facts) {
    let underlay = &facts.underlay;
    let next_hops = underlay.next_hops.as_ref().unwrap();
    assert_eq!(
        next_hops.get(&THERE),
        Some(&Reach::Reachable),
        "{next_hops:?}"
    );
    let connected = "10.9.0.0/24".parse().unwrap();
    assert_eq!(underlay.tracked.as_ref().unwrap()[&THERE], Some(connected));
    let main = underlay.table.as_ref().unwrap();
    assert!(main.iter().any(|route| route.destination == connected));
    let [watched] = underlay.bfd.as_deref().unwrap() else {
        panic!("one session: {:?}", underlay.bfd)
    };
    assert_eq!((watched.peer, &watched.state), (THERE, &BfdState::Up));
}

/// The other side ends BFD: the session goes with it, and bgpd opens none without. So BFD is what
/// is found, and the session only waits.
#[tokio::test(flavor = "multi_thread")]
async fn a_bfd_that_the_other_side_ends_is_why_the_session_is_down() {
    let intent = intent();
    let (mut router, spine) = routers(&intent).await;
    eventually("BFD and BGP are up", async || {
        let facts = gather(&mut router.driver, None, None, &intent).await;
        let (bfd, bgp) = (facts.underlay.bfd.unwrap(), facts.fabric_sessions.unwrap());
        let watched = bfd.iter().any(|one| one.state == BfdState::Up);
        // bgpd leaves a session alone that came up in the very second in which BFD goes.
        let settled = match bgp[&Peer::Address(THERE)].state {
            SessionState::Established { uptime } => uptime >= Duration::from_secs(2),
            SessionState::Down { .. } => false,
        };
        let up = watched && settled;
        up.then_some(()).ok_or_else(|| format!("{bfd:?} {bgp:?}"))
    })
    .await;
    let typed = [
        "configure terminal",
        "router bgp 64512",
        "no neighbor 10.9.0.1 bfd",
    ];
    spine.vty(Real::Bgpd, &typed).unwrap();
    let facts = eventually("the session is down, and waits", async || {
        let facts = gather(&mut router.driver, None, None, &intent).await;
        let session = &facts.fabric_sessions.as_ref().unwrap()[&Peer::Address(THERE)];
        match &session.state {
            SessionState::Down { state } if state == "Idle" => Ok(facts),
            other @ (SessionState::Established { .. } | SessionState::Down { .. }) => {
                Err(format!("{other:?}"))
            }
        }
    })
    .await;
    let [bfd] = facts.underlay.bfd.as_deref().unwrap() else {
        panic!("one session: {:?}", facts.underlay.bfd)
    };
    assert_eq!(bfd.state, BfdState::Down("down".to_owned()));
    assert_eq!(bfd.diagnostic, "neighbor signaled session down");
    let findings = verify(&intent, &facts);
    let is_bad = |check| {
        let mut findings = findings.iter();
        findings.any(|finding| finding.check == check && finding.is_bad())
    };
    assert!(is_bad(Check::BfdSession), "{findings:#?}");
    assert!(!is_bad(Check::UnderlaySession), "{findings:#?}");
}
