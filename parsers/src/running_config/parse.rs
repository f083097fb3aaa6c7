//! From text to the tree: which lines are contexts, and where they end.

use std::{mem, str::FromStr};

use thiserror::Error;

use super::{
    Config, Context, InvalidLine, Line,
    lexer::{BUILDING, Closing, Content, token},
};

/// How deep contexts may stand in each other. FRR's deepest is five.
pub const MAX_DEPTH: usize = 16;

/// The answer to `show running-config`: the configuration, and what FRR says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunningConfig {
    /// `frr version`: the release that wrote this, for example `10.3`.
    pub version: Option<String>,
    /// `frr defaults`: the profile of default values, `traditional` or `datacenter`.
    pub defaults: Option<String>,
    /// `hostname`.
    pub hostname: Option<String>,
    /// All the rest.
    pub config: Config,
}

/// Why a text is not a configuration. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// FRR answered with a message (`% …`) in place of a configuration.
    #[error("line {line}: FRR answered: {text}")]
    Message {
        /// Number of the line.
        line: usize,
        /// FRR's words.
        text: String,
    },
    /// The line is not one command.
    #[error("line {line}: {source}")]
    Line {
        /// Number of the line.
        line: usize,
        /// What is wrong with it.
        source: InvalidLine,
    },
    /// An exit that closes nothing, or not the context that is open.
    #[error("line {line}: {text:?} does not close {open}")]
    StrayExit {
        /// Number of the line.
        line: usize,
        /// The exit.
        text: String,
        /// The context that is open there, quoted, or "any context".
        open: String,
    },
    /// The content of a context is not indented, so its end cannot be known.
    #[error(
        "line {line}: {text:?} closes a context whose content is not indented; \
         indent what belongs to {header:?}"
    )]
    NotIndented {
        /// Number of the line.
        line: usize,
        /// The exit.
        text: String,
        /// The header whose content is probably meant.
        header: String,
    },
    /// Contexts stand deeper in each other than [`MAX_DEPTH`].
    #[error("line {line}: {text:?} stands in more than {MAX_DEPTH} contexts")]
    TooDeep {
        /// Number of the line.
        line: usize,
        /// The line.
        text: String,
    },
    /// Something follows `end`.
    #[error("line {line}: {text:?} follows the end of the configuration")]
    AfterEnd {
        /// Number of the line.
        line: usize,
        /// The line.
        text: String,
    },
    /// The text stops before `end`, so a part of the answer is missing.
    #[error("the text stops at line {line} without \"end\": {text:?}")]
    Truncated {
        /// Number of the last line.
        line: usize,
        /// The last line.
        text: String,
    },
}

impl FromStr for RunningConfig {
    type Err = ParseError;

    /// Reads a whole answer to `show running-config`: vtysh's, which begins with
    /// `Building configuration...` and must then close with `end`, or that of one daemon's
    /// socket, which has neither.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (running, ended) = parse(text, Heading::StandsApart)?;
        let vtysh = text.lines().any(|line| line.trim_ascii_end() == BUILDING);
        match ended {
            Ended::Yes => Ok(running),
            Ended::No if !vtysh => Ok(running),
            Ended::No => {
                let last = text.lines().enumerate().last();
                let (index, last) = last.unwrap_or_default();
                Err(ParseError::Truncated {
                    line: index + 1,
                    text: last.trim().to_owned(),
                })
            }
        }
    }
}

impl FromStr for Config {
    type Err = ParseError;

    /// Reads a piece of configuration, with or without `end`. Lines that only head a whole
    /// running configuration (`frr version`, `hostname`) are commands like all others here.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text, Heading::IsConfiguration).map(|(running, _)| running.config)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Yes,
    No,
}

/// What becomes of `frr version`, `frr defaults` and `hostname`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heading {
    StandsApart,
    IsConfiguration,
}

pub(super) fn parse(text: &str, heading: Heading) -> Result<(RunningConfig, Ended), ParseError> {
    let mut running = RunningConfig::default();
    let mut builder = Builder::default();
    let mut ended = Ended::No;
    for (index, text) in text.lines().enumerate() {
        let at = Place {
            line: index + 1,
            text,
        };
        let token = token(text);
        if ended == Ended::Yes && !matches!(token.content, Content::Nothing | Content::Comment) {
            return Err(ParseError::AfterEnd {
                line: at.line,
                text: at.trimmed(),
            });
        }
        let apart = heading == Heading::StandsApart && token.indent == 0;
        match token.content {
            Content::Nothing => {}
            Content::Comment => builder.comment(),
            Content::Version(version) if apart => running.version = Some(version.to_owned()),
            Content::Defaults(profile) if apart => running.defaults = Some(profile.to_owned()),
            Content::Hostname(name) if apart => running.hostname = Some(name.to_owned()),
            Content::Version(_) | Content::Defaults(_) | Content::Hostname(_) => {
                builder.command(at, token.indent)?;
            }
            Content::Command => builder.command(at, token.indent)?,
            Content::Close(closing) => {
                builder.close(
                    at,
                    Exit {
                        indent: token.indent,
                        closing,
                    },
                )?;
            }
            Content::End => ended = Ended::Yes,
        }
    }
    running.config = builder.finish();
    Ok((running, ended))
}

