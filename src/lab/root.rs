//! The root file system that all labs share: built once for each version of its recipe.
//!
//! The recipe is part of this program. A root is built beside its place and renamed into it, so
//! what stands at `/var/cache/perouter/root-HASH` is complete; the link `root` leads to the
//! current one.

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, SystemTime};

use nix::fcntl::{Flock, FlockArg};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::cell::PLAN_FILE;
use super::interrupt::Interrupt;
use super::plan::Plan;
use super::supervisor;

/// Where roots are kept.
const CACHE: &str = "/var/cache/perouter";

/// The files of the recipe; the first is run.
const RECIPE: [(&str, &str); 3] = [
    ("build.sh", include_str!("../../containerlab/root/build.sh")),
    (
        "grpc-module.sh",
        include_str!("../../containerlab/root/grpc-module.sh"),
    ),
    (
        "uml-xstate.c",
        include_str!("../../containerlab/root/uml-xstate.c"),
    ),
];

/// Why there is no root file system.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// A root that was named is not one.
    #[error("{} is no root file system of a lab: it has no {missing}", root.display())]
    NotARoot {
        /// The folder.
        root: PathBuf,
        /// What every root has.
        missing: &'static str,
    },
    /// A file or folder cannot be used.
    #[error("cannot {doing} {}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A program cannot be started.
    #[error("cannot run {program}")]
    Program {
        /// The program.
        program: &'static str,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The recipe failed.
    #[error("the root file system cannot be built; the end of the log:\n{log}")]
    Recipe {
        /// The last lines.
        log: String,
    },
}

/// What every root must have to be of use, with the program or module that it is there for.
const PARTS: [&str; 4] = [
    "usr/lib/frr/bgpd",
    "usr/bin/vtysh",
    "usr/sbin/ip",
    "usr/bin/linux.uml",
];

/// Checks that `root` is a root file system of a lab, and returns its true path.
///
/// # Errors
/// When it is not.
pub fn check(root: &Path) -> Result<PathBuf, RootError> {
    let root = root.canonicalize().map_err(|source| RootError::File {
        doing: "find",
        path: root.to_owned(),
        source,
    })?;
    match PARTS.into_iter().find(|part| !root.join(part).exists()) {
        Some(missing) => Err(RootError::NotARoot { root, missing }),
        None => Ok(root),
    }
}

/// A number for the recipe, in hexadecimal (64-bit FNV-1a); not a secret, only a name.
fn recipe_hash() -> String {
    let bytes = RECIPE
        .iter()
        .flat_map(|(name, content)| [name.as_bytes(), content.as_bytes()]);
    let hash = bytes
        .flat_map(|text| text.iter().chain(&[0]))
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
    format!("{hash:016x}")
}

/// The root for the recipe of this program; builds it if need be, and tells `progress` about it.
///
/// # Errors
/// When it cannot be built; then nothing of it is left.
pub fn ensure(interrupt: &Interrupt, mut progress: impl FnMut(&str)) -> Result<PathBuf, RootError> {
    let cache = Path::new(CACHE);
    let place = cache.join(format!("root-{}", recipe_hash()));
    if place.exists() {
        stamp(&place);
        link(cache, &place)?;
        return check(&place);
    }
    let file = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| RootError::File {
            doing,
            path,
            source,
        }
    };
    fs::create_dir_all(cache).map_err(file("make", cache))?;
    let lock = cache.join("lock");
    let open = File::create(&lock).map_err(file("open", &lock))?;
    let _held = match Flock::lock(open, FlockArg::LockExclusiveNonblock) {
        Ok(held) => held,
        Err((open, _)) => {
            progress("waiting for another build of the root file system");
            Flock::lock(open, FlockArg::LockExclusive)
                .map_err(|(_, errno)| file("lock", &lock)(errno.into()))?
        }
    };
    if !place.exists() {
        build(cache, &place, interrupt, &mut progress)?;
    }
    link(cache, &place)?;
    remove_others(cache, &place);
    check(&place)
}

/// Lets the link `root` lead to `place`, in one step.
fn link(cache: &Path, place: &Path) -> Result<(), RootError> {
    let root = cache.join("root");
    if fs::read_link(&root).is_ok_and(|target| target == place) {
        return Ok(());
    }
    let new = cache.join(format!("root.{}", std::process::id()));
    symlink(place, &new)
        .and_then(|()| fs::rename(&new, &root))
        .map_err(|source| RootError::File {
            doing: "link",
            path: root,
            source,
        })
}

