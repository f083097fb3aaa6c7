//! The topologies in `containerlab`, as they are.

use crate::harness::{Backend, Lab, text};

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
