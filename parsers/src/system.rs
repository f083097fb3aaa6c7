//! `show version` and `show daemons`: which FRR answers, and what of it runs.

use std::{cmp::Ordering, collections::BTreeSet, fmt, str::FromStr};

use nom::{
    IResult, Parser,
    bytes::complete::{tag, take_till, take_while},
    character::complete::u16,
    combinator::{all_consuming, opt},
    sequence::preceded,
};
use thiserror::Error;

use crate::words::words;

/// A release of FRR, ordered by its numbers: 10.3 comes before 10.7.1.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// First number.
    pub major: u16,
    /// Second number.
    pub minor: u16,
    /// Third number; 0 where none is written.
    pub patch: u16,
    /// What follows the numbers: `-dev`, `_git`, `-my-build`. Only breaks ties in the order.
    pub suffix: String,
}

impl Version {
    /// A release without a suffix.
    #[must_use]
    pub const fn new(major: u16, minor: u16, patch: u16) -> Self {
        Self {
            major,
            minor,
            patch,
            suffix: String::new(),
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |version: &Self| (version.major, version.minor, version.patch);
        numbers(self)
            .cmp(&numbers(other))
            .then_with(|| self.suffix.cmp(&other.suffix))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)?;
        // A zero is left out, unless what follows would then be read in its place.
        if self.patch != 0 || self.suffix.starts_with('.') {
            write!(f, ".{}", self.patch)?;
        }
        f.write_str(&self.suffix)
    }
}

/// Why a text names no version or daemons.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SystemError {
    /// The text is not a version's number.
    #[error("{text:?} is not a version of FRR")]
    Version {
        /// The text.
        text: String,
    },
    /// The answer to `show version` does not begin as it should.
    #[error("show version: {text:?} does not begin with \"FRRouting\" and a number")]
    Answer {
        /// The first line of the answer.
        text: String,
    },
    /// FRR answered `show daemons` with a message.
    #[error("show daemons: FRR answered: {text}")]
    Daemons {
        /// FRR's words.
        text: String,
    },
}

impl FromStr for Version {
    type Err = SystemError;

    /// Reads `10.3`, `10.7.1` or `10.5.0-dev`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = |_| SystemError::Version {
            text: text.to_owned(),
        };
        all_consuming(number)
            .parse(text)
            .map(|(_, version)| version)
            .map_err(invalid)
    }
}

fn number(input: &str) -> IResult<&str, Version> {
    let (input, (major, minor)) = (u16, preceded(tag("."), u16)).parse(input)?;
    let (input, patch) = opt(preceded(tag("."), u16)).parse(input)?;
    let (input, suffix) = take_till(char::is_whitespace)(input)?;
    let suffix = suffix.to_owned();
    Ok((
        input,
        Version {
            major,
            minor,
            patch: patch.unwrap_or(0),
            suffix,
        },
    ))
}

/// Reads the first line of `show version`: `FRRouting 10.3 (host) on Linux(6.12.101).`
///
/// # Errors
/// [`SystemError::Answer`] when it is not that.
pub fn version(answer: &str) -> Result<Version, SystemError> {
    let first = || SystemError::Answer {
        text: answer.lines().next().unwrap_or("").to_owned(),
    };
    let skipped = (tag("FRRouting"), take_while(|character| character == ' '));
    preceded(skipped, number)
        .parse(answer.trim_start())
        .map(|(_, version)| version)
        .map_err(|_: nom::Err<nom::error::Error<&str>>| first())
}

/// The modules in an answer to `show modules`, by the names that they give themselves:
/// `bgpd_bmp`, `grpc`.
///
/// # Errors
/// [`SystemError::Answer`] when it is not that.
pub fn modules(answer: &str) -> Result<BTreeSet<String>, SystemError> {
    let mut lines = answer.lines();
    let head = lines.next().unwrap_or_default();
    if !head.starts_with("Module Name ") {
        return Err(SystemError::Answer {
            text: head.to_owned(),
        });
    }
    // What stands under a name is indented; the process's number comes last.
    let names = lines.filter(|line| !line.starts_with("pid:"));
    let names = names.filter(|line| line.starts_with(|first: char| !first.is_whitespace()));
    let names = names.filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}

words! {
    /// A daemon of FRR.
    pub enum Daemon {
        /// Kernel routes, links and VNIs.
        Zebra = "zebra",
        /// BGP.
        Bgpd = "bgpd",
        /// BFD.
        Bfdd = "bfdd",
        /// Static routes.
        Staticd = "staticd",
        /// Management, configuration of converted daemons.
        Mgmtd = "mgmtd",
        /// Restarts the others.
        Watchfrr = "watchfrr",
    }
}

/// Reads `show daemons` of vtysh: the daemons it is connected to.
///
/// # Errors
/// [`SystemError::Daemons`] when FRR answered with a message.
pub fn daemons(answer: &str) -> Result<BTreeSet<Daemon>, SystemError> {
    let answer = answer.trim();
    if answer.starts_with('%') || answer.lines().count() > 1 {
        return Err(SystemError::Daemons {
            text: answer.to_owned(),
        });
    }
    // Words are never refused; the result only has the type that all parsing has.
    Ok(answer
        .split_ascii_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect())
}

#[cfg(test)]
mod tests;
