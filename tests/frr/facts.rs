//! What is read back from real FRR for verification, and what cannot be read.

use std::collections::HashSet;
use std::net::IpAddr;
use std::path::Path;

use perouter::agent::facts::gather;
use perouter::api::{Family, Peer, RemoteAs};
use perouter::frr::Mode;
use perouter::intent::NodeIntent;
use perouter::intent::addresses::HostLeg;
use perouter::netlink::Kernel;
use perouter::plan::link::SeenKernel;
use perouter::verify::facts::{
    Facts, ForwardTo, Negotiation, Origin, RibChoice, RibProtocol, RouteId, SessionState, Standing,
    VniKind, VniState,
};
use perouter_harness::{Daemon as Real, End, Frr as RealFrr, Options, connect};

use crate::bad_peers::{FalseDaemon, Misbehaviour};
use crate::bed::{Bed, DAEMONS, eventually};
use crate::intents::{asn, bare_vni, changed, evpn, neighbor, only, vni, vrf, with_vnis};

const SPINE_AT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 2));
const SPINE: Peer = Peer::Address(SPINE_AT);
const NOBODY: Peer = Peer::Address(IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 99)));

/// A Type-5 route that a bgpd announces without VRF and VXLAN (`network … rd …`).
fn type5(prefix: &str, rd: &str, mac: &str) -> String {
    format!(
        "network {prefix} rd {rd} ethtag 0 label 100 esi 00:00:00:00:00:00:00:00:00:00 \
         gwip 0.0.0.0 routermac {mac}"
    )
}

/// The router under test and a spine, on one cable.
struct Fabric {
    router: Bed,
    spine: RealFrr,
}

impl Fabric {
    async fn new(intent: &NodeIntent) -> Self {
        let mut router = Bed::new(Mode::Off);
        let spine = RealFrr::start(Options::default().daemons([Real::Zebra, Real::Bgpd])).unwrap();
        let ends = (
            End::new("eth1", "10.9.0.1/24"),
            End::new("eth1", "10.9.0.2/24"),
        );
        connect(&router.real, ends.0, &spine, ends.1).unwrap();
        router.lead("the intent", intent).await;
        Self { router, spine }
    }

    fn spine_runs(&self, lines: &[&str]) {
        let typed: Vec<&str> = ["configure terminal"]
            .iter()
            .chain(lines)
            .copied()
            .collect();
        self.spine.vty(Real::Bgpd, &typed).unwrap();
    }

    /// The spine as a neighbour for IPv4 and EVPN, with one route of each.
    fn spine_peers(&self) {
        let route = type5("10.5.2.0/24", "10.0.0.2:7", "02:00:00:00:00:02");
        self.spine_runs(&[
            "router bgp 64512",
            "no bgp ebgp-requires-policy",
            "no bgp network import-check",
            "neighbor 10.9.0.1 remote-as 64514",
            "address-family ipv4 unicast",
            "network 10.66.0.0/24",
            "exit-address-family",
            "address-family l2vpn evpn",
            "neighbor 10.9.0.1 activate",
            &route,
        ]);
    }

    async fn facts(&mut self, intent: &NodeIntent) -> Facts {
        gather(&mut self.router.driver, None, None, intent).await
    }

    /// Gathers until the spine's session is up, its EVPN route is there and counted, and it was
    /// sent ours. It may send that back, and a router that allows its own AS takes it in.
    async fn settled(&mut self, intent: &NodeIntent) -> Facts {
        let sent = |facts: &Facts| {
            let sent = facts.advertised[&SPINE].as_ref();
            sent.is_ok_and(|sent| !sent.is_empty())
        };
        self.until("our EVPN route sent", intent, sent).await
    }

