//! How a subcommand prints its answer, and how it fails.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::status::render::Colour;

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Output {
    /// Tables for people
    #[default]
    Table,
    /// One JSON document
    Json,
    /// One YAML document
    Yaml,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error<E: std::error::Error> {
    /// The one who was asked did not answer.
    #[error(transparent)]
    Asked(E),
    /// The answer cannot be written as JSON.
    #[error("the answer cannot be written as JSON")]
    Json(#[source] serde_json::Error),
    /// The answer cannot be written as YAML.
    #[error("the answer cannot be written as YAML")]
    Yaml(#[source] serde_saphyr::SerializeError),
    /// Standard output is closed, or full.
    #[error("cannot write to standard output")]
    Write(#[source] io::Error),
}

/// Prints an answer; `table` makes the form for people.
pub(super) fn print<T: Serialize, E: std::error::Error>(
    output: Output,
    answer: &T,
    table: impl FnOnce(Colour) -> String,
) -> Result<(), Error<E>> {
    let text = match output {
        Output::Table => table(colour()),
        Output::Json => serde_json::to_string_pretty(answer).map_err(Error::Json)? + "\n",
        Output::Yaml => serde_saphyr::to_string(answer).map_err(Error::Yaml)?,
    };
    let mut stdout = io::stdout().lock();
    match stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
    {
        // A reader that has seen enough, as `head` has, is no failure.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(Error::Write),
    }
}

/// Colour on a terminal, unless it is unwanted (`NO_COLOR`) or cannot be shown (`TERM=dumb`).
fn colour() -> Colour {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if io::stdout().is_terminal() && !unwanted && !dumb {
        Colour::On
    } else {
        Colour::Off
    }
}

/// Says why a subcommand failed, with all causes, and gives its exit status, 2.
pub(super) fn finish<E: std::error::Error>(
    name: &str,
    result: Result<ExitCode, Error<E>>,
) -> ExitCode {
    result.unwrap_or_else(|error| {
        eprintln!("perouter {name}: {}", super::chain(&error));
        ExitCode::from(2)
    })
}
