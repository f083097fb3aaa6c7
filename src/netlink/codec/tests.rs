//! What cannot be decoded is told, and an odd link is decoded all the same.

use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::LinkAttribute;

use super::*;

/// A message of sequence 7.
fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + payload.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&2_u16.to_ne_bytes());
    bytes.extend_from_slice(&7_u32.to_ne_bytes());
    bytes.extend_from_slice(&0_u32.to_ne_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn decode(bytes: &mut BytesMut) -> Option<NetlinkMessage<RouteNetlinkMessage>> {
    Codec::decode(bytes).unwrap()
}

/// An `RTM_NEWROUTE` (24) that is too short for its own header, then an `NLMSG_DONE` (3).
fn datagram() -> BytesMut {
    let bytes = [message(24, &[0; 4]), message(3, &[0; 4])].concat();
    BytesMut::from(bytes.as_slice())
}

#[test]
fn what_cannot_be_decoded_becomes_an_error_of_its_request() {
    let mut bytes = datagram();
    let first = decode(&mut bytes).unwrap();
    assert_eq!(first.header.sequence_number, 7);
    let NetlinkPayload::Error(error) = first.payload else {
        panic!("{first:?}");
    };
    assert_eq!(error.code, Some(UNDECODABLE));
    assert!(String::from_utf8(error.header).unwrap().contains("24"));

    let second = decode(&mut bytes).unwrap();
    assert!(matches!(second.payload, NetlinkPayload::Done(_)));
    assert!(decode(&mut bytes).is_none());
}

#[test]
fn a_truncated_datagram_ends_the_connection() {
    let mut bytes = datagram();
    bytes.truncate(18);
    assert!(Codec::decode::<RouteNetlinkMessage>(&mut bytes).is_err());
}

#[test]
fn an_odd_attribute_does_not_hide_a_link() {
    // IFLA_CARRIER_CHANGES (35) has four bytes everywhere but here.
    let payload = [
        vec![0; 16],
        attribute(3, b"odd0\0"),
        attribute(35, &[1]),
        attribute(4, &1500_u32.to_ne_bytes()),
    ]
    .concat();
    let whole = message(16, &payload);
    assert!(
        NetlinkMessage::<RouteNetlinkMessage>::deserialize(&whole).is_err(),
        "the decoder takes it as it is: this test needs another attribute"
    );
    let mut bytes = BytesMut::from(whole.as_slice());
    let decoded = decode(&mut bytes).unwrap();
    let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) = decoded.payload else {
        panic!("{decoded:?}");
    };
    assert_eq!(
        link.attributes,
        [
            LinkAttribute::IfName("odd0".to_owned()),
            LinkAttribute::Mtu(1500)
        ]
    );
}

#[test]
fn an_odd_attribute_that_is_read_is_told() {
    let payload = [vec![0; 16], attribute(3, b"odd0\0"), attribute(4, &[1])].concat();
    let mut bytes = BytesMut::from(message(16, &payload).as_slice());
    let decoded = decode(&mut bytes).unwrap();
    assert!(matches!(decoded.payload, NetlinkPayload::Error(_)));
}
