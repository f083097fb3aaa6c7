//! One VNI's routes, or those to one prefix, followed hop by hop: where does each end? Of a layer
//! 2 segment its hosts and its flood list.
//!
//! What always holds: what is good and what is broken is judged by the same checks as in a
//! verification, on facts narrowed to one prefix; only the words on what was seen are made here.
//! A route's hops end with the first that is broken, which is the root cause.

mod narrow;
mod nothing;
mod seen;
mod segment;
mod target;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::finding::{Check, Finding, Outcome};
use super::ledger::Ledger;
use super::links::VniLinks;
use super::vni::One;
use super::{Overlay, links, sessions, vni};
use crate::api::Kind;
use crate::api::types::{ObjectKey, Vni, VrfName};
use crate::intent::NodeIntent;
use crate::plan::desired;
use narrow::Whole;
pub use narrow::concerned;
pub use target::{Target, UnknownTarget};

/// The most whole, and the most broken, routes of one VNI that are listed.
const MOST_LISTED: usize = 200;

/// Where the routes end that were asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Walk {
    /// What was asked for.
    pub target: Target,
    /// The VNIs that it concerns.
    pub vnis: Vec<VniWalk>,
    /// Where else something of it was seen, or why there is nothing.
    pub notes: Vec<String>,
}

/// One VNI and its routes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VniWalk {
    /// The object.
    pub object: ObjectKey,
    /// The VNI.
    pub vni: Vni,
    /// Its VRF; a layer 2 segment may have none.
    pub vrf: Option<VrfName>,
    /// What all its routes rest on; of a layer 2 segment everything.
    pub hops: Vec<Hop>,
    /// Its routes, as far as they are listed.
    pub routes: Vec<RouteWalk>,
    /// How many whole routes are not listed.
    pub more_whole: u64,
    /// How many broken routes are not listed.
    pub more_broken: u64,
}

/// One route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteWalk {
    /// Where it leads.
    pub prefix: IpNet,
    /// Which way it goes.
    pub direction: Direction,
    /// What it goes through.
    pub hops: Vec<Hop>,
}

/// Which way a route goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// From the fabric to this node's kernel.
    In,
    /// From this node to the fabric.
    Out,
}

/// One hop, or one of several beside each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hop {
    /// Where it is.
    pub stage: Stage,
    /// The check that judged it.
    pub check: Check,
    /// What was seen.
    pub seen: String,
    /// Whether the route goes through.
    #[serde(flatten)]
    pub state: State,
}

/// Whether a route goes through a hop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "camelCase")]
pub enum State {
    /// It does.
    Whole,
    /// It ends here.
    Broken {
        /// What should be.
        expected: String,
        /// What to look at, or do, next.
        hint: String,
    },
    /// That cannot be told.
    #[serde(rename_all = "camelCase")]
    Unknown {
        /// What is missing, by check or source.
        waiting_for: String,
    },
}

/// Declares the stages: variant, name for programs, name for people.
macro_rules! stages {
    ($($variant:ident, $label:literal, $meaning:literal;)+) => {
        /// Where a hop is.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Stage {
            $(#[doc = $meaning] $variant,)+
        }

        impl Stage {
            /// Its name for people.
            #[must_use]
            pub const fn label(self) -> &'static str {
                match self { $(Self::$variant => $label,)+ }
            }
        }
    };
}

stages! {
    Links, "links", "The links of the VNI.";
    ZebraVni, "zebra VNI", "The VNI in zebra.";
    BgpVni, "bgpd VNI", "The VNI in bgpd.";
    RouterMac, "router MAC", "The router MAC in bridge, zebra and bgpd.";
    EvpnPath, "EVPN path", "A Type-5 route of the EVPN table.";
    VrfBgp, "VRF BGP table", "The BGP table of the VRF.";
    Rib, "zebra RIB", "zebra's RIB of the VRF.";
    Kernel, "kernel route", "The VRF's table in the kernel.";
    Neighbour, "neighbour", "The kernel's neighbour entry of the remote VTEP.";
    Fdb, "FDB", "The VXLAN device's forwarding entry of the remote router MAC.";
    Exported, "Type-5 route", "The Type-5 route that bgpd made of a route of the VRF.";
    Advertised, "sent", "What was sent to a neighbour.";
    Gateway, "gateway", "The gateway's addresses on a segment's bridge.";
    OwnHosts, "own hosts", "The Type-2 routes of a segment's own hosts.";
    FloodList, "flood list", "Who is told what a segment's bridge has no entry for.";
    RemoteHosts, "remote hosts", "The forwarding and neighbour entries of a segment's remote hosts.";
    Duplicates, "duplicates", "The hosts of a segment that are in two places.";
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.label())
    }
}

