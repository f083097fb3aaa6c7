//! The underlay's part of a plan: the guard before FRR's open ports, sysctls, NICs, VTEPs.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::desired::{DesiredUnderlay, SYSCTLS};
use super::kernel::address_steps;
use super::link::{
    FirewallState, KernelStep, LinkChange, NIC_GROUP, NicConfig, NicRoute, SeenKernel, SeenKind,
    SeenLink, Space,
};
use super::{Blocked, NicMemory, Planned, Step};
use crate::api::IpVersion;
use crate::api::types::InterfaceName;
use crate::intent::NodeIntent;

/// The smallest MTU of the underlay's NICs, wherever they are now.
pub(super) fn nic_mtu(intent: &NodeIntent, kernel: &SeenKernel) -> Option<u32> {
    let nics = &intent.underlay.as_ref()?.spec.interfaces;
    nics.iter()
        .filter_map(|nic| kernel.router.get(nic).or_else(|| kernel.host.get(nic)))
        .map(|link| link.mtu)
        .min()
}

/// The steps of an underlay's kernel side. The guard comes first: a NIC brings in strangers.
pub(super) fn steps(
    wanted: &DesiredUnderlay,
    kernel: &SeenKernel,
    memory: &NicMemory,
) -> Result<Vec<Planned>, Blocked> {
    let mut steps = Vec::new();
    if kernel.firewall != FirewallState::Installed {
        steps.push(Planned::without_undo(KernelStep::InstallFirewall));
    }
    steps.extend(sysctls(kernel));
    steps.extend(loopback(wanted, kernel));
    for nic in &wanted.nics {
        steps.extend(take(nic, kernel, memory)?);
    }
    let unwanted = taken(kernel).filter(|(name, _)| !wanted.nics.contains(name));
    steps.extend(unwanted.map(|(name, seen)| give_back(name, seen, kernel, memory)));
    steps.extend(cut_short(&wanted.nics, kernel, memory));
    Ok(steps)
}

/// The rules that keep VRFs apart, once there is to be a VRF.
pub(super) fn isolation(kernel: &SeenKernel) -> impl Iterator<Item = Planned> {
    let versions = [IpVersion::V4, IpVersion::V6].into_iter();
    let missing = versions.filter(|version| !kernel.isolated.contains(version));
    missing.map(|version| Planned::without_undo(KernelStep::IsolateVrfs(version)))
}

/// What must stand in the router's namespace before FRR is spoken with, whatever the manifests
/// say.
pub(super) fn guard(kernel: &SeenKernel) -> Vec<KernelStep> {
    let mut steps = Vec::new();
    if kernel.firewall != FirewallState::Installed {
        steps.push(KernelStep::InstallFirewall);
    }
    if let Some((name, _)) = lo(kernel).filter(|(_, seen)| !seen.up) {
        steps.push(KernelStep::SetLink {
            space: Space::Router,
            name: name.clone(),
            change: LinkChange::Up,
        });
    }
    steps
}

/// The steps that leave nothing of an underlay behind: VTEPs go, NICs go home.
pub(super) fn dismantle(kernel: &SeenKernel, memory: &NicMemory) -> Vec<Step> {
    let none = BTreeSet::new();
    let addresses = lo(kernel)
        .map(|(name, seen)| address_steps(Space::Router, name, &routable(&seen.addresses), &none));
    let nics = taken(kernel).map(|(name, seen)| give_back(name, seen, kernel, memory));
    addresses
        .into_iter()
        .flatten()
        .chain(nics)
        .chain(cut_short(&[], kernel, memory))
        .map(|planned| planned.step)
        .collect()
}

fn sysctls(kernel: &SeenKernel) -> Vec<Planned> {
    let wrong = SYSCTLS.iter().filter_map(|(key, value)| {
        // A key that this kernel does not have cannot be set.
        let now = kernel.sysctls.get(*key)?;
        (now != value).then_some((key, value, now))
    });
    let set = |key: &str, value: &str| {
        Step::Kernel(KernelStep::SetSysctl {
            key: key.to_owned(),
            value: value.to_owned(),
        })
    };
    wrong
        .map(|(key, value, now)| Planned {
            step: set(key, value),
            undo: Some(set(key, now)),
        })
        .collect()
}

fn lo(kernel: &SeenKernel) -> Option<(&InterfaceName, &SeenLink)> {
    kernel.router.iter().find(|(name, _)| name.as_str() == "lo")
}

/// All but 127.0.0.0/8 and ::1.
fn routable(addresses: &BTreeSet<IpNet>) -> BTreeSet<IpNet> {
    addresses
        .iter()
        .filter(|address| !address.addr().is_loopback())
        .copied()
        .collect()
}

fn loopback(wanted: &DesiredUnderlay, kernel: &SeenKernel) -> Vec<Planned> {
    let Some((name, seen)) = lo(kernel) else {
        return Vec::new();
    };
    let mut steps = Vec::new();
    if !seen.up {
        steps.push(Planned::without_undo(KernelStep::SetLink {
            space: Space::Router,
            name: name.clone(),
            change: LinkChange::Up,
        }));
    }
    steps.extend(address_steps(
        Space::Router,
        name,
        &routable(&seen.addresses),
        &wanted.vteps,
    ));
    steps
}

