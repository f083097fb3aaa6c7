//! A second look.

use super::fixture::{bad, facts, intent, net, red};
use ipnet::IpNet;

use crate::verify::{Check, confirm, stalled, verify};

#[test]
fn what_is_bad_only_once_is_pending() {
    let healthy = verify(&intent(), &facts());
    let mut facts = facts();
    let vrf = facts.vrfs.get_mut(&red()).unwrap();
    let table = vrf.table.as_mut().unwrap();
    table.retain(|to| to.destination != net("172.16.2.0/24"));
    let broken = verify(&intent(), &facts);
    assert_eq!(bad(&confirm(&healthy, broken.clone())), []);
    let twice = confirm(&broken, broken.clone());
    assert_eq!(twice, broken);
    let expected = vec![(Check::RouteInKernel, "172.16.2.0/24".to_owned())];
    assert_eq!(bad(&twice), expected);
    assert_eq!(confirm(&broken, healthy.clone()), healthy);
}

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
