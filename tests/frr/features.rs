//! Every feature that a desired configuration can express, by what expresses it.
//!
//! [`topics`] takes the types of the intent apart: a field that is new there does not compile
//! here before it has a topic, and a topic not before [`rows`] has features for it.

use perouter::api::{
    AllowedPrefixes, Bfd, BfdMode, Family, HostSession, L3Vni, LocalCidr, Neighbor, RawFrrConfig,
    RemoteAs, Underlay,
};
use perouter::intent::{NodeIntent, PassthroughIntent, RawIntent, UnderlayIntent, VniIntent};

use crate::intents::{
    addressed, asn, at, bare_vni, behind, bfd, evpn, from_range, graceful, hops, neighbor, only,
    passthrough, password, plain, rules, timers, vni_with_allowed, vni_with_host, vni_with_pools,
    vni_with_targets, with_raw, with_vteps,
};

/// A feature: what it changes in an intent, and lines that FRR prints once it is in force.
#[derive(Clone)]
pub(crate) struct Feature {
    pub(crate) name: &'static str,
    pub(crate) base: Base,
    apply: fn(&mut NodeIntent),
    pub(crate) lines: &'static [&'static str],
}

/// What a feature is shown on.
#[derive(Clone, Copy)]
pub(crate) enum Base {
    /// An underlay with one eBGP neighbour.
    Plain,
    /// The same, with a VTEP.
    Evpn,
}

impl Base {
    pub(crate) fn intent(self) -> NodeIntent {
        match self {
            Self::Plain => plain(),
            Self::Evpn => evpn(),
        }
    }
}

impl std::fmt::Debug for Feature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Feature {
    /// The intent that has this feature and nothing else of note.
    pub(crate) fn intent(&self) -> NodeIntent {
        self.on(self.base.intent())
    }

    /// An intent with this feature as well.
    pub(crate) fn on(&self, mut intent: NodeIntent) -> NodeIntent {
        (self.apply)(&mut intent);
        intent
    }
}

fn row(
    name: &'static str,
    base: Base,
    apply: fn(&mut NodeIntent),
    lines: &'static [&'static str],
) -> Feature {
    Feature {
        name,
        base,
        apply,
        lines,
    }
}

/// On a plain underlay.
fn plainly(
    name: &'static str,
    apply: fn(&mut NodeIntent),
    lines: &'static [&'static str],
) -> Feature {
    row(name, Base::Plain, apply, lines)
}

/// On an underlay with a VTEP.
fn with_vtep(
    name: &'static str,
    apply: fn(&mut NodeIntent),
    lines: &'static [&'static str],
) -> Feature {
    row(name, Base::Evpn, apply, lines)
}

/// What expresses features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Asn,
    RouterId,
    Neighbors,
    Vteps,
    GracefulRestart,
    ReflectorCluster,
    Peer,
    RemoteAs,
    Port,
    Password,
    Timers,
    ConnectTime,
    Multihop,
    Bfd,
    Families,
    ReflectorClient,
    Vrf,
    HostSession,
    HostAs,
    HostCidrs,
    AllowedPrefixes,
    RouteTargets,
    GatewaySubnets,
    Passthrough,
    Raw,
}

/// All topics. Of each field it says by which topic it is covered, or why it says nothing to FRR.
pub(crate) fn topics() -> Vec<Topic> {
    let mut all = Vec::new();
    let mut of = |topics: &[Topic]| {
        for topic in topics {
            if !all.contains(topic) {
                all.push(*topic);
            }
        }
    };
    let NodeIntent {
        underlay,
        vnis: _,
        passthrough: _,
        raw: _,
    } = evpn();
    of(&[Topic::Vrf, Topic::Passthrough, Topic::Raw]);
    let UnderlayIntent {
        // Names the object.
        key: _,
        spec,
        router_id: _,
        vteps: _,
    } = underlay.unwrap();
    of(&[Topic::RouterId, Topic::Vteps]);
    let Underlay {
        asn: _,
        // What the router identifier and the VTEPs are taken from.
        router_id_cidr: _,
        tunnel_endpoint: _,
        neighbors,
        // The kernel's.
        interfaces: _,
        graceful_restart: _,
        reflector_cluster: _,
    } = spec;
    of(&[
        Topic::Asn,
        Topic::Neighbors,
        Topic::GracefulRestart,
        Topic::ReflectorCluster,
    ]);
    let Neighbor {
        peer: _,
        remote_as: _,
        port: _,
        password: _,
        timers: _,
        connect_time: _,
        ebgp_multihop: _,
        bfd: _,
        families: _,
        reflector_client: _,
    } = neighbors[0].clone();
    of(&[
        Topic::Peer,
        Topic::RemoteAs,
        Topic::Port,
        Topic::Password,
        Topic::Timers,
        Topic::ConnectTime,
        Topic::Multihop,
        Topic::Bfd,
        Topic::Families,
        Topic::ReflectorClient,
    ]);
    let Bfd {
        receive_interval: _,
        transmit_interval: _,
        detect_multiplier: _,
        mode: _,
        minimum_ttl: _,
    } = Bfd::default();
    let VniIntent {
        key: _,
        spec,
        // Both follow from the session's prefixes.
        legs: _,
        gateway_subnets: _,
    } = vni_with_host("red", 100, 64514, RemoteAs::External);
    of(&[Topic::GatewaySubnets]);
    let L3Vni {
        vrf: _,
        // zebra's, and the kernel's.
        vni: _,
        vxlan_port: _,
        host_session,
        import_rts: _,
        export_rts: _,
    } = spec;
    of(&[Topic::HostSession, Topic::RouteTargets]);
    let HostSession {
        asn: _,
        remote_as: _,
        local_cidr,
        allowed,
    } = host_session.unwrap();
    of(&[Topic::HostAs, Topic::HostCidrs, Topic::AllowedPrefixes]);
    let LocalCidr { ipv4: _, ipv6: _ } = local_cidr;
    let AllowedPrefixes {
        incoming: _,
        outgoing: _,
    } = allowed;
    let PassthroughIntent {
        key: _,
        session: _,
        legs: _,
    } = passthrough(RemoteAs::External, &["192.169.20.0/24"]);
    let raw = with_raw(plain(), &["route-map own permit 10"])
        .raw
        .remove(0);
    let RawIntent { key: _, spec } = raw;
    let RawFrrConfig {
        // Decides who comes first.
        priority: _,
        config: _,
    } = spec;
    all
}

