//! When somebody else changes over and over what is mended each time: another program that wants
//! the same link otherwise, for one.
//!
//! What always holds: each change is mended and counted, however often it comes; but the log does
//! not grow with a quarrel, it tells the more rarely of it the longer it lasts.

use std::collections::BTreeMap;
use std::time::Duration;

use super::execute::Voice;
use crate::status::Timestamp;

/// How long nothing may be mended for the next time to be news.
const CALM: Duration = Duration::from_secs(60);

/// How often the same is told each time.
const TOLD: u64 = 3;

/// What is mended, by its steps as they print.
#[derive(Debug, Default)]
pub(super) struct Quarrels(BTreeMap<String, Quarrel>);

#[derive(Clone, Copy, Debug)]
struct Quarrel {
    times: u64,
    last: Timestamp,
}

impl Quarrel {
    const fn voice(self) -> Voice {
        if self.times <= TOLD || is_round(self.times) {
            Voice::Aloud
        } else {
            Voice::Hushed
        }
    }
}

/// Whether a number is a power of ten.
const fn is_round(number: u64) -> bool {
    let mut power = 1_u64;
    while power < number {
        power = power.saturating_mul(10);
    }
    power == number
}

impl Quarrels {
    /// The same steps mend something, now: how often they have without a pause, and how loud it is
    /// to be told.
    pub(super) fn mended(&mut self, steps: &str, now: Timestamp) -> (u64, Voice) {
        self.0.retain(|_, quarrel| {
            Duration::try_from(now.duration_since(quarrel.last)).is_ok_and(|calm| calm < CALM)
        });
        let last = now;
        let quarrel = self.0.entry(steps.to_owned());
        let quarrel = quarrel.or_insert(Quarrel { times: 0, last });
        quarrel.times += 1;
        quarrel.last = last;
        (quarrel.times, quarrel.voice())
    }

    /// Whether nothing is known that was mended.
    pub(super) fn are_over(&self) -> bool {
        self.0.is_empty()
    }

    /// How loud steps are to be told of that mend what was mended last.
    pub(super) fn voice(&self, steps: &str) -> Voice {
        let quarrel = self.0.get(steps);
        quarrel.map_or(Voice::Aloud, |quarrel| quarrel.voice())
    }
}

#[cfg(test)]
mod tests;
