//! Reads the kernel: links with their addresses, and the routes that go with a NIC.
//!
//! One dump of links and one of addresses a namespace, however many links there are.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's messages and attributes are open sets, of which only a few are read"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;
use nix::errno::Errno;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{
    AfSpecInet6, AfSpecUnspec, In6AddrGenMode, InfoBridgePort, InfoData, InfoKind, InfoPortData,
    InfoVrf, InfoVxlan, LinkAttribute, LinkExtentMask, LinkFlags, LinkInfo, LinkMessage,
};

use super::channel::{Channel, Dump, NetlinkError, Refusal};
use super::facts::{self, RouteFilter, SeenRoute};
use crate::api::types::{InterfaceName, Vni};
use crate::plan::link::{AddressGeneration, Links, Mac, NicRoute, SeenKind, SeenLink};

/// `RT_TABLE_MAIN`.
pub(super) const MAIN_TABLE: u32 = 254;

/// All links of one namespace with their addresses.
///
/// A link whose name could not be written into an FRR command is left out: nothing of ours has
/// such a name.
pub(super) async fn links(channel: &Channel) -> Result<Links, NetlinkError> {
    let found = dump_links(channel).await?;
    let mut addresses = dump_addresses(channel).await?;
    let names: HashMap<u32, InterfaceName> = found
        .iter()
        .map(|link| (link.seen.index, link.name.clone()))
        .collect();
    Ok(found
        .into_iter()
        .map(|link| {
            let mut seen = link.seen;
            seen.master = link.master.and_then(|index| names.get(&index).cloned());
            seen.addresses = addresses.remove(&seen.index).unwrap_or_default();
            (link.name, seen)
        })
        .collect())
}

/// The names of all links of one namespace, by index.
pub(super) async fn names(channel: &Channel) -> Result<HashMap<u32, InterfaceName>, NetlinkError> {
    let found = dump_links(channel).await?;
    Ok(found
        .into_iter()
        .map(|link| (link.seen.index, link.name))
        .collect())
}

/// The indices of all VXLAN devices.
pub(super) async fn tunnels(channel: &Channel) -> Result<BTreeSet<u32>, NetlinkError> {
    let found = dump_links(channel).await?.into_iter();
    let tunnels = found.filter(|link| matches!(link.seen.kind, SeenKind::Vxlan { .. }));
    Ok(tunnels.map(|link| link.seen.index).collect())
}

/// The VXLAN device that has this VNI at this UDP port.
pub(super) async fn tunnel_of(
    channel: &Channel,
    wanted: Vni,
    at: u16,
) -> Result<Option<InterfaceName>, NetlinkError> {
    let wanted = (wanted.get(), at);
    let mut found = dump_links(channel).await?.into_iter();
    let holder = found.find(
        |link| matches!(link.seen.kind, SeenKind::Vxlan { vni, port, .. } if (vni, port) == wanted),
    );
    Ok(holder.map(|link| link.name))
}

