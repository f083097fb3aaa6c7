//! One pass: read manifests, observe, plan, execute, read back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use super::execute::{self, Failure, Outcome, UnderlayState, Voice, chain};
use super::eye::needs_reading;
use super::failures::{self, Failures};
use super::glance::Glances;
use super::handles::Handles;
use super::remedy::Tried;
use super::repairs::Repairs;
use super::report::Verification;
use super::revival::Host;
use super::source::{Cluster, Contents, Directory};
use super::state::{self, StateDir};
use super::unheard::Unheard;
use super::untold::Told;
use super::vrf_tables::clear_of_others;
use super::wake::{Cause, Readings, Tell};
use super::{AgentError, Options};
use crate::api::{InterfaceName, ObjectKey, VrfName};
use crate::frr::{Daemon, Frr};
use crate::intent::{self, Accepted, Node, Resolution};
use crate::netlink::namespace::{self, Ensured};
use crate::netlink::{self, Kernel};
use crate::plan::link::{KernelStep, NIC_GROUP, SeenKernel, Space};
use crate::plan::{self, Memory, Plan, Planning, SeenFrr};
use crate::status::Timestamp;
use crate::status::metrics::{Meters, Passed};
use crate::status::report::{Pass, Report};
use crate::status::serve::{Pulse, Server};
use crate::verify::{History, Said};

/// How often a pass observes again after it wrote. One round does in all cases known; a line
/// that FRR keeps printing otherwise than it was typed must not keep the loop busy.
const ROUNDS: usize = 3;

/// Whether a pass left everything as it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Settled {
    /// Nothing remains to be done.
    Yes,
    /// Something failed, and is to be tried again.
    No,
}

/// When facts are to be read after a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    Now,
    /// Whenever they are read anyway.
    InTime,
}

/// What the agent has done since it started.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters {
    pub(super) passes: u64,
    pub(super) failed_passes: u64,
    /// Writes of kernel handles that were replaced since.
    pub(super) netlink_writes_before: u64,
}

/// All state of the agent.
pub(super) struct Worker {
    pub(super) name: String,
    pub(super) node: Node,
    pub(super) netns: PathBuf,
    netns_name: String,
    pub(super) directory: Option<Directory>,
    /// The Kubernetes API.
    pub(super) cluster: Option<Cluster>,
    pub(super) state: StateDir,
    pub(super) handles: Option<Handles>,
    pub(super) memory: Memory,
    pub(super) accepted: Accepted,
    /// The accepted objects as they were written.
    pub(super) documents: BTreeMap<ObjectKey, Arc<Value>>,
    /// What was read last of each object, accepted or not.
    pub(super) generations: BTreeMap<ObjectKey, i64>,
    pub(super) resolution: Resolution,
    pub(super) failures: Failures,
    pub(super) seen: Option<Arc<SeenKernel>>,
    planning: Planning,
    /// The hosts whose sessions were up when bgpd could be asked last.
    pub(super) hosts: BTreeSet<Host>,
    /// The VRFs whose hosts wait for a marker that is kept back.
    pub(super) markers_owed: BTreeSet<VrfName>,
    pub(super) counters: Counters,
    pub(super) repairs: Repairs,
    /// For what zebra has lost.
    pub(super) tried: Tried,
    pub(super) told: Told,
    pub(super) unheard: Unheard,
    pub(super) last: Option<Settled>,
    pub(super) last_pass: Option<Pass>,
    pub(super) verification: Option<Verification>,
    pub(super) history: History,
    pub(super) glances: Glances,
    /// What of it was logged.
    pub(super) said: Said,
    pub(super) report: Option<Arc<Report>>,
    /// Where the loop hears of what happens.
    pub(super) tell: Tell,
    /// Where the socket finds the last report.
    pub(super) publish: watch::Sender<Option<Arc<Report>>>,
    /// Where others see that the loop gets on.
    pub(super) pulse: Arc<Pulse>,
    pub(super) meters: Meters,
    /// What answers over HTTP, if anything does.
    pub(super) server: Option<Server>,
}

