//! Links and addresses: what the kernel holds against what the plan wants of it.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::finding::Check;
use super::ledger::{Fault, Ledger, Tally};
use super::sources::{Source, waiting};
use crate::api::types::{InterfaceName, ObjectKey};
use crate::intent::{SegmentIntent, UnderlayIntent, VniIntent};
use crate::plan::desired::Names;
use crate::plan::kernel::is_kind;
use crate::plan::link::{Link, LinkKind, Mac, Master, SeenKernel, SeenKind};

/// What the links of a VNI leave to its further checks.
#[derive(Clone, Copy, Debug)]
pub(super) struct VniLinks {
    /// The SVI's index.
    pub(super) svi: u32,
    /// The SVI's Ethernet address, which is the router MAC.
    pub(super) svi_mac: Option<Mac>,
    /// The VXLAN device's index.
    pub(super) vxlan: u32,
}

/// What the links of a segment leave to its further checks.
#[derive(Clone, Copy, Debug)]
pub(super) struct SegmentLinks {
    /// The bridge's index.
    pub(super) bridge: u32,
    /// The VXLAN device's index.
    pub(super) vxlan: u32,
}

/// How the links of a VNI stand: those of the VNI itself, and those of its leg to the host. What
/// is not good says what waits for it.
pub(super) struct Standing {
    pub(super) vni: Result<VniLinks, String>,
    pub(super) leg: Result<(), String>,
}

/// Checks the NICs and the VTEP address.
pub(super) fn check_underlay(underlay: &UnderlayIntent, facts: &Facts, ledger: &mut Ledger) {
    let object = Some(&underlay.key);
    let Ok(kernel) = &facts.kernel else {
        ledger.pending(Check::LinksPresent, object, waiting(Source::Kernel));
        if underlay.vteps.is_some() {
            ledger.pending(Check::VtepAddress, object, waiting(Source::Kernel));
        }
        return;
    };
    let mut links = Tally::new(Check::LinksPresent);
    for nic in &underlay.spec.interfaces {
        let result = nic_fault(nic, kernel).map_or(Ok(()), |fault| Err(|| fault));
        links.count(nic, result);
    }
    ledger.close(object, links);
    for address in underlay.vteps.prefixes() {
        let on_loopback = kernel
            .router
            .iter()
            .any(|(name, link)| name.as_str() == "lo" && link.addresses.contains(&address));
        if on_loopback {
            ledger.good(Check::VtepAddress, object, address, "");
        } else {
            let fault = Fault::new(
                "on lo in the router's namespace",
                "not there",
                "the fabric's packets to this VTEP are dropped until it is back",
            );
            ledger.bad(Check::VtepAddress, object, address, fault);
        }
    }
}

fn nic_fault(nic: &InterfaceName, kernel: &SeenKernel) -> Option<Fault> {
    let expected = "in the router's namespace, and up";
    match kernel.router.get(nic) {
        Some(link) if link.up => None,
        Some(_) => Some(Fault::new(expected, "down", "set it up")),
        None if kernel.host.contains_key(nic) => Some(Fault::new(
            expected,
            "still in the host's namespace",
            "the agent moves it when it applies the underlay",
        )),
        None => Some(Fault::new(
            expected,
            "in neither namespace",
            "does spec.interfaces name a NIC of this node?",
        )),
    }
}

/// Checks the links of one VNI.
pub(super) fn check_vni(
    vni: &VniIntent,
    wanted: &[Link],
    facts: &Facts,
    ledger: &mut Ledger,
) -> Standing {
    let object = Some(&vni.key);
    let Ok(kernel) = &facts.kernel else {
        let source = waiting(Source::Kernel);
        ledger.pending(Check::LinksPresent, object, &source);
        return Standing {
            vni: Err(source.clone()),
            leg: Err(source),
        };
    };
    let mut tally = Tally::new(Check::LinksPresent);
    let names = Names::of(vni.spec.vni);
    let vrf = InterfaceName::from(vni.spec.vrf.clone());
    // A broken veth stops the host's session, not the VNI itself; the VRF is of both.
    let is_leg = |link: &Link| link.name == names.router_veth || link.name == names.host_veth;
    let (mut broken, mut broken_leg) = (None, None);
    for link in wanted {
        if count(link, kernel, &mut tally) {
            continue;
        }
        let what = || format!("{} {}", Check::LinksPresent, link.name);
        if !is_leg(link) {
            broken.get_or_insert_with(what);
        }
        if is_leg(link) || link.name == vrf {
            broken_leg.get_or_insert_with(what);
        }
    }
    ledger.close(object, tally);
    let index = |name| kernel.router.get(name).map(|link| (link.index, link.mac));
    let own = match (broken, index(&names.bridge), index(&names.vxlan)) {
        (None, Some((svi, svi_mac)), Some((vxlan, _))) => Ok(VniLinks {
            svi,
            svi_mac,
            vxlan,
        }),
        (broken, _, _) => Err(broken.unwrap_or_else(|| Check::LinksPresent.name().to_owned())),
    };
    Standing {
        vni: own,
        leg: broken_leg.map_or(Ok(()), Err),
    }
}

