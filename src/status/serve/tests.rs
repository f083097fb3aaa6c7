//! Over real sockets, with a client that blocks its thread: the server needs none of ours.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Instant;

use super::*;
use crate::status::probe::{DEADLINE, Work};
use crate::status::report::tests::Scene;

/// A server, and the loop's end of what it shows.
struct Bed {
    server: Server,
    reports: watch::Sender<Option<Arc<Report>>>,
    pulse: Arc<Pulse>,
    at: SocketAddr,
}

fn healthy() -> Report {
    Scene::healthy().report(None, 1000)
}

fn start(address: &str) -> (Server, watch::Sender<Option<Arc<Report>>>, Arc<Pulse>) {
    let (reports, published) = watch::channel(None);
    let pulse = Arc::new(Pulse::default());
    let view = View {
        reports: published,
        pulse: pulse.clone(),
        meters: Meters::new(["start"]),
    };
    let server = Server::start(address.parse().unwrap(), view);
    (server, reports, pulse)
}

impl Bed {
    fn new(address: &str) -> Self {
        let (server, reports, pulse) = start(address);
        let at = listening(&server);
        Self {
            server,
            reports,
            pulse,
            at,
        }
    }

    fn with(report: Report) -> Self {
        let bed = Self::new("127.0.0.1:0");
        bed.reports.send_replace(Some(Arc::new(report)));
        bed
    }

    fn get(&self, path: &str) -> Reply {
        ask(self.at, "GET", path)
    }
}

fn listening(server: &Server) -> SocketAddr {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let patience = Duration::from_secs(30);
    runtime
        .block_on(async { tokio::time::timeout(patience, server.listening()).await })
        .expect("it listens soon")
        .expect("its thread lives")
}

/// An answer, taken apart.
#[derive(Debug)]
struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Reply {
    fn read(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").expect(text);
        let status = head.split(' ').nth(1).expect(head).parse().expect(head);
        Self {
            status,
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }
}

fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    stream.set_write_timeout(patience).unwrap();
    stream
}

fn ask(at: SocketAddr, method: &str, path: &str) -> Reply {
    let mut stream = connect(at);
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: node\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    Reply::read(&text)
}

#[test]
fn addresses_are_read() {
    for (text, at) in [
        ("127.0.0.1:9081", "127.0.0.1:9081"),
        ("[::1]:80", "[::1]:80"),
        (":9081", "[::]:9081"),
    ] {
        let listen = Listen::At(at.parse().unwrap());
        assert_eq!(text.parse(), Ok(listen));
        assert_eq!(listen.to_string(), at);
    }
    assert_eq!("off".parse(), Ok(Listen::Off));
    assert!(Listen::DEFAULT.parse::<Listen>().is_ok());
    for text in ["", "9081", "localhost:9081", "127.0.0.1", "::1:80x", "OFF"] {
        assert_eq!(text.parse::<Listen>(), Err(NotAnAddress), "{text:?}");
    }
}

#[test]
fn probes_follow_the_report() {
    let bed = Bed::new("127.0.0.1:0");
    assert_eq!(bed.get("/livez").status, 200);
    for path in ["/startupz", "/readyz"] {
        let reply = bed.get(path);
        assert_eq!(reply.status, 503, "{reply:?}");
        assert!(reply.body.contains("[-]pass failed: "), "{reply:?}");
    }
    bed.reports.send_replace(Some(Arc::new(healthy())));
    for path in ["/livez", "/startupz", "/readyz"] {
        let reply = bed.get(path);
        assert_eq!((reply.status, reply.body.as_str()), (200, "ok\n"));
        assert!(reply.head.contains("content-type: text/plain"));
    }
    let verbose = bed.get("/readyz?verbose&exclude=frr");
    assert!(
        verbose.body.contains("[+]frr excluded: ok\n"),
        "{verbose:?}"
    );
}

#[test]
fn the_pulse_tells_what_the_loop_is_at() {
    let bed = Bed::with(healthy());
    for work in Work::ALL {
        bed.pulse.begin(work);
        let progress = bed.pulse.progress();
        assert_eq!(progress.work, work);
        assert!(progress.silent < DEADLINE && progress.at_it < DEADLINE);
    }
    bed.pulse.begin(Work::Pass);
    std::thread::sleep(Duration::from_millis(300));
    let before = bed.pulse.progress();
    bed.pulse.beat();
    let after = bed.pulse.progress();
    assert!(before.silent >= Duration::from_millis(299), "{before:?}");
    assert!(after.silent < before.silent, "{after:?}");
    assert!(after.at_it >= before.at_it, "{after:?}");
}

#[test]
fn metrics_are_served_with_their_type() {
    let bed = Bed::with(healthy());
    let reply = bed.get("/metrics");
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .head
            .contains("content-type: text/plain; version=0.0.4"),
        "{}",
        reply.head
    );
    let exported = crate::status::metrics::tests::exposition::Exposition::read(&reply.body);
    assert_eq!(exported.one("perouter_ready", &[]), 1.0);
    let resident = exported.one("process_resident_memory_bytes", &[]);
    assert!((1e6..1e11).contains(&resident), "{resident}");
    let start = exported.one("process_start_time_seconds", &[]);
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let age = now.as_secs_f64() - start;
    assert!((-5.0..86_400.0).contains(&age), "started {age} s ago");
    assert!(exported.one("process_open_fds", &[]) > 3.0);
    assert!(exported.one("process_cpu_seconds_total", &[]) >= 0.0);
}

