//! The objects that the tests of this module start from.
//!
//! A table's row changes one field of one of these, so what is refused is that field.

use serde_json::{Value, json};

use super::fault::{ApiError, Identity};
use super::load::parse_object;
use super::model::Manifest;

/// An underlay with every field that is acted on.
pub(crate) fn full_underlay() -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "Underlay",
        "metadata": {"name": "fabric", "namespace": "openperouter-system", "generation": 3},
        "spec": {
            "nodeSelector": {},
            "asn": 64514,
            "routerIDCIDR": "10.0.0.7/24",
            "neighbors": [{
                "asn": 64512,
                "address": "192.168.11.2",
                "port": 1179,
                "password": "hunter2",
                "holdTimeSeconds": 9,
                "keepaliveTimeSeconds": 3,
                "connectTimeSeconds": 5,
                "properties": [{"type": "ebgpMultiHop", "ebgpMultiHop": {"ttl": 2}}],
                "bfd": {
                    "receiveInterval": 150,
                    "transmitInterval": 200,
                    "detectMultiplier": 5,
                    "sessionMode": "Passive",
                    "minimumTTL": 250,
                },
                "addressFamilies": [{"type": "ipv4unicast"}, {"type": "evpn"}],
            }],
            "interfaces": [
                {"type": "NetworkDevice", "networkDevice": {"interfaceName": "eth1"}},
                {"type": "NetworkDevice", "networkDevice": {"interfaceName": "eth2.100"}},
            ],
            "tunnelEndpoint": {"cidrs": ["100.65.0.9/24"]},
            "gracefulRestart": {"restartTimeSeconds": 60, "stalePathTimeSeconds": 90},
            "routeReflector": {"clusterID": "192.0.2.1"},
        },
    })
}

/// An L3VNI with every field that is acted on.
pub(crate) fn full_l3vni() -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L3VNI",
        "metadata": {"name": "red"},
        "spec": {
            "vrf": "red",
            "vni": 100,
            "vxlanPort": 4790,
            "underlayAddressFamily": "IPv4",
            "hostSession": {
                "asn": 64514,
                "hostASN": 64515,
                "localCIDR": {"ipv4": "192.169.10.5/24", "ipv6": "2001:db8:10::5/64"},
                "allowedPrefixes": {
                    "in": [{"prefix": "::/0", "minLength": 0, "maxLength": 128}],
                    "out": [{"prefix": "10.0.0.7/8"}],
                },
            },
            // None that FRR derives by itself, whatever text is put before or after one.
            "exportRTs": ["65000:7"],
            "importRTs": ["192.0.2.1:7", "4200000001:9", "65000:7", "65000:7"],
        },
    })
}

/// An L2VNI with every field that is acted on.
pub(super) fn full_l2vni() -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L2VNI",
        "metadata": {"name": "lan"},
        "spec": {
            "nodeSelector": {
                "matchLabels": {"kubernetes.io/os": "linux"},
                "matchExpressions": [{"key": "rack", "operator": "NotIn", "values": ["a", "b"]}],
            },
            "routingDomain": {"type": "L3VNI", "l3vni": {"name": "red"}},
            "vni": 110,
            "vxlanPort": 4790,
            "underlayAddressFamily": "IPv6",
            "hostMaster": {
                "type": "LinuxBridge",
                "linuxBridge": {"lifecycle": "External", "name": "br-lan"},
            },
            "gatewayIPs": ["10.20.0.1/24", "fd00:20::1/64"],
        },
    })
}

/// What is said of an L3VPN, whatever else is.
pub(crate) const L3VPN_REFUSED: &str = "VRFs over SRv6 are not supported yet";

/// An L3VPN with every field.
pub(crate) fn full_l3vpn() -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L3VPN",
        "metadata": {"name": "violet"},
        "spec": {
            "vrf": "violet",
            "rdAssignedNumber": 100,
            "hostSession": {
                "asn": 64514,
                "hostASN": 64515,
                "localCIDR": {"ipv4": "192.169.30.5/24", "ipv6": "2001:db8:30::5/64"},
                "allowedPrefixes": {
                    "in": [{"prefix": "::/0", "minLength": 0, "maxLength": 128}],
                    "out": [{"prefix": "10.0.0.7/8"}],
                },
            },
            "exportRTs": ["65000:7"],
            "importRTs": ["192.0.2.1:7", "4200000001:9", "65000:7", "65000:7"],
        },
    })
}

/// An L3Passthrough with every field that is acted on.
pub(super) fn full_passthrough() -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L3Passthrough",
        "metadata": {"name": "host"},
        "spec": {
            "hostSession": {
                "asn": 64514,
                "hostASN": 64514,
                "localCIDR": {"ipv4": "192.169.20.0/24", "ipv6": "2001:db8:20::/64"},
                "allowedPrefixes": {
                    "in": [{"prefix": "10.0.0.0/8"}],
                    "out": [{"prefix": "0.0.0.0/0"}],
                },
            },
        },
    })
}

/// A RawFRRConfig with every field that is acted on.
pub(super) fn full_raw_config() -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "RawFRRConfig",
        "metadata": {"name": "extra"},
        "spec": {"priority": 7, "rawConfig": "router bgp 1\n timers bgp 3 9\nexit\n"},
    })
}

/// `object` with the value at `path` (as in messages: `spec.neighbors[0].port`) replaced; a
/// null removes the field.
pub(super) fn edited(mut object: Value, path: &str, value: &Value) -> Value {
    let pointer = format!("/{}", path.replace(['.', '['], "/").replace(']', ""));
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    match object
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("no {path} in the sample"))
    {
        Value::Object(fields) if value.is_null() => _ = fields.remove(field).unwrap(),
        Value::Object(fields) => _ = fields.insert(field.to_owned(), value.clone()),
        Value::Array(entries) => match field.parse::<usize>().unwrap() {
            index if index == entries.len() => entries.push(value.clone()),
            index => entries[index] = value.clone(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            panic!("{path} lies in something without parts")
        }
    }
    object
}

/// Reads one object.
pub(crate) fn read(object: Value) -> Result<Manifest, ApiError> {
    parse_object(
        Identity {
            file: None,
            line: None,
            key: None,
        },
        object,
    )
    .outcome
}

/// The faults of an object, each in its words.
pub(super) fn faults(object: Value) -> Vec<String> {
    match read(object) {
        Ok(_) => Vec::new(),
        Err(error) => error.faults.iter().map(ToString::to_string).collect(),
    }
}

/// The same, without what every object of its kind has.
pub(super) fn own_faults(object: Value) -> Vec<String> {
    let is_refused = object["kind"] == "L3VPN";
    let mut said = faults(object);
    if is_refused {
        assert_eq!(said.remove(0), L3VPN_REFUSED);
    }
    said
}