/// What a walk comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every hop of every route is as it should be.
    Whole,
    /// One is not, or cannot be told.
    Broken,
    /// There is no such route, or no such VNI.
    NoRoute,
}

impl Walk {
    /// What it comes to.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.vnis.is_empty() {
            Verdict::NoRoute
        } else if self.vnis.iter().all(VniWalk::is_whole) {
            Verdict::Whole
        } else {
            Verdict::Broken
        }
    }
}

impl VniWalk {
    /// Its VNI and its VRF, for people.
    #[must_use]
    pub fn names(&self) -> String {
        match &self.vrf {
            Some(vrf) => format!("VNI {}, VRF {vrf}", self.vni),
            None => format!("VNI {}", self.vni),
        }
    }

    /// Whether it is followed route by route, which a layer 2 segment is not.
    #[must_use]
    pub const fn has_routes(&self) -> bool {
        !matches!(self.object.kind, Kind::L2Vni)
    }

    /// Whether all of it goes through.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.more_broken == 0
            && self.hops.iter().all(Hop::is_whole)
            && self.routes.iter().all(RouteWalk::is_whole)
    }
}

impl RouteWalk {
    /// Whether it goes through.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.hops.iter().all(Hop::is_whole)
    }
}

impl Hop {
    /// Whether the route goes through it.
    #[must_use]
    pub const fn is_whole(&self) -> bool {
        matches!(self.state, State::Whole)
    }

    fn whole(stage: Stage, check: Check, seen: impl Into<String>) -> Self {
        Self {
            stage,
            check,
            seen: seen.into(),
            state: State::Whole,
        }
    }

    fn unknown(stage: Stage, check: Check, waiting_for: impl Into<String>) -> Self {
        Self {
            stage,
            check,
            seen: String::new(),
            state: State::Unknown {
                waiting_for: waiting_for.into(),
            },
        }
    }

    /// With the name of what is broken, where the finding has one.
    fn naming(mut self, finding: &Finding) -> Self {
        if matches!(self.state, State::Broken { .. }) && !finding.subject.is_empty() {
            self.seen = format!("{}: {}", finding.subject, self.seen);
        }
        self
    }

    /// What a finding says of a stage; good ones say what is `seen` in it.
    fn of(stage: Stage, finding: &Finding, seen: impl FnOnce() -> String) -> Self {
        let check = finding.check;
        match &finding.outcome {
            Outcome::Good { .. } => Self::whole(stage, check, seen()),
            Outcome::Bad {
                expected,
                seen,
                hint,
            }
            | Outcome::Unsettled {
                expected,
                seen,
                hint,
            } => Self {
                stage,
                check,
                seen: seen.clone(),
                state: State::Broken {
                    expected: expected.clone(),
                    hint: hint.clone(),
                },
            },
            Outcome::MoreBad { count } => Self {
                stage,
                check,
                seen: format!("{count} more are not as they should be"),
                state: State::Broken {
                    expected: check.meaning().to_owned(),
                    hint: String::new(),
                },
            },
            Outcome::Pending { waiting_for } => Self::unknown(stage, check, waiting_for),
        }
    }
}

/// Follows the routes that are asked for.
#[must_use]
pub fn walk(intent: &NodeIntent, facts: &Facts, target: Target) -> Walk {
    let mut walk = Walk {
        target,
        vnis: Vec::new(),
        notes: Vec::new(),
    };
    let Some(underlay) = &intent.underlay else {
        walk.notes.push("this node has no underlay".to_owned());
        return walk;
    };
    let tunnels = super::tunnels(underlay);
    let fabric = sessions::check_fabric(underlay, facts, &mut Ledger::default());
    let overlay = Overlay::new(intent, underlay, facts, &fabric, &mut Ledger::default());
    for (intent, routes) in intent.vnis.iter().zip(&overlay.routes.vnis) {
        if matches!(target, Target::Vni(vni) if vni != intent.spec.vni) {
            continue;
        }
        let one = overlay.one_vni(intent, routes);
        let whole = Whole::new(&one);
        let prefixes = whole.prefixes(target, &mut walk.notes);
        if prefixes.is_empty() && !matches!(target, Target::Vni(_)) {
            continue;
        }
        let wanted = desired::links_of_vni(intent, &tunnels).unwrap_or_default();
        let mut ledger = Ledger::default();
        let links = links::check_vni(intent, &wanted, facts, &mut ledger);
        walk.vnis.push(one_vni(
            &whole,
            &prefixes,
            links.vni,
            ledger.into_findings(),
        ));
    }
    for (own, routes) in intent.segments.iter().zip(&overlay.domains) {
        if matches!(target, Target::Vni(vni) if vni == own.spec.vni) {
            let wanted = desired::links_of_segment(own, &tunnels).unwrap_or_default();
            let one = overlay.one_segment(own, routes, &wanted);
            walk.vnis.push(segment::walk(&one, &wanted));
        }
    }
    if walk.vnis.is_empty() {
        nothing::explain(facts, target, &fabric, &mut walk.notes);
    }
    walk
}

