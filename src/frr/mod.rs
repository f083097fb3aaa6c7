//! One FRR instance, driven live: observe what it runs, execute steps, say what it refused.
//!
//! What FRR implements in YANG goes through its gRPC northbound where the module is loaded; all
//! else, and everything where it is not, goes through the daemons' vty sockets. The instance is
//! ours whole, and one task owns the [`Frr`] value, so commands never interleave.

pub mod daemon;
mod error;
mod filters;
mod northbound;
mod profiles;
pub mod query;
mod raw;
mod vnis;
pub mod vty;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use perouter_parsers::running_config::{Config, RunningConfig};

use crate::plan::bgp::desired::ALLOW_ALL;
use crate::plan::bgp::difference::{Command, ContextChange};
use crate::plan::{Presence, SeenFrr};
pub use daemon::Daemon;
pub use error::FrrError;
use northbound::Northbound;
pub use northbound::{InUse, Mode};
use vty::{Answer, Status, Vty};

/// Where an instance is, and how to speak with it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of its vty sockets.
    pub dir: PathBuf,
    /// The network namespace that its daemons listen in.
    pub netns: PathBuf,
    /// Whether to use its gRPC northbound.
    pub northbound: Mode,
}

/// A driver for one FRR instance.
#[derive(Debug)]
pub struct Frr {
    options: Options,
    vtys: BTreeMap<Daemon, Vty>,
    northbound: Northbound,
    writes: u64,
}

