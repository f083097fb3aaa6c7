//! Changes under sessions that are up: what is not concerned goes on, and filters act at once.

use perouter::agent::facts::gather;
use perouter::api::{Bfd, RemoteAs};
use perouter::frr::Mode;
use perouter::intent::{NodeIntent, UnderlayIntent};
use perouter::verify::facts::{SessionState, sessions_of};
use perouter_harness::{Daemon as Real, End, Frr as RealFrr, Options, connect};
use serde_json::Value;

use crate::bed::{Bed, eventually};
use crate::intents::{
    addressed, asn, at, behind, bfd, changed, evpn, from_range, neighbor, passthrough, password,
    plain, rules, timers, vni_with_host, vni_with_targets,
};

/// The router, and two others on cables of their own: each a neighbour.
struct Live {
    router: Bed,
    first: RealFrr,
    second: RealFrr,
}

/// How a session stands: whether it is up, how often it came up, and how often it went down.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    up: bool,
    came_up: u64,
    went_down: u64,
}

impl Live {
    async fn new(intent: &NodeIntent) -> Self {
        let router = Bed::new(Mode::Auto);
        let other = || {
            let daemons = [Real::Zebra, Real::Bgpd, Real::Bfdd];
            RealFrr::start(Options::default().daemons(daemons)).unwrap()
        };
        let mut live = Self {
            router,
            first: other(),
            second: other(),
        };
        for (number, real) in [(0, &live.first), (1, &live.second)] {
            let (own, far) = (format!("10.9.{number}.1/24"), format!("10.9.{number}.2/24"));
            let name = format!("eth{}", number + 1);
            let ends = (End::new(&name, &own), End::new("eth1", &far));
            connect(&live.router.real, ends.0, real, ends.1).unwrap();
        }
        speaks(&live.first, 64512, "10.9.0.1", 64514);
        speaks(&live.second, 64512, "10.9.1.1", 64514);
        live.lead(intent).await;
        live
    }

    async fn lead(&mut self, intent: &NodeIntent) {
        self.router.lead("a change", intent).await;
    }

    fn standing(&self, neighbor: &str) -> Standing {
        let show = format!("show bgp neighbors {neighbor} json");
        let text = self.router.real.vty(Real::Bgpd, &[&show]).unwrap();
        let all: Value = serde_json::from_str(&text).unwrap();
        let own = &all[neighbor];
        Standing {
            up: own["bgpState"] == "Established",
            came_up: own["connectionsEstablished"].as_u64().unwrap_or(0),
            went_down: own["connectionsDropped"].as_u64().unwrap_or(0),
        }
    }

    async fn until_up(&self, neighbor: &str) -> Standing {
        eventually(&format!("{neighbor} is up"), async || {
            let standing = self.standing(neighbor);
            if standing.up {
                Ok(standing)
            } else {
                Err(format!("{standing:?}"))
            }
        })
        .await
    }
}

