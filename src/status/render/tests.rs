//! Golden files. `PEROUTER_WRITE_GOLDEN=1` writes them anew; look at the difference then.

use std::path::PathBuf;

use super::*;
use crate::intent::Kept;
use crate::status::Timestamp;
use crate::status::report::Repair;
use crate::status::report::tests::Scene;
use crate::verify::tests::fixture::REMOTE_HOST;

pub(in crate::status) fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("src/status/render/golden")
        .join(name);
    if std::env::var_os("PEROUTER_WRITE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}; run with PEROUTER_WRITE_GOLDEN=1 to write it",
            path.display()
        )
    });
    assert_eq!(text, expected, "{name}");
}

pub(in crate::status) fn broken() -> Scene {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    scene.reject(Kept::LastGood);
    scene
}

pub(in crate::status) fn verify_report(scene: &Scene) -> VerifyReport {
    VerifyReport {
        node: "worker-1".to_owned(),
        at: Timestamp::from_second(1000).unwrap(),
        took_ms: 12,
        findings: scene.findings(),
    }
}

#[test]
fn reports() {
    let first = Scene::healthy().report(None, 900);
    let ready = Scene::healthy().report(Some(&first), 1000);
    golden("ready.txt", &report(&ready, Colour::Off));
    let unready = broken().report(Some(&first), 1000);
    golden("not-ready.txt", &report(&unready, Colour::Off));
    golden("not-ready-colour.txt", &report(&unready, Colour::On));
}

#[test]
fn verifications() {
    let good = verify_report(&Scene::healthy());
    golden("verify-good.txt", &verification(&good, Colour::Off));
    let bad = verify_report(&broken());
    golden("verify-bad.txt", &verification(&bad, Colour::Off));
}

/// What a walk finds, of the healthy scene and the broken one.
pub(in crate::status) fn walked(
    scene: &Scene,
    target: &str,
) -> crate::status::protocol::WalkReport {
    crate::status::protocol::WalkReport {
        node: "worker-1".to_owned(),
        at: Timestamp::from_second(1000).unwrap(),
        took_ms: 12,
        walk: crate::verify::walk(&scene.intent, &scene.facts, target.parse().unwrap()),
    }
}

/// A remote host of the segment has no forwarding entry.
pub(in crate::status) fn segment_broken() -> Scene {
    let mut scene = Scene::healthy();
    let entries = scene.facts.fdb.as_mut().unwrap();
    entries.retain(|entry| entry.mac != REMOTE_HOST);
    scene
}

#[test]
fn walks() {
    let whole = walked(&Scene::healthy(), "172.16.2.0/24");
    let text = walk::walk(&whole, Colour::Off, Signs::Unicode);
    golden("walk-whole.txt", &text);
    let whole = walked(&Scene::healthy(), "172.16.1.0/24");
    let text = walk::walk(&whole, Colour::Off, Signs::Ascii);
    golden("walk-out-ascii.txt", &text);
    assert!(text.is_ascii());
    let broken = walked(&broken(), "172.16.2.0/24");
    let text = walk::walk(&broken, Colour::Off, Signs::Unicode);
    golden("walk-broken.txt", &text);
    let coloured = walk::walk(&broken, Colour::On, Signs::Unicode);
    assert!(coloured.contains("\x1b[31m\u{2717}"), "{coloured}");
    assert_eq!(plain(&coloured), text);
    let vni = walked(&Scene::healthy(), "100");
    let text = walk::walk(&vni, Colour::Off, Signs::Unicode);
    golden("walk-vni.txt", &text);
    let segment = walked(&Scene::healthy(), "110");
    let text = walk::walk(&segment, Colour::Off, Signs::Unicode);
    golden("walk-segment.txt", &text);
    let segment = walked(&segment_broken(), "110");
    let text = walk::walk(&segment, Colour::Off, Signs::Unicode);
    golden("walk-segment-broken.txt", &text);
    let none = walked(&Scene::healthy(), "10.9.9.9");
    let text = walk::walk(&none, Colour::Off, Signs::Unicode);
    assert_eq!(text.lines().next(), Some("No route: 10.9.9.9"));
}

#[test]
fn explanations() {
    golden("explain.txt", &explain::all(Colour::Off));
    for check in Check::ALL {
        let text = explain::one(check, Colour::Off);
        golden(&format!("explain-{check}.txt"), &text);
        assert_eq!(plain(&explain::one(check, Colour::On)), text);
        for line in text.lines().skip(1).filter(|line| !line.contains('\'')) {
            assert!(line.chars().count() <= 80, "{check}: {line}");
        }
    }
}

