//! The cluster as the Kubernetes API tells of it: nodes, their statuses, and our objects.
//!
//! What was told stays while the API server is away, and is told anew when it is back. Whoever
//! waits for its turn to lead holds it all too, and can begin at once.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Node;
use kube::api::{ApiResource, DynamicObject, Object, PartialObjectMeta};
use kube::runtime::reflector::{Lookup, Store, reflector, store};
use kube::runtime::watcher::{self, Event};
use kube::runtime::{WatchStreamExt as _, watcher as watch_api};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use super::index::Claim;
use crate::agent::source::{INDEX, Recovery, follow, kinds};
use crate::api::v1alpha1::RouterNodeConfigurationStatus;
use crate::api::v1alpha1::node_status::ObjectsAlike;
use crate::api::{Kind, Labels};

/// A node's status, of which only what it says of objects is read.
pub(super) type NodeReport = Object<Option<Value>, OfObjects>;

/// A node, without its spec and status.
pub(super) type NodeMeta = PartialObjectMeta<Node>;

/// What a node's status says of objects.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct OfObjects {
    #[serde(default)]
    pub(super) objects: Vec<ObjectsAlike>,
}

/// What is known, until it is dropped.
pub(super) struct World {
    pub(super) nodes: Seen<NodeMeta>,
    pub(super) statuses: Seen<NodeReport>,
    pub(super) objects: BTreeMap<Kind, Seen<DynamicObject>>,
    changed: Arc<Notify>,
    progress: Arc<Progress>,
    recovery: Recovery,
    _watches: Vec<AbortOnDropHandle<()>>,
}

/// What a webhook answers by: what is known, as it changes.
pub(super) struct Known {
    pub(super) nodes: Store<NodeMeta>,
    pub(super) objects: Vec<(Kind, Store<DynamicObject>)>,
    pub(super) progress: Arc<Progress>,
}

/// All objects of a kind.
pub(super) struct Seen<K>
where
    K: Lookup + 'static,
    K::DynamicType: Eq + std::hash::Hash + Clone,
{
    pub(super) store: Store<K>,
    /// How the API serves them.
    pub(super) resource: K::DynamicType,
    complete: Arc<AtomicBool>,
}

impl<K> Seen<K>
where
    K: Lookup + Clone + 'static,
    K::DynamicType: Eq + std::hash::Hash + Clone,
{
    /// Whether all of them were told once; until then one that is missing may be there.
    pub(super) fn is_complete(&self) -> bool {
        self.complete.load(Ordering::Acquire)
    }
}

/// Which kinds have been read once.
#[derive(Debug, Default)]
pub(super) struct Progress(Mutex<BTreeMap<String, Arc<AtomicBool>>>);

impl Progress {
    /// What has not been read yet.
    pub(super) fn unread(&self) -> Vec<String> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unread = all
            .iter()
            .filter(|(_, complete)| !complete.load(Ordering::Acquire));
        unread.map(|(what, _)| what.clone()).collect()
    }

    fn expect(&self, what: &str) -> Arc<AtomicBool> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(what.to_owned()).or_default())
    }
}

impl World {
    /// Watches all there is to know; statuses of nodes are in `namespace`.
    pub(super) fn watch(client: &Client, namespace: &str) -> Self {
        let mut watches = Watches::default();
        let nodes = watches.nodes(Api::all(client.clone()));
        let kind = ApiResource::erase::<RouterNodeConfigurationStatus>(&());
        let api: Api<NodeReport> = Api::namespaced_with(client.clone(), namespace, &kind);
        let statuses = watches.all(kind.kind.clone(), api, kind);
        let objects = kinds().into_iter().map(|(kind, resource)| {
            let api = Api::all_with(client.clone(), &resource);
            (kind, watches.all(kind.to_string(), api, resource))
        });
        Self {
            nodes,
            statuses,
            objects: objects.collect(),
            changed: watches.changed,
            progress: watches.progress,
            recovery: watches.recovery,
            _watches: watches.tasks,
        }
    }