/// Where the parser stands, for its errors.
#[derive(Debug, Clone, Copy)]
struct Place<'a> {
    line: usize,
    text: &'a str,
}

impl Place<'_> {
    fn trimmed(self) -> String {
        self.text.trim().to_owned()
    }
}

/// A context that is not closed yet.
#[derive(Debug)]
struct Open {
    indent: usize,
    header: Line,
    body: Config,
    flat: Option<Line>,
}

/// Builds the tree line by line.
///
/// A command is held back (`pending`) until the next line tells whether it is a context: it is
/// one when deeper indentation or its own exit follows.
#[derive(Debug, Default)]
struct Builder {
    root: Config,
    open: Vec<Open>,
    pending: Option<(usize, Line)>,
    /// At the outermost level: see [`Builder::flat`].
    root_flat: Option<Line>,
}

impl Builder {
    fn body(&mut self) -> &mut Config {
        match self.open.last_mut() {
            Some(open) => &mut open.body,
            None => &mut self.root,
        }
    }

    /// The header, if any, at this level that was followed by a command as little indented as
    /// itself. An `exit` after that command shows that the text is flat.
    fn flat(&mut self) -> &mut Option<Line> {
        match self.open.last_mut() {
            Some(open) => &mut open.flat,
            None => &mut self.root_flat,
        }
    }

    fn comment(&mut self) {
        if self
            .pending
            .as_ref()
            .is_none_or(|(_, line)| !line.opens_context())
        {
            *self.flat() = None;
        }
    }

    fn command(&mut self, at: Place<'_>, indent: usize) -> Result<(), ParseError> {
        let line = Line::new(at.text).map_err(|source| match source {
            InvalidLine::Message { text } => ParseError::Message {
                line: at.line,
                text,
            },
            InvalidLine::Empty
            | InvalidLine::Control { .. }
            | InvalidLine::Comment { .. }
            | InvalidLine::Pipe { .. }
            | InvalidLine::LeavesContext { .. } => ParseError::Line {
                line: at.line,
                source,
            },
        })?;
        match self.pending.take() {
            Some((outer, header)) if indent > outer => self.enter(at, outer, header)?,
            Some((outer, header)) => {
                let flat = header.opens_context() && indent == outer && !line.opens_context();
                if flat {
                    *self.flat() = Some(header.clone());
                }
                self.body().push_line(header);
            }
            None => {}
        }
        self.leave_until(indent);
        self.pending = Some((indent, line));
        Ok(())
    }

    fn enter(&mut self, at: Place<'_>, indent: usize, header: Line) -> Result<(), ParseError> {
        if self.open.len() == MAX_DEPTH {
            return Err(ParseError::TooDeep {
                line: at.line,
                text: at.trimmed(),
            });
        }
        self.open.push(Open {
            indent,
            header,
            body: Config::default(),
            flat: None,
        });
        Ok(())
    }

    fn close(&mut self, at: Place<'_>, exit: Exit<'_>) -> Result<(), ParseError> {
        if let Some((indent, line)) = self.pending.take() {
            if exit.closes(indent, &line) {
                return self.close_empty(at, line);
            }
            self.body().push_line(line);
        }
        self.leave_until(exit.indent + 1);
        let open = match self.open.last() {
            Some(open) if exit.closes(open.indent, &open.header) => {
                self.leave();
                return Ok(());
            }
            Some(open) => format!("{:?}", open.header.as_str()),
            None => "any context".to_owned(),
        };
        Err(ParseError::StrayExit {
            line: at.line,
            text: at.trimmed(),
            open,
        })
    }

    /// The held-back command is a context without content.
    fn close_empty(&mut self, at: Place<'_>, header: Line) -> Result<(), ParseError> {
        if let Some(flat) = self.flat().take()
            && !header.opens_context()
        {
            let header = flat.to_string();
            return Err(ParseError::NotIndented {
                line: at.line,
                text: at.trimmed(),
                header,
            });
        }
        self.body().push_context(Context::new(header));
        Ok(())
    }

    /// Closes all contexts whose header stands at `indent` or deeper.
    fn leave_until(&mut self, indent: usize) {
        while self.open.last().is_some_and(|open| open.indent >= indent) {
            self.leave();
        }
    }

    fn leave(&mut self) {
        if let Some(Open { header, body, .. }) = self.open.pop() {
            self.body().push_context(Context::with_body(header, body));
        }
    }

    fn finish(mut self) -> Config {
        if let Some((_, line)) = self.pending.take() {
            self.body().push_line(line);
        }
        self.leave_until(0);
        mem::take(&mut self.root)
    }
}

/// An exit, and the column where it stands.
#[derive(Debug, Clone, Copy)]
struct Exit<'a> {
    indent: usize,
    closing: Closing<'a>,
}

impl Exit<'_> {
    /// Whether this may end a context whose header stands at `indent`. An `exit` tells by its
    /// column what it ends, an `exit-KIND` by its word.
    fn closes(self, indent: usize, header: &Line) -> bool {
        match self.closing {
            Closing::Any => self.indent == indent,
            Closing::Kind(kind) => header.words().next() == Some(kind) && indent <= self.indent,
        }
    }
}
