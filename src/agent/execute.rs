//! Executes a plan: object by object, each whole or not at all.
//!
//! Many objects cost less together. The BGP instances of VNIs are the first step of their
//! objects and are typed in one go; the mapping of VRFs to VNIs is the last, and is kept back and
//! sent for all objects in one commit. So is what is swept. When FRR refuses a batch, nothing of
//! it stands, and each is sent alone, so that a refusal lands on the object that it belongs to.

use std::collections::BTreeSet;
use std::fmt;

use tracing::Instrument as _;

use crate::api::types::{ObjectKey, Vni, VrfName};
use crate::frr::{Frr, FrrError};
use crate::intent::NodeIntent;
use crate::netlink::Kernel;
use crate::plan::bgp::difference::ContextChange;
use crate::plan::bgp::raw::RawMemory;
use crate::plan::link::KernelStep;
use crate::plan::{Leftover, Plan, Planned, RawLines, Role, SeenFrr, Step, Unit};
use crate::status::serve::Pulse;

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What failed, by object; none for what nobody wants any more.
    pub failures: Vec<Failure>,
    /// How many steps were executed and stand.
    pub done: usize,
    /// What became of the raw objects that were typed.
    pub raw: RawMemory,
}

/// One object's failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The object, or none for a leftover.
    pub object: Option<ObjectKey>,
    /// What failed, with FRR's or the kernel's words.
    pub message: String,
}

/// Whether the underlay's BGP instance runs already, from an earlier pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnderlayState {
    /// It runs: VNIs can be set up even if this pass changes the underlay in vain.
    Stands,
    /// Not yet.
    Missing,
}

impl UnderlayState {
    /// Whether the default BGP instance runs, with the AS number that it shall have.
    #[must_use]
    pub fn of(intent: &NodeIntent, seen: &SeenFrr) -> Self {
        let runs = intent.underlay.as_ref().is_some_and(|underlay| {
            let header = format!("router bgp {}", underlay.spec.asn);
            seen.bgp.context(&header).is_some()
        });
        if runs { Self::Stands } else { Self::Missing }
    }
}

/// How loud the log says what is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Voice {
    /// For everybody.
    Aloud,
    /// For whoever asks: it was said before, and was in vain.
    Hushed,
}

/// Executes a plan, and has the pulse beat with each step. Never fails as a whole; what fails is
/// told by its outcome alone.
pub async fn execute(
    plan: &Plan,
    underlay: UnderlayState,
    kernel: &Kernel,
    frr: &mut Frr,
    (pulse, voice): (&Pulse, Voice),
) -> Outcome {
    let mut executor = Executor {
        kernel,
        frr,
        pulse,
        voice,
        outcome: Outcome::default(),
        mappings: Vec::new(),
    };
    executor.sweep(&plan.sweep).await;
    let mut underlay = underlay;
    let mut ahead = BTreeSet::new();
    for unit in plan.units.iter().filter(|unit| unit.role == Role::Underlay) {
        let stands = executor.unit(unit, Begun::No).instrument(span(&unit.key));
        if stands.await {
            underlay = UnderlayState::Stands;
        }
    }
    if underlay == UnderlayState::Stands {
        ahead = executor.instances(&plan.units).await;
    }
    for unit in &plan.units {
        match unit.role {
            Role::Underlay => {}
            Role::Vni | Role::Passthrough if underlay == UnderlayState::Missing => executor.fail(
                Some(&unit.key),
                "the underlay of this node is not in force; see its own condition".to_owned(),
            ),
            Role::Vni | Role::Passthrough | Role::Raw => {
                let begun = if ahead.contains(&unit.key) {
                    Begun::Yes
                } else {
                    Begun::No
                };
                let unit_done = executor.unit(unit, begun).instrument(span(&unit.key));
                unit_done.await;
            }
        }
    }
    executor.map_vnis().await;
    for step in due_at_the_end(plan, &executor.outcome.failures) {
        executor.alone(step).await;
    }
    executor.outcome
}

