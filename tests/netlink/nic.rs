//! A NIC moves into the router's namespace and back with all that it carries.

use std::collections::BTreeSet;

use perouter::plan::link::{KernelStep, NIC_GROUP, NicConfig, NicRoute, Space};
use serde_json::Value;

use crate::bed::{Bed, name};

/// The routes of the main table by a link as `ip` tells them, but those the kernel makes.
fn shown_routes(bed: &Bed, space: Space, nic: &str) -> BTreeSet<String> {
    let namespace = match space {
        Space::Host => &bed.host,
        Space::Router => &bed.router,
    };
    ["-4", "-6"]
        .iter()
        .flat_map(|family| {
            let arguments = format!("-j -d {family} route show table main dev {nic}");
            let shown: Value = serde_json::from_str(&namespace.ip(&arguments)).unwrap();
            shown.as_array().unwrap().clone()
        })
        .filter(|route| route["protocol"] != "kernel")
        .map(|route| {
            format!(
                "{} via {} metric {} src {} proto {} scope {} {}",
                route["dst"],
                route["gateway"],
                route["metric"],
                route["prefsrc"],
                route["protocol"],
                route["scope"],
                route["flags"],
            )
        })
        .collect()
}

/// A host with a NIC of both families, a static and a DHCP default route, one that is reached
/// only by another static route, and one on-link without a covering address.
async fn bed_with_a_nic() -> Bed {
    let bed = Bed::new().await;
    // A switch port in a third namespace would do as well: all that matters is a carrier.
    bed.host.ip("link add nic0 type veth peer name wire");
    bed.host.ip("link set wire up");
    bed.host.ip("link set nic0 mtu 1432 up");
    bed.host.ip("address add 192.0.2.10/24 dev nic0");
    bed.host
        .ip("address add 192.0.2.77/24 dev nic0 noprefixroute");
    bed.host.ip("address add 2001:db8::10/64 dev nic0 nodad");
    bed.host
        .ip("route add default via 192.0.2.1 dev nic0 proto dhcp metric 100");
    bed.host
        .ip("route add 198.51.100.0/24 via 192.0.2.2 dev nic0 src 192.0.2.10");
    bed.host
        .ip("route add 203.0.113.1 dev nic0 scope link proto static");
    bed.host
        .ip("route add 203.0.113.64/26 via 203.0.113.1 dev nic0 proto static metric 7");
    bed.host
        .ip("route add 10.9.0.0/16 via 100.127.0.1 dev nic0 onlink");
    bed.host
        .ip("-6 route add default via 2001:db8::1 dev nic0 metric 1024");
    bed.host
        .ip("-6 route add 2001:db8:77::/48 via fe80::1 dev nic0 src 2001:db8::10 metric 5");
    bed
}

async fn config_of(bed: &Bed, space: Space, nic: &str) -> NicConfig {
    let seen = bed.observe_nics(&[name(nic)]).await;
    NicConfig {
        addresses: seen.links(space)[&name(nic)].addresses.clone(),
        routes: seen.nic_routes[&(space, name(nic))].clone(),
    }
}

fn move_to(to: Space, nic: &str, config: &NicConfig) -> KernelStep {
    KernelStep::MoveNic {
        name: name(nic),
        to,
        config: config.clone(),
    }
}

#[tokio::test]
async fn everything_moves_and_comes_back() {
    let bed = bed_with_a_nic().await;
    let config = config_of(&bed, Space::Host, "nic0").await;
    assert_eq!(config.addresses.len(), 3);
    assert_eq!(config.routes.len(), 7, "{:#?}", config.routes);
    let routes = shown_routes(&bed, Space::Host, "nic0");
    assert_eq!(routes.len(), 7, "{routes:#?}");
    let addresses = bed.host.ip_addresses("nic0");
    let mac = bed.seen(Space::Host, "nic0").await.mac;

    bed.execute(move_to(Space::Router, "nic0", &config)).await;
    let moved = bed.seen(Space::Router, "nic0").await;
    assert!(moved.up);
    assert_eq!(moved.group, NIC_GROUP);
    assert_eq!(moved.mtu, 1432);
    assert_eq!(moved.mac, mac);
    assert_eq!(bed.router.ip_addresses("nic0"), addresses);
    assert_eq!(shown_routes(&bed, Space::Router, "nic0"), routes);
    assert_eq!(config_of(&bed, Space::Router, "nic0").await, config);
    assert!(!bed.observe().await.host.contains_key(&name("nic0")));
    assert_eq!(bed.router.ip_link("nic0")["group"], NIC_GROUP.to_string());

    bed.execute(move_to(Space::Host, "nic0", &config)).await;
    let back = bed.seen(Space::Host, "nic0").await;
    assert!(back.up);
    assert_eq!(back.group, 0);
    assert_eq!(back.mtu, 1432);
    assert_eq!(bed.host.ip_addresses("nic0"), addresses);
    assert_eq!(shown_routes(&bed, Space::Host, "nic0"), routes);
    assert_eq!(config_of(&bed, Space::Host, "nic0").await, config);
}

#[tokio::test]
async fn addresses_get_their_connected_routes_and_can_be_used_at_once() {
    let bed = bed_with_a_nic().await;
    let config = config_of(&bed, Space::Host, "nic0").await;
    bed.execute(move_to(Space::Router, "nic0", &config)).await;
    // The address that had `noprefixroute` as well: in the router's namespace nobody else
    // makes connected routes.
    let shown = bed.router.ip_json("address show dev nic0");
    let addresses = shown[0]["addr_info"].as_array().unwrap();
    for info in addresses.iter().filter(|info| info["scope"] == "global") {
        assert!(info["noprefixroute"].is_null(), "{info}");
        assert!(info["tentative"].is_null(), "{info}");
    }
    let connected = bed.router.ip("-4 route show table main proto kernel");
    assert!(connected.contains("192.0.2.0/24"), "{connected}");
    let connected = bed.router.ip("-6 route show table main proto kernel");
    assert!(connected.contains("2001:db8::/64"), "{connected}");
}

