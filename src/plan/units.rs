//! The objects' units: what each has to do, once the sweep is done.

use std::collections::BTreeSet;

use perouter_parsers::running_config::InvalidLine;
use perouter_parsers::system::Version;

use super::bfd::{self, ProfileChange, SeenBfd};
use super::bgp::desired::ALLOW_ALL;
use super::bgp::filter::{self, ListChange, PrefixList};
use super::bgp::instances::Instances;
use super::bgp::raw;
use super::link::{Link, LinkKind, SeenKernel};
use super::parts::{Part, PartId, Routing};
use super::stale::{self, Stale};
use super::wanted::{OfPassthrough, OfUnderlay, Wanted};
use super::{
    Blocked, IPV6_TUNNELS, Memory, Planned, Presence, RawLines, Role, SeenFrr, Step, Unit, kernel,
    underlay,
};
use crate::intent::RawIntent;

/// Plans the units of what is wanted against what is there once the sweep is done.
pub(super) struct Planner<'a> {
    wanted: &'a Wanted<'a>,
    /// The parts that are looked at; all others are right.
    open: &'a BTreeSet<PartId>,
    instances: Instances<'a>,
    lists: filter::Running<'a>,
    profiles: Vec<ProfileChange>,
    old_profiles: Vec<ProfileChange>,
    stale: &'a Stale,
    kernel: &'a SeenKernel,
    frr: &'a SeenFrr,
    memory: &'a Memory,
}

