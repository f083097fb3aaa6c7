//! What FRR 10.3 sent to a station from VRF red, whose link has index 7, with one neighbour; and
//! what it sent when sessions went.

use super::*;

/// Initiation, Peer Up of the instance's own table, Peer Up of the neighbour.
const CONNECTED: &str = "0300000021040001000e4652526f7574696e672031302e33000200056e6f64653103\
    000000e70303000000000000000007000000000000000000000000000000000000fc020a0000016b0a97f20009326\
    30000000000000000000000000000000000000000ffffffffffffffffffffffffffffffff004e0104000000b400000\
    0003102020200020246000206410400000000020206000202450002024c0002094907056e6f6465310002044002c07\
    802024700ffffffffffffffffffffffffffffffff004e0104000000b40000000031020202000202460002064104000\
    00000020206000202450002024c0002094907056e6f6465310002044002c078020247000003000372656403000001\
    280301000000000000000007000000000000000000000000c0a90a020000fc03ac1001016b0a980300093262000000\
    000000000000000000c0a90a0100b3d02affffffffffffffffffffffffffffffff007e0104fc0200b40a0000016102\
    0601040001000102060104000200010202020002024600020641040000fc0202020600020a45080001010100020101\
    020c4c0a0001010000000201000002094907056e6f6465310002044002c0780210470e000101800000000002018000\
    0000ffffffffffffffffffffffffffffffff00660104fc030009ac1001014902060104000100010202020002024600\
    020641040000fc0302020600020645040001010102074c05000101000002094907056e6f6465310002044002c07802\
    09470700010180000000";

/// Peer Down of a neighbour of the default instance, closed here.
const CLOSED: &str = "030000003302000000000000000000000000000000000000000000000a0001010000fc000a\
    ff00016b0a98f60009326d020000";

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().filter(|c| !c.is_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| pair.iter().collect::<String>());
    pairs
        .map(|pair| u8::from_str_radix(&pair, 16).expect("hexadecimal"))
        .collect()
}

fn all(mut received: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Front::Message { message, length } = front(received).expect("BMP") {
        messages.push(message);
        received = &received[length..];
    }
    assert!(received.is_empty(), "{} bytes are left", received.len());
    messages
}

#[test]
fn a_connection_begins_with_the_sessions_that_are_up() {
    let up = |instance, address: &str, asn| {
        let address = address.parse().expect("an address");
        Message::PeerUp(Peer {
            instance,
            address,
            asn,
        })
    };
    assert_eq!(
        all(&bytes(CONNECTED)),
        [
            Message::Other(4),
            up(Instance::Other(3), "0.0.0.0", 64514),
            up(Instance::Vrf(7), "192.169.10.2", 64515),
        ]
    );
}

#[test]
fn a_session_that_goes_is_told_with_its_reason() {
    let down = |received: &[u8]| match all(received).as_slice() {
        [Message::PeerDown { peer, reason }] => (*peer, *reason),
        other => panic!("{other:?}"),
    };
    let (peer, reason) = down(&bytes(CLOSED));
    assert_eq!(peer.instance, Instance::Default);
    assert_eq!(peer.address.to_string(), "10.0.1.1");
    assert_eq!(peer.asn, 64512);
    assert_eq!(reason, DownReason::Closed { event: 0 });
    assert_eq!(reason.to_string(), "closed");

    // The neighbour says Cease, administrative shutdown (RFC 4486).
    let mut told = bytes(CLOSED);
    told.truncate(told.len() - 3);
    told.push(3);
    told.extend([0xff; 16]);
    told.extend([0, 21, 3, 6, 2]);
    told[4] = u8::try_from(told.len()).expect("short");
    let notification = Notification {
        code: 6,
        subcode: 2,
    };
    let (_, reason) = down(&told);
    assert_eq!(reason, DownReason::ReceivedNotification(notification));
    assert_eq!(reason.to_string(), "received NOTIFICATION 6/2");

    let mut told = bytes(CLOSED);
    told.truncate(told.len() - 3);
    told.push(4);
    told[4] = u8::try_from(told.len()).expect("short");
    assert_eq!(down(&told).1, DownReason::ClosedByNeighbour);
}

#[test]
fn a_neighbour_of_ipv6_is_one() {
    let mut told = bytes(CLOSED);
    told[7] = 0x80;
    told[16] = 0xfe;
    told[17] = 0x80;
    match all(&told).as_slice() {
        [Message::PeerDown { peer, .. }] => {
            assert_eq!(peer.address.to_string(), "fe80::a00:101");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_cut_off_is_waited_for() {
    let told = bytes(CLOSED);
    for end in 0..told.len() {
        assert_eq!(front(&told[..end]), Ok(Front::More), "{end} bytes");
    }
}

#[test]
fn what_is_no_bmp_is_an_error() {
    let told = bytes(CLOSED);
    let mut other = told.clone();
    other[0] = 4;
    assert_eq!(front(&other), Err(Error::Version(4)));
    assert_eq!(front(b"GET / HTTP/1.1\r\n"), Err(Error::Version(b'G')));

    let mut other = told.clone();
    other[1..5].copy_from_slice(&5_u32.to_be_bytes());
    assert_eq!(front(&other), Err(Error::Length(5)));
    other[1..5].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(front(&other), Err(Error::Length(u32::MAX)));

    let mut other = told;
    other[4] = 20;
    let short = Error::Short {
        kind: 2,
        length: 20,
    };
    assert_eq!(front(&other), Err(short));
}
