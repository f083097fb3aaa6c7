//! Says on standard error what is being measured, and that it still is when it takes long.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long nothing may be said.
const PATIENCE: Duration = Duration::from_secs(5);

/// One measurement's progress.
pub(crate) struct Progress {
    say: Sender<String>,
    printer: JoinHandle<()>,
}

impl Progress {
    /// Begins to tell of a measurement.
    pub(crate) fn start(what: &'static str) -> Self {
        let (say, said) = mpsc::channel::<String>();
        let printer = thread::spawn(move || {
            let begin = Instant::now();
            let mut last = "starting".to_owned();
            loop {
                let line = match said.recv_timeout(PATIENCE) {
                    Ok(text) => {
                        last = text;
                        last.clone()
                    }
                    Err(RecvTimeoutError::Timeout) => format!("… ({last})"),
                    Err(RecvTimeoutError::Disconnected) => return,
                };
                eprintln!("{what}: {:5.1} s  {line}", begin.elapsed().as_secs_f64());
            }
        });
        Self { say, printer }
    }

    /// Says what comes next.
    pub(crate) fn tell(&self, text: impl Into<String>) {
        // A printer that died has nothing to print.
        let _ = self.say.send(text.into());
    }

    /// Prints what has been said, and nothing more.
    pub(crate) fn end(self) {
        let Self { say, printer } = self;
        drop(say);
        let _ = printer.join();
    }
}
