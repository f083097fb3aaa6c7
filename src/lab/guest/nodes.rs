//! The guest's nodes and the conversations with them.
//!
//! Conversations from above keep their numbers on the way to a node. The guest's own have
//! numbers with the highest bit set, which nobody above uses.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use nix::sched::{CloneFlags, unshare};

use crate::lab::node::executable_place;
use crate::lab::plan::{Exec, GuestRequest, Kernel, NodeReport, NodeRequest, Phase, Plan, Report};
use crate::lab::reaper::Reaper;
use crate::lab::topology::NodeName;
use crate::lab::wire::{self, Body, Channel, Outcome, Sender};

/// The first number of the guest's own conversations.
const OWN: u32 = 1 << 31;

type Mailbox = mpsc::Sender<Body<NodeRequest>>;

/// A node, seen from the guest.
#[derive(Clone)]
pub(super) struct Line {
    /// Its process 1, by the guest's numbers.
    pub(super) pid: u32,
    sender: Sender,
}

#[derive(Default)]
struct State {
    kernel: Option<Kernel>,
    plan: Vec<(NodeName, crate::lab::topology::Image)>,
    lines: BTreeMap<NodeName, Line>,
    /// Which node a conversation from above goes to.
    routes: HashMap<Channel, NodeName>,
    /// Where the answers in the guest's own conversations go.
    mailboxes: HashMap<Channel, (NodeName, Mailbox)>,
}

/// All nodes.
pub(super) struct Nodes {
    pub(super) reaper: Reaper,
    upstream: Sender,
    state: Mutex<State>,
    next: AtomicU32,
}

