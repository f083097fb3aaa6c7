//! What verification says: one check, one object, one verdict.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use k8s_openapi::jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::api::types::ObjectKey;

/// Declares the checks: variant, name, and what is checked.
macro_rules! checks {
    ($($variant:ident, $name:literal, $meaning:literal;)+) => {
        /// Everything that is verified. Each has a name that scripts can rely on.
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
        )]
        #[serde(rename_all = "kebab-case")]
        pub enum Check {
            $(#[doc = $meaning] $variant,)+
        }

        impl Check {
            /// Every check, in the order in which things depend on each other.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$variant),+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What is checked, in one line.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $meaning,)+ }
            }
        }
    };
}

checks! {
    FactsReadable, "facts-readable", "FRR and the kernel answered what they were asked";
    LinksPresent, "links-present", "the links stand, are up, and are joined as wanted";
    VtepAddress, "vtep-address", "the VTEP address is on the router's loopback";
    DuplicateVtep, "duplicate-vtep",
        "no other router has this node's VTEP address, as far as bgpd lets its routes in";
    MtuPath, "mtu-path", "what fits through the overlay's links fits through the NIC in a tunnel";
    UnderlaySession, "underlay-session", "the BGP session with a fabric neighbour is established";
    BfdSession, "bfd-session", "BFD watches the way to a fabric neighbour, where it is to";
    EvpnFamily, "evpn-family", "both sides of a fabric session announced EVPN";
    HostSession, "host-session", "the BGP session with the host is established";
    UnderlayRoute, "underlay-route",
        "zebra and the kernel have a route to each remote VTEP in the main table";
    VtepReachable, "vtep-reachable", "bgpd takes each remote VTEP as a next hop that is reached";
    VniUp, "vni-up", "zebra has the VNI on its layer, up, with its VRF, SVI and VXLAN";
    BgpVni, "bgp-vni", "bgpd has the VNI on its layer, with the route targets wanted";
    RouteTargets, "route-targets",
        "no two VNIs of this node share a route distinguisher, or take in each other's routes unasked";
    RouterMac, "router-mac", "zebra, bgpd and the bridge agree on the router MAC";
    Gateway, "gateway", "the segment's bridge has the gateway's addresses and its MAC";
    HostRouteInKernel, "host-route-in-kernel",
        "the host's routes and networks are in zebra and in the VRF's kernel table";
    HostRouteExported, "host-route-exported",
        "each route of the host is a Type-5 route with our RD, route targets, MAC and VTEP";
    LocalMacAdvertised, "local-mac-advertised",
        "each host at the segment's ports is known to zebra, and a Type-2 route";
    RouteAdvertised, "route-advertised", "each route of a VRF or a segment is sent to each EVPN neighbour";
    RouteFiltered, "route-filtered",
        "no routes for the VNI come with route targets that its VRF does not import";
    RouteValid, "route-valid", "each received route for us has a valid best path";
    RouteImported, "route-imported", "each such route is in its VRF's BGP table, with a best path";
    RouteInRib, "route-in-rib", "zebra selected each imported route and installed it";
    RouteInKernel, "route-in-kernel",
        "each is in the VRF's kernel table, by the SVI, onlink, to the remote VTEP";
    NeighbourEntry, "neighbour-entry", "the kernel maps each remote VTEP to its router MAC";
    FdbEntry, "fdb-entry", "the VXLAN device maps each router MAC to its remote VTEP";
    FloodList, "flood-list",
        "the VXLAN device floods to each remote VTEP of the segment, and these know of ours";
    RemoteMacInFdb, "remote-mac-in-fdb",
        "the kernel has each remote host of the segment behind its VTEP, and its address";
    DuplicateAddress, "duplicate-address", "no host of the segment is in two places";
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no check.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a check")]
pub struct UnknownCheck(String);

impl FromStr for Check {
    type Err = UnknownCheck;

    fn from_str(text: &str) -> Result<Self, UnknownCheck> {
        Self::ALL
            .into_iter()
            .find(|check| check.name() == text)
            .ok_or_else(|| UnknownCheck(text.to_owned()))
    }
}

/// What a finding is about.
pub type Key = (Check, Option<ObjectKey>, String);

/// One verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was checked.
    pub check: Check,
    /// The object that it belongs to; none when it belongs to the node.
    pub object: Option<ObjectKey>,
    /// What it is about: a neighbour, a prefix, a link, a source of facts. Empty for a verdict
    /// on all of them together.
    pub subject: String,
    /// The verdict.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Since when it has not been as it should be, for what is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

/// A verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "camelCase")]
pub enum Outcome {
    /// As it should be.
    Good {
        /// How many things are: routes are counted, not listed.
        count: u64,
        /// What was seen, where that is worth a word; else empty.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        seen: String,
    },
    /// Not as it should be.
    Bad {
        /// What should be.
        expected: String,
        /// What is.
        seen: String,
        /// What to look at, or do, next.
        hint: String,
    },
    /// Not as it should be, but not for long: it may be on its way.
    Unsettled {
        /// What should be.
        expected: String,
        /// What is.
        seen: String,
        /// What to look at, or do, next, should it stay so.
        hint: String,
    },
    /// Further bad ones of the same check and object, not listed.
    MoreBad {
        /// How many.
        count: u64,
    },
    /// Cannot be told, because something before it is missing.
    Pending {
        /// What is missing, by check or source.
        waiting_for: String,
    },
}

impl Finding {
    /// What it is about, by which two of different times are known to be the same.
    #[must_use]
    pub fn key(&self) -> Key {
        (self.check, self.object.clone(), self.subject.clone())
    }

    /// Whether something is not as it should be.
    #[must_use]
    pub const fn is_bad(&self) -> bool {
        matches!(self.outcome, Outcome::Bad { .. } | Outcome::MoreBad { .. })
    }

    /// Whether all is as it should be.
    #[must_use]
    pub const fn is_good(&self) -> bool {
        matches!(self.outcome, Outcome::Good { .. })
    }

    /// How many things are as they should be.
    #[must_use]
    pub const fn good_ones(&self) -> u64 {
        match self.outcome {
            Outcome::Good { count, .. } => count,
            Outcome::Bad { .. }
            | Outcome::Unsettled { .. }
            | Outcome::MoreBad { .. }
            | Outcome::Pending { .. } => 0,
        }
    }
}

impl fmt::Display for Finding {
    /// One line for logs and events.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.check)?;
        if !self.subject.is_empty() {
            write!(f, " {}", self.subject)?;
        }
        match &self.outcome {
            Outcome::Good { count: 1, seen } if seen.is_empty() => f.write_str(": good"),
            Outcome::Good { count, seen } if seen.is_empty() => write!(f, ": {count} good"),
            Outcome::Good { seen, .. } => write!(f, ": {seen}"),
            Outcome::Bad {
                expected,
                seen,
                hint,
            } => {
                write!(f, ": expected {expected}; seen: {seen}")?;
                if hint.is_empty() {
                    return Ok(());
                }
                write!(f, "; {hint}")
            }
            Outcome::Unsettled { expected, seen, .. } => {
                write!(f, ": expected {expected}; seen, not for long: {seen}")
            }
            Outcome::MoreBad { count } => write!(f, ": and {count} more"),
            Outcome::Pending { waiting_for } => write!(f, ": waiting for {waiting_for}"),
        }
    }
}

