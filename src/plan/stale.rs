//! What stands and nobody wants any more: the sweep, and what is there once it is done.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use perouter_parsers::running_config::{Config, Context, Line};

use super::bgp::desired::DesiredBgp;
use super::bgp::difference::ContextChange;
use super::desired::Desired;
use super::link::{KernelStep, SeenKernel, Space};
use super::{SeenFrr, Step, kernel};
use crate::api::types::{InterfaceName, Vni, VrfName};

pub(super) struct Stale {
    mappings: BTreeSet<VrfName>,
    instances: Vec<ContextChange>,
    links: Vec<(Space, InterfaceName)>,
}

impl Stale {
    pub(super) fn of(
        wanted: &Desired,
        wanted_bgp: &[DesiredBgp],
        kernel: &SeenKernel,
        frr: &SeenFrr,
    ) -> Self {
        let instances = instances(wanted_bgp, &frr.bgp);
        let links = wanted.vnis.iter().flat_map(|vni| &vni.links);
        let links = links.map(|link| (link.space, link.name.clone())).collect();
        Self {
            mappings: mappings(wanted, &instances, frr),
            instances,
            links: kernel::leftovers(&links, kernel),
        }
    }

    /// Unmap before the BGP instance goes, which FRR refuses otherwise; the default instance
    /// after those of VRFs; links when nothing speaks over them any more.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mappings = self.mappings.iter().map(|vrf| Step::MapVni {
            vrf: vrf.clone(),
            vni: None,
        });
        let instances = self.instances.iter().cloned().map(Step::Bgp);
        let links = self.links.iter().cloned();
        let links = links.map(|(space, name)| Step::Kernel(KernelStep::DeleteLink { space, name }));
        mappings.chain(instances).chain(links).collect()
    }

    pub(super) fn kernel_without<'a>(&self, kernel: &'a SeenKernel) -> Cow<'a, SeenKernel> {
        if self.links.is_empty() {
            return Cow::Borrowed(kernel);
        }
        Cow::Owned(kernel::without(kernel, &self.links))
    }

    pub(super) fn frr_without<'a>(&self, frr: &'a SeenFrr) -> Cow<'a, SeenFrr> {
        if self.mappings.is_empty() && self.instances.is_empty() {
            return Cow::Borrowed(frr);
        }
        let gone: BTreeSet<&Line> = self.instances.iter().map(|gone| &gone.header).collect();
        let mut bgp = Config::from(frr.bgp.lines().to_vec());
        for context in frr.bgp.contexts() {
            if !gone.contains(context.header()) {
                bgp.push_context(context.clone());
            }
        }
        let mut vnis = frr.vnis.clone();
        vnis.retain(|vrf, _| !self.mappings.contains(vrf));
        Cow::Owned(SeenFrr { bgp, vnis })
    }
}

/// VRFs that lose their VNI: to another one, for good, or for as long as it takes to replace
/// their BGP instance.
fn mappings(wanted: &Desired, instances: &[ContextChange], frr: &SeenFrr) -> BTreeSet<VrfName> {
    let wanted: BTreeMap<&VrfName, Vni> =
        wanted.vnis.iter().map(|vni| (&vni.vrf, vni.vni)).collect();
    let replaced: BTreeSet<&str> = instances
        .iter()
        .filter_map(|change| vrf_of(&change.header))
        .collect();
    frr.vnis
        .iter()
        .filter(|(vrf, vni)| wanted.get(vrf) != Some(vni) || replaced.contains(vrf.as_str()))
        .map(|(vrf, _)| vrf.clone())
        .collect()
}

/// Instances that nobody wants, those of VRFs first. When the default instance has another AS
/// number than it shall have, all go: FRR keeps it as long as a VRF's stands.
fn instances(wanted: &[DesiredBgp], running: &Config) -> Vec<ContextChange> {
    let wanted: BTreeSet<&Line> = wanted.iter().map(|bgp| bgp.instance.header()).collect();
    let contexts = running.contexts().iter().map(Context::header);
    let instances: Vec<&Line> = contexts.filter(|header| is_instance(header)).collect();
    let is_default = |header: &Line| header.words().nth(3).is_none();
    let default_goes = instances
        .iter()
        .any(|header| is_default(header) && !wanted.contains(header));
    let mut stale: Vec<&Line> = instances
        .into_iter()
        .filter(|header| default_goes || !wanted.contains(header))
        .collect();
    stale.sort_by_key(|header| is_default(header));
    if stale.is_empty() {
        return Vec::new();
    }
    let running = running.by_header();
    let held = |header: &Line| running.get(header.as_str()).copied();
    stale
        .into_iter()
        .filter_map(|header| ContextChange::between(held(header), header, None))
        .collect()
}

fn is_instance(header: &Line) -> bool {
    let mut words = header.words();
    (words.next(), words.next()) == (Some("router"), Some("bgp"))
}

/// The VRF of an instance: `router bgp ASN vrf NAME`.
fn vrf_of(header: &Line) -> Option<&str> {
    let mut words = header.words().skip(3);
    (words.next() == Some("vrf"))
        .then(|| words.next())
        .flatten()
}
