//! What the loop tells of itself while it is at work.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::status::probe::{Progress, Work};

/// The loop's last sign of life. The loop writes it at every step; anybody may read it.
#[derive(Debug)]
pub struct Pulse {
    start: Instant,
    /// What it is at, as an index of [`Work::ALL`], below the time since when.
    work: AtomicU64,
    /// When it took its last step, in milliseconds since the start.
    beat: AtomicU64,
}

/// How many bits a [`Work`] takes.
const BITS: u32 = 4;

impl Default for Pulse {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            work: AtomicU64::new(0),
            beat: AtomicU64::new(0),
        }
    }
}

impl Pulse {
    /// The loop turns to something.
    pub fn begin(&self, work: Work) {
        let index = Work::ALL.iter().position(|other| *other == work);
        let index = index.unwrap_or_default() as u64;
        let now = self.now();
        self.work.store(now << BITS | index, Ordering::Relaxed);
        self.beat.store(now, Ordering::Relaxed);
    }

    /// The loop has taken a step.
    pub fn beat(&self) {
        self.beat.store(self.now(), Ordering::Relaxed);
    }

    /// How the loop gets on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let now = self.now();
        let work = self.work.load(Ordering::Relaxed);
        let since = |then: u64| Duration::from_millis(now.saturating_sub(then));
        let index = usize::try_from(work & ((1 << BITS) - 1)).unwrap_or_default();
        Progress {
            work: Work::ALL.get(index).copied().unwrap_or(Work::Waiting),
            at_it: since(work >> BITS),
            silent: since(self.beat.load(Ordering::Relaxed)),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
