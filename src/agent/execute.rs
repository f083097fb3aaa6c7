//! Executes a plan: object by object, each whole or not at all.
//!
//! Many objects cost less together. The BGP instances of VNIs are the first step of their
//! objects and are typed in one go; the mapping of VRFs to VNIs is the last, and is kept back and
//! sent for all objects in one commit. So is what is swept. When FRR refuses a batch, nothing of
//! it stands, and each is sent alone, so that a refusal lands on the object that it belongs to.

use std::collections::BTreeSet;

use crate::api::types::{ObjectKey, Vni, VrfName};
use crate::frr::{Frr, FrrError};
use crate::netlink::Kernel;
use crate::plan::{Plan, Planned, Role, Step, Unit};

/// What became of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What failed, by object; none for what nobody wants any more.
    pub failures: Vec<Failure>,
    /// How many steps were executed and stand.
    pub done: usize,
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

/// Executes a plan. Never fails as a whole.
pub async fn execute(
    plan: &Plan,
    underlay: UnderlayState,
    kernel: &Kernel,
    frr: &mut Frr,
) -> Outcome {
    let mut executor = Executor {
        kernel,
        frr,
        outcome: Outcome::default(),
        mappings: Vec::new(),
    };
    executor.sweep(&plan.sweep).await;
    let mut underlay = underlay;
    let mut ahead = BTreeSet::new();
    for unit in plan.units.iter().filter(|unit| unit.role == Role::Underlay) {
        if executor.unit(unit, Begun::No).await {
            underlay = UnderlayState::Stands;
        }
    }
    if underlay == UnderlayState::Stands {
        ahead = executor.instances(&plan.units).await;
    }
    for unit in &plan.units {
        match unit.role {
            Role::Underlay => {}
            Role::Vni if underlay == UnderlayState::Missing => executor.fail(
                Some(&unit.key),
                "the underlay of this node is not in force; see its own condition".to_owned(),
            ),
            Role::Vni => {
                let begun = if ahead.contains(&unit.key) {
                    Begun::Yes
                } else {
                    Begun::No
                };
                executor.unit(unit, begun).await;
            }
        }
    }
    executor.map_vnis().await;
    executor.outcome
}

/// Whether the first step of a unit was taken already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    Yes,
    No,
}

/// What of a sweep is sent together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Together {
    Mappings,
    Instances,
    Nothing,
}

impl Together {
    fn of(step: &Step) -> Self {
        match step {
            Step::MapVni { .. } => Self::Mappings,
            Step::Bgp(_) => Self::Instances,
            Step::Kernel(_) | Step::AllowAll(_) => Self::Nothing,
        }
    }
}

struct Executor<'a> {
    kernel: &'a Kernel,
    frr: &'a mut Frr,
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
        tracing::warn!(object = object.map(tracing::field::display), "{message}");
        self.outcome.failures.push(Failure {
            object: object.cloned(),
            message,
        });
    }

    /// Every leftover stands for itself: one that stays must not keep the others.
    async fn sweep(&mut self, steps: &[Step]) {
        for alike in steps.chunk_by(|a, b| Together::of(a) == Together::of(b)) {
            if alike.len() > 1 && self.swept_together(alike).await {
                self.outcome.done += alike.len();
                continue;
            }
            for step in alike {
                match self.step(step).await {
                    Ok(()) => self.outcome.done += 1,
                    Err(message) => self.fail(None, message),
                }
            }
        }
    }

    /// Whether steps of one kind could be taken in one go.
    async fn swept_together(&mut self, steps: &[Step]) -> bool {
        let (mut maps, mut changes) = (Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::MapVni { vrf, vni } => maps.push((vrf.clone(), *vni)),
                Step::Bgp(change) => changes.push(change),
                Step::Kernel(_) | Step::AllowAll(_) => return false,
            }
        }
        log(steps);
        let swept = match (maps.is_empty(), changes.is_empty()) {
            (false, true) => self.frr.map_vnis(&maps).await,
            (true, false) => self.frr.change_all_bgp(&changes).await,
            (true, true) | (false, false) => return false,
        };
        one_by_one_after(swept)
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
        log(begun.iter().map(|(_, step, _)| *step));
        let changes: Vec<_> = begun.iter().map(|(_, _, change)| *change).collect();
        if one_by_one_after(self.frr.change_all_bgp(&changes).await) {
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
        let mut done: Vec<_> = steps.iter().take(taken).collect();
        let mut mapping = None;
        for planned in steps.iter().skip(taken) {
            if let Step::MapVni { vrf, vni } = &planned.step {
                mapping = Some((vrf.clone(), *vni));
                continue;
            }
            if let Err(message) = self.step(&planned.step).await {
                self.undo(&unit.key, &done, message).await;
                return false;
            }
            done.push(planned);
        }
        match mapping {
            Some((vrf, vni)) => self.mappings.push(Mapping {
                unit,
                vrf,
                vni,
                done,
            }),
            None => self.outcome.done += done.len(),
        }
        true
    }

    async fn undo(&mut self, key: &ObjectKey, done: &[&Planned], message: String) {
        let mut message = message;
        for planned in done.iter().rev() {
            let Some(undo) = &planned.undo else { continue };
            if let Err(again) = self.step(undo).await {
                message = format!("{message}; and undoing what was done before: {again}");
            }
        }
        self.fail(Some(key), message);
    }

    async fn map_vnis(&mut self) {
        let mappings = std::mem::take(&mut self.mappings);
        if mappings.is_empty() {
            return;
        }
        let batch: Vec<_> = mappings.iter().map(|m| (m.vrf.clone(), m.vni)).collect();
        let together = self.frr.map_vnis(&batch).await;
        for mapping in mappings {
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
                Err(message) => self.undo(&mapping.unit.key, &mapping.done, message).await,
            }
        }
    }

    /// One step; the error holds everything that is known about why it failed.
    async fn step(&mut self, step: &Step) -> Result<(), String> {
        log([step]);
        match step {
            Step::Kernel(step) => self
                .kernel
                .execute(step)
                .await
                .map_err(|error| chain(&error)),
            Step::Bgp(change) => frr_words(self.frr.change_bgp(change).await),
            Step::AllowAll(presence) => frr_words(self.frr.set_allow_all(*presence).await),
            Step::MapVni { vrf, vni } => frr_words(self.frr.map_vnis(&[(vrf.clone(), *vni)]).await),
        }
    }
}

fn log<'a>(steps: impl IntoIterator<Item = &'a Step>) {
    for step in steps {
        tracing::info!("{}", step.to_string().trim());
    }
}

/// Whether a batch was taken. If not, its parts follow one by one, and each has its own words.
fn one_by_one_after(batch: Result<(), FrrError>) -> bool {
    if let Err(error) = &batch {
        tracing::info!("not all in one go, so one by one: {}", chain(error));
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
