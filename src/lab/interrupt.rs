//! What happens on Ctrl-C: whatever was begun is undone, then the program ends.

use std::process;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use nix::sys::signal::{SigSet, Signal};

type Undo = Box<dyn FnOnce() + Send>;

/// Waits for SIGINT, SIGTERM and SIGHUP for the whole process.
#[derive(Clone, Default)]
pub struct Interrupt {
    undo: Arc<Mutex<Option<Undo>>>,
}

impl Interrupt {
    /// Begins to wait. Must be called before any other thread is started: they inherit that
    /// these signals do not reach them.
    ///
    /// # Errors
    /// When the signals cannot be blocked.
    pub fn watch() -> nix::Result<Self> {
        let mut signals = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
            signals.add(signal);
        }
        signals.thread_block()?;
        let interrupt = Self::default();
        let undo = interrupt.undo.clone();
        thread::spawn(move || {
            let Ok(signal) = signals.wait() else { return };
            // Held to the end: see `settle`.
            let mut undo = undo.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(undo) = undo.take() {
                undo();
            }
            process::exit(128 + signal as i32);
        });
        Ok(interrupt)
    }

    /// From now on `undo` is what an interrupt calls for.
    pub fn then(&self, undo: impl FnOnce() + Send + 'static) {
        *self.undo.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(undo));
    }

    /// From now on an interrupt ends the program and nothing else. Does not return if one has
    /// come: what it undoes looks like a failure to the rest of the program, which must not
    /// report it as one, nor end before all is undone.
    pub fn settle(&self) {
        *self.undo.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
