//! VRFs. These fail on a kernel without them: run them on one that has them, such as the User
//! Mode Linux of the lab.

mod model;

use perouter::api::IpVersion;
use perouter::netlink::facts::RouteKind;
use perouter::plan::link::{KernelStep, LinkChange, LinkKind, NicConfig, SeenKind, Space};

use crate::bed::{Bed, chain, link, name, veth, vxlan};

fn red() -> perouter::plan::link::Link {
    link("red", LinkKind::Vrf { table: 1100 })
}

/// Demands VRFs of the kernel before anything else is tried.
async fn bed_on_a_kernel_with_vrfs() -> Bed {
    let bed = Bed::new().await;
    let probe = KernelStep::AddLink(Box::new(link("probe", LinkKind::Vrf { table: 1 })));
    if let Err(error) = bed.kernel.execute(&probe).await {
        panic!(
            "{}; run these tests on a kernel with CONFIG_NET_VRF (`modprobe vrf`), or in the \
             lab's User Mode Linux",
            chain(&error)
        );
    }
    bed.router.ip("link del probe");
    bed
}

#[tokio::test]
async fn a_vrf_with_its_table() {
    let bed = bed_on_a_kernel_with_vrfs().await;
    bed.add(red()).await;
    let seen = bed.seen(Space::Router, "red").await;
    assert_eq!(seen.kind, SeenKind::Vrf { table: 1100 });
    assert_eq!(seen.alias, "perouter test red");
    let shown = bed.router.ip_link("red");
    assert_eq!(shown["linkinfo"]["info_kind"], "vrf");
    assert_eq!(shown["linkinfo"]["info_data"]["table"], 1100);
    bed.add(red()).await;
}

#[tokio::test]
async fn a_vrf_with_another_table_is_another() {
    let bed = bed_on_a_kernel_with_vrfs().await;
    bed.add(red()).await;
    let other = link("red", LinkKind::Vrf { table: 1101 });
    let told = bed.refusal(KernelStep::AddLink(Box::new(other))).await;
    assert!(told.contains("table: 1100"), "{told}");
}

#[tokio::test]
async fn members_put_their_routes_into_its_table() {
    let bed = bed_on_a_kernel_with_vrfs().await;
    bed.add(red()).await;
    bed.set(Space::Router, "red", LinkChange::Up).await;
    bed.add(veth("pe-e-1", "host-e-1")).await;
    let master = LinkChange::Master(Some(name("red")));
    bed.set(Space::Router, "pe-e-1", master).await;
    bed.set(Space::Host, "host-e-1", LinkChange::Up).await;
    bed.set(Space::Router, "pe-e-1", LinkChange::Up).await;
    bed.execute(KernelStep::AddAddress {
        space: Space::Router,
        name: name("pe-e-1"),
        address: "192.0.2.1/24".parse().unwrap(),
    })
    .await;
    let seen = bed.seen(Space::Router, "pe-e-1").await;
    assert_eq!(seen.master, Some(name("red")));
    assert_eq!(seen.evpn_port, None);
    let routes = bed.kernel.routes(1100).await.unwrap();
    let connected = routes
        .iter()
        .find(|route| {
            route.destination == "192.0.2.0/24".parse().unwrap() && route.kind == RouteKind::Unicast
        })
        .unwrap_or_else(|| panic!("{routes:#?}"));
    assert_eq!(connected.gateways[0].index, seen.index);
    assert!(
        !bed.kernel
            .routes(254)
            .await
            .unwrap()
            .iter()
            .any(|route| route.destination == connected.destination),
        "in the main table as well"
    );
}

#[tokio::test]
async fn the_whole_chain_of_an_l3vni() {
    let bed = bed_on_a_kernel_with_vrfs().await;
    bed.add(red()).await;
    bed.add(link("br-pe-100", LinkKind::Bridge)).await;
    bed.add(vxlan("vni100")).await;
    for (member, master) in [("br-pe-100", "red"), ("vni100", "br-pe-100")] {
        let master = LinkChange::Master(Some(name(master)));
        bed.set(Space::Router, member, master).await;
    }
    bed.set(Space::Router, "vni100", LinkChange::EvpnPort).await;
    for up in ["red", "br-pe-100", "vni100"] {
        bed.set(Space::Router, up, LinkChange::Up).await;
    }
    let seen = bed.observe().await;
    assert_eq!(seen.router[&name("br-pe-100")].master, Some(name("red")));
    let port = &seen.router[&name("vni100")];
    assert_eq!(port.master, Some(name("br-pe-100")));
    assert_eq!(port.evpn_port, Some(true));

    bed.execute(KernelStep::DeleteLink {
        space: Space::Router,
        name: name("red"),
    })
    .await;
    let seen = bed.observe().await;
    assert!(!seen.router.contains_key(&name("red")));
    assert_eq!(seen.router[&name("br-pe-100")].master, None);
}

#[tokio::test]
async fn a_nic_in_the_router_keeps_to_the_main_table() {
    let bed = bed_on_a_kernel_with_vrfs().await;
    bed.add(red()).await;
    bed.host.ip("link add nic0 type veth peer name wire");
    bed.host.ip("link set wire up");
    let config = NicConfig {
        addresses: ["192.0.2.10/24".parse().unwrap()].into(),
        routes: [].into(),
    };
    bed.execute(KernelStep::MoveNic {
        name: name("nic0"),
        to: Space::Router,
        config,
    })
    .await;
    assert!(
        bed.kernel
            .routes(254)
            .await
            .unwrap()
            .iter()
            .any(|route| route.destination == "192.0.2.0/24".parse().unwrap())
    );
    assert!(bed.kernel.routes(1100).await.unwrap().is_empty());
}

/// Kernels that have VRFs may lack what the firewall likes best.
#[tokio::test]
async fn the_management_ports_are_closed_on_this_kernel_too() {
    crate::firewall::some_backend_closes_the_ports().await;
}

/// Without the rules a packet that the VRF has no route for is looked up in the main table.
#[tokio::test]
async fn what_a_vrf_has_no_route_for_does_not_leave_it() {
    let bed = bed_on_a_kernel_with_vrfs().await;
    bed.add(red()).await;
    bed.set(Space::Router, "red", LinkChange::Up).await;
    bed.add(link("br-underlay", LinkKind::Bridge)).await;
    bed.set(Space::Router, "br-underlay", LinkChange::Up).await;
    for address in ["10.0.1.2/24", "fd00:1::2/64"] {
        bed.execute(KernelStep::AddAddress {
            space: Space::Router,
            name: name("br-underlay"),
            address: address.parse().unwrap(),
        })
        .await;
    }
    for (version, target) in [(IpVersion::V4, "10.0.1.1"), (IpVersion::V6, "fd00:1::1")] {
        let looked_up = || bed.router.try_ip(&format!("route get {target} vrf red"));
        let leaked = looked_up().unwrap_or_else(|error| panic!("{version}: {error}"));
        assert!(leaked.contains("br-underlay"), "{version}: {leaked}");
        bed.execute(KernelStep::IsolateVrfs(version)).await;
        let refusal = looked_up().unwrap_err();
        assert!(refusal.contains("unreachable"), "{version}: {refusal}");
        let own = bed.router.try_ip(&format!("route get {target}"));
        assert!(
            own.unwrap().contains("br-underlay"),
            "the router itself goes on"
        );
        // A second time is no error, and it is seen.
        bed.execute(KernelStep::IsolateVrfs(version)).await;
        assert!(bed.observe().await.isolated.contains(&version));
    }
}
