//! What the kernel of this node should hold for an intent: links, addresses, sysctls.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::link::{AddressGeneration, Link, LinkKind, Mac, Master, Space, TableId};
use crate::api::HostMaster;
use crate::api::types::{InterfaceName, ObjectKey, Vni};
use crate::intent::addresses::Vteps;
use crate::intent::{
    NodeIntent, PassthroughIntent, SegmentIntent, UnderlayIntent, VniIntent, names,
};

/// What marks a link as ours; the object follows it in the alias.
pub const ALIAS_MARK: &str = "perouter";

/// What VXLAN over IPv4 adds to a packet: outer Ethernet, IPv4, UDP and VXLAN headers, in bytes.
const VXLAN_IPV4_OVERHEAD: u32 = 50;

/// The same over IPv6, whose header is 20 bytes longer.
const VXLAN_IPV6_OVERHEAD: u32 = 70;

/// Below this an underlay's MTU leaves no room that IPv6 hosts could use (RFC 8200 §5).
const SMALLEST_USEFUL_MTU: u32 = 1280;

/// VRF tables are numbered from here by VNI: readable, the same after every restart and on every
/// node, and clear of the tables that people number by hand and of 253 to 255.
const FIRST_TABLE: TableId = 1_000_000;

/// From one range of tables, each with room for every VNI, to the next.
pub(super) const TABLE_STRIDE: TableId = 1 << 24;

/// The underlay's side of the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredUnderlay {
    /// The object.
    pub key: ObjectKey,
    /// NICs that belong into the router's namespace.
    pub nics: Vec<InterfaceName>,
    /// Addresses of the router's `lo`: the VTEPs.
    pub vteps: BTreeSet<IpNet>,
}

/// Sysctls of the router's namespace, with why.
pub const SYSCTLS: [(&str, &str); 8] = [
    // A router forwards.
    ("net/ipv4/conf/all/forwarding", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    // A workload that moved announces itself by gratuitous ARP or an unsolicited NA.
    ("net/ipv4/conf/all/arp_accept", "1"),
    ("net/ipv4/conf/default/arp_accept", "1"),
    ("net/ipv6/conf/all/accept_untracked_na", "1"),
    ("net/ipv6/conf/default/accept_untracked_na", "1"),
    // FRR has a socket of its own in each VRF, and the tunnels end in none: a socket that is bound
    // to no VRF takes nothing from one, so that no tenant reaches what is the router's.
    ("net/ipv4/tcp_l3mdev_accept", "0"),
    ("net/ipv4/udp_l3mdev_accept", "0"),
];

/// The keys of [`SYSCTLS`], to be observed.
#[must_use]
pub fn sysctl_keys() -> Vec<String> {
    SYSCTLS.iter().map(|(key, _)| (*key).to_owned()).collect()
}

/// Derives the underlay's own part.
pub(super) fn of_underlay(underlay: &UnderlayIntent) -> DesiredUnderlay {
    DesiredUnderlay {
        key: underlay.key.clone(),
        nics: underlay.spec.interfaces.clone(),
        vteps: underlay.vteps.prefixes().collect(),
    }
}

/// What the links of VNIs follow from, besides their objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunnels {
    /// Where tunnels may start.
    pub vteps: Vteps,
    /// The smallest MTU of the underlay's NICs, when they were seen.
    pub nic_mtu: Option<u32>,
}

/// The links of a VRF: its device, its SVI with the VXLAN device, and its leg to the host; each
/// after its master. None where no tunnel can start.
#[must_use]
pub fn links_of_vni(intent: &VniIntent, tunnels: &Tunnels) -> Option<Vec<Link>> {
    let spec = &intent.spec;
    let local = tunnels.vteps.local(spec.tunnels_over)?;
    let names = Names::of(spec.vni);
    let make = Maker::of(&intent.key);
    let vrf = InterfaceName::from(spec.vrf.clone());
    let table = table(spec.vni);
    let mut links = vec![
        make.link(Space::Router, &vrf, LinkKind::Vrf { table }),
        Link {
            master: Master::Link(vrf.clone()),
            address_generation: AddressGeneration::Off,
            ..make.link(Space::Router, &names.bridge, LinkKind::Bridge)
        },
        make.vxlan(&names, spec.vni, local, spec.vxlan_port),
    ];
    if !intent.legs.is_empty() {
        let [router, host] = make.veth(&names, veth_mtu(tunnels.nic_mtu, local));
        links.push(Link {
            master: Master::Link(vrf),
            addresses: intent.legs.iter().map(|leg| leg.router).collect(),
            ..router
        });
        links.push(Link {
            addresses: intent.legs.iter().map(|leg| leg.host).collect(),
            ..host
        });
    }
    Some(links)
}

