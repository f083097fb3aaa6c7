//! An uninstall: with the agent stopped, `perouter agent --cleanup` gives the NIC back with its
//! address, takes every link away in either namespace, and the namespace at last. While an agent
//! runs it refuses. Afterwards agent and FRR start again, and all is as before.
//!
//! Seen to fail: with the NIC left in the namespace, and with the host's ends left behind.

use std::time::{Duration, Instant};

use crate::fabric::{Fabric, Failure};
use crate::names::NODE1;
use crate::wait::seconds;

/// How long all may take to be well again.
const BACK: Duration = Duration::from_secs(60);

const CLEANUP: &str = "perouter agent --cleanup --config-dir /etc/perouter --node-name node1 \
    --node-index 0 --netns perouter --frr-dir /run/frr/perouter";

/// The agent, and the loop that starts it again, which is its parent.
const AGENT: &str = "agent=$(pgrep -o -f '^perouter agent --config-dir'); \
    loop=$(ps -o ppid= -p $agent)";

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    refused_while_an_agent_runs(fabric)?;
    let links = "ip -br link | sed 's/[@ ].*//' | sort";
    fabric.shell(
        NODE1,
        &format!("{AGENT}; kill -STOP $loop; echo $loop > /run/lab-loop; kill -KILL $agent"),
    )?;
    let begin = Instant::now();
    let told = fabric.shell(NODE1, CLEANUP)?;
    let took = begin.elapsed();
    for expected in ["NIC eth1 moves to host", "- router: link red"] {
        if !told.contains(expected) {
            return Err(format!("it does not tell of {expected:?}:\n{told}").into());
        }
    }
    let left = fabric.shell(NODE1, links)?;
    let strange: Vec<&str> = left
        .lines()
        .filter(|link| link.contains("host-e-"))
        .collect();
    if !strange.is_empty() {
        return Err(format!("links stay on the host: {strange:?}").into());
    }
    let nic = fabric.ask(NODE1, &["ip", "-br", "address", "show", "dev", "eth1"])?;
    if !nic.contains("UP") || !nic.contains("10.0.1.2/24") {
        return Err(format!("the NIC is not as it was: {nic}").into());
    }
    let rest = fabric.shell(NODE1, "ls /run/netns /run/perouter/state; true")?;
    if rest.contains("perouter\n") || rest.contains(".json") {
        return Err(format!("something stays:\n{rest}").into());
    }
    let again = fabric.shell(NODE1, CLEANUP)?;
    if !again.is_empty() {
        return Err(format!("there is something to give back twice:\n{again}").into());
    }
    // FRR lives on in the namespace that has no name any more; its kubelet would restart it.
    fabric.shell(
        NODE1,
        "kill -KILL $(pgrep -f '^/usr/lib/frr/[a-z]* -N perouter'); kill -CONT $(cat /run/lab-loop)",
    )?;
    let begin = Instant::now();
    fabric.ready(NODE1, BACK)?;
    let ready = begin.elapsed();
    fabric.guard()?;
    Ok(format!(
        "refused beside an agent; {} lines given back in {}, nothing of ours left; installed \
         again and ready after {}",
        told.lines().count(),
        seconds(took),
        seconds(ready)
    ))
}

fn refused_while_an_agent_runs(fabric: &Fabric) -> Result<(), Failure> {
    let asked = fabric.run(NODE1, &["bash", "-c", CLEANUP])?;
    if asked.status == 0 || !asked.errors.contains("stop it first") {
        let said = format!("{}{}", asked.output, asked.errors);
        return Err(format!("beside an agent it is not refused: {said}").into());
    }
    Ok(())
}
