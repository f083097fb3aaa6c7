//! Verification of some VRFs alone, after something changed in them.

use std::collections::BTreeSet;

use tokio::time::Instant;

use super::facts::part::gather_vrfs;
use super::pass::Worker;
use super::report::log_verified;
use super::scope::Scope;
use crate::api::types::{ObjectKey, VrfName};
use crate::frr::Frr;
use crate::netlink::Places;
use crate::status::metrics::Extent;
use crate::status::probe::Work;
use crate::verify::{Finding, scope};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// What was found is in the report. These VRFs have something that is not as it should be.
    Verified(BTreeSet<VrfName>),
    /// It cannot be told from these VRFs alone.
    AllNeeded,
}

impl Worker {
    /// Where something changed, as far as that is verified.
    pub(super) fn scope_of(&self, places: &Places) -> Scope {
        Scope::of_places(&self.resolution.intent, self.seen.as_deref(), places)
    }

    /// Reads back what concerns the VNIs of these VRFs, and puts what is found in the place of what
    /// was found of them before. Without a verification of everything there is nothing to put it in.
    pub(super) async fn verify_vrfs(&mut self, vrfs: &BTreeSet<VrfName>, frr: &mut Frr) -> Outcome {
        let (Some(handles), Some(seen), Some(last)) =
            (&self.handles, &self.seen, &self.verification)
        else {
            return Outcome::AllNeeded;
        };
        self.pulse.begin(Work::Verification);
        let begun = Instant::now();
        let intent = &self.resolution.intent;
        let kernel = (&handles.kernel, &**seen);
        let before = (&last.facts, &last.known);
        let facts = gather_vrfs(frr, kernel, intent, before, vrfs).await;
        if scope::is_unexplained(intent, &facts, vrfs) {
            tracing::debug!(
                ?vrfs,
                "routes came by distinguishers that are not known yet"
            );
            return Outcome::AllNeeded;
        }
        let found = scope::verify(intent, &facts, vrfs);
        let troubled = self.troubled(&found, vrfs);
        let Some(mut last) = self.verification.take() else {
            return Outcome::AllNeeded;
        };
        last.replace(&found, &mut self.history);
        last.facts.replace_vrfs(facts);
        self.log_changes(&last.findings);
        self.verification = Some(last);
        let took = begun.elapsed();
        let names: Vec<&str> = vrfs.iter().map(VrfName::as_str).collect();
        log_verified(&names.join(" "), &found, took);
        self.meters.verified(Extent::Vrfs, took);
        self.glances.looked(took);
        self.make_report(frr);
        Outcome::Verified(troubled)
    }

    /// What something is not good of, by the last verification.
    pub(super) fn trouble(&self) -> Scope {
        Scope::of_trouble(&self.resolution.intent, self.findings())
    }

    /// Those of the VRFs of which something is not good.
    fn troubled(&self, found: &[Finding], vrfs: &BTreeSet<VrfName>) -> BTreeSet<VrfName> {
        let not_good = found.iter().filter(|finding| !finding.is_good());
        let objects: BTreeSet<&ObjectKey> = not_good.filter_map(|f| f.object.as_ref()).collect();
        scope::vnis_of(&self.resolution.intent, vrfs)
            .filter(|vni| objects.contains(&vni.key))
            .map(|vni| vni.spec.vrf.clone())
            .collect()
    }
}