#[tokio::test]
async fn a_macvlan_moves_too() {
    let bed = Bed::new().await;
    bed.host.ip("link add base type bridge");
    bed.host.ip("link set base up");
    bed.host
        .ip("link add mv0 link base type macvlan mode bridge");
    bed.host.ip("link set mv0 up");
    bed.host.ip("address add 192.0.2.10/24 dev mv0");
    bed.host.ip("route add default via 192.0.2.1 dev mv0");
    let config = config_of(&bed, Space::Host, "mv0").await;
    bed.execute(move_to(Space::Router, "mv0", &config)).await;
    assert_eq!(config_of(&bed, Space::Router, "mv0").await, config);
    bed.execute(move_to(Space::Host, "mv0", &config)).await;
    assert_eq!(config_of(&bed, Space::Host, "mv0").await, config);
}

#[tokio::test]
async fn a_move_that_was_cut_short_is_finished() {
    let bed = bed_with_a_nic().await;
    let config = config_of(&bed, Space::Host, "nic0").await;
    let group = NIC_GROUP;
    bed.host.ip(&format!(
        "link set nic0 group {group} netns {}",
        bed.router.name
    ));
    bed.execute(move_to(Space::Router, "nic0", &config)).await;
    assert_eq!(config_of(&bed, Space::Router, "nic0").await, config);
}

#[tokio::test]
async fn a_link_of_the_same_name_that_is_not_ours_is_left_alone() {
    let bed = Bed::new().await;
    bed.router.ip("link add nic0 type bridge");
    let told = bed
        .refusal(move_to(Space::Router, "nic0", &NicConfig::default()))
        .await;
    assert!(told.contains("ENODEV"), "{told}");
    assert!(!bed.seen(Space::Router, "nic0").await.up);
}

#[tokio::test]
async fn a_move_that_cannot_be_finished_is_undone() {
    let bed = bed_with_a_nic().await;
    let mut config = config_of(&bed, Space::Host, "nic0").await;
    let before = config.clone();
    let addresses = bed.host.ip_addresses("nic0");
    config.routes.insert(NicRoute {
        destination: "10.99.0.0/16".parse().unwrap(),
        gateway: Some("172.31.255.1".parse().unwrap()),
        source: None,
        metric: 0,
        protocol: 4,
        scope: 0,
        onlink: false,
    });
    // Without the default route the next hop of the added one cannot be reached at all.
    config
        .routes
        .retain(|route| route.destination.prefix_len() > 0);
    let told = bed.refusal(move_to(Space::Router, "nic0", &config)).await;
    assert!(told.contains("ENETUNREACH"), "{told}");
    assert!(told.contains("Nexthop has invalid gateway"), "{told}");

    let back = bed.seen(Space::Host, "nic0").await;
    assert!(back.up);
    assert_eq!(back.group, 0);
    assert_eq!(bed.host.ip_addresses("nic0"), addresses);
    let kept = config_of(&bed, Space::Host, "nic0").await;
    for route in &config.routes {
        let expected = before.routes.contains(route);
        assert_eq!(kept.routes.contains(route), expected, "{route:?}");
    }
}

#[tokio::test]
async fn a_route_that_got_lost_is_added() {
    let bed = bed_with_a_nic().await;
    let config = config_of(&bed, Space::Host, "nic0").await;
    let default = config
        .routes
        .iter()
        .find(|route| route.protocol == 16)
        .unwrap();
    bed.host.ip("route del default via 192.0.2.1 dev nic0");
    let addition = KernelStep::AddRoute {
        space: Space::Host,
        name: name("nic0"),
        route: default.clone(),
    };
    bed.execute(addition.clone()).await;
    assert_eq!(config_of(&bed, Space::Host, "nic0").await, config);
    bed.execute(addition).await;

    let mut other = default.clone();
    other.gateway = Some("192.0.2.254".parse().unwrap());
    let told = bed
        .refusal(KernelStep::AddRoute {
            space: Space::Host,
            name: name("nic0"),
            route: other,
        })
        .await;
    assert!(told.contains("EEXIST"), "{told}");
}

#[tokio::test]
async fn a_nic_that_is_nowhere_has_no_routes() {
    let bed = Bed::new().await;
    let seen = bed.observe_nics(&[name("nic9")]).await;
    assert!(seen.nic_routes.is_empty());
}

#[tokio::test]
async fn an_ipv4_route_by_an_ipv6_next_hop_moves() {
    let bed = Bed::new().await;
    bed.host.ip("link add nic0 type veth peer name wire");
    bed.host.ip("link set wire up");
    bed.host.ip("link set nic0 up");
    bed.host.ip("address add 2001:db8::10/64 dev nic0 nodad");
    bed.host
        .ip("route add 10.1.0.0/16 via inet6 fe80::1 dev nic0");
    let config = config_of(&bed, Space::Host, "nic0").await;
    assert_eq!(config.routes.len(), 1);
    bed.execute(move_to(Space::Router, "nic0", &config)).await;
    assert_eq!(config_of(&bed, Space::Router, "nic0").await, config);
}
