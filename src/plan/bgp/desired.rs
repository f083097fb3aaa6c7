//! The BGP configuration of this node, in FRR's own canonical form: what `show running-config`
//! prints once it is in force, so that an unchanged intent compares equal.
//!
//! The semantics are those of OpenPERouter, with one difference: a neighbour whose families are
//! derived carries EVPN from the start when the underlay has a tunnel endpoint, because
//! activating a family later makes FRR re-open the session.

use std::collections::BTreeSet;
use std::fmt;

use perouter_parsers::running_config::{Config, Context, InvalidLine, Line};

use crate::api::types::{Asn, ObjectKey};
use crate::api::{
    Families, Family, GracefulRestart, L3Vni, Multihop, Neighbor, RemoteAs, RouteTarget, Secret,
    Underlay,
};
use crate::intent::{NodeIntent, UnderlayIntent, VniIntent};

/// The route map that lets everything through on host sessions.
pub const ALLOW_ALL: &str = "route-map allowall permit 1";

/// FRR's default times; a default is not printed, and writing one resets sessions.
const DEFAULT_RESTART: GracefulRestart = GracefulRestart {
    restart_time: 120,
    stale_path_time: 360,
};

/// Seconds between attempts to connect when graceful restart is on: the restart time is short.
const GRACEFUL_CONNECT_TIME: u16 = 5;

/// The contexts of one object in bgpd's configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct DesiredBgp {
    /// The object.
    pub key: ObjectKey,
    /// Its `router bgp …` context.
    pub instance: Context,
}

impl fmt::Debug for DesiredBgp {
    /// The configuration may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, instance } = self;
        write!(f, "{key}: {} (content hidden)", instance.header())
    }
}

/// bgpd's configuration for an intent: the default instance first.
///
/// # Errors
/// [`InvalidLine`] when a value cannot be typed into FRR. Values are validated on the way in,
/// so this is the last of two locks on that door.
pub fn desired(intent: &NodeIntent) -> Result<Vec<DesiredBgp>, InvalidLine> {
    let Some(underlay) = &intent.underlay else {
        return Ok(Vec::new());
    };
    let mut all = vec![DesiredBgp {
        key: underlay.key.clone(),
        instance: default_instance(underlay)?,
    }];
    for vni in &intent.vnis {
        all.push(DesiredBgp {
            key: vni.key.clone(),
            instance: vrf_instance(vni, underlay)?,
        });
    }
    Ok(all)
}

/// The header of an instance's context.
fn header(asn: Asn, vrf: Option<&str>) -> Result<Line, InvalidLine> {
    Line::new(match vrf {
        Some(vrf) => format!("router bgp {asn} vrf {vrf}"),
        None => format!("router bgp {asn}"),
    })
}

fn default_instance(underlay: &UnderlayIntent) -> Result<Context, InvalidLine> {
    let spec = &underlay.spec;
    let mut body = common(underlay, spec.graceful_restart)?;
    for neighbor in &spec.neighbors {
        session(&mut body, neighbor, spec)?;
    }
    let mut unicast = Config::new();
    if let Some(vtep) = underlay.vtep {
        unicast.push(format!("network {vtep}/32"))?;
    }
    let mut evpn = Config::new();
    for neighbor in &spec.neighbors {
        let peer = Peer::of(neighbor.remote_as, spec.asn);
        let families = families(neighbor, underlay);
        if families.contains(&Family::Ipv4Unicast) {
            activate(&mut unicast, neighbor, peer, Family::Ipv4Unicast)?;
        }
        if families.contains(&Family::Evpn) {
            activate(&mut evpn, neighbor, peer, Family::Evpn)?;
        }
    }
    if underlay.vtep.is_some() {
        evpn.push("advertise-all-vni")?;
    }
    push_family(&mut body, "ipv4 unicast", unicast)?;
    push_family(&mut body, "l2vpn evpn", evpn)?;
    Ok(Context::with_body(header(spec.asn, None)?, body))
}

