//! What an underlay and its sessions with the fabric can be.

use perouter::api::{Bfd, BfdMode, Family, RemoteAs};

use super::{Feature, first, own, plainly, with_vtep};
use crate::intents::{
    addressed, asn, at, behind, bfd, from_range, graceful, hops, only, password, timers, with_vteps,
};

pub(super) fn vteps() -> Vec<Feature> {
    vec![
        plainly(
            "a VTEP",
            |i| *own(i) = with_vteps(Some("100.65.0.1"), None).underlay.unwrap(),
            &["network 100.65.0.1/32", "advertise-all-vni"],
        ),
        plainly(
            "a VTEP of IPv6",
            |i| *own(i) = with_vteps(None, Some("fd00:65::1")).underlay.unwrap(),
            &[
                "address-family ipv6 unicast",
                "network fd00:65::1/128",
                "advertise-all-vni",
            ],
        ),
        plainly(
            "VTEPs of both versions",
            |i| {
                *own(i) = with_vteps(Some("100.65.0.1"), Some("fd00:65::1"))
                    .underlay
                    .unwrap();
            },
            &["network 100.65.0.1/32", "network fd00:65::1/128"],
        ),
    ]
}

pub(super) fn restarts() -> Vec<Feature> {
    vec![
        plainly(
            "graceful restart with FRR's default times",
            |i| own(i).spec.graceful_restart = Some(graceful(120, 360)),
            &[
                "bgp graceful-restart\n",
                "bgp graceful-restart preserve-fw-state",
            ],
        ),
        plainly(
            "graceful restart with other times",
            |i| own(i).spec.graceful_restart = Some(graceful(60, 600)),
            &[
                "bgp graceful-restart restart-time 60",
                "bgp graceful-restart stalepath-time 600",
                "neighbor 10.9.0.2 timers connect 5",
            ],
        ),
        plainly(
            "graceful restart with one other time",
            |i| own(i).spec.graceful_restart = Some(graceful(4095, 360)),
            &["bgp graceful-restart restart-time 4095"],
        ),
    ]
}

pub(super) fn reflector_clients() -> Vec<Feature> {
    vec![
        with_vtep(
            "a client in all families",
            |i| {
                own(i).spec.reflector_cluster = Some([192, 0, 2, 1].into());
                let client = first(i);
                client.remote_as = RemoteAs::Internal;
                client.families = only([Family::Ipv4Unicast, Family::Evpn]);
                client.reflector_client = [Family::Ipv4Unicast, Family::Evpn].into();
            },
            &[
                "neighbor 10.9.0.2 route-reflector-client",
                "neighbor 10.9.0.2 next-hop-self force",
            ],
        ),
        with_vtep(
            "clients that call",
            |i| {
                own(i).spec.reflector_cluster = Some([192, 0, 2, 1].into());
                let mut clients = at(from_range("10.9.8.0/24"));
                clients.remote_as = RemoteAs::Internal;
                clients.families = only([Family::Evpn]);
                clients.reflector_client = [Family::Evpn].into();
                own(i).spec.neighbors.push(clients);
            },
            &["neighbor 10.9.8.0/24 route-reflector-client"],
        ),
    ]
}

