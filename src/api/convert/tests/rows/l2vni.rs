//! What is refused in an L2VNI and in an L3Passthrough.

use serde_json::{Value, json};

use super::Row;

/// What is refused in an L2VNI.
pub(in crate::api) fn l2vni_rows() -> Vec<Row> {
    let mut rows = segment_rows();
    rows.extend(domain_rows());
    rows.extend(master_rows());
    rows.extend(gateway_rows());
    rows
}

fn segment_rows() -> Vec<Row> {
    vec![
        (
            "spec.vni",
            json!(0),
            &["spec.vni: 0 is not a VNI; it must be 1 to 16777215"],
        ),
        ("spec.vni", Value::Null, &["spec.vni: is missing"]),
        (
            "spec.vxlanPort",
            json!(65536),
            &["spec.vxlanPort: 65536 is out of range; it must be 1 to 65535"],
        ),
        ("spec.vrf", json!("red"), &["spec.vrf: unknown field"]),
        (
            "spec.nodeSelector",
            json!({"matchExpressions": [{"key": "", "operator": "DoesNotExist"}]}),
            &[
                "spec.nodeSelector.matchExpressions[0].key: \"\" is not the key of a label; it must \
               have 1 to 63 letters, digits, '-', '_' or '.', with a letter or digit at either \
               end, after a DNS name and a '/' if need be",
            ],
        ),
    ]
}

fn domain_rows() -> Vec<Row> {
    vec![
        (
            "spec.routingDomain",
            Value::Null,
            &["spec: gatewayIPs needs routingDomain"],
        ),
        (
            "spec.routingDomain",
            json!({"type": "L3VNI"}),
            &["spec.routingDomain: type L3VNI needs l3vni alone, and type L3VPN needs l3vpn alone"],
        ),
        (
            "spec.routingDomain",
            json!({"type": "L3VNI", "l3vni": {"name": ""}}),
            &[
                "spec.routingDomain.l3vni.name: \"\" is not a name; it must have 1 to 253 lower-case \
               letters, digits, '-' or '.', and begin and end with a letter or digit",
            ],
        ),
        (
            "spec.routingDomain",
            json!({"type": "L3VPN", "l3vpn": {"name": "red"}}),
            &["spec.routingDomain.l3vpn: VRFs over SRv6 are not supported yet"],
        ),
        (
            "spec.routingDomain",
            json!({"type": "L4", "l3vni": {"name": "red"}}),
            &["spec.routingDomain.type: \"L4\" is not known here; it must be one of L3VNI, L3VPN"],
        ),
    ]
}

fn master_rows() -> Vec<Row> {
    vec![
        (
            "spec.hostMaster",
            json!({"type": "LinuxBridge"}),
            &[
                "spec.hostMaster: type LinuxBridge needs linuxBridge alone, and type OVSBridge \
               needs ovsBridge alone",
            ],
        ),
        (
            "spec.hostMaster",
            json!({"type": "OVSBridge", "ovsBridge": {"lifecycle": "Managed"}}),
            &["spec.hostMaster.ovsBridge: bridges of Open vSwitch are not supported yet"],
        ),
        (
            "spec.hostMaster.linuxBridge",
            json!({"lifecycle": "Managed", "name": "br0"}),
            &[
                "spec.hostMaster.linuxBridge: lifecycle External needs the name of a bridge, and \
               lifecycle Managed has none",
            ],
        ),
        (
            "spec.hostMaster.linuxBridge.name",
            json!("0br"),
            &[
                "spec.hostMaster.linuxBridge.name: \"0br\" must have letters, digits, '.', '_' or \
               '-' only, and begin with a letter",
            ],
        ),
    ]
}

fn gateway_rows() -> Vec<Row> {
    vec![
        (
            "spec.gatewayIPs",
            json!(["10.20.0.1"]),
            &[
                "spec.gatewayIPs[0]: \"10.20.0.1\" must be IP addresses with the length of their \
               subnet, such as 192.168.10.1/24",
            ],
        ),
        (
            "spec.gatewayIPs",
            json!(["10.20.0.1/24", "10.21.0.1/24"]),
            &["spec.gatewayIPs: at most one IPv4 address is allowed"],
        ),
        (
            "spec.gatewayIPs",
            json!(["fd00:20::1/64", "fd00:21::1/64"]),
            &["spec.gatewayIPs: at most one IPv6 address is allowed"],
        ),
        (
            "spec.gatewayIPs",
            json!(["10.20.0.1/24", "fd00:20::1/64", "fd00:21::1/64"]),
            &[
                "spec.gatewayIPs: has 3 entries; it must have 0 to 2",
                "spec.gatewayIPs: at most one IPv6 address is allowed",
            ],
        ),
        (
            "spec.gatewayIPs",
            json!(["224.0.0.1/24", "::1/64"]),
            &[
                "spec.gatewayIPs[0]: \"224.0.0.1/24\" is not the address of a host",
                "spec.gatewayIPs[1]: \"::1/64\" is not the address of a host",
            ],
        ),
        (
            "spec.gatewayIPs",
            json!(["::ffff:10.20.0.1/120"]),
            &[
                "spec.gatewayIPs[0]: \"::ffff:10.20.0.1/120\" must be IP addresses with the length \
               of their subnet, such as 192.168.10.1/24",
            ],
        ),
    ]
}

/// What is refused in an L3Passthrough; what its session has in common with that of an L3VNI
/// stands there.
pub(in crate::api) fn passthrough_rows() -> Vec<Row> {
    vec![
        (
            "spec.hostSession",
            Value::Null,
            &["spec.hostSession: is missing"],
        ),
        (
            "spec.hostSession.hostType",
            json!("External"),
            &["spec.hostSession: exactly one of hostASN and hostType must be set"],
        ),
        (
            "spec.hostSession.localCIDR",
            json!({}),
            &["spec.hostSession.localCIDR: at least one of ipv4 and ipv6 must be set"],
        ),
        (
            "spec.hostSession.localCIDR.ipv4",
            json!("fd00::/64"),
            &[
                "spec.hostSession.localCIDR.ipv4: \"fd00::/64\" must be an IPv4 prefix, such as \
               192.168.10.0/24",
            ],
        ),
        (
            "spec.hostSession.localCIDR.ipv6",
            json!("10.0.0.0/24"),
            &[
                "spec.hostSession.localCIDR.ipv6: \"10.0.0.0/24\" must be an IPv6 prefix, such as \
               2001:db8::/64",
            ],
        ),
        (
            "spec.hostSession.allowedPrefixes",
            json!({"in": [{"prefix": "10.0.0.0"}]}),
            &[
                "spec.hostSession.allowedPrefixes.in[0].prefix: \"10.0.0.0\" must be an IP prefix, \
               such as 172.16.0.0/12",
            ],
        ),
        (
            "spec.hostSession.allowedPrefixes",
            json!({"out": [{"prefix": "10.0.0.0/8", "minLength": 7}]}),
            &[
                "spec.hostSession.allowedPrefixes.out[0]: minLength and maxLength must lie between \
               the length of the prefix and that of an address, and minLength must not exceed \
               maxLength",
            ],
        ),
        ("spec.vrf", json!("red"), &["spec.vrf: unknown field"]),
    ]
}
