//! Nodes' agents, as far as the API server sees them: a report after each change and every ten
//! seconds, and what writes the node's status.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt as _};
use perouter::agent::node_status::Scribe;
use perouter::agent::source::{Recovery, SeenNode};
use perouter::api::{Kind, Labels, ObjectKey, v1alpha1};
use perouter::intent::{NodeIndex, NodeIntent};
use perouter::status::Report;
use perouter::status::condition::{Acceptance, Programming};
use perouter::status::report::{Counters, FrrReport, Inputs, ObjectInput, Reading, Verified};
use perouter::verify::{Check, Facts, Finding, Outcome};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

use super::bed::NAMESPACE;
use super::watched::{Generations, Watched};
use crate::Failure;

/// How often an agent makes a report of what has not changed.
const PASSES: Duration = Duration::from_secs(10);

/// How many nodes are made at once.
const AT_ONCE: usize = 16;

/// All agents, until they are dropped.
pub(super) struct Agents {
    client: Client,
    generations: watch::Receiver<Arc<Generations>>,
    intent: Arc<NodeIntent>,
    /// Within how many milliseconds all have taken a change.
    within: Arc<AtomicU64>,
    all: Vec<(AbortOnDropHandle<()>, AbortOnDropHandle<()>)>,
}

impl Agents {
    pub(super) fn new(client: &Client, watched: &Watched, intent: Arc<NodeIntent>) -> Self {
        Self {
            client: client.clone(),
            generations: watched.generations(),
            intent,
            within: Arc::new(AtomicU64::new(1000)),
            all: Vec::new(),
        }
    }

    pub(super) fn take_changes_within(&self, time: Duration) {
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.within.store(time, Ordering::Relaxed);
    }

    /// Adds nodes with their agents until there are so many.
    pub(super) async fn grow(&mut self, nodes: usize) -> Result<(), Failure> {
        let api: Api<Node> = Api::all(self.client.clone());
        let make = |number: usize| {
            let api = api.clone();
            async move {
                let name = format!("node-{number:03}");
                let labels = json!({"kubernetes.io/hostname": name});
                let node = json!({"metadata": {"name": name, "labels": labels}});
                let node: Node = serde_json::from_value(node)?;
                let made = api.create(&PostParams::default(), &node).await?;
                Ok::<_, Failure>((number, made))
            }
        };
        let made = futures::stream::iter((self.all.len()..nodes).map(make));
        let made: Vec<_> = made.buffer_unordered(AT_ONCE).try_collect().await?;
        for (number, node) in made {
            self.begin(number, &node)?;
        }
        Ok(())
    }

    fn begin(&mut self, number: usize, node: &Node) -> Result<(), Failure> {
        let index = NodeIndex(u32::try_from(number)?);
        let seen = SeenNode {
            labels: Labels::default(),
            index: Some(index),
            uid: node.uid(),
        };
        let (_, nodes) = watch::channel(Some(seen));
        let (publish, reports) = watch::channel(None);
        let agent = Agent {
            name: node.name_any(),
            index,
            intent: Arc::clone(&self.intent),
            within: Arc::clone(&self.within),
            generations: self.generations.clone(),
            publish,
        };
        let scribe = Scribe {
            client: self.client.clone(),
            namespace: NAMESPACE.to_owned(),
            node: node.name_any(),
            nodes,
            reports,
            recovery: Recovery::default(),
        };
        let agent = AbortOnDropHandle::new(tokio::spawn(agent.run()));
        self.all.push((agent, scribe.start()));
        Ok(())
    }

    /// Edits an L3VNI; the generation that it has now.
    pub(super) async fn edit(&self, key: &ObjectKey, number: usize) -> Result<i64, Failure> {
        let api: Api<v1alpha1::L3Vni> = Api::namespaced(self.client.clone(), &key.namespace);
        let now = api.get_metadata(&key.name).await?.metadata.generation;
        // Another one every time.
        let target = format!(
            "64512:{}",
            30_000 + 1000 * now.unwrap_or_default() as usize + number
        );
        let patch = json!({"spec": {"importRTs": [target]}});
        let patched = api
            .patch(&key.name, &PatchParams::default(), &Patch::Merge(&patch))
            .await?;
        Ok(patched.metadata.generation.ok_or("it has no generation")?)
    }
}

/// One node's.
struct Agent {
    name: String,
    index: NodeIndex,
    intent: Arc<NodeIntent>,
    within: Arc<AtomicU64>,
    generations: watch::Receiver<Arc<Generations>>,
    publish: watch::Sender<Option<Arc<Report>>>,
}

impl Agent {
    async fn run(mut self) {
        let facts = Facts::default();
        let mut taken: Arc<Generations> = Arc::default();
        let mut passes = 0;
        loop {
            let now = Arc::clone(&self.generations.borrow_and_update());
            if now != taken {
                taken = now;
                self.pass().await;
            }
            passes += 1;
            let report = self.report(&taken, &facts, passes);
            self.publish.send_replace(Some(Arc::new(report)));
            // One without a change is well too.
            let _ = tokio::time::timeout(PASSES, self.generations.changed()).await;
        }
    }

    /// The time that this node takes for a change: each another one.
    async fn pass(&self) {
        let within = self.within.load(Ordering::Relaxed);
        let part = u64::from(self.index.0) * 7919 % 1000;
        tokio::time::sleep(Duration::from_millis(within * part / 1000)).await;
    }

    fn report(&self, generations: &Generations, facts: &Facts, passes: u64) -> Report {
        let now = Timestamp::now();
        let mut objects: Vec<ObjectInput> = generations.iter().map(input).collect();
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        let findings: Vec<Finding> = objects.iter().filter_map(good).collect();
        let inputs = Inputs {
            node: &self.name,
            index: self.index,
            pass: None,
            listen: None,
            frr: FrrReport::default(),
            counters: Counters {
                passes,
                ..Counters::default()
            },
            intent: &self.intent,
            objects: &objects,
            rejections: &[],
            repairs: &[],
            verified: Some(Verified {
                facts,
                findings: &findings,
                reading: Reading {
                    at: now,
                    took_ms: 12,
                },
            }),
        };
        let before = self.publish.borrow().clone();
        Report::new(before.as_deref(), &inputs, now)
    }
}

fn input((key, generation): (&ObjectKey, &i64)) -> ObjectInput {
    ObjectInput {
        key: key.clone(),
        generation: Some(*generation),
        generation_in_force: Some(*generation),
        acceptance: Acceptance::Accepted,
        programming: Programming::Done,
    }
}

/// That it is well; raw lines have no check of their own.
fn good(object: &ObjectInput) -> Option<Finding> {
    let check = match object.key.kind {
        Kind::Underlay => Check::UnderlaySession,
        Kind::L3Vni | Kind::L2Vni | Kind::L3Vpn | Kind::L3Passthrough => Check::VniUp,
        Kind::RawFrrConfig => return None,
    };
    Some(Finding {
        check,
        object: Some(object.key.clone()),
        subject: String::new(),
        outcome: Outcome::Good {
            count: 1,
            seen: String::new(),
        },
        since: None,
    })
}
