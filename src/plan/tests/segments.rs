//! Segments, with and without a VRF that routes them, on bridges of ours and of others; and the
//! passthrough.

use perouter_parsers::system::Version;

use super::scenarios::{lines, position, red};
use super::world::{World, address, name};
use crate::api::{
    Gateways, HostMaster, IpVersion, L2Vni, L3Vni, Manifest, TunnelEndpoint, Underlay,
};
use crate::intent::NodeIntent;
use crate::intent::samples::{
    fabric, intent, l2vni, l3passthrough, l3vni, net, routed_segment, segment, underlay, vrf,
};
use crate::plan::desired::gateway_bridges;
use crate::plan::kernel::NoBridge;
use crate::plan::link::{Mac, SeenKind, SeenLink, Space};
use crate::plan::{Blocked, Plan, SeenFrr, plan};

fn node(objects: impl IntoIterator<Item = Manifest>) -> NodeIntent {
    intent([fabric("u", underlay())].into_iter().chain(objects))
}

/// VRF red and a segment that it routes.
fn mixed(lan: L2Vni) -> NodeIntent {
    node([l3vni("red", red()), l2vni("lan", lan)])
}

fn lan() -> L2Vni {
    L2Vni {
        host_master: Some(HostMaster::Managed),
        ..routed_segment(110, "red", "10.20.0.1/24")
    }
}

fn on(master: Option<HostMaster>) -> NodeIntent {
    node([l2vni(
        "flat",
        L2Vni {
            host_master: master,
            ..segment(120)
        },
    )])
}

fn external(bridge: &str) -> Option<HostMaster> {
    Some(HostMaster::External(name(bridge)))
}

fn seen<'a>(world: &'a World, space: Space, link: &str) -> &'a SeenLink {
    world.kernel.links(space).get(&name(link)).expect(link)
}

fn blocked(plan: &Plan) -> Vec<&Blocked> {
    let units = plan.units.iter();
    units.filter_map(|unit| unit.steps.as_ref().err()).collect()
}

#[test]
fn a_routed_segment_is_planned_like_this() {
    let mut world = World::running(&node([l3vni("red", red())]));
    let dual = L2Vni {
        gateways: Gateways {
            ipv6: Some("fd00:20::1/64".parse().expect("an address")),
            ..lan().gateways
        },
        ..lan()
    };
    let plan = world.converge(&mixed(dual));
    assert_eq!(
        lines(&plan),
        [
            "+ bgpd: router bgp 64514 vrf red / address-family ipv4 unicast / network 10.20.0.0/24",
            "+ bgpd: router bgp 64514 vrf red / address-family ipv6 unicast / network fd00:20::/64",
            "+ router: link br-pe-110 type bridge",
            "~ router: link br-pe-110 master red",
            "+ router: address 10.20.0.1/24 on br-pe-110",
            "+ router: address fd00:20::1/64 on br-pe-110",
            "~ router: link br-pe-110 up",
            "+ router: link vni110 type vxlan id 110 local 100.65.0.1 dstport 4789 nolearning",
            "~ router: link vni110 master br-pe-110",
            "~ router: link vni110 neigh_suppress on learning off",
            "~ router: link vni110 up",
            "+ router: link pe-e-110 type veth peer host-e-110 in host",
            "~ router: link pe-e-110 master br-pe-110",
            "~ router: link pe-e-110 up",
            "+ host: link br-hs-110 type bridge",
            "~ host: link br-hs-110 up",
            "~ host: link host-e-110 alias \"perouter: L2VNI default/lan\"",
            "~ host: link host-e-110 mtu 8950",
            "~ host: link host-e-110 master br-hs-110",
            "~ host: link host-e-110 up",
        ]
    );
    // 00:f3 and the VNI plus one, on every node alike.
    let gateway = seen(&world, Space::Router, "br-pe-110");
    assert_eq!(gateway.mac, Some(Mac([0x00, 0xf3, 0, 0, 0, 0x6f])));
}

