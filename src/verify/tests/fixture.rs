//! A healthy node: PE 1 of a fabric with two, where VRF `red` has VNI 100, and routes segment `lan`
//! with VNI 110. Both IP versions are in use, and BFD watches the way to the fabric.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{IpNet, Ipv4Net};

use crate::api::types::{InterfaceName, ObjectKey, VrfName};
use crate::api::{
    AllowedPrefixes, Bfd, Families, Gateways, HostSession, L2Vni, L3Vni, LocalCidr, Neighbor, Peer,
    RemoteAs, TunnelEndpoint, Underlay,
};
use crate::intent::addresses::{HostLeg, Vteps};
use crate::intent::{NodeIntent, SegmentIntent, UnderlayIntent, VniIntent};
use crate::plan::desired::table;
use crate::plan::link::{Links, Mac, NIC_GROUP, SeenKernel, SeenKind, SeenLink};
use crate::verify::facts::{
    EvpnPath, Facts, FdbEntry, ForwardTo, KernelRoute, LearnedMac, NeighbourEntry, Origin, Reach,
    Read, RouteAction, RouteHop, SegmentFacts, UnderlayFacts, VrfFacts,
};
use crate::verify::tests::{read, read_segments};
use crate::verify::{Check, Finding, Outcome, verify};

pub(crate) const SVI: u32 = 4;
pub(crate) const VXLAN: u32 = 5;
pub(crate) const VETH: u32 = 8;
pub(crate) const LAN_BRIDGE: u32 = 6;
pub(crate) const LAN_VXLAN: u32 = 7;
pub(crate) const LAN_PORT: u32 = 9;
pub(crate) const OWN_MAC: Mac = Mac([0xf2, 0xb3, 0xe2, 0x88, 0x2e, 0x8b]);
pub(crate) const REMOTE_MAC: Mac = Mac([0x2e, 0xad, 0xf5, 0x91, 0xdd, 0xe4]);

/// A workload of the segment on this node, and one on the other.
pub(crate) const LOCAL_HOST: Mac = Mac([0x56, 0x23, 0xe0, 0x4a, 0xdc, 0x07]);
pub(crate) const REMOTE_HOST: Mac = Mac([0x1e, 0x48, 0xf6, 0x9f, 0x6e, 0xbe]);

/// What is learned from the other PE, and comes through to the kernel.
pub(crate) const REMOTE_PREFIXES: [&str; 4] = [
    "172.16.2.0/24",
    "192.169.10.3/32",
    "2001:db8:16:2::/64",
    "2001:db8:169:10::3/128",
];

macro_rules! capture {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/parsers/captures/frr-10.3/",
            $name
        ))
        .as_slice()
    };
}

pub(crate) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(crate) fn v4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

pub(crate) fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

pub(crate) fn name(text: &str) -> InterfaceName {
    text.parse().unwrap()
}

pub(crate) fn red() -> VrfName {
    "red".parse().unwrap()
}

pub(crate) fn peer_address() -> IpAddr {
    ip("10.0.1.1")
}

pub(crate) fn peer() -> Peer {
    Peer::Address(peer_address())
}

pub(crate) fn remote_vtep() -> IpAddr {
    ip("100.65.0.2")
}

pub(crate) fn underlay_key() -> ObjectKey {
    "Underlay default/fabric".parse().unwrap()
}

pub(crate) fn red_key() -> ObjectKey {
    "L3VNI default/red".parse().unwrap()
}

pub(crate) fn lan_key() -> ObjectKey {
    "L2VNI default/lan".parse().unwrap()
}

