//! Answers of any size, entry by entry.
//!
//! An entry is read, handed to the caller and forgotten. What stays in memory is the largest
//! entry and the keys that lead to it.
//!
//! The objects around the entries are walked by hand, because their members appear in FRR's
//! tables by the million; serde reads each entry from memory. Two liberties of FRR 10.3 are
//! taken care of on the way: a comma before the first key, where a table is empty
//! (`{ ,"numPrefix":0,"numPaths":0}`), and an object with a `warning` in place of a table.

mod window;

use std::{
    io::{self, Read},
    ops::ControlFlow,
    str,
};

use serde::{
    Deserialize,
    de::{DeserializeOwned, Error as _, IgnoredAny},
};

use crate::json::{Error, WORDS, absence, words};
pub(crate) use window::Window;
use window::{Sliding, Whole};

/// How a streamed answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streamed {
    /// What was asked for does not exist: no such instance, VRF or neighbour.
    Absent,
    /// The caller asked to stop; the rest was not looked at.
    Stopped,
    /// All entries were handed over, and the answer is complete.
    Complete,
}

/// Why a walk ended before the end of the answer.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The caller asked to stop.
    Stopped,
    /// FRR's words in place of data.
    Warning(String),
    /// The reader failed.
    Io(io::Error),
    /// The data is not what it should be, at this place inside the member.
    Data(String, serde_json::Error),
}

impl Fault {
    /// The member that is being read is wrong as a whole.
    pub(crate) fn data(what: impl std::fmt::Display) -> Self {
        Self::Data(String::new(), serde_json::Error::custom(what))
    }
}

/// An object of which the members are read one by one.
pub(crate) trait Object {
    /// Reads the value of the member whose key is [`Walker::key`].
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault>;
}

/// The place in the answer, and the keys that lead there.
pub(crate) struct Walker<W> {
    window: W,
    /// Keys, outermost first; those from `depth` on are only kept for their memory.
    keys: Vec<String>,
    depth: usize,
}

impl<W: Window> Walker<W> {
    fn new(window: W) -> Self {
        Self {
            window,
            keys: Vec::new(),
            depth: 0,
        }
    }

    /// The key of the member that is being read.
    pub(crate) fn key(&self) -> &str {
        self.depth
            .checked_sub(1)
            .and_then(|last| self.keys.get(last))
            .map_or("", String::as_str)
    }

    /// Reads the member's value.
    pub(crate) fn value<T: DeserializeOwned>(&mut self) -> Result<T, Fault> {
        loop {
            let bytes = self.window.bytes();
            let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<T>();
            let value = values.next();
            let used = values.byte_offset();
            match value {
                // A value at the very end may be the first half of a number.
                Some(Ok(value)) => {
                    if used < bytes.len() || !self.more()? {
                        self.window.consume(used);
                        return Ok(value);
                    }
                }
                Some(Err(error)) if error.is_eof() => {
                    if !self.more()? {
                        return Err(Fault::Data(String::new(), error));
                    }
                }
                Some(Err(error)) => {
                    // Half a number that is passed over is wrong for serde_json, not unfinished.
                    if !at_end(bytes, &error) || !self.more()? {
                        return Err(located::<T>(self.window.bytes(), error));
                    }
                }
                None => {
                    if !self.more()? {
                        return Err(Fault::data("the answer ends where a value should stand"));
                    }
                }
            }
        }
    }

    /// Passes over the member's value.
    pub(crate) fn skip(&mut self) -> Result<(), Fault> {
        self.value::<IgnoredAny>().map(drop)
    }

    /// Reads the member's value as an object, member by member.
    pub(crate) fn enter(&mut self, object: &mut impl Object) -> Result<(), Fault> {
        self.expect(b'{', "an object")?;
        let level = self.depth;
        if self.keys.len() == level {
            self.keys.push(String::new());
        }
        if self.peek()? == Some(b',') {
            self.window.consume(1);
        }
        if self.peek()? == Some(b'}') {
            self.window.consume(1);
            return Ok(());
        }
        loop {
            self.read_key(level)?;
            self.expect(b':', "a colon")?;
            self.depth = level + 1;
            object.member(self)?;
            self.depth = level;
            match self.peek()? {
                Some(b',') => self.window.consume(1),
                Some(b'}') => {
                    self.window.consume(1);
                    return Ok(());
                }
                Some(_) => return Err(Fault::data("a comma or the end of the object is missing")),
                None => return Err(Fault::data("the answer ends inside an object")),
            }
        }
    }

