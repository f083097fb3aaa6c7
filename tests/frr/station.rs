//! The monitoring station, with a real bgpd that tells it of its sessions: at once when one comes
//! up, and at once when one is lost.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use perouter::frr::Mode;
use perouter::frr::station::Station;
use perouter_harness::{Daemon as Real, End, Frr as RealFrr, Options, connect};
use perouter_parsers::bmp::{Instance, Message, Peer};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::bed::{Bed, DAEMONS, eventually};
use crate::intents::{changed, evpn};

/// How long sessions may take to come up.
const UP: Duration = Duration::from_secs(30);

/// How long the word of a lost session may take.
const LOST: Duration = Duration::from_secs(1);

const SPINE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 9, 0, 2));

/// What is told next of the session with the spine; of the table's own, which bgpd takes for a
/// session too (RFC 9069), nothing is asked.
async fn next(told: &mut mpsc::Receiver<Message>, limit: Duration) -> Message {
    let of_spine = async {
        loop {
            let message = told.recv().await.expect("the station listens");
            match &message {
                Message::PeerUp(peer) | Message::PeerDown { peer, .. } if peer.address == SPINE => {
                    return message;
                }
                Message::PeerUp(_) | Message::PeerDown { .. } | Message::Other(_) => {}
            }
        }
    };
    timeout(limit, of_spine).await.expect("it is told in time")
}

/// Waits until the session is told to be up. Tries that fail before are told as lost ones.
async fn up(told: &mut mpsc::Receiver<Message>) -> Peer {
    loop {
        match next(told, UP).await {
            Message::PeerUp(peer) => return peer,
            Message::PeerDown { .. } | Message::Other(_) => {}
        }
    }
}

fn is_ours(peer: &Peer) -> bool {
    peer.instance == Instance::Default && peer.asn == 64512
}

fn speak(spine: &RealFrr) {
    let typed = [
        "configure terminal",
        "router bgp 64512",
        "no bgp ebgp-requires-policy",
        "neighbor 10.9.0.1 remote-as 64514",
        "neighbor 10.9.0.1 timers connect 1",
        "address-family l2vpn evpn",
        "neighbor 10.9.0.1 activate",
    ];
    spine.vty(Real::Bgpd, &typed).unwrap();
}

/// A router whose bgpd has the module, and a neighbour on a link with it.
fn joined() -> (Bed, RealFrr) {
    let options = Options::default()
        .daemons(DAEMONS)
        .module(Real::Bgpd, "bmp");
    let router = Bed::with(options, Mode::Off);
    let spine = RealFrr::start(Options::default().daemons([Real::Zebra, Real::Bgpd])).unwrap();
    let ends = (
        End::new("eth1", "10.9.0.1/24"),
        End::new("eth1", "10.9.0.2/24"),
    );
    connect(&router.real, ends.0, &spine, ends.1).unwrap();
    (router, spine)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_told_of_when_it_comes_and_at_once_when_it_is_lost() {
    let (mut router, spine) = joined();
    let (tell, mut told) = mpsc::channel(16);
    let _station = Station::open(&router.real.netns_path(), tell)
        .await
        .unwrap();
    let intent = changed(evpn(), |underlay| {
        underlay.spec.neighbors[0].connect_time = Some(1);
    });
    router.lead("the intent", &intent).await;
    speak(&spine);
    // The second time bgpd knows the neighbour already.
    for _ in 0..2 {
        let peer = up(&mut told).await;
        assert!(is_ours(&peer), "{peer:?}");
        let begun = Instant::now();
        spine.kill(Real::Bgpd).unwrap();
        match next(&mut told, LOST).await {
            Message::PeerDown { peer, .. } => assert!(is_ours(&peer), "{peer:?}"),
            other @ (Message::PeerUp(_) | Message::Other(_)) => panic!("{other:?}"),
        }
        eprintln!("a lost session was told of after {:?}", begun.elapsed());
        spine.start_daemon(Real::Bgpd).unwrap();
        speak(&spine);
    }
}

/// An agent that restarts finds out again: bgpd connects to the new station by itself, and tells
/// of the sessions that stand.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_station_hears_of_the_sessions_that_stand() {
    let (mut router, spine) = joined();
    let intent = changed(evpn(), |underlay| {
        underlay.spec.neighbors[0].connect_time = Some(1);
    });
    router.lead("the intent", &intent).await;
    speak(&spine);
    for _ in 0..2 {
        let (tell, mut told) = mpsc::channel(16);
        let netns = router.real.netns_path();
        let station = eventually("nobody listens any more", async || {
            let opened = Station::open(&netns, tell.clone()).await;
            opened.map_err(|error| error.to_string())
        })
        .await;
        let peer = up(&mut told).await;
        assert!(is_ours(&peer), "{peer:?}");
        drop(station);
    }
}
