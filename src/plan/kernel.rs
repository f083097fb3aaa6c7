//! The difference between the kernel as wanted and as seen, in steps with their undo.
//!
//! What always holds: a link attribute that is right is not written (FRR flushes neighbour
//! entries at every change of a bridge); a link that is not marked as ours is not deleted.

use std::collections::BTreeSet;

use super::desired::{ALIAS_MARK, ATTACHED, Names, TABLE_STRIDE};
use super::link::{
    AddressGeneration, KernelStep, Link, LinkChange, LinkKind, Master, NIC_GROUP, OWN_GROUP,
    SeenKernel, SeenKind, SeenLink, Space, TableId,
};
use super::{Planned, Step};
use crate::api::types::InterfaceName;

mod gone;
#[cfg(test)]
mod tests;

use gone::other_end;
pub(super) use gone::{gone_with, ports_of, removals, without};

/// A link of another owner has a name that we need.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a {kind} named {name} that is not ours stands in the {space} namespace; rename or delete it, \
     and this goes on by itself"
)]
pub struct ForeignLink {
    /// Where.
    pub space: Space,
    /// Its name.
    pub name: InterfaceName,
    /// Its kind.
    pub kind: String,
}

/// The bridge that a link should be attached to, and that others make, is not there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("spec.hostMaster.linuxBridge.name: {}", match .found {
    None => format!("there is no link {bridge} in the {space} namespace; make the bridge, and this \
        goes on by itself"),
    Some(kind) => format!("{bridge} in the {space} namespace is a {kind}, and no bridge"),
})]
pub struct NoBridge {
    /// Where it was looked for.
    pub space: Space,
    /// Its name.
    pub bridge: InterfaceName,
    /// What has its name instead.
    pub found: Option<String>,
}

/// Whether the bridges of others that links should be attached to are there.
///
/// # Errors
/// [`NoBridge`] for the first that is not.
pub fn bridges_of_others(links: &[Link], seen: &SeenKernel) -> Result<(), NoBridge> {
    for link in links {
        let Master::Foreign(bridge) = &link.master else {
            continue;
        };
        let found = seen.links(link.space).get(bridge).map(|found| &found.kind);
        if !matches!(found, Some(SeenKind::Bridge)) {
            return Err(NoBridge {
                space: link.space,
                bridge: bridge.clone(),
                found: found.map(|kind| kind_name(kind).to_owned()),
            });
        }
    }
    Ok(())
}

/// Plans the links of one object, in the order given (each after its master).
///
/// # Errors
/// [`ForeignLink`] when a name that we need is taken by a link that is not ours.
pub fn plan_links(links: &[Link], seen: &SeenKernel) -> Result<Vec<Planned>, ForeignLink> {
    let mut planner = LinkPlanner {
        seen,
        links,
        made: BTreeSet::new(),
        gone: BTreeSet::new(),
        out: Vec::new(),
    };
    for link in links {
        planner.link(link)?;
    }
    Ok(planner.out)
}

/// A link of one of the namespaces.
pub(super) type Id = (Space, InterfaceName);

struct LinkPlanner<'a> {
    seen: &'a SeenKernel,
    links: &'a [Link],
    /// Links made (again) by this plan.
    made: BTreeSet<Id>,
    /// Links that were seen and are gone by this plan: nothing that was seen of them counts.
    gone: BTreeSet<Id>,
    out: Vec<Planned>,
}

impl<'a> LinkPlanner<'a> {
    fn link(&mut self, link: &Link) -> Result<(), ForeignLink> {
        let id = (link.space, link.name.clone());
        if self.made.contains(&id) {
            self.attributes(link, None);
            return Ok(());
        }
        match self.seen(&id) {
            Some(seen) if self.same_kind(link, seen) => self.attributes(link, Some(seen)),
            Some(_) => {
                self.delete(&id)?;
                self.add(link)?;
            }
            None => self.add(link)?,
        }
        Ok(())
    }

