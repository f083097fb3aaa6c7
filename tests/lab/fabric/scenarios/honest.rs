//! The agent is never ready before every check has passed. It is asked every 20 ms from its
//! start on, which happens while the router's bgpd stands still, so that there is nothing to be
//! ready for; whatever it says to be ready with, every check is in it and all are good.
//!
//! Seen to fail: with a report that calls itself ready whatever was found.

use std::collections::BTreeSet;
use std::time::Duration;

use perouter::verify::Check;
use serde_json::Value;

use crate::fabric::{Fabric, Failure, json};
use crate::names::NODE1;

/// How long bgpd stands still: long enough for several looks, shorter than a hold time.
const STILL: Duration = Duration::from_millis(2500);

/// How long the agent has to be ready after that.
const READY: Duration = Duration::from_secs(60);

/// Asks every 20 ms, and writes a line whenever the answer is another: how often it was asked
/// by then, the verdict, the checks that are not good, and those that found something good.
const SAMPLER: &str = r#"
import json, os, socket, sys, time
last, count = None, 0
while not os.path.exists("/run/lab-sampled"):
    started = time.monotonic()
    count += 1
    try:
        asked = socket.socket(socket.AF_UNIX)
        asked.settimeout(1)
        asked.connect("/run/perouter/agent.sock")
        asked.sendall(b"status\n")
        text = b""
        while part := asked.recv(1 << 16):
            text += part
        asked.close()
        said = json.loads(text).get("ok")
    except (OSError, ValueError):
        said = None
    if said:
        checks = said["checks"]
        wanting = [c["check"] for c in checks if c["bad"] or c["pending"]]
        known = [said["verdict"], wanting, [c["check"] for c in checks if c["good"]]]
        if known != last:
            print(json.dumps([count] + known), flush=True)
            last = known
    time.sleep(max(0, 0.02 - (time.monotonic() - started)))
print(json.dumps([count, "end", [], []]), flush=True)
"#;

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    fabric.shell(
        NODE1,
        &format!("rm -f /run/lab-sampled; cat > /run/sampler.py <<'END'\n{SAMPLER}\nEND"),
    )?;
    let lines = fabric.shell(
        NODE1,
        &format!(
            "bgpd=$(pgrep -f '^/usr/lib/frr/bgpd -N perouter')
             kill -STOP $bgpd
             kill -KILL $(pgrep -o -f '^perouter agent')
             python3 /run/sampler.py &
             sleep {}
             kill -CONT $bgpd
             for _ in $(seq {}); do perouter status > /dev/null 2>&1 && break; sleep 1; done
             sleep 1; touch /run/lab-sampled; wait",
            STILL.as_secs_f64(),
            READY.as_secs()
        ),
    )?;
    let samples: Result<Vec<Value>, Failure> = lines.lines().map(json).collect();
    judge(&samples?)
        .map(|asked| format!("asked {asked} times from its start on; never ready too early"))
        .map_err(|error| format!("{error}; it was said:\n{lines}").into())
}

/// What always has something to look at in this fabric: bgpd keeps its sessions and routes.
const ALWAYS: [Check; 20] = [
    Check::FactsReadable,
    Check::LinksPresent,
    Check::VtepAddress,
    Check::UnderlaySession,
    Check::EvpnFamily,
    Check::HostSession,
    Check::VniUp,
    Check::BgpVni,
    Check::RouterMac,
    Check::UnderlayRoute,
    Check::VtepReachable,
    Check::HostRouteInKernel,
    Check::HostRouteExported,
    Check::RouteAdvertised,
    Check::RouteValid,
    Check::RouteImported,
    Check::RouteInRib,
    Check::RouteInKernel,
    Check::NeighbourEntry,
    Check::FdbEntry,
];

/// How often it was asked, if it never said what is not so.
fn judge(samples: &[Value]) -> Result<u64, String> {
    let words = |list: &Value| -> BTreeSet<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(|word| Some(word.as_str()?.to_owned()))
            .collect()
    };
    let ready: Vec<&Value> = samples
        .iter()
        .filter(|sample| sample[1] == "Ready")
        .collect();
    for sample in &ready {
        let wanting = words(&sample[2]);
        if !wanting.is_empty() {
            return Err(format!("ready, though these are not good: {wanting:?}"));
        }
        let good = words(&sample[3]);
        let missing = ALWAYS.iter().find(|check| !good.contains(check.name()));
        if let Some(check) = missing {
            return Err(format!("ready, though nobody looked at {check}"));
        }
    }
    match (ready.is_empty(), samples.last()) {
        (false, Some(last)) => Ok(last[0].as_u64().unwrap_or_default()),
        (true, _) | (_, None) => Err("it was not seen to become ready".to_owned()),
    }
}
