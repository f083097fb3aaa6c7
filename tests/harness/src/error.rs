//! What can go wrong with an instance, and what to do about it.

use std::{io, path::PathBuf};

use crate::Daemon;

/// Why an instance could not do what a test asked of it.
#[derive(Debug, thiserror::Error)]
pub enum HarnessError {
    /// There is no Debian root with FRR where one is expected.
    #[error(
        "no FRR below {}: run `make root`, or set PEROUTER_ROOT to a Debian root with FRR",
        path.display()
    )]
    NoRoot {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Namespaces can only be made by root.
    #[error("tests with real FRR make namespaces: run them as root")]
    NotRoot,
    /// The root has no user `frr`, or its `/etc/passwd` cannot be read.
    #[error("{} has no user frr: run `make root`", path.display())]
    NoFrrUser {
        /// The password file of the root.
        path: PathBuf,
    },
    /// A system call failed.
    #[error("cannot {action}")]
    System {
        /// What was attempted.
        action: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The namespaces of an instance were not made.
    #[error("the namespaces of the instance were not made: {output}")]
    Namespaces {
        /// What the commands that make them said.
        output: String,
    },
    /// A command ended with another status than 0.
    #[error("`{command}` ended with {status}: {output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: std::process::ExitStatus,
        /// What it wrote, both streams.
        output: String,
    },
    /// A daemon did not answer on its vty socket in time, or ended before.
    #[error("{daemon} {what}; it wrote:\n{log}")]
    NotReady {
        /// The daemon.
        daemon: Daemon,
        /// What happened instead.
        what: String,
        /// The end of its log.
        log: String,
    },
    /// The daemon is not running.
    #[error("{daemon} is not running")]
    NotRunning {
        /// The daemon.
        daemon: Daemon,
    },
    /// The daemon is running already.
    #[error("{daemon} is running already")]
    Running {
        /// The daemon.
        daemon: Daemon,
    },
    /// A vty refused a command.
    #[error("{daemon} answers `{command}` with status {status}: {text}")]
    Vty {
        /// The daemon.
        daemon: Daemon,
        /// The refused command.
        command: String,
        /// The status byte (`lib/command.h` of FRR).
        status: u8,
        /// What the daemon said.
        text: String,
    },
}

impl HarnessError {
    /// Names what was attempted when a system call failed.
    pub(crate) fn system(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::System { action, source }
    }
}
