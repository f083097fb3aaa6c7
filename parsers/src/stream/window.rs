//! The part of an answer that is in memory.

use std::io::{self, Read};

/// Bytes that can be looked at, and used up from the front.
pub(crate) trait Window {
    /// What is in memory and not used up.
    fn bytes(&self) -> &[u8];

    /// Uses up the first `count` bytes.
    fn consume(&mut self, count: usize);

    /// Brings more bytes into memory; `false` when the answer has no more.
    ///
    /// # Errors
    /// The reader's.
    fn more(&mut self) -> io::Result<bool>;
}

/// An answer that is in memory as a whole.
pub(super) struct Whole<'a>(pub(super) &'a [u8]);

impl Window for Whole<'_> {
    fn bytes(&self) -> &[u8] {
        self.0
    }

    fn consume(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }

    fn more(&mut self) -> io::Result<bool> {
        Ok(false)
    }
}

/// How many bytes are brought in at once, at least. A table's entry has some hundreds.
///
/// A fuzzer sends little, which must pass through a window all the same.
const CHUNK: usize = if cfg!(fuzzing) { 16 } else { 128 * 1024 };

/// An answer of which a part is in memory: as much as the largest entry needs, at most twice
/// that.
pub(super) struct Sliding<R> {
    reader: R,
    buffer: Vec<u8>,
    used: usize,
}

impl<R: Read> Sliding<R> {
    pub(super) fn new(reader: R) -> Self {
        Self {
            reader,
            buffer: Vec::new(),
            used: 0,
        }
    }
}

impl<R: Read> Window for Sliding<R> {
    fn bytes(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    fn consume(&mut self, count: usize) {
        self.used = self.buffer.len().min(self.used + count);
    }

    fn more(&mut self) -> io::Result<bool> {
        self.buffer.drain(..self.used);
        self.used = 0;
        // As much again as there is: an entry of n bytes is then looked at log n times.
        let wanted = u64::try_from(self.buffer.len().max(CHUNK)).unwrap_or(u64::MAX);
        Ok(self
            .reader
            .by_ref()
            .take(wanted)
            .read_to_end(&mut self.buffer)?
            > 0)
    }
}
