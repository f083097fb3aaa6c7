//! Intents by which features are named.

use std::net::Ipv4Addr;

use perouter::api::{
    Asn, Families, Family, GracefulRestart, HostSession, Kind, L3Vni, Multihop, Neighbor,
    ObjectKey, RemoteAs, Secret, Timers, Underlay, Vni, VrfName,
};
use perouter::intent::addresses::host_leg;
use perouter::intent::{NodeIndex, NodeIntent, UnderlayIntent, VniIntent};

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

/// An eBGP neighbour, with nothing else said of it.
pub(crate) fn neighbor(address: [u8; 4]) -> Neighbor {
    Neighbor {
        address: Ipv4Addr::from(address),
        remote_as: RemoteAs::Number(asn(64512)),
        port: None,
        password: None,
        timers: None,
        connect_time: None,
        ebgp_multihop: None,
        families: Families::Derived,
    }
}

/// The plainest underlay: one eBGP neighbour, no tunnels.
pub(crate) fn plain() -> NodeIntent {
    let spec = Underlay {
        asn: asn(OWN_AS),
        router_id_cidr: "10.0.0.0/24".parse().unwrap(),
        neighbors: vec![neighbor([10, 9, 0, 2])],
        interfaces: vec!["eth1".parse().unwrap()],
        tunnel_endpoint: None,
        graceful_restart: None,
    };
    let underlay = UnderlayIntent {
        key: key(Kind::Underlay, "fabric"),
        spec,
        router_id: Ipv4Addr::new(10, 0, 0, 1),
        vtep: None,
    };
    NodeIntent {
        underlay: Some(underlay),
        vnis: Vec::new(),
    }
}

/// [`plain`] with a VTEP, as VNIs need.
pub(crate) fn evpn() -> NodeIntent {
    changed(plain(), |underlay| {
        underlay.spec.tunnel_endpoint = Some("100.65.0.0/24".parse().unwrap());
        underlay.vtep = Some(Ipv4Addr::new(100, 65, 0, 1));
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
            host_session: None,
            import_rts: Vec::new(),
            export_rts: Vec::new(),
        },
        leg: None,
    }
}

/// A VNI with a session with the host, which is in `remote_as`; ours is `own`.
pub(crate) fn vni_with_host(name: &str, number: u32, own: u32, remote_as: RemoteAs) -> VniIntent {
    let mut intent = bare_vni(name, number);
    let pool = "192.169.10.0/24".parse().unwrap();
    intent.spec.host_session = Some(HostSession {
        asn: asn(own),
        remote_as,
        local_cidr: pool,
    });
    intent.leg = Some(host_leg(pool, NodeIndex(0)).unwrap());
    intent
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