    fn seen(&self, id: &Id) -> Option<&'a SeenLink> {
        let (space, name) = id;
        let seen = self.seen.links(*space).get(name)?;
        (!self.gone.contains(id)).then_some(seen)
    }

    /// Deletes a link that stands in the way, if that is ours to do.
    fn delete(&mut self, id: &Id) -> Result<(), ForeignLink> {
        let Some(seen) = self.seen(id) else {
            return Ok(());
        };
        let (space, name) = id;
        if !replaceable(self.seen, id, seen) {
            return Err(ForeignLink {
                space: *space,
                name: name.clone(),
                kind: kind_name(&seen.kind).to_owned(),
            });
        }
        self.out.push(Planned::without_undo(KernelStep::DeleteLink {
            space: *space,
            name: name.clone(),
        }));
        self.gone.extend(other_end(self.seen, id));
        self.gone.insert(id.clone());
        Ok(())
    }

    fn add(&mut self, link: &Link) -> Result<(), ForeignLink> {
        if let LinkKind::Veth { peer_space, peer } = &link.kind {
            let peer = (*peer_space, peer.clone());
            self.delete(&peer)?;
            self.made.insert(peer);
        }
        self.made.insert((link.space, link.name.clone()));
        let mut made = link.clone();
        if let LinkKind::Vrf { table } = &mut made.kind {
            *table = self.free_table(link, *table);
        }
        self.out.push(Planned {
            step: Step::Kernel(KernelStep::AddLink(Box::new(made))),
            undo: Some(Step::Kernel(KernelStep::DeleteLink {
                space: link.space,
                name: link.name.clone(),
            })),
        });
        self.attributes(link, None);
        Ok(())
    }

    /// A VRF that kept its table when it got another VNI may hold the table that this one would
    /// get; two VRFs with one table would leak routes into each other. So would routes and rules
    /// of others.
    fn free_table(&self, link: &Link, wanted: TableId) -> TableId {
        let others = &self.seen.tables_of_others;
        let mut table = wanted;
        while (self.table_is_shared(link, table) || others.contains(&table))
            && let Some(next) = table.checked_add(TABLE_STRIDE)
        {
            table = next;
        }
        table
    }

    fn table_is_shared(&self, link: &Link, wanted: TableId) -> bool {
        let others = self.seen.links(link.space).iter();
        let mut others = others.filter(|(name, _)| **name != link.name);
        others.any(|(name, other)| {
            matches!(other.kind, SeenKind::Vrf { table } if table == wanted)
                && !self.gone.contains(&(link.space, name.clone()))
        })
    }

    /// The changes that make a link's attributes right; all of them for a new link, but for
    /// those that it was made with.
    fn attributes(&mut self, link: &Link, seen: Option<&SeenLink>) {
        let made_here = seen.is_none() && self.is_first_end(link);
        let created = |changed: bool| !made_here && changed;
        if created(seen.is_none_or(|seen| seen.alias != link.alias)) {
            self.change(
                link,
                LinkChange::Alias(link.alias.clone()),
                seen.map(|s| LinkChange::Alias(s.alias.clone())),
            );
        }
        if let Some(mtu) = link.mtu
            && created(seen.is_none_or(|seen| seen.mtu != mtu))
        {
            self.change(
                link,
                LinkChange::Mtu(mtu),
                seen.map(|s| LinkChange::Mtu(s.mtu)),
            );
        }
        if let Some(mac) = link.mac
            && created(seen.is_none_or(|seen| seen.mac != Some(mac)))
        {
            let back = seen.and_then(|seen| seen.mac).map(LinkChange::Mac);
            self.change(link, LinkChange::Mac(mac), back);
        }
        self.address_generation(link, seen, made_here);
        let port_is_fresh = self.master(link, seen);
        if self.changes_vrf(link, seen) {
            self.change(link, LinkChange::Cycle, None);
        }
        if link.evpn_port && (port_is_fresh || seen.is_none_or(|s| s.evpn_port != Some(true))) {
            self.change(link, LinkChange::EvpnPort, None);
        }
        self.addresses(link, seen);
        if seen.is_none_or(|seen| !seen.up) {
            self.change(link, LinkChange::Up, None);
        }
        if let Some(bridge) = self.bridge_come_back_to(link, seen) {
            self.change(bridge, LinkChange::Cycle, None);
        }
    }

    /// Whether a bridge that is up goes into a VRF. The kernel takes the routes over it away when
    /// it leaves one, and tells nobody; zebra, which holds them for installed, installs them anew
    /// only when the bridge comes up again.
    fn changes_vrf(&self, link: &Link, seen: Option<&SeenLink>) -> bool {
        let is_bridge = match &link.kind {
            LinkKind::Bridge => true,
            LinkKind::Vrf { .. } | LinkKind::Vxlan { .. } | LinkKind::Veth { .. } => false,
        };
        let (now, wanted) = self.masters(link, seen);
        is_bridge && wanted.is_some() && now != wanted && seen.is_some_and(|seen| seen.up)
    }

    /// The bridge that a VXLAN device comes back to. zebra still leads the VNI's routes to the
    /// bridge that it last found the device in, and does not write again what this one forgot.
    fn bridge_come_back_to(&self, link: &Link, seen: Option<&SeenLink>) -> Option<&'a Link> {
        match &link.kind {
            LinkKind::Vxlan { .. } => {}
            LinkKind::Vrf { .. } | LinkKind::Bridge | LinkKind::Veth { .. } => return None,
        }
        let (now, wanted) = self.masters(link, Some(seen?));
        let bridge = (link.space, wanted.clone()?);
        let stood = self.seen(&bridge).is_some_and(|seen| seen.up);
        let is_it = |other: &&Link| (other.space, &other.name) == (bridge.0, &bridge.1);
        (now != wanted && stood).then(|| self.links.iter().find(is_it))?
    }

    /// The link's master now, and the one wanted.
    fn masters(
        &self,
        link: &Link,
        seen: Option<&SeenLink>,
    ) -> (Option<InterfaceName>, Option<InterfaceName>) {
        let now = seen.and_then(|seen| self.master_still_there(link, seen));
        let wanted = match &link.master {
            Master::None => None,
            Master::Link(master) | Master::Foreign(master) => Some(master.clone()),
            Master::Free => now
                .clone()
                .filter(|_| !seen.is_some_and(was_attached_by_us)),
        };
        (now, wanted)
    }

    /// Whether the link changes its master.
    fn master(&mut self, link: &Link, seen: Option<&SeenLink>) -> bool {
        let (now, wanted) = self.masters(link, seen);
        if now == wanted {
            return false;
        }
        let back = seen.map(|_| LinkChange::Master(now));
        self.change(link, LinkChange::Master(wanted), back);
        true
    }

    fn address_generation(&mut self, link: &Link, seen: Option<&SeenLink>, made_here: bool) {
        let wanted = link.address_generation;
        let differs = match seen.map(|seen| seen.address_generation) {
            // A kernel without IPv6 has nothing to set.
            Some(None) => false,
            Some(Some(now)) => now != wanted,
            None => !made_here && wanted == AddressGeneration::Off,
        };
        if differs {
            self.change(
                link,
                LinkChange::AddressGeneration(wanted),
                seen.and_then(|s| s.address_generation)
                    .map(LinkChange::AddressGeneration),
            );
        }
    }

    fn addresses(&mut self, link: &Link, seen: Option<&SeenLink>) {
        let none = BTreeSet::new();
        let now = seen.map_or(&none, |seen| &seen.addresses);
        self.out
            .extend(address_steps(link.space, &link.name, now, &link.addresses));
    }

    /// Of a veth pair, the end that the pair is created from has what [`KernelStep::AddLink`]
    /// gives; every other kind is its own first end.
    fn is_first_end(&self, link: &Link) -> bool {
        match &link.kind {
            LinkKind::Veth { peer_space, peer } => self
                .links
                .iter()
                .find(|other| {
                    (other.space, &other.name) == (link.space, &link.name)
                        || (other.space, &other.name) == (*peer_space, peer)
                })
                .is_some_and(|first| first.name == link.name && first.space == link.space),
            LinkKind::Vrf { .. } | LinkKind::Bridge | LinkKind::Vxlan { .. } => true,
        }
    }

    fn master_still_there(&self, link: &Link, seen: &SeenLink) -> Option<InterfaceName> {
        let master = seen.master.clone()?;
        let gone = self.gone.contains(&(link.space, master.clone()));
        (!gone).then_some(master)
    }

    fn change(&mut self, link: &Link, change: LinkChange, back: Option<LinkChange>) {
        let set = |change| {
            Step::Kernel(KernelStep::SetLink {
                space: link.space,
                name: link.name.clone(),
                change,
            })
        };
        self.out.push(Planned {
            step: set(change),
            undo: back.map(set),
        });
    }

    /// A VRF that came from elsewhere keeps its table, unless another VRF needs that: changing
    /// it means tearing it down.
    fn same_kind(&self, link: &Link, seen: &SeenLink) -> bool {
        let shared = match (&link.kind, &seen.kind) {
            (LinkKind::Vrf { table: own }, SeenKind::Vrf { table }) => {
                own != table && self.table_is_shared(link, *table)
            }
            (_, _) => false,
        };
        let other_end = match &link.kind {
            LinkKind::Veth { peer_space, peer } => self.seen(&(*peer_space, peer.clone())),
            LinkKind::Vrf { .. } | LinkKind::Bridge | LinkKind::Vxlan { .. } => None,
        };
        !shared && is_kind(link, seen, other_end)
    }
}

