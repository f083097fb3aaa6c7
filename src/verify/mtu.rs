//! Packet sizes: what enters a tunnel must leave by the NIC with the tunnel's headers around it.

use std::net::IpAddr;

use super::facts::Facts;
use super::finding::Check;
use super::ledger::{Fault, Ledger, Tally};
use super::sources::{Source, waiting};
use crate::api::types::{InterfaceName, ObjectKey, Vni};
use crate::intent::UnderlayIntent;
use crate::plan::desired::{Names, tunnel_overhead, veth_mtu};
use crate::plan::link::{SeenKernel, SeenLink, Space};

/// Checks the veth of one object whose tunnels start at `vtep`.
pub(super) fn check(
    (key, vni): (&ObjectKey, Vni),
    vtep: IpAddr,
    underlay: &UnderlayIntent,
    facts: &Facts,
    ledger: &mut Ledger,
) {
    let object = Some(key);
    let Ok(kernel) = &facts.kernel else {
        ledger.pending(Check::MtuPath, object, waiting(Source::Kernel));
        return;
    };
    let Some((nic, room)) = narrowest(underlay, kernel) else {
        ledger.pending(Check::MtuPath, object, Check::LinksPresent);
        return;
    };
    let names = Names::of(vni);
    let ends = [
        (Space::Router, &names.router_veth),
        (Space::Host, &names.host_veth),
    ];
    let mut tally = Tally::new(Check::MtuPath);
    let mut missing = None;
    for (space, name) in ends {
        match kernel.links(space).get(name) {
            Some(link) => {
                let fault = fault(link, vtep, (nic, room));
                let subject = format_args!("{name} ({space})");
                tally.count(subject, fault.map_or(Ok(()), |fault| Err(|| fault)));
            }
            None => missing = Some(name),
        }
    }
    match missing {
        None => ledger.close(object, tally),
        Some(name) => {
            let waiting_for = format_args!("{} {name}", Check::LinksPresent);
            ledger.pending(Check::MtuPath, object, waiting_for);
        }
    }
}

/// The NIC with the smallest MTU, wherever it is now.
fn narrowest<'a>(
    underlay: &'a UnderlayIntent,
    kernel: &SeenKernel,
) -> Option<(&'a InterfaceName, u32)> {
    let seen = |nic: &'a InterfaceName| {
        let link = kernel.router.get(nic).or_else(|| kernel.host.get(nic))?;
        Some((nic, link.mtu))
    };
    let nics = underlay.spec.interfaces.iter().filter_map(seen);
    nics.min_by_key(|(_, mtu)| *mtu)
}

fn fault(link: &SeenLink, vtep: IpAddr, (nic, room): (&InterfaceName, u32)) -> Option<Fault> {
    let overhead = tunnel_overhead(vtep);
    let hint = format!(
        "a tunnel adds {overhead} bytes, and {nic} takes {room}; larger packets are fragmented \
         or dropped on the way"
    );
    match veth_mtu(Some(room), vtep) {
        Some(wanted) if link.mtu == wanted => None,
        Some(wanted) => {
            let seen = format!("MTU {}", link.mtu);
            Some(Fault::new(format!("MTU {wanted}"), seen, hint))
        }
        None if link.mtu.saturating_add(overhead) <= room => None,
        None => Some(Fault::new(
            format!(
                "a NIC that takes {} bytes",
                link.mtu.saturating_add(overhead)
            ),
            format!("{nic} takes {room}"),
            format!("raise the MTU of {nic} and of the fabric; {hint}"),
        )),
    }
}
