//! One fault after another is caused in a healthy lab. Each is found by its name, and no other
//! root cause is; the node is not ready within two seconds, or at once where a session is lost; and
//! it is ready again after the mend. What zebra or the agent puts back before anybody sees it is
//! shown to be put back.
//!
//! Witness is the agent's log, which has the time to the microsecond, by the clock that the
//! faults are timed with.
//!
//! Seen to fail: with a fault that is none, and with one that another check finds.

mod homed;
pub(super) mod log;
mod segments;
mod table;

use std::time::Duration;

use perouter::status::{Report, Verdict};
use perouter::verify::Finding;

use crate::fabric::{Fabric, Failure};
use crate::names::NODE1;
use crate::wait::{seconds, until};
use log::Log;

/// How long the node may be ready after a fault.
const NOT_READY: Duration = Duration::from_secs(2);

/// After a reading the agent rests for so many times as long as that took, where only routes and
/// their like stir: on a machine that is busy otherwise that is longer than the above.
const REST: u32 = 11;

/// The same where the fault is a session that bgpd loses.
const SESSION: Duration = Duration::from_millis(100);

/// How often the loss of a session is tried: what takes too long each time is the agent's fault,
/// and once may be that of a machine which is busy otherwise.
const TRIES: usize = 3;

/// How long it may take until a fault counts as broken: FRR's own timers are in it.
const FOUND: Duration = Duration::from_secs(30);

/// How long others are waited for that are wrongly found too.
const AFTERMATH: Duration = Duration::from_millis(1500);

/// How long a mend may take: sessions have to come up again.
const MENDED: Duration = Duration::from_secs(60);

/// Something that somebody does to a lab.
struct Break {
    what: &'static str,
    /// What comes of it.
    outcome: Outcome,
    how: Deed,
    /// What has to be done in another node before.
    before: Option<Deed>,
}

/// Shell scripts in a node; in them, `r` runs a command in the router's namespace, `frr` configures
/// the node's FRR, `raw` makes its input lines of a RawFRRConfig, and `now` notes the time of what
/// follows.
#[derive(Clone, Copy)]
struct Deed {
    node: &'static str,
    done: &'static str,
    /// How it ends.
    mend: &'static str,
}

/// A fault that is found by a check.
const fn fault(
    what: &'static str,
    by: &'static str,
    soon: Soon,
    node: &'static str,
    done: &'static str,
    mend: &'static str,
) -> Break {
    Break {
        what,
        outcome: Outcome::Found { by, soon },
        how: Deed { node, done, mend },
        before: None,
    }
}

/// One in node1 that is mended; `when` it is, succeeds.
const fn passing(
    what: &'static str,
    by: Mender,
    done: &'static str,
    when: &'static str,
    mend: &'static str,
) -> Break {
    Break {
        what,
        outcome: Outcome::Mended { by, when },
        how: Deed {
            node: NODE1,
            done,
            mend,
        },
        before: None,
    }
}

impl Break {
    /// Whether a session is lost by it.
    const fn is_loss(&self) -> bool {
        match self.outcome {
            Outcome::Found { soon, .. } => matches!(soon, Soon::Session),
            Outcome::Mended { .. } => false,
        }
    }

    /// The same, after something else was done.
    const fn after(mut self, node: &'static str, done: &'static str, mend: &'static str) -> Self {
        self.before = Some(Deed { node, done, mend });
        self
    }

    /// What is done, in this order.
    fn deeds(&self) -> impl DoubleEndedIterator<Item = &Deed> {
        self.before.iter().chain([&self.how])
    }
}

/// What comes of a fault.
#[derive(Clone, Copy)]
enum Outcome {
    /// It is found by this check, and by no other.
    Found { by: &'static str, soon: Soon },
    /// It is put back without anybody's help. What is found until FRR has followed is printed.
    Mended {
        by: Mender,
        /// What succeeds once it is as it was.
        when: &'static str,
    },
}

/// Who puts something back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mender {
    /// The agent, which says so.
    Agent,
    /// zebra, of which the agent hears nothing.
    Zebra,
}

/// How soon a fault shows.
#[derive(Clone, Copy)]
enum Soon {
    /// A lost session: at once.
    Session,
    /// Anything else that something tells of.
    Told,
    /// What nothing tells of, and only timers bring about.
    Late,
}

/// What was measured of one fault.
enum Measured {
    Found {
        not_ready: Duration,
        /// How long that may be.
        limit: Duration,
        found: Duration,
        cleared: Duration,
    },
    Mended {
        after: Duration,
        /// What was found meanwhile.
        seen: Vec<String>,
    },
}