/// The link of this name, without its master's name and its addresses; `None` when there is
/// none.
pub(super) async fn link(
    channel: &Channel,
    name: &InterfaceName,
) -> Result<Option<SeenLink>, NetlinkError> {
    let request = channel.handle().link().get().match_name(name.as_str());
    match channel.get(request.execute()).await {
        Ok(link) => Ok(decode_link(link).map(|link| link.seen)),
        Err(error) if error.errno() == Some(Errno::ENODEV) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The link of this name, as [`link`] gives it; `ENODEV` when there is none.
pub(super) async fn one(channel: &Channel, name: &InterfaceName) -> Result<SeenLink, NetlinkError> {
    let refusal = || {
        NetlinkError::Refused(Refusal {
            errno: Errno::ENODEV,
            words: Some(format!("there is no link {name}")),
        })
    };
    link(channel, name).await?.ok_or_else(refusal)
}

/// The index of the link of this name; `ENODEV` when there is none.
pub(super) async fn index(channel: &Channel, name: &InterfaceName) -> Result<u32, NetlinkError> {
    Ok(one(channel, name).await?.index)
}

/// The addresses of the link of this index, but IPv6 link-local ones.
pub(super) async fn addresses_of(
    channel: &Channel,
    index: u32,
) -> Result<BTreeSet<IpNet>, NetlinkError> {
    let mut addresses = dump_addresses(channel).await?;
    Ok(addresses.remove(&index).unwrap_or_default())
}

/// The routes of the main table that go with each of `nics`, by NIC. A NIC that is not among
/// `links` has none and is not in the answer.
///
/// A route over several NICs counts for each of them, as a route over that NIC alone.
pub(super) async fn nic_routes(
    channel: &Channel,
    links: &Links,
    nics: &[InterfaceName],
) -> Result<BTreeMap<InterfaceName, BTreeSet<NicRoute>>, NetlinkError> {
    let mut found = BTreeMap::new();
    for name in nics {
        let Some(link) = links.get(name) else {
            continue;
        };
        found.insert(name.clone(), nic_routes_of(channel, link.index).await?);
    }
    Ok(found)
}

/// The routes of the main table that go with the NIC of this index.
pub(super) async fn nic_routes_of(
    channel: &Channel,
    index: u32,
) -> Result<BTreeSet<NicRoute>, NetlinkError> {
    let filter = RouteFilter {
        table: MAIN_TABLE,
        link: Some(index),
    };
    let routes = facts::routes(channel, filter).await?;
    Ok(routes
        .iter()
        .filter_map(|route| nic_route(route, index))
        .collect())
}

/// What of `route` goes with the NIC of this index.
fn nic_route(route: &SeenRoute, index: u32) -> Option<NicRoute> {
    let unmovable = route.protocol == facts::RTPROT_KERNEL
        || route.kind != facts::RouteKind::Unicast
        || is_link_local(route.destination.addr());
    if unmovable {
        return None;
    }
    let hop = route.gateways.iter().find(|hop| hop.index == index)?;
    Some(NicRoute {
        destination: route.destination,
        gateway: hop.gateway,
        source: route.source,
        metric: route.metric,
        protocol: route.protocol,
        scope: route.scope,
        onlink: hop.onlink,
    })
}

/// A link as decoded, before its master has a name.
struct Decoded {
    name: InterfaceName,
    master: Option<u32>,
    seen: SeenLink,
}

async fn dump_links(channel: &Channel) -> Result<Vec<Decoded>, NetlinkError> {
    // Statistics are half of every message, and nobody here reads them.
    let (family, mask) = (AddressFamily::Unspec, LinkExtentMask::SkipStats);
    channel
        .dump(
            Dump::Links,
            |handle| {
                let request = handle.link().get();
                request.set_filter_mask(family, vec![mask]).execute()
            },
            decode_link,
        )
        .await
}

/// The name in a link message, when it is one of those that this program can use.
pub(super) fn name_of(message: &LinkMessage) -> Option<InterfaceName> {
    message
        .attributes
        .iter()
        .find_map(|attribute| match attribute {
            LinkAttribute::IfName(name) => Some(name),
            _ => None,
        })
        .and_then(|name| name.parse().ok())
}

fn decode_link(message: LinkMessage) -> Option<Decoded> {
    let name = name_of(&message)?;
    let mut decoded = Decoded {
        name,
        master: None,
        seen: SeenLink {
            index: message.header.index,
            kind: SeenKind::Other {
                name: String::new(),
            },
            master: None,
            up: message.header.flags.contains(LinkFlags::Up),
            mtu: 0,
            mac: None,
            group: 0,
            alias: String::new(),
            address_generation: None,
            evpn_port: None,
            addresses: BTreeSet::new(),
        },
    };
    let mut lower = None;
    let mut info = Vec::new();
    let seen = &mut decoded.seen;
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::Mtu(mtu) => seen.mtu = mtu,
            LinkAttribute::Address(bytes) => seen.mac = mac_of(&bytes),
            LinkAttribute::Group(group) => seen.group = group,
            LinkAttribute::IfAlias(alias) => seen.alias = alias,
            LinkAttribute::Controller(index) => decoded.master = Some(index),
            LinkAttribute::Link(index) => lower = Some(index),
            LinkAttribute::LinkInfo(found) => info = found,
            LinkAttribute::AfSpecUnspec(families) => {
                seen.address_generation = address_generation(&families);
            }
            _ => {}
        }
    }
    seen.kind = kind_of(&info, lower);
    seen.evpn_port = evpn_port(&info);
    Some(decoded)
}

/// An Ethernet address, when it has the length of one.
pub(super) fn mac_of(bytes: &[u8]) -> Option<Mac> {
    bytes.try_into().ok().map(Mac)
}

