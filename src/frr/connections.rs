//! The vty connections to the daemons: opened when they are needed, and again after a loss.
//!
//! What always holds: a daemon is asked for its release before anything else, so that nothing is
//! typed into one that is too old; and one that is gone, or that dies as soon as it is spoken
//! with, is tried again ever more rarely until it has answered.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use perouter_parsers::system::{self, Version};
use tokio::time::Instant;

use super::vty::{Answer, Typed, Vty};
use super::{Daemon, FrrError};
use crate::plan::bgp::desired::Monitoring;

/// The oldest release that is driven: older ones lack commands, and print others differently.
pub const OLDEST: Version = Version::new(10, 3, 0);

/// The pause before the second attempt after a failure, doubled at each further one. The first
/// attempt is made at once: a daemon that was restarted is there again.
const PAUSE_FIRST: Duration = Duration::from_millis(50);

/// The longest pause: a daemon that comes back is driven within this time.
const PAUSE_LONGEST: Duration = Duration::from_secs(1);

/// All connections of one driver.
#[derive(Debug)]
pub(super) struct Connections {
    pub(super) dir: PathBuf,
    vtys: BTreeMap<Daemon, Vty>,
    failures: BTreeMap<Daemon, Failures>,
    versions: BTreeMap<Daemon, Version>,
    monitoring: Monitoring,
    opened: u64,
    reopened: BTreeSet<Daemon>,
    errors: u64,
}

/// How often a daemon failed in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failures {
    count: u32,
    last: Instant,
}

impl Failures {
    /// When the next attempt may be made.
    fn next(self) -> Instant {
        self.last + pause(self.count)
    }
}

/// The pause after so many failures in a row.
fn pause(failures: u32) -> Duration {
    match failures.checked_sub(2) {
        None => Duration::ZERO,
        Some(doublings) => PAUSE_FIRST
            .saturating_mul(1 << doublings.min(16))
            .min(PAUSE_LONGEST),
    }
}

impl Connections {
    pub(super) fn new(dir: PathBuf) -> Self {
        Self {
            dir,
            vtys: BTreeMap::new(),
            failures: BTreeMap::new(),
            versions: BTreeMap::new(),
            monitoring: Monitoring::Unavailable,
            opened: 0,
            reopened: BTreeSet::new(),
            errors: 0,
        }
    }

    /// How often a daemon could not be spoken with so far.
    pub(super) fn errors(&self) -> u64 {
        self.errors
    }

    /// The release of a daemon, as it said when it was connected to.
    pub(super) fn version(&self, daemon: Daemon) -> Option<&Version> {
        self.versions.get(&daemon)
    }

    /// Whether bgpd can tell of its sessions, as it said when it was connected to.
    pub(super) fn monitoring(&self) -> Monitoring {
        self.monitoring
    }

    /// How many connections were opened so far: what was known before another one was need not
    /// be so any more.
    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    /// Whether the daemon is connected, as far as the kernel knows by now.
    pub(super) fn is_open(&self, daemon: Daemon) -> bool {
        self.vtys
            .get(&daemon)
            .is_some_and(|vty| vty.is_sound() && !vty.is_closed())
    }

    /// Whether the daemon failed so often lately that it is not to be tried just now.
    pub(super) fn is_pausing(&self, daemon: Daemon) -> bool {
        let failures = self.failures.get(&daemon);
        failures.is_some_and(|failures| failures.next() > Instant::now())
    }

    pub(super) fn forget(&mut self, daemon: Daemon) {
        self.vtys.remove(&daemon);
    }

    /// Ends the pauses that follow failures.
    pub(super) fn try_at_once(&mut self) {
        self.failures.clear();
    }

    /// The daemons that closed their connections.
    pub(super) fn lost(&self) -> Vec<Daemon> {
        let is_lost = |(daemon, vty): (&Daemon, &Vty)| vty.is_closed().then_some(*daemon);
        self.vtys.iter().filter_map(is_lost).collect()
    }

    /// The daemons that were connected to once more since this was asked last: they may have been
    /// started anew.
    pub(super) fn take_reopened(&mut self) -> BTreeSet<Daemon> {
        std::mem::take(&mut self.reopened)
    }

    /// Waits until a daemon closes its connection; for ever when none is connected.
    ///
    /// Cancel safe.
    pub(super) async fn next_lost(&self) -> Daemon {
        let closings = self.vtys.iter().map(|(daemon, vty)| {
            Box::pin(async {
                vty.closed().await;
                *daemon
            })
        });
        let closings: Vec<_> = closings.collect();
        if closings.is_empty() {
            return std::future::pending().await;
        }
        futures::future::select_all(closings).await.0
    }

