//! The agent is never ready before every check has passed. It is asked every 20 ms from its
//! start on, which happens while the router's bgpd stands still, so that there is nothing to be
//! ready for; whatever it says to be ready with, every check is in it and all are good.
//!
//! Seen to fail: with a report that calls itself ready whatever was found.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::fabric::{Fabric, Failure, json};
use crate::names::NODE1;

/// How long bgpd stands still: long enough for several looks, shorter than a hold time.
const STILL: Duration = Duration::from_millis(2500);

/// How long the agent has to be ready after that.
const READY: Duration = Duration::from_secs(60);

/// Asks every 20 ms, and writes a line whenever the answer is another: how often it was asked
/// by then, the verdict, and the checks that are not good, with `all` of them last.
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
        of = lambda finding: finding["check"] + " " + (finding.get("object") or "")
        findings = said["findings"]
        wanting = sorted({of(f) for f in findings if f["outcome"] != "good"})
        known = [said["verdict"], wanting, sorted({of(f) for f in findings})]
        if known != last:
            print(json.dumps([count] + known), flush=True)
            last = known
    time.sleep(max(0, 0.02 - (time.monotonic() - started)))
print(json.dumps([count, "end", [], []]), flush=True)
"#;

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let before = fabric.report(NODE1)?;
    let every: BTreeSet<String> = before
        .findings
        .iter()
        .map(|finding| {
            let object = finding.object.as_ref();
            let object = object.map(ToString::to_string).unwrap_or_default();
            format!("{} {object}", finding.check)
        })
        .collect();
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
    judge(&samples?, &every)
        .map(|asked| format!("asked {asked} times from its start on; never ready too early"))
        .map_err(|error| format!("{error}; it was said:\n{lines}").into())
}

/// How often it was asked, if it never said what is not so.
fn judge(samples: &[Value], every: &BTreeSet<String>) -> Result<u64, String> {
    let words = |list: &Value| -> BTreeSet<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(|word| Some(word.as_str()?.to_owned()))
            .collect()
    };
    let is_ready = |sample: &&Value| sample[1] == "Ready";
    for sample in samples.iter().filter(is_ready) {
        let wanting = words(&sample[2]);
        if !wanting.is_empty() {
            return Err(format!("ready, though these are not good: {wanting:?}"));
        }
        let looked_at = words(&sample[3]);
        let missing: Vec<_> = every.difference(&looked_at).collect();
        if !missing.is_empty() {
            return Err(format!("ready, though nobody looked at {missing:?}"));
        }
    }
    let not_ready = samples.iter().any(|sample| sample[1] == "NotReady");
    let ready = samples.iter().any(|sample| is_ready(&sample));
    match (not_ready, ready, samples.last()) {
        (true, true, Some(last)) => Ok(last[0].as_u64().unwrap_or_default()),
        _ => Err("it was not seen to become ready".to_owned()),
    }
}
