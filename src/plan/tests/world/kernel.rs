//! The kernel of a node made of plain data.

use std::collections::BTreeMap;

use super::{Told, World, expect, link};
use crate::api::types::InterfaceName;
use crate::plan::link::{
    FirewallState, KernelStep, Link, LinkChange, LinkKind, NIC_GROUP, NicConfig, OWN_GROUP,
    SeenKind, SeenLink, Space,
};

impl World {
    pub(in crate::plan) fn links(
        &mut self,
        space: Space,
    ) -> &mut BTreeMap<InterfaceName, SeenLink> {
        match space {
            Space::Host => &mut self.kernel.host,
            Space::Router => &mut self.kernel.router,
        }
    }

    pub(in crate::plan) fn link_mut(
        &mut self,
        space: Space,
        name: &str,
    ) -> Result<&mut SeenLink, String> {
        let found = self.links(space).iter_mut();
        let found = found.into_iter().find(|(own, _)| own.as_str() == name);
        found.map(|(_, link)| link).ok_or(format!("no link {name}"))
    }

    pub(super) fn kernel_step(&mut self, step: &KernelStep) -> Told {
        match step {
            KernelStep::AddLink(link) => self.add(link),
            KernelStep::DeleteLink { space, name } => self.delete(*space, name),
            KernelStep::SetLink {
                space,
                name,
                change,
            } => self.set(*space, name, change),
            KernelStep::AddAddress {
                space,
                name,
                address,
            } => {
                let added = self
                    .link_mut(*space, name.as_str())?
                    .addresses
                    .insert(*address);
                expect(added, "the address is there")
            }
            KernelStep::DeleteAddress {
                space,
                name,
                address,
            } => {
                let removed = self
                    .link_mut(*space, name.as_str())?
                    .addresses
                    .remove(address);
                expect(removed, "no such address")
            }
            KernelStep::MoveNic { name, to, config } => self.move_nic(name, *to, config),
            KernelStep::AddRoute { space, name, route } => {
                expect(self.link_mut(*space, name.as_str())?.up, "the link is down")?;
                let of_nic = (*space, name.clone());
                let routes = self.kernel.nic_routes.entry(of_nic).or_default();
                expect(routes.insert(route.clone()), "the route is there")
            }
            KernelStep::SetSysctl { key, value } => {
                let now = self.kernel.sysctls.get_mut(key).ok_or("no such key")?;
                expect(now != value, "the value is so already")?;
                now.clone_from(value);
                Ok(())
            }
            KernelStep::IsolateVrfs(version) => {
                expect(self.kernel.isolated.insert(*version), "the rule is there")
            }
            KernelStep::InstallFirewall => {
                let there = self.kernel.firewall == FirewallState::Installed;
                self.kernel.firewall = FirewallState::Installed;
                expect(!there, "the firewall is there")
            }
        }
    }

    fn add(&mut self, wanted: &Link) -> Told {
        let free = |links: &BTreeMap<InterfaceName, SeenLink>, name: &InterfaceName| {
            expect(!links.contains_key(name), &format!("{name} exists"))
        };
        free(self.links(wanted.space), &wanted.name)?;
        self.indices.0 += 2;
        let index = self.indices.0;
        let kind = match &wanted.kind {
            LinkKind::Vrf { table } => {
                let vrf = SeenKind::Vrf { table: *table };
                let mut links = self.links(wanted.space).values();
                expect(
                    links.all(|link| link.kind != vrf),
                    "the table has another VRF",
                )?;
                vrf
            }
            LinkKind::Bridge => SeenKind::Bridge,
            LinkKind::Vxlan { vni, local, port } => {
                let evpn = self
                    .bgpd
                    .running()
                    .to_string()
                    .contains("advertise-all-vni");
                expect(evpn, "bgpd crashes: a VXLAN device without EVPN")?;
                let same = |link: &SeenLink| {
                    matches!(link.kind, SeenKind::Vxlan { vni: v, port: p, .. }
                        if v == u32::from(*vni) && p == *port)
                };
                let mut links = self.links(wanted.space).values();
                expect(!links.any(same), "a VXLAN device with this VNI exists")?;
                SeenKind::Vxlan {
                    vni: u32::from(*vni),
                    local: Some(*local),
                    port: *port,
                    learning: false,
                }
            }
            LinkKind::Veth { peer_space, peer } => {
                free(self.links(*peer_space), peer)?;
                let other = SeenLink {
                    up: false,
                    group: OWN_GROUP,
                    ..link(
                        index + 1,
                        SeenKind::Veth {
                            peer_index: Some(index),
                        },
                    )
                };
                self.links(*peer_space).insert(peer.clone(), other);
                SeenKind::Veth {
                    peer_index: Some(index + 1),
                }
            }
        };
        let made = SeenLink {
            up: false,
            mtu: wanted.mtu.unwrap_or(1500),
            mac: wanted.mac,
            group: OWN_GROUP,
            alias: wanted.alias.clone(),
            address_generation: Some(wanted.address_generation),
            ..link(index, kind)
        };
        self.links(wanted.space).insert(wanted.name.clone(), made);
        Ok(())
    }

