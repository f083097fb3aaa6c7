//! Answers of any size, entry by entry.
//!
//! The JSON is walked as it is read: an entry is handed to the caller and forgotten. What
//! stays is one entry and the keys that lead to it.
//!
//! Where a table is empty, FRR 10.3 writes a comma before the first key
//! (`{ ,"numPrefix":0,"numPaths":0}`). That comma is left out here.

use std::{
    fmt,
    io::{self, BufRead, BufReader, Read},
    marker::PhantomData,
    ops::ControlFlow,
};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};

use crate::json::{Error, absence, words};

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

/// The keys that lead to the place where the walk is, and why it ended.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// Keys, outermost first; those from `depth` on are only kept for their memory.
    keys: Vec<String>,
    depth: usize,
    /// The place inside the entry that could not be read.
    inside: Option<String>,
    stopped: bool,
    warning: Option<String>,
}

impl Trail {
    /// The key of the member that is being read.
    pub(crate) fn key(&self) -> &str {
        self.depth
            .checked_sub(1)
            .and_then(|last| self.keys.get(last))
            .map_or("", String::as_str)
    }

    fn path(&self) -> String {
        let mut path = self.keys[..self.depth].join(".");
        if let Some(inside) = &self.inside {
            path.push_str(if inside.starts_with('[') || path.is_empty() {
                ""
            } else {
                "."
            });
            path.push_str(inside);
        }
        if path.is_empty() {
            ".".to_owned()
        } else {
            path
        }
    }

    /// Goes on, or ends the walk, as the caller of the stream answered.
    pub(crate) fn follow<E: serde::de::Error>(&mut self, answer: ControlFlow<()>) -> Result<(), E> {
        match answer {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => {
                self.stopped = true;
                Err(E::custom("stopped by the caller"))
            }
        }
    }
}

/// An object of which the members are read one by one.
pub(crate) trait Object {
    /// Reads the value of the member whose key is [`Trail::key`].
    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        trail: &mut Trail,
        map: &mut A,
    ) -> Result<(), A::Error>;
}

/// Reads a member's value.
pub(crate) fn value<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    trail: &mut Trail,
    map: &mut A,
) -> Result<T, A::Error> {
    map.next_value_seed(Tracked(trail, PhantomData))
}

/// Passes over a member's value.
pub(crate) fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(drop)
}

/// Reads a member's value as an object, member by member.
pub(crate) fn enter<'de, O: Object, A: MapAccess<'de>>(
    object: &mut O,
    trail: &mut Trail,
    map: &mut A,
) -> Result<(), A::Error> {
    map.next_value_seed(Walk { object, trail })
}

/// A value with the place of its error kept.
struct Tracked<'a, T>(&'a mut Trail, PhantomData<T>);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Tracked<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<T, D::Error> {
        let mut track = serde_path_to_error::Track::new();
        T::deserialize(serde_path_to_error::Deserializer::new(input, &mut track))
            .inspect_err(|_| self.0.inside = Some(track.path().to_string()))
    }
}

struct Walk<'a, O> {
    object: &'a mut O,
    trail: &'a mut Trail,
}

impl<'de, O: Object> DeserializeSeed<'de> for Walk<'_, O> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_map(self)
    }
}

impl<'de, O: Object> Visitor<'de> for Walk<'_, O> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { object, trail } = self;
        let level = trail.depth;
        if trail.keys.len() == level {
            trail.keys.push(String::new());
        }
        while map.next_key_seed(Key(&mut trail.keys[level]))?.is_some() {
            trail.depth = level + 1;
            object.member(trail, &mut map)?;
            trail.depth = level;
        }
        Ok(())
    }
}

/// Reads a key into memory that is there already.
struct Key<'a>(&'a mut String);

impl<'de> DeserializeSeed<'de> for Key<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, input: D) -> Result<(), D::Error> {
        input.deserialize_str(self)
    }
}

