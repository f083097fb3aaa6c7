//! What this node should be: manifests resolved for one node, conflicts settled, addresses
//! computed.
//!
//! Pure. What always holds: an object that cannot be taken as it is now keeps what was accepted
//! of it before ([`Accepted`]); it goes away only when its manifest goes away. One object's
//! rejection never changes another's outcome, except that of one which depends on it. What is in
//! force has precedence over what is new, and resolving twice gives the same.

pub mod addresses;
mod conflicts;
pub mod names;
mod refusal;
#[cfg(test)]
pub(crate) mod samples;
mod settle;
mod subnets;
#[cfg(test)]
mod tests;
mod transition;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::api::types::ObjectKey;
use crate::api::{
    HostSession, L2Vni, L3Vni, Labels, Manifest, NodeSelector, RawFrrConfig, Underlay, VrfName,
};
use addresses::{HostLeg, Vteps};
use ipnet::IpNet;
pub use refusal::Refusal;

/// The number that every address of this node is computed from (annotation
/// `openpe.io/nodeindex` in a cluster).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeIndex(pub u32);

/// What objects are resolved for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its addresses follow from this.
    pub index: NodeIndex,
    /// Objects select it by these.
    pub labels: Labels,
}

impl From<NodeIndex> for Node {
    /// A node without labels.
    fn from(index: NodeIndex) -> Self {
        let labels = Labels::new();
        Self { index, labels }
    }
}

/// One object as it was read this time.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Which object.
    pub key: ObjectKey,
    /// Where it was read: a file name, or the Kubernetes API.
    pub source: String,
    /// Who has compared it with what it was.
    pub origin: Origin,
    /// What it says, or why that cannot be taken.
    pub manifest: Result<Manifest, Unfit>,
}

/// Who compares an object with what it was, where something of it may not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody but us: it is in a file.
    File,
    /// The API server, which alone knows what it was: an object may have gone and come again while
    /// nobody looked.
    Api,
}

/// Why what was read of an object cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// It is wrong as it is now: what was accepted of it before stays.
    Faulty {
        /// What is wrong.
        message: String,
        /// The nodes that it concerns; none where that cannot be read, so every node refuses it.
        selector: Option<NodeSelector>,
    },
    /// It may not be there at all: nothing of it stays, whoever accepted it before.
    Barred(String),
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
    /// What kind of thing is wrong.
    #[serde(skip)]
    pub cause: Cause,
}

/// What kind of thing keeps an object, or a source, from being taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A source could not be read.
    Unread,
    /// Another source defines the same object.
    Duplicate,
    /// It is wrong by itself.
    Invalid,
    /// It does not fit beside the other objects, or on this node.
    Refused(Refusal),
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
    /// This node's VTEP addresses, when the underlay carries EVPN.
    pub vteps: Vteps,
}

/// One L3VNI on this node.
#[derive(Clone, Debug, PartialEq)]
pub struct VniIntent {
    /// The object.
    pub key: ObjectKey,
    /// What it says.
    pub spec: L3Vni,
    /// The veth addresses, one pair for each IP version of its host session.
    pub legs: Vec<HostLeg>,
    /// The subnets of the layer 2 segments that this VRF routes.
    pub gateway_subnets: Vec<IpNet>,
}

/// One layer 2 segment on this node.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentIntent {
    /// The object.
    pub key: ObjectKey,
    /// What it says.
    pub spec: L2Vni,
    /// The VRF that routes it.
    pub vrf: Option<VrfName>,
}

/// The host's session with the router itself, in the default table.
#[derive(Clone, Debug, PartialEq)]
pub struct PassthroughIntent {
    /// The object.
    pub key: ObjectKey,
    /// The session; its own AS number means nothing, the underlay's counts.
    pub session: HostSession,
    /// The veth addresses, one pair for each IP version.
    pub legs: Vec<HostLeg>,
}

/// Lines of FRR configuration as they are.
#[derive(Clone, Debug, PartialEq)]
pub struct RawIntent {
    /// The object.
    pub key: ObjectKey,
    /// What it says.
    pub spec: RawFrrConfig,
}

