//! What the kernel of this node should hold for an intent: links, addresses, sysctls.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::link::{AddressGeneration, Link, LinkKind, Space, TableId};
use crate::api::types::{InterfaceName, ObjectKey, Vni, VrfName};
use crate::intent::{NodeIntent, UnderlayIntent, VniIntent, names};

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

/// The kernel's side of an intent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// The underlay.
    pub underlay: Option<DesiredUnderlay>,
    /// The VNIs.
    pub vnis: Vec<DesiredVni>,
}

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

/// One VNI's side of the kernel.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredVni {
    /// The object.
    pub key: ObjectKey,
    /// Its VRF.
    pub vrf: VrfName,
    /// Its VNI.
    pub vni: Vni,
    /// Its links, each after its master.
    pub links: Vec<Link>,
}

/// Sysctls of the router's namespace, with why.
pub const SYSCTLS: [(&str, &str); 6] = [
    // A router forwards.
    ("net/ipv4/conf/all/forwarding", "1"),
    ("net/ipv6/conf/all/forwarding", "1"),
    // A workload that moved announces itself by gratuitous ARP or an unsolicited NA.
    ("net/ipv4/conf/all/arp_accept", "1"),
    ("net/ipv4/conf/default/arp_accept", "1"),
    ("net/ipv6/conf/all/accept_untracked_na", "1"),
    ("net/ipv6/conf/default/accept_untracked_na", "1"),
];

/// The keys of [`SYSCTLS`], to be observed.
#[must_use]
pub fn sysctl_keys() -> Vec<String> {
    SYSCTLS.iter().map(|(key, _)| (*key).to_owned()).collect()
}

/// Derives the kernel's side of an intent. `nic_mtu` is the smallest MTU of the underlay's NICs,
/// when they were seen.
#[must_use]
pub fn desired(intent: &NodeIntent, nic_mtu: Option<u32>) -> Desired {
    let Some(underlay) = &intent.underlay else {
        return Desired::default();
    };
    let vnis = intent.vnis.iter();
    let local = underlay.vteps.preferred();
    let vnis = local.map(|local| vnis.map(move |vni| of_vni(vni, local, nic_mtu)));
    Desired {
        underlay: Some(of_underlay(underlay)),
        vnis: vnis.into_iter().flatten().collect(),
    }
}

/// Derives the underlay's own part.
pub(super) fn of_underlay(underlay: &UnderlayIntent) -> DesiredUnderlay {
    DesiredUnderlay {
        key: underlay.key.clone(),
        nics: underlay.spec.interfaces.clone(),
        vteps: underlay.vteps.prefixes().collect(),
    }
}

/// Derives one VNI's part, with tunnels from `local`.
pub(super) fn of_vni(intent: &VniIntent, local: IpAddr, nic_mtu: Option<u32>) -> DesiredVni {
    let spec = &intent.spec;
    let names = Names::of(spec.vni);
    let alias = alias(&intent.key);
    let link = |space, name: &InterfaceName, kind, master: Option<&InterfaceName>| Link {
        space,
        name: name.clone(),
        kind,
        master: master.cloned(),
        mtu: None,
        address_generation: AddressGeneration::Kernel,
        evpn_port: false,
        addresses: BTreeSet::new(),
        alias: alias.clone(),
    };
    let vrf = InterfaceName::from(spec.vrf.clone());
    let vxlan = LinkKind::Vxlan {
        vni: spec.vni,
        local,
        port: spec.vxlan_port,
    };
    let mut links = vec![
        link(
            Space::Router,
            &vrf,
            LinkKind::Vrf {
                table: table(spec.vni),
            },
            None,
        ),
        Link {
            address_generation: AddressGeneration::Off,
            ..link(Space::Router, &names.bridge, LinkKind::Bridge, Some(&vrf))
        },
        Link {
            address_generation: AddressGeneration::Off,
            evpn_port: true,
            ..link(Space::Router, &names.vxlan, vxlan, Some(&names.bridge))
        },
    ];
    if !intent.legs.is_empty() {
        let mtu = veth_mtu(nic_mtu, local);
        let veth = |peer_space, peer: &InterfaceName| LinkKind::Veth {
            peer_space,
            peer: peer.clone(),
        };
        links.push(Link {
            mtu,
            addresses: intent.legs.iter().map(|leg| leg.router).collect(),
            ..link(
                Space::Router,
                &names.router_veth,
                veth(Space::Host, &names.host_veth),
                Some(&vrf),
            )
        });
        links.push(Link {
            mtu,
            addresses: intent.legs.iter().map(|leg| leg.host).collect(),
            ..link(
                Space::Host,
                &names.host_veth,
                veth(Space::Router, &names.router_veth),
                None,
            )
        });
    }
    DesiredVni {
        key: intent.key.clone(),
        vrf: spec.vrf.clone(),
        vni: spec.vni,
        links,
    }
}

/// The routing table of a VNI's VRF.
#[must_use]
pub fn table(vni: Vni) -> TableId {
    FIRST_TABLE + u32::from(vni)
}

fn veth_mtu(nic_mtu: Option<u32>, vtep: IpAddr) -> Option<u32> {
    let overhead = match vtep {
        IpAddr::V4(_) => VXLAN_IPV4_OVERHEAD,
        IpAddr::V6(_) => VXLAN_IPV6_OVERHEAD,
    };
    nic_mtu
        .map(|mtu| mtu.saturating_sub(overhead))
        .filter(|mtu| *mtu > SMALLEST_USEFUL_MTU)
}

/// The alias of an object's links, cut to what the kernel takes (`IFALIASZ`).
fn alias(key: &ObjectKey) -> String {
    const LONGEST: usize = 255;
    let mut alias = format!("{ALIAS_MARK}: {key}");
    alias.truncate(alias.floor_char_boundary(LONGEST));
    alias
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
}

impl Names {
    /// The names for one VNI.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the longest, host-e-16777215, has 15 characters"
    )]
    pub fn of(vni: Vni) -> Self {
        let name = |prefix: &str| {
            InterfaceName::try_from(format!("{prefix}{vni}")).expect("a name the kernel takes")
        };
        Self {
            bridge: name(names::BRIDGE),
            vxlan: name(names::VXLAN),
            router_veth: name(names::ROUTER_VETH),
            host_veth: name(names::HOST_VETH),
        }
    }

    /// Whether `name` follows the naming scheme in `space`; the VRF's name is free, so only its
    /// alias tells.
    #[must_use]
    pub fn is_ours(space: Space, name: &str) -> bool {
        let prefixes: &[&str] = match space {
            Space::Host => &[names::HOST_VETH],
            Space::Router => &[names::BRIDGE, names::VXLAN, names::ROUTER_VETH],
        };
        names::follows(prefixes, name)
    }
}
