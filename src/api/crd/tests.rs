//! The definitions and the conversion say the same.
//!
//! The rules are evaluated here by a CEL interpreter, over all samples that the conversion
//! refuses, so neither side can be changed alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::*;
use crate::api::convert::tests::rows::{
    Row, l2vni_rows, l3vni_rows, l3vpn_rows, neighbor_rows, passthrough_rows, raw_rows,
    underlay_rows,
};
use crate::api::tests::{
    L3VPN_REFUSED, edited, full_l2vni, full_l3vni, full_l3vpn, full_passthrough, full_raw_config,
    full_underlay, own_faults,
};

fn json_schema(kind: Kind) -> Value {
    serde_json::to_value(schema(kind).unwrap()).unwrap()
}

/// A kind, its full sample, and what is refused in it.
type Sample = (Kind, fn() -> Value, Vec<Row>);

fn samples() -> Vec<Sample> {
    let mut rows = underlay_rows();
    rows.extend(neighbor_rows());
    vec![
        (Kind::Underlay, full_underlay, rows),
        (Kind::L3Vni, full_l3vni, l3vni_rows()),
        (Kind::L2Vni, full_l2vni, l2vni_rows()),
        (Kind::L3Vpn, full_l3vpn, l3vpn_rows()),
        (Kind::L3Passthrough, full_passthrough, passthrough_rows()),
        (Kind::RawFrrConfig, full_raw_config, raw_rows()),
    ]
}

/// The messages of the rules that `object` breaks.
fn broken_rules(schema: &Value, object: &Value, old: Option<&Value>) -> BTreeSet<String> {
    match kube_cel::Validator::new().validate(schema, object, old) {
        Ok(()) => BTreeSet::new(),
        Err(errors) => errors
            .into_vec()
            .into_iter()
            .map(|error| error.message)
            .collect(),
    }
}

