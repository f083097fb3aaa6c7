//! A second look.

use super::fixture::{bad, facts, intent, net, red};
use crate::verify::{Check, confirm, verify};

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
