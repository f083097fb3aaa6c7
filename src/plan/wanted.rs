//! All that an intent wants, on both sides.

use std::collections::BTreeMap;

use perouter_parsers::running_config::{Config, InvalidLine, Line};

use super::bfd::{self, BfdProfile};
use super::bgp::desired::{self as bgp, DesiredBgp, Monitoring};
use super::bgp::filter::{ListId, PrefixList};
use super::bgp::host::lists_of_passthrough;
use super::desired::{self, DesiredUnderlay, links_of_passthrough};
use super::kernel::Id;
use super::link::Link;
use super::parts::Parts;
use super::stale::{is_default, vrf_of};
use crate::api::types::{ObjectKey, Vni};
use crate::intent::{NodeIntent, PassthroughIntent, RawIntent, UnderlayIntent};

/// What the objects want of which a node has one, and so few that all of it is derived every
/// time; with the parts of VNIs.
pub(super) struct Wanted<'a> {
    pub(super) underlay: Option<OfUnderlay>,
    pub(super) passthrough: Option<OfPassthrough>,
    pub(super) bfd: OfBfd,
    pub(super) objects: &'a [RawIntent],
    /// What raw objects want, as they say it and as FRR prints it.
    pub(super) raw: &'a Config,
    pub(super) parts: &'a Parts,
}

/// What the underlay leads to.
pub(super) struct OfUnderlay {
    pub(super) kernel: DesiredUnderlay,
    pub(super) bgp: DesiredBgp,
}

/// What the passthrough leads to.
pub(super) struct OfPassthrough {
    pub(super) key: ObjectKey,
    pub(super) links: Vec<Link>,
    /// None without an underlay, whose instance it would be part of.
    pub(super) bgp: Option<DesiredBgp>,
    pub(super) lists: Vec<PrefixList>,
}

/// What is wanted of bfdd.
pub(super) struct OfBfd {
    pub(super) profiles: BTreeMap<String, BfdProfile>,
    pub(super) need: bfd::Need,
}

impl<'a> Wanted<'a> {
    pub(super) fn of(
        intent: &'a NodeIntent,
        raw: &'a Config,
        parts: &'a Parts,
        monitoring: Monitoring,
    ) -> Result<Self, InvalidLine> {
        let passthrough = intent.passthrough.as_ref();
        let underlay = intent.underlay.as_ref();
        let own = |own| OfUnderlay::of(own, passthrough, monitoring);
        Ok(Self {
            underlay: underlay.map(own).transpose()?,
            passthrough: passthrough
                .map(|own| OfPassthrough::of(own, underlay))
                .transpose()?,
            bfd: OfBfd::of(intent),
            objects: &intent.raw,
            raw,
            parts,
        })
    }

    /// The VNI that a VRF is to have.
    pub(super) fn vni_of(&self, vrf: &str) -> Option<Vni> {
        let part = self.parts.of_vrf(vrf)?;
        part.links.as_ref()?;
        part.routing.as_ref().map(|routing| routing.vni)
    }

    /// Whether an object, other than raw ones, has an instance where this one would be: a node
    /// has one default instance, and a VRF has one.
    pub(super) fn has_instance_for(&self, header: &Line) -> bool {
        match vrf_of(header) {
            Some(vrf) => self.parts.of_vrf(vrf).is_some(),
            None => self.underlay.is_some() && is_default(header),
        }
    }

    /// Whether an object, other than raw ones, has a part in the context.
    pub(super) fn types(&self, header: &Line) -> bool {
        let owner = match vrf_of(header) {
            Some(vrf) => {
                let routing = self
                    .parts
                    .of_vrf(vrf)
                    .and_then(|part| part.routing.as_ref());
                routing.map(|routing| &routing.bgp)
            }
            None => self.underlay.as_ref().map(|own| &own.bgp),
        };
        owner.is_some_and(|own| own.instance.header() == header)
    }

    /// Whether it is a link of the passthrough.
    pub(super) fn has_link(&self, (space, name): &Id) -> bool {
        let mut links = self.passthrough.iter().flat_map(|own| &own.links);
        links.any(|link| (link.space, &link.name) == (*space, name))
    }

    /// Whether an object, other than raw ones, has this list.
    pub(super) fn lists(&self, id: &ListId) -> bool {
        let passthrough = self.passthrough.iter().flat_map(|own| &own.lists);
        self.parts.of_list(id).is_some() || passthrough.into_iter().any(|list| list.id == *id)
    }
}

impl OfUnderlay {
    fn of(
        underlay: &UnderlayIntent,
        passthrough: Option<&PassthroughIntent>,
        monitoring: Monitoring,
    ) -> Result<Self, InvalidLine> {
        Ok(Self {
            kernel: desired::of_underlay(underlay),
            bgp: bgp::of_underlay(underlay, passthrough, monitoring)?,
        })
    }
}

impl OfPassthrough {
    fn of(own: &PassthroughIntent, underlay: Option<&UnderlayIntent>) -> Result<Self, InvalidLine> {
        let bgp = underlay.map(|underlay| bgp::of_passthrough(own, underlay));
        Ok(Self {
            key: own.key.clone(),
            links: links_of_passthrough(own),
            bgp: bgp.transpose()?,
            lists: lists_of_passthrough(own),
        })
    }
}

impl OfBfd {
    pub(super) fn of(intent: &NodeIntent) -> Self {
        Self {
            profiles: bfd::wanted(intent),
            need: bfd::need(intent),
        }
    }
}
