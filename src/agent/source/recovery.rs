//! When to try again what the Kubernetes API did not answer.
//!
//! Everyone pauses for itself, ever longer. The first whose call is answered again wakes all
//! others: what is right stands in the API soon after it is back, and nobody asks more often while
//! it is away.

use std::time::Duration;

use tokio::sync::watch;

/// Tells all who pause that the API answers again.
#[derive(Clone, Debug, Default)]
pub struct Recovery(watch::Sender<()>);

impl Recovery {
    /// It does.
    pub(crate) fn tell(&self) {
        self.0.send_replace(());
    }

    /// Pauses that this one ends: the first so long, each the double of the last up to the longest.
    pub(crate) fn pauses(&self, first: Duration, longest: Duration) -> Pauses {
        Pauses {
            told: self.0.subscribe(),
            first,
            longest,
            next: first,
        }
    }
}

/// The pauses of one who tries.
#[derive(Debug)]
pub(crate) struct Pauses {
    told: watch::Receiver<()>,
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Pauses {
    /// A try begins; what was told before is no reason for the next one.
    pub(crate) fn try_begins(&mut self) {
        self.told.mark_unchanged();
    }

    /// It was answered.
    pub(crate) const fn answered(&mut self) {
        self.next = self.first;
    }

    /// It failed. Waits until it is worth while to try again; at once when the API has answered
    /// somebody since the try began.
    pub(crate) async fn failed(&mut self) {
        let pause = self.next;
        self.next = match tokio::time::timeout(pause, self.told.changed()).await {
            Ok(Ok(())) => self.first,
            // Nobody is left to tell.
            Ok(Err(_)) => {
                tokio::time::sleep(pause).await;
                self.longer()
            }
            Err(_) => self.longer(),
        };
    }

    fn longer(&self) -> Duration {
        (self.next * 2).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const FIRST: Duration = Duration::from_secs(1);
    const LONGEST: Duration = Duration::from_secs(3);

    async fn a_failure(pauses: &mut Pauses) -> Duration {
        let begun = Instant::now();
        pauses.failed().await;
        begun.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn each_pause_is_longer_until_an_answer() {
        let recovery = Recovery::default();
        let mut pauses = recovery.pauses(FIRST, LONGEST);
        for expected in [1, 2, 3, 3].map(Duration::from_secs) {
            pauses.try_begins();
            assert_eq!(a_failure(&mut pauses).await, expected);
        }
        pauses.answered();
        assert_eq!(a_failure(&mut pauses).await, FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_to_somebody_ends_the_pauses_of_all() {
        let recovery = Recovery::default();
        let mut all = [(); 2].map(|()| recovery.pauses(Duration::from_secs(60), LONGEST));
        let [one, other] = &mut all;
        let answered = async {
            tokio::time::sleep(FIRST).await;
            recovery.tell();
        };
        let (one, other, ()) = tokio::join!(a_failure(one), a_failure(other), answered);
        assert_eq!((one, other), (FIRST, FIRST));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_during_the_try_counts_and_one_before_it_does_not() {
        let recovery = Recovery::default();
        let mut pauses = recovery.pauses(FIRST, LONGEST);
        pauses.try_begins();
        recovery.tell();
        assert_eq!(a_failure(&mut pauses).await, Duration::ZERO);
        recovery.tell();
        pauses.try_begins();
        assert_eq!(a_failure(&mut pauses).await, FIRST);
    }
}
