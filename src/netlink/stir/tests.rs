use std::net::Ipv4Addr;

use rtnetlink::packet_core::NetlinkHeader;
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags};
use rtnetlink::packet_route::route::RouteMessage;

use super::*;

/// Where a datagram says that something changed.
fn stirs(datagram: &[u8]) -> Places {
    let stirred = Stirred::default();
    hear(datagram, &stirred);
    stirred.take()
}

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
    entry.header.ifindex = 7;
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
    assert!(stirs(&told).is_nowhere());
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
            let places = Places::Some([Place::Link(7)].into());
            assert_eq!(stirs(&datagram([quiet, message])), places, "{name}");
        }
    }
}

#[test]
fn every_route_stirs_its_table_and_what_cannot_be_read_everything() {
    let mut small = RouteMessage::default();
    small.header.table = 254;
    let mut large = RouteMessage::default();
    large.header.table = 252;
    large.attributes = vec![RouteAttribute::Table(1_000_100)];
    let both = datagram([
        RouteNetlinkMessage::DelRoute(small),
        RouteNetlinkMessage::NewRoute(large),
    ]);
    let tables = [254, 1_000_100].map(Place::Table);
    assert_eq!(stirs(&both), Places::Some(tables.into()));
    assert_eq!(stirs(&both[..both.len() - 1]), Places::All);
    assert!(stirs(&[]).is_nowhere());
}

#[test]
fn more_places_than_are_told_one_by_one_are_everything() {
    let stirred = Stirred::default();
    for index in 0..MOST {
        stirred.tell(Some(Place::Link(u32::try_from(index).unwrap())));
    }
    // One that is known costs nothing.
    stirred.tell(Some(Place::Link(0)));
    let Places::Some(places) = stirred.take() else {
        panic!("they are told one by one");
    };
    assert_eq!(places.len(), MOST);
    for index in 0..=MOST {
        stirred.tell(Some(Place::Link(u32::try_from(index).unwrap())));
    }
    assert_eq!(stirred.take(), Places::All);
    assert!(stirred.take().is_nowhere());
}

#[tokio::test]
async fn what_was_told_before_anybody_waited_is_heard() {
    let stirred = Stirred::default();
    stirred.tell(Some(Place::Table(10)));
    // Somebody took it meanwhile: the notice that is left wakes nobody for nothing.
    assert!(!stirred.take().is_nowhere());
    let waits = stirred.clone();
    let waiter = tokio::spawn(async move { waits.next().await });
    tokio::task::yield_now().await;
    stirred.tell(None);
    assert_eq!(waiter.await.unwrap(), Places::All);
}