/// Follows the routes of one VNI whose links stand as `links` says.
fn one_vni(
    whole: &Whole<'_>,
    prefixes: &BTreeSet<IpNet>,
    links: Result<VniLinks, String>,
    of_links: Vec<Finding>,
) -> VniWalk {
    let intent = whole.one.intent;
    let mut walk = VniWalk {
        object: intent.key.clone(),
        vni: intent.spec.vni,
        vrf: Some(intent.spec.vrf.clone()),
        hops: basis(whole, of_links, &links),
        routes: Vec::new(),
        more_whole: 0,
        more_broken: 0,
    };
    let Ok(links) = links else { return walk };
    let (mut listed_whole, mut listed_broken) = (0, 0);
    for prefix in prefixes {
        for route in of_prefix(whole, *prefix, links) {
            let (listed, more) = if route.is_whole() {
                (&mut listed_whole, &mut walk.more_whole)
            } else {
                (&mut listed_broken, &mut walk.more_broken)
            };
            if *listed < MOST_LISTED {
                *listed += 1;
                walk.routes.push(route);
            } else {
                *more += 1;
            }
        }
    }
    walk
}

/// What all routes of a VNI rest on.
fn basis(whole: &Whole<'_>, of_links: Vec<Finding>, links: &Result<VniLinks, String>) -> Vec<Hop> {
    let mut ledger = Ledger::default();
    let (facts, routes) = whole.without_routes();
    vni::check(&whole.at(&facts, &routes), links.clone(), &mut ledger);
    let mut hops = Vec::new();
    let mut waiting = BTreeSet::new();
    for finding in of_links.iter().chain(&ledger.into_findings()) {
        let stage = match finding.check {
            Check::LinksPresent => Stage::Links,
            Check::VniUp => Stage::ZebraVni,
            Check::BgpVni => Stage::BgpVni,
            Check::RouterMac => Stage::RouterMac,
            Check::HostRouteExported => Stage::Exported,
            Check::RouteAdvertised => Stage::Advertised,
            Check::RouteValid => Stage::EvpnPath,
            Check::RouteImported => Stage::VrfBgp,
            Check::RouteInRib => Stage::Rib,
            Check::RouteInKernel => Stage::Kernel,
            Check::NeighbourEntry => Stage::Neighbour,
            Check::FdbEntry => Stage::Fdb,
            Check::FactsReadable
            | Check::RouteFiltered
            | Check::VtepAddress
            | Check::DuplicateVtep
            | Check::MtuPath
            | Check::UnderlaySession
            | Check::BfdSession
            | Check::EvpnFamily
            | Check::HostSession
            | Check::UnderlayRoute
            | Check::VtepReachable
            | Check::RouteTargets
            | Check::Gateway
            | Check::HostRouteInKernel
            | Check::LocalMacAdvertised
            | Check::FloodList
            | Check::RemoteMacInFdb
            | Check::DuplicateAddress => continue,
        };
        let of_routes = stage > Stage::RouterMac;
        match &finding.outcome {
            // Routes have their own hops; here only what keeps all of them from being followed.
            Outcome::Pending { waiting_for } => {
                if waiting.insert(waiting_for.clone()) {
                    hops.push(Hop::unknown(stage, finding.check, waiting_for));
                }
            }
            Outcome::Good { .. }
            | Outcome::Bad { .. }
            | Outcome::Unsettled { .. }
            | Outcome::MoreBad { .. } => {
                if !of_routes {
                    let hop = Hop::of(stage, finding, || whole.basis(stage));
                    hops.push(if stage == Stage::Links {
                        hop.naming(finding)
                    } else {
                        hop
                    });
                }
            }
        }
    }
    // Links of which some are bad and others good are told by the bad ones.
    let broken_links = hops
        .iter()
        .any(|hop| hop.stage == Stage::Links && !hop.is_whole());
    hops.retain(|hop| hop.stage != Stage::Links || !hop.is_whole() || !broken_links);
    hops
}

