//! Reads one running configuration after another, and parses again only what has changed.
//!
//! A router with a thousand VRFs says a third of a megabyte every time it is asked, and between
//! two answers one context differs, or none. So the text is cut where the parser stands at the
//! outermost level with nothing in hand, which is after an `exit` and a `!` that are not
//! indented, and a piece that was there the last time is not parsed again.
//!
//! What always holds: the result is what [`RunningConfig::from_str`] makes of the same text,
//! errors included. Where a piece by itself cannot be parsed, or ends the configuration, the
//! whole text is parsed as one.

use std::str::FromStr;

use super::{
    ParseError, RunningConfig,
    lexer::BUILDING,
    parse::{Ended, Heading, parse},
};

/// The end of a piece: the end of an outermost context, as FRR prints it.
const CUT: &str = "\nexit\n!\n";

/// A reader of answers to `show running-config` that remembers the last one.
#[derive(Clone, Default)]
pub struct Reader {
    pieces: Vec<Piece>,
    last: Option<RunningConfig>,
}

/// A piece of the last text, and what it says.
#[derive(Clone)]
struct Piece {
    text: Box<str>,
    says: RunningConfig,
}

impl std::fmt::Debug for Reader {
    /// The configuration may hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("pieces", &self.pieces.len())
            .finish_non_exhaustive()
    }
}

impl Reader {
    /// A reader that has read nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a whole answer, as [`RunningConfig::from_str`] does.
    ///
    /// # Errors
    /// [`ParseError`], with lines counted in the whole text; what was read before stays known.
    pub fn read(&mut self, text: &str) -> Result<RunningConfig, ParseError> {
        if let Some(last) = &self.last
            && self.is_last(text)
        {
            return Ok(last.clone());
        }
        let Some(pieces) = self.pieces_of(text) else {
            return RunningConfig::from_str(text);
        };
        let running = joined(&pieces);
        self.pieces = pieces;
        self.last = Some(running.clone());
        Ok(running)
    }

    /// Whether the text is the last one.
    fn is_last(&self, text: &str) -> bool {
        let mut rest = text;
        for piece in &self.pieces {
            match rest.strip_prefix(&*piece.text) {
                Some(after) => rest = after,
                None => return false,
            }
        }
        rest.is_empty()
    }

    /// The pieces of a text; none where it has to be parsed as a whole.
    fn pieces_of(&self, text: &str) -> Option<Vec<Piece>> {
        let mut known = Known::new(&self.pieces);
        let mut pieces = Vec::with_capacity(self.pieces.len());
        let mut rest = text;
        while !rest.is_empty() {
            let piece = match known.next(rest) {
                Some(piece) => piece.clone(),
                None => known
                    .find(first(rest))
                    .cloned()
                    .map_or_else(|| Piece::parse(first(rest)), Some)?,
            };
            rest = rest.get(piece.text.len()..)?;
            pieces.push(piece);
        }
        Some(pieces)
    }
}

impl Piece {
    /// Parses one piece, if it is one that leaves the parser as it found it. vtysh says where
    /// its answer ends, and only the whole of that tells whether it does.
    fn parse(text: &str) -> Option<Self> {
        match parse(text, Heading::StandsApart) {
            Ok((says, Ended::No)) if !text.contains(BUILDING) => Some(Self {
                text: text.into(),
                says,
            }),
            Ok((_, Ended::No | Ended::Yes)) | Err(_) => None,
        }
    }
}

/// The pieces of the last text, and where in them the new text has come to.
struct Known<'a> {
    pieces: &'a [Piece],
    at: usize,
}

impl<'a> Known<'a> {
    fn new(pieces: &'a [Piece]) -> Self {
        Self { pieces, at: 0 }
    }

    /// The piece that is next in turn, if the text begins with it.
    fn next(&mut self, text: &str) -> Option<&'a Piece> {
        let piece = self.pieces.get(self.at)?;
        let whole = piece.text.ends_with(CUT) || piece.text.len() == text.len();
        let found = whole && text.starts_with(&*piece.text);
        found.then(|| {
            self.at += 1;
            piece
        })
    }

    /// This piece, wherever it comes later; the search goes on from there.
    fn find(&mut self, text: &str) -> Option<&'a Piece> {
        let ahead = self.pieces.get(self.at..)?;
        let ahead = ahead.iter().position(|piece| *piece.text == *text)?;
        self.at += ahead + 1;
        self.pieces.get(self.at - 1)
    }
}

/// The text up to its first cut, or all of it.
fn first(text: &str) -> &str {
    let end = text.find(CUT).map_or(text.len(), |at| at + CUT.len());
    text.get(..end).unwrap_or(text)
}

/// What all pieces say, one after the other.
fn joined(pieces: &[Piece]) -> RunningConfig {
    let mut all = RunningConfig::default();
    for piece in pieces {
        let RunningConfig {
            version,
            defaults,
            hostname,
            config,
        } = &piece.says;
        for (known, said) in [
            (&mut all.version, version),
            (&mut all.defaults, defaults),
            (&mut all.hostname, hostname),
        ] {
            if said.is_some() {
                known.clone_from(said);
            }
        }
        for line in config.lines() {
            all.config.push_line(line.clone());
        }
        for context in config.contexts() {
            all.config.push_context(context.clone());
        }
    }
    all
}

#[cfg(test)]
mod tests;
