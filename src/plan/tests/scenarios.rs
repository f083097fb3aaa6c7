//! What people do to a node, and what becomes of it.

use super::world::{World, address, default_route, hardware, link, name};
use crate::api::{Kind, L3Vni, TunnelEndpoint, Underlay};
use crate::intent::NodeIntent;
use crate::intent::samples::{asn, fabric, intent, key, l3vni, net, underlay, vrf, vrf_with_host};
use crate::plan::link::{KernelStep, NIC_GROUP, NicConfig, SeenKind, SeenLink, Space};
use crate::plan::{Blocked, Plan, Role, Step};

pub(super) fn with(
    underlay: Underlay,
    vnis: impl IntoIterator<Item = (&'static str, L3Vni)>,
) -> NodeIntent {
    let vnis = vnis.into_iter().map(|(name, spec)| l3vni(name, spec));
    intent([fabric("u", underlay)].into_iter().chain(vnis))
}

pub(super) fn red() -> L3Vni {
    vrf_with_host("red", 100, "192.169.10.0/24")
}

fn nics(names: &[&str]) -> Underlay {
    Underlay {
        interfaces: names.iter().map(|text| name(text)).collect(),
        ..underlay()
    }
}

pub(super) fn lines(plan: &Plan) -> Vec<String> {
    let text = plan.to_string();
    let steps = text.lines().filter(|line| line.starts_with("  "));
    steps.map(|line| line.trim().to_owned()).collect()
}

pub(super) fn position(lines: &[String], wanted: &str) -> usize {
    let found = lines.iter().position(|line| line.contains(wanted));
    found.unwrap_or_else(|| panic!("no {wanted} in {lines:#?}"))
}

#[test]
fn the_first_plan_reads_like_this() {
    let plan = World::new().plan(&with(underlay(), [("red", red())]));
    let kernel: Vec<String> = lines(&plan)
        .into_iter()
        .filter(|line| !line.contains("bgpd:"))
        .collect();
    assert_eq!(
        kernel,
        [
            "+ router: nftables table that keeps strangers from FRR's ports",
            "~ router: sysctl net/ipv4/conf/all/forwarding = 1",
            "~ router: sysctl net/ipv6/conf/all/forwarding = 1",
            "~ router: sysctl net/ipv4/conf/all/arp_accept = 1",
            "~ router: sysctl net/ipv4/conf/default/arp_accept = 1",
            "~ router: sysctl net/ipv6/conf/all/accept_untracked_na = 1",
            "~ router: sysctl net/ipv6/conf/default/accept_untracked_na = 1",
            "~ router: link lo up",
            "+ router: address 100.65.0.1/32 on lo",
            "~ host: NIC eth1 moves to router, address 10.0.1.7/24, route 0.0.0.0/0",
            "+ router: IPv4 rule that keeps VRFs apart",
            "+ router: IPv6 rule that keeps VRFs apart",
            "+ router: link red type vrf table 1000100",
            "~ router: link red up",
            "+ router: link br-pe-100 type bridge",
            "~ router: link br-pe-100 master red",
            "~ router: link br-pe-100 up",
            "+ router: link vni100 type vxlan id 100 local 100.65.0.1 dstport 4789 nolearning",
            "~ router: link vni100 master br-pe-100",
            "~ router: link vni100 neigh_suppress on learning off",
            "~ router: link vni100 up",
            "+ router: link pe-e-100 type veth peer host-e-100 in host",
            "~ router: link pe-e-100 master red",
            "+ router: address 192.169.10.1/24 on pe-e-100",
            "~ router: link pe-e-100 up",
            "~ host: link host-e-100 alias \"perouter: L3VNI default/red\"",
            "~ host: link host-e-100 mtu 8950",
            "+ host: address 192.169.10.3/24 on host-e-100",
            "~ host: link host-e-100 up",
            "+ zebra: vrf red / vni 100",
        ]
    );
    let roles: Vec<Role> = plan.units.iter().map(|unit| unit.role).collect();
    assert_eq!(roles, [Role::Underlay, Role::Vni]);
    assert_eq!(plan.steps(), kernel.len() + 3, "and three for bgpd");
}

#[test]
fn a_nic_comes_with_all_that_it_carries_and_goes_with_what_it_came_with() {
    let mut world = World::running(&with(underlay(), []));
    let nic = world.link_mut(Space::Router, "eth1").expect("moved");
    assert_eq!((nic.group, nic.up), (NIC_GROUP, true));
    assert!(nic.addresses.contains(&address("10.0.1.7/24")));
    // An address that somebody added meanwhile stays here.
    nic.addresses.insert(address("10.0.1.99/24"));
    let plan = world.converge(&with(nics(&["eth0"]), []));
    let steps = lines(&plan);
    assert!(
        position(&steps, "NIC eth0 moves to router") < position(&steps, "NIC eth1 moves to host")
    );
    let untouched = World::new();
    assert_eq!(
        world.kernel.host.get(&name("eth1")),
        untouched.kernel.host.get(&name("eth1"))
    );
    assert!(world.kernel.router.contains_key(&name("eth0")));
}

#[test]
fn a_nic_that_fell_back_bare_gets_its_addresses_again() {
    let wanted = with(underlay(), []);
    let mut world = World::running(&wanted);
    let mut nic = world.kernel.router.remove(&name("eth1")).expect("moved");
    nic.addresses.clear();
    nic.up = false;
    world
        .kernel
        .nic_routes
        .remove(&(Space::Router, name("eth1")));
    world.kernel.host.insert(name("eth1"), nic);
    world.converge(&wanted);
    let nic = world.kernel.router.get(&name("eth1")).expect("moved");
    assert_eq!(nic.addresses, [address("10.0.1.7/24")].into());
    let routes = world.kernel.nic_routes.get(&(Space::Router, name("eth1")));
    assert_eq!(routes, Some(&[default_route("10.0.1.1")].into()));
}

#[test]
fn a_missing_nic_blocks_the_underlay_alone() {
    let wanted = with(underlay(), [("red", red())]);
    let mut world = World::running(&wanted);
    world.kernel.router.remove(&name("eth1"));
    let _gone = world.vnis.pop_first();
    let plan = world.plan(&wanted);
    let [own, vni] = plan.units.as_slice() else {
        panic!("two units");
    };
    let blocked = Blocked::NoSuchNic {
        nic: name("eth1"),
        present: vec![name("eth0"), name("eth2")],
    };
    assert_eq!(own.steps, Err(blocked.clone()));
    assert_eq!(
        blocked.to_string(),
        "spec.interfaces: this node has no NIC named eth1; it has eth0, eth2"
    );
    assert_eq!(vni.steps.as_ref().map(Vec::len), Ok(1));
    assert!(plan.sweep.is_empty() && !plan.is_empty());
}

#[test]
fn a_foreign_link_with_a_name_of_ours_blocks_its_object_alone() {
    let wanted = with(underlay(), [("blue", vrf("blue", 200)), ("red", red())]);
    let foreign_veth = SeenKind::Veth {
        peer_index: Some(7777),
    };
    let dummy = || SeenKind::Other {
        name: "dummy".to_owned(),
    };
    let table = [
        (Space::Host, "host-e-100", foreign_veth, "veth"),
        (Space::Host, "host-e-100", hardware(), "NIC"),
        (Space::Router, "red", dummy(), "dummy"),
        (Space::Router, "vni100", dummy(), "dummy"),
        (Space::Router, "pe-e-100", hardware(), "NIC"),
    ];
    for (space, text, kind, called) in table {
        let mut world = World::new();
        let links = match space {
            Space::Host => &mut world.kernel.host,
            Space::Router => &mut world.kernel.router,
        };
        links.insert(name(text), link(50, kind));
        let plan = world.plan(&wanted);
        let blocked: Vec<String> = plan
            .units
            .iter()
            .filter_map(|unit| unit.steps.as_ref().err().map(|why| (&unit.key, why)))
            .map(|(key, why)| format!("{key}: {why}"))
            .collect();
        assert_eq!(
            blocked,
            [format!(
                "L3VNI default/red: a {called} named {text} that is not ours stands in the \
                 {space} namespace; rename or delete it, and this goes on by itself"
            )]
        );
        assert!(plan.to_string().contains("  ! a "));
    }
}

#[test]
fn a_foreign_end_of_a_veth_in_the_router_is_not_deleted() {
    let mut world = World::new();
    let end = |index, peer| {
        link(
            index,
            SeenKind::Veth {
                peer_index: Some(peer),
            },
        )
    };
    world.kernel.router.insert(name("pe-e-100"), end(50, 60));
    world.kernel.host.insert(name("tap0"), end(60, 50));
    let plan = world.plan(&with(underlay(), [("red", red())]));
    let why = plan.units.last().expect("red").steps.as_ref();
    assert!(matches!(why, Err(Blocked::Foreign(foreign)) if foreign.name == name("pe-e-100")));
}

#[test]
fn stale_ends_of_ours_make_room() {
    let wanted = with(underlay(), [("red", red())]);
    let ours = |index, peer| SeenLink {
        alias: "perouter: L3VNI default/old".to_owned(),
        ..link(
            index,
            SeenKind::Veth {
                peer_index: Some(peer),
            },
        )
    };
    // Paired with something in a namespace that nobody sees.
    let mut world = World::new();
    world.kernel.host.insert(name("host-e-100"), ours(50, 9999));
    let steps = lines(&world.converge(&wanted));
    assert!(
        position(&steps, "- host: link host-e-100") < position(&steps, "+ router: link pe-e-100")
    );
    // Both names are there, each paired with something else.
    let mut world = World::new();
    world.kernel.host.insert(name("host-e-100"), ours(50, 9999));
    world.kernel.router.insert(name("pe-e-100"), ours(60, 9998));
    world.converge(&wanted);
    // Paired with each other across names: the first deletion takes both.
    let mut world = World::new();
    world.kernel.router.insert(name("pe-e-300"), ours(60, 50));
    world.kernel.host.insert(name("host-e-400"), ours(50, 60));
    let plan = world.converge(&wanted);
    assert_eq!(plan.sweep.len(), 1);
    // One end of ours that hangs on a link which is not ours to delete.
    let mut world = World::new();
    world
        .kernel
        .router
        .insert(name("pe-e-300"), link(60, hardware()));
    world.kernel.host.insert(name("host-e-300"), ours(50, 9999));
    let plan = world.converge(&wanted);
    assert_eq!(plan.sweep.len(), 1, "{plan}");
}

#[test]
fn an_unmarked_pair_by_our_names_is_taken_up() {
    let wanted = with(underlay(), [("red", red())]);
    let mut world = World::running(&wanted);
    for (space, text) in [(Space::Router, "pe-e-100"), (Space::Host, "host-e-100")] {
        world.link_mut(space, text).expect("a veth").alias.clear();
    }
    let steps = lines(&world.converge(&wanted));
    assert!(
        steps.iter().all(|step| step.contains(" alias ")),
        "{steps:?}"
    );
}

#[test]
fn what_is_not_marked_is_never_swept() {
    let mut world = World::new();
    let kinds = [
        ("br-pe-900", SeenKind::Bridge),
        ("green", SeenKind::Vrf { table: 7 }),
        (
            "vni900",
            SeenKind::Other {
                name: "vxlan".to_owned(),
            },
        ),
    ];
    for (index, (text, kind)) in (50..).zip(kinds) {
        world.kernel.router.insert(name(text), link(index, kind));
    }
    // Marked, but by no name of ours.
    let marked = SeenLink {
        alias: "perouter: L3VNI default/x".to_owned(),
        ..link(60, SeenKind::Bridge)
    };
    world.kernel.router.insert(name("br0"), marked.clone());
    world.kernel.host.insert(name("br-pe-901"), marked);
    // A mark is a word and a colon.
    let almost = SeenLink {
        alias: "perouter-test".to_owned(),
        ..link(61, SeenKind::Bridge)
    };
    world.kernel.router.insert(name("br-pe-902"), almost);
    assert_eq!(world.plan(&with(underlay(), [])).sweep, []);
    assert!(world.plan(&NodeIntent::default()).is_empty());
}

#[test]
fn a_vrf_from_elsewhere_keeps_its_table() {
    let wanted = with(underlay(), [("red", red())]);
    let mut world = World::new();
    let vrf = SeenLink {
        ..link(50, SeenKind::Vrf { table: 10 })
    };
    world.kernel.router.insert(name("red"), vrf);
    let steps = lines(&world.converge(&wanted));
    let about: Vec<&String> = steps
        .iter()
        .filter(|step| step.contains("link red"))
        .collect();
    assert_eq!(
        about,
        ["~ router: link red alias \"perouter: L3VNI default/red\""]
    );
    // But not a table of the kernel's own.
    for table in [0, 253, 254, 255] {
        let mut world = World::new();
        world
            .kernel
            .router
            .insert(name("red"), link(50, SeenKind::Vrf { table }));
        let steps = lines(&world.converge(&wanted));
        assert_eq!(
            position(&steps, "- router: link red") + 1,
            position(&steps, "table 1000100")
        );
    }
}

#[test]
fn another_vni_on_the_same_vrf_leaves_the_vrf_standing() {
    let mut world = World::running(&with(underlay(), [("red", red())]));
    let moved = L3Vni {
        vni: crate::intent::samples::vni(101),
        ..red()
    };
    let wanted = with(underlay(), [("red", moved.clone())]);
    let plan = world.converge(&wanted);
    let steps = lines(&plan);
    let unmapped = position(&steps, "- zebra: vrf red / vni");
    assert!(
        unmapped < position(&steps, "+ router: link vni101"),
        "{steps:?}"
    );
    assert_eq!(
        steps.last().map(String::as_str),
        Some("+ zebra: vrf red / vni 101")
    );
    assert!(
        !steps.iter().any(|step| step.contains("router: link red ")),
        "{steps:?}"
    );
    let swept = plan
        .sweep
        .iter()
        .flat_map(|leftover| &leftover.steps)
        .filter(|planned| matches!(planned.step, Step::Kernel(_)));
    assert_eq!(swept.count(), 3, "bridge, VXLAN and one end of the veth");
    // The number that is free now goes to another VRF, which gets a table of its own.
    let both = with(underlay(), [("blue", vrf("blue", 100)), ("red", moved)]);
    let steps = lines(&world.converge(&both));
    let made = &steps[position(&steps, "+ router: link blue")];
    assert_eq!(
        made,
        &format!(
            "+ router: link blue type vrf table {}",
            1_000_100 + (1 << 24)
        )
    );
}

#[test]
fn two_vrfs_that_share_a_table_are_parted() {
    let wanted = with(underlay(), [("blue", vrf("blue", 200)), ("red", red())]);
    let mut world = World::running(&wanted);
    let blue = world.link_mut(Space::Router, "blue").expect("blue");
    blue.kind = SeenKind::Vrf { table: 1_000_100 };
    let steps = lines(&world.converge(&wanted));
    assert!(
        !steps.iter().any(|step| step.contains("link red")),
        "{steps:?}"
    );
    assert_eq!(steps[0], "- router: link blue");
}

#[test]
fn a_renamed_vrf_takes_its_ports_along() {
    let mut world = World::running(&with(underlay(), [("red", red())]));
    let renamed = L3Vni {
        vrf: "blue".parse().expect("a VRF"),
        ..red()
    };
    let plan = world.converge(&with(underlay(), [("red", renamed)]));
    let steps = lines(&plan);
    let sweep = [
        "- zebra: vrf red / vni",
        "- bgpd: no router bgp 64514 vrf red",
        "- router: link red",
    ];
    assert_eq!(steps[..3], sweep);
    for step in [
        "+ router: link blue type vrf table 1000100",
        "~ router: link br-pe-100 master blue",
        "~ router: link pe-e-100 master blue",
        "+ zebra: vrf blue / vni 100",
    ] {
        assert_eq!(steps.iter().filter(|own| *own == step).count(), 1, "{step}");
    }
    assert!(
        !steps.iter().any(|step| step.contains("link vni100")),
        "{steps:?}"
    );
}

#[test]
fn another_as_number_of_the_underlay_replaces_every_instance() {
    let before = with(underlay(), [("blue", vrf("blue", 200)), ("red", red())]);
    let mut world = World::running(&before);
    let renumbered = Underlay {
        asn: asn(65000),
        ..underlay()
    };
    let after = with(renumbered, [("blue", vrf("blue", 200)), ("red", red())]);
    let plan = world.converge(&after);
    assert_eq!(
        lines(&plan)[..5],
        [
            "- zebra: vrf blue / vni",
            "- bgpd: no router bgp 64514 vrf blue",
            "- zebra: vrf red / vni",
            "- bgpd: no router bgp 64514 vrf red",
            "- bgpd: no router bgp 64514",
        ]
    );
    assert_eq!(world.vnis.len(), 2, "mapped again");
    assert_eq!(world.frr(), World::running(&after).frr());
}

#[test]
fn another_as_number_of_a_host_session_replaces_its_instance_alone() {
    let before = with(underlay(), [("blue", vrf("blue", 200)), ("red", red())]);
    let mut world = World::running(&before);
    let mut edited = red();
    edited.host_session = edited.host_session.map(|session| crate::api::HostSession {
        asn: asn(64999),
        ..session
    });
    let after = with(underlay(), [("blue", vrf("blue", 200)), ("red", edited)]);
    let steps = lines(&world.converge(&after));
    assert_eq!(
        steps[..2],
        [
            "- zebra: vrf red / vni",
            "- bgpd: no router bgp 64514 vrf red"
        ]
    );
    assert!(!steps.iter().any(|step| step.contains("blue")), "{steps:?}");
}

#[test]
fn a_nic_that_was_given_back_is_left_alone_once_that_is_noted() {
    let mut world = World::running(&with(nics(&["eth0"]), [("red", red())]));
    let mut memory = world.memory.clone();
    let nothing = NodeIntent::default();
    let plan = world.converge(&nothing);
    // As long as it is remembered, its way home may have been cut short.
    world.memory = memory.clone();
    assert_ne!(world.plan(&nothing).steps(), 0);
    memory.forget_given_back(&plan);
    world.memory = memory;
    assert_eq!(world.plan(&nothing).steps(), 0);
}

#[test]
fn without_its_underlay_a_node_is_as_it_was() {
    let untouched = World::new();
    let mut world = World::running(&with(nics(&["eth0", "eth2"]), [("red", red())]));
    let plan = world.converge(&NodeIntent::default());
    assert_eq!(plan.units, []);
    assert_eq!(
        lines(&plan),
        [
            "- zebra: vrf red / vni",
            "- bgpd: no router bgp 64514 vrf red",
            "- bgpd: no router bgp 64514",
            "- router: link pe-e-100",
            "- router: link vni100",
            "- router: link br-pe-100",
            "- router: link red",
            "- router: address 100.65.0.1/32 on lo",
            "~ router: NIC eth0 moves to host, address 10.0.0.7/24, route 0.0.0.0/0",
            "~ router: NIC eth2 moves to host, address 10.0.2.7/24, route 0.0.0.0/0",
            "- bgpd: route-map allowall",
        ]
    );
    assert_eq!(world.kernel.host, untouched.kernel.host);
    assert_eq!(world.kernel.nic_routes, untouched.kernel.nic_routes);
    assert_eq!(world.frr(), untouched.frr());
}

#[test]
fn a_host_session_that_goes_takes_its_veth_along() {
    let mut world = World::running(&with(underlay(), [("red", red())]));
    let plan = world.converge(&with(underlay(), [("red", vrf("red", 100))]));
    assert_eq!(lines(&plan)[0], "- router: link pe-e-100");
    assert_eq!(plan.sweep.len(), 1);
}

#[test]
fn an_object_by_another_name_changes_the_marks_alone() {
    let mut world = World::running(&with(underlay(), [("red", red())]));
    let plan = world.converge(&with(underlay(), [("crimson", red())]));
    let steps = lines(&plan);
    assert!(steps.iter().all(|step| step.contains("alias")), "{steps:?}");
    assert_eq!(steps.len(), 5);
    assert_eq!(plan.units[1].key, key(Kind::L3Vni, "crimson"));
}

#[test]
fn another_tunnel_endpoint_makes_the_vxlan_device_again() {
    let mut world = World::running(&with(underlay(), [("red", red())]));
    let moved = Underlay {
        tunnel_endpoint: TunnelEndpoint::over_ipv4(net("100.99.0.0/24")),
        ..underlay()
    };
    let steps = lines(&world.converge(&with(moved, [("red", red())])));
    assert!(
        position(&steps, "+ router: address 100.99.0.1/32")
            < position(&steps, "- router: address 100.65.0.1/32")
    );
    assert!(position(&steps, "local 100.99.0.1") > position(&steps, "- router: link vni100"));
}

#[test]
fn veths_leave_room_for_the_tunnel_where_there_is_some() {
    let wanted = with(underlay(), [("red", red())]);
    for (nic, veth) in [
        (9000, 8950),
        (1500, 1450),
        (1331, 1281),
        (1330, 1500),
        (1280, 1500),
    ] {
        let mut world = World::new();
        world.link_mut(Space::Host, "eth1").expect("eth1").mtu = nic;
        world.converge(&wanted);
        for (space, text) in [(Space::Router, "pe-e-100"), (Space::Host, "host-e-100")] {
            assert_eq!(
                world.link_mut(space, text).expect("a veth").mtu,
                veth,
                "NIC {nic}"
            );
        }
    }
}

/// An agent that was killed half way left the NIC in the host with one of its addresses.
///
/// Seen to fail: when only a NIC without any address had what it carried looked up.
#[test]
fn a_nics_way_home_that_was_cut_short_is_gone_to_its_end() {
    let mut world = World::new();
    let carried = NicConfig {
        addresses: [address("10.0.1.7/24"), address("fd00:1::7/64")].into(),
        routes: [default_route("10.0.1.1")].into(),
    };
    world.memory.nics.insert(name("eth1"), carried.clone());
    let moved = |plan: &Plan| -> Vec<KernelStep> {
        let steps = plan.all_steps().filter_map(|step| {
            let Step::Kernel(step @ KernelStep::MoveNic { .. }) = step else {
                return None;
            };
            Some(step.clone())
        });
        steps.collect()
    };
    let to = |to| KernelStep::MoveNic {
        name: name("eth1"),
        to,
        config: carried.clone(),
    };
    assert_eq!(
        moved(&world.plan(&NodeIntent::default())),
        [to(Space::Host)]
    );
    let wanted = intent([fabric("u", underlay())]);
    assert_eq!(moved(&world.plan(&wanted)), [to(Space::Router)]);
}
