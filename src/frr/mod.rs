//! One FRR instance, driven live: observe what it runs, execute steps, say what it refused.
//!
//! What FRR implements in YANG goes through its gRPC northbound where the module is loaded; all
//! else, and everything where it is not, goes through the daemons' vty sockets. The instance is
//! ours whole, and one task owns the [`Frr`] value, so commands never interleave; drivers in
//! several programs take turns ([`Turn`]).

mod choose;
mod connections;
pub mod daemon;
mod error;
mod filters;
mod northbound;
mod profiles;
pub mod query;
mod raw;
pub mod station;
mod turn;
mod typing;
mod vnis;
pub mod vty;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Weak;
use std::time::Duration;

use perouter_parsers::running_config::{Config, Reader};
use perouter_parsers::system::Version;

use crate::plan::bfd::SeenBfd;
use crate::plan::bgp::desired::ALLOW_ALL;
use crate::plan::bgp::difference::{Command, ContextChange};
use crate::plan::{Presence, SeenFrr};
use connections::Connections;
pub use connections::OLDEST;
pub use daemon::Daemon;
pub use error::FrrError;
use northbound::Northbound;
pub use northbound::{InUse, Mode};
pub use turn::Turn;
use turn::{Held, Mark};
use vnis::Mapping;
use vty::{Answer, Status, Typed};

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

/// How often something failed: it was refused, or a daemon could not be spoken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Errors {
    /// Over the vty sockets.
    pub vty: u64,
    /// Over the gRPC northbound.
    pub northbound: u64,
}

/// A driver for one FRR instance.
#[derive(Debug)]
pub struct Frr {
    connections: Connections,
    northbound: Northbound,
    writes: u64,
    /// Commands that were refused over the vty.
    refused: u64,
    reader: Reader,
    /// Our turn, as long as somebody holds it.
    turn: Weak<Held>,
    /// How the file of turns read at our last turn, with our own changes.
    mark: Option<Mark>,
    known: Known,
}

/// What was read from FRR, and was not changed since by us or another driver.
#[derive(Default)]
struct Known {
    bgp: Option<Config>,
    /// What zebra holds.
    vnis: Option<Mapping>,
    bfd: Option<SeenBfd>,
    /// What mgmtd believes that zebra holds.
    believed: Option<Mapping>,
    /// How many connections had been opened then.
    opened: u64,
}

impl std::fmt::Debug for Known {
    /// The configuration may hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Known")
            .field("bgp", &self.bgp.is_some())
            .field("vnis", &self.vnis)
            .field("believed", &self.believed)
            .finish_non_exhaustive()
    }
}

impl Frr {
    /// A driver that connects when it is first used, and again after a loss.
    #[must_use]
    pub fn new(options: Options) -> Self {
        Self {
            northbound: Northbound::new(options.northbound, options.netns),
            connections: Connections::new(options.dir),
            writes: 0,
            refused: 0,
            reader: Reader::new(),
            turn: Weak::new(),
            mark: None,
            known: Known::default(),
        }
    }

