//! One line of configuration, in the form in which FRR itself would keep it.

use std::fmt;

use thiserror::Error;

use super::lexer::is_preamble;

/// One configuration command: a single line without indentation, comment or context exit.
///
/// FRR splits a command at white space and joins the words with one space, so a `Line` holds
/// words joined by one space and two lines are equal exactly when FRR reads the same command.
/// A `Line` is safe to type: it cannot end the command early, leave the context or comment
/// itself out, nor be cut off at a pipe.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Line(String);

/// Why a text is not one configuration command.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidLine {
    /// Nothing but white space.
    #[error("the line is empty")]
    Empty,
    /// A newline, NUL or another control character would end or garble the command.
    #[error("the line holds the control character {character:?}: {text:?}")]
    Control {
        /// The character found.
        character: char,
        /// The whole text given.
        text: String,
    },
    /// FRR reads a line that starts with `!` or `#` as a comment.
    #[error("the line is a comment: {text:?}")]
    Comment {
        /// The whole text given.
        text: String,
    },
    /// `exit`, `exit-…`, `quit` and `end` move between contexts and are written by the tree. FRR
    /// takes their first letters for them too, and no other command of its configuration begins
    /// with such a word.
    #[error("the line leaves a context: {text:?}")]
    LeavesContext {
        /// The whole text given.
        text: String,
    },
    /// FRR takes the words after `| ` for a filter of the command's output, and drops them or
    /// refuses the command. Seen on 10.3 for every configuration command, descriptions included.
    #[error("the line holds a pipe: {text:?}")]
    Pipe {
        /// The whole text given.
        text: String,
    },
    /// FRR starts its error messages with `%`, and no command. The words that it writes above a
    /// configuration are no command either.
    #[error("the line is a message of FRR: {text:?}")]
    Message {
        /// The whole text given.
        text: String,
    },
}

/// Whether a text is a command as it stands, as nearly all are: one that begins with a letter,
/// but not like a context's end, and has nothing in it that needs a closer look.
fn is_plain(text: &str) -> bool {
    // `exit`, `quit`, `end` and their first letters leave a context.
    let begins = text.starts_with(|c: char| c.is_ascii_lowercase() && c != 'e' && c != 'q');
    let ends = text.ends_with(|c: char| c.is_ascii_graphic());
    let mut last = b'a';
    let inside = text.bytes().all(|byte| {
        let spaces = (last, byte) == (b' ', b' ');
        last = byte;
        !spaces && byte != b'|' && (b' '..=b'~').contains(&byte)
    });
    begins && ends && inside
}

impl Line {
    /// Takes one command, folding its white space.
    ///
    /// # Errors
    /// [`InvalidLine`] when the text is not exactly one command.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidLine> {
        let text = text.as_ref();
        if is_plain(text) {
            return Ok(Self(text.to_owned()));
        }
        if let Some(character) = text.chars().find(|c| c.is_control() && *c != '\t') {
            return Err(InvalidLine::Control {
                character,
                text: text.to_owned(),
            });
        }
        let mut words = text.split([' ', '\t']).filter(|word| !word.is_empty());
        let first = words.next().ok_or(InvalidLine::Empty)?;
        if first.starts_with(['!', '#']) {
            return Err(InvalidLine::Comment {
                text: text.to_owned(),
            });
        }
        if first.starts_with('%') {
            return Err(InvalidLine::Message {
                text: text.to_owned(),
            });
        }
        let leaves = ["exit", "quit", "end"];
        if leaves.iter().any(|word| word.starts_with(first)) || first.starts_with("exit-") {
            return Err(InvalidLine::LeavesContext {
                text: text.to_owned(),
            });
        }
        let mut line = String::with_capacity(text.len());
        line.push_str(first);
        for word in words {
            line.push(' ');
            line.push_str(word);
        }
        if is_preamble(&line) {
            return Err(InvalidLine::Message {
                text: text.to_owned(),
            });
        }
        if line.contains("| ") {
            return Err(InvalidLine::Pipe {
                text: text.to_owned(),
            });
        }
        Ok(Self(line))
    }

    /// The command as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The words of the command.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.0.split(' ')
    }

    /// Whether this command always opens a context, even when nothing follows in it.
    ///
    /// The parser and the tree both use this rule, so that an entry without content (such as
    /// `route-map allow permit 1`) is a context no matter who wrote it.
    #[must_use]
    pub fn opens_context(&self) -> bool {
        let mut words = self.words();
        let Some(first) = words.next() else {
            return false;
        };
        // Most lines are told by their first word, without looking at the others.
        match first {
            "bfd" | "segment-routing" | "rpki" => words.next().is_none(),
            "router" | "address-family" => words.next().is_some(),
            "vrf" => words.count() == 1,
            "interface" => {
                let rest: Vec<&str> = words.take(4).collect();
                matches!(rest.as_slice(), [_] | [_, "vrf", _])
            }
            "route-map" => {
                let rest: Vec<&str> = words.take(4).collect();
                matches!(rest.as_slice(), [_, "permit" | "deny", _])
            }
            _ => false,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for Line {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl TryFrom<&str> for Line {
    type Error = InvalidLine;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl TryFrom<String> for Line {
    type Error = InvalidLine;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::new(text)
    }
}

impl PartialEq<str> for Line {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Line {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}
