//! What the kernel holds, for verification: routes of a table, neighbours, forwarding entries.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's messages and attributes are open sets, of which only a few are read"
)]

use std::net::IpAddr;
use std::ops::RangeInclusive;

use ipnet::IpNet;
use nix::errno::Errno;
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourFlags, NeighbourMessage,
};
use rtnetlink::packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteNextHop, RouteNextHopFlags,
    RouteProtocol, RouteType, RouteVia,
};

use super::channel::{Channel, Dump, NetlinkError};
use super::observe;
use crate::api::IpVersion;
use crate::api::types::InterfaceName;
use crate::plan::link::{Mac, TableId};

/// What a route does with a packet (`rtm_type`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// Sends it on.
    Unicast,
    /// Drops it silently.
    Blackhole,
    /// Drops it and says that the destination is unreachable.
    Unreachable,
    /// Drops it and says that it is prohibited.
    Prohibit,
    /// Anything else, by the kernel's number: local, broadcast, multicast, anycast.
    Other(u8),
}

/// One way out of a route.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenHop {
    /// The next hop; absent when the destination is on the link itself.
    pub gateway: Option<IpAddr>,
    /// The outgoing link's index; 0 when there is none.
    pub index: u32,
    /// The next hop is on the link even if no address covers it (`RTNH_F_ONLINK`).
    pub onlink: bool,
}

/// A route as the kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenRoute {
    /// Its table.
    pub table: TableId,
    /// Its destination.
    pub destination: IpNet,
    /// What it does.
    pub kind: RouteKind,
    /// Its ways out: one, several when it is multipath, none when it drops.
    pub gateways: Vec<SeenHop>,
    /// The preferred source address.
    pub source: Option<IpAddr>,
    /// Who installed it (`rtm_protocol`; FRR's daemons have 186 and up, zebra 11).
    pub protocol: u8,
    /// Its scope (`rtm_scope`).
    pub scope: u8,
    /// Its metric, as the kernel holds it.
    pub metric: u32,
}

/// `RTPROT_KERNEL`: routes that the kernel makes itself, from addresses.
pub(super) const RTPROT_KERNEL: u8 = 2;

/// `RTPROT_ZEBRA`, and what FRR's daemons have zebra install for them: `RTPROT_BGP` to
/// `RTPROT_SRTE` in FRR's zebra/rt_netlink.h.
const RTPROT_ZEBRA: u8 = 11;
const RTPROTS_FRR: RangeInclusive<u8> = 186..=198;

impl SeenRoute {
    /// Whether neither the kernel nor FRR made it.
    pub(super) fn is_of_others(&self) -> bool {
        let is_frr = self.protocol == RTPROT_ZEBRA || RTPROTS_FRR.contains(&self.protocol);
        self.protocol != RTPROT_KERNEL && !is_frr
    }
}

/// The state of a neighbour entry (`ndm_state`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NeighbourState(pub u16);

impl NeighbourState {
    /// `NUD_REACHABLE`.
    pub const REACHABLE: Self = Self(0x02);
    /// `NUD_STALE`: not confirmed for a while, and not needed since.
    pub const STALE: Self = Self(0x04);
    /// `NUD_FAILED`.
    pub const FAILED: Self = Self(0x20);
    /// `NUD_NOARP`: valid without any resolution, as EVPN installs remote entries.
    pub const NOARP: Self = Self(0x40);
    /// `NUD_PERMANENT`.
    pub const PERMANENT: Self = Self(0x80);

    /// Whether packets can be sent by this entry (the kernel's `NUD_VALID`).
    #[must_use]
    pub const fn is_valid(self) -> bool {
        // Permanent, no-ARP, reachable, probe, stale and delay.
        self.0 & (0x80 | 0x40 | 0x02 | 0x10 | 0x04 | 0x08) != 0
    }
}

/// Whether an entry came from the control plane (`NTF_EXT_LEARNED`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// The kernel's own, or set by hand.
    Local,
    /// Told by a control plane, that is FRR.
    ExternLearn,
}

/// A neighbour (ARP or ND) entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenNeighbour {
    /// The neighbour's address.
    pub ip: IpAddr,
    /// Its Ethernet address, when it is resolved.
    pub mac: Option<Mac>,
    /// The link's index.
    pub index: u32,
    /// The link's name, where it was asked for and is one that this program can use.
    pub link: Option<InterfaceName>,
    /// The entry's state.
    pub state: NeighbourState,
    /// Who told it.
    pub origin: Origin,
}

/// Which table a forwarding entry is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FdbPlace {
    /// The device's own (`self`): a VXLAN device's maps a MAC to a VTEP.
    Own,
    /// The bridge's (`master`): maps a MAC to a port.
    Master,
}

