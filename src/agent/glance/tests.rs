use super::*;
use crate::status::report::tests::Scene;
use crate::verify::Check;
use crate::verify::tests::fixture::red_key;

const SHORT: Duration = Duration::from_millis(10);

/// The last report said that all is well, and all was looked at since this agent wrote.
fn well() -> (Glances, Report) {
    let scene = Scene::healthy();
    let mut glances = Glances::default();
    glances.looked_at_all(&scene.findings(), SHORT);
    (glances, scene.report(None, 1000))
}

fn finding(outcome: Outcome) -> Vec<Finding> {
    vec![Finding {
        check: Check::RouteInKernel,
        object: Some(red_key()),
        subject: "172.16.2.0/24".to_owned(),
        outcome,
        since: None,
    }]
}

fn moving() -> Vec<Finding> {
    finding(Outcome::Unsettled {
        expected: "a route".to_owned(),
        seen: "none".to_owned(),
        hint: String::new(),
    })
}

fn waiting() -> Vec<Finding> {
    finding(Outcome::Pending {
        waiting_for: "a second look".to_owned(),
    })
}

fn broken() -> Vec<Finding> {
    finding(Outcome::Bad {
        expected: "a route".to_owned(),
        seen: "none".to_owned(),
        hint: String::new(),
    })
}

/// Whether a report made so long after the first look says that all is well.
fn is_well(glances: &mut Glances, last: &Report, found: &[Finding], begin: Instant) -> bool {
    let reported = glances.reported(found, Some(last), begin);
    reported.iter().all(Finding::is_good)
}

#[test]
fn what_is_on_its_way_counts_at_the_second_look() {
    for found in [moving(), waiting()] {
        let (mut glances, last) = well();
        let now = Instant::now();
        assert!(is_well(&mut glances, &last, &found, now) && glances.holds());
        let soon = now + GLANCE / 2;
        assert!(is_well(&mut glances, &last, &found, soon) && glances.holds());
        let later = now + GLANCE;
        assert!(!is_well(&mut glances, &last, &found, later) && !glances.holds());
    }
}

#[test]
fn each_thing_that_moves_has_its_own_second_look() {
    let (mut glances, last) = well();
    let now = Instant::now();
    assert!(is_well(&mut glances, &last, &moving(), now));
    assert!(is_well(&mut glances, &last, &[], now + GLANCE) && !glances.holds());
    assert!(is_well(&mut glances, &last, &moving(), now + GLANCE * 2));
}

#[test]
fn what_is_broken_counts_at_once() {
    let (mut glances, last) = well();
    assert!(!is_well(&mut glances, &last, &broken(), Instant::now()));
    assert!(!glances.holds());
    let both = [moving(), broken()].concat();
    let reported = glances.reported(&both, Some(&last), Instant::now());
    assert_eq!(reported.iter().filter(|it| it.is_bad()).count(), 1);
}

#[test]
fn what_was_not_well_before_is_not_well() {
    let (mut glances, mut last) = well();
    last.verdict = Verdict::NotReady;
    last.objects.retain(|it| it.object != red_key());
    let now = Instant::now();
    assert!(!is_well(&mut glances, &last, &moving(), now));
    let reported = glances.reported(&[], None, now);
    assert!(reported.is_empty());
    let found = moving();
    assert!(
        !glances
            .reported(&found, None, now)
            .iter()
            .all(Finding::is_good)
    );
}

#[test]
fn after_this_agent_has_written_all_has_to_be_found_well_first() {
    let (mut glances, last) = well();
    glances.changing();
    let now = Instant::now();
    assert!(!is_well(&mut glances, &last, &moving(), now));
    // Some of it does not say so of the rest.
    glances.looked(SHORT);
    assert!(!is_well(&mut glances, &last, &waiting(), now));
    glances.looked_at_all(&moving(), SHORT);
    assert!(!is_well(&mut glances, &last, &waiting(), now));
    glances.looked_at_all(&Scene::healthy().findings(), SHORT);
    let later = now + GLANCE;
    assert!(is_well(&mut glances, &last, &[], later));
    assert!(is_well(&mut glances, &last, &moving(), later));
}

/// Nobody waits for a second look that comes in a minute.
#[test]
fn what_takes_long_to_look_at_counts_at_once() {
    let (mut glances, last) = well();
    glances.looked(QUICK + SHORT);
    assert!(!is_well(&mut glances, &last, &moving(), Instant::now()));
}
