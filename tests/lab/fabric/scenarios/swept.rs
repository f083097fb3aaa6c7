//! zebra is killed. The next one keeps the routes that it finds in the kernel, and sweeps them away
//! after a minute: no route that is in use goes with them, and nothing has to be mended.
//!
//! Seen to fail: with an agent that leaves it to bgpd to tell the next zebra of its routes.

use std::time::Duration;

use crate::fabric::{Fabric, Failure};
use crate::names::{BLUE, NODE1, RED};
use crate::ping::{DENSE, Pinging};
use crate::wait::until;

/// How long zebra and all that depends on it may take to be back.
const BACK: Duration = Duration::from_secs(30);

/// How long the next zebra waits before it sweeps, and some seconds more.
const SWEPT: Duration = Duration::from_secs(75);

/// How long after that something may be found amiss: longer than between two full readings.
const AFTERMATH: Duration = Duration::from_secs(12);

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let kill = "kill -KILL $(pgrep -f '^/usr/lib/frr/zebra -N perouter')";
    fabric.shell(NODE1, kill)?;
    until(BACK, "the next zebra waits", || {
        Ok(match zebra(fabric) {
            Ok(said) if said.contains("RIB sweep timer running") => Ok(()),
            Ok(said) => Err(said),
            Err(error) => Err(error.to_string()),
        })
    })?;
    fabric.ready(NODE1, BACK)?;
    let before = fabric.report(NODE1)?.counters.drift_repaired;

    let ([red, _, ext], [blue1, blue2]) = (RED, BLUE);
    let pings = [
        Pinging::start(fabric, &blue1, &blue2, DENSE)?,
        Pinging::start(fabric, &red, &ext, DENSE)?,
    ];
    until(SWEPT, "zebra has swept", || {
        let said = zebra(fabric)?;
        Ok(if said.contains("RIB sweep happened") {
            Ok(())
        } else {
            Err(said)
        })
    })?;
    std::thread::sleep(AFTERMATH);
    let mut sent = 0;
    for pinging in pings {
        let pinged = pinging.stop(fabric)?;
        pinged.all_answered()?;
        sent += pinged.sent;
    }
    let report = fabric.verified(NODE1)??;
    let mended = report.counters.drift_repaired - before;
    if mended > 0 {
        return Err(format!("{mended} things were mended: {:?}", report.repairs.last()).into());
    }
    Ok(format!(
        "a killed zebra's successor swept; {sent} pings, 0 lost, and nothing to mend"
    ))
}

/// What zebra says of itself.
fn zebra(fabric: &Fabric) -> Result<String, Failure> {
    fabric.router_vtysh(NODE1, &["show zebra"])
}
