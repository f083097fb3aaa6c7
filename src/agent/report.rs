//! Facts read back, findings, and the report that answers `perouter status`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::time::Instant;

use super::execute::chain;
use super::facts::{self, part::Known};
use super::pass::{Settled, Worker};
use crate::api::Manifest;
use crate::frr::{Daemon, Frr, InUse};
use crate::intent::Rejection;
use crate::status::Timestamp;
use crate::status::condition::{Acceptance, Programming};
use crate::status::metrics::Extent;
use crate::status::probe::Work;
use crate::status::protocol::{Answer, Request, VerifyReport, WalkReport};
use crate::status::report::{
    Counters, DaemonMode, FrrReport, Inputs, ObjectInput, Reading, Report, Verdict, Verified,
};
use crate::status::serve::{Server, View};
use crate::verify::{self, Check, Facts, Finding, History, News, Target};

/// The last verification.
pub(super) struct Verification {
    /// Without what grows with the routes.
    pub(super) facts: Facts,
    /// What a part of it is read with.
    pub(super) known: Known,
    /// As they were found, before it was asked for how long they have been so.
    found: Vec<Finding>,
    pub(super) findings: Vec<Finding>,
    reading: Reading,
}

impl Verification {
    /// Sessions that were looked at by themselves.
    pub(super) fn replace_sessions(&mut self, found: &[Finding], history: &mut History) {
        verify::replace(&mut self.found, found);
        self.findings = history.judge(self.found.clone(), Timestamp::now());
    }

    /// What was found of some objects alone takes the place of what was found of them before.
    pub(super) fn replace(&mut self, found: &[Finding], history: &mut History) {
        verify::scope::put(&mut self.found, found);
        self.findings = history.judge_part(found.to_vec(), &self.findings, Timestamp::now());
    }
}

impl Worker {
    /// Reads facts back, verifies them and makes the report.
    pub(super) async fn verify(&mut self, frr: &mut Frr) {
        self.pulse.begin(Work::Verification);
        let begun = Instant::now();
        let intent = &self.resolution.intent;
        let facts = facts::gather(frr, self.kernel(), self.seen.as_deref(), intent).await;
        let found = verify::verify(intent, &facts);
        let findings = self.history.judge(found.clone(), Timestamp::now());
        let distinguishers = verify::scope::distinguishers(intent, &facts);
        self.log_changes(&findings);
        let took = begun.elapsed();
        self.glances.looked_at_all(&findings, took);
        log_verified("all", &found, took);
        self.meters.verified(Extent::All, took);
        self.verification = Some(Verification {
            known: Known { distinguishers },
            facts: facts.without_routes(),
            found,
            findings,
            reading: Reading {
                at: Timestamp::now(),
                took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            },
        });
        self.remember_hosts();
        self.make_report(frr);
        if self.is_ready() && !self.glances.holds() {
            self.send_markers(frr).await;
            self.handles
                .iter()
                .for_each(|handles| handles.settled(begun));
        }
    }

    /// What is served over HTTP.
    pub(super) fn view(&self) -> View {
        View {
            reports: self.publish.subscribe(),
            pulse: self.pulse.clone(),
            meters: self.meters.clone(),
        }
    }

    /// A line for each finding that is new, and one for each that is over.
    /// What is missing before it was ever put there is no news.
    pub(super) fn log_changes(&mut self, findings: &[Finding]) {
        if self.last != Some(Settled::Yes) {
            return;
        }
        for news in self.said.news(findings) {
            let object = news.object().map(tracing::field::display);
            match news {
                News::Bad(_) => tracing::warn!(object, "{news}"),
                News::Over { .. } => tracing::info!(object, "{news}"),
            }
        }
    }

    /// Makes the report of what is known now.
    pub(super) fn make_report(&mut self, frr: &Frr) {
        let objects = self.object_inputs();
        let errors = frr.errors();
        let findings = self.glances.reported(
            self.verification
                .as_ref()
                .map_or(&[], |last| last.findings.as_slice()),
            self.report.as_deref(),
            Instant::now(),
        );
        let inputs = Inputs {
            node: &self.name,
            index: self.node.index,
            pass: self.last_pass,
            listen: self.server.as_ref().map(Server::report),
            frr: self.frr_report(frr),
            counters: Counters {
                passes: self.counters.passes,
                failures: self.counters.failed_passes,
                drift_repaired: self.repairs.steps(),
                netlink_writes: self.netlink_writes(),
                frr_writes: frr.writes(),
                vty_errors: errors.vty,
                northbound_errors: errors.northbound,
            },
            intent: &self.resolution.intent,
            objects: &objects,
            rejections: &self.resolution.rejections,
            repairs: self.repairs.last(),
            verified: self.verification.as_ref().map(|last| Verified {
                facts: &last.facts,
                findings: &findings,
                reading: last.reading,
            }),
        };
        let report = Report::new(self.report.as_deref(), &inputs, Timestamp::now());
        if self.report.as_ref().map(|before| before.verdict) != Some(report.verdict) {
            match report.verdict {
                Verdict::Ready => tracing::info!("ready"),
                Verdict::NotReady => tracing::warn!("not ready: {}", report.cause),
            }
        }
        let report = Arc::new(report);
        self.publish.send_replace(Some(report.clone()));
        self.report = Some(report);
    }

