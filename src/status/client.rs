//! Asks the agent over its unix socket, blocking.

use std::io::{self, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::protocol::{Answer, PlanReport, Request, VerifyReport, WalkReport};
use super::report::Report;
use crate::verify::Target;

#[cfg(test)]
mod tests;

/// How long the agent may be silent before a status; it has that at hand.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the agent may be silent before it has verified or planned: it reads FRR's and the
/// kernel's whole tables first.
const PASS_TIMEOUT: Duration = Duration::from_secs(120);

/// Why the agent gave no answer. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AskError {
    /// Nobody listens.
    #[error(
        "no agent listens on {path}: start it with `perouter agent`, or name its socket with \
         --socket"
    )]
    NotRunning {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The socket is not for this user.
    #[error("{path} is not for this user: run this as root, or as the user that runs the agent")]
    Permission {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// The agent took the request and stayed silent.
    #[error(
        "the agent on {path} did not answer `{request}` within {}s: see its log", .after.as_secs()
    )]
    Silent {
        /// The socket.
        path: PathBuf,
        /// What was asked.
        request: Request,
        /// How long it had.
        after: Duration,
    },
    /// The connection broke.
    #[error("the connection to the agent on {path} broke: see its log")]
    Broken {
        /// The socket.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// What came back is no answer.
    #[error(
        "{path} did not answer `{request}` as this version of perouter does: is it the agent's \
         socket, and of the same version?"
    )]
    Unreadable {
        /// The socket.
        path: PathBuf,
        /// What was asked.
        request: Request,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// The agent refused.
    #[error("the agent cannot answer `{request}`: {words}")]
    Refused {
        /// What was asked.
        request: Request,
        /// The agent's words.
        words: String,
    },
}

/// The agent behind one socket.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
}

impl Client {
    /// The agent that listens on `path`. Connects with each request, not now.
    #[must_use]
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
        }
    }

    /// The report of the last pass.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn status(&self) -> Result<Report, AskError> {
        self.ask(Request::Status, STATUS_TIMEOUT)
    }

    /// One verification now.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn verify(&self) -> Result<VerifyReport, AskError> {
        self.ask(Request::Verify, PASS_TIMEOUT)
    }

    /// One VNI's routes, or those to one prefix or address, as they are now.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn walk(&self, target: Target) -> Result<WalkReport, AskError> {
        self.ask(Request::Walk(target), PASS_TIMEOUT)
    }

    /// What would change now.
    ///
    /// # Errors
    /// [`AskError`].
    pub fn plan(&self) -> Result<PlanReport, AskError> {
        self.ask(Request::Plan, PASS_TIMEOUT)
    }

    fn ask<T: DeserializeOwned>(&self, request: Request, wait: Duration) -> Result<T, AskError> {
        let stream = UnixStream::connect(&self.path).map_err(|source| self.unreached(source))?;
        self.send(&stream, request, wait)
            .map_err(|source| self.broken(source, request, wait))?;
        let answer = serde_json::from_reader(BufReader::new(stream)).map_err(|source| {
            if source.is_io() {
                return self.broken(source.into(), request, wait);
            }
            AskError::Unreadable {
                path: self.path.clone(),
                request,
                source,
            }
        })?;
        match answer {
            Answer::Ok(value) => Ok(value),
            Answer::Error(words) => Err(AskError::Refused { request, words }),
        }
    }

    fn send(&self, mut stream: &UnixStream, request: Request, wait: Duration) -> io::Result<()> {
        stream.set_read_timeout(Some(wait))?;
        stream.set_write_timeout(Some(wait))?;
        writeln!(stream, "{request}")?;
        stream.shutdown(Shutdown::Write)
    }

    fn unreached(&self, source: io::Error) -> AskError {
        let path = self.path.clone();
        if source.kind() == io::ErrorKind::PermissionDenied {
            return AskError::Permission { path, source };
        }
        if [
            io::ErrorKind::NotFound,
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::NotADirectory,
        ]
        .contains(&source.kind())
        {
            return AskError::NotRunning { path, source };
        }
        AskError::Broken { path, source }
    }

    fn broken(&self, source: io::Error, request: Request, after: Duration) -> AskError {
        let path = self.path.clone();
        if [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&source.kind()) {
            return AskError::Silent {
                path,
                request,
                after,
            };
        }
        AskError::Broken { path, source }
    }
}
