//! What of the verdicts has the agent wake zebra.

use super::fixture::{facts, intent, net, red};
use ipnet::IpNet;

use crate::verify::{Stalled, stalled, verify};

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
        [Stalled::Routes(vec![missing])],
        "some are there"
    );
    let none = stalled_when(|_| false);
    assert!(
        matches!(&none[..], [Stalled::Routes(all)] if all.contains(&missing)),
        "{none:?}"
    );
}
