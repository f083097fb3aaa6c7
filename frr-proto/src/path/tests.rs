use super::*;

#[test]
fn what_harms_or_says_nothing_is_no_path() {
    for wrong in [
        "",
        "/",
        "//",
        "/:",
        "/lib",
        "frr-vrf:lib",
        "/frr-vrf:",
        "/'x':y",
        "/1a:lib",
    ] {
        assert_eq!(
            wrong.parse::<DataPath>(),
            Err(PathError::NoModule(wrong.to_owned()))
        );
    }
    for wrong in ["/frr-vrf:lib\n", "/frr-vrf:li\0b"] {
        assert_eq!(
            wrong.parse::<DataPath>(),
            Err(PathError::Control(wrong.to_owned()))
        );
    }
}

#[test]
fn typed_paths_are_paths() {
    let vrf = "red".parse().unwrap();
    let map = "allowall".parse().unwrap();
    let profile = "neighbor-10.0.0.1".parse().unwrap();
    for path in [
        DataPath::vrfs(),
        DataPath::l3vni(&vrf),
        DataPath::route_maps(),
        DataPath::route_map_entry(&map, 1),
        DataPath::bfd(),
        DataPath::bfd_profile(&profile),
    ] {
        assert_eq!(path.as_str().parse(), Ok(path.clone()));
    }
    assert_eq!(
        DataPath::l3vni(&vrf).as_str(),
        "/frr-vrf:lib/vrf[name='red']/frr-zebra:zebra/l3vni-id"
    );
}
