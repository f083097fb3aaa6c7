//! What the leader does: indices, the end of statuses, conditions.
//!
//! One round after another, each over all there is, from what is true then. What always holds:
//! nothing is written that is so already; a write says which version it replaces, and fails if that
//! is gone; and what only counts nodes, as it does at each of them while a change goes through, is
//! written now and then, but a verdict at once.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::api::{
    ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions,
};
use kube::{Api, Client, ResourceExt as _};
use serde_json::json;
use tokio::time::Instant;

use super::fold::{self, Change, NodeView, Nodes, ObjectView, Objects};
use super::index::assign;
use super::world::{NodeMeta, World, claim};
use crate::agent::chain;
use crate::agent::source::INDEX;
use crate::api::v1alpha1::{API_VERSION, RouterNodeConfigurationStatus};
use crate::api::{Kind, ObjectKey, convert};

/// Whose fields they are.
pub(super) const MANAGER: &str = "perouter-controller";

/// How long after the first change a round begins, so that what comes with it is in it.
const SETTLE: Duration = Duration::from_millis(200);

/// The pause after a round, in which changes gather.
const GATHER: Duration = Duration::from_millis(300);

/// The time between writes on an object that bring no other verdict.
const NO_VERDICT: Duration = Duration::from_secs(2);

/// The longest time between rounds.
const RESYNC: Duration = Duration::from_secs(300);

/// The pause after a failure, doubled up to the longest.
const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LONGEST: Duration = Duration::from_secs(15);

/// How long one call may take.
const CALL: Duration = Duration::from_secs(10);

/// How many writes of conditions are on their way at once.
const AT_ONCE: usize = 8;

/// Why a duty is not done.
#[derive(Debug, thiserror::Error)]
pub(super) enum DutyError {
    #[error("the Kubernetes API refuses it")]
    Refused(#[source] kube::Error),
    #[error("what is to be changed has changed meanwhile")]
    Changed,
    #[error("the Kubernetes API does not answer within {} s", CALL.as_secs())]
    Slow,
}

/// Does the duties of a leader.
pub(super) struct Duties<'a> {
    client: Client,
    namespace: String,
    world: &'a World,
    written: HashMap<ObjectKey, Written>,
    complaint: Option<String>,
}

/// What was written last on an object.
struct Written {
    /// The version that it was written on: until the watch tells of another, it counts.
    on: Option<String>,
    conditions: Vec<Condition>,
    at: Instant,
}

impl Written {
    /// How long what is no other verdict has to wait.
    fn wait(&self) -> Duration {
        NO_VERDICT.saturating_sub(self.at.elapsed())
    }
}

/// Conditions that are to be written.
struct News {
    kind: ApiResource,
    key: ObjectKey,
    version: Option<String>,
    conditions: Vec<Condition>,
}

impl<'a> Duties<'a> {
    pub(super) fn new(client: &Client, namespace: &str, world: &'a World) -> Self {
        Self {
            client: client.clone(),
            namespace: namespace.to_owned(),
            world,
            written: HashMap::new(),
            complaint: None,
        }
    }

    /// Goes on for ever. May be dropped anywhere, and begun again.
    pub(super) async fn run(&mut self) -> Infallible {
        let mut pauses = self.world.recovery().pauses(RETRY_FIRST, RETRY_LONGEST);
        loop {
            pauses.try_begins();
            match self.round().await {
                Ok(later) => {
                    if self.complaint.take().is_some() {
                        tracing::info!("all is written again");
                    }
                    pauses.answered();
                    tokio::time::sleep(GATHER).await;
                    let longest = later.unwrap_or(RESYNC);
                    // One that has passed without a change is well too.
                    let _ = tokio::time::timeout(longest, self.world.changed()).await;
                    tokio::time::sleep(SETTLE).await;
                }
                Err(error) => {
                    self.complain(&error);
                    pauses.failed().await;
                }
            }
        }
    }

    fn complain(&mut self, error: &DutyError) {
        let said = chain(error);
        match error {
            // It goes on with what is true now.
            DutyError::Changed => tracing::debug!("{said}"),
            DutyError::Refused(_) | DutyError::Slow => {
                if self.complaint.as_ref() != Some(&said) {
                    tracing::warn!("not all could be written: {said}");
                    self.complaint = Some(said);
                }
            }
        }
    }