    /// Waits until something is otherwise than at the last call.
    ///
    /// Cancel safe.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// What is known, for whoever answers by it.
    pub(super) fn known(&self) -> Known {
        let objects = self.objects.iter();
        Known {
            nodes: self.nodes.store.clone(),
            objects: objects
                .map(|(kind, seen)| (*kind, seen.store.clone()))
                .collect(),
            progress: self.progress(),
        }
    }

    /// What tells that the API server answers again.
    pub(super) fn recovery(&self) -> Recovery {
        self.recovery.clone()
    }

    /// What has been read.
    pub(super) fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }
}

/// The watches as they are begun.
#[derive(Default)]
struct Watches {
    changed: Arc<Notify>,
    progress: Arc<Progress>,
    recovery: Recovery,
    tasks: Vec<AbortOnDropHandle<()>>,
}

impl Watches {
    /// Nodes tell of their heartbeat all the time: only what matters is a change.
    fn nodes(&mut self, api: Api<NodeMeta>) -> Seen<NodeMeta> {
        let mut known: HashMap<String, (Labels, Option<String>)> = HashMap::new();
        let matters = move |event: &Event<NodeMeta>| match event {
            Event::Init => {
                known.clear();
                false
            }
            Event::InitApply(node) => {
                known.insert(node.name_any(), what_matters(node));
                false
            }
            Event::InitDone => true,
            Event::Apply(node) => {
                let now = what_matters(node);
                known.insert(node.name_any(), now.clone()) != Some(now)
            }
            Event::Delete(node) => known.remove(&node.name_any()).is_some(),
        };
        self.begin("Node".to_owned(), api, (), matters)
    }

    fn all<K>(&mut self, what: String, api: Api<K>, kind: ApiResource) -> Seen<K>
    where
        K: Resource<DynamicType = ApiResource> + Clone + DeserializeOwned,
        K: std::fmt::Debug + Send + Sync + 'static,
    {
        self.begin(what, api, kind, |event| match event {
            Event::Init | Event::InitApply(_) => false,
            Event::InitDone | Event::Apply(_) | Event::Delete(_) => true,
        })
    }

    fn begin<K>(
        &mut self,
        what: String,
        api: Api<K>,
        kind: K::DynamicType,
        mut matters: impl FnMut(&Event<K>) -> bool + Send + 'static,
    ) -> Seen<K>
    where
        K: Resource + Clone + DeserializeOwned + std::fmt::Debug + Send + Sync + 'static,
        K::DynamicType: Eq + std::hash::Hash + Clone + Send + Sync,
    {
        let writer = store::Writer::new(kind.clone());
        let seen = Seen {
            store: writer.as_reader(),
            resource: kind,
            complete: self.progress.expect(&what),
        };
        let (complete, changed) = (Arc::clone(&seen.complete), Arc::clone(&self.changed));
        // Who set which field takes more room than all else.
        let told = watch_api(api, watcher::Config::default())
            .modify(|object| object.managed_fields_mut().clear());
        let told = reflector(writer, told).boxed();
        let heed = move |event: watcher::Result<Event<K>>| {
            let Ok(event) = event else {
                return;
            };
            if matches!(event, Event::InitDone) {
                complete.store(true, Ordering::Release);
            }
            if matters(&event) {
                changed.notify_one();
            }
        };
        let task = follow(what, told, self.recovery.clone(), heed);
        self.tasks.push(spawn(task));
        seen
    }
}

fn spawn(task: impl Future<Output = ()> + Send + 'static) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(task))
}

fn what_matters(node: &NodeMeta) -> (Labels, Option<String>) {
    (
        node.labels().clone(),
        node.annotations().get(INDEX).cloned(),
    )
}

/// What a node claims.
pub(super) fn claim(node: &NodeMeta) -> Claim<'_> {
    Claim {
        node: node.metadata.name.as_deref().unwrap_or_default(),
        created: node.metadata.creation_timestamp.as_ref().map(|at| at.0),
        written: node.annotations().get(INDEX).map(String::as_str),
    }
}
