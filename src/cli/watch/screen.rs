//! A terminal on which one frame is drawn over the other.

use std::io::{self, IsTerminal, Write};

use crate::cli::output;

/// The alternate screen, without cursor, and long lines cut off.
const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// All as it was.
const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";
/// To the top left corner.
const HOME: &str = "\x1b[H";
/// What stands behind on this line is cleared.
const CLEAR_LINE: &str = "\x1b[K";
/// What stands below is cleared.
const CLEAR_BELOW: &str = "\x1b[J";

/// How many lines a terminal has that does not say.
const USUAL_ROWS: usize = 24;

/// Whether standard output is a terminal that can be drawn on.
pub(super) fn is_possible() -> bool {
    io::stdout().is_terminal() && !output::is_dumb()
}

/// How many lines the terminal has now.
pub(super) fn rows() -> usize {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map_or(USUAL_ROWS, |(_, height)| usize::from(height.0))
}

/// The terminal, taken over until this is dropped.
#[derive(Debug)]
pub(super) struct Screen<W: Write> {
    to: W,
    rows: fn() -> usize,
}

impl<W: Write> Screen<W> {
    /// Takes the terminal over.
    pub(super) fn new(mut to: W, rows: fn() -> usize) -> io::Result<Self> {
        to.write_all(ENTER.as_bytes())?;
        Ok(Self { to, rows })
    }

    /// Draws a frame over the one before, in one write, so that nothing flickers.
    pub(super) fn draw(&mut self, frame: &str) -> io::Result<()> {
        let text = painted(frame, (self.rows)());
        self.to.write_all(text.as_bytes())?;
        self.to.flush()
    }
}

impl<W: Write> Drop for Screen<W> {
    fn drop(&mut self) {
        // Nobody is there to be told that the terminal is gone.
        let _ = self.to.write_all(LEAVE.as_bytes());
        let _ = self.to.flush();
    }
}

/// A frame as the terminal is told it: of one that is too long the last line says so.
fn painted(frame: &str, rows: usize) -> String {
    let lines: Vec<&str> = frame.lines().collect();
    let shown = if lines.len() > rows {
        rows.saturating_sub(1)
    } else {
        lines.len()
    };
    let mut parts: Vec<String> = lines
        .iter()
        .take(shown)
        .map(|line| (*line).to_owned())
        .collect();
    if lines.len() > shown {
        let hidden = lines.len() - shown;
        parts.push(format!(
            "… {hidden} more lines: `perouter status` shows all"
        ));
    }
    let end = format!("{CLEAR_LINE}\r\n");
    format!("{HOME}{}{CLEAR_LINE}{CLEAR_BELOW}", parts.join(&end))
}

#[cfg(test)]
mod tests;
