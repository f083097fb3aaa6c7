//! The harness against real daemons: if these fail, so does everything built on it.

use std::{
    os::unix::process::ExitStatusExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use perouter_harness::{Daemon, End, Frr, HarnessError, Options, connect};

/// Polls a condition until it holds or a generous deadline passes.
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "still not true: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn all_daemons_answer_on_vty_and_grpc() {
    let before = Instant::now();
    let frr = Frr::start(Options::default()).unwrap();
    println!("started in {:?}", before.elapsed());
    for daemon in Daemon::ALL {
        assert!(frr.alive(daemon));
        assert!(frr.vty_dir().join(format!("{daemon}.vty")).exists());
        let text = frr.vty(daemon, &["show version"]).unwrap();
        assert!(text.contains("FRRouting"), "{daemon}: {text}");
    }
    for daemon in [Daemon::Zebra, Daemon::Bgpd, Daemon::Staticd, Daemon::Bfdd] {
        frr.grpc_connect(daemon.grpc_port()).unwrap();
    }
    frr.grpc_connect(Daemon::Mgmtd.grpc_port()).unwrap_err();
    let running = frr.vtysh(&["show running-config"]).unwrap();
    assert!(running.contains("frr version"), "{running}");
    assert!(frr.logs().contains("== bgpd"));
}

#[test]
fn without_grpc_no_port_is_open() {
    let frr = Frr::start(Options::default().without_grpc()).unwrap();
    for daemon in Daemon::ALL {
        frr.grpc_connect(daemon.grpc_port()).unwrap_err();
    }
}

#[test]
fn a_module_is_loaded() {
    let options = Options::default()
        .daemons([Daemon::Zebra, Daemon::Bgpd])
        .without_grpc();
    let frr = Frr::start(options.module(Daemon::Bgpd, "bmp")).unwrap();
    let text = frr.vty(Daemon::Bgpd, &["show modules"]).unwrap();
    assert!(text.contains("bmp"), "{text}");
}

#[test]
fn a_wrong_argument_is_reported_with_the_daemons_words() {
    let options = Options::default()
        .daemons([Daemon::Zebra])
        .argument(Daemon::Zebra, "--nonsense");
    let Err(HarnessError::NotReady { daemon, log, .. }) = Frr::start(options) else {
        panic!("zebra must refuse --nonsense");
    };
    assert_eq!(daemon, Daemon::Zebra);
    assert!(log.contains("nonsense"), "{log}");
}

#[test]
fn a_daemon_is_killed_and_started_again() {
    let frr = Frr::start(Options::default()).unwrap();
    frr.kill(Daemon::Bgpd).unwrap();
    assert!(!frr.alive(Daemon::Bgpd));
    assert!(frr.alive(Daemon::Zebra));
    assert!(matches!(
        frr.kill(Daemon::Bgpd),
        Err(HarnessError::NotRunning { .. })
    ));
    frr.vty(Daemon::Bgpd, &["show version"]).unwrap_err();
    frr.start_daemon(Daemon::Bgpd).unwrap();
    frr.vty(Daemon::Bgpd, &["show version"]).unwrap();
    assert!(matches!(
        frr.start_daemon(Daemon::Bgpd),
        Err(HarnessError::Running { .. })
    ));
}

#[test]
fn a_daemon_that_was_stopped_can_be_killed_and_dropped() {
    use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
    let frr = Frr::start(Options::default().daemons([Daemon::Zebra]).without_grpc()).unwrap();
    frr.signal(Daemon::Zebra, SIGSTOP).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    frr.signal(Daemon::Zebra, SIGCONT).unwrap();
    frr.vty(Daemon::Zebra, &["show version"]).unwrap();
    frr.kill(Daemon::Zebra).unwrap();
    frr.start_daemon(Daemon::Zebra).unwrap();
    frr.signal(Daemon::Zebra, SIGSTOP).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let before = Instant::now();
    drop(frr);
    assert!(
        before.elapsed() < Duration::from_secs(4),
        "{:?}",
        before.elapsed()
    );
}

