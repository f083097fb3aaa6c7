//! Against a real unix socket.

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::thread::{self, JoinHandle};

use super::*;
use crate::status::Timestamp;

/// An agent that takes one request, and answers it by `answer`.
fn agent(path: &Path, answer: fn(&str) -> String) -> JoinHandle<String> {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = String::new();
        BufReader::new(&stream).read_line(&mut line).unwrap();
        stream.write_all(answer(&line).as_bytes()).unwrap();
        line
    })
}

fn socket() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("agent.sock");
    (directory, path)
}

#[test]
fn one_line_goes_and_one_document_comes() {
    let (_directory, path) = socket();
    let agent = agent(&path, |_| {
        let report = VerifyReport {
            node: "n1".to_owned(),
            at: Timestamp::from_second(5).unwrap(),
            took_ms: 12,
            findings: Vec::new(),
        };
        serde_json::to_string(&Answer::Ok(report)).unwrap()
    });
    let report = Client::new(&path).verify().unwrap();
    assert_eq!((report.node.as_str(), report.took_ms), ("n1", 12));
    assert_eq!(agent.join().unwrap(), "verify\n");
}

#[test]
fn each_question_has_its_word() {
    let refuse = |_: &str| r#"{"error":"not yet"}"#.to_owned();
    type Ask = fn(&Client) -> Result<(), AskError>;
    let questions: [(&str, Ask); 3] = [
        ("status\n", |client| client.status().map(drop)),
        ("verify\n", |client| client.verify().map(drop)),
        ("plan\n", |client| client.plan().map(drop)),
    ];
    for (line, ask) in questions {
        let (_directory, path) = socket();
        let agent = agent(&path, refuse);
        let error = ask(&Client::new(&path)).unwrap_err();
        assert!(matches!(error, AskError::Refused { .. }), "{error:?}");
        assert!(error.to_string().ends_with("not yet"), "{error}");
        assert_eq!(agent.join().unwrap(), line);
    }
}

#[test]
fn no_agent() {
    let (_directory, path) = socket();
    let client = Client::new(&path);
    let check = |error: AskError| {
        assert!(matches!(error, AskError::NotRunning { .. }), "{error:?}");
        assert!(error.to_string().contains("perouter agent"), "{error}");
        assert!(error.source().is_some());
    };
    check(client.status().unwrap_err());
    // An agent that was killed leaves its socket behind.
    drop(UnixListener::bind(&path).unwrap());
    assert!(path.exists());
    check(client.status().unwrap_err());
}

#[test]
fn not_for_this_user() {
    let source = io::Error::from(io::ErrorKind::PermissionDenied);
    let error = Client::new(Path::new("/run/x")).unreached(source);
    assert!(matches!(error, AskError::Permission { .. }), "{error:?}");
    assert!(error.to_string().contains("root"), "{error}");
}

#[test]
fn something_else_listens() {
    for answer in ["", "HTTP/1.1 400 Bad Request\r\n\r\n", r#"{"ok":{}}"#, "{}"] {
        let (_directory, path) = socket();
        let listener = UnixListener::bind(&path).unwrap();
        let other = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let error = Client::new(&path).status().unwrap_err();
        assert!(matches!(error, AskError::Unreadable { .. }), "{error:?}");
        other.join().unwrap();
    }
}

#[test]
fn an_agent_that_hangs_is_not_waited_for_for_ever() {
    let (_directory, path) = socket();
    let _listener = UnixListener::bind(&path).unwrap();
    let client = Client::new(&path);
    let asked: Result<Report, AskError> = client.ask(Request::Status, Duration::from_millis(50));
    let error = asked.unwrap_err();
    assert!(matches!(error, AskError::Silent { .. }), "{error:?}");
}
