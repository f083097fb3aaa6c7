//! Bridge domains: MAC and multicast routes, and the hosts that zebra knows.

use super::*;

#[test]
fn mac_routes_of_the_fabric() {
    let mut routes = Vec::new();
    let answer = capture!("segments-show-bgp-l2vpn-evpn-route-type-2.json");
    let streamed = type2_from(answer, |route| {
        routes.push(route);
        ControlFlow::Continue(())
    });
    assert_eq!(streamed.unwrap(), Streamed::Complete);
    let of = |rd: &str| {
        let rd: RouteDistinguisher = rd.parse().unwrap();
        routes.iter().filter(move |route| route.rd == rd)
    };
    assert_eq!(of("10.0.0.1:4").count(), 3);
    assert_eq!(of("10.0.0.1:5").count(), 4);
    let with_address = of("10.0.0.1:4").find(|route| route.ip.is_some()).unwrap();
    assert_eq!(with_address.mac, mac("f6:0a:27:2b:57:bc"));
    assert_eq!(with_address.ip, "fe80::f40a:27ff:fe2b:57bc".parse().ok());
    assert_eq!(with_address.paths[0].source, Source::Local);
    let received = of("10.0.0.2:4").next().unwrap();
    assert_eq!(received.mac, mac("3a:8f:63:48:57:c1"));
    assert_eq!(received.ip, None);
    let path = &received.paths[0];
    assert_eq!(
        path.next_hops,
        ["100.65.0.1".parse::<std::net::IpAddr>().unwrap()]
    );
    assert_eq!(path.extended.route_targets, ["64514:120".parse().unwrap()]);
    assert!(path.valid && path.best);
}

#[test]
fn multicast_routes_of_the_fabric() {
    let mut seen = Vec::new();
    let answer = capture!("segments-show-bgp-l2vpn-evpn-route-type-3.json");
    let streamed = type3_from(answer, |route| {
        seen.push((route.rd.to_string(), route.originator.to_string()));
        ControlFlow::Continue(())
    });
    assert_eq!(streamed.unwrap(), Streamed::Complete);
    let expected = [
        ("10.0.0.1:4", "100.65.0.0"),
        ("10.0.0.1:5", "100.65.0.0"),
        ("10.0.0.2:4", "100.65.0.1"),
        ("10.0.0.2:5", "100.65.0.1"),
    ];
    let expected = expected.map(|(rd, at)| (rd.to_owned(), at.to_owned()));
    assert_eq!(seen, expected);
}

#[test]
fn keys_that_are_none() {
    let wrong = [
        "[2]:[0]:[47]:[56:23:e0:4a:dc:07]",
        "[2]:[0]:[48]:[56:23:e0:4a:dc]",
        "[2]:[0]:[48]:[56:23:e0:4a:dc:07]:[32]",
        "[2]:[0]:[48]:[56:23:e0:4a:dc:07]:[32]:[fe80::1]",
        "[2]:[0]:[48]:[56:23:e0:4a:dc:07]:[32]:[10.0.0.1]:[1]",
        "[2]:[x]:[48]:[56:23:e0:4a:dc:07]",
        "[2]:[0]",
    ];
    for key in wrong {
        let answer = format!(r#"{{"10.0.0.1:2":{{"rd":"10.0.0.1:2","{key}":{{"paths":[]}}}}}}"#);
        let read = type2_from(answer.as_bytes(), |_| ControlFlow::Continue(()));
        let error = read.unwrap_err();
        assert!(matches!(error, Error::Data { .. }), "{key}: {error}");
    }
    for key in [
        "[3]:[0]:[128]:[10.0.0.1]",
        "[3]:[0]:[32]",
        "[3]:[0]:[32]:[10.0.0.1]:[1]",
    ] {
        let answer = format!(r#"{{"10.0.0.1:2":{{"{key}":{{"paths":[]}}}}}}"#);
        let read = type3_from(answer.as_bytes(), |_| ControlFlow::Continue(()));
        assert!(matches!(read.unwrap_err(), Error::Data { .. }), "{key}");
    }
}

#[test]
fn macs_that_zebra_knows() {
    let mut macs = Vec::new();
    let streamed = host_macs_from(capture!("segments-show-evpn-mac-vni-all.json"), |mac| {
        macs.push(mac);
        ControlFlow::Continue(())
    });
    assert_eq!(streamed.unwrap(), Streamed::Complete);
    assert_eq!(macs.len(), 10);
    let expected = HostMac {
        vni: vni(110),
        mac: mac("8a:7d:44:ec:9a:a5"),
        place: Place::Remote,
        remote_vtep: "100.65.0.1".parse().ok(),
        duplicate: false,
    };
    assert_eq!(macs[0], expected);
    let local = macs.iter().filter(|mac| mac.place == Place::Local);
    assert_eq!(local.count(), 5);
}

#[test]
fn addresses_that_zebra_knows() {
    let mut seen = Vec::new();
    let answer = capture!("segments-show-evpn-arp-cache-vni-all.json");
    let streamed = host_addresses_from(answer, |address| {
        seen.push((address.vni, address.ip.to_string(), address.place));
        assert!(!address.duplicate);
        ControlFlow::Continue(())
    });
    assert_eq!(streamed.unwrap(), Streamed::Complete);
    assert_eq!(seen.len(), 4);
    let first = (
        vni(110),
        "fe80::6c15:94ff:febf:cc3f".to_owned(),
        Place::Remote,
    );
    assert_eq!(seen[0], first);
}

#[test]
fn a_duplicate_and_nothing() {
    let answer = br#"{"110":{"numMacs":1,"macs":{"56:23:e0:4a:dc:07":{"type":"local","intf":"a",
        "localSequence":6,"remoteSequence":5,"detectionCount":5,"isDuplicate":true}}}}"#;
    let mut duplicates = 0;
    let read = host_macs_from(answer.as_slice(), |mac| {
        duplicates += u32::from(mac.duplicate);
        ControlFlow::Continue(())
    });
    assert_eq!((read.unwrap(), duplicates), (Streamed::Complete, 1));
    let read = host_macs_from(b"{}".as_slice(), |_| ControlFlow::Break(()));
    assert_eq!(read.unwrap(), Streamed::Complete);
    let empty = br#"{"110":{"numArpNd":0}}"#;
    let read = host_addresses_from(empty.as_slice(), |_| ControlFlow::Break(()));
    assert_eq!(read.unwrap(), Streamed::Complete);
}
