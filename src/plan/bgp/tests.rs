//! What bgpd shall hold, against texts in the form in which FRR prints its own configuration.
//!
//! `PEROUTER_WRITE_GOLDEN=1 cargo test -p perouter --lib bgp` writes the texts anew.

mod difference;
mod hostile;
pub(in crate::plan) mod model;
mod secrecy;

use std::collections::BTreeSet;
use std::path::PathBuf;

use perouter_parsers::running_config::{Config, Line, RunningConfig};

use super::desired::{Monitoring, desired, export_targets, families, import_targets};
use super::host::lists_of_vni;
use crate::api::{
    AllowedPrefixes, Bfd, BfdMode, Family, GracefulRestart, HostSession, L3Vni, LocalCidr,
    Manifest, Multihop, Neighbor, Peer, RemoteAs, RouteTarget, Secret, Timers, TunnelEndpoint,
    Underlay,
};
use crate::intent::addresses::Vteps;
use crate::intent::samples::{
    asn, exactly, fabric, intent, l3vni, neighbor, net, read, rule, underlay, vrf, vrf_with_host,
};
use crate::intent::{Accepted, NodeIndex, NodeIntent, resolve};

fn whole(intent: &NodeIntent) -> Config {
    let mut config = Config::new();
    for bgp in desired(intent, Monitoring::Unavailable).expect("typeable") {
        let mut part = Config::new();
        part.push_context(bgp.instance);
        config.merge(part);
    }
    config
}

/// All that bgpd shall hold, the prefix lists of VNIs included.
fn with_lists(intent: &NodeIntent) -> Config {
    let lists = intent.vnis.iter().flat_map(lists_of_vni);
    let lines = lists.flat_map(|list| list.lines().expect("typeable"));
    let mut all = Config::from(lines.collect::<Vec<_>>());
    all.merge(whole(intent));
    all
}

fn with_neighbors(neighbors: Vec<Neighbor>) -> Manifest {
    fabric(
        "u",
        Underlay {
            neighbors,
            ..underlay()
        },
    )
}

fn external(address: &str) -> Neighbor {
    neighbor(address, RemoteAs::External)
}

fn restarting(restart_time: u16, stale_path_time: u16) -> Manifest {
    let spec = Underlay {
        graceful_restart: Some(GracefulRestart {
            restart_time,
            stale_path_time,
        }),
        ..underlay()
    };
    fabric("u", spec)
}

fn targets(texts: &[&str]) -> Vec<RouteTarget> {
    let parsed = |text: &&str| text.parse().expect("a route target");
    texts.iter().map(parsed).collect()
}

fn multihop(ttl: Option<u8>) -> Option<Multihop> {
    Some(Multihop { ttl })
}

