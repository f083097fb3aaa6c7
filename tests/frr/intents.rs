//! Intents by which features are named.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use perouter::api::{
    AllowedPrefixes, Asn, Bfd, Families, Family, GracefulRestart, HostSession, Kind, L3Vni,
    LocalCidr, Multihop, Neighbor, ObjectKey, Peer, PrefixRule, RawFrrConfig, RemoteAs, Secret,
    Timers, TunnelEndpoint, Underlay, Vni, VrfName,
};
use perouter::intent::addresses::{Vteps, host_leg};
use perouter::intent::{
    NodeIndex, NodeIntent, PassthroughIntent, RawIntent, UnderlayIntent, VniIntent,
};

/// This node's AS number in all intents.
pub(crate) const OWN_AS: u32 = 64514;

pub(crate) fn asn(number: u32) -> Asn {
    Asn::try_from(number).unwrap()
}

pub(crate) fn vni(number: u32) -> Vni {
    Vni::try_from(number).unwrap()
}

pub(crate) fn vrf(name: &str) -> VrfName {
    name.parse().unwrap()
}

fn key(kind: Kind, name: &str) -> ObjectKey {
    ObjectKey {
        kind,
        namespace: "default".to_owned(),
        name: name.to_owned(),
    }
}

/// An eBGP neighbour at an IPv4 address, with nothing else said of it.
pub(crate) fn neighbor(address: [u8; 4]) -> Neighbor {
    at(Peer::Address(IpAddr::from(address)))
}

/// An eBGP neighbour, with nothing else said of it.
pub(crate) fn at(peer: Peer) -> Neighbor {
    Neighbor {
        peer,
        remote_as: RemoteAs::Number(asn(64512)),
        port: None,
        password: None,
        timers: None,
        connect_time: None,
        ebgp_multihop: None,
        bfd: None,
        families: Families::Derived,
        reflector_client: BTreeSet::new(),
    }
}

/// A neighbour at an address of either version.
pub(crate) fn addressed(text: &str) -> Peer {
    Peer::Address(text.parse().unwrap())
}

/// A neighbour behind an interface.
pub(crate) fn behind(name: &str) -> Peer {
    Peer::Interface(name.parse().unwrap())
}

/// Neighbours that call from a prefix.
pub(crate) fn from_range(text: &str) -> Peer {
    Peer::Range(text.parse().unwrap())
}

/// The plainest underlay: one eBGP neighbour, no tunnels.
pub(crate) fn plain() -> NodeIntent {
    let spec = Underlay {
        asn: asn(OWN_AS),
        router_id_cidr: "10.0.0.0/24".parse().unwrap(),
        neighbors: vec![neighbor([10, 9, 0, 2])],
        interfaces: vec!["eth1".parse().unwrap()],
        tunnel_endpoint: TunnelEndpoint::default(),
        graceful_restart: None,
        reflector_cluster: None,
    };
    let underlay = UnderlayIntent {
        key: key(Kind::Underlay, "fabric"),
        spec,
        router_id: Ipv4Addr::new(10, 0, 0, 1),
        vteps: Vteps::default(),
    };
    NodeIntent {
        underlay: Some(underlay),
        ..NodeIntent::default()
    }
}

/// [`plain`] with a VTEP, as VNIs need.
pub(crate) fn evpn() -> NodeIntent {
    changed(plain(), |underlay| {
        underlay.spec.tunnel_endpoint = TunnelEndpoint::over_ipv4("100.65.0.0/24".parse().unwrap());
        underlay.vteps = Vteps::of_ipv4(Ipv4Addr::new(100, 65, 0, 1));
    })
}

/// [`plain`] with these VTEPs.
pub(crate) fn with_vteps(ipv4: Option<&str>, ipv6: Option<&str>) -> NodeIntent {
    changed(plain(), |underlay| {
        underlay.spec.tunnel_endpoint = TunnelEndpoint {
            ipv4: ipv4.map(|_| "100.65.0.0/24".parse().unwrap()),
            ipv6: ipv6.map(|_| "fd00:65::/64".parse().unwrap()),
        };
        underlay.vteps = Vteps {
            ipv4: ipv4.map(|text| text.parse().unwrap()),
            ipv6: ipv6.map(|text| text.parse().unwrap()),
        };
    })
}

/// An intent with its underlay changed.
pub(crate) fn changed(
    mut intent: NodeIntent,
    change: impl FnOnce(&mut UnderlayIntent),
) -> NodeIntent {
    change(intent.underlay.as_mut().unwrap());
    intent
}

/// [`plain`] with its one neighbour changed.
pub(crate) fn with_neighbor(change: impl FnOnce(&mut Neighbor)) -> NodeIntent {
    changed(plain(), |underlay| change(&mut underlay.spec.neighbors[0]))
}

pub(crate) fn graceful(restart_time: u16, stale_path_time: u16) -> GracefulRestart {
    GracefulRestart {
        restart_time,
        stale_path_time,
    }
}

pub(crate) fn timers(keepalive: u16, hold: u16) -> Timers {
    Timers { keepalive, hold }
}

