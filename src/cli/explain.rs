//! `perouter explain`: what a check means, and what to do when it fails. Needs no agent.

use std::convert::Infallible;
use std::process::ExitCode;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use serde::Serialize;

use super::output::{self, Output};
use crate::status::render;
use crate::verify::{Check, Explanation};

/// Explains a check: what is broken when it fails, the usual causes, and how to mend them
///
/// Without a check, all of them are listed with their meaning. No agent is asked.
#[derive(clap::Args)]
pub(super) struct Args {
    /// The check, as `perouter status` and `perouter verify` name it
    #[arg(value_parser = checks(), hide_possible_values = true)]
    check: Option<Check>,
    /// How to print it
    #[arg(short, long, value_enum, default_value_t)]
    output: Output,
}

/// Checks by name; of a word that is none, those that are near are told.
fn checks() -> impl TypedValueParser<Value = Check> {
    let names = Check::ALL.map(|check| PossibleValue::new(check.name()).help(check.meaning()));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<Check>())
}

/// An explanation, for programs.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained {
    check: Check,
    meaning: &'static str,
    broken: &'static str,
    causes: &'static [&'static str],
    mend: &'static [&'static str],
    look: &'static [&'static str],
}

impl From<Check> for Explained {
    fn from(check: Check) -> Self {
        let Explanation {
            broken,
            causes,
            mend,
            look,
        } = check.explanation();
        Self {
            check,
            meaning: check.meaning(),
            broken,
            causes,
            mend,
            look,
        }
    }
}

/// Runs `perouter explain`.
pub(super) fn run(args: Args) -> ExitCode {
    let Args { check, output } = args;
    let printed = match check {
        Some(check) => output::print::<_, Infallible>(output, &Explained::from(check), |colour| {
            render::explain::one(check, colour)
        }),
        None => {
            let all = Check::ALL.map(Explained::from);
            output::print(output, &all.as_slice(), render::explain::all)
        }
    };
    output::finish("explain", printed.map(|()| ExitCode::SUCCESS))
}
