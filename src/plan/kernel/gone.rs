//! What goes with links that nothing wants any more, and what is left then.

use std::collections::BTreeSet;

use super::Id;
use crate::plan::link::{SeenKernel, SeenKind, Space};

/// In which order links that nothing wants any more go: ends before what they hang on. Of a
/// veth pair one end is enough: the other goes with it.
pub(in crate::plan) fn removals(unwanted: &BTreeSet<Id>, seen: &SeenKernel) -> Vec<Id> {
    let ranked = unwanted.iter().filter_map(|id| {
        let link = seen.links(id.0).get(&id.1)?;
        Some((removal_rank(&link.kind), id.0 == Space::Host, &id.1, id))
    });
    let mut found: Vec<_> = ranked.collect();
    found.sort();
    let mut gone = BTreeSet::new();
    let mut out = Vec::new();
    for (_, _, _, id) in found {
        if !gone.contains(id) {
            gone.extend(other_end(seen, id));
            out.push(id.clone());
        }
    }
    out
}

/// All that goes when `removed` do: with one end of a veth, the other.
pub(in crate::plan) fn gone_with(removed: &[Id], seen: &SeenKernel) -> BTreeSet<Id> {
    let ends = removed.iter().filter_map(|id| other_end(seen, id));
    removed.iter().cloned().chain(ends).collect()
}

/// The links that have one of `masters`.
pub(in crate::plan) fn ports_of(masters: &BTreeSet<Id>, seen: &SeenKernel) -> BTreeSet<Id> {
    let mut ports = BTreeSet::new();
    if masters.is_empty() {
        return ports;
    }
    for space in [Space::Host, Space::Router] {
        for (name, link) in seen.links(space) {
            let master = link.master.clone().map(|master| (space, master));
            if master.is_some_and(|master| masters.contains(&master)) {
                ports.insert((space, name.clone()));
            }
        }
    }
    ports
}

/// What is seen once `removed` are gone, with the other ends of veths; ports of a master that
/// is gone have none.
pub(in crate::plan) fn without(seen: &SeenKernel, removed: &[Id]) -> SeenKernel {
    let gone = gone_with(removed, seen);
    let mut left = seen.clone();
    for (space, links) in [
        (Space::Host, &mut left.host),
        (Space::Router, &mut left.router),
    ] {
        links.retain(|name, _| !gone.contains(&(space, name.clone())));
        for link in links.values_mut() {
            let master = link.master.clone().map(|master| (space, master));
            if master.is_some_and(|master| gone.contains(&master)) {
                link.master = None;
                link.evpn_port = None;
            }
        }
    }
    left
}

/// The other end of a veth, when it is in one of our namespaces: each names the other's index.
pub(super) fn other_end(seen: &SeenKernel, (space, name): &Id) -> Option<Id> {
    let own = seen.links(*space).get(name)?;
    let SeenKind::Veth {
        peer_index: Some(peer),
    } = own.kind
    else {
        return None;
    };
    let across = match space {
        Space::Host => Space::Router,
        Space::Router => Space::Host,
    };
    [across, *space].into_iter().find_map(|space| {
        let mut links = seen.links(space).iter();
        let (name, _) = links.find(|(_, link)| {
            let back =
                matches!(link.kind, SeenKind::Veth { peer_index } if peer_index == Some(own.index));
            link.index == peer && back
        })?;
        Some((space, name.clone()))
    })
}

fn removal_rank(kind: &SeenKind) -> u8 {
    match kind {
        SeenKind::Veth { .. } => 0,
        SeenKind::Vxlan { .. } => 1,
        SeenKind::Bridge => 2,
        SeenKind::Vrf { .. } => 3,
        SeenKind::Other { .. } => 4,
    }
}
