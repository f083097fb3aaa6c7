//! Mounts, with errors that say what was to be mounted where.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Why a file system could not be put in place.
#[derive(Debug, thiserror::Error)]
pub enum MountError {
    /// The kernel refuses the mount.
    #[error("cannot mount {what} on {}", target.display())]
    Mount {
        /// The file system or the source.
        what: String,
        /// Where it should be.
        target: PathBuf,
        /// The kernel's reason.
        #[source]
        source: nix::Error,
    },
    /// The place to mount on cannot be made.
    #[error("cannot make {}", path.display())]
    Place {
        /// The place.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The root of the file system cannot be changed.
    #[error("cannot make {} the root", path.display())]
    Root {
        /// The new root.
        path: PathBuf,
        /// The kernel's reason.
        #[source]
        source: nix::Error,
    },
}

fn call(
    what: &str,
    source: Option<&Path>,
    target: &Path,
    kind: Option<&str>,
    flags: MsFlags,
    data: Option<&str>,
) -> Result<(), MountError> {
    mount(source, target, kind, flags, data).map_err(|source| MountError::Mount {
        what: what.to_owned(),
        target: target.to_owned(),
        source,
    })
}

/// Keeps all further mounts of this mount namespace to itself.
///
/// # Errors
/// When the kernel refuses, as it does without root rights.
pub fn keep_private() -> Result<(), MountError> {
    let flags = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    call("nothing", None, Path::new("/"), None, flags, None)
}

/// Makes the folder `path`, and those above it.
///
/// # Errors
/// When it cannot be made.
pub fn folder(path: &Path) -> Result<(), MountError> {
    std::fs::create_dir_all(path).map_err(|source| MountError::Place {
        path: path.to_owned(),
        source,
    })
}

/// Mounts an empty file system in memory, whose top folder has `mode`.
///
/// # Errors
/// When the kernel refuses.
pub fn memory(target: &Path, mode: u32) -> Result<(), MountError> {
    let flags = MsFlags::MS_NOSUID;
    let data = format!("mode={mode:o}");
    call(
        "tmpfs",
        Some(Path::new("tmpfs")),
        target,
        Some("tmpfs"),
        flags,
        Some(&data),
    )
}

/// Mounts the kernel's file system of type `kind`: `proc`, `sysfs`, `devtmpfs`, `devpts`.
///
/// # Errors
/// When the kernel refuses.
pub fn kernel(kind: &str, target: &Path) -> Result<(), MountError> {
    call(
        kind,
        Some(Path::new(kind)),
        target,
        Some(kind),
        MsFlags::empty(),
        None,
    )
}

/// Lays a writable layer, `upper`, over the root of this mount namespace.
///
/// # Errors
/// When the kernel has no overlay file system or refuses.
pub fn overlay(upper: &Path, work: &Path, target: &Path) -> Result<(), MountError> {
    let data = format!(
        "lowerdir=/,upperdir={},workdir={}",
        upper.display(),
        work.display()
    );
    let flags = MsFlags::empty();
    call(
        "overlay",
        Some(Path::new("overlay")),
        target,
        Some("overlay"),
        flags,
        Some(&data),
    )
}

/// Shows `source`, a file or folder, at `target` too, which is made if need be.
///
/// # Errors
/// When either cannot be found or made, or the kernel refuses.
pub fn bind(source: &Path, target: &Path) -> Result<(), MountError> {
    let place = |error| MountError::Place {
        path: target.to_owned(),
        source: error,
    };
    if source.is_dir() {
        folder(target)?;
    } else if !target.exists() {
        target.parent().map_or(Ok(()), folder)?;
        let mut options = OpenOptions::new();
        options
            .create(true)
            .append(true)
            .mode(0o755)
            .open(target)
            .map(drop::<File>)
            .map_err(place)?;
    }
    let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
    call(
        &source.display().to_string(),
        Some(source),
        target,
        None,
        flags,
        None,
    )
}

/// Makes what was bound at `target` read-only there.
///
/// # Errors
/// When the kernel refuses.
pub fn read_only(target: &Path) -> Result<(), MountError> {
    let flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
    call("read-only", None, target, None, flags, None)
}

/// Makes `path`, a mount point, the root of this mount namespace, and drops the old one.
///
/// # Errors
/// When the kernel refuses.
pub fn change_root(path: &Path) -> Result<(), MountError> {
    let refused = |source| MountError::Root {
        path: path.to_owned(),
        source,
    };
    nix::unistd::chdir(path).map_err(refused)?;
    // The old root lands on top of the new one, and is taken away from there.
    nix::unistd::pivot_root(".", ".").map_err(refused)?;
    umount2(".", MntFlags::MNT_DETACH).map_err(refused)?;
    nix::unistd::chdir("/").map_err(refused)
}