/// Brings a NIC into the router's namespace, or mends what it lost there.
fn take(
    nic: &InterfaceName,
    kernel: &SeenKernel,
    memory: &NicMemory,
) -> Result<Vec<Planned>, Blocked> {
    if let Some(seen) = kernel.router.get(nic) {
        return Ok(mend(nic, seen, kernel, memory));
    }
    let Some(seen) = kernel.host.get(nic) else {
        return Err(Blocked::NoSuchNic {
            nic: nic.clone(),
            present: candidates(kernel),
        });
    };
    let mut config = carried(nic, seen, Space::Host, kernel);
    // It fell back to the host with its namespace, bare, or its way home was cut short: what it
    // carried is remembered until it has all of it again.
    if let Some(remembered) = memory.get(nic) {
        let lost = remembered.routes.iter();
        let lost: Vec<NicRoute> = lost
            .filter(|route| !covered(route, &config.routes))
            .cloned()
            .collect();
        config.routes.extend(lost);
        config.addresses.extend(&remembered.addresses);
    }
    let to = |to| {
        Step::Kernel(KernelStep::MoveNic {
            name: nic.clone(),
            to,
            config: config.clone(),
        })
    };
    Ok(vec![Planned {
        step: to(Space::Router),
        undo: Some(to(Space::Host)),
    }])
}

/// What a NIC carries where it is now.
fn carried(nic: &InterfaceName, seen: &SeenLink, space: Space, kernel: &SeenKernel) -> NicConfig {
    let routes = kernel.nic_routes.get(&(space, nic.clone()));
    NicConfig {
        addresses: seen.addresses.clone(),
        routes: routes.cloned().unwrap_or_default(),
    }
}

/// Puts back what a NIC in its place has lost since it was taken; what was added is left alone.
fn mend(
    nic: &InterfaceName,
    seen: &SeenLink,
    kernel: &SeenKernel,
    memory: &NicMemory,
) -> Vec<Planned> {
    let change = |change| {
        Planned::without_undo(KernelStep::SetLink {
            space: Space::Router,
            name: nic.clone(),
            change,
        })
    };
    let mut steps = Vec::new();
    if seen.group != NIC_GROUP {
        steps.push(change(LinkChange::Group(NIC_GROUP)));
    }
    let remembered = memory.get(nic).cloned().unwrap_or_default();
    let all: BTreeSet<IpNet> = seen
        .addresses
        .union(&remembered.addresses)
        .copied()
        .collect();
    steps.extend(address_steps(Space::Router, nic, &seen.addresses, &all));
    if !seen.up {
        steps.push(change(LinkChange::Up));
    }
    let now = carried(nic, seen, Space::Router, kernel).routes;
    let lost = remembered
        .routes
        .difference(&now)
        .filter(|lost| !covered(lost, &now));
    steps.extend(lost.map(|route| {
        Planned::without_undo(KernelStep::AddRoute {
            space: Space::Router,
            name: nic.clone(),
            route: route.clone(),
        })
    }));
    steps
}

/// Whether another route to the same destination stands: FRR's or an operator's later choice.
fn covered(lost: &NicRoute, now: &BTreeSet<NicRoute>) -> bool {
    now.iter()
        .any(|route| route.destination == lost.destination)
}

/// NICs in the router's namespace that are marked as taken.
fn taken(kernel: &SeenKernel) -> impl Iterator<Item = (&InterfaceName, &SeenLink)> {
    kernel
        .router
        .iter()
        .filter(|(_, link)| link.group == NIC_GROUP)
}

fn give_back(
    name: &InterfaceName,
    seen: &SeenLink,
    kernel: &SeenKernel,
    memory: &NicMemory,
) -> Planned {
    let now = carried(name, seen, Space::Router, kernel);
    let config = memory.get(name).cloned().unwrap_or_else(|| now.clone());
    let to = |to, config| {
        Step::Kernel(KernelStep::MoveNic {
            name: name.clone(),
            to,
            config,
        })
    };
    Planned {
        step: to(Space::Host, config),
        undo: Some(to(Space::Router, now)),
    }
}

/// The rest of the way home for NICs that were given back by an agent that was killed half way:
/// what they carried is forgotten once they have all of it again.
fn cut_short(
    wanted: &[InterfaceName],
    kernel: &SeenKernel,
    memory: &NicMemory,
) -> impl Iterator<Item = Planned> {
    let home = memory.iter().filter(|(name, _)| {
        let in_host = kernel.host.get(*name);
        in_host.is_some_and(|seen| seen.group != NIC_GROUP)
            && !kernel.router.contains_key(*name)
            && !wanted.contains(name)
    });
    home.map(|(name, config)| {
        Planned::without_undo(KernelStep::MoveNic {
            name: name.clone(),
            to: Space::Host,
            config: config.clone(),
        })
    })
}

/// NICs of the host that an operator may have meant.
fn candidates(kernel: &SeenKernel) -> Vec<InterfaceName> {
    let is_nic =
        |link: &SeenLink| matches!(&link.kind, SeenKind::Other { name } if name.is_empty());
    kernel
        .host
        .iter()
        .filter(|(name, link)| name.as_str() != "lo" && is_nic(link))
        .map(|(name, _)| name.clone())
        .collect()
}
