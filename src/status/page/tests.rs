use std::time::{Duration, Instant};

use base64::Engine as _;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::intent::Kept;
use crate::status::probe::Work;
use crate::status::report::tests::{Scene, many};
use crate::status::report::{DaemonMode, ListenReport, Repair};
use crate::verify::{Check, Finding, Outcome};

const SHORT: Wishes = Wishes {
    length: Length::Short,
    refresh: Refresh::Itself,
};
const ALL: Wishes = Wishes {
    length: Length::All,
    refresh: Refresh::Never,
};

/// What tries to be more than text.
const HOSTILE: &str =
    "</style></title><script>alert(1)</script>\"'><img src=x onerror=alert(1)>&lt;\u{202e}\n";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn progress() -> Progress {
    Progress {
        work: Work::Pass,
        at_it: Duration::from_secs(7),
        silent: Duration::from_secs(5),
    }
}

fn page(report: &Report, wishes: Wishes) -> String {
    render(Some(report), progress(), wishes, at(1003))
}

fn healthy() -> Report {
    Scene::healthy().report(None, 1000)
}

fn broken() -> Report {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    scene.reject(Kept::LastGood);
    scene.add_segment(1100);
    scene.repairs.push(Repair {
        at: at(900),
        steps: vec![
            "L3VNI default/red:".to_owned(),
            "  set br-pe-100 up".to_owned(),
        ],
    });
    scene.report(None, 1000)
}

/// Where each text stands first, which must be in this order.
fn in_order(html: &str, texts: &[&str]) {
    let at: Vec<usize> = texts
        .iter()
        .map(|text| html.find(text).unwrap_or_else(|| panic!("no {text}")))
        .collect();
    assert!(at.is_sorted(), "{texts:?} stand at {at:?}");
}

#[test]
fn the_style_is_the_one_that_browsers_are_told_of() {
    let hash = base64::prelude::BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let allowed = format!("style-src 'sha256-{hash}'");
    assert!(POLICY.contains(&allowed), "page.rs must say {allowed}");
    for reaches_out in ["url(", "@import", "@font-face", "</"] {
        assert!(!STYLE.contains(reaches_out), "{reaches_out}");
    }
    let html = page(&healthy(), SHORT);
    assert!(html.contains(STYLE));
    assert!(!html.contains(" style="), "it would not be allowed");
}

#[test]
fn the_verdict_comes_first_and_then_what_is_wrong() {
    let html = page(&broken(), SHORT);
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"en\">"));
    assert!(html.contains("<title>Not ready worker-1</title>"));
    in_order(
        &html,
        &[
            "<h1>",
            "Not ready</span>",
            "class=\"cause\"",
            "<code>route-in-kernel</code>",
            ">expected<",
            ">seen<",
            ">next<",
            ">Not taken <",
            "the version before",
            ">BGP sessions <",
            ">VNIs of VRFs <",
            ">Layer 2 segments <",
            ">1100<",
            ">Hop by hop <",
            ">Objects <",
            ">Changed by somebody else, and mended <",
            "set br-pe-100 up",
        ],
    );
    let html = page(&healthy(), SHORT);
    in_order(
        &html,
        &[
            "Ready</span>",
            "None: everything that was verified is as it should be.",
            "Nothing that belongs to perouter was changed",
        ],
    );
    assert!(!html.contains("class=\"cause\""));
}

#[test]
fn what_is_down_stands_above_what_is_up() {
    let mut report = many(20);
    report.sessions[15].established_seconds = None;
    report.sessions[15].state = "Active".to_owned();
    report.vnis[10].state = "Down".to_owned();
    let down = report.sessions[15].neighbor.clone();
    let html = page(&report, SHORT);
    in_order(
        &html,
        &[
            &format!("{}</b> sessions, 1 down", report.sessions.len()),
            &format!(
                "{}</b> VNIs, 1 down",
                report.vnis.len() + report.segments.len()
            ),
            &down,
            "Active",
            "Established",
            ">1010<",
            ">1001<",
        ],
    );
}

#[test]
fn every_check_is_a_row() {
    let html = page(&healthy(), SHORT);
    for check in Check::ALL {
        assert!(html.contains(&format!("<code>{check}</code>")), "{check}");
        assert!(html.contains(check.meaning()), "{check}");
    }
}

#[test]
fn before_the_first_report_it_says_what_the_agent_does() {
    let html = render(None, progress(), SHORT, at(1000));
    in_order(&html, &["Starting</span>", "it is in a pass, for 7 s."]);
}

#[test]
fn what_is_old_is_told() {
    let report = healthy();
    let old =
        |now| render(Some(&report), progress(), SHORT, at(now)).contains(" old. The agent is");
    assert!(!old(1000 + OLD));
    assert!(old(1001 + OLD));
    // A clock that was set back.
    assert!(!old(10));
}

#[test]
fn a_port_that_is_taken_is_told() {
    let mut report = healthy();
    report.listen = Some(ListenReport {
        address: "192.0.2.1:9081".to_owned(),
        error: Some("Address already in use".to_owned()),
    });
    let html = page(&report, SHORT);
    assert!(html.contains("Not served at 192.0.2.1:9081: Address already in use"));
}

#[test]
fn it_refreshes_itself_unless_asked_not_to() {
    let refreshes = |wishes| page(&healthy(), wishes).contains("http-equiv=\"refresh\"");
    assert!(refreshes(SHORT));
    assert!(!refreshes(ALL));
    let html = page(&healthy(), SHORT);
    assert!(html.contains("href=\"/?all\"") && html.contains("href=\"/?still\""));
    let html = page(&healthy(), ALL);
    assert!(html.contains("href=\"/?all\"") && html.contains("href=\"/?still\""));
}