/// The messages of all rules below `schema`, each with whether it compares with the old value.
fn rules(schema: &Value, found: &mut BTreeMap<String, bool>) {
    match schema {
        Value::Object(fields) => {
            for rule in fields
                .get("x-kubernetes-validations")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
            {
                let transition = rule["rule"].as_str().unwrap().contains("oldSelf");
                found.insert(rule["message"].as_str().unwrap().to_owned(), transition);
            }
            fields.values().for_each(|field| rules(field, found));
        }
        Value::Array(entries) => entries.iter().for_each(|entry| rules(entry, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn the_samples_break_no_rule() {
    for (kind, sample, _) in samples() {
        assert_eq!(
            broken_rules(&json_schema(kind), &sample(), None),
            BTreeSet::new()
        );
    }
}

#[test]
fn every_broken_rule_is_said_by_the_conversion_and_the_other_way_round() {
    for (kind, sample, rows) in samples() {
        let schema = json_schema(kind);
        let mut all = BTreeMap::new();
        rules(&schema, &mut all);
        for (path, value, _) in rows {
            let object = edited(sample(), path, &value);
            let said = own_faults(object.clone());
            // Of a type that is wrong, CEL says nothing: the schema has refused it before.
            if said
                .iter()
                .any(|fault| fault.contains(" where ") || fault.contains("not known here"))
            {
                continue;
            }
            let broken = broken_rules(&schema, &object, None);
            for rule in &broken {
                assert!(
                    said.iter().any(|fault| fault.contains(rule.as_str())),
                    "{path} = {value} breaks the rule {rule:?}, but the conversion says {said:?}"
                );
            }
            for rule in all
                .keys()
                .filter(|rule| said.iter().any(|fault| fault.ends_with(*rule)))
            {
                assert!(
                    broken.contains(rule),
                    "{path} = {value} keeps the rule {rule:?}, but the conversion says {said:?}"
                );
            }
        }
    }
}

/// All samples, and all that is refused in them, for the tests with a real API server:
/// `PEROUTER_WRITE_GOLDEN=1` writes them anew.
#[test]
fn the_refusals_for_an_api_server_are_those_of_the_conversion() {
    let mut all = Vec::new();
    for (kind, sample, rows) in samples() {
        let refused: Vec<Value> = rows
            .into_iter()
            .map(|(path, value, said)| {
                let object = edited(sample(), path, &value);
                let rules = broken_rules(&json_schema(kind), &object, None);
                json!({"path": path, "object": object, "rules": rules, "said": said})
            })
            .collect();
        all.push(json!({"kind": kind.as_str(), "sample": sample(), "refused": refused}));
    }
    // A refusal a line, so that a change is seen as one.
    let text = serde_json::to_string(&all).unwrap() + "\n";
    let text = text.replace(r#"{"object":"#, "\n{\"object\":");
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kube/refusals.json");
    if std::env::var_os("PEROUTER_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(text == written, "{} is stale", path.display());
}

#[test]
fn every_rule_is_broken_by_some_row() {
    for (kind, sample, rows) in samples() {
        let schema = json_schema(kind);
        let mut unbroken = BTreeMap::new();
        rules(&schema, &mut unbroken);
        // What the lines of the last one may say no rule could tell.
        let least = if kind == Kind::RawFrrConfig { 0 } else { 5 };
        assert!(unbroken.len() >= least, "{kind}: {unbroken:?}");
        unbroken.retain(|_, transition| !*transition);
        for (path, value, _) in rows {
            for rule in broken_rules(&schema, &edited(sample(), path, &value), None) {
                unbroken.remove(&rule);
            }
        }
        assert_eq!(unbroken, BTreeMap::new(), "{kind}: no row breaks these");
    }
}

#[test]
fn the_prefix_of_a_host_session_cannot_change() {
    let kinds: [(_, fn() -> Value, _); 2] = [
        (Kind::L3Vni, full_l3vni, "spec.vni"),
        (Kind::L3Vpn, full_l3vpn, "spec.rdAssignedNumber"),
    ];
    for (kind, sample, other) in kinds {
        let (schema, old) = (json_schema(kind), sample());
        let edit = |path, value| broken_rules(&schema, &edited(sample(), path, &value), Some(&old));
        let changed = edit("spec.hostSession.localCIDR.ipv4", json!("192.169.11.0/24"));
        assert_eq!(changed, ["localCIDR is immutable".to_owned()].into());
        assert_eq!(edit(other, json!(101)), BTreeSet::new());
    }
}

/// A rule that compares the two numbers is none where there is one.
#[test]
fn a_host_may_be_known_by_its_type_alone() {
    for (kind, sample) in [
        (Kind::L3Vni, full_l3vni()),
        (Kind::L3Vpn, full_l3vpn()),
        (Kind::L3Passthrough, full_passthrough()),
    ] {
        let typed = edited(sample, "spec.hostSession.hostASN", &Value::Null);
        let typed = edited(typed, "spec.hostSession.hostType", &json!("Internal"));
        let broken = broken_rules(&json_schema(kind), &typed, None);
        assert_eq!(broken, BTreeSet::new(), "{kind}");
        assert_eq!(own_faults(typed), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn every_kind_has_a_definition() {
    let defined: Vec<Kind> = definitions().iter().map(|(kind, _)| *kind).collect();
    assert_eq!(defined, Kind::ALL);
}

#[test]
fn whoever_asks_what_an_l3vpn_is_reads_that_nothing_is_made_of_it() {
    let described = schema(Kind::L3Vpn).unwrap().description.as_ref().unwrap();
    assert!(described.contains(L3VPN_REFUSED), "{described}");
}

#[test]
fn a_gateway_cannot_change_come_or_go() {
    let schema = json_schema(Kind::L2Vni);
    let without = || edited(full_l2vni(), "spec.gatewayIPs", &Value::Null);
    let other = edited(full_l2vni(), "spec.gatewayIPs", &json!(["10.20.0.2/24"]));
    let immutable: BTreeSet<_> = ["gatewayIPs is immutable".to_owned()].into();
    for (old, new) in [
        (full_l2vni(), other),
        (full_l2vni(), without()),
        (without(), full_l2vni()),
    ] {
        assert_eq!(broken_rules(&schema, &new, Some(&old)), immutable);
    }
    let moved = edited(full_l2vni(), "spec.vni", &json!(111));
    assert_eq!(
        broken_rules(&schema, &moved, Some(&full_l2vni())),
        BTreeSet::new()
    );
}

/// What lies below a part that is refused as a whole has no limits of its own.
const REFUSED_WHOLE: [&str; 5] = ["isis", "srv6", "cniDevice", "l3vpn", "ovsBridge"];

/// Kubernetes' own, with limits of its own.
const NOT_OURS: &str = "nodeSelector";

/// Every number and text below `schema`, by its path in the samples.
fn leaves(path: &str, schema: &JSONSchemaProps, found: &mut Vec<(String, JSONSchemaProps)>) {
    for (field, property) in schema.properties.iter().flatten() {
        if !REFUSED_WHOLE.contains(&field.as_str()) && field != NOT_OURS {
            leaves(&format!("{path}.{field}"), property, found);
        }
    }
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
        leaves(&format!("{path}[0]"), items, found);
    }
    if matches!(schema.type_.as_deref(), Some("integer" | "string")) {
        found.push((path.to_owned(), schema.clone()));
    }
}

#[test]
fn limits_are_those_of_the_conversion() {
    let mut numbers = 0;
    for (kind, sample, _) in samples() {
        let spec = schema(kind)
            .unwrap()
            .properties
            .as_ref()
            .unwrap()
            .get("spec")
            .unwrap();
        let mut found = Vec::new();
        leaves("spec", spec, &mut found);
        for (path, leaf) in found {
            // A field that stands in no sample is put there; one whose parent does not, cannot.
            let at_path = |value: Value| {
                let said = own_faults(edited(sample(), &path, &value));
                said.iter()
                    .any(|fault| fault.starts_with(&format!("{path}: ")))
            };
            if let (Some(min), Some(max)) = (leaf.minimum, leaf.maximum) {
                let (min, max) = (min as i64, max as i64);
                assert!(at_path(json!(min - 1)) && at_path(json!(max + 1)), "{path}");
                assert!(!at_path(json!(min)) && !at_path(json!(max)), "{path}");
                numbers += 1;
            } else if leaf.enum_.is_none() && leaf.type_.as_deref() == Some("integer") {
                assert_eq!(
                    path, "spec.neighbors[0].holdTimeSeconds",
                    "has a rule instead"
                );
            }
            if let Some(max) = leaf.max_length {
                // Some fields may only be alone, and are then refused one level up.
                let said = own_faults(edited(
                    sample(),
                    &path,
                    &json!("a".repeat(max as usize + 1)),
                ));
                assert!(!said.is_empty(), "{path} takes more than {max} letters");
            }
        }
    }
    assert!(numbers >= 12, "only {numbers} limits were found");
}

#[test]
fn the_definitions_serve_people() {
    let names: Vec<_> = definitions()
        .iter()
        .map(|(kind, definition)| {
            assert_eq!(definition.spec.names.kind, kind.as_str());
            assert_eq!(definition.spec.scope, "Namespaced");
            let [version] = definition.spec.versions.as_slice() else {
                panic!("one version")
            };
            assert_eq!(version.name, v1alpha1::VERSION);
            assert!(version.subresources.as_ref().unwrap().status.is_some());
            let columns = version.additional_printer_columns.iter().flatten();
            let columns: Vec<_> = columns.map(|column| column.name.as_str()).collect();
            assert_eq!(columns.last(), Some(&"Age"));
            assert!(columns.contains(&"Ready"), "{columns:?}");
            (
                definition.metadata.name.as_deref().unwrap(),
                definition.spec.names.plural.as_str(),
            )
        })
        .collect();
    assert_eq!(
        names,
        [
            ("underlays.network.openperouter.io", "underlays"),
            ("l3vnis.network.openperouter.io", "l3vnis"),
            ("l2vnis.network.openperouter.io", "l2vnis"),
            ("l3vpns.network.openperouter.io", "l3vpns"),
            ("l3passthroughs.network.openperouter.io", "l3passthroughs"),
            ("rawfrrconfigs.network.openperouter.io", "rawfrrconfigs"),
        ]
    );
    let text = serde_json::to_string(&json_schema(Kind::L3Vni)).unwrap();
    assert!(
        text.contains("Whether the host is in the router's AS"),
        "an enum keeps its field's"
    );
    for file in files().unwrap() {
        for marker in ["nullable", "writeOnly", "uint", "$ref", "anyOf", "oneOf"] {
            assert!(!file.text.contains(marker), "{}: {marker}", file.name);
        }
    }
}
