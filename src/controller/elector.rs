//! The election: reads and writes the Lease as [`lease`] decides.
//!
//! What always holds: a write succeeds only on the lease that was read (`resourceVersion`), so of
//! two who take it one fails; and the time for which this one leads counts from before the write
//! was sent.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

use super::health::Election;
use super::lease::{self, Candidate, Step};
use crate::agent::chain;
use crate::status::serve::Pulse;

/// How often a lease is given back before its end is left to itself: a renewal that was on its way
/// may come between.
const RELEASES: usize = 3;

/// Whether this one leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leadership {
    /// Somebody else does, or nobody.
    Follower,
    /// It does, unless it hears nothing more until then.
    Leader { until: Instant },
}

/// What tells that the election goes on.
#[derive(Debug, Default)]
pub(super) struct Signs {
    pulse: Pulse,
    begun: AtomicBool,
}

impl Signs {
    /// How long ago it took its last step.
    pub(super) fn silent(&self) -> Duration {
        self.pulse.progress().silent
    }

    /// Whether it has begun.
    pub(super) fn election(&self) -> Election {
        if self.begun.load(Ordering::Relaxed) {
            Election::Begun
        } else {
            Election::Pending
        }
    }

    fn step(&self) {
        self.pulse.beat();
        self.begun.store(true, Ordering::Relaxed);
    }
}

/// One who takes part.
pub(super) struct Elector {
    api: Api<Lease>,
    lease: String,
    candidate: Candidate,
    told: watch::Sender<Leadership>,
    signs: Arc<Signs>,
    /// What was said of the last failure.
    complaint: Option<String>,
    /// Whom it was said to wait for.
    waits_for: Option<String>,
}

impl Elector {
    pub(super) fn new(client: &Client, namespace: &str, lease: &str, candidate: Candidate) -> Self {
        Self {
            api: Api::namespaced(client.clone(), namespace),
            lease: lease.to_owned(),
            candidate,
            told: watch::Sender::new(Leadership::Follower),
            signs: Arc::default(),
            complaint: None,
            waits_for: None,
        }
    }

    /// Whether this one leads, as it changes.
    pub(super) fn leadership(&self) -> watch::Receiver<Leadership> {
        self.told.subscribe()
    }

    /// What tells that it goes on.
    pub(super) fn signs(&self) -> Arc<Signs> {
        Arc::clone(&self.signs)
    }

    /// Takes part for ever.
    pub(super) async fn run(&mut self) -> Infallible {
        let timing = self.candidate.timing();
        loop {
            let begun = Instant::now();
            let limit = match *self.told.borrow() {
                Leadership::Follower => begun + timing.deadline(),
                Leadership::Leader { until } => until,
            };
            let turn = timeout_at(limit, self.turn()).await;
            self.signs.step();
            match turn {
                Ok(Ok(Step::Take(_))) => self.lead(begun + timing.deadline()),
                Ok(Ok(Step::Wait { holder })) => self.follow(&holder),
                Ok(Err(error)) => self.failed(chain(&error)),
                Err(_) => self.failed("the Kubernetes API does not answer".to_owned()),
            }
            let next = Instant::now() + jittered(timing.period());
            sleep_until(next.min(self.give_up_by().unwrap_or(next))).await;
            self.give_up();
        }
    }

    /// Reads the lease, and writes it if it is to be taken or renewed.
    async fn turn(&mut self) -> Result<Step, kube::Error> {
        let lease = self.api.get_opt(&self.lease).await?;
        let spec = lease.as_ref().map(spec_of);
        let now = Instant::now().into_std();
        self.candidate.see(spec.as_ref(), now);
        let step = self.candidate.step(now, Timestamp::now());
        if let Step::Take(spec) = &step {
            self.write(lease, spec.clone()).await?;
        }
        Ok(step)
    }

