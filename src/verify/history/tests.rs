use super::*;

const PEER: &str = "10.0.1.1";

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_000 + milliseconds).expect("a time")
}

fn finding(check: Check, subject: &str, outcome: Outcome) -> Finding {
    Finding {
        check,
        object: None,
        subject: subject.to_owned(),
        outcome,
        since: None,
    }
}

fn good(check: Check, subject: &str) -> Finding {
    let seen = String::new();
    finding(check, subject, Outcome::Good { count: 1, seen })
}

fn bad(check: Check, subject: &str) -> Finding {
    let words = || "words".to_owned();
    let outcome = Outcome::Bad {
        expected: words(),
        seen: words(),
        hint: words(),
    };
    finding(check, subject, outcome)
}

/// Whether each of the findings counts as broken.
fn broken(history: &mut History, found: Vec<Finding>, milliseconds: i64) -> Vec<bool> {
    let judged = history.judge(found, at(milliseconds));
    judged.iter().map(Finding::is_bad).collect()
}

#[test]
fn a_session_that_was_up_is_broken_at_once_and_one_that_never_was_has_time() {
    let check = Check::UnderlaySession;
    let mut history = History::new();
    let starting = || vec![good(check, "10.0.2.1"), bad(check, PEER)];
    assert_eq!(broken(&mut history, starting(), 0), [false, false]);
    assert_eq!(broken(&mut history, starting(), 19_999), [false, false]);
    assert_eq!(broken(&mut history, starting(), 20_000), [false, true]);
    let lost = vec![bad(check, "10.0.2.1"), bad(check, PEER)];
    assert_eq!(broken(&mut history, lost, 20_001), [true, true]);
}

#[test]
fn what_turned_good_in_between_begins_anew() {
    let check = Check::RouteInKernel;
    let mut history = History::new();
    broken(&mut history, vec![good(check, "")], 0);
    let route = || vec![bad(check, "172.16.1.0/24")];
    assert_eq!(broken(&mut history, route(), 100), [false]);
    assert_eq!(broken(&mut history, vec![good(check, "")], 600), [false]);
    assert_eq!(broken(&mut history, route(), 1_000), [false]);
    assert_eq!(broken(&mut history, route(), 1_799), [false]);
    assert_eq!(broken(&mut history, route(), 1_800), [true]);
}

#[test]
fn it_is_told_since_when() {
    let check = Check::FdbEntry;
    let mut history = History::new();
    let found = || vec![bad(check, "a"), good(check, "")];
    for time in [0, 500, 5_000] {
        let judged = history.judge(found(), at(time));
        assert_eq!(judged[0].since, Some(at(0)), "at {time} ms");
        assert_eq!(judged[1].since, None);
    }
}

#[test]
fn what_is_unsettled_keeps_its_words_and_is_neither_good_nor_bad() {
    let mut history = History::new();
    let judged = history.judge(vec![bad(Check::RouterMac, "")], at(0));
    let [one] = judged.as_slice() else {
        panic!("{judged:?}");
    };
    assert!(!one.is_bad() && !one.is_good());
    let words = "router-mac: expected words; seen, not for long: words";
    assert_eq!(one.to_string(), words);
}

#[test]
fn an_object_that_went_is_forgotten() {
    let check = Check::HostSession;
    let mut history = History::new();
    broken(&mut history, vec![good(check, PEER)], 0);
    broken(&mut history, Vec::new(), 1);
    assert_eq!(broken(&mut history, vec![bad(check, PEER)], 2), [false]);
    assert_eq!(history.proven.len(), 0);
    broken(&mut history, Vec::new(), 3);
    assert_eq!(history.bad.len(), 0);
}

#[test]
fn a_clock_that_is_set_back_makes_nothing_worse() {
    let mut history = History::new();
    let found = || vec![bad(Check::VniUp, "")];
    assert_eq!(broken(&mut history, found(), 60_000), [false]);
    assert_eq!(broken(&mut history, found(), 0), [false]);
}
