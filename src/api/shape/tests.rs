//! Suggestions for misspelt fields, and nulls.

use serde_json::json;

use super::*;

#[test]
fn misspelt_names_find_the_right_ones() {
    let known = [
        "asn",
        "vni",
        "vrf",
        "vxlanPort",
        "hostSession",
        "exportRTs",
        "importRTs",
    ];
    let suggestions = |found: &str| nearest(found, known.into_iter());
    assert_eq!(suggestions("vxlanport"), ["vxlanPort"]);
    assert_eq!(suggestions("vxlan"), ["vxlanPort"]);
    assert_eq!(suggestions("hostsesion"), ["hostSession"]);
    assert_eq!(suggestions("importRT"), ["importRTs", "exportRTs"]);
    assert_eq!(suggestions("colour"), Vec::<String>::new());
    assert_eq!(suggestions(""), Vec::<String>::new());
}

#[test]
fn edits_are_counted() {
    for (from, to, edits) in [
        ("", "", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("a", "a", 0),
    ] {
        assert_eq!(edit_distance(from, to), edits, "{from} {to}");
        assert_eq!(edit_distance(to, from), edits, "{to} {from}");
    }
}

#[test]
fn nulls_of_objects_are_dropped_and_those_of_lists_stay() {
    let mut value = json!({"a": null, "b": [null, {"c": null, "d": 1}]});
    drop_nulls(&mut value);
    assert_eq!(value, json!({"b": [null, {"d": 1}]}));
}
