//! `perouter lab`: up, status, exec, down, test, record.

use std::process::ExitCode;

/// Arguments of `perouter lab`.
#[derive(clap::Args)]
pub(super) struct Args {}

/// Runs `perouter lab`.
pub(super) fn run(_args: Args) -> ExitCode {
    ExitCode::SUCCESS
}
