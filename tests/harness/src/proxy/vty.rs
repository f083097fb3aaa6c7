//! The proxy before the vty sockets.
//!
//! A command ends with one NUL, its answer with three NULs and a status byte. Commands that come
//! in one write are forwarded one by one; those behind one whose connection closes are lost with
//! it, those behind a refused one are not.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

use super::{Background, Fault, Faults};
use crate::{Daemon, Frr, HarnessError};

/// The end of an answer, before the status byte.
const TRAILER: &[u8] = &[0; 3];

/// Stands before the vty sockets of some daemons.
pub struct VtyProxy {
    dir: TempDir,
    faults: Faults,
    // Held for its end: all connections close with it.
    _background: Background,
}

impl VtyProxy {
    /// Listens in a directory of its own, with a socket for each of these daemons that is named
    /// like the daemon's own.
    ///
    /// # Errors
    ///
    /// What the system says when a directory or a socket cannot be made.
    pub fn start(real: &Frr, daemons: &[Daemon]) -> Result<Self, HarnessError> {
        let dir = tempfile::Builder::new()
            .prefix("perouter-proxy-")
            .tempdir()
            .map_err(HarnessError::system("make a temporary directory"))?;
        let (background, faults) = (Background::start()?, Faults::default());
        let runtime = background.runtime()?;
        for daemon in daemons {
            let path = dir.path().join(format!("{daemon}.vty"));
            let _inside = runtime.enter();
            let listener = UnixListener::bind(&path).map_err(HarnessError::system(format!(
                "listen at {}",
                path.display()
            )))?;
            let real = real.vty_socket(*daemon);
            runtime.spawn(accept(listener, *daemon, real, faults.clone()));
        }
        Ok(Self {
            dir,
            faults,
            _background: background,
        })
    }

    /// The directory of its sockets: `<dir>/bgpd.vty`.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it lets fail. Every command counts, `enable` and `show` too.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

async fn accept(listener: UnixListener, daemon: Daemon, real: PathBuf, faults: Faults) {
    while let Ok((client, _)) = listener.accept().await {
        let (real, faults) = (real.clone(), faults.clone());
        tokio::spawn(async move {
            // Whichever side ends, the other sees its connection close.
            let Ok(upstream) = UnixStream::connect(real).await else {
                return;
            };
            let connection = Connection {
                client,
                upstream,
                daemon,
                faults,
            };
            let _ = connection.serve().await;
        });
    }
}

/// Whether a connection goes on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Stays,
    Closes,
}

struct Connection {
    client: UnixStream,
    upstream: UnixStream,
    daemon: Daemon,
    faults: Faults,
}

impl Connection {
    async fn serve(mut self) -> io::Result<()> {
        let mut received = BytesMut::new();
        while let Some(command) = self.command(&mut received).await? {
            let text = String::from_utf8_lossy(&command);
            let fault = self.faults.next(self.daemon, &text);
            if self.take(&command, fault).await? == Next::Closes {
                break;
            }
        }
        Ok(())
    }

    /// The next command without its NUL; none when either side has closed.
    async fn command(&mut self, received: &mut BytesMut) -> io::Result<Option<BytesMut>> {
        let mut unasked = BytesMut::new();
        loop {
            if let Some(end) = received.iter().position(|byte| *byte == 0) {
                let command = received.split_to(end);
                received.advance(1);
                return Ok(Some(command));
            }
            tokio::select! {
                read = self.client.read_buf(received) => if read? == 0 {
                    return Ok(None);
                },
                read = self.upstream.read_buf(&mut unasked) => {
                    if read? == 0 {
                        return Ok(None);
                    }
                    self.client.write_all_buf(&mut unasked).await?;
                }
            }
        }
    }

    async fn take(&mut self, command: &[u8], fault: Option<Fault>) -> io::Result<Next> {
        match fault {
            None => self.forward(command, Duration::ZERO).await,
            Some(Fault::Late(delay)) => self.forward(command, delay).await,
            Some(Fault::ClosedBefore) => Ok(Next::Closes),
            Some(Fault::ClosedAfter) => {
                self.ask(command).await?;
                Ok(Next::Closes)
            }
            Some(Fault::Refused { status, words }) => {
                let answer = [b"% ", words.as_bytes(), b"\n", TRAILER, &[status]].concat();
                self.client.write_all(&answer).await?;
                Ok(Next::Stays)
            }
        }
    }

    async fn forward(&mut self, command: &[u8], delay: Duration) -> io::Result<Next> {
        let answer = self.ask(command).await?;
        tokio::time::sleep(delay).await;
        self.client.write_all(&answer).await?;
        match is_whole(&answer) {
            true => Ok(Next::Stays),
            false => Ok(Next::Closes),
        }
    }

    /// The daemon's answer to one command; what there is of it when the daemon closes before.
    async fn ask(&mut self, command: &[u8]) -> io::Result<BytesMut> {
        self.upstream.write_all(&[command, &[0]].concat()).await?;
        let mut answer = BytesMut::new();
        while !is_whole(&answer) && self.upstream.read_buf(&mut answer).await? != 0 {}
        Ok(answer)
    }
}

/// Whether an answer has come to its end. No text has a NUL in it.
fn is_whole(answer: &[u8]) -> bool {
    (answer.split_last()).is_some_and(|(_, rest)| rest.ends_with(TRAILER))
}
