//! The command line: one file a subcommand, and what they share.

mod crds;
mod lab;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Provider Edge routing on Kubernetes nodes.
#[derive(Parser)]
#[command(version, about, long_about = None, propagate_version = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run a containerlab topology here, on real FRR and a real kernel
    Lab(lab::Args),
    /// Print the custom resource definitions as YAML
    Crds(crds::Args),
}

/// Parses the command line, runs the subcommand and turns its outcome into an exit status.
#[must_use]
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Lab(args) => lab::run(args),
        Command::Crds(args) => crds::run(args),
    }
}
