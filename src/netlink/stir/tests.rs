use std::net::Ipv4Addr;

use rtnetlink::packet_core::NetlinkHeader;
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags};
use rtnetlink::packet_route::route::RouteMessage;

use super::*;

fn datagram(messages: impl IntoIterator<Item = RouteNetlinkMessage>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        let payload = NetlinkPayload::InnerMessage(message);
        let mut message = NetlinkMessage::new(NetlinkHeader::default(), payload);
        message.finalize();
        let mut buffer = vec![0; message.buffer_len()];
        message.serialize(&mut buffer);
        bytes.extend(buffer);
    }
    bytes
}

fn entry(family: AddressFamily, state: NeighbourState) -> NeighbourMessage {
    let mut entry = NeighbourMessage::default();
    entry.header.family = family;
    entry.header.state = state;
    entry
}

#[test]
fn what_traffic_brings_and_takes_does_not_stir() {
    let arp = entry(AddressFamily::Inet, NeighbourState::Stale);
    let learned = entry(AddressFamily::Bridge, NeighbourState::Reachable);
    let told = datagram([
        RouteNetlinkMessage::NewNeighbour(arp.clone()),
        RouteNetlinkMessage::DelNeighbour(arp),
        RouteNetlinkMessage::NewNeighbour(learned.clone()),
        RouteNetlinkMessage::DelNeighbour(learned),
    ]);
    assert!(!stirs(&told));
}

#[test]
fn what_a_control_plane_puts_there_stirs() {
    let vtep = NeighbourAddress::Inet(Ipv4Addr::new(100, 65, 0, 1));
    let mut flood = entry(AddressFamily::Bridge, NeighbourState::Reachable);
    flood.attributes = vec![NeighbourAttribute::Destination(vtep)];
    let mut told_by_zebra = entry(AddressFamily::Inet, NeighbourState::Reachable);
    told_by_zebra.header.flags = NeighbourFlags::ExtLearned;
    let router = entry(AddressFamily::Inet, NeighbourState::Noarp);
    for (name, entry) in [
        ("behind a tunnel", flood),
        ("zebra's", told_by_zebra),
        ("lasting", router),
    ] {
        for message in [
            RouteNetlinkMessage::NewNeighbour(entry.clone()),
            RouteNetlinkMessage::DelNeighbour(entry),
        ] {
            // Behind one that does not matter.
            let quiet = self::entry(AddressFamily::Inet, NeighbourState::Stale);
            let quiet = RouteNetlinkMessage::NewNeighbour(quiet);
            assert!(stirs(&datagram([quiet, message])), "{name}");
        }
    }
}

#[test]
fn every_route_stirs_and_so_does_what_cannot_be_read() {
    let route = RouteMessage::default();
    assert!(stirs(&datagram([RouteNetlinkMessage::DelRoute(
        route.clone()
    )])));
    let whole = datagram([RouteNetlinkMessage::NewRoute(route)]);
    assert!(stirs(&whole));
    assert!(stirs(&whole[..whole.len() - 1]));
    assert!(!stirs(&[]));
}
