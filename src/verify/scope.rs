//! Verification of some VRFs alone: what it says of their VNIs, and what it needs for that.
//!
//! What always holds: of a VNI it says what [`verify`](super::verify) says of it on the same facts,
//! no more and no less, though it needs the tables of those VRFs alone and of the EVPN table only
//! the routes under [the distinguishers](distinguishers) by which routes come for them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::facts::{Facts, Origin, Rd, VrfPath};
use super::finding::{Check, Finding};
use super::ledger::Ledger;
use super::routes::Importers;
use super::{Overlay, sessions, sources, targets, tunnels};
use crate::api::Vni;
use crate::api::types::{ObjectKey, VrfName};
use crate::intent::{NodeIntent, VniIntent};

/// The VNIs of some VRFs.
pub fn vnis_of<'a>(
    intent: &'a NodeIntent,
    vrfs: &'a BTreeSet<VrfName>,
) -> impl Iterator<Item = &'a VniIntent> {
    let is_of = |vni: &&VniIntent| vrfs.contains(&vni.spec.vrf);
    intent.vnis.iter().filter(is_of)
}

/// Whether a VRF can be looked at alone: no segment depends on its tables.
#[must_use]
pub fn is_separable(intent: &NodeIntent, vrf: &VrfName) -> bool {
    let mut segments = intent.segments.iter();
    segments.all(|segment| segment.vrf.as_ref() != Some(vrf))
}

/// What [`verify`](super::verify) says of the VNIs of these VRFs.
#[must_use]
pub fn verify(intent: &NodeIntent, facts: &Facts, vrfs: &BTreeSet<VrfName>) -> Vec<Finding> {
    let Some(underlay) = &intent.underlay else {
        return Vec::new();
    };
    let mut ledger = Ledger::default();
    for vni in vnis_of(intent, vrfs) {
        sources::check_vni(vni, facts, &mut ledger);
    }
    // What is to be said of the underlay has been said when all was looked at.
    let mut aside = Ledger::default();
    let fabric = sessions::check_fabric(underlay, facts, &mut aside);
    let overlay = Overlay::new(intent, underlay, facts, &fabric, &mut aside);
    let among = targets::Among::new(intent, underlay, facts);
    for vni in vnis_of(intent, vrfs) {
        among.check(vni, &mut ledger);
    }
    let tunnels = tunnels(underlay);
    for (own, routes) in intent.vnis.iter().zip(&overlay.routes.vnis) {
        if vrfs.contains(&own.spec.vrf) {
            overlay.vni(own, routes, &tunnels, &mut ledger);
        }
    }
    ledger.into_findings()
}

/// By which distinguishers routes come for each VNI: those that it imports, and those that only
/// say its number.
#[must_use]
pub fn distinguishers(intent: &NodeIntent, facts: &Facts) -> BTreeMap<Vni, BTreeSet<Rd>> {
    let mut all: BTreeMap<Vni, BTreeSet<Rd>> = BTreeMap::new();
    let (Some(underlay), Ok(paths)) = (&intent.underlay, &facts.evpn) else {
        return all;
    };
    let importers = Importers::new(intent, underlay);
    for path in paths.iter().filter(|path| path.origin != Origin::Local) {
        for vni in importers.concerned(path) {
            let Some(vni) = intent.vnis.get(vni) else {
                continue;
            };
            let known = all.entry(vni.spec.vni).or_default();
            if !known.contains(&path.id.rd) {
                known.insert(path.id.rd.clone());
            }
        }
    }
    all
}

/// Whether these VRFs hold routes of the fabric that none of the EVPN routes that were read
/// explains: they came by a distinguisher that nobody knew of, and all has to be looked at.
#[must_use]
pub fn is_unexplained(intent: &NodeIntent, facts: &Facts, vrfs: &BTreeSet<VrfName>) -> bool {
    let paths = facts.evpn.iter().flatten();
    let known: HashSet<(IpNet, IpAddr)> = paths
        .map(|path| (path.id.prefix, path.next_hop.to_canonical()))
        .collect();
    vnis_of(intent, vrfs).any(|vni| {
        let came = |path: &VrfPath| match path.origin {
            Origin::Local => false,
            Origin::Peer(peer) => vni.legs.iter().all(|leg| leg.host.addr() != peer),
        };
        let tables = facts.vrfs.get(&vni.spec.vrf);
        let table = tables.and_then(|tables| tables.bgp.as_ref().ok());
        table.into_iter().flatten().any(|(prefix, paths)| {
            let mut came = paths.iter().filter(|path| came(path));
            came.any(|path| !known.contains(&(*prefix, path.next_hop.to_canonical())))
        })
    })
}

/// Puts what was found of some objects in the place of all that was found of them before, each
/// check where it was.
pub fn put(findings: &mut Vec<Finding>, newer: &[Finding]) {
    type Place<'a> = (Check, &'a ObjectKey);
    let mut groups: BTreeMap<Place<'_>, Vec<&Finding>> = BTreeMap::new();
    for finding in newer {
        if let Some(object) = &finding.object {
            let place = (finding.check, object);
            groups.entry(place).or_default().push(finding);
        }
    }
    let objects: BTreeSet<&ObjectKey> = groups.keys().map(|(_, object)| *object).collect();
    let mut all = Vec::with_capacity(findings.len() + newer.len());
    for old in findings.drain(..) {
        match &old.object {
            Some(object) if let Some(object) = objects.get(object) => {
                let group = groups.remove(&(old.check, *object));
                all.extend(group.into_iter().flatten().cloned());
            }
            Some(_) | None => all.push(old),
        }
    }
    // What was not looked at before, in the order in which it was found.
    let left = newer.iter().filter(|finding| {
        let object = finding.object.as_ref();
        object.is_some_and(|object| groups.contains_key(&(finding.check, object)))
    });
    all.extend(left.cloned());
    *findings = all;
}

#[cfg(test)]
mod tests;
