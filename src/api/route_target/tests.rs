//! The three encodings, their limits, and the round trip through text and bytes.

use proptest::prelude::*;

use super::*;

#[test]
fn the_text_decides_the_encoding() {
    let table = [
        ("0:0", RouteTarget::TwoOctetAs { asn: 0, number: 0 }),
        (
            "64514:100",
            RouteTarget::TwoOctetAs {
                asn: 64514,
                number: 100,
            },
        ),
        (
            "65535:4294967295",
            RouteTarget::TwoOctetAs {
                asn: 65535,
                number: u32::MAX,
            },
        ),
        (
            "65536:65535",
            RouteTarget::FourOctetAs {
                asn: 65536,
                number: 65535,
            },
        ),
        (
            "4294967295:1",
            RouteTarget::FourOctetAs {
                asn: u32::MAX,
                number: 1,
            },
        ),
        (
            "192.0.2.1:9",
            RouteTarget::Ipv4 {
                address: Ipv4Addr::new(192, 0, 2, 1),
                number: 9,
            },
        ),
    ];
    for (text, target) in table {
        assert_eq!(text.parse::<RouteTarget>().unwrap(), target);
        assert_eq!(target.to_string(), text);
    }
    assert_eq!(
        "064514:0100".parse::<RouteTarget>().unwrap().to_string(),
        "64514:100"
    );
}

#[test]
fn what_fits_no_encoding_is_refused() {
    for bad in [
        "",
        ":",
        "1",
        "1:",
        ":1",
        "1:2:3",
        "a:1",
        "1:a",
        "-1:1",
        "+1:1",
        " 1:1",
        "1:1 ",
        "1: 1",
        "65535:4294967296",
        "65536:65536",
        "4294967296:1",
        "1.2.3:4",
        "1.2.3.4:65536",
        "1.2.3.4.5:1",
        "256.0.0.1:1",
        "1.10:5",
        "1:1\nrouter bgp 1",
    ] {
        assert!(bad.parse::<RouteTarget>().is_err(), "{bad:?}");
    }
    assert_eq!(
        "65536:65536"
            .parse::<RouteTarget>()
            .unwrap_err()
            .to_string(),
        "\"65536:65536\" is not a route target; it must be ASN:number with an AS number up to \
         65535 and a number up to 4294967295, or ASN:number with a larger AS number and a \
         number up to 65535, or A.B.C.D:number with a number up to 65535"
    );
}

#[test]
fn bytes_are_those_of_the_wire() {
    let bytes = |text: &str| text.parse::<RouteTarget>().unwrap().to_bytes();
    assert_eq!(bytes("64514:100"), [0, 2, 0xfc, 0x02, 0, 0, 0, 100]);
    assert_eq!(bytes("192.0.2.1:9"), [1, 2, 192, 0, 2, 1, 0, 9]);
    assert_eq!(bytes("65536:1"), [2, 2, 0, 1, 0, 0, 0, 1]);
}

fn any_target() -> impl Strategy<Value = RouteTarget> {
    prop_oneof![
        any::<(u16, u32)>().prop_map(|(asn, number)| RouteTarget::TwoOctetAs { asn, number }),
        (65536..=u32::MAX, any::<u16>())
            .prop_map(|(asn, number)| RouteTarget::FourOctetAs { asn, number }),
        any::<([u8; 4], u16)>().prop_map(|(octets, number)| RouteTarget::Ipv4 {
            address: octets.into(),
            number
        }),
    ]
}

proptest! {
    #[test]
    fn route_targets_round_trip(target in any_target()) {
        let text = target.to_string();
        prop_assert!(text.len() <= 21);
        prop_assert_eq!(text.parse::<RouteTarget>().unwrap(), target);
    }
}
