//! What of the verdicts has the agent wake zebra.

use super::fixture::{facts, intent, net, red};
use ipnet::IpNet;

use crate::verify::{stalled, verify};

/// The routes of VRF red are taken out of the kernel as `keep` says, behind zebra's back.
fn stalled_when(keep: impl Fn(&IpNet) -> bool) -> usize {
    let mut facts = facts();
    let vrf = facts.vrfs.get_mut(&red()).unwrap();
    let table = vrf.table.as_mut().unwrap();
    table.retain(|to| keep(&to.destination));
    stalled(&verify(&intent(), &facts)).len()
}

#[test]
fn a_vrf_is_stalled_when_the_kernel_has_none_of_its_routes() {
    assert_eq!(stalled_when(|_| true), 0, "all are there");
    assert_eq!(
        stalled_when(|to| *to != net("172.16.2.0/24")),
        0,
        "some are there"
    );
    assert_eq!(stalled_when(|_| false), 1, "none is there");
}
