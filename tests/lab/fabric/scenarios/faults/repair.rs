//! Somebody alters something in node1, and the agent mends just that.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::watch::{Concern, Cost, Watch};
use crate::fabric::{Fabric, Failure, json};
use crate::names::NODE1;
use crate::wait::until;

/// How long all may take to be as fresh again.
const BACK: Duration = Duration::from_secs(40);

/// Something that somebody does in node1.
pub(super) struct Fault {
    pub(super) what: &'static str,
    /// How: a shell script, in which `r` runs a command in the router's namespace.
    pub(super) done: &'static str,
    /// How the agent learns of it.
    pub(super) noticed: Noticed,
    /// The steps that mend it.
    pub(super) mended: Mended,
}

/// How the agent learns of a fault.
#[derive(Clone, Copy)]
pub(super) enum Noticed {
    /// The kernel tells.
    Told,
    /// At the next pass, which is asked for here: else it is once a minute.
    Looked,
}

/// Which steps mend a fault, as `perouter plan` prints them.
#[derive(Clone, Copy)]
pub(super) enum Mended {
    /// These, and no others.
    By(&'static [&'static str]),
    /// Some that all have one of these words in them.
    About(&'static [&'static str]),
}

/// Lets all of them happen, one after the other; what each has cost.
pub(super) fn all(fabric: &Fabric, faults: &[Fault]) -> Result<Vec<Cost>, Failure> {
    fabric
        .as_fresh()?
        .map_err(|seen| format!("before: {seen}"))?;
    let mut watch = Watch::start(fabric, Concern::Router)?;
    let mut wrong = Vec::new();
    for fault in faults {
        // What follows may be right all the same, and is worth knowing.
        let back = one(fabric, fault).unwrap_or_else(|error| {
            wrong.push(format!("{}: {error}", fault.what));
            BACK
        });
        if let Err(error) = watch.over(fault.what, back) {
            wrong.push(format!("after {}: {error}", fault.what));
            break;
        }
    }
    let costs = watch.costs()?;
    if wrong.is_empty() {
        return Ok(costs);
    }
    costs.iter().for_each(Cost::tell);
    Err(wrong.join("\n").into())
}

fn one(fabric: &Fabric, fault: &Fault) -> Result<Duration, Failure> {
    let before = repairs(&json(&fabric.words(NODE1)?)?);
    // The agent looks once all is done, so that what it takes to mend it is one plan.
    let script = format!(
        "r() {{ nsenter --net=/run/netns/perouter \"$@\"; }}
         agent=$(pgrep -o -f '^perouter agent'); kill -STOP $agent; trap \"kill -CONT $agent\" EXIT
         {}",
        fault.done
    );
    let begin = Instant::now();
    fabric.shell(NODE1, &script)?;
    if matches!(fault.noticed, Noticed::Looked) {
        drop(fabric.verified(NODE1)?);
    }
    let (steps, _) = until(BACK, "all is as fresh", || look(fabric, &before))?;
    let back = begin.elapsed();
    check(fault.mended, &steps)?;
    Ok(back)
}

/// The steps that mended something, once all is ready and as it was when the node was fresh.
fn look(fabric: &Fabric, before: &[Value]) -> Result<Result<Vec<String>, String>, Failure> {
    let report = json(&fabric.words(NODE1)?)?;
    let steps = steps_since(before, &repairs(&report));
    if steps.is_empty() {
        return Ok(Err("nothing was mended".to_owned()));
    }
    if report["verdict"] != "Ready" {
        return Ok(Err(report["cause"].to_string()));
    }
    Ok(fabric.as_fresh()?.map(|()| steps))
}

/// What the agent has mended, the latest last; it keeps only so many.
fn repairs(report: &Value) -> Vec<Value> {
    report["repairs"].as_array().cloned().unwrap_or_default()
}

/// The steps of the repairs that came after those known.
fn steps_since(known: &[Value], now: &[Value]) -> Vec<String> {
    let new = now.iter().filter(|repair| !known.contains(repair));
    let lines = new.flat_map(|repair| repair["steps"].as_array().into_iter().flatten());
    let lines = lines.filter_map(|line| {
        let line = line.as_str()?;
        let is_step = line.starts_with("  ") || is_told_anew(line);
        is_step.then(|| line.trim().to_owned())
    });
    lines.collect()
}

/// What mends where nothing differs from the plan stands under no object.
fn is_told_anew(step: &str) -> bool {
    step.ends_with("told to zebra anew, which had not got what bgpd chose")
}

/// What may follow whatever happens to a VRF's bridge or tunnel, if zebra is slow to install its
/// routes again and verification twice finds them missing.
fn is_remedy(step: &str) -> bool {
    step == "~ router: link br-pe-100 down and up" || step.ends_with("had not heard of its end")
}

/// Whether it was mended as it should be, and nothing else was.
fn check(mended: Mended, steps: &[String]) -> Result<(), String> {
    let as_wanted = match mended {
        Mended::By(wanted) => {
            let sorted = |words: &mut Vec<&str>| words.sort_unstable();
            let steps = steps.iter().map(String::as_str);
            let is_meant = |step: &&str| !is_remedy(step) || wanted.contains(step);
            let (mut wanted, mut steps) = (wanted.to_vec(), steps.filter(is_meant).collect());
            sorted(&mut wanted);
            sorted(&mut steps);
            wanted == steps
        }
        Mended::About(words) => {
            let is_about = |step: &String| words.iter().any(|word| step.contains(word));
            steps.iter().all(|step| is_remedy(step) || is_about(step))
        }
    };
    if as_wanted {
        Ok(())
    } else {
        Err(format!("it was mended by {steps:?}"))
    }
}
