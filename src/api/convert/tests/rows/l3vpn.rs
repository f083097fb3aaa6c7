//! What is refused in an L3VPN, beside that it is one.

use serde_json::{Value, json};

use super::Row;
use super::l3vni::session_rows;

/// What is refused in an L3VPN.
pub(in crate::api) fn l3vpn_rows() -> Vec<Row> {
    let mut rows = vrf_rows();
    rows.extend(target_rows());
    rows.extend(session_rows());
    rows
}

fn vrf_rows() -> Vec<Row> {
    vec![
        (
            "spec.nodeSelector",
            json!({"matchLabels": {"-rack": "1"}}),
            &[
                "spec.nodeSelector.matchLabels.-rack: \"-rack\" is not the key of a label; it must \
               have 1 to 63 letters, digits, '-', '_' or '.', with a letter or digit at either \
               end, after a DNS name and a '/' if need be",
            ],
        ),
        (
            "spec.vrf",
            json!("a.b"),
            &[
                "spec.vrf: \"a.b\" is not a VRF name; it must have 1 to 15 letters, digits, '_' or \
               '-', and begin with a letter",
            ],
        ),
        (
            "spec.vrf",
            json!("a-name-too-long-"),
            &[
                "spec.vrf: \"a-name-too-long-\" is not a VRF name; it must have 1 to 15 letters, \
               digits, '_' or '-', and begin with a letter",
            ],
        ),
        ("spec.vrf", Value::Null, &["spec.vrf: is missing"]),
        (
            "spec.rdAssignedNumber",
            json!(0),
            &["spec.rdAssignedNumber: 0 is out of range; it must be 1 to 65535"],
        ),
        (
            "spec.rdAssignedNumber",
            json!(65536),
            &["spec.rdAssignedNumber: 65536 is out of range; it must be 1 to 65535"],
        ),
        (
            "spec.rdAssignedNumber",
            json!("100"),
            &["spec.rdAssignedNumber: a text where a whole number is expected"],
        ),
        (
            "spec.rdAssignedNumber",
            Value::Null,
            &["spec.rdAssignedNumber: is missing"],
        ),
        ("spec.vni", json!(100), &["spec.vni: unknown field"]),
    ]
}

fn target_rows() -> Vec<Row> {
    vec![
        (
            "spec.importRTs",
            Value::Null,
            &["spec.importRTs: is missing"],
        ),
        (
            "spec.importRTs",
            json!([]),
            &["spec.importRTs: has 0 entries; it must have 1 to 100"],
        ),
        (
            "spec.importRTs",
            Value::from(vec!["1:1"; 101]),
            &["spec.importRTs: has 101 entries; it must have 1 to 100"],
        ),
        (
            "spec.exportRTs",
            Value::from(vec!["1:1"; 101]),
            &["spec.exportRTs: has 101 entries; it must have 0 to 100"],
        ),
        (
            "spec.exportRTs",
            json!(["64514:100", "64514"]),
            &[
                "spec.exportRTs[1]: \"64514\" is not a route target; it must be ASN:number with an \
               AS number up to 65535 and a number up to 4294967295, or ASN:number with a larger \
               AS number and a number up to 65535, or A.B.C.D:number with a number up to 65535",
            ],
        ),
    ]
}
