//! Writes what is true of the node into the Kubernetes API, whenever that changes.
//!
//! One object for each node, of which the agent owns all fields that it writes, by server-side
//! apply; it goes with the Node. Nothing is written while nothing changes, a change costs one call,
//! and what could not be written is tried again with what is true by then.

use std::sync::Arc;
use std::time::Duration;

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, Resource as _};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::execute::chain;
use super::source::{Recovery, SeenNode};
use crate::api::v1alpha1::{API_VERSION, NodeStatus, RouterNodeConfigurationStatus};
use crate::status::Report;
use crate::status::node_status::node_status;

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

impl Scribe {
    /// Writes until what is returned is dropped. It takes a runtime.
    pub fn start(self) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(self.run()))
    }

    async fn run(mut self) {
        let mut written: Option<NodeStatus> = None;
        let mut made: Option<Made> = None;
        let mut pauses = self.recovery.pauses(RETRY_FIRST, RETRY_LONGEST);
        let mut complaint = None;
        loop {
            pauses.try_begins();
            let report = self.reports.borrow_and_update().clone();
            let status = report.as_deref().map(node_status);
            let outcome = match status {
                Some(status) if written.as_ref() != Some(&status) => {
                    let wrote = self.write(&status, &mut made).await;
                    wrote.map(|()| written = Some(status))
                }
                Some(_) | None => {
                    if self.reports.changed().await.is_err() {
                        return;
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

    /// Writes the object's status. The object is made first if it was not, or for another Node;
    /// one that somebody deleted is made again.
    async fn write(&self, status: &NodeStatus, made: &mut Option<Made>) -> Result<(), kube::Error> {
        // The object has no spec, which the type derived for it has.
        let kind = ApiResource::erase::<RouterNodeConfigurationStatus>(&());
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &kind);
        let wanted = Made { uid: self.uid() };
        if made.as_ref() == Some(&wanted) {
            match self.write_status(&api, status).await {
                Err(kube::Error::Api(told)) if told.is_not_found() => {}
                outcome => return outcome,
            }
        }
        *made = None;
        let object = Patch::Apply(self.object(&wanted));
        api.patch(&self.node, &PatchParams::apply(MANAGER).force(), &object)
            .await?;
        *made = Some(wanted);
        self.write_status(&api, status).await
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
