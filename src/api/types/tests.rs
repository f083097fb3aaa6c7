//! Each word: what it takes, what it refuses and with which message, and its round trip.

use proptest::prelude::*;

use super::*;

/// Reads `text` as a `T` and gives the message of the refusal.
fn refusal<T: FromStr<Err = ValueError> + fmt::Debug>(text: &str) -> String {
    text.parse::<T>().unwrap_err().to_string()
}

#[test]
fn a_vni_has_24_bits_and_is_not_zero() {
    assert_eq!("1".parse::<Vni>().unwrap().get(), 1);
    assert_eq!("16777215".parse::<Vni>().unwrap().get(), Vni::MAX);
    assert_eq!(
        refusal::<Vni>("0"),
        "0 is not a VNI; it must be 1 to 16777215"
    );
    assert_eq!(
        refusal::<Vni>("16777216"),
        "16777216 is not a VNI; it must be 1 to 16777215"
    );
    for bad in ["", "-1", "+1", " 1", "1.0", "red", "99999999999999999999"] {
        assert!(bad.parse::<Vni>().is_err(), "{bad:?}");
    }
    assert!(serde_json::from_str::<Vni>("0").is_err());
    assert_eq!(
        serde_json::to_string(&Vni::try_from(100_u32).unwrap()).unwrap(),
        "100"
    );
}

#[test]
fn an_as_number_has_32_bits_and_is_not_zero() {
    assert_eq!("4294967295".parse::<Asn>().unwrap().get(), u32::MAX);
    assert_eq!(
        refusal::<Asn>("0"),
        "0 is not an AS number; it must be 1 to 4294967295"
    );
    for bad in ["", "-1", "+1", "4294967296", "1.10"] {
        assert!(bad.parse::<Asn>().is_err(), "{bad:?}");
    }
}

#[test]
fn interface_names_follow_the_kernel() {
    for good in [
        "eth0",
        "e",
        "abcdefghijklmno",
        "eth0.100",
        "br-pe-100",
        "@x",
        "...",
    ] {
        assert_eq!(good.parse::<InterfaceName>().unwrap().as_str(), good);
    }
    for bad in [
        "",
        ".",
        "..",
        "a/b",
        "a:b",
        "a b",
        "a\tb",
        "a\nb",
        "abcdefghijklmnop",
        "é",
        "a\0",
    ] {
        assert!(bad.parse::<InterfaceName>().is_err(), "{bad:?}");
    }
    assert_eq!(
        refusal::<InterfaceName>("a/b"),
        "\"a/b\" is not an interface name; it must have 1 to 15 printable ASCII characters \
         without spaces, '/' or ':', and not be '.' or '..'"
    );
}

#[test]
fn vrf_names_follow_the_pattern() {
    for good in ["red", "R-2_x", "abcdefghijklmno"] {
        assert_eq!(good.parse::<VrfName>().unwrap().as_str(), good);
    }
    for bad in [
        "",
        "1red",
        "-red",
        "_red",
        "re d",
        "re.d",
        "red\n",
        "abcdefghijklmnop",
        "röd",
    ] {
        assert!(bad.parse::<VrfName>().is_err(), "{bad:?}");
    }
    assert_eq!(
        refusal::<VrfName>("1red"),
        "\"1red\" is not a VRF name; it must have 1 to 15 letters, digits, '_' or '-', and \
         begin with a letter"
    );
}

#[test]
fn kinds_read_as_they_print() {
    for kind in Kind::ALL {
        assert_eq!(kind.to_string().parse::<Kind>().unwrap(), kind);
        let json = serde_json::to_value(kind).unwrap();
        assert_eq!(json, kind.as_str(), "serde and Display must agree");
    }
    assert_eq!(
        refusal::<Kind>("L3Vni"),
        "\"L3Vni\" is not a known kind; known are Underlay, L3VNI, L2VNI, L3VPN, \
         L3Passthrough, RawFRRConfig"
    );
}

#[test]
fn object_keys_read_as_they_print() {
    let key: ObjectKey = "L3VNI default/red".parse().unwrap();
    assert_eq!(key.kind, Kind::L3Vni);
    assert_eq!(
        (key.namespace.as_str(), key.name.as_str()),
        ("default", "red")
    );
    assert_eq!(key.to_string(), "L3VNI default/red");
    for bad in [
        "",
        "L3VNI",
        "L3VNI red",
        "L3VNI /red",
        "L3VNI default/",
        "X default/red",
        "L3VNI a/b/c",
    ] {
        assert!(bad.parse::<ObjectKey>().is_err(), "{bad:?}");
    }
}

#[test]
fn a_secret_shows_nothing() {
    let secret = Secret::new("hunter2".into());
    assert_eq!(secret.expose(), "hunter2");
    for shown in [
        format!("{secret:?}"),
        format!("{secret:#?}"),
        format!("{:?}", Some(&secret)),
    ] {
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains('7'), "not even its length: {shown}");
    }
}

proptest! {
    #[test]
    fn vnis_round_trip(number in 1..=Vni::MAX) {
        let vni = Vni::try_from(number).unwrap();
        prop_assert_eq!(vni.to_string().parse::<Vni>().unwrap(), vni);
        let json = serde_json::to_string(&vni).unwrap();
        prop_assert_eq!(serde_json::from_str::<Vni>(&json).unwrap(), vni);
    }

    #[test]
    fn as_numbers_round_trip(number in 1..=u32::MAX) {
        let asn = Asn::try_from(number).unwrap();
        prop_assert_eq!(asn.to_string().parse::<Asn>().unwrap(), asn);
    }

    #[test]
    fn every_vrf_name_is_an_interface_name(name in "[a-zA-Z][a-zA-Z0-9_-]{0,14}") {
        let vrf: VrfName = name.parse().unwrap();
        prop_assert_eq!(InterfaceName::from(vrf), name.parse::<InterfaceName>().unwrap());
    }

    #[test]
    fn no_name_can_break_out_of_a_command(text in any::<String>()) {
        if let Ok(name) = text.parse::<InterfaceName>() {
            prop_assert!(!name.as_str().contains(char::is_whitespace));
            prop_assert!(!name.as_str().contains(char::is_control));
        }
    }
}
