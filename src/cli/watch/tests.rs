//! Over real sockets, which come and go as an agent's do.

use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::*;
use crate::status::protocol::Answer;
use crate::status::report::tests::Scene;

/// An agent that answers `reports`, one a question, and goes.
fn agent(path: &Path, reports: Vec<Report>) -> JoinHandle<()> {
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).unwrap();
    std::thread::spawn(move || {
        for report in reports {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            assert_eq!(line, "status\n");
            let answer = serde_json::to_string(&Answer::Ok(report)).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        }
    })
}

/// Where what is written can be read at once.
#[derive(Clone)]
struct Wire(mpsc::Sender<String>);

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let sent = self.0.send(text);
        sent.map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn ready(at: i64) -> Report {
    let mut report = Scene::healthy().report(None, 900);
    report.at = Timestamp::from_second(at).unwrap();
    report.counters.passes += u64::try_from(at).unwrap();
    report.sessions[0].established_seconds = Some(u64::try_from(at).unwrap());
    report
}

fn unready(at: i64) -> Report {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    scene.report(Some(&ready(900)), at)
}

/// The same, told again.
fn later(mut report: Report) -> Report {
    report.at = Timestamp::from_second(report.at.as_second() + 7).unwrap();
    report
}

/// A watch, what it writes, what it says beside it, and how it is stopped.
struct Watched {
    told: mpsc::Receiver<String>,
    beside: mpsc::Receiver<String>,
    stop: tokio::sync::oneshot::Sender<()>,
    ended: JoinHandle<ExitCode>,
}

fn watch(path: &Path, output: Output) -> Watched {
    let (to, told) = mpsc::channel();
    let (and, beside) = mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let client = Client::new(path);
    let ended = std::thread::spawn(move || {
        let watch = Watch {
            client,
            every: Duration::from_millis(5),
            colour: Colour::Off,
            face: Face::Lines(output, Wire(to), Wire(and)),
            last: None,
            away: None,
        };
        let runtime = crate::cli::runtime().unwrap();
        let until = watch.until(async { drop(stopped.await) });
        runtime.block_on(until).unwrap()
    });
    Watched {
        told,
        beside,
        stop,
        ended,
    }
}

/// The next that comes, within what a busy machine needs.
fn next(of: &mpsc::Receiver<String>) -> String {
    of.recv_timeout(Duration::from_secs(20)).unwrap()
}

#[test]
fn one_document_a_line_for_each_change_and_none_for_time_that_passes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let first = agent(
        &path,
        vec![ready(1000), ready(1001), ready(1002), unready(1003)],
    );
    let watched = watch(&path, Output::Json);
    let document = |text: &str| -> Report {
        assert_eq!(text.matches('\n').count(), 1, "{text:?}");
        serde_json::from_str(text).unwrap()
    };
    assert_eq!(document(&next(&watched.told)), ready(1000));
    assert_eq!(document(&next(&watched.told)), unready(1003));
    first.join().unwrap();
    let away = next(&watched.beside);
    assert!(away.starts_with("agent is away since 20"), "{away}");
    // It is back, and says what it said before: that is told again.
    let second = agent(&path, vec![unready(1003), later(unready(1003))]);
    assert_eq!(document(&next(&watched.told)), unready(1003));
    second.join().unwrap();
    next(&watched.beside);
    watched.stop.send(()).unwrap();
    watched.ended.join().unwrap();
    assert_eq!(watched.told.try_iter().count(), 0);
    assert_eq!(watched.beside.try_iter().count(), 0, "away is told once");
}

#[test]
fn without_an_agent_it_waits_for_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let watched = watch(&path, Output::Table);
    let away = next(&watched.told);
    assert!(away.contains("no agent listens on"), "{away}");
    let agent = agent(&path, vec![ready(1000)]);
    let told = next(&watched.told);
    assert!(told.contains("\nReady\n"), "{told}");
    agent.join().unwrap();
    watched.stop.send(()).unwrap();
    watched.ended.join().unwrap();
}

#[test]
fn it_ends_when_nobody_reads() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    let watched = watch(&path, Output::Table);
    drop(watched.told);
    drop(watched.beside);
    watched.ended.join().unwrap();
    drop(watched.stop);
}

#[test]
fn a_frame_says_that_what_it_shows_is_old() {
    let now = Timestamp::from_second(1072).unwrap();
    let since = Timestamp::from_second(1010).unwrap();
    let away = (since, "no agent listens".to_owned());
    let every = Duration::from_secs(2);
    let text = frame(every, Some(&away), Some(&ready(1000)), Colour::Off, now);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "every 2s, 1970-01-01T00:17:52Z; Ctrl-C ends it");
    assert_eq!(
        lines[2],
        "agent is away since 1970-01-01T00:16:50Z (1m 2s): no agent listens"
    );
    assert_eq!(lines[3], "it said at 1970-01-01T00:16:40Z:");
    assert_eq!(lines[5], "Ready");
    let text = frame(every, None, Some(&ready(1000)), Colour::Off, now);
    assert_eq!(text.lines().nth(2), Some("Ready"));
    let text = frame(every, Some(&away), None, Colour::Off, now);
    assert_eq!(text.lines().count(), 3, "{text}");
}
