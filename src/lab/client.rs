//! What the command line asks of a lab's supervisor: a connection for each request.

use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;

use super::plan::{ClientRequest, Exec, Input, Leash, Plan, Report};
use super::supervisor::socket;
use super::wire::{self, Body, Channel, Outcome, Sender};

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No such lab.
    #[error("no lab named {0} is up")]
    NotUp(String),
    /// The supervisor cannot be started.
    #[error("cannot start {}", program.display())]
    Start {
        /// This program.
        program: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The connection failed.
    #[error("the connection to the lab failed")]
    Line(#[source] io::Error),
    /// The lab went away in the middle.
    #[error("the lab was taken down")]
    Gone,
    /// The lab's own reason.
    #[error("{0}")]
    Refused(String),
    /// An answer that makes no sense.
    #[error("the lab's answer is not understood")]
    Answer(#[source] serde_json::Error),
}

/// A lab that this process started. While it is on a leash, it goes down when this is dropped.
pub struct Started {
    line: UnixStream,
}

impl Started {
    /// Lets the lab go, and returns when nothing is left of it.
    ///
    /// # Errors
    /// When the connection fails.
    pub fn release(mut self) -> Result<(), ClientError> {
        self.line
            .shutdown(std::net::Shutdown::Write)
            .map_err(ClientError::Line)?;
        io::copy(&mut self.line, &mut io::sink()).map_err(ClientError::Line)?;
        Ok(())
    }
}

fn request(line: &UnixStream, request: ClientRequest) -> Result<Sender, ClientError> {
    let sender = Sender::new(line.try_clone().map_err(ClientError::Line)?);
    sender
        .send(Channel(0), &Body::Request(request))
        .map_err(ClientError::Line)?;
    Ok(sender)
}

/// Starts the lab of `plan` and waits until it is up; `progress` is told how far it is.
///
/// # Errors
/// When it cannot be started or built; then nothing of it is left.
pub fn start(
    plan: Plan,
    leash: Leash,
    mut progress: impl FnMut(&str),
) -> Result<Started, ClientError> {
    let program = plan.executable.clone();
    let failed = |source| ClientError::Start {
        program: program.clone(),
        source,
    };
    let (mut ours, theirs) = UnixStream::pair().map_err(failed)?;
    let mut supervisor = Command::new(&program);
    supervisor
        .args(["lab", "supervisor"])
        .stdin(Stdio::from(OwnedFd::from(theirs)));
    supervisor.stdout(Stdio::null()).stderr(Stdio::null());
    // It is a daemon: it goes on when this process ends, and is then collected by process 1.
    drop(supervisor.spawn().map_err(failed)?);
    drop(supervisor);
    request(&ours, ClientRequest::Start(Box::new(plan), leash))?;
    loop {
        match next(&mut ours)? {
            Body::Note(text) => progress(&text),
            Body::Done(Outcome::Success | Outcome::Exit(_)) => return Ok(Started { line: ours }),
            Body::Done(Outcome::Failure(reason)) => {
                return Err(ClientError::Refused(reason));
            }
            Body::Request(_)
            | Body::Input(_)
            | Body::InputEnd
            | Body::Cancel
            | Body::Output(_)
            | Body::Errors(_) => {}
        }
    }
}

fn next(line: &mut impl Read) -> Result<Body<ClientRequest>, ClientError> {
    match wire::read(line).map_err(ClientError::Line)? {
        Some((_, body)) => Ok(body),
        None => Err(ClientError::Gone),
    }
}

fn connect(lab: &str) -> Result<UnixStream, ClientError> {
    let absent = [io::ErrorKind::NotFound, io::ErrorKind::ConnectionRefused];
    UnixStream::connect(socket(lab)).map_err(|error| {
        if absent.contains(&error.kind()) {
            ClientError::NotUp(lab.to_owned())
        } else {
            ClientError::Line(error)
        }
    })
}

/// Runs a command in a node, passing on its output as it comes, and its input if it has one.
/// Returns its exit status.
///
/// # Errors
/// When there is no such lab or node, or the command cannot be started.
pub fn exec(
    lab: &str,
    exec: Exec,
    mut output: impl Write,
    mut errors: impl Write,
) -> Result<u8, ClientError> {
    let mut line = connect(lab)?;
    let input = exec.input;
    let sender = request(&line, ClientRequest::Exec(exec))?;
    match input {
        Input::Empty => {}
        Input::Follows => {
            thread::spawn(move || pass_input(&sender));
        }
    }
    loop {
        match next(&mut line)? {
            Body::Output(bytes) => pass(&mut output, &bytes)?,
            Body::Errors(bytes) => pass(&mut errors, &bytes)?,
            Body::Done(Outcome::Success) => return Ok(0),
            Body::Done(Outcome::Exit(status)) => return Ok(status),
            Body::Done(Outcome::Failure(reason)) => return Err(ClientError::Refused(reason)),
            Body::Request(_) | Body::Input(_) | Body::InputEnd | Body::Cancel | Body::Note(_) => {}
        }
    }
}

fn pass(to: &mut impl Write, bytes: &[u8]) -> Result<(), ClientError> {
    to.write_all(bytes)
        .and_then(|()| to.flush())
        .map_err(ClientError::Line)
}

/// Sends our standard input until it ends; whoever does not want it any more closes the line.
fn pass_input(sender: &Sender) {
    let mut stdin = io::stdin().lock();
    let mut buffer = vec![0; 16 << 10];
    while let Ok(length @ 1..) = stdin.read(&mut buffer) {
        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
        if sender
            .send::<ClientRequest>(Channel(0), &Body::Input(bytes))
            .is_err()
        {
            return;
        }
    }
    let _ = sender.send::<ClientRequest>(Channel(0), &Body::InputEnd);
}

/// A command's exit status and output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// As [`exec`] returns it.
    pub status: u8,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

/// Runs a command in a node and collects its output.
///
/// # Errors
/// As [`exec`].
pub fn collect(lab: &str, node: &str, command: &[&str]) -> Result<Finished, ClientError> {
    let node = node
        .parse()
        .map_err(|error: super::topology::NameError| ClientError::Refused(error.to_string()))?;
    let command = command.iter().map(ToString::to_string).collect();
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let request = Exec {
        node,
        command,
        input: Input::Empty,
    };
    let status = exec(lab, request, &mut output, &mut errors)?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Finished {
        status,
        output: text(output),
        errors: text(errors),
    })
}

/// Asks for the state of the lab's nodes.
///
/// # Errors
/// When there is no such lab.
pub fn status(lab: &str) -> Result<Report, ClientError> {
    let mut line = connect(lab)?;
    request(&line, ClientRequest::Status)?;
    let mut report = Vec::new();
    loop {
        match next(&mut line)? {
            Body::Output(bytes) => report.extend(bytes),
            Body::Done(Outcome::Success | Outcome::Exit(_)) => {
                return serde_json::from_slice(&report).map_err(ClientError::Answer);
            }
            Body::Done(Outcome::Failure(reason)) => return Err(ClientError::Refused(reason)),
            Body::Request(_)
            | Body::Input(_)
            | Body::InputEnd
            | Body::Cancel
            | Body::Errors(_)
            | Body::Note(_) => {}
        }
    }
}

/// Takes the lab down, and returns when nothing is left of it.
///
/// # Errors
/// When there is no such lab.
pub fn down(lab: &str) -> Result<(), ClientError> {
    let mut line = connect(lab)?;
    request(&line, ClientRequest::Down)?;
    loop {
        match next(&mut line) {
            Ok(Body::Done(_)) | Err(ClientError::Gone) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}
