//! What changed since the last pass.
//!
//! Looking for it compares all that there is, but derives and copies nothing.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Range;

/// Where two lists differ: what is before and after it is the same in both.
pub(super) fn middle<A, B>(
    before: &[A],
    now: &[B],
    same: impl Fn(&A, &B) -> bool,
) -> (Range<usize>, Range<usize>) {
    let pairs = before.iter().zip(now);
    let head = pairs.take_while(|(old, new)| same(old, new)).count();
    let rest = |len: usize| len - head;
    let pairs = before.iter().rev().zip(now.iter().rev());
    let tail = pairs.take(rest(before.len()).min(rest(now.len())));
    let tail = tail.take_while(|(old, new)| same(old, new)).count();
    (head..before.len() - tail, head..now.len() - tail)
}

/// The entries of two lists in which they differ, with all in between.
pub(super) fn changed<'a, T: PartialEq>(
    before: &'a [T],
    now: &'a [T],
) -> impl Iterator<Item = &'a T> {
    let (old, new) = middle(before, now, T::eq);
    let parts = [before.get(old), now.get(new)];
    parts.into_iter().flatten().flatten()
}

/// The keys of which two maps say something else, in their order.
pub(super) fn differing<'a, K: Ord, V: PartialEq>(
    before: &'a BTreeMap<K, V>,
    now: &'a BTreeMap<K, V>,
) -> Vec<&'a K> {
    let (mut before, mut now) = (before.iter().peekable(), now.iter().peekable());
    let mut keys = Vec::new();
    loop {
        let order = match (before.peek(), now.peek()) {
            (None, None) => return keys,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = before.next_if(|_| order != Ordering::Greater);
        let new = now.next_if(|_| order != Ordering::Less);
        if old.map(|(_, value)| value) != new.map(|(_, value)| value) {
            keys.extend(old.or(new).map(|(key, _)| key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_differ_in_what_is_between_the_same_beginning_and_the_same_end() {
        let cases: [(&[u8], &[u8], &[u8]); 7] = [
            (&[], &[], &[]),
            (&[1, 2], &[1, 2], &[]),
            (&[1, 3], &[1, 2, 3], &[2]),
            (&[1, 2, 3], &[1, 3], &[2]),
            (&[1, 1], &[1, 1, 1], &[1]),
            (&[1, 2, 3], &[3, 2, 1], &[1, 2, 3, 3, 2, 1]),
            (&[], &[7], &[7]),
        ];
        for (before, now, expected) in cases {
            let found: Vec<u8> = changed(before, now).copied().collect();
            assert_eq!(found, expected, "{before:?} {now:?}");
        }
    }

    #[test]
    fn maps_differ_in_what_came_went_or_has_another_value() {
        let before = BTreeMap::from([(1, 'a'), (2, 'b'), (4, 'd'), (9, 'z')]);
        let now = BTreeMap::from([(0, 'n'), (1, 'a'), (2, 'B'), (3, 'c'), (9, 'z')]);
        assert_eq!(differing(&before, &now), [&0, &2, &3, &4]);
        assert_eq!(differing(&before, &before), Vec::<&i32>::new());
    }
}
