//! What is judged of an object without looking at any other.

use serde_json::Value;

use super::Verdict;
use crate::api::{self, Kind, ObjectKey};

#[cfg(test)]
mod tests;

/// What whoever writes lines of configuration should know.
pub(super) const EXPERIMENT: &str = "RawFRRConfig is there to try things out: nobody stands for \
    what its lines do to a router, nor that they mean the same in the next version";

/// Why an object may not be so, whatever else there is; `own` is the namespace of agents and
/// controller.
pub(super) fn refused(
    own: &str,
    key: &ObjectKey,
    (new, old): (&Value, Option<&Value>),
) -> Option<String> {
    let misplaced = api::placed(key, own).err();
    misplaced
        .map(|misplaced| misplaced.to_string())
        .or_else(|| session_moved(key, new, old?))
}

/// A session that went and came again would have another `localCIDR`, which the definition keeps
/// from changing only while it is there.
fn session_moved(key: &ObjectKey, new: &Value, old: &Value) -> Option<String> {
    let has = |object: &Value| {
        let session = object.pointer("/spec/hostSession");
        session.is_some_and(|session| !session.is_null())
    };
    let doing = match (has(old), has(new)) {
        (true, false) => "taken from",
        (false, true) => "given to",
        (true, true) | (false, false) => return None,
    };
    Some(format!(
        "{key}: spec.hostSession: cannot be {doing} an object that is there, since its localCIDR \
         could change so; delete the object and create it anew"
    ))
}

/// The same verdict, with a warning for lines of configuration, at each of their writes.
pub(super) fn experiment(new: &Value, verdict: Verdict) -> Verdict {
    let raw = new.get("kind").and_then(Value::as_str) == Some(Kind::RawFrrConfig.as_str());
    match verdict {
        Verdict::Allowed { mut warnings } if raw => {
            warnings.push(EXPERIMENT.to_owned());
            Verdict::Allowed { warnings }
        }
        Verdict::Allowed { .. } | Verdict::Denied { .. } => verdict,
    }
}
