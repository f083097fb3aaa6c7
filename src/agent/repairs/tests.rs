//! When something counts as mended.

use std::time::Duration;

use super::{KEPT, Repairs};
use crate::status::Timestamp;

fn at(seconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn begin(repairs: &mut Repairs, step: &str, found: Timestamp) {
    repairs.begin(1, vec![step.to_owned()], found);
}

#[test]
fn what_is_tried_in_vain_is_not_mended() {
    let mut repairs = Repairs::default();
    begin(&mut repairs, "+ router: link vni100", at(0));
    assert_eq!(repairs.steps(), 0);
    assert!(repairs.last().is_empty());
    // What failed was tried again later, and nothing was left to be done.
    repairs.finish();
    assert_eq!(repairs.steps(), 1);
    let [repair] = repairs.last() else {
        panic!("{repairs:?}");
    };
    assert_eq!(repair.at, at(0));
    assert_eq!(repair.steps, ["+ router: link vni100"]);
    repairs.finish();
    assert_eq!(repairs.steps(), 1, "it is mended once");
}

#[test]
fn what_nobody_wants_any_more_is_never_mended() {
    let mut repairs = Repairs::default();
    begin(&mut repairs, "+ router: link vni100", at(0));
    repairs.give_up();
    repairs.finish();
    assert_eq!(repairs.steps(), 0);
    assert!(repairs.last().is_empty());
}

#[test]
fn the_last_ones_are_remembered() {
    let mut repairs = Repairs::default();
    for time in 0..=KEPT as u64 {
        begin(&mut repairs, &format!("step {time}"), at(time));
        repairs.finish();
    }
    assert_eq!(repairs.steps(), KEPT as u64 + 1);
    let first = repairs.last().first().map(|repair| repair.at);
    assert_eq!((repairs.last().len(), first), (KEPT, Some(at(1))));
}
