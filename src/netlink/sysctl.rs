//! Sysctls of a network namespace, through `/proc/sys/net`.
//!
//! That directory shows the namespace of whoever looks, so reading and writing happen on a
//! thread inside it. Only keys below `net/` belong to a namespace; others are refused, since
//! they would reach the whole machine.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::errno::Errno;

use super::namespace::{NamespaceError, Netns};

/// Why a sysctl cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum SysctlError {
    /// Not a key of a network namespace.
    #[error("{key:?} is not a sysctl of a network namespace; it must be a path below net/")]
    Key {
        /// What was given.
        key: String,
    },
    /// The kernel has no such key.
    #[error("this kernel has no sysctl {key}")]
    Unknown {
        /// The key.
        key: String,
    },
    /// The file system is mounted read-only, as in unprivileged containers.
    #[error("/proc/sys is read-only here, so {key} cannot be set; run privileged or remount it")]
    ReadOnly {
        /// The key.
        key: String,
    },
    /// The kernel does not take the value.
    #[error("the kernel refuses {value:?} for {key}")]
    Refused {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// The key cannot be read.
    #[error("cannot read sysctl {key}")]
    Read {
        /// The key.
        key: String,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The namespace cannot be entered.
    #[error("cannot reach the sysctls of the namespace")]
    Namespace(#[from] NamespaceError),
}

/// Reads `keys` (paths below `/proc/sys`, with slashes) inside `netns`. A key that the kernel
/// does not have is absent from the answer.
///
/// # Errors
///
/// When a key is not one of a network namespace, or cannot be read.
pub async fn read(netns: &Netns, keys: &[String]) -> Result<BTreeMap<String, String>, SysctlError> {
    let wanted = keys
        .iter()
        .map(|key| Ok((key.clone(), path_of(key)?)))
        .collect::<Result<Vec<_>, SysctlError>>()?;
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    netns
        .run(move || {
            let mut values = BTreeMap::new();
            for (key, path) in wanted {
                match fs::read_to_string(path) {
                    Ok(value) => {
                        values.insert(key, value.trim_end().to_owned());
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(source) => return Err(SysctlError::Read { key, source }),
                }
            }
            Ok(values)
        })
        .await?
}

/// Sets `key` to `value` inside `netns`.
///
/// # Errors
///
/// When the key is not one of a network namespace or not known, the value is refused, or
/// `/proc/sys` is read-only.
pub async fn write(netns: &Netns, key: &str, value: &str) -> Result<(), SysctlError> {
    let path = path_of(key)?;
    let bytes = value.as_bytes().to_vec();
    let outcome = netns
        .run(move || {
            // Opened for writing only: creating or truncating means nothing here.
            use std::io::Write as _;
            fs::OpenOptions::new()
                .write(true)
                .open(path)
                .and_then(|mut file| file.write_all(&bytes))
        })
        .await?;
    let key = key.to_owned();
    match outcome {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(SysctlError::Unknown { key }),
        Err(error) if error.raw_os_error() == Some(Errno::EROFS as i32) => {
            Err(SysctlError::ReadOnly { key })
        }
        Err(source) => Err(SysctlError::Refused {
            key,
            value: value.to_owned(),
            source,
        }),
    }
}

fn path_of(key: &str) -> Result<PathBuf, SysctlError> {
    let inside = key
        .strip_prefix("net/")
        .is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")));
    if inside && !key.contains('\0') {
        Ok(Path::new("/proc/sys").join(key))
    } else {
        Err(SysctlError::Key {
            key: key.to_owned(),
        })
    }
}
