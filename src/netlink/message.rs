//! The netlink messages that change something, built from the plan's words.

use std::os::fd::AsRawFd as _;

use ipnet::IpNet;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{
    AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage,
};
use netlink_packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoBridgePort, InfoData, InfoKind, InfoPortData,
    InfoPortKind, InfoVeth, InfoVrf, InfoVxlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteType, RouteVia,
};

use super::namespace::Netns;
use super::observe::MAIN_TABLE;
use crate::api::types::InterfaceName;
use crate::plan::link::{AddressGeneration, Link, LinkKind, NicRoute};

/// A message about the link of this name, with nothing to be changed yet.
pub(super) fn link(name: &InterfaceName) -> LinkMessage {
    with(name, Vec::new())
}

/// A message about the link of this name that sets `attributes`.
pub(super) fn with(name: &InterfaceName, attributes: Vec<LinkAttribute>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message
        .attributes
        .push(LinkAttribute::IfName(name.as_str().to_owned()));
    message.attributes.extend(attributes);
    message
}

/// Sets the link up.
pub(super) fn up(mut message: LinkMessage) -> LinkMessage {
    message.header.flags |= LinkFlags::Up;
    message.header.change_mask |= LinkFlags::Up;
    message
}

/// Creates a link of its kind, down and bare. `peer_netns` is where the other end of a veth
/// pair goes.
pub(super) fn create(link: &Link, peer_netns: &Netns) -> LinkMessage {
    let (kind, data) = match &link.kind {
        LinkKind::Vrf { table } => (
            InfoKind::Vrf,
            Some(InfoData::Vrf(vec![InfoVrf::TableId(*table)])),
        ),
        LinkKind::Bridge => (InfoKind::Bridge, None),
        LinkKind::Vxlan { vni, local, port } => (
            InfoKind::Vxlan,
            Some(InfoData::Vxlan(vec![
                InfoVxlan::Id(vni.get()),
                InfoVxlan::Local(*local),
                InfoVxlan::Port(*port),
                InfoVxlan::Learning(false),
            ])),
        ),
        LinkKind::Veth { peer, .. } => {
            let target = LinkAttribute::NetNsFd(peer_netns.file().as_raw_fd());
            let other_end = with(peer, vec![target]);
            (
                InfoKind::Veth,
                Some(InfoData::Veth(InfoVeth::Peer(other_end))),
            )
        }
    };
    let mut info = vec![LinkInfo::Kind(kind)];
    info.extend(data.map(LinkInfo::Data));
    with(&link.name, vec![LinkAttribute::LinkInfo(info)])
}

/// `addr_gen_mode`.
pub(super) fn address_generation(mode: AddressGeneration) -> LinkAttribute {
    let mode = match mode {
        AddressGeneration::Off => In6AddrGenMode::None,
        AddressGeneration::Kernel => In6AddrGenMode::Eui64,
    };
    LinkAttribute::AfSpecUnspec(vec![AfSpecUnspec::Inet6(vec![AfSpecInet6::AddrGenMode(
        mode,
    )])])
}

/// As a bridge port: answers ARP and ND from what EVPN told, and does not learn.
pub(super) fn evpn_port() -> LinkAttribute {
    LinkAttribute::LinkInfo(vec![
        LinkInfo::PortKind(InfoPortKind::Bridge),
        LinkInfo::PortData(InfoPortData::BridgePort(vec![
            InfoBridgePort::Learning(false),
            InfoBridgePort::NeighSupress(true),
        ])),
    ])
}

/// Whether duplicate address detection comes before an IPv6 address is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detection {
    /// The kernel's default.
    Kernel,
    /// Not again: the address was in use on this very NIC a moment ago.
    Skip,
}

/// An address on the link of this index.
pub(super) fn address(index: u32, net: IpNet, detection: Detection) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = index;
    message.header.prefix_len = net.prefix_len();
    message.attributes.push(AddressAttribute::Local(net.addr()));
    message
        .attributes
        .push(AddressAttribute::Address(net.addr()));
    match net {
        IpNet::V4(_) => message.header.family = AddressFamily::Inet,
        IpNet::V6(_) => {
            message.header.family = AddressFamily::Inet6;
            if detection == Detection::Skip {
                message.header.flags = AddressHeaderFlags::Nodad;
                message
                    .attributes
                    .push(AddressAttribute::Flags(AddressFlags::Nodad));
            }
        }
    }
    message
}

/// A route of the main table by the link of this index.
pub(super) fn route(index: u32, route: &NicRoute) -> RouteMessage {
    let NicRoute {
        destination,
        gateway,
        source,
        metric,
        protocol,
        scope,
        onlink,
    } = route;
    let mut message = RouteMessage::default();
    let header = &mut message.header;
    header.address_family = match destination {
        IpNet::V4(_) => AddressFamily::Inet,
        IpNet::V6(_) => AddressFamily::Inet6,
    };
    header.destination_prefix_length = destination.prefix_len();
    header.table = u8::try_from(MAIN_TABLE).unwrap_or_default();
    header.protocol = (*protocol).into();
    header.scope = (*scope).into();
    header.kind = RouteType::Unicast;
    if *onlink {
        header.flags |= RouteFlags::Onlink;
    }
    let attributes = &mut message.attributes;
    if destination.prefix_len() > 0 {
        let network = RouteAddress::from(destination.network());
        attributes.push(RouteAttribute::Destination(network));
    }
    match gateway {
        None => {}
        // An IPv4 route may go by an IPv6 next hop.
        Some(std::net::IpAddr::V6(hop)) if matches!(destination, IpNet::V4(_)) => {
            attributes.push(RouteAttribute::Via(RouteVia::Inet6(*hop)));
        }
        Some(hop) => attributes.push(RouteAttribute::Gateway((*hop).into())),
    }
    if let Some(source) = source {
        attributes.push(RouteAttribute::PrefSource((*source).into()));
    }
    attributes.push(RouteAttribute::Oif(index));
    attributes.push(RouteAttribute::Priority(*metric));
    attributes.push(RouteAttribute::Table(MAIN_TABLE));
    message
}
