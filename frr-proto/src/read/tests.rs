use super::*;

#[test]
fn vrfs_without_a_vni_and_unknown_fields_are_passed_over() {
    let json = r#"{"frr-interface:lib": {}, "frr-vrf:lib": {"vrf": [
        {"name": "default"},
        {"name": "blue", "frr-zebra:zebra": {"prefix-only": true}},
        {"name": "red", "frr-zebra:zebra": {"l3vni-id": 100}, "new": 1}
    ]}}"#;
    let red = ("red".to_owned(), Vni::new(100).unwrap());
    assert_eq!(parse_vrf_vnis(json).unwrap(), VrfVnis::from([red]));
    assert_eq!(parse_vrf_vnis("{}").unwrap(), VrfVnis::new());
}

#[test]
fn an_error_says_where_it_is() {
    let json = r#"{"frr-vrf:lib": {"vrf": [{"name": "a"}, {"name": "b",
        "frr-zebra:zebra": {"l3vni-id": 0}}]}}"#;
    let error = parse_vrf_vnis(json).unwrap_err();
    assert_eq!(
        error.path().to_string(),
        "frr-vrf:lib.vrf[1].frr-zebra:zebra.l3vni-id"
    );
    assert!(
        error
            .to_string()
            .contains("a VNI is between 1 and 16777215, not 0"),
        "{error}"
    );
}

#[test]
fn route_maps_have_entries_by_number() {
    let json = r#"{"frr-route-map:lib": {"route-map": [{"name": "allowall", "entry": [
        {"sequence": 1, "action": "permit"}, {"sequence": 2, "action": "deny"}]}]}}"#;
    let entries = BTreeMap::from([(1, Action::Permit), (2, Action::Deny)]);
    assert_eq!(
        parse_route_maps(json).unwrap(),
        RouteMaps::from([("allowall".into(), entries)])
    );
}
