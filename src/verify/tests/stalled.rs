//! What of the verdicts has the agent wake zebra.

use super::fixture::{facts, intent, net, red};
use ipnet::IpNet;

use crate::verify::{Stalled, StalledOnes, stalled, verify};

/// The routes of VRF red are taken out of the kernel as `keep` says, behind zebra's back.
fn stalled_when(keep: impl Fn(&IpNet) -> bool) -> Vec<Stalled> {
    let mut facts = facts();
    let vrf = facts.vrfs.get_mut(&red()).unwrap();
    let table = vrf.table.as_mut().unwrap();
    table.retain(|to| keep(&to.destination));
    let findings = verify(&intent(), &facts);
    stalled(&findings).into_values().collect()
}

#[test]
fn routes_that_the_kernel_has_not_though_zebra_says_so_are_stalled() {
    assert_eq!(stalled_when(|_| true), [], "all are there");
    let missing = net("172.16.2.0/24");
    assert_eq!(
        stalled_when(|to| *to != missing),
        [Stalled::Some(StalledOnes {
            routes: vec![missing],
            ..StalledOnes::default()
        })],
        "some are there"
    );
    let none = stalled_when(|_| false);
    assert!(
        matches!(&none[..], [Stalled::Some(all)] if all.routes.contains(&missing)),
        "{none:?}"
    );
}

#[test]
fn remote_routers_that_the_kernel_knows_no_mac_of_are_stalled() {
    let mut facts = facts();
    facts.neighbours = Ok(Vec::new());
    let findings = verify(&intent(), &facts);
    let stalled = stalled(&findings).into_values().collect::<Vec<_>>();
    assert!(
        matches!(&stalled[..], [Stalled::Some(all)] if !all.neighbours.is_empty()),
        "{stalled:?}"
    );
}
