//! What VRFs, sessions with the host and raw lines can be.

use perouter::api::RemoteAs;

use super::{Feature, plainly, with_vtep};
use crate::intents::{
    asn, bare_vni, passthrough, rules, vni_with_allowed, vni_with_host, vni_with_pools,
    vni_with_targets, with_raw,
};

pub(super) fn vrfs() -> Vec<Feature> {
    vec![
        with_vtep(
            "a VNI without a host session",
            |i| i.vnis = vec![bare_vni("red", 100)],
            &[
                "router bgp 64514 vrf red",
                "advertise ipv4 unicast",
                "advertise ipv6 unicast",
            ],
        ),
        with_vtep(
            "two VNIs",
            |i| {
                i.vnis = vec![
                    vni_with_host("red", 100, 64514, RemoteAs::External),
                    vni_with_targets("blue", 200, &["65000:1"], &["65000:2"]),
                ];
            },
            &["router bgp 64514 vrf red", "router bgp 64514 vrf blue"],
        ),
    ]
}

pub(super) fn host_as() -> Vec<Feature> {
    vec![
        with_vtep(
            "a host session with any other AS",
            |i| i.vnis = vec![vni_with_host("red", 100, 64514, RemoteAs::External)],
            &["neighbor 192.169.10.2 remote-as external"],
        ),
        with_vtep(
            "an internal host session",
            |i| i.vnis = vec![vni_with_host("red", 100, 64514, RemoteAs::Internal)],
            &[
                "neighbor 192.169.10.2 remote-as internal",
                "neighbor 192.169.10.2 next-hop-self force",
            ],
        ),
        with_vtep(
            "a VNI with an AS number of its own",
            |i| {
                let host = RemoteAs::Number(asn(64515));
                i.vnis = vec![vni_with_host("red", 100, 65001, host)];
            },
            &["router bgp 65001 vrf red"],
        ),
    ]
}

pub(super) fn host_cidrs() -> Vec<Feature> {
    vec![
        with_vtep(
            "a host session over IPv6",
            |i| {
                let pools = ["2001:db8:169:10::/64"];
                i.vnis = vec![vni_with_pools(
                    "red",
                    100,
                    64514,
                    RemoteAs::External,
                    &pools,
                )];
            },
            &[
                "neighbor 2001:db8:169:10::2 remote-as external",
                "network 2001:db8:169:10::2/128",
                "neighbor 2001:db8:169:10::2 route-map allowall in",
            ],
        ),
        with_vtep(
            "a host session over both versions, in one block",
            |i| {
                let pools = ["192.169.10.0/24", "2001:db8:169:10::/64"];
                let host = RemoteAs::Number(asn(64515));
                i.vnis = vec![vni_with_pools("red", 100, 64514, host, &pools)];
            },
            &[
                "neighbor 192.169.10.2 remote-as 64515",
                "neighbor 2001:db8:169:10::2 remote-as 64515",
                "network 192.169.10.2/32",
                "network 2001:db8:169:10::2/128",
            ],
        ),
    ]
}

pub(super) fn host_sessions() -> Vec<Feature> {
    vec![with_vtep(
        "an eBGP host session",
        |i| {
            let host = RemoteAs::Number(asn(64515));
            i.vnis = vec![vni_with_host("red", 100, 64514, host)];
        },
        &[
            "neighbor 192.169.10.2 remote-as 64515",
            "neighbor 192.169.10.2 route-map allowall in",
            "neighbor 192.169.10.2 route-map allowall out",
            "network 192.169.10.2/32",
            "route-map allowall permit 1",
        ],
    )]
}

pub(super) fn allowed() -> Vec<Feature> {
    vec![
        with_vtep(
            "what the host may announce",
            |i| {
                let allowed = rules(&[("172.16.0.0/12", 12, 32), ("10.1.2.3/32", 32, 32)]);
                i.vnis = vec![vni_with_allowed(&["192.169.10.0/24"], allowed, None)];
            },
            &[
                "seq 5 permit 172.16.0.0/12 le 32",
                "seq 10 permit 10.1.2.3/32\n",
                "deny any",
                "neighbor 192.169.10.2 prefix-list red-in-",
            ],
        ),
        with_vtep(
            "what the host is told",
            |i| {
                let allowed = rules(&[("0.0.0.0/0", 0, 0), ("10.0.0.0/8", 16, 24)]);
                i.vnis = vec![vni_with_allowed(&["192.169.10.0/24"], None, allowed)];
            },
            &[
                "permit 0.0.0.0/0\n",
                "permit 10.0.0.0/8 ge 16 le 24",
                "neighbor 192.169.10.2 prefix-list red-out-",
            ],
        ),
        with_vtep(
            "prefixes of both versions, both ways",
            |i| {
                let pools = ["192.169.10.0/24", "2001:db8:169:10::/64"];
                let incoming = rules(&[("172.16.0.0/12", 13, 13), ("2001:db8::/32", 33, 128)]);
                let outgoing = rules(&[("::/0", 0, 128)]);
                i.vnis = vec![vni_with_allowed(&pools, incoming, outgoing)];
            },
            &[
                "permit 172.16.0.0/12 ge 13 le 13",
                "permit 2001:db8::/32 ge 33 le 128",
                "permit ::/0 le 128",
                "neighbor 2001:db8:169:10::2 prefix-list red-in-",
            ],
        ),
        with_vtep(
            "no prefix at all",
            |i| {
                let pools = ["192.169.10.0/24"];
                i.vnis = vec![vni_with_allowed(&pools, Some(Vec::new()), Some(Vec::new()))];
            },
            &["seq 5 deny any", "prefix-list red-out-"],
        ),
    ]
}

