//! `perouter status`: what is true of this node now.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::output::{self, Output};
use crate::status::client::{AskError, Client};
use crate::status::protocol::DEFAULT_SOCKET;
use crate::status::{Report, Verdict, render};

/// Prints what is true of this node now, as its agent verified it last
///
/// The verdict comes first, then the objects with their conditions, the BGP sessions, the VNIs,
/// and everything that is not as it should be.
///
/// With --watch it goes on until Ctrl-C: in place on a terminal; elsewhere a report whenever
/// something changed, with -o json one document a line. An agent that is away is waited for.
///
/// Exit status: 0 when everything is ready, 1 when something is not, 2 when the agent cannot be
/// asked; with --watch as of the last report.
#[derive(clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    agent: Agent,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
    /// Go on, and ask again after each so many seconds
    #[arg(
        short,
        long,
        value_name = "SECONDS",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1",
        value_parser = clap::value_parser!(u64).range(1..=86_400)
    )]
    watch: Option<u64>,
}

/// Which agent is asked.
#[derive(clap::Args)]
pub(super) struct Agent {
    /// The unix socket of the agent
    #[arg(long, value_name = "PATH", default_value = DEFAULT_SOCKET, env = "PEROUTER_SOCKET")]
    pub(super) socket: PathBuf,
}

/// Runs `perouter status`.
pub(super) fn run(args: Args) -> ExitCode {
    let Args {
        agent,
        output,
        watch,
    } = args;
    let done = match watch {
        Some(seconds) => {
            let client = Client::new(&agent.socket);
            super::watch::run(client, Duration::from_secs(seconds), output)
        }
        None => answer(&agent, output),
    };
    output::finish("status", done)
}

fn answer(agent: &Agent, output: Output) -> Result<ExitCode, output::Error<AskError>> {
    let report = Client::new(&agent.socket)
        .status()
        .map_err(output::Error::Asked)?;
    output::print(output, &report, |colour| render::report(&report, colour))?;
    Ok(exit(&report))
}

fn exit(report: &Report) -> ExitCode {
    match report.verdict {
        Verdict::Ready => ExitCode::SUCCESS,
        Verdict::NotReady => ExitCode::from(1),
    }
}
