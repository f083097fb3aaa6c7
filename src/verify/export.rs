//! Routes out: learned from the host, made a Type-5 route, sent to each EVPN neighbour.

use std::collections::HashMap;

use ipnet::IpNet;

use super::facts::{BgpVni, EvpnPath, Origin, RouteId, Standing, Telling, VrfPath};
use super::finding::Check;
use super::import::version;
use super::ledger::{Fault, Ledger, Tally};
use super::routes::{export_targets, is_address};
use super::sent;
use super::sources::{Source, waiting};
use super::vni::{One, listed};
use crate::api::RouteTarget;
use crate::intent::VniIntent;
use crate::plan::link::Mac;

/// Checks one VNI's routes out. Without an agreed `router_mac` the MAC of the routes is not
/// looked at: that has its own verdict.
pub(super) fn check(one: &One<'_>, bgp: &BgpVni, router_mac: Option<Mac>, ledger: &mut Ledger) {
    let object = Some(&one.intent.key);
    let vrf = &one.intent.spec.vrf;
    let unreadable = match (one.vrf().map(|facts| &facts.bgp), &one.facts.evpn) {
        (Some(Ok(table)), Ok(_)) => Ok(table),
        (Some(Ok(_)), Err(_)) => Err(waiting(Source::Evpn)),
        (Some(Err(_)) | None, Ok(_) | Err(_)) => Err(waiting(Source::VrfBgp(vrf))),
    };
    let table = match unreadable {
        Ok(table) => table,
        Err(source) => {
            ledger.pending(Check::HostRouteExported, object, &source);
            ledger.pending(Check::RouteAdvertised, object, &source);
            return;
        }
    };
    let wanted = Wanted {
        targets: export_targets(&one.intent.spec, one.underlay),
        router_mac,
        one,
    };
    let mut tally = Tally::new(Check::HostRouteExported);
    let mut exported = Vec::new();
    for prefix in wanted.prefixes(table) {
        let result = wanted.fault(prefix, table);
        if tally.count(prefix, result) {
            let rd = bgp.rd.clone();
            exported.push(RouteId { rd, prefix });
        }
    }
    ledger.close(object, tally);
    let exported = exported.iter().map(|id| (&id.prefix, id));
    sent::check(one.fabric, object, exported, &one.facts.advertised, ledger);
}

type Table = HashMap<IpNet, Vec<VrfPath>>;

struct Wanted<'a> {
    targets: Vec<RouteTarget>,
    router_mac: Option<Mac>,
    one: &'a One<'a>,
}

impl Wanted<'_> {
    /// The prefixes to export, sorted: those whose best path comes from this node, and in any
    /// case what `network` statements announce: the host's own addresses, and the subnets of
    /// which the VRF is the gateway. Not those for which an aggregate of the VRF is told.
    fn prefixes(&self, table: &Table) -> Vec<IpNet> {
        let VniIntent {
            key: _,
            spec: _,
            legs,
            gateway_subnets,
        } = self.one.intent;
        let hosts = || legs.iter().map(|leg| leg.host.addr());
        let is_own = |path: &VrfPath| match path.origin {
            Origin::Local => true,
            Origin::Peer(peer) => hosts().any(|host| is_address(peer, Some(host))),
        };
        let is_best = |path: &VrfPath| path.standing == Standing::Best;
        let mut prefixes: Vec<IpNet> = table
            .iter()
            .filter(|(_, paths)| paths.iter().any(|path| is_best(path) && is_own(path)))
            .map(|(prefix, _)| *prefix)
            .chain(hosts().map(IpNet::from))
            .chain(gateway_subnets.iter().copied())
            .filter(|prefix| !table.get(prefix).is_some_and(|paths| is_kept(paths)))
            .collect();
        prefixes.sort_unstable();
        prefixes.dedup();
        prefixes
    }

    /// What is wrong with the Type-5 route of `prefix`.
    fn fault(&self, prefix: IpNet, table: &Table) -> Result<(), impl FnOnce() -> Fault> {
        let found = self.one.routes.local.get(&prefix).copied();
        let known = table.contains_key(&prefix);
        if found.is_some_and(|path| self.is_as_wanted(path)) {
            return Ok(());
        }
        let vrf = &self.one.intent.spec.vrf;
        Err(move || match found {
            None if known => Fault::new(
                self.describe(),
                "no Type-5 route",
                format!(
                    "see `show bgp vrf {vrf} {} unicast {prefix}`",
                    version(prefix)
                ),
            ),
            None => Fault::new(
                format!("a route in the BGP table of VRF {vrf}, by its network statement"),
                "none",
                format!("see `show running-config` of bgpd, VRF {vrf}"),
            ),
            Some(path) => Fault::new(
                self.describe(),
                seen(path),
                format!("see `show bgp l2vpn evpn route type 5`, RD {}", path.id.rd),
            ),
        })
    }

    fn is_as_wanted(&self, path: &EvpnPath) -> bool {
        let EvpnPath {
            id: _,
            origin: _,
            next_hop,
            targets,
            router_mac,
            standing,
        } = path;
        standing.is_used()
            && is_address(*next_hop, self.one.vtep())
            && self.targets.iter().all(|target| targets.contains(target))
            && (self.router_mac.is_none() || *router_mac == self.router_mac)
    }

    fn describe(&self) -> String {
        let vtep = self.one.vtep();
        let next_hop = vtep.map_or_else(|| "none".to_owned(), |vtep| vtep.to_string());
        let mac = self.router_mac.map(|mac| format!(", router MAC {mac}"));
        format!(
            "a best Type-5 route, next hop {next_hop}, RT {}{}",
            listed(&self.targets),
            mac.unwrap_or_default()
        )
    }
}

/// Whether an aggregate is told in the place of the best of these paths.
fn is_kept(paths: &[VrfPath]) -> bool {
    let mut best = paths.iter().filter(|path| path.standing == Standing::Best);
    best.any(|path| path.telling == Telling::Suppressed)
}

fn seen(path: &EvpnPath) -> String {
    let standing = match path.standing {
        Standing::Invalid => "an invalid",
        Standing::Valid => "a valid, not best",
        Standing::Multipath | Standing::Best => "a best",
    };
    let mac = path
        .router_mac
        .map_or_else(|| "none".to_owned(), |mac| mac.to_string());
    format!(
        "{standing} one, next hop {}, RT {}, router MAC {mac}",
        path.next_hop,
        listed(&path.targets)
    )
}