/// Makes a router speak BGP with one neighbour, IPv4 and EVPN.
fn speaks(real: &RealFrr, own: u32, neighbor: &str, remote: u32) {
    let lines = [
        "configure terminal".to_owned(),
        format!("router bgp {own}"),
        "no bgp ebgp-requires-policy".to_owned(),
        "no bgp network import-check".to_owned(),
        format!("neighbor {neighbor} remote-as {remote}"),
        format!("neighbor {neighbor} timers connect 1"),
        "address-family ipv4 unicast".to_owned(),
        "network 172.16.5.0/24".to_owned(),
        "network 0.0.0.0/0".to_owned(),
        "exit-address-family".to_owned(),
        "address-family l2vpn evpn".to_owned(),
        format!("neighbor {neighbor} activate"),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    real.vty(Real::Bgpd, &lines).unwrap();
}

/// Two neighbours, quick to connect.
fn two(intent: NodeIntent) -> NodeIntent {
    changed(intent, |underlay| {
        underlay.spec.neighbors.push(neighbor([10, 9, 1, 2]));
        for neighbor in &mut underlay.spec.neighbors {
            neighbor.connect_time = Some(1);
        }
    })
}

/// A change of an underlay, and what it is.
type Change = (&'static str, fn(&mut UnderlayIntent));

/// Changes that concern the second neighbour.
fn changes_of_the_second() -> Vec<Change> {
    vec![
        ("another AS", |u| {
            u.spec.neighbors[1].remote_as = RemoteAs::Number(asn(64513));
        }),
        ("any other AS", |u| {
            u.spec.neighbors[1].remote_as = RemoteAs::External;
        }),
        ("timers", |u| {
            u.spec.neighbors[1].timers = Some(timers(3, 9))
        }),
        ("BFD", |u| u.spec.neighbors[1].bfd = Some(Bfd::default())),
        ("a BFD profile", |u| {
            u.spec.neighbors[1].bfd = Some(bfd(150, 4));
        }),
        ("another port", |u| {
            u.spec.neighbors[1].port = Some(1790.try_into().unwrap());
        }),
        ("it calls", |u| {
            u.spec.neighbors[1] = at(from_range("10.9.1.0/24"));
        }),
        ("it calls from elsewhere, in another AS", |u| {
            let mut called = at(from_range("10.9.1.0/28"));
            called.remote_as = RemoteAs::External;
            u.spec.neighbors[1] = called;
        }),
        ("it is gone", |u| _ = u.spec.neighbors.remove(1)),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_one_neighbour_leaves_the_other_alone() {
    let home = two(plain());
    let mut live = Live::new(&home).await;
    let before = live.until_up("10.9.0.2").await;
    live.until_up("10.9.1.2").await;
    for (what, change) in changes_of_the_second() {
        live.lead(&changed(home.clone(), change)).await;
        assert_eq!(live.standing("10.9.0.2"), before, "{what}");
        live.lead(&home).await;
        assert_eq!(live.standing("10.9.0.2"), before, "{what}, and back");
    }
    live.until_up("10.9.1.2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_calls_is_let_in() {
    let intent = changed(evpn(), |u| {
        let mut called = at(from_range("10.9.1.0/24"));
        called.remote_as = RemoteAs::External;
        u.spec.neighbors.push(called);
    });
    let mut live = Live::new(&intent).await;
    let standing = live.until_up("10.9.1.2").await;
    assert_eq!((standing.came_up, standing.went_down), (1, 0));
    let facts = gather(&mut live.router.driver, None, None, &intent).await;
    let neighbors = &intent.underlay.as_ref().unwrap().spec.neighbors;
    let sessions = facts.fabric_sessions.as_ref().unwrap();
    let callers = sessions_of(&neighbors[1].peer, sessions, neighbors);
    let callers: Vec<String> = callers.iter().map(|(peer, _)| peer.to_string()).collect();
    assert_eq!(callers, ["10.9.1.2"]);
    assert!(
        facts.advertised.contains_key(&addressed("10.9.1.2")),
        "{facts:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn vnis_come_change_and_go_under_sessions_that_stay() {
    let home = two(evpn());
    let mut live = Live::new(&home).await;
    let first = live.until_up("10.9.0.2").await;
    let second = live.until_up("10.9.1.2").await;
    let with = |vnis| NodeIntent {
        vnis,
        ..home.clone()
    };
    let red = |host| vni_with_host("red", 100, 64514, host);
    let blue = || vni_with_targets("blue", 200, &["65000:1"], &["65000:2"]);
    for intent in [
        with(vec![red(RemoteAs::External)]),
        with(vec![red(RemoteAs::Internal), blue()]),
        with(vec![blue()]),
        home.clone(),
    ] {
        live.lead(&intent).await;
        assert_eq!(live.standing("10.9.0.2"), first);
        assert_eq!(live.standing("10.9.1.2"), second);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_every_kind_come_up_and_are_read_back() {
    let intent = changed(plain(), |u| {
        let with_secret = &mut u.spec.neighbors[0];
        with_secret.password = Some(password("s3cret!#"));
        with_secret.bfd = Some(bfd(100, 3));
        with_secret.connect_time = Some(1);
        let mut unnumbered = at(behind("eth2"));
        unnumbered.remote_as = RemoteAs::External;
        u.spec.neighbors.push(unnumbered);
        let mut over_ipv6 = at(addressed("fd00:9::2"));
        over_ipv6.connect_time = Some(1);
        u.spec.neighbors.push(over_ipv6);
    });
    let mut live = Live::new(&intent).await;
    for (real, name, address) in [
        (&live.router.real, "eth1", "fd00:9::1/64"),
        (&live.first, "eth1", "fd00:9::2/64"),
    ] {
        let add = ["ip", "address", "add", address, "dev", name, "nodad"];
        real.exec(&add).unwrap();
    }
    let instance = ["configure terminal", "router bgp 64512"];
    let first = [
        "neighbor 10.9.0.1 password s3cret!#",
        "neighbor 10.9.0.1 bfd",
        "neighbor fd00:9::1 remote-as 64514",
        "neighbor fd00:9::1 timers connect 1",
        "address-family ipv6 unicast",
        "neighbor fd00:9::1 activate",
    ];
    live.first
        .vty(Real::Bgpd, &[&instance[..], &first].concat())
        .unwrap();
    let second = [
        "no neighbor 10.9.1.1",
        "neighbor eth1 interface remote-as external",
    ];
    live.second
        .vty(Real::Bgpd, &[&instance[..], &second].concat())
        .unwrap();
    for neighbor in ["10.9.0.2", "eth2", "fd00:9::2"] {
        live.until_up(neighbor).await;
    }
    eventually("BFD is up, at the rate of the profile", async || {
        let text = live.router.real.vty(Real::Bfdd, &["show bfd peers json"]);
        let peers: Value = serde_json::from_str(&text.unwrap()).unwrap();
        let up = peers.as_array().unwrap().iter().any(|peer| {
            peer["peer"] == "10.9.0.2" && peer["status"] == "up" && peer["receive-interval"] == 100
        });
        if up { Ok(()) } else { Err(peers.to_string()) }
    })
    .await;
    let facts = gather(&mut live.router.driver, None, None, &intent).await;
    let sessions = facts.fabric_sessions.as_ref().unwrap();
    for peer in [
        addressed("10.9.0.2"),
        behind("eth2"),
        addressed("fd00:9::2"),
    ] {
        let session = &sessions[&peer];
        let up = matches!(session.state, SessionState::Established { .. });
        assert!(up, "{peer}: {session:#?}");
    }
}

/// The prefixes that bgpd has taken from a neighbour.
fn taken(real: &RealFrr, table: &str) -> Vec<String> {
    let show = format!("show bgp {table} json");
    let text = real.vty(Real::Bgpd, &[&show]).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let routes = all["routes"].as_object();
    routes
        .into_iter()
        .flat_map(|routes| routes.keys().cloned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_acts_at_once_on_a_session_that_is_up_and_so_does_another() {
    let host = |incoming, outgoing| {
        let mut own = passthrough(RemoteAs::External, &["10.9.1.0/24"]);
        own.session.allowed.incoming = incoming;
        own.session.allowed.outgoing = outgoing;
        NodeIntent {
            passthrough: Some(own),
            ..plain()
        }
    };
    let mut live = Live::new(&host(None, None)).await;
    live.until_up("10.9.0.2").await;
    let before = live.until_up("10.9.1.2").await;
    let leaks = ["0.0.0.0/0", "172.16.5.0/24"].map(str::to_owned);
    let from_host = "ipv4 unicast neighbors 10.9.1.2 routes";
    let held = async |live: &Live, wanted: &[String]| {
        eventually(&format!("only {wanted:?} from the host"), async || {
            let mut now = taken(&live.router.real, from_host);
            now.retain(|prefix| leaks.contains(prefix));
            if now == wanted {
                Ok(())
            } else {
                Err(format!("{now:?}"))
            }
        })
        .await;
    };
    held(&live, &leaks).await;
    live.lead(&host(rules(&[("172.16.0.0/12", 12, 32)]), None))
        .await;
    held(&live, &leaks[1..]).await;
    // Another rule is another list; the old one is gone, and nothing was lost in between.
    live.lead(&host(rules(&[("0.0.0.0/0", 0, 0)]), None)).await;
    held(&live, &leaks[..1]).await;
    live.lead(&host(None, Some(Vec::new()))).await;
    held(&live, &leaks).await;
    eventually("the host is told nothing", async || {
        let now = taken(&live.second, "ipv4 unicast neighbors 10.9.1.1 routes");
        if now.is_empty() {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        }
    })
    .await;
    assert_eq!(
        live.standing("10.9.1.2"),
        before,
        "the session stayed up all the time"
    );
}
