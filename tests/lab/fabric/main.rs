//! What the product promises, shown on a whole fabric: `containerlab/evpn-l3.clab.yml`, with
//! real FRR and a real kernel, in User Mode Linux where the machine's own kernel has no VRFs. What
//! that fabric has not, segments, BFD and a Kubernetes API, is shown in three other labs.
//!
//! A lab starts once and serves all its scenarios, one after the other. Each begins when a guard
//! has seen all agents ready and all ends reach each other, bears witness by other programs than
//! ours (`ip`, `vtysh`, `ping`), says what it measured in one line, and leaves the fabric as it
//! found it.
//!
//! It needs root and the lab's root file system, which is built when there is none;
//! `PEROUTER_ROOT` names another. `FABRIC_SCENARIOS=drift,restart` runs only those.

mod bgp;
mod cluster;
mod fabric;
mod names;
mod ping;
mod scenarios;
mod snapshot;
mod wait;
mod witness;

use std::io::Write;
use std::time::Instant;

use fabric::{Fabric, Failure, Kind};
use scenarios::{SCENARIOS, Scenario};

/// The environment variable that chooses scenarios.
const CHOICE: &str = "FABRIC_SCENARIOS";

#[test]
fn the_fabric_keeps_its_promises() {
    let chosen = chosen().unwrap();
    let begin = Instant::now();
    let mut failed = Vec::new();
    for lab in Kind::ALL {
        let inside = chosen.iter().filter(|scenario| scenario.lab == lab);
        let inside: Vec<&Scenario> = inside.copied().collect();
        if !inside.is_empty() {
            failed.extend(keep(lab, &inside).unwrap());
        }
    }
    say(&format!(
        "{} of {} scenarios kept their promise, in {:.0} s; there are {}",
        chosen.len() - failed.len(),
        chosen.len(),
        begin.elapsed().as_secs_f64(),
        SCENARIOS.len()
    ));
    assert!(failed.is_empty(), "failed: {}", failed.join(", "));
}

/// Runs scenarios in a lab of their kind, from its start to its end; the names of those that failed.
fn keep(lab: Kind, scenarios: &[&Scenario]) -> Result<Vec<&'static str>, Failure> {
    let begin = Instant::now();
    let with_netlink_tests = scenarios
        .iter()
        .any(|scenario| scenario.needs_netlink_tests);
    let fabric = Fabric::up(lab, with_netlink_tests)?;
    let took = begin.elapsed().as_secs_f64();
    say(&format!("{lab:?} is up after {took:.1} s"));
    if lab == Kind::Routed {
        fabric.remember_fresh()?;
        let held = fabric.fresh()?.len();
        say(&format!("node1 holds {held} things to be compared"));
    }
    let mut failed = Vec::new();
    for scenario in scenarios {
        let begin = Instant::now();
        let outcome = fabric.guard().and_then(|()| (scenario.run)(&fabric));
        let took = begin.elapsed().as_secs_f64();
        match outcome {
            Ok(measured) => say(&format!(
                "{:<14} ok     {took:5.1} s  {measured}",
                scenario.name
            )),
            Err(error) => {
                say(&format!(
                    "{:<14} FAILED {took:5.1} s  {error}\n{}",
                    scenario.name,
                    fabric.evidence()
                ));
                failed.push(scenario.name);
                fabric.mend();
            }
        }
    }
    fabric.down()?;
    Ok(failed)
}

/// All scenarios, or those that the environment names.
fn chosen() -> Result<Vec<&'static Scenario>, Failure> {
    let Ok(choice) = std::env::var(CHOICE) else {
        return Ok(SCENARIOS.iter().collect());
    };
    let find = |name: &str| {
        let found = SCENARIOS.iter().find(|scenario| scenario.name == name);
        found.ok_or_else(|| Failure::from(format!("{CHOICE}: there is no scenario {name:?}")))
    };
    choice.split(',').map(find).collect()
}

/// Says something at once: the harness would keep it back until the end.
fn say(text: &str) {
    // Nobody may be listening.
    let _ = writeln!(std::io::stderr(), "fabric: {text}");
}
