//! Addresses: added, seen, removed, and what the kernel says when they are not as wanted.

use std::collections::BTreeSet;

use ipnet::IpNet;
use perouter::plan::link::{KernelStep, LinkKind, Space};

use crate::bed::{Bed, link, name};

fn add(address: &str) -> KernelStep {
    KernelStep::AddAddress {
        space: Space::Router,
        name: name("br0"),
        address: address.parse().unwrap(),
    }
}

fn delete(address: &str) -> KernelStep {
    KernelStep::DeleteAddress {
        space: Space::Router,
        name: name("br0"),
        address: address.parse().unwrap(),
    }
}

async fn bed_with_a_bridge() -> Bed {
    let bed = Bed::new().await;
    bed.add(link("br0", LinkKind::Bridge)).await;
    bed
}

#[tokio::test]
async fn addresses_keep_their_host_bits_both_ways() {
    let bed = bed_with_a_bridge().await;
    let wanted = [
        "192.0.2.7/24",
        "100.65.0.1/32",
        "2001:db8::7/64",
        "2001:db8:1::1/128",
    ];
    for address in wanted {
        bed.execute(add(address)).await;
    }
    let wanted: BTreeSet<IpNet> = wanted.iter().map(|text| text.parse().unwrap()).collect();
    assert_eq!(bed.seen(Space::Router, "br0").await.addresses, wanted);
    let shown: BTreeSet<IpNet> = bed
        .router
        .ip_addresses("br0")
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    assert_eq!(shown, wanted);
}

#[tokio::test]
async fn link_local_addresses_are_the_kernels_own_affair() {
    let bed = bed_with_a_bridge().await;
    bed.router.ip("address add fe80::1/64 dev br0");
    assert!(bed.seen(Space::Router, "br0").await.addresses.is_empty());
}

#[tokio::test]
async fn the_other_end_of_a_point_to_point_link_is_not_our_address() {
    let bed = bed_with_a_bridge().await;
    bed.router
        .ip("address add 192.0.2.1 peer 192.0.2.2/32 dev br0");
    let seen = bed.seen(Space::Router, "br0").await;
    assert_eq!(
        seen.addresses,
        BTreeSet::from(["192.0.2.1/32".parse().unwrap()])
    );
}

#[tokio::test]
async fn an_address_that_is_there_already_is_a_success() {
    let bed = bed_with_a_bridge().await;
    for address in ["192.0.2.7/24", "2001:db8::7/64"] {
        bed.execute(add(address)).await;
        bed.execute(add(address)).await;
    }
}

#[tokio::test]
async fn the_same_address_with_another_length_is_not() {
    let bed = bed_with_a_bridge().await;
    bed.execute(add("2001:db8::7/64")).await;
    let told = bed.refusal(add("2001:db8::7/128")).await;
    assert!(
        told.starts_with("cannot add address 2001:db8::7/128 to link br0"),
        "{told}"
    );
    assert!(told.contains("EEXIST"), "{told}");
}

#[tokio::test]
async fn removing_what_is_not_there_succeeds() {
    let bed = bed_with_a_bridge().await;
    bed.execute(add("192.0.2.7/24")).await;
    bed.execute(delete("192.0.2.7/24")).await;
    assert!(bed.router.ip_addresses("br0").is_empty());
    bed.execute(delete("192.0.2.7/24")).await;
    bed.execute(delete("2001:db8::7/64")).await;
    bed.router.ip("link del br0");
    bed.execute(delete("192.0.2.7/24")).await;
}

#[tokio::test]
async fn adding_to_a_link_that_is_not_there_fails() {
    let bed = Bed::new().await;
    let told = bed.refusal(add("192.0.2.7/24")).await;
    assert!(told.contains("there is no link br0"), "{told}");
}
