//! What is judged of an object without looking at any other.

use serde_json::Value;

use super::Verdict;
use crate::api::convert::VRF_OVER_SRV6;
use crate::api::{self, Fault, Kind, ObjectKey};

#[cfg(test)]
mod tests;

/// What whoever writes lines of configuration should know.
pub(super) const EXPERIMENT: &str = "RawFRRConfig is there to try things out: nobody stands for \
    what its lines do to a router, nor that they mean the same in the next version";

/// What becomes of an L3VPN.
pub(super) const NOTHING: &str = "an L3VPN is taken, and nothing is made of it on any node; its \
    condition Accepted says so";

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

/// Whether a fault is that of the object's kind, whatever the object says. It is told and keeps
/// nobody from a write: manifests of OpenPERouter are applied as they are.
pub(super) fn of_kind(fault: &Fault) -> bool {
    fault.path.is_empty() && fault.reason == VRF_OVER_SRV6
}

/// The same verdict, with a warning for objects of some kinds, at each of their writes.
pub(super) fn noted(new: &Value, verdict: Verdict) -> Verdict {
    let kind = new.get("kind").and_then(Value::as_str);
    let warning = match kind.and_then(|text| text.parse().ok()) {
        Some(Kind::RawFrrConfig) => EXPERIMENT.to_owned(),
        Some(Kind::L3Vpn) => format!("{VRF_OVER_SRV6}: {NOTHING}"),
        Some(Kind::Underlay | Kind::L3Vni | Kind::L2Vni | Kind::L3Passthrough) | None => {
            return verdict;
        }
    };
    match verdict {
        Verdict::Allowed { mut warnings } => {
            warnings.push(warning);
            Verdict::Allowed { warnings }
        }
        Verdict::Denied { .. } => verdict,
    }
}