pub(super) fn peers() -> Vec<Feature> {
    vec![
        plainly(
            "a neighbour at an IPv6 address",
            |i| own(i).spec.neighbors.push(at(addressed("fd00:9::2"))),
            &[
                "neighbor fd00:9::2 remote-as 64512",
                "neighbor fd00:9::2 disable-connected-check",
                "address-family ipv6 unicast",
                "neighbor fd00:9::2 activate",
            ],
        ),
        with_vtep(
            "an IPv6 neighbour alone, with a VTEP",
            |i| own(i).spec.neighbors = vec![at(addressed("fd00:9::2"))],
            &[
                "neighbor fd00:9::2 capability extended-nexthop",
                "neighbor fd00:9::2 allowas-in",
            ],
        ),
        plainly(
            "a neighbour behind an interface",
            |i| {
                let mut unnumbered = at(behind("eth1"));
                unnumbered.remote_as = RemoteAs::External;
                own(i).spec.neighbors.push(unnumbered);
            },
            &["neighbor eth1 interface remote-as external"],
        ),
        plainly(
            "a neighbour behind an interface, of a given AS",
            |i| own(i).spec.neighbors = vec![at(behind("eth1"))],
            &[
                "neighbor eth1 interface remote-as 64512",
                "neighbor eth1 allowas-in",
            ],
        ),
        plainly(
            "an iBGP neighbour behind an interface",
            |i| {
                let mut unnumbered = at(behind("eth1"));
                unnumbered.remote_as = RemoteAs::Internal;
                own(i).spec.neighbors = vec![unnumbered];
            },
            &[
                "neighbor eth1 interface remote-as internal",
                "neighbor eth1 next-hop-self force",
            ],
        ),
        plainly(
            "neighbours that call",
            |i| own(i).spec.neighbors.push(at(from_range("10.9.7.0/24"))),
            &[
                "neighbor 10.9.7.0/24 peer-group",
                "neighbor 10.9.7.0/24 remote-as 64512",
                "bgp listen limit 65535",
                "bgp listen range 10.9.7.0/24 peer-group 10.9.7.0/24",
            ],
        ),
        plainly(
            "neighbours that call, of both versions",
            |i| {
                let mut any = at(from_range("10.9.7.0/24"));
                any.remote_as = RemoteAs::External;
                any.password = Some(password("s3cret"));
                any.timers = Some(timers(3, 9));
                any.bfd = Some(Bfd::default());
                own(i).spec.neighbors = vec![any, at(from_range("fd00:9:7::/64"))];
            },
            &[
                "neighbor 10.9.7.0/24 remote-as external",
                "neighbor 10.9.7.0/24 password s3cret",
                "neighbor fd00:9:7::/64 remote-as 64512",
                "bgp listen range fd00:9:7::/64 peer-group fd00:9:7::/64",
            ],
        ),
    ]
}

pub(super) fn remote_as() -> Vec<Feature> {
    vec![
        plainly(
            "iBGP by number",
            |i| first(i).remote_as = RemoteAs::Number(asn(64514)),
            &[
                "neighbor 10.9.0.2 remote-as 64514",
                "neighbor 10.9.0.2 next-hop-self force",
            ],
        ),
        plainly(
            "iBGP by word",
            |i| first(i).remote_as = RemoteAs::Internal,
            &[
                "neighbor 10.9.0.2 remote-as internal",
                "neighbor 10.9.0.2 next-hop-self force",
            ],
        ),
        plainly(
            "eBGP by word",
            |i| first(i).remote_as = RemoteAs::External,
            &[
                "neighbor 10.9.0.2 remote-as external",
                "neighbor 10.9.0.2 allowas-in",
            ],
        ),
    ]
}

pub(super) fn ports() -> Vec<Feature> {
    vec![
        plainly(
            "another port",
            |i| first(i).port = Some(1179.try_into().unwrap()),
            &["neighbor 10.9.0.2 port 1179"],
        ),
        plainly(
            "the standard port, said",
            |i| first(i).port = Some(179.try_into().unwrap()),
            &[],
        ),
    ]
}

pub(super) fn passwords() -> Vec<Feature> {
    vec![plainly(
        "a password",
        |i| first(i).password = Some(password("s3cret!%$")),
        &["neighbor 10.9.0.2 password s3cret!%$"],
    )]
}

pub(super) fn connect_times() -> Vec<Feature> {
    vec![
        plainly(
            "a connect timer",
            |i| first(i).connect_time = Some(10),
            &["neighbor 10.9.0.2 timers connect 10"],
        ),
        plainly(
            "FRR's default connect timer, said",
            |i| first(i).connect_time = Some(120),
            &["neighbor 10.9.0.2 timers connect 120"],
        ),
    ]
}

pub(super) fn timers_of_sessions() -> Vec<Feature> {
    vec![
        plainly(
            "timers",
            |i| first(i).timers = Some(timers(3, 9)),
            &["neighbor 10.9.0.2 timers 3 9"],
        ),
        plainly(
            "FRR's default timers, said",
            |i| first(i).timers = Some(timers(60, 180)),
            &["neighbor 10.9.0.2 timers 60 180"],
        ),
        plainly(
            "no hold timer",
            |i| first(i).timers = Some(timers(0, 0)),
            &["neighbor 10.9.0.2 timers 0 0"],
        ),
    ]
}

