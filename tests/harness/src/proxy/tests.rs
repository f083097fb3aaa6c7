//! The proxies against a real FRR: what goes through is what the daemon says, and what a client
//! sees of a fault is that fault, at that request and no other.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request};

use super::{Fault, Faults, NorthboundProxy, VtyProxy};
use crate::{Daemon, Frr, Options};

const REFUSED: Fault = Fault::Refused {
    status: 13,
    words: "not today",
};
const DELAY: Duration = Duration::from_millis(300);

fn zebra_and_bgpd() -> Frr {
    Frr::start(Options::default().daemons([Daemon::Zebra, Daemon::Bgpd])).unwrap()
}

/// A vty client that knows nothing but the framing.
struct Client(UnixStream);

impl Client {
    fn connect(dir: &Path, daemon: Daemon) -> Self {
        let stream = UnixStream::connect(dir.join(format!("{daemon}.vty"))).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        Self(stream)
    }

    /// Sends commands in one write.
    fn send(&mut self, commands: &[&str]) {
        let bytes: Vec<u8> = commands
            .iter()
            .flat_map(|command| [command.as_bytes(), &[0]].concat())
            .collect();
        self.0.write_all(&bytes).unwrap();
    }

    /// The bytes of one answer, or none when the connection closes.
    fn answer(&mut self) -> Option<Vec<u8>> {
        let mut answer = Vec::new();
        let mut byte = [0];
        loop {
            match self.0.read(&mut byte) {
                Ok(0) => return None,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                read => assert_eq!(read.unwrap(), 1),
            }
            answer.push(byte[0]);
            if let [.., 0, 0, 0, _] = answer.as_slice() {
                return Some(answer);
            }
        }
    }

    fn ask(&mut self, command: &str) -> Option<Vec<u8>> {
        self.send(&[command]);
        self.answer()
    }
}

/// What bgpd runs, as seen by another client.
fn running(frr: &Frr) -> String {
    frr.vty(Daemon::Bgpd, &["show running-config"]).unwrap()
}

/// The least that can be configured, as the running configuration prints it.
fn list(name: &str) -> String {
    format!("bgp as-path access-list {name} seq 5 permit 7")
}

/// A client that is in the configuration of bgpd, and no fault armed yet.
fn configuring(proxy: &VtyProxy) -> Client {
    let mut client = Client::connect(proxy.dir(), Daemon::Bgpd);
    for command in ["enable", "configure terminal"] {
        assert_eq!(client.ask(command).unwrap(), [0, 0, 0, 0], "{command}");
    }
    client
}

#[test]
fn without_a_fault_a_vty_says_the_same_to_the_byte() {
    let frr = zebra_and_bgpd();
    let proxy = VtyProxy::start(&frr, &[Daemon::Zebra, Daemon::Bgpd]).unwrap();
    let commands = [
        "enable",
        "show version",
        "show running-config",
        "nonsense",
        "configure terminal",
        "router bgp 64514",
        "neighbor 192.0.2.1 remote-as 64515",
        "neighbor 192.0.2.1",
        "end",
        "show bgp summary json",
        "show running-config",
    ];
    for daemon in [Daemon::Zebra, Daemon::Bgpd] {
        let mut through = Client::connect(proxy.dir(), daemon);
        let mut direct = Client::connect(&frr.vty_dir(), daemon);
        for command in commands {
            let (one, other) = (through.ask(command), direct.ask(command));
            let shown = |answer: &Option<Vec<u8>>| {
                String::from_utf8_lossy(answer.as_deref().unwrap()).into_owned()
            };
            assert_eq!(shown(&one), shown(&other), "{daemon}: {command}");
            assert_eq!(one, other, "{daemon}: {command}");
        }
    }
    let seen = proxy.faults().seen();
    assert_eq!(seen.len(), 2 * commands.len());
    assert_eq!(seen[0], "zebra: enable");
    assert_eq!(seen[commands.len() + 5], "bgpd: router bgp 64514");
    assert!(running(&frr).contains("neighbor 192.0.2.1 remote-as 64515"));
}

