//! The loop that joins everything: manifests in, kernel and FRR made so, facts read back.
//!
//! One task owns the kernel handles, the FRR driver and all state; events only wake it. What
//! always holds: a pass observes before it plans and plans before it writes, so an agent that
//! was killed anywhere continues from what is there. Beside the task only the refresher of
//! neighbours works by itself, with sockets of its own; it changes nothing that was configured.

mod backoff;
pub mod cleanup;
mod contents;
pub mod execute;
pub mod eye;
pub mod facts;
mod handles;
mod memory;
mod node_status;
mod pass;
pub mod preview;
mod remedy;
mod report;
mod revival;
mod sessions;
mod socket;
pub mod source;
pub mod state;
pub mod vrf_tables;
mod wake;

use std::path::PathBuf;
use std::time::Duration;

use kube::Client;
use perouter_parsers::bmp::Message;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::api::Labels;
use crate::frr::{self, Frr};
use crate::intent::NodeIndex;
use crate::netlink::namespace::{self, NamespaceError};
use crate::status::probe::Work;
use crate::status::protocol::Request;
use crate::status::serve::{Listen, Server};
use backoff::Backoff;
pub(crate) use execute::chain;
use node_status::Scribe;
use pass::Worker;
use socket::Asked;
use source::Cluster;
pub use wake::Cause;

/// How long after the first event of a burst the loop looks, so that a burst costs one pass.
const SETTLE: Duration = Duration::from_millis(20);

/// The time from a failed pass to the next try, doubled up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LONGEST: Duration = Duration::from_secs(10);

/// How long the end waits for the answers to calls that were begun.
const FAREWELL: Duration = Duration::from_secs(5);

/// How often facts are read when all is well.
const VERIFY_SETTLED: Duration = Duration::from_secs(10);

/// How soon after a reading the next one follows while something is not as it should be: at
/// first often, because a fabric that comes up changes fast, then ever less.
const VERIFY_FIRST: Duration = Duration::from_millis(250);
const VERIFY_LONGEST: Duration = Duration::from_secs(5);

/// The pause after a reading, by how long it took, while something is not as it should be: what
/// is on its way needs the machine too.
const UNSETTLED_REST: u32 = 3;

/// How soon after a session was lost all is read again: routes go behind it.
const VERIFY_AFTER_SESSION: Duration = Duration::from_millis(100);

/// A reading is broken off for a lost session at most this often, so that it ends some time.
const INTERRUPTION: Duration = Duration::from_secs(1);

/// How long after a route or a forwarding entry changed it is read: the rest of a burst has come.
const STIRRED_SETTLE: Duration = Duration::from_millis(100);

/// The pause after a reading, by how long it took, before another one that only follows from
/// changes of routes: it takes a tenth of the time at most.
const STIRRED_REST: u32 = 9;

/// What bgpd tells of sessions and the loop has not heard yet; then bgpd has to keep it.
const TOLD: usize = 256;

/// What the agent is told on its command line.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node's name.
    pub name: String,
    /// The number that its addresses follow from; without one, the Node object must say.
    pub index: Option<NodeIndex>,
    /// Its labels, until the Node object says.
    pub labels: Labels,
    /// The directory of manifests, if there is one.
    pub manifests: Option<PathBuf>,
    /// Whether objects come from the Kubernetes API too.
    pub kubernetes: Kubernetes,
    /// The name of the router's network namespace.
    pub netns: String,
    /// The folder of FRR's vty sockets.
    pub frr_dir: PathBuf,
    /// Whether to use FRR's gRPC northbound.
    pub northbound: frr::Mode,
    /// The unix socket that `perouter status` asks.
    pub socket: PathBuf,
    /// Where it answers over HTTP: probes, metrics, the page on this node.
    pub listen: Listen,
    /// Where the agent remembers what it must not forget when it is killed.
    pub state: PathBuf,
    /// How often everything is observed anew, whatever happened.
    pub resync: Duration,
}