/// What this node should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeIntent {
    /// The underlay; without one the node is no router and everything of ours goes.
    pub underlay: Option<UnderlayIntent>,
    /// The L3VNIs by object.
    pub vnis: Vec<VniIntent>,
    /// The layer 2 segments by object.
    pub segments: Vec<SegmentIntent>,
    /// The host's session with the router itself.
    pub passthrough: Option<PassthroughIntent>,
    /// Lines of FRR configuration, those of lower priority first.
    pub raw: Vec<RawIntent>,
}

impl NodeIntent {
    /// The objects, the underlay first.
    pub fn keys(&self) -> impl Iterator<Item = &ObjectKey> {
        let underlay = self.underlay.iter().map(|own| &own.key);
        let vnis = self.vnis.iter().map(|own| &own.key);
        let segments = self.segments.iter().map(|own| &own.key);
        let passthrough = self.passthrough.iter().map(|own| &own.key);
        let raw = self.raw.iter().map(|own| &own.key);
        let overlays = vnis.chain(segments).chain(passthrough);
        underlay.chain(overlays).chain(raw)
    }
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

/// Resolves the objects that were read for one node, given what was accepted before. An object
/// that does not select the node is none here.
///
/// The order in which objects were read does not matter, except between two versions of one
/// object in one source, where the first counts.
#[must_use]
pub fn resolve(read: Candidates, before: &Accepted, node: &Node) -> Resolution {
    let mut resolution = Resolution::default();
    let offers = offers(read, before, &mut resolution.rejections);
    let mine = offers.into_iter().filter_map(|offer| offer.on(node));
    let mine = mine.map(Offer::held_to_its_past);
    let taken = conflicts::Taken::new(node.index);
    settle::settle(mine.collect(), taken, &mut resolution);
    resolution
        .rejections
        .sort_by(|a, b| (&a.object, &a.source).cmp(&(&b.object, &b.source)));
    resolution
}

/// What a pass read of one object.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are good, so a box would only cost"
)]
enum Read {
    /// A version that is valid by itself.
    Good(AcceptedObject),
    /// A version that is not.
    Bad {
        source: String,
        message: String,
        /// The nodes that it concerns, where that can be read.
        selector: Option<NodeSelector>,
    },
    /// Its source could not be read.
    Unread,
}

/// One object: what was read of it, and the version to fall back to.
struct Offer {
    key: ObjectKey,
    origin: Origin,
    read: Read,
    last_good: Option<AcceptedObject>,
}

impl Offer {
    /// The offer as it concerns a node, if it does. Of an object that was read and is not for
    /// this node, nothing stays; where nothing good could be read, it is as it was.
    fn on(mut self, node: &Node) -> Option<Self> {
        let selects = |selector: &NodeSelector| selector.selects(&node.labels);
        let last_good = self.last_good;
        self.last_good = last_good.filter(|old| selects(old.manifest.selector()));
        match &self.read {
            Read::Good(new) => selects(new.manifest.selector()).then_some(self),
            Read::Bad { selector, .. } => {
                let meant = selector.as_ref().is_none_or(selects);
                (meant || self.last_good.is_some()).then_some(self)
            }
            Read::Unread => self.last_good.is_some().then_some(self),
        }
    }

    /// The offer, of which what was read is bad if it changes what may not change.
    fn held_to_its_past(mut self) -> Self {
        if let (Origin::File, Read::Good(new), Some(old)) =
            (self.origin, &self.read, &self.last_good)
            && let Some(error) = transition::error(&old.manifest, new)
        {
            self.read = Read::Bad {
                source: new.source.clone(),
                message: error.to_string(),
                selector: Some(new.manifest.selector().clone()),
            };
        }
        self
    }

    /// Whether the version that was read says the same as the last good one.
    fn says_the_same(&self) -> bool {
        match (&self.read, &self.last_good) {
            (Read::Good(new), Some(old)) => same_spec(&new.manifest, &old.manifest),
            (Read::Good(_) | Read::Bad { .. } | Read::Unread, _) => false,
        }
    }

    /// What stood before.
    fn standing(&self) -> Option<&Manifest> {
        self.last_good.as_ref().map(|old| &old.manifest)
    }

    /// What was read, when it says something new.
    fn news(&self) -> Option<&Manifest> {
        match &self.read {
            Read::Good(new) if !self.says_the_same() => Some(&new.manifest),
            Read::Good(_) | Read::Bad { .. } | Read::Unread => None,
        }
    }

