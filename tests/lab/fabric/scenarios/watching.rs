//! `perouter status --watch` goes on while the agent is killed and starts again: it shows what the
//! next one says, and what happens to it.
//!
//! Seen to fail: without the fault that follows.

use std::time::Duration;

use perouter::status::{Report, Verdict};

use super::restart::end_agent;
use crate::fabric::{Fabric, Failure};
use crate::names::NODE1;
use crate::wait::until;

/// How long a change may take to be shown.
const SHOWN: Duration = Duration::from_secs(20);

const FILE: &str = "/run/lab-watch";

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    // By the number of its passes the next agent is known from this one.
    fabric.shell(
        NODE1,
        "for i in $(seq 20); do perouter verify > /dev/null; done",
    )?;
    let start = format!(
        "setsid perouter status --watch=1 -o json > {FILE} 2> {FILE}.errors < /dev/null & echo $!"
    );
    let pid = fabric.shell(NODE1, &start)?;
    let outcome = watched(fabric, pid.trim());
    // It may have ended already, which is the failure then.
    let _ = fabric.shell(
        NODE1,
        &format!("kill {}; rm {FILE} {FILE}.errors", pid.trim()),
    );
    outcome
}

fn watched(fabric: &Fabric, pid: &str) -> Result<String, Failure> {
    let first = shown(fabric, "a report", |reports| reports.last().cloned())?;
    end_agent(fabric, NODE1, "KILL")?;
    let count = reports(fabric)?.len();
    session(fabric, "neighbor 192.169.10.1 shutdown")?;
    let lost = shown(fabric, "the next agent's fault", |reports| {
        let mut newer = reports.iter().skip(count);
        newer
            .find(|report| report.verdict == Verdict::NotReady)
            .cloned()
    })?;
    if lost.counters.passes >= first.counters.passes {
        return Err(format!("that is the old agent: {:?}", lost.counters).into());
    }
    session(fabric, "no neighbor 192.169.10.1 shutdown")?;
    shown(fabric, "that it is over", |reports| {
        let last = reports.last()?;
        (last.verdict == Verdict::Ready && last.at > lost.at).then_some(())
    })?;
    fabric.shell(NODE1, &format!("kill -0 {pid}"))?;
    let away = fabric.shell(NODE1, &format!("cat {FILE}.errors"))?;
    Ok(format!(
        "{} reports before and after a SIGKILL; in between: {:?}",
        reports(fabric)?.len(),
        away.trim()
    ))
}

fn session(fabric: &Fabric, line: &str) -> Result<(), Failure> {
    fabric.vtysh(NODE1, &["configure terminal", "router bgp 64515", line])?;
    Ok(())
}

fn reports(fabric: &Fabric) -> Result<Vec<Report>, Failure> {
    let text = fabric.shell(NODE1, &format!("cat {FILE}"))?;
    // The last line may be on its way.
    let whole = text
        .split_inclusive('\n')
        .filter(|line| line.ends_with('\n'));
    whole.map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn shown<T>(
    fabric: &Fabric,
    what: &str,
    find: impl Fn(&[Report]) -> Option<T>,
) -> Result<T, Failure> {
    let look = || {
        let reports = reports(fabric)?;
        Ok(find(&reports).ok_or_else(|| {
            let said = reports.iter().map(|report| report.cause.clone());
            format!("{:?}", said.collect::<Vec<_>>())
        }))
    };
    Ok(until(SHOWN, what, look)?.0)
}
