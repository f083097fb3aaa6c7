//! Routes in: from the EVPN table to the kernel, hop by hop.
//!
//! The first broken hop of a route is its root cause; what lies behind it is not looked at.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::facts::{
    EvpnPath, Facts, ForwardTo, KernelRoute, RibChoice, RibEntry, RibProtocol, RouteAction,
    RouteHop, RouteId, Standing, VrfPath,
};
use super::finding::Check;
use super::ledger::{Fault, Ledger, Tally};
use super::links::VniLinks;
use super::sources::{Source, waiting};
use super::vni::{One, listed};
use crate::plan::desired::Names;
use crate::plan::link::Mac;

/// The kernel's neighbour and forwarding entries, by what they are looked up by.
#[derive(Debug)]
pub(super) struct Forwarding {
    pub(super) neighbours: HashMap<(u32, IpAddr), Option<Mac>>,
    pub(super) fdb: HashMap<(u32, Mac), BTreeSet<IpAddr>>,
    /// What bridges send to VXLAN devices, which they would otherwise flood.
    bridged: HashSet<(u32, Mac)>,
}

impl Forwarding {
    pub(super) fn new(facts: &Facts) -> Self {
        let mut fdb: HashMap<_, BTreeSet<IpAddr>> = HashMap::new();
        let mut bridged = HashSet::new();
        for entry in facts.fdb.iter().flatten() {
            let key = (entry.link, entry.mac);
            match entry.to {
                ForwardTo::Vtep(vtep) => {
                    fdb.entry(key).or_default().insert(vtep.to_canonical());
                }
                ForwardTo::Device => {
                    bridged.insert(key);
                }
            }
        }
        let neighbours = facts.neighbours.iter().flatten();
        Self {
            neighbours: neighbours
                .map(|entry| ((entry.link, entry.ip), entry.mac))
                .collect(),
            fdb,
            bridged,
        }
    }
}

/// What each hop is looked up in. A table that could not be read ends the way there.
struct Tables<'a> {
    bgp: Result<&'a HashMap<IpNet, Vec<VrfPath>>, String>,
    rib: Result<&'a HashMap<IpNet, Vec<RibEntry>>, String>,
    kernel: Result<HashMap<IpNet, &'a KernelRoute>, String>,
}

impl<'a> Tables<'a> {
    fn new(one: &One<'a>) -> Self {
        let vrf = &one.intent.spec.vrf;
        let facts = one.vrf();
        let bgp = facts.and_then(|facts| facts.bgp.as_ref().ok());
        let rib = facts.and_then(|facts| facts.rib.as_ref().ok());
        let table = facts.and_then(|facts| facts.table.as_ref().ok());
        Self {
            bgp: bgp.ok_or_else(|| waiting(Source::VrfBgp(vrf))),
            rib: rib.ok_or_else(|| waiting(Source::Rib(vrf))),
            kernel: table
                .map(|routes| effective(routes))
                .ok_or_else(|| waiting(Source::Table(vrf))),
        }
    }
}

/// The route in force for each destination: the one with the lowest metric.
pub(super) fn effective(routes: &[KernelRoute]) -> HashMap<IpNet, &KernelRoute> {
    let mut effective: HashMap<IpNet, &KernelRoute> = HashMap::with_capacity(routes.len());
    for route in routes {
        effective
            .entry(route.destination)
            .and_modify(|best| {
                if route.metric < best.metric {
                    *best = route;
                }
            })
            .or_insert(route);
    }
    effective
}

/// The tallies of the hops, in their order.
struct Hops {
    valid: Tally,
    imported: Tally,
    rib: Tally,
    kernel: Tally,
}