/// What an object lacks in the kernel, or has otherwise there, though zebra says that it has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stalled {
    /// These.
    Some(StalledOnes),
    /// More than are listed, of which none is there.
    All,
}

/// What zebra is to write anew, one by one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StalledOnes {
    /// Routes in the VRF's table.
    pub routes: Vec<IpNet>,
    /// Remote VTEPs whose router MAC the VNI's bridge is to know.
    pub neighbours: Vec<IpAddr>,
}

/// The objects of which the VXLAN device has not every entry that zebra says it has.
#[must_use]
pub fn unforwarded(findings: &[Finding]) -> BTreeSet<&ObjectKey> {
    let bad = findings
        .iter()
        .filter(|finding| finding.check == Check::FdbEntry && finding.is_bad());
    bad.filter_map(|finding| finding.object.as_ref()).collect()
}

/// The objects of which something is stalled.
#[must_use]
pub fn stalled(findings: &[Finding]) -> BTreeMap<&ObjectKey, Stalled> {
    let mut of_objects: BTreeMap<(&ObjectKey, Check), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        if let (Check::RouteInKernel | Check::NeighbourEntry, Some(object)) =
            (finding.check, &finding.object)
        {
            let key = (object, finding.check);
            of_objects.entry(key).or_default().push(finding);
        }
    }
    let mut stalled = BTreeMap::new();
    for ((object, _), found) in of_objects {
        if !found.iter().any(|finding| finding.is_bad()) {
            continue;
        }
        let ones = stalled_ones(&found);
        let all = stalled
            .entry(object)
            .or_insert_with(|| Some(StalledOnes::default()));
        *all = all.take().zip(ones).map(|(all, ones)| all.and(ones));
    }
    let as_said = |ones: Option<_>| ones.map_or(Stalled::All, Stalled::Some);
    stalled
        .into_iter()
        .map(|(object, ones)| (object, as_said(ones)))
        .collect()
}

/// What one check found; `None` where it is all that there should be.
fn stalled_ones(found: &[&Finding]) -> Option<StalledOnes> {
    let is_more = |finding: &&Finding| matches!(finding.outcome, Outcome::MoreBad { .. });
    if found.iter().any(is_more) && !found.iter().any(|finding| finding.is_good()) {
        return None;
    }
    let bad = || {
        let bad = found.iter().filter(|finding| finding.is_bad());
        bad.map(|finding| finding.subject.as_str())
    };
    // A prefix always has its length, and an address never.
    Some(StalledOnes {
        routes: bad().filter_map(|subject| subject.parse().ok()).collect(),
        neighbours: bad().filter_map(|subject| subject.parse().ok()).collect(),
    })
}

impl StalledOnes {
    fn and(mut self, other: Self) -> Self {
        self.routes.extend(other.routes);
        self.neighbours.extend(other.neighbours);
        self
    }
}

#[cfg(test)]
mod tests;
