//! Bad manifests are refused, each with its reason in the status, and disturb nothing: the good
//! objects keep their sessions and routes, and an object whose manifest is spoiled stays in
//! force, even across a restart of the agent. When all is mended, all is ready.
//!
//! Seen to fail: with a good manifest in the place of a bad one.

use std::time::Duration;

use perouter::status::Verdict;

use super::restart::end_agent_unready;
use crate::bgp;
use crate::fabric::{Fabric, Failure};
use crate::names::{BLUE, NODE2, RED, pairs};
use crate::ping::once;
use crate::ping::{Pinging, USUAL};
use crate::wait::{seconds, until};

/// How long the status may take to tell of a refusal, or that all is well.
const TOLD: Duration = Duration::from_secs(20);

/// A bad manifest: its file, its text, and words of the reason that must be given.
struct Bad {
    file: &'static str,
    text: &'static str,
    reason: &'static [&'static str],
}

const L3VNI: &str = "apiVersion: network.openperouter.io/v1alpha1\nkind: L3VNI\n";

const BAD: [Bad; 8] = [
    Bad {
        file: "zz-unreadable.yaml",
        text: "apiVersion: [network\n  kind: {L3VNI\n",
        reason: &["zz-unreadable.yaml"],
    },
    Bad {
        file: "zz-field.yaml",
        text: "metadata: {name: field, namespace: perouter-system}\nspec: {vrf: green, vni: 300, vnni: 5}\n",
        reason: &["vnni"],
    },
    Bad {
        file: "zz-kind.yaml",
        text: "apiVersion: network.openperouter.io/v1alpha1\nkind: L9VNI\nmetadata: {name: kind, namespace: perouter-system}\nspec: {}\n",
        reason: &["L9VNI"],
    },
    Bad {
        file: "zz-zero.yaml",
        text: "metadata: {name: zero, namespace: perouter-system}\nspec: {vrf: green, vni: 0}\n",
        reason: &["vni"],
    },
    Bad {
        file: "zz-twice.yaml",
        text: "metadata: {name: twice, namespace: perouter-system}\nspec: {vrf: green, vni: 200}\n",
        reason: &["200", "blue"],
    },
    Bad {
        file: "zz-small.yaml",
        text: "metadata: {name: small, namespace: perouter-system}\nspec: {vrf: green, vni: 300, hostSession: {asn: 64514, hostASN: 64515, localCIDR: {ipv4: 192.169.30.0/31}}}\n",
        reason: &["192.169.30.0/31"],
    },
    Bad {
        file: "red.yaml",
        text: "this is: [no manifest\n",
        reason: &["red.yaml"],
    },
    Bad {
        file: "underlay.yaml",
        text: "",
        reason: &["eth9"],
    },
];

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let [red1, red2, _] = RED;
    let [blue1, blue2] = BLUE;
    let before = bgp::sessions(fabric)?;
    let red = Pinging::start(fabric, &red2, &red1, USUAL)?;
    let blue = Pinging::start(fabric, &blue2, &blue1, USUAL)?;
    let mut slowest = Duration::ZERO;
    for bad in &BAD {
        let took = refused(fabric, bad).map_err(|error| format!("{}: {error}", bad.file))?;
        slowest = slowest.max(took);
    }
    // All of it at once, and an agent that has never seen red's manifest unspoiled.
    let restarted = end_agent_unready(fabric, NODE2, "KILL")?;
    for bad in &BAD {
        told(fabric, bad).map_err(|error| format!("after a restart, {}: {error}", bad.file))?;
    }
    let writes = fabric.report(NODE2)?.counters;
    let (red, blue) = (red.stop(fabric)?, blue.stop(fabric)?);
    let after = bgp::sessions(fabric)?;
    let sessions = bgp::undisturbed(&before, &after, |_| true)?;
    red.all_answered()?;
    blue.all_answered()?;
    if (writes.netlink_writes, writes.frr_writes) != (0, 0) {
        return Err(format!("the agent wrote while nothing good was new: {writes:?}").into());
    }

    fabric.shell(
        NODE2,
        "rm /etc/perouter/zz-*; cp /etc/lab/manifests/*.yaml /etc/perouter/",
    )?;
    let mended = fabric.ready(NODE2, TOLD)?;
    if let [rejection, ..] = &fabric.report(NODE2)?.rejections[..] {
        return Err(format!("mended, but still refused: {rejection:?}").into());
    }
    for (from, to) in pairs(&RED) {
        let ping = once(from, to, "1");
        fabric.ask(from.node, &ping)?;
    }
    Ok(format!(
        "{} bad manifests, each told within {}; agent killed among them, back after {}; {} \
         sessions undisturbed, 0 of {} pings lost, 0 writes; mended: ready after {}",
        BAD.len(),
        seconds(slowest),
        seconds(restarted),
        sessions,
        red.sent + blue.sent,
        seconds(mended)
    ))
}

/// Writes a bad manifest, and waits until its reason is told.
fn refused(fabric: &Fabric, bad: &Bad) -> Result<Duration, Failure> {
    let path = format!("/etc/perouter/{}", bad.file);
    let text = if bad.text.starts_with("metadata") {
        format!("{L3VNI}{}", bad.text)
    } else {
        bad.text.to_owned()
    };
    if text.is_empty() {
        fabric.ask(
            NODE2,
            &[
                "sed",
                "-i",
                "s/interfaceName: eth1/interfaceName: eth9/",
                &path,
            ],
        )?;
    } else {
        // The text is an argument of its own: the shell does not read it.
        let write = "printf %s \"$1\" > \"$2\"";
        fabric.ask(NODE2, &["bash", "-euc", write, "write", &text, &path])?;
    }
    told(fabric, bad)
}

/// Waits until the status is not ready and gives the reason, in a rejection or a condition.
fn told(fabric: &Fabric, bad: &Bad) -> Result<Duration, Failure> {
    let (_, took) = until(TOLD, "the status gives the reason", || {
        let report = fabric.report(NODE2)?;
        let rejections = report
            .rejections
            .iter()
            .map(|r| format!("{} {}", r.source, r.message));
        let conditions = report
            .objects
            .iter()
            .flat_map(|object| &object.conditions)
            .map(|condition| condition.message.clone());
        let reasons: Vec<String> = rejections.chain(conditions).collect();
        let given = reasons
            .iter()
            .any(|reason| bad.reason.iter().all(|words| reason.contains(words)));
        Ok(match report.verdict {
            Verdict::NotReady if given => Ok(()),
            Verdict::NotReady | Verdict::Ready => Err(format!("{:?}: {reasons:?}", report.verdict)),
        })
    })?;
    Ok(took)
}
