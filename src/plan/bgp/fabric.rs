//! The default instance: the sessions with the fabric.

use std::collections::BTreeSet;

use ipnet::IpNet;
use perouter_parsers::running_config::{Config, Context, InvalidLine};

use super::desired::{
    Boundary, Monitoring, common, graceful_restart, header, monitor, push_family, remote_as_word,
};
use crate::api::{Families, Family, Multihop, Neighbor, Peer, Secret, Underlay};
use crate::intent::{PassthroughIntent, UnderlayIntent};
use crate::plan::bfd;

/// Seconds between attempts to connect when graceful restart is on: the restart time is short.
const GRACEFUL_CONNECT_TIME: u16 = 5;

/// How many neighbours may call from listen ranges: FRR's most, as its default of 100 is less
/// than a cluster has nodes.
const LISTEN_LIMIT: u16 = 65535;

/// The default instance, without the part of the passthrough.
pub(super) fn instance(
    underlay: &UnderlayIntent,
    passthrough: Option<&PassthroughIntent>,
    monitoring: Monitoring,
) -> Result<Context, InvalidLine> {
    let spec = &underlay.spec;
    let mut body = common(underlay.router_id, |body| {
        if let Some(cluster) = spec.reflector_cluster {
            body.push(format!("bgp cluster-id {cluster}"))?;
        }
        graceful_restart(body, spec.graceful_restart)?;
        if may_reach_several_ases(spec) {
            body.push("bgp bestpath as-path multipath-relax")?;
        }
        Ok(())
    })?;
    let neighbors = in_order(spec);
    let carried: Vec<_> = neighbors
        .iter()
        .map(|neighbor| (*neighbor, carried(neighbor, underlay, passthrough)))
        .collect();
    for (neighbor, families) in &carried {
        session(&mut body, neighbor, families, spec)?;
    }
    listening(&mut body, &neighbors)?;
    for (name, family) in [
        ("ipv4 unicast", Family::Ipv4Unicast),
        ("ipv6 unicast", Family::Ipv6Unicast),
    ] {
        let mut unicast = Config::new();
        for vtep in underlay.vteps.prefixes() {
            if of_family(&vtep) == family {
                unicast.push(format!("network {vtep}"))?;
            }
        }
        activations(&mut unicast, &carried, family, spec)?;
        push_family(&mut body, name, unicast)?;
    }
    let mut evpn = Config::new();
    activations(&mut evpn, &carried, Family::Evpn, spec)?;
    if underlay.vteps.is_some() {
        evpn.push("advertise-all-vni")?;
    }
    push_family(&mut body, "l2vpn evpn", evpn)?;
    monitor(&mut body, monitoring)?;
    Ok(Context::with_body(header(spec.asn, None)?, body))
}

/// Whether paths may come from several autonomous systems. Without being told, FRR uses such
/// paths together only if their AS paths are the same: of two uplinks to switches with an AS
/// number each, one would lie idle, and nobody would say so.
fn may_reach_several_ases(spec: &Underlay) -> bool {
    let external = spec
        .neighbors
        .iter()
        .filter(|neighbor| Boundary::of(neighbor.remote_as, spec.asn) == Boundary::External);
    let sessions = external.map(|neighbor| match neighbor.peer {
        Peer::Address(_) | Peer::Interface(_) => 1,
        Peer::Range(_) => 2,
    });
    sessions.sum::<usize>() > 1
}

/// The unicast family of a prefix.
pub(super) fn of_family(prefix: &IpNet) -> Family {
    match prefix {
        IpNet::V4(_) => Family::Ipv4Unicast,
        IpNet::V6(_) => Family::Ipv6Unicast,
    }
}

/// The neighbours in the order in which FRR prints them: peer groups, then neighbours behind
/// interfaces, then those with an address.
fn in_order(spec: &Underlay) -> Vec<&Neighbor> {
    let rank = |peer: &Peer| match peer {
        Peer::Range(prefix) => (0, prefix.to_string()),
        Peer::Interface(_) => (1, String::new()),
        Peer::Address(_) => (2, String::new()),
    };
    let mut neighbors: Vec<&Neighbor> = spec.neighbors.iter().collect();
    neighbors.sort_by_cached_key(|neighbor| (rank(&neighbor.peer), neighbor.peer.clone()));
    neighbors
}

