//! What changes in one VRF has that VRF verified, and not all that there is: a reading of everything
//! is left to its timer. Without this promise a part that can never be told from the whole would
//! show in nothing but the time it takes.
//!
//! Seen to fail: with a scope that is always everything.

use std::time::{Duration, Instant};

use super::withdrawal::{announce, holders};
use crate::fabric::{Fabric, Failure};
use crate::names::{End, NODE1, RED};
use crate::wait::{seconds, until};

/// How often a prefix goes and comes back.
const ROUNDS: u64 = 5;
/// How long each may take to be heard of.
const HEARD: Duration = Duration::from_secs(10);
/// The timer of whole readings at rest.
const TIMER: Duration = Duration::from_secs(10);

/// How often node1's agent has verified.
#[derive(Clone, Copy, Debug)]
struct Verifications {
    parts: u64,
    wholes: u64,
}

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let far = far_end()?;
    let before = verifications(fabric)?;
    let begun = Instant::now();
    for _ in 0..ROUNDS {
        for word in ["no network", "network"] {
            let known = verifications(fabric)?;
            announce(fabric, far, word)?;
            until(HEARD, "node1 verifies", || {
                let now = verifications(fabric)?;
                let heard = now.wholes != known.wholes || now.parts != known.parts;
                Ok(heard.then_some(()).ok_or_else(|| "it does not".to_owned()))
            })?;
        }
    }
    let back = "the prefix is everywhere again";
    until(HEARD, back, || {
        let holders = holders(fabric, far)?;
        let there = (!holders.is_empty()).then_some(());
        Ok(there.ok_or_else(|| "it is nowhere".to_owned()))
    })?;
    let (after, took) = (verifications(fabric)?, begun.elapsed());
    let parts = after.parts - before.parts;
    let wholes = after.wholes - before.wholes;
    let seen = format!(
        "{} changes in VRF red within {}: {parts} verifications of it alone, {wholes} of all",
        2 * ROUNDS,
        seconds(took)
    );
    let timed = took.as_secs() / TIMER.as_secs() + 1;
    if parts < ROUNDS || wholes > timed + 1 {
        return Err(format!("{seen}; {timed} of all were due").into());
    }
    Ok(seen)
}

/// The end beyond the fabric: what it announces changes no session of node1, and no host of its.
fn far_end() -> Result<&'static End, Failure> {
    let far = RED.iter().find(|end| !end.node.starts_with("node"));
    far.ok_or_else(|| "VRF red has no end beyond the fabric".into())
}

fn verifications(fabric: &Fabric) -> Result<Verifications, Failure> {
    let text = fabric.http(NODE1, "metrics")?.1;
    let of = |scope: &str| -> Result<u64, Failure> {
        let name = format!("perouter_verification_duration_seconds_count{{scope=\"{scope}\"}} ");
        let line = text.lines().find_map(|line| line.strip_prefix(&name));
        let count = line.ok_or_else(|| format!("no metric {name}"))?;
        Ok(count.trim().parse()?)
    };
    Ok(Verifications {
        parts: of("vrfs")?,
        wholes: of("all")?,
    })
}