pub(crate) fn intent() -> NodeIntent {
    let neighbor = Neighbor {
        peer: peer(),
        remote_as: RemoteAs::Number("64512".parse().unwrap()),
        port: None,
        password: None,
        timers: None,
        connect_time: None,
        ebgp_multihop: None,
        bfd: Some(Bfd::default()),
        families: Families::Derived,
        reflector_client: BTreeSet::new(),
    };
    let underlay = UnderlayIntent {
        key: underlay_key(),
        spec: Underlay {
            asn: "64514".parse().unwrap(),
            router_id_cidr: "10.0.0.0/24".parse().unwrap(),
            neighbors: vec![neighbor],
            interfaces: vec![name("eth0")],
            tunnel_endpoint: TunnelEndpoint::over_ipv4("100.65.0.0/24".parse().unwrap()),
            graceful_restart: None,
            reflector_cluster: None,
        },
        router_id: v4("10.0.0.1"),
        vteps: Vteps::of_ipv4(v4("100.65.0.1")),
    };
    let local_cidr: Ipv4Net = "192.169.10.0/24".parse().unwrap();
    let vni = VniIntent {
        key: red_key(),
        spec: L3Vni {
            vrf: red(),
            vni: "100".parse().unwrap(),
            vxlan_port: 4789,
            tunnels_over: None,
            host_session: Some(HostSession {
                asn: "64514".parse().unwrap(),
                remote_as: RemoteAs::Number("64515".parse().unwrap()),
                local_cidr: LocalCidr::of_ipv4(local_cidr),
                allowed: AllowedPrefixes::default(),
            }),
            import_rts: Vec::new(),
            export_rts: Vec::new(),
        },
        legs: vec![
            HostLeg {
                router: "192.169.10.1/24".parse().unwrap(),
                host: "192.169.10.2/24".parse().unwrap(),
            },
            HostLeg {
                router: "2001:db8:169:10::1/64".parse().unwrap(),
                host: "2001:db8:169:10::2/64".parse().unwrap(),
            },
        ],
        gateway_subnets: vec![net("192.170.1.0/24")],
    };
    let segment = SegmentIntent {
        key: lan_key(),
        spec: L2Vni {
            vni: "110".parse().unwrap(),
            vxlan_port: 4789,
            tunnels_over: None,
            routing_domain: Some("red".to_owned()),
            host_master: None,
            gateways: Gateways {
                ipv4: Some("192.170.1.1/24".parse().unwrap()),
                ipv6: None,
            },
        },
        vrf: Some(red()),
    };
    NodeIntent {
        underlay: Some(underlay),
        vnis: vec![vni],
        segments: vec![segment],
        passthrough: None,
        raw: Vec::new(),
    }
}

/// What was read back when all was well.
pub(crate) fn facts() -> Facts {
    Facts {
        fabric_sessions: read::sessions(capture!("show-bgp-neighbors.json")),
        zebra_vnis: read::zebra_vnis(capture!("show-vrf-vni.json")),
        bgp_vnis: read::bgp_vnis(capture!("show-bgp-l2vpn-evpn-vni.json")),
        evpn: read::evpn(capture!("show-bgp-l2vpn-evpn-route-type-5.json")),
        advertised: [(
            peer(),
            read::advertised(capture!("show-bgp-l2vpn-evpn-advertised.json"), |_| true),
        )]
        .into(),
        vrfs: [(
            red(),
            VrfFacts {
                sessions: read::sessions(capture!("show-bgp-vrf-red-neighbors.json")),
                bgp: both(
                    read::vrf_bgp(capture!("show-bgp-vrf-red-ipv4-unicast.json")),
                    read::vrf_bgp(capture!("show-bgp-vrf-red-ipv6-unicast.json")),
                ),
                rib: both(
                    read::vrf_rib(capture!("show-ip-route-vrf-red.json")),
                    read::vrf_rib(capture!("show-ipv6-route-vrf-red.json")),
                ),
                table: Ok(routes()),
            },
        )]
        .into(),
        underlay: underlay(),
        segments: segments(),
        kernel: Ok(kernel()),
        neighbours: Ok(vec![
            NeighbourEntry {
                link: SVI,
                ip: remote_vtep(),
                mac: Some(REMOTE_MAC),
            },
            NeighbourEntry {
                link: SVI,
                ip: ip("::ffff:100.65.0.2"),
                mac: Some(REMOTE_MAC),
            },
            NeighbourEntry {
                link: VETH,
                ip: ip("192.169.10.2"),
                mac: Some(Mac([2, 0, 0, 0, 0, 1])),
            },
        ]),
        fdb: Ok([
            (VXLAN, REMOTE_MAC, ForwardTo::Vtep(remote_vtep())),
            (VXLAN, REMOTE_MAC, ForwardTo::Device),
            (LAN_VXLAN, Mac([0; 6]), ForwardTo::Vtep(remote_vtep())),
            (LAN_VXLAN, REMOTE_HOST, ForwardTo::Vtep(remote_vtep())),
            (LAN_VXLAN, REMOTE_HOST, ForwardTo::Device),
        ]
        .map(|(link, mac, to)| FdbEntry { link, mac, to })
        .into()),
    }
}

