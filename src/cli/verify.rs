//! `perouter verify`: one full verification, every check named.

use std::process::ExitCode;

use super::output::{self, Output};
use super::status::Agent;
use crate::status::client::{AskError, Client};
use crate::status::protocol::VerifyReport;
use crate::status::render;

/// Reads FRR's and the kernel's tables back and names every check
///
/// The agent compares what it read with what this node should be, hop by hop. Every check is
/// named, with how many things are good and bad. Of a route that is broken only the first broken
/// hop is listed, which is the root cause.
///
/// Exit status: 0 when everything is good, 1 when something is bad or cannot be told, 2 when the
/// agent cannot be asked.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    agent: Agent,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Runs `perouter verify`.
pub(super) fn run(args: Args) -> ExitCode {
    let Args { agent, output } = args;
    output::finish("verify", answer(&agent, output))
}

fn answer(agent: &Agent, output: Output) -> Result<ExitCode, output::Error<AskError>> {
    let report = Client::new(&agent.socket)
        .verify()
        .map_err(output::Error::Asked)?;
    output::print(output, &report, |colour| {
        render::verification(&report, colour)
    })?;
    Ok(exit(&report))
}

fn exit(report: &VerifyReport) -> ExitCode {
    if report.findings.iter().all(|finding| finding.is_good()) {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    }
}