/// All units, and the parts that were found to be right.
pub(super) struct Units {
    pub(super) units: Vec<Unit>,
    pub(super) right: Vec<PartId>,
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        wanted: &'a Wanted<'a>,
        open: &'a BTreeSet<PartId>,
        stale: &'a Stale,
        (kernel, frr): (&'a SeenKernel, &'a SeenFrr),
        memory: &'a Memory,
    ) -> Self {
        let (profiles, old_profiles) = bfd::changes(&wanted.bfd.profiles, &frr.bfd);
        let parts = wanted.parts.iter().filter(|part| open.contains(&part.id));
        let underlay = wanted.underlay.iter().map(|own| &own.bgp);
        let passthrough = wanted.passthrough.iter().flat_map(|own| &own.bgp);
        let all = underlay
            .chain(parts.filter_map(|part| part.routing.as_ref().map(|own| &own.bgp)))
            .chain(passthrough);
        Self {
            instances: Instances::new(all, wanted.raw, &frr.bgp),
            lists: filter::running(&frr.bgp),
            wanted,
            open,
            profiles,
            old_profiles,
            stale,
            kernel,
            frr,
            memory,
        }
    }

    /// The underlay's first.
    pub(super) fn units(&self) -> Result<Units, InvalidLine> {
        let underlay = self.wanted.underlay.iter().map(|own| Unit {
            key: own.kernel.key.clone(),
            role: Role::Underlay,
            steps: self.underlay_steps(own),
        });
        let mut units: Vec<Unit> = underlay.collect();
        let mut right = Vec::new();
        for part in self.wanted.parts.iter() {
            let Some(links) = &part.links else { continue };
            let steps = if self.open.contains(&part.id) {
                self.part_steps(links, part)?
            } else {
                Ok(Vec::new())
            };
            if steps.as_ref().is_ok_and(Vec::is_empty) {
                right.push(part.id);
            }
            units.push(Unit {
                key: part.key().clone(),
                role: Role::Vni,
                steps,
            });
        }
        if let Some(own) = &self.wanted.passthrough {
            units.push(Unit {
                key: own.key.clone(),
                role: Role::Passthrough,
                steps: self.passthrough_steps(own)?,
            });
        }
        units.extend(self.wanted.objects.iter().map(|raw| self.raw_unit(raw)));
        Ok(Units { units, right })
    }

    fn raw_unit(&self, raw: &RawIntent) -> Unit {
        let due = raw::is_due(raw, &self.memory.raw, &self.frr.bgp);
        let step = due.then(|| Planned {
            step: Step::Raw(RawLines(raw.spec.config.clone())),
            undo: None,
        });
        Unit {
            key: raw.key.clone(),
            role: Role::Raw,
            steps: Ok(step.into_iter().collect()),
        }
    }

    /// What nobody uses any more once the units are done.
    pub(super) fn closing(&self) -> Vec<Step> {
        let raw = self.wanted.raw;
        let mut lists = filter::unwanted(&self.lists, |id| self.wanted.lists(id), raw);
        lists.extend(raw::surplus_lines(&self.frr.bgp, raw));
        let underlay = self.wanted.underlay.is_some();
        let mut steps = stale::route_maps(underlay, raw, &self.frr.bgp);
        if !lists.is_empty() {
            steps.push(Step::PrefixLists(lists));
        }
        if !self.old_profiles.is_empty() {
            steps.push(Step::BfdProfiles(self.old_profiles.clone()));
        }
        steps
    }

    fn underlay_steps(&self, own: &OfUnderlay) -> Result<Vec<Planned>, Blocked> {
        if self.wanted.bfd.need == bfd::Need::Bfdd && self.frr.bfd == SeenBfd::NotRunning {
            return Err(Blocked::NoBfdd);
        }
        let mut steps = underlay::steps(&own.kernel, self.kernel, &self.memory.nics)?;
        if self.wanted.parts.iter().any(|part| part.routing.is_some()) {
            steps.extend(underlay::isolation(self.kernel));
        }
        steps.extend(self.allow_all());
        if !self.profiles.is_empty() {
            let back: Option<Vec<_>> = self.profiles.iter().map(ProfileChange::reversed).collect();
            steps.push(Planned {
                step: Step::BfdProfiles(self.profiles.clone()),
                undo: back.map(Step::BfdProfiles),
            });
        }
        steps.extend(self.stale.before_underlay());
        steps.extend(self.instances.step(&own.bgp));
        Ok(steps)
    }

    fn allow_all(&self) -> Option<Planned> {
        self.frr
            .bgp
            .context(ALLOW_ALL)
            .is_none()
            .then_some(Planned {
                step: Step::AllowAll(Presence::Present),
                undo: Some(Step::AllowAll(Presence::Absent)),
            })
    }

    /// Lists stand before a session names them.
    fn list_step(&self, wanted: &[PrefixList]) -> Result<Vec<Planned>, InvalidLine> {
        let changes = filter::towards(wanted, &self.lists, self.wanted.raw)?;
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let created = changes.iter().map(|change| match change {
            ListChange::Create(list) => Some(ListChange::Remove(list.id.clone())),
            ListChange::Mend { .. } | ListChange::Remove(_) => None,
        });
        let back: Vec<ListChange> = created.flatten().collect();
        Ok(vec![Planned {
            step: Step::PrefixLists(changes),
            undo: (!back.is_empty()).then_some(Step::PrefixLists(back)),
        }])
    }

    /// The instance of a session stands before its link, like that of a VRF.
    fn passthrough_steps(
        &self,
        own: &OfPassthrough,
    ) -> Result<Result<Vec<Planned>, Blocked>, InvalidLine> {
        let mut steps = self.list_step(&own.lists)?;
        let step = own.bgp.as_ref().and_then(|bgp| self.instances.step(bgp));
        steps.extend(step);
        Ok(self.links(&own.links).map(|links| {
            steps.extend(links);
            steps
        }))
    }

    fn part_steps(
        &self,
        links: &[Link],
        part: &Part,
    ) -> Result<Result<Vec<Planned>, Blocked>, InvalidLine> {
        let Some(routing) = &part.routing else {
            return Ok(self.links(links));
        };
        let lists = self.list_step(&routing.lists)?;
        Ok(self.vni_steps(links, routing, lists))
    }

    /// The release that runs, when its EVPN knows no tunnels that start like these.
    fn too_old_for(&self, links: &[Link]) -> Option<&Version> {
        let starts_over_ipv6 = |link: &Link| match &link.kind {
            LinkKind::Vxlan { local, .. } => local.is_ipv6(),
            LinkKind::Vrf { .. } | LinkKind::Bridge | LinkKind::Veth { .. } => false,
        };
        let release = self.frr.release.as_ref()?;
        (*release < IPV6_TUNNELS && links.iter().any(starts_over_ipv6)).then_some(release)
    }

    fn links(&self, links: &[Link]) -> Result<Vec<Planned>, Blocked> {
        if let Some(found) = self.too_old_for(links) {
            return Err(Blocked::Ipv6Tunnels {
                needed: IPV6_TUNNELS,
                found: found.clone(),
            });
        }
        kernel::bridges_of_others(links, self.kernel)?;
        Ok(kernel::plan_links(links, self.kernel)?)
    }

    /// BGP before the VXLAN device, because bgpd crashes on a VNI that it has no instance for;
    /// the mapping last, when all that it joins is there.
    fn vni_steps(
        &self,
        links: &[Link],
        routing: &Routing,
        lists: Vec<Planned>,
    ) -> Result<Vec<Planned>, Blocked> {
        let links = self.links(links)?;
        let Routing { vrf, vni, bgp, .. } = routing;
        let mut steps = self.stale.before_vrf(vrf);
        steps.extend(lists);
        steps.extend(self.instances.step(bgp));
        steps.extend(links);
        let mapped = self.frr.vnis.get(vrf).copied();
        if mapped != Some(*vni) {
            steps.push(Planned {
                step: Step::MapVni {
                    vrf: vrf.clone(),
                    vni: Some(*vni),
                },
                undo: Some(Step::MapVni {
                    vrf: vrf.clone(),
                    vni: mapped,
                }),
            });
        }
        Ok(steps)
    }
}
