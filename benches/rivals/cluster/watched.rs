//! What the API server tells of: how often things are written, and what objects' conditions say.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::{Stream, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ApiResource, DynamicObject, PartialObjectMeta};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, Config, watcher};
use kube::{Api, Client, Resource, ResourceExt as _};
use perouter::api::v1alpha1::RouterNodeConfigurationStatus;
use perouter::api::{ObjectKey, v1alpha1};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::bed::{NAMESPACE, key};
use crate::Failure;

/// How often what was written, by versions that the API server told of.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Writes {
    pub(super) objects: u64,
    pub(super) statuses: u64,
    pub(super) nodes: u64,
    pub(super) leases: u64,
}

impl Writes {
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            objects: self.objects - before.objects,
            statuses: self.statuses - before.statuses,
            nodes: self.nodes - before.nodes,
            leases: self.leases - before.leases,
        }
    }

    pub(super) const fn all_but_leases(self) -> u64 {
        self.objects + self.statuses + self.nodes
    }
}

/// The objects there are, each as it was written last.
pub(super) type Generations = HashMap<ObjectKey, i64>;

/// An object as it was last told of.
#[derive(Clone, Debug)]
struct Told {
    generation: i64,
    /// The nodes over which all its conditions are true of this generation; none where one is not.
    nodes: Option<String>,
    at: Instant,
}

/// All that is known.
#[derive(Clone, Debug, Default)]
struct Known {
    objects: HashMap<ObjectKey, Told>,
    writes: Writes,
    last_status: Option<Instant>,
}

/// Watches, until it is dropped.
pub(super) struct Watched {
    known: watch::Receiver<Known>,
    generations: watch::Receiver<Arc<Generations>>,
    _tasks: Vec<AbortOnDropHandle<()>>,
    failed: watch::Receiver<Option<String>>,
}

impl Watched {
    pub(super) fn start(client: &Client) -> Self {
        let (tell, known) = watch::channel(Known::default());
        let (fail, failed) = watch::channel(None);
        let (edited, generations) = watch::channel(Arc::default());
        let begin = Begin { tell, fail };
        let mut tasks = Vec::new();
        let kinds = [
            ApiResource::erase::<v1alpha1::Underlay>(&()),
            ApiResource::erase::<v1alpha1::L3Vni>(&()),
            ApiResource::erase::<v1alpha1::L2Vni>(&()),
            ApiResource::erase::<v1alpha1::L3Vpn>(&()),
            ApiResource::erase::<v1alpha1::L3Passthrough>(&()),
            ApiResource::erase::<v1alpha1::RawFrrConfig>(&()),
        ];
        for kind in kinds {
            let api: Api<DynamicObject> = Api::all_with(client.clone(), &kind);
            let told = watcher(api, Config::default());
            let edited = edited.clone();
            tasks.push(begin.task(told, move |known, object: DynamicObject| {
                known.writes.objects += 1;
                if let Some((key, told)) = told_of(&kind.kind, &object) {
                    note_generation(&edited, &key, told.generation);
                    known.objects.insert(key, told);
                }
            }));
        }
        let api: Api<PartialObjectMeta<RouterNodeConfigurationStatus>> =
            Api::namespaced(client.clone(), NAMESPACE);
        let told = watcher(api, Config::default());
        tasks.push(begin.task(told, |known, _| {
            known.writes.statuses += 1;
            known.last_status = Some(Instant::now());
        }));
        let api: Api<PartialObjectMeta<Node>> = Api::all(client.clone());
        let told = watcher(api, Config::default());
        tasks.push(begin.task(told, |known, _| known.writes.nodes += 1));
        let api: Api<PartialObjectMeta<Lease>> = Api::namespaced(client.clone(), NAMESPACE);
        let told = watcher(api, Config::default());
        tasks.push(begin.task(told, |known, _| known.writes.leases += 1));
        Self {
            known,
            generations,
            _tasks: tasks,
            failed,
        }
    }

    pub(super) fn writes(&self) -> Writes {
        self.known.borrow().writes
    }

    /// Tells when objects are written by people.
    pub(super) fn generations(&self) -> watch::Receiver<Arc<Generations>> {
        self.generations.clone()
    }

    /// Waits for so many writes of statuses in all; when the last one came.
    pub(super) async fn statuses(&self, all: u64, within: Duration) -> Result<Instant, Failure> {
        let came = |known: &Known| known.last_status.filter(|_| known.writes.statuses >= all);
        self.wait("all nodes have told", came, within).await
    }

