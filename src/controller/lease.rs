//! Who leads, by a Lease (`coordination.k8s.io/v1`): what to do next, given what was seen of it.
//!
//! Pure. What always holds: a lease of somebody else is taken only when it stood unchanged for as
//! long as its holder asked for, by this machine's own clock, so clocks that differ do no harm; and
//! whoever leads has stopped some time before that.

use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;

#[cfg(test)]
mod tests;

/// The times of an election.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    duration: Duration,
    deadline: Duration,
    period: Duration,
}

/// Times by which two could lead at once, or nobody for long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimingError {
    /// The lease would run out while its holder still leads.
    #[error("the lease must last longer than the deadline for its renewal: {0:?} and {1:?}")]
    Deadline(Duration, Duration),
    /// One renewal that fails would be the last.
    #[error(
        "the deadline for renewals must be more than twice the time between them: {0:?} and {1:?}"
    )]
    Period(Duration, Duration),
}

impl Timing {
    /// A lease lasts for `duration` after its last renewal, its holder stops `deadline` after it,
    /// and it is renewed, or looked at, every `period`.
    ///
    /// # Errors
    /// [`TimingError`] when they do not fit together.
    pub fn new(
        duration: Duration,
        deadline: Duration,
        period: Duration,
    ) -> Result<Self, TimingError> {
        if duration <= deadline {
            return Err(TimingError::Deadline(duration, deadline));
        }
        if period.is_zero() || deadline <= period * 2 {
            return Err(TimingError::Period(deadline, period));
        }
        Ok(Self {
            duration,
            deadline,
            period,
        })
    }

    /// For how long a lease is good after its last renewal.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.duration
    }

    /// How long after the last renewal its holder stops.
    #[must_use]
    pub const fn deadline(self) -> Duration {
        self.deadline
    }

    /// The time between renewals, and between looks at somebody else's lease.
    #[must_use]
    pub const fn period(self) -> Duration {
        self.period
    }
}

/// One who would lead.
#[derive(Clone, Debug)]
pub struct Candidate {
    identity: String,
    timing: Timing,
    sight: Option<Sight>,
}

/// The lease, and since when it is as it is.
#[derive(Clone, Debug)]
struct Sight {
    spec: LeaseSpec,
    since: Instant,
}

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Write this, unless the lease has changed meanwhile: it makes, takes or renews it.
    Take(LeaseSpec),
    /// Another one leads.
    Wait {
        /// Who.
        holder: String,
    },
}

impl Candidate {
    /// One of this name, which nobody else may have, not even the same program before.
    #[must_use]
    pub const fn new(identity: String, timing: Timing) -> Self {
        Self {
            identity,
            timing,
            sight: None,
        }
    }

    /// Its name.
    #[must_use]
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Its times.
    #[must_use]
    pub const fn timing(&self) -> Timing {
        self.timing
    }

    /// Whether the lease is its own.
    #[must_use]
    pub fn holds(&self, spec: &LeaseSpec) -> bool {
        spec.holder_identity.as_deref() == Some(&*self.identity)
    }

    /// Looks at the lease as it is now; none when there is none.
    pub fn see(&mut self, spec: Option<&LeaseSpec>, now: Instant) {
        let unchanged = self.sight.as_ref().map(|sight| &sight.spec) == spec;
        if !unchanged {
            self.sight = spec.map(|spec| Sight {
                spec: spec.clone(),
                since: now,
            });
        }
    }

    /// What to do about the lease that was seen last. `wall` is the time of day, which others read.
    #[must_use]
    pub fn step(&self, now: Instant, wall: Timestamp) -> Step {
        let Some(Sight { spec, since }) = &self.sight else {
            return Step::Take(self.taken(0, wall));
        };
        let transitions = spec.lease_transitions.unwrap_or(0);
        if self.holds(spec) {
            return Step::Take(LeaseSpec {
                acquire_time: spec.acquire_time.clone(),
                ..self.taken(transitions, wall)
            });
        }
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        if !holder.is_empty() && now < *since + self.lasts(spec) {
            let holder = holder.to_owned();
            return Step::Wait { holder };
        }
        Step::Take(self.taken(transitions.saturating_add(1), wall))
    }

    /// For how long its holder wants to be waited for.
    fn lasts(&self, spec: &LeaseSpec) -> Duration {
        let asked = spec.lease_duration_seconds.unwrap_or(0);
        match u64::try_from(asked) {
            Ok(0) | Err(_) => self.timing.duration,
            Ok(seconds) => Duration::from_secs(seconds),
        }
    }

    fn taken(&self, transitions: i32, wall: Timestamp) -> LeaseSpec {
        let seconds = self.timing.duration.as_secs().max(1);
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: Some(i32::try_from(seconds).unwrap_or(i32::MAX)),
            lease_transitions: Some(transitions),
            acquire_time: Some(MicroTime(wall)),
            renew_time: Some(MicroTime(wall)),
            preferred_holder: None,
            strategy: None,
        }
    }
}

/// A lease that its holder gives back, so that the next one need not wait.
#[must_use]
pub fn released(spec: &LeaseSpec, wall: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: None,
        lease_duration_seconds: Some(1),
        renew_time: Some(MicroTime(wall)),
        ..spec.clone()
    }
}