impl Frr {
    /// A driver that connects when it is first used, and again after a loss.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let northbound = Northbound::new(options.northbound, options.netns.clone());
        Self {
            options,
            vtys: BTreeMap::new(),
            northbound,
            writes: 0,
        }
    }

    /// The folder of the vty sockets.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.options.dir
    }

    /// How many configuration commands and commits were sent so far.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// Which way each daemon is driven.
    #[must_use]
    pub fn in_use(&self) -> BTreeMap<Daemon, InUse> {
        self.northbound.in_use()
    }

    /// Waits until a daemon that is connected closes the connection: it died or was restarted.
    /// For ever when none is.
    ///
    /// Cancel safe.
    pub async fn daemon_lost(&self) -> Daemon {
        let closings = self.vtys.iter().map(|(daemon, vty)| {
            Box::pin(async {
                vty.closed().await;
                *daemon
            })
        });
        let closings: Vec<_> = closings.collect();
        if closings.is_empty() {
            return std::future::pending().await;
        }
        futures::future::select_all(closings).await.0
    }

    /// When to observe again, should a daemon that has just come up have its northbound by then.
    #[must_use]
    pub fn ask_again(&self) -> Option<Duration> {
        self.northbound.ask_again()
    }

    /// Waits until what was begun over the northbound has been answered: FRR's gRPC server ends
    /// for good when a call is broken off. To be awaited before the program ends.
    pub async fn settle(&self) {
        self.northbound.settle().await;
    }

    /// Drops the connection to a daemon; the next command opens another.
    pub fn forget(&mut self, daemon: Daemon) {
        self.vtys.remove(&daemon);
        self.northbound.forget(daemon);
    }

    /// Forgets every daemon that closed its connection. Of several that die together only one
    /// is told of, and each may come back with or without the gRPC module.
    fn forget_lost(&mut self) {
        let is_lost = |(daemon, vty): (&Daemon, &Vty)| vty.is_closed().then_some(*daemon);
        let lost: Vec<Daemon> = self.vtys.iter().filter_map(is_lost).collect();
        for daemon in lost {
            self.forget(daemon);
        }
    }

    /// Asks a daemon something that changes nothing.
    ///
    /// # Errors
    /// [`FrrError`] when it cannot be reached or does not know the command.
    pub async fn show(&mut self, daemon: Daemon, command: &str) -> Result<String, FrrError> {
        let answer = self.ask(daemon, command, command).await?;
        match answer.status {
            // Some commands warn where there is nothing to show.
            Status::Success | Status::Warning => Ok(answer.text),
            Status::NoMatch
            | Status::Ambiguous
            | Status::Incomplete
            | Status::ConfigFailed
            | Status::Other(_) => Err(FrrError::refused(daemon, command, &answer.text)),
        }
    }

    /// What FRR runs now, as far as plans go.
    ///
    /// # Errors
    /// [`FrrError`] when a daemon cannot be reached or its answer cannot be read.
    pub async fn observe(&mut self) -> Result<SeenFrr, FrrError> {
        self.forget_lost();
        self.northbound.connect().await?;
        let bgp = self.running_bgp().await?;
        let vnis = self.mapped_vnis().await?;
        let bfd = self.profiles().await?;
        Ok(SeenFrr { bgp, vnis, bfd })
    }

    async fn running_bgp(&mut self) -> Result<Config, FrrError> {
        const COMMAND: &str = "show running-config";
        let text = self.show(Daemon::Bgpd, COMMAND).await?;
        text.parse::<RunningConfig>()
            .map(|running| running.config)
            .map_err(|source| FrrError::unreadable(Daemon::Bgpd, COMMAND, source))
    }

    /// Leads one context of bgpd from what it is to what it shall be. What was done before a
    /// refusal is undone.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words.
    pub async fn change_bgp(&mut self, change: &ContextChange) -> Result<(), FrrError> {
        let Err(refusal) = self.configure(Daemon::Bgpd, &change.commands()).await else {
            return Ok(());
        };
        match self.restore(change).await {
            Ok(()) => Err(refusal),
            Err(undo) => Err(FrrError::NotUndone {
                refusal: Box::new(refusal),
                undo: Box::new(undo),
            }),
        }
    }

    /// Leads a context back to what it was before a change, from wherever it is now.
    async fn restore(&mut self, change: &ContextChange) -> Result<(), FrrError> {
        let now = self.running_bgp().await?;
        let back = ContextChange::towards(&now, &change.header, change.before.as_ref());
        match back {
            Some(back) => self.configure(Daemon::Bgpd, &back.commands()).await,
            None => Ok(()),
        }
    }

    /// Creates or removes the route map that lets everything through.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words.
    pub async fn set_allow_all(&mut self, presence: Presence) -> Result<(), FrrError> {
        self.writes += 1;
        let Err(error) = self.type_allow_all(presence).await else {
            return Ok(());
        };
        // It is done or not, never in part; an answer that was lost does not tell.
        let wanted = presence == Presence::Present;
        match self.running_bgp().await {
            Ok(now) if now.context(ALLOW_ALL).is_some() == wanted => Ok(()),
            Ok(_) | Err(_) => Err(error),
        }
    }

    async fn type_allow_all(&mut self, presence: Presence) -> Result<(), FrrError> {
        if self.northbound.set_allow_all(presence).await? {
            return Ok(());
        }
        let command = match presence {
            Presence::Present => ALLOW_ALL,
            Presence::Absent => "no route-map allowall",
        };
        self.type_in(Daemon::Bgpd, &[], &[command]).await
    }

    /// Types commands into a daemon's configuration, entering their contexts.
    async fn configure(&mut self, daemon: Daemon, commands: &[Command]) -> Result<(), FrrError> {
        self.writes += commands.len() as u64;
        self.enter_configuration(daemon).await?;
        let mut outcome = Ok(());
        for group in commands.chunk_by(|a, b| a.path == b.path) {
            outcome = self.configure_group(daemon, group).await;
            if outcome.is_err() {
                break;
            }
        }
        self.leave_configuration(daemon).await?;
        outcome
    }

    async fn configure_group(&mut self, daemon: Daemon, group: &[Command]) -> Result<(), FrrError> {
        let Some(first) = group.first() else {
            return Ok(());
        };
        for context in &first.path {
            self.accepted(daemon, context.as_str(), context.as_str())
                .await?;
        }
        for command in group {
            self.accepted(daemon, &command.text(), &command.to_string())
                .await?;
        }
        for _ in &first.path {
            self.accepted(daemon, "exit", "exit").await?;
        }
        Ok(())
    }

    /// Types lines without secrets into a context.
    async fn type_in(
        &mut self,
        daemon: Daemon,
        contexts: &[&str],
        lines: &[&str],
    ) -> Result<(), FrrError> {
        self.enter_configuration(daemon).await?;
        let mut outcome = Ok(());
        for line in contexts.iter().chain(lines) {
            outcome = self.accepted(daemon, line, line).await;
            if outcome.is_err() {
                break;
            }
        }
        self.leave_configuration(daemon).await?;
        outcome
    }

    async fn enter_configuration(&mut self, daemon: Daemon) -> Result<(), FrrError> {
        self.accepted(daemon, "configure terminal", "configure terminal")
            .await
    }

    /// A connection that stays in the configuration knows no other command: it is given up.
    async fn leave_configuration(&mut self, daemon: Daemon) -> Result<(), FrrError> {
        let left = self.accepted(daemon, "end", "end").await;
        if left.is_err() {
            self.vtys.remove(&daemon);
        }
        left
    }

    async fn accepted(
        &mut self,
        daemon: Daemon,
        command: &str,
        shown: &str,
    ) -> Result<(), FrrError> {
        let answer = self.ask(daemon, command, shown).await?;
        match answer.status {
            Status::Success => Ok(()),
            Status::Warning
            | Status::NoMatch
            | Status::Ambiguous
            | Status::Incomplete
            | Status::ConfigFailed
            | Status::Other(_)
                if command == shown =>
            {
                Err(FrrError::refused(daemon, shown, &answer.text))
            }
            Status::Warning
            | Status::NoMatch
            | Status::Ambiguous
            | Status::Incomplete
            | Status::ConfigFailed
            | Status::Other(_) => Err(FrrError::refused(
                daemon,
                shown,
                &without_password(&answer.text),
            )),
        }
    }

    /// One command over the daemon's connection, which is opened when there is none. A
    /// connection that broke is dropped; the next command opens another.
    async fn ask(
        &mut self,
        daemon: Daemon,
        command: &str,
        shown: &str,
    ) -> Result<Answer, FrrError> {
        let mut vty = match self.vtys.remove(&daemon) {
            Some(vty) if vty.is_sound() && !vty.is_closed() => vty,
            Some(_) | None => Vty::connect(daemon, &self.options.dir).await?,
        };
        let answer = vty.execute_as(command, shown).await?;
        self.vtys.insert(daemon, vty);
        Ok(answer)
    }
}

/// FRR may repeat the command that it refuses, and so the password in it: whatever follows the
/// word is left out.
fn without_password(words: &str) -> String {
    let hide = |line: &str| match line.split_once("password") {
        Some((before, _)) => format!("{before}password ********"),
        None => line.to_owned(),
    };
    words.lines().map(hide).collect::<Vec<_>>().join("\n")
}
