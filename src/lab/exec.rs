//! Commands that run in a node for somebody outside, with their input, output and status.

use std::collections::{BTreeMap, HashMap};
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::plan::{Input, NodeRequest};
use super::reaper::{Reaper, shell_status};
use super::wire::{Body, Channel, Outcome, Sender};

/// How long the output of a command that has ended may be silent before it counts as complete.
/// A daemon that the command left behind may keep it open for ever.
const SILENCE: Duration = Duration::from_millis(300);

/// A command that runs.
struct Running {
    group: Pid,
    /// Nothing once its input has ended. Not bounded: a full queue would stop the line, and
    /// with it every other command of the node.
    input: Option<mpsc::Sender<Vec<u8>>>,
}

/// All commands of a node.
#[derive(Clone)]
pub(super) struct Commands {
    reaper: Reaper,
    sender: Sender,
    running: Arc<Mutex<HashMap<Channel, Running>>>,
}

/// What the two readers of a command's output and its watcher share.
struct Flow {
    sender: Sender,
    channel: Channel,
    chunks: AtomicU64,
}

impl Commands {
    pub(super) fn new(reaper: Reaper, sender: Sender) -> Self {
        Self {
            reaper,
            sender,
            running: Arc::default(),
        }
    }

    /// Starts `command`; everything else about it travels in its conversation.
    pub(super) fn start(
        &self,
        channel: Channel,
        command: &[String],
        environment: &BTreeMap<String, String>,
        input: Input,
    ) {
        if let Err(reason) = self.try_start(channel, command, environment, input) {
            self.finish(channel, Outcome::Failure(reason));
        }
    }

    fn finish(&self, channel: Channel, outcome: Outcome) {
        // When the line is broken, the process ends anyway: its main loop sees that too.
        let _ = self
            .sender
            .send::<NodeRequest>(channel, &Body::Done(outcome));
    }

    fn try_start(
        &self,
        channel: Channel,
        command: &[String],
        environment: &BTreeMap<String, String>,
        input: Input,
    ) -> Result<(), String> {
        let [program, arguments @ ..] = command else {
            return Err("no command".to_owned());
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            .env_clear()
            .envs(environment)
            .current_dir("/")
            .process_group(0);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.stdin(match input {
            Input::Empty => Stdio::null(),
            Input::Follows => Stdio::piped(),
        });
        let started = self.reaper.spawn(&mut command);
        let (mut child, ended) = started.map_err(|error| format!("{program}: {error}"))?;
        let stdin = child.stdin.take().map(|mut stdin| {
            let (sender, receiver) = mpsc::channel::<Vec<u8>>();
            thread::spawn(move || {
                // Ends with the conversation, or when the command reads no more.
                receiver
                    .into_iter()
                    .try_for_each(|bytes| stdin.write_all(&bytes))
            });
            sender
        });
        let group = Pid::from_raw(child.id().cast_signed());
        self.lock().insert(
            channel,
            Running {
                group,
                input: stdin,
            },
        );

        let flow = Flow {
            sender: self.sender.clone(),
            channel,
            chunks: AtomicU64::new(0),
        };
        let flow = Arc::new(flow);
        let (open, closed) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            flow.follow(stdout, Body::Output, &open);
        }
        if let Some(stderr) = child.stderr.take() {
            flow.follow(stderr, Body::Errors, &open);
        }
        drop(open);
        let commands = self.clone();
        thread::spawn(move || {
            let outcome = match ended.recv() {
                Ok(status) => Outcome::Exit(shell_status(status)),
                Err(_) => Outcome::Failure("the command's status was lost".to_owned()),
            };
            flow.await_silence(&closed);
            commands.lock().remove(&channel);
            commands.finish(channel, outcome);
        });
        Ok(())
    }

    /// What the other side says in a conversation that has begun.
    pub(super) fn control(&self, channel: Channel, body: Body<NodeRequest>) {
        let mut running = self.lock();
        let Some(command) = running.get_mut(&channel) else {
            return;
        };
        match body {
            Body::Input(bytes) => {
                if let Some(input) = &command.input {
                    // A command that reads no more misses nothing.
                    let _ = input.send(bytes);
                }
            }
            Body::InputEnd => command.input = None,
            Body::Cancel => {
                command.input = None;
                // Already gone is what is wanted.
                let _ = killpg(command.group, Signal::SIGKILL);
            }
            Body::Request(_)
            | Body::Output(_)
            | Body::Errors(_)
            | Body::Note(_)
            | Body::Done(_) => {}
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Channel, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flow {
    /// Sends on what `source` gives, on a thread of its own, which keeps `open` until the end.
    fn follow(
        self: &Arc<Self>,
        mut source: impl Read + Send + 'static,
        wrap: fn(Vec<u8>) -> Body<NodeRequest>,
        open: &mpsc::Sender<()>,
    ) {
        let (flow, open) = (self.clone(), open.clone());
        thread::spawn(move || {
            let mut buffer = vec![0; 32 << 10];
            while let Ok(length @ 1..) = source.read(&mut buffer) {
                flow.chunks.fetch_add(1, Ordering::Relaxed);
                let chunk = buffer.get(..length).unwrap_or_default().to_vec();
                if flow.sender.send(flow.channel, &wrap(chunk)).is_err() {
                    break;
                }
            }
            drop(open);
        });
    }

    fn await_silence(&self, closed: &mpsc::Receiver<()>) {
        let mut seen = self.chunks.load(Ordering::Relaxed);
        while closed.recv_timeout(SILENCE) == Err(RecvTimeoutError::Timeout) {
            let now = self.chunks.load(Ordering::Relaxed);
            if now == seen {
                break;
            }
            seen = now;
        }
    }
}
