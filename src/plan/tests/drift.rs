//! One thing after the other goes wrong, and is put right by just the steps that it takes.

use super::world::{World, address, name};
use crate::intent::NodeIntent;
use crate::intent::samples::{fabric, intent, l3vni, underlay, vni, vrf_with_host};
use crate::plan::link::{AddressGeneration, FirewallState, SeenKind, SeenLink, Space};

fn wanted() -> NodeIntent {
    intent([
        fabric("u", underlay()),
        l3vni("red", vrf_with_host("red", 100, "192.169.10.0/24")),
        l3vni("blue", vrf_with_host("blue", 200, "192.169.11.0/24")),
    ])
}

fn lines(world: &World) -> Vec<String> {
    let text = world.plan(&wanted()).to_string();
    let steps = text.lines().filter(|line| line.starts_with("  "));
    steps.map(|line| line.trim().to_owned()).collect()
}

/// Alters the node and tells which steps put it right.
fn repair(alter: impl FnOnce(&mut World)) -> Vec<String> {
    let steady = World::running(&wanted());
    let mut world = steady.clone();
    alter(&mut world);
    assert_ne!(world, steady, "nothing was altered");
    let steps = lines(&world);
    world.converge(&wanted());
    steps
}

fn repair_link(space: Space, link: &str, alter: impl FnOnce(&mut SeenLink)) -> Vec<String> {
    repair(|world| alter(world.link_mut(space, link).expect("the link")))
}

#[test]
fn a_steady_node_needs_nothing() {
    assert_eq!(lines(&World::running(&wanted())), Vec::<String>::new());
}

#[test]
fn every_attribute_of_a_link_is_put_right_by_one_step() {
    use Space::{Host, Router};
    type Alter = fn(&mut SeenLink);
    let table: Vec<(Space, &str, Alter, &str)> = vec![
        (Router, "red", |l| l.up = false, "~ router: link red up"),
        (
            Router,
            "red",
            |l| l.alias.clear(),
            "~ router: link red alias \"perouter: L3VNI default/red\"",
        ),
        (
            Router,
            "red",
            |l| l.address_generation = Some(AddressGeneration::Off),
            "~ router: link red addrgenmode eui64",
        ),
        (
            Router,
            "red",
            |l| l.addresses.extend([address("1.1.1.1/32")]),
            "- router: address 1.1.1.1/32 on red",
        ),
        (
            Router,
            "br-pe-100",
            |l| l.up = false,
            "~ router: link br-pe-100 up",
        ),
        (
            Router,
            "br-pe-100",
            |l| l.address_generation = Some(AddressGeneration::Kernel),
            "~ router: link br-pe-100 addrgenmode none",
        ),
        (
            Router,
            "vni100",
            |l| l.up = false,
            "~ router: link vni100 up",
        ),
        (
            Router,
            "vni100",
            |l| l.evpn_port = Some(false),
            "~ router: link vni100 neigh_suppress on learning off",
        ),
        (
            Router,
            "vni100",
            |l| l.address_generation = Some(AddressGeneration::Kernel),
            "~ router: link vni100 addrgenmode none",
        ),
        (
            Router,
            "pe-e-100",
            |l| l.mtu = 1400,
            "~ router: link pe-e-100 mtu 8950",
        ),
        (
            Router,
            "pe-e-100",
            |l| l.master = None,
            "~ router: link pe-e-100 master red",
        ),
        (
            Router,
            "pe-e-100",
            |l| l.addresses.clear(),
            "+ router: address 192.169.10.1/24 on pe-e-100",
        ),
        (
            Host,
            "host-e-100",
            |l| l.up = false,
            "~ host: link host-e-100 up",
        ),
        (
            Host,
            "host-e-100",
            |l| l.mtu = 1400,
            "~ host: link host-e-100 mtu 8950",
        ),
        (
            Host,
            "host-e-100",
            |l| l.alias.clear(),
            "~ host: link host-e-100 alias \"perouter: L3VNI default/red\"",
        ),
        (
            Host,
            "host-e-100",
            |l| l.addresses.extend([address("9.9.9.9/24")]),
            "- host: address 9.9.9.9/24 on host-e-100",
        ),
        (
            Host,
            "host-e-100",
            |l| l.master = Some(name("cni0")),
            "~ host: link host-e-100 nomaster",
        ),
        (Router, "lo", |l| l.up = false, "~ router: link lo up"),
        (
            Router,
            "lo",
            |l| l.addresses.clear(),
            "+ router: address 100.65.0.1/32 on lo",
        ),
        (
            Router,
            "lo",
            |l| l.addresses.extend([address("100.65.0.9/32")]),
            "- router: address 100.65.0.9/32 on lo",
        ),
        (
            Router,
            "eth1",
            |l| l.group = 0,
            "~ router: link eth1 group 4242",
        ),
        (Router, "eth1", |l| l.up = false, "~ router: link eth1 up"),
        (
            Router,
            "eth1",
            |l| l.addresses.clear(),
            "+ router: address 10.0.1.7/24 on eth1",
        ),
    ];
    for (space, link, alter, step) in table {
        assert_eq!(repair_link(space, link, alter), [step]);
    }
}

