//! Tells the Kubernetes API what became of objects, as Events of theirs (`events.k8s.io/v1`).
//!
//! What always holds: an Event that cannot be written is lost, for the conditions say the same and
//! last; the same one again within some minutes counts up the one that is there; and when much
//! changes at once, the first few are told.

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::execute::chain;
use super::source::Identities;
use crate::api::v1alpha1::API_VERSION;
use crate::status::Report;
use crate::status::node_status::shortened;
use crate::status::transitions::{Standing, Standings, Transition};

/// Who tells them.
const CONTROLLER: &str = "perouter-agent";

/// How long a note may be, in bytes (`events.k8s.io/v1`).
const LONGEST: usize = 1024;

/// The pause after each round, in which what flaps settles.
const GATHER: Duration = Duration::from_secs(2);

/// How many are told in one round.
const MOST: usize = 16;

/// How long the API server may take for one.
const CALL: Duration = Duration::from_secs(10);

/// Who tells of the objects on a node.
pub(super) struct Herald {
    recorder: Recorder,
    node: String,
    identities: Identities,
    reports: watch::Receiver<Option<Arc<Report>>>,
    standings: Standings,
    complaint: Option<String>,
}

impl Herald {
    pub(super) fn new(
        client: Client,
        node: &str,
        identities: Identities,
        reports: watch::Receiver<Option<Arc<Report>>>,
    ) -> Self {
        let reporter = Reporter {
            controller: CONTROLLER.to_owned(),
            instance: Some(node.to_owned()),
        };
        Self {
            recorder: Recorder::new(client, reporter),
            node: node.to_owned(),
            identities,
            reports,
            standings: Standings::default(),
            complaint: None,
        }
    }

    /// Tells until what is returned is dropped.
    pub(super) fn start(self) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(self.run()))
    }

    async fn run(mut self) {
        while self.reports.changed().await.is_ok() {
            let report = self.reports.borrow_and_update().clone();
            let Some(report) = report else { continue };
            let news = self.standings.heed(&report);
            if news.is_empty() {
                continue;
            }
            if news.len() > MOST {
                tracing::debug!("{} of {} changes become events", MOST, news.len());
            }
            for transition in news.iter().take(MOST) {
                self.tell(transition).await;
            }
            tokio::time::sleep(GATHER).await;
        }
    }

    /// Tells of one; objects that the API server does not know have no events.
    async fn tell(&mut self, transition: &Transition) {
        let Some(uid) = self.identities.uid(&transition.object) else {
            return;
        };
        let key = &transition.object;
        let regarding = ObjectReference {
            api_version: Some(API_VERSION.to_owned()),
            kind: Some(key.kind.as_str().to_owned()),
            namespace: Some(key.namespace.clone()),
            name: Some(key.name.clone()),
            uid: Some(uid),
            ..ObjectReference::default()
        };
        let event = event(&self.node, transition);
        let written = tokio::time::timeout(CALL, self.recorder.publish(&event, &regarding)).await;
        let fault = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(chain(&error)),
            Err(_) => Some("the Kubernetes API does not answer".to_owned()),
        };
        if fault != self.complaint {
            if let Some(fault) = &fault {
                tracing::warn!("events cannot be written: {fault}");
            }
            self.complaint = fault;
        }
    }
}

fn event(node: &str, transition: &Transition) -> Event {
    let (type_, action, what) = match transition.to {
        Standing::Ready => (EventType::Normal, "Verify", "every hop is verified"),
        Standing::NotReady => (EventType::Warning, "Verify", ""),
        Standing::Refused => (EventType::Warning, "Accept", ""),
        Standing::LastGoodKept => (
            EventType::Warning,
            "Accept",
            "the version before stays in force: ",
        ),
    };
    let note = format!("{node}: {what}{}", transition.why);
    Event {
        type_,
        reason: transition.to.as_str().to_owned(),
        note: Some(shortened(&note, LONGEST)),
        action: action.to_owned(),
        secondary: None,
    }
}
