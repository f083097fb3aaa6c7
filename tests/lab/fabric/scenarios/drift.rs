//! Whatever somebody changes in FRR behind the agent's back is put right, counted and told, at the
//! next verification.
//!
//! Seen to fail: with a change that is none of ours to mend (a foreign address on the host's
//! loopback), which is counted as no repair.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fabric::{Fabric, Failure, json};
use crate::names::NODE1;
use crate::wait::{seconds, until};

/// Something that somebody does, and where it is seen that it was put right.
struct Drift {
    what: &'static str,
    /// How it is done: a shell script in node1.
    done: &'static str,
    /// Where it shows, by which command, and the words that are there when all is right.
    shown: (&'static [&'static str], &'static str),
    /// Within which time it must be put right: for what the kernel tells of, a second and what
    /// a pass takes on a slow machine; for the rest the time between two verifications too.
    within: Duration,
}

const FOUND: Duration = Duration::from_secs(20);

/// Prefixes a command that is to run in the router's namespace.
const IN_ROUTER: &str = "in_router() { nsenter --net=/run/netns/perouter \"$@\"; }\n";

/// What else is altered in the kernel is in the scenarios `altered` and `deleted`.
const DRIFTS: [Drift; 3] = [
    Drift {
        what: "VNI unmapped",
        // The mapping was made on zebra directly, so mgmtd must learn of one before it can
        // remove it; and it fails once after a VRF came anew.
        done: "unmap() { vtysh -N perouter -c 'configure terminal' -c 'vrf red' \
               -c 'vni 101' -c 'no vni 101'; }; unmap || unmap",
        shown: (&["vtysh", "-N", "perouter", "-c", "show vrf vni"], "red  "),
        within: FOUND,
    },
    Drift {
        what: "neighbour removed",
        done: "vtysh -N perouter -c 'configure terminal' -c 'router bgp 64514 vrf red' \
               -c 'no neighbor 192.169.10.2'",
        shown: (
            &["vtysh", "-N", "perouter", "-c", "show bgp vrf red summary"],
            "192.169.10.2",
        ),
        within: FOUND,
    },
    Drift {
        what: "routes dropped unheard",
        // When the agent looks again the bridge is where it was; the kernel dropped the routes by
        // it and told nobody, so zebra holds them for installed. Some are put back by hand, so
        // that what is left cannot be mended by taking the bridge down.
        done: "agent=$(pgrep -o -f '^perouter agent'); kill -STOP $agent
               trap \"kill -CONT $agent\" EXIT
               in_router ip route show vrf red proto bgp > /tmp/before
               in_router ip link set br-pe-100 nomaster
               in_router ip link set br-pe-100 master red
               sleep 0.5
               if in_router ip route show vrf red | grep -q '^172.16.2.0/24 '
               then echo 'zebra has heard of it' >&2; exit 1; fi
               kept=$(grep '^172.16.9.0/24 ' /tmp/before | sed 's/ nhid [0-9]*//')
               in_router ip route add vrf red $kept",
        shown: (
            &[
                "nsenter",
                "--net=/run/netns/perouter",
                "ip",
                "route",
                "show",
                "vrf",
                "red",
            ],
            "172.16.2.0/24 ",
        ),
        within: FOUND,
    },
];

/// How long all may take to be ready again afterwards.
const READY: Duration = Duration::from_secs(60);

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let mut measured = Vec::new();
    for drift in &DRIFTS {
        let (repaired, ready) =
            one(fabric, drift).map_err(|error| format!("{}: {error}", drift.what))?;
        measured.push(format!(
            "{} {} (ready {})",
            drift.what,
            seconds(repaired),
            seconds(ready)
        ));
    }
    Ok(format!("repaired after: {}", measured.join(", ")))
}

/// What a report says of repairs: the counter, and the steps of the last.
fn repairs(fabric: &Fabric) -> Result<(u64, Value), Failure> {
    let report = json(&fabric.words(NODE1)?)?;
    let counted = report["counters"]["driftRepaired"].as_u64();
    let last = report["repairs"].as_array().and_then(|all| all.last());
    Ok((
        counted.ok_or("the report counts no repairs")?,
        last.cloned().unwrap_or_default(),
    ))
}

fn one(fabric: &Fabric, drift: &Drift) -> Result<(Duration, Duration), Failure> {
    fabric.ready(NODE1, READY)?;
    let (counted, _) = repairs(fabric)?;
    let is_right = || -> Result<Result<(), String>, Failure> {
        let (command, words) = drift.shown;
        let shown = fabric.run(NODE1, command)?;
        let right = shown.status == 0 && shown.output.contains(words);
        Ok(if right {
            Ok(())
        } else {
            Err(shown.output + &shown.errors)
        })
    };
    is_right()?.map_err(|seen| format!("is not right to begin with: {seen}"))?;

    let script = format!("{IN_ROUTER}{}", drift.done);
    let begin = Instant::now();
    fabric.shell(NODE1, &script)?;
    // The counter says that it was wrong at all: a fast repair is done before anybody looks.
    let (last, _) = until(drift.within, "it is counted as repaired", || {
        let (now, last) = repairs(fabric)?;
        Ok(if now > counted {
            Ok(last)
        } else {
            Err(format!("{now} repairs, as before"))
        })
    })?;
    until(drift.within, "it is right again", is_right)?;
    let repaired = begin.elapsed();
    if last["steps"].as_array().is_none_or(Vec::is_empty) {
        return Err(format!("the status does not tell what was repaired: {last}").into());
    }
    fabric.ready(NODE1, READY)?;
    is_right()?.map_err(|seen| format!("did not stay right: {seen}"))?;
    Ok((repaired, begin.elapsed()))
}
