//! What is refused: a field, another value for it, and what is then said.

mod l2vni;
mod l3vni;
mod l3vpn;
mod raw;

use serde_json::{Value, json};

pub(in crate::api) use l2vni::{l2vni_rows, passthrough_rows};
pub(in crate::api) use l3vni::l3vni_rows;
pub(in crate::api) use l3vpn::l3vpn_rows;
pub(in crate::api) use raw::raw_rows;

/// A field of a sample, another value for it, and what is then said.
pub(in crate::api) type Row = (&'static str, Value, &'static [&'static str]);

/// What is refused in an underlay, but for its neighbours.
pub(in crate::api) fn underlay_rows() -> Vec<Row> {
    let nic =
        |name: &str| json!({"type": "NetworkDevice", "networkDevice": {"interfaceName": name}});
    vec![
        (
            "spec.nodeSelector",
            json!({"matchLabels": {"-rack": "1", "row": "a b"}}),
            &[
                "spec.nodeSelector.matchLabels.-rack: \"-rack\" is not the key of a label; it must \
               have 1 to 63 letters, digits, '-', '_' or '.', with a letter or digit at either \
               end, after a DNS name and a '/' if need be",
                "spec.nodeSelector.matchLabels.row: \"a b\" is not the value of a label; it must \
               have at most 63 letters, digits, '-', '_' or '.', with a letter or digit at either \
               end",
            ],
        ),
        (
            "spec.asn",
            json!(0),
            &["spec.asn: 0 is not an AS number; it must be 1 to 4294967295"],
        ),
        (
            "spec.asn",
            json!(4_294_967_296_i64),
            &["spec.asn: 4294967296 is not an AS number; it must be 1 to 4294967295"],
        ),
        ("spec.asn", Value::Null, &["spec.asn: is missing"]),
        (
            "spec.routerIDCIDR",
            json!("10.0.0.0"),
            &["spec.routerIDCIDR: \"10.0.0.0\" must be an IPv4 prefix, such as 10.0.0.0/24"],
        ),
        (
            "spec.routerIDCIDR",
            json!("fd00::/64"),
            &["spec.routerIDCIDR: \"fd00::/64\" must be an IPv4 prefix, such as 10.0.0.0/24"],
        ),
        (
            "spec.neighbors",
            json!([]),
            &["spec.neighbors: has 0 entries; it must have 1 to 128"],
        ),
        (
            "spec.interfaces",
            json!([]),
            &["spec.interfaces: has 0 entries; it must have 1 to 128"],
        ),
        (
            "spec.interfaces[0]",
            json!({"type": "CNIDevice", "cniDevice": {"type": "RawConfig"}}),
            &[
                "spec.interfaces: interfaces must all be of one type",
                "spec.interfaces[0].cniDevice: interfaces made by CNI are not supported yet",
            ],
        ),
        (
            "spec.interfaces",
            json!([{"type": "NetworkDevice", "cniDevice": {"type": "RawConfig"}}]),
            &[
                "spec.interfaces[0]: type NetworkDevice needs networkDevice alone, and type \
               CNIDevice needs cniDevice alone",
            ],
        ),
        (
            "spec.interfaces[1]",
            nic("eth1"),
            &["spec.interfaces[1]: is the same as spec.interfaces[0]"],
        ),
        (
            "spec.interfaces[1]",
            nic("1eth"),
            &[
                "spec.interfaces[1].networkDevice.interfaceName: \"1eth\" must have letters, \
               digits, '.', '_' or '-' only, and begin with a letter",
            ],
        ),
        (
            "spec.interfaces[1]",
            nic("a-name-too-long!"),
            &[
                "spec.interfaces[1].networkDevice.interfaceName: \"a-name-too-long!\" is not an \
               interface name; it must have 1 to 15 printable ASCII characters without spaces, \
               '/' or ':', and not be '.' or '..'",
            ],
        ),
        (
            "spec.tunnelEndpoint.cidrs",
            json!([]),
            &["spec.tunnelEndpoint.cidrs: has 0 entries; it must have 1 to 2"],
        ),
        (
            "spec.tunnelEndpoint.cidrs",
            json!(["100.65.0.0"]),
            &[
                "spec.tunnelEndpoint.cidrs[0]: \"100.65.0.0\" must be an IP prefix, such as \
               100.65.0.0/24",
            ],
        ),
        (
            "spec.tunnelEndpoint.cidrs",
            json!(["100.65.0.0/24", "100.66.0.0/24"]),
            &["spec.tunnelEndpoint.cidrs: at most one IPv4 prefix is allowed"],
        ),
        (
            "spec.tunnelEndpoint.cidrs",
            json!(["fd00::/64", "fd01::/64"]),
            &["spec.tunnelEndpoint.cidrs: at most one IPv6 prefix is allowed"],
        ),
        (
            "spec.gracefulRestart.restartTimeSeconds",
            json!(0),
            &[
                "spec.gracefulRestart.restartTimeSeconds: 0 is out of range; it must be 1 to 4095 \
               seconds",
            ],
        ),
        (
            "spec.gracefulRestart.stalePathTimeSeconds",
            json!(4096),
            &[
                "spec.gracefulRestart.stalePathTimeSeconds: 4096 is out of range; it must be 1 to \
               4095 seconds",
            ],
        ),
        (
            "spec.isis",
            json!({
                "baseNet": "49.0001.0002.0003.0004.00",
                "interfaces": [{"name": "a/b"}],
            }),
            &[
                "spec.isis.interfaces[0].name: \"a/b\" must be an interface name: no '/', ':' or \
                 white space, and neither '.' nor '..'",
                "spec.isis: IS-IS is not supported yet",
            ],
        ),
        (
            "spec.srv6",
            json!({"locator": {"basePrefix": "10.0.0.0/8", "format": "usid-f3216"}}),
            &[
                "spec.srv6: srv6 needs isis",
                "spec.srv6: srv6 needs an IPv6 prefix in tunnelEndpoint.cidrs",
                "spec.srv6.locator.basePrefix: \"10.0.0.0/8\" must be an IPv6 prefix",
                "spec.srv6: SRv6 is not supported yet",
            ],
        ),
        (
            "spec.routeReflector",
            json!({"clusterID": "10.0.0.200"}),
            &["spec.routeReflector: routeReflector.clusterID must be outside routerIDCIDR"],
        ),
        (
            "spec.routeReflector",
            json!({"clusterID": "192.0.2.x"}),
            &["spec.routeReflector.clusterID: \"192.0.2.x\" must be an IPv4 address"],
        ),
        (
            "spec.tunelEndpoint",
            json!({"cidrs": ["100.65.0.0/24"]}),
            &["spec.tunelEndpoint: unknown field; did you mean tunnelEndpoint?"],
        ),
    ]
}

/// What is refused in an underlay's neighbour.
pub(in crate::api) fn neighbor_rows() -> Vec<Row> {
    let mut rows = session_rows();
    rows.extend(family_rows());
    rows
}

fn session_rows() -> Vec<Row> {
    vec![
        (
            "spec.neighbors[0].asn",
            json!(-1),
            &["spec.neighbors[0].asn: -1 is not an AS number; it must be 1 to 4294967295"],
        ),
        (
            "spec.neighbors[0].asn",
            Value::Null,
            &["spec.neighbors[0]: exactly one of asn and type must be set"],
        ),
        (
            "spec.neighbors[0].type",
            json!("External"),
            &["spec.neighbors[0]: exactly one of asn and type must be set"],
        ),
        (
            "spec.neighbors[0].type",
            json!("external"),
            &[
                "spec.neighbors[0].type: \"external\" is not known here; it must be one of \
               External, Internal",
            ],
        ),
        (
            "spec.neighbors[0].address",
            Value::Null,
            &["spec.neighbors[0]: exactly one of address, interface and listenRange must be set"],
        ),
        (
            "spec.neighbors[0].address",
            json!("192.168.11"),
            &["spec.neighbors[0].address: \"192.168.11\" must be an IP address"],
        ),
        (
            "spec.neighbors[0].address",
            json!("224.0.0.1"),
            &["spec.neighbors[0].address: \"224.0.0.1\" must be the address of one neighbor"],
        ),
        (
            "spec.neighbors[0].address",
            json!("ff02::1"),
            &["spec.neighbors[0].address: \"ff02::1\" must be the address of one neighbor"],
        ),
        (
            "spec.neighbors[0].address",
            json!("::"),
            &["spec.neighbors[0].address: \"::\" must be the address of one neighbor"],
        ),
        (
            "spec.neighbors[0].address",
            json!("255.255.255.255"),
            &["spec.neighbors[0].address: \"255.255.255.255\" must be the address of one neighbor"],
        ),
        (
            "spec.neighbors[0].address",
            json!("fe80::1"),
            &[
                "spec.neighbors[0].address: \"fe80::1\" is a link-local address; name the \
                 interface behind which it is instead",
            ],
        ),
        (
            "spec.neighbors[0].address",
            json!("::ffff:192.0.2.1"),
            &[
                "spec.neighbors[0].address: \"::ffff:192.0.2.1\" must be an IP address, and one of \
                 IPv4 must be written as such",
            ],
        ),
        (
            "spec.neighbors[0].interface",
            json!("eth1"),
            &["spec.neighbors[0]: exactly one of address, interface and listenRange must be set"],
        ),
        (
            "spec.neighbors[0]",
            json!({"asn": 1, "interface": "1eth"}),
            &[
                "spec.neighbors[0].interface: \"1eth\" must have letters, digits, '.', '_' or '-' \
                 only, and begin with a letter",
            ],
        ),
        (
            "spec.neighbors[0]",
            json!({"asn": 1, "interface": "eth1\nrouter"}),
            &[
                "spec.neighbors[0].interface: \"eth1\\nrouter\" must be an interface name: no '/', \
                 ':' or white space, and neither '.' nor '..'",
            ],
        ),
        (
            "spec.neighbors",
            json!([{"asn": 1, "interface": "eth1"}, {"asn": 2, "interface": "eth1"}]),
            &["spec.neighbors[1].interface: is the same as spec.neighbors[0].interface"],
        ),
        (
            "spec.neighbors[0]",
            json!({"asn": 1, "interface": ".."}),
            &[
                "spec.neighbors[0].interface: \"..\" must be an interface name: no '/', ':' or \
               white space, and neither '.' nor '..'",
            ],
        ),
        (
            "spec.neighbors[0]",
            json!({"asn": 1, "listenRange": "192.168.11.0"}),
            &[
                "spec.neighbors[0].listenRange: \"192.168.11.0\" must be an IP prefix, and not of \
                 IPv6 link-local addresses",
            ],
        ),
        (
            "spec.neighbors[0]",
            json!({"asn": 1, "listenRange": "::ffff:10.0.0.0/104"}),
            &[
                "spec.neighbors[0].listenRange: \"::ffff:10.0.0.0/104\" must be an IP prefix, and \
                 not of IPv6 link-local addresses",
            ],
        ),
        (
            "spec.neighbors",
            json!([
                {"asn": 1, "listenRange": "10.0.0.0/8"},
                {"asn": 1, "listenRange": "10.0.1.7/24"},
                {"asn": 1, "listenRange": "fd00::/64"},
                {"asn": 1, "listenRange": "0.0.0.0/0"},
                {"asn": 1, "listenRange": "fd00::/64"},
            ]),
            &[
                "spec.neighbors[1].listenRange: overlaps spec.neighbors[0].listenRange",
                "spec.neighbors[3].listenRange: overlaps spec.neighbors[0].listenRange",
                "spec.neighbors[4].listenRange: overlaps spec.neighbors[2].listenRange",
            ],
        ),
        (
            "spec.neighbors[0]",
            json!({"asn": 1, "listenRange": "fe80::/64"}),
            &[
                "spec.neighbors[0].listenRange: \"fe80::/64\" must be an IP prefix, and not of \
               IPv6 link-local addresses",
            ],
        ),
        (
            "spec.neighbors[1]",
            json!({"asn": 1, "address": "192.168.11.2"}),
            &["spec.neighbors[1].address: is the same as spec.neighbors[0].address"],
        ),
        (
            "spec.neighbors[0].port",
            json!(16385),
            &["spec.neighbors[0].port: 16385 is out of range; it must be 0 to 16384"],
        ),
        (
            "spec.neighbors[0].port",
            json!("179"),
            &["spec.neighbors[0].port: a text where a whole number is expected"],
        ),
        (
            "spec.neighbors[0].password",
            json!(""),
            &[
                "spec.neighbors[0].password: must have 1 to 80 characters, as the kernel takes no \
               more",
            ],
        ),
        (
            "spec.neighbors[0].password",
            json!("hunter2\nrouter bgp 1"),
            &[
                "spec.neighbors[0].password: must have printable ASCII characters only, and no \
               space",
            ],
        ),
        (
            "spec.neighbors[0].password",
            json!(4711),
            &["spec.neighbors[0].password: a number where a text is expected; put it in quotes"],
        ),
        (
            "spec.neighbors[0].passwordSecret",
            json!("fabric"),
            &[
                "spec.neighbors[0].passwordSecret: only one of password and passwordSecret may be set",
            ],
        ),
        (
            "spec.neighbors[0].holdTimeSeconds",
            Value::Null,
            &[
                "spec.neighbors[0]: holdTimeSeconds and keepaliveTimeSeconds must be set together \
               or not at all",
            ],
        ),
        (
            "spec.neighbors[0].holdTimeSeconds",
            json!(65536),
            &["spec.neighbors[0].holdTimeSeconds: \"65536\" must be 0 or 3 to 65535 seconds"],
        ),
        (
            "spec.neighbors[0].holdTimeSeconds",
            json!(2),
            &[
                "spec.neighbors[0]: keepaliveTimeSeconds must not exceed holdTimeSeconds",
                "spec.neighbors[0].holdTimeSeconds: \"2\" must be 0 or 3 to 65535 seconds",
            ],
        ),
        (
            "spec.neighbors[0].keepaliveTimeSeconds",
            json!(-1),
            &[
                "spec.neighbors[0].keepaliveTimeSeconds: -1 is out of range; it must be 0 to 65535 \
               seconds",
            ],
        ),
        (
            "spec.neighbors[0].connectTimeSeconds",
            json!(0),
            &[
                "spec.neighbors[0].connectTimeSeconds: 0 is out of range; it must be 1 to 65535 \
               seconds",
            ],
        ),
        (
            "spec.neighbors[0].properties[0].ebgpMultiHop.ttl",
            json!(256),
            &[
                "spec.neighbors[0].properties[0].ebgpMultiHop.ttl: 256 is out of range; it must be \
               1 to 255 hops",
            ],
        ),
        (
            "spec.neighbors[0].properties[1]",
            json!({"type": "ebgpMultiHop"}),
            &["spec.neighbors[0].properties[1]: is the same as spec.neighbors[0].properties[0]"],
        ),
        (
            "spec.neighbors[0].properties[0].type",
            json!("ebgpMultihop"),
            &[
                "spec.neighbors[0].properties[0].type: \"ebgpMultihop\" is not known here; it must \
               be one of ebgpMultiHop",
            ],
        ),
        (
            "spec.neighbors[0].asn",
            json!(64514),
            &["spec.neighbors[0].properties[0]: ebgpMultiHop needs a neighbor in another AS"],
        ),
        (
            "spec.neighbors[0].bfd",
            json!({"receiveInterval": 9, "transmitInterval": 60001}),
            &[
                "spec.neighbors[0].bfd.receiveInterval: 9 is out of range; it must be 10 to 60000 \
                 milliseconds",
                "spec.neighbors[0].bfd.transmitInterval: 60001 is out of range; it must be 10 to \
                 60000 milliseconds",
            ],
        ),
        (
            "spec.neighbors[0].bfd",
            json!({"detectMultiplier": 1, "minimumTTL": 255, "sessionMode": "Active"}),
            &[
                "spec.neighbors[0].bfd.detectMultiplier: 1 is out of range; it must be 2 to 255 \
                 packets",
                "spec.neighbors[0].bfd.minimumTTL: 255 is out of range; it must be 1 to 254 hops",
            ],
        ),
        (
            "spec.neighbors[0].bfd",
            json!({"sessionMode": "passive"}),
            &[
                "spec.neighbors[0].bfd.sessionMode: \"passive\" is not known here; it must be one \
                 of Active, Passive",
            ],
        ),
        (
            "spec.neighbors[0].bfd",
            json!({"recieveInterval": 300}),
            &[
                "spec.neighbors[0].bfd.recieveInterval: unknown field; did you mean \
                 receiveInterval?",
            ],
        ),
    ]
}

fn family_rows() -> Vec<Row> {
    let client = json!([{"type": "evpn", "properties": [{"type": "routeReflectorClient"}]}]);
    vec![
        (
            "spec.neighbors[0].addressFamilies[1]",
            json!({"type": "evpn ipv6unicast"}),
            &[
                "spec.neighbors[0].addressFamilies[1].type: \"evpn ipv6unicast\" is not known \
                 here; it must be one of ipv4unicast, ipv6unicast, evpn, ipv4vpn, ipv6vpn",
            ],
        ),
        (
            "spec.neighbors[0].addressFamilies[1]",
            json!({"type": "ipv4unicast"}),
            &["spec.neighbors[0].addressFamilies[1]: is the same as \
               spec.neighbors[0].addressFamilies[0]"],
        ),
        (
            "spec.neighbors[0].addressFamilies[0]",
            json!({"type": "ipv4vpn"}),
            &[
                "spec.neighbors[0].addressFamilies[0]: L3VPN over SRv6 is not supported yet",
                "spec.neighbors[0].addressFamilies: evpn excludes ipv4vpn and ipv6vpn",
                "spec.neighbors[0]: ipv4vpn and ipv6vpn need a neighbor with an IPv6 address",
            ],
        ),
        (
            "spec.neighbors[0].addressFamilies",
            json!([{"type": "ipv6vpn"}]),
            &[
                "spec.neighbors[0].addressFamilies[0]: L3VPN over SRv6 is not supported yet",
                "spec.neighbors[0]: ipv4vpn and ipv6vpn need a neighbor with an IPv6 address",
            ],
        ),
        (
            "spec.neighbors[0].addressFamilies[0].type",
            json!("ipv4"),
            &[
                "spec.neighbors[0].addressFamilies[0].type: \"ipv4\" is not known here; it must be \
               one of ipv4unicast, ipv6unicast, evpn, ipv4vpn, ipv6vpn",
            ],
        ),
        (
            "spec.neighbors[0].addressFamilies",
            client,
            &["spec.neighbors[0]: routeReflectorClient needs a neighbor of type Internal"],
        ),
    ]
}
