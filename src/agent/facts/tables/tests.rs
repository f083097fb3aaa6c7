use std::io::{Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::*;

/// Reads one command.
fn asked(stream: &mut UnixStream) -> String {
    let mut command = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).unwrap() == 1 && byte != [0] {
        command.extend(byte);
    }
    String::from_utf8(command).unwrap()
}

/// zebra, as far as it takes: it answers without an end, until nobody listens.
fn endless(listener: &UnixListener, began: &mpsc::Sender<String>) {
    let (mut stream, _) = listener.accept().unwrap();
    assert_eq!(asked(&mut stream), "enable");
    stream.write_all(&[0; 4]).unwrap();
    began.send(asked(&mut stream)).unwrap();
    stream.write_all(b"{").unwrap();
    while stream.write_all(b"\"10.0.0.0/8\":[],").is_ok() {}
}

/// A daemon that tells of a million routes tells them in vain when something more urgent is to be
/// asked: nobody may go on reading behind its back.
#[tokio::test]
async fn what_nobody_waits_for_is_not_read_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(Daemon::Zebra.vty_socket(dir.path())).unwrap();
    let (begin, began) = mpsc::channel();
    let (end, ended) = mpsc::channel();
    thread::spawn(move || {
        endless(&listener, &begin);
        end.send(()).unwrap();
        // A question more would come by another connection.
        listener.set_nonblocking(true).unwrap();
        thread::sleep(Duration::from_millis(200));
        end.send(()).unwrap();
        assert!(listener.accept().is_err());
        end.send(()).unwrap();
    });
    let wanted = Wanted {
        vrfs: vec!["red".parse().unwrap()],
        hosts: Vec::new(),
        evpn_neighbors: Vec::new(),
        segments: Asked::No,
        bfd: Asked::No,
    };
    {
        let reading = std::pin::pin!(read_zebra(dir.path(), &wanted));
        let told = tokio::time::timeout(Duration::from_millis(300), reading).await;
        assert!(told.is_err(), "the answer has no end");
    }
    let command = began.recv_timeout(Duration::from_secs(10)).unwrap();
    assert_eq!(command, "show ip route vrf red json");
    for _ in 0..3 {
        ended.recv_timeout(Duration::from_secs(10)).unwrap();
    }
}
