//! An agent is killed after each single step of a change: a VRF goes, and comes again. The next
//! one goes on from there, so that in the end all is as an agent that was never killed leaves it,
//! and nobody else has noticed.

use std::time::{Duration, Instant};

use super::watch::{self, Concern, Watch};
use crate::fabric::{Fabric, Failure};
use crate::names::NODE1;
use crate::scenarios::restart;
use crate::wait::until;

/// How long all may take to be well again once nobody kills the agent any more.
const BACK: Duration = Duration::from_secs(60);

/// Fewer steps would be no change worth the name: what is taken away goes one by one; what is made
/// is an instance of BGP, and then all links in few messages. (What becomes of those links when the
/// agent dies among these messages is shown by the tests `vrf::model` of the kernel's part.)
const FEWEST_GONE: usize = 5;
const FEWEST_BACK: usize = 1;

const SCRIPT: &str = include_str!("halfway.py");

/// Stops the loop that starts the agent again, and runs one that is killed after each step.
const KILLED_AFTER_EACH_STEP: &str = "
    agent=$(pgrep -o -f '^perouter agent --config-dir'); loop=$(ps -o ppid= -p $agent)
    mapfile -d '' command < /proc/$agent/cmdline
    kill -STOP $loop; trap \"kill -CONT $loop\" EXIT
    kill -KILL $agent
    CHANGE
    python3 -c \"$HALFWAY\" \"${command[@]}\"";

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let mut watch = Watch::start(fabric, Concern::Router)?;
    let begin = Instant::now();
    let gone = change(fabric, "rm /etc/perouter/red.yaml", FEWEST_GONE)?;
    let links = fabric.shell(NODE1, "ip -br link; ip -n perouter -br link")?;
    for link in ["red ", "-100 ", "vni100 ", "-100@"] {
        if links.contains(link) {
            return Err(format!("{link}stays: {links}").into());
        }
    }
    let copy = "cp /etc/lab/manifests/red.yaml /etc/perouter/";
    let back = change(fabric, copy, FEWEST_BACK)?;
    restart::another_answers(fabric, NODE1)?;
    until(BACK, "all is as fresh", || fabric.as_fresh())?;
    watch.over("agent killed after each step", begin.elapsed())?;
    let costs = watch.costs()?;
    let told = watch::tell(&costs, super::altered::costs_no_other)?;
    Ok(format!(
        "killed after each of {gone} steps that took red away and {back} that made it; {told}"
    ))
}

/// How many steps it took, each of them by another agent.
fn change(fabric: &Fabric, change: &str, fewest: usize) -> Result<usize, Failure> {
    restart::another_answers(fabric, NODE1)?;
    let script = KILLED_AFTER_EACH_STEP.replace("CHANGE", change);
    let script = format!("HALFWAY=$(cat <<'SCRIPT'\n{SCRIPT}\nSCRIPT\n)\n{script}");
    let told = fabric.shell(NODE1, &script)?;
    let steps: Vec<&str> = told.lines().collect();
    if steps.len() < fewest {
        return Err(format!("only these steps were taken: {steps:?}").into());
    }
    let twice = steps.windows(2).find(|pair| pair[0] == pair[1]);
    if let Some(pair) = twice {
        return Err(format!("a step was taken twice: {pair:?} of {steps:?}").into());
    }
    Ok(steps.len())
}