impl Nodes {
    pub(super) fn new(reaper: Reaper, upstream: Sender) -> Self {
        Self {
            reaper,
            upstream,
            state: Mutex::default(),
            next: AtomicU32::new(OWN),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes what is going to be built, for reports.
    pub(super) fn expect(&self, plan: &Plan) {
        let mut state = self.lock();
        state.kernel = Some(plan.kernel);
        state.plan = plan
            .topology
            .nodes
            .iter()
            .map(|node| (node.name.clone(), node.image))
            .collect();
    }

    /// Ends a conversation from above.
    pub(super) fn finish(&self, channel: Channel, outcome: Outcome) {
        self.lock().routes.remove(&channel);
        // A broken line ends the guest in its main loop.
        let _ = self
            .upstream
            .send::<GuestRequest>(channel, &Body::Done(outcome));
    }

    /// Starts the node's process 1 in namespaces of its own.
    pub(super) fn start(self: &std::sync::Arc<Self>, name: &NodeName) -> io::Result<()> {
        let (ours, theirs) = UnixStream::pair()?;
        let reaper = self.reaper.clone();
        // The namespaces are made by a thread that ends: the guest stays where it is.
        let started = thread::spawn(move || {
            unshare(
                CloneFlags::CLONE_NEWNS
                    | CloneFlags::CLONE_NEWPID
                    | CloneFlags::CLONE_NEWNET
                    | CloneFlags::CLONE_NEWUTS
                    | CloneFlags::CLONE_NEWIPC,
            )?;
            let mut command = Command::new(executable_place());
            command
                .args(["lab", "node"])
                .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)));
            reaper.spawn(&mut command)
        });
        let (child, ended) = started
            .join()
            .map_err(|_| io::Error::other("the thread that starts nodes died"))??;
        drop(ended);
        let line = Line {
            pid: child.id(),
            sender: Sender::new(ours.try_clone()?),
        };
        self.lock().lines.insert(name.clone(), line);
        let (nodes, name) = (self.clone(), name.clone());
        thread::spawn(move || nodes.listen(&name, ours));
        Ok(())
    }

    /// Hands on what a node says, until it ends.
    fn listen(&self, name: &NodeName, mut line: UnixStream) {
        while let Ok(Some((channel, body))) = wire::read::<NodeRequest>(&mut line) {
            let last = matches!(body, Body::Done(_));
            if channel.0 >= OWN {
                let mut state = self.lock();
                if let Some((_, mailbox)) = state.mailboxes.get(&channel) {
                    // Who asked may have given up.
                    let _ = mailbox.send(body);
                }
                if last {
                    state.mailboxes.remove(&channel);
                }
                continue;
            }
            if last {
                self.lock().routes.remove(&channel);
            }
            if let Some(body) = body.retarget::<GuestRequest>()
                && self.upstream.send(channel, &body).is_err()
            {
                break;
            }
        }
        let mut state = self.lock();
        state.lines.remove(name);
        state.mailboxes.retain(|_, (node, _)| node != name);
        let orphans: Vec<Channel> = state
            .routes
            .iter()
            .filter(|(_, node)| *node == name)
            .map(|(channel, _)| *channel)
            .collect();
        drop(state);
        for channel in orphans {
            self.finish(channel, Outcome::Failure(format!("node {name} has died")));
        }
    }

    pub(super) fn line(&self, name: &NodeName) -> Option<Line> {
        self.lock().lines.get(name).cloned()
    }

    /// Asks a node something and waits for the end of the conversation: what it put out, or why
    /// it failed.
    pub(super) fn ask(&self, name: &NodeName, request: NodeRequest) -> Result<Answer, String> {
        let line = self
            .line(name)
            .ok_or_else(|| format!("there is no node {name}"))?;
        let channel = Channel(self.next.fetch_add(1, Ordering::Relaxed) | OWN);
        let (mailbox, answers) = mpsc::channel();
        self.lock()
            .mailboxes
            .insert(channel, (name.clone(), mailbox));
        line.sender
            .send(channel, &Body::Request(request))
            .map_err(|error| format!("node {name} does not listen: {error}"))?;
        let mut output = Vec::new();
        for body in answers {
            match body {
                Body::Output(bytes) | Body::Errors(bytes) => output.extend(bytes),
                Body::Done(Outcome::Success) => return Ok(Answer { status: 0, output }),
                Body::Done(Outcome::Exit(status)) => return Ok(Answer { status, output }),
                Body::Done(Outcome::Failure(reason)) => return Err(reason),
                Body::Request(_)
                | Body::Input(_)
                | Body::InputEnd
                | Body::Cancel
                | Body::Note(_) => {}
            }
        }
        Err(format!("node {name} has died"))
    }

    /// Runs a command for somebody above.
    pub(super) fn exec(&self, channel: Channel, exec: Exec) {
        let Some(line) = self.line(&exec.node) else {
            let known: Vec<String> = self.lock().lines.keys().map(ToString::to_string).collect();
            let reason = format!(
                "there is no node {}; there are {}",
                exec.node,
                known.join(", ")
            );
            self.finish(channel, Outcome::Failure(reason));
            return;
        };
        self.lock().routes.insert(channel, exec.node.clone());
        let request = Body::Request(NodeRequest::Exec(exec.command, exec.input));
        if let Err(error) = line.sender.send(channel, &request) {
            let reason = format!("node {} does not listen: {error}", exec.node);
            self.finish(channel, Outcome::Failure(reason));
        }
    }

    /// Hands on what somebody above says in a conversation with a node.
    pub(super) fn forward(&self, channel: Channel, body: Body<GuestRequest>) {
        let state = self.lock();
        let line = state
            .routes
            .get(&channel)
            .and_then(|name| state.lines.get(name))
            .cloned();
        drop(state);
        if let (Some(line), Some(body)) = (line, body.retarget::<NodeRequest>()) {
            // A node that has died is reported by `listen`.
            let _ = line.sender.send(channel, &body);
        }
    }

    /// Reports the nodes' states to somebody above.
    pub(super) fn report(&self, channel: Channel) {
        let state = self.lock();
        let (kernel, plan) = (state.kernel.unwrap_or(Kernel::Native), state.plan.clone());
        drop(state);
        let nodes = plan
            .into_iter()
            .map(|(name, image)| {
                let phase = match self.ask(&name, NodeRequest::State) {
                    Ok(answer) => serde_json::from_slice(&answer.output)
                        .unwrap_or_else(|error| Phase::Lost(error.to_string())),
                    Err(reason) => Phase::Lost(reason),
                };
                NodeReport { name, image, phase }
            })
            .collect();
        let outcome = match serde_json::to_vec(&Report { kernel, nodes }) {
            Ok(report) => {
                // As in `finish`.
                let _ = self
                    .upstream
                    .send::<GuestRequest>(channel, &Body::Output(report));
                Outcome::Success
            }
            Err(error) => Outcome::Failure(error.to_string()),
        };
        self.finish(channel, outcome);
    }
}

/// What a conversation with a node brought.
pub(super) struct Answer {
    /// The status of the command, if one was run; otherwise 0.
    pub(super) status: u8,
    /// Everything it put out.
    pub(super) output: Vec<u8>,
}