    /// Types lines into a daemon in one write and collects their answers. A connection that
    /// broke is dropped; the next use opens another.
    ///
    /// Only a daemon of which [`Daemon::answers_in_turn`] holds may be given several lines.
    pub(super) async fn ask(
        &mut self,
        daemon: Daemon,
        lines: &[Typed<'_>],
    ) -> Result<Vec<Answer>, FrrError> {
        let mut vty = match self.vtys.remove(&daemon) {
            Some(vty) if vty.is_sound() && !vty.is_closed() => vty,
            Some(_) | None => self.open(daemon).await?,
        };
        match vty.execute_all(lines).await {
            Ok(answers) => {
                self.failures.remove(&daemon);
                self.vtys.insert(daemon, vty);
                Ok(answers)
            }
            Err(error) => {
                self.failed(daemon);
                Err(error.into())
            }
        }
    }

    async fn open(&mut self, daemon: Daemon) -> Result<Vty, FrrError> {
        if let Some(failures) = self.failures.get(&daemon) {
            tokio::time::sleep_until(failures.next()).await;
        }
        self.opened += 1;
        let opened = self.greet(daemon).await;
        if opened.is_err() {
            self.failed(daemon);
        }
        opened
    }

    /// Connects, and asks for the release.
    async fn greet(&mut self, daemon: Daemon) -> Result<Vty, FrrError> {
        const COMMAND: &str = "show version";
        let mut vty = Vty::connect(daemon, &self.dir).await?;
        let answer = vty.execute(COMMAND).await?;
        let version = system::version(&answer.text)
            .map_err(|source| FrrError::unreadable(daemon, COMMAND, source))?;
        let version = new_enough(daemon, version)?;
        if self.versions.insert(daemon, version).is_some() {
            self.reopened.insert(daemon);
        }
        if daemon == Daemon::Bgpd {
            self.monitoring = monitoring(&mut vty).await?;
        }
        Ok(vty)
    }

    fn failed(&mut self, daemon: Daemon) {
        self.errors += 1;
        let count = self.failures.get(&daemon).map_or(0, |past| past.count);
        let failures = Failures {
            count: count.saturating_add(1),
            last: Instant::now(),
        };
        self.failures.insert(daemon, failures);
    }
}

/// Whether bgpd has the module that tells of its sessions.
async fn monitoring(bgpd: &mut Vty) -> Result<Monitoring, FrrError> {
    const COMMAND: &str = "show modules";
    let answer = bgpd.execute(COMMAND).await?;
    let modules = system::modules(&answer.text)
        .map_err(|source| FrrError::unreadable(Daemon::Bgpd, COMMAND, source))?;
    Ok(if modules.contains("bgpd_bmp") {
        Monitoring::Available
    } else {
        Monitoring::Unavailable
    })
}

/// The release, if it can be driven.
fn new_enough(daemon: Daemon, found: Version) -> Result<Version, FrrError> {
    if found >= OLDEST {
        return Ok(found);
    }
    Err(FrrError::TooOld {
        daemon,
        found,
        needed: OLDEST,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_that_is_too_old_is_named_with_what_is_needed() {
        for (text, fits) in [
            ("10.2.9", false),
            ("9.1", false),
            ("10.3-dev", true),
            ("10.3", true),
            ("10.7.1", true),
            ("11.0", true),
        ] {
            let version: Version = text.parse().unwrap();
            assert_eq!(new_enough(Daemon::Bgpd, version).is_ok(), fits, "{text}");
        }
        let error = new_enough(Daemon::Zebra, Version::new(10, 2, 1)).unwrap_err();
        assert!(!error.is_absence());
        assert_eq!(
            error.to_string(),
            "zebra is FRR 10.2.1, and FRR 10.3 or later is needed"
        );
    }

    #[test]
    fn pauses_grow_and_end() {
        let pauses: Vec<_> = (0..9).map(|count| pause(count).as_millis()).collect();
        assert_eq!(pauses, [0, 0, 50, 100, 200, 400, 800, 1000, 1000]);
        assert_eq!(pause(u32::MAX), PAUSE_LONGEST);
    }

    /// Time stands still but for timers.
    #[tokio::test(start_paused = true)]
    async fn a_daemon_that_is_gone_is_tried_ever_more_rarely() {
        let dir = tempfile::tempdir().unwrap();
        let mut connections = Connections::new(dir.path().to_owned());
        let start = Instant::now();
        for _ in 0..6 {
            let lines = [Typed::plain("show bgp summary")];
            let asked = connections.ask(Daemon::Bgpd, &lines).await;
            assert!(asked.unwrap_err().is_absence());
        }
        assert_eq!(connections.errors(), 6);
        assert_eq!(start.elapsed().as_millis(), 50 + 100 + 200 + 400);
    }
}
