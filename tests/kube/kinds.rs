//! Our kinds as people meet them: what is filled in, what is shown, what is explained.

use serde_json::json;

use crate::bed::{Bed, NAMESPACE, l3vni, l3vpn, underlay};

/// The kinds, each with its short name.
const KINDS: [(&str, &str); 6] = [
    ("underlays", "ul"),
    ("l3vnis", "l3v"),
    ("l2vnis", "l2v"),
    ("l3vpns", "vpn"),
    ("l3passthroughs", "l3p"),
    ("rawfrrconfigs", "rfc"),
];

#[test]
fn what_is_left_out_is_filled_in() {
    let bed = Bed::new();
    let mut underlay = underlay();
    underlay["spec"]["gracefulRestart"] = json!({});
    for object in [l3vni("red", 100), underlay.to_string()] {
        bed.feed(&["apply", "-f", "-"], &object);
    }
    let field = |object: &str, path: &str| {
        let path = format!("jsonpath={{{path}}}");
        bed.run(&["-n", NAMESPACE, "get", object, "-o", &path])
    };
    assert_eq!(field("l3vni/red", ".spec.vxlanPort"), "4789");
    assert_eq!(
        field("underlay/fabric", ".spec.routerIDCIDR"),
        "10.0.0.0/24"
    );
    let restart = ".spec.gracefulRestart.restartTimeSeconds";
    assert_eq!(field("underlay/fabric", restart), "120");
}

#[test]
fn the_columns_tell_what_matters() {
    let bed = Bed::new();
    bed.feed(&["apply", "-f", "-"], &l3vni("red", 100));
    let status = json!({"status": {"conditions": [{
        "type": "Ready",
        "status": "False",
        "reason": "VerificationFailed",
        "message": "host-session 192.169.10.2: expected Established; seen: Connect",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
        "observedGeneration": 1,
    }]}});
    bed.run(&[
        "-n",
        NAMESPACE,
        "patch",
        "l3vni/red",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status.to_string(),
    ]);
    let shown = bed.run(&["-n", NAMESPACE, "get", "l3v"]);
    let mut lines = shown.lines().map(|line| line.split_whitespace());
    let titles: Vec<&str> = lines.next().unwrap().collect();
    assert_eq!(titles, ["NAME", "VRF", "VNI", "READY", "REASON", "AGE"]);
    let values: Vec<&str> = lines.next().unwrap().take(5).collect();
    assert_eq!(values, ["red", "red", "100", "False", "VerificationFailed"]);
}

#[test]
fn of_an_l3vpn_is_shown_what_it_is_and_said_that_it_is_refused() {
    let bed = Bed::new();
    bed.feed(&["apply", "-f", "-"], &l3vpn("violet").to_string());
    let shown = bed.run(&["-n", NAMESPACE, "get", "vpn"]);
    let mut lines = shown.lines().map(|line| line.split_whitespace());
    let titles: Vec<&str> = lines.next().unwrap().collect();
    assert_eq!(titles, ["NAME", "VRF", "RD", "READY", "REASON", "AGE"]);
    let values: Vec<&str> = lines.next().unwrap().take(3).collect();
    assert_eq!(values, ["violet", "violet", "100"]);
    let said = bed.run(&["explain", "l3vpn"]);
    let words: Vec<&str> = said.split_whitespace().collect();
    let words = words.join(" ");
    assert!(
        words.contains("VRFs over SRv6 are not supported yet"),
        "{said}"
    );
}

#[test]
fn everything_is_explained() {
    let bed = Bed::new();
    for (kind, _) in KINDS {
        let said = bed.run(&["explain", kind, "--recursive=false"]);
        assert!(said.contains("DESCRIPTION:"), "{said}");
        for field in fields(&bed, kind, "spec") {
            let said = bed.run(&["explain", &format!("{kind}.spec.{field}")]);
            let (_, description) = said.split_once("DESCRIPTION:").unwrap();
            let first = description.lines().nth(1).unwrap_or_default().trim();
            assert!(
                !first.is_empty() && first != "<empty>",
                "{kind}.spec.{field}: {said}"
            );
        }
    }
}

/// The names of the fields below a field, as `kubectl explain` lists them.
fn fields(bed: &Bed, kind: &str, field: &str) -> Vec<String> {
    let said = bed.run(&["explain", &format!("{kind}.{field}")]);
    let (_, fields) = said.split_once("FIELDS:").unwrap();
    let names = fields.lines().filter_map(|line| {
        let (name, _) = line.strip_prefix("  ")?.split_once("\t<")?;
        Some(name.to_owned())
    });
    let names: Vec<String> = names.collect();
    assert!(!names.is_empty(), "{said}");
    names
}

#[test]
fn short_names_and_the_category_lead_to_the_kinds() {
    let bed = Bed::new();
    let known = bed.run(&["api-resources", "--api-group=network.openperouter.io"]);
    for (kind, short) in KINDS {
        let line = known.lines().find(|line| line.starts_with(kind)).unwrap();
        let mut words = line.split_whitespace().skip(1);
        assert_eq!(words.next(), Some(short), "{line}");
        bed.run(&["-n", NAMESPACE, "get", short]);
    }
    bed.feed(&["apply", "-f", "-"], &l3vni("red", 100));
    let all = bed.run(&["-n", NAMESPACE, "get", "perouter"]);
    assert!(all.contains("red"), "{all}");
}
