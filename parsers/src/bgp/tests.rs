//! The captures, with exact values, and answers that are wrong.

use std::ops::ControlFlow;

use super::*;
use crate::{
    id::{Asn, PeerName},
    json::Error,
    stream::Streamed,
};

macro_rules! capture {
    ($name:literal) => {
        include_bytes!(concat!("../../captures/frr-10.3/", $name)).as_slice()
    };
}

fn peer(name: &str) -> PeerName {
    name.parse().unwrap()
}

#[test]
fn summary_of_the_default_instance() {
    let families = summary(capture!("show-bgp-summary.json")).unwrap();
    let names: Vec<&str> = families.keys().map(AddressFamily::as_str).collect();
    assert_eq!(names, ["ipv4Unicast", "l2VpnEvpn"]);
    let evpn = &families[&AddressFamily::L2VpnEvpn];
    assert_eq!(
        (evpn.asn, evpn.router_id.to_string()),
        (Asn(64514), "10.0.0.1".to_owned())
    );
    assert_eq!((evpn.vrf_id, evpn.vrf_name.as_str()), (Some(0), "default"));
    assert_eq!(
        (evpn.rib_count, evpn.failed_peers, evpn.total_peers),
        (7, 1, 2)
    );
    assert_eq!(
        evpn.peers[&peer("10.0.1.1")],
        Peer {
            hostname: Some("lab".to_owned()),
            remote_as: Asn(64512),
            local_as: Asn(64514),
            messages_received: 17,
            messages_sent: 18,
            peer_uptime_msec: 10_000,
            peer_uptime_established_epoch: Some(1_795_378_993),
            prefixes_received: 7,
            prefixes_sent: 14,
            state: PeerState::Established,
            condition: PeerCondition::Ok,
            connections_established: 1,
            connections_dropped: 0,
        }
    );
    let down = &evpn.peers[&peer("10.0.1.77")];
    assert_eq!(
        (&down.state, down.is_established()),
        (&PeerState::Connect, false)
    );
    assert_eq!(
        (down.peer_uptime_msec, down.peer_uptime_established_epoch),
        (0, None)
    );
}

#[test]
fn summary_of_all_instances() {
    let vrfs = summary_of_all(capture!("show-bgp-vrf-all-summary.json")).unwrap();
    assert_eq!(vrfs.keys().collect::<Vec<_>>(), ["default", "red"]);
    let red = &vrfs["red"];
    assert_eq!(red[&AddressFamily::Ipv4Unicast].vrf_id, Some(3));
    let host = &red[&AddressFamily::Ipv6Unicast].peers[&peer("2001:db8:169:10::2")];
    assert_eq!((host.prefixes_received, host.prefixes_sent), (1, 4));
}

#[test]
fn a_vrf_without_kernel_device_has_no_identifier() {
    let vrfs = summary_of_all(capture!("no-vrf-show-bgp-vrf-all-summary.json")).unwrap();
    let blue = &vrfs["blue"][&AddressFamily::Ipv4Unicast];
    assert_eq!(blue.vrf_id, None);
    assert_eq!(
        blue.peers[&peer("10.9.0.9")].condition,
        PeerCondition::Policy
    );
}

#[test]
fn a_shut_down_peer() {
    let families = summary(capture!("shutdown-show-bgp-summary.json")).unwrap();
    let own = &families[&AddressFamily::Ipv4Unicast].peers[&peer("10.9.0.2")];
    assert_eq!(
        (&own.state, &own.condition),
        (&PeerState::IdleAdmin, &PeerCondition::Admin)
    );
}

#[test]
fn no_instance_is_no_error() {
    assert!(
        summary(capture!("no-bgp-show-bgp-summary.json"))
            .unwrap()
            .is_empty()
    );
    assert!(
        summary_of_all(capture!("no-bgp-show-bgp-vrf-all-summary.json"))
            .unwrap()
            .is_empty()
    );
    assert!(
        neighbors(capture!("no-bgp-show-bgp-neighbors.json"))
            .unwrap()
            .is_empty()
    );
    assert!(
        instances(capture!("no-bgp-show-bgp-vrfs.json"))
            .unwrap()
            .is_empty()
    );
    assert!(
        neighbors(b"{\"bgpNoSuchInstance\":true}\n")
            .unwrap()
            .is_empty()
    );
    assert!(summary(b"").unwrap().is_empty());
}

