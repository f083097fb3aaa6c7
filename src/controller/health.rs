//! The probes of the controller: `/livez`, `/readyz`, `/startupz`.
//!
//! Pure. They speak of the program, not of who leads: whoever waits for its turn is as well as
//! whoever leads, and an API server that is away is not mended by a restart.

use std::time::Duration;

use super::lease::Timing;
use crate::status::probe::{Outcome, Probe, Wishes, tell};

#[cfg(test)]
mod tests;

/// How the controller gets on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vitals {
    /// How long ago the election took its last step.
    pub silent: Duration,
    /// How long that may be.
    pub allowed: Duration,
    /// Whether the API server was asked for the lease once, whatever it answered.
    pub election: Election,
    /// What has not been read from the API yet.
    pub unread: Vec<String>,
    /// What keeps the webhook from answering; none where there is none.
    pub webhook: Option<String>,
}

/// Whether the election has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Election {
    /// Not yet.
    Pending,
    /// It goes on.
    Begun,
}

/// How long the election may be silent before it counts as hung: a step of it waits for the API
/// server until the deadline at most, and then for a period.
#[must_use]
pub fn allowed(timing: Timing) -> Duration {
    (timing.deadline() + timing.period()) * 3
}

/// Answers a probe.
#[must_use]
pub fn answer(probe: Probe, wishes: &Wishes<'_>, vitals: &Vitals) -> (Outcome, String) {
    let hung = (vitals.silent > vitals.allowed).then(|| {
        let (silent, allowed) = (vitals.silent.as_secs(), vitals.allowed.as_secs());
        format!("no step for {silent} s; {allowed} s are allowed")
    });
    let begun = match vitals.election {
        Election::Pending => Some("the lease was not asked for yet".to_owned()),
        Election::Begun => None,
    };
    let unread = (!vitals.unread.is_empty())
        .then(|| format!("not read from the API yet: {}", vitals.unread.join(", ")));
    let checks = match probe {
        Probe::Live => vec![("ping", None), ("election", hung)],
        Probe::Ready => vec![
            ("ping", None),
            ("election", hung),
            ("watches", unread),
            ("webhook", vitals.webhook.clone()),
        ],
        Probe::Startup => vec![("ping", None), ("election", begun)],
    };
    tell(probe, &checks, wishes)
}
