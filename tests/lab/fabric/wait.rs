//! Waiting for something to become true: never longer than a deadline, never for a fixed time.

use std::time::{Duration, Instant};

use crate::fabric::Failure;

/// How often it is looked at. A command in the lab takes longer than this.
const PAUSE: Duration = Duration::from_millis(20);

/// Asks until there is an answer, and returns it with the time that it took.
///
/// The question says what it saw instead; the last such words are in the failure.
pub(crate) fn until<T>(
    deadline: Duration,
    what: &str,
    mut ask: impl FnMut() -> Result<Result<T, String>, Failure>,
) -> Result<(T, Duration), Failure> {
    let begin = Instant::now();
    loop {
        match ask()? {
            Ok(answer) => return Ok((answer, begin.elapsed())),
            Err(seen) if begin.elapsed() > deadline => {
                return Err(format!(
                    "{what}: not within {:.1} s; seen: {seen}",
                    deadline.as_secs_f64()
                )
                .into());
            }
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// A duration for people, in seconds.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{:.2} s", duration.as_secs_f64())
}
