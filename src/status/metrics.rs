//! What Prometheus scrapes, as text.
//!
//! Pure. What the loop counts as it goes is in [`Meters`], atomics that it shares; all else is
//! taken from the last report, so that a scrape never waits for the loop nor the loop for a
//! scrape. Labels come from closed sets and from what is configured: a prefix is never one.

mod meters;
mod rows;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::registry::Registry;

pub use meters::{Extent, Meters, Passed};
pub use prometheus_text::CONTENT_TYPE;

use super::Timestamp;
use super::probe::Progress;
use super::report::Report;

/// What every name of ours begins with.
pub const PREFIX: &str = "perouter";

/// What the kernel says of this process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Process {
    /// Resident memory, in bytes.
    pub resident_bytes: u64,
    /// Time on processors, in the program and in the kernel, in seconds.
    pub cpu_seconds: f64,
    /// When it started, in seconds since the epoch.
    pub start_seconds: f64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// How many it may have open; none without a limit.
    pub max_fds: Option<u64>,
}

/// What one scrape shows.
#[derive(Clone, Debug)]
pub struct Scraped {
    /// The last report; none before the first.
    pub report: Option<Arc<Report>>,
    /// How the loop gets on.
    pub progress: Progress,
    /// This process; none when the kernel did not say.
    pub process: Option<Process>,
}

/// The metrics as text (Prometheus' exposition format 0.0.4).
///
/// # Errors
/// None that are known: text is written into memory.
pub fn render(meters: &Meters, scraped: Scraped) -> Result<String, fmt::Error> {
    let mut registry = Registry::default();
    let ours = registry.sub_registry_with_prefix(PREFIX);
    meters.register(ours);
    let (ours_too, process) = rows::collectors(scraped);
    ours.register_collector(Box::new(ours_too));
    if let Some(process) = process {
        registry.register_collector(Box::new(process));
    }
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

/// A moment as Prometheus has it: seconds since the epoch.
fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}
