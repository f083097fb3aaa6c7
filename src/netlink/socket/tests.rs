//! What cannot be decoded is told, and an odd link is decoded all the same.

use rtnetlink::packet_route::link::LinkAttribute;
use rtnetlink::proto::{NetlinkCodec, NetlinkMessageCodec as _};

use super::*;

/// `NLM_F_MULTI`.
const MULTI: u16 = 2;

/// A message of sequence 7.
fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
    flagged(kind, MULTI, payload)
}

fn flagged(kind: u16, flags: u16, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + payload.len()).unwrap();
    let mut bytes = length.to_ne_bytes().to_vec();
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
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

/// What rtnetlink makes of one datagram that `reading` hands on.
fn decoded_by(
    reading: &mut Reading,
    datagram: &[u8],
) -> io::Result<Vec<NetlinkMessage<RouteNetlinkMessage>>> {
    reading.datagram = BytesMut::from(datagram);
    let mut handed_on = BytesMut::new();
    reading.hand_on(&mut handed_on)?;
    let mut all = Vec::new();
    while let Some(message) = NetlinkCodec::decode(&mut handed_on)? {
        all.push(message);
    }
    Ok(all)
}

fn decoded(datagram: &[u8]) -> Vec<NetlinkMessage<RouteNetlinkMessage>> {
    decoded_by(&mut Reading::default(), datagram).unwrap()
}

/// An `RTM_NEWROUTE` (24) that is too short for its own header, then an `NLMSG_DONE` (3).
fn datagram() -> Vec<u8> {
    [message(24, &[0; 4]), message(3, &[0; 4])].concat()
}

#[test]
fn what_cannot_be_decoded_becomes_an_error_of_its_request() {
    let messages = decoded(&datagram());
    let [first, second] = messages.as_slice() else {
        panic!("{messages:?}");
    };
    assert_eq!(first.header.sequence_number, 7);
    let NetlinkPayload::Error(error) = &first.payload else {
        panic!("{first:?}");
    };
    assert_eq!(error.code, Some(UNDECODABLE));
    assert!(
        String::from_utf8(error.header.clone())
            .unwrap()
            .contains("24")
    );
    assert!(matches!(second.payload, NetlinkPayload::Done(_)));
}

#[test]
fn a_truncated_datagram_ends_the_connection() {
    let mut bytes = datagram();
    bytes.truncate(18);
    assert!(decoded_by(&mut Reading::default(), &bytes).is_err());
}

#[test]
fn padding_is_left_out() {
    let short = message(1, &[0; 1]);
    let padded = [short.as_slice(), &[0; 3], &message(3, &[0; 4])].concat();
    let messages = decoded(&padded);
    assert!(
        matches!(
            messages.as_slice(),
            [
                NetlinkMessage {
                    payload: NetlinkPayload::Noop,
                    ..
                },
                NetlinkMessage {
                    payload: NetlinkPayload::Done(_),
                    ..
                },
            ]
        ),
        "{messages:?}"
    );
}

#[test]
fn the_end_of_a_dump_tells_of_a_change_during_it_and_the_next_dump_does_not() {
    let mut reading = Reading::default();
    let changed = |messages: &[NetlinkMessage<_>]| {
        let flags = messages.iter().map(|message| message.header.flags);
        flags
            .map(|flags| flags & NLM_F_DUMP_INTR != 0)
            .collect::<Vec<_>>()
    };
    let noop = message(1, &[]);
    let interrupted = flagged(1, MULTI | NLM_F_DUMP_INTR, &[]);
    let done = message(3, &[0; 4]);

    let first = [noop.clone(), interrupted].concat();
    let messages = decoded_by(&mut reading, &first).unwrap();
    assert_eq!(changed(&messages), [false, true]);
    let messages = decoded_by(&mut reading, &[noop.clone(), done.clone()].concat()).unwrap();
    assert_eq!(changed(&messages), [false, true]);

    let messages = decoded_by(&mut reading, &[noop, done].concat()).unwrap();
    assert_eq!(changed(&messages), [false, false]);
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
    let [decoded] = decoded(&whole).try_into().unwrap();
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
    let [decoded] = decoded(&message(16, &payload)).try_into().unwrap();
    assert!(matches!(decoded.payload, NetlinkPayload::Error(_)));
}
