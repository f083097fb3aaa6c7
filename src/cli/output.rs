//! How a subcommand prints its answer, and how it fails.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::status::render::{Colour, Signs};

#[cfg(test)]
mod tests;

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
    // A reader that has seen enough, as `head` has, is no failure.
    write(&text).map(drop)
}

/// Whether somebody still reads what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Yes.
    There,
    /// The pipe is closed.
    Gone,
}

/// Writes to standard output, at once.
pub(super) fn write<E: std::error::Error>(text: &str) -> Result<Reader, Error<E>> {
    let mut stdout = io::stdout().lock();
    let written = stdout.write_all(text.as_bytes());
    match written.and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(Error::Write(error)),
    }
}

/// Colour for standard output.
pub(super) fn colour() -> Colour {
    if is_coloured(io::stdout().is_terminal()) {
        Colour::On
    } else {
        Colour::Off
    }
}

/// Colour on a terminal, unless it is unwanted (`NO_COLOR`) or cannot be shown (`TERM=dumb`).
pub(super) fn is_coloured(is_terminal: bool) -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_terminal && !unwanted && !is_dumb()
}

/// Whether the terminal can do nothing but print lines.
pub(super) fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// The signs that this locale can show.
pub(super) fn signs() -> Signs {
    signs_of(|name| std::env::var(name).ok())
}

/// The first of the variables that is set says how characters are encoded (POSIX).
fn signs_of(variable: impl Fn(&str) -> Option<String>) -> Signs {
    let set = |name: &&str| variable(name).filter(|value| !value.is_empty());
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set);
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") {
        Signs::Unicode
    } else {
        Signs::Ascii
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
