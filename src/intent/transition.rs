//! What of an object may not change while it is there: the rules of the definitions that compare it
//! with what it was, in their words.
//!
//! An object that is taken away and made again is a new one, and may say anything.

use super::AcceptedObject;
use crate::api::v1alpha1::host_session::LOCAL_CIDR_IMMUTABLE;
use crate::api::v1alpha1::l2vni::GATEWAY_IPS_IMMUTABLE;
use crate::api::{ApiError, Fault, HostSession, Identity, L2Vni, Manifest, Reason};

/// What is wrong with a new version of an object, given the one that it is to replace.
pub(super) fn error(old: &Manifest, new: &AcceptedObject) -> Option<ApiError> {
    let fault = fault(old, &new.manifest)?;
    Some(ApiError {
        identity: Identity {
            file: Some(new.source.clone()),
            line: None,
            key: Some(new.manifest.key().clone()),
        },
        faults: vec![fault],
    })
}

fn fault(old: &Manifest, new: &Manifest) -> Option<Fault> {
    match (old, new) {
        (Manifest::L3Vni(old), Manifest::L3Vni(new)) => {
            let (old, new) = (&old.spec.host_session, &new.spec.host_session);
            session(old.as_ref()?, new.as_ref()?)
        }
        (Manifest::L3Passthrough(old), Manifest::L3Passthrough(new)) => {
            session(&old.spec.host_session, &new.spec.host_session)
        }
        (Manifest::L2Vni(old), Manifest::L2Vni(new)) => gateways(&old.spec, &new.spec),
        (
            Manifest::Underlay(_)
            | Manifest::L3Vni(_)
            | Manifest::L2Vni(_)
            | Manifest::L3Passthrough(_)
            | Manifest::RawFrrConfig(_),
            _,
        ) => None,
    }
}

fn session(old: &HostSession, new: &HostSession) -> Option<Fault> {
    (old.local_cidr != new.local_cidr)
        .then(|| broken("spec.hostSession.localCIDR", LOCAL_CIDR_IMMUTABLE))
}

/// None at all is a value like any other here, as in the definition.
fn gateways(old: &L2Vni, new: &L2Vni) -> Option<Fault> {
    (old.gateways != new.gateways).then(|| broken("spec.gatewayIPs", GATEWAY_IPS_IMMUTABLE))
}

fn broken(path: &str, rule: &'static str) -> Fault {
    Fault {
        path: path.to_owned(),
        reason: Reason::Rule(rule),
    }
}
