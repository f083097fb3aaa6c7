//! Manifests from a directory.
//!
//! Every file is read every time, but parsed again only when it holds something else than before:
//! of a thousand files hardly one does, and parsing them all takes longer than all else in a pass.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

mod cluster;
mod follow;
mod recovery;
mod sealed;
mod store;

pub(crate) use cluster::kinds;
pub use cluster::{Cluster, Identities};
pub(crate) use follow::follow;
pub use recovery::Recovery;
pub(crate) use store::INDEX;
pub use store::SeenNode;

use k8s_openapi::api::core::v1;

use crate::api::{self, Identity, Manifest, ObjectKey, Secrets};
use crate::intent::{Candidate, Candidates, Origin, Unfit};

/// A directory of manifests: files that end in `.yaml`, `.yml` or `.json`, in the order of their
/// names; hidden ones are left out, as a mounted ConfigMap holds such links for itself.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    /// The files as they were read last.
    known: BTreeMap<PathBuf, File>,
}

/// A file, and what it says.
struct File {
    bytes: Vec<u8>,
    says: Said,
}

impl std::fmt::Debug for File {
    /// A file may hold passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File").finish_non_exhaustive()
    }
}

/// What a file says.
#[derive(Default)]
struct Said {
    objects: Vec<Object>,
    secrets: Vec<v1::Secret>,
    /// What is wrong with it where no object can be named.
    faults: Vec<String>,
}

/// An object in a file.
struct Object {
    key: ObjectKey,
    manifest: Result<Manifest, String>,
    document: Arc<Value>,
}

/// What a directory held at one time.
#[derive(Default)]
pub struct Contents {
    /// The objects, and the sources that could not be read.
    pub candidates: Candidates,
    /// The valid objects, each with the text that it was written as, secrets included.
    pub documents: BTreeMap<ObjectKey, (Manifest, Arc<Value>)>,
    /// The generation of each object that has one, whether it is valid or not.
    pub generations: BTreeMap<ObjectKey, i64>,
}

impl Contents {
    /// Adds what another source held at that time.
    pub(super) fn merge(&mut self, other: Self) {
        self.documents.extend(other.documents);
        self.generations.extend(other.generations);
        self.candidates.objects.extend(other.candidates.objects);
        let broken = other.candidates.broken_sources;
        self.candidates.broken_sources.extend(broken);
    }
}

/// The directory cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the manifests in {}: {source}", path.display())]
pub struct DirectoryError {
    path: PathBuf,
    source: io::Error,
}

impl Directory {
    /// The manifests in `path`.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            known: BTreeMap::new(),
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads everything. A file that cannot be read or parsed is a broken source; it does not
    /// keep the others from being read.
    ///
    /// # Errors
    /// When the directory itself cannot be listed.
    pub fn read(&mut self) -> Result<Contents, DirectoryError> {
        let failed = |source| DirectoryError {
            path: self.path.clone(),
            source,
        };
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if is_manifest(&path) {
                files.push(path);
            }
        }
        files.sort();
        let mut contents = Contents::default();
        let mut before = std::mem::take(&mut self.known);
        let (mut read, mut secrets) = (Vec::new(), Secrets::default());
        for path in files {
            let source = source_of(&path);
            match std::fs::read(&path) {
                Ok(bytes) => {
                    let known = before.remove(&path).filter(|file| file.bytes == bytes);
                    let file = known.unwrap_or_else(|| File::new(&source, bytes));
                    for secret in &file.says.secrets {
                        secrets.add(secret);
                    }
                    read.push((path, source, file));
                }
                Err(error) => {
                    broken(
                        &mut contents.candidates,
                        &source,
                        &format!("{source}: {error}"),
                    );
                }
            }
        }
        for (path, source, file) in read {
            file.says.add_to(&mut contents, &source, &secrets);
            self.known.insert(path, file);
        }
        Ok(contents)
    }
}

/// What an object says, and its document, with the passwords that it takes from Secrets.
pub(super) fn opened(
    source: &str,
    (manifest, document): (&Result<Manifest, String>, &Arc<Value>),
    secrets: &Secrets,
) -> (Result<Manifest, String>, Arc<Value>) {
    if !api::secrets::names_any(document) {
        return (manifest.clone(), Arc::clone(document));
    }
    let identity = Identity {
        file: Some(source.to_owned()),
        line: None,
        key: None,
    };
    let parsed = api::parse_object_with(identity, Value::clone(document), secrets);
    let manifest = parsed.outcome.map_err(|error| error.to_string());
    (manifest, Arc::new(parsed.document))
}

/// An object that is wrong, on the nodes that it is meant for.
pub(super) fn faulty(message: String, document: &Value) -> Unfit {
    Unfit::Faulty {
        message,
        selector: api::convert::nodes_of(document),
    }
}

fn is_manifest(path: &Path) -> bool {
    let hidden = path
        .file_name()
        .is_none_or(|name| name.as_encoded_bytes().starts_with(b"."));
    let named = path
        .extension()
        .is_some_and(|end| end == "yaml" || end == "yml" || end == "json");
    !hidden && named && path.is_file()
}

fn source_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

impl File {
    fn new(source: &str, bytes: Vec<u8>) -> Self {
        let says = match api::text_of(source, bytes.clone()) {
            // So is a file for a moment that `cp` or an editor writes over.
            Ok(text) if text.trim().is_empty() => Said {
                faults: vec![format!(
                    "{source}: is empty; what it held stays as it was. To take that away, remove \
                     the file"
                )],
                ..Said::default()
            },
            Ok(text) => Said::of(source, &text),
            Err(error) => Said {
                faults: vec![error.to_string()],
                ..Said::default()
            },
        };
        Self { bytes, says }
    }
}

impl Said {
    fn of(source: &str, text: &str) -> Self {
        let parsed = api::parse_file(source, text);
        let mut said = Self {
            objects: Vec::new(),
            secrets: parsed.secrets,
            faults: parsed.errors.iter().map(ToString::to_string).collect(),
        };
        for object in parsed.objects {
            match (object.identity.key, object.outcome) {
                (Some(key), outcome) => said.objects.push(Object {
                    key,
                    manifest: outcome.map_err(|error| error.to_string()),
                    document: Arc::new(object.document),
                }),
                (None, Err(error)) => said.faults.push(error.to_string()),
                // A valid object has a name.
                (None, Ok(_)) => {}
            }
        }
        said
    }

    fn add_to(&self, contents: &mut Contents, source: &str, secrets: &Secrets) {
        for fault in &self.faults {
            broken(&mut contents.candidates, source, fault);
        }
        for object in &self.objects {
            let Object {
                key,
                manifest,
                document,
            } = object;
            let (manifest, document) = opened(source, (manifest, document), secrets);
            if let Ok(manifest) = &manifest {
                let written = (manifest.clone(), Arc::clone(&document));
                contents.documents.insert(key.clone(), written);
            }
            contents.candidates.objects.push(Candidate {
                key: key.clone(),
                source: source.to_owned(),
                origin: Origin::File,
                // Whoever writes files here rules the node: their namespaces are names alone.
                manifest: manifest.map_err(|message| faulty(message, &document)),
            });
        }
    }
}

/// What stood in a source and cannot be read now may be any of the objects that it held.
fn broken(candidates: &mut Candidates, source: &str, message: &str) {
    candidates
        .broken_sources
        .entry(source.to_owned())
        .and_modify(|all| {
            all.push('\n');
            all.push_str(message);
        })
        .or_insert_with(|| message.to_owned());
}

#[cfg(test)]
mod tests;
