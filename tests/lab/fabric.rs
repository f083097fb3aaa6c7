//! The topologies in `containerlab`, as they are.

use crate::harness::{Backend, Lab, text, wait_for};

fn passes(topology: &str, backend: Backend) {
    let lab = Lab::new(topology, backend);
    let output = lab.test();
    let (table, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{errors}\n{table}");
    assert!(table.contains(" ms"), "{table}");
    assert!(!lab.folder().exists());
}

#[test]
fn two_routers_exchange_routes_on_the_hosts_kernel() {
    passes("frr-only", Backend::Native);
}

#[test]
fn two_routers_exchange_routes_in_user_mode_linux() {
    passes("frr-only", Backend::Uml);
}

#[test]
fn an_evpn_fabric_carries_traffic() {
    passes("evpn-frr", Backend::Auto);
}

#[test]
fn evpn_carries_both_ip_versions_over_ipv6_links() {
    passes("evpn-dual-stack", Backend::Auto);
}

#[test]
fn evpn_is_reflected_by_a_node() {
    passes("route-reflector", Backend::Auto);
}

#[test]
fn evpn_runs_over_links_without_addresses() {
    passes("unnumbered", Backend::Auto);
}

/// The pings of the lab itself cannot tell whether segments with the same addresses are apart: what
/// answers them may be in either.
///
/// Seen to fail: with the workloads of both segments on one bridge.
#[test]
fn evpn_joins_segments_that_nobody_routes_and_keeps_them_apart() {
    let lab = Lab::new("evpn-l2", Backend::Auto);
    lab.up();
    lab.check();
    let reaches = |segment, to| {
        let inside = ["ip", "netns", "exec", segment];
        let ping = ["ping", "-n", "-c", "1", "-W", "1", to];
        let output = lab.exec("node1", &[&inside[..], &ping[..]].concat());
        output.status.success()
    };
    for (segment, own) in [("lan", "10.20.0.22"), ("flat", "10.20.0.32")] {
        let what = format!("workloads in {segment} reach each other");
        wait_for(&what, || reaches(segment, own).then_some(()));
    }
    // On the other node, and on the same.
    for (segment, others) in [
        ("lan", ["10.20.0.32", "10.20.0.31"]),
        ("flat", ["10.20.0.22", "10.20.0.21"]),
    ] {
        for other in others {
            assert!(!reaches(segment, other), "{segment} reaches {other}");
        }
    }
    lab.down();
}