/// The routed fabric.
pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    matrix(fabric, table::BREAKS)
}

/// Segments, and the VRF that routes one of them.
pub(crate) fn in_segments(fabric: &Fabric) -> Result<String, Failure> {
    matrix(fabric, segments::BREAKS)
}

/// Two switches that BFD watches.
pub(crate) fn by_two_switches(fabric: &Fabric) -> Result<String, Failure> {
    matrix(fabric, homed::BREAKS)
}

fn matrix(fabric: &Fabric, faults: &[Break]) -> Result<String, Failure> {
    let mut wrong = Vec::new();
    let mut slowest = Duration::ZERO;
    let mut mended = 0;
    for fault in faults {
        match in_time(fabric, fault) {
            Ok(measured) => {
                crate::say(&format!("  {:<52} → {}", fault.what, row(fault, &measured)));
                match measured {
                    Measured::Found { not_ready, .. } => slowest = slowest.max(not_ready),
                    Measured::Mended { .. } => mended += 1,
                }
            }
            Err(error) => {
                crate::say(&format!("  {:<52} FAILED {error}", fault.what));
                wrong.push(format!("{}: {error}", fault.what));
                mend(fabric, fault)?;
            }
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n").into());
    }
    Ok(format!(
        "{} faults found by their names, not ready after {} at most; {mended} mended by themselves",
        faults.len() - mended,
        seconds(slowest)
    ))
}

/// What is printed of a fault.
fn row(fault: &Break, measured: &Measured) -> String {
    let outcome = match fault.outcome {
        Outcome::Found { by, .. } => by.to_owned(),
        Outcome::Mended { by, .. } => format!("mended by {by:?}").to_lowercase(),
    };
    let times = match measured {
        Measured::Found {
            not_ready,
            limit: _,
            found,
            cleared,
        } => format!(
            "not ready after {}, found after {}, well {} after the mend",
            seconds(*not_ready),
            seconds(*found),
            seconds(*cleared)
        ),
        Measured::Mended { after, seen } if seen.is_empty() => {
            format!("as it was after {}, unseen", seconds(*after))
        }
        Measured::Mended { after, seen } => format!(
            "as it was after {}, seen for a moment: {}",
            seconds(*after),
            seen.join(", ")
        ),
    };
    format!("{outcome:<20} {times}")
}

fn in_time(fabric: &Fabric, fault: &Break) -> Result<Measured, Failure> {
    let mut measured = one(fabric, fault)?;
    for _ in 1..TRIES {
        if let Measured::Found { not_ready, .. } = measured
            && fault.is_loss()
            && not_ready > SESSION
        {
            let late = seconds(not_ready);
            crate::say(&format!(
                "  {:<52} again: ready for {late} more",
                fault.what
            ));
            measured = one(fabric, fault)?;
        }
    }
    match measured {
        Measured::Found {
            not_ready, limit, ..
        } if not_ready > limit => Err(format!("ready for {} more", seconds(not_ready)).into()),
        Measured::Found { .. } | Measured::Mended { .. } => Ok(measured),
    }
}

fn one(fabric: &Fabric, fault: &Break) -> Result<Measured, Failure> {
    fabric.ready(NODE1, MENDED)?;
    let log = Log::from_here(fabric, NODE1)?;
    if let Some(deed) = &fault.before {
        script(fabric, deed.node, deed.done)?;
    }
    match fault.outcome {
        Outcome::Found { by, soon } => found(fabric, fault, &log, (by, soon)),
        Outcome::Mended { by, when } => mended(fabric, fault, &log, (by, when)),
    }
}

fn found(
    fabric: &Fabric,
    fault: &Break,
    log: &Log,
    (by, soon): (&str, Soon),
) -> Result<Measured, Failure> {
    let last = fabric.report(NODE1)?.verification;
    let reading = last.map_or(0, |last| last.took_ms);
    let reading = Duration::from_millis(reading);
    let begun = script(fabric, fault.how.node, fault.how.done)?.ended;
    let (found, _) = until(FOUND, &format!("{by} is found"), || {
        let said = log.read(fabric)?;
        Ok(match said.found(by) {
            Some(time) => Ok(time),
            // Of an object with a step that is refused, the log tells the refusal.
            None => since(&fabric.report(NODE1)?, by).ok_or(format!("{:?}", said.lines())),
        })
    })?;
    std::thread::sleep(AFTERMATH);
    let report = fabric.report(NODE1)?;
    let is_other = |finding: &&Finding| finding.is_bad() && finding.check.name() != by;
    let others: Vec<String> = report
        .findings
        .iter()
        .filter(is_other)
        .map(Finding::to_string)
        .collect();
    if !others.is_empty() {
        return Err(format!("found too: {}", others.join("; ")).into());
    }
    let said = log.read(fabric)?;
    let not_ready = said.not_ready().ok_or("the node stayed ready")?;
    let not_ready = not_ready.saturating_sub(begun);
    let limit = match soon {
        Soon::Session => SESSION,
        Soon::Told => NOT_READY.max(reading * REST),
        Soon::Late => FOUND,
    };
    if not_ready > limit {
        eprintln!("late; the agent said:\n{}", said.lines().join("\n"));
    }
    let cleared = mend(fabric, fault)?;
    Ok(Measured::Found {
        not_ready,
        limit,
        found: found.saturating_sub(begun),
        cleared,
    })
}

/// Since when a report tells that a check has failed, by the epoch.
fn since(report: &Report, by: &str) -> Option<Duration> {
    let mut findings = report.findings.iter();
    let found = findings.find(|finding| finding.is_bad() && finding.check.name() == by)?;
    let since = u64::try_from(found.since?.as_microsecond());
    since.ok().map(Duration::from_micros)
}

/// Waits, in the node, until it is as it was, and until all is well.
fn mended(
    fabric: &Fabric,
    fault: &Break,
    log: &Log,
    (by, when): (Mender, &str),
) -> Result<Measured, Failure> {
    let Deed { node, done, .. } = fault.how;
    let wait = "for i in $(seq 500)";
    let wait =
        format!("{wait}; do if {{ {when}; }} >&2; then now; exit; fi; sleep 0.01; done; exit 1");
    let noted = script(fabric, node, &format!("{done}\n{wait}"))?;
    std::thread::sleep(AFTERMATH);
    let said = log.read(fabric)?;
    let seen = said.failed().into_iter();
    let seen: Vec<String> = seen.map(|words| words.chars().take(80).collect()).collect();
    let says = said.mending();
    let mender = if says.is_empty() {
        Mender::Zebra
    } else {
        Mender::Agent
    };
    if mender != by {
        return Err(format!("{by:?} was to mend it; the agent said {says:?}").into());
    }
    mend(fabric, fault)?;
    Ok(Measured::Mended {
        after: noted.ended.saturating_sub(noted.begun),
        seen,
    })
}

/// Undoes a fault, and waits until all is well.
fn mend(fabric: &Fabric, fault: &Break) -> Result<Duration, Failure> {
    for deed in fault.deeds().rev() {
        script(fabric, deed.node, deed.mend)?;
    }
    // Nobody asks it to look.
    let (_, cleared) = until(MENDED, "the agent finds all well by itself", || {
        let said = fabric.report(NODE1)?;
        Ok(match said.verdict {
            Verdict::Ready => Ok(()),
            Verdict::NotReady => Err(said.cause),
        })
    })?;
    Ok(cleared)
}

/// The last times that a script noted, since the epoch.
struct Noted {
    /// The one before the last, if there are two.
    begun: Duration,
    ended: Duration,
}

/// Runs a script.
fn script(fabric: &Fabric, node: &str, script: &str) -> Result<Noted, Failure> {
    let script = format!(
        "r() {{ nsenter --net=/run/netns/perouter \"$@\"; }}
         now() {{ date +%s.%N; }}
         frr() {{ local words=() word; for word; do words+=(-c \"$word\"); done
                  vtysh -c 'configure terminal' \"${{words[@]}}\" >&2; }}
         raw() {{ {{ printf '%s\n' 'apiVersion: network.openperouter.io/v1alpha1' \
                  'kind: RawFRRConfig' 'metadata: {{name: raw, namespace: perouter-system}}' \
                  'spec:' '  rawConfig: |'; sed 's/^ */&    /'; }} > /run/lab-raw
                  mv /run/lab-raw /etc/perouter/zz-raw.yaml; }}
         now
         {script}"
    );
    let printed = fabric.shell(node, &script)?;
    let mut times = printed.lines().rev();
    let mut noted = || -> Result<Duration, Failure> {
        let time = times.next().ok_or("no time was noted")?;
        Ok(Duration::from_secs_f64(time.trim().parse()?))
    };
    let ended = noted()?;
    Ok(Noted {
        begun: noted().unwrap_or(ended),
        ended,
    })
}
