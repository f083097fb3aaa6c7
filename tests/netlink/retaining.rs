//! Forwarding that outlives bgpd: a socket here plays bgpd, and `ip` and `bridge` play zebra.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use perouter::api::Vni;
use perouter::netlink::Retention;
use perouter::plan::link::{LinkChange, LinkKind, Space};
use tokio::net::UnixListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::bed::{Bed, link, name, run};

/// As long as no test takes.
const LONG: Duration = Duration::from_secs(600);

/// Long enough for what is not to happen to happen.
const QUIET: Duration = Duration::from_millis(700);

/// A remote router, as EVPN tells of it.
const VTEP: &str = "100.65.0.9";
const MAC: &str = "02:00:00:00:00:09";

/// A workload on the node itself.
const WORKLOAD: &str = "02:00:00:00:00:0a";

const ROUTE: &str = "172.16.9.0/24 via 100.65.0.9 dev br-pe-100 onlink proto bgp";

/// What takes connections and says nothing, as bgpd's socket does.
struct Bgpd {
    path: PathBuf,
    process: JoinHandle<()>,
}

impl Bgpd {
    fn start(path: PathBuf) -> Self {
        // Whoever died has left its socket.
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let process = tokio::spawn(async move {
            let mut taken = Vec::new();
            while let Ok((stream, _)) = listener.accept().await {
                taken.push(stream);
            }
        });
        Self { path, process }
    }

    /// Its connections close at once.
    async fn kill(self) -> PathBuf {
        self.process.abort();
        let _ = self.process.await;
        self.path
    }
}

/// A VXLAN device in a bridge, as of an L3VNI, with everything that zebra writes.
async fn bed() -> (Bed, tempfile::TempDir, Bgpd) {
    let bed = Bed::new().await;
    bed.router.ip("address add 100.65.0.0/32 dev lo");
    bed.add(link("br-pe-100", LinkKind::Bridge)).await;
    let local = "100.65.0.0".parse().unwrap();
    let vni = Vni::try_from(100_u32).unwrap();
    let port = 4789;
    bed.add(link("vni100", LinkKind::Vxlan { vni, local, port }))
        .await;
    let master = LinkChange::Master(Some(name("br-pe-100")));
    bed.set(Space::Router, "vni100", master).await;
    for up in ["br-pe-100", "vni100"] {
        bed.set(Space::Router, up, LinkChange::Up).await;
    }
    // A workload on the same bridge, which the bridge has learned by itself.
    bed.router.ip("link add pod type veth peer name pod-eth0");
    bed.router.ip("link set pod-eth0 up");
    bed.router.ip("link set pod up master br-pe-100");
    bridge(&bed, &format!("fdb add {WORKLOAD} dev pod master dynamic"));
    bed.router.ip(&format!("route add {VTEP} dev br-pe-100"));
    // The kernel tells a bridge within a second that it has a port that is up, and the bridge forgets
    // its neighbours then.
    tokio::time::sleep(Duration::from_millis(1300)).await;
    write_all(&bed);
    let folder = tempfile::tempdir().unwrap();
    let bgpd = Bgpd::start(folder.path().join("bgpd.vty"));
    (bed, folder, bgpd)
}

/// What zebra writes when bgpd has told it.
fn write_all(bed: &Bed) {
    bridge(
        bed,
        &format!("fdb replace {MAC} dev vni100 self master dynamic extern_learn dst {VTEP}"),
    );
    bed.router.ip(&format!(
        "neigh replace {VTEP} lladdr {MAC} dev br-pe-100 nud noarp extern_learn protocol zebra"
    ));
    bridge(
        bed,
        &format!("fdb append 00:00:00:00:00:00 dev vni100 dst {VTEP} self permanent extern_learn"),
    );
    bed.router.ip(&format!("route replace {ROUTE} metric 20"));
    bed.router
        .ip("route replace 172.16.10.0/24 proto bgp metric 20 nexthop via 100.65.0.9 dev br-pe-100 onlink nexthop via 100.65.0.8 dev br-pe-100 onlink");
}

