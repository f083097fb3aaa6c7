//! `perouter man`: manual pages, made from what `--help` says.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::CommandFactory as _;

/// Prints the manual page, or writes one for each subcommand into a directory
#[derive(clap::Args)]
pub(super) struct Args {
    /// The directory, as /usr/local/share/man/man1; without it perouter(1) is printed
    directory: Option<PathBuf>,
}

/// Runs `perouter man`.
pub(super) fn run(args: Args) -> ExitCode {
    match write(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => super::fail(&error.to_string()),
    }
}

fn write(Args { directory }: Args) -> io::Result<()> {
    match directory {
        Some(directory) => pages(&directory).map_err(|error| {
            let words = format!("cannot write into {}: {error}", directory.display());
            io::Error::new(error.kind(), words)
        }),
        None => io::stdout().lock().write_all(&page()?),
    }
}

/// The page of the program itself.
pub(super) fn page() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(super::Cli::command()).render(&mut page)?;
    Ok(page)
}

/// Writes a page for the program, and one for each subcommand, into a directory; and those of the
/// plugin of kubectl.
pub(super) fn pages(directory: &Path) -> io::Result<()> {
    clap_mangen::generate_to(super::Cli::command(), directory)?;
    clap_mangen::generate_to(super::kubectl::Plugin::command(), directory)
}