fn build(
    cache: &Path,
    place: &Path,
    interrupt: &Interrupt,
    progress: &mut impl FnMut(&str),
) -> Result<(), RootError> {
    install_mmdebstrap(progress)?;
    // One folder holds all that is unfinished, whoever left it.
    let partial = cache.join("partial");
    let file = |doing, path: &Path| {
        let path = path.to_owned();
        move |source| RootError::File {
            doing,
            path,
            source,
        }
    };
    if partial.exists() {
        fs::remove_dir_all(&partial).map_err(file("remove", &partial))?;
    }
    fs::create_dir(&partial).map_err(file("make", &partial))?;
    let result = run_recipe(&partial, interrupt, progress);
    interrupt.settle();
    let built = result.and_then(|()| {
        fs::rename(partial.join("root"), place).map_err(file("move the new root to", place))
    });
    // What mounts there were went with the recipe's namespace.
    let removed = fs::remove_dir_all(&partial).map_err(file("remove", &partial));
    built.and(removed)
}

fn run_recipe(
    partial: &Path,
    interrupt: &Interrupt,
    progress: &mut impl FnMut(&str),
) -> Result<(), RootError> {
    for (name, content) in RECIPE {
        let path = partial.join(name);
        fs::write(&path, content)
            .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o755)))
            .map_err(|source| RootError::File {
                doing: "write",
                path,
                source,
            })?;
    }
    let log_path = partial.join("log");
    let log_failed = |source| RootError::File {
        doing: "write",
        path: log_path.clone(),
        source,
    };
    let mut log = File::create(&log_path).map_err(log_failed)?;
    let run = |source| RootError::Program {
        program: "unshare",
        source,
    };
    let mut recipe = Command::new("unshare")
        .args([
            "--mount",
            "--propagation",
            "private",
            "--pid",
            "--fork",
            "--kill-child",
        ])
        .arg("--mount-proc")
        .arg(partial.join("build.sh"))
        .arg(partial.join("root"))
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log.try_clone().map_err(log_failed)?)
        .spawn()
        .map_err(run)?;
    let (group, doomed) = (Pid::from_raw(recipe.id().cast_signed()), partial.to_owned());
    interrupt.then(move || {
        // Gone already is what is wanted; and files vanish only when the last writer has.
        let _ = killpg(group, Signal::SIGKILL);
        for _ in 0..50 {
            if fs::remove_dir_all(&doomed).is_ok() || !doomed.exists() {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
    });
    if let Some(output) = recipe.stdout.take() {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            match line.strip_prefix("step: ") {
                Some(step) => progress(step),
                None => writeln!(log, "{line}").map_err(log_failed)?,
            }
        }
    }
    if recipe.wait().map_err(run)?.success() {
        return Ok(());
    }
    let log = fs::read(&log_path).unwrap_or_default();
    let log = super::tail(&String::from_utf8_lossy(&log), 30);
    Err(RootError::Recipe { log })
}

fn install_mmdebstrap(progress: &mut impl FnMut(&str)) -> Result<(), RootError> {
    if Path::new("/usr/bin/mmdebstrap").exists() {
        return Ok(());
    }
    progress("installing mmdebstrap");
    let failed = |source| RootError::Program {
        program: "apt-get",
        source,
    };
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null());
        command.output().map_err(failed)
    };
    let install = [
        "install",
        "--yes",
        "--no-install-recommends",
        "mmdebstrap",
        "debian-archive-keyring",
    ];
    apt(&["update"])?;
    let done = apt(&install)?;
    if done.status.success() {
        return Ok(());
    }
    let log = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(RootError::Recipe {
        log: super::tail(&log, 30),
    })
}

/// How long a root of another recipe is kept: other versions of this program may use it.
const KEEP: Duration = Duration::from_hours(24);

/// Notes that the root is used, for [`remove_others`] of other versions; without it, the root
/// may only be built again.
fn stamp(place: &Path) {
    let _ = File::open(place).and_then(|folder| folder.set_modified(SystemTime::now()));
}

/// Removes the roots of other recipes that nobody has used for a day, except those that labs
/// run on.
fn remove_others(cache: &Path, current: &Path) {
    let plans = supervisor::names()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|name| {
            let plan = fs::read(supervisor::folder(&name).join(PLAN_FILE)).ok()?;
            serde_json::from_slice::<Plan>(&plan).ok()
        });
    let in_use: Vec<PathBuf> = plans.map(|plan| plan.root).collect();
    let entries = fs::read_dir(cache)
        .into_iter()
        .flatten()
        .map_while(Result::ok);
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let used = fs::metadata(&path).and_then(|folder| folder.modified());
        let old = used.is_ok_and(|used| used.elapsed().is_ok_and(|age| age > KEEP));
        if name.starts_with("root-") && old && path != current && !in_use.contains(&path) {
            // What remains of it costs room, nothing else; the next build tries again.
            let _ = fs::remove_dir_all(&path);
        }
    }
}