/// What every instance of ours starts with.
fn common(
    underlay: &UnderlayIntent,
    restart: Option<GracefulRestart>,
) -> Result<Config, InvalidLine> {
    let mut body = Config::new();
    body.push(format!("bgp router-id {}", underlay.router_id))?;
    body.push("no bgp ebgp-requires-policy")?;
    body.push("no bgp default ipv4-unicast")?;
    if let Some(restart) = &restart {
        graceful_restart(&mut body, restart)?;
    }
    body.push("no bgp network import-check")?;
    Ok(body)
}

fn graceful_restart(body: &mut Config, restart: &GracefulRestart) -> Result<(), InvalidLine> {
    let times = [
        (
            "stalepath-time",
            restart.stale_path_time,
            DEFAULT_RESTART.stale_path_time,
        ),
        (
            "restart-time",
            restart.restart_time,
            DEFAULT_RESTART.restart_time,
        ),
    ];
    for (name, time, default) in times {
        if time != default {
            body.push(format!("bgp graceful-restart {name} {time}"))?;
        }
    }
    body.push("bgp graceful-restart")?;
    body.push("bgp graceful-restart preserve-fw-state")?;
    Ok(())
}

fn session(body: &mut Config, neighbor: &Neighbor, spec: &Underlay) -> Result<(), InvalidLine> {
    let Neighbor {
        address,
        remote_as,
        port,
        password,
        timers,
        connect_time,
        ebgp_multihop,
        families: _,
    } = neighbor;
    let mut line = |text: String| body.push(format!("neighbor {address} {text}")).map(|_| ());
    line(format!("remote-as {}", remote_as_word(*remote_as)))?;
    if let Some(password) = password {
        line(format!("password {}", password.expose()))
            .map_err(|error| without_secret(error, password))?;
    }
    if let Some(port) = port.filter(|port| port.get() != 179) {
        line(format!("port {port}"))?;
    }
    if let Some(hops) = multihop(*ebgp_multihop, Peer::of(*remote_as, spec.asn)) {
        line(hops)?;
    }
    if let Some(timers) = timers {
        line(format!("timers {} {}", timers.keepalive, timers.hold))?;
    }
    let graceful = spec.graceful_restart.map(|_| GRACEFUL_CONNECT_TIME);
    if let Some(seconds) = connect_time.or(graceful) {
        line(format!("timers connect {seconds}"))?;
    }
    Ok(())
}

/// FRR prints its default of 255 hops as no number. It accepts one hop, which is no multihop,
/// and any number for a neighbour of the own AS, but keeps and prints neither.
fn multihop(multihop: Option<Multihop>, peer: Peer) -> Option<String> {
    match (peer, multihop?.ttl) {
        (Peer::Internal, _) | (Peer::External, Some(1)) => None,
        (Peer::External, None | Some(u8::MAX)) => Some("ebgp-multihop".to_owned()),
        (Peer::External, Some(ttl)) => Some(format!("ebgp-multihop {ttl}")),
    }
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

fn remote_as_word(remote_as: RemoteAs) -> String {
    match remote_as {
        RemoteAs::Number(asn) => asn.to_string(),
        RemoteAs::External => "external".to_owned(),
        RemoteAs::Internal => "internal".to_owned(),
    }
}

/// Whether a session crosses an AS boundary, as seen from the instance's own AS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    External,
    Internal,
}

impl Peer {
    fn of(remote_as: RemoteAs, own: Asn) -> Self {
        match remote_as {
            RemoteAs::Number(asn) if asn == own => Self::Internal,
            RemoteAs::Number(_) | RemoteAs::External => Self::External,
            RemoteAs::Internal => Self::Internal,
        }
    }
}

/// The families a neighbour carries.
#[must_use]
pub fn families(neighbor: &Neighbor, underlay: &UnderlayIntent) -> BTreeSet<Family> {
    match &neighbor.families {
        Families::Explicit(families) => families.clone(),
        Families::Derived if underlay.vtep.is_some() => {
            BTreeSet::from([Family::Ipv4Unicast, Family::Evpn])
        }
        Families::Derived => BTreeSet::from([Family::Ipv4Unicast]),
    }
}

