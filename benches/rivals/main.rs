//! Measures perouter, and what people use today on the same machine in the same minutes.
//!
//! Every number is measured in this run. One that cannot be measured fails the whole run, after
//! the others were made: nothing is assumed, and nothing passes or fails by its time.
//!
//! `cargo bench --bench rivals` runs all measurements; `-- vni`, `-- kernel`, `-- parsing`,
//! `-- lab`, `-- verify` or `-- kubernetes` only those. It needs root and the root file system of
//! `make root`, as the tests do.

mod allocator;
mod bare;
mod cluster;
mod fabric;
mod goals;
mod kernel;
mod lab;
mod node;
mod parsing;
mod progress;
mod reload;
mod results;
mod router;
mod table;
mod verify;
mod vni;

use std::error::Error;
use std::process::ExitCode;

use progress::Progress;
use results::Results;

/// Why a measurement could not be made, in words.
type Failure = Box<dyn Error>;

/// One measurement, which adds its numbers to the results.
type Measurement = fn(&mut Results, &Progress) -> Result<(), Failure>;

const MEASUREMENTS: [(&str, Measurement); 6] = [
    ("parsing", parsing::measure),
    ("vni", vni::measure),
    ("kernel", kernel::measure),
    ("lab", lab::measure),
    ("verify", verify::measure),
    ("kubernetes", cluster::measure),
];

fn main() -> ExitCode {
    // Cargo says `--bench`; what is left names measurements.
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    if kernel::is_inside(&chosen) {
        return inside(kernel::measure_inside());
    }
    if let Some(outcome) = verify::inside(&chosen) {
        return inside(outcome);
    }
    if let Some(unknown) = chosen
        .iter()
        .find(|word| MEASUREMENTS.iter().all(|(name, _)| name != word))
    {
        eprintln!(
            "bench: there is no measurement {unknown}; there are parsing, vni, kernel, lab, verify \
             and kubernetes"
        );
        return ExitCode::FAILURE;
    }
    let mut results = Results::default();
    let mut failed = false;
    for (name, measure) in MEASUREMENTS {
        if !chosen.is_empty() && !chosen.iter().any(|word| word == name) {
            continue;
        }
        let progress = Progress::start(name);
        let outcome = measure(&mut results, &progress);
        progress.end();
        if let Err(error) = outcome {
            eprintln!("bench: {name} could not be measured: {}", chain(&*error));
            failed = true;
        }
    }
    println!("{results}");
    match results.write() {
        Ok(path) => println!("written to {}", path.display()),
        Err(error) => {
            eprintln!("bench: {}", chain(&*error));
            failed = true;
        }
    }
    if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    }
}

/// What runs in the lab's node.
fn inside(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", chain(&*error));
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