#[test]
fn nothing_of_a_segment_and_a_passthrough_outlives_them() {
    let bare = node([l3vni("red", red())]);
    let host = red().host_session.expect("a session");
    let host = crate::api::HostSession {
        local_cidr: crate::api::LocalCidr::of_ipv4(net("192.169.30.0/24")),
        ..host
    };
    let full = node([
        l3vni("red", red()),
        l2vni("lan", lan()),
        l3passthrough("host", host),
    ]);
    let before = World::running(&bare);
    let mut world = before.clone();
    world.converge(&full);
    assert!(world.kernel.host.contains_key(&name("pt-host")));
    world.converge(&bare);
    let names = |world: &World, space| {
        world
            .kernel
            .links(space)
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    for space in [Space::Host, Space::Router] {
        assert_eq!(names(&world, space), names(&before, space));
    }
    assert_eq!(world.frr(), before.frr());
    // And none of it without the underlay, which all of it needs.
    world.converge(&full);
    world.converge(&NodeIntent::default());
    for space in [Space::Host, Space::Router] {
        assert_eq!(names(&world, space), names(&World::new(), space));
    }
}

#[test]
fn a_hosts_end_goes_from_bridge_to_bridge_and_is_then_left_alone() {
    let mut world = World::running(&on(Some(HostMaster::Managed)));
    let master = |world: &World| seen(world, Space::Host, "host-e-120").master.clone();
    assert_eq!(master(&world), Some(name("br-hs-120")));

    world.converge(&on(external("br-lan")));
    assert_eq!(master(&world), Some(name("br-lan")));
    assert!(
        !world.kernel.host.contains_key(&name("br-hs-120")),
        "ours is gone"
    );

    world.converge(&on(external("cni0")));
    assert_eq!(master(&world), Some(name("cni0")));

    world.converge(&on(None));
    assert_eq!(master(&world), None, "what we attached we detach");

    let end = world
        .link_mut(Space::Host, "host-e-120")
        .expect("it stands");
    end.master = Some(name("br-lan"));
    let plan = world.converge(&on(None));
    assert_eq!(
        lines(&plan),
        Vec::<String>::new(),
        "what others attach stays"
    );
}

#[test]
fn a_bridge_of_others_that_is_not_there_blocks_its_segment_alone() {
    let wanted = node([
        l2vni(
            "flat",
            L2Vni {
                host_master: external("br-none"),
                ..segment(120)
            },
        ),
        l2vni(
            "nic",
            L2Vni {
                host_master: external("eth0"),
                ..segment(130)
            },
        ),
        l3vni("red", red()),
    ]);
    let mut world = World::new();
    let plan = world.plan(&wanted);
    let told: Vec<String> = blocked(&plan).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "spec.hostMaster.linuxBridge.name: there is no link br-none in the host namespace; \
             make the bridge, and this goes on by itself",
            "spec.hostMaster.linuxBridge.name: eth0 in the host namespace is a NIC, and no bridge",
        ]
    );
    assert!(matches!(
        blocked(&plan)[0],
        Blocked::NoBridge(NoBridge { found: None, .. })
    ));
    assert!(
        lines(&plan)
            .iter()
            .any(|line| line.contains("link br-pe-100"))
    );
    world
        .kernel
        .host
        .insert(name("br-none"), seen(&world, Space::Host, "br-lan").clone());
    assert_eq!(blocked(&world.plan(&wanted)).len(), 1);
}

#[test]
fn a_segment_moves_to_another_vrf_and_out_of_all() {
    let domains = || [l3vni("red", red()), l3vni("blue", vrf("blue", 200))];
    let routed = |domain| l2vni("lan", routed_segment(110, domain, "10.20.0.1/24"));
    let with = |lan: Manifest| node(domains().into_iter().chain([lan]));
    let mut world = World::running(&with(routed("red")));
    let master = |world: &World| seen(world, Space::Router, "br-pe-110").master.clone();
    assert_eq!(master(&world), Some(name("red")));
    world.converge(&with(routed("blue")));
    assert_eq!(master(&world), Some(name("blue")));
    world.converge(&with(l2vni("lan", segment(110))));
    let bridge = seen(&world, Space::Router, "br-pe-110");
    assert_eq!((&bridge.master, bridge.addresses.len()), (&None, 0));
}

/// What was altered by hand on any link of a segment is put right, and nothing else written.
#[test]
fn what_was_altered_by_hand_is_put_right_alone() {
    let wanted = mixed(lan());
    let mut world = World::running(&wanted);
    let bridge = world
        .link_mut(Space::Router, "br-pe-110")
        .expect("it stands");
    bridge.mac = Some(Mac([2, 0, 0, 0, 0, 1]));
    bridge.addresses.insert(address("10.99.0.1/24"));
    let end = world
        .link_mut(Space::Host, "host-e-110")
        .expect("it stands");
    end.master = Some(name("br-lan"));
    let plan = world.converge(&wanted);
    assert_eq!(
        lines(&plan),
        [
            "~ router: link br-pe-110 address 00:f3:00:00:00:6f",
            "- router: address 10.99.0.1/24 on br-pe-110",
            "~ host: link host-e-110 master br-hs-110",
        ]
    );
}

