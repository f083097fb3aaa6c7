//! The loop that joins everything: manifests in, kernel and FRR made so, facts read back.
//!
//! One task owns the kernel handles, the FRR driver and all state; events only wake it. What
//! always holds: a pass observes before it plans and plans before it writes, so an agent that
//! was killed anywhere continues from what is there. Beside the task only the refresher of
//! neighbours works by itself, with sockets of its own; it changes nothing that was configured.

mod backoff;
pub mod cleanup;
mod contents;
mod events;
pub mod execute;
pub mod eye;
pub mod facts;
mod failures;
mod glance;
mod handles;
mod heir;
mod lost_hosts;
mod memory;
pub mod node_status;
mod options;
mod partial;
mod pass;
pub mod preview;
mod quarrels;
mod reading;
mod remedy;
mod repairs;
mod report;
mod revival;
mod scope;
mod sessions;
mod socket;
pub mod source;
pub mod state;
mod unheard;
mod untold;
pub mod vrf_tables;
mod wake;

use std::collections::BTreeSet;
use std::time::Duration;

use kube::Client;
use perouter_parsers::bmp::Message;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::api::types::VrfName;
use crate::frr::{self, Frr};
use crate::netlink::namespace;
use crate::netlink::{Places, Stirred};
use crate::status::probe::Work;
use crate::status::protocol::Request;
use crate::status::report::Verdict;
use crate::status::serve::{Listen, Server};
use backoff::Backoff;
use events::Herald;
pub(crate) use execute::chain;
use node_status::Scribe;
pub use options::{AgentError, Kubernetes, Options};
use pass::{Look, Settled, Worker};
use reading::Reading;
use scope::Scope;
use socket::Asked;
use source::Cluster;
pub use wake::Cause;
use wake::Readings;

/// How long after the first event of a burst the loop looks, so that a burst costs one pass.
const SETTLE: Duration = Duration::from_millis(20);

/// How long a burst is waited for at most.
const BURST: Duration = Duration::from_secs(1);

/// The time from a failed pass to the next try, doubled up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(200);
const RETRY_LONGEST: Duration = Duration::from_secs(10);

/// How long the end waits for the answers to calls that were begun.
const FAREWELL: Duration = Duration::from_secs(5);

/// How soon after a reading the next one follows while something is not as it should be: at
/// first often, because a fabric that comes up changes fast, then ever less.
const VERIFY_FIRST: Duration = Duration::from_millis(250);
const VERIFY_LONGEST: Duration = Duration::from_secs(5);

/// How soon after a session was lost all is read again: routes go behind it.
const VERIFY_AFTER_SESSION: Duration = Duration::from_millis(100);

/// A reading is broken off for a lost session at most this often, so that it ends some time.
const INTERRUPTION: Duration = Duration::from_secs(1);

/// How long it waits at most before it shows that it does: nothing may be due for long.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// What bgpd tells of sessions and the loop has not heard yet; then bgpd has to keep it.
const TOLD: usize = 256;

