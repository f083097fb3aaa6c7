//! Route distinguishers and route targets: of our VNIs among each other, and of routes that come
//! for a VNI with targets that it does not take.

use std::collections::HashMap;

use super::facts::{Facts, ImportTarget, Rd};
use super::finding::Check;
use super::ledger::{Fault, Ledger};
use super::routes::{automatic, export_targets, import_targets, number};
use super::sources::{Source, waiting};
use super::vni::{One, listed};
use crate::api::types::{ObjectKey, Vni};
use crate::intent::{NodeIntent, UnderlayIntent, VniIntent};

/// Our VNIs, to be looked at one against the others.
pub(super) struct Among<'a> {
    underlay: &'a UnderlayIntent,
    facts: &'a Facts,
    clashes: Result<Distinguishers<'a>, ()>,
    importers: HashMap<u32, &'a VniIntent>,
}

impl<'a> Among<'a> {
    pub(super) fn new(
        intent: &'a NodeIntent,
        underlay: &'a UnderlayIntent,
        facts: &'a Facts,
    ) -> Self {
        Self {
            underlay,
            facts,
            clashes: distinguishers(intent, facts),
            importers: derived_importers(intent),
        }
    }

    /// Checks that one of them keeps to itself.
    pub(super) fn check(&self, vni: &VniIntent, ledger: &mut Ledger) {
        let object = Some(&vni.key);
        let Ok(clashes) = &self.clashes else {
            ledger.pending(Check::RouteTargets, object, waiting(Source::BgpVnis));
            return;
        };
        let fault =
            clash(vni, self.facts, clashes).or_else(|| leak(vni, self.underlay, &self.importers));
        let subject = format_args!("VNI {}", vni.spec.vni);
        match fault {
            Some(fault) => ledger.bad(Check::RouteTargets, object, subject, fault),
            None => ledger.good(Check::RouteTargets, object, subject, ""),
        }
    }
}

/// The VNIs that have each distinguisher.
type Distinguishers<'a> = HashMap<&'a Rd, Vec<Vni>>;

fn distinguishers<'a>(intent: &NodeIntent, facts: &'a Facts) -> Result<Distinguishers<'a>, ()> {
    let known = facts.bgp_vnis.as_ref().map_err(|_| ())?;
    let vnis = intent.vnis.iter().map(|own| own.spec.vni);
    let segments = intent.segments.iter().map(|own| own.spec.vni);
    let mut all = Distinguishers::new();
    for vni in vnis.chain(segments) {
        if let Some(seen) = known.get(&vni) {
            all.entry(&seen.rd).or_default().push(vni);
        }
    }
    Ok(all)
}

fn clash(vni: &VniIntent, facts: &Facts, clashes: &Distinguishers<'_>) -> Option<Fault> {
    let own = vni.spec.vni;
    let rd = &facts.bgp_vnis.as_ref().ok()?.get(&own)?.rd;
    let others: Vec<Vni> = clashes
        .get(rd)?
        .iter()
        .copied()
        .filter(|vni| *vni != own)
        .collect();
    (!others.is_empty()).then(|| {
        Fault::new(
            "a route distinguisher of its own",
            format!("RD {rd} is also that of VNI {}", listed(&others)),
            "remote routers take the routes of both for one another; remove the `rd` that \
             RawFRRConfig sets",
        )
    })
}

/// Those of our VNIs whose import target is derived, by their number: they take in every route
/// with that number, whatever AS its target names.
fn derived_importers(intent: &NodeIntent) -> HashMap<u32, &VniIntent> {
    let derived = intent.vnis.iter();
    derived.map(|own| (own.spec.vni.get(), own)).collect()
}

/// A target of this VNI's routes by which another VRF of this node takes them in, though it only
/// looks alike.
fn leak(
    vni: &VniIntent,
    underlay: &UnderlayIntent,
    importers: &HashMap<u32, &VniIntent>,
) -> Option<Fault> {
    for target in export_targets(&vni.spec, underlay) {
        let Some(other) = importers.get(&number(&target)) else {
            continue;
        };
        let takes_any = import_targets(&other.spec, underlay)
            .iter()
            .any(|import| matches!(import, ImportTarget::AnyAdministrator(_)));
        // One that names the other VNI's own target in full was written for it.
        let meant = target == automatic(&other.spec, underlay);
        if other.key != vni.key && takes_any && !meant {
            let number = other.spec.vni;
            return Some(Fault::new(
                "export targets that no other VRF of this node takes by accident",
                format!(
                    "{} takes in {target}, because its derived import target is *:{number}",
                    other.key
                ),
                format!("write importRTs in {}, or choose another number", other.key),
            ));
        }
    }
    None
}

/// Checks that nothing comes for a VNI that takes in nothing.
pub(super) fn check_filtered(one: &One<'_>, ledger: &mut Ledger) {
    let object: Option<&ObjectKey> = Some(&one.intent.key);
    let routes = one.routes;
    let nothing_came = routes.received.is_empty() && routes.filtered.is_empty();
    if one.facts.evpn.is_err() {
        ledger.pending(Check::RouteFiltered, object, waiting(Source::Evpn));
        return;
    }
    if nothing_came && one.fabric.told.is_empty() {
        ledger.pending(Check::RouteFiltered, object, &one.fabric.waiting_for);
        return;
    }
    let vni = one.intent.spec.vni;
    let subject = format_args!("VNI {vni}");
    let most = routes.filtered.iter().max_by_key(|(_, count)| **count);
    match most {
        // Where some routes come in, others may be meant for someone else.
        Some((target, count)) if routes.received.is_empty() => {
            let imports = import_targets(&one.intent.spec, one.underlay);
            let fault = Fault::new(
                format!("routes with RT {}", listed(&imports)),
                format!(
                    "{count} paths for VNI {vni} with RT {target}, which this VRF does not import"
                ),
                format!("add {target} to importRTs, or export what is imported on the other side"),
            );
            ledger.bad(Check::RouteFiltered, object, subject, fault);
        }
        Some(_) | None => ledger.good(Check::RouteFiltered, object, subject, ""),
    }
}