impl Visitor<'_> for Key<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<(), E> {
        self.0.clear();
        self.0.push_str(key);
        Ok(())
    }
}

/// The outermost object, where FRR's words may stand in place of data.
struct Root<'a, O>(&'a mut O);

impl<O: Object> Object for Root<'_, O> {
    fn member<'de, A: MapAccess<'de>>(
        &mut self,
        trail: &mut Trail,
        map: &mut A,
    ) -> Result<(), A::Error> {
        if trail.key() == "warning" {
            trail.warning = Some(map.next_value()?);
            // What follows these words is no part of the answer.
            return Err(A::Error::custom("a warning in place of data"));
        }
        self.0.member(trail, map)
    }
}

/// Streams an answer that is in memory.
pub(crate) fn slice<O: Object>(
    command: &'static str,
    answer: &[u8],
    object: &mut O,
) -> Result<Streamed, Error> {
    let trimmed = answer.trim_ascii_start();
    match trimmed {
        [] => Ok(Streamed::Absent),
        [b'{', rest @ ..] => match rest.trim_ascii_start() {
            [b',', rest @ ..] => reader_of(command, b"{".chain(rest), object),
            _ => walk(
                command,
                serde_json::Deserializer::from_slice(trimmed),
                object,
            ),
        },
        [..] => Err(Error::Refused {
            command,
            words: words(trimmed),
        }),
    }
}

/// Streams an answer while it is read.
pub(crate) fn reader<O: Object>(
    command: &'static str,
    answer: impl Read,
    object: &mut O,
) -> Result<Streamed, Error> {
    let mut answer = BufReader::with_capacity(BUFFER, answer);
    let failed = |source| Error::Read { command, source };
    match next_byte(&mut answer).map_err(failed)? {
        None => return Ok(Streamed::Absent),
        Some(b'{') => answer.consume(1),
        Some(_) => {
            let mut start = Vec::new();
            answer.take(1024).read_to_end(&mut start).map_err(failed)?;
            return Err(Error::Refused {
                command,
                words: words(&start),
            });
        }
    }
    if next_byte(&mut answer).map_err(failed)? == Some(b',') {
        answer.consume(1);
    }
    reader_of(command, b"{".chain(answer), object)
}

/// How much is read at once, in bytes.
const BUFFER: usize = 64 * 1024;

/// The next byte that is no white space, which is not consumed.
fn next_byte(answer: &mut impl BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = match answer.fill_buf() {
            Ok(buffer) => buffer,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffer.is_empty() {
            return Ok(None);
        }
        let space = buffer
            .iter()
            .take_while(|byte| byte.is_ascii_whitespace())
            .count();
        let found = buffer.get(space).copied();
        answer.consume(space);
        if found.is_some() {
            return Ok(found);
        }
    }
}

fn reader_of<O: Object>(
    command: &'static str,
    answer: impl Read,
    object: &mut O,
) -> Result<Streamed, Error> {
    walk(
        command,
        serde_json::Deserializer::from_reader(answer),
        object,
    )
}

fn walk<'de, R: serde_json::de::Read<'de>, O: Object>(
    command: &'static str,
    mut input: serde_json::Deserializer<R>,
    object: &mut O,
) -> Result<Streamed, Error> {
    let mut trail = Trail::default();
    let walk = Walk {
        object: &mut Root(object),
        trail: &mut trail,
    };
    let result = walk.deserialize(&mut input).and_then(|()| input.end());
    if let Some(words) = trail.warning {
        return absence(command, words).map(|()| Streamed::Absent);
    }
    match result {
        Ok(()) => Ok(Streamed::Complete),
        Err(_) if trail.stopped => Ok(Streamed::Stopped),
        Err(error) if error.is_io() => Err(Error::Read {
            command,
            source: error.into(),
        }),
        Err(source) => Err(Error::Data {
            command,
            path: trail.path(),
            source,
        }),
    }
}
