//! Findings as they come and go, and what is said of them.

use super::{News, Said};
use crate::verify::finding::{Check, Finding, Outcome};

fn finding(check: Check, subject: &str, outcome: Outcome) -> Finding {
    Finding {
        check,
        object: None,
        subject: subject.to_owned(),
        outcome,
        since: None,
    }
}

fn bad(subject: &str) -> Finding {
    let outcome = Outcome::Bad {
        expected: "Established".to_owned(),
        seen: "Active".to_owned(),
        hint: "see it".to_owned(),
    };
    finding(Check::UnderlaySession, subject, outcome)
}

fn unsettled(subject: &str) -> Finding {
    let outcome = Outcome::Unsettled {
        expected: "Established".to_owned(),
        seen: "Active".to_owned(),
        hint: "see it".to_owned(),
    };
    finding(Check::UnderlaySession, subject, outcome)
}

fn good(subject: &str) -> Finding {
    let outcome = Outcome::Good {
        count: 1,
        seen: String::new(),
    };
    finding(Check::UnderlaySession, subject, outcome)
}

fn pending(check: Check) -> Finding {
    let outcome = Outcome::Pending {
        waiting_for: "bfd-session".to_owned(),
    };
    finding(check, "", outcome)
}

/// What is said, in short.
fn said(said: &mut Said, findings: &[Finding]) -> Vec<String> {
    let news = said.news(findings);
    news.iter()
        .map(|news| match news {
            News::Bad(finding) => format!("bad: {}", finding.subject),
            News::Over { .. } => news.to_string(),
        })
        .collect()
}

#[test]
fn a_session_that_flaps_costs_a_line_a_change_however_often_it_is_looked_at() {
    let mut all = Said::default();
    let mut lines = 0;
    for _ in 0..20 {
        for _ in 0..10 {
            lines += said(&mut all, &[bad("10.0.1.1"), good("10.0.2.1")]).len();
        }
        for _ in 0..10 {
            lines += said(&mut all, &[good("10.0.1.1"), good("10.0.2.1")]).len();
        }
    }
    assert_eq!(lines, 40);
}

#[test]
fn what_changes_only_in_its_words_is_said_once() {
    let mut all = Said::default();
    assert_eq!(said(&mut all, &[bad("10.0.1.1")]), ["bad: 10.0.1.1"]);
    let mut other = bad("10.0.1.1");
    if let Outcome::Bad { seen, .. } = &mut other.outcome {
        "Idle".clone_into(seen);
    }
    assert_eq!(said(&mut all, &[other]), [""; 0]);
}

#[test]
fn what_cannot_be_told_is_not_over() {
    let mut all = Said::default();
    said(&mut all, &[bad("10.0.1.1")]);
    assert_eq!(said(&mut all, &[pending(Check::UnderlaySession)]), [""; 0]);
    assert_eq!(said(&mut all, &[bad("10.0.1.1")]), [""; 0]);
    assert_eq!(said(&mut all, &[unsettled("10.0.1.1")]), [""; 0]);
    let others = [pending(Check::BfdSession), unsettled("10.0.2.1")];
    let over = ["over: underlay-session 10.0.1.1"];
    assert_eq!(said(&mut all, &others), over);
}

#[test]
fn what_nobody_wants_any_more_is_over() {
    let mut all = Said::default();
    said(&mut all, &[bad("10.0.1.1"), bad("10.0.2.1")]);
    assert_eq!(
        said(&mut all, &[bad("10.0.2.1")]),
        ["over: underlay-session 10.0.1.1"]
    );
    assert_eq!(said(&mut all, &[]), ["over: underlay-session 10.0.2.1"]);
    assert_eq!(said(&mut all, &[]), [""; 0]);
}

#[test]
fn what_is_unsettled_is_no_news_yet() {
    let mut all = Said::default();
    assert_eq!(said(&mut all, &[unsettled("10.0.1.1")]), [""; 0]);
    assert_eq!(said(&mut all, &[good("10.0.1.1")]), [""; 0]);
}
