//! What this node should be: manifests resolved for one node, conflicts settled, addresses
//! computed.
//!
//! Pure. What always holds: an object that cannot be taken as it is now keeps what was accepted
//! of it before ([`Accepted`]); it goes away only when its manifest goes away. One object's
//! rejection never changes another's outcome, except that of one which depends on it.

pub mod addresses;
mod conflicts;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::api::types::ObjectKey;
use crate::api::{L3Vni, Manifest, Underlay};
use addresses::{HostLeg, PoolError};

/// The number that every address of this node is computed from (annotation
/// `openpe.io/nodeindex` in a cluster).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct NodeIndex(pub u32);

/// One object as it was read this time.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which object.
    pub key: ObjectKey,
    /// Where it was read: a file name, or the Kubernetes API.
    pub source: String,
    /// What it says, or why that cannot be taken.
    pub manifest: Result<Manifest, String>,
}

/// Everything read in one pass.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    /// The objects.
    pub objects: Vec<Candidate>,
    /// Sources that could not be read at all, with the reason: their objects stay as they were.
    pub broken_sources: BTreeMap<String, String>,
}

/// An object that was taken, and where it came from.
#[derive(Clone, Debug, PartialEq)]
pub struct AcceptedObject {
    /// Where it was read.
    pub source: String,
    /// What it says.
    pub manifest: Manifest,
}

/// The last good version of every object.
pub type Accepted = BTreeMap<ObjectKey, AcceptedObject>;

/// Why an object, or a whole source, was not taken as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The object; none when a source could not be read at all.
    pub object: Option<ObjectKey>,
    /// Where it was read.
    pub source: String,
    /// What is wrong and what would be right.
    pub message: String,
    /// Whether an earlier version of it stays in force.
    pub kept: Kept,
}

/// What remains of a rejected object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kept {
    /// The version accepted before stays in force.
    LastGood,
    /// There was none, so nothing is.
    Nothing,
}

/// The underlay of this node.
#[derive(Clone, Debug, PartialEq)]
pub struct UnderlayIntent {
    /// The object.
    pub key: ObjectKey,
    /// What it says.
    pub spec: Underlay,
    /// This node's BGP identifier.
    pub router_id: Ipv4Addr,
    /// This node's VTEP address, when the underlay carries EVPN.
    pub vtep: Option<Ipv4Addr>,
}

/// One L3VNI on this node.
#[derive(Clone, Debug, PartialEq)]
pub struct VniIntent {
    /// The object.
    pub key: ObjectKey,
    /// What it says.
    pub spec: L3Vni,
    /// The veth addresses, when it has a host session.
    pub leg: Option<HostLeg>,
}

/// What this node should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeIntent {
    /// The underlay; without one the node is no router and everything of ours goes.
    pub underlay: Option<UnderlayIntent>,
    /// The L3VNIs by object.
    pub vnis: Vec<VniIntent>,
}

/// The outcome of [`resolve`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolution {
    /// What this node should be.
    pub intent: NodeIntent,
    /// The last good versions from now on.
    pub accepted: Accepted,
    /// What was not taken, and why.
    pub rejections: Vec<Rejection>,
}

/// Resolves the objects that were read for the node with `index`, given what was accepted before.
#[must_use]
pub fn resolve(read: Candidates, before: &Accepted, index: NodeIndex) -> Resolution {
    let mut resolution = Resolution::default();
    let offers = offers(read, before, &mut resolution.rejections);
    let mut taken = conflicts::Taken::new(index);
    for offer in in_order(offers, before) {
        settle(offer, &mut taken, &mut resolution);
    }
    resolution.intent = taken.into_intent();
    resolution
}

/// One object's newest readable version, and the one to fall back to.
struct Offer {
    key: ObjectKey,
    newest: Option<AcceptedObject>,
    last_good: Option<AcceptedObject>,
}

/// Turns what was read into offers; objects of broken sources are offered as they were.
fn offers(read: Candidates, before: &Accepted, rejections: &mut Vec<Rejection>) -> Vec<Offer> {
    let mut offers = Vec::new();
    let mut seen: BTreeMap<ObjectKey, String> = BTreeMap::new();
    for Candidate {
        key,
        source,
        manifest,
    } in read.objects
    {
        let last_good = before.get(&key).cloned();
        let kept = kept(last_good.as_ref());
        let mut reject = |message: String, source: String, key: ObjectKey, kept| {
            rejections.push(Rejection {
                object: Some(key),
                source,
                message,
                kept,
            });
        };
        if let Some(first) = seen.get(&key) {
            let message = format!(
                "{source}: {key} is already defined in {first}; give one of the two another name"
            );
            reject(message, source, key, Kept::Nothing);
            continue;
        }
        seen.insert(key.clone(), source.clone());
        match manifest {
            Ok(manifest) => offers.push(Offer {
                key,
                newest: Some(AcceptedObject { source, manifest }),
                last_good,
            }),
            Err(message) => {
                reject(message, source, key.clone(), kept);
                offers.push(Offer {
                    key,
                    newest: None,
                    last_good,
                });
            }
        }
    }
    for (source, message) in read.broken_sources {
        let kept_keys: Vec<_> = before
            .iter()
            .filter(|(key, old)| old.source == source && !seen.contains_key(*key))
            .collect();
        rejections.push(Rejection {
            object: None,
            source,
            message,
            kept: if kept_keys.is_empty() {
                Kept::Nothing
            } else {
                Kept::LastGood
            },
        });
        offers.extend(kept_keys.into_iter().map(|(key, old)| Offer {
            key: key.clone(),
            newest: None,
            last_good: Some(old.clone()),
        }));
    }
    offers
}

