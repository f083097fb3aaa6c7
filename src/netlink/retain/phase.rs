//! When what zebra takes away is put back, and when that ends.
//!
//! No clock in here: `now` is given.

use std::time::Duration;

use tokio::time::Instant;

/// How long bgpd must have been back before a verification counts: the last routes may still be
/// on their way from the neighbours.
const LINGER: Duration = Duration::from_secs(3);

/// Where a restart of bgpd stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// bgpd runs: what zebra takes away, bgpd has told it to.
    Steady,
    /// bgpd is gone, or back and not yet where it was.
    Restarting {
        /// When it came back, if it has.
        back: Option<Instant>,
        /// When to wait no longer.
        deadline: Instant,
    },
    /// bgpd is gone, and stayed away too long.
    GivenUp,
}

impl Phase {
    /// Whether what zebra takes away now is to be put back.
    pub(super) fn holds(self) -> bool {
        matches!(self, Self::Restarting { .. })
    }

    /// bgpd has died at `now`; it may take `limit` to be where it was. One that dies again on
    /// its way back gets no more time for that.
    #[must_use]
    pub(super) fn died(self, now: Instant, limit: Duration) -> Self {
        match self {
            Self::GivenUp => Self::GivenUp,
            Self::Steady => Self::Restarting {
                back: None,
                deadline: now + limit,
            },
            Self::Restarting { deadline, .. } => Self::Restarting {
                back: None,
                deadline,
            },
        }
    }

    /// bgpd runs again.
    #[must_use]
    pub(super) fn came_back(self, now: Instant) -> Self {
        match self {
            Self::Restarting { deadline, .. } => Self::Restarting {
                back: Some(now),
                deadline,
            },
            Self::Steady | Self::GivenUp => Self::Steady,
        }
    }

    /// All was found well by a verification that began at `verified`. Whether that ends a
    /// restart is for the caller to see: the phase is steady then.
    #[must_use]
    pub(super) fn settled(self, verified: Instant) -> Self {
        match self {
            Self::Restarting {
                back: Some(back), ..
            } if verified > back + LINGER => Self::Steady,
            Self::Restarting { .. } | Self::Steady | Self::GivenUp => self,
        }
    }

    /// When to wait no longer.
    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Self::Restarting { deadline, .. } => Some(deadline),
            Self::Steady | Self::GivenUp => None,
        }
    }

    /// The time is up.
    #[must_use]
    pub(super) fn expired(self) -> Self {
        match self {
            Self::Restarting { back: Some(_), .. } | Self::Steady => Self::Steady,
            Self::Restarting { back: None, .. } | Self::GivenUp => Self::GivenUp,
        }
    }
}

#[cfg(test)]
mod tests;