fn cases() -> Vec<(&'static str, Vec<Manifest>)> {
    let own = || fabric("u", underlay());
    let red = || vrf_with_host("red", 100, "192.169.10.0/24");
    vec![
        (
            "ebgp-two-vnis",
            vec![
                own(),
                l3vni("red", red()),
                l3vni("blue", vrf_with_host("blue", 200, "192.169.11.0/24")),
            ],
        ),
        (
            "ibgp",
            vec![
                with_neighbors(vec![
                    neighbor("10.0.1.1", RemoteAs::Internal),
                    neighbor("10.0.1.2", RemoteAs::Number(asn(64514))),
                    external("10.0.1.3"),
                ]),
                l3vni("red", red()),
            ],
        ),
        ("graceful-restart-default", vec![restarting(120, 360)]),
        (
            "graceful-restart-times",
            vec![restarting(200, 400), l3vni("red", red())],
        ),
        (
            "multihop",
            vec![with_neighbors(vec![
                Neighbor {
                    ebgp_multihop: multihop(None),
                    ..external("10.0.1.1")
                },
                Neighbor {
                    ebgp_multihop: multihop(Some(255)),
                    ..external("10.0.1.2")
                },
                Neighbor {
                    ebgp_multihop: multihop(Some(5)),
                    ..external("10.0.1.3")
                },
                // What FRR takes and forgets.
                Neighbor {
                    ebgp_multihop: multihop(Some(1)),
                    ..external("10.0.1.4")
                },
                Neighbor {
                    ebgp_multihop: multihop(Some(5)),
                    ..neighbor("10.0.1.5", RemoteAs::Internal)
                },
            ])],
        ),
        (
            "session-details",
            vec![with_neighbors(vec![Neighbor {
                port: std::num::NonZeroU16::new(1790),
                password: Some(Secret::new("Secret-of-the-fabric".to_owned())),
                timers: Some(Timers {
                    keepalive: 3,
                    hold: 9,
                }),
                connect_time: Some(120),
                ebgp_multihop: multihop(Some(2)),
                ..external("10.0.1.1")
            }])],
        ),
        (
            "families",
            vec![with_neighbors(vec![
                Neighbor {
                    families: exactly([Family::Evpn]),
                    ..external("10.0.1.1")
                },
                Neighbor {
                    families: exactly([Family::Ipv4Unicast]),
                    ..external("10.0.1.2")
                },
                Neighbor {
                    families: exactly([Family::Ipv4Unicast, Family::Evpn]),
                    ..external("10.0.1.3")
                },
            ])],
        ),
        (
            "no-tunnel-endpoint",
            vec![fabric(
                "u",
                Underlay {
                    tunnel_endpoint: TunnelEndpoint::default(),
                    ..underlay()
                },
            )],
        ),
        (
            "route-targets",
            vec![
                own(),
                l3vni("automatic", vrf("automatic", 100)),
                l3vni(
                    "explicit",
                    L3Vni {
                        import_rts: targets(&["192.0.2.1:7", "64999:200"]),
                        export_rts: targets(&["4200000001:7"]),
                        ..vrf("explicit", 200)
                    },
                ),
                l3vni(
                    "mixed",
                    L3Vni {
                        import_rts: targets(&["64514:300", "64514:900"]),
                        export_rts: targets(&["64514:300"]),
                        ..vrf("mixed", 300)
                    },
                ),
            ],
        ),
        (
            "no-host-session",
            vec![own(), l3vni("red", vrf("red", 100))],
        ),
        (
            "internal-host-session",
            vec![own(), {
                let mut spec = red();
                if let Some(session) = &mut spec.host_session {
                    session.remote_as = RemoteAs::Internal;
                    session.asn = asn(64999);
                }
                l3vni("red", spec)
            }],
        ),
    ]
}

/// A tunnel endpoint for both IP versions, and a cluster of reflected routes.
fn reflecting(neighbors: Vec<Neighbor>) -> Manifest {
    let tunnel_endpoint = TunnelEndpoint {
        ipv6: Some("fd00:65::/64".parse().expect("a prefix")),
        ..underlay().tunnel_endpoint
    };
    fabric(
        "u",
        Underlay {
            neighbors,
            tunnel_endpoint,
            reflector_cluster: Some([192, 0, 2, 1].into()),
            ..underlay()
        },
    )
}

fn at(peer: Peer, remote_as: RemoteAs) -> Neighbor {
    Neighbor {
        peer,
        ..neighbor("10.0.1.1", remote_as)
    }
}

fn range(prefix: &str, remote_as: RemoteAs) -> Neighbor {
    at(Peer::Range(prefix.parse().expect("a prefix")), remote_as)
}

fn behind(interface: &str, remote_as: RemoteAs) -> Neighbor {
    at(
        Peer::Interface(interface.parse().expect("a name")),
        remote_as,
    )
}

fn watched(bfd: Bfd, neighbor: Neighbor) -> Neighbor {
    Neighbor {
        bfd: Some(bfd),
        ..neighbor
    }
}

/// A VRF with a session of both IP versions, and what may pass it.
fn limited() -> L3Vni {
    let rules = vec![
        rule("10.0.0.0/8", 8, 8),
        rule("172.16.0.0/12", 12, 24),
        rule("192.168.0.0/16", 24, 28),
        rule("fd00::/48", 48, 64),
    ];
    let session = HostSession {
        asn: asn(64514),
        remote_as: RemoteAs::External,
        local_cidr: LocalCidr {
            ipv4: Some(net("192.169.10.0/24")),
            ipv6: Some("fd00:10::/64".parse().expect("a prefix")),
        },
        allowed: AllowedPrefixes {
            incoming: Some(rules),
            outgoing: Some(vec![rule("0.0.0.0/0", 0, 0)]),
        },
    };
    L3Vni {
        host_session: Some(session),
        ..vrf("red", 100)
    }
}

