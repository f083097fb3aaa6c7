//! Daemons that misbehave, die and come back.
//!
//! A real FRR does not break off in the middle of an answer at our wish, so a false daemon takes
//! the place of one of its sockets; then the real one is put back, and the driver must go on.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use perouter::frr::vty::VtyError;
use perouter::frr::{Daemon, FrrError, Mode};
use perouter_harness::Daemon as Real;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::bed::{Bed, driver_at, zebra_is_known_to_mgmtd};
use crate::intents::{plain, vni, vrf};

/// What a false daemon does once it was asked something, after a proper answer to `enable` and
/// to `show version` and `show modules`.
#[derive(Clone)]
pub(crate) enum Misbehaviour {
    /// Sends this, and closes.
    SayAndClose(Vec<u8>),
    /// Sends this with a proper end.
    Answer(Vec<u8>),
    /// Says nothing, and keeps the connection open.
    Silence,
}

/// A false daemon on a socket; it ends when this is dropped.
pub(crate) struct FalseDaemon {
    task: JoinHandle<()>,
    connections: Arc<AtomicUsize>,
}

impl FalseDaemon {
    pub(crate) fn new(socket: &Path, misbehaviour: Misbehaviour) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        let task = tokio::spawn(async move {
            // Connections end with the set, and the set with this task.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                connections.spawn(misbehave(stream, misbehaviour.clone()));
            }
        });
        Self { task, connections }
    }

    /// Ends it, and returns when its connections are closed.
    pub(crate) async fn end(mut self) {
        self.task.abort();
        let ended = (&mut self.task).await;
        assert!(
            ended.is_err_and(|error| error.is_cancelled()),
            "it ended by itself"
        );
        // The connections' own tasks end at the runtime's next turns.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }

    /// How often somebody connected.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

impl Drop for FalseDaemon {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn misbehave(mut stream: UnixStream, misbehaviour: Misbehaviour) {
    const ENABLED: [u8; 4] = [0; 4];
    const VERSION: &[u8] = b"FRRouting 10.3 (false) on Linux(6.1).\n\0\0\0\0";
    const MODULES: &[u8] = b"Module Name  Version  Description\n\npid: 1\n\0\0\0\0";
    while let Some(command) = command(&mut stream).await {
        let sent = match &misbehaviour {
            _ if command == b"enable" => stream.write_all(&ENABLED).await,
            _ if command == b"show version" => stream.write_all(VERSION).await,
            _ if command == b"show modules" => stream.write_all(MODULES).await,
            Misbehaviour::SayAndClose(bytes) => {
                let _ = stream.write_all(bytes).await;
                return;
            }
            Misbehaviour::Answer(bytes) => {
                stream
                    .write_all(&[bytes.as_slice(), &[0; 4]].concat())
                    .await
            }
            Misbehaviour::Silence => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}

/// One command without its NUL; `None` at the end of the connection.
async fn command(stream: &mut UnixStream) -> Option<Vec<u8>> {
    let mut command = Vec::new();
    loop {
        match stream.read_u8().await.ok()? {
            0 => return Some(command),
            byte => command.push(byte),
        }
    }
}

/// A folder of sockets that leads to a real FRR, in which single ones can be replaced.
struct Sockets {
    dir: TempDir,
    real: PathBuf,
}

impl Sockets {
    fn of(real: &perouter_harness::Frr) -> Self {
        let sockets = Self {
            dir: tempfile::tempdir().unwrap(),
            real: real.vty_dir(),
        };
        for daemon in [Daemon::Mgmtd, Daemon::Zebra, Daemon::Bgpd] {
            sockets.put_back(daemon);
        }
        sockets
    }

    fn socket(&self, daemon: Daemon) -> PathBuf {
        daemon.vty_socket(self.dir.path())
    }

    fn take_away(&self, daemon: Daemon) {
        std::fs::remove_file(self.socket(daemon)).unwrap();
    }

    fn put_back(&self, daemon: Daemon) {
        let _ = std::fs::remove_file(self.socket(daemon));
        symlink(daemon.vty_socket(&self.real), self.socket(daemon)).unwrap();
    }
}

/// Replaces one daemon, lets the driver observe, puts the daemon back, and demands that the
/// driver recovers. Returns how the observation failed.
async fn observed_with(daemon: Daemon, misbehaviour: Misbehaviour) -> FrrError {
    let mut bed = Bed::new(Mode::Off);
    bed.lead("an underlay", &plain()).await;
    let sockets = Sockets::of(&bed.real);
    let mut driver = driver_at(&bed.real, sockets.dir.path().to_owned(), Mode::Off);
    let good = driver.observe().await.unwrap();

    sockets.take_away(daemon);
    let false_daemon = FalseDaemon::new(&sockets.socket(daemon), misbehaviour);
    driver.forget(daemon);
    let error = driver.observe().await.unwrap_err();
    assert!(
        false_daemon.connections() > 0,
        "nobody asked the false daemon"
    );
    false_daemon.end().await;

    sockets.put_back(daemon);
    assert_eq!(
        driver.observe().await.unwrap(),
        good,
        "the driver did not recover"
    );
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off() {
    let half = b"router bgp 64514\n bgp rou".to_vec();
    let error = observed_with(Daemon::Bgpd, Misbehaviour::SayAndClose(half)).await;
    assert!(
        matches!(error, FrrError::Vty(VtyError::Closed { .. })),
        "{error:?}"
    );
    assert_eq!(
        error.to_string(),
        "bgpd closed the connection in the middle of its answer to `show running-config`"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_breaks_off() {
    let error = observed_with(
        Daemon::Bgpd,
        Misbehaviour::SayAndClose(b"!\n\0\0\0".to_vec()),
    )
    .await;
    assert!(
        matches!(error, FrrError::Vty(VtyError::Closed { .. })),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_no_text() {
    let error = observed_with(Daemon::Bgpd, Misbehaviour::Answer(vec![0xff, 0xfe, 0x80])).await;
    assert!(
        matches!(error, FrrError::Vty(VtyError::NotText { .. })),
        "{error:?}"
    );
    let words = error.to_string();
    assert!(
        words.contains("bgpd") && words.contains("`show running-config`"),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_place_of_json() {
    for garbage in ["<html>", "{\"vrfs\":[{\"vrf\":\"red\"", "{\"vrfs\":7}"] {
        let answer = Misbehaviour::Answer(garbage.as_bytes().to_vec());
        let error = observed_with(Daemon::Zebra, answer).await;
        assert!(
            matches!(error, FrrError::Unreadable { .. }),
            "{garbage:?}: {error:?}"
        );
        let words = error.to_string();
        assert!(
            words.contains("zebra") && words.contains("`show vrf vni json`"),
            "{words}"
        );
    }
}

/// Time stands still but for timers, so nobody waits for the longest silence.
#[tokio::test(start_paused = true)]
async fn a_daemon_that_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let _silent = FalseDaemon::new(&dir.path().join("bgpd.vty"), Misbehaviour::Silence);
    let mut driver = perouter::frr::Frr::new(perouter::frr::Options {
        dir: dir.path().to_owned(),
        netns: "/proc/self/ns/net".into(),
        northbound: Mode::Off,
    });
    let error = driver.observe().await.unwrap_err();
    assert!(
        matches!(error, FrrError::Vty(VtyError::Silent { .. })),
        "{error:?}"
    );
    assert!(error.is_absence());
    let words = error.to_string();
    assert!(
        words.starts_with("bgpd did not answer `show running-config` for "),
        "{words}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_socket_at_all() {
    let bed = Bed::new(Mode::Off);
    let sockets = Sockets::of(&bed.real);
    let mut driver = driver_at(&bed.real, sockets.dir.path().to_owned(), Mode::Off);
    for daemon in [Daemon::Bgpd, Daemon::Zebra] {
        driver.forget(daemon);
        sockets.take_away(daemon);
        let error = driver.observe().await.unwrap_err();
        assert!(
            matches!(error, FrrError::Vty(VtyError::Connect { .. })),
            "{error:?}"
        );
        assert!(error.is_absence());
        let (words, path) = (
            error.to_string(),
            sockets.socket(daemon).display().to_string(),
        );
        assert!(
            words.contains(&path) && words.contains("is FRR running?"),
            "{words}"
        );
        sockets.put_back(daemon);
        driver.observe().await.unwrap();
    }
}

/// Kills one daemon and starts it again, as its supervisor would.
async fn killed_and_started(killed: Real, known: Daemon, mode: Mode) {
    let mut bed = Bed::new(mode);
    bed.lead("an underlay", &plain()).await;
    bed.real.kill(killed).unwrap();
    let lost = tokio::time::timeout(Duration::from_secs(10), bed.driver.daemon_lost()).await;
    assert_eq!(lost.expect("the loss is noticed"), known);
    bed.driver.forget(known);
    bed.driver.observe().await.unwrap_err();
    bed.real.start_daemon(killed).unwrap();
    zebra_is_known_to_mgmtd(&bed.real);
    bed.lead("what it was before", &plain()).await;
    bed.driver
        .map_vnis(&[(vrf("red"), Some(vni(100)))])
        .await
        .unwrap();
    assert_eq!(bed.vni_of("red"), Some(100));
}

#[tokio::test(flavor = "multi_thread")]
async fn bgpd_dies_and_comes_back() {
    killed_and_started(Real::Bgpd, Daemon::Bgpd, Mode::Require).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zebra_dies_and_comes_back() {
    killed_and_started(Real::Zebra, Daemon::Zebra, Mode::Require).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn zebra_dies_and_comes_back_without_the_module() {
    killed_and_started(Real::Zebra, Daemon::Zebra, Mode::Off).await;
}
