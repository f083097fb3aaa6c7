//! Objects to test with: plain ones to alter, and any at all for properties.

use std::collections::BTreeSet;
use std::num::NonZeroU16;

use ipnet::Ipv4Net;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::addresses::host_leg;
use super::{
    Accepted, Candidate, Candidates, NodeIndex, NodeIntent, Origin, PassthroughIntent, resolve,
};
use crate::api::{
    AllowedPrefixes, Asn, Bfd, BfdMode, Families, Family, Gateways, GracefulRestart, HostMaster,
    HostSession, IpVersion, Kind, L2Vni, L3Passthrough, L3Vni, LocalCidr, Manifest, Multihop,
    Neighbor, NodeSelector, Object, ObjectKey, Peer, PrefixRule, RawFrrConfig, RemoteAs,
    RouteTarget, Secret, Timers, TunnelEndpoint, Underlay, Vni,
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
        tunnels_over: None,
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

/// A segment that nobody routes, without a bridge on the host.
pub(crate) fn segment(number: u32) -> L2Vni {
    L2Vni {
        vni: vni(number),
        vxlan_port: 4789,
        tunnels_over: None,
        routing_domain: None,
        host_master: None,
        gateways: Gateways::default(),
    }
}

/// A segment that the VRF of an L3VNI routes, with its gateway.
pub(crate) fn routed_segment(number: u32, domain: &str, gateway: &str) -> L2Vni {
    L2Vni {
        routing_domain: Some(domain.to_owned()),
        gateways: Gateways {
            ipv4: Some(net(gateway)),
            ipv6: None,
        },
        ..segment(number)
    }
}

/// An object for all nodes.
fn object<T>(kind: Kind, name: &str, spec: T) -> Object<T> {
    Object {
        key: key(kind, name),
        generation: None,
        selector: NodeSelector::default(),
        spec,
    }
}

pub(crate) fn fabric(name: &str, spec: Underlay) -> Manifest {
    Manifest::Underlay(object(Kind::Underlay, name, spec))
}

pub(crate) fn l3vni(name: &str, spec: L3Vni) -> Manifest {
    Manifest::L3Vni(object(Kind::L3Vni, name, spec))
}

pub(crate) fn l2vni(name: &str, spec: L2Vni) -> Manifest {
    Manifest::L2Vni(object(Kind::L2Vni, name, spec))
}

pub(crate) fn l3passthrough(name: &str, host_session: HostSession) -> Manifest {
    let spec = L3Passthrough { host_session };
    Manifest::L3Passthrough(object(Kind::L3Passthrough, name, spec))
}

/// Objects as read, each from a file of its own name.
pub(crate) fn read(manifests: impl IntoIterator<Item = Manifest>) -> Candidates {
    let candidate = |manifest: Manifest| Candidate {
        key: manifest.key().clone(),
        source: format!("{}.yaml", manifest.key().name),
        origin: Origin::File,
        manifest: Ok(manifest),
    };
    Candidates {
        objects: manifests.into_iter().map(candidate).collect(),
        ..Candidates::default()
    }
}

/// The intent of a node that reads these for the first time; none may be refused.
pub(crate) fn intent(manifests: impl IntoIterator<Item = Manifest>) -> NodeIntent {
    let resolution = resolve(read(manifests), &Accepted::new(), &INDEX.into());
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

fn any_family() -> impl Strategy<Value = Family> {
    prop_oneof![
        Just(Family::Ipv4Unicast),
        Just(Family::Ipv6Unicast),
        Just(Family::Evpn)
    ]
}

fn any_families() -> impl Strategy<Value = Families> {
    prop_oneof![
        Just(Families::Derived),
        btree_set(any_family(), 1..=3).prop_map(Families::Explicit),
    ]
}

fn any_timers() -> impl Strategy<Value = Timers> {
    (3_u16..200).prop_map(|hold| Timers {
        keepalive: hold / 3,
        hold,
    })
}

/// One of each kind by its number, so that no two of an underlay claim the same.
fn any_peer(last: u8) -> impl Strategy<Value = Peer> {
    let address = |text: String| Peer::Address(text.parse().expect("an address"));
    let range = |text: String| Peer::Range(text.parse().expect("a prefix"));
    prop_oneof![
        3 => Just(address(format!("10.0.1.{last}"))),
        1 => Just(address(format!("fd00::{last}"))),
        1 => Just(Peer::Interface(format!("port{last}").parse().expect("a name"))),
        1 => Just(range(format!("10.{last}.0.0/16"))),
        1 => Just(range(format!("fd00:{last}::/64"))),
    ]
}

/// FRR's defaults, which need no profile, among them.
fn any_bfd() -> impl Strategy<Value = Bfd> {
    let mode = prop_oneof![Just(BfdMode::Active), Just(BfdMode::Passive)];
    let interval = || of(prop_oneof![Just(300_u16), 10_u16..=60_000]);
    (interval(), interval(), of(2_u8..=255), mode, of(1_u8..=254)).prop_map(
        |(receive_interval, transmit_interval, detect_multiplier, mode, minimum_ttl)| Bfd {
            receive_interval,
            transmit_interval,
            detect_multiplier,
            mode,
            minimum_ttl,
        },
    )
}

fn any_neighbor(last: u8) -> impl Strategy<Value = Neighbor> {
    let multihop = of(1_u8..=255).prop_map(|ttl| Multihop { ttl });
    let bfd = prop_oneof![Just(Bfd::default()), any_bfd()];
    let session = (
        of((1_u16..=400).prop_filter_map("zero", NonZeroU16::new)),
        of(prop_oneof![Just(PASSWORD), Just("another-one")]),
        of(any_timers()),
        of(1_u16..300),
        of(multihop),
        of(bfd),
    );
    let families = (any_families(), btree_set(any_family(), 0..3));
    (any_peer(last), any_remote_as(), session, families).prop_map(
        |(peer, remote_as, session, (families, reflected))| {
            let (port, password, timers, connect_time, ebgp_multihop, bfd) = session;
            let reflector_client = match remote_as {
                RemoteAs::Internal => reflected,
                RemoteAs::Number(_) | RemoteAs::External => BTreeSet::new(),
            };
            Neighbor {
                peer,
                remote_as,
                port,
                password: password.map(|text| Secret::new(text.to_owned())),
                timers,
                connect_time,
                ebgp_multihop,
                bfd,
                families,
                reflector_client,
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
        proptest::bool::weighted(0.3),
        of(any_restart()),
        of(prop_oneof![Just([192, 0, 2, 1]), Just([192, 0, 2, 2])]),
    )
        .prop_map(|(own, neighbors, nics, endpoint, dual, restart, cluster)| {
            let ipv4 = endpoint.map(net);
            let ipv6 = (dual && ipv4.is_some()).then(|| "fd00:65::/64".parse().expect("a prefix"));
            Underlay {
                asn: asn(own),
                router_id_cidr: net("10.0.0.0/24"),
                neighbors,
                interfaces: nics
                    .into_iter()
                    .map(|nic| format!("eth{nic}").parse().expect("a name"))
                    .collect(),
                tunnel_endpoint: TunnelEndpoint { ipv4, ipv6 },
                graceful_restart: restart,
                reflector_cluster: cluster.map(Into::into),
            }
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
    let ipv4 = select(pools.to_vec()).prop_map(net);
    let ipv6 = of(prop_oneof![Just("fd00:9::/64"), Just("fd00:9:1::/127")]);
    (
        64512_u32..64516,
        any_remote_as(),
        ipv4,
        ipv6,
        (of(any_rules()), of(any_rules())),
    )
        .prop_map(
            |(own, remote_as, ipv4, ipv6, (incoming, outgoing))| HostSession {
                asn: asn(own),
                remote_as,
                local_cidr: LocalCidr {
                    ipv4: Some(ipv4),
                    ipv6: ipv6.map(|text| text.parse().expect("a prefix")),
                },
                allowed: AllowedPrefixes { incoming, outgoing },
            },
        )
}

fn any_rules() -> impl Strategy<Value = Vec<PrefixRule>> {
    let rule = prop_oneof![
        Just(rule("10.0.0.0/8", 8, 8)),
        Just(rule("10.0.0.0/8", 8, 32)),
        Just(rule("172.16.0.0/12", 16, 24)),
        Just(rule("fd00::/16", 64, 64)),
    ];
    btree_set(rule, 0..3).prop_map(|rules| rules.into_iter().collect())
}

/// A prefix, and the lengths that pass.
pub(crate) fn rule(prefix: &str, min_length: u8, max_length: u8) -> PrefixRule {
    PrefixRule {
        prefix: prefix.parse().expect("a prefix"),
        min_length,
        max_length,
    }
}

/// Lines of people's own.
pub(crate) fn raw_config(name: &str, priority: u32, text: &str) -> Manifest {
    let config = text.parse().expect("a configuration");
    let spec = RawFrrConfig { priority, config };
    Manifest::RawFrrConfig(object(Kind::RawFrrConfig, name, spec))
}

/// Contexts and lines of which some are shared, some stand in nothing else.
fn any_raw() -> impl Strategy<Value = Vec<Manifest>> {
    const MAP: &str = "route-map mine permit 10\n set metric 5\nexit\n";
    let text = select(vec![
        MAP.to_owned(),
        format!("{MAP}ip prefix-list mine seq 5 permit 10.0.0.0/8\n"),
        "route-map mine permit 10\n set metric 6\nexit\n".to_owned(),
        "ip prefix-list mine seq 10 permit 10.0.0.0/9\nbgp as-path access-list a seq 5 permit 1\n"
            .to_owned(),
    ]);
    btree_map(0_u32..3, text, 0..3).prop_map(|all| {
        let named =
            |(number, text): (u32, String)| raw_config(&format!("r{number}"), number, &text);
        all.into_iter().map(named).collect()
    })
}

/// The host's session with the router itself, on the node with [`INDEX`].
pub(crate) fn passthrough(session: HostSession) -> PassthroughIntent {
    let pools = session.local_cidr.prefixes();
    let legs = pools.filter_map(|pool| host_leg(pool, INDEX).ok());
    PassthroughIntent {
        key: key(Kind::L3Passthrough, "host"),
        legs: legs.collect(),
        session,
    }
}

/// Few names, numbers and pools, so that they meet.
pub(crate) fn any_l3vni() -> impl Strategy<Value = L3Vni> {
    (
        select(vec!["red", "blue", "green", "grey", "eth1"]),
        1_u32..5,
        prop_oneof![4 => Just(4789_u16), 1 => Just(8472)],
        any_version(),
        of(any_session()),
        any_targets(),
        any_targets(),
    )
        .prop_map(
            |(name, number, vxlan_port, over, host_session, import_rts, export_rts)| L3Vni {
                vxlan_port,
                tunnels_over: over,
                host_session,
                import_rts,
                export_rts,
                ..vrf(name, number)
            },
        )
}

fn any_version() -> impl Strategy<Value = Option<IpVersion>> {
    prop_oneof![4 => Just(None), 2 => Just(Some(IpVersion::V4)), 1 => Just(Some(IpVersion::V6))]
}

/// A segment, maybe one that meets an L3VNI in its number, and maybe in its domain.
pub(crate) fn any_l2vni() -> impl Strategy<Value = L2Vni> {
    let gateways = (
        of(select(vec![
            "10.20.0.1/24",
            "10.20.0.129/25",
            "10.9.0.1/24",
        ])),
        of(select(vec!["fd00:20::1/64", "fd00:20::2/64"])),
    );
    let master = of(prop_oneof![
        2 => Just(HostMaster::Managed),
        1 => Just(HostMaster::External("br-lan".parse().expect("a name"))),
    ]);
    (
        3_u32..9,
        any_version(),
        of((select(vec!["v0", "v1", "v2"]), gateways)),
        master,
    )
        .prop_map(|(number, over, domain, host_master)| {
            let (name, gateways) = domain.unzip();
            let (ipv4, ipv6) = gateways.unwrap_or_default();
            L2Vni {
                tunnels_over: over,
                routing_domain: name.map(str::to_owned),
                host_master,
                gateways: Gateways {
                    ipv4: ipv4.map(|text| text.parse().expect("an address")),
                    ipv6: ipv6.map(|text| text.parse().expect("an address")),
                },
                ..segment(number)
            }
        })
}

/// Any set of objects, each with a name of its own; mostly one underlay.
pub(crate) fn any_manifests() -> impl Strategy<Value = Vec<Manifest>> {
    let how_many = prop_oneof![1 => Just(0_usize), 6 => Just(1), 2 => Just(2)];
    let underlays = how_many.prop_flat_map(|number| vec(any_underlay(), number));
    let vnis = btree_map(0_u8..6, any_l3vni(), 0..5);
    let segments = btree_map(0_u8..4, any_l2vni(), 0..3);
    let hosts = btree_map(0_u8..2, any_session(), 0..2);
    let overlays = (vnis, segments, hosts);
    (underlays, overlays, any_raw()).prop_map(|(underlays, (vnis, segments, hosts), raw)| {
        let underlays = underlays.into_iter().enumerate();
        let underlays = underlays.map(|(number, spec)| fabric(&format!("u{number}"), spec));
        let vnis = vnis.into_iter();
        let vnis = vnis.map(|(number, spec)| l3vni(&format!("v{number}"), spec));
        let segments = segments.into_iter();
        let segments = segments.map(|(number, spec)| l2vni(&format!("s{number}"), spec));
        let hosts = hosts.into_iter();
        let hosts = hosts.map(|(number, session)| l3passthrough(&format!("h{number}"), session));
        let overlays = vnis.chain(segments).chain(hosts);
        underlays.chain(overlays).chain(raw).collect()
    })
}

/// Any intent that a node could have, but for VRFs with the name of a NIC that is on its way
/// out: those need a second pass.
pub(crate) fn any_intent() -> impl Strategy<Value = NodeIntent> {
    any_manifests().prop_map(|manifests| {
        let is_named_so =
            |manifest: &Manifest| matches!(manifest, Manifest::L3Vni(vni) if vni.spec.vrf.as_str() == "eth1");
        let manifests = manifests.into_iter().filter(|one| !is_named_so(one));
        resolve(read(manifests), &Accepted::new(), &INDEX.into()).intent
    })
}

/// The set of families given.
pub(crate) fn exactly(families: impl IntoIterator<Item = Family>) -> Families {
    Families::Explicit(families.into_iter().collect::<BTreeSet<_>>())
}