/// The lines that define a neighbour and its session, in FRR's order.
fn session(
    body: &mut Config,
    neighbor: &Neighbor,
    carried: &BTreeSet<Family>,
    spec: &Underlay,
) -> Result<(), InvalidLine> {
    let Neighbor {
        peer,
        remote_as,
        port,
        password,
        timers,
        connect_time,
        ebgp_multihop,
        bfd,
        families: _,
        reflector_client: _,
    } = neighbor;
    let mut line = |text: String| body.push(format!("neighbor {peer} {text}")).map(|_| ());
    let boundary = Boundary::of(*remote_as, spec.asn);
    let remote_as = remote_as_word(*remote_as);
    match peer {
        Peer::Interface(_) => line(format!("interface remote-as {remote_as}"))?,
        Peer::Range(_) => {
            line("peer-group".to_owned())?;
            line(format!("remote-as {remote_as}"))?;
        }
        Peer::Address(_) => line(format!("remote-as {remote_as}"))?,
    }
    if let Some(bfd) = bfd {
        line("bfd".to_owned())?;
        if let Some(profile) = bfd::profile_of(peer, bfd) {
            line(format!("bfd profile {profile}"))?;
        }
    }
    if let Some(password) = password {
        line(format!("password {}", password.expose()))
            .map_err(|error| without_secret(error, password))?;
    }
    if let Some(port) = port.filter(|port| port.get() != 179) {
        line(format!("port {port}"))?;
    }
    let hops = match peer {
        Peer::Address(_) | Peer::Range(_) => multihop(*ebgp_multihop, boundary),
        // FRR refuses it: the neighbour is one hop away.
        Peer::Interface(_) => None,
    };
    let one_hop = hops.is_none();
    if let Some(hops) = hops {
        line(hops)?;
    }
    // FRR drops an IPv6 route whose next hop it takes to be beyond the wire otherwise.
    let is_addressed = matches!(peer, Peer::Address(_));
    if boundary == Boundary::External
        && is_addressed
        && one_hop
        && carried.contains(&Family::Ipv6Unicast)
    {
        line("disable-connected-check".to_owned())?;
    }
    if let Some(timers) = timers {
        line(format!("timers {} {}", timers.keepalive, timers.hold))?;
    }
    let graceful = spec.graceful_restart.map(|_| GRACEFUL_CONNECT_TIME);
    if let Some(seconds) = connect_time.or(graceful) {
        line(format!("timers connect {seconds}"))?;
    }
    if carried.contains(&Family::Ipv4Unicast) && is_over_ipv6(peer) {
        line("capability extended-nexthop".to_owned())?;
    }
    Ok(())
}

/// Whether a session runs over IPv6 addresses. One behind an interface does, and FRR gives it
/// RFC 8950's next hops unasked.
fn is_over_ipv6(peer: &Peer) -> bool {
    match peer {
        Peer::Address(address) => address.is_ipv6(),
        Peer::Range(prefix) => prefix.addr().is_ipv6(),
        Peer::Interface(_) => false,
    }
}

/// FRR prints its default of 255 hops as no number. It accepts one hop, which is no multihop,
/// and any number for a neighbour of the own AS, but keeps and prints neither.
fn multihop(multihop: Option<Multihop>, boundary: Boundary) -> Option<String> {
    match (boundary, multihop?.ttl) {
        (Boundary::Internal, _) | (Boundary::External, Some(1)) => None,
        (Boundary::External, None | Some(u8::MAX)) => Some("ebgp-multihop".to_owned()),
        (Boundary::External, Some(ttl)) => Some(format!("ebgp-multihop {ttl}")),
    }
}