    /// Goes on, or ends the walk, as the caller of the stream answered.
    pub(crate) fn follow(&self, answer: ControlFlow<()>) -> Result<(), Fault> {
        match answer {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Fault::Stopped),
        }
    }

    /// FRR's words in place of data, as many as an error carries.
    fn words(&mut self) -> Result<String, Fault> {
        // A character has four bytes at most.
        while self.window.bytes().len() < 4 * WORDS && self.more()? {}
        Ok(words(self.window.bytes()))
    }

    fn more(&mut self) -> Result<bool, Fault> {
        self.window.more().map_err(Fault::Io)
    }

    /// The next byte that is no white space, which is not used up.
    fn peek(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let bytes = self.window.bytes();
            let space = bytes
                .iter()
                .take_while(|byte| byte.is_ascii_whitespace())
                .count();
            let found = bytes.get(space).copied();
            self.window.consume(space);
            if found.is_some() || !self.more()? {
                return Ok(found);
            }
        }
    }

    fn expect(&mut self, byte: u8, name: &str) -> Result<(), Fault> {
        if self.peek()? == Some(byte) {
            self.window.consume(1);
            return Ok(());
        }
        Err(Fault::data(format_args!("{name} is missing")))
    }

    /// Reads a key into memory that is there already.
    fn read_key(&mut self, level: usize) -> Result<(), Fault> {
        if self.peek()? != Some(b'"') {
            return Err(Fault::data("a key is missing"));
        }
        // JSON escapes control characters.
        let plain = |byte: &u8| !matches!(byte, b'"' | b'\\' | ..b' ');
        let bytes = self.window.bytes().get(1..).unwrap_or_default();
        let length = bytes.iter().take_while(|byte| plain(byte)).count();
        if bytes.get(length) == Some(&b'"')
            && let Some(Ok(key)) = bytes.get(..length).map(str::from_utf8)
        {
            self.keys[level].clear();
            self.keys[level].push_str(key);
            self.window.consume(length + 2);
        } else {
            // It has an escape, is not whole yet, or is wrong.
            self.keys[level] = self.value()?;
        }
        Ok(())
    }

    fn path(&self, inside: &str) -> String {
        let mut path = self.keys[..self.depth].join(".");
        match inside {
            "" | "." => {}
            inside => {
                path.push_str(if inside.starts_with('[') || path.is_empty() {
                    ""
                } else {
                    "."
                });
                path.push_str(inside);
            }
        }
        if path.is_empty() {
            ".".to_owned()
        } else {
            path
        }
    }
}

/// Whether an error stands at the very end of the bytes, so that more of them may mend it.
fn at_end(bytes: &[u8], error: &serde_json::Error) -> bool {
    let lines = || bytes.split(|byte| *byte == b'\n');
    lines().count() == error.line()
        && lines()
            .next_back()
            .is_some_and(|last| last.len() == error.column())
}

/// Reads a wrong value once more, to learn where it is wrong.
fn located<'de, T: Deserialize<'de>>(bytes: &'de [u8], error: serde_json::Error) -> Fault {
    let mut input = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(&mut input) {
        Ok(_) => Fault::Data(String::new(), error),
        Err(located) => {
            let path = located.path().to_string();
            Fault::Data(path, located.into_inner())
        }
    }
}

/// The outermost object, where FRR's words may stand in place of data.
struct Root<'a, O>(&'a mut O);

impl<O: Object> Object for Root<'_, O> {
    fn member<W: Window>(&mut self, walker: &mut Walker<W>) -> Result<(), Fault> {
        if walker.key() == "warning" {
            // What follows these words is no part of the answer.
            return Err(Fault::Warning(walker.value()?));
        }
        self.0.member(walker)
    }
}

/// Streams an answer that is in memory.
pub(crate) fn slice<O: Object>(
    command: &'static str,
    answer: &[u8],
    object: &mut O,
) -> Result<Streamed, Error> {
    walk(command, Whole(answer), object)
}

/// Streams an answer while it is read.
pub(crate) fn reader<O: Object>(
    command: &'static str,
    answer: impl Read,
    object: &mut O,
) -> Result<Streamed, Error> {
    walk(command, Sliding::new(answer), object)
}

fn walk<O: Object>(
    command: &'static str,
    window: impl Window,
    object: &mut O,
) -> Result<Streamed, Error> {
    let mut walker = Walker::new(window);
    match all(&mut walker, object) {
        Ok(streamed) => Ok(streamed),
        Err(Fault::Stopped) => Ok(Streamed::Stopped),
        Err(Fault::Warning(words)) => absence(command, words).map(|()| Streamed::Absent),
        Err(Fault::Io(source)) => Err(Error::Read { command, source }),
        Err(Fault::Data(inside, source)) => {
            let path = walker.path(&inside);
            Err(Error::Data {
                command,
                path,
                source,
            })
        }
    }
}

/// The whole answer, with what FRR may say in its place.
fn all<W: Window, O: Object>(walker: &mut Walker<W>, object: &mut O) -> Result<Streamed, Fault> {
    match walker.peek()? {
        None => return Ok(Streamed::Absent),
        Some(b'{') => {}
        Some(_) => return Err(Fault::Warning(walker.words()?)),
    }
    walker.enter(&mut Root(object))?;
    match walker.peek()? {
        None => Ok(Streamed::Complete),
        Some(_) => Err(Fault::data("something follows the answer")),
    }
}

#[cfg(test)]
mod tests;
