//! A workload that says nothing keeps its route while it lives, because the agent's refresher
//! has it probed; without the agent it would lose it, and does lose it when it is dead.
//!
//! The times are those of the kernel, made short on one bridge: an entry goes stale after
//! seconds instead of half a minute, the bridge forgets a MAC after eight instead of 300.

use std::thread;
use std::time::{Duration, Instant};

use super::{AWAY, HOME, ROUTES, WORKLOAD, shell, until};
use crate::harness::Lab;

/// What the kernel takes to forget a MAC.
const AGEING: Duration = Duration::from_secs(8);

/// What the workload's node knows of it.
const ENTRIES: &str = "inside() { nsenter --net=/run/netns/perouter \"$@\"; }
    inside ip -s neighbour show dev br-pe-110; inside bridge -s fdb show br br-pe-110
    vtysh -N perouter -c 'show evpn mac vni 110' -c 'show evpn arp-cache vni 110' 2>/dev/null
    tail -n 20 /var/log/perouter/agent.log";

/// Whether the other node's FRR has the workload's EVPN route of type 2, as a script.
fn has_route() -> String {
    format!("{ROUTES} | grep -F '[{WORKLOAD}]' >&2")
}

fn has_no_route() -> String {
    format!("! {{ {}; }}", has_route())
}

/// Has the workload say something, so that all know it.
fn speak(lab: &Lab) {
    let ping = "ip netns exec pod ping -n -c 1 -W 1 10.20.0.1";
    until(lab, HOME, "the gateway answers", ping);
    until(lab, AWAY, "its route is there", &has_route());
}

/// Sends a signal to the agent of the workload's node.
fn signal(lab: &Lab, signal: &str) {
    // The oldest: a child that it starts has its words for a moment.
    let script = format!("kill -{signal} \"$(pgrep -o -f '^perouter agent')\"");
    shell(lab, HOME, &script);
}

/// The last of the lab: the workload dies.
pub(super) fn a_silent_workload_keeps_its_route_while_it_lives(lab: &Lab) {
    shell(
        lab,
        HOME,
        "in_router() { nsenter --net=/run/netns/perouter \"$@\"; }
        in_router ip link set br-pe-110 type bridge ageing_time 800
        # Of an entry that was just used the kernel itself asks; the second is how long.
        in_router sysctl -qw net.ipv4.neigh.br-pe-110.base_reachable_time_ms=3000
        in_router sysctl -qw net.ipv4.neigh.br-pe-110.delay_first_probe_time=1
        # The workload is silent for good: no IPv6, which says something now and then.
        ip netns exec pod sysctl -qw net.ipv6.conf.all.disable_ipv6=1",
    );

    // An entry that was there before would keep its old times.
    shell(
        lab,
        HOME,
        &format!("nsenter --net=/run/netns/perouter ip neighbour del {WORKLOAD} dev br-pe-110"),
    );
    until(lab, AWAY, "its route goes", &has_no_route());
    speak(lab);
    let begin = Instant::now();
    while begin.elapsed() < 2 * AGEING {
        let there = lab
            .exec(AWAY, &["bash", "-c", &has_route()])
            .status
            .success();
        let entries = || shell(lab, HOME, ENTRIES);
        assert!(
            there,
            "its route is gone after {:?}: {}",
            begin.elapsed(),
            entries()
        );
        thread::sleep(Duration::from_millis(500));
    }
    eprintln!("silent for {:?}, and its route is there", begin.elapsed());

    signal(lab, "STOP");
    let took = until(lab, AWAY, "its route goes", &has_no_route());
    eprintln!("with the agent stopped its route went after {took:?}");
    signal(lab, "CONT");

    speak(lab);
    shell(lab, HOME, "ip -n pod link set eth0 down");
    let took = until(lab, AWAY, "its route goes", &has_no_route());
    eprintln!("a dead workload's route went after {took:?}");
}
