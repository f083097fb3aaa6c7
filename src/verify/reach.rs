//! Remote VTEPs: is there a way to each, in zebra, in the kernel, and for bgpd.
//!
//! A VTEP without a way is the root cause for all routes behind it; these wait for it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use super::facts::{Facts, KernelRoute, Reach, RouteAction};
use super::finding::Check;
use super::import::effective;
use super::ledger::{Fault, Ledger, Tally};
use super::sessions::Fabric;
use super::sources::{Source, waiting};
use crate::api::types::ObjectKey;
use crate::intent::UnderlayIntent;

/// The remote VTEPs that cannot be reached, with the check that says so.
#[derive(Debug, Default)]
pub(super) struct Reachability {
    unreachable: BTreeMap<IpAddr, Check>,
}

impl Reachability {
    pub(super) fn is_unreachable(&self, vtep: IpAddr) -> bool {
        self.unreachable.contains_key(&vtep)
    }

    /// Has a check wait for VTEPs that cannot be reached.
    pub(super) fn pend(
        &self,
        check: Check,
        object: Option<&ObjectKey>,
        vteps: &BTreeSet<IpAddr>,
        ledger: &mut Ledger,
    ) {
        let cause = |vtep: &IpAddr| Some((*self.unreachable.get(vtep)?, *vtep));
        if let Some((cause, first)) = vteps.iter().find_map(cause) {
            let more = match vteps.len() {
                0 | 1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            ledger.pending(check, object, format_args!("{cause} {first}{more}"));
        }
    }
}

/// What the ways to VTEPs are looked up in.
struct Ways<'a> {
    tracked: &'a HashMap<IpAddr, Option<IpNet>>,
    kernel: HashMap<IpNet, &'a KernelRoute>,
    next_hops: &'a HashMap<IpAddr, Reach>,
}

impl<'a> Ways<'a> {
    fn new(facts: &'a Facts) -> Result<Self, String> {
        let facts = &facts.underlay;
        let unread = |source| move |_: &_| waiting(source);
        Ok(Self {
            tracked: facts.tracked.as_ref().map_err(unread(Source::Tracked))?,
            kernel: effective(facts.table.as_ref().map_err(unread(Source::MainTable))?),
            next_hops: facts.next_hops.as_ref().map_err(unread(Source::NextHops))?,
        })
    }

    /// What is wrong with the way to a VTEP that zebra was not asked about, as a new one is not by a
    /// bgpd that goes on.
    fn untracked_fault(&self, vtep: IpAddr) -> Option<Fault> {
        let leads = |(prefix, _): &(&IpNet, _)| prefix.contains(&vtep);
        let nearest = self.kernel.iter().filter(leads);
        let nearest = nearest.max_by_key(|(prefix, _)| prefix.prefix_len());
        match nearest.map(|(_, route)| &route.action) {
            Some(RouteAction::Forward(_)) => None,
            Some(RouteAction::Drop(_) | RouteAction::Local) | None => Some(Fault::new(
                "a route in the kernel's main table",
                "none, and zebra was not asked for one",
                format!(
                    "was zebra started again? see `ip route get {vtep}` in the router's namespace"
                ),
            )),
        }
    }

    /// What is wrong with the route to a VTEP.
    fn route_fault(&self, vtep: IpAddr) -> Option<Fault> {
        let ip = if vtep.is_ipv4() { "ip" } else { "ipv6" };
        let Some(tracked) = self.tracked.get(&vtep) else {
            return self.untracked_fault(vtep);
        };
        let Some(prefix) = tracked else {
            return Some(Fault::new(
                "a route in the main table",
                "zebra has none",
                format!(
                    "does a neighbour of the fabric announce it, and does the router behind it \
                     run? see `show {ip} route {vtep}`"
                ),
            ));
        };
        let seen = match self.kernel.get(prefix).map(|route| &route.action) {
            Some(RouteAction::Forward(_)) => return None,
            Some(RouteAction::Drop(word)) => format!("the kernel drops it ({word})"),
            Some(RouteAction::Local) => "the kernel keeps it for itself".to_owned(),
            None => "not there".to_owned(),
        };
        Some(Fault::new(
            format!("zebra's route to {prefix} in the kernel's main table"),
            seen,
            format!("see `ip route get {vtep}` in the router's namespace, and zebra's log"),
        ))
    }
}

/// Checks the ways to the VTEPs in use.
pub(super) fn check(
    underlay: &UnderlayIntent,
    facts: &Facts,
    fabric: &Fabric,
    vteps: &BTreeSet<IpAddr>,
    ledger: &mut Ledger,
) -> Reachability {
    let object = Some(&underlay.key);
    let early = match Ways::new(facts) {
        Err(source) => Err(source),
        Ok(_) if vteps.is_empty() && facts.evpn.is_err() => Err(waiting(Source::Evpn)),
        Ok(_) if vteps.is_empty() && fabric.told.is_empty() => Err(fabric.waiting_for.clone()),
        Ok(ways) => Ok(ways),
    };
    let ways = match early {
        Ok(ways) => ways,
        Err(waiting_for) => {
            ledger.pending(Check::UnderlayRoute, object, &waiting_for);
            ledger.pending(Check::VtepReachable, object, &waiting_for);
            return Reachability::default();
        }
    };
    let mut found = Reachability::default();
    let mut routes = Tally::new(Check::UnderlayRoute);
    let mut reachable = Tally::new(Check::VtepReachable);
    let mut unknown = None;
    for vtep in vteps {
        let fault = ways.route_fault(*vtep);
        if !routes.count(vtep, fault.map_or(Ok(()), |fault| Err(|| fault))) {
            found.unreachable.insert(*vtep, Check::UnderlayRoute);
            continue;
        }
        match ways.next_hops.get(vtep) {
            Some(Reach::Reachable) => reachable.good(),
            Some(Reach::Unreachable) => {
                reachable.bad(vtep, || {
                    Fault::new(
                        "a next hop that bgpd takes as reachable",
                        "unreachable",
                        format!("zebra has a route to it; see `show bgp nexthop {vtep}`"),
                    )
                });
                found.unreachable.insert(*vtep, Check::VtepReachable);
            }
            None => {
                unknown.get_or_insert(*vtep);
            }
        }
    }
    ledger.close(object, routes);
    ledger.close(object, reachable);
    let without_route = found
        .unreachable
        .iter()
        .filter(|(_, check)| **check == Check::UnderlayRoute);
    let without_route: BTreeSet<IpAddr> = without_route.map(|(vtep, _)| *vtep).collect();
    found.pend(Check::VtepReachable, object, &without_route, ledger);
    if let Some(vtep) = unknown {
        let waiting_for = format_args!("bgpd to look for the next hop {vtep}");
        ledger.pending(Check::VtepReachable, object, waiting_for);
    }
    found
}