/// Checks the links of one segment, but for the addresses of its bridge: those are its gateway's.
pub(super) fn check_segment(
    segment: &SegmentIntent,
    wanted: &[Link],
    facts: &Facts,
    ledger: &mut Ledger,
) -> Result<SegmentLinks, String> {
    let object = Some(&segment.key);
    let Ok(kernel) = &facts.kernel else {
        let source = waiting(Source::Kernel);
        ledger.pending(Check::LinksPresent, object, &source);
        return Err(source);
    };
    let names = Names::of(segment.spec.vni);
    let mut tally = Tally::new(Check::LinksPresent);
    let mut broken = None;
    for link in wanted {
        let without_addresses = Link {
            addresses: BTreeSet::new(),
            ..link.clone()
        };
        let of_tunnel = link.name == names.bridge || link.name == names.vxlan;
        if !count(&without_addresses, kernel, &mut tally) && of_tunnel {
            broken.get_or_insert_with(|| format!("{} {}", Check::LinksPresent, link.name));
        }
    }
    ledger.close(object, tally);
    let index = |name| kernel.router.get(name).map(|link| link.index);
    match (broken, index(&names.bridge), index(&names.vxlan)) {
        (None, Some(bridge), Some(vxlan)) => Ok(SegmentLinks { bridge, vxlan }),
        (broken, _, _) => Err(broken.unwrap_or_else(|| Check::LinksPresent.name().to_owned())),
    }
}

/// Checks the links of an object that has no further checks.
pub(super) fn check_object(key: &ObjectKey, wanted: &[Link], facts: &Facts, ledger: &mut Ledger) {
    let object = Some(key);
    let Ok(kernel) = &facts.kernel else {
        ledger.pending(Check::LinksPresent, object, waiting(Source::Kernel));
        return;
    };
    let mut tally = Tally::new(Check::LinksPresent);
    for link in wanted {
        count(link, kernel, &mut tally);
    }
    ledger.close(object, tally);
}

/// Whether a link is as wanted.
fn count(link: &Link, kernel: &SeenKernel, tally: &mut Tally) -> bool {
    let result = link_fault(link, kernel).map_or(Ok(()), |fault| Err(|| fault));
    tally.count(format_args!("{} ({})", link.name, link.space), result)
}

/// The first thing that is wrong with a link.
fn link_fault(link: &Link, kernel: &SeenKernel) -> Option<Fault> {
    let hint = "the agent repairs it when it applies the object; see `perouter plan`";
    let Some(seen) = kernel.links(link.space).get(&link.name) else {
        return Some(Fault::new(kind_name(&link.kind), "not there", hint));
    };
    let other_end = match &link.kind {
        LinkKind::Veth { peer_space, peer } => kernel.links(*peer_space).get(peer),
        LinkKind::Vrf { .. } | LinkKind::Bridge | LinkKind::Vxlan { .. } => None,
    };
    if !is_kind(link, seen, other_end) {
        return Some(Fault::new(
            kind_name(&link.kind),
            seen_name(&seen.kind),
            hint,
        ));
    }
    let master = match &link.master {
        Master::None => Some(None),
        Master::Link(master) | Master::Foreign(master) => Some(Some(master)),
        Master::Free => None,
    };
    if let Some(master) = master
        && seen.master.as_ref() != master
    {
        let joined = |master: Option<&InterfaceName>| match master {
            Some(master) => format!("joined to {master}"),
            None => "joined to nothing".to_owned(),
        };
        let now = joined(seen.master.as_ref());
        return Some(Fault::new(joined(master), now, hint));
    }
    if !seen.up {
        return Some(Fault::new("up", "down", hint));
    }
    let missing = link
        .addresses
        .iter()
        .find(|wanted| !seen.addresses.contains(*wanted))?;
    Some(Fault::new(format!("address {missing}"), "not there", hint))
}

fn kind_name(kind: &LinkKind) -> String {
    match kind {
        LinkKind::Vrf { table } => format!("a VRF with table {table}"),
        LinkKind::Bridge => "a bridge".to_owned(),
        LinkKind::Vxlan { vni, local, port } => {
            format!("a VXLAN device with VNI {vni}, local {local}, port {port}, not learning")
        }
        LinkKind::Veth { peer_space, peer } => {
            format!("a veth whose other end is {peer} ({peer_space})")
        }
    }
}

fn seen_name(kind: &SeenKind) -> String {
    match kind {
        SeenKind::Vrf { table } => format!("a VRF with table {table}"),
        SeenKind::Bridge => "a bridge".to_owned(),
        SeenKind::Vxlan {
            vni,
            local,
            port,
            learning,
        } => {
            let local = local.map_or_else(|| "none".to_owned(), |local| local.to_string());
            let learning = if *learning {
                "learning"
            } else {
                "not learning"
            };
            format!("a VXLAN device with VNI {vni}, local {local}, port {port}, {learning}")
        }
        SeenKind::Veth { .. } => "a veth with another end".to_owned(),
        SeenKind::Other { name } if name.is_empty() => "hardware".to_owned(),
        SeenKind::Other { name } => format!("a link of kind {name}"),
    }
}