/// Whether a link that was seen is of the kind wanted, with all that cannot be changed without
/// making it anew. `other_end` is what stands under the name of a veth's other end.
#[must_use]
pub fn is_kind(link: &Link, seen: &SeenLink, other_end: Option<&SeenLink>) -> bool {
    match (&link.kind, &seen.kind) {
        // Any table of its own serves, but for none and those of the kernel.
        (LinkKind::Vrf { table: own }, SeenKind::Vrf { table }) => {
            own == table || !matches!(table, 0 | 253..=255)
        }
        (LinkKind::Bridge, SeenKind::Bridge) => true,
        (
            LinkKind::Vxlan { vni, local, port },
            SeenKind::Vxlan {
                vni: seen_vni,
                local: seen_local,
                port: seen_port,
                learning,
            },
        ) => {
            vni.get() == *seen_vni && Some(*local) == *seen_local && port == seen_port && !learning
        }
        (LinkKind::Veth { .. }, SeenKind::Veth { peer_index }) => other_end.is_some_and(|other| {
            let points_back = |kind: &SeenKind| match kind {
                SeenKind::Veth { peer_index } => *peer_index == Some(seen.index),
                SeenKind::Vrf { .. }
                | SeenKind::Bridge
                | SeenKind::Vxlan { .. }
                | SeenKind::Other { .. } => false,
            };
            Some(other.index) == *peer_index && points_back(&other.kind)
        }),
        (
            LinkKind::Vrf { .. }
            | LinkKind::Bridge
            | LinkKind::Vxlan { .. }
            | LinkKind::Veth { .. },
            SeenKind::Vrf { .. }
            | SeenKind::Bridge
            | SeenKind::Vxlan { .. }
            | SeenKind::Veth { .. }
            | SeenKind::Other { .. },
        ) => false,
    }
}