/// Runs until SIGTERM or SIGINT. Stopping changes nothing: kernel and FRR go on as they are.
///
/// # Errors
/// [`AgentError`] when it cannot start; once it runs, failures are reported and retried.
pub async fn run(options: Options) -> Result<(), AgentError> {
    let (ask, asked) = mpsc::channel(16);
    let (changed, manifests_changed) = mpsc::channel(1);
    let (sessions, told) = mpsc::channel(TOLD);
    let stirred = Stirred::default();
    let tell = wake::Tell {
        sessions,
        stirred: stirred.clone(),
    };
    let mut stop = signal(SignalKind::terminate()).map_err(AgentError::Signal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(AgentError::Signal)?;
    let api = match &options.kubernetes {
        Kubernetes::Watched { namespace } => {
            let client = Client::try_default().await;
            Some((client.map_err(AgentError::Kubernetes)?, namespace))
        }
        Kubernetes::Unused => None,
    };
    let cluster = api
        .as_ref()
        .map(|(client, namespace)| Cluster::watch(client, &options.name, namespace, &changed));
    let known = |all: &Cluster| (all.nodes(), all.identities(), all.recovery());
    let api = api.zip(cluster.as_ref().map(known));
    let node = tokio::select! {
        node = contents::node(&options, cluster.as_ref()) => node?,
        _ = stop.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    tracing::info!(node = options.name, index = node.index.0, "started");
    let mut worker = Worker::new(&options, node, cluster, tell)?;
    socket::serve(&options.socket, ask, worker.publish.subscribe())?;
    let _told = api.map(|((client, namespace), (nodes, identities, recovery))| {
        let node = &options.name;
        let reports = || worker.publish.subscribe();
        let herald = Herald::new(client.clone(), node, identities, reports());
        let scribe = Scribe {
            client,
            namespace: namespace.clone(),
            node: node.clone(),
            nodes,
            reports: reports(),
            recovery,
        };
        (scribe.start(), herald.start())
    });
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
        whole: Reading::default(),
        part: Reading::default(),
        said: Verdict::NotReady,
        scope: Scope::default(),
        retry: RETRY_FIRST,
        next_pass: Instant::now(),
        next_verify: Instant::now(),
        next_part: None,
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
    /// Where what packets are forwarded by has changed.
    stirred: Stirred,
    /// The last reading of everything, and of some VRFs alone.
    whole: Reading,
    part: Reading,
    /// What the last reading of everything said.
    said: Verdict,
    /// What has changed since it was read.
    scope: Scope,
    retry: Duration,
    next_pass: Instant,
    next_verify: Instant,
    /// When the VRFs in which something changed are read; none while there are none.
    next_part: Option<Instant>,
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
    VerifyPart,
    Sessions,
    Stirred(Places),
    Answer(Asked),
    Nothing,
}

/// What became of a reading of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verified {
    /// It was read to its end, or its time has not come.
    Whole,
    /// A session was lost meanwhile.
    BrokenOff,
}

impl Loop {
    async fn turn(&mut self) {
        loop {
            self.worker.pulse.begin(Work::Waiting);
            match self.next().await {
                Turn::Pass(cause) => {
                    self.pass(cause).await;
                }
                Turn::Verify => {
                    self.verify().await;
                }
                Turn::VerifyPart => self.verify_part().await,
                Turn::Sessions => self.sessions().await,
                Turn::Stirred(places) => self.changed(self.worker.scope_of(&places)),
                Turn::Answer(asked) => self.answer(asked).await,
                Turn::Nothing => {}
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
            places = self.stirred.next() => Turn::Stirred(places),
            () = tokio::time::sleep_until(self.next_pass) => Turn::Pass(self.due),
            () = until(self.next_part) => Turn::VerifyPart,
            () = tokio::time::sleep_until(self.next_verify) => Turn::Verify,
            () = tokio::time::sleep(SIGN_OF_LIFE) => Turn::Nothing,
        }
    }

    /// Lets a burst of events end.
    async fn settled(&mut self, mut cause: Cause) -> Turn {
        let begun = Instant::now();
        loop {
            tokio::time::sleep(SETTLE).await;
            while self.manifests_changed.try_recv().is_ok() {
                cause = cause.or_manifests();
            }
            while self.daemons_came.try_recv().is_ok() {}
            // A thousand VNIs are some ten thousand events, of which a pass shall not see some each.
            let more = self.worker.drain_kernel_events();
            if !more || begun.elapsed() > BURST {
                return Turn::Pass(cause);
            }
        }
    }

    /// Has what changed read soon.
    fn changed(&mut self, scope: Scope) {
        let now = Instant::now();
        self.scope.add(scope);
        match &self.scope {
            Scope::Vrfs(vrfs) if vrfs.is_empty() => {}
            Scope::Vrfs(_) => {
                let next = self.part.soonest(now);
                self.next_part = Some(self.next_part.map_or(next, |due| due.min(next)));
            }
            Scope::All => {
                self.next_part = None;
                self.next_verify = self.next_verify.min(self.whole.soonest(now));
            }
        }
    }

    /// What has changed is about to be read: what is told from here on may not be in it.
    fn take_scope(&mut self) -> Scope {
        self.next_part = None;
        let places = self.stirred.take();
        self.scope.add(self.worker.scope_of(&places));
        std::mem::take(&mut self.scope)
    }

    /// Reads facts, unless a session is lost meanwhile, which is the greater news. Where sessions
    /// are lost again and again, every other time it is read to the end.
    async fn verify(&mut self) -> Verified {
        let patience = INTERRUPTION.max(self.whole.took);
        let last = self.interrupted;
        let patient = last.is_some_and(|last| last.elapsed() < patience);
        self.take_scope();
        let begun = Instant::now();
        tokio::select! {
            biased;
            () = hear_of_loss(&mut self.told, &mut self.heard), if !patient => {
                self.interrupted = Some(Instant::now());
                self.scope = Scope::All;
                Verified::BrokenOff
            }
            () = self.worker.verify(&mut self.frr).instrument(tracing::info_span!("verify")) => {
                self.whole = Reading::since(begun);
                self.schedule_verify();
                Verified::Whole
            }
        }
    }

    /// Reads the facts of the VRFs in which something changed.
    async fn verify_part(&mut self) {
        let scope = self.take_scope();
        let Scope::Vrfs(vrfs) = scope else {
            return self.changed(scope);
        };
        let begun = Instant::now();
        let verify = self.worker.verify_vrfs(&vrfs, &mut self.frr);
        let outcome = tokio::select! {
            biased;
            () = hear_of_loss(&mut self.told, &mut self.heard) => None,
            outcome = verify.instrument(tracing::info_span!("verify")) => Some(outcome),
        };
        match outcome {
            None => self.changed(Scope::Vrfs(vrfs)),
            Some(partial::Outcome::AllNeeded) => self.changed(Scope::All),
            Some(partial::Outcome::Verified(troubled)) => {
                self.part = Reading::since(begun);
                self.schedule_part(troubled);
            }
        }
    }

    /// Has VRFs in which something is not as it should be read again.
    fn schedule_part(&mut self, troubled: BTreeSet<VrfName>) {
        let now = Instant::now();
        if !troubled.is_empty() {
            let pause = self.pause(self.part);
            self.look_again(Scope::Vrfs(troubled), now + pause);
            return;
        }
        self.unsettled = VERIFY_FIRST;
        if self.said == Verdict::NotReady && self.worker.is_ready() {
            // Whoever waits for all to be well waits for one reading of everything that says so.
            self.next_verify = self.next_verify.min(self.whole.soonest(now));
        }
    }

    /// Looks at the sessions that bgpd told of, at once at lost ones, and soon at what depends on
    /// them.
    async fn sessions(&mut self) {
        while let Ok(message) = self.told.try_recv() {
            self.heard.push(message);
        }
        let heard = std::mem::take(&mut self.heard);
        if heard.iter().any(is_loss) {
            self.worker.look_at_sessions(&heard, &mut self.frr).await;
        }
        self.changed(self.worker.scope_of_sessions(&heard));
        if heard.iter().any(is_loss) {
            let next = Instant::now() + VERIFY_AFTER_SESSION;
            match &self.scope {
                Scope::Vrfs(_) => self.next_part = self.next_part.map(|due| due.min(next)),
                Scope::All => self.next_verify = self.next_verify.min(next),
            }
        }
    }

    /// What has changed is put in force, and facts are read after it, as long as nothing urges.
    async fn pass(&mut self, cause: Cause) -> Verified {
        self.worker.pulse.begin(Work::Pass);
        let span = tracing::info_span!("pass", %cause);
        let readings = Readings::of(self.whole.took);
        let pass = self.worker.pass(cause, readings, &mut self.frr);
        let (settled, look) = pass.instrument(span.clone()).await;
        let now = Instant::now();
        if cause == Cause::Broken {
            self.remedy.done(self.resync);
        }
        match settled {
            Settled::Yes => {
                self.retry = RETRY_FIRST;
                let pause = self.frr.ask_again().unwrap_or(self.resync).min(self.resync);
                (self.next_pass, self.due) = (now + pause, Cause::Resync);
            }
            Settled::No => {
                (self.next_pass, self.due) = (now + self.retry, Cause::Retry);
                self.retry = (self.retry * 2).min(RETRY_LONGEST);
            }
        }
        match look {
            Look::Now => self.verify().instrument(span).await,
            Look::InTime => {
                self.schedule_verify();
                if cause == Cause::Kernel {
                    self.changed(Scope::All);
                }
                Verified::Whole
            }
        }
    }

    /// Reads facts again: soon what is wrong, and all of it now and then. What is found broken may
    /// have been changed behind our back without an event, so a pass looks after it too.
    fn schedule_verify(&mut self) {
        let now = Instant::now();
        self.said = self.worker.verdict();
        self.next_verify = self.whole.ended + self.whole.settled();
        if self.worker.is_ready() && !self.worker.glances.holds() {
            self.unsettled = VERIFY_FIRST;
            self.remedy = Backoff::new(RETRY_FIRST);
            return;
        }
        let trouble = self.worker.trouble();
        let last = match trouble {
            Scope::Vrfs(_) => self.part,
            Scope::All => self.whole,
        };
        let pause = self.pause(last);
        self.look_again(trouble, now + pause);
    }

    /// The pause after a reading that found something amiss. What is said of it waits for the second
    /// look at what may only be on its way.
    fn pause(&self, last: Reading) -> Duration {
        if self.worker.glances.holds() {
            return glance::GLANCE;
        }
        last.unsettled(self.unsettled)
    }

    /// Has what is not as it should be read again then, and a pass look after what is broken: soon
    /// at first, then ever less often.
    fn look_again(&mut self, trouble: Scope, then: Instant) {
        self.unsettled = (self.unsettled.mul_f32(1.2)).min(VERIFY_LONGEST);
        self.scope.add(trouble);
        match &self.scope {
            Scope::Vrfs(vrfs) if vrfs.is_empty() => {}
            Scope::Vrfs(_) => {
                self.next_part = Some(self.next_part.map_or(then, |due| due.min(then)));
            }
            Scope::All => self.next_verify = self.next_verify.min(then),
        }
        if self.worker.looks_broken() {
            let at = self.remedy.due(Instant::now());
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
                let mut verified = self.pass(Cause::Request).await;
                while verified == Verified::BrokenOff {
                    self.sessions().await;
                    verified = self.verify().await;
                }
                self.worker.answer(&request)
            }
            Ok(Request::Status | Request::Plan) | Err(_) => self.worker.answer(&request),
        };
        if asked.answer.send(answer).is_err() {
            tracing::debug!("a client went before its answer");
        }
    }
}

/// Waits until then, or for ever.
async fn until(then: Option<Instant>) {
    match then {
        Some(then) => tokio::time::sleep_until(then).await,
        None => std::future::pending().await,
    }
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
