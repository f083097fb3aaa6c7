//! Process 1 of a node: makes its file system, starts its entry point, runs commands in it.
//!
//! It was started with namespaces of its own (network, mounts, processes, host name, IPC), and
//! its standard input is the line to the guest. It ends with that line, and the kernel ends
//! everything else in the node with it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use nix::sys::stat::{Mode, SFlag, makedev, mknod};

use super::exec::Commands;
use super::mounts::{self, MountError};
use super::plan::{NodeRequest, Phase};
use super::reaper::{Reaper, shell_status};
use super::topology::{Access, InterfaceName, Node};
use super::wire::{self, Body, Channel, Outcome, Sender};

/// The entry point writes this file when it has started what it starts.
pub const READY_FILE: &str = "/run/lab-ready";
/// Where the entry point's output goes.
const LOG_FILE: &str = "/var/log/entrypoint.log";
/// Where the guest finds what the host binds into nodes; see [`bind_place`].
const SHARED: &str = "/mnt";

/// Where the guest sees this program.
#[must_use]
pub fn executable_place() -> PathBuf {
    Path::new(SHARED).join("perouter")
}

/// Where the guest sees the node's bind of that number.
#[must_use]
pub fn bind_place(node: &Node, number: usize) -> PathBuf {
    Path::new(SHARED)
        .join("bind")
        .join(node.name.as_str())
        .join(number.to_string())
}

/// Why a node cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// A mount failed.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A program cannot be started.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// `ip` failed.
    #[error("ip: {0}")]
    Ip(String),
}

/// The node, once it is prepared.
struct Running {
    spec: Node,
    environment: BTreeMap<String, String>,
    phase: Mutex<Phase>,
}

/// Serves the guest until the line ends.
///
/// # Errors
/// When the line breaks or no thread can be started.
pub fn main() -> io::Result<()> {
    let line = UnixStream::from(super::standard_input()?);
    let sender = Sender::new(line.try_clone()?);
    let reaper = Reaper::start()?;
    let commands = Commands::new(reaper.clone(), sender.clone());
    serve(line, &sender, &reaper, &commands)
}

fn serve(
    mut line: UnixStream,
    sender: &Sender,
    reaper: &Reaper,
    commands: &Commands,
) -> io::Result<()> {
    let mut node: Option<Arc<Running>> = None;
    while let Some((channel, body)) = wire::read::<NodeRequest>(&mut line)? {
        let request = match body {
            Body::Request(request) => request,
            other @ (Body::Input(_)
            | Body::InputEnd
            | Body::Cancel
            | Body::Output(_)
            | Body::Errors(_)
            | Body::Note(_)
            | Body::Done(_)) => {
                commands.control(channel, other);
                continue;
            }
        };
        let outcome = match (request, &node) {
            (NodeRequest::Prepare(spec), None) => match prepare(&spec) {
                Ok(()) => {
                    let environment = environment(&spec);
                    let phase = Mutex::new(Phase::Prepared);
                    node = Some(Arc::new(Running {
                        spec: *spec,
                        environment,
                        phase,
                    }));
                    Some(Outcome::Success)
                }
                Err(error) => Some(Outcome::Failure(super::chain(&error))),
            },
            (NodeRequest::Prepare(_), Some(_)) => failure("the node is prepared already"),
            (_, None) => failure("the node is not prepared"),
            (NodeRequest::Launch(interfaces), Some(node)) => {
                Some(match launch(node, &interfaces, reaper) {
                    Ok(()) => Outcome::Success,
                    Err(error) => Outcome::Failure(super::chain(&error)),
                })
            }
            (NodeRequest::AwaitReady(patience), Some(node)) => {
                let (node, sender) = (node.clone(), sender.clone());
                std::thread::spawn(move || {
                    // A line that broke ends the process elsewhere.
                    let _ = finish(&sender, channel, await_ready(&node, patience));
                });
                None
            }
            (NodeRequest::Exec(command, input), Some(node)) => {
                commands.start(channel, &command, &node.environment, input);
                None
            }
            (NodeRequest::State, Some(node)) => {
                let report = serde_json::to_vec(&node.current_phase())?;
                sender.send::<NodeRequest>(channel, &Body::Output(report))?;
                Some(Outcome::Success)
            }
        };
        if let Some(outcome) = outcome {
            finish(sender, channel, outcome)?;
        }
    }
    Ok(())
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands in a match of optional outcomes"
)]
fn failure(reason: &str) -> Option<Outcome> {
    Some(Outcome::Failure(reason.to_owned()))
}

