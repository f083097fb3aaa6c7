//! Several drivers of one FRR take turns, what is known is forgotten when it is old, and what is
//! undone is read back.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use perouter::frr::{Daemon, Frr, FrrError, Mode};
use perouter::plan::bgp::difference::ContextChange;
use perouter_harness::Daemon as Real;
use perouter_parsers::running_config::{Config, Line};

use crate::bed::{Bed, driver, eventually};
use crate::intents::{bare_vni, evpn, vni, vrf, with_vnis};

/// What the default instance holds, with one line more or less.
fn edited(running: &Config, line: &str) -> ContextChange {
    let header = Line::new("router bgp 64514").unwrap();
    let before = running.context(header.as_str()).expect("an instance");
    let mut after = Config::new();
    for own in before.lines() {
        if own.as_str() != line {
            after.push_line(own.clone());
        }
    }
    if !before.has_line(line) {
        after.push(line).unwrap();
    }
    for context in before.contexts() {
        after.push_context(context.clone());
    }
    ContextChange::between(&header, Some(before), Some(&after)).expect("a change")
}

/// In one turn: observes, changes a line of its own, and reads back that nobody came between.
async fn turn(driver: &mut Frr, line: &str) {
    let _turn = driver.take_turn().await.unwrap();
    let before = driver.observe().await.unwrap();
    let change = edited(&before.bgp, line);
    driver.change_bgp(&change).await.unwrap();
    let after = driver.observe().await.unwrap();
    let (header, wanted) = (change.header.as_str(), change.after.as_ref().unwrap());
    let held = after.bgp.context(header).unwrap();
    assert!(
        held.equivalent(wanted),
        "{line}: somebody else came between:\n{held}"
    );
}

