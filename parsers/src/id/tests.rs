//! Every form FRR writes, and what is none of them.

use super::*;

#[test]
fn vnis_have_24_bits() {
    assert_eq!(Vni::new(0), None);
    assert_eq!(Vni::new(0x0100_0000), None);
    assert_eq!("16777215".parse::<Vni>().unwrap().get(), 0x00ff_ffff);
    assert!("0".parse::<Vni>().is_err());
    assert!(serde_json::from_str::<Vni>("16777216").is_err());
}

#[test]
fn as_numbers_are_plain_or_dotted() {
    assert_eq!("4200000000".parse(), Ok(Asn(4_200_000_000)));
    assert_eq!("1.10".parse(), Ok(Asn(65546)));
    assert_eq!(serde_json::from_str::<Asn>("\"1.10\"").unwrap(), Asn(65546));
    assert_eq!(serde_json::from_str::<Asn>("64512").unwrap(), Asn(64512));
    assert!(serde_json::from_str::<Asn>("4294967296").is_err());
}

#[test]
fn the_three_types_of_assigned_numbers() {
    let parse = |text: &str| text.parse::<Assigned>();
    assert_eq!(parse("64514:100"), Ok(Assigned::As2(64514, 100)));
    assert_eq!(
        parse("64514:4000000000"),
        Ok(Assigned::As2(64514, 4_000_000_000))
    );
    assert_eq!(
        parse("10.0.0.1:2"),
        Ok(Assigned::Ip(Ipv4Addr::new(10, 0, 0, 1), 2))
    );
    assert_eq!(parse("4200000000:7"), Ok(Assigned::As4(4_200_000_000, 7)));
    assert_eq!(parse("1.10:7"), Ok(Assigned::As4(65546, 7)));
    for text in [
        "",
        "1",
        "1:",
        ":1",
        "1:2:3",
        "4200000000:65536",
        "10.0.0.1:65536",
        "a:b",
    ] {
        assert!(parse(text).is_err(), "{text}");
    }
    for text in ["64514:100", "10.0.0.1:2", "4200000000:7"] {
        assert_eq!(parse(text).unwrap().to_string(), text);
    }
}

#[test]
fn an_unknown_distinguisher_is_kept() {
    let text = "Unknown Type: 9";
    let rd: RouteDistinguisher = text.parse().unwrap();
    assert_eq!(rd, RouteDistinguisher::Other(text.into()));
    assert_eq!(rd.to_string(), text);
}

#[test]
fn an_import_target_may_leave_the_as_open() {
    let any: ImportTarget = "*:100".parse().unwrap();
    assert!(any.matches("64514:100".parse().unwrap()));
    assert!(any.matches("10.0.0.1:100".parse().unwrap()));
    assert!(!any.matches("64514:101".parse().unwrap()));
    let exact: ImportTarget = "64514:100".parse().unwrap();
    assert!(exact.matches("64514:100".parse().unwrap()));
    assert!(!exact.matches("64515:100".parse().unwrap()));
    assert_eq!(
        (any.to_string(), exact.to_string()),
        ("*:100".into(), "64514:100".into())
    );
}

#[test]
fn router_macs() {
    let mac: RouterMac = "f2:b3:e2:88:2e:0b".parse().unwrap();
    assert_eq!(mac, RouterMac([0xf2, 0xb3, 0xe2, 0x88, 0x2e, 0x0b]));
    assert_eq!(mac.to_string(), "f2:b3:e2:88:2e:0b");
    for text in [
        "None",
        "f2:b3:e2:88:2e",
        "f2:b3:e2:88:2e:0b:00",
        "f2:b3:e2:88:2e:+b",
    ] {
        assert!(text.parse::<RouterMac>().is_err(), "{text}");
    }
}
