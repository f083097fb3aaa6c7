//! What of a plan's end is left out.

use super::*;
use crate::api::Kind;
use crate::intent::samples::key;
use crate::plan::Presence;

fn closing_after(failures: &[Failure]) -> usize {
    let plan = Plan {
        closing: vec![
            Step::AllowAll(Presence::Absent),
            Step::PrefixLists(Vec::new()),
        ],
        ..Plan::default()
    };
    due_at_the_end(&plan, failures).len()
}

fn failure(object: Option<ObjectKey>) -> Failure {
    Failure {
        object,
        message: "refused".to_owned(),
    }
}

#[test]
fn what_nobody_uses_any_more_is_closed_when_all_objects_stand() {
    assert_eq!(closing_after(&[]), 2);
}

/// The session that failed to leave its list still names it.
#[test]
fn nothing_is_closed_when_anything_failed() {
    assert_eq!(closing_after(&[failure(Some(key(Kind::L3Vni, "red")))]), 0);
    assert_eq!(closing_after(&[failure(None)]), 0);
}
