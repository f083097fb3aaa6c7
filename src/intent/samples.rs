//! Objects to test with: plain ones to alter, and any at all for properties.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::num::NonZeroU16;

use ipnet::Ipv4Net;
use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;

use super::{Accepted, Candidate, Candidates, NodeIndex, NodeIntent, resolve};
use crate::api::{
    AllowedPrefixes, Asn, Families, Family, GracefulRestart, HostSession, Kind, L3Vni, LocalCidr,
    Manifest, Multihop, Neighbor, Object, ObjectKey, Peer, RemoteAs, RouteTarget, Secret, Timers,
    TunnelEndpoint, Underlay, Vni,
};

pub(crate) const INDEX: NodeIndex = NodeIndex(1);

/// No part of a plan may ever show it.
pub(crate) const PASSWORD: &str = "Xyzzy-42-plugh";

pub(crate) fn asn(number: u32) -> Asn {
    Asn::try_from(number).expect("an AS number")
}

pub(crate) fn vni(number: u32) -> Vni {
    Vni::try_from(number).expect("a VNI")
}

pub(crate) fn net(text: &str) -> Ipv4Net {
    text.parse().expect("a prefix")
}

pub(crate) fn key(kind: Kind, name: &str) -> ObjectKey {
    ObjectKey {
        kind,
        namespace: "default".to_owned(),
        name: name.to_owned(),
    }
}

pub(crate) fn neighbor(address: &str, remote_as: RemoteAs) -> Neighbor {
    Neighbor {
        peer: Peer::Address(address.parse().expect("an address")),
        remote_as,
        port: None,
        password: None,
        timers: None,
        connect_time: None,
        ebgp_multihop: None,
        bfd: None,
        families: Families::Derived,
        reflector_client: BTreeSet::new(),
    }
}

/// One eBGP neighbour, one NIC, a tunnel endpoint.
pub(crate) fn underlay() -> Underlay {
    Underlay {
        asn: asn(64514),
        router_id_cidr: net("10.0.0.0/24"),
        neighbors: vec![neighbor("10.0.1.1", RemoteAs::Number(asn(64512)))],
        interfaces: vec!["eth1".parse().expect("a name")],
        tunnel_endpoint: TunnelEndpoint::over_ipv4(net("100.65.0.0/24")),
        graceful_restart: None,
        reflector_cluster: None,
    }
}

/// A VRF without a leg to the host.
pub(crate) fn vrf(name: &str, number: u32) -> L3Vni {
    L3Vni {
        vrf: name.parse().expect("a VRF name"),
        vni: vni(number),
        vxlan_port: 4789,
        host_session: None,
        import_rts: Vec::new(),
        export_rts: Vec::new(),
    }
}

/// A VRF with an eBGP session to the host.
pub(crate) fn vrf_with_host(name: &str, number: u32, pool: &str) -> L3Vni {
    L3Vni {
        host_session: Some(HostSession {
            asn: asn(64514),
            remote_as: RemoteAs::Number(asn(64515)),
            local_cidr: LocalCidr::of_ipv4(net(pool)),
            allowed: AllowedPrefixes::default(),
        }),
        ..vrf(name, number)
    }
}

pub(crate) fn fabric(name: &str, spec: Underlay) -> Manifest {
    Manifest::Underlay(Object {
        key: key(Kind::Underlay, name),
        generation: None,
        spec,
    })
}

pub(crate) fn l3vni(name: &str, spec: L3Vni) -> Manifest {
    Manifest::L3Vni(Object {
        key: key(Kind::L3Vni, name),
        generation: None,
        spec,
    })
}

/// Objects as read, each from a file of its own name.
pub(crate) fn read(manifests: impl IntoIterator<Item = Manifest>) -> Candidates {
    let candidate = |manifest: Manifest| Candidate {
        key: manifest.key().clone(),
        source: format!("{}.yaml", manifest.key().name),
        manifest: Ok(manifest),
    };
    Candidates {
        objects: manifests.into_iter().map(candidate).collect(),
        ..Candidates::default()
    }
}

/// The intent of a node that reads these for the first time; none may be refused.
pub(crate) fn intent(manifests: impl IntoIterator<Item = Manifest>) -> NodeIntent {
    let resolution = resolve(read(manifests), &Accepted::new(), INDEX);
    assert_eq!(resolution.rejections, []);
    resolution.intent
}

fn any_remote_as() -> impl Strategy<Value = RemoteAs> {
    prop_oneof![
        // The own AS number among them.
        (64512_u32..64516).prop_map(|number| RemoteAs::Number(asn(number))),
        Just(RemoteAs::External),
        Just(RemoteAs::Internal),
    ]
}

fn any_families() -> impl Strategy<Value = Families> {
    let family = prop_oneof![Just(Family::Ipv4Unicast), Just(Family::Evpn)];
    prop_oneof![
        Just(Families::Derived),
        btree_set(family, 1..=2).prop_map(Families::Explicit),
    ]
}

fn any_timers() -> impl Strategy<Value = Timers> {
    (3_u16..200).prop_map(|hold| Timers {
        keepalive: hold / 3,
        hold,
    })
}