/// A forwarding entry of a bridge or VXLAN device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeenFdb {
    /// The MAC; all zeros for the flooding entries of a VXLAN device.
    pub mac: Mac,
    /// The index of the device or port.
    pub index: u32,
    /// The remote VTEP, in a VXLAN device's own table.
    pub dst: Option<IpAddr>,
    /// Which table it is in.
    pub place: FdbPlace,
    /// The VLAN, in a VLAN-aware bridge.
    pub vlan: Option<u16>,
    /// Who told it.
    pub origin: Origin,
    /// The entry's state: permanent ones do not age.
    pub state: NeighbourState,
}

/// Which routes to dump; the kernel leaves out the rest.
#[derive(Clone, Copy, Debug)]
pub(super) struct RouteFilter {
    pub(super) table: TableId,
    pub(super) link: Option<u32>,
}

/// The IPv4 and IPv6 routes that `filter` names. A table that does not exist has none.
pub(super) async fn routes(
    channel: &Channel,
    filter: RouteFilter,
) -> Result<Vec<SeenRoute>, NetlinkError> {
    let mut all = Vec::new();
    for (version, family) in [
        (IpVersion::V4, AddressFamily::Inet),
        (IpVersion::V6, AddressFamily::Inet6),
    ] {
        let request = route_request(family, filter);
        let found = channel
            .dump(
                Dump::Routes(version),
                |handle| handle.route().get(request.clone()).execute(),
                |route| decode_route(route).filter(|route| route.table == filter.table),
            )
            .await;
        match found {
            Ok(found) => all.extend(found),
            // Asked for a table that holds nothing, the kernel says that there is none.
            Err(error) if error.errno() == Some(Errno::ENOENT) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(all)
}

/// Whose entries to dump; the kernel leaves out the rest.
#[derive(Clone, Copy, Debug)]
pub(super) enum OfLink {
    /// Those of all links.
    All,
    /// Those of the link with this index.
    One(u32),
}

impl OfLink {
    fn restrict(self, request: &mut NeighbourMessage) {
        match self {
            Self::All => {}
            Self::One(index) => request.attributes.push(NeighbourAttribute::IfIndex(index)),
        }
    }

    const fn has(self, index: u32) -> bool {
        match self {
            Self::All => true,
            Self::One(own) => own == index,
        }
    }
}

/// Neighbour entries of IPv4 and IPv6.
pub(super) async fn neighbours(
    channel: &Channel,
    of: OfLink,
) -> Result<Vec<SeenNeighbour>, NetlinkError> {
    channel
        .dump(
            Dump::Neighbours,
            |handle| {
                let mut request = handle.neighbours().get();
                of.restrict(request.message_mut());
                request.execute()
            },
            |entry| decode_neighbour(&entry).filter(|entry| of.has(entry.index)),
        )
        .await
}

/// All neighbour entries, with the names of their links.
pub(super) async fn named_neighbours(
    channel: &Channel,
) -> Result<Vec<SeenNeighbour>, NetlinkError> {
    let mut found = neighbours(channel, OfLink::All).await?;
    let names = observe::names(channel).await?;
    for entry in &mut found {
        entry.link = names.get(&entry.index).cloned();
    }
    Ok(found)
}

/// Forwarding entries of bridges and VXLAN devices; of one that is a port of a bridge, those that
/// the bridge has at it too.
pub(super) async fn fdb(channel: &Channel, of: OfLink) -> Result<Vec<SeenFdb>, NetlinkError> {
    channel
        .dump(
            Dump::Fdb,
            |handle| {
                let request = handle.neighbours().get();
                let mut request = request.set_address_family(AddressFamily::Bridge);
                of.restrict(request.message_mut());
                request.execute()
            },
            |entry| decode_fdb(&entry).filter(|entry| of.has(entry.index)),
        )
        .await
}

fn route_request(family: AddressFamily, filter: RouteFilter) -> RouteMessage {
    // The kernel takes what is not unspecified for a filter.
    let mut request = RouteMessageBuilder::<IpAddr>::new()
        .table_id(filter.table)
        .protocol(RouteProtocol::Unspec)
        .kind(RouteType::Unspec);
    request.get_mut().header.address_family = family;
    if let Some(index) = filter.link {
        request = request.output_interface(index);
    }
    request.build()
}

fn decode_route(message: RouteMessage) -> Option<SeenRoute> {
    let header = message.header;
    let unspecified = match header.address_family {
        AddressFamily::Inet => IpAddr::from([0_u8; 4]),
        AddressFamily::Inet6 => IpAddr::from([0_u8; 16]),
        _ => return None,
    };
    // A cached exception (a redirect, a learned path MTU) is no route of the table.
    if header.flags.contains(RouteFlags::Cloned) {
        return None;
    }
    let mut table = TableId::from(header.table);
    let (mut destination, mut source, mut metric) = (unspecified, None, 0);
    let (mut gateway, mut index, mut hops) = (None, None, Vec::new());
    for attribute in message.attributes {
        match attribute {
            RouteAttribute::Table(id) => table = id,
            RouteAttribute::Destination(address) => destination = ip_of(&address)?,
            RouteAttribute::Gateway(address) => gateway = ip_of(&address),
            RouteAttribute::Via(via) => gateway = via_of(&via),
            RouteAttribute::Oif(found) => index = Some(found),
            RouteAttribute::Priority(priority) => metric = priority,
            RouteAttribute::PrefSource(address) => source = ip_of(&address),
            RouteAttribute::MultiPath(legs) => hops = legs.into_iter().map(hop_of).collect(),
            _ => {}
        }
    }
    if hops.is_empty()
        && let Some(index) = index
    {
        hops.push(SeenHop {
            gateway,
            index,
            onlink: header.flags.contains(RouteFlags::Onlink),
        });
    }
    Some(SeenRoute {
        table,
        destination: IpNet::new(destination, header.destination_prefix_length).ok()?,
        kind: route_kind(header.kind),
        gateways: hops,
        source,
        protocol: header.protocol.into(),
        scope: header.scope.into(),
        metric,
    })
}

fn hop_of(leg: RouteNextHop) -> SeenHop {
    let gateway = leg.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(address) => ip_of(address),
        RouteAttribute::Via(via) => via_of(via),
        _ => None,
    });
    SeenHop {
        gateway,
        index: leg.interface_index,
        onlink: leg.flags.contains(RouteNextHopFlags::Onlink),
    }
}

