//! A router's daemons die while neighbours wait for it, and no packet is lost:
//! `containerlab/graceful-restart.clab.yml`.
//!
//! Seen to fail: without the retention of what zebra takes away (the ways from node1 are gone for
//! seconds), and with the fabric brought back before the hosts (a host forgets the way for one).

use std::time::{Duration, Instant};

use crate::harness::{Backend, Lab};
use crate::pinging::{Pinged, Pinging};
use crate::workloads::{shell, until};

/// What may be lost between zebra's taking away of an entry and our putting it back: nothing or a
/// ping or two where there is time, some where the machine is busy in that moment. What is
/// forgotten and learned again costs more than fifty.
const HANDFUL: usize = 20;

/// Less than it takes to forget and learn a route, and more than a busy machine stands still.
const PAUSE: Duration = Duration::from_secs(1);

/// From where to where: both ways between the hosts' networks and between the workloads.
const WAYS: [(&str, &str, &str); 4] = [
    ("node1", "", "-I 172.16.1.1 172.16.2.1"),
    ("node2", "", "-I 172.16.2.1 172.16.1.1"),
    ("node1", "ip netns exec pod", "10.20.0.12"),
    ("node2", "ip netns exec pod", "10.20.0.11"),
];

#[test]
fn evpn_loses_nothing_when_a_daemon_dies_and_neighbours_wait() {
    let lab = Lab::new("graceful-restart", Backend::Auto);
    lab.up();
    lab.check();
    for daemon in ["zebra", "bgpd"] {
        let pinged = killed(&lab, daemon);
        for (way, pinged) in WAYS.iter().zip(pinged) {
            assert!(pinged.lost <= HANDFUL, "{daemon} died: {way:?}: {pinged:?}");
            assert!(pinged.gap < PAUSE, "{daemon} died: {way:?}: {pinged:?}");
        }
    }
    lab.down();
}

/// What became of the pings while a daemon of node1's router died and all was well again.
fn killed(lab: &Lab, daemon: &str) -> [Pinged; 4] {
    let pinging = WAYS.map(|(node, before, to)| Pinging::every("0.01", lab, node, before, to));
    let pids = format!("pgrep -f '^/usr/lib/frr/{daemon} -N perouter'");
    let old = shell(lab, "node1", &pids);
    let begin = Instant::now();
    shell(lab, "node1", &format!("kill -KILL $({pids})"));
    let other = format!("pid=$({pids}); [ \"$pid\" != \"{}\" ]", old.trim());
    until(lab, "node1", &format!("{daemon} runs again"), &other);
    for node in ["node1", "node2"] {
        until(lab, node, "all is ready", "perouter verify >&2");
    }
    let ready = begin.elapsed();
    // What was put back is given up by then, and what is withdrawn too late is.
    std::thread::sleep(Duration::from_secs(8));
    let pinged = pinging.map(Pinging::stop);
    for ((node, before, to), Pinged { sent, lost, gap }) in WAYS.iter().zip(pinged) {
        eprintln!(
            "{daemon} died, all ready after {ready:.1?}: {node} {before} to {to}: {lost} of {sent} \
             pings lost, {gap:.2?} without an answer"
        );
    }
    pinged
}