/// Who is watched, who calls, who is found behind a NIC, and whom routes are reflected to.
fn cases_of_sessions() -> Vec<(&'static str, Vec<Manifest>)> {
    let passive = Bfd {
        mode: BfdMode::Passive,
        ..Bfd::default()
    };
    let client = |neighbor: Neighbor| Neighbor {
        families: exactly([Family::Ipv4Unicast, Family::Ipv6Unicast, Family::Evpn]),
        reflector_client: [Family::Ipv6Unicast, Family::Evpn].into(),
        ..neighbor
    };
    let (internal, external_as) = (RemoteAs::Internal, RemoteAs::External);
    let as_two = RemoteAs::Number(asn(64512));
    vec![
        (
            "bfd",
            vec![with_neighbors(vec![
                watched(Bfd::default(), external("10.0.1.1")),
                watched(passive, external("10.0.1.2")),
                watched(passive, behind("eth1", as_two)),
                watched(passive, range("10.2.0.0/16", as_two)),
                external("10.0.1.3"),
            ])],
        ),
        (
            "listen-ranges",
            vec![with_neighbors(vec![
                external("10.0.1.1"),
                range("fd00:2::/64", external_as),
                Neighbor {
                    password: Some(Secret::new("Secret-of-the-range".to_owned())),
                    ebgp_multihop: multihop(Some(2)),
                    ..range("10.2.0.0/16", as_two)
                },
                range("10.1.0.0/16", internal),
            ])],
        ),
        (
            "unnumbered",
            vec![with_neighbors(vec![
                external("10.0.1.1"),
                behind("eth2", internal),
                Neighbor {
                    ebgp_multihop: multihop(Some(5)),
                    ..behind("eth1", external_as)
                },
            ])],
        ),
        (
            "ipv6",
            vec![reflecting(vec![
                external("fd00::1"),
                external("10.0.1.1"),
                Neighbor {
                    ebgp_multihop: multihop(None),
                    ..external("fd00::2")
                },
                Neighbor {
                    families: exactly([Family::Ipv6Unicast]),
                    ..external("fd00::3")
                },
                neighbor("fd00::4", internal),
            ])],
        ),
        (
            "route-reflector",
            vec![reflecting(vec![
                client(neighbor("10.0.1.1", internal)),
                client(range("10.2.0.0/16", internal)),
                // Nobody reflects across the boundary of an AS.
                client(external("10.0.1.2")),
                neighbor("10.0.1.3", internal),
            ])],
        ),
        (
            "allowed-prefixes",
            vec![fabric("u", underlay()), l3vni("red", limited())],
        ),
    ]
}

fn all_cases() -> Vec<(&'static str, Vec<Manifest>)> {
    [cases(), cases_of_sessions()].concat()
}

fn golden(name: &str) -> PathBuf {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/src/plan/bgp/golden");
    PathBuf::from(directory).join(name).with_extension("conf")
}

#[test]
fn desired_configuration_reads_as_recorded() {
    for (name, manifests) in all_cases() {
        let text = with_lists(&intent(manifests)).to_string();
        let path = golden(name);
        if std::env::var_os("PEROUTER_WRITE_GOLDEN").is_some() {
            std::fs::write(&path, &text).expect("the text can be written");
        }
        let recorded = std::fs::read_to_string(&path).unwrap_or_else(|error| {
            panic!(
                "{}: {error}; write it with PEROUTER_WRITE_GOLDEN=1",
                path.display()
            )
        });
        assert_eq!(text, recorded, "{name}");
        let parsed: Config = recorded.parse().expect("a configuration");
        assert_eq!(
            parsed,
            with_lists(&intent(cases_named(name))),
            "{name} reads back"
        );
    }
}

fn cases_named(name: &str) -> Vec<Manifest> {
    let found = all_cases().into_iter().find(|(own, _)| *own == name);
    found.expect("a case").1
}

#[test]
fn every_recorded_text_belongs_to_a_case() {
    let names: BTreeSet<PathBuf> = all_cases().iter().map(|(name, _)| golden(name)).collect();
    let directory = golden("x").parent().expect("a directory").to_owned();
    for entry in std::fs::read_dir(directory).expect("the texts") {
        let path = entry.expect("an entry").path();
        assert!(
            names.contains(&path),
            "{} belongs to no case",
            path.display()
        );
    }
}

/// All lines of `part` stand in `whole`, in the same order, contexts alike.
fn is_part(part: &Config, whole: &Config, at: &str) {
    let mut rest = whole.lines().iter();
    for line in part.lines() {
        assert!(
            rest.any(|own| own == line),
            "{at}: {line} is not there, or not in this place"
        );
    }
    let mut rest = whole.contexts().iter();
    for context in part.contexts() {
        let found = rest.find(|own| own.header() == context.header());
        let found = found.unwrap_or_else(|| panic!("{at}: no {}", context.header()));
        is_part(context.body(), found.body(), context.header().as_str());
    }
}

