//! Silent workloads whose neighbour entries are kept, and others whose entries are not.
//!
//! The router's namespace has the bridge of a gateway; the host's is the workload behind it, and
//! says nothing unless it is asked.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use perouter::api::InterfaceName;
use perouter::netlink::facts::{NeighbourState, Origin, SeenNeighbour};
use perouter::netlink::{Pace, Refresher};
use perouter::plan::link::{LinkChange, LinkKind, Space};

use crate::bed::{Bed, link, name, veth};

/// The bridge, and the workload's addresses behind it.
const BRIDGE: &str = "br-pe-110";
const WORKLOAD: [&str; 2] = ["10.20.0.11", "fd00:20::11"];

/// Fast enough for a test, and rounds by the clock out of the way.
const BY_EVENTS: Pace = Pace {
    interval: Duration::from_secs(3600),
    settle: Duration::from_millis(200),
};

/// Longer than an event's round and the answer take, in which nothing may happen.
const QUIET: Duration = Duration::from_millis(1500);

/// A bridge that is the workload's gateway, and a second one like it without any workload.
async fn bed() -> Bed {
    let bed = Bed::new().await;
    for bridge in [BRIDGE, "br-pe-120"] {
        bed.add(link(bridge, LinkKind::Bridge)).await;
        bed.set(Space::Router, bridge, LinkChange::Up).await;
    }
    bed.add(veth("pe-110", "host-e-110")).await;
    let master = LinkChange::Master(Some(name(BRIDGE)));
    bed.set(Space::Router, "pe-110", master).await;
    bed.set(Space::Router, "pe-110", LinkChange::Up).await;
    bed.set(Space::Host, "host-e-110", LinkChange::Up).await;
    bed.router
        .ip(&format!("address add 10.20.0.1/24 dev {BRIDGE}"));
    bed.router
        .ip(&format!("address add fd00:20::1/64 dev {BRIDGE} nodad"));
    bed.host.ip("address add 10.20.0.11/24 dev host-e-110");
    bed.host
        .ip("address add fd00:20::11/64 dev host-e-110 nodad");
    bed
}

fn bridges(names: &[&str]) -> BTreeSet<InterfaceName> {
    names.iter().map(|it| name(it)).collect()
}

fn refresher(bed: &Bed, pace: Pace) -> Refresher {
    let refresher = bed.kernel.refresher(pace);
    refresher.follow(bridges(&[BRIDGE]));
    refresher
}

/// The workload's own MAC.
fn mac(bed: &Bed) -> String {
    let shown = bed.host.ip_link("host-e-110");
    shown["address"].as_str().unwrap().to_owned()
}

/// Makes an entry stale, as time would.
fn make_stale(bed: &Bed, ip: &str, mac: &str, bridge: &str, more: &str) {
    bed.router.ip(&format!(
        "neigh replace {ip} lladdr {mac} dev {bridge} nud stale {more}"
    ));
}

async fn entry(bed: &Bed, ip: &str) -> Option<SeenNeighbour> {
    let ip = ip.parse::<IpAddr>().unwrap();
    let all = bed.kernel.neighbours().await.unwrap();
    all.into_iter().find(|entry| entry.ip == ip)
}

