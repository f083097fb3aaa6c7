//! Executes a plan: object by object, each whole or not at all.
//!
//! The mapping of VRFs to VNIs is the last step of every object. It is kept back and sent for
//! all objects in one commit, which costs a fraction of one commit each; when FRR refuses the
//! batch, each is sent alone, so that a refusal lands on the object that it belongs to.

use std::collections::BTreeSet;

use crate::api::types::{ObjectKey, Vni, VrfName};
use crate::frr::{Frr, FrrError};
use crate::netlink::Kernel;
use crate::plan::bgp::raw::RawMemory;
use crate::plan::{Plan, Planned, RawLines, Role, Step, Unit};

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
    for unit in &plan.units {
        match unit.role {
            Role::Underlay => {
                if executor.unit(unit).await {
                    underlay = UnderlayState::Stands;
                }
            }
            Role::Vni | Role::Passthrough if underlay == UnderlayState::Missing => executor.fail(
                Some(&unit.key),
                "the underlay of this node is not in force; see its own condition".to_owned(),
            ),
            Role::Vni | Role::Passthrough | Role::Raw => {
                executor.unit(unit).await;
            }
        }
    }
    executor.map_vnis().await;
    // An object that failed goes on with what it had, which may use what is to be closed.
    if executor.outcome.failures.is_empty() {
        executor.sweep(&plan.closing).await;
    }
    executor.outcome
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

    /// Every leftover by itself: one that stays must not keep the others. But what is left of a
    /// VRF goes in order: its BGP instance stands as long as it is mapped.
    async fn sweep(&mut self, steps: &[Step]) {
        let mut staying = BTreeSet::new();
        for step in steps {
            if vrf_of(step).is_some_and(|vrf| staying.contains(vrf)) {
                continue;
            }
            match self.step(step).await {
                Ok(()) => self.outcome.done += 1,
                Err(message) => {
                    staying.extend(vrf_of(step));
                    self.fail(None, message);
                }
            }
        }
    }

    /// Executes a unit but for its mapping. Returns whether it stands.
    async fn unit(&mut self, unit: &'a Unit) -> bool {
        let steps = match &unit.steps {
            Ok(steps) => steps,
            Err(blocked) => {
                self.fail(Some(&unit.key), blocked.to_string());
                return false;
            }
        };
        let mut done = Vec::new();
        let mut mapping = None;
        for planned in steps {
            if let Step::MapVni { vrf, vni } = &planned.step {
                mapping = Some((vrf.clone(), *vni));
                continue;
            }
            let taken = match &planned.step {
                Step::Raw(lines) => self.raw(&unit.key, lines).await,
                step => self.step(step).await,
            };
            if let Err(message) = taken {
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

    async fn raw(&mut self, key: &ObjectKey, RawLines(lines): &RawLines) -> Result<(), String> {
        tracing::info!("typing the lines of {key}");
        let applied = self.frr.type_raw(lines).await;
        let applied = applied.map_err(|error| chain(&error))?;
        self.outcome.raw.insert(key.clone(), applied);
        Ok(())
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
        tracing::info!("{}", step.to_string().trim());
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

/// The VRF whose mapping or BGP instance a step changes.
fn vrf_of(step: &Step) -> Option<&str> {
    match step {
        Step::MapVni { vrf, .. } => Some(vrf.as_str()),
        Step::Bgp(change) => match change.header.words().collect::<Vec<_>>().as_slice() {
            ["router", "bgp", _, "vrf", vrf] => Some(vrf),
            _ => None,
        },
        Step::Kernel(_)
        | Step::AllowAll(_)
        | Step::PrefixLists(_)
        | Step::BfdProfiles(_)
        | Step::Raw(_) => None,
    }
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
