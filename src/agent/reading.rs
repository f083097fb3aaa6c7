//! How long facts are left alone after a reading, by how long it took.
//!
//! What always holds: the more a reading takes, the longer the pause, but nobody who waits for
//! news of a change or for all to be well waits for more than some seconds, and all is read every
//! few minutes.

use std::time::Duration;

use tokio::time::Instant;

use crate::status::probe::LONGEST_PAUSE;

/// How often all facts are read when all is well, at most; and the longest pause after a change.
const SETTLED: Duration = Duration::from_secs(10);

/// The longest pause while somebody waits for all to be well.
const AWAITED: Duration = Duration::from_secs(5);

/// The pause after a reading of everything, by how long it took, when all is well: what happens is
/// told of, and it takes a twentieth of the time, up to the longest pause.
const SETTLED_REST: u32 = 19;

/// The same while something is not as it should be: what is on its way needs the machine too.
const UNSETTLED_REST: u32 = 3;

/// How long after a route or a forwarding entry changed it is read: the rest of a burst has come.
const STIRRED: Duration = Duration::from_millis(100);

/// The pause after a reading, by how long it took, before another one that only follows from
/// changes: it takes a tenth of the time, as long as that is no long pause.
const STIRRED_REST: u32 = 9;

/// A reading that takes no longer can be had thrice within the time in which a fault is to be told.
pub(super) const QUICK: Duration = Duration::from_millis(300);

/// The longest pause before another reading that only follows from changes, where one is quick: with
/// the reading in which a fault was missed, those two that find it, and the moment between them, it
/// is told within two seconds.
const QUICK_REST: Duration = Duration::from_millis(700);

/// A reading that is over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) ended: Instant,
    pub(super) took: Duration,
}

impl Default for Reading {
    fn default() -> Self {
        Self {
            ended: Instant::now(),
            took: Duration::ZERO,
        }
    }
}

impl Reading {
    /// One that began then and ends now.
    pub(super) fn since(begun: Instant) -> Self {
        Self {
            ended: Instant::now(),
            took: begun.elapsed(),
        }
    }

    /// The pause until the next one when all is well.
    pub(super) fn settled(self) -> Duration {
        SETTLED.max((self.took * SETTLED_REST).min(LONGEST_PAUSE))
    }

    /// The pause until the next one while something is not as it should be, at least so long.
    pub(super) fn unsettled(self, least: Duration) -> Duration {
        least.max((self.took * UNSETTLED_REST).min(AWAITED))
    }

    /// When the next one may follow that only follows from changes.
    pub(super) fn soonest(self, now: Instant) -> Instant {
        let longest = if self.took <= QUICK {
            QUICK_REST
        } else {
            SETTLED
        };
        let rest = (self.took * STIRRED_REST).min(longest);
        (now + STIRRED).max(self.ended + rest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::glance::GLANCE;
    use super::*;

    fn took(millis: u64) -> Reading {
        Reading {
            ended: Instant::now(),
            took: Duration::from_millis(millis),
        }
    }

    #[test]
    fn a_dear_reading_is_followed_by_a_longer_pause() {
        for (millis, settled, unsettled, stirred) in [
            (10, 10_000, 250, 100),
            (50, 10_000, 250, 450),
            (100, 10_000, 300, 700),
            (300, 10_000, 900, 700),
            (301, 10_000, 903, 2709),
            (500, 10_000, 1500, 4500),
            (1000, 19_000, 3000, 9000),
            (40_000, 300_000, 5000, 10_000),
        ] {
            let reading = took(millis);
            let words = format!("{millis} ms");
            let ms = |pause: Duration| pause.as_millis();
            assert_eq!(ms(reading.settled()), settled, "{words}");
            let least = Duration::from_millis(250);
            assert_eq!(ms(reading.unsettled(least)), unsettled, "{words}");
            let soonest = reading.soonest(reading.ended);
            assert_eq!(ms(soonest - reading.ended), stirred, "{words}");
        }
    }

    #[test]
    fn what_quick_readings_find_twice_is_told_within_two_seconds() {
        for millis in 0..=300 {
            let reading = took(millis);
            let rest = reading.soonest(reading.ended) - reading.ended;
            let told = reading.took + rest + reading.took + GLANCE + reading.took;
            assert!(told < Duration::from_secs(2), "{millis} ms: {told:?}");
        }
    }

    #[test]
    fn a_change_long_after_a_reading_is_read_at_once() {
        let reading = took(1000);
        let now = reading.ended + Duration::from_secs(60);
        assert_eq!(reading.soonest(now), now + STIRRED);
    }
}