    /// Where it was read.
    fn source(&self) -> Option<&String> {
        match &self.read {
            Read::Good(new) => Some(&new.source),
            Read::Bad { source, .. } => Some(source),
            Read::Unread => None,
        }
    }
}

/// Turns what was read into offers; objects of broken sources are offered as they were.
fn offers(read: Candidates, before: &Accepted, rejections: &mut Vec<Rejection>) -> Vec<Offer> {
    let mut by_key: BTreeMap<ObjectKey, Vec<Candidate>> = BTreeMap::new();
    for candidate in read.objects {
        let of_key = by_key.entry(candidate.key.clone()).or_default();
        of_key.push(candidate);
    }
    let mut offers: Vec<Offer> = Vec::new();
    for (source, message) in read.broken_sources {
        let unread: Vec<_> = before
            .iter()
            .filter(|(key, old)| old.source == source && !by_key.contains_key(*key))
            .collect();
        rejections.push(Rejection {
            object: None,
            source,
            message,
            kept: kept(!unread.is_empty()),
            cause: Cause::Unread,
        });
        offers.extend(unread.into_iter().map(|(key, old)| Offer {
            key: key.clone(),
            origin: Origin::File,
            read: Read::Unread,
            last_good: Some(old.clone()),
        }));
    }
    for (key, mut versions) in by_key {
        let last_good = before.get(&key).cloned();
        // Where two sources define one object, the one that it came from keeps it; without a
        // past, one that can be taken does. One that may not be there takes no other's place.
        versions.sort_by_key(|version| {
            let barred = matches!(version.manifest, Err(Unfit::Barred(_)));
            let moved = last_good.as_ref().map(|old| &old.source) != Some(&version.source);
            let unfit = version.manifest.is_err();
            (barred, moved, unfit, version.source.clone())
        });
        let mut versions = versions.into_iter();
        let Some(first) = versions.next() else {
            continue;
        };
        rejections.extend(versions.map(|extra| duplicate(&extra, &first.source)));
        let (source, origin) = (first.source, first.origin);
        let (read, last_good) = match first.manifest {
            Ok(manifest) => (Read::Good(AcceptedObject { source, manifest }), last_good),
            Err(Unfit::Faulty { message, selector }) => {
                let read = Read::Bad {
                    source,
                    message,
                    selector,
                };
                (read, last_good)
            }
            Err(Unfit::Barred(message)) => {
                let read = Read::Bad {
                    source,
                    message,
                    selector: None,
                };
                (read, None)
            }
        };
        offers.push(Offer {
            key,
            origin,
            read,
            last_good,
        });
    }
    offers
}

fn duplicate(extra: &Candidate, first: &str) -> Rejection {
    let Candidate { key, source, .. } = extra;
    Rejection {
        object: Some(key.clone()),
        source: source.clone(),
        message: format!(
            "{source}: {key} is already defined in {first}; give one of the two another name"
        ),
        kept: Kept::Nothing,
        cause: Cause::Duplicate,
    }
}

fn kept(something: bool) -> Kept {
    if something {
        Kept::LastGood
    } else {
        Kept::Nothing
    }
}

/// Whether two versions of an object say the same; the API server's count of versions is not
/// part of what they say.
fn same_spec(a: &Manifest, b: &Manifest) -> bool {
    match (a, b) {
        (Manifest::Underlay(a), Manifest::Underlay(b)) => a.spec == b.spec,
        (Manifest::L3Vni(a), Manifest::L3Vni(b)) => a.spec == b.spec,
        (Manifest::L2Vni(a), Manifest::L2Vni(b)) => a.spec == b.spec,
        (Manifest::L3Passthrough(a), Manifest::L3Passthrough(b)) => a.spec == b.spec,
        (Manifest::RawFrrConfig(a), Manifest::RawFrrConfig(b)) => a.spec == b.spec,
        (
            Manifest::Underlay(_)
            | Manifest::L3Vni(_)
            | Manifest::L2Vni(_)
            | Manifest::L3Passthrough(_)
            | Manifest::RawFrrConfig(_),
            _,
        ) => false,
    }
}
