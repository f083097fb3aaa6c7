//! From kubectl to the packet and back: the objects of a Kubernetes API become the fabric, and what
//! becomes of the fabric stands in their conditions.
//!
//! A broken session is told in the finding's words; a bad edit is refused, by the API or in a
//! condition, and costs no packet. A good one costs what FRR needs for it: when a VRF takes in other
//! route targets, bgpd has zebra delete each route from the fabric just before it adds it again, and
//! now and then the kernel is told of both. The API server's absence costs no packet, an agent that dies
//! meanwhile comes back without it, and the status is right soon after. The death of the controller
//! that leads changes no index. What is deleted is gone, from the objects to the node's links.
//!
//! Seen to fail: with the API server left running in its absence, and with one L3VNI not deleted.

use std::time::{Duration, Instant};

use super::restart::end_agent_unready;
use super::underlay::routers;
use crate::cluster::{API, apply, kill_server, start_controller, start_server};
use crate::fabric::{Fabric, Failure};
use crate::names::{AGENTS, NODE1, NODE2, RED, SPINE};
use crate::ping::{DENSE, Pinging, marks};
use crate::wait::{seconds, until};
use crate::witness;

/// How long a condition may take to follow, on one processor for all of this.
const FOLLOWS: Duration = Duration::from_secs(60);

/// For how long an edit of a VRF's route targets may keep its traffic from the fabric.
const IMPORTED_ANEW: Duration = Duration::from_millis(500);

/// How long the API server is away.
const AWAY: Duration = Duration::from_secs(60);

/// All that is applied.
const ALL: &str = "underlay/node1 underlay/node2 l3vni/red l3vni/blue";

/// A second VRF with the VNI of red, which only agents can refuse.
const TWIN: &str = "{apiVersion: network.openperouter.io/v1alpha1, kind: L3VNI, \
    metadata: {name: twin, namespace: perouter-system}, spec: {vrf: twin, vni: 100}}";

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let [red1, _, ext] = RED;
    kubectl(
        fabric,
        &format!("wait --for=condition=Ready --timeout=60s {ALL}"),
    )?;
    let pings = [Pinging::start(fabric, &red1, &ext, DENSE)?];
    refused_by_the_api(fabric)?;
    let refused = refused_by_agents(fabric)?;
    let [before] = marks(fabric, &pings)?;
    let edited = edited(fabric)?;
    let [after] = marks(fabric, &pings)?;
    let away = api_away(fabric)?;
    let led = leader_killed(fabric)?;
    let [pings] = pings;
    let pings = pings.stop(fabric)?;
    pings.between(1, before).all_answered()?;
    let imported = pings.between(before, after);
    pings.since(after).all_answered()?;
    if imported.lost > 0 && imported.gap > IMPORTED_ANEW {
        imported.all_answered()?;
    }
    let (told, healed) = broken(fabric)?;
    let gone = deleted(fabric)?;
    let begin = Instant::now();
    apply(fabric)?;
    kubectl(
        fabric,
        &format!("wait --for=condition=Ready --timeout=120s {ALL}"),
    )?;
    let back = begin.elapsed();
    Ok(format!(
        "a twin refused after {}; an edit in force after {}, {} of {} pings lost meanwhile; API server \
         away for {}: status right {} after it was back; another controller leads after {}, indices \
         as before; 0 of {} other pings lost; a lost session told in the condition after {}, well after {}; all deleted: \
         clean after {}, applied again and Ready after {}",
        seconds(refused),
        seconds(edited),
        imported.lost,
        imported.sent,
        seconds(AWAY),
        seconds(away),
        seconds(led),
        pings.sent - imported.sent,
        seconds(told),
        seconds(healed),
        seconds(gone),
        seconds(back)
    ))
}

/// Runs kubectl in our namespace, and demands that it works.
fn kubectl(fabric: &Fabric, words: &str) -> Result<String, Failure> {
    fabric.shell(API, &format!("kubectl -n perouter-system {words}"))
}

/// A condition's status, reason and message, or why there is none.
fn condition(fabric: &Fabric, object: &str, name: &str) -> Result<String, Failure> {
    let path = format!(
        "get {object} -o jsonpath='{{range .status.conditions[?(@.type==\"{name}\")]}}{{.status}}: \
         {{.message}}{{end}}'"
    );
    kubectl(fabric, &path)
}

/// Waits until a condition begins with one text and contains another.
fn becomes(
    fabric: &Fabric,
    object: &str,
    name: &str,
    begin: &str,
    within: &str,
) -> Result<Duration, Failure> {
    let what = format!("{name} of {object} is {begin}");
    let follows = until(FOLLOWS, &what, || {
        let seen = condition(fabric, object, name)?;
        Ok(if seen.starts_with(begin) && seen.contains(within) {
            Ok(())
        } else {
            Err(seen)
        })
    })?;
    Ok(follows.1)
}

/// An edit that the definition's rules see.
fn refused_by_the_api(fabric: &Fabric) -> Result<(), Failure> {
    let patch =
        "kubectl -n perouter-system patch l3vni red --type=merge -p '{\"spec\":{\"vni\":0}}'";
    let asked = fabric.run(API, &["bash", "-c", patch])?;
    if asked.status != 0 && asked.errors.contains("spec.vni") {
        return Ok(());
    }
    Err(format!("VNI 0 was to be refused: {}{}", asked.output, asked.errors).into())
}

