//! The address arithmetic against a table worked out by hand.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};
use proptest::prelude::*;

use super::{host_leg, router_id, vtep};
use crate::intent::NodeIndex;

fn net(text: &str) -> Ipv4Net {
    text.parse().expect("a prefix")
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().expect("an address")
}

#[test]
fn router_identifiers_count_from_the_second_address() {
    let table = [
        ("10.0.0.0/24", 0, Some("10.0.0.1")),
        ("10.0.0.0/24", 1, Some("10.0.0.2")),
        ("10.0.0.0/24", 254, Some("10.0.0.255")),
        ("10.0.0.0/24", 255, None),
        ("10.0.0.128/25", 0, Some("10.0.0.129")),
        ("10.0.0.0/31", 0, Some("10.0.0.1")),
        ("10.0.0.0/31", 1, None),
        ("10.0.0.7/32", 0, None),
        ("0.0.0.0/0", u32::MAX - 1, Some("255.255.255.255")),
        ("0.0.0.0/0", u32::MAX, None),
    ];
    for (pool, index, wanted) in table {
        let got = router_id(net(pool), NodeIndex(index)).ok();
        assert_eq!(got, wanted.map(ip), "{pool}, index {index}");
    }
}

#[test]
fn tunnel_endpoints_count_from_the_network_address() {
    let table = [
        ("100.65.0.0/24", 0, Some("100.65.0.0")),
        ("100.65.0.0/24", 1, Some("100.65.0.1")),
        ("100.65.0.0/24", 255, Some("100.65.0.255")),
        ("100.65.0.0/24", 256, None),
        ("100.65.0.0/16", 256, Some("100.65.1.0")),
        ("100.65.0.0/31", 1, Some("100.65.0.1")),
        ("100.65.0.0/31", 2, None),
        ("100.65.0.9/32", 0, Some("100.65.0.9")),
        ("100.65.0.9/32", 1, None),
    ];
    for (pool, index, wanted) in table {
        let got = vtep(net(pool), NodeIndex(index)).ok();
        assert_eq!(got, wanted.map(ip), "{pool}, index {index}");
    }
}

#[test]
fn a_host_leg_has_one_router_address_and_one_host_address_per_node() {
    let table = [
        ("192.169.10.0/24", 0, Some(("192.169.10.1", "192.169.10.2"))),
        ("192.169.10.0/24", 1, Some(("192.169.10.1", "192.169.10.3"))),
        // 255 is the broadcast address.
        (
            "192.169.10.0/24",
            252,
            Some(("192.169.10.1", "192.169.10.254")),
        ),
        ("192.169.10.0/24", 253, None),
        // The network address does not end in zero, so it is the router's.
        ("10.0.0.128/25", 0, Some(("10.0.0.128", "10.0.0.129"))),
        ("10.0.0.128/25", 125, Some(("10.0.0.128", "10.0.0.254"))),
        ("10.0.0.128/25", 126, None),
        // The last byte is zero although the prefix is wider than a byte.
        ("10.1.0.0/16", 300, Some(("10.1.0.1", "10.1.1.46"))),
        ("10.0.0.4/30", 0, Some(("10.0.0.4", "10.0.0.5"))),
        ("10.0.0.4/30", 1, Some(("10.0.0.4", "10.0.0.6"))),
        ("10.0.0.4/30", 2, None),
        ("10.0.0.0/30", 0, Some(("10.0.0.1", "10.0.0.2"))),
        ("10.0.0.0/30", 1, None),
        // A /31 has two hosts and no broadcast address.
        ("10.0.0.2/31", 0, Some(("10.0.0.2", "10.0.0.3"))),
        ("10.0.0.2/31", 1, None),
        ("10.0.0.0/31", 0, None),
        ("10.0.0.1/32", 0, None),
        ("10.0.0.0/32", 0, None),
        // At the end of the address space nothing wraps round to 0.0.0.0.
        (
            "255.255.255.254/31",
            0,
            Some(("255.255.255.254", "255.255.255.255")),
        ),
        ("255.255.255.254/31", 1, None),
    ];
    for (pool, index, wanted) in table {
        let got = host_leg(net(pool), NodeIndex(index)).ok();
        let length = net(pool).prefix_len();
        let with_mask = |text: &str| IpNet::new_assert(ip(text).into(), length);
        assert_eq!(
            got.map(|leg| (leg.router, leg.host)),
            wanted.map(|(router, host)| (with_mask(router), with_mask(host))),
            "{pool}, index {index}"
        );
    }
}

#[test]
fn host_bits_of_a_pool_do_not_count() {
    let leg = host_leg(net("192.168.1.77/24"), NodeIndex(0)).expect("room");
    assert_eq!(leg.router.to_string(), "192.168.1.1/24");
    assert_eq!(leg.host.to_string(), "192.168.1.2/24");
    assert_eq!(
        vtep(net("100.65.0.9/24"), NodeIndex(0)),
        Ok(ip("100.65.0.0"))
    );
}

#[test]
fn exhaustion_says_what_is_there_and_what_is_needed() {
    let error = vtep(net("100.65.0.0/30"), NodeIndex(4)).expect_err("too small");
    assert_eq!(
        error.to_string(),
        "100.65.0.0/30 has no address for node index 4: it holds 4 and this needs number 4 \
         (counted from 0); use a larger pool"
    );
    let error = host_leg(net("10.0.0.0/30"), NodeIndex(1)).expect_err("too small");
    assert_eq!(
        error.to_string(),
        "10.0.0.0/30 has no address for node index 1: it holds 3 and this needs number 3 \
         (counted from 0); use a larger pool"
    );
}

proptest! {
    #[test]
    fn two_nodes_never_share_an_address(
        network: u32, length in 0_u8..=32, a in 0_u32..3000, b in 0_u32..3000,
    ) {
        let pool = Ipv4Net::new_assert(Ipv4Addr::from(network), length).trunc();
        let (a, b) = (NodeIndex(a), NodeIndex(b));
        if let (Ok(one), Ok(two)) = (vtep(pool, a), vtep(pool, b)) {
            prop_assert_eq!(one == two, a == b);
            prop_assert!(pool.contains(&one));
        }
        if let (Ok(one), Ok(two)) = (host_leg(pool, a), host_leg(pool, b)) {
            prop_assert_eq!(one.router, two.router);
            prop_assert_eq!(one.host == two.host, a == b);
            prop_assert!(one.host != one.router);
            let within = IpNet::V4(pool);
            prop_assert!(within.contains(&one.host) && within.contains(&one.router));
            prop_assert!(length >= 31 || one.host.addr() != pool.broadcast());
        }
    }
}