/// What zebra takes away when bgpd is gone.
fn take_away(bed: &Bed) {
    bridge(bed, &format!("fdb del {MAC} dev vni100 master"));
    bridge(bed, &format!("fdb del {MAC} dev vni100 self dst {VTEP}"));
    bed.router.ip(&format!("neigh del {VTEP} dev br-pe-100"));
    bridge(
        bed,
        &format!("fdb del 00:00:00:00:00:00 dev vni100 dst {VTEP} self"),
    );
    bed.router.ip(&format!("route del {ROUTE} metric 20"));
    bed.router
        .ip("route del 172.16.10.0/24 proto bgp metric 20");
}

fn bridge(bed: &Bed, arguments: &str) -> String {
    run("bridge", &format!("-n {} {arguments}", bed.router.name))
}

/// What of it is there, in words of our own, without the marks of what was put back.
fn there(bed: &Bed) -> Vec<&'static str> {
    let fdb = bridge(bed, "fdb show dev vni100");
    let of_mac = |mark: &str| {
        fdb.lines()
            .any(|line| line.starts_with(MAC) && line.contains(mark))
    };
    let neighbours = bed.router.ip("neigh show dev br-pe-100");
    let routes = bed.router.ip("route show");
    let all = [
        ("bridge", of_mac("master")),
        ("vxlan", of_mac(VTEP)),
        (
            "flooding",
            fdb.contains(&format!("00:00:00:00:00:00 dst {VTEP}")),
        ),
        ("neighbour", neighbours.contains(MAC)),
        ("route", routes.contains("172.16.9.0/24 via 100.65.0.9")),
        ("multipath", routes.contains("172.16.10.0/24")),
    ];
    all.into_iter()
        .filter_map(|(what, is_there)| is_there.then_some(what))
        .collect()
}

const ALL: [&str; 6] = [
    "bridge",
    "vxlan",
    "flooding",
    "neighbour",
    "route",
    "multipath",
];

/// What zebra had no hand in is as it was.
fn assert_the_rest(bed: &Bed) {
    let fdb = bridge(bed, "fdb show dev pod");
    assert!(fdb.contains(WORKLOAD), "{fdb}");
}

