//! What was changed behind our back, and mended.
//!
//! What always holds: it is logged when it is found, and counts as mended once it is.

use super::execute::Voice;
use super::pass::Worker;
use super::quarrels::Quarrels;
use crate::plan::Plan;
use crate::status::Timestamp;
use crate::status::report::Repair;

/// As many are remembered: enough to see what keeps happening.
const KEPT: usize = 16;

/// What was mended since the agent's start, and what is being mended.
#[derive(Debug, Default)]
pub(super) struct Repairs {
    /// Steps that mended something.
    steps: u64,
    last: Vec<Repair>,
    begun: Option<Begun>,
    quarrels: Quarrels,
}

/// What was found and is not known to be mended.
#[derive(Debug)]
struct Begun {
    steps: usize,
    repair: Repair,
}

impl Repairs {
    /// How many steps have mended something.
    pub(super) const fn steps(&self) -> u64 {
        self.steps
    }

    /// The last ones, the latest at the end.
    pub(super) fn last(&self) -> &[Repair] {
        &self.last
    }

    /// So many steps, as they print, are to mend something that was found at a time.
    fn begin(&mut self, steps: usize, printed: Vec<String>, at: Timestamp) {
        let repair = Repair { at, steps: printed };
        self.begun = Some(Begun { steps, repair });
    }

    /// All is as it should be, and so what was to be mended is.
    pub(super) fn finish(&mut self) {
        let Some(begun) = self.begun.take() else {
            return;
        };
        self.steps += begun.steps as u64;
        if self.last.len() == KEPT {
            self.last.remove(0);
        }
        self.last.push(begun.repair);
    }

    /// Something else is wanted than what was to be restored.
    pub(super) fn give_up(&mut self) {
        self.begun = None;
    }

    /// How loud a plan is to be executed: what is mended over and over is not told each time.
    pub(super) fn voice(&self, plan: &Plan) -> Voice {
        if self.quarrels.are_over() {
            return Voice::Aloud;
        }
        self.quarrels.voice(&joined(plan.to_string().lines()))
    }
}

impl Worker {
    /// Tells of what was found changed, and of the steps that are to mend it.
    pub(super) fn begin_repair(&mut self, steps: usize, printed: Vec<String>) {
        let now = Timestamp::now();
        let mending = joined(printed.iter().map(String::as_str));
        self.repairs.begin(steps, printed, now);
        match self.repairs.quarrels.mended(&mending, now) {
            (times, Voice::Aloud) if times < 10 => {
                tracing::warn!("something was changed behind our back; mending: {mending}");
            }
            (times, Voice::Aloud) => tracing::warn!(
                "something is changed behind our back again and again, {times} times by now: who \
                 does that? mending: {mending}"
            ),
            (times, Voice::Hushed) => tracing::debug!("mending, time {times}: {mending}"),
        }
    }

    /// Tells of what was found changed, and has been mended by these steps.
    pub(super) fn note_repair(&mut self, steps: usize, printed: Vec<String>) {
        self.begin_repair(steps, printed);
        self.repairs.finish();
    }
}

/// Steps as one line.
fn joined<'a>(steps: impl Iterator<Item = &'a str>) -> String {
    steps.map(str::trim).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests;