    /// Gathers until the spine's session is up, its EVPN route is there and counted, and `more`.
    async fn until(
        &mut self,
        words: &str,
        intent: &NodeIntent,
        more: impl Fn(&Facts) -> bool,
    ) -> Facts {
        let words = format!("a session with the spine, its EVPN route counted, {words}");
        eventually(&words, async || {
            let facts = self.facts(intent).await;
            let sessions = facts.fabric_sessions.as_ref().unwrap();
            let spine = &sessions[&SPINE];
            let up = matches!(spine.state, SessionState::Established { .. });
            let paths = facts.evpn.as_ref().unwrap().iter();
            let theirs = paths.filter(|path| path.origin == Origin::Peer(SPINE_AT));
            let known = theirs.clone().any(|path| path.standing == Standing::Best);
            let evpn = spine.families.get(&Family::Evpn);
            let counted = evpn.is_some_and(|evpn| evpn.received as usize == theirs.count());
            if up && counted && known && more(&facts) {
                Ok(facts)
            } else {
                Err(format!("{facts:#?}"))
            }
        })
        .await
    }
}

/// An underlay with the spine, with an address where nobody is, and a VNI.
fn intent() -> NodeIntent {
    let mut intent = changed(evpn(), |underlay| {
        let nobody = neighbor([10, 9, 0, 99]);
        underlay.spec.neighbors[0].connect_time = Some(1);
        underlay.spec.neighbors.push(nobody);
        let mut plain = neighbor([10, 9, 0, 98]);
        plain.families = only([Family::Ipv4Unicast]);
        plain.remote_as = RemoteAs::External;
        underlay.spec.neighbors.push(plain);
    });
    intent.vnis.push(bare_vni("red", 100));
    intent
}

