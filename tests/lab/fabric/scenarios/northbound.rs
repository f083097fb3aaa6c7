//! Without FRR's gRPC northbound, by choice of the agent's user or because FRR has no such
//! module, the vty brings about the same, and the status says so. What one way has programmed,
//! the other takes over without a write.
//!
//! Seen to fail: with the wrapper around the agent left out (the status says northbound).

use std::time::Duration;

use perouter::status::Report;
use perouter::status::report::DaemonMode;

use super::breaks::log::Log;
use super::restart::end_agent;
use crate::fabric::{Fabric, Failure};
use crate::names::{NODE2, RED, pairs};
use crate::ping::once;
use crate::wait::{seconds, until};

/// How long things may take to be well again.
const BACK: Duration = Duration::from_secs(60);

/// Puts a script in the place of a program that calls it with one option more.
const AGENT_WITHOUT: &str = r#"
touch /opt/perouter; mount --bind /usr/bin/perouter /opt/perouter
cat > /opt/wrapper <<'END'
#!/bin/bash
[ "$1" != agent ] || set -- "$@" --northbound off
exec -a perouter /opt/perouter "$@"
END
chmod +x /opt/wrapper; mount --bind /opt/wrapper /usr/bin/perouter
"#;

/// Puts scripts in the places of zebra and bgpd that call them without their gRPC module.
const FRR_WITHOUT: &str = r#"
for daemon in zebra bgpd; do
    cp /usr/lib/frr/$daemon /opt/$daemon
    cat > /opt/$daemon.sh <<'END'
#!/bin/bash
words=()
for word in "$@"; do
    case $word in -M | grpc:*) ;; *) words+=("$word") ;; esac
done
exec -a "$0" /opt/${0##*/} "${words[@]}"
END
    chmod +x /opt/$daemon.sh; mount --bind /opt/$daemon.sh /usr/lib/frr/$daemon
done
"#;

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let mappings = mappings(fabric)?;
    fabric.shell(NODE2, AGENT_WITHOUT)?;
    let off = by_choice(fabric, &mappings);
    fabric.shell(NODE2, "umount --lazy /usr/bin/perouter /opt/perouter")?;
    end_agent(fabric, NODE2, "KILL")?;
    let off = off?;
    taken_over(&fabric.report(NODE2)?, DaemonMode::Northbound)?;

    fabric.shell(NODE2, FRR_WITHOUT)?;
    let without = restart_frr(fabric, DaemonMode::Vty);
    fabric.shell(NODE2, "umount --lazy /usr/lib/frr/zebra /usr/lib/frr/bgpd")?;
    let same = self::mappings(fabric)? == mappings;
    restart_frr(fabric, DaemonMode::Northbound)?;
    let without = without?;
    if !same {
        return Err("without the module FRR has other VNIs than with it".into());
    }
    Ok(format!(
        "--northbound off: 0 writes to take over, red removed and mapped again in {}, VNIs as \
         before, then 0 writes to hand back; FRR without the module: ready in {}, VNIs as before",
        seconds(off),
        seconds(without)
    ))
}

/// Which VRF has which VNI and links, without what is chosen at random.
fn mappings(fabric: &Fabric) -> Result<String, Failure> {
    let answer = fabric.router_vtysh(NODE2, &["show vrf vni json"])?;
    let lines = answer.lines().filter(|line| !line.contains("routerMac"));
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// Demands that zebra and bgpd are driven that way.
fn driven(report: &Report, mode: DaemonMode) -> Result<(), String> {
    let daemons = &report.frr.daemons;
    let so = |daemon: &str| daemons.get(daemon) == Some(&mode);
    if so("zebra") && so("bgpd") {
        Ok(())
    } else {
        Err(format!("the daemons are driven so: {daemons:?}"))
    }
}

/// Demands that an agent that has just started drives them that way and wrote nothing.
fn taken_over(report: &Report, mode: DaemonMode) -> Result<(), Failure> {
    driven(report, mode)?;
    let counters = report.counters;
    if (counters.netlink_writes, counters.frr_writes) == (0, 0) {
        return Ok(());
    }
    Err(format!("an agent that takes over wrote: {counters:?}").into())
}

/// The agent is told not to use the northbound.
fn by_choice(fabric: &Fabric, mappings: &str) -> Result<Duration, Failure> {
    end_agent(fabric, NODE2, "KILL")?;
    taken_over(&fabric.report(NODE2)?, DaemonMode::Vty)?;

    fabric.ask(NODE2, &["rm", "/etc/perouter/red.yaml"])?;
    until(BACK, "red is unmapped", || {
        let now = self::mappings(fabric)?;
        Ok(if now.contains("\"red\"") {
            Err(now)
        } else {
            Ok(())
        })
    })?;
    fabric.ask(
        NODE2,
        &["cp", "/etc/lab/manifests/red.yaml", "/etc/perouter/"],
    )?;
    let took = fabric.ready(NODE2, BACK)?;
    until(BACK, "red is mapped as before", || {
        let now = self::mappings(fabric)?;
        Ok(if now == mappings { Ok(()) } else { Err(now) })
    })?;
    for (from, to) in pairs(&RED) {
        let ping = once(from, to, "1");
        until(BACK, "red's ends reach each other", || {
            Ok(match fabric.run(from.node, &ping)?.status {
                0 => Ok(()),
                _ => Err(format!("{} does not reach {}", from.address, to.address)),
            })
        })?;
    }
    driven(&fabric.report(NODE2)?, DaemonMode::Vty)?;
    Ok(took)
}

/// zebra and bgpd are killed and start again; waits until all is well and they are driven so.
fn restart_frr(fabric: &Fabric, mode: DaemonMode) -> Result<Duration, Failure> {
    let log = Log::from_here(fabric, NODE2)?;
    fabric.shell(
        NODE2,
        "kill -KILL $(pgrep -f '^/usr/lib/frr/(zebra|bgpd) -N perouter')",
    )?;
    let back = until(BACK, "all is well again", || {
        let verified = fabric.verified(NODE2)?;
        Ok(verified.and_then(|report| driven(&report, mode)))
    });
    let (_, took) = match back {
        Ok(back) => back,
        Err(failure) => {
            let said = log.read(fabric)?.lines().join("\n");
            return Err(format!("{failure}\nthe agent said:\n{said}").into());
        }
    };
    fabric.guard()?;
    Ok(took)
}
