//! One connection to a daemon's vty socket, which is what vtysh speaks.
//!
//! A command is its text and one NUL. The answer is text, three NULs and a status byte (FRR's
//! `lib/command.h`). What always holds: a connection whose answer was not read to its end is
//! never used again, because the next command would get the rest of it.

use std::borrow::Cow;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use perouter_parsers::framing::{self, Then};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::daemon::Daemon;

/// How long FRR may keep silent before an answer counts as lost. A daemon with a full table to
/// walk answers late, but not in pieces this far apart.
const SILENCE: Duration = Duration::from_secs(20);

/// How long connecting may take: the socket is local, so this is a daemon that hangs.
const CONNECT: Duration = Duration::from_secs(3);

/// How much is read at once at least: an answer of a thousand VRFs is a third of a megabyte.
const READ_AT_ONCE: usize = 64 * 1024;

/// A line to type.
#[derive(Clone, PartialEq, Eq)]
pub struct Typed<'a> {
    /// What the daemon gets, secrets included.
    pub text: Cow<'a, str>,
    /// What errors and logs call it: without secrets, with its contexts.
    pub shown: Cow<'a, str>,
}

impl<'a> Typed<'a> {
    /// A line that holds no secret.
    #[must_use]
    pub fn plain(line: &'a str) -> Self {
        Self {
            text: Cow::Borrowed(line),
            shown: Cow::Borrowed(line),
        }
    }
}

impl std::fmt::Debug for Typed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Debug::fmt(&self.shown, f)
    }
}

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
    /// The answer is no text: bytes that are no UTF-8 (but for JSON), a NUL, or more than one
    /// answer.
    #[error("{daemon} answered `{command}` with bytes that are no text")]
    NotText {
        /// Which daemon.
        daemon: Daemon,
        /// The command, without secrets.
        command: String,
    },
}

/// An answer's text; `None` when it is none.
///
/// In JSON what is no text counts as an unknown character. zebra prints the names of links that
/// it has freed (FRR 10.3, `show vrf vni json` when a bridge goes while its VRF has a VNI): the
/// name is of no use then, but all the rest is right, and nothing could be mended without it.
fn words_of<'a>(bytes: &'a [u8], line: &Typed<'_>) -> Option<Cow<'a, str>> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(Cow::Borrowed(text)),
        Err(_) if line.text.ends_with(" json") => Some(String::from_utf8_lossy(bytes)),
        Err(_) => None,
    }
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

    /// Whether the daemon has closed the connection, or said something unasked. The kernel is
    /// asked itself: the runtime may not have heard of it yet.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        let mut probe = [0_u8; 1];
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        recv(self.stream.as_raw_fd(), &mut probe, flags) != Err(Errno::EAGAIN)
    }

    /// Waits until the daemon closes the connection, or says something unasked.
    ///
    /// Cancel safe: nothing is read that an answer needs.
    pub async fn closed(&self) {
        let mut probe = [0_u8; 1];
        let nothing_yet = |read: std::io::Result<usize>| {
            read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        };
        // By this the runtime learns that there is nothing yet, and wakes when there is.
        while nothing_yet(self.stream.try_read(&mut probe)) {
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
        let command = Typed::plain(command);
        let mut answers = self.execute_all(std::slice::from_ref(&command)).await?;
        answers.pop().ok_or_else(|| self.closed_in(&command))
    }

    /// Types lines in one write, and collects an answer to each. The daemon takes them in their
    /// order, whatever it thinks of those before; only bgpd's kind answers each before the next
    /// ([`Daemon::answers_in_turn`]).
    ///
    /// # Errors
    /// As [`Vty::execute`]; the error names the line whose answer is missing.
    pub async fn execute_all(&mut self, lines: &[Typed<'_>]) -> Result<Vec<Answer>, VtyError> {
        self.sound = false;
        let Some(first) = lines.first() else {
            self.sound = true;
            return Ok(Vec::new());
        };
        let mut request = Vec::new();
        for line in lines {
            request.extend_from_slice(line.text.as_bytes());
            request.push(0);
        }
        let written = self.stream.write_all(&request).await;
        written.map_err(|source| self.lost_in(first, source))?;
        self.buffer.clear();
        let mut answers = Vec::with_capacity(lines.len());
        let mut from = 0;
        for line in lines {
            let (answer, end) = self.answer(line, from).await?;
            tracing::trace!(daemon = %self.daemon, command = %line.shown, status = ?answer.status, "vty");
            answers.push(answer);
            from = end;
        }
        // Whatever else it says belongs to nobody, and would be taken for the next answer.
        if from < self.buffer.len() {
            return Err(self.not_text(first));
        }
        self.sound = true;
        Ok(answers)
    }

    /// The answer that begins at `from` in the buffer, and where it ends.
    async fn answer(&mut self, line: &Typed<'_>, from: usize) -> Result<(Answer, usize), VtyError> {
        let mut text = from;
        loop {
            let front = framing::front(self.buffer.get(text..).unwrap_or_default());
            text += front.text;
            match front.then {
                Then::More => self.read_more(line).await?,
                Then::End(status) => {
                    let words = self.buffer.get(from..text).unwrap_or_default();
                    let words = words_of(words, line).ok_or_else(|| self.not_text(line))?;
                    let answer = Answer {
                        status: Status::from(status),
                        text: words.into_owned(),
                    };
                    return Ok((answer, text + framing::TRAILER));
                }
                Then::Garbled => return Err(self.not_text(line)),
            }
        }
    }

    async fn read_more(&mut self, line: &Typed<'_>) -> Result<(), VtyError> {
        self.buffer.reserve(READ_AT_ONCE);
        let read = tokio::time::timeout(SILENCE, self.stream.read_buf(&mut self.buffer)).await;
        match read {
            Err(_) => Err(VtyError::Silent {
                daemon: self.daemon,
                command: line.shown.to_string(),
            }),
            Ok(Err(source)) => Err(self.lost_in(line, source)),
            Ok(Ok(0)) => Err(self.closed_in(line)),
            Ok(Ok(_)) => Ok(()),
        }
    }

    fn not_text(&self, line: &Typed<'_>) -> VtyError {
        VtyError::NotText {
            daemon: self.daemon,
            command: line.shown.to_string(),
        }
    }

    fn lost_in(&self, line: &Typed<'_>, source: std::io::Error) -> VtyError {
        VtyError::Lost {
            daemon: self.daemon,
            command: line.shown.to_string(),
            source,
        }
    }

    fn closed_in(&self, line: &Typed<'_>) -> VtyError {
        VtyError::Closed {
            daemon: self.daemon,
            command: line.shown.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_may_name_what_zebra_has_freed_and_a_configuration_may_not() {
        let bytes = b"{\"vni\":100,\"sviIntf\":\"\xb0\x9c\"}";
        let shown = words_of(bytes, &Typed::plain("show vrf vni json"));
        let shown = shown.map(Cow::into_owned);
        assert_eq!(
            shown.as_deref(),
            Some("{\"vni\":100,\"sviIntf\":\"\u{fffd}\u{fffd}\"}")
        );
        let configured = words_of(bytes, &Typed::plain("show running-config"));
        assert_eq!(configured, None);
    }
}