/// Checks one VNI's routes in.
pub(super) fn check(one: &One<'_>, links: VniLinks, ledger: &mut Ledger) {
    let object = Some(&one.intent.key);
    let nothing_came = one.routes.received.is_empty() && one.fabric.told.is_empty();
    let early = match &one.facts.evpn {
        Err(_) => Some(waiting(Source::Evpn)),
        Ok(_) if nothing_came => Some(one.fabric.waiting_for.clone()),
        Ok(_) => None,
    };
    if let Some(waiting_for) = early {
        for check in [
            Check::RouteValid,
            Check::RouteImported,
            Check::RouteInRib,
            Check::RouteInKernel,
            Check::NeighbourEntry,
            Check::FdbEntry,
        ] {
            ledger.pending(check, object, &waiting_for);
        }
        return;
    }
    let tables = Tables::new(one);
    let mut hops = Hops {
        valid: Tally::new(Check::RouteValid),
        imported: Tally::new(Check::RouteImported),
        rib: Tally::new(Check::RouteInRib),
        kernel: Tally::new(Check::RouteInKernel),
    };
    let mut remote = BTreeMap::new();
    let mut unreachable = BTreeSet::new();
    let by_prefix = |a: &&EvpnPath, b: &&EvpnPath| a.id.prefix == b.id.prefix;
    for paths in one.routes.received.chunk_by(by_prefix) {
        let used = valid_ones(one, paths, &mut hops.valid, &mut unreachable);
        route(one, links, (paths, used), &tables, &mut hops, &mut remote);
    }
    ledger.close(object, hops.valid);
    one.reach
        .pend(Check::RouteValid, object, &unreachable, ledger);
    let Tables { bgp, rib, kernel } = tables;
    let read = bgp.map(drop);
    settle(one, hops.imported, &read, ledger);
    let read = read.and(rib.map(drop));
    settle(one, hops.rib, &read, ledger);
    let read = read.and(kernel.map(drop));
    settle(one, hops.kernel, &read, ledger);
    entries(one, links, &remote, read, ledger);
}

/// Closes a tally, or says what kept it from being counted.
fn settle(one: &One<'_>, tally: Tally, read: &Result<(), String>, ledger: &mut Ledger) {
    let object = Some(&one.intent.key);
    match read {
        Ok(()) => ledger.close(object, tally),
        Err(source) => ledger.pending(tally.check(), object, source),
    }
}

/// Which router MACs the routes in use name for each gateway that the kernel uses for them: a
/// remote VTEP, for IPv6 routes written as an IPv6 address.
type Remote = BTreeMap<IpAddr, BTreeSet<Mac>>;

/// The paths of one prefix that are used. A route whose next hops cannot be reached waits for
/// those.
fn valid_ones<'a>(
    one: &One<'_>,
    paths: &[&'a EvpnPath],
    tally: &mut Tally,
    unreachable: &mut BTreeSet<IpAddr>,
) -> Vec<&'a EvpnPath> {
    let by_rd = |a: &&EvpnPath, b: &&EvpnPath| a.id.rd == b.id.rd;
    let mut usable = Vec::new();
    for paths in paths.chunk_by(by_rd) {
        let invalid = paths.iter().all(|path| path.standing == Standing::Invalid);
        let next_hops = || paths.iter().map(|path| path.next_hop.to_canonical());
        if invalid && next_hops().all(|at| one.reach.is_unreachable(at)) {
            unreachable.extend(next_hops());
        } else {
            usable.extend(valid(paths, tally));
        }
    }
    usable
}

