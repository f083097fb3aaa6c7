//! The probes that a kubelet asks: `/livez`, `/readyz`, `/startupz`.
//!
//! Pure. They speak of the agent, not of the fabric. What always holds: a fabric that is broken
//! fails no probe, since restarting the agent, or taking it for missing, mends no switch and would
//! stop a rollout on every node at once, the one that brings the remedy included. What is wrong
//! with the fabric stands in conditions, metrics and `perouter status`.

use std::fmt::Write as _;
use std::time::Duration;

use super::report::{DaemonMode, Report};

#[cfg(test)]
mod tests;

/// For how long the loop may make no progress before it counts as hung.
///
/// It turns at least every minute and tells of each step that it takes. The longest silence
/// between two steps is that of an FRR all of whose daemons hang: 40 s, measured with all of them
/// stopped, for two daemons that are waited for one after the other, 20 s each. A commit over
/// the northbound may take 30 s, and twice in a step. This is more than twice the longest of
/// these, so that a restart is never the answer to a slow FRR.
pub const DEADLINE: Duration = Duration::from_secs(180);

/// The longest pause between two verifications of everything; where there are few routes it is
/// ten seconds.
pub const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What the loop is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Nothing: it waits for events.
    Waiting,
    /// A pass.
    Pass,
    /// Reading facts and verifying them.
    Verification,
    /// A question over its socket.
    Answer,
}

impl Work {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Pass, Self::Verification, Self::Answer];

    /// What it does, in words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting for events",
            Self::Pass => "in a pass",
            Self::Verification => "verifying",
            Self::Answer => "answering",
        }
    }
}

/// How the loop gets on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it is at.
    pub work: Work,
    /// For how long it has been at that.
    pub at_it: Duration,
    /// How long ago it took its last step.
    pub silent: Duration,
}

/// One of the probes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// Whether the agent works at all; if not, it is to be restarted.
    Live,
    /// Whether the agent does its work: it drives FRR, and has verified what it did.
    Ready,
    /// Whether it has got through its first pass.
    Startup,
}

impl Probe {
    /// Every probe.
    pub const ALL: [Self; 3] = [Self::Live, Self::Ready, Self::Startup];

    /// Its name, which is its path without the slash.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "livez",
            Self::Ready => "readyz",
            Self::Startup => "startupz",
        }
    }

    const fn checks(self) -> &'static [Check] {
        match self {
            Self::Live => &[Check::Ping, Check::Loop],
            Self::Ready => &[
                Check::Ping,
                Check::Loop,
                Check::Pass,
                Check::Frr,
                Check::Verification,
            ],
            Self::Startup => &[Check::Ping, Check::Pass],
        }
    }
}

/// What a probe looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Check {
    /// This was answered.
    Ping,
    /// The loop makes progress.
    Loop,
    /// A pass has ended since the start, whatever became of it.
    Pass,
    /// FRR is spoken with.
    Frr,
    /// Facts have been read back and verified since the start.
    Verification,
}

impl Check {
    const fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Loop => "loop",
            Self::Pass => "pass",
            Self::Frr => "frr",
            Self::Verification => "verification",
        }
    }

    /// Why it fails, if it does.
    fn fault(self, report: Option<&Report>, progress: Progress) -> Option<String> {
        let not_yet = |what: &str| format!("{what} since the agent started");
        match self {
            Self::Ping => None,
            Self::Loop => (progress.silent > DEADLINE).then(|| {
                format!(
                    "no progress for {} s, {} for {} s; {} s are allowed",
                    progress.silent.as_secs(),
                    progress.work.as_str(),
                    progress.at_it.as_secs(),
                    DEADLINE.as_secs()
                )
            }),
            Self::Pass => match report.and_then(|report| report.pass) {
                Some(_) => None,
                None => Some(not_yet("no pass has ended")),
            },
            Self::Frr => not_spoken_with(report),
            Self::Verification => match report.and_then(|report| report.verification) {
                Some(_) => None,
                None => Some(not_yet("nothing was verified")),
            },
        }
    }
}

fn not_spoken_with(report: Option<&Report>) -> Option<String> {
    let daemons = report.map(|report| &report.frr.daemons);
    let Some(daemons) = daemons.filter(|daemons| !daemons.is_empty()) else {
        return Some("not spoken with yet".to_owned());
    };
    let lost = daemons
        .iter()
        .filter(|(_, mode)| **mode == DaemonMode::Unreachable);
    let lost: Vec<&str> = lost.map(|(name, _)| name.as_str()).collect();
    (!lost.is_empty()).then(|| format!("not connected to {}", lost.join(", ")))
}

/// Whether a probe is passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is.
    Passed,
    /// It is not.
    Failed,
}

/// How the answer is asked for: `?verbose`, and `?exclude=NAME` for each check that shall not
/// count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes<'a> {
    /// Whether all checks are listed even if none fails.
    pub verbose: bool,
    /// The checks that do not count.
    pub exclude: Vec<&'a str>,
}

/// Answers a probe, in the words that Kubernetes' own servers use.
#[must_use]
pub fn answer(
    probe: Probe,
    wishes: &Wishes<'_>,
    report: Option<&Report>,
    progress: Progress,
) -> (Outcome, String) {
    let checks = probe.checks().iter();
    let checks: Vec<_> = checks
        .map(|check| (check.name(), check.fault(report, progress)))
        .collect();
    tell(probe, &checks, wishes)
}

/// The answer to a probe that looks at these things, each with its fault if it has one.
#[must_use]
pub fn tell(
    probe: Probe,
    checks: &[(&'static str, Option<String>)],
    wishes: &Wishes<'_>,
) -> (Outcome, String) {
    let mut outcome = Outcome::Passed;
    let mut lines = String::new();
    for (name, fault) in checks {
        // Writing into a string cannot fail.
        let _ = if wishes.exclude.contains(name) {
            writeln!(lines, "[+]{name} excluded: ok")
        } else if let Some(fault) = fault {
            outcome = Outcome::Failed;
            writeln!(lines, "[-]{name} failed: {fault}")
        } else {
            writeln!(lines, "[+]{name} ok")
        };
    }
    let known = |name: &&str| checks.iter().any(|(known, _)| known == name);
    for unknown in wishes.exclude.iter().filter(|name| !known(name)) {
        let _ = writeln!(lines, "warn: there is no check {unknown:?} to exclude");
    }
    let name = probe.name();
    let text = match outcome {
        Outcome::Passed if !wishes.verbose => "ok\n".to_owned(),
        Outcome::Passed => format!("{lines}{name} check passed\n"),
        Outcome::Failed => format!("{lines}{name} check failed\n"),
    };
    (outcome, text)
}
