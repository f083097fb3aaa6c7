//! What the agent remembers over its own restarts, in a directory that a reboot empties: what
//! each NIC carried when it was taken, the last good manifests, and what FRR made of raw
//! configuration.
//!
//! Files are replaced whole, by rename, so that a crash leaves the old or the new one. They
//! may hold BGP passwords and are readable by root alone.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{self, Identity, ObjectKey, VrfName};
use crate::intent::{Accepted, AcceptedObject, Node};
use crate::plan::bgp::raw::{RawApplied, RawMemory};
use crate::plan::{Memory, NicMemory};

const RAW: &str = "raw.json";
const NICS: &str = "nics.json";
const ACCEPTED: &str = "accepted.json";
const MARKERS: &str = "markers.json";
const NODE: &str = "node.json";

/// A last good manifest as it was written. It has no `Debug`: it may hold a password.
#[derive(Clone, Serialize, Deserialize)]
pub struct SavedManifest {
    /// The object.
    pub key: ObjectKey,
    /// Where it was read.
    pub source: String,
    /// What was written.
    pub document: Value,
}

/// What became of a raw object, as text. It has no `Debug`: it may hold a password.
#[derive(Serialize, Deserialize)]
struct SavedRaw {
    key: ObjectKey,
    typed: String,
    footprint: String,
}

/// The directory of the agent's memory.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
}

/// The last good versions that saved manifests hold; those that this version of the program
/// does not take any more are left out.
#[must_use]
pub fn accepted(saved: &[SavedManifest]) -> Accepted {
    let read = |saved: &SavedManifest| {
        let identity = Identity::of(saved.key.clone());
        let parsed = api::parse_object(identity, saved.document.clone());
        let accepted = AcceptedObject {
            source: saved.source.clone(),
            manifest: parsed.outcome.ok()?,
        };
        Some((saved.key.clone(), accepted))
    };
    saved.iter().filter_map(read).collect()
}

/// The memory cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}", path.display())]
pub struct StateError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl StateDir {
    /// The directory at `path`, which is made when it does not exist.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        fs::create_dir_all(path).map_err(|source| StateError {
            doing: "create",
            path: path.to_owned(),
            source,
        })?;
        Ok(Self {
            path: path.to_owned(),
        })
    }

    /// All that a plan must know beyond what is seen.
    ///
    /// # Errors
    /// When a file is there but cannot be read.
    pub fn load_memory(&self) -> Result<Memory, StateError> {
        Ok(Memory {
            nics: self.load_nics()?,
            raw: self.load_raw()?,
        })
    }

    /// What NICs carried when they were taken; empty when nothing was remembered.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn load_nics(&self) -> Result<NicMemory, StateError> {
        Ok(self.load(NICS)?.unwrap_or_default())
    }

    /// Remembers what NICs carry. To be called before a NIC is moved.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_nics(&self, memory: &NicMemory) -> Result<(), StateError> {
        self.save(NICS, memory)
    }

    /// The VRFs whose hosts have yet to be told that they know all; none when nothing was
    /// remembered.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn load_markers(&self) -> Result<BTreeSet<VrfName>, StateError> {
        Ok(self.load(MARKERS)?.unwrap_or_default())
    }

    /// Remembers the VRFs whose hosts have yet to be told that they know all. To be called before
    /// that is kept back: FRR does not show that it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_markers(&self, owed: &BTreeSet<VrfName>) -> Result<(), StateError> {
        self.save(MARKERS, owed)
    }

    /// What the Node object said last; nothing when nothing was remembered.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn load_node(&self) -> Result<Option<Node>, StateError> {
        self.load(NODE)
    }

    /// Remembers what the Node object says, for a start while the API server is away.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_node(&self, node: &Node) -> Result<(), StateError> {
        self.save(NODE, node)
    }

    /// The last good manifests as they were written; none when nothing was remembered.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn load_manifests(&self) -> Result<Vec<SavedManifest>, StateError> {
        Ok(self.load(ACCEPTED)?.unwrap_or_default())
    }

    /// Remembers the last good manifests, as they were written.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn save_manifests(&self, saved: &[SavedManifest]) -> Result<(), StateError> {
        self.save(ACCEPTED, &saved)
    }

    /// Forgets everything: what was remembered is given back. The directory itself stays.
    ///
    /// # Errors
    /// When a file is there but cannot be removed.
    pub fn forget(&self) -> Result<(), StateError> {
        for name in [NICS, ACCEPTED, RAW, MARKERS, NODE] {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(StateError {
                        doing: "remove",
                        path,
                        source,
                    });
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// What became of raw objects; what cannot be read back any more is left out, and typed anew.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn load_raw(&self) -> Result<RawMemory, StateError> {
        let saved: Vec<SavedRaw> = self.load(RAW)?.unwrap_or_default();
        let read = |saved: SavedRaw| {
            let applied = RawApplied {
                typed: saved.typed.parse().ok()?,
                footprint: saved.footprint.parse().ok()?,
            };
            Some((saved.key, applied))
        };
        Ok(saved.into_iter().filter_map(read).collect())
    }

    /// Remembers what became of raw objects.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save_raw(&self, memory: &RawMemory) -> Result<(), StateError> {
        let saved = memory.iter().map(|(key, applied)| SavedRaw {
            key: key.clone(),
            typed: applied.typed.to_string(),
            footprint: applied.footprint.to_string(),
        });
        self.save(RAW, &saved.collect::<Vec<_>>())
    }

    fn load<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, StateError> {
        let path = self.path.join(name);
        let read = match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        read.map_err(|source| StateError {
            doing: "read",
            path,
            source,
        })
    }

    fn save<T: Serialize>(&self, name: &str, value: &T) -> Result<(), StateError> {
        let path = self.path.join(name);
        let write = || -> io::Result<()> {
            let new = path.with_extension("new");
            let mut file = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(true)
                .mode(0o600)
                .open(&new)?;
            file.write_all(&serde_json::to_vec(value)?)?;
            fs::rename(&new, &path)
        };
        write().map_err(|source| StateError {
            doing: "write",
            path: path.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests;