#[test]
fn the_signal_that_ended_a_daemon_is_known() {
    let frr = Frr::start(Options::default().daemons([Daemon::Zebra])).unwrap();
    assert_eq!(
        frr.ended_within(Daemon::Zebra, Duration::from_millis(50)),
        None
    );
    frr.signal(Daemon::Zebra, nix::sys::signal::Signal::SIGABRT)
        .unwrap();
    let status = frr
        .ended_within(Daemon::Zebra, Duration::from_secs(10))
        .unwrap();
    assert_eq!(status.signal(), Some(6), "{status:?}");
}

#[test]
fn commands_run_in_the_namespaces_and_report_failure() {
    let frr = Frr::start(Options::default().daemons([])).unwrap();
    let links = frr.exec(&["ip", "-brief", "link"]).unwrap();
    assert!(links.starts_with("lo"), "{links}");
    // Some kernels make tunnel devices in every namespace; none makes an Ethernet device.
    assert!(!links.contains("eth"), "a fresh network namespace: {links}");
    let Err(HarnessError::Command { output, .. }) = frr.exec(&["ip", "link", "show", "none"])
    else {
        panic!("there is no interface `none`");
    };
    assert!(output.contains("none"), "{output}");
    frr.exec(&["touch", "/usr/touched"]).unwrap_err();
}

#[test]
fn two_routers_on_a_cable_bring_a_session_up() {
    let (a, b) = (
        Frr::start(Options::default()).unwrap(),
        Frr::start(Options::default()).unwrap(),
    );
    connect(
        &a,
        End::new("eth0", "192.0.2.1/24"),
        &b,
        End::new("eth0", "192.0.2.2/24"),
    )
    .unwrap();
    a.exec(&["ping", "-c", "1", "-W", "5", "192.0.2.2"])
        .unwrap();
    for (frr, asn, peer, peer_asn) in [(&a, 65001, 2, 65002), (&b, 65002, 1, 65001)] {
        frr.vty(
            Daemon::Bgpd,
            &[
                "configure",
                &format!("router bgp {asn}"),
                "no bgp ebgp-requires-policy",
                &format!("neighbor 192.0.2.{peer} remote-as {peer_asn}"),
                &format!("neighbor 192.0.2.{peer} timers connect 1"),
            ],
        )
        .unwrap();
    }
    eventually("the session is established", || {
        (a.vty(Daemon::Bgpd, &["show bgp summary json"]))
            .unwrap()
            .contains("\"Established\"")
    });
}

/// Run by the next test in a process of its own, which it kills.
#[test]
#[ignore = "the other half of `nothing_outlives_a_killed_test`"]
fn child_that_is_killed() {
    let Some(path) = std::env::var_os("PEROUTER_TEST_REPORT").map(PathBuf::from) else {
        panic!("started by nothing_outlives_a_killed_test only");
    };
    let frr = Frr::start(Options::default()).unwrap();
    std::fs::write(path, format!("{} {}", frr.pid(), frr.vty_dir().display())).unwrap();
    std::thread::sleep(Duration::from_secs(600));
}

#[test]
fn nothing_outlives_a_killed_test() {
    let dir = tempfile::tempdir().unwrap();
    let report = dir.path().join("report");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "child_that_is_killed"])
        .env("PEROUTER_TEST_REPORT", &report)
        .env("TMPDIR", dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the child reports", || {
        std::fs::read_to_string(&report).is_ok_and(|text| text.contains("run"))
    });
    let text = std::fs::read_to_string(&report).unwrap();
    let namespace =
        std::fs::read_link(format!("/proc/{}/ns/pid", text.split_once(' ').unwrap().0)).unwrap();
    assert!(processes_in(&namespace) > 5, "the daemons run in it");
    child.kill().unwrap();
    child.wait().unwrap();
    eventually("all processes of its PID namespace are gone", || {
        processes_in(&namespace) == 0
    });
}

/// How many processes are in a PID namespace.
fn processes_in(namespace: &Path) -> usize {
    let processes = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    processes
        .filter(|entry| {
            std::fs::read_link(entry.path().join("ns/pid")).is_ok_and(|ns| ns == namespace)
        })
        .count()
}

#[test]
fn a_dropped_instance_leaves_no_directory() {
    let frr = Frr::start(Options::default().daemons([Daemon::Zebra])).unwrap();
    let directory = frr.vty_dir();
    drop(frr);
    assert!(!directory.exists());
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains("perouter-frr-"), "{mounts}");
}