/// Whose steps are executed, for the log.
fn span(of: &ObjectKey) -> tracing::Span {
    tracing::info_span!("steps", %of)
}

/// What is to be closed. An object that failed goes on with what it had, which may use it.
fn due_at_the_end<'a>(plan: &'a Plan, failures: &[Failure]) -> &'a [Step] {
    if failures.is_empty() {
        &plan.closing
    } else {
        &[]
    }
}

/// Whether the first step of a unit was taken already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    Yes,
    No,
}

/// The steps of a sweep, by what is sent together.
#[derive(Default)]
struct Together<'a> {
    maps: Vec<(VrfName, Option<Vni>)>,
    maps_back: Vec<(VrfName, Option<Vni>)>,
    changes: Vec<&'a ContextChange>,
    others: Vec<&'a Step>,
}

impl<'a> Together<'a> {
    fn add(&mut self, planned: &'a Planned) {
        match &planned.step {
            Step::MapVni { vrf, vni } => {
                self.maps.push((vrf.clone(), *vni));
                if let Some(Step::MapVni { vrf, vni }) = &planned.undo {
                    self.maps_back.push((vrf.clone(), *vni));
                }
            }
            Step::Bgp(change) => self.changes.push(change),
            other @ (Step::Kernel(_)
            | Step::AllowAll(_)
            | Step::PrefixLists(_)
            | Step::BfdProfiles(_)
            | Step::Raw(_)) => self.others.push(other),
        }
    }
}

struct Executor<'a> {
    kernel: &'a Kernel,
    frr: &'a mut Frr,
    pulse: &'a Pulse,
    voice: Voice,
    outcome: Outcome,
    /// Units that wait for their mapping, with what to undo should it be refused.
    mappings: Vec<Mapping<'a>>,
}

struct Mapping<'a> {
    unit: &'a Unit,
    vrf: VrfName,
    vni: Option<Vni>,
    done: Vec<&'a Planned>,
}

impl<'a> Executor<'a> {
    fn fail(&mut self, object: Option<&ObjectKey>, message: String) {
        self.outcome.failures.push(Failure {
            object: object.cloned(),
            message,
        });
    }

    /// Every leftover stands for itself: one that stays must not keep the others.
    async fn sweep(&mut self, leftovers: &[Leftover]) {
        if self.swept_together(leftovers).await {
            return;
        }
        for leftover in leftovers {
            self.leftover(leftover).await;
        }
    }

    /// Takes a leftover away, or leaves it as it was.
    async fn leftover(&mut self, leftover: &Leftover) {
        let mut done = Vec::new();
        for planned in &leftover.steps {
            if let Err(message) = self.step(&planned.step).await {
                self.undo(None, &done, message).await;
                return;
            }
            done.push(planned);
        }
        self.outcome.done += done.len();
    }

    /// Sends FRR's part of all leftovers in one go, and then the kernel's. Whether that could be
    /// done; if not, all is as it was.
    async fn swept_together(&mut self, leftovers: &[Leftover]) -> bool {
        let steps = || leftovers.iter().flat_map(|leftover| &leftover.steps);
        let mut parts = Together::default();
        steps().for_each(|planned| parts.add(planned));
        if parts.maps.len() < 2 && parts.changes.len() < 2 {
            return false;
        }
        log(self.voice, steps().map(|planned| &planned.step));
        if !one_by_one_after(self.voice, self.frr.map_vnis(&parts.maps).await) {
            return false;
        }
        self.pulse.beat();
        if !one_by_one_after(self.voice, self.frr.change_all_bgp(&parts.changes).await) {
            if let Err(error) = self.frr.map_vnis(&parts.maps_back).await {
                self.fail(None, chain(&error));
            }
            return false;
        }
        self.outcome.done += parts.maps.len() + parts.changes.len();
        for step in parts.others {
            self.alone(step).await;
        }
        true
    }