fn any_neighbor(last: u8) -> impl Strategy<Value = Neighbor> {
    let multihop = of(1_u8..=255).prop_map(|ttl| Multihop { ttl });
    (
        any_remote_as(),
        of((1_u16..=400).prop_filter_map("zero", NonZeroU16::new)),
        of(prop_oneof![Just(PASSWORD), Just("another-one")]),
        of(any_timers()),
        of(1_u16..300),
        of(multihop),
        any_families(),
    )
        .prop_map(
            move |(remote_as, port, password, timers, connect_time, ebgp_multihop, families)| {
                Neighbor {
                    peer: Peer::Address(Ipv4Addr::new(10, 0, 1, last).into()),
                    remote_as,
                    port,
                    password: password.map(|text| Secret::new(text.to_owned())),
                    timers,
                    connect_time,
                    ebgp_multihop,
                    bfd: None,
                    families,
                    reflector_client: BTreeSet::new(),
                }
            },
        )
}

fn any_restart() -> impl Strategy<Value = GracefulRestart> {
    let time = |default| prop_oneof![Just(default), 1_u16..4096];
    (time(120), time(360)).prop_map(|(restart_time, stale_path_time)| GracefulRestart {
        restart_time,
        stale_path_time,
    })
}

pub(crate) fn any_underlay() -> impl Strategy<Value = Underlay> {
    let neighbors = btree_set(1_u8..6, 1..4)
        .prop_flat_map(|lasts| lasts.into_iter().map(any_neighbor).collect::<Vec<_>>());
    let nics = btree_set(0_u8..3, 1..3);
    (
        64512_u32..64515,
        neighbors,
        nics,
        of(prop_oneof![3 => Just("100.65.0.0/24"), 1 => Just("100.66.0.0/31"), 1 => Just("100.67.0.0/32")]),
        of(any_restart()),
    )
        .prop_map(|(own, neighbors, nics, endpoint, graceful_restart)| Underlay {
            asn: asn(own),
            router_id_cidr: net("10.0.0.0/24"),
            neighbors,
            interfaces: nics
                .into_iter()
                .map(|nic| format!("eth{nic}").parse().expect("a name"))
                .collect(),
            tunnel_endpoint: endpoint.map(net).map(TunnelEndpoint::over_ipv4).unwrap_or_default(),
            graceful_restart,
            reflector_cluster: None,
        })
}

fn any_targets() -> impl Strategy<Value = Vec<RouteTarget>> {
    let target = prop_oneof![
        // What FRR derives by itself is among them.
        (64512_u32..64515, 1_u32..5).prop_map(|(asn, vni)| format!("{asn}:{vni}")),
        Just("192.0.2.1:7".to_owned()),
        Just("4200000001:7".to_owned()),
    ];
    let parsed = |text: String| text.parse().expect("a route target");
    btree_set(target, 0..4).prop_map(move |texts| texts.into_iter().map(parsed).collect())
}

fn any_session() -> impl Strategy<Value = HostSession> {
    let pools = [
        "10.9.0.0/24",
        "10.9.0.128/25",
        "10.9.1.0/24",
        "10.9.2.0/31",
        "10.8.0.0/13",
    ];
    (
        64512_u32..64516,
        any_remote_as(),
        proptest::sample::select(pools.to_vec()),
    )
        .prop_map(|(own, remote_as, pool)| HostSession {
            asn: asn(own),
            remote_as,
            local_cidr: LocalCidr::of_ipv4(net(pool)),
            allowed: AllowedPrefixes::default(),
        })
}

/// Few names, numbers and pools, so that they meet.
pub(crate) fn any_l3vni() -> impl Strategy<Value = L3Vni> {
    (
        proptest::sample::select(vec!["red", "blue", "green", "grey", "eth1"]),
        1_u32..5,
        prop_oneof![4 => Just(4789_u16), 1 => Just(8472)],
        of(any_session()),
        any_targets(),
        any_targets(),
    )
        .prop_map(
            |(name, number, vxlan_port, host_session, import_rts, export_rts)| L3Vni {
                vxlan_port,
                host_session,
                import_rts,
                export_rts,
                ..vrf(name, number)
            },
        )
}

/// Any set of objects, each with a name of its own; mostly one underlay.
pub(crate) fn any_manifests() -> impl Strategy<Value = Vec<Manifest>> {
    let how_many = prop_oneof![1 => Just(0_usize), 6 => Just(1), 2 => Just(2)];
    let underlays = how_many.prop_flat_map(|number| vec(any_underlay(), number));
    let vnis = proptest::collection::btree_map(0_u8..6, any_l3vni(), 0..5);
    (underlays, vnis).prop_map(|(underlays, vnis)| {
        let underlays = underlays.into_iter().enumerate();
        let underlays = underlays.map(|(number, spec)| fabric(&format!("u{number}"), spec));
        let vnis = vnis.into_iter();
        let vnis = vnis.map(|(number, spec)| l3vni(&format!("v{number}"), spec));
        underlays.chain(vnis).collect()
    })
}

/// Any intent that a node could have, but for VRFs with the name of a NIC that is on its way
/// out: those need a second pass.
pub(crate) fn any_intent() -> impl Strategy<Value = NodeIntent> {
    any_manifests().prop_map(|manifests| {
        let mut intent = resolve(read(manifests), &Accepted::new(), INDEX).intent;
        intent.vnis.retain(|vni| vni.spec.vrf.as_str() != "eth1");
        intent
    })
}

/// The set of families given.
pub(crate) fn exactly(families: impl IntoIterator<Item = Family>) -> Families {
    Families::Explicit(families.into_iter().collect::<BTreeSet<_>>())
}
