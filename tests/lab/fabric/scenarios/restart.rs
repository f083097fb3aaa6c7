//! The agent is killed, or stopped, and starts again: nothing happens. No BGP session goes down,
//! no ping is lost, and the new agent writes nothing, neither to the kernel nor to FRR.
//!
//! Seen to fail: with the router's bgpd killed too.

use std::time::{Duration, Instant};

use crate::bgp;
use crate::fabric::{Fabric, Failure};
use crate::names::{NODE1, RED};
use crate::ping::{DENSE, Pinging};
use crate::wait::{seconds, until};

/// How long an agent may take from its end to a report of its own.
const BACK: Duration = Duration::from_secs(20);

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let killed = once(fabric, "KILL")?;
    let stopped = once(fabric, "TERM")?;
    Ok(format!("SIGKILL: {killed}; SIGTERM: {stopped}"))
}

fn once(fabric: &Fabric, signal: &str) -> Result<String, Failure> {
    let [node1, node2, ext] = RED;
    let before = bgp::sessions(fabric)?;
    let out = Pinging::start(fabric, &node1, &node2, DENSE)?;
    let back = Pinging::start(fabric, &ext, &node1, DENSE)?;
    let took = end_agent(fabric, NODE1, signal)?;
    let report = fabric.verified(NODE1)??;
    let (out, back) = (out.stop(fabric)?, back.stop(fabric)?);
    let after = bgp::sessions(fabric)?;

    let counters = report.counters;
    if (counters.netlink_writes, counters.frr_writes) != (0, 0) {
        return Err(format!("the new agent wrote: {counters:?}").into());
    }
    let sessions = bgp::undisturbed(&before, &after, |_| true)?;
    out.all_answered()?;
    back.all_answered()?;
    Ok(format!(
        "ready again after {}, {} passes, 0 writes; {sessions} sessions undisturbed, {} pings, \
         0 lost",
        seconds(took),
        counters.passes,
        out.sent + back.sent
    ))
}

/// Ends the agent of a node by a signal, and waits until the next one says that all is well;
/// returns how long that took.
pub(crate) fn end_agent(fabric: &Fabric, node: &str, signal: &str) -> Result<Duration, Failure> {
    let begin = Instant::now();
    end_agent_unready(fabric, node, signal)?;
    fabric.ready(node, BACK)?;
    Ok(begin.elapsed())
}

/// Waits until an agent of a node runs and answers, whatever it says.
pub(crate) fn another_answers(fabric: &Fabric, node: &str) -> Result<(), Failure> {
    until(BACK, "an agent answers", || {
        let verified = fabric.run(node, &["perouter", "verify", "-o", "json"])?;
        Ok(match verified.status {
            0 | 1 => Ok(()),
            _ => Err(verified.errors),
        })
    })?;
    Ok(())
}

/// Ends the agent of a node by a signal, and waits until the next one answers, whatever it says;
/// returns how long that took.
pub(crate) fn end_agent_unready(
    fabric: &Fabric,
    node: &str,
    signal: &str,
) -> Result<Duration, Failure> {
    // The oldest: a child that it starts has its words for a moment.
    let find = ["pgrep", "-o", "-f", "^perouter agent"];
    let old = fabric.ask(node, &find)?;
    let old = old.trim();
    fabric.ask(node, &["kill", &format!("-{signal}"), old])?;
    let (_, took) = until(BACK, "another agent answers", || {
        let now = fabric.run(node, &find)?.output;
        if now.trim() == old || now.trim().is_empty() {
            return Ok(Err(format!("the agent's process is {:?}", now.trim())));
        }
        let verified = fabric.run(node, &["perouter", "verify", "-o", "json"])?;
        Ok(if verified.status <= 1 {
            Ok(())
        } else {
            Err(verified.errors)
        })
    })?;
    Ok(took)
}
