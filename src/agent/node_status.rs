//! Writes what is true of the node into the Kubernetes API, whenever that changes.
//!
//! One object for each node, of which the agent owns all fields that it writes, by server-side
//! apply; it goes with the Node. Nothing is written while nothing changes, a change costs one call,
//! and what could not be written is tried again with what is true by then. An object that somebody
//! deleted is made again, and so is that of a Node that is another by the same name.

mod own;

use std::sync::Arc;
use std::time::Duration;

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, Resource as _};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::execute::chain;
use super::source::{Recovery, SeenNode};
use crate::api::v1alpha1::{API_VERSION, NodeStatus, RouterNodeConfigurationStatus};
use crate::status::Report;
use crate::status::node_status::node_status;
use own::Returns;

/// Whose fields they are.
const MANAGER: &str = "perouter-agent";

/// The pause after each write, in which changes gather.
const GATHER: Duration = Duration::from_secs(1);

/// The pause after a failure, doubled up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LONGEST: Duration = Duration::from_secs(15);

/// What is written where.
pub struct Scribe {
    /// Reaches the API server.
    pub client: Client,
    /// The namespace of the object.
    pub namespace: String,
    /// The node's name, which is the object's.
    pub node: String,
    /// The Node as it is, which the object belongs to.
    pub nodes: watch::Receiver<Option<SeenNode>>,
    /// What is true of the node.
    pub reports: watch::Receiver<Option<Arc<Report>>>,
    /// Tells that the API server answers again.
    pub recovery: Recovery,
}

/// The object as it was made, by what its Node is known by there.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Made {
    uid: Option<String>,
}

/// What is in the API, as it was written last.
#[derive(Debug, PartialEq)]
struct Written {
    status: NodeStatus,
    made: Made,
}

impl Scribe {
    /// Writes until what is returned is dropped. It takes a runtime.
    pub fn start(self) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(self.run()))
    }

    async fn run(mut self) {
        let (mut gone, _watch) = own::watch(&self);
        let mut written: Option<Written> = None;
        let mut pauses = self.recovery.pauses(RETRY_FIRST, RETRY_LONGEST);
        let mut returns = Returns::default();
        let mut complaint = None;
        loop {
            pauses.try_begins();
            let report = self.reports.borrow_and_update().clone();
            let made = Made { uid: self.uid() };
            let wanted = report.map(|report| Written {
                status: node_status(&report),
                made,
            });
            let outcome = match wanted {
                Some(wanted) if written.as_ref() != Some(&wanted) => {
                    let made = written.as_ref().map(|written| &written.made);
                    let wrote = self.write(&wanted, made).await;
                    wrote.map(|()| written = Some(wanted))
                }
                Some(_) | None => {
                    tokio::select! {
                        told = self.reports.changed() => if told.is_err() { return },
                        Ok(()) = self.nodes.changed() => {}
                        Ok(()) = gone.changed() => if written.take().is_some() {
                            self.wait(returns.pause(Instant::now())).await;
                        }
                    }
                    continue;
                }
            };
            match outcome {
                Ok(()) => {
                    if complaint.take().is_some() {
                        tracing::info!("the node's status is in the Kubernetes API again");
                        self.recovery.tell();
                    }
                    pauses.answered();
                    tokio::time::sleep(GATHER).await;
                }
                Err(error) => {
                    let said = chain(&error);
                    if complaint.as_ref() != Some(&said) {
                        tracing::warn!("the node's status cannot be written: {said}");
                        complaint = Some(said);
                    }
                    pauses.failed().await;
                }
            }
        }
    }

    /// Waits so long, or until the Node is another one.
    async fn wait(&mut self, pause: Duration) {
        let before = self.uid();
        let is_other =
            |node: &Option<SeenNode>| node.as_ref().and_then(|it| it.uid.clone()) != before;
        // Whether it came or time is over, it goes on.
        let _ = tokio::time::timeout(pause, self.nodes.wait_for(is_other)).await;
    }

    /// Writes the object's status. The object is made first if it was not, or for another Node;
    /// one that somebody deleted is made again.
    async fn write(&self, wanted: &Written, made: Option<&Made>) -> Result<(), kube::Error> {
        // The object has no spec, which the type derived for it has.
        let kind = ApiResource::erase::<RouterNodeConfigurationStatus>(&());
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &kind);
        if made == Some(&wanted.made) {
            match self.write_status(&api, &wanted.status).await {
                Err(kube::Error::Api(told)) if told.is_not_found() => {}
                outcome => return outcome,
            }
        }
        let object = Patch::Apply(self.object(&wanted.made));
        api.patch(&self.node, &PatchParams::apply(MANAGER).force(), &object)
            .await?;
        self.write_status(&api, &wanted.status).await
    }

    async fn write_status(
        &self,
        api: &Api<DynamicObject>,
        status: &NodeStatus,
    ) -> Result<(), kube::Error> {
        let patch = Patch::Apply(json!({
            "apiVersion": API_VERSION,
            "kind": RouterNodeConfigurationStatus::kind(&()),
            "metadata": {"name": self.node},
            "status": status,
        }));
        let apply = PatchParams::apply(MANAGER).force();
        api.patch_status(&self.node, &apply, &patch).await.map(drop)
    }

    fn uid(&self) -> Option<String> {
        let node = self.nodes.borrow();
        node.as_ref().and_then(|node| node.uid.clone())
    }

    /// The object but for its status. Without a Node that is known it belongs to nobody, until
    /// the next time.
    fn object(&self, made: &Made) -> Value {
        let owner = made
            .uid
            .as_ref()
            .map(|uid| json!({"apiVersion": "v1", "kind": "Node", "name": self.node, "uid": uid}));
        json!({
            "apiVersion": API_VERSION,
            "kind": RouterNodeConfigurationStatus::kind(&()),
            "metadata": {"name": self.node, "ownerReferences": owner.into_iter().collect::<Vec<_>>()},
        })
    }
}