pub(crate) fn hops(ttl: Option<u8>) -> Multihop {
    Multihop { ttl }
}

pub(crate) fn password(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

pub(crate) fn only(families: impl IntoIterator<Item = Family>) -> Families {
    Families::Explicit(families.into_iter().collect())
}

/// A VNI without a host session and without route targets.
pub(crate) fn bare_vni(name: &str, number: u32) -> VniIntent {
    VniIntent {
        key: key(Kind::L3Vni, name),
        spec: L3Vni {
            vrf: vrf(name),
            vni: vni(number),
            vxlan_port: 4789,
            tunnels_over: None,
            host_session: None,
            import_rts: Vec::new(),
            export_rts: Vec::new(),
        },
        legs: Vec::new(),
        gateway_subnets: Vec::new(),
    }
}

/// A VNI with a session with the host over IPv4, which is in `remote_as`; ours is `own`.
pub(crate) fn vni_with_host(name: &str, number: u32, own: u32, remote_as: RemoteAs) -> VniIntent {
    vni_with_pools(name, number, own, remote_as, &["192.169.10.0/24"])
}

/// A VNI with a session with the host in each of these pools.
pub(crate) fn vni_with_pools(
    name: &str,
    number: u32,
    own: u32,
    remote_as: RemoteAs,
    pools: &[&str],
) -> VniIntent {
    let mut intent = bare_vni(name, number);
    intent.spec.host_session = Some(session(own, remote_as, pools));
    intent.legs = pools
        .iter()
        .map(|pool| host_leg(pool.parse::<IpNet>().unwrap(), NodeIndex(0)).unwrap())
        .collect();
    intent
}

fn session(own: u32, remote_as: RemoteAs, pools: &[&str]) -> HostSession {
    let mut local_cidr = LocalCidr {
        ipv4: None,
        ipv6: None,
    };
    for pool in pools {
        match pool.parse().unwrap() {
            IpNet::V4(net) => local_cidr.ipv4 = Some(net),
            IpNet::V6(net) => local_cidr.ipv6 = Some(net),
        }
    }
    HostSession {
        asn: asn(own),
        remote_as,
        local_cidr,
        allowed: AllowedPrefixes::default(),
    }
}

/// Prefixes that may pass: each with the lengths that may.
pub(crate) fn rules(texts: &[(&str, u8, u8)]) -> Option<Vec<PrefixRule>> {
    let rule = |(prefix, min_length, max_length): &(&str, u8, u8)| PrefixRule {
        prefix: prefix.parse().unwrap(),
        min_length: *min_length,
        max_length: *max_length,
    };
    Some(texts.iter().map(rule).collect())
}

/// A VNI whose session with the host lets these prefixes pass.
pub(crate) fn vni_with_allowed(
    pools: &[&str],
    incoming: Option<Vec<PrefixRule>>,
    outgoing: Option<Vec<PrefixRule>>,
) -> VniIntent {
    let mut intent = vni_with_pools("red", 100, 64514, RemoteAs::External, pools);
    intent.spec.host_session.as_mut().unwrap().allowed = AllowedPrefixes { incoming, outgoing };
    intent
}

/// The host's session with the router itself.
pub(crate) fn passthrough(remote_as: RemoteAs, pools: &[&str]) -> PassthroughIntent {
    PassthroughIntent {
        key: key(Kind::L3Passthrough, "host"),
        session: session(OWN_AS, remote_as, pools),
        legs: pools
            .iter()
            .map(|pool| host_leg(pool.parse::<IpNet>().unwrap(), NodeIndex(0)).unwrap())
            .collect(),
    }
}

/// An intent with raw configuration, in this order.
pub(crate) fn with_raw(intent: NodeIntent, texts: &[&str]) -> NodeIntent {
    let raw = texts.iter().enumerate().map(|(number, text)| RawIntent {
        key: key(Kind::RawFrrConfig, &format!("raw{number}")),
        spec: RawFrrConfig {
            priority: u32::try_from(number).unwrap(),
            config: text.parse().unwrap(),
        },
    });
    NodeIntent {
        raw: raw.collect(),
        ..intent
    }
}

/// BFD that notices a neighbour's silence after this.
pub(crate) fn bfd(interval: u16, multiplier: u8) -> Bfd {
    Bfd {
        receive_interval: Some(interval),
        transmit_interval: Some(interval),
        detect_multiplier: Some(multiplier),
        ..Bfd::default()
    }
}

/// A VNI with route targets.
pub(crate) fn vni_with_targets(
    name: &str,
    number: u32,
    import: &[&str],
    export: &[&str],
) -> VniIntent {
    let targets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    let mut intent = bare_vni(name, number);
    intent.spec.import_rts = targets(import);
    intent.spec.export_rts = targets(export);
    intent
}

/// [`evpn`] with these VNIs.
pub(crate) fn with_vnis(vnis: impl IntoIterator<Item = VniIntent>) -> NodeIntent {
    NodeIntent {
        vnis: vnis.into_iter().collect(),
        ..evpn()
    }
}