#[test]
fn the_kth_vty_command_fails_and_no_other() {
    let frr = zebra_and_bgpd();
    let proxy = VtyProxy::start(&frr, &[Daemon::Zebra, Daemon::Bgpd]).unwrap();
    for at in 1..=4 {
        let mut bgpd = configuring(&proxy);
        let mut zebra = Client::connect(proxy.dir(), Daemon::Zebra);
        proxy.faults().arm(at, REFUSED);
        // Counted over both daemons, as they come.
        let named = [list("one"), list("two")];
        let answers = [
            bgpd.ask(&named[0]),
            zebra.ask("enable"),
            bgpd.ask(&named[1]),
            zebra.ask("show version"),
        ];
        for (index, answer) in answers.iter().enumerate() {
            let status = *answer.as_deref().unwrap().last().unwrap();
            assert_eq!(status == 13, index + 1 == at, "{at}: {index}");
        }
        assert_eq!(
            answers[at - 1].as_deref().unwrap(),
            b"% not today\n\0\0\0\x0d"
        );
        let now = running(&frr);
        assert_eq!(now.contains(&list("one")), at != 1, "{at}");
        assert_eq!(now.contains(&list("two")), at != 3, "{at}");
        let struck = proxy.faults().struck().unwrap();
        let daemon = if at % 2 == 1 { "bgpd: " } else { "zebra: " };
        assert!(struck.starts_with(daemon), "{at}: {struck}");
        // It strikes once.
        for name in &named {
            assert_ne!(bgpd.ask(&format!("no {name}")), answers[at - 1]);
        }
    }
}

#[test]
fn a_vty_closes_before_or_after_the_daemon_did_it() {
    let frr = zebra_and_bgpd();
    let proxy = VtyProxy::start(&frr, &[Daemon::Bgpd]).unwrap();
    for (fault, name, done) in [
        (Fault::ClosedBefore, "before", false),
        (Fault::ClosedAfter, "after", true),
    ] {
        let mut client = configuring(&proxy);
        proxy.faults().arm(1, fault);
        assert_eq!(client.ask(&list(name)), None, "{fault:?}");
        assert_eq!(running(&frr).contains(&list(name)), done, "{fault:?}");
        // Another connection is served.
        configuring(&proxy);
    }
}

#[test]
fn a_late_vty_answer_is_late_and_whole() {
    let frr = zebra_and_bgpd();
    let proxy = VtyProxy::start(&frr, &[Daemon::Bgpd]).unwrap();
    let mut client = configuring(&proxy);
    proxy.faults().arm(1, Fault::Late(DELAY));
    let before = Instant::now();
    assert_eq!(client.ask(&list("late")).unwrap(), [0, 0, 0, 0]);
    assert!(before.elapsed() >= DELAY, "{:?}", before.elapsed());
    assert!(running(&frr).contains(&list("late")));
}

#[test]
fn of_commands_in_one_write_those_behind_the_fault_are_lost_only_with_the_connection() {
    let frr = zebra_and_bgpd();
    let proxy = VtyProxy::start(&frr, &[Daemon::Bgpd]).unwrap();
    for (fault, [first, second, third], answered) in [
        (REFUSED, [true, false, true], 3),
        (Fault::Late(DELAY), [true, true, true], 3),
        (Fault::ClosedBefore, [true, false, false], 1),
        (Fault::ClosedAfter, [true, true, false], 1),
    ] {
        let named = ["x1", "x2", "x3"].map(list);
        let mut client = configuring(&proxy);
        proxy.faults().arm(2, fault);
        client.send(&named.each_ref().map(String::as_str));
        let answers: Vec<_> = std::iter::from_fn(|| client.answer()).take(3).collect();
        assert_eq!(answers.len(), answered, "{fault:?}");
        let now = running(&frr);
        for (name, there) in named.iter().zip([first, second, third]) {
            assert_eq!(now.contains(name), there, "{fault:?}: {name}");
        }
        let mut client = configuring(&proxy);
        for name in named {
            client.ask(&format!("no {name}")).unwrap();
        }
    }
}

#[test]
fn a_daemon_that_dies_closes_the_connection_through_the_proxy() {
    let frr = zebra_and_bgpd();
    let proxy = VtyProxy::start(&frr, &[Daemon::Bgpd]).unwrap();
    let mut client = configuring(&proxy);
    frr.kill(Daemon::Bgpd).unwrap();
    assert_eq!(client.answer(), None);
}

/// What a gRPC client gets of one call: status code of HTTP, headers, data, trailers.
type Got = (u16, HeaderMap, Bytes, HeaderMap);