fn finish(sender: &Sender, channel: Channel, outcome: Outcome) -> io::Result<()> {
    sender.send::<NodeRequest>(channel, &Body::Done(outcome))
}

impl Running {
    fn current_phase(&self) -> Phase {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        if *phase == Phase::Starting && Path::new(READY_FILE).exists() {
            *phase = Phase::Ready;
        }
        phase.clone()
    }

    fn set_phase(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }
}

/// What everything in the node finds in its environment.
fn environment(node: &Node) -> BTreeMap<String, String> {
    let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/frr";
    let name = node.name.as_str();
    let common = [
        ("PATH", path),
        ("HOME", "/root"),
        ("HOSTNAME", name),
        ("LANG", "C.UTF-8"),
    ];
    let mut environment: BTreeMap<String, String> = common
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    environment.extend(node.env.clone());
    environment
}

/// Makes the node's file system: the shared root, a writable layer over it, and on top what
/// belongs to this node alone.
fn prepare(node: &Node) -> Result<(), NodeError> {
    mounts::keep_private()?;
    let base = Path::new("/run/nodes").join(node.name.as_str());
    let (upper, work, root) = (base.join("upper"), base.join("work"), base.join("root"));
    for folder in [&upper, &work, &root] {
        mounts::folder(folder)?;
    }
    mounts::overlay(&upper, &work, &root)?;
    mounts::kernel("proc", &root.join("proc"))?;
    mounts::kernel("sysfs", &root.join("sys"))?;
    mounts::memory(&root.join("run"), 0o755)?;
    mounts::memory(&root.join("tmp"), 0o1777)?;
    devices(&root.join("dev"))?;
    mounts::bind(&executable_place(), &root.join("usr/bin/perouter"))?;
    for (number, bind) in node.binds.iter().enumerate() {
        let inside = bind.target.strip_prefix("/").unwrap_or(&bind.target);
        let target = root.join(inside);
        mounts::bind(&bind_place(node, number), &target)?;
        match bind.access {
            Access::ReadOnly => mounts::read_only(&target)?,
            Access::ReadWrite => {}
        }
    }
    mounts::change_root(&root)?;

    let name = node.name.as_str();
    write("/proc/sys/kernel/hostname", name)?;
    write("/etc/hostname", &format!("{name}\n"))?;
    write(
        "/etc/hosts",
        &format!("127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {name}\n"),
    )?;
    for (key, value) in &node.sysctls {
        // In the dotted form a dash stands for nothing special, and the first level is `net`.
        write(format!("/proc/sys/{}", key.replace('.', "/")), value)?;
    }
    write("/entrypoint", node.image.entrypoint())?;
    fs::set_permissions("/entrypoint", fs::Permissions::from_mode(0o755)).map_err(|source| {
        NodeError::Write {
            path: "/entrypoint".into(),
            source,
        }
    })
}

fn write(path: impl AsRef<Path>, content: &str) -> Result<(), NodeError> {
    let path = path.as_ref();
    fs::write(path, content).map_err(|source| NodeError::Write {
        path: path.to_owned(),
        source,
    })
}

