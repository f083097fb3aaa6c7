//! The namespaces of one instance, and running commands in them.

use std::{
    fs::{self, File, Permissions},
    io::{BufRead, BufReader, Read},
    os::{
        fd::AsFd,
        unix::fs::{PermissionsExt, chown},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nix::sched::{CloneFlags, setns};

use crate::HarnessError;

/// How long the end of a namespace is waited for before it is forced.
const ENDED_WITHIN: Duration = Duration::from_secs(5);

/// Runs as the first process of the PID namespace, with the root's directory
/// and the instance's directory as arguments. Everything it mounts is private
/// and ends with it. The root itself is read-only below `root`.
const FIRST_PROCESS: &str = r#"
set -eu
root=$1 dir=$2
mount --bind "$root" "$dir/root"
mount -o remount,bind,ro "$dir/root"
mount -t proc proc "$dir/root/proc"
mount -t sysfs sysfs "$dir/root/sys"
mount -t tmpfs tmpfs "$dir/root/dev/shm"
mount -t tmpfs tmpfs "$dir/root/run"
mkdir "$dir/root/run/frr" "$dir/root/run/netns"
mount --bind "$dir/run" "$dir/root/run/frr"
mount --bind "$dir/etc" "$dir/root/etc/frr"
mount --bind "$dir/lib" "$dir/root/var/lib/frr"
mount --bind "$dir/tmp" "$dir/root/tmp"
mount --bind "$dir/tmp" "$dir/root/var/tmp"
cd "$dir/root"
exec chroot . /bin/sh -c 'ip link set lo up && echo ready && exec cat'
"#;

/// A network, mount and PID namespace, kept alive by its first process.
pub(crate) struct Namespace {
    holder: Child,
    /// The first process, as this process sees it.
    init: u32,
    net: File,
    root: PathBuf,
}

impl Namespace {
    /// Makes the directories of an instance in `dir` and the namespaces over them.
    pub(crate) fn new(root: &Path, dir: &Path) -> Result<Self, HarnessError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(HarnessError::NotRoot);
        }
        make_directories(root, dir)?;
        // `unshare` stays as the parent: its child is the first process of the
        // PID namespace, which lives as long as its standard input is open.
        let mut holder = Command::new("unshare")
            .args(["--net", "--mount", "--propagation", "private"])
            .args(["--pid", "--fork", "--kill-child", "--"])
            .args(["sh", "-c", FIRST_PROCESS, "sh"])
            .args([root, dir])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(HarnessError::system("run unshare (package util-linux)"))?;
        if let Err(output) = wait_until_ready(&mut holder) {
            // It has ended, or is of no use: there is nothing left to save.
            let _ = holder.kill();
            let _ = holder.wait();
            return Err(HarnessError::Namespaces { output });
        }
        let init = child_of(holder.id())?;
        let net = File::open(format!("/proc/{init}/ns/net"))
            .map_err(HarnessError::system("open the network namespace"))?;
        Ok(Self {
            holder,
            init,
            net,
            root: root.to_owned(),
        })
    }

    /// The first process, as this process sees it.
    pub(crate) fn init(&self) -> u32 {
        self.init
    }

    /// The network namespace.
    pub(crate) fn net(&self) -> &File {
        &self.net
    }

    /// A command that runs in all the namespaces, in the root.
    pub(crate) fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new("sh");
        command
            // Tests kill daemons on purpose; nobody wants their cores.
            .args(["-c", "ulimit -c 0; exec nsenter \"$@\"", "sh"])
            .args(["--target", &self.init.to_string()])
            .args(["--net", "--mount", "--pid", "--root", "--"])
            .args(line)
            .stdin(Stdio::null());
        command
    }

    /// A command of the root that runs in the network namespace, but beside
    /// this process's own `/proc`, so that it can name the processes there.
    pub(crate) fn net_command(&self, line: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{}/ns/net", self.init))
            .args(["--", "unshare", "--mount", "--propagation", "private", "--"])
            .args([
                "sh",
                "-c",
                "mount --bind /proc \"$1/proc\" && exec chroot \"$@\"",
                "sh",
            ])
            .arg(&self.root)
            .args(line)
            .stdin(Stdio::null());
        command
    }

    /// Runs a closure on a thread of its own in the network namespace. The
    /// thread ends with the closure: no thread that lives on has moved.
    pub(crate) fn within<T: Send>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send,
    ) -> std::io::Result<T> {
        thread::scope(|scope| {
            scope
                .spawn(|| {
                    setns(self.net.as_fd(), CloneFlags::CLONE_NEWNET)?;
                    work()
                })
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The end of the pipe ends the first process, the kernel kills all
        // others with it, and `unshare` ends when it has reaped the first.
        drop(self.holder.stdin.take());
        let deadline = Instant::now() + ENDED_WITHIN;
        while Instant::now() < deadline {
            match self.holder.try_wait() {
                Ok(None) => thread::sleep(Duration::from_millis(1)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// The only child of a process that has just one.
pub(crate) fn child_of(parent: u32) -> Result<u32, HarnessError> {
    let path = format!("/proc/{parent}/task/{parent}/children");
    let children =
        fs::read_to_string(&path).map_err(HarnessError::system(format!("read {path}")))?;
    children
        .split_ascii_whitespace()
        .next()
        .and_then(|pid| pid.parse().ok())
        .ok_or_else(|| HarnessError::System {
            action: format!("find the child of process {parent}"),
            source: std::io::ErrorKind::NotFound.into(),
        })
}

/// Makes what is mounted over the root's own directories, as FRR's user needs it.
fn make_directories(root: &Path, dir: &Path) -> Result<(), HarnessError> {
    let (uid, gid) = frr_user(root)?;
    for name in ["root", "run", "etc", "lib", "tmp", "log"] {
        let path = dir.join(name);
        let failed = || HarnessError::system(format!("make {}", path.display()));
        fs::create_dir(&path).map_err(failed())?;
        let mode = if name == "tmp" { 0o1777 } else { 0o755 };
        fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed())?;
        if ["run", "etc", "lib"].contains(&name) {
            chown(&path, Some(uid), Some(gid)).map_err(failed())?;
        }
    }
    for name in ["vtysh.conf", "frr.conf"] {
        let path = dir.join("etc").join(name);
        fs::write(&path, "service integrated-vtysh-config\n")
            .and_then(|()| chown(&path, Some(uid), Some(gid)))
            .map_err(HarnessError::system(format!("write {}", path.display())))?;
    }
    Ok(())
}

/// The user and group numbers of the root's user `frr`.
fn frr_user(root: &Path) -> Result<(u32, u32), HarnessError> {
    let path = root.join("etc/passwd");
    let text = fs::read_to_string(&path).unwrap_or_default();
    text.lines()
        .map(|line| line.split(':').collect::<Vec<_>>())
        .find_map(|fields| match fields.as_slice() {
            ["frr", _, uid, gid, ..] => Some((uid.parse().ok()?, gid.parse().ok()?)),
            _ => None,
        })
        .ok_or(HarnessError::NoFrrUser { path })
}

/// Waits for the line that the first process writes when all is mounted.
/// What it wrote instead is the error.
fn wait_until_ready(holder: &mut Child) -> Result<(), String> {
    let mut line = String::new();
    if let Some(stdout) = holder.stdout.take() {
        let _ = BufReader::new(stdout).read_line(&mut line);
    }
    if line == "ready\n" {
        return Ok(());
    }
    let _ = holder.kill();
    if let Some(mut stderr) = holder.stderr.take() {
        let _ = stderr.read_to_string(&mut line);
    }
    Err(line)
}
