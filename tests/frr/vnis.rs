//! The mapping of VRFs to L3VNIs, and the route map, by either way and by both in turn.

use std::collections::BTreeMap;

use perouter::frr::{Daemon, FrrError, InUse, Mode};
use perouter::plan::Presence;

use crate::bed::{Bed, driver};
use crate::intents::{vni, vrf};

/// Maps by one way, and unmaps by the other; FRR must hold no rest of it.
async fn set_and_removed(setter: Mode, remover: Mode) {
    let bed = Bed::new(setter);
    let mut first = bed.driver;
    let mut second = driver(&bed.real, remover);
    let bed = Bed {
        driver: driver(&bed.real, Mode::Off),
        real: bed.real,
        raw: bed.raw,
    };
    first.observe().await.unwrap();
    second.observe().await.unwrap();

    first
        .map_vnis(&[(vrf("red"), Some(vni(100))), (vrf("blue"), Some(vni(200)))])
        .await
        .unwrap();
    assert_eq!(
        (bed.vni_of("red"), bed.vni_of("blue")),
        (Some(100), Some(200))
    );
    let seen = second.observe().await.unwrap().vnis;
    assert_eq!(
        seen,
        BTreeMap::from([(vrf("red"), vni(100)), (vrf("blue"), vni(200))])
    );

    second.map_vnis(&[(vrf("red"), None)]).await.unwrap();
    assert_eq!((bed.vni_of("red"), bed.vni_of("blue")), (None, Some(200)));
    // The number is free again for another VRF, by either way.
    first
        .map_vnis(&[(vrf("green"), Some(vni(100)))])
        .await
        .unwrap();
    second
        .map_vnis(&[(vrf("green"), None), (vrf("blue"), None)])
        .await
        .unwrap();
    assert_eq!(first.observe().await.unwrap().vnis, BTreeMap::new());
    first
        .map_vnis(&[(vrf("red"), Some(vni(300)))])
        .await
        .unwrap();
    assert_eq!(bed.vni_of("red"), Some(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn set_by_northbound_removed_by_northbound() {
    set_and_removed(Mode::Require, Mode::Require).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_by_northbound_removed_by_vty() {
    set_and_removed(Mode::Require, Mode::Off).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_by_vty_removed_by_northbound() {
    set_and_removed(Mode::Off, Mode::Require).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_by_vty_removed_by_vty() {
    set_and_removed(Mode::Off, Mode::Off).await;
}

/// Creates the route map by one way and removes it by the other.
async fn route_map(setter: Mode, remover: Mode) {
    let bed = Bed::new(setter);
    let mut second = driver(&bed.real, remover);
    let Bed {
        real,
        driver: mut first,
        ..
    } = bed;
    let held = || crate::bed::running(&real).contains("route-map allowall permit 1");
    first.observe().await.unwrap();
    second.observe().await.unwrap();
    for _ in 0..2 {
        first.set_allow_all(Presence::Present).await.unwrap();
        assert!(held());
        // Once more changes nothing, and is no error.
        first.set_allow_all(Presence::Present).await.unwrap();
        second.set_allow_all(Presence::Absent).await.unwrap();
        assert!(!held());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_route_map_by_either_way() {
    route_map(Mode::Require, Mode::Off).await;
    route_map(Mode::Off, Mode::Require).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_uses_the_northbound_where_it_is() {
    let mut bed = Bed::new(Mode::Auto);
    bed.driver.observe().await.unwrap();
    let both = [Daemon::Zebra, Daemon::Bgpd].map(|daemon| (daemon, InUse::Northbound));
    assert_eq!(bed.driver.in_use(), BTreeMap::from(both));
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_does_the_same_by_vty_where_the_module_is_absent() {
    let mut with = Bed::new(Mode::Auto);
    let mut without = Bed::stock(Mode::Auto);
    for bed in [&mut with, &mut without] {
        bed.driver.observe().await.unwrap();
        bed.driver.set_allow_all(Presence::Present).await.unwrap();
        let maps = [(vrf("red"), Some(vni(100))), (vrf("blue"), Some(vni(200)))];
        bed.driver.map_vnis(&maps).await.unwrap();
        bed.driver.map_vnis(&[(vrf("blue"), None)]).await.unwrap();
    }
    let both = [Daemon::Zebra, Daemon::Bgpd].map(|daemon| (daemon, InUse::Vty));
    assert_eq!(without.driver.in_use(), BTreeMap::from(both));
    assert_eq!(with.mapped(), without.mapped());
    assert_eq!(with.vni_of("red"), Some(100));
    assert_eq!(with.running(), without.running());
}

#[tokio::test(flavor = "multi_thread")]
async fn require_fails_without_the_module_and_says_what_to_do() {
    let mut bed = Bed::stock(Mode::Require);
    let error = bed.driver.observe().await.unwrap_err();
    assert!(
        matches!(
            error,
            FrrError::Northbound {
                daemon: Daemon::Zebra,
                ..
            }
        ),
        "{error:?}"
    );
    let words = error.to_string();
    for part in ["zebra", "127.0.0.1:50051", "-M grpc:50051"] {
        assert!(words.contains(part), "{words}");
    }
}
