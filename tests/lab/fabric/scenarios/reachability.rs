//! All three prefixes of VRF red reach each other, and blue's two; red and blue do not.
//!
//! Seen to fail: with red's route targets changed to others on node2.

use crate::fabric::{Fabric, Failure};
use crate::names::{BLUE, RED, pairs};
use crate::ping::once;

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let mut slowest = 0.0_f64;
    let mut count = 0;
    for (from, to) in pairs(&RED).chain(pairs(&BLUE)) {
        let command = ["ping", "-n", "-c", "3", "-i", "0.1", "-W", "2", "-I"];
        let ping = [&command[..], &[from.address, to.address]].concat();
        let output = fabric.ask(from.node, &ping)?;
        // The end of the summary: rtt min/avg/max/mdev = 0.5/0.6/0.7/0.1 ms
        let worst = output.rsplit('/').nth(1).and_then(|max| max.parse().ok());
        slowest = slowest.max(worst.ok_or_else(|| format!("ping says no times: {output}"))?);
        count += 1;
    }
    let crossed = kept_apart(fabric)?;
    Ok(format!(
        "{count} directions answered, the slowest ping in {slowest:.1} ms; {crossed} between \
         the VRFs did not"
    ))
}

/// What must not be reached: the VRFs are apart.
fn kept_apart(fabric: &Fabric) -> Result<usize, Failure> {
    let [red1, red2, ext] = RED;
    let [blue1, blue2] = BLUE;
    let across = [(ext, blue1), (ext, blue2)];
    for (from, to) in across {
        let ping = once(&from, &to, "1");
        if fabric.run(from.node, &ping)?.status == 0 {
            return Err(format!("{} reaches {}, in another VRF", from.address, to.address).into());
        }
    }
    // A host has one table for both of its legs, so what counts there is the router's tables.
    let tables = [("red", [blue1, blue2]), ("blue", [red1, red2])];
    for (vrf, foreign) in tables {
        let routes = fabric.router(red1.node, &["ip", "route", "show", "vrf", vrf])?;
        for end in foreign {
            if routes.contains(end.prefix) {
                return Err(format!("{} is in VRF {vrf}:\n{routes}", end.prefix).into());
            }
        }
    }
    Ok(across.len())
}