    /// A step that nothing hangs together with.
    async fn alone(&mut self, step: &Step) {
        match self.step(step).await {
            Ok(()) => self.outcome.done += 1,
            Err(message) => self.fail(None, message),
        }
    }

    /// Types the BGP instances with which units begin in one go. Returns the objects for which
    /// that is done.
    async fn instances(&mut self, units: &'a [Unit]) -> BTreeSet<&'a ObjectKey> {
        let first = |unit: &'a Unit| match unit.steps.as_deref().ok()?.first() {
            Some(Planned {
                step: step @ Step::Bgp(change),
                ..
            }) if unit.role == Role::Vni => Some((&unit.key, step, change)),
            Some(_) | None => None,
        };
        let begun: Vec<_> = units.iter().filter_map(first).collect();
        if begun.len() < 2 {
            return BTreeSet::new();
        }
        log(self.voice, begun.iter().map(|(_, step, _)| *step));
        self.pulse.beat();
        let changes: Vec<_> = begun.iter().map(|(_, _, change)| *change).collect();
        if one_by_one_after(self.voice, self.frr.change_all_bgp(&changes).await) {
            begun.into_iter().map(|(key, _, _)| key).collect()
        } else {
            BTreeSet::new()
        }
    }

    /// Executes a unit but for its mapping. Returns whether it stands.
    async fn unit(&mut self, unit: &'a Unit, begun: Begun) -> bool {
        let steps = match &unit.steps {
            Ok(steps) => steps,
            Err(blocked) => {
                self.fail(Some(&unit.key), blocked.to_string());
                return false;
            }
        };
        let taken = match begun {
            Begun::Yes => 1,
            Begun::No => 0,
        };
        let (begun, mut rest) = steps.split_at_checked(taken).unwrap_or((steps, &[]));
        let mut done: Vec<_> = begun.iter().collect();
        let mut mapping = None;
        while let Some((planned, others)) = rest.split_first() {
            let made = self.links(rest).await;
            if made > 0 {
                done.extend(rest.iter().take(made));
                rest = rest.get(made..).unwrap_or_default();
                continue;
            }
            rest = others;
            // One that takes a VNI away makes room for what follows, so it does not wait.
            if let Step::MapVni {
                vrf,
                vni: Some(vni),
            } = &planned.step
            {
                mapping = Some((vrf.clone(), *vni));
                continue;
            }
            let taken = match &planned.step {
                Step::Raw(lines) => self.raw(&unit.key, lines).await,
                step @ (Step::Kernel(_)
                | Step::Bgp(_)
                | Step::AllowAll(_)
                | Step::PrefixLists(_)
                | Step::BfdProfiles(_)
                | Step::MapVni { .. }) => self.step(step).await,
            };
            if let Err(message) = taken {
                self.undo(Some(&unit.key), &done, message).await;
                return false;
            }
            done.push(planned);
        }
        match mapping {
            Some((vrf, vni)) => self.mappings.push(Mapping {
                unit,
                vrf,
                vni: Some(vni),
                done,
            }),
            None => self.outcome.done += done.len(),
        }
        true
    }

    /// Makes the new links that steps begin with, in few messages. How many steps that were.
    async fn links(&self, steps: &[Planned]) -> usize {
        let is_new = |step: &Step| matches!(step, Step::Kernel(KernelStep::AddLink(_)));
        if !steps.first().is_some_and(|planned| is_new(&planned.step)) {
            return 0;
        }
        let of_kernel = steps.iter().map_while(|planned| match &planned.step {
            Step::Kernel(step) => Some(step),
            Step::Bgp(_)
            | Step::AllowAll(_)
            | Step::PrefixLists(_)
            | Step::BfdProfiles(_)
            | Step::Raw(_)
            | Step::MapVni { .. } => None,
        });
        self.pulse.beat();
        let made = self.kernel.make_links(&of_kernel.collect::<Vec<_>>()).await;
        let made_ones = steps.iter().take(made);
        log(self.voice, made_ones.map(|planned| &planned.step));
        made
    }

