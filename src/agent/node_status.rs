//! Writes what is true of the node into the Kubernetes API, whenever that changes.
//!
//! One object for each node, of which the agent owns all fields that it writes, by server-side
//! apply; it goes with the Node. Nothing is written while nothing changes, and what could not be
//! written is tried again with what is true by then.

use std::sync::Arc;
use std::time::Duration;

use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Api, Client, Resource as _};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::execute::chain;
use super::source::SeenNode;
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
pub(super) struct Scribe {
    pub(super) client: Client,
    /// The namespace of the object.
    pub(super) namespace: String,
    /// The node's name, which is the object's.
    pub(super) node: String,
    pub(super) nodes: watch::Receiver<Option<SeenNode>>,
    pub(super) reports: watch::Receiver<Option<Arc<Report>>>,
}

impl Scribe {
    /// Writes until what is returned is dropped.
    pub(super) fn start(self) -> AbortOnDropHandle<()> {
        AbortOnDropHandle::new(tokio::spawn(self.run()))
    }

    async fn run(mut self) {
        let mut written: Option<NodeStatus> = None;
        let (mut pause, mut complaint) = (RETRY_FIRST, None);
        loop {
            let report = self.reports.borrow_and_update().clone();
            let status = report.as_deref().map(node_status);
            let outcome = match status {
                Some(status) if written.as_ref() != Some(&status) => {
                    self.write(&status).await.map(|()| written = Some(status))
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
                    }
                    pause = RETRY_FIRST;
                    tokio::time::sleep(GATHER).await;
                }
                Err(error) => {
                    let said = chain(&error);
                    if complaint.as_ref() != Some(&said) {
                        tracing::warn!("the node's status cannot be written: {said}");
                        complaint = Some(said);
                    }
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY_LONGEST);
                }
            }
        }
    }

    /// Makes the object if it is not there, and writes its status.
    async fn write(&self, status: &NodeStatus) -> Result<(), kube::Error> {
        // The object has no spec, which the type derived for it has.
        let kind = ApiResource::erase::<RouterNodeConfigurationStatus>(&());
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &kind);
        let apply = PatchParams::apply(MANAGER).force();
        let mut object = self.object();
        api.patch(&self.node, &apply, &Patch::Apply(&object))
            .await?;
        object["metadata"] = json!({"name": self.node});
        object["status"] = json!(status);
        let patch = Patch::Apply(&object);
        api.patch_status(&self.node, &apply, &patch).await.map(drop)
    }

    /// The object but for its status. Without a Node that is known it belongs to nobody, until
    /// the next time.
    fn object(&self) -> Value {
        let uid = self
            .nodes
            .borrow()
            .as_ref()
            .and_then(|node| node.uid.clone());
        let owner = uid
            .map(|uid| json!({"apiVersion": "v1", "kind": "Node", "name": self.node, "uid": uid}));
        json!({
            "apiVersion": API_VERSION,
            "kind": RouterNodeConfigurationStatus::kind(&()),
            "metadata": {"name": self.node, "ownerReferences": owner.into_iter().collect::<Vec<_>>()},
        })
    }
}