#[test]
fn an_instance_without_neighbors() {
    assert!(
        summary(capture!("no-neighbor-show-bgp-summary.json"))
            .unwrap()
            .is_empty()
    );
    let vrfs = summary_of_all(capture!("no-neighbor-show-bgp-vrf-all-summary.json")).unwrap();
    assert!(vrfs["default"].is_empty());
}

#[test]
fn an_unnumbered_and_a_described_neighbor() {
    let all = neighbors(capture!("unnumbered-show-bgp-neighbors.json")).unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.contains_key(&PeerName::Interface("va".to_owned())));
    assert_eq!(
        all[&peer("10.9.0.2")].description.as_deref(),
        Some("one two")
    );
}

#[test]
fn other_words_of_frr_are_errors() {
    let error = summary(capture!("show-bgp-unknown-command.txt")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "show bgp [vrf VRF] summary json: FRR answered: \
         % Unknown command: show bgp no-such-thing json"
    );
    let error = summary(b"bgpd is not running\n").unwrap_err();
    assert!(matches!(error, Error::Refused { words, .. } if words == "bgpd is not running"));
    let error = summary(b"{ \"warning\": \"no memory\" }").unwrap_err();
    assert!(matches!(error, Error::Refused { words, .. } if words == "no memory"));
}

#[test]
fn neighbors_that_are_up_and_down() {
    let all = neighbors(capture!("show-bgp-neighbors.json")).unwrap();
    assert_eq!(all.len(), 4);
    let up = &all[&peer("10.0.1.1")];
    assert_eq!(
        (&up.state, up.admin),
        (&PeerState::Established, AdminState::Up)
    );
    assert_eq!(
        up.uptime,
        Some(Uptime {
            msec: 12_000,
            since_epoch: 1_795_378_993
        })
    );
    assert_eq!(up.last_reset, None);
    let evpn = FamilyCounters {
        accepted: 7,
        sent: Some(14),
    };
    assert_eq!(up.families[&AddressFamily::L2VpnEvpn], evpn);
    assert_eq!(
        up.negotiated.iter().collect::<Vec<_>>(),
        [&AddressFamily::Ipv4Unicast, &AddressFamily::L2VpnEvpn]
    );
    assert_eq!(up.told, up.negotiated);
    let bfd = up.bfd.clone().unwrap();
    assert_eq!(
        (bfd.status, bfd.detect_multiplier, bfd.rx_min_interval),
        (BfdStatus::Up, 3, 300)
    );

    let waiting = &all[&peer("10.0.1.77")];
    assert_eq!(
        (&waiting.state, waiting.uptime),
        (&PeerState::Connect, None)
    );
    let reset = LastReset {
        ago_msec: 16_000,
        reason: "Waiting for peer OPEN".to_owned(),
        code: Some(32),
        notification: None,
    };
    assert_eq!(waiting.last_reset, Some(reset));
    assert!(waiting.negotiated.is_empty() && waiting.told.is_empty());

    assert_eq!(all[&peer("10.0.1.78")].admin, AdminState::Shutdown);
    let unnumbered = &all[&PeerName::Interface("eth0".to_owned())];
    assert_eq!(
        (unnumbered.remote_as, unnumbered.local_as),
        (Asn(0), Asn(64514))
    );
}

#[test]
fn neighbors_of_a_vrf() {
    let all = neighbors(capture!("show-bgp-vrf-red-neighbors.json")).unwrap();
    let host = &all[&peer("2001:db8:169:10::2")];
    // The peer announced IPv4 too, but that was not wanted here.
    assert_eq!(
        host.negotiated.iter().collect::<Vec<_>>(),
        [&AddressFamily::Ipv6Unicast]
    );
    assert_eq!(host.bfd, None);
}