    /// Everything once; how long what was left for later can wait. What fails keeps nothing else
    /// from being done; the first failure is told.
    async fn round(&mut self) -> Result<Option<Duration>, DutyError> {
        if !self.world.nodes.is_complete() {
            return Ok(None);
        }
        let indices = self.indices().await;
        if !self.world.statuses.is_complete() {
            return indices.map(|()| None);
        }
        let gone = self.gone().await;
        let conditions = self.conditions().await;
        indices.and(gone).and(conditions)
    }

    /// Gives every node its index.
    async fn indices(&self) -> Result<(), DutyError> {
        let seen = self.world.nodes.store.state();
        let claims: Vec<_> = seen.iter().map(|node| claim(node)).collect();
        if assign(&claims).is_empty() {
            return Ok(());
        }
        // What the watch holds may be old: another leader may have written since. An index is
        // given by what is true now.
        let api: Api<Node> = Api::all(self.client.clone());
        let listed = call(api.list_metadata(&ListParams::default())).await?;
        let claims: Vec<_> = listed.items.iter().map(claim).collect();
        let by_name: HashMap<&str, &NodeMeta> = claims
            .iter()
            .map(|claim| claim.node)
            .zip(&listed.items)
            .collect();
        let mut outcome = Ok(());
        for (name, index) in assign(&claims) {
            let node = by_name.get(name);
            let patch = json!({"metadata": {
                "resourceVersion": node.and_then(|node| node.resource_version()),
                "annotations": {INDEX: index.0.to_string()},
            }});
            let options = PatchParams {
                field_manager: Some(MANAGER.to_owned()),
                ..PatchParams::default()
            };
            let patch = Patch::Merge(&patch);
            match call(api.patch_metadata(name, &options, &patch)).await {
                Ok(_) => {
                    let before = node.and_then(|node| node.annotations().get(INDEX));
                    tracing::info!(node = name, index = index.0, ?before, "gave an index");
                }
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    /// Deletes the statuses of nodes that are no more.
    async fn gone(&self) -> Result<(), DutyError> {
        let kind = ApiResource::erase::<RouterNodeConfigurationStatus>(&());
        let api: Api<DynamicObject> =
            Api::namespaced_with(self.client.clone(), &self.namespace, &kind);
        let nodes: Api<Node> = Api::all(self.client.clone());
        let known = self.world.nodes.store.state();
        let known: HashMap<String, ()> = known.iter().map(|node| (node.name_any(), ())).collect();
        let mut outcome = Ok(());
        for status in self.world.statuses.store.state() {
            let name = status.name_any();
            if known.contains_key(&name) {
                continue;
            }
            let only = Preconditions {
                uid: status.uid(),
                resource_version: None,
            };
            let options = DeleteParams::default().preconditions(only);
            let deleted = match call(nodes.get_metadata_opt(&name)).await {
                Ok(Some(_)) => continue,
                Ok(None) => call(api.delete(&name, &options)).await.map(drop),
                Err(error) => Err(error),
            };
            match deleted {
                Ok(()) => tracing::info!(node = name, "deleted the status of a node that is gone"),
                Err(DutyError::Refused(kube::Error::Api(status))) if status.is_not_found() => {}
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome
    }

    /// Writes the conditions of all objects that have others than they should.
    async fn conditions(&mut self) -> Result<Option<Duration>, DutyError> {
        let (news, later) = self.news();
        let client = &self.client;
        let writes = news.into_iter().map(|news| async move {
            let outcome = write(client, &news).await;
            (news, outcome)
        });
        let mut writes = futures::stream::iter(writes).buffer_unordered(AT_ONCE);
        let mut outcome = Ok(());
        while let Some((news, wrote)) = writes.next().await {
            match wrote {
                Ok(()) => {
                    let written = Written {
                        on: news.version,
                        conditions: news.conditions,
                        at: Instant::now(),
                    };
                    self.written.insert(news.key, written);
                }
                Err(DutyError::Refused(kube::Error::Api(status))) if status.is_not_found() => {}
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        outcome.map(|()| later)
    }

    /// All conditions that are to be written now, and how long the others can wait.
    fn news(&mut self) -> (Vec<News>, Option<Duration>) {
        let nodes = self.world.nodes.store.state();
        let statuses = self.world.statuses.store.state();
        let mut told: HashMap<String, Objects<'_>> = statuses
            .iter()
            .filter_map(|status| {
                let of_objects = &status.status.as_ref()?.objects;
                Some((status.name_any(), Objects::of(of_objects)))
            })
            .collect();
        let names: Vec<String> = nodes.iter().map(|node| node.name_any()).collect();
        let views = names.iter().zip(&nodes).map(|(name, node)| {
            let view = NodeView {
                labels: node.labels(),
                objects: told.remove(name),
            };
            (name.as_str(), view)
        });
        let nodes: Nodes<'_> = views.collect();
        let now = now();
        let (mut news, mut later, mut written) = (Vec::new(), None, HashMap::new());
        for (kind, seen) in &self.world.objects {
            let complete = seen.is_complete();
            for object in seen.store.state().iter().filter(|_| complete) {
                let key = key(*kind, object);
                let last = self.written.remove(&key);
                let (change, conditions) = changed(&key, object, last.as_ref(), &nodes, now);
                let wait = match change {
                    Change::Nothing => None,
                    Change::Words => Some(last.as_ref().map(Written::wait).unwrap_or_default()),
                    Change::Verdict => Some(Duration::ZERO),
                };
                if let Some(last) = last {
                    written.insert(key.clone(), last);
                }
                match wait.filter(|_| object.metadata.deletion_timestamp.is_none()) {
                    None => {}
                    Some(Duration::ZERO) => news.push(News {
                        kind: seen.resource.clone(),
                        key,
                        version: object.resource_version(),
                        conditions,
                    }),
                    Some(wait) => {
                        later = Some(later.map_or(wait, |other: Duration| other.min(wait)))
                    }
                }
            }
        }
        self.written = written;
        (news, later)
    }
}

/// The conditions that an object should have, and how they differ from those that it has.
fn changed(
    key: &ObjectKey,
    object: &DynamicObject,
    last: Option<&Written>,
    nodes: &Nodes<'_>,
    now: Timestamp,
) -> (Change, Vec<Condition>) {
    let ours = last.filter(|written| written.on == object.resource_version());
    let before = ours.map_or_else(|| conditions_of(object), |ours| ours.conditions.clone());
    let selector = convert::nodes_of(&object.data);
    let view = ObjectView {
        key,
        generation: object.metadata.generation,
        selector: selector.as_ref(),
        before: &before,
    };
    let conditions = fold::fold(&view, nodes, now);
    (fold::change(&before, &conditions), conditions)
}

/// Writes conditions on the version that they were made of.
async fn write(client: &Client, news: &News) -> Result<(), DutyError> {
    let key = &news.key;
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), &key.namespace, &news.kind);
    let object = json!({
        "apiVersion": API_VERSION,
        "kind": key.kind.as_str(),
        "metadata": {"name": key.name, "namespace": key.namespace, "resourceVersion": news.version},
        "status": {"conditions": news.conditions},
    });
    let options = PatchParams::apply(MANAGER).force();
    let patch = Patch::Apply(&object);
    call(api.patch_status(&key.name, &options, &patch)).await?;
    tracing::debug!(object = %key, "wrote conditions");
    Ok(())
}

/// Calls the API, and waits for its answer only so long.
pub(super) async fn call<T>(
    answer: impl Future<Output = Result<T, kube::Error>>,
) -> Result<T, DutyError> {
    match tokio::time::timeout(CALL, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.is_conflict() => Err(DutyError::Changed),
        Ok(Err(error)) => Err(DutyError::Refused(error)),
        Err(_) => Err(DutyError::Slow),
    }
}

fn key(kind: Kind, object: &DynamicObject) -> ObjectKey {
    ObjectKey {
        kind,
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
    }
}

fn conditions_of(object: &DynamicObject) -> Vec<Condition> {
    let written = object.data.pointer("/status/conditions").cloned();
    let written = written.and_then(|all| serde_json::from_value(all).ok());
    written.unwrap_or_default()
}

/// The time in whole seconds, which is what conditions are written with.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}
