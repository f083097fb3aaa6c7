//! Manifests from a directory.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::api::{self, Manifest, ObjectKey};
use crate::intent::{Candidate, Candidates};

/// A directory of manifests: files that end in `.yaml`, `.yml` or `.json`, in the order of their
/// names; hidden ones are left out, as a mounted ConfigMap holds such links for itself.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
}

/// What a directory held at one time.
#[derive(Default)]
pub struct Contents {
    /// The objects, and the sources that could not be read.
    pub candidates: Candidates,
    /// The valid objects, each with the text that it was written as, secrets included.
    pub documents: BTreeMap<ObjectKey, (Manifest, Value)>,
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
        Self { path }
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
    pub fn read(&self) -> Result<Contents, DirectoryError> {
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
        for file in files {
            read_file(&file, &mut contents);
        }
        Ok(contents)
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

fn read_file(path: &Path, contents: &mut Contents) {
    let candidates = &mut contents.candidates;
    let source = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let text = match std::fs::read(path).map(|bytes| api::text_of(&source, bytes)) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return broken(candidates, &source, error.to_string()),
        Err(error) => return broken(candidates, &source, format!("{source}: {error}")),
    };
    let parsed = api::parse_file(&source, &text);
    for error in parsed.errors {
        broken(candidates, &source, error.to_string());
    }
    for object in parsed.objects {
        match (object.identity.key, object.outcome) {
            (Some(key), outcome) => {
                if let Ok(manifest) = &outcome {
                    let written = (manifest.clone(), object.document);
                    contents.documents.insert(key.clone(), written);
                }
                candidates.objects.push(Candidate {
                    key,
                    source: source.clone(),
                    manifest: outcome.map_err(|error| error.to_string()),
                });
            }
            (None, Err(error)) => broken(candidates, &source, error.to_string()),
            // A valid object has a name.
            (None, Ok(_)) => {}
        }
    }
}

/// What stood in a source and cannot be read now may be any of the objects that it held.
fn broken(candidates: &mut Candidates, source: &str, message: String) {
    candidates
        .broken_sources
        .entry(source.to_owned())
        .and_modify(|all| {
            all.push('\n');
            all.push_str(&message);
        })
        .or_insert(message);
}

#[cfg(test)]
mod tests;
