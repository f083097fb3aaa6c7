//! The netlink messages that change something, built from the plan's words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;

use ipnet::IpNet;
use rtnetlink::packet_route::address::AddressMessage;
use rtnetlink::packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoBridgePort, InfoData, InfoPortData, InfoVeth,
    InfoVxlan, LinkAttribute, LinkMessage,
};
use rtnetlink::packet_route::route::RouteMessage;
use rtnetlink::{
    AddressMessageBuilder, LinkBridge, LinkMessageBuilder, LinkUnspec, LinkVeth, LinkVrf,
    LinkVxlan, RouteMessageBuilder,
};

use super::channel::NetlinkError;
use super::namespace::Netns;
use crate::api::types::InterfaceName;
use crate::plan::link::{AddressGeneration, Link, LinkKind, NicRoute, OWN_GROUP};

/// A message about the link of this name, with nothing to be changed yet.
pub(super) fn link(name: &InterfaceName) -> LinkMessageBuilder<LinkUnspec> {
    LinkUnspec::new_with_name(name.as_str())
}

/// Creates a link of its kind, down and bare but for the group that marks it as ours, both ends of
/// a veth pair alike. `peer_netns` is where the other end of a veth
/// pair goes.
pub(super) fn create(wanted: &Link, peer_netns: &Netns) -> LinkMessage {
    let name = wanted.name.as_str();
    match &wanted.kind {
        LinkKind::Vrf { table } => LinkVrf::new(name, *table).link_group(OWN_GROUP).build(),
        // `LinkBridge::new` would set it up.
        LinkKind::Bridge => LinkMessageBuilder::<LinkBridge>::new(name)
            .link_group(OWN_GROUP)
            .build(),
        LinkKind::Vxlan { vni, local, port } => LinkVxlan::new(name, vni.get())
            .append_info_data(match local {
                IpAddr::V4(local) => InfoVxlan::Local(*local),
                IpAddr::V6(local) => InfoVxlan::Local6(*local),
            })
            .port(*port)
            .learning(false)
            .link_group(OWN_GROUP)
            .build(),
        LinkKind::Veth { peer, .. } => create_veth(&wanted.name, peer, peer_netns, [None, None]),
    }
}

/// Creates a veth pair, with MTUs for its ends.
pub(super) fn create_veth(
    name: &InterfaceName,
    peer: &InterfaceName,
    peer_netns: &Netns,
    [own, other]: [Option<u32>; 2],
) -> LinkMessage {
    let mut other_end = link(peer)
        .link_group(OWN_GROUP)
        .setns_by_fd(peer_netns.file().as_raw_fd());
    if let Some(mtu) = other {
        other_end = other_end.mtu(mtu);
    }
    let mut veth = LinkVeth::new(name.as_str(), peer.as_str())
        .link_group(OWN_GROUP)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(other_end.build())));
    if let Some(mtu) = own {
        veth = veth.mtu(mtu);
    }
    veth.build()
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
pub(super) fn evpn_port() -> InfoPortData {
    InfoPortData::BridgePort(vec![
        InfoBridgePort::Learning(false),
        InfoBridgePort::NeighSupress(true),
    ])
}

/// An address on the link of this index.
pub(super) fn address(index: u32, net: IpNet) -> AddressMessage {
    match net {
        IpNet::V4(net) => AddressMessageBuilder::<Ipv4Addr>::new()
            .index(index)
            .address(net.addr(), net.prefix_len())
            .build(),
        IpNet::V6(net) => AddressMessageBuilder::<Ipv6Addr>::new()
            .index(index)
            .address(net.addr(), net.prefix_len())
            .build(),
    }
}

/// A route of the main table by the link of this index.
///
/// # Errors
///
/// When addresses of both families are in it where the kernel knows no such route.
pub(super) fn route(index: u32, route: &NicRoute) -> Result<RouteMessage, NetlinkError> {
    let NicRoute {
        destination,
        gateway,
        source,
        metric,
        protocol,
        scope,
        onlink,
    } = route;
    let mut message = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(destination.network(), destination.prefix_len())
        .map_err(contradictory)?
        .protocol((*protocol).into())
        .scope((*scope).into())
        .priority(*metric)
        .output_interface(index);
    if let Some(gateway) = gateway {
        message = message.gateway(*gateway).map_err(contradictory)?;
    }
    if let Some(source) = source {
        message = message.pref_source(*source).map_err(contradictory)?;
    }
    if *onlink {
        message = message.onlink();
    }
    Ok(message.build())
}

pub(super) fn contradictory(error: impl std::error::Error) -> NetlinkError {
    NetlinkError::Contradictory(error.to_string())
}