    /// The folder of the vty sockets.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.connections.dir
    }

    /// How many configuration commands and commits were sent so far.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// How often something failed so far, by the way that was taken.
    #[must_use]
    pub fn errors(&self) -> Errors {
        Errors {
            vty: self.connections.errors() + self.refused,
            northbound: self.northbound.errors(),
        }
    }

    /// Whether a daemon's vty is connected, as far as the kernel knows by now.
    #[must_use]
    pub fn is_connected(&self, daemon: Daemon) -> bool {
        self.connections.is_open(daemon)
    }

    /// The release of a daemon, as it said when it was connected to last.
    #[must_use]
    pub fn version(&self, daemon: Daemon) -> Option<&Version> {
        self.connections.version(daemon)
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
        self.connections.next_lost().await
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
        self.connections.forget(daemon);
        self.northbound.forget(daemon);
        self.known = Known::default();
    }

    /// Tries daemons that failed at once when they are used next, without the pause that follows
    /// failures: there is reason to think that they are there again.
    pub fn try_at_once(&mut self) {
        self.connections.try_at_once();
    }

    /// Forgets every daemon that closed its connection, even if there is another by now. Of several
    /// that die together only one is told of, and each may come back with or without the gRPC
    /// module.
    fn forget_lost(&mut self) {
        for daemon in self.connections.lost() {
            self.forget(daemon);
        }
        for daemon in self.connections.take_reopened() {
            self.northbound.forget(daemon);
        }
    }

    /// Asks a daemon something that changes nothing.
    ///
    /// # Errors
    /// [`FrrError`] when it cannot be reached or does not know the command.
    pub async fn show(&mut self, daemon: Daemon, command: &str) -> Result<String, FrrError> {
        let answer = self.ask(daemon, &Typed::plain(command)).await?;
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

    /// Takes the turn to change this FRR, waiting for another driver that has it. It is to be
    /// held from the observation that a change is planned on until the change was read back;
    /// every change takes it for itself where nobody holds it.
    ///
    /// # Errors
    /// [`FrrError::Turn`].
    pub async fn take_turn(&mut self) -> Result<Turn, FrrError> {
        if let Some(turn) = Turn::again(&self.turn) {
            return Ok(turn);
        }
        let turn = Turn::take(self.dir()).await?;
        let mark = turn.mark()?;
        if self.mark != Some(mark) {
            // Another driver had the turn meanwhile, and what was known is old.
            self.known = Known::default();
            self.mark = Some(mark);
        }
        self.turn = turn.downgrade();
        Ok(turn)
    }

    /// Counts what is about to be written, and tells other drivers of it.
    fn about_to_write(&mut self, writes: usize) -> Result<(), FrrError> {
        self.writes += writes as u64;
        if let Some(turn) = Turn::again(&self.turn) {
            self.mark = Some(turn.advance()?);
        }
        Ok(())
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
        if self.known.opened != self.connections.opened() {
            self.known = Known {
                opened: self.connections.opened(),
                ..Known::default()
            };
        }
        // Without the turn another driver may be in the middle of a change.
        let in_turn = Turn::again(&self.turn).is_some();
        self.known.bgp = in_turn.then(|| bgp.clone());
        self.known.vnis = in_turn.then(|| vnis.clone());
        self.known.bfd = in_turn.then(|| bfd.clone());
        Ok(SeenFrr {
            bgp,
            vnis,
            bfd,
            release: self.version(Daemon::Bgpd).cloned(),
            monitoring: self.connections.monitoring(),
        })
    }

    /// What FRR ran at the last observation, if that is all there is to know: it was made in a
    /// turn of ours, neither we nor another driver changed anything since, and no connection was
    /// lost. What somebody typed by hand meanwhile is not known, so what is planned on this has
    /// to be read back by [`Frr::observe`]. `None` outside of a turn.
    #[must_use]
    pub fn known(&self) -> Option<SeenFrr> {
        Turn::again(&self.turn)?;
        self.is_fresh([Daemon::Bgpd, Daemon::Zebra]).then_some(())?;
        let bfd = self.known.bfd.clone()?;
        match &bfd {
            SeenBfd::NotRunning => {}
            SeenBfd::Profiles(_) => self.is_fresh([Daemon::Bfdd]).then_some(())?,
        }
        Some(SeenFrr {
            bgp: self.known.bgp.clone()?,
            vnis: self.known.vnis.clone()?,
            bfd,
            release: self.version(Daemon::Bgpd).cloned(),
            monitoring: self.connections.monitoring(),
        })
    }

    /// Whether these are the daemons that were spoken with when it was read what is known.
    fn is_fresh<const N: usize>(&self, daemons: [Daemon; N]) -> bool {
        self.known.opened == self.connections.opened()
            && daemons
                .into_iter()
                .all(|daemon| self.connections.is_open(daemon))
    }

    async fn running_bgp(&mut self) -> Result<Config, FrrError> {
        const COMMAND: &str = "show running-config";
        let text = self.show(Daemon::Bgpd, COMMAND).await?;
        let running = self.reader.read(&text);
        running
            .map(|running| running.config)
            .map_err(|source| self.cannot_read(Daemon::Bgpd, COMMAND, source))
    }

    /// Whoever answers what cannot be read is not spoken with again over the same connection.
    fn cannot_read(
        &mut self,
        daemon: Daemon,
        command: &str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> FrrError {
        self.connections.forget(daemon);
        FrrError::unreadable(daemon, command, source)
    }

    /// Leads one context of bgpd from what it is to what it shall be. What was done before a
    /// refusal is undone.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words.
    pub async fn change_bgp(&mut self, change: &ContextChange) -> Result<(), FrrError> {
        self.change_all_bgp(&[change]).await
    }

    /// Leads several contexts of bgpd to what they shall be, one after the other. At a refusal
    /// all of them are led back to what they were.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words; [`FrrError::NotUndone`] when they do not read back as they
    /// were.
    pub async fn change_all_bgp(&mut self, changes: &[&ContextChange]) -> Result<(), FrrError> {
        let _turn = self.take_turn().await?;
        self.known.bgp = None;
        let commands = changes.iter().flat_map(|change| change.commands());
        let commands: Vec<Command> = commands.collect();
        let Err(refusal) = self.configure(Daemon::Bgpd, &commands).await else {
            return Ok(());
        };
        Err(refusal.after(self.restore(changes).await))
    }

    /// Leads contexts back to what they were before a change, from wherever they are now, and
    /// reads back that they are.
    async fn restore(&mut self, changes: &[&ContextChange]) -> Result<(), FrrError> {
        let way = commands_back(&self.running_bgp().await?, changes);
        let typed = self.configure(Daemon::Bgpd, &way).await;
        let left = commands_back(&self.running_bgp().await?, changes);
        if left.is_empty() {
            return Ok(());
        }
        let words: Vec<String> = left.iter().map(ToString::to_string).collect();
        Err(FrrError::Remains {
            daemon: Daemon::Bgpd,
            remains: words.join("; "),
            refusal: typed.err().map(Box::new),
        })
    }

    /// Creates or removes the route map that lets everything through.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words.
    pub async fn set_allow_all(&mut self, presence: Presence) -> Result<(), FrrError> {
        let _turn = self.take_turn().await?;
        self.known.bgp = None;
        self.about_to_write(1)?;
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
        self.type_outside(Daemon::Bgpd, command).await
    }

    /// One command over the daemon's connection, which is opened when there is none.
    async fn ask(&mut self, daemon: Daemon, line: &Typed<'_>) -> Result<Answer, FrrError> {
        let mut answers = self
            .connections
            .ask(daemon, std::slice::from_ref(line))
            .await?;
        answers
            .pop()
            .ok_or_else(|| FrrError::refused(daemon, &line.shown, ""))
    }
}

/// The commands that lead contexts from what runs now back to what they were before a change,
/// the last one first.
fn commands_back(now: &Config, changes: &[&ContextChange]) -> Vec<Command> {
    let running = now.by_header();
    let back = changes.iter().rev().filter_map(|change| {
        let held = running.get(change.header.as_str()).copied();
        ContextChange::between(&change.header, held, change.before.as_ref())
    });
    back.flat_map(|change| change.commands()).collect()
}
