//! A daemon of the router's FRR hangs: the status says which, so does the probe of readiness while
//! that of liveness finds nothing, and all is well again once it goes on.
//!
//! Seen to fail: with the host's bgpd killed instead, which the router's status does not name.

use std::time::{Duration, Instant};

use perouter::status::Verdict;

use crate::fabric::{Fabric, Failure};
use crate::names::{NODE1, NODE2};
use crate::wait::{seconds, until};

/// How long a daemon that hangs may pass unnoticed: answers may be this late.
const HANG_TOLD: Duration = Duration::from_secs(60);
/// How long all may take to be well again.
const BACK: Duration = Duration::from_secs(60);

/// The process of one of the router's daemons.
fn pid(fabric: &Fabric, daemon: &str) -> Result<String, Failure> {
    let pattern = format!("^/usr/lib/frr/{daemon} -N perouter");
    Ok(fabric
        .ask(NODE1, &["pgrep", "-f", &pattern])?
        .trim()
        .to_owned())
}

/// Waits until the status is not ready and says something of a daemon: what, and when.
pub(super) fn told(
    fabric: &Fabric,
    daemon: &str,
    deadline: Duration,
) -> Result<(String, Duration), Failure> {
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

/// The agent lives all the while, and is not ready to do its work.
fn probed_while_it_hangs(fabric: &Fabric) -> Result<(), Failure> {
    until(HANG_TOLD, "readyz names bgpd", || {
        let (status, said) = fabric.http(NODE1, "livez?verbose")?;
        if status != "200" {
            return Err(format!("livez says {status}: {said}").into());
        }
        let (status, said) = fabric.http(NODE1, "readyz?verbose")?;
        Ok(if status == "503" && said.contains("bgpd") {
            Ok(())
        } else {
            Err(format!("{status}: {said}"))
        })
    })?;
    Ok(())
}

/// bgpd stands still: the agent must notice without being told by the kernel.
pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let process = pid(fabric, "bgpd")?;
    fabric.ask(NODE1, &["kill", "-STOP", &process])?;
    let told = told(fabric, "bgpd", HANG_TOLD);
    let probed = probed_while_it_hangs(fabric);
    let begin = Instant::now();
    fabric.ask(NODE1, &["kill", "-CONT", &process])?;
    let (words, after) = told?;
    probed?;
    fabric.ready(NODE1, BACK)?;
    let (status, said) = fabric.http(NODE1, "readyz?verbose")?;
    if status != "200" {
        return Err(format!("ready, but readyz says {status}: {said}").into());
    }
    let back = begin.elapsed();
    fabric.ready(NODE2, BACK)?;
    Ok(format!(
        "bgpd stopped: told after {} («{words}»), ready {} after it went on",
        seconds(after),
        seconds(back)
    ))
}