/// The routes of one prefix: in, out, or both.
fn of_prefix(whole: &Whole<'_>, prefix: IpNet, links: VniLinks) -> Vec<RouteWalk> {
    let (facts, routes) = whole.narrowed(prefix);
    let one = whole.at(&facts, &routes);
    let mut ledger = Ledger::default();
    vni::check(&one, Ok(links), &mut ledger);
    let findings = ledger.into_findings();
    let mut walks = Vec::new();
    let mut push = |direction, hops: Vec<Hop>| {
        if !hops.is_empty() {
            walks.push(RouteWalk {
                prefix,
                direction,
                hops,
            });
        }
    };
    push(Direction::Out, out(whole, &one, prefix, &findings));
    if !routes.received.is_empty() {
        push(
            Direction::In,
            inwards(whole, &one, prefix, links, &findings),
        );
    }
    walks
}

/// The hops of a route in, in their order.
const INWARDS: [(Stage, Check); 6] = [
    (Stage::EvpnPath, Check::RouteValid),
    (Stage::VrfBgp, Check::RouteImported),
    (Stage::Rib, Check::RouteInRib),
    (Stage::Kernel, Check::RouteInKernel),
    (Stage::Neighbour, Check::NeighbourEntry),
    (Stage::Fdb, Check::FdbEntry),
];

fn inwards(
    whole: &Whole<'_>,
    one: &One<'_>,
    prefix: IpNet,
    links: VniLinks,
    findings: &[Finding],
) -> Vec<Hop> {
    let mut hops = Vec::new();
    for (stage, check) in INWARDS {
        let of_check = || findings.iter().filter(|finding| finding.check == check);
        let not_good = of_check().find(|finding| !finding.is_good());
        if let Some(finding) = not_good {
            let hop = Hop::of(stage, finding, String::new);
            let names_another = matches!(stage, Stage::Neighbour | Stage::Fdb);
            hops.push(if names_another {
                hop.naming(finding)
            } else {
                hop
            });
            return hops;
        }
        let goes_on = of_check()
            .any(|finding| matches!(finding.outcome, Outcome::Good { count, .. } if count > 0));
        if !goes_on {
            hops.push(Hop::whole(stage, check, seen::another_way(one, prefix)));
            return hops;
        }
        let lines = seen::inwards(whole, one, prefix, links, stage);
        hops.extend(lines.into_iter().map(|line| Hop::whole(stage, check, line)));
    }
    hops
}

/// The hops of a route out; none when the prefix is not one to be told to the fabric.
fn out(whole: &Whole<'_>, one: &One<'_>, prefix: IpNet, findings: &[Finding]) -> Vec<Hop> {
    let check = Check::HostRouteExported;
    // The host's own address is looked for in every table; here it is only if it is asked for.
    let is_about = |finding: &&Finding| {
        finding.check == check
            && match finding.outcome {
                Outcome::Good { count, .. } => count > 0,
                Outcome::Bad { .. }
                | Outcome::Unsettled { .. }
                | Outcome::MoreBad { .. }
                | Outcome::Pending { .. } => finding.subject == prefix.to_string(),
            }
    };
    let Some(finding) = findings.iter().find(is_about) else {
        return Vec::new();
    };
    let in_vrf = seen::host_route(one, prefix);
    let exported = Hop::of(Stage::Exported, finding, || seen::exported(one, prefix));
    let goes_on = exported.is_whole();
    if in_vrf.is_empty() && !goes_on {
        let stage = Stage::VrfBgp;
        return vec![Hop { stage, ..exported }];
    }
    let in_vrf = in_vrf.into_iter();
    let mut hops: Vec<Hop> = in_vrf
        .map(|line| Hop::whole(Stage::VrfBgp, check, line))
        .collect();
    hops.push(exported);
    if goes_on {
        hops.extend(sent(whole, prefix, findings));
    }
    hops
}

/// A hop for each neighbour beside the others.
fn sent(whole: &Whole<'_>, prefix: IpNet, findings: &[Finding]) -> Vec<Hop> {
    let check = Check::RouteAdvertised;
    let of_check = || findings.iter().filter(|finding| finding.check == check);
    let mut hops = Vec::new();
    for peer in &whole.one.fabric.evpn_peers {
        if !matches!(whole.one.facts.advertised.get(peer), Some(Ok(_))) {
            continue;
        }
        let subject = format!("{prefix} to {peer}");
        let bad = of_check().find(|finding| finding.subject == subject);
        hops.push(match bad {
            Some(finding) => {
                let hop = Hop::of(Stage::Advertised, finding, String::new);
                let seen = format!("{} to {peer}", hop.seen);
                Hop { seen, ..hop }
            }
            None => Hop::whole(Stage::Advertised, check, format!("to {peer}")),
        });
    }
    let pending = of_check().filter(|f| matches!(f.outcome, Outcome::Pending { .. }));
    hops.extend(pending.map(|finding| Hop::of(Stage::Advertised, finding, String::new)));
    hops
}
