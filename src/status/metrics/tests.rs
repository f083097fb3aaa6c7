mod deployed;
pub(crate) mod exposition;

use std::time::Instant;

use std::time::Duration;

use super::*;
use crate::status::probe::Work;
use crate::status::report::tests::{Scene, many};
use crate::verify::Check;
use exposition::{Exposition, Kind};

fn meters() -> Meters {
    Meters::new(["start", "kernel"])
}

fn scraped(report: Option<Report>) -> Scraped {
    Scraped {
        report: report.map(Arc::new),
        progress: Progress {
            work: Work::Waiting,
            at_it: Duration::from_secs(2),
            silent: Duration::from_millis(1500),
        },
        process: Some(Process {
            resident_bytes: 20_000_000,
            cpu_seconds: 1.25,
            start_seconds: 1_700_000_000.0,
            open_fds: 31,
            max_fds: Some(1024),
        }),
    }
}

/// What is exported for a report, read as strictly as can be.
pub(crate) fn exported(report: Option<Report>) -> Exposition {
    let text = render(&meters(), scraped(report)).unwrap();
    Exposition::read(&text)
}

fn healthy() -> Report {
    Scene::healthy().report(None, 1000)
}

#[test]
fn names_follow_the_conventions() {
    let exported = exported(Some(healthy()));
    for (name, kind) in &exported.families {
        assert!(
            name.starts_with("perouter_") || name.starts_with("process_"),
            "{name}"
        );
        assert_eq!(*kind == Kind::Counter, name.ends_with("_total"), "{name}");
        for word in ["milliseconds", "_ms", "minutes", "kilobytes"] {
            assert!(!name.contains(word), "{name} is not in base units");
        }
    }
}

#[test]
fn a_healthy_node_says_so() {
    let exported = exported(Some(healthy()));
    assert_eq!(exported.one("perouter_ready", &[]), 1.0);
    let host = [("kind", "host"), ("vrf", "red"), ("peer", "192.169.10.2")];
    assert_eq!(exported.one("perouter_bgp_session_up", &host), 1.0);
    let fabric = [("kind", "fabric"), ("vrf", "default"), ("peer", "10.0.1.1")];
    assert_eq!(exported.one("perouter_bgp_session_up", &fabric), 1.0);
    let evpn = [fabric.as_slice(), &[("family", "l2VpnEvpn")]].concat();
    assert!(exported.one("perouter_bgp_prefixes_received", &evpn) > 0.0);
    assert!(exported.one("perouter_bgp_prefixes_sent", &evpn) > 0.0);
    let vni = [("kind", "l3"), ("vni", "100"), ("vrf", "red")];
    assert_eq!(exported.one("perouter_vni_up", &vni), 1.0);
    let ready = [
        ("kind", "L3VNI"),
        ("namespace", "default"),
        ("name", "red"),
        ("type", "Ready"),
        ("status", "True"),
    ];
    assert_eq!(exported.one("perouter_object_condition", &ready), 1.0);
    assert_eq!(exported.one("perouter_drift_repaired_total", &[]), 2.0);
    let vty = [("interface", "vty")];
    assert_eq!(exported.one("perouter_frr_errors_total", &vty), 3.0);
    let driven = [("daemon", "zebra"), ("mode", "northbound")];
    assert_eq!(exported.one("perouter_frr_daemon_mode", &driven), 1.0);
    let by_vty = [("daemon", "zebra"), ("mode", "vty")];
    assert_eq!(exported.one("perouter_frr_daemon_mode", &by_vty), 0.0);
    assert_eq!(
        exported.one("perouter_last_verification_timestamp_seconds", &[]),
        999.0
    );
    assert_eq!(exported.one("process_cpu_seconds_total", &[]), 1.25);
    assert_eq!(exported.one("perouter_loop_silence_seconds", &[]), 1.5);
}

#[test]
fn every_check_is_counted_even_where_there_is_nothing_to_count() {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    let exported = exported(Some(scene.report(None, 1000)));
    for check in Check::ALL {
        for outcome in ["good", "bad", "pending"] {
            let labels = [("check", check.name()), ("outcome", outcome)];
            let bad = outcome == "bad" && check == Check::RouteInKernel;
            let count = exported.one("perouter_findings", &labels);
            assert_eq!(outcome == "bad" && count > 0.0, bad, "{labels:?} {count}");
        }
    }
    assert_eq!(exported.one("perouter_ready", &[]), 0.0);
}

