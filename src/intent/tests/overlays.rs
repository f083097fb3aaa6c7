//! Segments, the passthrough, both IP versions, and who is selected.

use super::{first, one_rejection, then, then_of_api};
use crate::api::{
    HostMaster, HostSession, IpVersion, Kind, L2Vni, L3Vni, LocalCidr, TunnelEndpoint, Underlay,
};
use crate::intent::samples::{
    fabric, key, l2vni, l3passthrough, l3vni, routed_segment, segment, underlay, vrf, vrf_with_host,
};
use crate::intent::{Kept, Resolution};

fn segments(resolution: &Resolution) -> Vec<String> {
    let segments = resolution.intent.segments.iter();
    let shown = segments.map(|own| {
        let vrf = own.vrf.as_ref().map_or("-", |vrf| vrf.as_str());
        format!("{} {} {vrf}", own.key.name, own.spec.vni)
    });
    shown.collect()
}

fn session(pool: &str) -> HostSession {
    vrf_with_host("any", 1, pool)
        .host_session
        .expect("it has one")
}

#[test]
fn a_vrf_routes_its_segments_and_nobody_elses() {
    let resolution = first([
        fabric("u", underlay()),
        l3vni("a", vrf("red", 100)),
        l3vni("b", vrf("blue", 200)),
        l2vni("s", routed_segment(110, "a", "10.20.0.1/24")),
        l2vni("t", routed_segment(120, "a", "10.21.0.1/24")),
        l2vni("alone", segment(130)),
    ]);
    assert_eq!(resolution.rejections, []);
    assert_eq!(
        segments(&resolution),
        ["alone 130 -", "s 110 red", "t 120 red"]
    );
    let subnets = |name: &str| {
        let mut vnis = resolution.intent.vnis.iter();
        let own = vnis.find(|own| own.key.name == name).expect(name);
        own.gateway_subnets
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
    };
    assert_eq!(subnets("a"), ["10.20.0.0/24", "10.21.0.0/24"]);
    assert_eq!(subnets("b"), Vec::<String>::new());
}

#[test]
fn a_segment_without_its_routing_domain_waits_for_it() {
    let lan = || l2vni("s", routed_segment(110, "a", "10.20.0.1/24"));
    let orphan = first([fabric("u", underlay()), lan()]);
    assert_eq!(segments(&orphan), Vec::<String>::new());
    let rejection = one_rejection(&orphan);
    assert_eq!(
        rejection.message,
        "s.yaml: L2VNI default/s: spec.routingDomain: L3VNI default/a is not in force on this \
         node; create or mend it first"
    );
    let domain = || l3vni("a", vrf("red", 100));
    let whole = then(&orphan, [fabric("u", underlay()), lan(), domain()]);
    assert_eq!(segments(&whole), ["s 110 red"]);
    let without = then(&whole, [fabric("u", underlay()), lan()]);
    assert_eq!((segments(&without), without.rejections.len()), (vec![], 1));
    let again = then(&without, [fabric("u", underlay()), lan(), domain()]);
    assert_eq!(
        (segments(&again), again.rejections),
        (vec!["s 110 red".to_owned()], vec![])
    );
}

/// One VNI is one network, whatever kind asks for it; and what stands is not pushed out by a
/// kind that is settled earlier.
#[test]
fn a_vni_is_taken_once_among_all_kinds() {
    let lan = || l2vni("s", segment(100));
    let before = first([fabric("u", underlay()), lan()]);
    let after = then(
        &before,
        [fabric("u", underlay()), lan(), l3vni("a", vrf("red", 100))],
    );
    assert_eq!(segments(&after), ["s 100 -"]);
    let rejection = one_rejection(&after);
    assert_eq!(
        (rejection.message.as_str(), rejection.kept),
        (
            "a.yaml: L3VNI default/a: spec.vni: 100 is already used by L2VNI default/s",
            Kept::Nothing
        )
    );
}

#[test]
fn what_a_vrf_routes_does_not_overlap() {
    let domain = || l3vni("a", vrf_with_host("red", 100, "10.20.0.0/25"));
    let other = || l3vni("b", vrf("blue", 200));
    let overlapping = first([
        fabric("u", underlay()),
        domain(),
        other(),
        l2vni("s", routed_segment(110, "a", "10.20.0.1/24")),
        l2vni("t", routed_segment(120, "b", "10.20.0.1/24")),
        l2vni("x", routed_segment(130, "b", "10.20.0.200/25")),
    ]);
    assert_eq!(
        segments(&overlapping),
        ["t 120 blue"],
        "in another VRF it is another subnet"
    );
    let told: Vec<_> = overlapping
        .rejections
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "s.yaml: L2VNI default/s: spec.gatewayIPs: 10.20.0.0/24 overlaps 10.20.0.0/25 of L3VNI \
             default/a",
            "x.yaml: L2VNI default/x: spec.gatewayIPs: 10.20.0.128/25 overlaps 10.20.0.0/24 of \
             L2VNI default/t",
        ]
    );
}

/// An edit of the VRF's host session comes after the segment that stands.
#[test]
fn a_host_session_does_not_move_into_a_segment() {
    let lan = || l2vni("s", routed_segment(110, "a", "10.20.0.1/24"));
    let with = |pool| {
        [
            fabric("u", underlay()),
            l3vni("a", vrf_with_host("red", 100, pool)),
            lan(),
        ]
    };
    let before = first(with("192.169.10.0/24"));
    let after = then_of_api(&before, with("10.20.0.0/26"));
    assert_eq!(segments(&after), ["s 110 red"]);
    assert_eq!(after.intent, before.intent);
    assert_eq!(
        one_rejection(&after).message,
        "a.yaml: L3VNI default/a: spec.hostSession.localCIDR.ipv4: 10.20.0.0/26 overlaps \
         10.20.0.0/24 of L2VNI default/s"
    );
}