/// A small `/dev`, as containers have it.
fn devices(dev: &Path) -> Result<(), NodeError> {
    let failed = |path: &Path, source: io::Error| NodeError::Write {
        path: path.to_owned(),
        source,
    };
    mounts::memory(dev, 0o755)?;
    let read_write = Mode::from_bits_truncate(0o666);
    for (name, major, minor) in [
        ("null", 1, 3),
        ("zero", 1, 5),
        ("full", 1, 7),
        ("random", 1, 8),
        ("urandom", 1, 9),
        ("tty", 5, 0),
    ] {
        let path = dev.join(name);
        mknod(&path, SFlag::S_IFCHR, read_write, makedev(major, minor))
            .map_err(|errno| failed(&path, errno.into()))?;
        // The mode above is cut by the umask.
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666))
            .map_err(|source| failed(&path, source))?;
    }
    for (name, target) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        let path = dev.join(name);
        symlink(target, &path).map_err(|source| failed(&path, source))?;
    }
    let shm = dev.join("shm");
    mounts::folder(&shm)?;
    Ok(mounts::memory(&shm, 0o1777)?)
}

fn launch(
    node: &Arc<Running>,
    interfaces: &[InterfaceName],
    reaper: &Reaper,
) -> Result<(), NodeError> {
    let loopback = "link set dev lo up\n".to_owned();
    let others = interfaces
        .iter()
        .map(|name| format!("link set dev {name} up\n"));
    ip_batch(
        reaper,
        &std::iter::once(loopback).chain(others).collect::<String>(),
    )?;

    let mut words = match &node.spec.entrypoint {
        Some(words) => words.clone(),
        None => vec!["/entrypoint".to_owned()],
    };
    words.extend(node.spec.cmd.iter().cloned());
    let [program, arguments @ ..] = words.as_slice() else {
        return Ok(());
    };
    let log_failed = |source| NodeError::Write {
        path: LOG_FILE.into(),
        source,
    };
    let log = File::create(LOG_FILE).map_err(log_failed)?;
    let errors = log.try_clone().map_err(log_failed)?;
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env_clear()
        .envs(&node.environment)
        .current_dir("/");
    command.stdin(Stdio::null()).stdout(log).stderr(errors);
    node.set_phase(match node.spec.entrypoint {
        // Only our own images say when they are ready.
        Some(_) => Phase::Ready,
        None => Phase::Starting,
    });
    let (_, ended) = reaper
        .spawn(&mut command)
        .map_err(|source| NodeError::Start {
            program: program.clone(),
            source,
        })?;
    let node = node.clone();
    std::thread::spawn(move || {
        if let Ok(status) = ended.recv() {
            node.set_phase(Phase::Ended(shell_status(status)));
        }
    });
    Ok(())
}

/// Runs `ip -batch` with these lines; one process, however many lines.
pub(super) fn ip_batch(reaper: &Reaper, lines: &str) -> Result<(), NodeError> {
    let start = |source| NodeError::Start {
        program: "ip".to_owned(),
        source,
    };
    let mut command = Command::new("/usr/sbin/ip");
    command.args(["-batch", "-"]).env_clear();
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let (mut child, ended) = reaper.spawn(&mut command).map_err(start)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(lines.as_bytes()).map_err(start)?;
    }
    let mut complaint = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        io::Read::read_to_string(&mut stderr, &mut complaint).map_err(start)?;
    }
    match ended.recv() {
        Ok(status) if status.success() => Ok(()),
        _ => Err(NodeError::Ip(complaint.trim().to_owned())),
    }
}

fn await_ready(node: &Running, patience: Duration) -> Outcome {
    let begin = Instant::now();
    loop {
        let because = match node.current_phase() {
            Phase::Ready => return Outcome::Success,
            Phase::Prepared => "has not been started".to_owned(),
            Phase::Starting if begin.elapsed() < patience => {
                std::thread::sleep(Duration::from_millis(20));
                continue;
            }
            Phase::Starting => format!("is not ready after {} s", patience.as_secs()),
            Phase::Ended(status) => format!("ended with status {status}"),
            Phase::Lost(reason) => reason,
        };
        let log = fs::read_to_string(LOG_FILE).unwrap_or_default();
        return Outcome::Failure(format!(
            "the entry point {because}\n{}",
            super::tail(&log, 20)
        ));
    }
}
