//! Network links and addresses as the plan speaks of them: what is wanted, what was seen, and
//! the single steps between the two.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::api::IpVersion;
use crate::api::types::{InterfaceName, Vni};

/// The link group that marks an underlay NIC as taken by us, in either namespace.
pub const NIC_GROUP: u32 = 4242;

/// The link group that a link of ours is made with. The kernel takes no alias in the message that
/// makes a link, but a group, so no link is ever there that nobody would know as ours.
pub const OWN_GROUP: u32 = 4243;

/// The network namespaces the agent works in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    /// The node's own namespace, where Kubernetes lives.
    Host,
    /// The router's namespace, where FRR runs.
    Router,
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Router => "router",
        })
    }
}

/// An Ethernet address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The routing table of a VRF (`IFLA_VRF_TABLE`).
pub type TableId = u32;

/// What kind of link is wanted, with the attributes that belong to the kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// A VRF device; routes of its members live in `table`.
    Vrf {
        /// Its routing table.
        table: TableId,
    },
    /// A bridge, the SVI of a VNI.
    Bridge,
    /// A VXLAN device for one VNI, without data-plane learning.
    Vxlan {
        /// The network identifier (RFC 7348).
        vni: Vni,
        /// The local VTEP address.
        local: IpAddr,
        /// The UDP destination port.
        port: u16,
    },
    /// One end of a veth pair; creating it creates the other end too.
    Veth {
        /// Where the other end lives.
        peer_space: Space,
        /// The other end's name.
        peer: InterfaceName,
    },
}

/// A link that should exist, wholly described: what is not named here is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it lives.
    pub space: Space,
    /// Its name.
    pub name: InterfaceName,
    /// Its kind.
    pub kind: LinkKind,
    /// The bridge or VRF it belongs to, in the same namespace.
    pub master: Master,
    /// Its MTU in bytes; `None` leaves the kernel's choice.
    pub mtu: Option<u32>,
    /// Its Ethernet address; `None` leaves the kernel's choice.
    pub mac: Option<Mac>,
    /// Whether the kernel may give it an IPv6 link-local address (`addr_gen_mode`).
    pub address_generation: AddressGeneration,
    /// For a bridge port: answer ARP and ND from what EVPN told, and do not learn.
    pub evpn_port: bool,
    /// The addresses it has, host bits included; others of ours are removed.
    pub addresses: BTreeSet<IpNet>,
    /// Its alias (`IFLA_IFALIAS`): the mark by which we know a link as ours.
    pub alias: String,
}

/// What a link belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Master {
    /// Nothing.
    None,
    /// A bridge or VRF of ours.
    Link(InterfaceName),
    /// A bridge that somebody else makes.
    Foreign(InterfaceName),
    /// Whatever somebody else attaches it to.
    Free,
}

/// Whether the kernel generates an IPv6 link-local address on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressGeneration {
    /// `addr_gen_mode none`.
    Off,
    /// The kernel's default (EUI-64).
    Kernel,
}

/// A link as the kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenLink {
    /// The kernel's index.
    pub index: u32,
    /// Its kind, as far as the plan can want it.
    pub kind: SeenKind,
    /// The name of its master, when that is in the same namespace.
    pub master: Option<InterfaceName>,
    /// Administratively up.
    pub up: bool,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Its Ethernet address, when it has one.
    pub mac: Option<Mac>,
    /// The link group.
    pub group: u32,
    /// Its alias, empty when it has none.
    pub alias: String,
    /// The kernel's `addr_gen_mode`, when the link has IPv6 at all.
    pub address_generation: Option<AddressGeneration>,
    /// For a bridge port: `neigh_suppress` on and `learning` off.
    pub evpn_port: Option<bool>,
    /// All addresses but IPv6 link-local ones.
    pub addresses: BTreeSet<IpNet>,
}

/// A link's kind as seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SeenKind {
    /// A VRF.
    Vrf {
        /// Its routing table.
        table: TableId,
    },
    /// A bridge.
    Bridge,
    /// A VXLAN device.
    Vxlan {
        /// Its VNI.
        vni: u32,
        /// Its local address, when it is set.
        local: Option<IpAddr>,
        /// Its UDP destination port.
        port: u16,
        /// Whether it learns remote MACs from the data plane.
        learning: bool,
    },
    /// One end of a veth pair.
    Veth {
        /// The other end's index in its own namespace.
        peer_index: Option<u32>,
    },
    /// Anything else: a physical NIC, a dummy, a tunnel.
    Other {
        /// What the kernel calls it (`IFLA_INFO_KIND`), empty for hardware.
        name: String,
    },
}

impl SeenKind {
    /// Whether what is behind such a link in a bridge is this node's own. What is behind a VXLAN
    /// device is remote, whoever wrote its entry: zebra marks that of a host that may not move
    /// (RFC 7432 §7.7) as static, not as learned elsewhere.
    #[must_use]
    pub const fn leads_to_own_hosts(&self) -> bool {
        match self {
            Self::Vxlan { .. } => false,
            Self::Vrf { .. } | Self::Bridge | Self::Veth { .. } | Self::Other { .. } => true,
        }
    }
}