/// Whether the agent takes part in a Kubernetes cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kubernetes {
    /// It knows none.
    Unused,
    /// It takes objects from its API, by the credentials of its pod or of `KUBECONFIG`, and writes
    /// the node's status.
    Watched {
        /// Where the status is written.
        namespace: String,
    },
}

/// The agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The credentials for the Kubernetes API.
    #[error("cannot find out how to reach the Kubernetes API")]
    Kubernetes(#[source] kube::Error),
    /// Nobody says what the node's addresses follow from.
    #[error("the node's index is not known: give --node-index")]
    NoIndex,
    /// Its memory.
    #[error(transparent)]
    State(#[from] state::StateError),
    /// Its socket.
    #[error(transparent)]
    Socket(#[from] socket::SocketError),
    /// The name of the router's namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// Its signals.
    #[error("cannot catch signals: {0}")]
    Signal(std::io::Error),
}

/// Runs until SIGTERM or SIGINT. Stopping changes nothing: kernel and FRR go on as they are.
///
/// # Errors
/// [`AgentError`] when it cannot start; once it runs, failures are reported and retried.
pub async fn run(options: Options) -> Result<(), AgentError> {
    let (ask, asked) = mpsc::channel(16);
    let (changed, manifests_changed) = mpsc::channel(1);
    let (sessions, told) = mpsc::channel(TOLD);
    let (stir, stirred) = mpsc::channel(1);
    let tell = wake::Tell {
        sessions,
        stirred: stir,
    };
    let mut stop = signal(SignalKind::terminate()).map_err(AgentError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(AgentError::Signal)?;
    let client = match &options.kubernetes {
        Kubernetes::Watched { .. } => {
            let client = Client::try_default().await;
            Some(client.map_err(AgentError::Kubernetes)?)
        }
        Kubernetes::Unused => None,
    };
    let cluster = client
        .as_ref()
        .map(|client| Cluster::watch(client, &options.name, &changed));
    let nodes = cluster.as_ref().map(Cluster::nodes);
    let node = tokio::select! {
        node = contents::node(&options, cluster.as_ref()) => node?,
        _ = stop.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    tracing::info!(node = options.name, index = node.index.0, "started");
    let mut worker = Worker::new(&options, node, cluster, tell)?;
    socket::serve(&options.socket, ask, worker.publish.subscribe())?;
    let _scribe = match (client, nodes, &options.kubernetes) {
        (Some(client), Some(nodes), Kubernetes::Watched { namespace }) => {
            let scribe = Scribe {
                client,
                namespace: namespace.clone(),
                node: options.name.clone(),
                nodes,
                reports: worker.publish.subscribe(),
            };
            Some(scribe.start())
        }
        (_, _, Kubernetes::Watched { .. } | Kubernetes::Unused) => None,
    };
    worker.server = match options.listen {
        Listen::Off => None,
        Listen::At(address) => Some(Server::start(address, worker.view())),
    };
    let directory = options.manifests.as_deref();
    let _directory = directory
        .and_then(|path| wake::watch_directory(path, wake::Interest::Changes, changed.clone()));
    let (came, daemons_came) = mpsc::channel(1);
    let _sockets = wake::watch_directory(&options.frr_dir, wake::Interest::Arrivals, came);
    let frr = Frr::new(frr::Options {
        dir: options.frr_dir.clone(),
        netns: namespace::path_of(&options.netns)?,
        northbound: options.northbound,
    });
    let mut agent = Loop {
        resync: options.resync,
        worker,
        frr,
        asked,
        manifests_changed,
        daemons_came,
        stirred,
        told,
        heard: Vec::new(),
        interrupted: None,
        verified: Instant::now(),
        verifying: Duration::ZERO,
        retry: RETRY_FIRST,
        next_pass: Instant::now(),
        next_verify: Instant::now(),
        unsettled: VERIFY_FIRST,
        remedy: Backoff::new(RETRY_FIRST),
        due: Cause::Start,
    };
    tokio::select! {
        () = agent.turn() => {}
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
    if tokio::time::timeout(FAREWELL, agent.frr.settle())
        .await
        .is_err()
    {
        tracing::warn!("FRR has not answered a call; its gRPC server may be gone");
    }
    tracing::info!("stopped; kernel and FRR stay as they are");
    let _ = std::fs::remove_file(&options.socket);
    Ok(())
}

/// The loop's timers and channels.
struct Loop {
    resync: Duration,
    worker: Worker,
    frr: Frr,
    asked: mpsc::Receiver<Asked>,
    manifests_changed: mpsc::Receiver<()>,
    daemons_came: mpsc::Receiver<()>,
    /// What bgpd tells of sessions, and what of it was heard while something else was done.
    told: mpsc::Receiver<Message>,
    heard: Vec<Message>,
    /// When a reading was broken off last.
    interrupted: Option<Instant>,
    /// That what packets are forwarded by has changed.
    stirred: mpsc::Receiver<()>,
    /// When a reading ended last, and how long it took.
    verified: Instant,
    verifying: Duration,
    retry: Duration,
    next_pass: Instant,
    next_verify: Instant,
    /// The pause to the next reading while something is not as it should be.
    unsettled: Duration,
    /// The next pass while verification finds fault with what a pass left.
    remedy: Backoff,
    /// Why the next timed pass runs.
    due: Cause,
}

/// What the loop turns to.
enum Turn {
    Pass(Cause),
    Verify,
    Sessions,
    Stirred,
    Answer(Asked),
}

impl Loop {
    async fn turn(&mut self) {
        loop {
            self.worker.pulse.begin(Work::Waiting);
            match self.next().await {
                Turn::Pass(cause) => self.pass(cause).await,
                Turn::Verify => self.verify().await,
                Turn::Sessions => self.sessions().await,
                Turn::Stirred => {
                    let soonest = soonest(self.verified, self.verifying, Instant::now());
                    self.next_verify = self.next_verify.min(soonest);
                }
                Turn::Answer(asked) => self.answer(asked).await,
            }
        }
    }

    async fn next(&mut self) -> Turn {
        tokio::select! {
            biased;
            Some(asked) = self.asked.recv() => Turn::Answer(asked),
            () = hear(&mut self.told, &mut self.heard) => Turn::Sessions,
            Some(()) = self.manifests_changed.recv() => self.settled(Cause::Manifests).await,
            () = self.worker.kernel_changed() => self.settled(Cause::Kernel).await,
            daemon = self.frr.daemon_lost() => {
                tracing::warn!(%daemon, "closed its connection");
                self.frr.forget(daemon);
                self.settled(Cause::DaemonLost).await
            }
            Some(()) = self.daemons_came.recv() => {
                self.frr.try_at_once();
                self.settled(Cause::DaemonBack).await
            }
            Some(()) = self.stirred.recv() => Turn::Stirred,
            () = tokio::time::sleep_until(self.next_pass) => Turn::Pass(self.due),
            () = tokio::time::sleep_until(self.next_verify) => Turn::Verify,
        }
    }

    /// Lets a burst of events end.
    async fn settled(&mut self, cause: Cause) -> Turn {
        tokio::time::sleep(SETTLE).await;
        while self.manifests_changed.try_recv().is_ok() {}
        while self.daemons_came.try_recv().is_ok() {}
        self.worker.drain_kernel_events();
        Turn::Pass(cause)
    }

    /// Reads facts, unless a session is lost meanwhile, which is the greater news.
    async fn verify(&mut self) {
        let last = self.interrupted;
        let patient = last.is_some_and(|last| last.elapsed() < INTERRUPTION);
        // What is told from here on may not be in what is read.
        while self.stirred.try_recv().is_ok() {}
        let begun = Instant::now();
        tokio::select! {
            biased;
            () = hear_of_loss(&mut self.told, &mut self.heard), if !patient => {
                self.interrupted = Some(Instant::now());
            }
            () = self.worker.verify(&mut self.frr).instrument(tracing::info_span!("verify")) => {
                (self.verified, self.verifying) = (Instant::now(), begun.elapsed());
                self.schedule_verify();
            }
        }
    }

    /// Looks at the sessions that bgpd told of, at once at lost ones, and soon at everything.
    async fn sessions(&mut self) {
        while let Ok(message) = self.told.try_recv() {
            self.heard.push(message);
        }
        let heard = std::mem::take(&mut self.heard);
        let next = if heard.iter().any(is_loss) {
            self.worker.look_at_sessions(&heard, &mut self.frr).await;
            Instant::now() + VERIFY_AFTER_SESSION
        } else {
            soonest(self.verified, self.verifying, Instant::now())
        };
        self.next_verify = self.next_verify.min(next);
    }

    async fn pass(&mut self, cause: Cause) {
        self.worker.pulse.begin(Work::Pass);
        let span = tracing::info_span!("pass", %cause);
        let pass = self.worker.pass(cause, &mut self.frr);
        let settled = pass.instrument(span).await;
        let now = Instant::now();
        self.verified = now;
        if cause == Cause::Broken {
            self.remedy.done(self.resync);
        }
        match settled {
            pass::Settled::Yes => {
                self.retry = RETRY_FIRST;
                let pause = self.frr.ask_again().unwrap_or(self.resync).min(self.resync);
                (self.next_pass, self.due) = (now + pause, Cause::Resync);
            }
            pass::Settled::No => {
                (self.next_pass, self.due) = (now + self.retry, Cause::Retry);
                self.retry = (self.retry * 2).min(RETRY_LONGEST);
            }
        }
        self.schedule_verify();
    }

    /// Reads facts again: soon while something is wrong. What is found broken may have been
    /// changed behind our back without an event, so a pass looks after it too.
    fn schedule_verify(&mut self) {
        let now = Instant::now();
        if self.worker.is_ready() {
            self.unsettled = VERIFY_FIRST;
            self.remedy = Backoff::new(RETRY_FIRST);
            self.next_verify = now + VERIFY_SETTLED;
            return;
        }
        self.next_verify = now + self.unsettled.max(self.verifying * UNSETTLED_REST);
        self.unsettled = (self.unsettled.mul_f32(1.2)).min(VERIFY_LONGEST);
        if self.worker.looks_broken() {
            let at = self.remedy.due(now);
            if self.next_pass > at {
                (self.next_pass, self.due) = (at, Cause::Broken);
            }
        }
    }

    async fn answer(&mut self, asked: Asked) {
        self.worker.pulse.begin(Work::Answer);
        let request = asked
            .request
            .parse::<Request>()
            .map_err(|error| error.to_string());
        let answer = match request {
            Ok(Request::Walk(target)) => self.worker.walk(target, &mut self.frr).await,
            Ok(Request::Verify) => {
                self.pass(Cause::Request).await;
                self.worker.answer(&request)
            }
            Ok(Request::Status | Request::Plan) | Err(_) => self.worker.answer(&request),
        };
        if asked.answer.send(answer).is_err() {
            tracing::debug!("a client went before its answer");
        }
    }
}

/// When to read facts after something stirred: soon, but reading shall take a small part of the
/// time however much stirs.
fn soonest(last: Instant, took: Duration, now: Instant) -> Instant {
    let rest = (took * STIRRED_REST).min(VERIFY_SETTLED);
    (now + STIRRED_SETTLE).max(last + rest)
}

/// Waits until something was heard of sessions.
///
/// Cancel safe.
async fn hear(told: &mut mpsc::Receiver<Message>, heard: &mut Vec<Message>) {
    if !heard.is_empty() {
        return;
    }
    match told.recv().await {
        Some(message) => heard.push(message),
        None => std::future::pending().await,
    }
}

fn is_loss(message: &Message) -> bool {
    match message {
        Message::PeerDown { .. } => true,
        Message::PeerUp(_) | Message::Other(_) => false,
    }
}

/// Waits until a session was lost; what else is heard meanwhile is kept.
///
/// Cancel safe.
async fn hear_of_loss(told: &mut mpsc::Receiver<Message>, heard: &mut Vec<Message>) {
    while !heard.last().is_some_and(is_loss) {
        match told.recv().await {
            Some(message) => heard.push(message),
            None => std::future::pending().await,
        }
    }
}