/// Waits until an entry is as it should be; how long that took.
async fn becomes(
    bed: &Bed,
    ip: &str,
    what: &str,
    right: impl Fn(Option<&SeenNeighbour>) -> bool,
) -> Duration {
    let begin = Instant::now();
    loop {
        let seen = entry(bed, ip).await;
        if right(seen.as_ref()) {
            return begin.elapsed();
        }
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{ip} does not become {what}: {seen:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn is_reachable(entry: Option<&SeenNeighbour>) -> bool {
    entry.is_some_and(|entry| entry.state == NeighbourState::REACHABLE)
}

async fn assert_untouched(bed: &Bed, ip: &str) {
    let seen = entry(bed, ip).await;
    assert!(
        seen.as_ref()
            .is_some_and(|entry| entry.state == NeighbourState::STALE),
        "{ip}: {seen:?}"
    );
}

#[tokio::test]
async fn a_silent_workload_that_answers_stays_known_with_its_mac() {
    let bed = bed().await;
    let mac = mac(&bed);
    for ip in WORKLOAD {
        make_stale(&bed, ip, &mac, BRIDGE, "");
    }
    // By itself the kernel leaves them.
    tokio::time::sleep(QUIET).await;
    for ip in WORKLOAD {
        assert_untouched(&bed, ip).await;
    }
    let refresher = refresher(&bed, BY_EVENTS);
    for ip in WORKLOAD {
        let took = becomes(&bed, ip, "reachable", is_reachable).await;
        eprintln!("{ip} is reachable after {took:?}");
        let now = entry(&bed, ip).await.unwrap();
        assert_eq!(now.mac.unwrap().to_string(), mac);
        assert_eq!(now.index, bed.seen(Space::Router, BRIDGE).await.index);
    }
    assert_eq!(refresher.probes(), 2);
}

#[tokio::test]
async fn an_entry_that_goes_stale_is_probed_without_waiting_for_the_clock() {
    let bed = bed().await;
    let mac = mac(&bed);
    let refresher = refresher(&bed, BY_EVENTS);
    tokio::time::sleep(QUIET).await;
    for round in 1..=3 {
        make_stale(&bed, WORKLOAD[0], &mac, BRIDGE, "");
        becomes(&bed, WORKLOAD[0], "reachable", is_reachable).await;
        assert_eq!(refresher.probes(), round, "one probe an event");
    }
    tokio::time::sleep(QUIET).await;
    assert_eq!(refresher.probes(), 3, "and none without one");
}

#[tokio::test]
async fn the_kernels_own_ageing_is_heard() {
    let bed = bed().await;
    bed.router.exec(
        "sysctl",
        &format!("-w net.ipv4.neigh.{BRIDGE}.base_reachable_time_ms=3000"),
    );
    // Of an entry that was just used the kernel itself asks; this is how long that lasts.
    bed.router.exec(
        "sysctl",
        &format!("-w net.ipv4.neigh.{BRIDGE}.delay_first_probe_time=1"),
    );
    bed.router.exec("ping", "-c1 -W2 10.20.0.11");
    let refresher = refresher(&bed, BY_EVENTS);
    let begin = Instant::now();
    while refresher.probes() < 2 {
        assert!(begin.elapsed() < Duration::from_secs(20), "{refresher:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    becomes(&bed, WORKLOAD[0], "reachable", is_reachable).await;
}

#[tokio::test]
async fn remote_workloads_and_other_links_are_left_alone() {
    let bed = bed().await;
    let mac = mac(&bed);
    make_stale(
        &bed,
        "10.20.0.12",
        "02:00:00:00:00:12",
        BRIDGE,
        "extern_learn",
    );
    make_stale(&bed, "10.30.0.11", "02:00:00:00:00:13", "br-pe-120", "");
    let refresher = refresher(&bed, BY_EVENTS);
    make_stale(&bed, WORKLOAD[0], &mac, BRIDGE, "");
    becomes(&bed, WORKLOAD[0], "reachable", is_reachable).await;
    tokio::time::sleep(QUIET).await;
    assert_untouched(&bed, "10.20.0.12").await;
    let remote = entry(&bed, "10.20.0.12").await.unwrap();
    assert_eq!(remote.origin, Origin::ExternLearn);
    assert_untouched(&bed, "10.30.0.11").await;
    assert_eq!(refresher.probes(), 1);
}

/// As EVPN has it while the workload is on another node.
fn make_remote(bed: &Bed, ip: &str, mac: &str) {
    bed.router.ip(&format!(
        "neigh replace {ip} lladdr {mac} dev {BRIDGE} nud noarp extern_learn protocol zebra"
    ));
}

#[tokio::test]
async fn a_workload_that_has_moved_here_is_asked_for() {
    let bed = bed().await;
    let mac = mac(&bed);
    let elsewhere = "10.20.0.12";
    for ip in WORKLOAD {
        make_remote(&bed, ip, &mac);
    }
    make_remote(&bed, elsewhere, "02:00:00:00:00:12");
    let refresher = refresher(&bed, BY_EVENTS);
    tokio::time::sleep(QUIET).await;
    assert_eq!(refresher.probes(), 0);

    bed.router.exec(
        "bridge",
        &format!("fdb replace {mac} dev pe-110 master dynamic"),
    );
    for ip in [WORKLOAD[0], WORKLOAD[1], elsewhere] {
        bed.router.ip(&format!("neigh del {ip} dev {BRIDGE}"));
    }
    for ip in WORKLOAD {
        let took = becomes(&bed, ip, "reachable", is_reachable).await;
        eprintln!("{ip} is reachable after {took:?}");
    }
    tokio::time::sleep(QUIET).await;
    assert_eq!(refresher.probes(), 2, "nobody asks for one elsewhere");
}

#[tokio::test]
async fn a_workload_that_is_gone_loses_its_entry_and_is_probed_once() {
    let bed = bed().await;
    make_stale(&bed, "10.20.0.66", "02:00:00:00:00:66", BRIDGE, "");
    let refresher = refresher(&bed, BY_EVENTS);
    let took = becomes(&bed, "10.20.0.66", "failed", |entry| {
        entry.is_none_or(|entry| entry.state == NeighbourState::FAILED && entry.mac.is_none())
    })
    .await;
    eprintln!("10.20.0.66 has failed after {took:?}");
    tokio::time::sleep(QUIET).await;
    assert_eq!(refresher.probes(), 1);
}

#[tokio::test]
async fn bridges_come_and_go_while_it_runs() {
    let bed = bed().await;
    let mac = mac(&bed);
    let refresher = bed.kernel.refresher(BY_EVENTS);
    make_stale(&bed, WORKLOAD[0], &mac, BRIDGE, "");
    tokio::time::sleep(QUIET).await;
    assert_untouched(&bed, WORKLOAD[0]).await;

    refresher.follow(bridges(&["br-pe-4711", BRIDGE]));
    becomes(&bed, WORKLOAD[0], "reachable", is_reachable).await;

    refresher.follow(bridges(&["br-pe-4711"]));
    make_stale(&bed, WORKLOAD[0], &mac, BRIDGE, "");
    tokio::time::sleep(QUIET).await;
    assert_untouched(&bed, WORKLOAD[0]).await;

    // One that is deleted and made anew is found by its name.
    refresher.follow(bridges(&[BRIDGE]));
    becomes(&bed, WORKLOAD[0], "reachable", is_reachable).await;
    bed.router.ip(&format!("link del {BRIDGE}"));
    bed.add(link(BRIDGE, LinkKind::Bridge)).await;
    let master = LinkChange::Master(Some(name(BRIDGE)));
    bed.set(Space::Router, "pe-110", master).await;
    bed.set(Space::Router, BRIDGE, LinkChange::Up).await;
    bed.router
        .ip(&format!("address add 10.20.0.1/24 dev {BRIDGE}"));
    make_stale(&bed, WORKLOAD[0], &mac, BRIDGE, "");
    becomes(&bed, WORKLOAD[0], "reachable", is_reachable).await;
}

#[tokio::test]
async fn many_silent_workloads_cost_a_bounded_round_each_time() {
    const COUNT: u64 = 600;
    let bed = bed().await;
    let mac = mac(&bed);
    let batch: String = (0..COUNT)
        .map(|number| {
            let (net, host) = (number / 200 + 1, number % 200 + 1);
            format!("neigh replace 10.20.{net}.{host} lladdr {mac} dev {BRIDGE} nud stale\n")
        })
        .collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), batch).unwrap();
    bed.router.ip(&format!("-batch {}", file.path().display()));

    let pace = Pace {
        settle: Duration::from_secs(1),
        ..BY_EVENTS
    };
    let refresher = refresher(&bed, pace);
    let begin = Instant::now();
    let mut rounds = vec![0];
    while rounds.last() != Some(&COUNT) {
        assert!(begin.elapsed() < Duration::from_secs(10), "{rounds:?}");
        // Between rounds the count stands still.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let now = refresher.probes();
        if rounds.last() != Some(&now) {
            rounds.push(now);
        }
    }
    let largest = rounds.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(largest <= Some(256), "{rounds:?}");
    assert!(begin.elapsed() > Duration::from_secs(2), "{rounds:?}");
}
