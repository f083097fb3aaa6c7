//! Every feature that a desired configuration can express, by what expresses it.
//!
//! [`topics`] takes the types of the intent apart: a field that is new there does not compile
//! here before it has a topic, and a topic not before [`rows`] has features for it.

mod underlay;
mod vrf;

use perouter::api::{
    AllowedPrefixes, Bfd, HostSession, L3Vni, LocalCidr, Neighbor, RawFrrConfig, RemoteAs, Underlay,
};
use perouter::intent::{NodeIntent, PassthroughIntent, RawIntent, UnderlayIntent, VniIntent};

use crate::intents::{asn, evpn, neighbor, passthrough, plain, vni_with_host, with_raw};

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
        // The kernel's; of FRR they ask for families and gateway subnets, which have rows.
        segments: _,
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
        tunnels_over: _,
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
        Topic::Vteps => underlay::vteps(),
        Topic::GracefulRestart => underlay::restarts(),
        Topic::ReflectorCluster => vec![plainly(
            "a reflector's cluster",
            |i| own(i).spec.reflector_cluster = Some([192, 0, 2, 1].into()),
            &["bgp cluster-id 192.0.2.1"],
        )],
        Topic::ReflectorClient => underlay::reflector_clients(),
        Topic::Peer => underlay::peers(),
        Topic::RemoteAs => underlay::remote_as(),
        Topic::Port => underlay::ports(),
        Topic::Password => underlay::passwords(),
        Topic::Timers => underlay::timers_of_sessions(),
        Topic::ConnectTime => underlay::connect_times(),
        Topic::Multihop => underlay::multihop(),
        Topic::Bfd => underlay::watched(),
        Topic::Families => underlay::families(),
        Topic::Vrf => vrf::vrfs(),
        Topic::HostSession => vrf::host_sessions(),
        Topic::HostAs => vrf::host_as(),
        Topic::HostCidrs => vrf::host_cidrs(),
        Topic::AllowedPrefixes => vrf::allowed(),
        Topic::RouteTargets => vrf::targets(),
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
        Topic::Passthrough => vrf::passthroughs(),
        Topic::Raw => vrf::raw(),
    }
}