    fn delete(&mut self, space: Space, name: &InterfaceName) -> Told {
        let link = self.links(space).remove(name).ok_or("no such link")?;
        match link.kind {
            SeenKind::Other { .. } => return Err("not a link that can be deleted".to_owned()),
            SeenKind::Veth { peer_index } => {
                let other = |other: &SeenLink| {
                    Some(other.index) == peer_index
                        && other.kind
                            == SeenKind::Veth {
                                peer_index: Some(link.index),
                            }
                };
                for space in [Space::Host, Space::Router] {
                    self.links(space).retain(|_, seen| !other(seen));
                }
            }
            SeenKind::Vrf { .. } | SeenKind::Bridge | SeenKind::Vxlan { .. } => {}
        }
        for port in self.links(space).values_mut() {
            if port.master.as_ref() == Some(name) {
                port.master = None;
                port.evpn_port = None;
            }
        }
        Ok(())
    }

    fn set(&mut self, space: Space, name: &InterfaceName, change: &LinkChange) -> Told {
        let master = |world: &mut Self, master: &Option<InterfaceName>| {
            let kind = master
                .as_ref()
                .map(|name| world.link_mut(space, name.as_str()));
            match kind.transpose()?.map(|link| link.kind.clone()) {
                None | Some(SeenKind::Vrf { .. }) => Ok(None),
                Some(SeenKind::Bridge) => Ok(Some(false)),
                Some(_) => Err("not a master".to_owned()),
            }
        };
        let port = match change {
            LinkChange::Master(to) => master(self, to)?,
            LinkChange::EvpnPort => {
                let own = self.link_mut(space, name.as_str())?.master.clone();
                let port = master(self, &own)?;
                expect(port.is_some(), "not a port of a bridge")?;
                port
            }
            LinkChange::Up
            | LinkChange::Cycle
            | LinkChange::Mtu(_)
            | LinkChange::Mac(_)
            | LinkChange::AddressGeneration(_)
            | LinkChange::Alias(_)
            | LinkChange::Group(_) => None,
        };
        let link = self.link_mut(space, name.as_str())?;
        let before = link.clone();
        match change {
            LinkChange::Up => link.up = true,
            LinkChange::Cycle => return expect(link.up, "it is down"),
            LinkChange::Mtu(mtu) => link.mtu = *mtu,
            LinkChange::Mac(mac) => link.mac = Some(*mac),
            LinkChange::Master(to) => {
                link.master.clone_from(to);
                link.evpn_port = port;
            }
            LinkChange::AddressGeneration(mode) => link.address_generation = Some(*mode),
            LinkChange::EvpnPort => link.evpn_port = Some(true),
            LinkChange::Alias(alias) => link.alias.clone_from(alias),
            LinkChange::Group(group) => link.group = *group,
        }
        expect(*link != before, "it is so already")
    }

    fn move_nic(&mut self, name: &InterfaceName, to: Space, config: &NicConfig) -> Told {
        let from = match to {
            Space::Host => Space::Router,
            Space::Router => Space::Host,
        };
        expect(
            !self.links(to).contains_key(name),
            "the name is taken there",
        )?;
        let mut nic = self.links(from).remove(name).ok_or("no such NIC")?;
        let carried = NicConfig {
            addresses: nic.addresses.clone(),
            routes: self
                .kernel
                .nic_routes
                .remove(&(from, name.clone()))
                .unwrap_or_default(),
        };
        nic.addresses.clone_from(&config.addresses);
        nic.up = true;
        nic.master = None;
        match to {
            Space::Router => {
                nic.group = NIC_GROUP;
                // The agent remembers what a step carries, before it executes it.
                self.memory.nics.insert(name.clone(), config.clone());
                expect(
                    carried.addresses.is_subset(&config.addresses),
                    "an address is lost",
                )?;
            }
            Space::Host => {
                nic.group = 0;
                self.memory.nics.remove(name);
            }
        }
        self.links(to).insert(name.clone(), nic);
        if !config.routes.is_empty() {
            let routes = config.routes.clone();
            self.kernel.nic_routes.insert((to, name.clone()), routes);
        }
        Ok(())
    }
}
