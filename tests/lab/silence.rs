//! A workload that says nothing keeps its route while it lives, because the agent's refresher
//! has it probed; without the agent it would lose it, and does lose it when it is dead.
//!
//! The times are those of the kernel, made short on one bridge: an entry goes stale after
//! seconds instead of half a minute, the bridge forgets a MAC after eight instead of 300.

use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{Backend, Lab, text, wait_within};

/// Where the workload is, and where its route must be.
const HOME: &str = "node1";
const AWAY: &str = "node2";
const WORKLOAD: &str = "10.20.0.11";

/// What the kernel takes to forget a MAC.
const AGEING: Duration = Duration::from_secs(8);

/// How long anything may take, on a slow machine.
const LIMIT: Duration = Duration::from_secs(90);

/// Runs a script in a node and demands that it succeeds; what it printed.
fn shell(lab: &Lab, node: &str, script: &str) -> String {
    let output = lab.exec(node, &["bash", "-euc", script]);
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{node}: «{script}»: {errors}{out}");
    out
}

/// Waits until a node's script succeeds; how long that took.
fn until(lab: &Lab, node: &str, what: &str, script: &str) -> Duration {
    let begin = Instant::now();
    wait_within(LIMIT, what, || {
        let output = lab.exec(node, &["bash", "-euc", script]);
        output.status.success().then(|| begin.elapsed())
    })
}

/// Whether the other node's FRR has the workload's EVPN route of type 2, as a script.
fn has_route() -> String {
    format!(
        "vtysh -N perouter -c 'show bgp l2vpn evpn route type macip' | grep -F '[{WORKLOAD}]' >&2"
    )
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

#[test]
fn a_silent_workload_keeps_its_route_while_it_lives() {
    let lab = Lab::new("evpn-mixed", Backend::Auto);
    lab.up();
    for node in [HOME, AWAY] {
        until(&lab, node, "all is ready", "perouter status");
    }
    shell(
        &lab,
        HOME,
        "in_router() { nsenter --net=/run/netns/perouter \"$@\"; }
        in_router ip link set br-pe-110 type bridge ageing_time 800
        # Of an entry that was just used the kernel itself asks; the second is how long.
        in_router sysctl -qw net.ipv4.neigh.br-pe-110.base_reachable_time_ms=3000
        in_router sysctl -qw net.ipv4.neigh.br-pe-110.delay_first_probe_time=1
        # The workload is silent for good: no IPv6, which says something now and then.
        ip netns exec pod sysctl -qw net.ipv6.conf.all.disable_ipv6=1",
    );

    speak(&lab);
    let begin = Instant::now();
    while begin.elapsed() < 2 * AGEING {
        shell(&lab, AWAY, &has_route());
        thread::sleep(Duration::from_millis(500));
    }
    eprintln!("silent for {:?}, and its route is there", begin.elapsed());

    signal(&lab, "STOP");
    let took = until(&lab, AWAY, "its route goes", &has_no_route());
    eprintln!("with the agent stopped its route went after {took:?}");
    signal(&lab, "CONT");

    speak(&lab);
    shell(&lab, HOME, "ip -n pod link set eth0 down");
    let took = until(&lab, AWAY, "its route goes", &has_no_route());
    eprintln!("a dead workload's route went after {took:?}");
    lab.down();
}