    async fn raw(&mut self, key: &ObjectKey, RawLines(lines): &RawLines) -> Result<(), String> {
        self.pulse.beat();
        say(self.voice, format_args!("typing the lines of {key}"));
        let applied = self.frr.type_raw(lines).await;
        let applied = applied.map_err(|error| chain(&error))?;
        self.outcome.raw.insert(key.clone(), applied);
        Ok(())
    }

    async fn undo(&mut self, key: Option<&ObjectKey>, done: &[&Planned], message: String) {
        let mut message = message;
        for planned in done.iter().rev() {
            let Some(undo) = &planned.undo else { continue };
            if let Err(again) = self.step(undo).await {
                message = format!("{message}; and undoing what was done before: {again}");
            }
        }
        self.fail(key, message);
    }

    async fn map_vnis(&mut self) {
        let mappings = std::mem::take(&mut self.mappings);
        if mappings.is_empty() {
            return;
        }
        let batch: Vec<_> = mappings.iter().map(|m| (m.vrf.clone(), m.vni)).collect();
        self.pulse.beat();
        let together = self.frr.map_vnis(&batch).await;
        for mapping in mappings {
            self.pulse.beat();
            let mapped = match &together {
                Ok(()) => Ok(()),
                Err(error) if batch.len() == 1 => Err(chain(error)),
                Err(_) => {
                    let one = [(mapping.vrf.clone(), mapping.vni)];
                    self.frr.map_vnis(&one).await.map_err(|error| chain(&error))
                }
            };
            match mapped {
                Ok(()) => self.outcome.done += mapping.done.len() + 1,
                Err(message) => {
                    let key = Some(&mapping.unit.key);
                    self.undo(key, &mapping.done, message).await;
                }
            }
        }
    }

    /// One step; the error holds everything that is known about why it failed.
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        self.pulse.beat();
        log(self.voice, [step]);
        match step {
            Step::Kernel(step) => self
                .kernel
                .execute(step)
                .await
                .map_err(|error| chain(&error)),
            Step::Bgp(change) => frr_words(self.frr.change_bgp(change).await),
            Step::AllowAll(presence) => frr_words(self.frr.set_allow_all(*presence).await),
            Step::PrefixLists(changes) => frr_words(self.frr.change_prefix_lists(changes).await),
            Step::BfdProfiles(changes) => frr_words(self.frr.change_profiles(changes).await),
            Step::Raw(RawLines(lines)) => {
                frr_words(self.frr.type_raw(lines).await.map(|_footprint| ()))
            }
            Step::MapVni { vrf, vni } => frr_words(self.frr.map_vnis(&[(vrf.clone(), *vni)]).await),
        }
    }
}

fn log<'a>(voice: Voice, steps: impl IntoIterator<Item = &'a Step>) {
    for step in steps {
        say(voice, format_args!("{}", step.to_string().trim()));
    }
}

fn say(voice: Voice, words: fmt::Arguments<'_>) {
    match voice {
        Voice::Aloud => tracing::info!("{words}"),
        Voice::Hushed => tracing::debug!("again: {words}"),
    }
}

/// Whether a batch was taken. If not, its parts follow one by one, and each has its own words.
fn one_by_one_after(voice: Voice, batch: Result<(), FrrError>) -> bool {
    if let Err(error) = &batch {
        let why = chain(error);
        say(
            voice,
            format_args!("not all in one go, so one by one: {why}"),
        );
    }
    batch.is_ok()
}

fn frr_words(result: Result<(), FrrError>) -> Result<(), String> {
    result.map_err(|error| chain(&error))
}

/// An error with its causes, for a person to read.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
