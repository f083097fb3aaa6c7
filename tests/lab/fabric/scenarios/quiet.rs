//! The log says what changes, and nothing twice. A session that flaps costs its lines a change, and
//! what is broken for good is said once, however often it is tried and looked at.
//!
//! Seen to fail: with each try of what fails logged.

use std::time::Duration;

use serde_json::Value;

use super::breaks::log::Log;
use crate::fabric::{Fabric, Failure, json};
use crate::names::{NODE1, SPINE};
use crate::wait::until;

/// How often the session flaps, about once a second.
const FLAPS: u64 = 20;

/// Two lines for each of its ends: what is found, and that the node is not ready; and that both are
/// over.
const LINES_A_FLAP: usize = 4;

/// How often the agent mends what another program does, how long that may take, and how many lines
/// may tell of it: two for each of the first three times, and for the tenth.
const MENDS: u64 = 15;
const QUARREL: Duration = Duration::from_secs(60);
const MOST_TOLD: usize = 12;

/// How long something is tried before nothing new is to be said of it.
const TRIED: Duration = Duration::from_secs(8);

/// How long nothing is said then.
const QUIET: Duration = Duration::from_secs(15);

/// How long all may take to be well again.
const MENDED: Duration = Duration::from_secs(60);

/// Lines that FRR refuses, and lines that undo what an object of ours wants, which does so too.
const BROKEN: [(&str, &str); 2] = [
    (
        "lines that FRR refuses",
        "router bgp 64514\n     no such line",
    ),
    (
        "two objects that undo each other's lines",
        "route-map others permit 10\n    router bgp 64514 vrf red\n     address-family l2vpn evpn\n      \
         advertise ipv4 unicast route-map others",
    ),
];

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let mut words = vec![flaps(fabric)?, quarrel(fabric)?];
    for (what, lines) in BROKEN {
        let tries = broken(fabric, lines).map_err(|error| format!("{what}: {error}"))?;
        words.push(format!(
            "{what}: tried {tries} times in {QUIET:?} without a line"
        ));
    }
    Ok(words.join("; "))
}

/// How often node1's bgpd lost its session with the switch.
fn lost(fabric: &Fabric) -> Result<u64, Failure> {
    let answer = fabric.router_vtysh(NODE1, &["show bgp neighbors 10.0.1.1 json"])?;
    let lost = &json(&answer)?["10.0.1.1"]["connectionsDropped"];
    Value::as_u64(lost).ok_or_else(|| format!("it is not told how often: {answer}").into())
}

fn flaps(fabric: &Fabric) -> Result<String, Failure> {
    let before = lost(fabric)?;
    let log = Log::from_here(fabric, NODE1)?;
    let flap =
        format!("for i in $(seq {FLAPS}); do vtysh -c 'clear bgp 10.0.1.2' >&2; sleep 1; done");
    fabric.shell(SPINE, &flap)?;
    fabric.ready(NODE1, MENDED)?;
    let lost = usize::try_from(lost(fabric)? - before)?;
    let said = log.read(fabric)?;
    let lines = said.lines();
    if lost < 8 {
        return Err(format!("the session flapped {lost} times only").into());
    }
    // Once at least it is seen.
    if said.failed().is_empty() {
        return Err("nothing was said of it".into());
    }
    if lines.len() > lost * LINES_A_FLAP {
        return Err(format!("{} lines for {lost} losses: {lines:#?}", lines.len()).into());
    }
    Ok(format!(
        "{} lines for {lost} losses of a session",
        lines.len()
    ))
}

/// Another program takes a link down whenever it is up.
fn quarrel(fabric: &Fabric) -> Result<String, Failure> {
    let log = Log::from_here(fabric, NODE1)?;
    let before = fabric.report(NODE1)?.counters.drift_repaired;
    let mended =
        || -> Result<u64, Failure> { Ok(fabric.report(NODE1)?.counters.drift_repaired - before) };
    // It ends by itself should nobody end it.
    let down = format!(
        "end=$((SECONDS + {})); while [ -e /run/lab-quarrel ] && [ $SECONDS -lt $end ]; do
             nsenter --net=/run/netns/perouter ip link set vni100 down; sleep 0.05
         done",
        QUARREL.as_secs()
    );
    let begin = format!("touch /run/lab-quarrel; ({down}) </dev/null >/dev/null 2>&1 &");
    fabric.shell(NODE1, &begin)?;
    let often = until(QUARREL, "the agent mends again and again", || {
        let times = mended()?;
        Ok(if times < MENDS {
            Err(format!("{times} times"))
        } else {
            Ok(())
        })
    });
    fabric.shell(NODE1, "rm /run/lab-quarrel")?;
    often?;
    fabric.ready(NODE1, MENDED)?;
    let mended = mended()?;
    let said = log.read(fabric)?;
    let lines = said.lines().into_iter();
    let told: Vec<&str> = lines
        .filter(|line| line.contains("link vni100 up"))
        .collect();
    if told.is_empty() || told.len() > MOST_TOLD {
        return Err(format!("mended {mended} times, and told of it: {told:#?}").into());
    }
    Ok(format!(
        "{} lines for {mended} times that a link was taken down",
        told.len()
    ))
}

/// How often the agent tried, while it said nothing.
fn broken(fabric: &Fabric, lines: &str) -> Result<u64, Failure> {
    let manifest = "/etc/perouter/zz-raw.yaml";
    let text = format!(
        "apiVersion: network.openperouter.io/v1alpha1\nkind: RawFRRConfig\n\
         metadata: {{name: raw, namespace: perouter-system}}\nspec:\n  rawConfig: |\n    {lines}\n"
    );
    let log = Log::from_here(fabric, NODE1)?;
    fabric.shell(NODE1, &format!("cat > {manifest} <<'RAW'\n{text}RAW"))?;
    std::thread::sleep(TRIED);
    let begun = fabric.report(NODE1)?.counters.passes;
    let said = log.read(fabric)?;
    if said.not_ready().is_none() {
        return Err(format!("the node is ready: {:#?}", said.lines()).into());
    }
    let log = Log::from_here(fabric, NODE1)?;
    std::thread::sleep(QUIET);
    let tries = fabric.report(NODE1)?.counters.passes - begun;
    let said = log.read(fabric)?;
    fabric.shell(NODE1, &format!("rm {manifest}"))?;
    until(MENDED, "nothing stays of it", || fabric.verified(NODE1))?;
    if !said.lines().is_empty() {
        return Err(format!("said again: {:#?}", said.lines()).into());
    }
    if tries == 0 {
        return Err("it was not tried again".into());
    }
    Ok(tries)
}
