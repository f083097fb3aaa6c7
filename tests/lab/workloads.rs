//! Workloads of a segment that is stretched over the fabric: they are followed, they move, their
//! router restarts, they say nothing. One lab serves all, one after the other:
//! `containerlab/evpn-mixed.clab.yml`.

mod migration;
mod restart;
mod silence;
mod walk;

use std::time::{Duration, Instant};

use crate::harness::{Backend, Lab, text, wait_within};

/// Where the workload is at home, and the other node.
const HOME: &str = "node1";
const AWAY: &str = "node2";
const WORKLOAD: &str = "10.20.0.11";

/// How long anything may take, on a slow machine.
const LIMIT: Duration = Duration::from_secs(90);

#[test]
fn evpn_joins_segments_and_keeps_their_workloads() {
    let lab = Lab::new("evpn-mixed", Backend::Auto);
    lab.up();
    lab.check();
    walk::a_segment_is_followed_hop_by_hop(&lab);
    migration::traffic_follows_a_workload(&lab);
    restart::a_router_restarts(&lab);
    silence::a_silent_workload_keeps_its_route_while_it_lives(&lab);
    lab.down();
}

/// Runs a script in a node and demands that it succeeds; what it printed.
pub(crate) fn shell(lab: &Lab, node: &str, script: &str) -> String {
    let output = lab.exec(node, &["bash", "-euc", script]);
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{node}: «{script}»: {errors}{out}");
    out
}

/// Waits until a node's script succeeds; how long that took.
pub(crate) fn until(lab: &Lab, node: &str, what: &str, script: &str) -> Duration {
    let begin = Instant::now();
    wait_within(LIMIT, what, || {
        let output = lab.exec(node, &["bash", "-euc", script]);
        output.status.success().then(|| begin.elapsed())
    })
}

/// The router's FRR, asked for EVPN routes of type 2: a script.
const ROUTES: &str = "vtysh -N perouter -c 'show bgp l2vpn evpn route type macip'";
