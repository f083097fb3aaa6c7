//! When to try again what has not helped yet.

use std::time::Duration;

use tokio::time::Instant;

/// When to do again what has not helped yet: later each time. What else is done meanwhile puts it
/// off no further, however often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    pause: Duration,
    at: Option<Instant>,
}

impl Backoff {
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, at: None }
    }

    /// When it is due, for whoever finds it needed at `now`.
    pub(super) fn due(&mut self, now: Instant) -> Instant {
        *self.at.get_or_insert(now + self.pause)
    }

    /// It was done.
    pub(super) fn done(&mut self, longest: Duration) {
        self.at = None;
        self.pause = (self.pause * 2).min(longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(3);

    #[test]
    fn whoever_needs_it_again_and_again_does_not_put_it_off() {
        let (mut backoff, start) = (Backoff::new(FIRST), Instant::now());
        for tenth in 0..10 {
            let now = start + Duration::from_millis(100) * tenth;
            assert_eq!(backoff.due(now), start + FIRST);
        }
    }

    #[test]
    fn each_pause_is_longer_up_to_the_longest() {
        let mut backoff = Backoff::new(FIRST);
        let mut now = Instant::now();
        let pauses = [1, 2, 3, 3].map(|_| {
            let pause = backoff.due(now) - now;
            now += pause;
            backoff.done(LONGEST);
            pause
        });
        assert_eq!(pauses, [FIRST, 2 * FIRST, LONGEST, LONGEST]);
    }
}
