use super::*;

#[test]
fn what_could_leave_its_quotes_is_refused() {
    let leaves_quotes = [
        "a'b", "a\"b", "a[b", "a]b", "a b", "a\nb", "a\0b", "a=b", "ä", "a\\",
    ];
    for wrong in leaves_quotes {
        is_no_name::<VrfName>(wrong);
        is_no_name::<RouteMapName>(wrong);
        is_no_name::<PrefixListName>(wrong);
        is_no_name::<ProfileName>(wrong);
    }
}

/// The range of a group of peers is part of what is named after it.
#[test]
fn a_slash_is_for_what_is_named_after_a_prefix() {
    is_no_name::<VrfName>("a/b");
    is_no_name::<RouteMapName>("a/b");
    assert!("neighbor-10.0.0.0/24".parse::<ProfileName>().is_ok());
    assert!("10.0.0.0/24".parse::<PrefixListName>().is_ok());
}

#[track_caller]
fn is_no_name<T: FromStr<Err = NameError> + fmt::Debug>(text: &str) {
    let parsed = text.parse::<T>();
    assert!(
        matches!(parsed, Err(NameError::Character { .. })),
        "{text:?}: {parsed:?}"
    );
}

#[test]
fn lengths_are_those_of_the_kernel_and_of_yang() {
    assert!("a".repeat(15).parse::<VrfName>().is_ok());
    assert!(matches!(
        "a".repeat(16).parse::<VrfName>(),
        Err(NameError::TooLong { .. })
    ));
    assert!("a".repeat(64).parse::<ProfileName>().is_ok());
    assert!("a".repeat(65).parse::<ProfileName>().is_err());
    assert_eq!("".parse::<VrfName>(), Err(NameError::Empty { what: "VRF" }));
}

#[test]
fn names_in_use_are_names() {
    assert_eq!(
        "neighbor-2001:db8::1"
            .parse::<ProfileName>()
            .unwrap()
            .as_str()
            .len(),
        20
    );
    assert_eq!(
        "tenant_1.a-b".parse::<VrfName>().unwrap().to_string(),
        "tenant_1.a-b"
    );
}

#[test]
fn a_vni_has_24_bits_and_is_not_0() {
    assert_eq!(Vni::new(0), Err(VniError(0)));
    assert_eq!(Vni::new(16_777_216), Err(VniError(16_777_216)));
    assert_eq!(Vni::new(16_777_215).unwrap().get(), 16_777_215);
    assert_eq!(
        VniError(0).to_string(),
        "a VNI is between 1 and 16777215, not 0"
    );
}
