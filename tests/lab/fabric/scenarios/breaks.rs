//! One fault after another is caused on the healthy fabric. Each is found by its name, and no
//! other root cause is; the node is not ready within two seconds, or at once where a session is
//! lost; and it is ready again after the mend.
//!
//! Witness is the agent's log, which has the time to the microsecond, by the clock that the
//! faults are timed with.
//!
//! Seen to fail: with a fault that is none, and with one that another check finds.

pub(super) mod log;
mod table;

use std::time::Duration;

use perouter::verify::Finding;

use crate::fabric::{Fabric, Failure};
use crate::names::NODE1;
use crate::wait::{seconds, until};
use log::Log;
use table::BREAKS;

/// How long the node may be ready after a fault.
const NOT_READY: Duration = Duration::from_secs(2);

/// The same where the fault is a session that bgpd loses.
const SESSION: Duration = Duration::from_millis(100);

/// How long it may take until a fault counts as broken: FRR's own timers are in it.
const FOUND: Duration = Duration::from_secs(30);

/// How long others are waited for that are wrongly found too.
const AFTERMATH: Duration = Duration::from_millis(1500);

/// How long a mend may take: sessions have to come up again.
const MENDED: Duration = Duration::from_secs(60);

/// Something that somebody does to the fabric.
struct Break {
    what: &'static str,
    /// The check that finds it.
    found_by: &'static str,
    /// Where, and by which shell script; in it, `r` runs a command in the router's namespace,
    /// `frr` configures the node's FRR, and `now` notes the time of what follows.
    node: &'static str,
    done: &'static str,
    /// How it ends, in the same node.
    mend: &'static str,
    /// How soon the node may not be ready any more.
    soon: Soon,
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
struct Found {
    not_ready: Duration,
    found: Duration,
    cleared: Duration,
}

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let mut wrong = Vec::new();
    let mut slowest = Duration::ZERO;
    for fault in BREAKS {
        match one(fabric, fault) {
            Ok(found) => {
                crate::say(&format!(
                    "  {:<44} → {:<18} not ready after {}, found after {}, well {} after the mend",
                    fault.what,
                    fault.found_by,
                    seconds(found.not_ready),
                    seconds(found.found),
                    seconds(found.cleared),
                ));
                slowest = slowest.max(found.not_ready);
            }
            Err(error) => {
                crate::say(&format!("  {:<44} FAILED {error}", fault.what));
                wrong.push(format!("{}: {error}", fault.what));
                mend(fabric, fault)?;
            }
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join("\n").into());
    }
    Ok(format!(
        "{} faults found by their names, not ready after {} at most",
        BREAKS.len(),
        seconds(slowest)
    ))
}

fn one(fabric: &Fabric, fault: &Break) -> Result<Found, Failure> {
    fabric.ready(NODE1, MENDED)?;
    let log = Log::from_here(fabric, NODE1)?;
    let begun = script(fabric, fault.node, fault.done)?;
    let what = format!("{} is found", fault.found_by);
    let (found, _) = until(FOUND, &what, || {
        let said = log.read(fabric)?;
        Ok(match said.found(fault.found_by) {
            Some(time) => Ok(time),
            None => Err(format!("{:?}", said.lines())),
        })
    })?;
    std::thread::sleep(AFTERMATH);
    let report = fabric.report(NODE1)?;
    let is_other = |finding: &&Finding| finding.is_bad() && finding.check.name() != fault.found_by;
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
    let limit = match fault.soon {
        Soon::Session => SESSION,
        Soon::Told => NOT_READY,
        Soon::Late => FOUND,
    };
    if not_ready > limit {
        return Err(format!("ready for {} more", seconds(not_ready)).into());
    }
    let cleared = mend(fabric, fault)?;
    Ok(Found {
        not_ready,
        found: found.saturating_sub(begun),
        cleared,
    })
}

/// Undoes a fault, and waits until all is well.
fn mend(fabric: &Fabric, fault: &Break) -> Result<Duration, Failure> {
    script(fabric, fault.node, fault.mend)?;
    fabric.ready(NODE1, MENDED)
}

/// Runs a script and returns the time that it noted, since the epoch.
fn script(fabric: &Fabric, node: &str, script: &str) -> Result<Duration, Failure> {
    let script = format!(
        "r() {{ nsenter --net=/run/netns/perouter \"$@\"; }}
         now() {{ date +%s.%N; }}
         frr() {{ local words=() word; for word; do words+=(-c \"$word\"); done
                  vtysh -c 'configure terminal' \"${{words[@]}}\" >&2; }}
         now
         {script}"
    );
    let printed = fabric.shell(node, &script)?;
    let last = printed.lines().last().ok_or("no time was noted")?;
    Ok(Duration::from_secs_f64(last.trim().parse()?))
}
