//! What can go wrong between us and FRR.

use std::path::PathBuf;

use perouter_parsers::system::Version;

use super::daemon::Daemon;
use super::vty::VtyError;

/// Why FRR was not led where it should be.
#[derive(Debug, thiserror::Error)]
pub enum FrrError {
    /// A daemon cannot be spoken with.
    #[error(transparent)]
    Vty(#[from] VtyError),
    /// A daemon refused a command.
    #[error("{daemon} refused `{command}`: {words}")]
    Refused {
        /// Which daemon.
        daemon: Daemon,
        /// The command with its contexts, without secrets.
        command: String,
        /// FRR's words.
        words: String,
    },
    /// A daemon's answer cannot be read.
    #[error("the answer of {daemon} to `{command}` cannot be read: {source}")]
    Unreadable {
        /// Which daemon.
        daemon: Daemon,
        /// The command.
        command: String,
        /// What is wrong with the answer.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A daemon refused over its northbound, or that could not be reached.
    #[error("northbound of {daemon}: {source}")]
    Northbound {
        /// Which daemon.
        daemon: Daemon,
        /// What happened, with FRR's words.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A daemon is of a release that is too old.
    #[error("{daemon} is FRR {found}, and FRR {needed} or later is needed")]
    TooOld {
        /// Which daemon.
        daemon: Daemon,
        /// Its release.
        found: Version,
        /// The oldest release that is driven.
        needed: Version,
    },
    /// What was taken back does not read back as it was.
    #[error("{daemon} does not run what it ran before{}; left to do: {remains}", because(.refusal))]
    Remains {
        /// Which daemon.
        daemon: Daemon,
        /// The commands that would lead there, without secrets.
        remains: String,
        /// What was refused on the way back.
        refusal: Option<Box<FrrError>>,
    },
    /// The turn to change FRR could not be taken.
    #[error("cannot take the turn to change FRR, with {}: {source}", path.display())]
    Turn {
        /// The file by which drivers take turns.
        path: PathBuf,
        /// The kernel's words.
        source: std::io::Error,
    },
    /// A refused change could not be taken back whole.
    #[error("{refusal}; and what had been done could not be undone: {undo}")]
    NotUndone {
        /// The refusal.
        refusal: Box<FrrError>,
        /// Why it could not be undone.
        undo: Box<FrrError>,
    },
}

fn because(refusal: &Option<Box<FrrError>>) -> String {
    refusal
        .as_ref()
        .map_or_else(String::new, |refusal| format!(" ({refusal})"))
}

impl FrrError {
    pub(super) fn refused(daemon: Daemon, command: &str, text: &str) -> Self {
        let words: Vec<&str> = text.split_whitespace().collect();
        let words = if words.is_empty() {
            "it said nothing more".to_owned()
        } else {
            words.join(" ").trim_start_matches("% ").to_owned()
        };
        Self::Refused {
            daemon,
            command: command.to_owned(),
            words,
        }
    }

    pub(super) fn unreadable(
        daemon: Daemon,
        command: &str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Unreadable {
            daemon,
            command: command.to_owned(),
            source: Box::new(source),
        }
    }

    /// A refusal, and what became of taking back what had been done.
    pub(super) fn after(self, undone: Result<(), Self>) -> Self {
        match undone {
            Ok(()) => self,
            Err(undo) => Self::NotUndone {
                refusal: Box::new(self),
                undo: Box::new(undo),
            },
        }
    }

    /// Whether the daemon could not be spoken with at all, as opposed to having refused.
    #[must_use]
    pub fn is_absence(&self) -> bool {
        match self {
            Self::Vty(_) => true,
            Self::Refused { .. }
            | Self::Unreadable { .. }
            | Self::Northbound { .. }
            | Self::TooOld { .. }
            | Self::Remains { .. }
            | Self::Turn { .. }
            | Self::NotUndone { .. } => false,
        }
    }
}
