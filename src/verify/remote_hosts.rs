//! The remote hosts of a segment, from the EVPN table to the kernel, and who is flooded to.
//!
//! The first broken hop of a host is its root cause; what lies behind it is not looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::facts::{Came, HostPlace, Moves, Standing};
use super::finding::Check;
use super::ledger::{Fault, Ledger, Tally};
use super::links::SegmentLinks;
use super::routes::is_address;
use super::segment::One;
use super::sources::{Source, waiting};
use super::vni::listed;
use crate::plan::desired::Names;
use crate::plan::link::Mac;

/// The address of what is not known where it is: the flood list's entries have it.
const FLOOD: Mac = Mac([0; 6]);

/// Which remote VTEPs have each host, and which addresses.
#[derive(Default)]
struct Remote {
    macs: BTreeMap<Mac, BTreeSet<IpAddr>>,
    addresses: BTreeSet<(IpAddr, Mac)>,
}

/// Checks one segment's received routes.
pub(super) fn check(one: &One<'_>, links: SegmentLinks, ledger: &mut Ledger) {
    let object = Some(&one.intent.key);
    let routes = one.routes;
    let nothing_came = routes.macs.is_empty() && routes.floods.is_empty();
    let early = match (&one.facts.segments.macs, &one.facts.segments.floods) {
        (Err(_), _) => Some(waiting(Source::MacRoutes)),
        (Ok(_), Err(_)) => Some(waiting(Source::FloodRoutes)),
        (Ok(_), Ok(_)) if nothing_came && one.fabric.told.is_empty() => {
            Some(one.fabric.waiting_for.clone())
        }
        (Ok(_), Ok(_)) => None,
    };
    if let Some(waiting_for) = early {
        for check in [Check::RouteValid, Check::FloodList, Check::RemoteMacInFdb] {
            ledger.pending(check, object, &waiting_for);
        }
        return;
    }
    let mut valid = Valid {
        one,
        tally: Tally::new(Check::RouteValid),
        unreachable: BTreeSet::new(),
    };
    let mut remote = Remote::default();
    let same = |a: &&_, b: &&_| key(a) == key(b);
    for paths in routes.macs.chunk_by(same) {
        let Some(first) = paths.first() else { continue };
        let ways: Vec<&Came> = paths.iter().map(|path| &path.came).collect();
        let subject = match first.ip {
            Some(ip) => format!("{} {ip} (RD {})", first.mac, first.rd),
            None => format!("{} (RD {})", first.mac, first.rd),
        };
        let used = valid.count(&subject, &ways);
        if used.is_empty() {
            continue;
        }
        remote.macs.entry(first.mac).or_default().extend(used);
        remote.addresses.extend(first.ip.map(|ip| (ip, first.mac)));
    }
    let mut members = BTreeSet::new();
    for paths in routes
        .floods
        .chunk_by(|a, b| (a.originator, &a.rd) == (b.originator, &b.rd))
    {
        let Some(first) = paths.first() else { continue };
        let ways: Vec<&Came> = paths.iter().map(|path| &path.came).collect();
        let subject = format!("flooding to {} (RD {})", first.originator, first.rd);
        if !valid.count(&subject, &ways).is_empty() {
            members.insert(first.originator.to_canonical());
        }
    }
    let Valid {
        tally, unreachable, ..
    } = valid;
    ledger.close(object, tally);
    one.reach
        .pend(Check::RouteValid, object, &unreachable, ledger);
    if one.facts.fdb.is_err() {
        let source = waiting(Source::Fdb);
        ledger.pending(Check::FloodList, object, &source);
        ledger.pending(Check::RemoteMacInFdb, object, &source);
        return;
    }
    flood_list(one, links, &members, ledger);
    hosts(one, links, &remote, ledger);
}

fn key<'a>(path: &&'a super::facts::MacPath) -> (Mac, Option<IpAddr>, &'a super::facts::Rd) {
    (path.mac, path.ip, &path.rd)
}

/// Counts routes by whether they are used.
struct Valid<'a> {
    one: &'a One<'a>,
    tally: Tally,
    unreachable: BTreeSet<IpAddr>,
}

impl Valid<'_> {
    /// The next hops of a route's used paths. A route whose next hops cannot be reached waits
    /// for those.
    fn count(&mut self, subject: &str, paths: &[&Came]) -> BTreeSet<IpAddr> {
        let next_hops = || paths.iter().map(|path| path.next_hop.to_canonical());
        let invalid = paths.iter().all(|path| path.standing == Standing::Invalid);
        if invalid && next_hops().all(|at| self.one.reach.is_unreachable(at)) {
            self.unreachable.extend(next_hops());
            return BTreeSet::new();
        }
        let used = paths.iter().filter(|path| path.standing.is_used());
        let used: BTreeSet<IpAddr> = used.map(|path| path.next_hop.to_canonical()).collect();
        let result = if used.is_empty() { Err(()) } else { Ok(()) };
        let vni = self.one.intent.spec.vni;
        self.tally.count(
            subject,
            result.map_err(|()| {
                || {
                    let all: BTreeSet<IpAddr> = next_hops().collect();
                    let all: Vec<IpAddr> = all.into_iter().collect();
                    let seen = if invalid {
                        format!("no valid path, next hop {}", listed(&all))
                    } else {
                        format!("valid paths, but none is best, next hop {}", listed(&all))
                    };
                    let hint = format!("see `show bgp l2vpn evpn route vni {vni}`");
                    Fault::new("a valid best path", seen, hint)
                }
            }),
        );
        used
    }
}

