//! Tells zebra of a route that the kernel dropped without telling anybody.
//!
//! The kernel does so when a link leaves its VRF or loses its carrier; zebra holds the route for
//! installed from then on. A deletion that it hears of it takes for somebody else's and installs
//! its route anew (FRR 10.3, `process_subq_early_route_delete`). So a route to the same
//! destination is made with bgpd's protocol and deleted again: one that says unreachable, which
//! packets without a route find anyway, and behind all of zebra's by its metric.

use std::net::IpAddr;

use ipnet::IpNet;
use rtnetlink::RouteMessageBuilder;
use rtnetlink::packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::route::{RouteMessage, RouteProtocol, RouteType};

use super::channel::{Channel, NetlinkError};
use super::message::contradictory;
use super::retain;
use crate::plan::link::TableId;

/// Has zebra install bgpd's route to `destination` in `table` anew.
pub(super) async fn announce(
    channel: &Channel,
    table: TableId,
    destination: IpNet,
) -> Result<(), NetlinkError> {
    let route = stand_in(table, destination)?;
    let addition = RouteNetlinkMessage::NewRoute(route.clone());
    channel.ask(addition, NLM_F_CREATE | NLM_F_EXCL).await?;
    channel.ask(RouteNetlinkMessage::DelRoute(route), 0).await
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
