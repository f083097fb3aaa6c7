//! What failed, and what of it is worth a line in the log.
//!
//! What fails is tried again and again, and most often fails again, in the same words. What always
//! holds: it is said once that something fails, however often it is tried, and once that it is
//! over.

use std::collections::{BTreeMap, BTreeSet};

use super::execute::{Failure, Voice};
use crate::api::types::ObjectKey;

/// What failed when it was tried last.
#[derive(Debug, Default)]
pub(super) struct Failures {
    now: Vec<Failure>,
    /// What was said of those objects that fail, in all words that they failed with.
    said: BTreeSet<(Option<ObjectKey>, String)>,
    /// The plans that were executed in vain since all was well, as they print.
    tried: BTreeSet<String>,
}

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// It fails, in these words; no object where it concerns several or none.
    Fails(Option<ObjectKey>, String),
    /// It does not any more.
    Over(Option<ObjectKey>),
}

impl Failures {
    pub(super) fn all(&self) -> &[Failure] {
        &self.now
    }

    /// Takes these for those that there are now. What is to be said of that.
    pub(super) fn replace(&mut self, now: Vec<Failure>) -> Vec<Line> {
        let mut fresh: BTreeMap<&str, Vec<Option<&ObjectKey>>> = BTreeMap::new();
        for Failure { object, message } in &now {
            if self.said.insert((object.clone(), message.clone())) {
                fresh.entry(message).or_default().push(object.as_ref());
            }
        }
        let mut lines: Vec<Line> = fresh
            .into_iter()
            .map(|(message, objects)| match objects[..] {
                [object] => Line::Fails(object.cloned(), message.to_owned()),
                _ => Line::Fails(None, message.to_owned()),
            })
            .collect();
        let fails = |object: &Option<ObjectKey>| now.iter().any(|now| now.object == *object);
        let before: BTreeSet<&Option<ObjectKey>> = self.now.iter().map(|f| &f.object).collect();
        let over = before.into_iter().filter(|object| !fails(object));
        lines.extend(over.cloned().map(Line::Over));
        self.said.retain(|(object, _)| fails(object));
        self.now = now;
        lines
    }

    /// How loud a plan is to be executed. It is printed only when others were in vain.
    pub(super) fn voice(&self, plan: impl ToString) -> Voice {
        if !self.tried.is_empty() && self.tried.contains(&plan.to_string()) {
            Voice::Hushed
        } else {
            Voice::Aloud
        }
    }

    /// A plan was executed in vain.
    pub(super) fn in_vain(&mut self, plan: impl ToString) {
        /// More than there are objects in a quarrel.
        const KEPT: usize = 16;
        if self.tried.len() == KEPT {
            self.tried.clear();
        }
        self.tried.insert(plan.to_string());
    }

    /// All is as it should be.
    pub(super) fn settled(&mut self) {
        self.tried.clear();
    }
}

/// Says it.
pub(super) fn log(lines: &[Line]) {
    for line in lines {
        match line {
            Line::Fails(object, message) => {
                let object = object.as_ref().map(tracing::field::display);
                tracing::warn!(object, "{message}");
            }
            Line::Over(object) => {
                let object = object.as_ref().map(tracing::field::display);
                tracing::info!(
                    object,
                    "over: what failed is in force, or not wanted any more"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
