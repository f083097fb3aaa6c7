//! The captures, with exact values, and answers that are wrong.

use std::ops::ControlFlow;

use super::*;
use crate::{
    bgp::{Encapsulation, Source},
    id::{RouteDistinguisher, RouterMac, Vni},
    json::Error,
    stream::Streamed,
};

macro_rules! capture {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/captures/frr-10.3/",
            $name
        ))
        .as_slice()
    };
}

mod segments;

fn vni(number: u32) -> Vni {
    Vni::new(number).unwrap()
}

fn mac(text: &str) -> RouterMac {
    text.parse().unwrap()
}

fn routes(answer: &[u8]) -> (Streamed, Vec<Type5Route>) {
    let mut routes = Vec::new();
    let streamed = type5(answer, |route| {
        routes.push(route);
        ControlFlow::Continue(())
    });
    (streamed.unwrap(), routes)
}

/// Asked for one distinguisher, FRR lists paths where it lists lists of them otherwise.
#[test]
fn type5_routes_of_one_distinguisher() {
    let (streamed, routes) = routes(capture!("show-bgp-l2vpn-evpn-rd.json"));
    assert_eq!((streamed, routes.len()), (Streamed::Complete, 2));
    let rd: RouteDistinguisher = "10.1.0.1:21".parse().unwrap();
    for (route, prefix) in routes.iter().zip(["20.0.0.0/24", "20.0.1.0/24"]) {
        assert_eq!(
            (&route.rd, route.prefix.to_string()),
            (&rd, prefix.to_owned())
        );
        let [path] = route.paths.as_slice() else {
            panic!("{prefix} has one path");
        };
        assert!(path.valid && path.best);
        assert_eq!(
            path.next_hops,
            ["100.66.0.1".parse::<std::net::IpAddr>().unwrap()]
        );
        assert_eq!(path.extended.router_mac, Some(mac("02:00:00:00:00:01")));
    }
}

#[test]
fn a_distinguisher_that_nobody_uses_has_no_routes() {
    let (streamed, routes) = routes(capture!("no-rd-show-bgp-l2vpn-evpn-rd.json"));
    assert_eq!((streamed, routes), (Streamed::Complete, Vec::new()));
}

