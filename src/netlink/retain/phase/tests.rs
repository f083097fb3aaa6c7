use super::*;

const LIMIT: Duration = Duration::from_secs(120);

fn restarting(now: Instant) -> Phase {
    Phase::Steady.died(now, LIMIT)
}

fn after(seconds: u64, now: Instant) -> Instant {
    now + Duration::from_secs(seconds)
}

#[test]
fn only_a_restart_holds() {
    let now = Instant::now();
    assert!(!Phase::Steady.holds());
    assert!(restarting(now).holds());
    assert!(restarting(now).came_back(now).holds());
    assert!(!Phase::GivenUp.holds());
}

#[test]
fn dying_again_gives_no_more_time() {
    let now = Instant::now();
    let again = restarting(now)
        .came_back(after(1, now))
        .died(after(2, now), LIMIT);
    assert_eq!(again.deadline(), Some(now + LIMIT));
    assert_eq!(again, restarting(now), "it is not back any more");
}

#[test]
fn a_verification_ends_it_only_some_time_after_bgpd_is_back() {
    let now = Instant::now();
    assert_eq!(restarting(now).settled(after(60, now)), restarting(now));
    let back = restarting(now).came_back(after(10, now));
    assert_eq!(back.settled(after(9, now)), back);
    assert_eq!(back.settled(after(10, now) + LINGER), back);
    assert_eq!(back.settled(after(14, now)), Phase::Steady);
}

#[test]
fn what_does_not_come_back_in_time_is_given_up_until_it_does() {
    let now = Instant::now();
    let gone = restarting(now).expired();
    assert_eq!(gone, Phase::GivenUp);
    assert_eq!(gone.died(after(200, now), LIMIT), Phase::GivenUp);
    assert_eq!(gone.deadline(), None);
    assert_eq!(gone.came_back(after(300, now)), Phase::Steady);
    assert_eq!(restarting(now).came_back(now).expired(), Phase::Steady);
}