/// The tables of both IP versions.
fn both<T>(
    ipv4: Read<HashMap<IpNet, T>>,
    ipv6: Read<HashMap<IpNet, T>>,
) -> Read<HashMap<IpNet, T>> {
    let mut both = ipv4?;
    both.extend(ipv6?);
    Ok(both)
}

fn underlay() -> UnderlayFacts {
    let reachable = [peer_address(), remote_vtep()].map(|at| (at, Reach::Reachable));
    let by_nic = |destination: &str, gateway: Option<&str>| KernelRoute {
        destination: net(destination),
        metric: 20,
        action: RouteAction::Forward(vec![RouteHop {
            gateway: gateway.map(ip),
            link: Some(2),
            onlink: false,
        }]),
    };
    UnderlayFacts {
        next_hops: Ok(reachable.into()),
        tracked: read_segments::tracked(capture!("show-ip-nht.json")),
        table: Ok(vec![
            by_nic("10.0.1.0/24", None),
            by_nic("100.65.0.2/32", Some("10.0.1.1")),
        ]),
        bfd: read_segments::bfd(capture!("show-bfd-peers.json")),
    }
}

fn segments() -> SegmentFacts {
    SegmentFacts {
        zebra: read_segments::segments(capture!("show-evpn-vni-detail.json")),
        hosts: read_segments::hosts(capture!("show-evpn-mac-vni-all.json")),
        duplicate_addresses: Ok(Vec::new()),
        macs: read_segments::macs(capture!("show-bgp-l2vpn-evpn-route-type-2.json")),
        floods: read_segments::floods(capture!("show-bgp-l2vpn-evpn-route-type-3.json")),
        advertised: [(
            peer(),
            read_segments::advertised(capture!("show-bgp-l2vpn-evpn-advertised.json")),
        )]
        .into(),
        learned: Ok(vec![LearnedMac {
            port: LAN_PORT,
            mac: LOCAL_HOST,
        }]),
    }
}

/// The VRF's table as that fabric's kernel told it.
fn routes() -> Vec<KernelRoute> {
    let forward = |destination: &str, gateway: Option<&str>, link, onlink, metric| KernelRoute {
        destination: net(destination),
        metric,
        action: RouteAction::Forward(vec![RouteHop {
            gateway: gateway.map(ip),
            link: Some(link),
            onlink,
        }]),
    };
    let local = |destination: &str| KernelRoute {
        destination: net(destination),
        metric: 0,
        action: RouteAction::Local,
    };
    let mut routes = vec![
        forward("172.16.1.0/24", Some("192.169.10.2"), VETH, false, 20),
        forward("192.169.10.0/24", None, VETH, false, 0),
        local("192.169.10.1/32"),
        local("192.169.10.255/32"),
        forward("192.170.1.0/24", None, LAN_BRIDGE, false, 0),
        forward(
            "2001:db8:16:1::/64",
            Some("fe80::8e0:aff:fe42:90b1"),
            VETH,
            false,
            20,
        ),
        forward("2001:db8:169:10::/64", None, VETH, false, 256),
        local("2001:db8:169:10::1/128"),
    ];
    let vtep = |to: &str| {
        if to.contains(':') {
            "::ffff:100.65.0.2"
        } else {
            "100.65.0.2"
        }
    };
    let remote = REMOTE_PREFIXES.map(|to| forward(to, Some(vtep(to)), SVI, true, 20));
    routes.extend(remote);
    routes
}

fn link(index: u32, kind: SeenKind, master: Option<&str>, addresses: &[&str]) -> SeenLink {
    SeenLink {
        index,
        kind,
        master: master.map(name),
        up: true,
        mtu: 1500,
        mac: None,
        group: 0,
        alias: String::new(),
        address_generation: None,
        evpn_port: None,
        addresses: addresses.iter().copied().map(net).collect::<BTreeSet<_>>(),
    }
}

