//! Sessions with the host: in a VRF, or in the default table.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use perouter_parsers::running_config::{Config, Context, InvalidLine};

use super::desired::{Boundary, header, push_family, remote_as_word};
use super::fabric::of_family;
use super::filter::{Direction, PrefixList};
use crate::api::types::Asn;
use crate::api::{AllowedPrefixes, Family, HostSession, RemoteAs};
use crate::intent::addresses::HostLeg;
use crate::intent::{PassthroughIntent, UnderlayIntent, VniIntent};

/// Seconds between attempts to connect to the host: it is just behind the veth.
const PASSTHROUGH_CONNECT_TIME: u16 = 5;

/// The name that the filters of the passthrough begin with; no VRF is called so.
const PASSTHROUGH: &str = "pt.host";

/// One end of the host's, as the families speak of it.
#[derive(Clone, Copy)]
pub(super) struct HostPeer<'a> {
    /// Where it is.
    pub(super) address: IpAddr,
    /// What the names of its filters begin with.
    scope: &'a str,
    remote_as: RemoteAs,
    boundary: Boundary,
    allowed: &'a AllowedPrefixes,
}

impl<'a> HostPeer<'a> {
    pub(super) fn new(leg: &HostLeg, session: &'a HostSession, own: Asn, scope: &'a str) -> Self {
        Self {
            address: leg.host.addr(),
            scope,
            remote_as: session.remote_as,
            boundary: Boundary::of(session.remote_as, own),
            allowed: &session.allowed,
        }
    }

    /// The line that defines it.
    pub(super) fn define(&self, body: &mut Config) -> Result<(), InvalidLine> {
        let remote_as = remote_as_word(self.remote_as);
        body.push(format!("neighbor {} remote-as {remote_as}", self.address))?;
        Ok(())
    }

    /// Its lines in an address family.
    pub(super) fn activate(&self, family: Family, config: &mut Config) -> Result<(), InvalidLine> {
        let address = self.address;
        let mut line = |text: String| {
            config
                .push(format!("neighbor {address} {text}"))
                .map(|_| ())
        };
        line("activate".to_owned())?;
        match self.boundary {
            Boundary::Internal => line("next-hop-self force".to_owned())?,
            Boundary::External => {}
        }
        for list in lists(self.scope, self.allowed) {
            if list.family() == family {
                line(format!("prefix-list {} {}", list.name(), list.direction()))?;
            }
        }
        line("route-map allowall in".to_owned())?;
        line("route-map allowall out".to_owned())
    }
}

/// The networks of one family in a BGP instance, in FRR's order.
pub(super) fn networks(
    config: &mut Config,
    prefixes: &BTreeSet<IpNet>,
    family: Family,
) -> Result<(), InvalidLine> {
    for prefix in prefixes.iter().filter(|prefix| of_family(prefix) == family) {
        config.push(format!("network {prefix}"))?;
    }
    Ok(())
}

/// The part of the passthrough in the default instance.
pub(super) fn passthrough(
    intent: &PassthroughIntent,
    underlay: &UnderlayIntent,
) -> Result<Context, InvalidLine> {
    let asn = underlay.spec.asn;
    let mut body = Config::new();
    let mut families = Vec::new();
    for leg in &intent.legs {
        let peer = HostPeer::new(leg, &intent.session, asn, PASSTHROUGH);
        peer.define(&mut body)?;
        let address = peer.address;
        body.push(format!(
            "neighbor {address} timers connect {PASSTHROUGH_CONNECT_TIME}"
        ))?;
        let own = IpNet::from(address);
        let family = of_family(&own);
        let mut unicast = Config::new();
        networks(&mut unicast, &BTreeSet::from([own]), family)?;
        peer.activate(family, &mut unicast)?;
        families.push((family, unicast));
    }
    for (family, unicast) in families {
        let name = match family {
            Family::Ipv4Unicast | Family::Evpn => "ipv4 unicast",
            Family::Ipv6Unicast => "ipv6 unicast",
        };
        push_family(&mut body, name, unicast)?;
    }
    Ok(Context::with_body(header(asn, None)?, body))
}

/// The prefix lists of a VNI's session with the host.
#[must_use]
pub fn lists_of_vni(vni: &VniIntent) -> Vec<PrefixList> {
    match &vni.spec.host_session {
        Some(session) if !vni.legs.is_empty() => lists(vni.spec.vrf.as_str(), &session.allowed),
        Some(_) | None => Vec::new(),
    }
}

/// The prefix lists of the passthrough.
#[must_use]
pub fn lists_of_passthrough(intent: &PassthroughIntent) -> Vec<PrefixList> {
    lists(PASSTHROUGH, &intent.session.allowed)
}

/// One list for each direction that is limited and each IP version: where nothing of a version
/// is allowed, nothing of it passes.
fn lists(scope: &str, allowed: &AllowedPrefixes) -> Vec<PrefixList> {
    let AllowedPrefixes { incoming, outgoing } = allowed;
    let directions = [(Direction::In, incoming), (Direction::Out, outgoing)];
    let limited = directions
        .into_iter()
        .filter_map(|(direction, rules)| Some((direction, rules.as_ref()?)));
    limited
        .flat_map(|(direction, rules)| {
            [Family::Ipv4Unicast, Family::Ipv6Unicast].map(|family| {
                let own = rules
                    .iter()
                    .filter(|rule| of_family(&rule.prefix) == family);
                PrefixList::new(scope, direction, family, own.copied().collect())
            })
        })
        .collect()
}
