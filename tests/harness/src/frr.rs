//! One router made of real daemons.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::{
        fd::{AsFd, BorrowedFd},
        unix::process::ExitStatusExt,
    },
    path::{Path, PathBuf},
    process::{Child, ExitStatus, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

use crate::{
    Daemon, HarnessError, Options, VtyAnswer, frr_root,
    namespace::{Namespace, child_of},
    vty::Vty,
};

/// How long a daemon may take until it answers on its vty socket. It takes a
/// tenth of a second; a machine that is busy with other builds takes longer.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// How long a vty may take over one answer.
const VTY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the end of a daemon that was killed is waited for.
const REAPED_WITHIN: Duration = Duration::from_secs(5);

/// How often a state is looked at that nobody announces.
const POLL: Duration = Duration::from_millis(5);

/// One router: its namespaces and its daemons. All of it ends when it is dropped.
///
/// Methods take `&self`, so that an instance can be shared by the tasks of a test.
pub struct Frr {
    options: Options,
    daemons: Mutex<BTreeMap<Daemon, Child>>,
    // Fields drop in this order: first the processes, then their directory.
    namespace: Namespace,
    dir: TempDir,
}

impl Frr {
    /// Makes the namespaces, starts the daemons, and returns when each of them
    /// answers on its vty socket.
    ///
    /// # Errors
    ///
    /// Says what to do when there is no root or too little privilege, and
    /// carries the log of a daemon that does not become ready.
    pub fn start(options: Options) -> Result<Self, HarnessError> {
        let root = frr_root()?;
        let dir = tempfile::Builder::new()
            .prefix("perouter-frr-")
            .tempdir()
            .map_err(HarnessError::system("make a temporary directory"))?;
        let namespace = Namespace::new(&root, dir.path())?;
        let frr = Self {
            options,
            daemons: Mutex::default(),
            namespace,
            dir,
        };
        // The others connect to these two when they start, and wait for
        // seconds before they try again: so these two come first.
        let (first, rest): (Vec<_>, Vec<_>) = (frr.options.daemons.iter().copied())
            .partition(|daemon| matches!(daemon, Daemon::Mgmtd | Daemon::Zebra));
        for group in [first, rest] {
            for daemon in &group {
                frr.spawn(*daemon)?;
            }
            for daemon in &group {
                frr.wait_ready(*daemon)?;
            }
        }
        frr.wait_synchronized()?;
        Ok(frr)
    }

    /// The directory of the vty sockets, as the test sees it: `<dir>/bgpd.vty`.
    #[must_use]
    pub fn vty_dir(&self) -> PathBuf {
        self.dir.path().join("run")
    }

    /// The vty socket of one daemon.
    #[must_use]
    pub fn vty_socket(&self, daemon: Daemon) -> PathBuf {
        self.vty_dir().join(format!("{daemon}.vty"))
    }

    /// The network namespace, as a path that any process of this machine can
    /// open for as long as the instance lives.
    #[must_use]
    pub fn netns_path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.namespace.init()))
    }

    /// The network namespace, as a descriptor.
    #[must_use]
    pub fn netns_fd(&self) -> BorrowedFd<'_> {
        self.namespace.net().as_fd()
    }

    /// A process in the instance's namespaces, for `nsenter --target`.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.namespace.init()
    }

    /// A TCP connection to this port of the instance's loopback address.
    ///
    /// # Errors
    ///
    /// What the kernel says when nobody listens there.
    pub fn grpc_connect(&self, port: u16) -> std::io::Result<TcpStream> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        self.namespace.within(move || TcpStream::connect(address))
    }

    /// Runs a closure on a thread of its own inside the network namespace.
    ///
    /// # Errors
    ///
    /// What entering the namespace or the closure returned.
    pub fn within<T: Send>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send,
    ) -> std::io::Result<T> {
        self.namespace.within(work)
    }

    /// Runs a command in the instance's namespaces and returns what it wrote,
    /// whatever its status.
    ///
    /// # Errors
    ///
    /// Only when it cannot be run at all.
    pub fn output(&self, command: &[&str]) -> Result<Output, HarnessError> {
        (self.namespace.command(command).output())
            .map_err(HarnessError::system(format!("run `{}`", command.join(" "))))
    }

    /// Runs a command in the instance's namespaces and returns what it wrote
    /// to its standard output.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] when it ends with another status than 0.
    pub fn exec(&self, command: &[&str]) -> Result<String, HarnessError> {
        checked(command, &self.output(command)?)
    }

    /// A command that will run in the instance's namespaces, for a test that
    /// needs more than its output.
    #[must_use]
    pub fn command(&self, command: &[&str]) -> std::process::Command {
        self.namespace.command(command)
    }

    /// Like [`Frr::exec`], but only the network namespace is the instance's, so
    /// that processes can be named by their numbers outside.
    pub(crate) fn net_exec(&self, command: &[&str]) -> Result<String, HarnessError> {
        let output = (self.namespace.net_command(command).output())
            .map_err(HarnessError::system(format!("run `{}`", command.join(" "))))?;
        checked(command, &output)
    }

    /// Gives commands to vtysh, one `-c` each, and returns what it printed.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Command`] when vtysh ends with another status than 0.
    pub fn vtysh(&self, commands: &[&str]) -> Result<String, HarnessError> {
        let mut line = vec!["vtysh"];
        for command in commands {
            line.extend(["-c", command]);
        }
        self.exec(&line)
    }

    /// Gives commands to one daemon over one connection to its vty socket, and
    /// returns the text of all answers.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Vty`] at the first command that is answered with an
    /// error. A warning (status 1) is none.
    pub fn vty(&self, daemon: Daemon, commands: &[&str]) -> Result<String, HarnessError> {
        let answers = self.vty_answers(daemon, commands)?;
        let mut text = String::new();
        for (command, answer) in commands.iter().zip(answers) {
            if answer.status > 1 {
                let VtyAnswer { status, text } = answer;
                return Err(HarnessError::Vty {
                    daemon,
                    command: (*command).to_owned(),
                    status,
                    text,
                });
            }
            text.push_str(&answer.text);
        }
        Ok(text)
    }

    /// Gives commands to one daemon over one connection to its vty socket, and
    /// returns every answer, refusals too.
    ///
    /// # Errors
    ///
    /// When the connection fails or the daemon takes longer than ten seconds.
    pub fn vty_answers(
        &self,
        daemon: Daemon,
        commands: &[&str],
    ) -> Result<Vec<VtyAnswer>, HarnessError> {
        let failed = || HarnessError::system(format!("talk to the vty of {daemon}"));
        let mut vty = Vty::connect(&self.vty_socket(daemon), VTY_TIMEOUT).map_err(failed())?;
        commands
            .iter()
            .map(|command| vty.command(command).map_err(failed()))
            .collect()
    }

    /// Kills one daemon with SIGKILL and returns when it is gone.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NotRunning`] when it is not running.
    pub fn kill(&self, daemon: Daemon) -> Result<(), HarnessError> {
        self.signal(daemon, Signal::SIGKILL)?;
        let mut daemons = self.lock();
        if let Some(mut child) = daemons.remove(&daemon) {
            reap(&mut child).map_err(HarnessError::system(format!("wait for {daemon}")))?;
        }
        Ok(())
    }

    /// Sends one daemon a signal: SIGSTOP makes one that hangs, SIGTERM one
    /// that ends in good order.
    ///
    /// # Errors
    ///
    /// [`HarnessError::NotRunning`] when it is not running.
    pub fn signal(&self, daemon: Daemon, signal: Signal) -> Result<(), HarnessError> {
        if !self.alive(daemon) {
            return Err(HarnessError::NotRunning { daemon });
        }
        let pid = match self.lock().get(&daemon) {
            Some(nsenter) => child_of(nsenter.id())?,
            None => return Err(HarnessError::NotRunning { daemon }),
        };
        kill(Pid::from_raw(pid.cast_signed()), signal)
            .map_err(|errno| HarnessError::system(format!("signal {daemon}"))(errno.into()))
    }

    /// Whether one daemon is running now. One that is just dying still is: see
    /// [`Frr::ended_within`].
    #[must_use]
    pub fn alive(&self, daemon: Daemon) -> bool {
        (self.lock().get_mut(&daemon)).is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// How one daemon ended, if it does so within this time. A daemon that
    /// crashed ended by a signal.
    #[must_use]
    pub fn ended_within(&self, daemon: Daemon, time: Duration) -> Option<ExitStatus> {
        let deadline = Instant::now() + time;
        loop {
            let status = self.lock().get_mut(&daemon)?.try_wait().ok().flatten();
            if status.is_some() || Instant::now() >= deadline {
                return status;
            }
            thread::sleep(POLL);
        }
    }

    /// Starts one daemon that is not running, with the options it had, and
    /// returns when it answers and has what mgmtd knows of its configuration.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Running`] when it is running already.
    pub fn start_daemon(&self, daemon: Daemon) -> Result<(), HarnessError> {
        if self.alive(daemon) {
            return Err(HarnessError::Running { daemon });
        }
        self.spawn(daemon)?;
        self.wait_ready(daemon)?;
        self.wait_synchronized()
    }

    /// Starts one daemon as [`Frr::start_daemon`] does, but returns as soon as
    /// it answers, perhaps before mgmtd has sent it its configuration.
    ///
    /// # Errors
    ///
    /// [`HarnessError::Running`] when it is running already.
    pub fn start_daemon_unsynchronized(&self, daemon: Daemon) -> Result<(), HarnessError> {
        if self.alive(daemon) {
            return Err(HarnessError::Running { daemon });
        }
        self.spawn(daemon)?;
        self.wait_ready(daemon)
    }

    /// What one daemon wrote since its first start.
    #[must_use]
    pub fn log(&self, daemon: Daemon) -> String {
        let bytes = fs::read(self.log_path(daemon)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// What all daemons wrote, one after the other.
    #[must_use]
    pub fn logs(&self) -> String {
        (self.options.daemons.iter())
            .map(|daemon| format!("== {daemon}\n{}", self.log(*daemon)))
            .collect()
    }

    /// A directory of the instance that its daemons see as `/tmp`.
    #[must_use]
    pub fn tmp_dir(&self) -> PathBuf {
        self.dir.path().join("tmp")
    }

    fn log_path(&self, daemon: Daemon) -> PathBuf {
        self.dir.path().join("log").join(format!("{daemon}.log"))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Daemon, Child>> {
        // A test that failed elsewhere does not make the map wrong.
        self.daemons.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn spawn(&self, daemon: Daemon) -> Result<(), HarnessError> {
        // A socket of a killed predecessor would look like one that is ready.
        let socket = self.vty_socket(daemon);
        if socket.exists() {
            fs::remove_file(&socket)
                .map_err(HarnessError::system(format!("remove {}", socket.display())))?;
        }
        let line = self.options.command(daemon);
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        let failed = || HarnessError::system(format!("start {daemon}"));
        let log = open_log(&self.log_path(daemon)).map_err(failed())?;
        let child = (self.namespace.command(&line))
            .stdout(Stdio::from(log.try_clone().map_err(failed())?))
            .stderr(Stdio::from(log))
            .spawn()
            .map_err(failed())?;
        self.lock().insert(daemon, child);
        Ok(())
    }

    fn wait_ready(&self, daemon: Daemon) -> Result<(), HarnessError> {
        let deadline = Instant::now() + READY_WITHIN;
        let socket = self.vty_socket(daemon);
        let what = loop {
            if Vty::connect(&socket, VTY_TIMEOUT).is_ok() && self.grpc_ready(daemon) {
                return Ok(());
            }
            if let Some(status) = self.ended_within(daemon, Duration::ZERO) {
                break match status.signal() {
                    Some(signal) => format!("was killed by signal {signal}"),
                    None => format!("ended with {status}"),
                };
            }
            if Instant::now() >= deadline {
                break format!("does not answer within {} s", READY_WITHIN.as_secs());
            }
            thread::sleep(POLL);
        };
        Err(HarnessError::NotReady {
            daemon,
            what,
            log: self.log(daemon),
        })
    }

    /// Waits until mgmtd has sent every daemon behind it the configuration that
    /// it knows, a tenth of a second after that daemon connects to it. What the
    /// daemon is told by another way before is erased.
    fn wait_synchronized(&self) -> Result<(), HarnessError> {
        if !self.alive(Daemon::Mgmtd) {
            return Ok(());
        }
        let behind = [Daemon::Zebra, Daemon::Staticd];
        let behind: Vec<_> = behind
            .into_iter()
            .filter(|daemon| self.alive(*daemon))
            .collect();
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            let shown = self.vty(Daemon::Mgmtd, &["show mgmt backend-adapter all"])?;
            let under_way = self.vty(Daemon::Mgmtd, &["show mgmt transaction all"])?;
            let late = behind
                .iter()
                .find(|daemon| !is_synchronized(&shown, **daemon));
            let daemon = match late {
                Some(daemon) => daemon,
                None if under_way.contains("Total: 0") => return Ok(()),
                None => &Daemon::Mgmtd,
            };
            if Instant::now() >= deadline {
                let what =
                    format!("has no configuration of mgmtd's, which says:\n{shown}{under_way}");
                return Err(HarnessError::NotReady {
                    daemon: *daemon,
                    what,
                    log: self.log(*daemon),
                });
            }
            thread::sleep(POLL);
        }
    }

    /// Whether the daemon serves gRPC, if it is to.
    fn grpc_ready(&self, daemon: Daemon) -> bool {
        !self.options.grpc.contains(&daemon) || self.grpc_connect(daemon.grpc_port()).is_ok()
    }
}

impl Drop for Frr {
    fn drop(&mut self) {
        let mut daemons = std::mem::take(&mut *self.lock());
        // The end of the namespace would kill the daemons as well, but takes a
        // second to; `nsenter` ends with its daemon.
        for child in daemons.values_mut() {
            match child_of(child.id()) {
                Ok(pid) => drop(kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL)),
                Err(_) => drop(child.kill()),
            }
        }
        for child in daemons.values_mut() {
            let _ = reap(child);
        }
    }
}

/// Waits for the `nsenter` of a daemon that was killed. It stops itself when its
/// daemon is stopped and does not go on with it, so it is told to until it has
/// ended.
fn reap(nsenter: &mut Child) -> std::io::Result<ExitStatus> {
    let deadline = Instant::now() + REAPED_WITHIN;
    while Instant::now() < deadline {
        if let Some(status) = nsenter.try_wait()? {
            return Ok(status);
        }
        let _ = kill(Pid::from_raw(nsenter.id().cast_signed()), Signal::SIGCONT);
        thread::sleep(Duration::from_millis(1));
    }
    nsenter.kill()?;
    nsenter.wait()
}

/// Whether mgmtd's list of those behind it says that this one was sent more
/// than the greeting, which is one message; the configuration is several, even
/// when it is empty.
fn is_synchronized(shown: &str, daemon: Daemon) -> bool {
    let mut lines = shown.lines().map(str::trim);
    let value = |line: &str, key: &str| line.strip_prefix(key).map(|rest| rest.trim().to_owned());
    lines.any(|line| value(line, "Client:").is_some_and(|name| name == daemon.name()))
        && lines
            .find_map(|line| value(line, "Msg-Sent:"))
            .and_then(|sent| sent.parse::<u32>().ok())
            .is_some_and(|sent| sent > 1)
}

fn open_log(path: &Path) -> std::io::Result<File> {
    File::options().create(true).append(true).open(path)
}

/// What a command printed, or how it failed.
fn checked(command: &[&str], output: &Output) -> Result<String, HarnessError> {
    let text = String::from_utf8_lossy(&output.stdout);
    if output.status.success() {
        return Ok(text.into_owned());
    }
    Err(HarnessError::Command {
        command: command.join(" "),
        status: output.status,
        output: format!("{text}{}", String::from_utf8_lossy(&output.stderr)),
    })
}
