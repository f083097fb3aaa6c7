use super::*;
use crate::verify::Outcome;

fn key() -> ObjectKey {
    "L3VNI default/red".parse().unwrap()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn finding(check: Check, outcome: Outcome) -> Finding {
    Finding {
        check,
        object: Some(key()),
        subject: String::new(),
        outcome,
        since: None,
    }
}

fn good(check: Check) -> Finding {
    let seen = String::new();
    finding(check, Outcome::Good { count: 3, seen })
}

fn bad(check: Check) -> Finding {
    finding(
        check,
        Outcome::Bad {
            expected: "that".to_owned(),
            seen: "this".to_owned(),
            hint: "look there".to_owned(),
        },
    )
}

fn pending(check: Check) -> Finding {
    let waiting_for = "vni-up".to_owned();
    finding(check, Outcome::Pending { waiting_for })
}

fn healthy() -> Vec<Finding> {
    Check::ALL.map(good).to_vec()
}

fn state<'a>(key: &'a ObjectKey, findings: &'a [Finding]) -> ObjectState<'a> {
    ObjectState {
        key,
        generation: Some(2),
        generation_in_force: Some(2),
        acceptance: Acceptance::Accepted,
        programming: Programming::Done,
        verification: Verification::Done(findings.iter().collect()),
    }
}

/// Status and reason of each condition, in their order.
fn judged(object: &ObjectState<'_>) -> Vec<(ConditionStatus, Reason)> {
    let conditions = conditions(&[], object, at(1));
    let kinds: Vec<_> = conditions.iter().map(|condition| condition.kind).collect();
    assert_eq!(
        kinds,
        [
            ConditionType::Accepted,
            ConditionType::Programmed,
            ConditionType::SessionsEstablished,
            ConditionType::RoutesExchanged,
            ConditionType::Ready
        ]
    );
    let pair = |condition: Condition| (condition.status, condition.reason);
    conditions.into_iter().map(pair).collect()
}

const ACCEPTED: (ConditionStatus, Reason) = (ConditionStatus::True, Reason::Accepted);
const VERIFIED: (ConditionStatus, Reason) = (ConditionStatus::True, Reason::Verified);
const FAILED: (ConditionStatus, Reason) = (ConditionStatus::False, Reason::VerificationFailed);
const WAITING: (ConditionStatus, Reason) = (ConditionStatus::Unknown, Reason::Waiting);
const NOT_VERIFIED: (ConditionStatus, Reason) = (ConditionStatus::Unknown, Reason::NotVerified);
const NOT_IN_FORCE: (ConditionStatus, Reason) = (ConditionStatus::False, Reason::NotInForce);
const NOT_READY: (ConditionStatus, Reason) = (ConditionStatus::False, Reason::NotReady);
const READY: (ConditionStatus, Reason) = (ConditionStatus::True, Reason::Ready);

#[test]
fn findings_decide() {
    let with = |extra: Finding| {
        let mut findings = healthy();
        findings.retain(|finding| finding.check != extra.check);
        findings.push(extra);
        findings
    };
    let cases = [
        (healthy(), [VERIFIED, VERIFIED, VERIFIED, READY]),
        (
            with(bad(Check::VniUp)),
            [FAILED, VERIFIED, VERIFIED, NOT_READY],
        ),
        (
            with(bad(Check::HostSession)),
            [VERIFIED, FAILED, VERIFIED, NOT_READY],
        ),
        (
            with(bad(Check::FdbEntry)),
            [VERIFIED, VERIFIED, FAILED, NOT_READY],
        ),
        (
            with(pending(Check::RouteInRib)),
            [VERIFIED, VERIFIED, WAITING, NOT_READY],
        ),
        (
            with(bad(Check::FactsReadable)),
            [FAILED, VERIFIED, VERIFIED, NOT_READY],
        ),
    ];
    let key = key();
    for (findings, expected) in cases {
        let mut all = vec![ACCEPTED];
        all.extend(expected);
        assert_eq!(judged(&state(&key, &findings)), all, "{findings:#?}");
    }
}

#[test]
fn every_check_can_keep_an_object_from_being_ready() {
    let key = key();
    for check in Check::ALL {
        for broken in [bad(check), pending(check)] {
            let mut findings = healthy();
            findings.push(broken);
            let conditions = conditions(&[], &state(&key, &findings), at(1));
            let ready = conditions.last().unwrap();
            assert_eq!(ready.status, ConditionStatus::False, "{check}");
        }
    }
}

#[test]
fn nothing_is_ready_before_it_was_verified() {
    let key = key();
    let object = ObjectState {
        verification: Verification::Never,
        ..state(&key, &[])
    };
    let expected = [
        ACCEPTED,
        NOT_VERIFIED,
        NOT_VERIFIED,
        NOT_VERIFIED,
        NOT_READY,
    ];
    assert_eq!(judged(&object), expected);
}

#[test]
fn applying_comes_before_verifying() {
    let (key, findings) = (key(), healthy());
    let message = || "vni 100 is already mapped to another vrf".to_owned();
    let cases = [
        (
            Programming::NotYet,
            (ConditionStatus::Unknown, Reason::NotApplied),
        ),
        (
            Programming::Failed { message: message() },
            (ConditionStatus::False, Reason::ApplyFailed),
        ),
        (
            Programming::Blocked { message: message() },
            (ConditionStatus::False, Reason::Blocked),
        ),
    ];
    for (programming, expected) in cases {
        let object = ObjectState {
            programming,
            ..state(&key, &findings)
        };
        let judged = judged(&object);
        assert_eq!(judged[1], expected);
        assert_eq!(judged[4], NOT_READY);
    }
}

#[test]
fn a_failures_words_are_kept() {
    let (key, findings) = (key(), healthy());
    let words = "vni 100 is already mapped to another vrf";
    let object = ObjectState {
        programming: Programming::Failed {
            message: words.to_owned(),
        },
        ..state(&key, &findings)
    };
    let conditions = conditions(&[], &object, at(1));
    assert_eq!(conditions[1].message, words);
    assert_eq!(conditions[4].message, format!("Programmed: {words}"));
}

fn rejected<'a>(key: &'a ObjectKey, findings: &'a [Finding], kept: Kept) -> ObjectState<'a> {
    ObjectState {
        generation: Some(3),
        generation_in_force: match kept {
            Kept::LastGood => Some(2),
            Kept::Nothing => None,
        },
        acceptance: Acceptance::Rejected {
            message: "spec.vni: 0 is not a VNI".to_owned(),
            kept,
        },
        ..state(key, findings)
    }
}

#[test]
fn a_rejected_edit_leaves_what_is_in_force() {
    let (key, findings) = (key(), healthy());
    let object = rejected(&key, &findings, Kept::LastGood);
    let expected = [
        (ConditionStatus::False, Reason::LastGoodKept),
        VERIFIED,
        VERIFIED,
        VERIFIED,
        NOT_READY,
    ];
    assert_eq!(judged(&object), expected);
    let conditions = conditions(&[], &object, at(1));
    let generations: Vec<_> = conditions
        .iter()
        .map(|condition| condition.observed_generation)
        .collect();
    assert_eq!(generations, [Some(3), Some(2), Some(2), Some(2), Some(3)]);
    assert_eq!(conditions[4].message, "Accepted: spec.vni: 0 is not a VNI");
}

#[test]
fn a_rejected_newcomer_has_nothing_in_force() {
    let key = key();
    let object = rejected(&key, &[], Kept::Nothing);
    let expected = [
        (ConditionStatus::False, Reason::Rejected),
        NOT_IN_FORCE,
        NOT_IN_FORCE,
        NOT_IN_FORCE,
        NOT_READY,
    ];
    assert_eq!(judged(&object), expected);
}

#[test]
fn what_is_not_asked_for_is_no_obstacle() {
    let key = key();
    let findings = vec![good(Check::LinksPresent)];
    let nothing = (ConditionStatus::True, Reason::NothingAsked);
    let expected = [ACCEPTED, VERIFIED, nothing, nothing, READY];
    assert_eq!(judged(&state(&key, &findings)), expected);
}

#[test]
fn the_transition_time_moves_only_with_the_status() {
    let key = key();
    let well = healthy();
    let mut ill = healthy();
    ill.push(bad(Check::FdbEntry));
    let mut worse = healthy();
    worse.push(bad(Check::RouteInRib));
    let times = |conditions: &[Condition]| -> Vec<i64> {
        let second = |condition: &Condition| condition.last_transition_time.as_second();
        conditions.iter().map(second).collect()
    };
    let first = conditions(&[], &state(&key, &well), at(10));
    assert_eq!(times(&first), [10; 5]);
    let again = conditions(&first, &state(&key, &well), at(20));
    assert_eq!(again, first);
    let broken = conditions(&again, &state(&key, &ill), at(30));
    assert_eq!(times(&broken), [10, 10, 10, 30, 30]);
    let otherwise = conditions(&broken, &state(&key, &worse), at(40));
    assert_eq!(times(&otherwise), [10, 10, 10, 30, 30]);
    assert_ne!(otherwise[3].message, broken[3].message);
    let mended = conditions(&otherwise, &state(&key, &well), at(50));
    assert_eq!(times(&mended), [10, 10, 10, 50, 50]);
}

#[test]
fn counts_of_good_ones_do_not_change_a_condition() {
    let key = key();
    let few = healthy();
    let many: Vec<Finding> = Check::ALL
        .map(|check| {
            let seen = "established for 5s".to_owned();
            finding(check, Outcome::Good { count: 9, seen })
        })
        .to_vec();
    let before = conditions(&[], &state(&key, &few), at(10));
    assert_eq!(conditions(&before, &state(&key, &many), at(20)), before);
}

#[test]
fn bad_ones_are_counted_in_the_message() {
    let key = key();
    let mut findings = vec![bad(Check::RouteInRib), bad(Check::RouteInRib)];
    findings.push(finding(Check::RouteInRib, Outcome::MoreBad { count: 40 }));
    let conditions = conditions(&[], &state(&key, &findings), at(1));
    assert_eq!(
        conditions[3].message,
        "route-in-rib: expected that; seen: this; look there (and 41 more)"
    );
}

#[test]
fn conditions_are_written_as_kubernetes_has_them() {
    let key = key();
    let findings = healthy();
    let conditions = conditions(&[], &state(&key, &findings), at(1_795_378_993));
    let json = serde_json::to_value(conditions.last().unwrap()).unwrap();
    let expected = serde_json::json!({
        "type": "Ready",
        "status": "True",
        "reason": "Ready",
        "message": "",
        "observedGeneration": 2,
        "lastTransitionTime": "2026-11-22T20:23:13Z",
    });
    assert_eq!(json, expected);
    let back: Condition = serde_json::from_value(json).unwrap();
    assert_eq!(&back, conditions.last().unwrap());
}
