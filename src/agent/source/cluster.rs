//! Objects from the Kubernetes API, as it tells of them.
//!
//! One watch for each kind and one for the own Node, of which only the metadata is asked for. What
//! was told stays while the API server is away, and is told anew when it is back.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use k8s_openapi::api::core::v1::Node;
use kube::api::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client};
use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio_util::task::AbortOnDropHandle;

use super::Contents;
use super::follow::{follow, why};
use super::recovery::Recovery;
use super::sealed::Sealed;
use super::store::{SeenNode, Store, Told, seen_node};
use crate::api::{Kind, Labels, ObjectKey, v1alpha1};
use crate::intent::NodeIndex;

/// What the API server knows objects by.
#[derive(Clone, Debug)]
pub struct Identities(Arc<Mutex<Store>>);

impl Identities {
    /// The UID of an object; none of one that did not come from there.
    #[must_use]
    pub fn uid(&self, key: &ObjectKey) -> Option<String> {
        lock(&self.0).uid(key)
    }
}

/// The Kubernetes API as a source of manifests, until it is dropped.
#[derive(Debug)]
pub struct Cluster {
    store: Arc<Mutex<Store>>,
    nodes: watch::Receiver<Option<SeenNode>>,
    sealed: Sealed,
    recovery: Recovery,
    _watches: Vec<AbortOnDropHandle<()>>,
}

impl Cluster {
    /// Watches all kinds, the Node named `node`, and, in `namespace`, where the agent runs, the
    /// Secrets for sessions. Lines of configuration count there alone.
    /// Whenever something else than before is known, `changed` is told.
    #[must_use]
    pub fn watch(client: &Client, node: &str, namespace: &str, changed: &mpsc::Sender<()>) -> Self {
        let recovery = Recovery::default();
        let sealed = Sealed::watch(client, namespace, &recovery, changed);
        let kinds = kinds();
        let store = Store::new(namespace, kinds.iter().map(|(kind, _)| *kind));
        let store = Arc::new(Mutex::new(store));
        let (seen, nodes) = watch::channel(None);
        let mut watches = Vec::new();
        for (kind, resource) in kinds {
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
            let told = watcher::watcher(api, watcher::Config::default());
            let (store, changed) = (Arc::clone(&store), changed.clone());
            let heed = move |event| {
                if let Some(told) = told_by(event)
                    && lock(&store).heed(kind, told)
                {
                    tell(&changed);
                }
            };
            let task = follow(kind.to_string(), told, recovery.clone(), heed);
            watches.push(spawn(task));
        }
        let only = watcher::Config::default().fields(&format!("metadata.name={node}"));
        let metadata: Api<PartialObjectMeta<Node>> = Api::all(client.clone());
        let told = watcher::watcher(metadata, only);
        let changed = changed.clone();
        let heed = move |event| {
            if let Some(node) = node_by(event)
                && seen.send_if_modified(|before| {
                    *before != Some(node.clone()) && {
                        *before = Some(node);
                        true
                    }
                })
            {
                tell(&changed);
            }
        };
        let task = follow("Node".to_owned(), told, recovery.clone(), heed);
        watches.push(spawn(task));
        Self {
            store,
            nodes,
            sealed,
            recovery,
            _watches: watches,
        }
    }

    /// All objects that are known.
    #[must_use]
    pub fn contents(&self) -> Contents {
        let secrets = self.sealed.secrets();
        lock(&self.store).contents(&secrets)
    }

    /// What the API server knows the objects by.
    #[must_use]
    pub fn identities(&self) -> Identities {
        Identities(Arc::clone(&self.store))
    }

    /// What tells that the API server answers again.
    #[must_use]
    pub fn recovery(&self) -> Recovery {
        self.recovery.clone()
    }

    /// The node, once its Node object was read.
    #[must_use]
    pub fn node(&self) -> Option<SeenNode> {
        self.nodes.borrow().clone()
    }

    /// The node, as it changes.
    #[must_use]
    pub fn nodes(&self) -> watch::Receiver<Option<SeenNode>> {
        self.nodes.clone()
    }

    /// Waits until the node has an index; for ever when nobody gives it one.
    ///
    /// Cancel safe.
    pub async fn indexed_node(&self) -> (NodeIndex, Labels) {
        let mut nodes = self.nodes.clone();
        loop {
            let seen = nodes.borrow_and_update().clone();
            if let Some(SeenNode {
                index: Some(index),
                labels,
                uid: _,
            }) = seen
            {
                return (index, labels);
            }
            if nodes.changed().await.is_err() {
                // The watches live as long as this value.
                return std::future::pending().await;
            }
        }
    }
}

/// Our kinds as the API serves them.
pub(crate) fn kinds() -> [(Kind, ApiResource); 6] {
    [
        (
            Kind::Underlay,
            ApiResource::erase::<v1alpha1::Underlay>(&()),
        ),
        (Kind::L3Vni, ApiResource::erase::<v1alpha1::L3Vni>(&())),
        (Kind::L2Vni, ApiResource::erase::<v1alpha1::L2Vni>(&())),
        (Kind::L3Vpn, ApiResource::erase::<v1alpha1::L3Vpn>(&())),
        (
            Kind::L3Passthrough,
            ApiResource::erase::<v1alpha1::L3Passthrough>(&()),
        ),
        (
            Kind::RawFrrConfig,
            ApiResource::erase::<v1alpha1::RawFrrConfig>(&()),
        ),
    ]
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    // Whoever panicked left whole objects behind.
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn tell(changed: &mpsc::Sender<()>) {
    // A full channel means that somebody is going to look anyway.
    let _ = changed.try_send(());
}

fn told_by(event: watcher::Result<Event<DynamicObject>>) -> Option<Told> {
    Some(match event {
        Ok(Event::Init) => Told::Restart,
        Ok(Event::InitApply(object)) => Told::Listed(document(&object)?),
        Ok(Event::InitDone) => Told::Complete,
        Ok(Event::Apply(object)) => Told::Changed(document(&object)?),
        Ok(Event::Delete(object)) => Told::Gone(document(&object)?),
        Err(error) => Told::Failed(why(&error)),
    })
}

fn document(object: &DynamicObject) -> Option<Value> {
    // What was read as JSON can be written as JSON.
    serde_json::to_value(object).ok()
}

/// The node as an event shows it. One that is gone keeps what it was: its agent goes with it.
fn node_by<K: kube::Resource>(event: watcher::Result<Event<K>>) -> Option<SeenNode> {
    let node = match event {
        Ok(Event::InitApply(node) | Event::Apply(node)) => node,
        Ok(Event::Init | Event::InitDone | Event::Delete(_)) | Err(_) => return None,
    };
    let metadata = node.meta();
    let labels = metadata.labels.clone().unwrap_or_default();
    let annotations = metadata.annotations.clone().unwrap_or_default();
    match seen_node(&labels, &annotations) {
        Ok(node) => Some(SeenNode {
            uid: metadata.uid.clone(),
            ..node
        }),
        Err(error) => {
            tracing::warn!("{error}");
            None
        }
    }
}