/// Follows the used paths of one prefix as far as they are good.
fn route(
    one: &One<'_>,
    links: VniLinks,
    (paths, mut usable): (&[&EvpnPath], Vec<&EvpnPath>),
    tables: &Tables<'_>,
    hops: &mut Hops,
    remote: &mut Remote,
) {
    let Some(prefix) = paths.first().map(|path| path.id.prefix) else {
        return;
    };
    let Ok(bgp) = tables.bgp else { return };
    let in_vrf = bgp.get(&prefix).map(Vec::as_slice).unwrap_or_default();
    usable.retain(|path| imported(one, path, in_vrf, &mut hops.imported));
    if usable.is_empty() {
        return;
    }
    if !in_vrf.iter().any(|path| path.standing.is_used()) {
        let vrf = &one.intent.spec.vrf;
        hops.imported.bad(prefix, || {
            Fault::new(
                "a best path in the VRF",
                "paths, but none is best",
                format!(
                    "see `show bgp vrf {vrf} {} unicast {prefix}`",
                    version(prefix)
                ),
            )
        });
        return;
    }
    // What the VRF prefers to the imported ones, its own routes, takes another way.
    let wanted: BTreeSet<IpAddr> = in_vrf
        .iter()
        .filter(|path| path.standing.is_used())
        .map(|path| path.next_hop.to_canonical())
        .filter(|next_hop| {
            usable
                .iter()
                .any(|path| path.next_hop.to_canonical() == *next_hop)
        })
        .collect();
    let Ok(rib) = tables.rib else { return };
    if wanted.is_empty() || !in_rib(one, prefix, &wanted, rib, &mut hops.rib) {
        return;
    }
    let Ok(kernel) = &tables.kernel else { return };
    let in_kernel = in_kernel(kernel.get(&prefix).copied(), &wanted, links.svi);
    let names = Names::of(one.intent.spec.vni);
    let good = in_kernel.map_err(|seen| {
        || {
            let vias = vias(&wanted);
            Fault::new(
                format!("via {vias} dev {} onlink", names.bridge),
                seen,
                format!(
                    "zebra says that it is installed; see `ip {}route show vrf {} {prefix}` and \
                     zebra's log",
                    if prefix.addr().is_ipv4() { "" } else { "-6 " },
                    one.intent.spec.vrf
                ),
            )
        }
    });
    if hops.kernel.count(prefix, good) {
        for path in usable {
            let vtep = path.next_hop.to_canonical();
            if wanted.contains(&vtep) {
                let gateway = as_gateway(vtep, prefix);
                remote.entry(gateway).or_default().extend(path.router_mac);
            }
        }
    }
}

/// A VTEP as the kernel has it for a gateway: a route of IPv6 has one of IPv6, in which an IPv4
/// address is written as `::ffff:…` (RFC 4291 §2.5.5.2).
fn as_gateway(vtep: IpAddr, prefix: IpNet) -> IpAddr {
    match (vtep, prefix) {
        (IpAddr::V4(vtep), IpNet::V6(_)) => IpAddr::V6(vtep.to_ipv6_mapped()),
        (IpAddr::V4(_), IpNet::V4(_)) | (IpAddr::V6(_), _) => vtep,
    }
}

/// How BGP's commands name a prefix's family.
pub(super) const fn version(prefix: IpNet) -> &'static str {
    match prefix {
        IpNet::V4(_) => "ipv4",
        IpNet::V6(_) => "ipv6",
    }
}

/// How zebra's commands name a prefix's family.
pub(super) const fn ip_word(prefix: IpNet) -> &'static str {
    match prefix {
        IpNet::V4(_) => "ip",
        IpNet::V6(_) => "ipv6",
    }
}

fn vias(next_hops: &BTreeSet<IpAddr>) -> String {
    let words: Vec<String> = next_hops.iter().map(ToString::to_string).collect();
    words.join(" and ")
}

/// The best paths of one route, one for each next hop: several spines may tell the same.
fn valid<'a>(paths: &[&'a EvpnPath], tally: &mut Tally) -> Vec<&'a EvpnPath> {
    let mut used: Vec<&EvpnPath> = Vec::new();
    for path in paths.iter().filter(|path| path.standing.is_used()) {
        if used.iter().all(|known| known.next_hop != path.next_hop) {
            used.push(path);
        }
    }
    if !used.is_empty() {
        tally.good();
    } else if let Some(first) = paths.first() {
        tally.bad(&first.id, || no_best(&first.id, paths));
    }
    used
}

