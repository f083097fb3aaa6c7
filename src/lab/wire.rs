//! What the layers of a lab say to each other: frames, many conversations on one line.
//!
//! A frame is its length (four bytes, big endian, of what follows), a conversation's number
//! (four bytes), a kind (one byte) and the content: bytes for data, JSON for everything else.
//! The line may be a socket or a serial line; it must be reliable and transparent.

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Which conversation a frame belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Channel(pub u32);

/// The longest content of a frame that is accepted, in bytes.
const LONGEST: usize = 16 << 20;

/// What a frame says. `R` is what can be asked on this line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body<R> {
    /// Begins a conversation.
    Request(R),
    /// For the standard input of what runs.
    Input(Vec<u8>),
    /// The standard input ends here.
    InputEnd,
    /// Whoever asked has gone: stop what runs.
    Cancel,
    /// From the standard output of what runs, or a report asked for.
    Output(Vec<u8>),
    /// From the standard error of what runs.
    Errors(Vec<u8>),
    /// Progress, for people.
    Note(String),
    /// Ends a conversation.
    Done(Outcome),
}

/// How a conversation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// What was asked is done.
    Success,
    /// The command ended with this exit status; 128 and the signal's number if one killed it.
    Exit(u8),
    /// It could not be done: the reason.
    Failure(String),
}

const REQUEST: u8 = 1;
const INPUT: u8 = 2;
const INPUT_END: u8 = 3;
const CANCEL: u8 = 4;
const OUTPUT: u8 = 5;
const ERRORS: u8 = 6;
const NOTE: u8 = 7;
const DONE: u8 = 8;

impl<R: Serialize> Body<R> {
    fn encode(&self) -> io::Result<(u8, Vec<u8>)> {
        Ok(match self {
            Self::Request(request) => (REQUEST, serde_json::to_vec(request)?),
            Self::Input(bytes) => (INPUT, bytes.clone()),
            Self::InputEnd => (INPUT_END, Vec::new()),
            Self::Cancel => (CANCEL, Vec::new()),
            Self::Output(bytes) => (OUTPUT, bytes.clone()),
            Self::Errors(bytes) => (ERRORS, bytes.clone()),
            Self::Note(text) => (NOTE, text.clone().into_bytes()),
            Self::Done(outcome) => (DONE, serde_json::to_vec(outcome)?),
        })
    }
}

impl<R> Body<R> {
    /// The same for a line on which other things can be asked; nothing if this is a request.
    #[must_use]
    pub fn retarget<S>(self) -> Option<Body<S>> {
        Some(match self {
            Self::Request(_) => return None,
            Self::Input(bytes) => Body::Input(bytes),
            Self::InputEnd => Body::InputEnd,
            Self::Cancel => Body::Cancel,
            Self::Output(bytes) => Body::Output(bytes),
            Self::Errors(bytes) => Body::Errors(bytes),
            Self::Note(text) => Body::Note(text),
            Self::Done(outcome) => Body::Done(outcome),
        })
    }
}

impl<R: DeserializeOwned> Body<R> {
    fn decode(kind: u8, content: Vec<u8>) -> io::Result<Self> {
        Ok(match kind {
            REQUEST => Self::Request(serde_json::from_slice(&content)?),
            INPUT => Self::Input(content),
            INPUT_END => Self::InputEnd,
            CANCEL => Self::Cancel,
            OUTPUT => Self::Output(content),
            ERRORS => Self::Errors(content),
            NOTE => Self::Note(String::from_utf8_lossy(&content).into_owned()),
            DONE => Self::Done(serde_json::from_slice(&content)?),
            other => return Err(invalid(format!("a frame of unknown kind {other}"))),
        })
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Reads the next frame; nothing at the end of the line.
///
/// # Errors
/// When the line breaks, or what it carries is no frame.
pub fn read<R: DeserializeOwned>(line: &mut impl Read) -> io::Result<Option<(Channel, Body<R>)>> {
    let mut length = [0; 4];
    match line.read_exact(&mut length) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(io::Error::other)?;
    if !(5..=LONGEST).contains(&length) {
        return Err(invalid(format!("a frame of {length} bytes")));
    }
    let mut head = [0; 5];
    line.read_exact(&mut head)?;
    let [a, b, c, d, kind] = head;
    let mut content = vec![0; length - head.len()];
    line.read_exact(&mut content)?;
    Ok(Some((
        Channel(u32::from_be_bytes([a, b, c, d])),
        Body::decode(kind, content)?,
    )))
}

/// The writing end of a line; clones share it, and frames never mix.
#[derive(Clone)]
pub struct Sender {
    line: Arc<Mutex<Box<dyn Write + Send>>>,
}

impl Sender {
    /// Takes over `line`.
    pub fn new(line: impl Write + Send + 'static) -> Self {
        Self {
            line: Arc::new(Mutex::new(Box::new(line))),
        }
    }

    /// Sends one frame.
    ///
    /// # Errors
    /// When the line is broken or the content is longer than a frame may be.
    pub fn send<R: Serialize>(&self, channel: Channel, body: &Body<R>) -> io::Result<()> {
        let (kind, content) = body.encode()?;
        let length = content.len() + 5;
        if length > LONGEST {
            return Err(invalid(format!("a frame of {length} bytes")));
        }
        let mut frame = Vec::with_capacity(length + 4);
        frame.extend(
            u32::try_from(length)
                .map_err(io::Error::other)?
                .to_be_bytes(),
        );
        frame.extend(channel.0.to_be_bytes());
        frame.push(kind);
        frame.extend(content);
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        line.write_all(&frame)?;
        line.flush()
    }
}