/// All features.
pub(crate) fn all() -> Vec<Feature> {
    topics().into_iter().flat_map(rows).collect()
}

/// The underlay of an intent.
fn own(intent: &mut NodeIntent) -> &mut UnderlayIntent {
    intent.underlay.as_mut().unwrap()
}

/// The first neighbour of an intent.
fn first(intent: &mut NodeIntent) -> &mut Neighbor {
    &mut own(intent).spec.neighbors[0]
}

/// The features of a topic.
pub(crate) fn rows(topic: Topic) -> Vec<Feature> {
    match topic {
        Topic::Asn => vec![plainly(
            "a four-octet AS number",
            |i| own(i).spec.asn = asn(4_200_000_001),
            &["router bgp 4200000001"],
        )],
        Topic::RouterId => vec![plainly(
            "another router identifier",
            |i| own(i).router_id = [10, 0, 0, 9].into(),
            &["bgp router-id 10.0.0.9"],
        )],
        Topic::Neighbors => vec![plainly(
            "two neighbours",
            |i| own(i).spec.neighbors.push(neighbor([10, 9, 1, 2])),
            &[
                "neighbor 10.9.0.2 remote-as 64512",
                "neighbor 10.9.1.2 remote-as 64512",
            ],
        )],
        Topic::Vteps => vteps(),
        Topic::GracefulRestart => restarts(),
        Topic::ReflectorCluster | Topic::ReflectorClient => reflection(topic),
        Topic::Peer => peers(),
        Topic::RemoteAs => remote_as(),
        Topic::Port | Topic::Password | Topic::Timers | Topic::ConnectTime => session(topic),
        Topic::Multihop => multihop(),
        Topic::Bfd => watched(),
        Topic::Families => families(),
        Topic::Vrf | Topic::HostSession | Topic::HostAs | Topic::HostCidrs => vrfs(topic),
        Topic::AllowedPrefixes => allowed(),
        Topic::RouteTargets => targets(),
        Topic::GatewaySubnets => vec![with_vtep(
            "subnets of layer 2 segments",
            |i| {
                let mut vni = vni_with_host("red", 100, 64514, RemoteAs::External);
                vni.gateway_subnets = ["192.170.1.0/24", "192.168.0.0/16", "2001:db8:70::/64"]
                    .map(|text| text.parse().unwrap())
                    .to_vec();
                i.vnis = vec![vni];
            },
            &[
                "network 192.168.0.0/16",
                "network 192.170.1.0/24",
                "network 2001:db8:70::/64",
            ],
        )],
        Topic::Passthrough => passthroughs(),
        Topic::Raw => raw(),
    }
}

fn vteps() -> Vec<Feature> {
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

fn restarts() -> Vec<Feature> {
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

fn reflection(topic: Topic) -> Vec<Feature> {
    match topic {
        Topic::ReflectorCluster => vec![plainly(
            "a reflector's cluster",
            |i| own(i).spec.reflector_cluster = Some([192, 0, 2, 1].into()),
            &["bgp cluster-id 192.0.2.1"],
        )],
        _ => vec![
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
        ],
    }
}

fn peers() -> Vec<Feature> {
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

fn remote_as() -> Vec<Feature> {
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

fn session(topic: Topic) -> Vec<Feature> {
    match topic {
        Topic::Port => vec![
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
        ],
        Topic::Password => vec![plainly(
            "a password",
            |i| first(i).password = Some(password("s3cret!%$")),
            &["neighbor 10.9.0.2 password s3cret!%$"],
        )],
        Topic::ConnectTime => vec![
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
        ],
        _ => vec![
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
        ],
    }
}

fn multihop() -> Vec<Feature> {
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

fn watched() -> Vec<Feature> {
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

fn families() -> Vec<Feature> {
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

fn vrfs(topic: Topic) -> Vec<Feature> {
    match topic {
        Topic::Vrf => vec![
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
        ],
        Topic::HostAs => vec![
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
        ],
        Topic::HostCidrs => vec![
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
        ],
        _ => vec![with_vtep(
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
        )],
    }
}

fn allowed() -> Vec<Feature> {
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

fn targets() -> Vec<Feature> {
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

fn passthroughs() -> Vec<Feature> {
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

fn raw() -> Vec<Feature> {
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
