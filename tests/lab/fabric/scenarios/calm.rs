//! No false alarm: the healthy fabric is restarted and changed, again and again. Once it has
//! settled nothing is said to be broken, and a restart of the agent alone says so at no time.
//!
//! It goes on for a minute, or for as many seconds as `PEROUTER_CALM_SECONDS` says.
//!
//! Seen to fail: with a verification that takes what is on its way for broken.

use std::time::{Duration, Instant};

use super::breaks::log::Log;
use crate::fabric::{Fabric, Failure};
use crate::names::NODE1;

/// How long each change may take.
const SETTLED: Duration = Duration::from_secs(60);

/// How long it has to stay quiet after it has settled.
const QUIET: Duration = Duration::from_secs(3);

/// Something that happens in the life of a node.
struct Event {
    what: &'static str,
    /// A shell script.
    done: &'static str,
    alarms: Alarms,
}

/// When nothing may be said to be broken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alarms {
    /// At any time.
    Never,
    /// Once all is well again.
    NotAfterwards,
}

#[rustfmt::skip]
const EVENTS: &[Event] = &[
    Event { what: "agent killed", alarms: Alarms::Never,
        done: "kill -KILL $(pgrep -o -f '^perouter agent')" },
    Event { what: "agent stopped", alarms: Alarms::Never,
        done: "kill -TERM $(pgrep -o -f '^perouter agent')" },
    Event { what: "VRF removed", alarms: Alarms::NotAfterwards,
        done: "rm /etc/perouter/blue.yaml" },
    Event { what: "VRF back", alarms: Alarms::NotAfterwards,
        done: "cp /etc/lab/manifests/blue.yaml /etc/perouter/" },
    Event { what: "bgpd killed", alarms: Alarms::NotAfterwards,
        done: "kill -KILL $(pgrep -f '^/usr/lib/frr/bgpd -N perouter')" },
    Event { what: "zebra killed", alarms: Alarms::NotAfterwards,
        done: "kill -KILL $(pgrep -f '^/usr/lib/frr/zebra -N perouter')" },
    Event { what: "prefix announced", alarms: Alarms::Never,
        done: "vtysh -c 'configure terminal' -c 'router bgp 64515' -c 'address-family ipv4 unicast' \
               -c 'network 172.16.77.0/24'" },
    Event { what: "prefix withdrawn", alarms: Alarms::Never,
        done: "vtysh -c 'configure terminal' -c 'router bgp 64515' -c 'address-family ipv4 unicast' \
               -c 'no network 172.16.77.0/24'" },
    Event { what: "an aggregate stands for the host's routes", alarms: Alarms::NotAfterwards,
        done: "cat > /etc/perouter/zz-raw.yaml <<'EOF'
apiVersion: network.openperouter.io/v1alpha1
kind: RawFRRConfig
metadata: {name: raw, namespace: perouter-system}
spec:
  rawConfig: |
    router bgp 64514 vrf red
     address-family ipv4 unicast
      aggregate-address 172.16.0.0/16 summary-only
EOF" },
    Event { what: "it stands for them no longer", alarms: Alarms::NotAfterwards,
        done: "rm /etc/perouter/zz-raw.yaml" },
];

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let seconds = std::env::var("PEROUTER_CALM_SECONDS").ok();
    let seconds = seconds.map_or(Ok(60), |seconds| seconds.parse())?;
    let (begin, limit) = (Instant::now(), Duration::from_secs(seconds));
    let mut events = 0_usize;
    loop {
        for event in EVENTS {
            once(fabric, event).map_err(|error| format!("{}: {error}", event.what))?;
            events += 1;
        }
        if begin.elapsed() >= limit {
            break;
        }
    }
    Ok(format!(
        "{events} restarts and changes in {:.0} s, no false alarm",
        begin.elapsed().as_secs_f64()
    ))
}

fn once(fabric: &Fabric, event: &Event) -> Result<(), Failure> {
    let from_start = Log::from_here(fabric, NODE1)?;
    fabric.shell(NODE1, event.done)?;
    // The change has to be noticed before it can have settled.
    std::thread::sleep(Duration::from_millis(500));
    fabric.ready(NODE1, SETTLED)?;
    let from_settled = Log::from_here(fabric, NODE1)?;
    std::thread::sleep(QUIET);
    let log = match event.alarms {
        Alarms::Never => &from_start,
        Alarms::NotAfterwards => &from_settled,
    };
    let alarms = log.read(fabric)?;
    let alarms = alarms.failed();
    if !alarms.is_empty() {
        return Err(format!("said to be broken: {}", alarms.join("; ")).into());
    }
    let afterwards = from_settled.read(fabric)?;
    match afterwards.not_ready() {
        None => Ok(()),
        Some(_) => Err(format!("settled, and not ready again: {:?}", afterwards.lines()).into()),
    }
}
