//! `show running-config` as a tree of contexts.
//!
//! The same tree holds what FRR runs and what it ought to run: desired configuration is built
//! in it, printed from it and compared in it. These things always hold:
//!
//! - Parsing what a tree prints gives the same tree.
//! - What a tree prints can be typed after `configure terminal`, and every line of it is one
//!   command ([`Line`]).
//! - A command that opens a context by its nature ([`Line::opens_context`]) is a context in
//!   the tree, even an empty one, and never a plain line.
//!
//! Text is read as FRR writes it: the content of a context is indented deeper than its
//! header, and `exit` stands at the indentation of the header. Missing exits are
//! forgiven, because people leave them out; a flat text is refused, because without FRR's own
//! grammar nobody can tell where its contexts end.

mod lexer;
mod line;
mod parse;
mod reader;
mod tree;

#[cfg(test)]
mod tests;

pub use line::{InvalidLine, Line};
pub use parse::{MAX_DEPTH, ParseError, RunningConfig};
pub use reader::Reader;
pub use tree::{Config, Context};