#[test]
fn type5_routes_of_the_fabric() {
    let (streamed, routes) = routes(capture!("show-bgp-l2vpn-evpn-route-type-5.json"));
    assert_eq!((streamed, routes.len()), (Streamed::Complete, 10));
    let own: RouteDistinguisher = "10.0.0.1:2".parse().unwrap();
    assert_eq!(routes.iter().filter(|route| route.rd == own).count(), 5);
    let prefixes: Vec<String> = routes
        .iter()
        .map(|route| route.prefix.to_string())
        .collect();
    assert_eq!(
        prefixes[5..],
        [
            "172.16.2.0/24",
            "192.170.1.0/24",
            "192.169.10.3/32",
            "2001:db8:16:2::/64",
            "2001:db8:169:10::3/128"
        ]
    );
    let exported = &routes[0].paths[0];
    assert_eq!(exported.source, Source::Local);
    assert_eq!(exported.extended.encapsulation, Some(Encapsulation::Vxlan));

    let received = &routes[5];
    assert_eq!(
        (received.rd.to_string(), received.ethernet_tag),
        ("10.0.0.2:2".to_owned(), 0)
    );
    let [path] = received.paths.as_slice() else {
        panic!("{received:?}")
    };
    assert!(path.valid && path.best && !path.multipath && !path.stale);
    assert_eq!(path.source, Source::Peer("10.0.1.1".parse().unwrap()));
    assert_eq!(path.as_path.as_str(), "64512 64514 64515");
    assert_eq!(
        path.next_hops,
        ["100.65.0.2".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(path.extended.route_targets, ["64514:100".parse().unwrap()]);
    assert_eq!(path.extended.router_mac, Some(mac("2e:ad:f5:91:dd:e4")));
    assert_eq!(path.extended.encapsulation, None);
}

#[test]
fn no_routes_and_no_instance_differ() {
    // FRR writes `{ ,"numPrefix":0,"numPaths":0}` for the former and nothing for the latter.
    let empty = capture!("no-route-show-bgp-l2vpn-evpn-route-type-5.json");
    assert_eq!(routes(empty), (Streamed::Complete, Vec::new()));
    let absent = capture!("no-bgp-show-bgp-l2vpn-evpn-route-type-5.json");
    assert_eq!(routes(absent), (Streamed::Absent, Vec::new()));
}

#[test]
fn a_reader_gives_what_memory_gives() {
    let answer = capture!("show-bgp-l2vpn-evpn-route-type-5.json");
    let mut read = Vec::new();
    let streamed = type5_from(answer, |route| {
        read.push(route);
        ControlFlow::Continue(())
    });
    assert_eq!((streamed.unwrap(), read), routes(answer));
}

#[test]
fn the_caller_may_stop() {
    let mut seen = 0;
    let streamed = type5(capture!("show-bgp-l2vpn-evpn-route-type-5.json"), |_| {
        seen += 1;
        if seen == 3 {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    assert_eq!((streamed.unwrap(), seen), (Streamed::Stopped, 3));
}

fn error_of(answer: &str) -> Error {
    type5(answer.as_bytes(), |_| ControlFlow::Continue(())).unwrap_err()
}

#[test]
fn a_wrong_entry_is_named_exactly() {
    let text = std::str::from_utf8(capture!("show-bgp-l2vpn-evpn-route-type-5.json")).unwrap();
    let key = "10.0.0.1:2.[5]:[0]:[24]:[172.16.1.0]";
    let command = "show bgp l2vpn evpn route type 5 json";
    let cause = |error: &Error| std::error::Error::source(error).unwrap().to_string();

    let error = error_of(&text.replace("\"peerId\"", "\"peer\""));
    assert_eq!(
        error.to_string(),
        format!("{command}: at {key}.paths[0][0]")
    );
    assert!(
        cause(&error).starts_with("missing field `peerId`"),
        "{}",
        cause(&error)
    );

    let error = error_of(&text.replace("\"100.65.0.1\"", "\"100.65.0\""));
    assert_eq!(
        error.to_string(),
        format!("{command}: at {key}.paths[0][0].nexthops[0].ip")
    );

    let error = error_of(&text.replace("[5]:[0]:[24]:[172.16.1.0]", "[5]:[0]:[33]:[172.16.1.0]"));
    assert_eq!(cause(&error), "the key is not [5]:[TAG]:[LENGTH]:[ADDRESS]");
}

#[test]
fn newer_fields_are_ignored() {
    let text = std::str::from_utf8(capture!("show-bgp-l2vpn-evpn-route-type-5.json")).unwrap();
    let newer = text
        .replace(
            "\"numPrefix\"",
            "\"localAS\":64514,\"x\":{\"a\":[{}]},\"numPrefix\"",
        )
        .replace(
            "\"paths\":",
            "\"pathCount\":1,\"flags\":{\"bestPathExists\":true},\"paths\":",
        )
        .replace("\"valid\":", "\"flags\":[\"a\"],\"valid\":");
    assert_eq!(routes(newer.as_bytes()), routes(text.as_bytes()));
}

#[test]
fn no_cut_answer_is_taken_for_whole() {
    let answer = capture!("show-bgp-l2vpn-evpn-route-type-5.json").trim_ascii_end();
    for cut in 1..answer.len() {
        let whole = type5(&answer[..cut], |_| ControlFlow::Continue(()));
        assert!(whole.is_err(), "cut at {cut}");
    }
    let mut twice = answer.to_vec();
    twice.extend_from_slice(b" x");
    assert!(type5(&twice, |_| ControlFlow::Continue(())).is_err());
}

fn sent(answer: &[u8]) -> (Streamed, Vec<Advertised>) {
    let mut routes = Vec::new();
    let streamed = advertised(answer, |route| {
        routes.push(route);
        ControlFlow::Continue(())
    });
    (streamed.unwrap(), routes)
}

#[test]
fn advertised_routes() {
    let (streamed, routes) = sent(capture!("show-bgp-l2vpn-evpn-advertised.json"));
    assert_eq!((streamed, routes.len()), (Streamed::Complete, 14));
    let first = Advertised {
        rd: "10.0.0.1:2".parse().unwrap(),
        key: EvpnKey::Prefix {
            ethernet_tag: 0,
            prefix: "172.16.1.0/24".parse().unwrap(),
        },
        next_hop: Some("100.65.0.1".parse().unwrap()),
        as_path: "64515".parse().unwrap(),
    };
    assert_eq!(routes[0], first);
    assert_eq!(
        routes[5].key,
        EvpnKey::Mac {
            ethernet_tag: 0,
            mac: "56:23:e0:4a:dc:07".parse().unwrap(),
            ip: None,
        }
    );
    let prefixes = routes
        .iter()
        .filter(|route| matches!(route.key, EvpnKey::Prefix { .. }));
    assert_eq!(prefixes.count(), 10);
}

#[test]
fn nothing_advertised_and_nobody_to_advertise_to_differ() {
    let empty = capture!("no-route-show-bgp-l2vpn-evpn-advertised.json");
    assert_eq!(sent(empty), (Streamed::Complete, Vec::new()));
    // FRR writes more behind these warnings: another object, or a sentence.
    for absent in [
        capture!("no-bgp-show-bgp-l2vpn-evpn-advertised.json"),
        capture!("no-neighbor-show-bgp-l2vpn-evpn-advertised.json"),
        capture!("no-family-show-bgp-l2vpn-evpn-advertised.json"),
    ] {
        assert_eq!(sent(absent), (Streamed::Absent, Vec::new()));
    }
    let error = error_of("% Unknown command: show bgp\n");
    assert!(matches!(error, Error::Refused { words, .. } if words.starts_with("% Unknown")));
    let error = error_of("{\"warning\":\"out of cheese\"}");
    assert!(matches!(error, Error::Refused { words, .. } if words == "out of cheese"));
}

#[test]
fn vnis_of_bgpd() {
    let vnis = bgp_vnis(capture!("show-bgp-l2vpn-evpn-vni.json"))
        .unwrap()
        .unwrap();
    let l3 = BgpVni {
        kind: VniKind::L3,
        in_kernel: InKernel::Yes,
        rd: "10.0.0.1:2".parse().unwrap(),
        originator_ip: "100.65.0.1".parse().unwrap(),
        import: vec!["64514:100".parse().unwrap()],
        export: vec!["64514:100".parse().unwrap()],
        router_mac: Some(mac("f2:b3:e2:88:2e:8b")),
    };
    assert_eq!(vnis[&vni(100)], l3);
    assert_eq!(
        (&vnis[&vni(110)].kind, vnis[&vni(110)].router_mac),
        (&VniKind::L2, None)
    );
    assert_eq!(vnis.len(), 2);
    assert_eq!(
        bgp_vnis(capture!("no-bgp-show-bgp-l2vpn-evpn-vni.json")).unwrap(),
        None
    );
}

#[test]
fn vnis_of_zebra() {
    let vnis = zebra_vnis(capture!("show-evpn-vni.json")).unwrap();
    let l2 = &vnis[&vni(110)];
    assert_eq!(
        (&l2.kind, l2.vxlan.as_deref(), l2.num_macs),
        (&VniKind::L2, Some("vni110"), 2)
    );
    assert_eq!(
        l2.remote_vteps,
        ["100.65.0.2".parse::<std::net::IpAddr>().unwrap()]
    );
    let l3 = &vnis[&vni(100)];
    assert_eq!((&l3.kind, l3.vrf.as_deref()), (&VniKind::L3, Some("red")));
    let lost = &zebra_vnis(capture!("no-vrf-show-evpn-vni.json")).unwrap()[&vni(77)];
    assert_eq!((&lost.vxlan, &lost.vrf), (&None, &None));
    assert!(
        zebra_vnis(capture!("no-vni-show-evpn-vni.json"))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn vnis_of_zebra_in_detail() {
    let details = vni_details(capture!("show-evpn-vni-detail.json")).unwrap();
    let l2 = L2Vni {
        vni: vni(110),
        vrf: Some("red".to_owned()),
        vxlan: Some("vni110".to_owned()),
        svi: Some("br-pe-110".to_owned()),
        local_vtep: "100.65.0.1".parse().unwrap(),
        macs: 2,
        neighbors: 0,
        remote_vteps: vec!["100.65.0.2".parse().unwrap()],
    };
    let l3 = L3Vni {
        vni: vni(100),
        vrf: Some("red".to_owned()),
        vxlan: Some("vni100".to_owned()),
        svi: Some("br-pe-100".to_owned()),
        local_vtep: "100.65.0.1".parse().unwrap(),
        state: LinkState::Up,
        router_mac: Some(mac("f2:b3:e2:88:2e:8b")),
        l2_vnis: vec![vni(110)],
    };
    assert_eq!(details, [VniDetail::L2(l2), VniDetail::L3(l3)]);

    let lost = vni_details(capture!("no-vrf-show-evpn-vni-detail.json")).unwrap();
    let [VniDetail::L3(lost)] = lost.as_slice() else {
        panic!("{lost:?}")
    };
    assert_eq!(
        (&lost.state, lost.router_mac, &lost.svi),
        (&LinkState::Down, None, &None)
    );
    // FRR writes an object in place of an empty list.
    assert_eq!(
        vni_details(capture!("no-vni-show-evpn-vni-detail.json")).unwrap(),
        []
    );
    assert!(vni_details(b"{\"vni\":100}").is_err());
}

#[test]
fn a_missing_field_in_a_detail_is_named() {
    let text = std::str::from_utf8(capture!("show-evpn-vni-detail.json")).unwrap();
    let error = vni_details(text.replace("\"state\"", "\"status\"").as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "show evpn vni detail json: at [1]");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.starts_with("missing field `state`"), "{cause}");
}

#[test]
fn vrfs_and_their_vnis() {
    let vrfs = vrf_vnis(capture!("show-vrf-vni.json")).unwrap();
    let red = VrfVni {
        vrf: "red".to_owned(),
        vni: vni(100),
        vxlan: Some("vni100".to_owned()),
        svi: Some("br-pe-100".to_owned()),
        state: LinkState::Up,
        router_mac: Some(mac("f2:b3:e2:88:2e:8b")),
    };
    assert_eq!(vrfs, [red]);
    let lost = vrf_vnis(capture!("no-vrf-show-vrf-vni.json")).unwrap();
    assert_eq!((&lost[0].state, &lost[0].vxlan), (&LinkState::Down, &None));
    assert_eq!(vrf_vnis(capture!("no-vni-show-vrf-vni.json")).unwrap(), []);
}

#[test]
fn remote_routers() {
    let macs = router_macs(capture!("show-evpn-rmac-vni-all.json")).unwrap();
    let router_mac = mac("2e:ad:f5:91:dd:e4");
    let vtep_ip = "100.65.0.2".parse().unwrap();
    assert_eq!(
        macs[&vni(100)],
        [RemoteRouter {
            router_mac,
            vtep_ip
        }]
    );
    let hops = next_hops(capture!("show-evpn-next-hops-vni-all.json")).unwrap();
    let mapped = "::ffff:100.65.0.2".parse().unwrap();
    let expected = [vtep_ip, mapped].map(|nexthop_ip| NextHop {
        nexthop_ip,
        router_mac,
    });
    assert_eq!(hops[&vni(100)], expected);
    assert!(
        router_macs(capture!("no-vni-show-evpn-rmac-vni-all.json"))
            .unwrap()
            .is_empty()
    );
    assert!(
        next_hops(capture!("no-vni-show-evpn-next-hops-vni-all.json"))
            .unwrap()
            .is_empty()
    );
}
