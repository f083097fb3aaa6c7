//! What is written down for a later run of the agent: last good manifests, what NICs carried, and
//! what FRR made of raw objects.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::execute::Outcome;
use super::pass::{PassError, Worker};
use super::state::SavedManifest;
use crate::api::{Manifest, ObjectKey};
use crate::intent::Accepted;
use crate::plan::link::{KernelStep, Space};
use crate::plan::{Plan, Step};

impl Worker {
    /// Keeps the last good manifests where a later run of the agent finds them. Failing to is
    /// no reason to stop: it costs the way back after a crash, and says so.
    pub(super) fn remember_accepted(
        &mut self,
        accepted: &Accepted,
        documents: BTreeMap<ObjectKey, (Manifest, Arc<Value>)>,
    ) {
        for (key, (manifest, document)) in documents {
            if accepted
                .get(&key)
                .is_some_and(|object| object.manifest == manifest)
            {
                self.documents.insert(key, document);
            }
        }
        self.documents.retain(|key, _| accepted.contains_key(key));
        let saved: Vec<SavedManifest> = self
            .documents
            .iter()
            .filter_map(|(key, document)| {
                let source = accepted.get(key)?.source.clone();
                Some(SavedManifest {
                    key: key.clone(),
                    source,
                    document: Value::clone(document),
                })
            })
            .collect();
        if let Err(error) = self.state.save_manifests(&saved) {
            tracing::warn!("the last good manifests will not outlive this agent: {error}");
        }
    }

    /// Writes down what FRR made of raw objects: it cannot be told from FRR alone.
    pub(super) fn remember_raw(&mut self, outcome: &Outcome) -> Result<(), PassError> {
        let before = self.memory.raw.clone();
        let wanted = &self.resolution.intent.raw;
        let memory = &mut self.memory.raw;
        memory.extend(outcome.raw.clone());
        memory.retain(|key, _| wanted.iter().any(|raw| raw.key == *key));
        if *memory != before {
            self.state.save_raw(&self.memory.raw)?;
        }
        Ok(())
    }

    /// A NIC that was given back is the host's again: what it carries from now on counts.
    pub(super) fn forget_nics(&mut self, plan: &Plan) -> Result<(), PassError> {
        let before = self.memory.nics.len();
        self.memory.forget_given_back(plan);
        if self.memory.nics.len() != before {
            self.state.save_nics(&self.memory.nics)?;
        }
        Ok(())
    }

    /// Writes down what NICs carry before they are moved: an agent that is killed in between
    /// must still know.
    pub(super) fn remember_nics(&mut self, plan: &Plan) -> Result<(), PassError> {
        let units = plan
            .units
            .iter()
            .filter_map(|unit| unit.steps.as_ref().ok())
            .flatten();
        let mut changed = false;
        for planned in units {
            if let Step::Kernel(KernelStep::MoveNic {
                name,
                to: Space::Router,
                config,
            }) = &planned.step
            {
                self.memory.nics.insert(name.clone(), config.clone());
                changed = true;
            }
        }
        if changed {
            self.state.save_nics(&self.memory.nics)?;
        }
        Ok(())
    }
}
