//! Raw configuration: typed as it is, whole or not at all, and read back to see what FRR made
//! of it.

use perouter_parsers::running_config::{Config, Context, Line};

use super::{Daemon, Frr, FrrError};
use crate::plan::bgp::difference::{Command, ContextChange, Verb, redacted};
use crate::plan::bgp::raw::{RawApplied, commands, footprint, minus};

impl Frr {
    /// Types the lines of a raw object. What was typed before a refusal is undone, and so is
    /// all of it when it takes away what was there.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words and the line.
    pub async fn type_raw(&mut self, lines: &Config) -> Result<RawApplied, FrrError> {
        let _turn = self.take_turn().await?;
        self.known.bgp = None;
        let before = self.running_bgp().await?;
        let typed = match self.configure(Daemon::Bgpd, &commands(lines)).await {
            Ok(()) => self.typed(lines, &before).await,
            Err(refusal) => Err(refusal),
        };
        let Err(refusal) = typed else {
            return typed;
        };
        Err(refusal.after(self.take_back(lines, &before).await))
    }

    /// What became of lines that were accepted.
    async fn typed(&mut self, lines: &Config, before: &Config) -> Result<RawApplied, FrrError> {
        let after = self.running_bgp().await?;
        if let Some(lost) = first(&minus(before, &after), &minus(&after, before)) {
            let words = format!(
                "it would take away `{lost}`, which is not its own; change the object that says so"
            );
            return Err(FrrError::refused(Daemon::Bgpd, "raw configuration", &words));
        }
        Ok(RawApplied {
            typed: lines.clone(),
            footprint: footprint(lines, before, &after),
        })
    }

    /// Leads every context that raw lines may have touched back to what it was.
    async fn take_back(&mut self, lines: &Config, before: &Config) -> Result<(), FrrError> {
        let now = self.running_bgp().await?;
        let mut back: Vec<Command> = Vec::new();
        for header in lines.contexts().iter().map(Context::header) {
            let was = before.context(header.as_str());
            let change = ContextChange::between(header, now.context(header.as_str()), was);
            back.extend(change.iter().flat_map(ContextChange::commands));
        }
        let outermost = |config: &Config| Config::from(config.lines().to_vec());
        let surplus = minus(&outermost(&now), &outermost(before));
        let missing = minus(&outermost(before), &outermost(&now));
        let command = |verb| {
            move |line: &Line| Command {
                path: Vec::new(),
                verb,
                line: line.clone(),
            }
        };
        back.extend(surplus.lines().iter().map(command(Verb::Remove)));
        back.extend(missing.lines().iter().map(command(Verb::Add)));
        self.configure(Daemon::Bgpd, &back).await
    }
}

/// The first line that was lost and that no new line replaces, for people to read.
fn first(lost: &Config, new: &Config) -> Option<String> {
    let replaced = |line: &&Line| {
        let stem: Vec<&str> = line.words().take(3).collect();
        new.lines()
            .iter()
            .any(|new| new.words().take(3).eq(stem.iter().copied()))
    };
    if let Some(line) = lost.lines().iter().find(|line| !replaced(line)) {
        return Some(redacted(line.as_str()));
    }
    let empty = Config::new();
    lost.contexts().iter().find_map(|context| {
        let header = context.header();
        let inner = new.context(header.as_str()).unwrap_or(&empty);
        let line = first(context.body(), inner)?;
        Some(format!("{header} / {line}"))
    })
}