/// Whether a link is in the bridge of others that its alias says we attached it to.
fn was_attached_by_us(seen: &SeenLink) -> bool {
    let master = seen.master.as_ref();
    master.is_some_and(|master| seen.alias.ends_with(&format!("{ATTACHED}{master}")))
}

/// Steps from the addresses of a link to those wanted. New ones come first, so that a link
/// never stands without any.
pub fn address_steps(
    space: Space,
    name: &InterfaceName,
    now: &BTreeSet<ipnet::IpNet>,
    wanted: &BTreeSet<ipnet::IpNet>,
) -> Vec<Planned> {
    let add = |address: &ipnet::IpNet| {
        Step::Kernel(KernelStep::AddAddress {
            space,
            name: name.clone(),
            address: *address,
        })
    };
    let delete = |address: &ipnet::IpNet| {
        Step::Kernel(KernelStep::DeleteAddress {
            space,
            name: name.clone(),
            address: *address,
        })
    };
    let added = wanted.difference(now).map(|a| Planned {
        step: add(a),
        undo: Some(delete(a)),
    });
    let removed = now.difference(wanted).map(|a| Planned {
        step: delete(a),
        undo: Some(add(a)),
    });
    added.chain(removed).collect()
}

/// Whether a link that is seen was made by us, so that it goes when nothing wants it any more.
pub(super) fn is_ours(space: Space, name: &InterfaceName, link: &SeenLink) -> bool {
    is_marked(link) && by_our_name(space, name, link)
}

fn by_our_name(space: Space, name: &InterfaceName, link: &SeenLink) -> bool {
    match (space, &link.kind) {
        (Space::Router, SeenKind::Vrf { .. }) => true,
        (Space::Router | Space::Host, SeenKind::Veth { .. } | SeenKind::Bridge)
        | (Space::Router, SeenKind::Vxlan { .. }) => Names::is_ours(space, name.as_str()),
        (Space::Host, SeenKind::Vrf { .. } | SeenKind::Vxlan { .. })
        | (_, SeenKind::Other { .. }) => false,
    }
}

/// By its alias, or by its group: whoever made it may have been killed before it had an alias.
fn is_marked(link: &SeenLink) -> bool {
    let object = link.alias.strip_prefix(ALIAS_MARK);
    link.group == OWN_GROUP || object.is_some_and(|object| object.starts_with(':'))
}

/// In the router's namespace a wrong link by our name is replaced; in the host's only our own.
/// NICs never are, nor a veth whose other end in the host's namespace is not ours.
fn replaceable(kernel: &SeenKernel, id: &Id, seen: &SeenLink) -> bool {
    if seen.group == NIC_GROUP {
        return false;
    }
    let hangs_on_foreign = || {
        other_end(kernel, id).is_some_and(|(space, name)| {
            space == Space::Host && kernel.host.get(&name).is_some_and(|end| !is_marked(end))
        })
    };
    match (id.0, &seen.kind) {
        _ if is_marked(seen) => true,
        (Space::Host, _) | (Space::Router, SeenKind::Other { .. }) => false,
        (Space::Router, SeenKind::Veth { .. }) => !hangs_on_foreign(),
        (Space::Router, SeenKind::Vrf { .. } | SeenKind::Bridge | SeenKind::Vxlan { .. }) => true,
    }
}

fn kind_name(kind: &SeenKind) -> &str {
    match kind {
        SeenKind::Vrf { .. } => "VRF",
        SeenKind::Bridge => "bridge",
        SeenKind::Vxlan { .. } => "VXLAN device",
        SeenKind::Veth { .. } => "veth",
        SeenKind::Other { name } if name.is_empty() => "NIC",
        SeenKind::Other { name } => name,
    }
}
