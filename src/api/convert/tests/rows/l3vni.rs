//! What is refused in an L3VNI: a field, another value for it, and what is then said.

use serde_json::{Value, json};

use super::Row;

/// What is refused in an L3VNI.
pub(in crate::api) fn l3vni_rows() -> Vec<Row> {
    let mut rows = vrf_rows();
    rows.extend(session_rows());
    rows
}

/// What is refused in the session with a host that a VRF has.
pub(super) fn session_rows() -> Vec<Row> {
    let mut rows = host_session_rows();
    rows.extend(allowed_rows());
    rows
}

fn vrf_rows() -> Vec<Row> {
    vec![
        (
            "spec.nodeSelector",
            json!({"matchExpressions": [
                {"key": "rack", "operator": "Exists", "values": ["a"]},
                {"key": "rack", "operator": "In"},
                {"key": "rack", "operator": "Lt", "values": ["3"]},
            ]}),
            &[
                "spec.nodeSelector.matchExpressions[0].values: operators Exists and DoesNotExist \
               have no values",
                "spec.nodeSelector.matchExpressions[1].values: operators In and NotIn need values",
                "spec.nodeSelector.matchExpressions[2].operator: \"Lt\" is not known here; it must \
               be one of In, NotIn, Exists, DoesNotExist",
            ],
        ),
        (
            "spec.vrf",
            json!("1red"),
            &[
                "spec.vrf: \"1red\" is not a VRF name; it must have 1 to 15 letters, digits, '_' or \
               '-', and begin with a letter",
            ],
        ),
        ("spec.vrf", Value::Null, &["spec.vrf: is missing"]),
        (
            "spec.vni",
            json!(0),
            &["spec.vni: 0 is not a VNI; it must be 1 to 16777215"],
        ),
        (
            "spec.vni",
            json!(16_777_216),
            &["spec.vni: 16777216 is not a VNI; it must be 1 to 16777215"],
        ),
        (
            "spec.vni",
            json!(99_999_999_999_i64),
            &["spec.vni: 99999999999 is out of range; it must be -2147483648 to 2147483647"],
        ),
        (
            "spec.vni",
            json!("100"),
            &["spec.vni: a text where a whole number is expected"],
        ),
        (
            "spec.vni",
            json!(1.5),
            &["spec.vni: a number with a fraction where a whole number is expected"],
        ),
        (
            "spec.vni",
            json!([100]),
            &["spec.vni: a list where a whole number is expected"],
        ),
        (
            "spec.vxlanPort",
            json!(65536),
            &["spec.vxlanPort: 65536 is out of range; it must be 1 to 65535"],
        ),
        (
            "spec.vxlanPort",
            json!(0),
            &["spec.vxlanPort: 0 is out of range; it must be 1 to 65535"],
        ),
        (
            "spec.underlayAddressFamily",
            json!("ipv4"),
            &[
                "spec.underlayAddressFamily: \"ipv4\" is not known here; it must be one of IPv4, \
               IPv6",
            ],
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
        (
            "spec.importRTs",
            Value::from(vec!["1:1"; 101]),
            &["spec.importRTs: has 101 entries; it must have 0 to 100"],
        ),
        (
            "spec.importRTs",
            json!("1:1"),
            &["spec.importRTs: a text where a list is expected"],
        ),
        (
            "spec.importRTs",
            json!([11]),
            &["spec.importRTs[0]: a number where a text is expected; put it in quotes"],
        ),
        (
            "spec.exportRts",
            json!([]),
            &["spec.exportRts: unknown field; did you mean exportRTs or importRTs?"],
        ),
        ("spec.colour", json!("red"), &["spec.colour: unknown field"]),
    ]
}

fn host_session_rows() -> Vec<Row> {
    vec![
        (
            "spec.hostSession.asn",
            json!(0),
            &["spec.hostSession.asn: 0 is not an AS number; it must be 1 to 4294967295"],
        ),
        (
            "spec.hostSession.hostASN",
            json!(4_294_967_296_i64),
            &[
                "spec.hostSession.hostASN: 4294967296 is not an AS number; it must be 1 to \
               4294967295",
            ],
        ),
        (
            "spec.hostSession.hostASN",
            Value::Null,
            &["spec.hostSession: exactly one of hostASN and hostType must be set"],
        ),
        (
            "spec.hostSession.hostType",
            json!("Internal"),
            &["spec.hostSession: exactly one of hostASN and hostType must be set"],
        ),
        (
            "spec.hostSession.hostASN",
            json!(64514),
            &["spec: hostASN must differ from asn"],
        ),
        (
            "spec.hostSession.localCIDR",
            json!({}),
            &["spec.hostSession.localCIDR: at least one of ipv4 and ipv6 must be set"],
        ),
        (
            "spec.hostSession.localCIDR",
            Value::Null,
            &["spec.hostSession.localCIDR: is missing"],
        ),
        (
            "spec.hostSession.localCIDR.ipv4",
            json!("192.169.10.0"),
            &[
                "spec.hostSession.localCIDR.ipv4: \"192.169.10.0\" must be an IPv4 prefix, such as \
               192.168.10.0/24",
            ],
        ),
        (
            "spec.hostSession.localCIDR.ipv6",
            json!("192.0.2.0/24"),
            &[
                "spec.hostSession.localCIDR.ipv6: \"192.0.2.0/24\" must be an IPv6 prefix, such as \
               2001:db8::/64",
            ],
        ),
        (
            "spec.hostSession.bfd",
            json!({}),
            &["spec.hostSession.bfd: unknown field"],
        ),
    ]
}

/// What is refused in the list of prefixes that the host may announce.
fn allowed_rows() -> Vec<Row> {
    const LENGTHS: &str = "spec.hostSession.allowedPrefixes.in[0]: minLength and maxLength must \
        lie between the length of the prefix and that of an address, and minLength must not \
        exceed maxLength";
    let first = "spec.hostSession.allowedPrefixes.in[0]";
    vec![
        (
            "spec.hostSession.allowedPrefixes.in[0].prefix",
            json!("10.0.0.0"),
            &[
                "spec.hostSession.allowedPrefixes.in[0].prefix: \"10.0.0.0\" must be an IP prefix, \
                 such as 172.16.0.0/12",
            ],
        ),
        (
            "spec.hostSession.allowedPrefixes.in[0].prefix",
            json!("::ffff:10.0.0.0/104"),
            &[
                "spec.hostSession.allowedPrefixes.in[0].prefix: \"::ffff:10.0.0.0/104\" must be an \
                 IP prefix, such as 172.16.0.0/12",
            ],
        ),
        (
            "spec.hostSession.allowedPrefixes.out[0].prefix",
            Value::Null,
            &["spec.hostSession.allowedPrefixes.out[0].prefix: is missing"],
        ),
        (
            "spec.hostSession.allowedPrefixes.in[0].maxLength",
            json!(129),
            &[
                "spec.hostSession.allowedPrefixes.in[0].maxLength: 129 is out of range; it must be \
                 0 to 128",
            ],
        ),
        (
            "spec.hostSession.allowedPrefixes.in",
            Value::from(vec![json!({"prefix": "10.0.0.0/8"}); 257]),
            &["spec.hostSession.allowedPrefixes.in: has 257 entries; it must have 0 to 256"],
        ),
        // Shorter than the prefix, as the least and as the most.
        (
            first,
            json!({"prefix": "10.0.0.0/8", "minLength": 7, "maxLength": 24}),
            &[LENGTHS],
        ),
        (
            first,
            json!({"prefix": "10.0.0.0/8", "maxLength": 7}),
            &[LENGTHS],
        ),
        // The least above the most.
        (
            first,
            json!({"prefix": "10.0.0.0/8", "minLength": 25, "maxLength": 24}),
            &[LENGTHS],
        ),
        // Longer than an address.
        (
            first,
            json!({"prefix": "10.0.0.0/8", "maxLength": 33}),
            &[LENGTHS],
        ),
        (
            first,
            json!({"prefix": "10.0.0.0/8", "minLength": 33}),
            &[LENGTHS],
        ),
        (
            "spec.hostSession.allowedPrefixes.in[0].maxlength",
            json!(24),
            &[
                "spec.hostSession.allowedPrefixes.in[0].maxlength: unknown field; did you mean \
                 maxLength or minLength?",
            ],
        ),
    ]
}