fn route_kind(kind: RouteType) -> RouteKind {
    match kind {
        RouteType::Unicast => RouteKind::Unicast,
        RouteType::BlackHole => RouteKind::Blackhole,
        RouteType::Unreachable => RouteKind::Unreachable,
        RouteType::Prohibit => RouteKind::Prohibit,
        other => RouteKind::Other(other.into()),
    }
}

fn ip_of(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

fn via_of(via: &RouteVia) -> Option<IpAddr> {
    match via {
        RouteVia::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteVia::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

fn origin_of(flags: NeighbourFlags) -> Origin {
    if flags.contains(NeighbourFlags::ExtLearned) {
        Origin::ExternLearn
    } else {
        Origin::Local
    }
}

/// `None` for what is no neighbour of IPv4 or IPv6: forwarding entries come in the same messages.
pub(super) fn decode_neighbour(message: &NeighbourMessage) -> Option<SeenNeighbour> {
    if !matches!(
        message.header.family,
        AddressFamily::Inet | AddressFamily::Inet6
    ) {
        return None;
    }
    let (mut ip, mut mac) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(address) => ip = neighbour_ip(address),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = observe::mac_of(bytes),
            _ => {}
        }
    }
    Some(SeenNeighbour {
        ip: ip?,
        mac,
        index: message.header.ifindex,
        link: None,
        state: NeighbourState(message.header.state.into()),
        origin: origin_of(message.header.flags),
    })
}

fn decode_fdb(message: &NeighbourMessage) -> Option<SeenFdb> {
    let (mut mac, mut dst, mut vlan) = (None, None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = observe::mac_of(bytes),
            NeighbourAttribute::Destination(address) => dst = neighbour_ip(address),
            NeighbourAttribute::Vlan(id) => vlan = Some(*id),
            _ => {}
        }
    }
    let place = if message.header.flags.contains(NeighbourFlags::Own) {
        FdbPlace::Own
    } else {
        FdbPlace::Master
    };
    Some(SeenFdb {
        mac: mac?,
        index: message.header.ifindex,
        dst,
        place,
        vlan,
        origin: origin_of(message.header.flags),
        state: NeighbourState(message.header.state.into()),
    })
}

/// The address in a neighbour entry; a forwarding entry's has no family of its own, so its
/// length tells.
fn neighbour_ip(address: &NeighbourAddress) -> Option<IpAddr> {
    match address {
        NeighbourAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        NeighbourAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        NeighbourAddress::Other(bytes) => <[u8; 4]>::try_from(bytes.as_slice())
            .map(IpAddr::from)
            .or_else(|_| <[u8; 16]>::try_from(bytes.as_slice()).map(IpAddr::from))
            .ok(),
        _ => None,
    }
}