#[test]
fn long_lists_are_cut_and_say_so() {
    let report = many(1000);
    let rows = |html: &str| html.matches("<th scope=\"row\">").count();
    let short = page(&report, SHORT);
    assert!(rows(&short) < 4 * ROWS, "{}", rows(&short));
    for (what, length) in [
        ("sessions", report.sessions.len()),
        ("objects", report.objects.len()),
        ("VNIs", report.vnis.len()),
    ] {
        assert!(length > 900, "{length} {what}");
        let more = format!("and {} more: ", length - ROWS);
        assert!(short.contains(&more), "{what}: {more}");
    }
    assert!(short.len() < 200_000, "{}", short.len());
    let begun = Instant::now();
    let all = page(&report, ALL);
    let took = begun.elapsed();
    assert!(rows(&all) > 3000, "{}", rows(&all));
    assert!(!all.contains(" more: "));
    println!(
        "page of 1000 VNIs: {} KiB, all of it {} KiB in {took:?}",
        short.len() / 1024,
        all.len() / 1024
    );
    assert!(took < Duration::from_secs(2), "{took:?}");
}

/// A report in which everything that can be text is hostile.
fn hostile() -> Report {
    let mut report = broken();
    let evil = || HOSTILE.to_owned();
    report.node = evil();
    report.cause = evil();
    report.frr.version = Some(evil());
    report.frr.daemons.insert(evil(), DaemonMode::Vty);
    report.listen = Some(ListenReport {
        address: evil(),
        error: Some(evil()),
    });
    for object in &mut report.objects {
        object.object.name = evil();
        object.object.namespace = evil();
        for condition in &mut object.conditions {
            condition.message = evil();
        }
    }
    for session in &mut report.sessions {
        (session.neighbor, session.state) = (evil(), evil());
        session.last_reset = Some(evil());
    }
    for vni in &mut report.vnis {
        vni.state = evil();
        (vni.router_mac, vni.rd) = (Some(evil()), Some(evil()));
    }
    for segment in &mut report.segments {
        (segment.state, segment.rd) = (evil(), Some(evil()));
    }
    let object = Some(report.objects[0].object.clone());
    let finding = |outcome| Finding {
        check: Check::VniUp,
        object: object.clone(),
        subject: evil(),
        outcome,
        since: None,
    };
    report.findings = vec![
        finding(Outcome::Bad {
            expected: evil(),
            seen: evil(),
            hint: evil(),
        }),
        finding(Outcome::MoreBad { count: 3 }),
        finding(Outcome::Pending {
            waiting_for: evil(),
        }),
    ];
    for rejection in &mut report.rejections {
        (rejection.source, rejection.message) = (evil(), evil());
        rejection.object = None;
    }
    for repair in &mut report.repairs {
        repair.steps = vec![evil(), evil()];
    }
    report
}

/// The names of tags, each as often as it is there.
fn tags(html: &str) -> Vec<&str> {
    let pieces = html.split('<').skip(1);
    pieces
        .filter_map(|piece| piece.split([' ', '>', '\n']).next())
        .collect()
}

#[test]
fn hostile_words_are_text_wherever_they_stand() {
    let html = page(&hostile(), ALL);
    let body = html.replace(STYLE, "");
    let known = [
        "!DOCTYPE", "html", "head", "meta", "title", "link", "style", "body", "header", "main",
        "nav", "section", "footer", "h1", "h2", "h3", "p", "a", "b", "bdi", "span", "code", "pre",
        "ul", "li", "dl", "dt", "dd", "div", "table", "thead", "tbody", "tr", "th", "td",
    ];
    for tag in tags(&body) {
        let name = tag.strip_prefix('/').unwrap_or(tag);
        assert!(known.contains(&name), "<{tag}");
    }
    assert_eq!(tags(&body).iter().filter(|tag| **tag == "style").count(), 1);
    assert!(
        !body.contains("onerror=alert(1)>"),
        "an attribute of its own"
    );
    let escaped = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;";
    assert!(
        body.matches(escaped).count() >= 40,
        "{}",
        body.matches(escaped).count()
    );
    // What was escaped already is not what was meant.
    assert!(body.contains("&amp;lt;"));
}

/// Colours that text and its ground have, light and dark (WCAG 2.2, 1.4.3).
#[test]
fn text_can_be_read() {
    let (dark_from, dark_to) = (
        STYLE.find("@media (prefers").unwrap(),
        STYLE.find("* {").unwrap(),
    );
    for colours in [&STYLE[..dark_from], &STYLE[dark_from..dark_to]] {
        let colour = |name: &str| {
            let (_, rest) = colours.split_once(&format!("--{name}: #")).unwrap();
            u32::from_str_radix(&rest[..6], 16).unwrap()
        };
        for (text, ground) in [
            ("text", "ground"),
            ("text", "raised"),
            ("muted", "ground"),
            ("muted", "raised"),
            ("link", "ground"),
            ("link", "raised"),
            ("good", "good-ground"),
            ("bad", "bad-ground"),
            ("wait", "wait-ground"),
        ] {
            let ratio = contrast(colour(text), colour(ground));
            assert!(ratio >= 4.5, "{text} on {ground}: {ratio:.2}");
        }
    }
}

fn contrast(one: u32, other: u32) -> f64 {
    let part = |colour: u32, shift: u32| {
        let value = f64::from(colour >> shift & 0xff) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    let light =
        |colour| 0.2126 * part(colour, 16) + 0.7152 * part(colour, 8) + 0.0722 * part(colour, 0);
    let (one, other) = (light(one) + 0.05, light(other) + 0.05);
    one.max(other) / one.min(other)
}
