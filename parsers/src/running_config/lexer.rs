//! Lines of configuration text, classified. No line depends on another one here.

use nom::{
    IResult, Parser,
    branch::alt,
    bytes::complete::{tag, take_while1},
    combinator::{all_consuming, map, recognize, rest, value, verify},
    sequence::{preceded, terminated},
};

/// The first line that vtysh writes, before it asks the daemons.
pub(super) const BUILDING: &str = "Building configuration...";

/// What FRR writes above a configuration.
const CURRENT: &str = "Current configuration:";

/// Whether a line is one of the words above a configuration.
pub(super) fn is_preamble(line: &str) -> bool {
    matches!(line, BUILDING | CURRENT)
}

/// One line of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// Columns of white space before the content.
    pub(super) indent: usize,
    pub(super) content: Content<'a>,
}

/// What stands on a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// A blank line, or the words that FRR writes above a configuration.
    Nothing,
    /// A comment; FRR writes a lone `!` between contexts.
    Comment,
    /// `frr version 10.3`
    Version(&'a str),
    /// `frr defaults traditional`
    Defaults(&'a str),
    /// `hostname lab`
    Hostname(&'a str),
    /// `exit`, `quit`, or `exit-` and the kind of context.
    Close(Closing<'a>),
    /// `end`: the configuration is over.
    End,
    /// Anything else.
    Command,
}

/// The word that ends a context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closing<'a> {
    /// `exit` and `quit` end any context.
    Any,
    /// `exit-KIND` ends a context of that kind.
    Kind(&'a str),
}

/// Reads one line without its line end.
pub(super) fn token(text: &str) -> Token<'_> {
    let trimmed = text.trim_ascii();
    Token {
        indent: indent(text),
        content: content(trimmed),
    }
}

/// The column at which the content begins; a tab goes to the next multiple of eight.
fn indent(text: &str) -> usize {
    let mut column = 0;
    for character in text.chars() {
        match character {
            ' ' => column += 1,
            '\t' => column = (column / 8 + 1) * 8,
            _ => break,
        }
    }
    column
}

fn content(trimmed: &str) -> Content<'_> {
    // `alt` ends in `rest`, which takes everything, so the error cannot occur.
    classify(trimmed).map_or(Content::Command, |(_, content)| content)
}

fn classify(input: &str) -> IResult<&str, Content<'_>> {
    alt((
        map(preceded(keyword("frr version"), rest), Content::Version),
        map(preceded(keyword("frr defaults"), rest), Content::Defaults),
        map(preceded(keyword("hostname"), rest), Content::Hostname),
        value(Content::Nothing, verify(rest, nothing)),
        value(Content::Comment, preceded(alt((tag("!"), tag("#"))), rest)),
        value(Content::End, all_consuming(tag("end"))),
        map(all_consuming(closing), Content::Close),
        value(Content::Command, rest),
    ))
    .parse(input)
}

fn nothing(text: &str) -> bool {
    text.is_empty() || is_preamble(text)
}

fn closing(input: &str) -> IResult<&str, Closing<'_>> {
    alt((
        map(
            preceded(tag("exit-"), recognize(take_while1(is_kind))),
            Closing::Kind,
        ),
        value(Closing::Any, alt((tag("exit"), tag("quit")))),
    ))
    .parse(input)
}

fn is_kind(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-'
}

/// The words and the white space after them.
fn keyword(words: &'static str) -> impl Fn(&str) -> IResult<&str, &str> {
    move |input| terminated(tag(words), take_while1(is_space)).parse(input)
}

fn is_space(character: char) -> bool {
    matches!(character, ' ' | '\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_only_begin_like_a_closing_are_commands() {
        assert_eq!(
            token("exit-vrf").content,
            Content::Close(Closing::Kind("vrf"))
        );
        assert_eq!(token(" quit ").content, Content::Close(Closing::Any));
        assert_eq!(token("exit now").content, Content::Command);
        assert_eq!(token("endless").content, Content::Command);
        assert_eq!(token("hostname").content, Content::Command);
    }

    #[test]
    fn indentation_counts_columns() {
        assert_eq!(token("  a").indent, 2);
        assert_eq!(token(" \ta").indent, 8);
        assert_eq!(token("").content, Content::Nothing);
        assert_eq!(token("  ! neighbor").content, Content::Comment);
    }
}
