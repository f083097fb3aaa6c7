//! The log: for people a line a decision, for programs a JSON document a line.
//!
//! What always holds: no colour where standard error is no terminal.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

#[cfg(test)]
mod tests;

/// The form of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON document a line, with the pass and the object that it belongs to as spans
    Json,
}

/// What is logged when nobody says. The client of the Kubernetes API tells of each try that fails;
/// the agent does once, with the reason.
const USUAL: &str = "info,kube_client=off";

/// Logs to standard error, by `PEROUTER_LOG` (as `info` or `perouter=debug`), [`USUAL`] without it.
pub(super) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_env("PEROUTER_LOG").unwrap_or_else(|_| EnvFilter::new(USUAL));
    let colour = super::output::is_coloured(io::stderr().is_terminal());
    let subscriber = subscriber(format, filter, colour, io::stderr);
    // The program starts it once; a second one would be refused, and the first goes on.
    let _ = tracing::subscriber::set_global_default(subscriber);
}

type Subscriber = Box<dyn tracing::Subscriber + Send + Sync>;

fn subscriber<W>(format: LogFormat, filter: EnvFilter, colour: bool, to: W) -> Subscriber
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        .with_writer(to);
    match format {
        LogFormat::Text => Box::new(builder.with_ansi(colour).finish()),
        LogFormat::Json => Box::new(
            builder
                .json()
                .flatten_event(true)
                .with_current_span(false)
                .with_span_list(true)
                .finish(),
        ),
    }
}
