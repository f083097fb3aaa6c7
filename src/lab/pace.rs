//! Keeps the line to the guest from being overrun.
//!
//! The serial line of User Mode Linux loses its interrupt, and with it everything that follows,
//! once the guest's terminal layer has to hold it up because 4 kB wait to be read. So the
//! supervisor never sends more than `WINDOW` bytes that the guest has not reported as heard.
//! It is the same on the host's kernel, where it costs little.

#[cfg(test)]
mod tests;

use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// How many bytes may be under way; well below the 4096 that a terminal holds.
const WINDOW: usize = 2048;

/// How many bytes may still be sent.
#[derive(Clone)]
pub struct Credit {
    shared: Arc<(Mutex<State>, Condvar)>,
}

struct State {
    left: usize,
    open: bool,
}

impl Default for Credit {
    fn default() -> Self {
        let state = State {
            left: WINDOW,
            open: true,
        };
        Self {
            shared: Arc::new((Mutex::new(state), Condvar::new())),
        }
    }
}

impl Credit {
    /// The other side has read `count` bytes more.
    pub fn heard(&self, count: u32) {
        let (state, changed) = &*self.shared;
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        state.left = state.left.saturating_add(count).min(WINDOW);
        changed.notify_all();
    }

    /// The other side is gone: nobody waits for it any more.
    pub fn close(&self) {
        let (state, changed) = &*self.shared;
        state.lock().unwrap_or_else(PoisonError::into_inner).open = false;
        changed.notify_all();
    }

    /// Waits until something may be sent, and takes up to `wanted` bytes of it; nothing when
    /// the other side is gone.
    fn take(&self, wanted: usize) -> Option<usize> {
        let (state, changed) = &*self.shared;
        let state = state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = changed
            .wait_while(state, |state| state.open && state.left == 0)
            .unwrap_or_else(PoisonError::into_inner);
        if !state.open {
            return None;
        }
        let granted = wanted.min(state.left);
        state.left -= granted;
        Some(granted)
    }
}

/// A line that sends only what there is credit for.
pub struct Paced<W> {
    line: W,
    credit: Credit,
}

impl<W> Paced<W> {
    /// Paces what is written to `line`.
    pub fn new(line: W, credit: Credit) -> Self {
        Self { line, credit }
    }
}

impl<W: Write> Write for Paced<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let granted = self
            .credit
            .take(bytes.len())
            .ok_or(io::ErrorKind::BrokenPipe)?;
        self.line
            .write_all(bytes.get(..granted).unwrap_or_default())?;
        Ok(granted)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.line.flush()
    }
}

/// A line that reports every byte it reads.
pub struct Heard<R, F> {
    line: R,
    report: F,
}

impl<R, F> Heard<R, F> {
    /// Calls `report` with the number of bytes after each read from `line`.
    pub fn new(line: R, report: F) -> Self {
        Self { line, report }
    }
}

impl<R: Read, F: FnMut(u32) -> io::Result<()>> Read for Heard<R, F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.line.read(buffer)?;
        if count > 0 {
            (self.report)(u32::try_from(count).unwrap_or(u32::MAX))?;
        }
        Ok(count)
    }
}
