//! `perouter completions`: completion for a shell.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

/// Prints the completion script of a shell
///
/// For bash, for one: `perouter completions bash > /etc/bash_completion.d/perouter`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The shell
    shell: Shell,
}

/// Runs `perouter completions`.
pub(super) fn run(args: &Args) -> ExitCode {
    match io::stdout().lock().write_all(&script(args.shell)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => super::fail(&format!("cannot write to standard output: {error}")),
    }
}

/// The script of a shell.
pub(super) fn script(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::Cli::command(), "perouter", &mut script);
    script
}