/// Why a pass could not be finished at all.
#[derive(Debug, thiserror::Error)]
pub(super) enum PassError {
    #[error(transparent)]
    Namespace(#[from] namespace::NamespaceError),
    #[error(transparent)]
    Open(#[from] netlink::KernelOpenError),
    #[error(transparent)]
    Watch(#[from] netlink::WatchError),
    #[error(transparent)]
    Observe(#[from] netlink::ObserveError),
    #[error(transparent)]
    Guard(#[from] netlink::StepError),
    #[error(transparent)]
    Frr(#[from] crate::frr::FrrError),
    #[error("a value cannot be typed into FRR: {0}")]
    Line(#[from] perouter_parsers::running_config::InvalidLine),
    #[error(transparent)]
    State(#[from] super::state::StateError),
}

impl Worker {
    pub(super) fn new(
        options: &Options,
        node: Node,
        cluster: Option<Cluster>,
        tell: Tell,
    ) -> Result<Self, AgentError> {
        let state = StateDir::open(&options.state)?;
        let saved = state.load_manifests()?;
        let markers_owed = state.load_markers()?;
        Ok(Self {
            name: options.name.clone(),
            node,
            netns: namespace::path_of(&options.netns)?,
            netns_name: options.netns.clone(),
            directory: options.manifests.clone().map(Directory::new),
            cluster,
            memory: state.load_memory()?,
            accepted: state::accepted(&saved),
            state,
            handles: None,
            documents: saved
                .into_iter()
                .map(|saved| (saved.key, Arc::new(saved.document)))
                .collect(),
            generations: BTreeMap::new(),
            resolution: Resolution::default(),
            failures: Failures::default(),
            seen: None,
            planning: Planning::new(),
            hosts: BTreeSet::new(),
            markers_owed,
            counters: Counters::default(),
            repairs: Repairs::default(),
            tried: Tried::default(),
            told: Told::default(),
            unheard: Unheard::default(),
            last: None,
            last_pass: None,
            verification: None,
            history: History::new(),
            glances: Glances::default(),
            said: Said::default(),
            report: None,
            tell,
            publish: watch::Sender::new(None),
            pulse: Arc::default(),
            meters: Meters::new(Cause::ALL.map(Cause::name)),
            server: None,
        })
    }

    /// How many netlink messages were sent that change something.
    pub(super) fn netlink_writes(&self) -> u64 {
        let now = self
            .handles
            .as_ref()
            .map_or(0, |handles| handles.kernel.writes());
        self.counters.netlink_writes_before + now
    }

    /// One pass. Tells too whether the facts are to be read after it.
    pub(super) async fn pass(
        &mut self,
        cause: Cause,
        readings: Readings,
        frr: &mut Frr,
    ) -> (Settled, Look) {
        let started = std::time::Instant::now();
        self.counters.passes += 1;
        let unchanged = self.read_manifests();
        if !unchanged {
            self.repairs.give_up();
        }
        let drift_counts = unchanged
            && self.last == Some(Settled::Yes)
            && !matches!(cause, Cause::Start | Cause::Manifests);
        let writes = self.netlink_writes() + frr.writes();
        let settled = match self.rounds(cause, drift_counts, frr).await {
            Ok(settled) => settled,
            Err(error) => {
                self.fail_all(&chain(&error));
                Settled::No
            }
        };
        if settled == Settled::Yes {
            self.repairs.finish();
        }
        let repairs = self.repairs.steps();
        match settled {
            Settled::No => self.counters.failed_passes += 1,
            Settled::Yes if cause == Cause::Broken => {
                self.wake_zebra().await;
                self.tell_zebra(frr).await;
                self.place_hosts(frr).await;
                self.introduce_hosts().await;
            }
            Settled::Yes if cause == Cause::DaemonBack => self.tell_heir(frr).await,
            Settled::Yes => {}
        }
        // The kernel tells of it, which is no reason to look where that is dear; but what was found
        // before shall not be mended twice.
        let remedied = readings == Readings::Dear && self.repairs.steps() != repairs;
        if settled == Settled::Yes {
            self.failures.settled();
        }
        self.last = Some(settled);
        self.note_pass(cause, settled, started.elapsed());
        if settled == Settled::No {
            // Told before the facts are read, which takes long when it is FRR that hangs.
            self.make_report(frr);
        }
        let has_written = self.netlink_writes() + frr.writes() != writes;
        let must_look =
            cause.always_looks(readings) || settled == Settled::No || has_written || remedied;
        let look = if must_look || self.verification.is_none() {
            Look::Now
        } else {
            Look::InTime
        };
        (settled, look)
    }

    fn note_pass(&mut self, cause: Cause, settled: Settled, took: Duration) {
        let at = Timestamp::now();
        self.last_pass = Some(Pass {
            number: self.counters.passes,
            at,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        });
        let passed = match settled {
            Settled::Yes => Passed::Well,
            Settled::No => Passed::Badly,
        };
        self.meters.passed(cause.name(), took, passed, at);
    }

    /// Reads and resolves the manifests. Returns whether the intent stayed as it was.
    fn read_manifests(&mut self) -> bool {
        self.heed_node();
        let Contents {
            candidates,
            documents,
            generations,
        } = self.contents();
        self.generations = generations;
        let resolution = intent::resolve(candidates, &self.accepted, &self.node);
        for rejection in &resolution.rejections {
            if !self.resolution.rejections.contains(rejection) {
                tracing::warn!("{}", rejection.message);
            }
        }
        let unchanged = resolution.intent == self.resolution.intent;
        if !unchanged || self.accepted != resolution.accepted {
            self.glances.changing();
        }
        if self.accepted != resolution.accepted {
            self.remember_accepted(&resolution.accepted, documents);
        }
        self.accepted.clone_from(&resolution.accepted);
        self.resolution = resolution;
        unchanged
    }

    /// Observes and executes until nothing remains to be done.
    ///
    /// It is our turn to change FRR all the while. A change of the intent is planned on what is
    /// known, if nothing happened since that was read; before it counts as settled, everything
    /// is read back.
    async fn rounds(
        &mut self,
        cause: Cause,
        drift_counts: bool,
        frr: &mut Frr,
    ) -> Result<Settled, PassError> {
        self.open_kernel(frr).await?;
        if let Some(handles) = &self.handles {
            handles.follow(&self.resolution.intent);
        }
        let _turn = frr.take_turn().await?;
        self.hosts_first(cause, frr).await?;
        for round in 0..ROUNDS {
            self.pulse.beat();
            let known = match cause {
                Cause::Manifests if round == 0 => frr.known(),
                Cause::Manifests
                | Cause::Start
                | Cause::Kernel
                | Cause::DaemonLost
                | Cause::DaemonBack
                | Cause::Retry
                | Cause::Broken
                | Cause::Resync
                | Cause::Request => None,
            };
            let was_read = known.is_none();
            let (seen_frr, plan) = self.plan(known, frr).await?;
            if plan.steps() == 0 && was_read {
                return Ok(self.failed(blocked(&plan)));
            }
            if plan.steps() == 0 {
                continue;
            }
            if drift_counts && round == 0 {
                let steps = plan.to_string().lines().map(str::to_owned).collect();
                self.begin_repair(plan.steps(), steps);
            }
            let outcome = self.execute(&plan, &seen_frr, frr).await?;
            if !outcome.failures.is_empty() {
                self.failed(outcome.failures);
                self.failures.in_vain(&plan);
                self.observe().await?;
                return Ok(Settled::No);
            }
        }
        let (_, plan) = self.plan(None, frr).await?;
        if plan.steps() == 0 {
            return Ok(self.failed(blocked(&plan)));
        }
        self.fail_all(&format!(
            "what was written {ROUNDS} times does not read back as it should; left to do:\n{plan}"
        ));
        self.failures.in_vain(&plan);
        Ok(Settled::No)
    }

    /// Takes note of what failed, and says what of it is news.
    fn failed(&mut self, now: Vec<Failure>) -> Settled {
        let settled = if now.is_empty() {
            Settled::Yes
        } else {
            Settled::No
        };
        failures::log(&self.failures.replace(now));
        settled
    }

    /// Opens the router's namespace, which is made when it is missing, and watches it.
    async fn open_kernel(&mut self, frr: &Frr) -> Result<(), PassError> {
        if self
            .handles
            .as_ref()
            .is_some_and(|handles| handles.kernel.is_current())
        {
            return Ok(());
        }
        if self.handles.is_some() {
            tracing::warn!("the namespace {} is gone; making it anew", self.netns_name);
            self.rescue_nics().await;
            self.give_up_kernel();
        }
        if namespace::ensure(&self.netns_name)? == Ensured::Created {
            tracing::info!("made the namespace {}", self.netns_name);
        }
        let kernel = Kernel::open(Path::new(namespace::CURRENT), &self.netns).await?;
        let watch = kernel.watch().await?;
        let stir = kernel.stir(self.tell.stirred.clone()).await?;
        self.handles = Some(Handles::new(
            kernel,
            watch,
            stir,
            Daemon::Bgpd.vty_socket(frr.dir()),
            self.listen().await,
        ));
        self.guard().await
    }

    /// Takes the NICs out of a namespace that has lost its name and lives only as long as our
    /// handle on it: the kernel destroys a virtual NIC with its namespace.
    async fn rescue_nics(&self) {
        let Some(handles) = &self.handles else { return };
        for (name, config) in &self.memory.nics {
            let step = KernelStep::MoveNic {
                name: name.clone(),
                to: Space::Host,
                config: config.clone(),
            };
            match handles.kernel.execute(&step).await {
                Ok(()) => tracing::info!("took NIC {name} out of it"),
                // It may be in the host already, or have gone long ago; a pass will say so.
                Err(error) => tracing::info!("NIC {name} was not in it: {}", chain(&error)),
            }
        }
    }

    /// What must be so before FRR is spoken with: its gRPC listens on the loopback, and on all
    /// other addresses too, which is nobody's business.
    async fn guard(&mut self) -> Result<(), PassError> {
        let seen = self.observe().await?;
        let Some(handles) = &self.handles else {
            return Ok(());
        };
        for step in plan::guard(&seen) {
            tracing::info!("{}", step.to_string().trim());
            handles.kernel.execute(&step).await?;
        }
        Ok(())
    }

    pub(super) async fn observe(&mut self) -> Result<Arc<SeenKernel>, PassError> {
        let nics = self.interesting_nics();
        let Some(handles) = &mut self.handles else {
            return Ok(Arc::default());
        };
        let seen = handles.eye.observe(&handles.kernel, nics).await?;
        self.seen = Some(seen.clone());
        Ok(seen)
    }

    /// NICs whose routes matter: those wanted, and those taken.
    fn interesting_nics(&self) -> Vec<InterfaceName> {
        let wanted = self
            .resolution
            .intent
            .underlay
            .iter()
            .flat_map(|u| &u.spec.interfaces);
        let taken = self.seen.iter().flat_map(|seen| {
            seen.router
                .iter()
                .filter(|(_, link)| link.group == NIC_GROUP)
                .map(|(name, _)| name)
        });
        let all: BTreeSet<_> = wanted
            .chain(taken)
            .chain(self.memory.nics.keys())
            .cloned()
            .collect();
        all.into_iter().collect()
    }

    /// Plans on what is known of FRR, and then of the kernel too if nothing was told of it since;
    /// or on what they say.
    async fn plan(
        &mut self,
        known: Option<SeenFrr>,
        frr: &mut Frr,
    ) -> Result<(SeenFrr, Plan), PassError> {
        let nics = self.interesting_nics();
        let handles = self.handles.as_mut().filter(|_| known.is_some());
        let remembered = handles.and_then(|handles| handles.eye.known(&nics));
        let seen_frr = match known {
            Some(known) => Ok(known),
            None => frr.observe().await,
        };
        if let (Some(seen), Ok(seen_frr)) = (remembered, &seen_frr) {
            let plan = self.plan_on(seen, seen_frr).await?;
            if !needs_reading(&plan) {
                return Ok((seen_frr.clone(), plan));
            }
        }
        let seen = self.observe().await?;
        let seen_frr = seen_frr?;
        let plan = self.plan_on(seen, &seen_frr).await?;
        Ok((seen_frr, plan))
    }

    async fn plan_on(&mut self, seen: Arc<SeenKernel>, frr: &SeenFrr) -> Result<Plan, PassError> {
        let (intent, memory) = (&self.resolution.intent, &self.memory);
        let planning = &mut self.planning;
        let mut plan = |seen: &_| Ok(planning.plan(intent, seen, frr, memory)?);
        match &self.handles {
            Some(handles) => clear_of_others(&handles.kernel, seen, plan).await,
            None => plan(&seen),
        }
    }

    pub(super) async fn execute(
        &mut self,
        plan: &Plan,
        seen_frr: &SeenFrr,
        frr: &mut Frr,
    ) -> Result<Outcome, PassError> {
        self.remember_nics(plan)?;
        let underlay = UnderlayState::of(&self.resolution.intent, seen_frr);
        let Some(handles) = &self.handles else {
            return Ok(Outcome::default());
        };
        let begun = std::time::Instant::now();
        self.glances.changing();
        let told = (&*self.pulse, self.voice(plan));
        let outcome = execute::execute(plan, underlay, &handles.kernel, frr, told).await;
        self.meters.applied(begun.elapsed());
        self.remember_raw(&outcome)?;
        if outcome.failures.is_empty() {
            self.forget_nics(plan)?;
        }
        Ok(outcome)
    }

    /// How loud a plan is to be executed: neither what was tried in vain nor what is mended over
    /// and over is told each time.
    fn voice(&self, plan: &Plan) -> Voice {
        match self.failures.voice(plan) {
            Voice::Hushed => Voice::Hushed,
            Voice::Aloud => self.repairs.voice(plan),
        }
    }

    /// A failure that concerns every object.
    fn fail_all(&mut self, message: &str) {
        let intent = &self.resolution.intent;
        let keys = intent.keys();
        let failure = |object| Failure {
            object,
            message: message.to_owned(),
        };
        let mut all: Vec<Failure> = keys.map(|key| failure(Some(key.clone()))).collect();
        if all.is_empty() {
            all.push(failure(None));
        }
        self.failed(all);
    }

    pub(super) fn kernel(&self) -> Option<&Kernel> {
        self.handles.as_ref().map(|handles| &handles.kernel)
    }
}

fn blocked(plan: &Plan) -> Vec<Failure> {
    let failure = |unit: &plan::Unit| {
        let blocked = unit.steps.as_ref().err()?;
        Some(Failure {
            object: Some(unit.key.clone()),
            message: blocked.to_string(),
        })
    };
    plan.units.iter().filter_map(failure).collect()
}
