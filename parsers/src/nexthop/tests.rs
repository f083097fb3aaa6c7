use super::*;

macro_rules! capture {
    ($name:literal) => {
        include_bytes!(concat!("../../captures/frr-10.3/", $name)).as_slice()
    };
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn next_hops_of_bgpd() {
    let known = bgp(capture!("segments-show-bgp-nexthop.json")).unwrap();
    let there: Vec<String> = known.keys().map(ToString::to_string).collect();
    assert_eq!(there, ["10.0.1.1", "100.64.0.9", "100.65.0.1"]);
    assert!(known.values().all(|next_hop| next_hop.valid));
}

#[test]
fn one_that_bgpd_cannot_reach() {
    let answer = br#"{"ipv4":{"100.65.0.9":{"valid":false,"complete":false,"igpMetric":0,
        "pathCount":1,"lastUpdate":1795857307}},"ipv6":{"fd00::9":{"valid":false}}}"#;
    let known = bgp(answer).unwrap();
    assert_eq!(known.len(), 2);
    assert!(known.values().all(|next_hop| !next_hop.valid));
}

#[test]
fn next_hops_that_zebra_watches() {
    let known = tracked(capture!("show-ip-nht.json")).unwrap();
    assert_eq!(known.len(), 3);
    let expected = Tracked {
        prefix: Some("100.65.0.2/32".parse().unwrap()),
        resolved_protocol: Some("bgp".to_owned()),
    };
    assert_eq!(known[&ip("100.65.0.2")], expected);
}

#[test]
fn one_without_a_route_and_none_at_all() {
    let answer = br#"{"default":{"ipv4":{"resolveViaDefault":true,
        "100.65.0.9":{"nhtConnected":false,"clientList":[],"nexthops":[]}}}}"#;
    let known = tracked(answer).unwrap();
    assert_eq!(known[&ip("100.65.0.9")].prefix, None);
    assert_eq!(tracked(b"{}").unwrap(), BTreeMap::new());
    assert_eq!(bgp(b"").unwrap(), BTreeMap::new());
}