/// The capture comes from FRR 10.3 with this configuration and some more.
#[test]
fn frr_prints_what_is_desired_in_the_same_words_and_order() {
    let capture = include_str!("../../../parsers/captures/frr-10.3/show-running-config.txt");
    let running: RunningConfig = capture.parse().expect("a capture");
    let neighbor = Neighbor {
        timers: Some(Timers {
            keepalive: 3,
            hold: 9,
        }),
        ..neighbor("10.0.1.1", RemoteAs::Number(asn(64512)))
    };
    let own = Underlay {
        neighbors: vec![neighbor],
        tunnel_endpoint: TunnelEndpoint::over_ipv4(net("100.65.0.1/32")),
        graceful_restart: Some(GracefulRestart {
            restart_time: 120,
            stale_path_time: 360,
        }),
        ..underlay()
    };
    let manifests = [
        fabric("u", own),
        l3vni("red", vrf_with_host("red", 100, "192.169.10.0/24")),
    ];
    let resolution = resolve(read(manifests), &Accepted::new(), &NodeIndex(0).into());
    assert_eq!(resolution.rejections, []);
    let told = whole(&resolution.intent).to_string();
    // In the capture, a session carries the family of its own address alone.
    let (both, one) = (
        "  neighbor 192.169.10.2 activate\n  neighbor 192.169.10.2 route-map allowall in\n  \
         neighbor 192.169.10.2 route-map allowall out\n",
        " address-family ipv6 unicast\n",
    );
    let without = told.replace(&format!("{one}{both}"), one);
    assert_ne!(without, told, "the session carries both");
    // Nor does its VRF restart gracefully.
    let (fabric, vrf) = without.split_once(" vrf red").expect("an instance");
    let vrf = vrf.replace(
        " bgp graceful-restart\n bgp graceful-restart preserve-fw-state\n",
        "",
    );
    let told: Config = format!("{fabric} vrf red{vrf}")
        .parse()
        .expect("a configuration");
    is_part(&told, &running.config, "the whole");
}

#[test]
fn no_underlay_is_no_bgp() {
    assert!(
        desired(&NodeIntent::default(), Monitoring::Unavailable)
            .expect("nothing")
            .is_empty()
    );
}

#[test]
fn derived_families_follow_the_tunnel_endpoint() {
    let both = BTreeSet::from([Family::Ipv4Unicast, Family::Evpn]);
    let own = intent([fabric("u", underlay())]).underlay.expect("one");
    assert_eq!(families(&own.spec.neighbors[0], &own), both);
    let without = crate::intent::UnderlayIntent {
        vteps: Vteps::default(),
        ..own
    };
    let only = BTreeSet::from([Family::Ipv4Unicast]);
    assert_eq!(families(&without.spec.neighbors[0], &without), only);
}

#[test]
fn automatic_route_targets_have_the_low_half_of_the_as_number() {
    let spec = vrf("red", 16_777_215);
    assert_eq!(export_targets(&spec, asn(64514)), ["64514:16777215"]);
    assert_eq!(
        import_targets(&spec, asn(4_200_000_001)),
        ["59905:16777215"]
    );
    let spec = L3Vni {
        import_rts: targets(&["1:1", "64514:100"]),
        ..vrf("red", 100)
    };
    assert_eq!(import_targets(&spec, asn(64514)), ["1:1", "64514:100"]);
    assert_eq!(export_targets(&spec, asn(64514)), ["64514:100"]);
}

#[test]
fn bgpd_tells_of_its_sessions_where_it_can() {
    let intent = intent([
        fabric("u", underlay()),
        l3vni("red", vrf_with_host("red", 100, "192.169.10.0/24")),
        l3vni("bare", vrf("bare", 300)),
    ]);
    let told = |header: &str, monitoring| {
        let all = desired(&intent, monitoring).expect("typeable");
        let mut found = all
            .iter()
            .filter(|bgp| bgp.instance.header().as_str() == header);
        let body = found.next().expect("an instance").instance.body();
        body.context("bmp targets perouter")
            .map(|targets| targets.lines().to_vec())
    };
    let connect = "bmp connect 127.0.0.1 port 50061 min-retry 100 max-retry 1000";
    let connect = Some(vec![Line::new(connect).expect("a line")]);
    assert_eq!(told("router bgp 64514", Monitoring::Available), connect);
    let of_red = "router bgp 64514 vrf red";
    assert_eq!(told(of_red, Monitoring::Available), connect);
    let of_bare = "router bgp 64514 vrf bare";
    assert_eq!(
        told(of_bare, Monitoring::Available),
        None,
        "it has no session"
    );
    assert_eq!(told("router bgp 64514", Monitoring::Unavailable), None);
}
