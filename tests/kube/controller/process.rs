//! A controller as a program of its own, and how one waits for what it does.

use std::fmt::Debug;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use tempfile::TempDir;

use crate::bed::Bed;

/// How long what is to come may take, on a machine with much else to do.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Times of an election that a test can wait for: how long a lease lasts, when its holder stops,
/// and how often it is renewed.
pub(crate) const FAST: [&str; 3] = ["4", "3", "1"];

/// A running controller.
pub(crate) struct Controller {
    pub(crate) name: &'static str,
    folder: TempDir,
    process: Child,
}

impl Controller {
    pub(crate) fn start(bed: &Bed, name: &'static str, timing: [&str; 3]) -> Self {
        Self::start_with(bed, name, timing, &["--webhook-listen=off"])
    }

    /// The same, told more.
    pub(crate) fn start_with(
        bed: &Bed,
        name: &'static str,
        timing: [&str; 3],
        more: &[&str],
    ) -> Self {
        Self::start_as(&bed.server.kubeconfig(), name, timing, more)
    }

    /// The same with these credentials.
    pub(crate) fn start_as(
        kubeconfig: &Path,
        name: &'static str,
        [duration, deadline, period]: [&str; 3],
        more: &[&str],
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_perouter"))
            .args([
                "controller",
                "--identity",
                name,
                "--health-listen",
                "127.0.0.1:0",
            ])
            .args(["--lease-duration", duration, "--renew-deadline", deadline])
            .args(["--retry-period", period])
            .args(more)
            .env("KUBECONFIG", kubeconfig)
            .env("PEROUTER_LOG", "info,perouter=debug,kube_client=off")
            .stdin(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self {
            name,
            folder,
            process,
        }
    }

    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.process.id().try_into().unwrap());
        kill(pid, signal).unwrap();
    }

    /// Sends a signal that ends it, and waits until it has.
    pub(crate) fn end(&mut self, signal: Signal) -> ExitStatus {
        self.signal(signal);
        self.process.wait().unwrap()
    }

    /// Waits until its log says so, so many times.
    pub(crate) fn says(&self, words: &str, times: usize) {
        becomes(
            words,
            || self.log().matches(words).count() >= times,
            |it| *it,
        );
    }

    /// Where it answers the API server.
    pub(crate) fn webhook(&self) -> SocketAddr {
        self.says("the webhook is at https://", 1);
        let log = self.log();
        let (_, after) = log.split_once("the webhook is at https://").unwrap();
        let (address, _) = after.split_once('/').unwrap();
        address.parse().unwrap()
    }

    /// The status line and the body of what it answers to a probe.
    pub(crate) fn probe(&self, path: &str) -> (String, String) {
        self.says("probes are at http://", 1);
        let log = self.log();
        let (_, after) = log.split_once("probes are at http://").unwrap();
        let (address, _) = after.split_once('/').unwrap();
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }
}

impl Drop for Controller {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if std::thread::panicking() {
            eprintln!("{} said:\n{}", self.name, self.log());
        }
    }
}

/// Waits until it is so; what it was then.
pub(crate) fn becomes<T: Debug>(what: &str, get: impl Fn() -> T, is_so: impl Fn(&T) -> bool) -> T {
    let begin = Instant::now();
    loop {
        let now = get();
        if is_so(&now) {
            return now;
        }
        assert!(begin.elapsed() < SOON, "not {what}: {now:#?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Waits until it is this.
pub(crate) fn is<T: Debug + PartialEq>(get: impl Fn() -> T, wanted: &T) {
    becomes(&format!("{wanted:?}"), get, |now| now == wanted);
}

/// Makes a Node, with an index if one is given.
pub(crate) fn add_node(bed: &Bed, name: &str, index: Option<&str>) {
    let annotations = index.map(|index| json!({"openpe.io/nodeindex": index}));
    let node = json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name},
            "annotations": annotations.unwrap_or_else(|| json!({})),
        },
    });
    bed.feed(&["create", "-f", "-"], &node.to_string());
}
