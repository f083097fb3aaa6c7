//! Each field: what is taken, and what is refused in which words.

pub(in crate::api) mod rows;

use std::num::NonZeroU16;

use serde_json::{Value, json};

use self::rows::{
    Row, l2vni_rows, l3vni_rows, l3vpn_rows, neighbor_rows, passthrough_rows, raw_rows,
    underlay_rows,
};
use super::*;
use crate::api::model::{
    AllowedPrefixes, Bfd, BfdMode, Families, Family, Gateways, GracefulRestart, HostMaster,
    HostSession, IpVersion, L2Vni, L3Vni, LocalCidr, Manifest, Multihop, Neighbor, Peer,
    PrefixRule, Timers, TunnelEndpoint, Underlay,
};
use crate::api::tests::{
    L3VPN_REFUSED, edited, faults, full_l2vni, full_l3vni, full_l3vpn, full_passthrough,
    full_raw_config, full_underlay, own_faults, read,
};
use crate::api::types::Vni;

fn asn(number: u32) -> Asn {
    Asn::try_from(number).unwrap()
}

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn rule(prefix: &str, min_length: u8, max_length: u8) -> PrefixRule {
    PrefixRule {
        prefix: prefix.parse().unwrap(),
        min_length,
        max_length,
    }
}

#[test]
fn a_full_underlay_is_read() {
    let Manifest::Underlay(Object {
        key,
        generation,
        selector,
        spec,
    }) = read(full_underlay()).unwrap()
    else {
        panic!("another kind");
    };
    assert_eq!(key.to_string(), "Underlay openperouter-system/fabric");
    assert_eq!(generation, Some(3));
    assert_eq!(
        selector,
        NodeSelector::default(),
        "an empty one selects all"
    );
    let Underlay {
        asn: own,
        router_id_cidr,
        neighbors,
        interfaces,
        tunnel_endpoint,
        graceful_restart,
        reflector_cluster,
    } = spec;
    assert_eq!(reflector_cluster, Some([192, 0, 2, 1].into()));
    assert_eq!(own, asn(64514));
    assert_eq!(router_id_cidr, net("10.0.0.0/24"), "host bits are gone");
    assert_eq!(
        interfaces.iter().map(AsRef::as_ref).collect::<Vec<_>>(),
        ["eth1", "eth2.100"]
    );
    assert_eq!(
        tunnel_endpoint,
        TunnelEndpoint::over_ipv4(net("100.65.0.0/24"))
    );
    let expected = GracefulRestart {
        restart_time: 60,
        stale_path_time: 90,
    };
    assert_eq!(graceful_restart, Some(expected));

    let [neighbor] = neighbors.as_slice() else {
        panic!("{neighbors:?}")
    };
    assert_eq!(neighbor.peer.to_string(), "192.168.11.2");
    assert_eq!(neighbor.remote_as, RemoteAs::Number(asn(64512)));
    assert_eq!(neighbor.port, NonZeroU16::new(1179));
    assert_eq!(neighbor.password.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(
        neighbor.timers,
        Some(Timers {
            keepalive: 3,
            hold: 9
        })
    );
    assert_eq!(neighbor.connect_time, Some(5));
    assert_eq!(neighbor.ebgp_multihop, Some(Multihop { ttl: Some(2) }));
    let bfd = Bfd {
        receive_interval: Some(150),
        transmit_interval: Some(200),
        detect_multiplier: Some(5),
        mode: BfdMode::Passive,
        minimum_ttl: Some(250),
    };
    assert_eq!(neighbor.bfd, Some(bfd));
    assert!(neighbor.reflector_client.is_empty());
    let families = Families::Explicit([Family::Ipv4Unicast, Family::Evpn].into());
    assert_eq!(neighbor.families, families);
}

#[test]
fn tunnels_start_from_either_ip_version_or_both() {
    let ipv4 = Some(net("100.65.0.0/24"));
    let ipv6 = Some("fd00:65::/64".parse().unwrap());
    for (cidrs, expected) in [
        (json!(["fd00:65::9/64"]), (None, ipv6)),
        (json!(["fd00:65::/64", "100.65.0.0/24"]), (ipv4, ipv6)),
    ] {
        let object = edited(full_underlay(), "spec.tunnelEndpoint.cidrs", &cidrs);
        let Manifest::Underlay(object) = read(object).unwrap() else {
            panic!("another kind");
        };
        let TunnelEndpoint { ipv4, ipv6 } = object.spec.tunnel_endpoint;
        assert_eq!((ipv4, ipv6), expected);
    }
}

#[test]
fn a_small_underlay_has_the_defaults() {
    let small = json!({
        "apiVersion": v1alpha1::API_VERSION,
        "kind": "Underlay",
        "metadata": {"name": "fabric"},
        "spec": {
            "asn": 64514,
            "neighbors": [{"type": "External", "address": "192.168.11.2", "port": 0}],
            "interfaces": [{"type": "NetworkDevice", "networkDevice": {"interfaceName": "eth1"}}],
            "gracefulRestart": {},
        },
    });
    let Manifest::Underlay(Object {
        key,
        generation,
        selector: _,
        spec,
    }) = read(small).unwrap()
    else {
        panic!("another kind");
    };
    assert_eq!(
        (key.to_string().as_str(), generation),
        ("Underlay default/fabric", None)
    );
    assert_eq!(spec.router_id_cidr, net("10.0.0.0/24"));
    assert_eq!(spec.tunnel_endpoint, TunnelEndpoint::default());
    let expected = GracefulRestart {
        restart_time: 120,
        stale_path_time: 360,
    };
    assert_eq!(spec.graceful_restart, Some(expected));
    let neighbor = &spec.neighbors[0];
    assert_eq!(neighbor.remote_as, RemoteAs::External);
    assert_eq!(neighbor.port, None, "0 is FRR's own port");
    assert_eq!(neighbor.families, Families::Derived);
    assert_eq!((neighbor.bfd, spec.reflector_cluster), (None, None));
    assert_eq!(
        (
            &neighbor.password,
            neighbor.timers,
            neighbor.connect_time,
            neighbor.ebgp_multihop
        ),
        (&None, None, None, None)
    );
}

#[test]
fn a_full_l3vni_is_read() {
    let Manifest::L3Vni(Object {
        key,
        generation,
        selector: _,
        spec,
    }) = read(full_l3vni()).unwrap()
    else {
        panic!("another kind");
    };
    assert_eq!(
        (key.to_string().as_str(), generation),
        ("L3VNI default/red", None)
    );
    let expected = L3Vni {
        vrf: "red".parse().unwrap(),
        vni: Vni::try_from(100_u32).unwrap(),
        vxlan_port: 4790,
        tunnels_over: Some(IpVersion::V4),
        host_session: Some(HostSession {
            asn: asn(64514),
            remote_as: RemoteAs::Number(asn(64515)),
            local_cidr: LocalCidr {
                ipv4: Some(net("192.169.10.0/24")),
                ipv6: Some("2001:db8:10::/64".parse().unwrap()),
            },
            allowed: AllowedPrefixes {
                incoming: Some(vec![rule("::/0", 0, 128)]),
                outgoing: Some(vec![rule("10.0.0.0/8", 8, 8)]),
            },
        }),
        import_rts: ["192.0.2.1:7", "4200000001:9", "65000:7"]
            .map(|text| text.parse().unwrap())
            .to_vec(),
        export_rts: vec!["65000:7".parse().unwrap()],
    };
    assert_eq!(spec, expected);
}

#[test]
fn a_small_l3vni_has_the_defaults() {
    let mut small = full_l3vni();
    for field in [
        "vxlanPort",
        "underlayAddressFamily",
        "hostSession",
        "exportRTs",
        "importRTs",
    ] {
        small = edited(small, &format!("spec.{field}"), &Value::Null);
    }
    let Manifest::L3Vni(object) = read(small).unwrap() else {
        panic!("another kind")
    };
    assert_eq!(object.spec.vxlan_port, 4789);
    assert_eq!(object.spec.host_session, None);
    assert!(object.spec.import_rts.is_empty() && object.spec.export_rts.is_empty());
}

#[test]
fn every_row_of_the_underlay_is_refused_in_its_words() {
    check_rows(full_underlay, &underlay_rows());
}

#[test]
fn every_row_of_the_neighbor_is_refused_in_its_words() {
    check_rows(full_underlay, &neighbor_rows());
}

#[test]
fn every_row_of_the_l3vni_is_refused_in_its_words() {
    check_rows(full_l3vni, &l3vni_rows());
}

#[test]
fn every_row_of_the_l2vni_is_refused_in_its_words() {
    check_rows(full_l2vni, &l2vni_rows());
}

#[test]
fn every_row_of_the_l3vpn_is_refused_in_its_words_beside_that_it_is_one() {
    check_rows(full_l3vpn, &l3vpn_rows());
}

#[test]
fn an_l3vpn_of_which_nothing_can_be_read_is_told_what_it_is_as_well() {
    let bare = edited(full_l3vpn(), "spec", &Value::Null);
    assert_eq!(faults(bare), [L3VPN_REFUSED, "spec: is missing"]);
    assert_eq!(faults(full_l3vpn()), [L3VPN_REFUSED]);
}

#[test]
fn every_row_of_the_passthrough_is_refused_in_its_words() {
    check_rows(full_passthrough, &passthrough_rows());
}

#[test]
fn every_row_of_the_lines_of_configuration_is_refused_in_its_words() {
    check_rows(full_raw_config, &raw_rows());
}

#[test]
fn a_full_l2vni_is_read() {
    let Manifest::L2Vni(Object { selector, spec, .. }) = read(full_l2vni()).unwrap() else {
        panic!("another kind");
    };
    let labels = |rack: &str| {
        let pairs = [("kubernetes.io/os", "linux"), ("rack", rack)];
        pairs
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into()
    };
    assert!(selector.selects(&labels("c")) && !selector.selects(&labels("a")));
    let expected = L2Vni {
        vni: Vni::try_from(110_u32).unwrap(),
        vxlan_port: 4790,
        tunnels_over: Some(IpVersion::V6),
        routing_domain: Some("red".to_owned()),
        host_master: Some(HostMaster::External("br-lan".parse().unwrap())),
        gateways: Gateways {
            ipv4: Some("10.20.0.1/24".parse().unwrap()),
            ipv6: Some("fd00:20::1/64".parse().unwrap()),
        },
    };
    assert_eq!(spec, expected);
}

#[test]
fn a_small_l2vni_has_the_defaults() {
    let small = json!({
        "apiVersion": v1alpha1::API_VERSION,
        "kind": "L2VNI",
        "metadata": {"name": "lan"},
        "spec": {
            "vni": 110,
            "hostMaster": {"type": "LinuxBridge", "linuxBridge": {"lifecycle": "Managed"}},
        },
    });
    let Manifest::L2Vni(object) = read(small).unwrap() else {
        panic!("another kind");
    };
    let expected = L2Vni {
        vni: Vni::try_from(110_u32).unwrap(),
        vxlan_port: 4789,
        tunnels_over: None,
        routing_domain: None,
        host_master: Some(HostMaster::Managed),
        gateways: Gateways::default(),
    };
    assert_eq!(object.spec, expected);
}

#[test]
fn a_passthrough_may_be_in_the_as_of_its_host() {
    let Manifest::L3Passthrough(object) = read(full_passthrough()).unwrap() else {
        panic!("another kind");
    };
    let session = object.spec.host_session;
    assert_eq!(session.remote_as, RemoteAs::Number(session.asn));
    let cidrs: Vec<String> = session
        .local_cidr
        .prefixes()
        .map(|cidr| cidr.to_string())
        .collect();
    assert_eq!(cidrs, ["192.169.20.0/24", "2001:db8:20::/64"]);
}

fn check_rows(sample: fn() -> Value, rows: &[Row]) {
    assert_eq!(
        own_faults(sample()),
        Vec::<String>::new(),
        "the sample itself must be right"
    );
    for (path, value, expected) in rows {
        assert_eq!(
            own_faults(edited(sample(), path, value)),
            *expected,
            "{path} = {value}"
        );
    }
}

#[test]
fn a_password_may_have_any_printable_sign() {
    for good in ["!x", "#x", "pa!ss|w#?x", &"x".repeat(80)] {
        let object = edited(full_underlay(), "spec.neighbors[0].password", &json!(good));
        assert_eq!(faults(object), Vec::<String>::new(), "{good}");
    }
    for bad in [" x", "x\ty", "x\0", "pässword", &"x".repeat(81)] {
        let object = edited(full_underlay(), "spec.neighbors[0].password", &json!(bad));
        assert_eq!(faults(object).len(), 1, "{bad}");
    }
}

/// The one neighbour of the sample, once its fields are these.
fn converted(neighbor: Value) -> Neighbor {
    let object = edited(full_underlay(), "spec.neighbors[0]", &neighbor);
    let Manifest::Underlay(object) = read(object).unwrap() else {
        panic!("another kind")
    };
    object.spec.neighbors[0].clone()
}

#[test]
fn neighbors_are_found_by_address_interface_or_range() {
    for (neighbor, peer) in [
        (
            json!({"asn": 1, "address": "FD00:0::1"}),
            Peer::Address("fd00::1".parse().unwrap()),
        ),
        (
            json!({"asn": 1, "interface": "eth1.100"}),
            Peer::Interface("eth1.100".parse().unwrap()),
        ),
        (
            json!({"asn": 1, "listenRange": "192.168.11.7/24"}),
            Peer::Range("192.168.11.0/24".parse().unwrap()),
        ),
        (
            json!({"asn": 1, "listenRange": "FD00::7/64"}),
            Peer::Range("fd00::/64".parse().unwrap()),
        ),
        // It holds more than link-local addresses.
        (
            json!({"asn": 1, "listenRange": "::/0"}),
            Peer::Range("::/0".parse().unwrap()),
        ),
    ] {
        assert_eq!(converted(neighbor).peer, peer);
    }
}

#[test]
fn ranges_side_by_side_and_an_address_within_one_are_no_clash() {
    let neighbors = json!([
        {"asn": 1, "listenRange": "10.0.0.0/25"},
        {"asn": 1, "listenRange": "10.0.0.128/25"},
        {"asn": 1, "listenRange": "::/0"},
        {"asn": 1, "address": "10.0.0.1"},
    ]);
    let object = edited(full_underlay(), "spec.neighbors", &neighbors);
    assert_eq!(faults(object), Vec::<String>::new());
}

#[test]
fn bfd_keeps_what_was_said_and_leaves_the_rest_to_frr() {
    let bfd = |bfd: Value| converted(json!({"asn": 1, "address": "10.0.0.1", "bfd": bfd})).bfd;
    assert_eq!(bfd(json!({})), Some(Bfd::default()));
    for (limits, expected) in [
        (
            json!({"receiveInterval": 10, "detectMultiplier": 2, "minimumTTL": 1}),
            (Some(10), None, Some(2), BfdMode::Active, Some(1)),
        ),
        (
            json!({
                "receiveInterval": 60000, "transmitInterval": 60000, "detectMultiplier": 255,
                "minimumTTL": 254, "sessionMode": "Passive",
            }),
            (
                Some(60000),
                Some(60000),
                Some(255),
                BfdMode::Passive,
                Some(254),
            ),
        ),
    ] {
        let (receive_interval, transmit_interval, detect_multiplier, mode, minimum_ttl) = expected;
        let expected = Bfd {
            receive_interval,
            transmit_interval,
            detect_multiplier,
            mode,
            minimum_ttl,
        };
        assert_eq!(bfd(limits), Some(expected));
    }
}

#[test]
fn families_and_those_in_which_routes_are_reflected_are_told_apart() {
    let client = json!([{"type": "routeReflectorClient"}]);
    let neighbor = converted(json!({
        "type": "Internal",
        "address": "10.0.0.1",
        "addressFamilies": [
            {"type": "evpn", "properties": client},
            {"type": "ipv4unicast"},
            {"type": "ipv6unicast", "properties": client},
        ],
    }));
    let all = [Family::Ipv4Unicast, Family::Ipv6Unicast, Family::Evpn];
    assert_eq!(neighbor.families, Families::Explicit(all.into()));
    let reflected = [Family::Ipv6Unicast, Family::Evpn];
    assert_eq!(neighbor.reflector_client, reflected.into());
}

#[test]
fn allowed_prefixes_have_the_lengths_that_were_meant() {
    let allowed = |list: Value| {
        let object = edited(full_l3vni(), "spec.hostSession.allowedPrefixes", &list);
        let Manifest::L3Vni(object) = read(object).unwrap() else {
            panic!("another kind")
        };
        object.spec.host_session.unwrap().allowed
    };
    assert_eq!(allowed(json!({})), AllowedPrefixes::default());
    let nothing = AllowedPrefixes {
        incoming: Some(Vec::new()),
        outgoing: None,
    };
    assert_eq!(allowed(json!({"in": []})), nothing);
    let list = json!([
        {"prefix": "fd00::1/48", "maxLength": 64},
        {"prefix": "10.0.0.7/8"},
        {"prefix": "10.0.0.0/8", "minLength": 24},
        {"prefix": "10.0.0.0/8", "minLength": 8, "maxLength": 32},
        // The same once more, in other words.
        {"prefix": "10.1.2.3/8", "minLength": 8, "maxLength": 8},
    ]);
    let rules = vec![
        rule("10.0.0.0/8", 8, 8),
        rule("10.0.0.0/8", 8, 32),
        rule("10.0.0.0/8", 24, 24),
        rule("fd00::/48", 48, 64),
    ];
    let expected = AllowedPrefixes {
        incoming: None,
        outgoing: Some(rules),
    };
    assert_eq!(allowed(json!({"out": list})), expected);
}