/// The links of a segment: its bridge with the VXLAN device, the veth to the host, and what that
/// is attached to there; each after its master. None where no tunnel can start.
#[must_use]
pub fn links_of_segment(intent: &SegmentIntent, tunnels: &Tunnels) -> Option<Vec<Link>> {
    let spec = &intent.spec;
    let local = tunnels.vteps.local(spec.tunnels_over)?;
    let names = Names::of(spec.vni);
    let make = Maker::of(&intent.key);
    let vrf = intent.vrf.clone().map(InterfaceName::from);
    let bridge = Link {
        master: vrf.map_or(Master::None, Master::Link),
        mac: is_gateway(intent).then(|| gateway_mac(spec.vni)),
        addresses: spec.gateways.addresses().collect(),
        ..make.link(Space::Router, &names.bridge, LinkKind::Bridge)
    };
    let [router, host] = make.veth(&names, veth_mtu(tunnels.nic_mtu, local));
    let router = Link {
        master: Master::Link(names.bridge.clone()),
        ..router
    };
    let vxlan = make.vxlan(&names, spec.vni, local, spec.vxlan_port);
    let mut links = vec![bridge, vxlan, router];
    links.extend(match &spec.host_master {
        None => vec![Link {
            master: Master::Free,
            ..host
        }],
        Some(HostMaster::Managed) => vec![
            make.link(Space::Host, &names.host_bridge, LinkKind::Bridge),
            Link {
                master: Master::Link(names.host_bridge.clone()),
                ..host
            },
        ],
        Some(HostMaster::External(bridge)) => vec![Link {
            alias: attached_to(&host.alias, bridge),
            master: Master::Foreign(bridge.clone()),
            ..host
        }],
    });
    Some(links)
}

/// The bridges where the router is the gateway of workloads, and so knows them as neighbours.
#[must_use]
pub fn gateway_bridges(intent: &NodeIntent) -> BTreeSet<InterfaceName> {
    let routed = intent.segments.iter().filter(|own| is_gateway(own));
    routed.map(|own| Names::of(own.spec.vni).bridge).collect()
}

fn is_gateway(segment: &SegmentIntent) -> bool {
    segment.spec.gateways.addresses().next().is_some()
}

/// The veth between the host and the router itself.
#[must_use]
pub fn links_of_passthrough(intent: &PassthroughIntent) -> Vec<Link> {
    let make = Maker::of(&intent.key);
    let [router, host] =
        [names::PASSTHROUGH_ROUTER, names::PASSTHROUGH_HOST].map(|name| own_name(name.to_owned()));
    let [router, host] = make.pair(&router, &host, None);
    vec![
        Link {
            addresses: intent.legs.iter().map(|leg| leg.router).collect(),
            ..router
        },
        Link {
            addresses: intent.legs.iter().map(|leg| leg.host).collect(),
            ..host
        },
    ]
}

/// Makes the links of one object.
struct Maker {
    alias: String,
}

impl Maker {
    fn of(key: &ObjectKey) -> Self {
        let alias = alias(key);
        Self { alias }
    }

    fn link(&self, space: Space, name: &InterfaceName, kind: LinkKind) -> Link {
        Link {
            space,
            name: name.clone(),
            kind,
            master: Master::None,
            mtu: None,
            mac: None,
            address_generation: AddressGeneration::Kernel,
            evpn_port: false,
            addresses: BTreeSet::new(),
            alias: self.alias.clone(),
        }
    }

    fn vxlan(&self, names: &Names, vni: Vni, local: IpAddr, port: u16) -> Link {
        Link {
            master: Master::Link(names.bridge.clone()),
            address_generation: AddressGeneration::Off,
            evpn_port: true,
            ..self.link(
                Space::Router,
                &names.vxlan,
                LinkKind::Vxlan { vni, local, port },
            )
        }
    }

    /// The router's end and the host's.
    fn veth(&self, names: &Names, mtu: Option<u32>) -> [Link; 2] {
        self.pair(&names.router_veth, &names.host_veth, mtu)
    }

