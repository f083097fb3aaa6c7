//! The BGP configuration of this node, in FRR's own canonical form: what `show running-config`
//! prints once it is in force, so that an unchanged intent compares equal.
//!
//! The semantics are those of OpenPERouter, with one difference: a neighbour whose families are
//! derived carries EVPN from the start when the underlay has a tunnel endpoint, because
//! activating a family later makes FRR re-open the session.

use std::fmt;
use std::net::Ipv4Addr;

use perouter_parsers::running_config::{Config, Context, InvalidLine, Line};

use super::{fabric, host, vrf};
use crate::api::RemoteAs;
use crate::api::types::{Asn, ObjectKey};
use crate::intent::{NodeIntent, PassthroughIntent, UnderlayIntent, VniIntent};

pub use super::fabric::families;
pub use super::vrf::{export_targets, import_targets};

/// The route map that lets everything through on host sessions.
pub const ALLOW_ALL: &str = "route-map allowall permit 1";

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
pub fn desired(intent: &NodeIntent) -> Result<Vec<DesiredBgp>, InvalidLine> {
    let Some(underlay) = &intent.underlay else {
        return Ok(Vec::new());
    };
    let own = intent.passthrough.as_ref();
    let mut all = vec![of_underlay(underlay, own)?];
    for vni in &intent.vnis {
        all.push(of_vni(vni, underlay.spec.asn, underlay.router_id)?);
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
) -> Result<DesiredBgp, InvalidLine> {
    Ok(DesiredBgp {
        key: underlay.key.clone(),
        instance: fabric::instance(underlay, passthrough)?,
    })
}

/// The instance of a VNI's VRF, on an underlay with this AS number and BGP identifier.
pub(in crate::plan) fn of_vni(
    vni: &VniIntent,
    asn: Asn,
    router_id: Ipv4Addr,
) -> Result<DesiredBgp, InvalidLine> {
    Ok(DesiredBgp {
        key: vni.key.clone(),
        instance: vrf::instance(vni, asn, router_id)?,
    })
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

/// What every instance of ours starts with; `reflection` and `restart` stand where FRR prints
/// them.
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
