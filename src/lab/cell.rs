//! The janitor and the cell: what holds a lab on the host, and lets it go.
//!
//! The janitor is a process that waits for two things, the end of the supervisor and the end of
//! the cell. Whichever comes first, the cell is killed and the lab's folder removed. It holds
//! the lab's lock (its standard output) until then, so that a lab of the same name cannot start
//! in between.
//!
//! The cell is process 1 of a PID namespace, so that its end is the end of everything in the
//! lab; its mounts are its own. Its root is the lab's root file system, read-only, with
//!
//! ```text
//!  /mnt/perouter            this program
//!  /mnt/bind/NODE/NUMBER    what the host binds into nodes
//!  /proc /dev /tmp          for User Mode Linux, which is a program like any other here
//! ```

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::guest::{self, GuestError};
use super::mounts::{self, MountError};
use super::node::{bind_place, executable_place};
use super::plan::{Kernel, Plan};
use super::topology::Access;

/// The name of the plan in the lab's folder.
pub const PLAN_FILE: &str = "plan.json";

/// Completes register state for User Mode Linux where the processor has more of it than the
/// packaged version knows; part of the root file system.
const REGISTER_SHIM: &str = "/usr/lib/perouter-lab/uml-xstate.so";

/// Why a cell cannot be made or served.
#[derive(Debug, thiserror::Error)]
pub enum CellError {
    /// The namespaces cannot be made.
    #[error("cannot make namespaces")]
    Namespaces(#[source] nix::Error),
    /// A process cannot be started or waited for.
    #[error("cannot start {program}")]
    Start {
        /// The program.
        program: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// A mount failed.
    #[error(transparent)]
    Mount(#[from] MountError),
    /// The plan cannot be read.
    #[error("cannot read the plan")]
    Plan(#[source] io::Error),
    /// The guest failed.
    #[error("guest")]
    Guest(#[from] GuestError),
    /// User Mode Linux failed.
    #[error("User Mode Linux ended: {0}")]
    UserMode(ExitStatus),
    /// The supervisor cannot be watched.
    #[error("cannot watch the supervisor")]
    Watch(#[source] nix::Error),
}

/// Runs the janitor for the lab whose folder is `folder`.
///
/// # Errors
/// When the cell cannot be started; its own failure is only in the lab's log.
pub fn janitor(folder: &Path) -> Result<(), CellError> {
    let (pid_sender, pid_receiver) = std::sync::mpsc::channel();
    let of_cell = folder.to_owned();
    let starter = thread::spawn(move || -> Result<ExitStatus, CellError> {
        // This thread, not the process, gets the namespaces, so that the process can go on
        // making threads; and it stays until the end, since the cell dies with it.
        unshare(
            CloneFlags::CLONE_NEWNS
                | CloneFlags::CLONE_NEWPID
                | CloneFlags::CLONE_NEWNET
                | CloneFlags::CLONE_NEWUTS
                | CloneFlags::CLONE_NEWIPC,
        )
        .map_err(CellError::Namespaces)?;
        let started = |source| CellError::Start {
            program: "the cell".to_owned(),
            source,
        };
        let mut command = Command::new("/proc/self/exe");
        command
            .arg0("perouter")
            .args(["lab", "cell"])
            .arg(&of_cell)
            .stdout(Stdio::null());
        let mut cell = command.spawn().map_err(started)?;
        // Nobody listens when the other thread has ended, and so has the process.
        let _ = pid_sender.send(Pid::from_raw(cell.id().cast_signed()));
        cell.wait().map_err(started)
    });
    let watcher = thread::spawn(move || -> Result<(), CellError> {
        await_hangup().map_err(CellError::Watch)?;
        if let Ok(pid) = pid_receiver.recv() {
            // It may have ended by itself.
            let _ = kill(pid, Signal::SIGKILL);
        }
        Ok(())
    });
    let ended = starter.join();
    // Only now is everything that could use the folder gone.
    let _ = std::fs::remove_dir_all(folder);
    if watcher.is_finished()
        && let Ok(Err(error)) = watcher.join()
    {
        return Err(error);
    }
    match ended {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(CellError::Start {
            program: "the cell".to_owned(),
            source: io::Error::other("the thread that starts it died"),
        }),
    }
}

/// Waits until the other end of the standard input is closed; reads nothing from it.
fn await_hangup() -> nix::Result<()> {
    let stdin = io::stdin();
    loop {
        let mut line = [PollFd::new(stdin.as_fd(), PollFlags::empty())];
        match poll(&mut line, PollTimeout::NONE) {
            Ok(_) | Err(nix::errno::Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
        let over = PollFlags::POLLHUP | PollFlags::POLLERR | PollFlags::POLLNVAL;
        if line
            .iter()
            .filter_map(PollFd::revents)
            .any(|events| events.intersects(over))
        {
            return Ok(());
        }
    }
}

/// Runs the cell for the lab whose folder is `folder`: process 1 of its PID namespace.
///
/// # Errors
/// When the cell cannot be made, or what runs in it fails.
pub fn main(folder: &Path) -> Result<(), CellError> {
    // The janitor waits for the supervisor; should it be killed itself, this dies too.
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(CellError::Namespaces)?;
    let plan = std::fs::read(folder.join(PLAN_FILE)).map_err(CellError::Plan)?;
    let plan: Plan =
        serde_json::from_slice(&plan).map_err(|error| CellError::Plan(error.into()))?;
    enclose(&plan, &folder.join("root"))?;
    match plan.kernel {
        Kernel::Native => Ok(guest::main(Kernel::Native)?),
        Kernel::UserMode => user_mode_linux(&plan),
    }
}

fn enclose(plan: &Plan, root: &Path) -> Result<(), MountError> {
    mounts::keep_private()?;
    mounts::folder(root)?;
    mounts::bind(&plan.root, root)?;
    mounts::read_only(root)?;
    let inside = |path: &Path| -> PathBuf { root.join(path.strip_prefix("/").unwrap_or(path)) };
    mounts::memory(&root.join("mnt"), 0o755)?;
    mounts::bind(&plan.executable, &inside(&executable_place()))?;
    for node in &plan.topology.nodes {
        for (number, bind) in node.binds.iter().enumerate() {
            let place = inside(&bind_place(node, number));
            mounts::bind(&bind.source, &place)?;
            match bind.access {
                Access::ReadOnly => mounts::read_only(&place)?,
                Access::ReadWrite => {}
            }
        }
    }
    mounts::kernel("proc", &root.join("proc"))?;
    mounts::bind(Path::new("/dev"), &root.join("dev"))?;
    // The memory of User Mode Linux is a file here, which must be executable.
    mounts::memory(&root.join("tmp"), 0o1777)?;
    mounts::change_root(root)
}

/// Boots User Mode Linux with the guest as its first process, and waits for its end. Words that
/// the kernel does not know become that process's arguments; it adds words of its own after
/// them, so there can be no `--`. The
/// standard input, the line to the supervisor, is its first serial line; its console is the
/// standard error.
fn user_mode_linux(plan: &Plan) -> Result<(), CellError> {
    let program = "/usr/bin/linux.uml";
    let start = |source| CellError::Start {
        program: program.to_owned(),
        source,
    };
    let console: OwnedFd = io::stderr().as_fd().try_clone_to_owned().map_err(start)?;
    let mut command = Command::new(program);
    command
        .arg(format!("mem={}M", plan.memory_mib))
        .args(["uml_dir=/tmp/", "umid=lab"])
        .args(["rootfstype=hostfs", "rootflags=/", "ro", "quiet"])
        .args(["con=null", "con0=null,fd:1", "ssl=null", "ssl0=fd:0"])
        .arg(format!("init={}", executable_place().display()))
        .args(["lab", "guest"])
        .env_clear()
        .env("HOME", "/tmp")
        .env("TMPDIR", "/tmp")
        .env("PATH", "/usr/sbin:/usr/bin")
        .stdin(Stdio::inherit())
        .stdout(Stdio::from(console));
    if Path::new(REGISTER_SHIM).exists() {
        command.env("LD_PRELOAD", REGISTER_SHIM);
    }
    let status = command
        .spawn()
        .and_then(|mut child| child.wait())
        .map_err(start)?;
    if status.success() {
        Ok(())
    } else {
        Err(CellError::UserMode(status))
    }
}