#[test]
fn what_is_bad_what_may_settle_and_what_waits_are_told_apart() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let found = |outcome, since| Finding {
        check: Check::RouteInKernel,
        object: None,
        subject: String::new(),
        outcome,
        since,
    };
    let words = || "x".to_owned();
    let bad = Outcome::Bad {
        expected: words(),
        seen: words(),
        hint: words(),
    };
    let unsettled = Outcome::Unsettled {
        expected: words(),
        seen: words(),
        hint: words(),
    };
    let waiting = Outcome::Pending {
        waiting_for: words(),
    };
    let findings = vec![
        found(bad, Some(at(895))),
        found(unsettled, Some(at(999))),
        found(waiting, None),
    ];
    let mut report = verify_report(&Scene::healthy());
    report.findings = findings;
    let text = verification(&report, Colour::Off);
    let rows: Vec<&str> = text
        .lines()
        .skip_while(|line| *line != "Not as it should be")
        .skip(2)
        .collect();
    let row = |number: usize| {
        rows[number]
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert!(row(0).starts_with("route-in-kernel bad 1m 45s -"), "{text}");
    assert!(
        row(1).starts_with("route-in-kernel not for long 1s -"),
        "{text}"
    );
    assert!(row(2).starts_with("route-in-kernel waiting - -"), "{text}");
    assert!(
        text.starts_with("Bad: 1 bad, 0 good, 1 not for long, 1 waiting\n"),
        "{text}"
    );
    let hint = "perouter explain route-in-kernel";
    assert_eq!(text.matches(hint).count(), 1, "{text}");
    assert!(text.trim_end().ends_with(hint), "{text}");
    report.findings.remove(0);
    let text = verification(&report, Colour::Off);
    assert!(!text.contains("perouter explain"), "{text}");
    assert!(
        text.starts_with("Undecided: 0 good, 1 not for long, 1 waiting\n"),
        "{text}"
    );
}

/// `text` without its colours.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        out.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    out + rest
}

#[test]
fn colour_changes_nothing_but_colour() {
    for scene in [Scene::healthy(), broken()] {
        let told = scene.report(None, 1000);
        let coloured = report(&told, Colour::On);
        assert!(coloured.contains('\x1b'));
        assert_eq!(plain(&coloured), report(&told, Colour::Off));
    }
}

#[test]
fn the_first_line_is_the_verdict() {
    let ready = report(&Scene::healthy().report(None, 1000), Colour::Off);
    assert_eq!(ready.lines().next(), Some("Ready"));
    let unready = report(&broken().report(None, 1000), Colour::Off);
    let first = unready.lines().next().unwrap();
    assert!(
        first.starts_with("Not ready: L3VNI default/red: Accepted: "),
        "{first}"
    );
}

/// Words of others can hold anything; they stay in their cell, and cannot colour a terminal.
#[test]
fn foreign_words_stay_in_their_line() {
    let mut scene = broken();
    scene.rejections[0].message = "one\ntwo\r\x1b[2Jthree".to_owned();
    let told = scene.report(None, 1000);
    let text = report(&told, Colour::Off);
    assert!(!text.contains('\x1b'));
    assert!(!text.contains('\r'));
    assert!(text.lines().any(|line| line.contains("one two")), "{text}");
}

#[test]
fn a_repair_is_told_with_its_first_step() {
    let mut scene = Scene::healthy();
    scene.repairs.push(Repair {
        at: Timestamp::from_second(940).unwrap(),
        steps: vec![
            "L3VNI default/red:".to_owned(),
            "  + router: link br-pe-100 type bridge".to_owned(),
            "  ~ router: link br-pe-100 up".to_owned(),
        ],
    });
    let text = report(&scene.report(None, 1000), Colour::Off);
    let told = text
        .lines()
        .find(|line| line.contains("br-pe-100"))
        .unwrap();
    assert_eq!(
        told.split_whitespace().collect::<Vec<_>>().join(" "),
        "1m 0s 2 L3VNI default/red: + router: link br-pe-100 type bridge"
    );
}

#[test]
fn a_port_that_is_taken_is_told() {
    let mut told = Scene::healthy().report(None, 1000);
    let listens = |told: &Report| report(told, Colour::Off);
    told.listen = Some(ListenReport {
        address: "127.0.0.1:9081".to_owned(),
        error: None,
    });
    assert!(!listens(&told).contains("9081"));
    told.listen = Some(ListenReport {
        address: "127.0.0.1:9081".to_owned(),
        error: Some("Address already in use".to_owned()),
    });
    let line = "no probes and metrics at 127.0.0.1:9081: Address already in use";
    assert!(listens(&told).lines().any(|of| of == line));
}
