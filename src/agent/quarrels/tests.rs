//! How often a quarrel is told of.

use std::time::Duration;

use super::{Quarrels, Voice};
use crate::status::Timestamp;

fn at(milliseconds: u64) -> Timestamp {
    Timestamp::UNIX_EPOCH + Duration::from_millis(milliseconds)
}

/// The times at which it is told, of so many, a quarter of a second apart.
fn told(quarrels: &mut Quarrels, times: u64) -> Vec<u64> {
    (0..times)
        .map(|time| quarrels.mended("link vni110 up", at(time * 250)))
        .filter(|(_, voice)| *voice == Voice::Aloud)
        .map(|(times, _)| times)
        .collect()
}

#[test]
fn a_quarrel_is_told_of_ever_more_rarely() {
    let mut quarrels = Quarrels::default();
    assert_eq!(told(&mut quarrels, 2000), [1, 2, 3, 10, 100, 1000]);
}

#[test]
fn its_steps_are_as_loud_as_it_is() {
    let mut quarrels = Quarrels::default();
    assert_eq!(quarrels.voice("link vni110 up"), Voice::Aloud);
    told(&mut quarrels, 4);
    assert_eq!(quarrels.voice("link vni110 up"), Voice::Hushed);
    assert_eq!(quarrels.voice("link vni120 up"), Voice::Aloud);
}

#[test]
fn another_one_is_told_of_by_itself() {
    let mut quarrels = Quarrels::default();
    told(&mut quarrels, 50);
    let other = quarrels.mended("link vni120 up", at(0));
    assert_eq!(other, (1, Voice::Aloud));
}

#[test]
fn after_a_calm_minute_it_is_news_again() {
    let mut quarrels = Quarrels::default();
    for time in 0..50 {
        quarrels.mended("link vni110 up", at(time));
    }
    let (times, voice) = quarrels.mended("link vni110 up", at(59_000));
    assert_eq!((times, voice), (51, Voice::Hushed));
    let again = quarrels.mended("link vni110 up", at(59_000 + 60_000));
    assert_eq!(again, (1, Voice::Aloud));
}