/// An object that only those see who know the others.
fn refused_by_agents(fabric: &Fabric) -> Result<Duration, Failure> {
    kubectl(fabric, &format!("apply --server-side -f - <<< '{TWIN}'"))?;
    let took = becomes(fabric, "l3vni/twin", "Accepted", "False", "100")?;
    becomes(fabric, "l3vni/red", "Ready", "True", "")?;
    kubectl(fabric, "delete l3vni twin")?;
    Ok(took)
}

/// One that is good: red imports one route target more.
fn edited(fabric: &Fabric) -> Result<Duration, Failure> {
    let patch = |targets: &str| {
        let patch = format!("{{\"spec\":{{\"importRTs\":[{targets}]}}}}");
        kubectl(
            fabric,
            &format!("patch l3vni red --type=merge -p '{patch}'"),
        )
    };
    patch("\"64514:100\",\"64514:101\"")?;
    let took = in_force(fabric, "64514:101")?;
    patch("\"64514:100\"")?;
    in_force(fabric, "")?;
    Ok(took)
}

/// Waits until red's last edit is in force on both nodes and its condition says so; then both
/// routers import that route target.
fn in_force(fabric: &Fabric, target: &str) -> Result<Duration, Failure> {
    let path = "get l3vni red -o jsonpath='{.metadata.generation} \
        {.status.conditions[?(@.type==\"Ready\")].observedGeneration} \
        {.status.conditions[?(@.type==\"Ready\")].status}'";
    let (_, took) = until(FOLLOWS, "red's edit is in force", || {
        let seen = kubectl(fabric, path)?;
        let words: Vec<&str> = seen.split(' ').collect();
        Ok(match words[..] {
            [wanted, observed, "True"] if wanted == observed => Ok(()),
            _ => Err(seen),
        })
    })?;
    for node in AGENTS {
        let running = fabric.router_vtysh(node, &["show running-config bgpd"])?;
        if !running.contains(target) {
            return Err(format!("{node} is said to import {target}, and does not").into());
        }
    }
    Ok(took)
}

/// The API server is away, and an agent dies meanwhile; how long its object's truth takes after.
fn api_away(fabric: &Fabric) -> Result<Duration, Failure> {
    let begin = Instant::now();
    kill_server(fabric)?;
    // It goes by what it knew, and does not call itself ready before it has asked.
    end_agent_unready(fabric, NODE1, "KILL")?;
    fabric.ready(NODE2, FOLLOWS)?;
    // A host's session ends meanwhile, which no object can tell yet.
    let host = |no: &str| {
        let line = format!("{no}neighbor 192.169.20.1 shutdown");
        fabric.vtysh(NODE2, &["configure terminal", "router bgp 64515", &line])
    };
    host("")?;
    std::thread::sleep(AWAY.saturating_sub(begin.elapsed()));
    start_server(fabric)?;
    let right = becomes(fabric, "l3vni/blue", "Ready", "False", NODE2)?;
    host("no ")?;
    becomes(fabric, "l3vni/blue", "Ready", "True", "")?;
    Ok(right)
}

/// The controller that leads dies.
fn leader_killed(fabric: &Fabric) -> Result<Duration, Failure> {
    let indices = || {
        let path = "get nodes -o jsonpath='{range .items[*]}{.metadata.name} \
            {.metadata.annotations.openpe\\.io/nodeindex} {end}'";
        kubectl(fabric, path)
    };
    let holder = || {
        kubectl(
            fabric,
            "get lease perouter-controller -o jsonpath='{.spec.holderIdentity}'",
        )
    };
    let before = indices()?;
    let leader = holder()?;
    let number = if leader.starts_with("controller-1") {
        1
    } else {
        2
    };
    fabric.shell(
        API,
        &format!("kill -KILL $(pgrep -f '^perouter controller --identity controller-{number} ')"),
    )?;
    let (_, took) = until(FOLLOWS, "another controller leads", || {
        let now = holder()?;
        Ok(if now == leader || now.is_empty() {
            Err(now)
        } else {
            Ok(())
        })
    })?;
    start_controller(fabric, number)?;
    let after = indices()?;
    if before != "node1 0 node2 1 " || after != before {
        return Err(format!("indices were {before:?}, and are {after:?}").into());
    }
    Ok(took)
}

/// The switch shuts node1's session down; how long the condition takes to say so, and to be well.
fn broken(fabric: &Fabric) -> Result<(Duration, Duration), Failure> {
    let set = |no: &str| {
        let line = format!("{no}neighbor 10.0.1.2 shutdown");
        fabric.vtysh(SPINE, &["configure terminal", "router bgp 64512", &line])
    };
    set("")?;
    let told = becomes(
        fabric,
        "underlay/node1",
        "Ready",
        "False",
        "underlay-session",
    )?;
    set("no ")?;
    let healed = becomes(fabric, "underlay/node1", "Ready", "True", "")?;
    Ok((told, healed))
}

/// Everything is deleted; how long the nodes take to be as they were without a router.
fn deleted(fabric: &Fabric) -> Result<Duration, Failure> {
    let begin = Instant::now();
    kubectl(fabric, &format!("delete {ALL}"))?;
    for node in AGENTS {
        until(FOLLOWS, "nothing of the router is left", || {
            let left = routers(&witness::seen(fabric, node)?);
            Ok(if left.is_empty() {
                Ok(())
            } else {
                Err(format!("{node}: {left:?}"))
            })
        })?;
    }
    Ok(begin.elapsed())
}