#[test]
fn notifications_in_frrs_words() {
    let notified = |answer| {
        let all = neighbors(answer).unwrap();
        all[&peer("10.9.0.2")].last_reset.clone().unwrap()
    };
    let sent = notified(capture!("wrong-as-show-bgp-neighbors.json"));
    assert_eq!(sent.reason, "BGP Notification send");
    let words = "OPEN Message Error/Bad Peer AS".to_owned();
    assert_eq!(
        sent.notification,
        Some(Notification {
            words,
            hard_reset: false
        })
    );
    let received = notified(capture!("peer-shutdown-show-bgp-neighbors.json"));
    assert_eq!(
        (received.reason.as_str(), received.code),
        ("BGP Notification received", Some(13))
    );
    let words = "Cease/Administrative Shutdown".to_owned();
    assert_eq!(
        received.notification,
        Some(Notification {
            words,
            hard_reset: true
        })
    );
    let own = notified(capture!("shutdown-show-bgp-neighbors.json"));
    assert_eq!(
        (own.reason.as_str(), own.notification),
        ("Admin. shutdown", None)
    );
}

#[test]
fn instances_and_their_vnis() {
    let all = instances(capture!("show-bgp-vrfs.json")).unwrap();
    assert_eq!(all["default"].kind, InstanceKind::Default);
    assert_eq!(
        (all["default"].vni, all["default"].router_mac),
        (None, None)
    );
    let red = &all["red"];
    assert_eq!(
        (red.vni.unwrap().get(), red.num_established_peers),
        (100, 2)
    );
    assert_eq!(red.router_mac.unwrap().to_string(), "f2:b3:e2:88:2e:8b");
    assert_eq!(red.interface.as_deref(), Some("br-pe-100"));
    let all = instances(capture!("no-vrf-show-bgp-vrfs.json")).unwrap();
    assert_eq!((all["blue"].vrf_id, &all["blue"].interface), (None, &None));
}

fn routes(answer: &[u8]) -> (Streamed, Vec<UnicastRoute>) {
    let mut routes = Vec::new();
    let streamed = unicast(answer, |route| {
        routes.push(route);
        ControlFlow::Continue(())
    });
    (streamed.unwrap(), routes)
}

#[test]
fn a_route_that_an_aggregate_stands_for() {
    let (_, routes) = routes(
        br#"{"routes":{"172.16.1.0/24":[{"suppressed":true,"valid":true,"bestpath":true,
        "peerId":"192.169.10.2","path":"64515","nexthops":[{"ip":"192.169.10.2"}]}],
        "172.16.0.0/16":[{"valid":true,"bestpath":true,"peerId":"(unspec)","path":"",
        "nexthops":[{"ip":"0.0.0.0"}]}]},"totalRoutes":2,"totalPaths":2}"#,
    );
    let suppressed = routes.iter().map(|route| route.paths[0].suppressed);
    assert_eq!(suppressed.collect::<Vec<_>>(), [true, false]);
}