fn activate(
    config: &mut Config,
    neighbor: &Neighbor,
    peer: Peer,
    family: Family,
) -> Result<(), InvalidLine> {
    let address = neighbor.address;
    config.push(format!("neighbor {address} activate"))?;
    match (peer, family) {
        // All nodes share one AS: their routes come back to them through the fabric's.
        (Peer::External, Family::Ipv4Unicast | Family::Evpn) => {
            config.push(format!("neighbor {address} allowas-in"))?;
        }
        (Peer::Internal, Family::Ipv4Unicast) => {
            config.push(format!("neighbor {address} next-hop-self force"))?;
        }
        (Peer::Internal, Family::Evpn) => {}
    }
    Ok(())
}

fn push_family(body: &mut Config, name: &str, content: Config) -> Result<(), InvalidLine> {
    if !content.is_empty() {
        let header = Line::new(format!("address-family {name}"))?;
        body.push_context(Context::with_body(header, content));
    }
    Ok(())
}

fn vrf_instance(vni: &VniIntent, underlay: &UnderlayIntent) -> Result<Context, InvalidLine> {
    let spec = &vni.spec;
    let asn = spec
        .host_session
        .map_or(underlay.spec.asn, |session| session.asn);
    let mut body = common(underlay, None)?;
    let mut unicast = Config::new();
    if let (Some(session), Some(leg)) = (spec.host_session, vni.leg) {
        let host = leg.host.addr();
        body.push(format!(
            "neighbor {host} remote-as {}",
            remote_as_word(session.remote_as)
        ))?;
        unicast.push(format!("network {host}/32"))?;
        unicast.push(format!("neighbor {host} activate"))?;
        if Peer::of(session.remote_as, asn) == Peer::Internal {
            unicast.push(format!("neighbor {host} next-hop-self force"))?;
        }
        unicast.push(format!("neighbor {host} route-map allowall in"))?;
        unicast.push(format!("neighbor {host} route-map allowall out"))?;
    }
    let mut evpn = Config::new();
    evpn.push("advertise ipv4 unicast")?;
    route_targets(&mut evpn, spec, asn)?;
    push_family(&mut body, "ipv4 unicast", unicast)?;
    push_family(&mut body, "l2vpn evpn", evpn)?;
    Ok(Context::with_body(
        header(asn, Some(spec.vrf.as_str()))?,
        body,
    ))
}

/// Route targets, but for a list that says just what FRR derives by itself: FRR prints that
/// one or not, depending on what came first, and means the same.
///
/// In a list that says more, the derived one comes last: FRR ignores it while it still derives
/// it by itself, and stops deriving it at the first other one.
fn route_targets(evpn: &mut Config, spec: &L3Vni, asn: Asn) -> Result<(), InvalidLine> {
    let auto = automatic_route_target(asn, spec);
    for (direction, targets) in [("import", &spec.import_rts), ("export", &spec.export_rts)] {
        let mut targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
        targets.sort_by_key(|target| (*target == auto, target.clone()));
        if targets.first().is_some_and(|first| *first != auto) {
            for target in targets {
                evpn.push(format!("route-target {direction} {target}"))?;
            }
        }
    }
    Ok(())
}

/// What FRR derives: the AS number's low 16 bits and the VNI.
fn automatic_route_target(asn: Asn, spec: &L3Vni) -> String {
    format!("{}:{}", u32::from(asn) & 0xffff, spec.vni)
}

/// The route targets that a VNI's routes carry in fact.
#[must_use]
pub fn export_targets(spec: &L3Vni, asn: Asn) -> Vec<String> {
    effective(&spec.export_rts, spec, asn)
}

/// The route targets by which a VNI takes routes in.
#[must_use]
pub fn import_targets(spec: &L3Vni, asn: Asn) -> Vec<String> {
    effective(&spec.import_rts, spec, asn)
}

fn effective(explicit: &[RouteTarget], spec: &L3Vni, asn: Asn) -> Vec<String> {
    if explicit.is_empty() {
        vec![automatic_route_target(asn, spec)]
    } else {
        explicit.iter().map(ToString::to_string).collect()
    }
}