#[test]
fn tunnels_over_ipv6_leave_less_room() {
    let own = Underlay {
        tunnel_endpoint: TunnelEndpoint {
            ipv6: Some("fd00:65::/64".parse().expect("a prefix")),
            ..underlay().tunnel_endpoint
        },
        ..underlay()
    };
    let over = |over| L2Vni {
        tunnels_over: over,
        ..segment(110)
    };
    let red = L3Vni {
        tunnels_over: Some(IpVersion::V6),
        ..red()
    };
    let world = World::running(&intent([
        fabric("u", own),
        l3vni("red", red),
        l2vni("four", over(None)),
        l2vni(
            "six",
            L2Vni {
                vni: vrf("x", 120).vni,
                ..over(Some(IpVersion::V6))
            },
        ),
    ]));
    for (vni, start, mtu) in [
        (100, "fd00:65::1", 8930),
        (110, "100.65.0.1", 8950),
        (120, "fd00:65::1", 8930),
    ] {
        let vxlan = seen(&world, Space::Router, &format!("vni{vni}"));
        let SeenKind::Vxlan { local, .. } = vxlan.kind else {
            panic!("{vxlan:?}");
        };
        assert_eq!(local, Some(start.parse().expect("an address")), "{vni}");
        for (space, end) in [(Space::Router, "pe-e"), (Space::Host, "host-e")] {
            assert_eq!(
                seen(&world, space, &format!("{end}-{vni}")).mtu,
                mtu,
                "{end} {vni}"
            );
        }
    }
    let vteps = &seen(&world, Space::Router, "lo").addresses;
    assert!(
        vteps.contains(&address("fd00:65::1/128")) && vteps.contains(&address("100.65.0.1/32"))
    );
}

#[test]
fn the_passthrough_has_a_link_without_a_vrf() {
    let host = red().host_session.expect("a session");
    let mut world = World::running(&node([]));
    let plan = world.converge(&node([l3passthrough("host", host)]));
    let steps = lines(&plan);
    let link = position(
        &steps,
        "+ router: link pt-ns type veth peer pt-host in host",
    );
    assert!(position(&steps, "neighbor 192.169.10.3 remote-as 64515") < link);
    let end = seen(&world, Space::Router, "pt-ns");
    assert_eq!(
        (&end.master, &end.addresses),
        (&None, &[address("192.169.10.1/24")].into())
    );
    let end = seen(&world, Space::Host, "pt-host");
    assert_eq!(end.addresses, [address("192.169.10.3/24")].into());
}

#[test]
fn tunnels_over_ipv6_are_refused_where_frr_does_not_know_them() {
    let own = Underlay {
        tunnel_endpoint: TunnelEndpoint {
            ipv4: None,
            ipv6: Some("fd00:65::/64".parse().expect("a prefix")),
        },
        ..underlay()
    };
    let wanted = intent([
        fabric("u", own),
        l3vni("red", red()),
        l2vni("lan", segment(110)),
    ]);
    let world = World::new();
    let told = |release: Option<Version>| {
        let frr = SeenFrr {
            release,
            ..world.frr()
        };
        let plan = plan(&wanted, &world.kernel, &frr, &world.memory).expect("typeable");
        blocked(&plan)
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    let refusal = "spec.underlayAddressFamily: tunnels over IPv6 need FRR 10.6 or later, and this \
                   is FRR 10.3; use IPv4, with an IPv4 prefix in the Underlay's \
                   spec.tunnelEndpoint.cidrs";
    assert_eq!(told(Some(Version::new(10, 3, 0))), [refusal, refusal]);
    assert_eq!(told(Some(Version::new(10, 6, 0))), Vec::<String>::new());
    assert_eq!(told(None), Vec::<String>::new());
}

#[test]
fn neighbours_are_refreshed_where_the_router_is_the_gateway() {
    let names = |intent: &NodeIntent| -> Vec<String> {
        let bridges = gateway_bridges(intent);
        bridges.iter().map(ToString::to_string).collect()
    };
    // VRF red has a bridge too, and so has a segment that nobody routes: no workload is known
    // by its address there.
    let both = node([
        l3vni("red", red()),
        l2vni("lan", lan()),
        l2vni("flat", segment(120)),
    ]);
    assert_eq!(names(&both), ["br-pe-110"]);
    assert!(names(&node([l3vni("red", red())])).is_empty());
}
