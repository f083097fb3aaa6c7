//! What an agent's log says from some point on.

use std::time::Duration;

use perouter::status::Timestamp;
use perouter::verify::Check;

use crate::fabric::{Fabric, Failure};

const FILE: &str = "/var/log/perouter/agent.log";

/// The log from some point on.
pub(in crate::scenarios) struct Log {
    node: &'static str,
    /// Lines before that point.
    before: usize,
}

/// Lines of the log, each with its time since the epoch.
pub(in crate::scenarios) struct Said(Vec<(Duration, String)>);

impl Log {
    pub(in crate::scenarios) fn from_here(
        fabric: &Fabric,
        node: &'static str,
    ) -> Result<Self, Failure> {
        let count = fabric.shell(node, &format!("wc -l < {FILE}"))?;
        Ok(Self {
            node,
            before: count.trim().parse()?,
        })
    }

    pub(in crate::scenarios) fn read(&self, fabric: &Fabric) -> Result<Said, Failure> {
        let script = format!(
            "tail -n +{} {FILE} | sed 's/\\x1b\\[[0-9;]*m//g'",
            self.before + 1
        );
        let text = fabric.shell(self.node, &script)?;
        Ok(Said(text.lines().filter_map(line).collect()))
    }
}

/// A line's time and what follows the module that says it.
fn line(line: &str) -> Option<(Duration, String)> {
    let (time, rest) = line.trim_start().split_once(' ')?;
    let time: Timestamp = time.parse().ok()?;
    // Spans stand before the module.
    let (_, module) = rest.split_once(" perouter::")?;
    let (_, words) = module.split_once(": ")?;
    let since_epoch = Duration::from_micros(u64::try_from(time.as_microsecond()).ok()?);
    Some((since_epoch, words.to_owned()))
}

/// The check that a line says has failed.
fn check(words: &str) -> Option<Check> {
    let (first, rest) = words.split_once([' ', ':'])?;
    rest.contains("expected ").then_some(())?;
    first.parse().ok()
}

impl Said {
    pub(in crate::scenarios) fn lines(&self) -> Vec<&str> {
        self.0.iter().map(|(_, words)| words.as_str()).collect()
    }

    /// When a check was first said to have failed.
    pub(in crate::scenarios) fn found(&self, name: &str) -> Option<Duration> {
        let mut failed = self
            .0
            .iter()
            .filter(|(_, words)| check(words).is_some_and(|check| check.name() == name));
        failed.next().map(|(time, _)| *time)
    }

    /// What was said to be broken.
    pub(in crate::scenarios) fn failed(&self) -> Vec<&str> {
        let lines = self.lines().into_iter();
        lines.filter(|words| check(words).is_some()).collect()
    }

    /// What the agent said that it mended.
    pub(in crate::scenarios) fn mending(&self) -> Vec<&str> {
        let lines = self.lines().into_iter();
        lines
            .filter(|words| words.contains("behind our back; mending: "))
            .collect()
    }

    /// When the node was first said not to be ready.
    pub(in crate::scenarios) fn not_ready(&self) -> Option<Duration> {
        let mut times = self
            .0
            .iter()
            .filter(|(_, words)| words.starts_with("not ready: "));
        times.next().map(|(time, _)| *time)
    }
}