#[test]
fn the_page_is_served_as_asked_and_guarded() {
    let bed = Bed::with(crate::status::report::tests::many(100));
    let short = bed.get("/");
    assert_eq!(short.status, 200);
    for header in [
        "content-type: text/html; charset=utf-8",
        "content-security-policy: default-src 'none'; ",
        "frame-ancestors 'none'",
        "referrer-policy: no-referrer",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
    ] {
        assert!(short.head.contains(header), "{header} in {}", short.head);
    }
    assert!(short.body.contains("http-equiv=\"refresh\"") && short.body.contains(" more: "));
    let all = bed.get("/?all&still").body;
    assert!(!all.contains("http-equiv=\"refresh\"") && !all.contains(" more: "));
    bed.reports.send_replace(None);
    assert!(bed.get("/").body.contains("Starting"));
}

#[test]
fn nothing_but_looking_is_allowed() {
    let bed = Bed::with(healthy());
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"] {
        let reply = ask(bed.at, method, "/metrics");
        assert_eq!(reply.status, 405, "{method}");
        assert!(reply.head.contains("allow: get, head"), "{}", reply.head);
    }
    let head = ask(bed.at, "HEAD", "/metrics");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(head.head.contains("content-length: "), "{}", head.head);
    for path in ["/nothing", "/metrics/", "/livez/../metrics", "//"] {
        assert_eq!(bed.get(path).status, 404, "{path}");
    }
}

#[test]
fn every_address_family_is_served() {
    let bed = Bed::new("[::1]:0");
    assert_eq!(bed.get("/livez").status, 200);
    assert!(bed.server.report().address.starts_with("[::1]:"));
}

/// More clients than there may be, who begin to ask and never end, or never read.
#[test]
fn who_stalls_keeps_nobody_waiting() {
    let bed = Bed::with(crate::status::report::tests::many(300));
    let stalling: Vec<TcpStream> = (0..3 * CONNECTIONS)
        .map(|number| {
            let mut stream = connect(bed.at);
            let words = if number % 2 == 0 {
                "GET /livez HTTP/1.1\r\nHo"
            } else {
                "GET /metrics HTTP/1.1\r\nHost: node\r\n\r\n"
            };
            // The oldest were shown the door already.
            let _ = stream.write_all(words.as_bytes());
            stream
        })
        .collect();
    let begun = Instant::now();
    for _ in 0..10 {
        assert_eq!(bed.get("/livez").status, 200);
    }
    assert!(begun.elapsed() < HEADERS, "{:?}", begun.elapsed());
    drop(stalling);
}

#[test]
fn who_does_not_say_what_he_wants_is_sent_away() {
    let bed = Bed::with(healthy());
    let mut silent = connect(bed.at);
    let mut slow = connect(bed.at);
    slow.write_all(b"GET /livez HTTP/1.1\r\n").unwrap();
    let begun = Instant::now();
    let mut rest = Vec::new();
    // Either is an end: a reset is one too.
    let _ = silent.read_to_end(&mut rest);
    let _ = slow.read_to_end(&mut rest);
    let took = begun.elapsed();
    assert!(took < WHOLE, "{took:?}");
    assert!(took > HEADERS / 2, "{took:?}");
}

#[test]
fn what_is_too_long_or_no_http_is_refused() {
    let bed = Bed::with(healthy());
    for words in [
        format!(
            "GET /{} HTTP/1.1\r\nHost: node\r\n\r\n",
            "x".repeat(2 * HEAD)
        ),
        format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(2 * HEAD)),
        "\u{16}\u{3}\u{1} this is no HTTP\r\n\r\n".to_owned(),
    ] {
        let mut stream = connect(bed.at);
        let _ = stream.write_all(words.as_bytes());
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text);
        let text = String::from_utf8_lossy(&text);
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 4"), "{text}");
    }
    assert_eq!(bed.get("/livez").status, 200);
}

#[test]
fn a_port_that_is_taken_is_told_and_tried_again() {
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = other.local_addr().unwrap();
    let (server, _reports, _pulse) = start(&at.to_string());
    let deadline = Instant::now() + Duration::from_secs(20);
    let error = loop {
        if let Some(error) = server.report().error {
            break error;
        }
        assert!(Instant::now() < deadline, "{:?}", server.report());
        std::thread::sleep(Duration::from_millis(10));
    };
    for words in ["Address already in use", "ss -ltnp", "--listen"] {
        assert!(error.contains(words), "{error}");
    }
    drop(other);
    assert_eq!(listening(&server), at);
    assert_eq!(server.report().error, None);
    assert_eq!(ask(at, "GET", "/livez").status, 200);
}

#[test]
fn a_server_that_is_dropped_gives_its_port_back() {
    let bed = Bed::with(healthy());
    let at = bed.at;
    drop(bed);
    let deadline = Instant::now() + Duration::from_secs(20);
    while TcpStream::connect(at).is_ok() {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(10));
    }
}