fn kernel() -> SeenKernel {
    let other = |name: &str| SeenKind::Other {
        name: name.to_owned(),
    };
    let veth = |peer| SeenKind::Veth {
        peer_index: Some(peer),
    };
    let vrf = SeenKind::Vrf {
        table: table("100".parse().unwrap()),
    };
    let vxlan = |vni| SeenKind::Vxlan {
        vni,
        local: Some(v4("100.65.0.1").into()),
        port: 4789,
        learning: false,
    };
    let leg = |index, peer, master, addresses| SeenLink {
        mtu: 1450,
        ..link(index, veth(peer), master, addresses)
    };
    let router = [
        ("lo", link(1, other(""), None, &["100.65.0.1/32"])),
        (
            "eth0",
            SeenLink {
                group: NIC_GROUP,
                ..link(2, veth(77), None, &["10.0.1.2/24"])
            },
        ),
        ("red", link(3, vrf, None, &[])),
        (
            "br-pe-100",
            SeenLink {
                mac: Some(OWN_MAC),
                ..link(SVI, SeenKind::Bridge, Some("red"), &[])
            },
        ),
        ("vni100", link(VXLAN, vxlan(100), Some("br-pe-100"), &[])),
        (
            "pe-e-100",
            leg(
                VETH,
                30,
                Some("red"),
                &["192.169.10.1/24", "2001:db8:169:10::1/64"][..],
            ),
        ),
        (
            "br-pe-110",
            SeenLink {
                mac: Some(Mac([0x00, 0xf3, 0, 0, 0, 0x6f])),
                ..link(
                    LAN_BRIDGE,
                    SeenKind::Bridge,
                    Some("red"),
                    &["192.170.1.1/24"],
                )
            },
        ),
        (
            "vni110",
            link(LAN_VXLAN, vxlan(110), Some("br-pe-110"), &[]),
        ),
        ("pe-e-110", leg(LAN_PORT, 31, Some("br-pe-110"), &[])),
    ];
    let host = [
        (
            "host-e-100",
            leg(
                30,
                VETH,
                None,
                &["192.169.10.2/24", "2001:db8:169:10::2/64"][..],
            ),
        ),
        ("host-e-110", leg(31, LAN_PORT, None, &[])),
    ];
    let named = |(text, link): (&str, SeenLink)| (name(text), link);
    SeenKernel {
        router: router.into_iter().map(named).collect::<Links>(),
        host: host.into_iter().map(named).collect::<Links>(),
        ..SeenKernel::default()
    }
}

/// The bad ones, as check and subject, in their order.
pub(crate) fn bad(findings: &[Finding]) -> Vec<(Check, String)> {
    findings
        .iter()
        .filter(|finding| finding.is_bad())
        .map(|finding| (finding.check, finding.subject.clone()))
        .collect()
}

/// What a check waits for, wherever it is pending.
pub(crate) fn waiting(findings: &[Finding], check: Check) -> Vec<String> {
    findings
        .iter()
        .filter(|finding| finding.check == check)
        .filter_map(|finding| match &finding.outcome {
            Outcome::Pending { waiting_for } => Some(waiting_for.clone()),
            Outcome::Good { .. }
            | Outcome::Bad { .. }
            | Outcome::Unsettled { .. }
            | Outcome::MoreBad { .. } => None,
        })
        .collect()
}

/// How many are good by a check.
pub(crate) fn good(findings: &[Finding], check: Check) -> u64 {
    findings
        .iter()
        .filter(|finding| finding.check == check)
        .map(|finding| match finding.outcome {
            Outcome::Good { count, .. } => count,
            Outcome::Bad { .. }
            | Outcome::MoreBad { .. }
            | Outcome::Unsettled { .. }
            | Outcome::Pending { .. } => 0,
        })
        .sum()
}

/// Breaks one thing.
pub(super) type Break = fn(&mut Facts);
/// What is broken, how, and what is found: check and subject.
pub(super) type Case = (&'static str, Break, &'static [(Check, &'static str)]);

/// Breaks each, and demands exactly what it expects.
pub(super) fn run(cases: &[Case]) {
    for (case, broken, expected) in cases {
        let mut facts = facts();
        broken(&mut facts);
        let findings = verify(&intent(), &facts);
        let expected: Vec<(Check, String)> = expected
            .iter()
            .map(|(check, subject)| (*check, (*subject).to_owned()))
            .collect();
        assert_eq!(bad(&findings), expected, "{case}: {findings:#?}");
    }
}

/// The path of the EVPN table that tells `prefix`, from here or from the fabric.
pub(super) fn evpn<'a>(facts: &'a mut Facts, prefix: &str, origin: Origin) -> &'a mut EvpnPath {
    let paths = facts.evpn.as_mut().unwrap();
    paths
        .iter_mut()
        .find(|path| path.id.prefix == net(prefix) && path.origin == origin)
        .unwrap()
}