pub(super) fn multihop() -> Vec<Feature> {
    vec![
        plainly(
            "any number of hops",
            |i| first(i).ebgp_multihop = Some(hops(None)),
            &["neighbor 10.9.0.2 ebgp-multihop\n"],
        ),
        plainly(
            "two hops",
            |i| first(i).ebgp_multihop = Some(hops(Some(2))),
            &["neighbor 10.9.0.2 ebgp-multihop 2"],
        ),
        plainly(
            "one hop, said",
            |i| first(i).ebgp_multihop = Some(hops(Some(1))),
            &[],
        ),
        plainly(
            "255 hops, said",
            |i| first(i).ebgp_multihop = Some(hops(Some(255))),
            &["neighbor 10.9.0.2 ebgp-multihop\n"],
        ),
        plainly(
            "hops to an iBGP neighbour, where they mean nothing",
            |i| {
                first(i).remote_as = RemoteAs::Internal;
                first(i).ebgp_multihop = Some(hops(Some(2)));
            },
            &["neighbor 10.9.0.2 remote-as internal"],
        ),
        plainly(
            "hops to an IPv6 neighbour",
            |i| {
                let mut far = at(addressed("fd00:9::3"));
                far.ebgp_multihop = Some(hops(Some(4)));
                own(i).spec.neighbors.push(far);
            },
            &["neighbor fd00:9::3 ebgp-multihop 4"],
        ),
    ]
}

pub(super) fn watched() -> Vec<Feature> {
    vec![
        plainly(
            "BFD",
            |i| first(i).bfd = Some(Bfd::default()),
            &["neighbor 10.9.0.2 bfd\n"],
        ),
        plainly(
            "BFD with FRR's default times, said",
            |i| first(i).bfd = Some(bfd(300, 3)),
            &["neighbor 10.9.0.2 bfd\n"],
        ),
        plainly(
            "BFD with a profile",
            |i| first(i).bfd = Some(bfd(100, 5)),
            &[
                "neighbor 10.9.0.2 bfd\n",
                "neighbor 10.9.0.2 bfd profile neighbor-10.9.0.2",
                "profile neighbor-10.9.0.2",
                "detect-multiplier 5",
                "transmit-interval 100",
                "receive-interval 100",
            ],
        ),
        plainly(
            "BFD that waits",
            |i| {
                first(i).bfd = Some(Bfd {
                    mode: BfdMode::Passive,
                    minimum_ttl: Some(250),
                    ..Bfd::default()
                });
            },
            &["passive-mode", "minimum-ttl 250"],
        ),
        plainly(
            "BFD of an unnumbered and of an IPv6 neighbour",
            |i| {
                for peer in [behind("eth2"), addressed("fd00:9::4")] {
                    let mut watched = at(peer);
                    watched.bfd = Some(bfd(200, 3));
                    own(i).spec.neighbors.push(watched);
                }
            },
            &[
                "neighbor eth2 bfd profile neighbor-eth2",
                "neighbor fd00:9::4 bfd profile neighbor-fd00:9::4",
            ],
        ),
    ]
}

pub(super) fn families() -> Vec<Feature> {
    vec![
        plainly(
            "EVPN alone",
            |i| first(i).families = only([Family::Evpn]),
            &["address-family l2vpn evpn", "neighbor 10.9.0.2 activate"],
        ),
        plainly(
            "IPv6 over an IPv4 session",
            |i| first(i).families = only([Family::Ipv4Unicast, Family::Ipv6Unicast]),
            &[
                "neighbor 10.9.0.2 disable-connected-check",
                "address-family ipv6 unicast",
            ],
        ),
        plainly(
            "all families, without a VTEP",
            |i| {
                first(i).families = only([Family::Ipv4Unicast, Family::Ipv6Unicast, Family::Evpn]);
            },
            &["address-family ipv4 unicast", "address-family l2vpn evpn"],
        ),
        with_vtep(
            "IPv4 alone, with a VTEP",
            |i| first(i).families = only([Family::Ipv4Unicast]),
            &["address-family ipv4 unicast", "advertise-all-vni"],
        ),
        with_vtep(
            "EVPN with an iBGP neighbour",
            |i| first(i).remote_as = RemoteAs::Internal,
            &["neighbor 10.9.0.2 next-hop-self force", "advertise-all-vni"],
        ),
    ]
}