#[test]
fn a_segment_is_up_when_bgpd_has_it() {
    use crate::verify::facts::VniKind;
    let mut scene = Scene::healthy();
    scene.add_segment(1100);
    let up = |scene: &Scene| {
        let exported = exported(Some(scene.report(None, 1000)));
        exported.one("perouter_vni_up", &[("kind", "l2"), ("vni", "1100")])
    };
    assert_eq!(up(&scene), 0.0);
    let bgp = scene.facts.bgp_vnis.as_mut().unwrap();
    let mut l2 = bgp.values().next().unwrap().clone();
    l2.kind = VniKind::L2;
    bgp.insert(1100_u32.try_into().unwrap(), l2);
    assert_eq!(up(&scene), 1.0);
}

#[test]
fn the_loop_is_counted_by_cause() {
    let meters = meters();
    let took = Duration::from_millis(30);
    let at = Timestamp::from_second(500).unwrap();
    meters.passed("kernel", took, Passed::Well, at);
    let later = Timestamp::from_second(600).unwrap();
    meters.passed("kernel", took, Passed::Badly, later);
    meters.applied(took);
    meters.verified(Extent::Vrfs, took);
    let text = render(&meters, scraped(None)).unwrap();
    let exported = Exposition::read(&text);
    let kernel = [("cause", "kernel")];
    assert_eq!(exported.one("perouter_passes_total", &kernel), 2.0);
    assert_eq!(exported.one("perouter_pass_failures_total", &kernel), 1.0);
    let start = [("cause", "start")];
    assert_eq!(exported.one("perouter_passes_total", &start), 0.0);
    assert_eq!(exported.one("perouter_pass_failures_total", &start), 0.0);
    assert_eq!(
        exported.one("perouter_last_successful_pass_timestamp_seconds", &[]),
        500.0
    );
    for (of, count) in [("pass", 2.0), ("apply", 1.0)] {
        let name = format!("perouter_{of}_duration_seconds_count");
        assert_eq!(exported.one(&name, &[]), count, "{name}");
        let bucket = format!("perouter_{of}_duration_seconds_bucket");
        assert_eq!(exported.one(&bucket, &[("le", "0.0625")]), count);
    }
    let verifications = "perouter_verification_duration_seconds_count";
    for (scope, count) in [("all", 0.0), ("vrfs", 1.0)] {
        assert_eq!(exported.one(verifications, &[("scope", scope)]), count);
    }
}

#[test]
fn before_the_first_report_there_is_only_what_is_known() {
    let exported = exported(None);
    assert_eq!(
        exported.one(
            "perouter_build_info",
            &[("version", env!("CARGO_PKG_VERSION"))]
        ),
        1.0
    );
    assert!(exported.samples_of("perouter_ready").next().is_none());
}

#[test]
fn hostile_words_stay_in_their_label() {
    let mut report = healthy();
    let hostile = "a\"} 1\nevil_metric{x=\"\\".to_owned();
    report.sessions[0].neighbor.clone_from(&hostile);
    report.objects[0].object.name.clone_from(&hostile);
    let exported = exported(Some(report));
    assert_eq!(
        exported.one("perouter_bgp_session_up", &[("peer", &hostile)]),
        1.0
    );
    assert!(!exported.families.contains_key("evil_metric"));
}

/// Peers, VNIs and objects are as many as somebody configured; routes are not.
#[test]
fn no_label_is_a_prefix() {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    let exported = exported(Some(scene.report(None, 1000)));
    for sample in &exported.samples {
        for (label, value) in &sample.labels {
            assert!(
                value.parse::<ipnet::IpNet>().is_err(),
                "{}: {label}={value}",
                sample.name
            );
        }
    }
}

#[test]
fn a_thousand_vnis_are_scraped_in_little_time() {
    let meters = meters();
    let scraped = scraped(Some(many(1000)));
    let text = render(&meters, scraped.clone()).unwrap();
    let begun = Instant::now();
    const TIMES: u32 = 5;
    for _ in 0..TIMES {
        render(&meters, scraped.clone()).unwrap();
    }
    let took = begun.elapsed() / TIMES;
    let lines = text.lines().count();
    println!(
        "metrics of 1000 VNIs: {lines} lines, {} KiB, {took:?} a scrape",
        text.len() / 1024
    );
    assert!(text.len() < 3 << 20, "{} bytes", text.len());
    assert!(took < Duration::from_secs(2), "{took:?}");
    Exposition::read(&text);
}
