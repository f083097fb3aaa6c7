//! Candidates and a lease, with clocks that stand still until they are moved.

use super::*;

fn timing() -> Timing {
    let seconds = Duration::from_secs;
    Timing::new(seconds(15), seconds(10), seconds(2)).unwrap()
}

fn candidate(name: &str) -> Candidate {
    Candidate::new(name.to_owned(), timing())
}

fn wall(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn taken(step: Step) -> LeaseSpec {
    match step {
        Step::Take(spec) => spec,
        Step::Wait { holder } => panic!("waits for {holder}"),
    }
}

#[test]
fn times_that_do_not_fit_together_are_refused() {
    let new = |duration, deadline, period| {
        let seconds = Duration::from_secs;
        Timing::new(seconds(duration), seconds(deadline), seconds(period))
    };
    assert!(new(15, 10, 2).is_ok());
    assert!(matches!(new(10, 10, 2), Err(TimingError::Deadline(..))));
    assert!(matches!(new(15, 10, 5), Err(TimingError::Period(..))));
    assert!(matches!(new(15, 10, 0), Err(TimingError::Period(..))));
}

#[test]
fn a_lease_that_is_missing_is_made() {
    let now = Instant::now();
    let spec = taken(candidate("a").step(now, wall(7)));
    assert_eq!(spec.holder_identity.as_deref(), Some("a"));
    assert_eq!(spec.lease_duration_seconds, Some(15));
    assert_eq!(spec.lease_transitions, Some(0));
    assert_eq!(spec.acquire_time, Some(MicroTime(wall(7))));
    assert_eq!(spec.renew_time, Some(MicroTime(wall(7))));
}

#[test]
fn its_own_lease_is_renewed_and_keeps_its_beginning() {
    let now = Instant::now();
    let mut a = candidate("a");
    let mut spec = taken(a.step(now, wall(7)));
    spec.lease_transitions = Some(3);
    a.see(Some(&spec), now);
    let renewed = taken(a.step(now + Duration::from_secs(60), wall(67)));
    assert_eq!(renewed.acquire_time, Some(MicroTime(wall(7))));
    assert_eq!(renewed.renew_time, Some(MicroTime(wall(67))));
    assert_eq!(renewed.lease_transitions, Some(3));
}

#[test]
fn the_lease_of_another_is_waited_for_as_long_as_it_is_renewed_and_taken_after() {
    let seconds = Duration::from_secs;
    let begin = Instant::now();
    let (a, mut b) = (candidate("a"), candidate("b"));
    let mut spec = taken(a.step(begin, wall(0)));
    for turn in 0..20_i64 {
        let now = begin + seconds(10 * turn.unsigned_abs());
        spec.renew_time = Some(MicroTime(wall(turn)));
        b.see(Some(&spec), now);
        let holder = "a".to_owned();
        assert_eq!(b.step(now, wall(0)), Step::Wait { holder });
    }
    let last = begin + seconds(190);
    b.see(Some(&spec), last + seconds(14));
    assert!(matches!(
        b.step(last + seconds(14), wall(0)),
        Step::Wait { .. }
    ));
    b.see(Some(&spec), last + seconds(15));
    let next = taken(b.step(last + seconds(15), wall(900)));
    assert_eq!(next.holder_identity.as_deref(), Some("b"));
    assert_eq!(next.lease_transitions, Some(1));
    assert_eq!(next.acquire_time, Some(MicroTime(wall(900))));
}

#[test]
fn the_time_of_day_of_another_machine_decides_nothing() {
    let now = Instant::now();
    let mut b = candidate("b");
    for renewed in [-1_000_000_000, 4_000_000_000] {
        let spec = taken(candidate("a").step(now, wall(renewed)));
        b.see(Some(&spec), now);
        assert!(matches!(b.step(now, wall(0)), Step::Wait { .. }));
        let later = now + Duration::from_secs(15);
        assert!(matches!(b.step(later, wall(0)), Step::Take(_)));
    }
}

#[test]
fn a_holder_is_waited_for_as_long_as_it_asked_for() {
    let now = Instant::now();
    let mut b = candidate("b");
    for (asked, lasts) in [(Some(40), 40), (Some(0), 15), (Some(-3), 15), (None, 15)] {
        let spec = LeaseSpec {
            lease_duration_seconds: asked,
            ..taken(candidate("a").step(now, wall(0)))
        };
        b.see(Some(&spec), now);
        let at = |seconds| b.step(now + Duration::from_secs(seconds), wall(0));
        assert!(matches!(at(lasts - 1), Step::Wait { .. }), "{asked:?}");
        assert!(matches!(at(lasts), Step::Take(_)), "{asked:?}");
    }
}

#[test]
fn a_lease_that_was_given_back_is_taken_at_once() {
    let now = Instant::now();
    let mut b = candidate("b");
    let spec = taken(candidate("a").step(now, wall(0)));
    let given_back = released(&spec, wall(5));
    assert_eq!(given_back.holder_identity, None);
    for spec in [
        given_back,
        LeaseSpec {
            holder_identity: Some(String::new()),
            ..spec
        },
        LeaseSpec::default(),
    ] {
        b.see(Some(&spec), now);
        let next = taken(b.step(now, wall(5)));
        assert_eq!(next.holder_identity.as_deref(), Some("b"));
    }
}

#[test]
fn a_lease_that_was_deleted_is_made_anew() {
    let now = Instant::now();
    let mut b = candidate("b");
    b.see(Some(&taken(candidate("a").step(now, wall(0)))), now);
    b.see(None, now);
    assert!(matches!(b.step(now, wall(0)), Step::Take(_)));
}