async fn becomes(bed: &Bed, wanted: &[&str]) {
    let begin = Instant::now();
    while there(bed) != wanted {
        assert!(
            begin.elapsed() < Duration::from_secs(10),
            "{:?} instead of {wanted:?}",
            there(bed)
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_the_rest(bed);
}

async fn stays(bed: &Bed, wanted: &[&str]) {
    tokio::time::sleep(QUIET).await;
    assert_eq!(there(bed), wanted);
}

/// Begins to retain, and has heard of everything that is there.
async fn retention(bed: &Bed, bgpd: &Bgpd, limit: Duration) -> Retention {
    let retention = bed.kernel.retention(bgpd.path.clone());
    retention.allow(Some(limit));
    tokio::time::sleep(QUIET).await;
    retention
}

#[tokio::test]
async fn what_is_withdrawn_while_bgpd_lives_goes() {
    let (bed, _folder, bgpd) = bed().await;
    assert_eq!(there(&bed), ALL, "what this test is about");
    let _retention = retention(&bed, &bgpd, LONG).await;
    take_away(&bed);
    stays(&bed, &[]).await;
}

#[tokio::test]
async fn what_goes_with_bgpd_is_put_back_and_given_up_when_all_is_well() {
    let (bed, _folder, bgpd) = bed().await;
    let retention = retention(&bed, &bgpd, LONG).await;
    let path = bgpd.kill().await;
    take_away(&bed);
    becomes(&bed, &ALL).await;
    let _bgpd = Bgpd::start(path);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(there(&bed), ALL);
    retention.settled(Instant::now());
    becomes(&bed, &[]).await;
}

#[tokio::test]
async fn what_bgpd_tells_again_stays_as_zebra_writes_it() {
    let (bed, _folder, bgpd) = bed().await;
    let shown = |bed: &Bed| {
        let all = [
            bridge(bed, "-d fdb show dev vni100"),
            bed.router.ip("neigh show dev br-pe-100"),
            bed.router.ip("route show"),
        ];
        let mut lines: Vec<String> = all.concat().lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let before = shown(&bed);
    let retention = retention(&bed, &bgpd, LONG).await;
    let path = bgpd.kill().await;
    take_away(&bed);
    becomes(&bed, &ALL).await;
    assert_ne!(shown(&bed), before, "what was put back can be told apart");
    let _bgpd = Bgpd::start(path);
    write_all(&bed);
    tokio::time::sleep(Duration::from_secs(4)).await;
    retention.settled(Instant::now());
    // zebra would put back the entry to flood by.
    becomes(
        &bed,
        &["bridge", "vxlan", "neighbour", "route", "multipath"],
    )
    .await;
    write_all(&bed);
    stays(&bed, &ALL).await;
    assert_eq!(shown(&bed), before);
}

/// Packets make another entry at once in the place of the one that is deleted, most of the times;
/// so it is done often.
#[tokio::test]
async fn a_neighbour_that_packets_are_sent_to_is_put_back() {
    let (bed, _folder, bgpd) = bed().await;
    let _retention = retention(&bed, &bgpd, LONG).await;
    let _path = bgpd.kill().await;
    let mut packets = Command::new("nsenter")
        .arg(format!("--net={}", bed.router.path().display()))
        .args(["ping", "-n", "-q", "-i", "0.002", VTEP])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    for _ in 0..20 {
        bed.router.ip(&format!("neigh del {VTEP} dev br-pe-100"));
        becomes(&bed, &ALL).await;
    }
    packets.kill().unwrap();
    packets.wait().unwrap();
}

#[tokio::test]
async fn nothing_stays_longer_than_a_restart_may_take() {
    let (bed, _folder, bgpd) = bed().await;
    let _retention = retention(&bed, &bgpd, Duration::from_secs(2)).await;
    let _path = bgpd.kill().await;
    take_away(&bed);
    becomes(&bed, &ALL).await;
    becomes(&bed, &[]).await;
    write_all(&bed);
    take_away(&bed);
    stays(&bed, &[]).await;
}

#[tokio::test]
async fn a_verification_from_before_bgpd_was_back_ends_nothing() {
    let (bed, _folder, bgpd) = bed().await;
    let retention = retention(&bed, &bgpd, LONG).await;
    let path = bgpd.kill().await;
    take_away(&bed);
    becomes(&bed, &ALL).await;
    retention.settled(Instant::now());
    stays(&bed, &ALL).await;
    let _bgpd = Bgpd::start(path);
    tokio::time::sleep(QUIET).await;
    retention.settled(Instant::now());
    stays(&bed, &ALL).await;
}

#[tokio::test]
async fn what_a_dead_agent_had_put_back_is_found_and_given_up() {
    let (bed, _folder, bgpd) = bed().await;
    let first = retention(&bed, &bgpd, LONG).await;
    let path = bgpd.kill().await;
    take_away(&bed);
    becomes(&bed, &ALL).await;
    drop(first);
    let bgpd = Bgpd::start(path);
    let second = retention(&bed, &bgpd, LONG).await;
    stays(&bed, &ALL).await;
    second.settled(Instant::now());
    becomes(&bed, &["flooding"]).await;
}

#[tokio::test]
async fn without_graceful_restart_nothing_is_put_back() {
    let (bed, _folder, bgpd) = bed().await;
    let retention = retention(&bed, &bgpd, LONG).await;
    retention.allow(None);
    tokio::time::sleep(QUIET).await;
    let _path = bgpd.kill().await;
    take_away(&bed);
    stays(&bed, &[]).await;
}
