//! Golden files. `PEROUTER_WRITE_GOLDEN=1` writes them anew; look at the difference then.

use std::path::PathBuf;

use super::*;
use crate::intent::Kept;
use crate::status::Timestamp;
use crate::status::report::Repair;
use crate::status::report::tests::Scene;

fn golden(name: &str, text: &str) {
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

fn broken() -> Scene {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    scene.reject(Kept::LastGood);
    scene
}

fn verify_report(scene: &Scene) -> VerifyReport {
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