/// A program that takes the turn and keeps it until it is killed.
fn third(dir: &std::path::Path) -> std::process::Child {
    let mut third = Command::new("flock")
        .arg(dir.join("perouter.turn"))
        .args(["sh", "-c", "echo taken; exec sleep 1000"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock of util-linux runs");
    let mut line = String::new();
    BufReader::new(third.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert_eq!(line, "taken\n");
    third
}

#[tokio::test(flavor = "multi_thread")]
async fn two_drivers_and_a_third_that_is_killed_in_its_turn() {
    const TIMES: usize = 8;
    let mut bed = Bed::new(Mode::Off);
    bed.lead("an underlay", &evpn()).await;
    let mut third = third(bed.driver.dir());
    let mut other = driver(&bed.real, Mode::Off);
    let mut own = bed.driver;
    // Nobody passes the third while it lives.
    let early = tokio::time::timeout(Duration::from_millis(300), own.take_turn()).await;
    assert!(early.is_err(), "the third had the turn");
    let lines = ["bgp log-neighbor-changes", "bgp deterministic-med"];
    let both = async {
        let first = async {
            for _ in 0..TIMES {
                turn(&mut own, lines[0]).await;
            }
        };
        let second = async {
            for _ in 0..TIMES {
                turn(&mut other, lines[1]).await;
            }
        };
        tokio::join!(first, second)
    };
    let kill = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        // SIGKILL for `flock` and the command that it runs, which has the lock too.
        let own = third.id();
        let all = format!("kill -9 {own} $(cat /proc/{own}/task/{own}/children)");
        let killed = Command::new("sh").args(["-c", &all]).status().unwrap();
        assert!(killed.success(), "{killed}");
        third.wait().unwrap();
    };
    let all = async { tokio::join!(both, kill) };
    tokio::time::timeout(Duration::from_secs(60), all)
        .await
        .expect("both got their turns");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_old_after_a_turn_of_another_driver() {
    let mut bed = Bed::new(Mode::Off);
    bed.lead("an underlay", &evpn()).await;
    let mut other = driver(&bed.real, Mode::Off);
    assert_eq!(bed.driver.known(), None, "there is no turn");
    {
        let _turn = bed.driver.take_turn().await.unwrap();
        assert_eq!(bed.driver.known(), None, "it was read in no turn");
        let seen = bed.driver.observe().await.unwrap();
        assert_eq!(bed.driver.known(), Some(seen));
    }
    {
        let _turn = bed.driver.take_turn().await.unwrap();
        assert!(bed.driver.known().is_some(), "nobody else had the turn");
    }
    {
        let _turn = other.take_turn().await.unwrap();
        other.observe().await.unwrap();
    }
    {
        let _turn = bed.driver.take_turn().await.unwrap();
        assert!(
            bed.driver.known().is_some(),
            "the other one changed nothing"
        );
    }
    turn(&mut other, "bgp log-neighbor-changes").await;
    let _turn = bed.driver.take_turn().await.unwrap();
    assert_eq!(bed.driver.known(), None, "the other one changed something");
    let seen = bed.driver.observe().await.unwrap();
    assert_eq!(bed.driver.known().as_ref(), Some(&seen));
    bed.driver
        .change_bgp(&edited(&seen.bgp, "bgp deterministic-med"))
        .await
        .unwrap();
    assert_eq!(bed.driver.known(), None, "we changed something");
    bed.driver.observe().await.unwrap();
    bed.driver.forget(Daemon::Bgpd);
    assert_eq!(bed.driver.known(), None, "it may be another daemon");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mgmtd_was_told_is_asked_for_again_after_another_client() {
    let mut bed = Bed::new(Mode::Off);
    for _ in 0..2 {
        bed.driver.observe().await.unwrap();
        bed.driver
            .map_vnis(&[(vrf("red"), Some(vni(100)))])
            .await
            .unwrap();
    }
    // By hand, behind the driver's back.
    let typed = ["configure terminal", "vrf red", "no vni 100", "end"];
    bed.real.vtysh(&typed).unwrap();
    eventually("unmapped", async || match bed.vni_of("red") {
        None => Ok(()),
        Some(vni) => Err(vni.to_string()),
    })
    .await;
    bed.driver
        .map_vnis(&[(vrf("blue"), Some(vni(200)))])
        .await
        .unwrap();
    bed.driver
        .map_vnis(&[(vrf("red"), Some(vni(100)))])
        .await
        .unwrap();
    assert_eq!(
        (bed.vni_of("red"), bed.vni_of("blue")),
        (Some(100), Some(200))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_bgpd_is_led_back_from_what_it_runs_then() {
    let mut bed = Bed::new(Mode::Off);
    let intent = with_vnis([bare_vni("red", 100), bare_vni("blue", 200)]);
    bed.lead("two VNIs", &intent).await;
    {
        let _turn = bed.driver.take_turn().await.unwrap();
        bed.driver.observe().await.unwrap();
    }
    bed.real.kill(Real::Bgpd).unwrap();
    let _turn = bed.driver.take_turn().await.unwrap();
    assert_eq!(bed.driver.known(), None, "bgpd is gone");
    let started = std::time::Instant::now();
    let mut tries: u32 = 0;
    while started.elapsed() < Duration::from_secs(2) {
        let error = bed.driver.observe().await.unwrap_err();
        assert!(error.is_absence(), "{error}");
        tries += 1;
    }
    assert!((3..=10).contains(&tries), "{tries} tries in two seconds");
    bed.real.start_daemon(Real::Bgpd).unwrap();
    bed.driver.observe().await.unwrap();
    bed.lead("two VNIs again", &intent).await;
    // The pauses are over: the next loss is looked after at once.
    bed.driver.forget(Daemon::Bgpd);
    let started = std::time::Instant::now();
    bed.driver.observe().await.unwrap();
    assert!(started.elapsed() < Duration::from_millis(500));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_of_contexts_leaves_no_trace() {
    let mut bed = Bed::new(Mode::Off);
    bed.lead("an underlay", &evpn()).await;
    let before = bed.running();
    let running = bed.driver.observe().await.unwrap().bgp;
    let instance = |name: &str, lines: &[&str]| {
        let header = Line::new(format!("router bgp 64514 vrf {name}")).unwrap();
        let lines = lines.iter().map(|line| Line::new(line).unwrap());
        let after = Config::from(lines.collect::<Vec<_>>());
        ContextChange::towards(&running, &header, Some(&after)).unwrap()
    };
    let changes = [
        instance(
            "red",
            &["bgp router-id 10.0.0.1", "no bgp default ipv4-unicast"],
        ),
        instance(
            "blue",
            &[
                "bgp router-id 10.0.0.2",
                "bgp nonsense",
                "no bgp network import-check",
            ],
        ),
        instance("green", &["bgp router-id 10.0.0.3"]),
    ];
    let changes: Vec<_> = changes.iter().collect();
    let error = bed.driver.change_all_bgp(&changes).await.unwrap_err();
    assert!(matches!(error, FrrError::Refused { .. }), "{error:?}");
    assert!(
        error.to_string().contains("vrf blue / bgp nonsense"),
        "{error}"
    );
    assert_eq!(bed.running(), before);
}

/// A way back that bgpd refuses, because it never ran what is said to have been there before.
#[tokio::test(flavor = "multi_thread")]
async fn what_remains_of_an_undo_is_named() {
    let mut bed = Bed::new(Mode::Off);
    bed.lead("an underlay", &evpn()).await;
    let running = bed.driver.observe().await.unwrap().bgp;
    let header = Line::new("router bgp 64514").unwrap();
    let mut after = running.context(header.as_str()).unwrap().clone();
    after.push("bgp nonsense").unwrap();
    let mut before = running.context(header.as_str()).unwrap().clone();
    before.push("bgp likewise nonsense").unwrap();
    let change = ContextChange {
        header,
        before: Some(before),
        after: Some(after),
    };
    let error = bed.driver.change_bgp(&change).await.unwrap_err();
    let FrrError::NotUndone { refusal, undo } = &error else {
        panic!("{error:?}");
    };
    assert!(matches!(**refusal, FrrError::Refused { .. }), "{refusal:?}");
    assert!(matches!(**undo, FrrError::Remains { .. }), "{undo:?}");
    let words = error.to_string();
    for part in [
        "could not be undone",
        "left to do: router bgp 64514 / bgp likewise nonsense",
    ] {
        assert!(words.contains(part), "{words}");
    }
}