pub(super) fn targets() -> Vec<Feature> {
    vec![
        with_vtep(
            "explicit route targets of all encodings",
            |i| {
                i.vnis = vec![vni_with_targets(
                    "red",
                    100,
                    &["65000:1", "4200000001:2", "192.0.2.1:3"],
                    &["65000:4", "4200000001:5", "192.0.2.1:6"],
                )];
            },
            &["route-target import 65000:1", "route-target export 65000:4"],
        ),
        with_vtep(
            "route targets of one direction",
            |i| i.vnis = vec![vni_with_targets("red", 100, &["65000:1"], &[])],
            &["route-target import 65000:1"],
        ),
        with_vtep(
            "the route targets that FRR derives, said",
            |i| i.vnis = vec![vni_with_targets("red", 100, &["64514:100"], &["64514:100"])],
            &["advertise ipv4 unicast"],
        ),
        with_vtep(
            "derived and other route targets together",
            |i| {
                i.vnis = vec![vni_with_targets(
                    "red",
                    100,
                    &["64514:100", "65000:1"],
                    &["65000:2", "64514:100"],
                )];
            },
            &["route-target import 65000:1", "route-target export 65000:2"],
        ),
        with_vtep(
            "one route target in both directions",
            |i| i.vnis = vec![vni_with_targets("red", 100, &["65000:1"], &["65000:1"])],
            &["65000:1"],
        ),
    ]
}

pub(super) fn passthroughs() -> Vec<Feature> {
    vec![
        plainly(
            "the host's session with the router",
            |i| i.passthrough = Some(passthrough(RemoteAs::External, &["192.169.20.0/24"])),
            &[
                "neighbor 192.169.20.2 remote-as external",
                "neighbor 192.169.20.2 timers connect 5",
                "network 192.169.20.2/32",
                "neighbor 192.169.20.2 route-map allowall out",
            ],
        ),
        with_vtep(
            "the host's sessions with the router, of both versions and iBGP",
            |i| {
                let pools = ["192.169.20.0/24", "2001:db8:169:20::/64"];
                i.passthrough = Some(passthrough(RemoteAs::Internal, &pools));
            },
            &[
                "neighbor 2001:db8:169:20::2 remote-as internal",
                "network 2001:db8:169:20::2/128",
                "neighbor 192.169.20.2 next-hop-self force",
                "neighbor 10.9.0.2 disable-connected-check",
            ],
        ),
        plainly(
            "limits to what the host may tell the router",
            |i| {
                let mut own = passthrough(RemoteAs::External, &["192.169.20.0/24"]);
                own.session.allowed.incoming = rules(&[("172.20.0.0/16", 16, 24)]);
                i.passthrough = Some(own);
            },
            &[
                "permit 172.20.0.0/16 le 24",
                "neighbor 192.169.20.2 prefix-list pt.host-in-",
            ],
        ),
    ]
}

pub(super) fn raw() -> Vec<Feature> {
    vec![
        plainly(
            "raw lines of our own instance",
            |i| {
                let text = "router bgp 64514\n neighbor 10.9.0.2 description to the spine\n \
                            address-family ipv4 unicast\n  redistribute connected\n";
                *i = with_raw(i.clone(), &[text]);
            },
            &[
                "neighbor 10.9.0.2 description to the spine",
                "redistribute connected",
            ],
        ),
        plainly(
            "raw lines that FRR prints otherwise",
            |i| {
                let text = "router bgp 64514\n nei 10.9.0.2 desc short\n \
                            address-family ipv4 unicast\n  neighbor 10.9.0.2 maximum-prefix 10 75\n";
                *i = with_raw(i.clone(), &[text]);
            },
            &[
                "neighbor 10.9.0.2 description short",
                "neighbor 10.9.0.2 maximum-prefix 10\n",
            ],
        ),
        plainly(
            "raw lines of things of their own, in order",
            |i| {
                let first = "ip prefix-list own seq 5 permit 10.0.0.0/8 le 24\n\
                             bgp community-list standard mine seq 5 permit 64514:1\n\
                             route-map own permit 10\n match ip address prefix-list own\n\
                             route-map own deny 20\n";
                let second = "router bgp 64514\n address-family ipv4 unicast\n  \
                              neighbor 10.9.0.2 route-map own in\n";
                *i = with_raw(i.clone(), &[first, second]);
            },
            &[
                "ip prefix-list own seq 5 permit 10.0.0.0/8 le 24",
                "bgp community-list standard mine seq 5 permit 64514:1",
                "match ip address prefix-list own",
                "route-map own deny 20",
                "neighbor 10.9.0.2 route-map own in",
            ],
        ),
        plainly(
            "a raw instance",
            |i| {
                let text = "router bgp 65010 vrf own\n bgp router-id 10.0.0.77\n";
                *i = with_raw(i.clone(), &[text]);
            },
            &["router bgp 65010 vrf own", "bgp router-id 10.0.0.77"],
        ),
    ]
}