/// One call without arguments, over a connection of its own.
async fn call(frr: &Frr, rpc: &str) -> Result<Got, h2::Error> {
    let stream = frr.grpc_connect(Daemon::Zebra.grpc_port()).unwrap();
    stream.set_nonblocking(true).unwrap();
    let stream = tokio::net::TcpStream::from_std(stream).unwrap();
    let (client, connection) = h2::client::handshake(stream).await?;
    tokio::spawn(connection);
    let request = Request::post(format!("http://northbound.invalid/frr.Northbound/{rpc}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())
        .unwrap();
    let (answer, mut body) = client.ready().await?.send_request(request, false)?;
    // An empty message: not compressed, and no byte long.
    body.send_data(Bytes::from_static(&[0; 5]), true)?;
    let (head, mut stream) = answer.await?.into_parts();
    let mut data = BytesMut::new();
    while let Some(chunk) = stream.data().await {
        let chunk = chunk?;
        stream.flow_control().release_capacity(chunk.len())?;
        data.extend_from_slice(&chunk);
    }
    let trailers = stream.trailers().await?.unwrap_or_default();
    Ok((head.status.as_u16(), head.headers, data.freeze(), trailers))
}

/// A real FRR, a namespace before it, and the proxy between the two.
fn northbound() -> (Frr, Frr, NorthboundProxy) {
    let real = zebra_and_bgpd();
    let front = Frr::start(Options::default().daemons([])).unwrap();
    let proxy = NorthboundProxy::start(&real, &front, &[Daemon::Zebra, Daemon::Bgpd]).unwrap();
    (real, front, proxy)
}

#[tokio::test]
async fn without_a_fault_a_northbound_says_the_same_to_the_byte() {
    let (real, front, proxy) = northbound();
    // The second is refused by FRR itself: there is no candidate 0.
    for rpc in ["GetCapabilities", "Commit", "NoSuchCall"] {
        let direct = call(&real, rpc).await.unwrap();
        let through = call(&front, rpc).await.unwrap();
        assert_eq!(through, direct, "{rpc}");
    }
    let capable = call(&front, "GetCapabilities").await.unwrap();
    assert!(capable.2.len() > 100, "{capable:?}");
    assert_eq!(capable.3["grpc-status"], "0");
    assert_eq!(proxy.faults().seen().len(), 4);
    assert_eq!(proxy.faults().seen()[1], "zebra: Commit");
}

/// The number of the candidate that a call made: field 1, behind the five bytes of the frame.
fn candidate(got: &Got) -> u8 {
    assert_eq!(got.2[5], 0x08, "{got:?}");
    got.2[6]
}

#[tokio::test]
async fn the_kth_northbound_call_fails_and_no_other() {
    let (_real, front, proxy) = northbound();
    let make = async || call(&front, "CreateCandidate").await;
    let arm = |fault| Faults::arm(proxy.faults(), 2, fault);

    arm(Fault::Refused {
        status: 14,
        words: "not today",
    });
    assert_eq!(candidate(&make().await.unwrap()), 1);
    let refused = make().await.unwrap();
    assert_eq!(refused.1["grpc-status"], "14");
    assert_eq!(refused.1["grpc-message"], "not today");
    assert_eq!(candidate(&make().await.unwrap()), 2, "FRR did not see it");

    arm(Fault::ClosedBefore);
    assert_eq!(candidate(&make().await.unwrap()), 3);
    let lost = make().await.unwrap_err();
    assert!(!lost.is_reset(), "{lost:?}");
    assert_eq!(candidate(&make().await.unwrap()), 4, "FRR did not see it");

    arm(Fault::ClosedAfter);
    assert_eq!(candidate(&make().await.unwrap()), 5);
    let lost = make().await.unwrap_err();
    assert!(!lost.is_reset(), "{lost:?}");
    assert_eq!(candidate(&make().await.unwrap()), 7, "FRR made the sixth");

    arm(Fault::Late(DELAY));
    assert_eq!(candidate(&make().await.unwrap()), 8);
    let before = Instant::now();
    assert_eq!(candidate(&make().await.unwrap()), 9);
    assert!(before.elapsed() >= DELAY, "{:?}", before.elapsed());
    assert_eq!(
        proxy.faults().struck().as_deref(),
        Some("zebra: CreateCandidate")
    );
}
