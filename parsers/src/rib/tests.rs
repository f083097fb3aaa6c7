//! The captures, with exact values.

use super::*;

macro_rules! capture {
    ($name:literal) => {
        include_bytes!(concat!("../../captures/frr-10.3/", $name)).as_slice()
    };
}

fn prefixes(answer: &[u8]) -> (Streamed, Vec<RibPrefix>) {
    let mut prefixes = Vec::new();
    let streamed = rib(answer, |prefix| {
        prefixes.push(prefix);
        ControlFlow::Continue(())
    });
    (streamed.unwrap(), prefixes)
}

#[test]
fn routes_of_a_vrf() {
    let (streamed, prefixes) = prefixes(capture!("show-ip-route-vrf-red.json"));
    assert_eq!((streamed, prefixes.len()), (Streamed::Complete, 7));
    let remote = RibPrefix {
        prefix: "172.16.2.0/24".parse().unwrap(),
        routes: vec![RibRoute {
            internal_flags: 8,
            protocol: Protocol::Bgp,
            selected: true,
            installed: true,
            distance: 20,
            metric: 0,
            table: 1100,
            next_hops: vec![RibNextHop {
                ip: Some("100.65.0.2".parse().unwrap()),
                interface_name: Some("br-pe-100".to_owned()),
                active: true,
                fib: true,
                on_link: true,
                recursive: false,
                drops: false,
            }],
        }],
    };
    assert_eq!(prefixes[1], remote);
    let connected = &prefixes[2].routes[0];
    assert_eq!(
        (&connected.protocol, connected.next_hops[0].ip),
        (&Protocol::Connected, None)
    );
}

#[test]
fn ipv6_routes_of_a_vrf() {
    let (_, six) = prefixes(capture!("show-ipv6-route-vrf-red.json"));
    let remote = "2001:db8:16:2::/64".parse().unwrap();
    let remote = six.iter().find(|prefix| prefix.prefix == remote).unwrap();
    let hop = &remote.routes[0].next_hops[0];
    assert_eq!(remote.routes[0].protocol, Protocol::Bgp);
    assert_eq!(
        (hop.ip, hop.on_link),
        (Some("::ffff:100.65.0.2".parse().unwrap()), true)
    );
}

#[test]
fn of_two_routes_one_is_selected() {
    let (_, prefixes) = prefixes(capture!("show-ip-route.json"));
    let own = prefixes
        .iter()
        .find(|own| own.prefix.to_string() == "100.65.0.1/32")
        .unwrap();
    let [local, connected] = own.routes.as_slice() else {
        panic!("{own:?}")
    };
    assert_eq!((&local.protocol, local.selected), (&Protocol::Local, false));
    assert_eq!(
        (&connected.protocol, connected.selected),
        (&Protocol::Connected, true)
    );
}

#[test]
fn routes_that_drop_and_routes_that_are_resolved() {
    let (_, prefixes) = prefixes(capture!("static-show-ip-route.json"));
    let hops = |prefix: &str| {
        let found = prefixes
            .iter()
            .find(|own| own.prefix.to_string() == prefix)
            .unwrap();
        found.routes[0].next_hops.clone()
    };
    for dropped in ["192.0.2.0/24", "192.0.2.0/25"] {
        let hops = hops(dropped);
        assert_eq!(
            (hops[0].drops, hops[0].ip, &hops[0].interface_name),
            (true, None, &None)
        );
    }
    let hops = hops("198.51.100.0/25");
    let [asked, found] = hops.as_slice() else {
        panic!("{hops:?}")
    };
    assert_eq!(
        (asked.recursive, asked.fib, &asked.interface_name),
        (true, false, &None)
    );
    assert_eq!((found.recursive, found.fib), (false, true));
}

#[test]
fn no_vrf_has_no_routes() {
    let (streamed, prefixes) = prefixes(capture!("no-vrf-show-ip-route-vrf-blue.json"));
    assert_eq!((streamed, prefixes), (Streamed::Complete, Vec::new()));
}

#[test]
fn what_zebra_found_is_told_from_what_it_was_told() {
    let said = |flags: u8| {
        let answer = format!(
            r#"{{"10.0.0.0/8":[{{"protocol":"bgp","distance":20,"metric":0,"table":254,
                "internalFlags":{flags},"nexthops":[]}}]}}"#
        );
        let (_, prefixes) = prefixes(answer.as_bytes());
        prefixes[0].routes[0].is_found()
    };
    // As zebra writes them after it was started again, before and after `clear bgp prefix`.
    assert_eq!([10, 8].map(said), [true, false]);
}