fn kept(last_good: Option<&AcceptedObject>) -> Kept {
    if last_good.is_some() {
        Kept::LastGood
    } else {
        Kept::Nothing
    }
}

/// Who comes first keeps what two claim: underlays before what needs them, then objects that
/// stand unchanged before new and edited ones, then by name.
fn in_order(mut offers: Vec<Offer>, before: &Accepted) -> Vec<Offer> {
    let unchanged: BTreeSet<ObjectKey> = offers
        .iter()
        .filter(|offer| match (&offer.newest, before.get(&offer.key)) {
            (Some(new), Some(old)) => same_spec(&new.manifest, &old.manifest),
            (None, Some(_)) => true,
            (_, None) => false,
        })
        .map(|offer| offer.key.clone())
        .collect();
    offers.sort_by_key(|offer| {
        (
            offer.key.kind,
            !unchanged.contains(&offer.key),
            offer.key.clone(),
        )
    });
    offers
}

/// Whether two versions of an object say the same; the API server's count of versions is not
/// part of what they say.
fn same_spec(a: &Manifest, b: &Manifest) -> bool {
    match (a, b) {
        (Manifest::Underlay(a), Manifest::Underlay(b)) => a.spec == b.spec,
        (Manifest::L3Vni(a), Manifest::L3Vni(b)) => a.spec == b.spec,
        (Manifest::Underlay(_), Manifest::L3Vni(_))
        | (Manifest::L3Vni(_), Manifest::Underlay(_)) => false,
    }
}

/// Takes the newest version of an object, else its last good one, else nothing.
fn settle(offer: Offer, taken: &mut conflicts::Taken, resolution: &mut Resolution) {
    let Offer {
        key,
        newest,
        last_good,
    } = offer;
    if let Some(new) = newest {
        match taken.take(&new.manifest) {
            Ok(()) => {
                resolution.accepted.insert(key, new);
                return;
            }
            Err(refusal) => resolution.rejections.push(Rejection {
                message: format!("{}: {key}: {refusal}", new.source),
                object: Some(key.clone()),
                source: new.source,
                kept: kept(last_good.as_ref()),
            }),
        }
    }
    let Some(old) = last_good else { return };
    if let Err(refusal) = taken.take(&old.manifest) {
        resolution.rejections.push(Rejection {
            message: format!("{}: {key}: its last good version: {refusal}", old.source),
            object: Some(key.clone()),
            source: old.source.clone(),
            kept: Kept::Nothing,
        });
    }
    // The last good version survives even a pass in which it cannot be in force.
    resolution.accepted.insert(key, old);
}

/// Why one object cannot be taken beside the others.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A node has one underlay.
    #[error("this node already has {0}; only one Underlay may select a node")]
    SecondUnderlay(ObjectKey),
    /// Nothing to run over.
    #[error("no valid Underlay selects this node; create one first")]
    NoUnderlay,
    /// VXLAN needs a VTEP.
    #[error("{0} has no spec.tunnelEndpoint, which a VNI needs for its VTEP address")]
    NoTunnelEndpoint(ObjectKey),
    /// A VNI is one network.
    #[error("spec.vni: {vni} is already used by {by}")]
    VniTaken {
        /// The VNI.
        vni: crate::api::types::Vni,
        /// By whom.
        by: ObjectKey,
    },
    /// A VRF has one L3VNI.
    #[error("spec.vrf: {vrf} already has the L3VNI of {by}")]
    VrfTaken {
        /// The VRF.
        vrf: crate::api::types::VrfName,
        /// By whom.
        by: ObjectKey,
    },
    /// Host-side veth addresses share one routing table.
    #[error("spec.hostSession.localCIDR.ipv4: {cidr} overlaps {other} of {by}")]
    CidrOverlap {
        /// This one.
        cidr: ipnet::Ipv4Net,
        /// The other.
        other: ipnet::Ipv4Net,
        /// Of whom.
        by: ObjectKey,
    },
    /// A pool has no address for this node.
    #[error("{field}: {source}")]
    Pool {
        /// The field that names the pool.
        field: &'static str,
        /// What is wrong with it.
        source: PoolError,
    },
}
