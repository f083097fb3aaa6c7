//! What the Kubernetes API has said so far: our objects, and the node that this agent is on.
//!
//! What always holds: an object goes only when the API server says that it is gone, by a deletion
//! or by a whole list without it. While it cannot be asked, everything stays.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::{Contents, faulty, opened};
use crate::api::{self, Identity, Kind, Labels, Manifest, ObjectKey, Secrets};
use crate::intent::{Candidate, NodeIndex, Origin, Unfit};

/// The annotation of a Node that holds its index.
pub(crate) const INDEX: &str = "openpe.io/nodeindex";

/// What an API server tells of one kind's objects.
pub(super) enum Told {
    /// All of them are going to be told anew, one by one, and then the end; it has not been asked
    /// yet.
    Restart,
    /// One, of all.
    Listed(Value),
    /// That were all.
    Complete,
    /// One is new, or another than before.
    Changed(Value),
    /// One is gone.
    Gone(Value),
    /// The API server cannot be asked.
    Failed(String),
}

/// The node, as its Node object says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeenNode {
    /// Its labels.
    pub labels: Labels,
    /// Its index, once it has one.
    pub index: Option<NodeIndex>,
    /// What the API server knows it by.
    pub uid: Option<String>,
}

/// All that was told.
pub(super) struct Store {
    /// The namespace that the agent runs in.
    namespace: String,
    kinds: BTreeMap<Kind, OfKind>,
}

/// The objects of a kind.
#[derive(Default)]
struct OfKind {
    /// Whether all were told once.
    complete: bool,
    objects: BTreeMap<ObjectKey, Entry>,
    /// Those told since a list began.
    listing: BTreeMap<ObjectKey, Entry>,
    /// Why the API server cannot be asked.
    fault: Option<String>,
}

struct Entry {
    manifest: Result<Manifest, String>,
    document: Arc<Value>,
}

/// Where the objects of a kind come from, as it stands in messages and in the agent's memory.
fn source(kind: Kind) -> String {
    format!("Kubernetes API, {kind}")
}

impl std::fmt::Debug for Store {
    /// Objects may hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}

impl Store {
    /// Nothing of these kinds is known yet. `namespace` is the one that the agent runs in.
    pub(super) fn new(namespace: &str, kinds: impl IntoIterator<Item = Kind>) -> Self {
        let kinds = kinds.into_iter().map(|kind| (kind, OfKind::default()));
        Self {
            namespace: namespace.to_owned(),
            kinds: kinds.collect(),
        }
    }

    /// Heeds what was told of a kind; whether that matters.
    pub(super) fn heed(&mut self, kind: Kind, told: Told) -> bool {
        let of_kind = self.kinds.entry(kind).or_default();
        let had_fault = match told {
            // A restart is told before the API server was asked: the reason stands until it answers.
            Told::Restart | Told::Failed(_) => None,
            Told::Listed(_) | Told::Complete | Told::Changed(_) | Told::Gone(_) => {
                of_kind.fault.take()
            }
        };
        let changed = match told {
            Told::Restart => {
                of_kind.listing.clear();
                false
            }
            Told::Listed(object) => {
                if let Some((key, entry)) = read(object) {
                    of_kind.listing.insert(key, entry);
                }
                false
            }
            Told::Complete => of_kind.complete(),
            Told::Changed(object) => read(object).is_some_and(|(key, entry)| {
                let document = Arc::clone(&entry.document);
                let before = of_kind.objects.insert(key, entry);
                before.is_none_or(|before| before.document != document)
            }),
            Told::Gone(object) => {
                read(object).is_some_and(|(key, _)| of_kind.objects.remove(&key).is_some())
            }
            // What is in force stays so; only before the first list does it matter.
            Told::Failed(fault) => {
                let is_new = of_kind.fault.as_ref() != Some(&fault);
                of_kind.fault = Some(fault);
                is_new && !of_kind.complete
            }
        };
        changed || had_fault.is_some() && !of_kind.complete
    }

    /// What the API server knows an object by.
    pub(super) fn uid(&self, key: &ObjectKey) -> Option<String> {
        let object = self.kinds.get(&key.kind)?.objects.get(key)?;
        let uid = object.document.pointer("/metadata/uid")?;
        uid.as_str().map(str::to_owned)
    }

    /// Everything, as a directory would hold it. A kind that was not told yet is a source that
    /// cannot be read: what came from it earlier stays.
    pub(super) fn contents(&self, secrets: &Secrets) -> Contents {
        let mut contents = Contents::default();
        for (kind, of_kind) in &self.kinds {
            let source = source(*kind);
            if !of_kind.complete {
                let why = match &of_kind.fault {
                    Some(fault) => format!("{source}: cannot be read yet: {fault}"),
                    None => format!("{source}: has not been read yet"),
                };
                contents.candidates.broken_sources.insert(source, why);
                continue;
            }
            for (key, Entry { manifest, document }) in &of_kind.objects {
                let (manifest, document) = opened(&source, (manifest, document), secrets);
                let manifest = match api::placed(key, &self.namespace) {
                    Ok(()) => manifest.map_err(|message| faulty(message, &document)),
                    Err(misplaced) => Err(Unfit::Barred(misplaced.to_string())),
                };
                if let Ok(manifest) = &manifest {
                    let written = (manifest.clone(), Arc::clone(&document));
                    contents.documents.insert(key.clone(), written);
                }
                let generation = document.pointer("/metadata/generation");
                if let Some(generation) = generation.and_then(Value::as_i64) {
                    contents.generations.insert(key.clone(), generation);
                }
                contents.candidates.objects.push(Candidate {
                    key: key.clone(),
                    source: source.clone(),
                    origin: Origin::Api,
                    manifest,
                });
            }
        }
        contents
    }
}

impl OfKind {
    /// What was listed is all there is; whether that is another thing than before.
    fn complete(&mut self) -> bool {
        let listed = std::mem::take(&mut self.listing);
        let same = |(a, b): ((&ObjectKey, &Entry), (&ObjectKey, &Entry))| {
            a.0 == b.0 && a.1.document == b.1.document
        };
        let unchanged = self.complete
            && listed.len() == self.objects.len()
            && listed.iter().zip(&self.objects).all(same);
        self.objects = listed;
        self.complete = true;
        !unchanged
    }
}

/// An object without what is none of ours: status, and who set which field.
fn read(mut object: Value) -> Option<(ObjectKey, Entry)> {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
        if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
            metadata.remove("resourceVersion");
        }
    }
    let nowhere = Identity {
        file: None,
        line: None,
        key: None,
    };
    let parsed = api::parse_object(nowhere, object);
    let entry = Entry {
        manifest: parsed.outcome.map_err(|error| error.to_string()),
        document: Arc::new(parsed.document),
    };
    Some((parsed.identity.key?, entry))
}

/// The node by its Node object's labels and annotations.
pub(super) fn seen_node(
    labels: &BTreeMap<String, String>,
    annotations: &BTreeMap<String, String>,
) -> Result<SeenNode, String> {
    let index = annotations.get(INDEX).map(|text| {
        let parsed = text.parse().map(NodeIndex);
        parsed.map_err(|error| format!("annotation {INDEX} of the node is {text:?}: {error}"))
    });
    Ok(SeenNode {
        uid: None,
        labels: labels.clone(),
        index: index.transpose()?,
    })
}

#[cfg(test)]
mod tests;