    fn frr_report(&self, frr: &Frr) -> FrrReport {
        let mode = |in_use: InUse| match in_use {
            InUse::Northbound => DaemonMode::Northbound,
            InUse::Vty => DaemonMode::Vty,
        };
        let mut daemons: BTreeMap<String, DaemonMode> = frr
            .in_use()
            .into_iter()
            .map(|(daemon, in_use)| (daemon.name().to_owned(), mode(in_use)))
            .collect();
        // Without these two there is no router.
        for daemon in [Daemon::Zebra, Daemon::Bgpd] {
            if !frr.is_connected(daemon) {
                daemons.insert(daemon.name().to_owned(), DaemonMode::Unreachable);
            }
        }
        FrrReport {
            version: frr.version(Daemon::Bgpd).map(ToString::to_string),
            daemons,
        }
    }

    /// Every object that was read, accepted or not.
    fn object_inputs(&self) -> Vec<ObjectInput> {
        let rejected: BTreeMap<_, &Rejection> = self
            .resolution
            .rejections
            .iter()
            .filter_map(|rejection| Some((rejection.object.clone()?, rejection)))
            .collect();
        let accepted = self
            .accepted
            .iter()
            .map(|(key, object)| (key, Some(&object.manifest)));
        let mut all: BTreeMap<_, Option<&Manifest>> =
            rejected.keys().map(|key| (key, None)).collect();
        all.extend(accepted);
        all.into_iter()
            .map(|(key, manifest)| {
                let in_force = manifest.and_then(Manifest::generation);
                ObjectInput {
                    key: key.clone(),
                    generation: self.generations.get(key).copied().or(in_force),
                    generation_in_force: in_force,
                    acceptance: match rejected.get(key) {
                        Some(rejection) => Acceptance::Rejected {
                            message: rejection.message.clone(),
                            kept: rejection.kept,
                        },
                        None => Acceptance::Accepted,
                    },
                    programming: self.programming(key),
                }
            })
            .collect()
    }

    fn programming(&self, key: &crate::api::types::ObjectKey) -> Programming {
        let own = self
            .failures
            .all()
            .iter()
            .find(|failure| failure.object.as_ref() == Some(key));
        match own {
            Some(failure) => Programming::Failed {
                message: failure.message.clone(),
            },
            None if self.last_pass.is_none() => Programming::NotYet,
            None => Programming::Done,
        }
    }

    /// What verification found last; nothing before the first.
    pub(super) fn findings(&self) -> &[Finding] {
        self.verification
            .as_ref()
            .map_or(&[], |last| &last.findings)
    }

    /// Whether verification found something that another pass may mend.
    pub(super) fn looks_broken(&self) -> bool {
        self.verification
            .as_ref()
            .is_some_and(|last| last.found.iter().any(Finding::is_bad))
    }

    /// What the last report says.
    pub(super) fn verdict(&self) -> Verdict {
        let report = self.report.as_ref();
        report.map_or(Verdict::NotReady, |report| report.verdict)
    }

    /// Whether the last report says that all is well.
    pub(super) fn is_ready(&self) -> bool {
        self.verdict() == Verdict::Ready
    }

    /// Follows routes hop by hop as they are now, before any pass mends what is broken; the
    /// answer for the socket.
    pub(super) async fn walk(&mut self, target: Target, frr: &mut Frr) -> String {
        let begun = Instant::now();
        if let Err(error) = self.observe().await {
            return json(&Answer::<()>::Error(chain(&error)));
        }
        let intent = verify::walk::concerned(&self.resolution.intent, target);
        let facts = facts::gather(frr, self.kernel(), self.seen.as_deref(), &intent).await;
        json(&Answer::Ok(WalkReport {
            node: self.name.clone(),
            at: Timestamp::now(),
            took_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
            walk: verify::walk(&intent, &facts, target),
        }))
    }

    /// The answer to one line of the socket.
    pub(super) fn answer(&self, request: &Result<Request, String>) -> String {
        match (request, &self.report, &self.verification) {
            (Err(message), _, _) => json(&Answer::<()>::Error(message.clone())),
            (Ok(Request::Status), Some(report), _) => json(&Answer::Ok(&**report)),
            (Ok(Request::Verify), _, Some(last)) => json(&Answer::Ok(VerifyReport {
                node: self.name.clone(),
                at: last.reading.at,
                took_ms: last.reading.took_ms,
                findings: last.findings.clone(),
            })),
            (Ok(Request::Plan), _, _) => json(&Answer::<()>::Error(
                "the agent applies what it plans; `perouter plan` shows a directory's plan"
                    .to_owned(),
            )),
            (Ok(Request::Status | Request::Verify | Request::Walk(_)), _, _) => {
                json(&Answer::<()>::Error(
                    "the agent has not finished its first pass yet; ask again in a moment"
                        .to_owned(),
                ))
            }
        }
    }
}

/// What was verified, how many of its routes were found in the kernel, and how long it took.
pub(super) fn log_verified(scope: &str, found: &[Finding], took: Duration) {
    let routes = found
        .iter()
        .filter(|finding| finding.check == Check::RouteInKernel);
    let routes: u64 = routes.map(Finding::good_ones).sum();
    let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::debug!(scope, routes, took_us, "verified");
}

pub(super) fn json<T: Serialize>(answer: &Answer<T>) -> String {
    serde_json::to_string(answer)
        .unwrap_or_else(|error| format!("{{\"error\":\"the answer cannot be written: {error}\"}}"))
}
