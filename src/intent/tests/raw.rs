//! Lines of FRR configuration on their way to a node.

use super::{all, bad, first, from, then};
use crate::api::{Kind, Manifest};
use crate::intent::samples::{INDEX, raw_config};
use crate::intent::{Kept, Resolution, Unfit, resolve};

fn lines(name: &str, priority: u32) -> Manifest {
    raw_config(name, priority, "router bgp 1\n timers bgp 3 9\nexit\n")
}

fn order(resolution: &Resolution) -> Vec<&str> {
    let raw = resolution.intent.raw.iter();
    raw.map(|raw| raw.key.name.as_str()).collect()
}

#[test]
fn raw_objects_come_by_priority_and_then_by_name_however_they_are_read() {
    let objects = [lines("c", 5), lines("a", 10), lines("b", 5), lines("d", 0)];
    let mut backwards = objects.clone();
    backwards.reverse();
    for read in [objects, backwards] {
        assert_eq!(order(&first(read)), ["d", "b", "c", "a"]);
    }
}

#[test]
fn another_priority_is_another_place_and_an_object_that_is_gone_has_none() {
    let before = first([lines("a", 1), lines("b", 2)]);
    let after = then(&before, [lines("a", 3), lines("b", 2)]);
    assert_eq!(order(&after), ["b", "a"]);
    assert_eq!(order(&then(&after, [lines("a", 3)])), ["a"]);
}

#[test]
fn a_raw_object_that_is_wrong_now_keeps_its_last_good_lines() {
    let before = first([lines("a", 1)]);
    let read = all(vec![
        bad(Kind::RawFrrConfig, "a", "a.yaml"),
        from("b.yaml", lines("b", 0)),
    ]);
    let after = resolve(read, &before.accepted, &INDEX.into());
    assert_eq!(order(&after), ["b", "a"]);
    assert_eq!(after.intent.raw[1], before.intent.raw[0]);
    let kept = after.rejections.iter().map(|rejection| rejection.kept);
    assert_eq!(kept.collect::<Vec<_>>(), [Kept::LastGood]);
}

#[test]
fn of_a_raw_object_that_may_not_be_there_nothing_stays_and_no_other_gives_way_to_it() {
    let before = first([lines("a", 1)]);
    let mut barred = from("a.yaml", lines("a", 1));
    barred.manifest = Err(Unfit::Barred("a may not be here".to_owned()));
    let after = resolve(all(vec![barred.clone()]), &before.accepted, &INDEX.into());
    assert_eq!(order(&after), Vec::<&str>::new());
    assert!(after.accepted.is_empty());
    let told = after
        .rejections
        .iter()
        .map(|one| (one.message.as_str(), one.kept));
    assert_eq!(
        told.collect::<Vec<_>>(),
        [("a may not be here", Kept::Nothing)]
    );
    let beside = all(vec![barred, from("b.yaml", lines("a", 2))]);
    let beside = resolve(beside, &before.accepted, &INDEX.into());
    assert_eq!(order(&beside), ["a"]);
    assert_eq!(beside.intent.raw[0].spec.priority, 2);
}