    /// Waits until the object's conditions are of this generation on all nodes; when they were.
    pub(super) async fn folded(
        &self,
        key: &ObjectKey,
        generation: i64,
        nodes: usize,
        within: Duration,
    ) -> Result<Instant, Failure> {
        let ready = ready_on(nodes);
        let folded = |known: &Known| {
            let told = known.objects.get(key)?;
            let of_all = told.nodes.as_deref() == Some(&*ready);
            (told.generation == generation && of_all).then_some(told.at)
        };
        self.wait("its conditions are of all nodes", folded, within)
            .await
    }

    /// Waits until the conditions of all objects are of all nodes.
    pub(super) async fn all_folded(&self, nodes: usize, within: Duration) -> Result<(), Failure> {
        let ready = ready_on(nodes);
        let folded = |known: &Known| {
            let mut all = known.objects.values();
            let folded = all.all(|told| told.nodes.as_deref() == Some(&*ready));
            (folded && !known.objects.is_empty()).then_some(())
        };
        self.wait("all conditions are of all nodes", folded, within)
            .await
    }

    async fn wait<T>(
        &self,
        what: &str,
        is_so: impl Fn(&Known) -> Option<T>,
        within: Duration,
    ) -> Result<T, Failure> {
        let mut known = self.known.clone();
        let waited = async {
            loop {
                if let Some(found) = is_so(&known.borrow_and_update()) {
                    return Ok(found);
                }
                known.changed().await?;
            }
        };
        let waited: Result<T, watch::error::RecvError> =
            tokio::time::timeout(within, waited).await.map_err(|_| {
                let failed = self.failed.borrow().clone().unwrap_or_default();
                let known = self.known.borrow();
                let of_all = known.objects.values().filter(|told| told.nodes.is_some());
                let example = known.objects.iter().find(|(_, told)| told.nodes.is_none());
                format!(
                    "not within {} s: {what}; of {} objects {} are ready; {:?}; {:?}; {failed}",
                    within.as_secs(),
                    known.objects.len(),
                    of_all.count(),
                    example,
                    known.writes
                )
            })?;
        Ok(waited?)
    }
}

fn ready_on(nodes: usize) -> String {
    format!("{nodes}/{nodes} nodes ready")
}

struct Begin {
    tell: watch::Sender<Known>,
    fail: watch::Sender<Option<String>>,
}

impl Begin {
    fn task<K>(
        &self,
        told: impl Stream<Item = Result<watcher::Event<K>, watcher::Error>> + Send + 'static,
        note: impl Fn(&mut Known, K) + Send + 'static,
    ) -> AbortOnDropHandle<()>
    where
        K: Resource + Clone + std::fmt::Debug + Send + 'static,
    {
        let (tell, fail) = (self.tell.clone(), self.fail.clone());
        let mut told = told.default_backoff().applied_objects().boxed();
        AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                match told.try_next().await {
                    Ok(Some(object)) => tell.send_modify(|known| note(known, object)),
                    Ok(None) => return,
                    Err(error) => drop(fail.send(Some(error.to_string()))),
                }
            }
        }))
    }
}

fn told_of(kind: &str, object: &DynamicObject) -> Option<(ObjectKey, Told)> {
    let generation = object.metadata.generation?;
    let conditions = object.data.pointer("/status/conditions").cloned();
    let conditions: Vec<Condition> = conditions
        .and_then(|written| serde_json::from_value(written).ok())
        .unwrap_or_default();
    let is_so = |it: &Condition| it.status == "True" && it.observed_generation == Some(generation);
    let ready = conditions.iter().find(|it| it.type_ == "Ready");
    let nodes = ready
        .filter(|_| conditions.iter().all(is_so))
        .map(|ready| ready.message.clone());
    let told = Told {
        generation,
        nodes,
        at: Instant::now(),
    };
    Some((key(kind, &object.name_any()).ok()?, told))
}

fn note_generation(edited: &watch::Sender<Arc<Generations>>, key: &ObjectKey, generation: i64) {
    edited.send_if_modified(|all| {
        let is_news = all.get(key) != Some(&generation);
        if is_news {
            Arc::make_mut(all).insert(key.clone(), generation);
        }
        is_news
    });
}
