//! A blocking reader of one answer, for answers that are too large to hold: parsers read from
//! it entry by entry while FRR still writes.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use perouter_parsers::framing::{self, Then};

use super::daemon::Daemon;
use super::vty::VtyError;

/// As long as FRR may keep silent within an answer.
const SILENCE: Duration = Duration::from_secs(20);

/// The text of one answer, from its first byte to its trailer, as a stream.
#[derive(Debug)]
pub struct Query {
    stream: UnixStream,
    /// Read ahead: text, and behind it perhaps a part of the trailer.
    held: Vec<u8>,
    /// How much of it is text.
    text: usize,
    ended: bool,
}

impl Query {
    /// Opens a connection of its own and asks. Call it where blocking is allowed.
    ///
    /// # Errors
    /// [`VtyError`] when the daemon cannot be reached.
    pub fn ask(daemon: Daemon, dir: &Path, command: &str) -> Result<Self, VtyError> {
        let path = daemon.vty_socket(dir);
        let open = || -> io::Result<UnixStream> {
            let stream = UnixStream::connect(&path)?;
            stream.set_read_timeout(Some(SILENCE))?;
            stream.set_write_timeout(Some(SILENCE))?;
            Ok(stream)
        };
        let stream = open().map_err(|source| VtyError::Connect {
            daemon,
            path: path.clone(),
            source,
        })?;
        let mut query = Self {
            stream,
            held: Vec::with_capacity(64 * 1024),
            text: 0,
            ended: false,
        };
        let mut send = |command: &str| -> io::Result<()> {
            query.stream.write_all(command.as_bytes())?;
            query.stream.write_all(&[0])
        };
        let lost = |source| VtyError::Lost {
            daemon,
            command: command.to_owned(),
            source,
        };
        send("enable").map_err(lost)?;
        let mut silence = Vec::new();
        query.read_to_end(&mut silence).map_err(lost)?;
        query.ended = false;
        query.stream.write_all(command.as_bytes()).map_err(lost)?;
        query.stream.write_all(&[0]).map_err(lost)?;
        Ok(query)
    }

    /// Reads more until something can be given or the trailer is there.
    fn fill(&mut self) -> io::Result<()> {
        while self.text == 0 && !self.ended {
            let mut chunk = [0_u8; 64 * 1024];
            let read = self.stream.read(&mut chunk)?;
            if read == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "FRR closed the connection in the middle of its answer",
                ));
            }
            self.held.extend_from_slice(&chunk[..read]);
            let front = framing::front(&self.held[self.text..]);
            self.text += front.text;
            match front.then {
                Then::More => {}
                Then::End(_status) => {
                    self.held.truncate(self.text);
                    self.ended = true;
                }
                Then::Garbled => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "there is a NUL in FRR's answer",
                    ));
                }
            }
        }
        Ok(())
    }
}

impl Read for Query {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.fill()?;
        let count = self.text.min(into.len());
        into[..count].copy_from_slice(&self.held[..count]);
        self.held.drain(..count);
        self.text -= count;
        Ok(count)
    }
}
