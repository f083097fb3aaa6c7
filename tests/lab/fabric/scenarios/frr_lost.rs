//! A daemon of the router's FRR dies, or hangs: the status says which, and all comes back by
//! itself. What is in the kernel stays.
//!
//! Seen to fail: with the host's bgpd killed instead, which the router's status does not name.

use std::time::{Duration, Instant};

use perouter::status::Verdict;

use crate::fabric::{Fabric, Failure};
use crate::names::{NODE1, NODE2, RED};
use crate::ping::Pinging;
use crate::wait::{seconds, until};

/// How long the status may take to say so.
const TOLD: Duration = Duration::from_secs(10);
/// How long a daemon that hangs may pass unnoticed: answers may be this late.
const HANG_TOLD: Duration = Duration::from_secs(60);
/// How long all may take to be well again.
const BACK: Duration = Duration::from_secs(60);

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let bgpd = killed(fabric, "bgpd")?;
    let zebra = killed(fabric, "zebra")?;
    let hangs = hangs(fabric)?;
    Ok(format!("{bgpd}; {zebra}; {hangs}"))
}

/// The indices and names of all links of node1's router.
fn links(fabric: &Fabric) -> Result<String, Failure> {
    let shown = fabric.router(NODE1, &["ip", "-o", "link"])?;
    let names = shown
        .lines()
        .filter_map(|line| line.split(": ").nth(1).zip(line.split(':').next()));
    Ok(names
        .map(|(name, index)| format!("{index} {name}\n"))
        .collect())
}

/// The process of one of the router's daemons.
fn pid(fabric: &Fabric, daemon: &str) -> Result<String, Failure> {
    let pattern = format!("^/usr/lib/frr/{daemon} -N perouter");
    Ok(fabric
        .ask(NODE1, &["pgrep", "-f", &pattern])?
        .trim()
        .to_owned())
}

/// Waits until the status is not ready and says something of a daemon: what, and when.
fn told(fabric: &Fabric, daemon: &str, deadline: Duration) -> Result<(String, Duration), Failure> {
    let what = format!("the status names {daemon}");
    until(deadline, &what, || {
        let report = match fabric.status(NODE1)? {
            Ok(report) => report,
            Err(error) => return Ok(Err(error)),
        };
        let conditions = report.objects.iter().flat_map(|object| &object.conditions);
        let messages = conditions.map(|condition| condition.message.clone());
        let findings = report.findings.iter().map(ToString::to_string);
        let words = std::iter::once(report.cause.clone())
            .chain(messages)
            .chain(findings);
        let named = words.into_iter().find(|words| words.contains(daemon));
        Ok(match (report.verdict, named) {
            (Verdict::NotReady, Some(words)) => Ok(words),
            (Verdict::NotReady, None) | (Verdict::Ready, _) => Err(report.cause),
        })
    })
}

fn killed(fabric: &Fabric, daemon: &str) -> Result<String, Failure> {
    fabric.guard()?;
    let before = links(fabric)?;
    let [node1, node2, _] = RED;
    let pinging = Pinging::start(fabric, &node1, &node2)?;
    let old = pid(fabric, daemon)?;
    let begin = Instant::now();
    fabric.ask(NODE1, &["kill", "-KILL", &old])?;
    let told = told(fabric, daemon, TOLD);
    // Not by asking for a verification: it is to come back by itself.
    until(BACK, "all is well again by itself", || {
        let report = fabric.report(NODE1)?;
        let seen = report.cause.clone();
        Ok(match report.verdict {
            Verdict::Ready => Ok(()),
            Verdict::NotReady => Err(seen),
        })
    })?;
    let back = begin.elapsed();
    fabric.guard()?;
    let pinged = pinging.stop(fabric)?;
    let (words, after) = told?;
    if links(fabric)? != before {
        return Err(format!("links changed: {before}, then {}", links(fabric)?).into());
    }
    if pid(fabric, daemon)? == old {
        return Err(format!("{daemon} was not killed").into());
    }
    Ok(format!(
        "{daemon} killed: told after {} («{words}»), ready after {}, {} of {} pings lost, {} in a \
         row, all links stayed",
        seconds(after),
        seconds(back),
        pinged.lost,
        pinged.sent,
        seconds(pinged.gap),
    ))
}

/// bgpd stands still: the agent must notice without being told by the kernel.
fn hangs(fabric: &Fabric) -> Result<String, Failure> {
    fabric.guard()?;
    let process = pid(fabric, "bgpd")?;
    fabric.ask(NODE1, &["kill", "-STOP", &process])?;
    let told = told(fabric, "bgpd", HANG_TOLD);
    let begin = Instant::now();
    fabric.ask(NODE1, &["kill", "-CONT", &process])?;
    let (words, after) = told?;
    fabric.ready(NODE1, BACK)?;
    let back = begin.elapsed();
    fabric.ready(NODE2, BACK)?;
    Ok(format!(
        "bgpd stopped: told after {} («{words}»), ready {} after it went on",
        seconds(after),
        seconds(back)
    ))
}
