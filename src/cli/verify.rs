//! `perouter verify`.
use std::process::ExitCode;
/// p
#[derive(clap::Args)]
pub(super) struct Args {}
/// r
pub(super) fn run(_: Args) -> ExitCode {
    ExitCode::FAILURE
}