    fn pair(&self, router: &InterfaceName, host: &InterfaceName, mtu: Option<u32>) -> [Link; 2] {
        let end = |space, name: &InterfaceName, peer_space, peer: &InterfaceName| Link {
            mtu,
            ..self.link(
                space,
                name,
                LinkKind::Veth {
                    peer_space,
                    peer: peer.clone(),
                },
            )
        };
        [
            end(Space::Router, router, Space::Host, host),
            end(Space::Host, host, Space::Router, router),
        ]
    }
}

/// The gateway's Ethernet address, the same on every node, so that a workload that moved finds
/// it again: `00:f3` and the number that follows the VNI.
fn gateway_mac(vni: Vni) -> Mac {
    let [a, b, c, d] = (u32::from(vni) + 1).to_be_bytes();
    Mac([0x00, 0xf3, a, b, c, d])
}

/// The alias of a host's end that was attached to a bridge of others: so it can be told later
/// that it was us who did.
fn attached_to(alias: &str, bridge: &InterfaceName) -> String {
    cut(alias.to_owned(), &format!("{ATTACHED}{bridge}"))
}

/// What follows the object in the alias of an end that we attached to a bridge of others.
pub(super) const ATTACHED: &str = " in ";

/// The routing table of a VNI's VRF.
#[must_use]
pub fn table(vni: Vni) -> TableId {
    FIRST_TABLE + u32::from(vni)
}

/// What a tunnel that starts at `vtep` adds to a packet, in bytes.
#[must_use]
pub const fn tunnel_overhead(vtep: IpAddr) -> u32 {
    match vtep {
        IpAddr::V4(_) => VXLAN_IPV4_OVERHEAD,
        IpAddr::V6(_) => VXLAN_IPV6_OVERHEAD,
    }
}

/// The MTU of veths whose packets go into tunnels that start at `vtep`; `None` leaves the
/// kernel's choice.
#[must_use]
pub fn veth_mtu(nic_mtu: Option<u32>, vtep: IpAddr) -> Option<u32> {
    nic_mtu
        .map(|mtu| mtu.saturating_sub(tunnel_overhead(vtep)))
        .filter(|mtu| *mtu > SMALLEST_USEFUL_MTU)
}

/// The alias of an object's links.
fn alias(key: &ObjectKey) -> String {
    cut(format!("{ALIAS_MARK}: {key}"), "")
}

/// An alias and what must stand at its end, cut to what the kernel takes (`IFALIASZ`).
fn cut(mut alias: String, end: &str) -> String {
    const LONGEST: usize = 255;
    alias.truncate(alias.floor_char_boundary(LONGEST - end.len()));
    alias + end
}

/// The names of a VNI's links; `host-e-16777215` is as long as the kernel allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// The SVI bridge in the router's namespace.
    pub bridge: InterfaceName,
    /// The VXLAN device in that bridge.
    pub vxlan: InterfaceName,
    /// The router's end of the veth.
    pub router_veth: InterfaceName,
    /// The host's end of the veth.
    pub host_veth: InterfaceName,
    /// A segment's own bridge in the host's namespace.
    pub host_bridge: InterfaceName,
}

/// A name of the naming scheme.
#[expect(
    clippy::expect_used,
    reason = "the longest, host-e-16777215, has the 15 characters that the kernel takes"
)]
fn own_name(text: String) -> InterfaceName {
    InterfaceName::try_from(text).expect("a name the kernel takes")
}

impl Names {
    /// The names for one VNI.
    #[must_use]
    pub fn of(vni: Vni) -> Self {
        let name = |prefix: &str| own_name(format!("{prefix}{vni}"));
        Self {
            bridge: name(names::BRIDGE),
            vxlan: name(names::VXLAN),
            router_veth: name(names::ROUTER_VETH),
            host_veth: name(names::HOST_VETH),
            host_bridge: name(names::HOST_BRIDGE),
        }
    }

    /// Whether `name` follows the naming scheme in `space`; the VRF's name is free, so only its
    /// alias tells.
    #[must_use]
    pub fn is_ours(space: Space, name: &str) -> bool {
        let (passthrough, prefixes): (&str, &[&str]) = match space {
            Space::Host => (
                names::PASSTHROUGH_HOST,
                &[names::HOST_VETH, names::HOST_BRIDGE],
            ),
            Space::Router => (
                names::PASSTHROUGH_ROUTER,
                &[names::BRIDGE, names::VXLAN, names::ROUTER_VETH],
            ),
        };
        name == passthrough || names::follows(prefixes, name)
    }
}
