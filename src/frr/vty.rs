//! One connection to a daemon's vty socket, which is what vtysh speaks.
//!
//! A command is its text and one NUL. The answer is text, three NULs and a status byte (FRR's
//! `lib/command.h`). What always holds: a connection whose answer was not read to its end is
//! never used again, because the next command would get the rest of it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use perouter_parsers::framing::{self, Then};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::daemon::Daemon;

/// How long FRR may keep silent before an answer counts as lost. A daemon with a full table to
/// walk answers late, but not in pieces this far apart.
const SILENCE: Duration = Duration::from_secs(20);

/// How long connecting may take: the socket is local, so this is a daemon that hangs.
const CONNECT: Duration = Duration::from_secs(3);

/// What a daemon said to one command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How it took the command.
    pub status: Status,
    /// Its words.
    pub text: String,
}

/// The status byte of an answer (FRR's `CMD_…`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// 0: done.
    Success,
    /// 1: done or not done, with a warning; some `show` commands say this for an empty answer.
    Warning,
    /// 2: no such command here.
    NoMatch,
    /// 3: the command is ambiguous.
    Ambiguous,
    /// 4: the command is incomplete.
    Incomplete,
    /// 13: the configuration was refused.
    ConfigFailed,
    /// Any other.
    Other(u8),
}

impl From<u8> for Status {
    fn from(byte: u8) -> Self {
        match byte {
            0 => Self::Success,
            1 => Self::Warning,
            2 => Self::NoMatch,
            3 => Self::Ambiguous,
            4 => Self::Incomplete,
            13 => Self::ConfigFailed,
            other => Self::Other(other),
        }
    }
}

/// Why a daemon could not be spoken with.
#[derive(Debug, thiserror::Error)]
pub enum VtyError {
    /// The socket cannot be connected to.
    #[error("cannot reach {daemon} at {}: {source}; is FRR running?", path.display())]
    Connect {
        /// Which daemon.
        daemon: Daemon,
        /// Its socket.
        path: PathBuf,
        /// The kernel's words.
        source: std::io::Error,
    },
    /// The connection broke.
    #[error("lost the connection to {daemon} during `{command}`: {source}")]
    Lost {
        /// Which daemon.
        daemon: Daemon,
        /// The command, without secrets.
        command: String,
        /// The kernel's words.
        source: std::io::Error,
    },
    /// The daemon closed the connection before its answer was whole.
    #[error("{daemon} closed the connection in the middle of its answer to `{command}`")]
    Closed {
        /// Which daemon.
        daemon: Daemon,
        /// The command, without secrets.
        command: String,
    },
    /// The daemon said nothing for too long.
    #[error("{daemon} did not answer `{command}` for {} s", SILENCE.as_secs())]
    Silent {
        /// Which daemon.
        daemon: Daemon,
        /// The command, without secrets.
        command: String,
    },
    /// The daemon does not let its connection be used for more than looking.
    #[error("{daemon} refused `enable`")]
    NotEnabled {
        /// Which daemon.
        daemon: Daemon,
    },
    /// The answer is no text: bytes that are no UTF-8, a NUL, or more than one answer.
    #[error("{daemon} answered `{command}` with bytes that are no text")]
    NotText {
        /// Which daemon.
        daemon: Daemon,
        /// The command, without secrets.
        command: String,
    },
}

/// A connection in enable mode.
#[derive(Debug)]
pub struct Vty {
    daemon: Daemon,
    stream: UnixStream,
    buffer: Vec<u8>,
    sound: bool,
}

impl Vty {
    /// Connects to a daemon's socket in `dir` and enables.
    ///
    /// # Errors
    /// [`VtyError`] when the daemon is not there or does not answer.
    pub async fn connect(daemon: Daemon, dir: &Path) -> Result<Self, VtyError> {
        let path = daemon.vty_socket(dir);
        let connected = tokio::time::timeout(CONNECT, UnixStream::connect(&path)).await;
        let stream = connected
            .unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(|source| VtyError::Connect {
                daemon,
                path,
                source,
            })?;
        let mut vty = Self {
            daemon,
            stream,
            buffer: Vec::new(),
            sound: true,
        };
        match vty.execute("enable").await?.status {
            Status::Success => Ok(vty),
            // Without it the daemon would know hardly a command, for as long as this is kept.
            Status::Warning
            | Status::NoMatch
            | Status::Ambiguous
            | Status::Incomplete
            | Status::ConfigFailed
            | Status::Other(_) => Err(VtyError::NotEnabled { daemon }),
        }
    }

    /// Whether the connection may be used again.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.sound
    }

    /// Whether the daemon has closed the connection, as far as the kernel knows by now.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let mut probe = [0_u8; 1];
        match self.stream.try_read(&mut probe) {
            Ok(_) => true,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }

    /// Waits until the daemon closes the connection, or says something unasked.
    ///
    /// Cancel safe: nothing is read that an answer needs.
    pub async fn closed(&self) {
        while !self.is_closed() {
            if self.stream.readable().await.is_err() {
                return;
            }
        }
    }

    /// Executes one command that holds no secret.
    ///
    /// # Errors
    /// [`VtyError`] when the answer did not arrive whole. A refusal is an answer, not an error.
    pub async fn execute(&mut self, command: &str) -> Result<Answer, VtyError> {
        self.execute_as(command, command).await
    }

    /// Executes one command; errors and logs name it as `shown`.
    ///
    /// # Errors
    /// As [`Vty::execute`].
    pub async fn execute_as(&mut self, command: &str, shown: &str) -> Result<Answer, VtyError> {
        self.sound = false;
        let (daemon, command_shown) = (self.daemon, || shown.to_owned());
        let lost = |source| VtyError::Lost {
            daemon,
            command: command_shown(),
            source,
        };
        let not_text = || VtyError::NotText {
            daemon,
            command: command_shown(),
        };
        let mut request = Vec::with_capacity(command.len() + 1);
        request.extend_from_slice(command.as_bytes());
        request.push(0);
        self.stream.write_all(&request).await.map_err(lost)?;
        self.buffer.clear();
        let mut text = 0;
        let status = loop {
            let read = tokio::time::timeout(SILENCE, self.stream.read_buf(&mut self.buffer)).await;
            match read {
                Err(_) => {
                    return Err(VtyError::Silent {
                        daemon,
                        command: command_shown(),
                    });
                }
                Ok(Err(source)) => return Err(lost(source)),
                Ok(Ok(0)) => {
                    return Err(VtyError::Closed {
                        daemon,
                        command: command_shown(),
                    });
                }
                Ok(Ok(_)) => {}
            }
            let front = framing::front(&self.buffer[text..]);
            text += front.text;
            match front.then {
                Then::More => {}
                // One command is asked at a time: what follows its answer belongs to nothing.
                Then::End(status) if self.buffer.len() == text + framing::TRAILER => {
                    break Status::from(status);
                }
                Then::End(_) | Then::Garbled => return Err(not_text()),
            }
        };
        let text = std::str::from_utf8(&self.buffer[..text])
            .map_err(|_| not_text())?
            .to_owned();
        self.sound = true;
        tracing::trace!(%daemon, command = shown, ?status, "vty");
        Ok(Answer { status, text })
    }
}