#[test]
fn what_is_nobodys_business_is_left_alone() {
    let steady = World::running(&wanted());
    let alterations: [fn(&mut World); 6] = [
        |world| world.link_mut(Space::Router, "vni100").expect("vni100").mtu = 1450,
        |world| world.link_mut(Space::Router, "red").expect("red").group = 7,
        |world| world.link_mut(Space::Host, "eth0").expect("eth0").up = false,
        |world| {
            let lo = world.link_mut(Space::Router, "lo").expect("lo");
            lo.addresses.insert(address("127.0.0.1/8"));
        },
        |world| {
            let nic = world.link_mut(Space::Router, "eth1").expect("eth1");
            nic.addresses.insert(address("10.0.1.8/24"));
        },
        |world| {
            // A kernel without IPv6.
            let bridge = world
                .link_mut(Space::Router, "br-pe-100")
                .expect("the bridge");
            bridge.address_generation = None;
        },
    ];
    for alter in alterations {
        let mut world = steady.clone();
        alter(&mut world);
        assert_eq!(lines(&world), Vec::<String>::new());
    }
}

#[test]
fn a_bridge_that_comes_back_into_its_vrf_is_looked_at_anew() {
    for elsewhere in [None, Some(name("blue"))] {
        let steps = repair_link(Space::Router, "br-pe-100", |link| link.master = elsewhere);
        assert_eq!(
            steps,
            [
                "~ router: link br-pe-100 master red",
                "~ router: link br-pe-100 down and up",
            ]
        );
    }
}

#[test]
fn a_vxlan_device_of_another_bridge_comes_back_and_zebra_looks_at_its_bridge_anew() {
    let steps = repair_link(Space::Router, "vni100", |link| {
        link.master = Some(name("br-pe-200"));
    });
    assert_eq!(
        steps,
        [
            "~ router: link vni100 master br-pe-100",
            "~ router: link vni100 neigh_suppress on learning off",
            "~ router: link br-pe-100 down and up",
        ]
    );
}

#[test]
fn a_vxlan_device_that_is_wrong_is_made_again() {
    let wrong = |vni, local: &str, port, learning| SeenKind::Vxlan {
        vni,
        local: local.parse().ok(),
        port,
        learning,
    };
    let kinds = [
        wrong(101, "100.65.0.1", 4789, false),
        wrong(100, "100.65.0.2", 4789, false),
        wrong(100, "", 4789, false),
        wrong(100, "100.65.0.1", 8472, false),
        wrong(100, "100.65.0.1", 4789, true),
        SeenKind::Bridge,
    ];
    for kind in kinds {
        let steps = repair_link(Space::Router, "vni100", |link| link.kind = kind);
        assert_eq!(
            steps,
            [
                "- router: link vni100",
                "+ router: link vni100 type vxlan id 100 local 100.65.0.1 dstport 4789 nolearning",
                "~ router: link vni100 master br-pe-100",
                "~ router: link vni100 neigh_suppress on learning off",
                "~ router: link vni100 up",
            ]
        );
    }
}

