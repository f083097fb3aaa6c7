//! The kernel's side of the facts: links, routes of VRFs, neighbours, forwarding entries.

use std::collections::BTreeMap;

use super::chain;
use crate::api::types::{InterfaceName, VrfName};
use crate::netlink::facts::{
    FdbPlace, NeighbourState, Origin, RouteKind, SeenFdb, SeenHop, SeenNeighbour, SeenRoute,
};
use crate::netlink::{FactError, Kernel};
use crate::plan::link::{SeenKernel, SeenKind, TableId};
use crate::verify::facts::{
    FdbEntry, ForwardTo, KernelRoute, LearnedMac, NeighbourEntry, Read, RouteAction, RouteHop,
    Unreadable,
};

/// The table of what belongs to no VRF (`RT_TABLE_MAIN`).
const MAIN_TABLE: TableId = 254;

/// What the kernel holds.
pub(super) struct KernelTables {
    pub(super) links: Read<SeenKernel>,
    pub(super) neighbours: Read<Vec<NeighbourEntry>>,
    pub(super) fdb: Read<Vec<FdbEntry>>,
    pub(super) learned: Read<Vec<LearnedMac>>,
    pub(super) main: Read<Vec<KernelRoute>>,
    pub(super) tables: BTreeMap<VrfName, Read<Vec<KernelRoute>>>,
}

/// Whose neighbours and forwarding entries are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum LinksOf<'a> {
    /// Those of all links.
    Everything,
    /// Those of the links with these indices.
    These(&'a [u32]),
}

pub(super) async fn read(
    kernel: Option<&Kernel>,
    seen: Option<&SeenKernel>,
    vrfs: &[VrfName],
    links_of: LinksOf<'_>,
) -> KernelTables {
    let links = seen.cloned().ok_or_else(Unreadable::not_read);
    let Some(kernel) = kernel else {
        let closed = || Unreadable::new("the router's namespace could not be opened");
        return KernelTables {
            links,
            neighbours: Err(closed()),
            fdb: Err(closed()),
            learned: Err(closed()),
            main: Err(closed()),
            tables: vrfs
                .iter()
                .map(|vrf| (vrf.clone(), Err(closed())))
                .collect(),
        };
    };
    let failed = |error| Unreadable::new(chain(&error));
    let neighbours = neighbours(kernel, links_of).await.map_err(failed);
    let fdb = fdb(kernel, links_of).await.map_err(failed);
    let main = kernel.routes(MAIN_TABLE).await.map_err(failed);
    let mut tables = BTreeMap::new();
    for vrf in vrfs {
        let routes = match table_of(vrf, seen) {
            Ok(table) => kernel.routes(table).await.map_err(failed),
            Err(unreadable) => Err(unreadable),
        };
        tables.insert(
            vrf.clone(),
            routes.map(|routes| routes.into_iter().map(route).collect()),
        );
    }
    KernelTables {
        links,
        neighbours: neighbours.map(|found| found.into_iter().map(neighbour).collect()),
        learned: match &fdb {
            Ok(found) => Ok(found.iter().filter_map(learned).collect()),
            Err(unreadable) => Err(unreadable.clone()),
        },
        fdb: fdb.map(|found| found.into_iter().filter_map(forwarding).collect()),
        main: main.map(|found| found.into_iter().map(route).collect()),
        tables,
    }
}

async fn neighbours(kernel: &Kernel, of: LinksOf<'_>) -> Result<Vec<SeenNeighbour>, FactError> {
    match of {
        LinksOf::Everything => kernel.neighbours().await,
        LinksOf::These(links) => {
            let mut all = Vec::new();
            for link in links {
                all.extend(kernel.link_neighbours(*link).await?);
            }
            Ok(all)
        }
    }
}

async fn fdb(kernel: &Kernel, of: LinksOf<'_>) -> Result<Vec<SeenFdb>, FactError> {
    match of {
        LinksOf::Everything => kernel.fdb().await,
        LinksOf::These(links) => {
            let mut all = Vec::new();
            for link in links {
                all.extend(kernel.link_fdb(*link).await?);
            }
            Ok(all)
        }
    }
}

/// The table of a VRF as the kernel has it, which need not be the one that is wanted.
pub(in crate::agent) fn table_of(vrf: &VrfName, seen: Option<&SeenKernel>) -> Read<TableId> {
    let links = &seen.ok_or_else(Unreadable::not_read)?.router;
    match links
        .get(&InterfaceName::from(vrf.clone()))
        .map(|link| &link.kind)
    {
        Some(SeenKind::Vrf { table }) => Ok(*table),
        Some(
            SeenKind::Bridge
            | SeenKind::Vxlan { .. }
            | SeenKind::Veth { .. }
            | SeenKind::Other { .. },
        ) => Err(Unreadable::new(format!(
            "the router's link {vrf} is no VRF"
        ))),
        None => Err(Unreadable::new(format!(
            "the router's namespace has no VRF {vrf}"
        ))),
    }
}

fn route(seen: SeenRoute) -> KernelRoute {
    KernelRoute {
        destination: seen.destination,
        metric: seen.metric,
        action: action(seen.kind, &seen.gateways),
    }
}

/// What a route does, by its type (`linux/rtnetlink.h`, `RTN_…`).
fn action(kind: RouteKind, hops: &[SeenHop]) -> RouteAction {
    match kind {
        RouteKind::Unicast => RouteAction::Forward(hops.iter().map(hop).collect()),
        RouteKind::Blackhole => RouteAction::Drop("blackhole"),
        RouteKind::Unreachable => RouteAction::Drop("unreachable"),
        RouteKind::Prohibit => RouteAction::Drop("prohibit"),
        // Local, broadcast, anycast, multicast.
        RouteKind::Other(2..=5) => RouteAction::Local,
        RouteKind::Other(9) => RouteAction::Drop("throw"),
        // No other type forwards a packet; the kernel makes none.
        RouteKind::Other(_) => RouteAction::Drop("of a type that does not forward"),
    }
}

fn hop(seen: &SeenHop) -> RouteHop {
    RouteHop {
        gateway: seen.gateway,
        link: Some(seen.index).filter(|index| *index != 0),
        onlink: seen.onlink,
    }
}

fn neighbour(seen: SeenNeighbour) -> NeighbourEntry {
    NeighbourEntry {
        link: seen.index,
        ip: seen.ip,
        // An entry that failed may still hold the address that it once had.
        mac: seen.mac.filter(|_| seen.state.is_valid()),
    }
}

fn forwarding(seen: SeenFdb) -> Option<FdbEntry> {
    let to = match (seen.place, seen.origin, seen.dst) {
        (FdbPlace::Own, _, Some(vtep)) => ForwardTo::Vtep(vtep),
        (FdbPlace::Master, Origin::ExternLearn, _) => ForwardTo::Device,
        // What a device listens to, and what a bridge learned: neither leads to another router.
        (FdbPlace::Own, _, None) | (FdbPlace::Master, Origin::Local, _) => return None,
    };
    Some(FdbEntry {
        link: seen.index,
        mac: seen.mac,
        to,
    })
}

/// A host that a bridge learned at a port: neither told by FRR, nor an address of the port itself.
fn learned(seen: &SeenFdb) -> Option<LearnedMac> {
    let own = seen.state.0 & NeighbourState::PERMANENT.0 != 0;
    match (seen.place, seen.origin) {
        (FdbPlace::Master, Origin::Local) if !own => Some(LearnedMac {
            port: seen.index,
            mac: seen.mac,
        }),
        (FdbPlace::Master | FdbPlace::Own, Origin::Local | Origin::ExternLearn) => None,
    }
}
