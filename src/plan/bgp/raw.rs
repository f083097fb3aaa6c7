//! Raw configuration: lines of people's own beside those that objects lead to.
//!
//! FRR prints what it was given in words of its own: without defaults, abbreviations written
//! out. So once a raw object was typed, what FRR then prints more than before is remembered as
//! the object's footprint. Lines of the object itself and of its footprint are wanted; all else
//! that nobody wants goes, as elsewhere.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use perouter_parsers::running_config::{Config, Context, Line};

use super::difference::{Command, Verb};
use super::filter::ListChange;
use crate::api::convert::is_for_bgpd;
use crate::api::types::ObjectKey;
use crate::intent::RawIntent;

/// What became of a raw object when it was typed.
#[derive(Clone, PartialEq, Eq)]
pub struct RawApplied {
    /// What was typed.
    pub typed: Config,
    /// What FRR printed of it.
    pub footprint: Config,
}

impl std::fmt::Debug for RawApplied {
    /// The lines may hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawApplied").finish_non_exhaustive()
    }
}

/// The raw objects that were typed, and what became of each.
pub type RawMemory = BTreeMap<ObjectKey, RawApplied>;

/// All that raw objects want, as they say it and as FRR prints it.
pub(in crate::plan) fn wanted(raw: &[RawIntent], memory: &RawMemory) -> Config {
    let mut all = Config::new();
    for intent in raw {
        all.merge(intent.spec.config.clone());
        if let Some(applied) = applied(intent, memory) {
            all.merge(applied.footprint.clone());
        }
    }
    all
}

/// What became of this version of the object.
fn applied<'a>(intent: &RawIntent, memory: &'a RawMemory) -> Option<&'a RawApplied> {
    memory
        .get(&intent.key)
        .filter(|applied| applied.typed == intent.spec.config)
}

/// Whether an object is to be typed: it never was, or something of it is not there any more.
pub(in crate::plan) fn is_due(intent: &RawIntent, memory: &RawMemory, running: &Config) -> bool {
    applied(intent, memory).is_none_or(|applied| !minus(&applied.footprint, running).is_empty())
}

/// The commands that type all of it, in its order.
#[must_use]
pub fn commands(config: &Config) -> Vec<Command> {
    let mut all = Vec::new();
    collect(&[], config, &mut all);
    all
}

fn collect(path: &[Line], config: &Config, into: &mut Vec<Command>) {
    let command = |line: &Line| Command {
        path: path.to_vec(),
        verb: Verb::Add,
        line: line.clone(),
    };
    into.extend(config.lines().iter().map(command));
    for context in config.contexts() {
        if context.body().is_empty() {
            into.push(command(context.header()));
        } else {
            let inner = [path, std::slice::from_ref(context.header())].concat();
            collect(&inner, context.body(), into);
        }
    }
}

/// The footprint of an object: what FRR prints since it was typed and did not before, and what
/// of it FRR printed already.
#[must_use]
pub fn footprint(typed: &Config, before: &Config, after: &Config) -> Config {
    let mut footprint = minus(after, before);
    footprint.merge(intersection(typed, after));
    footprint
}

/// What `config` has and `other` has not.
#[must_use]
pub fn minus(config: &Config, other: &Config) -> Config {
    let held: BTreeSet<&Line> = other.lines().iter().collect();
    let lines = config.lines().iter().filter(|line| !held.contains(line));
    let mut rest = Config::from(lines.cloned().collect::<Vec<Line>>());
    for context in config.contexts() {
        let header = context.header();
        match other.context(header.as_str()) {
            None => rest.push_context(context.clone()),
            Some(body) => {
                let inner = minus(context.body(), body);
                if !inner.is_empty() {
                    rest.push_context(Context::with_body(header.clone(), inner));
                }
            }
        }
    }
    rest
}

/// What both have.
#[must_use]
pub fn intersection(config: &Config, other: &Config) -> Config {
    let held: BTreeSet<&Line> = other.lines().iter().collect();
    let lines = config.lines().iter().filter(|line| held.contains(line));
    let mut both = Config::from(lines.cloned().collect::<Vec<Line>>());
    for context in config.contexts() {
        if let Some(body) = other.context(context.header().as_str()) {
            let inner = intersection(context.body(), body);
            both.push_context(Context::with_body(context.header().clone(), inner));
        }
    }
    both
}

/// Outermost lines of bgpd that nobody wants and that only raw objects make.
pub(in crate::plan) fn surplus_lines(running: &Config, wanted: &Config) -> Option<ListChange> {
    let wanted: BTreeSet<&Line> = wanted.lines().iter().collect();
    let is_surplus = |line: &&Line| {
        is_for_bgpd(line) && super::filter::ListId::of(line).is_none() && !wanted.contains(line)
    };
    let surplus: Vec<Line> = running.lines().iter().filter(is_surplus).cloned().collect();
    (!surplus.is_empty()).then_some(ListChange::Mend {
        missing: Vec::new(),
        surplus,
    })
}
