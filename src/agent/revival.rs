//! How bgpd is brought back when neighbours wait for it: hosts first, then the fabric.
//!
//! A neighbour that kept our routes over a restart drops those that it was not told again by our
//! End-of-RIB marker. FRR sends it to each as soon as it has told what it knows at that time, which
//! is not yet what it will learn from the others. So the sessions with the fabric begin when the
//! routes of the hosts are there, and hosts get their marker when the routes of the fabric are.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use perouter_parsers::bgp;
use perouter_parsers::running_config::InvalidLine;
use tokio::time::{Instant, sleep};

use super::execute::{UnderlayState, chain};
use super::facts::sessions;
use super::pass::{PassError, Worker};
use super::vrf_tables::clear_of_others;
use super::wake::Cause;
use crate::api::{Peer, VrfName};
use crate::frr::{Daemon, Frr};
use crate::intent::NodeIntent;
use crate::plan::bgp::desired::{self, Markers};
use crate::plan::bgp::difference::Command;
use crate::plan::link::SeenKernel;
use crate::plan::{Plan, SeenFrr, plan};
use crate::verify::facts::{Read, Sessions, VrfFacts};

/// How long the fabric waits for hosts that had been there before.
const HOSTS: Duration = Duration::from_secs(5);

/// The pause between two looks at their sessions.
const LOOK: Duration = Duration::from_millis(100);

/// How long a host takes to tell its routes once its session is up.
const ROUTES: Duration = Duration::from_millis(200);

/// A session with a host.
pub(super) type Host = (VrfName, Peer);

impl Worker {
    /// Remembers which hosts are there, as long as bgpd can be asked.
    pub(super) fn remember_hosts(&mut self) {
        let Some(verification) = &self.verification else {
            return;
        };
        let facts = &verification.facts;
        remember(&mut self.hosts, &facts.fabric_sessions, &facts.vrfs);
    }

    /// When bgpd has come back with nothing and neighbours wait for it, has everything but the
    /// sessions with the fabric brought back, and waits for the hosts. What fails here is tried
    /// again, and told, with all the rest.
    pub(super) async fn hosts_first(
        &mut self,
        cause: Cause,
        frr: &mut Frr,
    ) -> Result<(), PassError> {
        let last = self.verification.as_ref();
        let last = last.map(|last| &last.facts.fabric_sessions);
        if may_have_restarted(cause, last) == Restarted::No {
            return Ok(());
        }
        let Some(intent) = without_fabric(&self.resolution.intent, &self.hosts) else {
            return Ok(());
        };
        let seen_frr = frr.observe().await?;
        let fabric = UnderlayState::of(&self.resolution.intent, &seen_frr);
        if fabric == UnderlayState::Stands {
            return Ok(());
        }
        let seen = self.observe().await?;
        let plan = self.plan_anew(&intent, seen, &seen_frr).await?;
        let outcome = self.execute(&plan, &seen_frr, frr).await?;
        if outcome.failures.is_empty() {
            let vrfs: BTreeSet<VrfName> = self.hosts.iter().map(|(vrf, _)| vrf.clone()).collect();
            // An agent that is killed in between must still know.
            self.state.save_markers(&vrfs)?;
            let commands = self.markers(&vrfs, Markers::KeptBack)?;
            self.markers_owed = vrfs;
            frr.type_hidden(&commands).await?;
            self.await_hosts(frr).await;
        }
        Ok(())
    }

    /// Plans with nothing to remember.
    async fn plan_anew(
        &self,
        intent: &NodeIntent,
        seen: Arc<SeenKernel>,
        frr: &SeenFrr,
    ) -> Result<Plan, PassError> {
        let plan = |seen: &Arc<SeenKernel>| plan(intent, seen, frr, &self.memory);
        match self.kernel() {
            Some(kernel) => clear_of_others(kernel, seen, |seen| Ok(plan(seen)?)).await,
            None => Ok(plan(&seen)?),
        }
    }

    /// Has hosts told that they know all, now that all was found well.
    pub(super) async fn send_markers(&mut self, frr: &mut Frr) {
        let owed = std::mem::take(&mut self.markers_owed);
        if owed.is_empty() {
            return;
        }
        let sent = match self.markers(&owed, Markers::Sent) {
            Ok(commands) => frr.type_hidden(&commands).await.map_err(PassError::from),
            Err(error) => Err(error.into()),
        };
        let sent = sent.and_then(|()| Ok(self.state.save_markers(&self.markers_owed)?));
        if let Err(error) = sent {
            tracing::warn!(
                "hosts may keep what is withdrawn until they lose patience: {}",
                chain(&error)
            );
        }
    }

