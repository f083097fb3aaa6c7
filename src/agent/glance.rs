//! A second glance at what may only be on its way.
//!
//! Tables are read one after the other, and a route that moves meanwhile is in one of them and not
//! in the next: where routes come and go all day, so does that. What was well is called otherwise
//! only once another look finds it so too, a moment later. What always holds: what is known to be
//! broken, what was not well before, and what this agent has changed itself, is told at once.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use super::reading::QUICK;
use crate::api::types::ObjectKey;
use crate::status::report::{Report, Verdict};
use crate::verify::{Finding, Key, Outcome};

/// What is not good is looked at again before it counts, if it has been so for less than this: less
/// than the pause until that look.
pub(super) const GLANCE: Duration = Duration::from_millis(200);

/// Who may have changed what is looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hands {
    /// This agent has written since all was well, or has been told of other objects.
    #[default]
    Ours,
    /// All was well after that.
    Others,
}

/// What was not good at a first look.
#[derive(Debug, Default)]
pub(super) struct Glances {
    since: HashMap<Key, Instant>,
    hands: Hands,
    took: Duration,
    held: bool,
}

impl Glances {
    /// This agent changes something: all has to be found well again.
    pub(super) const fn changing(&mut self) {
        self.hands = Hands::Ours;
    }

    /// Somebody has looked at something, which took so long.
    pub(super) const fn looked(&mut self, took: Duration) {
        self.took = took;
    }

    /// This was found when everything was looked at.
    pub(super) fn looked_at_all(&mut self, findings: &[Finding], took: Duration) {
        self.looked(took);
        if findings.iter().all(Finding::is_good) {
            self.hands = Hands::Others;
        }
    }

    /// Whether the last report says of something that it is well which has yet to be looked at
    /// again.
    pub(super) const fn holds(&self) -> bool {
        self.held
    }

    /// The findings as they are to be reported, given the last report.
    pub(super) fn reported<'a>(
        &mut self,
        findings: &'a [Finding],
        last: Option<&Report>,
        now: Instant,
    ) -> Cow<'a, [Finding]> {
        let is_unsure = |it: &&Finding| !it.is_good() && !it.is_bad();
        let unsure = || findings.iter().filter(is_unsure);
        let mut since = std::mem::take(&mut self.since);
        self.since = unsure()
            .map(|it| {
                let key = it.key();
                let first = since.remove(&key).unwrap_or(now);
                (key, first)
            })
            .collect();
        let is_new = |it: &Finding| {
            let first = self.since.get(&it.key());
            first.is_some_and(|first| now.duration_since(*first) < GLANCE)
        };
        let is_held = |it: &Finding| {
            is_unsure(&it)
                && is_new(it)
                && last.is_some_and(|last| was_ready(last, it.object.as_ref()))
        };
        let may_hold = self.hands == Hands::Others && self.took <= QUICK;
        self.held = may_hold && unsure().any(&is_held);
        if !self.held {
            return Cow::Borrowed(findings);
        }
        let reported = findings.iter().map(|it| {
            if is_held(it) {
                as_before(it.clone())
            } else {
                it.clone()
            }
        });
        Cow::Owned(reported.collect())
    }
}

fn was_ready(last: &Report, object: Option<&ObjectKey>) -> bool {
    match object {
        Some(key) => {
            let mut objects = last.objects.iter();
            objects.any(|it| it.object == *key && it.is_ready())
        }
        None => last.verdict == Verdict::Ready,
    }
}

/// A finding as if nobody had found it.
fn as_before(finding: Finding) -> Finding {
    Finding {
        outcome: Outcome::Good {
            count: 0,
            seen: String::new(),
        },
        since: None,
        ..finding
    }
}

#[cfg(test)]
mod tests;
