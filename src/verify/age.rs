//! Durations as people say them.

use std::fmt;
use std::time::Duration;

/// A duration in its two largest units: `12s`, `3m 5s`, `2h 40m`, `5d 3h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age(pub Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86400);
        let text = match (days, hours, minutes) {
            (0, 0, 0) => format!("{seconds}s"),
            (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
            (0, _, _) => format!("{hours}h {}m", minutes % 60),
            (_, _, _) => format!("{days}d {}h", hours % 24),
        };
        f.pad(&text)
    }
}
