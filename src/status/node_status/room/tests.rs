use super::*;
use crate::status::condition::{Condition, ConditionStatus, ConditionType, Reason};
use crate::status::node_status::node_status;
use crate::status::report::tests::many;
use crate::status::report::{Report, Verdict};

/// So many objects that fail, each in words of its own.
fn failing(count: usize, name: impl Fn(usize) -> String, message: &str) -> Report {
    let mut report = many(count);
    report.verdict = Verdict::NotReady;
    report.cause = "L3VNI default/red".to_owned();
    for (number, object) in report.objects.iter_mut().enumerate() {
        object.object.name = name(number);
        let failed = |condition: &mut Condition| {
            condition.status = ConditionStatus::False;
            condition.message = format!("{number}: {message}");
            condition.reason = match condition.kind {
                ConditionType::Ready => Reason::NotReady,
                ConditionType::Accepted
                | ConditionType::Programmed
                | ConditionType::SessionsEstablished
                | ConditionType::RoutesExchanged => Reason::VerificationFailed,
            };
        };
        object.conditions.iter_mut().skip(1).for_each(failed);
    }
    report
}

fn short(number: usize) -> String {
    format!("vrf{number}")
}

/// A name as long as one may be.
fn long(number: usize) -> String {
    format!("{number:04}{}", "n".repeat(249))
}

fn named(status: &NodeStatus) -> usize {
    let lines = status.objects.iter().map(|alike| alike.objects().count());
    lines.sum()
}

fn longest(status: &NodeStatus) -> usize {
    let all = status.objects.iter().flat_map(|alike| &alike.not_true);
    all.map(|it| it.message.len()).max().unwrap_or_default()
}

/// What the node says of itself.
fn said(status: &NodeStatus) -> &str {
    &status.conditions[0].message
}

#[test]
fn what_fits_is_told_as_it_is_and_need_not_be_written_out_for_that() {
    let well = node_status(&many(1000));
    assert!(at_most(&well) <= WHOLE, "{}", at_most(&well));
    let failing = node_status(&failing(100, short, &"m".repeat(600)));
    assert_eq!((longest(&failing), named(&failing)), (500, 101));
    assert!(!said(&failing).contains("left out"), "{}", said(&failing));
    for status in [well, failing] {
        assert!(at_most(&status) >= size(&status));
        assert_eq!(size(&status), serde_json::to_string(&status).unwrap().len());
    }
}

#[test]
fn whatever_is_in_it_there_is_no_less_than_was_reckoned() {
    let status = node_status(&failing(10, short, &"\u{1}\"\\ü".repeat(20)));
    assert!(at_most(&status) >= size(&status));
}

#[test]
fn messages_become_shorter_before_anything_is_left_out() {
    let words = "FRR refused this line ".repeat(30);
    let status = node_status(&failing(1000, short, &words));
    assert!(size(&status) <= WHOLE, "{}", size(&status));
    assert_eq!((longest(&status), named(&status)), (80, 1001));
    assert_eq!(status.failed_resources.len(), 1001);
    assert_eq!(said(&status), "L3VNI default/red");
}

#[test]
fn messages_go_before_objects() {
    let status = node_status(&failing(4000, short, &"\"quoted\"".repeat(100)));
    assert!(size(&status) <= WHOLE, "{}", size(&status));
    assert_eq!((longest(&status), named(&status)), (0, 4001));
    let failed = &status.failed_resources;
    assert_eq!(failed.len(), 1024);
    assert!(failed.iter().all(|it| !it.message.is_empty()));
    let left_out = "L3VNI default/red; 2977 more that failed are left out here";
    assert_eq!(said(&status), left_out);
}

#[test]
fn the_largest_of_all_fits_and_says_what_is_left_out() {
    let status = node_status(&failing(5000, long, &"m".repeat(600)));
    assert!(size(&status) <= WHOLE, "{}", size(&status));
    let (failed, objects) = (status.failed_resources.len(), named(&status));
    assert!(failed <= 512 && objects > 1000, "{failed} of {objects}");
    let left_out = format!(
        "L3VNI default/red; {} more that failed are left out here",
        5001 - failed
    );
    assert!(said(&status).starts_with(&left_out), "{}", said(&status));
    let left_out = format!("; {} more objects are left out here", 5001 - objects);
    assert!(said(&status).ends_with(&left_out), "{}", said(&status));
}

#[test]
fn there_is_less_and_less_room_until_there_is_none() {
    let rooms = std::iter::successors(Some(Room::MOST), |room| room.less());
    let rooms: Vec<Room> = rooms.collect();
    assert!(rooms.len() < 32, "{}", rooms.len());
    let none = Room {
        message: 0,
        failed: 0,
        objects: 0,
    };
    assert_eq!(rooms.last(), Some(&none));
}