fn no_best(id: &RouteId, paths: &[&EvpnPath]) -> Fault {
    let mut next_hops: Vec<IpAddr> = paths.iter().map(|path| path.next_hop).collect();
    next_hops.sort_unstable();
    next_hops.dedup();
    let next_hops = listed(&next_hops);
    let all_invalid = paths.iter().all(|path| path.standing == Standing::Invalid);
    let (seen, hint) = if all_invalid {
        (
            format!("no valid path, next hop {next_hops}"),
            format!("is {next_hops} reachable in the underlay? see `show ip nht`"),
        )
    } else {
        (
            format!("valid paths, but none is best, next hop {next_hops}"),
            format!("see `show bgp l2vpn evpn route rd {} type 5`", id.rd),
        )
    };
    Fault::new("a valid best path", seen, hint)
}

/// Whether a route is in the VRF's BGP table.
fn imported(one: &One<'_>, path: &EvpnPath, in_vrf: &[VrfPath], tally: &mut Tally) -> bool {
    let next_hop = path.next_hop.to_canonical();
    let found = in_vrf
        .iter()
        .any(|imported| imported.next_hop.to_canonical() == next_hop);
    let vrf = &one.intent.spec.vrf;
    let result = if found { Ok(()) } else { Err(()) };
    tally.count(
        &path.id,
        result.map_err(|()| {
            || {
                let others: Vec<IpAddr> = in_vrf.iter().map(|path| path.next_hop).collect();
                Fault::new(
                    format!("in the BGP table of VRF {vrf}, next hop {next_hop}"),
                    if others.is_empty() {
                        "not in it".to_owned()
                    } else {
                        format!("only with next hop {}", listed(&others))
                    },
                    format!(
                        "its route targets, {}, are imported by this VNI; see \
                         `show bgp l2vpn evpn vrf-import-rt`",
                        listed(&path.targets)
                    ),
                )
            }
        }),
    )
}

/// Whether zebra selected and installed BGP's route. When it prefers another protocol's, that
/// is as it should be, and the route takes another way.
fn in_rib(
    one: &One<'_>,
    prefix: IpNet,
    wanted: &BTreeSet<IpAddr>,
    rib: &HashMap<IpNet, Vec<RibEntry>>,
    tally: &mut Tally,
) -> bool {
    let entries = rib.get(&prefix).map(Vec::as_slice).unwrap_or_default();
    let selected = entries
        .iter()
        .find(|entry| entry.choice != RibChoice::NotSelected);
    let fault = match selected {
        Some(RibEntry {
            protocol: RibProtocol::Other(_),
            choice: RibChoice::Installed,
            ..
        }) => return false,
        Some(entry) if entry.choice == RibChoice::Installed => {
            let has = |wanted: &IpAddr| {
                let mut next_hops = entry.next_hops.iter();
                next_hops.any(|next_hop| next_hop.to_canonical() == *wanted)
            };
            let missing: Vec<IpAddr> = wanted.iter().copied().filter(|to| !has(to)).collect();
            (!missing.is_empty()).then(|| format!("installed, but not via {}", listed(&missing)))
        }
        Some(_) => Some("selected, but not installed".to_owned()),
        None if entries.is_empty() => Some("not there".to_owned()),
        None => Some("there, but not selected".to_owned()),
    };
    let vrf = &one.intent.spec.vrf;
    let result = fault.map_or(Ok(()), |seen| {
        Err(|| {
            Fault::new(
                format!("selected and installed, via {}", vias(wanted)),
                seen,
                format!("see `show {} route vrf {vrf} {prefix}`", ip_word(prefix)),
            )
        })
    });
    tally.count(prefix, result)
}

fn is_by(hop: &RouteHop, next_hop: IpAddr) -> bool {
    hop.gateway.map(|gateway| gateway.to_canonical()) == Some(next_hop)
}

