//! The BGP configuration of this node, in FRR's own canonical form: what `show running-config`
//! prints once it is in force, so that an unchanged intent compares equal.
//!
//! The semantics are those of OpenPERouter, with differences: a neighbour whose families are
//! derived carries EVPN from the start when the underlay has a tunnel endpoint, because
//! activating a family later makes FRR re-open the session; instances of VRFs restart gracefully
//! when that of the underlay does; and paths by several autonomous systems are used together.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use perouter_parsers::running_config::{Config, Context, InvalidLine, Line};

use super::difference::{Command, Verb};
use super::{fabric, host, vrf};
use crate::api::types::{Asn, ObjectKey};
use crate::api::{GracefulRestart, RemoteAs};
use crate::intent::{NodeIntent, PassthroughIntent, UnderlayIntent, VniIntent};

pub use super::fabric::families;
pub use super::vrf::{export_targets, import_targets};

/// The route map that lets everything through on host sessions.
pub const ALLOW_ALL: &str = "route-map allowall permit 1";

/// What the instances of all VRFs have from the underlay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) struct Shared {
    pub(in crate::plan) asn: Asn,
    pub(in crate::plan) router_id: Ipv4Addr,
    pub(in crate::plan) restart: Option<GracefulRestart>,
    pub(in crate::plan) monitoring: Monitoring,
}

impl Shared {
    pub(in crate::plan) fn of(underlay: &UnderlayIntent, monitoring: Monitoring) -> Self {
        Self {
            asn: underlay.spec.asn,
            router_id: underlay.router_id,
            restart: underlay.spec.graceful_restart,
            monitoring,
        }
    }
}

/// The contexts of one object in bgpd's configuration.
#[derive(Clone, PartialEq, Eq)]
pub struct DesiredBgp {
    /// The object.
    pub key: ObjectKey,
    /// Its `router bgp …` context, or its part of one.
    pub instance: Context,
}

impl fmt::Debug for DesiredBgp {
    /// The configuration may hold passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, instance } = self;
        write!(f, "{key}: {} (content hidden)", instance.header())
    }
}

/// bgpd's configuration for an intent: the default instance first. Several objects may have
/// parts of one instance; the first of them owns it.
///
/// # Errors
/// [`InvalidLine`] when a value cannot be typed into FRR. Values are validated on the way in,
/// so this is the last of two locks on that door.
pub fn desired(
    intent: &NodeIntent,
    monitoring: Monitoring,
) -> Result<Vec<DesiredBgp>, InvalidLine> {
    let Some(underlay) = &intent.underlay else {
        return Ok(Vec::new());
    };
    let own = intent.passthrough.as_ref();
    let mut all = vec![of_underlay(underlay, own, monitoring)?];
    for vni in &intent.vnis {
        all.push(of_vni(vni, &Shared::of(underlay, monitoring))?);
    }
    if let Some(own) = own {
        all.push(of_passthrough(own, underlay)?);
    }
    Ok(all)
}

/// The default instance.
pub(in crate::plan) fn of_underlay(
    underlay: &UnderlayIntent,
    passthrough: Option<&PassthroughIntent>,
    monitoring: Monitoring,
) -> Result<DesiredBgp, InvalidLine> {
    Ok(DesiredBgp {
        key: underlay.key.clone(),
        instance: fabric::instance(underlay, passthrough, monitoring)?,
    })
}

/// The instance of a VNI's VRF.
pub(in crate::plan) fn of_vni(vni: &VniIntent, shared: &Shared) -> Result<DesiredBgp, InvalidLine> {
    Ok(DesiredBgp {
        key: vni.key.clone(),
        instance: vrf::instance(vni, shared)?,
    })
}

/// The header of the instance of a VNI's VRF, on an underlay with this AS number.
pub(super) fn header_of(vni: &VniIntent, underlay_asn: Asn) -> Result<Line, InvalidLine> {
    let session = vni.spec.host_session.as_ref();
    let asn = session.map_or(underlay_asn, |session| session.asn);
    header(asn, Some(vni.spec.vrf.as_str()))
}

/// Has the instances of these VNIs keep back their End-of-RIB markers, or send them. A marker
/// that was kept back follows with the next update. (FRR's hidden `bgp graceful-restart
/// disable-eor`, which its running configuration does not show.)
///
/// # Errors
/// [`InvalidLine`], as [`desired`].
pub fn markers<'a>(
    vnis: impl Iterator<Item = &'a VniIntent>,
    underlay_asn: Asn,
    markers: Markers,
) -> Result<Vec<Command>, InvalidLine> {
    let command = |vni| {
        Ok(Command {
            path: vec![header_of(vni, underlay_asn)?],
            verb: match markers {
                Markers::KeptBack => Verb::Add,
                Markers::Sent => Verb::Remove,
            },
            line: Line::new("bgp graceful-restart disable-eor")?,
        })
    };
    vnis.map(command).collect()
}

