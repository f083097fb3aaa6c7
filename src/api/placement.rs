//! Where in a cluster an object may be.

use super::types::{Kind, ObjectKey};

/// An object is in a namespace where its kind has no say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{object}: metadata.namespace: its lines would go into routers as they are, so it counts only \
     in {right}, the namespace of the router itself; create it there"
)]
pub struct Misplaced {
    /// The object.
    pub object: ObjectKey,
    /// The namespace where it would be right.
    pub right: String,
}

/// Checks the namespace of an object of the Kubernetes API; `own` is the one that agents and
/// controller run in.
///
/// Whoever may create objects in some namespace rules what is there, not the routers of all. Other
/// kinds say no more than their fields can; lines of configuration may say anything to bgpd.
///
/// # Errors
/// When it may not be there.
pub fn placed(object: &ObjectKey, own: &str) -> Result<(), Misplaced> {
    let anywhere = match object.kind {
        Kind::Underlay | Kind::L3Vni | Kind::L2Vni | Kind::L3Vpn | Kind::L3Passthrough => true,
        Kind::RawFrrConfig => false,
    };
    if anywhere || object.namespace == own {
        return Ok(());
    }
    Err(Misplaced {
        object: object.clone(),
        right: own.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_raw_configuration_is_bound_to_the_routers_own_namespace() {
        for kind in Kind::ALL {
            let object = |namespace: &str| ObjectKey {
                kind,
                namespace: namespace.to_owned(),
                name: "it".to_owned(),
            };
            assert_eq!(
                placed(&object("perouter-system"), "perouter-system"),
                Ok(())
            );
            let elsewhere = placed(&object("tenant"), "perouter-system");
            assert_eq!(elsewhere.is_err(), kind == Kind::RawFrrConfig, "{kind}");
        }
    }
}