/// The lines that let the neighbours of ranges call.
fn listening(body: &mut Config, neighbors: &[&Neighbor]) -> Result<(), InvalidLine> {
    let ranges = neighbors
        .iter()
        .filter_map(|neighbor| match &neighbor.peer {
            Peer::Range(range) => Some(range),
            Peer::Address(_) | Peer::Interface(_) => None,
        });
    let ranges: Vec<&IpNet> = ranges.collect();
    if !ranges.is_empty() {
        body.push(format!("bgp listen limit {LISTEN_LIMIT}"))?;
    }
    for range in ranges {
        body.push(format!("bgp listen range {range} peer-group {range}"))?;
    }
    Ok(())
}

/// The error of a line with a password: errors end up in logs and conditions.
fn without_secret(error: InvalidLine, password: &Secret) -> InvalidLine {
    let hidden = |text: String| text.replace(password.expose(), "********");
    match error {
        InvalidLine::Control { character, text } => InvalidLine::Control {
            character,
            text: hidden(text),
        },
        InvalidLine::Comment { text } => InvalidLine::Comment { text: hidden(text) },
        InvalidLine::LeavesContext { text } => InvalidLine::LeavesContext { text: hidden(text) },
        InvalidLine::Pipe { text } => InvalidLine::Pipe { text: hidden(text) },
        InvalidLine::Message { text } => InvalidLine::Message { text: hidden(text) },
        InvalidLine::Empty => InvalidLine::Empty,
    }
}

/// The families that a neighbour carries, as far as the underlay alone decides.
#[must_use]
pub fn families(neighbor: &Neighbor, underlay: &UnderlayIntent) -> BTreeSet<Family> {
    carried(neighbor, underlay, None)
}

/// The families that a neighbour carries: what it was told to, else what its address, the
/// tunnel endpoints and the passthrough need.
fn carried(
    neighbor: &Neighbor,
    underlay: &UnderlayIntent,
    passthrough: Option<&PassthroughIntent>,
) -> BTreeSet<Family> {
    if let Families::Explicit(families) = &neighbor.families {
        return families.clone();
    }
    let own = match &neighbor.peer {
        Peer::Interface(_) => Family::Ipv4Unicast,
        Peer::Address(address) => of_family(&IpNet::from(*address)),
        Peer::Range(range) => of_family(range),
    };
    let vteps = underlay.vteps.prefixes();
    let hosts = passthrough.iter().flat_map(|own| &own.legs);
    let unicast = vteps.chain(hosts.map(|leg| leg.host));
    let mut families: BTreeSet<Family> = unicast.map(|prefix| of_family(&prefix)).collect();
    families.insert(own);
    if underlay.vteps.is_some() {
        // VRFs' IPv4 routes may travel beside their IPv6 ones.
        families.extend([Family::Ipv4Unicast, Family::Evpn]);
    }
    families
}

/// The lines that switch a family on, for each neighbour that carries it.
fn activations(
    config: &mut Config,
    carried: &[(&Neighbor, BTreeSet<Family>)],
    family: Family,
    spec: &Underlay,
) -> Result<(), InvalidLine> {
    for (neighbor, families) in carried {
        if families.contains(&family) {
            activate(config, neighbor, family, spec)?;
        }
    }
    Ok(())
}

fn activate(
    config: &mut Config,
    neighbor: &Neighbor,
    family: Family,
    spec: &Underlay,
) -> Result<(), InvalidLine> {
    let peer = &neighbor.peer;
    config.push(format!("neighbor {peer} activate"))?;
    match Boundary::of(neighbor.remote_as, spec.asn) {
        // All nodes share one AS: their routes come back to them through the fabric's.
        Boundary::External => {
            config.push(format!("neighbor {peer} allowas-in"))?;
        }
        Boundary::Internal => {
            if neighbor.reflector_client.contains(&family) {
                config.push(format!("neighbor {peer} route-reflector-client"))?;
            }
            match family {
                Family::Ipv4Unicast | Family::Ipv6Unicast => {
                    config.push(format!("neighbor {peer} next-hop-self force"))?;
                }
                Family::Evpn => {}
            }
        }
    }
    Ok(())
}
