//! A terminal on which one frame is drawn over the other.

use std::io::{self, IsTerminal, Write};

use crate::cli::output;

/// The alternate screen, without cursor.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
/// All as it was.
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
/// To the top left corner.
const HOME: &str = "\x1b[H";
/// What stands behind on this line is cleared.
const CLEAR_LINE: &str = "\x1b[K";
/// What stands below is cleared.
const CLEAR_BELOW: &str = "\x1b[J";

/// The size of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// That of a terminal that does not say.
const USUAL: Size = Size {
    rows: 24,
    columns: 80,
};

/// Whether standard output is a terminal that can be drawn on.
pub(super) fn is_possible() -> bool {
    io::stdout().is_terminal() && !output::is_dumb()
}

/// The size of the terminal now.
pub(super) fn size() -> Size {
    let size = terminal_size::terminal_size_of(io::stdout());
    size.map_or(USUAL, |(width, height)| Size {
        rows: usize::from(height.0),
        columns: usize::from(width.0),
    })
}

/// The terminal, taken over until this is dropped.
#[derive(Debug)]
pub(super) struct Screen<W: Write> {
    to: W,
    size: fn() -> Size,
}

impl<W: Write> Screen<W> {
    /// Takes the terminal over.
    pub(super) fn new(mut to: W, size: fn() -> Size) -> io::Result<Self> {
        to.write_all(ENTER.as_bytes())?;
        Ok(Self { to, size })
    }

    /// Draws a frame over the one before, in one write, so that nothing flickers.
    pub(super) fn draw(&mut self, frame: &str) -> io::Result<()> {
        let text = painted(frame, (self.size)());
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
fn painted(frame: &str, Size { rows, columns }: Size) -> String {
    // A line that fills the last column would lose its last sign when its end is cleared.
    let width = columns.saturating_sub(1).max(1);
    let mut lines: Vec<String> = frame.lines().flat_map(|line| folded(line, width)).collect();
    if lines.len() > rows {
        let shown = rows.saturating_sub(1);
        let hidden = lines.len() - shown;
        lines.truncate(shown);
        let more = format!("and {hidden} more lines: `perouter status` shows all");
        lines.extend(folded(&more, width).into_iter().take(1));
    }
    let end = format!("{CLEAR_LINE}\r\n");
    format!("{HOME}{}{CLEAR_LINE}{CLEAR_BELOW}", lines.join(&end))
}

/// A line in rows of at most `width` signs; what only colours takes no place.
fn folded(line: &str, width: usize) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row = String::new();
    let (mut used, mut is_colour) = (0, false);
    for sign in line.chars() {
        is_colour |= sign == '\x1b';
        if !is_colour {
            if used == width {
                rows.push(std::mem::take(&mut row));
                used = 0;
            }
            used += 1;
        }
        row.push(sign);
        is_colour &= sign != 'm';
    }
    rows.push(row);
    rows
}

#[cfg(test)]
mod tests;
