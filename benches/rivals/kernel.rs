//! The kernel's part: L3VNIs from nothing, one more, and a look at all where nothing changed.
//!
//! It is measured on a kernel that has VRFs: this machine's, or that of User Mode Linux. There this
//! very program runs in a node of a lab, makes namespaces for itself and for the rival, and takes
//! turns with it, so that both are measured on the same kernel in the same minutes. No FRR runs.

mod inside;
mod rival;
mod router;

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::goals::{self, MeasuredKernel};
use crate::lab::{Kernel, Lab};
use crate::progress::Progress;
use crate::results::{Results, Rival, Unit};

pub(crate) use inside::measure as measure_inside;

/// How the program is called to measure on the kernel that it finds itself on.
pub(crate) const INSIDE: &str = "kernel-inside";

/// Where the node sees it.
const PROGRAM: &str = "/usr/bin/rivals";

/// A node that does nothing by itself.
const TOPOLOGY: &str = "\
name: NAME
topology:
  nodes:
    node1:
      kind: linux
      image: perouter/lab-frr:latest
      network-mode: none
      entrypoint: /bin/sh
      cmd: -c 'touch /run/lab-ready; exec sleep infinity'
      binds:
        - EXECUTABLE:/usr/bin/rivals:ro
";

/// What was measured on the kernel, in milliseconds: of each the middle of several times.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Report {
    /// What `ip` takes to start and end, which is no part of the bare cost.
    starting_ip: f64,
    from_nothing: Vec<FromNothing>,
    one_more: Vec<OneMore>,
    nothing: Vec<Nothing>,
}

/// All L3VNIs at once, in namespaces that were empty but for a NIC.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct FromNothing {
    vnis: usize,
    ours: Ours,
    bare: f64,
    whole: f64,
}

/// One more L3VNI where there are some.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct OneMore {
    present: usize,
    ours: Ours,
    bare: f64,
}

/// One change.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ours {
    in_force: f64,
    read_back: f64,
    /// How many messages it took.
    writes: u64,
}

/// A pass that finds nothing to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Nothing {
    vnis: usize,
    took: f64,
    writes: u64,
    /// Dumps of links, addresses, routes and rules, in both namespaces together.
    dumps: u64,
    /// How many of them were of the same as another.
    repeated: u64,
}

/// Measures in a lab.
pub(crate) fn measure(results: &mut Results, progress: &Progress) -> Result<(), Failure> {
    let program = std::env::current_exe()?;
    let topology = TOPOLOGY.replace("EXECUTABLE", &program.display().to_string());
    let lab = Lab::start("kernel", &topology, "auto", progress)?;
    let kernel = lab.kernel()?;
    progress.tell("measuring in the lab, in turns");
    let told = lab.exec(&[PROGRAM, INSIDE])?;
    let report: Report = serde_json::from_str(&told)?;
    lab.down()?;
    add(results, &report, kernel);
    goals::judge_kernel(results, &judged(&report));
    Ok(())
}

fn add(results: &mut Results, report: &Report, kernel: Kernel) {
    for all in &report.from_nothing {
        let rival = Rival {
            name: "ip -batch, with addresses and aliases",
            value: all.whole,
        };
        for (until, ours) in [
            ("in force", all.ours.in_force),
            ("read back", all.ours.read_back),
        ] {
            let name = format!("links of L3VNIs from nothing, {until}, {kernel}");
            results.beside(&name, all.vnis, ours, Some(rival), Some(all.bare));
        }
    }
    for one in &report.one_more {
        for (until, ours) in [
            ("in force", one.ours.in_force),
            ("read back", one.ours.read_back),
        ] {
            let name = format!("links of one more L3VNI, {until}, {kernel}");
            results.beside(&name, one.present, ours, None, Some(one.bare));
        }
    }
    for one in &report.nothing {
        let name = format!("nothing changed in the kernel, {kernel}");
        results.alone(&name, one.vnis, Unit::Milliseconds, one.took);
    }
    let name = format!("ip starts and ends, taken off its times, {kernel}");
    results.alone(&name, 1, Unit::Milliseconds, report.starting_ip);
}

/// What the goals look at.
fn judged(report: &Report) -> MeasuredKernel {
    let from_nothing = report.from_nothing.iter();
    let one_more = report.one_more.iter();
    let nothing = report.nothing.iter();
    MeasuredKernel {
        from_nothing: from_nothing
            .map(|all| goals::AllLinks {
                vnis: all.vnis,
                in_force: all.ours.in_force,
                bare: all.bare,
                whole: all.whole,
                writes: all.ours.writes,
            })
            .collect(),
        one_more: one_more
            .map(|one| goals::OneMoreLinks {
                present: one.present,
                in_force: one.ours.in_force,
                read_back: one.ours.read_back,
                bare: one.bare,
            })
            .collect(),
        unchanged: nothing
            .map(|one| goals::UnchangedLinks {
                vnis: one.vnis,
                dumps: one.dumps,
                repeated: one.repeated,
                writes: one.writes,
            })
            .collect(),
    }
}

/// Whether this process is the one in the lab.
pub(crate) fn is_inside(arguments: &[String]) -> bool {
    arguments.iter().any(|word| word == INSIDE) && Path::new(PROGRAM).exists()
}