/// Checks that what is flooded reaches every member, and that these know of us.
fn flood_list(one: &One<'_>, links: SegmentLinks, members: &BTreeSet<IpAddr>, ledger: &mut Ledger) {
    let vni = one.intent.spec.vni;
    let names = Names::of(vni);
    let mut tally = Tally::new(Check::FloodList);
    let vtep = one.underlay.vteps.local(one.intent.spec.tunnels_over);
    let told = one.routes.own_flood.is_some_and(|own| {
        own.came.standing.is_used()
            && is_address(own.came.next_hop, vtep)
            && is_address(own.originator, vtep)
    });
    let result = if told { Ok(()) } else { Err(()) };
    let fault = |()| {
        || {
            let vtep = vtep.map_or_else(|| "none".to_owned(), |vtep| vtep.to_string());
            let seen = match one.routes.own_flood {
                None => "none".to_owned(),
                Some(own) => format!(
                    "originator {}, next hop {}",
                    own.originator, own.came.next_hop
                ),
            };
            Fault::new(
                format!("a best Type-3 route of this router, VTEP {vtep}"),
                seen,
                format!("nobody floods to this node; see `show bgp l2vpn evpn route vni {vni}`"),
            )
        }
    };
    tally.count("this router", result.map_err(fault));
    let list = one.forwarding.fdb.get(&(links.vxlan, FLOOD));
    for member in members {
        let there = list.is_some_and(|list| list.contains(member));
        let result = if there { Ok(()) } else { Err(()) };
        let fault = |()| {
            || {
                Fault::new(
                    format!("{FLOOD} to {member} on {}", names.vxlan),
                    "no entry",
                    format!(
                        "ARP and unknown destinations do not reach it; see `show evpn vni {vni}` \
                         and `bridge fdb show dev {}`",
                        names.vxlan
                    ),
                )
            }
        };
        tally.count(member, result.map_err(fault));
    }
    ledger.close(Some(&one.intent.key), tally);
}

/// Checks the forwarding entry of each remote host, and its neighbour entry where this router is
/// the gateway.
fn hosts(one: &One<'_>, links: SegmentLinks, remote: &Remote, ledger: &mut Ledger) {
    let object = Some(&one.intent.key);
    let vni = one.intent.spec.vni;
    let names = Names::of(vni);
    let mut tally = Tally::new(Check::RemoteMacInFdb);
    let mut good = BTreeSet::new();
    for (mac, vteps) in &remote.macs {
        // One that has just moved here, or that seems to be everywhere, is not remote alone.
        let elsewhere =
            one.routes.hosts.get(mac).is_some_and(|host| {
                host.place == HostPlace::Local || host.moves == Moves::Duplicate
            });
        if elsewhere {
            continue;
        }
        let seen = one.forwarding.fdb.get(&(links.vxlan, *mac));
        let there = seen.is_some_and(|seen| !seen.is_disjoint(vteps));
        let result = if there { Ok(()) } else { Err(()) };
        let fault = |()| {
            || {
                let all = |vteps: &BTreeSet<IpAddr>| {
                    listed(&vteps.iter().copied().collect::<Vec<IpAddr>>())
                };
                let seen = seen.map_or_else(
                    || "no entry".to_owned(),
                    |seen| format!("behind {}", all(seen)),
                );
                let hint = format!("see `show evpn mac vni {vni} mac {mac}`");
                Fault::new(
                    format!("behind {} on {}", all(vteps), names.vxlan),
                    seen,
                    hint,
                )
            }
        };
        if tally.count(mac, result.map_err(fault)) {
            good.insert(*mac);
        }
    }
    let unread = one.facts.neighbours.is_err() && one.has_gateway();
    if one.has_gateway() && !unread {
        neighbours(one, links, remote, &good, &mut tally);
    }
    ledger.close(object, tally);
    if unread {
        let source = waiting(Source::Neighbours);
        ledger.pending(Check::RemoteMacInFdb, object, source);
    }
}

fn neighbours(
    one: &One<'_>,
    links: SegmentLinks,
    remote: &Remote,
    good: &BTreeSet<Mac>,
    tally: &mut Tally,
) {
    let vni = one.intent.spec.vni;
    let names = Names::of(vni);
    // An address may be told with the MAC that it had before, too, until that one is withdrawn.
    let mut wanted: BTreeMap<IpAddr, BTreeSet<Mac>> = BTreeMap::new();
    for (ip, mac) in &remote.addresses {
        wanted.entry(*ip).or_default().insert(*mac);
    }
    for (ip, macs) in wanted {
        if macs.is_disjoint(good) || one.routes.duplicates.binary_search(&ip).is_ok() {
            continue;
        }
        let seen = one.forwarding.neighbours.get(&(links.bridge, ip)).copied();
        let there = seen.flatten().is_some_and(|mac| macs.contains(&mac));
        let result = if there { Ok(()) } else { Err(()) };
        let fault = |()| {
            || {
                let macs: Vec<Mac> = macs.iter().copied().collect();
                let seen = match seen {
                    Some(Some(mac)) => mac.to_string(),
                    Some(None) => "an entry without a usable MAC".to_owned(),
                    None => "no neighbour entry".to_owned(),
                };
                let hint = format!("see `show evpn arp-cache vni {vni} ip {ip}`");
                Fault::new(format!("{} on {}", listed(&macs), names.bridge), seen, hint)
            }
        };
        tally.count(ip, result.map_err(fault));
    }
}