/// What becomes of End-of-RIB markers (RFC 4724 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Markers {
    /// They wait.
    KeptBack,
    /// They are sent, as usual.
    Sent,
}

/// The passthrough's part of the default instance.
pub(in crate::plan) fn of_passthrough(
    own: &PassthroughIntent,
    underlay: &UnderlayIntent,
) -> Result<DesiredBgp, InvalidLine> {
    Ok(DesiredBgp {
        key: own.key.clone(),
        instance: host::passthrough(own, underlay)?,
    })
}

/// The header of an instance's context.
pub(super) fn header(asn: Asn, vrf: Option<&str>) -> Result<Line, InvalidLine> {
    Line::new(match vrf {
        Some(vrf) => format!("router bgp {asn} vrf {vrf}"),
        None => format!("router bgp {asn}"),
    })
}

/// Whether bgpd can tell of its sessions as they come and go: whether its module `bmp` is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Monitoring {
    /// It cannot, and is asked.
    #[default]
    Unavailable,
    /// It can, and is to tell the station at [`STATION`].
    Available,
}

/// Where the agent listens for BMP, in the router's namespace. A station has no port of its own
/// among the well-known ones; this is next to those of FRR's gRPC.
pub const STATION: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 50061));

/// Has an instance tell the agent of its sessions (`bmp targets`). Nothing of routes is told:
/// those are read, and the kernel tells of what becomes of them.
pub(super) fn monitor(body: &mut Config, monitoring: Monitoring) -> Result<(), InvalidLine> {
    match monitoring {
        Monitoring::Unavailable => Ok(()),
        Monitoring::Available => {
            let mut targets = Config::new();
            let (address, port) = (STATION.ip(), STATION.port());
            targets.push(format!(
                "bmp connect {address} port {port} min-retry 100 max-retry 1000"
            ))?;
            let header = Line::new("bmp targets perouter")?;
            body.push_context(Context::with_body(header, targets));
            Ok(())
        }
    }
}

/// FRR's default times; a default is not printed, and writing one resets sessions.
const DEFAULT_RESTART: GracefulRestart = GracefulRestart {
    restart_time: 120,
    stale_path_time: 360,
};

/// Graceful restart of an instance.
///
/// The sessions with hosts need it as much as those with the fabric: a host takes back what it
/// was told when its session ends, and zebra leaves the routes of an instance without it behind
/// for good when another instance has it.
pub(super) fn graceful_restart(
    body: &mut Config,
    restart: Option<GracefulRestart>,
) -> Result<(), InvalidLine> {
    let Some(restart) = restart else {
        return Ok(());
    };
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

/// What every instance of ours starts with; what is pushed `between` stands where FRR prints
/// it.
pub(super) fn common(
    router_id: Ipv4Addr,
    between: impl FnOnce(&mut Config) -> Result<(), InvalidLine>,
) -> Result<Config, InvalidLine> {
    let mut body = Config::new();
    body.push(format!("bgp router-id {router_id}"))?;
    body.push("no bgp ebgp-requires-policy")?;
    body.push("no bgp default ipv4-unicast")?;
    between(&mut body)?;
    body.push("no bgp network import-check")?;
    Ok(body)
}

pub(super) fn remote_as_word(remote_as: RemoteAs) -> String {
    match remote_as {
        RemoteAs::Number(asn) => asn.to_string(),
        RemoteAs::External => "external".to_owned(),
        RemoteAs::Internal => "internal".to_owned(),
    }
}

/// Whether a session crosses an AS boundary, as seen from the instance's own AS.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Boundary {
    External,
    Internal,
}

impl Boundary {
    pub(super) fn of(remote_as: RemoteAs, own: Asn) -> Self {
        match remote_as {
            RemoteAs::Number(asn) if asn == own => Self::Internal,
            RemoteAs::Number(_) | RemoteAs::External => Self::External,
            RemoteAs::Internal => Self::Internal,
        }
    }
}

/// Adds an address family unless it would be empty, which to FRR is none.
pub(super) fn push_family(
    body: &mut Config,
    name: &str,
    content: Config,
) -> Result<(), InvalidLine> {
    if !content.is_empty() {
        let header = Line::new(format!("address-family {name}"))?;
        body.push_context(Context::with_body(header, content));
    }
    Ok(())
}
