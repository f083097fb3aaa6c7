//! The router's namespace is deleted and its FRR killed: the agent makes another, with the NIC
//! and everything else in it, and all is well again by itself.
//!
//! Seen to fail: with an agent that does not take the NIC out of the namespace that goes, which
//! the kernel then destroys.

use std::time::{Duration, Instant};

use crate::fabric::{Fabric, Failure};
use crate::names::NODE1;
use crate::wait::seconds;

/// How long all may take to be well again.
const BACK: Duration = Duration::from_secs(60);

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let identity = ["stat", "-L", "-c", "%i", "/run/netns/perouter"];
    let before = fabric.ask(NODE1, &identity)?;
    let begin = Instant::now();
    // What `ip netns delete` does, but for looking the name up.
    fabric.shell(
        NODE1,
        "umount --lazy /run/netns/perouter; rm /run/netns/perouter
         kill -KILL $(pgrep -f '^/usr/lib/frr/[a-z]* -N perouter')",
    )?;
    crate::wait::until(BACK, "there is another namespace", || {
        let now = fabric.run(NODE1, &identity)?;
        Ok(if now.status == 0 && now.output != before {
            Ok(())
        } else {
            Err(format!("{}{}", now.output, now.errors))
        })
    })?;
    let anew = begin.elapsed();
    fabric.ready(NODE1, BACK)?;
    let ready = begin.elapsed();
    let nic = fabric.router(
        NODE1,
        &["ip", "-4", "-br", "address", "show", "dev", "eth1"],
    )?;
    if !nic.contains("10.0.1.2/24") {
        return Err(format!("the NIC has not its address: {nic}").into());
    }
    // And all ends reach each other.
    fabric.guard()?;
    Ok(format!(
        "another namespace after {}, ready after {}, NIC back with its address",
        seconds(anew),
        seconds(ready)
    ))
}