/// A route that goes with a NIC when it moves: from the main table, by this NIC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NicRoute {
    /// The destination; `0.0.0.0/0` for the default route.
    pub destination: IpNet,
    /// The next hop, absent for a route straight to the link.
    pub gateway: Option<IpAddr>,
    /// The preferred source address.
    pub source: Option<IpAddr>,
    /// The metric, as the kernel holds it.
    pub metric: u32,
    /// Who installed it (`rtm_protocol`).
    pub protocol: u8,
    /// Scope (`rtm_scope`).
    pub scope: u8,
    /// Next hop on the link even if no address covers it (`RTNH_F_ONLINK`).
    pub onlink: bool,
}

/// What a NIC carried before it was moved, to be put back on it on either side.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NicConfig {
    /// Its addresses, host bits included.
    pub addresses: BTreeSet<IpNet>,
    /// Its routes of the main table other than those the kernel makes itself.
    pub routes: BTreeSet<NicRoute>,
}

/// The links of one namespace, by name.
pub type Links = BTreeMap<InterfaceName, SeenLink>;

/// Both namespaces as seen in one pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenKernel {
    /// The node's namespace.
    pub host: Links,
    /// The router's namespace.
    pub router: Links,
    /// Routes that would move with a NIC, by namespace and NIC.
    pub nic_routes: BTreeMap<(Space, InterfaceName), BTreeSet<NicRoute>>,
    /// Sysctls of the router's namespace that were asked for, by key.
    pub sysctls: BTreeMap<String, String>,
    /// The IP versions for which VRFs of the router's namespace are kept apart.
    pub isolated: BTreeSet<IpVersion>,
    /// Tables of the router's namespace that others use: those that a rule looks into, and of
    /// those that were asked for the ones that hold routes which neither the kernel nor FRR made.
    pub tables_of_others: BTreeSet<TableId>,
    /// Whether the firewall that guards FRR's open ports stands as wanted.
    pub firewall: FirewallState,
}

impl SeenKernel {
    /// The links of one namespace.
    #[must_use]
    pub fn links(&self, space: Space) -> &Links {
        match space {
            Space::Host => &self.host,
            Space::Router => &self.router,
        }
    }
}

/// The firewall table in the router's namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirewallState {
    /// Not there.
    #[default]
    Absent,
    /// There, but not as wanted.
    Different,
    /// As wanted.
    Installed,
}

/// One change of one attribute of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkChange {
    /// Set it administratively up.
    Up,
    /// Set it administratively down and up again, for those who only then look at it anew.
    Cycle,
    /// Set the MTU, in bytes.
    Mtu(u32),
    /// Set the Ethernet address.
    Mac(Mac),
    /// Join a master, or leave it.
    Master(Option<InterfaceName>),
    /// Set `addr_gen_mode`.
    AddressGeneration(AddressGeneration),
    /// As a bridge port: `neigh_suppress on`, `learning off`.
    EvpnPort,
    /// Set the alias.
    Alias(String),
    /// Set the link group.
    Group(u32),
}

/// One step of the kernel part of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelStep {
    /// Create a link with kind, alias, MTU, Ethernet address and addr_gen_mode; what remains
    /// follows as changes.
    AddLink(Box<Link>),
    /// Delete a link.
    DeleteLink {
        /// Where.
        space: Space,
        /// Which.
        name: InterfaceName,
    },
    /// Change one attribute.
    SetLink {
        /// Where.
        space: Space,
        /// Which.
        name: InterfaceName,
        /// What.
        change: LinkChange,
    },
    /// Add an address.
    AddAddress {
        /// Where.
        space: Space,
        /// To which link.
        name: InterfaceName,
        /// The address with its prefix length.
        address: IpNet,
    },
    /// Remove an address.
    DeleteAddress {
        /// Where.
        space: Space,
        /// From which link.
        name: InterfaceName,
        /// The address with its prefix length.
        address: IpNet,
    },
    /// Move a NIC into another namespace, mark or unmark it by its group, set it up, and put
    /// its addresses and routes back on it.
    MoveNic {
        /// Which.
        name: InterfaceName,
        /// Where to.
        to: Space,
        /// What it carries.
        config: NicConfig,
    },
    /// Add a route of a NIC that got lost.
    AddRoute {
        /// Where.
        space: Space,
        /// By which link.
        name: InterfaceName,
        /// The route.
        route: NicRoute,
    },
    /// Set a sysctl in the router's namespace.
    SetSysctl {
        /// Its path below `/proc/sys`, with slashes.
        key: String,
        /// The value.
        value: String,
    },
    /// Refuse packets of a VRF that its table has no route for, which the kernel would look up
    /// in the main table: they would leave the tenant for the underlay.
    IsolateVrfs(IpVersion),
    /// Install the table that lets only loopback reach the daemons' management ports.
    InstallFirewall,
}
