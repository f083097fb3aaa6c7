//! Process 1's duty to its children, adopted ones included: it collects every one that ends.
//!
//! A child that was started here is waited for through a channel, never with `waitpid`, so that
//! the one thread that collects cannot take a result from whoever wants it.

use std::collections::HashMap;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use nix::errno::Errno;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;

type Waiting = HashMap<i32, mpsc::Sender<ExitStatus>>;

/// Starts children and collects them. Clones are the same reaper.
#[derive(Clone, Default)]
pub struct Reaper {
    shared: Arc<(Mutex<Waiting>, Condvar)>,
}

impl Reaper {
    /// Begins to collect, on a thread of its own that lasts as long as the process.
    ///
    /// # Errors
    /// When the thread cannot be started.
    pub fn start() -> io::Result<Self> {
        let reaper = Self::default();
        let collector = reaper.clone();
        std::thread::Builder::new()
            .name("reaper".to_owned())
            .spawn(move || collector.collect())?;
        Ok(reaper)
    }

    /// Starts `command`. Its exit status comes through the channel; `Child::wait` would find
    /// nothing.
    ///
    /// # Errors
    /// When the command cannot be started.
    pub fn spawn(&self, command: &mut Command) -> io::Result<(Child, Receiver<ExitStatus>)> {
        let (waiting, spawned) = &*self.shared;
        // Held while the child starts, so that it cannot be collected before it is known, and
        // so that the library's own wait for a child that failed to start finds it.
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn()?;
        let (sender, receiver) = mpsc::channel();
        waiting.insert(child.id().cast_signed(), sender);
        spawned.notify_all();
        Ok((child, receiver))
    }

    fn collect(&self) {
        let (waiting, spawned) = &*self.shared;
        loop {
            // Only a look: who ended is collected below, while nobody is starting a child.
            let ended = waitid(Id::All, WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT);
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            match ended.map(|status| status.pid()) {
                Ok(Some(pid)) => {
                    if let Some(status) = collect_one(pid)
                        && let Some(sender) = waiting.remove(&pid.as_raw())
                    {
                        // Nobody may be interested any more.
                        let _ = sender.send(status);
                    }
                }
                Err(Errno::ECHILD) => {
                    // No child at all: until one is started, none can end.
                    let idle = std::time::Duration::from_millis(200);
                    drop(spawned.wait_timeout(waiting, idle));
                }
                Ok(None) | Err(_) => {}
            }
        }
    }
}

fn collect_one(pid: Pid) -> Option<ExitStatus> {
    match waitpid(pid, Some(WaitPidFlag::WNOHANG)).ok()? {
        WaitStatus::Exited(_, code) => Some(ExitStatus::from_raw((code & 0xff) << 8)),
        WaitStatus::Signaled(_, signal, _) => Some(ExitStatus::from_raw(signal as i32)),
        WaitStatus::Stopped(..)
        | WaitStatus::PtraceEvent(..)
        | WaitStatus::PtraceSyscall(_)
        | WaitStatus::Continued(_)
        | WaitStatus::StillAlive => None,
    }
}

/// An exit status as a shell tells it: 128 and the signal's number if one killed it.
#[must_use]
pub fn shell_status(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255)
}