    /// The commands for these VRFs, as far as they are still wanted.
    fn markers(
        &self,
        vrfs: &BTreeSet<VrfName>,
        markers: Markers,
    ) -> Result<Vec<Command>, InvalidLine> {
        let Some(underlay) = &self.resolution.intent.underlay else {
            return Ok(Vec::new());
        };
        let vnis = self.resolution.intent.vnis.iter();
        let known = vnis.filter(|vni| vrfs.contains(&vni.spec.vrf));
        desired::markers(known, underlay.spec.asn, markers)
    }

    async fn await_hosts(&self, frr: &mut Frr) {
        let deadline = Instant::now() + HOSTS;
        let mut missing = self.hosts.clone();
        while !missing.is_empty() && Instant::now() < deadline {
            sleep(LOOK).await;
            let vrfs: BTreeSet<VrfName> = missing.iter().map(|(vrf, _)| vrf.clone()).collect();
            for vrf in vrfs {
                let command = format!("show bgp vrf {vrf} neighbors json");
                // A bgpd that cannot be asked is told of by the pass that follows.
                let Ok(answer) = frr.show(Daemon::Bgpd, &command).await else {
                    return;
                };
                let sessions = bgp::neighbors(answer.as_bytes()).map(sessions::of);
                for host in established(&vrf, &sessions.unwrap_or_default()) {
                    missing.remove(&host);
                }
            }
        }
        sleep(ROUTES).await;
    }
}

/// Whether bgpd may be another than the one that was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Restarted {
    Maybe,
    No,
}

/// Judges by why a pass runs, and by what bgpd said when it was asked last, if it ever was.
const fn may_have_restarted(cause: Cause, last: Option<&Read<Sessions>>) -> Restarted {
    match (cause, last) {
        (Cause::DaemonLost | Cause::DaemonBack | Cause::Retry, _) | (_, Some(Err(_))) => {
            Restarted::Maybe
        }
        (
            Cause::Start
            | Cause::Manifests
            | Cause::Kernel
            | Cause::Broken
            | Cause::Resync
            | Cause::Request,
            Some(Ok(_)) | None,
        ) => Restarted::No,
    }
}

/// What to begin with; `None` when nobody waits: neighbours that keep no routes over a restart have
/// dropped them, and without hosts there is nothing to tell the fabric first.
fn without_fabric(intent: &NodeIntent, hosts: &BTreeSet<Host>) -> Option<NodeIntent> {
    let underlay = intent.underlay.as_ref()?;
    let is_waited_for = underlay.spec.graceful_restart.is_some() && !hosts.is_empty();
    is_waited_for.then(|| {
        let mut intent = intent.clone();
        if let Some(underlay) = &mut intent.underlay {
            underlay.spec.neighbors.clear();
        }
        intent
    })
}

/// Takes note of which hosts are there. What cannot be asked stays as it was; so does everything
/// when bgpd knows of no neighbour in the fabric: it has just come back with nothing, perhaps in the
/// middle of a reading, and that it has no hosts either says nothing about these.
fn remember(
    hosts: &mut BTreeSet<Host>,
    fabric: &Read<Sessions>,
    vrfs: &BTreeMap<VrfName, VrfFacts>,
) {
    if !fabric.as_ref().is_ok_and(|sessions| !sessions.is_empty()) {
        return;
    }
    let told: BTreeMap<&VrfName, &Sessions> = vrfs
        .iter()
        .filter_map(|(vrf, facts)| Some((vrf, facts.sessions.as_ref().ok()?)))
        .collect();
    hosts.retain(|(vrf, _)| !told.contains_key(vrf));
    hosts.extend(
        told.iter()
            .flat_map(|(vrf, sessions)| established(vrf, sessions)),
    );
}

fn established(vrf: &VrfName, sessions: &Sessions) -> BTreeSet<Host> {
    let up = sessions
        .iter()
        .filter(|(_, session)| session.is_established());
    up.map(|(peer, _)| (vrf.clone(), peer.clone())).collect()
}

#[cfg(test)]
mod tests;