#[test]
fn routes_of_a_vrf() {
    let (streamed, routes) = routes(capture!("show-bgp-vrf-red-ipv4-unicast.json"));
    assert_eq!((streamed, routes.len()), (Streamed::Complete, 5));
    let double = &routes[4];
    assert_eq!(double.prefix.to_string(), "192.170.1.0/24");
    let [own, remote] = double.paths.as_slice() else {
        panic!("{double:?}")
    };
    assert_eq!(
        (own.best, own.valid, &own.source),
        (true, true, &Source::Local)
    );
    assert_eq!(
        own.next_hops,
        ["0.0.0.0".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!((remote.best, remote.valid), (false, true));
    assert_eq!(remote.source, Source::Peer("10.0.1.1".parse().unwrap()));
    assert_eq!(
        remote.next_hops,
        ["100.65.0.2".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(
        remote.as_path.numbers().collect::<Vec<_>>(),
        [Asn(64512), Asn(64514)]
    );
    assert_eq!(remote.extended, ExtendedCommunities::default());
}

#[test]
fn ipv6_routes_of_a_vrf() {
    let (streamed, routes) = routes(capture!("show-bgp-vrf-red-ipv6-unicast.json"));
    assert_eq!((streamed, routes.len()), (Streamed::Complete, 4));
    assert!(
        routes
            .iter()
            .all(|route| route.paths.iter().any(|path| path.best))
    );
}

#[test]
fn a_path_that_is_not_valid() {
    let (_, routes) = routes(capture!("not-valid-show-bgp-ipv4-unicast.json"));
    assert_eq!(
        (routes[0].paths[0].valid, routes[0].paths[0].best),
        (false, false)
    );
}

#[test]
fn no_table_and_an_empty_table_differ() {
    for absent in [
        capture!("no-bgp-show-bgp-ipv4-unicast.json"),
        capture!("no-bgp-show-bgp-vrf-blue-ipv4-unicast.json"),
    ] {
        assert_eq!(routes(absent), (Streamed::Absent, Vec::new()));
    }
    let empty = capture!("no-vrf-show-bgp-vrf-blue-ipv4-unicast.json");
    assert_eq!(routes(empty), (Streamed::Complete, Vec::new()));
}

fn without(answer: &[u8], field: &str) -> Vec<u8> {
    let text = std::str::from_utf8(answer).unwrap();
    assert!(text.contains(field));
    text.replace(field, "\"renamed\"").into_bytes()
}

fn source_of(error: &Error) -> String {
    std::error::Error::source(error)
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[test]
fn a_missing_field_is_named_with_its_place() {
    let answer = without(capture!("show-bgp-summary.json"), "\"state\"");
    let error = summary(&answer).unwrap_err();
    let command = "show bgp [vrf VRF] summary json";
    assert_eq!(
        error.to_string(),
        format!("{command}: at ipv4Unicast.peers.10.0.1.1")
    );
    assert!(
        source_of(&error).starts_with("missing field `state`"),
        "{}",
        source_of(&error)
    );

    let answer = without(capture!("show-bgp-vrf-red-ipv4-unicast.json"), "\"peerId\"");
    let error = unicast(&answer, |_| ControlFlow::Continue(())).unwrap_err();
    let command = "show bgp vrf VRF FAMILY unicast json";
    assert_eq!(
        error.to_string(),
        format!("{command}: at routes.172.16.1.0/24[0]")
    );
    assert!(
        source_of(&error).starts_with("missing field `peerId`"),
        "{}",
        source_of(&error)
    );
}

#[test]
fn unknown_fields_and_words_are_kept_out_of_the_way() {
    let text = std::str::from_utf8(capture!("show-bgp-summary.json")).unwrap();
    let newer = text
        .replace(
            "\"state\":\"Connect\"",
            "\"new\":{\"a\":[1,{}]},\"state\":\"Pondering\"",
        )
        .replace("\"l2VpnEvpn\"", "\"ipv9Unicast\"");
    let families = summary(newer.as_bytes()).unwrap();
    let unknown = &families[&AddressFamily::Other("ipv9Unicast".into())];
    assert_eq!(
        unknown.peers[&peer("10.0.1.77")].state,
        PeerState::Other("Pondering".into())
    );
}

#[test]
fn no_cut_answer_is_taken_for_whole() {
    let answer = capture!("show-bgp-neighbors.json").trim_ascii_end();
    for cut in 1..answer.len() {
        assert!(neighbors(&answer[..cut]).is_err(), "cut at {cut}");
    }
    let answer = capture!("show-bgp-vrf-red-ipv4-unicast.json").trim_ascii_end();
    for cut in 1..answer.len() {
        assert!(
            unicast(&answer[..cut], |_| ControlFlow::Continue(())).is_err(),
            "cut at {cut}"
        );
    }
}

#[test]
fn as_paths_with_sets() {
    let path: AsPath = "64512 {64513,64514} (65000)".parse().unwrap();
    assert_eq!(
        path.numbers().map(|asn| asn.0).collect::<Vec<_>>(),
        [64512, 64513, 64514, 65000]
    );
    assert!(path.contains(Asn(64514)) && !path.contains(Asn(6451)));
    assert_eq!(AsPath::default().numbers().count(), 0);
}

#[test]
fn extended_communities_in_any_order() {
    let one: ExtendedCommunities = "ET:8 RT:64514:100 Rmac:f2:b3:e2:88:2e:8b".parse().unwrap();
    let two: ExtendedCommunities =
        "Rmac:f2:b3:e2:88:2e:8b MM:1 RT:64514:100 SoO:1:2 RT:nonsense ET:8"
            .parse()
            .unwrap();
    assert_eq!(one, two);
    assert_eq!(one.encapsulation, Some(Encapsulation::Vxlan));
    assert_eq!(one.route_targets, ["64514:100".parse().unwrap()]);
    let other: ExtendedCommunities = "ET:9".parse().unwrap();
    assert_eq!(other.encapsulation, Some(Encapsulation::Other(9)));
}
