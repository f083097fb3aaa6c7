//! A blocking vty client, just enough to know that a daemon is ready and to
//! give it commands. The client that ships is elsewhere; tests of it must not
//! depend on it being right.

use std::{
    io::{self, Read, Write},
    os::unix::net::UnixStream,
    path::Path,
    time::Duration,
};

/// One answer of a vty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VtyAnswer {
    /// The status byte: 0 is success (`lib/command.h` of FRR).
    pub status: u8,
    /// What the daemon printed.
    pub text: String,
}

/// One connection to a daemon.
pub(crate) struct Vty {
    stream: UnixStream,
}

impl Vty {
    /// Connects and enters the enabled mode.
    pub(crate) fn connect(socket: &Path, timeout: Duration) -> io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        let mut vty = Self { stream };
        vty.command("enable")?;
        Ok(vty)
    }

    /// Gives one command and collects its answer, up to the three NULs and the
    /// status byte that end it.
    pub(crate) fn command(&mut self, command: &str) -> io::Result<VtyAnswer> {
        self.stream.write_all(command.as_bytes())?;
        self.stream.write_all(&[0])?;
        let mut answer = Vec::new();
        let mut chunk = [0; 16 * 1024];
        loop {
            if let [text @ .., 0, 0, 0, status] = answer.as_slice() {
                let text = String::from_utf8_lossy(text).into_owned();
                return Ok(VtyAnswer {
                    status: *status,
                    text,
                });
            }
            match self.stream.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => answer.extend_from_slice(&chunk[..length]),
            }
        }
    }
}