/// The same with a leg to the host for each VNI: of a VRF without, there are no sessions to read.
fn hosted(mut intent: NodeIntent) -> NodeIntent {
    for vni in &mut intent.vnis {
        vni.legs = vec![HostLeg {
            router: "192.169.10.1/24".parse().unwrap(),
            host: "192.169.10.2/24".parse().unwrap(),
        }];
    }
    intent
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_and_routes_between_two_routers() {
    let intent = intent();
    let mut fabric = Fabric::new(&intent).await;
    fabric.spine_peers();
    let own = type5("10.5.1.0/24", "10.0.0.1:7", "02:00:00:00:00:01");
    let typed = [
        "configure terminal",
        "router bgp 64514",
        "address-family l2vpn evpn",
        &own,
    ];
    fabric.router.real.vty(Real::Bgpd, &typed).unwrap();
    let facts = eventually("a route of our own", async || {
        let facts = fabric.settled(&intent).await;
        let mut paths = facts.evpn.as_ref().unwrap().iter();
        if paths.any(|path| path.origin == Origin::Local) {
            Ok(facts)
        } else {
            Err(format!("{facts:#?}"))
        }
    })
    .await;
    sessions_are_right(&facts);
    evpn_is_right(&facts);
    let version = fabric.router.driver.version(perouter::frr::Daemon::Bgpd);
    assert_eq!(version.map(ToString::to_string).as_deref(), Some("10.3"));
}

fn sessions_are_right(facts: &Facts) {
    let sessions = facts.fabric_sessions.as_ref().unwrap();
    assert_eq!(sessions.len(), 3, "{sessions:#?}");
    let spine = &sessions[&SPINE];
    assert_eq!(spine.remote_as, Some(asn(64512)));
    assert_eq!(spine.established_count, spine.dropped_count + 1);
    for family in [Family::Ipv4Unicast, Family::Evpn] {
        let state = spine.families[&family];
        assert_eq!(state.negotiation, Negotiation::Agreed, "{family:?}");
        assert!((1..=2).contains(&state.received), "{family:?}: {state:?}");
    }
    let nobody = &sessions[&NOBODY];
    assert!(matches!(&nobody.state, SessionState::Down { state } if !state.is_empty()));
    assert_eq!(
        nobody.families[&Family::Evpn].negotiation,
        Negotiation::Missing
    );
    assert_eq!(nobody.established_count, 0);
    let external = &sessions[&Peer::Address(IpAddr::from([10, 9, 0, 98]))];
    assert_eq!(external.remote_as, None, "not known before it came up");
    assert!(!external.families.contains_key(&Family::Evpn));
}

fn evpn_is_right(facts: &Facts) {
    let paths = facts.evpn.as_ref().unwrap();
    let of = |prefix: &str, origin| {
        let wanted = prefix.parse().unwrap();
        let mut paths = paths.iter().filter(|path| path.origin == origin);
        paths.find(|path| path.id.prefix == wanted).expect(prefix)
    };
    let own = of("10.5.1.0/24", Origin::Local);
    let theirs = of("10.5.2.0/24", Origin::Peer(SPINE_AT));
    assert_eq!(
        (&*own.id.rd.0, &*theirs.id.rd.0),
        ("10.0.0.1:7", "10.0.0.2:7")
    );
    assert_eq!(theirs.router_mac.unwrap().to_string(), "02:00:00:00:00:02");
    assert_eq!(
        (own.standing, theirs.standing),
        (Standing::Best, Standing::Best)
    );
    // A route that is typed in has no VTEP.
    assert!(theirs.next_hop.is_unspecified());

    let asked: Vec<_> = facts.advertised.keys().cloned().collect();
    assert_eq!(
        asked,
        [SPINE, NOBODY],
        "who shall carry EVPN, and nobody else"
    );
    let sent = facts.advertised[&SPINE].as_ref().unwrap();
    let route = RouteId {
        rd: own.id.rd.clone(),
        prefix: own.id.prefix,
    };
    assert!(sent.contains(&route), "{sent:?}");
    assert!(facts.advertised[&NOBODY].as_ref().unwrap().is_empty());
}

/// The spine is in another AS than the router expects.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_refused_says_why() {
    let intent = intent();
    let mut fabric = Fabric::new(&intent).await;
    fabric.spine_runs(&["router bgp 64999", "neighbor 10.9.0.1 remote-as 64514"]);
    let reset = eventually("the session is refused", async || {
        let facts = fabric.facts(&intent).await;
        let session = facts.fabric_sessions.unwrap().remove(&SPINE).unwrap();
        assert!(matches!(session.state, SessionState::Down { .. }));
        match session.last_reset {
            Some(reset) if reset.reason.contains("Bad Peer AS") => Ok(reset),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert!(reset.reason.contains("Notification"), "{}", reset.reason);
    assert!(reset.ago.as_secs() < 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vrf_and_its_vni() {
    let intent = with_vnis([bare_vni("red", 100)]);
    let mut bed = Bed::new(Mode::Off);
    bed.lead("the intent", &intent).await;
    let network = [
        "configure terminal",
        "router bgp 64514 vrf red",
        "network 10.7.0.0/24",
    ];
    bed.real.vty(Real::Bgpd, &network).unwrap();
    let facts = gather(&mut bed.driver, None, None, &hosted(intent)).await;
    let mapped = &facts.zebra_vnis.as_ref().unwrap()[&vni(100)];
    assert_eq!(
        (mapped.kind, mapped.vrf.as_deref()),
        (VniKind::L3, Some("red"))
    );
    assert_eq!(mapped.state, VniState::Down("Down".to_owned()));
    assert_eq!(
        (&mapped.vxlan, &mapped.svi, mapped.router_mac),
        (&None, &None, None)
    );
    let red = &facts.vrfs[&vrf("red")];
    assert!(red.sessions.as_ref().unwrap().is_empty());
    assert!(red.rib.as_ref().unwrap().is_empty());
    let path = &red.bgp.as_ref().unwrap()[&"10.7.0.0/24".parse().unwrap()][0];
    assert_eq!(
        (path.origin, path.next_hop),
        (Origin::Local, IpAddr::from([0, 0, 0, 0]))
    );
    assert!(facts.bgp_vnis.is_ok() && facts.evpn.is_ok(), "{facts:#?}");
}

/// zebra's RIB and the kernel of the default table stand for a VRF's: their answers have one
/// form, and this kernel needs no VRF for them.
#[tokio::test(flavor = "multi_thread")]
async fn zebras_and_the_kernels_routes_agree() {
    let mut intent = intent();
    intent.vnis = vec![bare_vni("default", 100)];
    let mut fabric = Fabric::new(&super::facts::intent()).await;
    fabric.spine_peers();
    // It has no route of its own to send, and is not asked for the spine's.
    let none_sent = |facts: &Facts| facts.advertised[&SPINE] == Ok(HashSet::new());
    fabric.until("none of them sent", &intent, none_sent).await;
    let netns = fabric.router.real.netns_path();
    let kernel = Kernel::open(Path::new("/proc/self/ns/net"), &netns)
        .await
        .unwrap();
    let seen = kernel.observe(&[], &[]).await.unwrap();
    let prefix = "10.66.0.0/24".parse().unwrap();
    let facts = gather(
        &mut fabric.router.driver,
        Some(&kernel),
        Some(&seen),
        &hosted(intent),
    )
    .await;
    let default = &facts.vrfs[&vrf("default")];
    let entry = &default.rib.as_ref().unwrap()[&prefix][0];
    assert_eq!(
        (&entry.protocol, entry.choice),
        (&RibProtocol::Bgp, RibChoice::Installed)
    );
    assert_eq!(entry.next_hops, [SPINE_AT]);
    let index = seen.router[&"eth1".parse().unwrap()].index;
    let connected = &default.rib.as_ref().unwrap()[&"10.9.0.0/24".parse().unwrap()];
    assert!(
        connected
            .iter()
            .any(|e| e.protocol == RibProtocol::Other("connected".into()))
    );
    let session = default.sessions.as_ref().unwrap()[&SPINE].clone();
    assert!(matches!(session.state, SessionState::Established { .. }));
    let path = &default.bgp.as_ref().unwrap()[&prefix][0];
    assert_eq!(
        (path.origin, path.next_hop),
        (Origin::Peer(SPINE_AT), SPINE_AT)
    );
    // The neighbour was resolved for the session.
    let neighbours = facts.neighbours.as_ref().unwrap();
    let spine = neighbours
        .iter()
        .find(|entry| entry.ip == SPINE_AT && entry.link == index);
    assert!(
        spine.is_some_and(|entry| entry.mac.is_some()),
        "{neighbours:?}"
    );
    let no_vrf = default.table.as_ref().unwrap_err();
    assert_eq!(no_vrf.words, "the router's namespace has no VRF default");
    assert_eq!(facts.kernel.unwrap(), seen);
    assert!(facts.fdb.is_ok());
}

/// Forwarding entries of a VXLAN device, and no others.
#[tokio::test(flavor = "multi_thread")]
async fn forwarding_entries_of_vxlan_devices() {
    let bed = Bed::with(Options::default().daemons(DAEMONS), Mode::Off);
    let mut driver = bed.driver;
    for line in [
        "ip link add br-pe-100 type bridge",
        "ip link add vni100 type vxlan id 100 local 127.0.0.1 dstport 4789 nolearning",
        "ip link set vni100 master br-pe-100 up",
        "ip link set br-pe-100 up",
        "bridge fdb add 02:00:00:00:00:02 dev vni100 dst 100.65.0.2 self",
        "bridge fdb add 02:00:00:00:00:02 dev vni100 master extern_learn",
        "bridge fdb add 02:00:00:00:00:03 dev vni100 master static",
        "ip neigh add 100.65.0.2 dev br-pe-100 lladdr 02:00:00:00:00:02 nud permanent",
        "ip neigh add 100.65.0.3 dev br-pe-100 nud failed",
    ] {
        bed.real.exec(&line.split(' ').collect::<Vec<_>>()).unwrap();
    }
    let netns = bed.real.netns_path();
    let kernel = Kernel::open(Path::new("/proc/self/ns/net"), &netns)
        .await
        .unwrap();
    let seen = kernel.observe(&[], &[]).await.unwrap();
    let nothing = NodeIntent::default();
    let facts = gather(&mut driver, Some(&kernel), Some(&seen), &nothing).await;
    let index = |name: &str| seen.router[&name.parse().unwrap()].index;
    let fdb = facts.fdb.unwrap();
    let seen: HashSet<_> = fdb
        .iter()
        .map(|entry| (entry.link, entry.mac.to_string(), entry.to))
        .collect();
    let device = ForwardTo::Vtep(IpAddr::from([100, 65, 0, 2]));
    let wanted =
        [device, ForwardTo::Device].map(|to| (index("vni100"), "02:00:00:00:00:02".to_owned(), to));
    assert_eq!(seen, HashSet::from(wanted), "as zebra writes them");
    let neighbours = facts.neighbours.unwrap();
    let of = |ip: [u8; 4]| {
        let found = neighbours
            .iter()
            .find(|entry| entry.ip == IpAddr::from(ip))
            .unwrap();
        (found.link, found.mac.map(|mac| mac.to_string()))
    };
    let bridge = index("br-pe-100");
    assert_eq!(
        of([100, 65, 0, 2]),
        (bridge, Some("02:00:00:00:00:02".to_owned()))
    );
    assert_eq!(of([100, 65, 0, 3]), (bridge, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_bgp_everything_is_read_and_empty() {
    let mut bed = Bed::new(Mode::Off);
    let facts = gather(
        &mut bed.driver,
        None,
        Some(&SeenKernel::default()),
        &hosted(intent()),
    )
    .await;
    assert!(facts.fabric_sessions.unwrap().is_empty());
    assert!(facts.bgp_vnis.unwrap().is_empty());
    assert!(facts.zebra_vnis.unwrap().is_empty());
    assert!(facts.evpn.unwrap().is_empty());
    assert!(facts.advertised[&SPINE].as_ref().unwrap().is_empty());
    let red = &facts.vrfs[&vrf("red")];
    assert!(red.sessions.as_ref().unwrap().is_empty());
    assert!(red.bgp.as_ref().unwrap().is_empty());
    assert!(red.rib.as_ref().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_daemon_is_named_and_harms_nothing_else() {
    let intent = intent();
    let mut bed = Bed::new(Mode::Off);
    bed.lead("the intent", &intent).await;
    bed.real.kill(Real::Zebra).unwrap();
    let facts = gather(&mut bed.driver, None, None, &hosted(intent)).await;
    let red = &facts.vrfs[&vrf("red")];
    for words in [
        facts.zebra_vnis.unwrap_err().words,
        red.rib.clone().unwrap_err().words,
    ] {
        assert!(
            words.contains("zebra") && words.contains("is FRR running?"),
            "{words}"
        );
    }
    assert_eq!(facts.fabric_sessions.unwrap().len(), 3);
    assert!(facts.evpn.is_ok() && facts.bgp_vnis.is_ok() && red.bgp.is_ok());
    assert!(red.sessions.is_ok() && facts.advertised[&SPINE].is_ok());
    for words in [
        facts.neighbours.unwrap_err().words,
        facts.fdb.unwrap_err().words,
    ] {
        assert_eq!(words, "the router's namespace could not be opened");
    }
    assert_eq!(facts.kernel.unwrap_err().words, "not read in this pass");
}

/// A daemon that breaks off is asked twice, once each way, and not for every table.
#[tokio::test(flavor = "multi_thread")]
async fn a_broken_daemon_is_not_asked_for_every_table() {
    let dir = tempfile::tempdir().unwrap();
    let half = Misbehaviour::SayAndClose(b"{\"10.0.0.1:2\":{\"rd\":\"10.0".to_vec());
    let bgpd = FalseDaemon::new(&dir.path().join("bgpd.vty"), half);
    let garbage = Misbehaviour::Answer(b"{\"vrfs\":\"seven\"}".to_vec());
    let _zebra = FalseDaemon::new(&dir.path().join("zebra.vty"), garbage);
    let mut driver = perouter::frr::Frr::new(perouter::frr::Options {
        dir: dir.path().to_owned(),
        netns: "/proc/self/ns/net".into(),
        northbound: Mode::Off,
    });
    let facts = gather(&mut driver, None, None, &hosted(intent())).await;
    assert_eq!(bgpd.connections(), 2);
    let red = &facts.vrfs[&vrf("red")];
    for words in [
        facts.fabric_sessions.unwrap_err().words,
        facts.bgp_vnis.unwrap_err().words,
        facts.evpn.unwrap_err().words,
        facts.advertised[&SPINE].clone().unwrap_err().words,
        red.bgp.clone().unwrap_err().words,
        red.sessions.clone().unwrap_err().words,
    ] {
        assert!(words.contains("bgpd") && words.contains("json`"), "{words}");
    }
    let words = facts.zebra_vnis.unwrap_err().words;
    assert!(
        words.contains("zebra") && words.contains("`show vrf vni json`"),
        "{words}"
    );
    let words = red.rib.clone().unwrap_err().words;
    assert!(
        words.contains("zebra") && words.contains("`show ip route vrf red json`"),
        "{words}"
    );
}
