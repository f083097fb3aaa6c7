use super::*;
use crate::verify::{Check, Outcome};

#[test]
fn requests_read_back() {
    let walks = [
        "100",
        "16777215",
        "172.16.2.0/24",
        "172.16.2.7",
        "2001:db8:1111:2222:3333:4444:5555:6666/128",
    ];
    let walks = walks.map(|target| Request::Walk(target.parse().unwrap()));
    let plain = [Request::Status, Request::Verify, Request::Plan];
    for request in plain.into_iter().chain(walks) {
        let line = format!("{request}\n");
        assert!(line.len() <= LONGEST_REQUEST, "{line}");
        assert_eq!(line.parse(), Ok(request));
        assert_eq!(line.trim_end().parse(), Ok(request));
    }
}

#[test]
fn other_lines_are_refused_by_name() {
    for line in [
        "",
        "\n",
        "Status\n",
        "status now\n",
        " status",
        "statu",
        "verify ",
        "verify red",
        "verify 0",
        "verify 100 200",
        "plan 100",
    ] {
        let refused = line.parse::<Request>().unwrap_err();
        let words = refused.to_string();
        assert!(
            words.contains("status, verify, verify VNI|PREFIX|ADDRESS, plan"),
            "{words}"
        );
    }
}

#[test]
fn answers_read_back() {
    let report = VerifyReport {
        node: "n1".to_owned(),
        at: Timestamp::from_second(1_795_378_993).unwrap(),
        took_ms: 12,
        findings: vec![Finding {
            check: Check::RouteInKernel,
            object: Some("L3VNI default/red".parse().unwrap()),
            subject: "172.16.2.0/24".to_owned(),
            outcome: Outcome::Bad {
                expected: "a".to_owned(),
                seen: "b".to_owned(),
                hint: "c".to_owned(),
            },
            since: Some(Timestamp::from_second(1_795_378_000).unwrap()),
        }],
    };
    let text = serde_json::to_string(&Answer::Ok(&report)).unwrap();
    assert_eq!(
        text,
        concat!(
            r#"{"ok":{"node":"n1","at":"2026-11-22T20:23:13Z","tookMs":12,"findings":[{"#,
            r#""check":"route-in-kernel","object":"L3VNI default/red","subject":"172.16.2.0/24","#,
            r#""outcome":"bad","expected":"a","seen":"b","hint":"c","#,
            r#""since":"2026-11-22T20:06:40Z"}]}}"#
        )
    );
    let back: Answer<VerifyReport> = serde_json::from_str(&text).unwrap();
    assert_eq!(back, Answer::Ok(report));
    let refusal = Answer::<VerifyReport>::Error("not yet".to_owned());
    let text = serde_json::to_string(&refusal).unwrap();
    assert_eq!(text, r#"{"error":"not yet"}"#);
    let back: Answer<VerifyReport> = serde_json::from_str(&text).unwrap();
    assert_eq!(back, refusal);
}

#[test]
fn every_outcome_reads_back() {
    for outcome in [
        Outcome::Good {
            count: 7,
            seen: "x".to_owned(),
        },
        Outcome::Good {
            count: 0,
            seen: String::new(),
        },
        Outcome::Unsettled {
            expected: "a".to_owned(),
            seen: "b".to_owned(),
            hint: "c".to_owned(),
        },
        Outcome::MoreBad { count: 3 },
        Outcome::Pending {
            waiting_for: "vni-up".to_owned(),
        },
    ] {
        let finding = Finding {
            check: Check::VniUp,
            object: None,
            subject: String::new(),
            outcome,
            since: None,
        };
        let text = serde_json::to_string(&finding).unwrap();
        let back: Finding = serde_json::from_str(&text).unwrap();
        assert_eq!(back, finding, "{text}");
    }
}

#[test]
fn checks_read_back() {
    for check in Check::ALL {
        assert_eq!(check.name().parse(), Ok(check));
        let json = serde_json::to_string(&check).unwrap();
        assert_eq!(json, format!("\"{}\"", check.name()));
        assert!(!check.meaning().is_empty());
    }
    assert!("route".parse::<Check>().is_err());
}