#[test]
fn host_sessions_share_the_hosts_table_in_both_ip_versions() {
    let dual = |ipv4: &str, ipv6: &str| HostSession {
        local_cidr: LocalCidr {
            ipv4: Some(ipv4.parse().expect("a prefix")),
            ipv6: Some(ipv6.parse().expect("a prefix")),
        },
        ..session("10.0.0.0/24")
    };
    let of_vrf = |name: &str, number, session| L3Vni {
        host_session: Some(session),
        ..vrf(name, number)
    };
    let resolution = first([
        fabric("u", underlay()),
        l3vni(
            "a",
            of_vrf("red", 100, dual("192.169.10.0/24", "fd00:10::/64")),
        ),
        l3vni(
            "b",
            of_vrf("blue", 200, dual("192.169.11.0/24", "fd00:10::/48")),
        ),
        l3passthrough("p", dual("192.169.10.128/25", "fd00:12::/64")),
        l3passthrough("q", dual("192.169.12.0/24", "fd00:12::/64")),
        l3passthrough("r", dual("192.169.13.0/24", "fd00:13::/64")),
    ]);
    let told: Vec<_> = resolution
        .rejections
        .iter()
        .map(|one| one.message.as_str())
        .collect();
    assert_eq!(
        told,
        [
            "b.yaml: L3VNI default/b: spec.hostSession.localCIDR.ipv6: fd00:10::/48 overlaps \
             fd00:10::/64 of L3VNI default/a",
            "p.yaml: L3Passthrough default/p: this node already has L3Passthrough default/q; only \
             one L3Passthrough may select a node",
            "r.yaml: L3Passthrough default/r: this node already has L3Passthrough default/q; only \
             one L3Passthrough may select a node",
        ]
    );
    let passthrough = resolution.intent.passthrough.expect("it is in force");
    assert_eq!(passthrough.key, key(Kind::L3Passthrough, "q"));
    let legs = passthrough
        .legs
        .iter()
        .map(|leg| format!("{} {}", leg.router, leg.host));
    assert_eq!(
        legs.collect::<Vec<_>>(),
        [
            "192.169.12.1/24 192.169.12.3/24",
            "fd00:12::1/64 fd00:12::3/64"
        ]
    );
}

#[test]
fn a_passthrough_and_a_vrf_do_not_share_a_subnet() {
    let resolution = first([
        fabric("u", underlay()),
        l3vni("a", vrf_with_host("red", 100, "192.169.10.0/24")),
        l3passthrough("p", session("192.169.10.128/25")),
    ]);
    assert_eq!(
        one_rejection(&resolution).message,
        "p.yaml: L3Passthrough default/p: spec.hostSession.localCIDR.ipv4: 192.169.10.128/25 \
         overlaps 192.169.10.0/24 of L3VNI default/a"
    );
}

#[test]
fn without_an_underlay_there_is_no_passthrough_and_no_segment() {
    let both = || {
        [
            l3passthrough("p", session("192.169.10.0/24")),
            l2vni("s", segment(110)),
        ]
    };
    let before = first(both().into_iter().chain([fabric("u", underlay())]));
    assert!(before.intent.passthrough.is_some());
    assert_eq!(segments(&before), ["s 110 -"]);
    let after = then(&before, both());
    assert_eq!(
        (after.intent.passthrough, after.intent.segments),
        (None, vec![])
    );
    assert_eq!(after.rejections.len(), 2);
}

#[test]
fn tunnels_go_over_what_the_underlay_has() {
    let over = |over| L2Vni {
        tunnels_over: Some(over),
        ..segment(110)
    };
    let ipv6 = "fd00:65::/64".parse().expect("a prefix");
    let with = |ipv4: bool| Underlay {
        tunnel_endpoint: TunnelEndpoint {
            ipv4: underlay().tunnel_endpoint.ipv4.filter(|_| ipv4),
            ipv6: Some(ipv6),
        },
        ..underlay()
    };
    let dual = first([fabric("u", with(true)), l2vni("s", over(IpVersion::V6))]);
    assert_eq!(dual.rejections, []);
    let vteps = dual.intent.underlay.expect("it is in force").vteps;
    let start = |over| vteps.local(over).expect("it has it").to_string();
    assert_eq!(start(None), "100.65.0.1");
    assert_eq!(start(Some(IpVersion::V4)), "100.65.0.1");
    assert_eq!(start(Some(IpVersion::V6)), "fd00:65::1");
    let lacking = first([fabric("u", with(false)), l2vni("s", over(IpVersion::V4))]);
    assert_eq!(
        one_rejection(&lacking).message,
        "s.yaml: L2VNI default/s: spec.underlayAddressFamily: Underlay default/u has no IPv4 \
         prefix in spec.tunnelEndpoint.cidrs"
    );
}

#[test]
fn a_bridge_of_others_has_no_name_of_ours() {
    let on = |bridge: &str| L2Vni {
        host_master: Some(HostMaster::External(bridge.parse().expect("a name"))),
        ..segment(110)
    };
    let resolution = first([fabric("u", underlay()), l2vni("s", on("br-hs-7"))]);
    assert_eq!(
        one_rejection(&resolution).message,
        "s.yaml: L2VNI default/s: spec.hostMaster.linuxBridge.name: no bridge of others is named \
         br-hs-7: links of VNIs are named so"
    );
}