    async fn write(&self, lease: Option<Lease>, spec: LeaseSpec) -> Result<(), kube::Error> {
        let options = PostParams::default();
        let metadata = match lease {
            // Its version goes with it.
            Some(lease) => {
                let metadata = lease.metadata;
                let lease = Lease {
                    metadata,
                    spec: Some(spec),
                };
                return self
                    .api
                    .replace(&self.lease, &options, &lease)
                    .await
                    .map(drop);
            }
            None => ObjectMeta {
                name: Some(self.lease.clone()),
                ..ObjectMeta::default()
            },
        };
        let lease = Lease {
            metadata,
            spec: Some(spec),
        };
        self.api.create(&options, &lease).await.map(drop)
    }

    fn lead(&mut self, until: Instant) {
        self.waits_for = None;
        if self.complaint.take().is_some() {
            tracing::info!(lease = self.lease, "the lease can be written again");
        }
        if self.told.send_replace(Leadership::Leader { until }) == Leadership::Follower {
            tracing::info!(lease = self.lease, "leads");
        }
    }

    fn follow(&mut self, holder: &str) {
        self.complaint = None;
        match self.told.send_replace(Leadership::Follower) {
            Leadership::Leader { .. } => {
                tracing::warn!(holder, "no longer leads: the lease is another one's");
            }
            Leadership::Follower if self.waits_for.as_deref() != Some(holder) => {
                tracing::info!(holder, "waits: another one leads");
            }
            Leadership::Follower => {}
        }
        self.waits_for = Some(holder.to_owned());
    }

    fn failed(&mut self, why: String) {
        if self.complaint.as_ref() != Some(&why) {
            tracing::warn!("the lease {} cannot be had: {why}", self.lease);
            self.complaint = Some(why);
        }
        self.give_up();
    }

    fn give_up_by(&self) -> Option<Instant> {
        match *self.told.borrow() {
            Leadership::Follower => None,
            Leadership::Leader { until } => Some(until),
        }
    }

    /// Leads no longer when its time is over.
    fn give_up(&mut self) {
        if self
            .give_up_by()
            .is_some_and(|until| until <= Instant::now())
        {
            self.told.send_replace(Leadership::Follower);
            tracing::warn!("no longer leads: the lease could not be renewed in time");
        }
    }

    /// Gives the lease back if it is this one's, so that the next one need not wait.
    pub(super) async fn release(&mut self) {
        self.told.send_replace(Leadership::Follower);
        for _ in 0..RELEASES {
            match self.try_release().await {
                Ok(()) => return,
                Err(error) => tracing::debug!("the lease is not given back: {}", chain(&error)),
            }
        }
    }

    async fn try_release(&self) -> Result<(), kube::Error> {
        let Some(lease) = self.api.get_opt(&self.lease).await? else {
            return Ok(());
        };
        let spec = spec_of(&lease);
        if !self.candidate.holds(&spec) {
            return Ok(());
        }
        self.write(Some(lease), lease::released(&spec, Timestamp::now()))
            .await?;
        tracing::info!(lease = self.lease, "gave the lease back");
        Ok(())
    }
}

fn spec_of(lease: &Lease) -> LeaseSpec {
    lease.spec.clone().unwrap_or_default()
}

/// Up to a fifth longer, so that those who wait do not all come at once.
fn jittered(period: Duration) -> Duration {
    let now = Timestamp::now().subsec_nanosecond().unsigned_abs();
    period + period.mul_f64(f64::from(now % 1000) / 5000.0)
}

/// Waits until this one leads.
///
/// Cancel safe.
pub(super) async fn won(leadership: &mut watch::Receiver<Leadership>) {
    let leads = |state: &Leadership| *state != Leadership::Follower;
    if leadership.wait_for(leads).await.is_err() {
        // The elector has ended, and with it the program.
        std::future::pending().await
    }
}

/// Waits until this one does not lead any more, or has not heard of it in time.
///
/// Cancel safe.
pub(super) async fn lost(leadership: &mut watch::Receiver<Leadership>) {
    loop {
        let Leadership::Leader { until } = *leadership.borrow_and_update() else {
            return;
        };
        tokio::select! {
            changed = leadership.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = sleep_until(until) => return,
        }
    }
}
