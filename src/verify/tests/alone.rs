//! Sessions that are looked at by themselves.

use std::time::Duration;

use super::fixture::{bad, facts, intent, peer, red};
use crate::verify::facts::{LastReset, Session, SessionState};
use crate::verify::{Check, Facts, Finding, SessionsOf, replace, sessions, verify};

/// The session with the fabric goes.
fn lose(facts: &mut Facts) {
    let all = facts.fabric_sessions.as_mut().unwrap();
    let session: &mut Session = all.get_mut(&peer()).unwrap();
    session.state = SessionState::Down {
        state: "Idle".to_owned(),
    };
    session.last_reset = Some(LastReset {
        reason: "Peer closed the session".to_owned(),
        ago: Duration::from_millis(3),
    });
}

fn of(check: Check, findings: &[Finding]) -> Vec<Finding> {
    let of_check = findings.iter().filter(|finding| finding.check == check);
    of_check.cloned().collect()
}

#[test]
fn they_are_judged_as_among_all_else() {
    let mut lost = facts();
    lose(&mut lost);
    for facts in [facts(), lost] {
        let all = verify(&intent(), &facts);
        let fabric = sessions(&intent(), &facts, &SessionsOf::Fabric);
        for check in [Check::UnderlaySession, Check::EvpnFamily, Check::BfdSession] {
            assert_eq!(of(check, &fabric), of(check, &all), "{check}");
        }
        let of_red = sessions(&intent(), &facts, &SessionsOf::Vrf(red()));
        assert_eq!(of_red, of(Check::HostSession, &all));
    }
}

#[test]
fn what_is_kept_of_the_facts_says_the_same_of_them() {
    let mut whole = facts();
    lose(&mut whole);
    let kept = whole.clone().without_routes();
    for instance in [SessionsOf::Fabric, SessionsOf::Vrf(red())] {
        let said = sessions(&intent(), &kept, &instance);
        assert_eq!(said, sessions(&intent(), &whole, &instance), "{instance:?}");
    }
    let vrf = &kept.vrfs[&red()];
    assert!(kept.evpn.is_err() && kept.advertised.is_empty() && kept.fdb.is_err());
    assert!(vrf.bgp.is_err() && vrf.rib.is_err() && vrf.table.is_err() && vrf.sessions.is_ok());
}

#[test]
fn they_take_the_place_of_what_was_found_before_and_leave_the_rest() {
    let before = verify(&intent(), &facts());
    let mut lost = facts();
    lose(&mut lost);
    let newer = sessions(&intent(), &lost, &SessionsOf::Fabric);
    let mut all = before.clone();
    replace(&mut all, &newer);
    let found: Vec<Check> = bad(&all).into_iter().map(|(check, _)| check).collect();
    assert_eq!(found, [Check::UnderlaySession]);
    assert_eq!(
        of(Check::HostSession, &all),
        of(Check::HostSession, &before)
    );
    let position = |list: &[Finding]| list.iter().position(|f| f.check == Check::UnderlaySession);
    assert_eq!(
        position(&all),
        position(&before),
        "it stands where it stood"
    );
}