fn kind_of(info: &[LinkInfo], lower: Option<u32>) -> SeenKind {
    let kind = info.iter().find_map(|attribute| match attribute {
        LinkInfo::Kind(kind) => Some(kind),
        _ => None,
    });
    let data = info.iter().find_map(|attribute| match attribute {
        LinkInfo::Data(data) => Some(data),
        _ => None,
    });
    match (kind, data) {
        (Some(InfoKind::Bridge), _) => SeenKind::Bridge,
        (Some(InfoKind::Veth), _) => SeenKind::Veth { peer_index: lower },
        (Some(InfoKind::Vrf), Some(InfoData::Vrf(attributes))) => SeenKind::Vrf {
            table: vrf_table(attributes),
        },
        (Some(InfoKind::Vxlan), Some(InfoData::Vxlan(attributes))) => vxlan(attributes),
        (Some(other), _) => SeenKind::Other {
            name: other.to_string(),
        },
        (None, _) => SeenKind::Other {
            name: String::new(),
        },
    }
}

fn vrf_table(attributes: &[InfoVrf]) -> u32 {
    attributes
        .iter()
        .find_map(|attribute| match attribute {
            InfoVrf::TableId(table) => Some(*table),
            _ => None,
        })
        .unwrap_or_default()
}

fn vxlan(attributes: &[InfoVxlan]) -> SeenKind {
    let (mut vni, mut local, mut port, mut learning) = (0, None, 0, false);
    for attribute in attributes {
        match attribute {
            InfoVxlan::Id(id) => vni = *id,
            InfoVxlan::Local(address) => local = Some(IpAddr::V4(*address)),
            InfoVxlan::Local6(address) => local = Some(IpAddr::V6(*address)),
            InfoVxlan::Port(number) => port = *number,
            InfoVxlan::Learning(on) => learning = *on,
            _ => {}
        }
    }
    SeenKind::Vxlan {
        vni,
        local,
        port,
        learning,
    }
}

fn evpn_port(info: &[LinkInfo]) -> Option<bool> {
    let port = info.iter().find_map(|attribute| match attribute {
        LinkInfo::PortData(InfoPortData::BridgePort(port)) => Some(port),
        _ => None,
    })?;
    let (mut learning, mut suppress) = (true, false);
    for attribute in port {
        match attribute {
            InfoBridgePort::Learning(on) => learning = *on,
            InfoBridgePort::NeighSupress(on) => suppress = *on,
            _ => {}
        }
    }
    Some(suppress && !learning)
}

fn address_generation(families: &[AfSpecUnspec]) -> Option<AddressGeneration> {
    let inet6 = families.iter().find_map(|family| match family {
        AfSpecUnspec::Inet6(attributes) => Some(attributes),
        _ => None,
    })?;
    inet6.iter().find_map(|attribute| match attribute {
        AfSpecInet6::AddrGenMode(In6AddrGenMode::None) => Some(AddressGeneration::Off),
        AfSpecInet6::AddrGenMode(_) => Some(AddressGeneration::Kernel),
        _ => None,
    })
}

/// All addresses but IPv6 link-local ones, by link index.
async fn dump_addresses(channel: &Channel) -> Result<HashMap<u32, BTreeSet<IpNet>>, NetlinkError> {
    let found = channel
        .dump(
            Dump::Addresses,
            |handle| handle.address().get().execute(),
            |address| decode_address(&address),
        )
        .await?;
    let mut addresses: HashMap<u32, BTreeSet<IpNet>> = HashMap::new();
    for (index, address) in found {
        addresses.entry(index).or_default().insert(address);
    }
    Ok(addresses)
}

/// The link and the address in an address message, unless it is an IPv6 link-local one.
fn decode_address(message: &AddressMessage) -> Option<(u32, IpNet)> {
    let family = message.header.family;
    if family != AddressFamily::Inet && family != AddressFamily::Inet6 {
        return None;
    }
    // On a point-to-point link `IFA_ADDRESS` is the other end, and `IFA_LOCAL` ours.
    let (mut local, mut address) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => address = Some(*ip),
            _ => {}
        }
    }
    let ip = local.or(address).filter(|ip| !is_link_local(*ip))?;
    let net = IpNet::new(ip, message.header.prefix_len).ok()?;
    Some((message.header.index, net))
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(_) => false,
        IpAddr::V6(ip) => Ipv6Addr::is_unicast_link_local(&ip),
    }
}
