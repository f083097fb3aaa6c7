//! A lab under test: a copy of a topology under a name of its own, so that labs of other tests
//! and of people do not collide with it.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use perouter::lab::checks::{self, CheckError, Checks};
use perouter::lab::topology::Topology;
use tempfile::TempDir;

/// Which kernel a test wants.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Backend {
    /// The host's, which need not have VRFs.
    Native,
    /// User Mode Linux.
    Uml,
    /// Whichever has VRFs.
    Auto,
}

impl Backend {
    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Uml => "uml",
            Self::Auto => "auto",
        }
    }
}

/// A topology of a test's own, whether its lab is up or not.
pub(crate) struct Lab {
    /// The lab's name.
    pub(crate) name: String,
    /// Its topology file.
    pub(crate) topology: PathBuf,
    backend: Backend,
    _folder: TempDir,
}

/// `perouter lab` with these arguments.
pub(crate) fn perouter(arguments: &[&str]) -> Command {
    assert!(
        nix::unistd::geteuid().is_root(),
        "labs need root: run the tests as root"
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_perouter"));
    command.arg("lab").args(arguments).stdin(Stdio::null());
    command
}

/// Prints the findings that an error of the checks brings, for the error itself is one line.
fn explained<T>(checked: Result<T, CheckError>) -> Result<T, CheckError> {
    if let Err(CheckError::NotReady { findings, .. } | CheckError::NotGood { findings, .. }) =
        &checked
    {
        eprintln!("{findings}");
    }
    checked
}

/// What a command put out, for messages and comparisons.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Lab {
    /// A copy of the topology `topology` of the folder `containerlab`.
    pub(crate) fn new(topology: &str, backend: Backend) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("containerlab");
        let folder = tempfile::tempdir().unwrap();
        let file = format!("{topology}.clab.yml");
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{topology}-{}-{count}", std::process::id());
        copy(&source.join(topology), &folder.path().join(topology));
        let original = fs::read_to_string(source.join(&file)).unwrap();
        let renamed = original.replace(&format!("name: {topology}\n"), &format!("name: {name}\n"));
        assert_ne!(original, renamed, "{file} is not named {topology}");
        let path = folder.path().join(&file);
        fs::write(&path, renamed).unwrap();
        Self {
            name,
            topology: path,
            backend,
            _folder: folder,
        }
    }

    /// Changes the copied file at `path`, relative to the topology's folder.
    pub(crate) fn edit(&self, path: &str, edit: impl FnOnce(String) -> String) {
        let path = self.topology.parent().unwrap().join(path);
        let content = fs::read_to_string(&path).unwrap();
        let edited = edit(content.clone());
        assert_ne!(
            content,
            edited,
            "{}: the edit changes nothing",
            path.display()
        );
        fs::write(&path, edited).unwrap();
    }

    /// Changes the topology file itself.
    pub(crate) fn edit_topology(&self, edit: impl FnOnce(String) -> String) {
        self.edit(&self.topology.file_name().unwrap().to_string_lossy(), edit);
    }

    fn starting(&self, command: &str) -> Command {
        perouter(&[
            command,
            &self.topology.to_string_lossy(),
            "--backend",
            self.backend.name(),
        ])
    }

    /// Starts the lab, which must come up.
    pub(crate) fn up(&self) {
        let output = self.try_up();
        assert!(output.status.success(), "up: {}", text(&output.stderr));
    }

    /// Tries to start the lab.
    pub(crate) fn try_up(&self) -> Output {
        self.starting("up").output().unwrap()
    }

    /// `perouter lab test`, to its end.
    pub(crate) fn test(&self) -> Output {
        self.starting("test").output().unwrap()
    }

    /// What `perouter lab test` checks, in this lab, which is up.
    pub(crate) fn check(&self) {
        let topology = Topology::read(&self.topology).unwrap();
        let checks = Checks::read(&self.topology, &topology).unwrap();
        let limit = Duration::from_secs(120);
        let ready = || explained(checks::await_ready(&topology, limit, |_| ())).unwrap();
        ready();
        let pings = checks::pings(&topology, &checks, limit, |_| ()).unwrap();
        assert_eq!(pings.failed, 0, "{}", pings.table);
        // Routes that came after the first look count too.
        ready();
        explained(checks::verified(&topology)).unwrap();
    }

    /// `perouter lab up` or `test`, under way.
    pub(crate) fn begin(&self, command: &str) -> Child {
        let mut command = self.starting(command);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    /// Runs a command in a node.
    pub(crate) fn exec(&self, node: &str, command: &[&str]) -> Output {
        let arguments = [&["exec", &self.name, node], command].concat();
        perouter(&arguments).output().unwrap()
    }

    /// Runs a command in a node, with something to read.
    pub(crate) fn exec_with_input(&self, node: &str, command: &[&str], input: &[u8]) -> Output {
        let arguments = [&["exec", &self.name, node], command].concat();
        let mut command = perouter(&arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let input = input.to_vec();
        let writer = thread::spawn(move || stdin.write_all(&input));
        let output = child.wait_with_output().unwrap();
        writer.join().unwrap().unwrap();
        output
    }

    /// Takes the lab down, which must be up.
    pub(crate) fn down(&self) {
        let output = perouter(&["down", &self.name]).output().unwrap();
        assert!(output.status.success(), "down: {}", text(&output.stderr));
    }

    /// Where the runner keeps what belongs to this lab.
    pub(crate) fn folder(&self) -> PathBuf {
        Path::new("/run/perouter-lab").join(&self.name)
    }

    /// Waits until the lab has begun to build, and returns its processes.
    pub(crate) fn await_begin(&self) -> Processes {
        wait_for("the lab begins", || {
            let processes = Processes::of(self);
            // The supervisor, the janitor, the cell, and something in it.
            (processes.ids.len() >= 4).then_some(processes)
        })
    }

    /// Demands that nothing of the lab is left, or will be within a few seconds.
    pub(crate) fn assert_gone(&self, processes: &Processes) {
        wait_for(&format!("nothing of {} is left", self.name), || {
            let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
            let left = Processes::of(self).ids.len() + processes.alive().len();
            let gone = left == 0 && !self.folder().exists() && !mounts.contains(&self.name);
            gone.then_some(())
        });
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.folder().exists() {
            // A failed test leaves it up; if it went away just now, that is as good.
            let _ = perouter(&["down", &self.name]).output();
        }
    }
}

/// Waits, at most 20 s, until `done` gives something.
pub(crate) fn wait_for<T>(what: &str, done: impl FnMut() -> Option<T>) -> T {
    wait_within(Duration::from_secs(20), what, done)
}

/// Waits, at most as long as told, until `done` gives something.
pub(crate) fn wait_within<T>(
    limit: Duration,
    what: &str,
    mut done: impl FnMut() -> Option<T>,
) -> T {
    let begin = Instant::now();
    loop {
        if let Some(result) = done() {
            return result;
        }
        assert!(begin.elapsed() < limit, "waited {limit:?} until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Processes of a lab on the host: each its number and the time of its start, which together
/// are never used again.
#[derive(Debug)]
pub(crate) struct Processes {
    ids: BTreeSet<(u32, String)>,
    /// The supervisor's number.
    pub(crate) supervisor: u32,
}

/// A process's parent and the time of its start.
fn parent_and_start(pid: u32) -> Option<(u32, String)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may contain anything.
    let (_, fields) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = fields.split(' ').collect();
    Some((fields.get(1)?.parse().ok()?, fields.get(19)?.to_string()))
}

fn all() -> Vec<u32> {
    let entries = fs::read_dir("/proc").unwrap().map_while(Result::ok);
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

impl Processes {
    /// The lab's supervisor and everything below it, as of now.
    fn of(lab: &Lab) -> Self {
        let folder = lab.folder().to_string_lossy().into_owned();
        let is_janitor = |pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
            words.contains(&&b"janitor"[..]) && words.contains(&folder.as_bytes())
        };
        let pids = all();
        let mut ids = BTreeSet::new();
        let Some((janitor, (parent, start))) = pids
            .iter()
            .copied()
            .filter(is_janitor)
            .find_map(|pid| Some((pid, parent_and_start(pid)?)))
        else {
            return Self { ids, supervisor: 0 };
        };
        ids.insert((janitor, start));
        if let Some((_, start)) = parent_and_start(parent).filter(|_| parent > 1) {
            ids.insert((parent, start));
        }
        loop {
            let before = ids.len();
            for (pid, (parent, start)) in pids
                .iter()
                .filter_map(|pid| Some((*pid, parent_and_start(*pid)?)))
            {
                if ids.iter().any(|(known, _)| *known == parent && parent > 1) {
                    ids.insert((pid, start));
                }
            }
            if ids.len() == before {
                return Self {
                    ids,
                    supervisor: parent,
                };
            }
        }
    }

    /// Those that still run.
    fn alive(&self) -> Vec<u32> {
        let same = |(pid, start): &&(u32, String)| {
            parent_and_start(*pid).is_some_and(|(_, now)| now == *start)
        };
        self.ids.iter().filter(same).map(|(pid, _)| *pid).collect()
    }
}
