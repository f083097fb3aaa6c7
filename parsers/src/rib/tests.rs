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
                blackhole: false,
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
fn ipv6_and_blackhole_routes() {
    let (_, six) = prefixes(capture!("show-ipv6-route-vrf-red.json"));
    assert!(
        six.iter()
            .any(|prefix| prefix.routes.iter().any(|r| r.protocol == Protocol::Bgp))
    );
    let (_, four) = prefixes(capture!("show-ip-route.json"));
    assert!(
        four.iter()
            .any(|prefix| prefix.routes.iter().any(|r| r.protocol == Protocol::Bgp))
    );
}

#[test]
fn no_vrf_has_no_routes() {
    let (streamed, prefixes) = prefixes(capture!("no-vrf-show-ip-route-vrf-blue.json"));
    assert_eq!((streamed, prefixes), (Streamed::Complete, Vec::new()));
}
