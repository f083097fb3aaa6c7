//! All of a node's FRR dies and is started again: traffic in the segment between its workload and
//! that of another node is interrupted for a bounded time only.
//!
//! The spine loses its session with the node at once, and tells the others that its routes are
//! gone: that is what is lost until the daemons run, the agent has told them everything, and the
//! session is up again. Nothing in it waits for a timer but the reconnecting, every second.
//!
//! Seen to fail: with nothing killed.

use std::time::{Duration, Instant};

use super::{AWAY, HOME, WORKLOAD, shell, until};
use crate::harness::Lab;
use crate::pinging::Pinging;

/// Four times what it takes on a busy machine, and less than if it had to wait for anything that
/// runs out: zebra's stale entries (60 s), BGP's stale paths (120 s), a bridge's memory (300 s).
const BOUND: Duration = Duration::from_secs(30);

pub(super) fn a_router_restarts(lab: &Lab) {
    let pinging = Pinging::start(lab, AWAY, "ip netns exec pod", WORKLOAD);
    let daemons = "pgrep -f '^/usr/lib/frr/[a-z]* -N perouter'";
    let old = shell(lab, HOME, daemons);
    let begin = Instant::now();
    shell(lab, HOME, &format!("kill -KILL $({daemons})"));
    until(
        lab,
        HOME,
        "all daemons run again",
        &format!("[ \"$({daemons} | wc -l)\" = 5 ]"),
    );
    until(
        lab,
        HOME,
        "all is ready again",
        "perouter verify >&2 && perouter status >&2",
    );
    let ready = begin.elapsed();
    let new = shell(lab, HOME, daemons);
    assert!(
        old.lines()
            .all(|pid| !new.lines().any(|other| other == pid))
    );
    until(
        lab,
        AWAY,
        "the workload answers",
        &format!("ip netns exec pod ping -n -c 1 -W 1 {WORKLOAD}"),
    );
    let gap = pinging.stop().gap;
    eprintln!(
        "a router restarted: {gap:?} without an answer in the segment, ready after {ready:?}"
    );
    assert!(gap < BOUND, "no answer for {gap:?}");
}