#[test]
fn a_link_that_is_gone_is_made_again_and_its_ports_join_it() {
    let steps = repair(|world| {
        world.kernel.router.remove(&name("br-pe-100"));
        world
            .link_mut(Space::Router, "vni100")
            .expect("vni100")
            .master = None;
        world
            .link_mut(Space::Router, "vni100")
            .expect("vni100")
            .evpn_port = None;
    });
    assert_eq!(
        steps,
        [
            "+ router: link br-pe-100 type bridge",
            "~ router: link br-pe-100 master red",
            "~ router: link br-pe-100 up",
            "~ router: link vni100 master br-pe-100",
            "~ router: link vni100 neigh_suppress on learning off",
        ]
    );
}

#[test]
fn a_veth_pair_that_is_gone_is_made_again() {
    let steps = repair(|world| {
        world.kernel.router.remove(&name("pe-e-100"));
        world.kernel.host.remove(&name("host-e-100"));
    });
    assert_eq!(
        steps,
        [
            "+ router: link pe-e-100 type veth peer host-e-100 in host",
            "~ router: link pe-e-100 master red",
            "+ router: address 192.169.10.1/24 on pe-e-100",
            "~ router: link pe-e-100 up",
            "~ host: link host-e-100 alias \"perouter: L3VNI default/red\"",
            "~ host: link host-e-100 mtu 8950",
            "+ host: address 192.169.10.3/24 on host-e-100",
            "~ host: link host-e-100 up",
        ]
    );
}

#[test]
fn sysctls_and_the_firewall_are_put_right() {
    let steps = repair(|world| {
        let key = "net/ipv4/conf/all/forwarding".to_owned();
        world.kernel.sysctls.insert(key, "0".to_owned());
    });
    assert_eq!(steps, ["~ router: sysctl net/ipv4/conf/all/forwarding = 1"]);
    for state in [FirewallState::Absent, FirewallState::Different] {
        let steps = repair(|world| world.kernel.firewall = state);
        assert_eq!(
            steps,
            ["+ router: nftables table that keeps strangers from FRR's ports"]
        );
    }
    // A key that this kernel does not have is nothing to wait for.
    let mut world = World::running(&wanted());
    world.kernel.sysctls.clear();
    assert_eq!(lines(&world), Vec::<String>::new());
}

#[test]
fn what_frr_lost_is_typed_again() {
    let red = "red".parse().expect("a VRF");
    assert_eq!(
        repair(|world| world.vnis.retain(|vrf, _| *vrf != red)),
        ["+ zebra: vrf red / vni 100"]
    );
    assert_eq!(
        repair(|world| world.vnis.extend([(red.clone(), vni(999))])),
        ["- zebra: vrf red / vni", "+ zebra: vrf red / vni 100"]
    );
    assert_eq!(
        repair(|world| world.allow_all = false),
        ["+ bgpd: route-map allowall permit 1"]
    );
}

#[test]
fn a_route_that_a_nic_lost_comes_back_unless_another_took_its_place() {
    let of_nic = (Space::Router, name("eth1"));
    let steps = repair(|world| drop(world.kernel.nic_routes.remove(&of_nic)));
    assert_eq!(steps, ["+ router: route 0.0.0.0/0 by eth1"]);
    let mut world = World::running(&wanted());
    let other = super::world::default_route("10.0.1.254");
    world.kernel.nic_routes.insert(of_nic, [other].into());
    assert_eq!(lines(&world), Vec::<String>::new());
}
