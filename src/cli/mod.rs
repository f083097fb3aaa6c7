//! The command line: one file a subcommand, and what they share.

mod agent;
mod completions;
mod controller;
mod crds;
mod explain;
mod kubectl;
mod lab;
mod logging;
mod man;
mod node;
mod output;
mod plan;
mod status;
mod verify;
mod watch;

use std::ffi::OsStr;
use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[cfg(test)]
mod tests;

/// Provider Edge routing on Kubernetes nodes
#[derive(Parser)]
#[command(version, about, long_about = None, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Agent(agent::Args),
    Controller(controller::Args),
    Plan(plan::Args),
    Status(status::Args),
    Verify(verify::Args),
    Explain(explain::Args),
    Crds(crds::Args),
    Lab(lab::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Parses the command line, runs the subcommand and turns its outcome into an exit status. By the
/// name of a plugin of kubectl it is that.
#[must_use]
pub fn main() -> ExitCode {
    let called = std::env::args_os().next().unwrap_or_default();
    if Path::new(&called).file_stem() == Some(OsStr::new(kubectl::NAME)) {
        return kubectl::main();
    }
    match Cli::parse().command {
        Command::Agent(args) => agent::run(args),
        Command::Controller(args) => controller::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Status(args) => status::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Explain(args) => explain::run(args),
        Command::Crds(args) => crds::run(args),
        Command::Lab(args) => lab::run(args),
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(args),
    }
}

/// One thread does all there is to do; what blocks goes to threads of its own.
fn runtime() -> Result<tokio::runtime::Runtime, String> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start: {error}"))
}

/// Says on standard error why nothing came of it.
fn fail(message: &str) -> ExitCode {
    eprintln!("perouter: {message}");
    ExitCode::FAILURE
}

/// An error with all its causes.
fn chain(error: &dyn std::error::Error) -> String {
    crate::agent::chain(error)
}
