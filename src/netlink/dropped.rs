//! Tells zebra of a route or a neighbour that the kernel dropped without telling anybody.
//!
//! The kernel does so when a link leaves its VRF or loses its carrier; zebra holds the route for
//! installed from then on. A deletion that it hears of it takes for somebody else's and installs
//! its route anew (FRR 10.3, `process_subq_early_route_delete`). So a route to the same
//! destination is made with bgpd's protocol and deleted again: one that says unreachable, which
//! packets without a route find anyway, and behind all of zebra's by its metric.
//!
//! So it is with the neighbours that lead to remote routers, whose end zebra answers by writing
//! them again (`zl3vni_local_nh_del`), but in vain while their link is down. One in their place that
//! leads nowhere, as they do, is made and deleted. The same holds for the neighbours of a segment.
//!
//! Where a remote host's MAC is, zebra writes once and does not look after: of the end of such an
//! entry it takes no notice, since that may mean that the host has moved
//! (`netlink_macfdb_change`). It is written here as zebra writes it.

use std::net::IpAddr;

use ipnet::IpNet;
use nix::errno::Errno;
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE};
use rtnetlink::packet_route::neighbour::{
    NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use rtnetlink::packet_route::route::{RouteMessage, RouteProtocol, RouteType};
use rtnetlink::packet_route::{AddressFamily, RouteNetlinkMessage};

use super::channel::{Channel, NetlinkError};
use super::message::contradictory;
use super::retain;
use crate::plan::link::{Mac, TableId};

/// Has zebra install bgpd's route to `destination` in `table` anew.
pub(super) async fn announce_route(
    channel: &Channel,
    table: TableId,
    destination: IpNet,
) -> Result<(), NetlinkError> {
    let route = stand_in(table, destination)?;
    let addition = RouteNetlinkMessage::NewRoute(route.clone());
    channel.ask(addition, NLM_F_CREATE | NLM_F_EXCL).await?;
    channel.ask(RouteNetlinkMessage::DelRoute(route), 0).await
}

/// Has zebra write the neighbour entry of a remote router anew.
pub(super) async fn announce_neighbour(
    channel: &Channel,
    index: u32,
    vtep: IpAddr,
) -> Result<(), NetlinkError> {
    let mut entry = NeighbourMessage::default();
    entry.header.family = match vtep {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    entry.header.ifindex = index;
    entry.header.state = NeighbourState::Failed;
    entry.attributes = vec![NeighbourAttribute::Destination(vtep.into())];
    let addition = RouteNetlinkMessage::NewNeighbour(entry.clone());
    channel.ask(addition, NLM_F_CREATE | NLM_F_REPLACE).await?;
    match channel
        .ask(RouteNetlinkMessage::DelNeighbour(entry), 0)
        .await
    {
        // Its garbage collector was quicker, and has told zebra.
        Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(()),
        outcome => outcome,
    }
}

/// Writes that a MAC is behind a VTEP, for the VXLAN device and for its bridge.
pub(super) async fn write_remote_mac(
    channel: &Channel,
    index: u32,
    mac: Mac,
    vtep: IpAddr,
) -> Result<(), NetlinkError> {
    let mut entry = NeighbourMessage::default();
    entry.header.family = AddressFamily::Bridge;
    entry.header.ifindex = index;
    entry.header.state = NeighbourState::Reachable;
    entry.header.flags =
        NeighbourFlags::Own | NeighbourFlags::Controller | NeighbourFlags::ExtLearned;
    entry.attributes = vec![
        NeighbourAttribute::LinkLayerAddress(mac.0.to_vec()),
        NeighbourAttribute::Destination(vtep.into()),
    ];
    let addition = RouteNetlinkMessage::NewNeighbour(entry);
    channel.ask(addition, NLM_F_CREATE | NLM_F_REPLACE).await
}

/// Forgets that a MAC was learned at a port of a bridge, which is learned again with the next frame
/// from there; whether there was such an entry.
pub(super) async fn forget_learned_mac(
    channel: &Channel,
    port: u32,
    mac: Mac,
) -> Result<bool, NetlinkError> {
    let mut entry = NeighbourMessage::default();
    entry.header.family = AddressFamily::Bridge;
    entry.header.ifindex = port;
    entry.header.flags = NeighbourFlags::Controller;
    entry.attributes = vec![NeighbourAttribute::LinkLayerAddress(mac.0.to_vec())];
    match channel
        .ask(RouteNetlinkMessage::DelNeighbour(entry), 0)
        .await
    {
        Ok(()) => Ok(true),
        Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
}

fn stand_in(table: TableId, destination: IpNet) -> Result<RouteMessage, NetlinkError> {
    let builder = RouteMessageBuilder::<IpAddr>::new()
        .destination_prefix(destination.network(), destination.prefix_len())
        .map_err(contradictory)?;
    let route = builder
        .table_id(table)
        .protocol(RouteProtocol::Bgp)
        .kind(RouteType::Unreachable)
        // What holds routes back while bgpd restarts knows its own by it, and leaves this alone.
        .priority(retain::METRIC);
    Ok(route.build())
}
