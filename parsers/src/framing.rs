//! Where an answer ends in the bytes of a vty socket.
//!
//! A daemon answers with text, three NULs and a status byte (FRR's `lib/vty.c`). Its text holds
//! no NUL, so the first one ends it: answers that follow each other are told apart, and text is
//! known to be text before the rest has come.

use std::ffi::CStr;

/// What the NULs and the status byte after a text take.
pub const TRAILER: usize = 4;

/// The front of received bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Front {
    /// How many bytes are text of the answer, whatever may come. The next look begins behind
    /// them, so that no byte is looked at twice.
    pub text: usize,
    /// What stands behind the text.
    pub then: Then,
}

/// What follows text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The rest has not arrived.
    More,
    /// The trailer, [`TRAILER`] bytes, with this status: the answer is whole.
    End(u8),
    /// A NUL that is neither text nor a trailer. What comes next means nothing.
    Garbled,
}

/// Looks at the bytes of an answer, from its beginning or from where the last look ended.
#[must_use]
pub fn front(received: &[u8]) -> Front {
    let text =
        CStr::from_bytes_until_nul(received).map_or(received.len(), |text| text.count_bytes());
    let then = match received.get(text..).unwrap_or_default() {
        [0, 0, 0, status, ..] => Then::End(*status),
        [] | [0] | [0, 0] | [0, 0, 0] => Then::More,
        [..] => Then::Garbled,
    };
    Front { text, then }
}

#[cfg(test)]
mod tests;
