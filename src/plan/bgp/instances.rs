//! BGP instances that several objects share.
//!
//! The first object of an instance owns it: its change also takes away what nobody wants there.
//! The others' changes begin where the owner's ends, and only add.

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;

use perouter_parsers::running_config::{Config, Line};

use super::desired::DesiredBgp;
use super::difference::{ContextChange, of_same_slots, overlaid};
use crate::plan::{Planned, Step};

/// The instances of some objects, as wanted and as they run, found by header.
pub(in crate::plan) struct Instances<'a> {
    owners: HashMap<&'a Line, Vec<&'a DesiredBgp>>,
    running: HashMap<&'a Line, &'a Config>,
    raw: &'a Config,
}

impl<'a> Instances<'a> {
    pub(in crate::plan) fn new(
        wanted: impl Iterator<Item = &'a DesiredBgp>,
        raw: &'a Config,
        running: &'a Config,
    ) -> Self {
        let mut owners: HashMap<&Line, Vec<&DesiredBgp>> = HashMap::new();
        for bgp in wanted {
            owners.entry(bgp.instance.header()).or_default().push(bgp);
        }
        let contexts = running.contexts().iter();
        let held = contexts.filter(|own| owners.contains_key(own.header()));
        Self {
            running: held.map(|own| (own.header(), own.body())).collect(),
            owners,
            raw,
        }
    }

    /// The change of an object's part; it is one of those that this was made of.
    pub(in crate::plan) fn step(&self, own: &DesiredBgp) -> Option<Planned> {
        let header = own.instance.header();
        let (owner, others) = self.owners.get(header)?.split_first()?;
        let running = self.running.get(header).copied();
        let owned = self.after_owner(owner, others, running);
        let change = if std::ptr::eq(*owner, own) {
            ContextChange::between(header, running, Some(&owned))
        } else {
            let after = overlaid(&owned, own.instance.body());
            ContextChange::between(header, Some(&owned), Some(&after))
        }?;
        Some(Planned {
            undo: Some(Step::Bgp(change.reversed())),
            step: Step::Bgp(change),
        })
    }

    /// The instance once its owner is as it should be: the owner's part, and what stands already
    /// of all others. That may still have another value: were the old AS number of a neighbour
    /// taken away here, all its lines would go with it.
    fn after_owner(
        &self,
        owner: &'a DesiredBgp,
        others: &[&DesiredBgp],
        running: Option<&Config>,
    ) -> Cow<'a, Config> {
        let own = owner.instance.body();
        let raw = self.raw.context(owner.instance.header().as_str());
        let (Some(running), false) = (running, others.is_empty() && raw.is_none()) else {
            return Cow::Borrowed(own);
        };
        let mut wanted = raw.cloned().unwrap_or_default();
        for other in others {
            wanted.merge(other.instance.body().clone());
        }
        Cow::Owned(overlaid(&of_same_slots(running, &wanted), own))
    }
}
