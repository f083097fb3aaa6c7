//! How long things have been as they are: tells what is broken from what is only on its way.
//!
//! Tables are read one after the other, a fabric that starts has nothing at first, and a route
//! takes a moment from hop to hop. So what is bad counts as broken only once it has been bad for
//! as long as its check allows; until then it is unsettled, which is not good either. What always
//! holds: a session that was up and is lost is broken at once.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::finding::{Check, Finding, Key, Outcome};

/// What was found so far.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Since when what is bad has been.
    bad: HashMap<Key, Timestamp>,
    /// What was good once.
    proven: HashSet<Key>,
}

impl History {
    /// One that knows nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Says of each bad finding since when it has been, and takes those that have not been for
    /// long as unsettled. `found` is all that one verification found at `now`.
    pub fn judge(&mut self, found: Vec<Finding>, now: Timestamp) -> Vec<Finding> {
        let judged: Vec<Finding> = found
            .into_iter()
            .map(|finding| self.judge_one(finding, now))
            .collect();
        self.forget(&judged);
        judged
    }

    /// The same of what was found of some objects alone. What was `judged` of all others stays as
    /// it is: nobody has looked at it again.
    pub fn judge_part(
        &mut self,
        found: Vec<Finding>,
        judged: &[Finding],
        now: Timestamp,
    ) -> Vec<Finding> {
        let found: Vec<Finding> = found
            .into_iter()
            .map(|finding| self.judge_one(finding, now))
            .collect();
        let mut all = judged.to_vec();
        super::scope::put(&mut all, &found);
        self.forget(&all);
        all
    }

    fn judge_one(&mut self, mut finding: Finding, now: Timestamp) -> Finding {
        if !finding.is_bad() {
            return finding;
        }
        let since = *self.bad.entry(finding.key()).or_insert(now);
        let proven = self.is_proven(&finding);
        let age = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        finding.since = Some(since);
        if age < patience(finding.check, proven) {
            finding.outcome = unsettled(finding.outcome);
        }
        finding
    }

    /// Whether it was good once; of routes and their like, whether one of them was.
    fn is_proven(&self, finding: &Finding) -> bool {
        let (check, object, subject) = finding.key();
        let one = (check, object.clone(), String::new());
        self.proven.contains(&one) || self.proven.contains(&(check, object, subject))
    }

    /// Forgets what is bad no more and what is not looked at any more, and notes what is good.
    fn forget(&mut self, judged: &[Finding]) {
        let bad: HashSet<Key> = judged
            .iter()
            .filter(|f| f.since.is_some())
            .map(Finding::key)
            .collect();
        self.bad.retain(|key, _| bad.contains(key));
        let looked_at: HashSet<_> = judged.iter().map(|f| (f.check, &f.object)).collect();
        self.proven
            .retain(|(check, object, _)| looked_at.contains(&(*check, object)));
        let is_good = |finding: &&Finding| match finding.outcome {
            Outcome::Good { count, .. } => count > 0,
            Outcome::Bad { .. }
            | Outcome::Unsettled { .. }
            | Outcome::MoreBad { .. }
            | Outcome::Pending { .. } => false,
        };
        self.proven
            .extend(judged.iter().filter(is_good).map(Finding::key));
    }
}

/// A bad outcome as one that may yet turn good.
fn unsettled(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Bad {
            expected,
            seen,
            hint,
        } => Outcome::Unsettled {
            expected,
            seen,
            hint,
        },
        Outcome::MoreBad { count } => Outcome::Pending {
            waiting_for: format!("a second look at {count} more"),
        },
        Outcome::Good { .. } | Outcome::Unsettled { .. } | Outcome::Pending { .. } => outcome,
    }
}

/// How long a check may fail before it counts: `proven` when all of it was good before.
fn patience(check: Check, proven: bool) -> Duration {
    /// A session that comes up: FRR's connect timer is 10 s with the profile of data centres,
    /// and a neighbour that starts beside us takes its time.
    const STARTING: Duration = Duration::from_secs(20);
    /// Two tables that are read one after the other.
    const READING: Duration = Duration::from_millis(400);
    /// A route on its way from hop to hop.
    const MOVING: Duration = Duration::from_millis(800);
    /// FRR sends routes in batches, and after a session came up has many to send.
    const SENDING: Duration = Duration::from_secs(5);
    match check {
        Check::UnderlaySession | Check::EvpnFamily | Check::HostSession if proven => Duration::ZERO,
        Check::BfdSession if proven => MOVING,
        Check::UnderlaySession | Check::BfdSession | Check::EvpnFamily | Check::HostSession => {
            STARTING
        }
        Check::HostRouteExported | Check::LocalMacAdvertised | Check::RouteAdvertised => SENDING,
        Check::UnderlayRoute
        | Check::VtepReachable
        | Check::HostRouteInKernel
        | Check::DuplicateVtep
        | Check::RouteFiltered
        | Check::FloodList
        | Check::RemoteMacInFdb
        | Check::DuplicateAddress
        | Check::RouteValid
        | Check::RouteImported
        | Check::RouteInRib
        | Check::RouteInKernel
        | Check::NeighbourEntry
        | Check::FdbEntry => {
            if proven {
                MOVING
            } else {
                SENDING
            }
        }
        Check::FactsReadable
        | Check::LinksPresent
        | Check::VtepAddress
        | Check::MtuPath
        | Check::RouteTargets
        | Check::Gateway
        | Check::VniUp
        | Check::BgpVni
        | Check::RouterMac => {
            if proven {
                READING
            } else {
                MOVING
            }
        }
    }
}

#[cfg(test)]
mod tests;
