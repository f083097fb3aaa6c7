//! What is said of what fails, time and again.

use super::{Failures, Line};
use crate::agent::execute::{Failure, Voice};
use crate::api::Kind;
use crate::api::types::ObjectKey;
use crate::intent::samples::key;

fn red() -> ObjectKey {
    key(Kind::L3Vni, "red")
}

fn blue() -> ObjectKey {
    key(Kind::L3Vni, "blue")
}

fn failure(object: &ObjectKey, message: &str) -> Failure {
    Failure {
        object: Some(object.clone()),
        message: message.to_owned(),
    }
}

fn fails(object: Option<ObjectKey>, message: &str) -> Line {
    Line::Fails(object, message.to_owned())
}

#[test]
fn what_fails_each_time_is_said_once_and_once_that_it_is_over() {
    let mut failures = Failures::default();
    let mut lines = Vec::new();
    for _ in 0..100 {
        lines.extend(failures.replace(vec![failure(&red(), "refused")]));
    }
    lines.extend(failures.replace(Vec::new()));
    lines.extend(failures.replace(Vec::new()));
    assert_eq!(
        lines,
        [fails(Some(red()), "refused"), Line::Over(Some(red()))]
    );
}

#[test]
fn other_words_and_other_objects_are_news() {
    let mut failures = Failures::default();
    failures.replace(vec![failure(&red(), "refused")]);
    let now = vec![failure(&red(), "refused"), failure(&blue(), "refused")];
    assert_eq!(failures.replace(now), [fails(Some(blue()), "refused")]);
    let now = vec![failure(&red(), "full")];
    let said = [fails(Some(red()), "full"), Line::Over(Some(blue()))];
    assert_eq!(failures.replace(now), said);
    assert_eq!(failures.all(), [failure(&red(), "full")]);
}

/// Two objects that undo each other's lines, for one: what is left to do is now the one's, now the
/// other's.
#[test]
fn words_that_take_turns_are_said_once_each_until_it_is_over() {
    let mut failures = Failures::default();
    let mut lines = 0;
    for _ in 0..10 {
        lines += failures.replace(vec![failure(&red(), "one")]).len();
        lines += failures.replace(vec![failure(&red(), "other")]).len();
    }
    assert_eq!(lines, 2);
    failures.replace(Vec::new());
    let again = failures.replace(vec![failure(&red(), "one")]);
    assert_eq!(again, [fails(Some(red()), "one")]);
}

#[test]
fn what_concerns_everything_is_one_line() {
    let mut failures = Failures::default();
    let all = || {
        vec![
            failure(&red(), "bgpd is gone"),
            failure(&blue(), "bgpd is gone"),
        ]
    };
    assert_eq!(failures.replace(all()), [fails(None, "bgpd is gone")]);
    assert_eq!(failures.replace(all()), []);
}

#[test]
fn a_plan_that_was_in_vain_is_executed_in_silence_until_all_is_well() {
    let mut failures = Failures::default();
    assert_eq!(failures.voice("vni 100"), Voice::Aloud);
    failures.in_vain("vni 100");
    assert_eq!(failures.voice("vni 100"), Voice::Hushed);
    assert_eq!(failures.voice("vni 200"), Voice::Aloud);
    failures.settled();
    assert_eq!(failures.voice("vni 100"), Voice::Aloud);
}