/// Whether the kernel sends a prefix to each wanted next hop by the SVI; else what it does.
fn in_kernel(
    route: Option<&KernelRoute>,
    wanted: &BTreeSet<IpAddr>,
    svi: u32,
) -> Result<(), String> {
    let Some(route) = route else {
        return Err("not there".to_owned());
    };
    let hops = match &route.action {
        RouteAction::Forward(hops) => hops,
        RouteAction::Drop(word) => return Err(format!("the kernel drops it ({word})")),
        RouteAction::Local => return Err("the kernel keeps it for itself".to_owned()),
    };
    for next_hop in wanted {
        let Some(hop) = hops.iter().find(|hop| is_by(hop, *next_hop)) else {
            return Err(format!("not via {next_hop}"));
        };
        if hop.link != Some(svi) {
            return Err(format!("via {next_hop}, but by another link than the SVI"));
        }
        if !hop.onlink {
            return Err(format!("via {next_hop} by the SVI, but not onlink"));
        }
    }
    Ok(())
}

/// Checks the neighbour and the forwarding entry of each remote VTEP that routes use.
fn entries(
    one: &One<'_>,
    links: VniLinks,
    remote: &Remote,
    read: Result<(), String>,
    ledger: &mut Ledger,
) {
    let mut neighbour = Tally::new(Check::NeighbourEntry);
    let mut fdb = Tally::new(Check::FdbEntry);
    let unread = |source| move |_: &_| waiting(source);
    let neighbours = read.and_then(|()| {
        let read = one.facts.neighbours.as_ref();
        read.map(drop).map_err(unread(Source::Neighbours))
    });
    let forwarding = neighbours.clone().and_then(|()| {
        let read = one.facts.fdb.as_ref();
        read.map(drop).map_err(unread(Source::Fdb))
    });
    let mut places = BTreeSet::new();
    for (gateway, macs) in remote {
        if neighbours.is_err() {
            break;
        }
        if let Some(mac) = neighbour_entry(one, links, *gateway, macs, &mut neighbour) {
            places.insert((gateway.to_canonical(), mac));
        }
    }
    for (vtep, mac) in places {
        if forwarding.is_ok() {
            fdb_entry(one, links, vtep, mac, &mut fdb);
        }
    }
    settle(one, neighbour, &neighbours, ledger);
    settle(one, fdb, &forwarding, ledger);
}

/// The MAC that the kernel has for a VTEP, when it is one that the routes name.
fn neighbour_entry(
    one: &One<'_>,
    links: VniLinks,
    vtep: IpAddr,
    macs: &BTreeSet<Mac>,
    tally: &mut Tally,
) -> Option<Mac> {
    let seen = one.forwarding.neighbours.get(&(links.svi, vtep)).copied();
    if let Some(Some(mac)) = seen
        && macs.contains(&mac)
    {
        tally.good();
        return Some(mac);
    }
    tally.bad(vtep, || {
        let names = Names::of(one.intent.spec.vni);
        let macs: Vec<Mac> = macs.iter().copied().collect();
        let seen = match seen {
            Some(Some(mac)) => mac.to_string(),
            Some(None) => "an entry without a usable MAC".to_owned(),
            None => "no entry".to_owned(),
        };
        Fault::new(
            format!("{} on {}", listed(&macs), names.bridge),
            seen,
            format!("see `show evpn next-hops vni {}`", one.intent.spec.vni),
        )
    });
    None
}

fn fdb_entry(one: &One<'_>, links: VniLinks, vtep: IpAddr, mac: Mac, tally: &mut Tally) {
    let seen = one.forwarding.fdb.get(&(links.vxlan, mac));
    let known = seen.is_some_and(|vteps| vteps.contains(&vtep));
    if known && one.forwarding.bridged.contains(&(links.vxlan, mac)) {
        tally.good();
        return;
    }
    tally.bad(format_args!("{mac} to {vtep}"), || {
        let names = Names::of(one.intent.spec.vni);
        let seen = match seen {
            _ if known => format!("that, but {} floods it", names.bridge),
            Some(vteps) => format!("to {}", vias(vteps)),
            None => "no entry".to_owned(),
        };
        Fault::new(
            format!("to {vtep} on {}", names.vxlan),
            seen,
            format!("see `show evpn rmac vni {}`", one.intent.spec.vni),
        )
    });
}
