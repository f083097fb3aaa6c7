//! What a VRF reaches on this node: the host's routes and the networks of the VRF's own links,
//! from bgpd and zebra to the kernel.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use super::facts::{
    Facts, KernelRoute, Origin, RibChoice, RibEntry, RibProtocol, RouteAction, VrfPath,
};
use super::finding::Check;
use super::import::{effective, ip_word};
use super::ledger::{Fault, Ledger, Tally};
use super::sessions::still_telling;
use super::sources::{Source, waiting};
use crate::api::types::{ObjectKey, VrfName};
use crate::intent::VniIntent;

/// What was read of one VRF, all of which is needed here.
struct Tables<'a> {
    vrf: &'a VrfName,
    bgp: &'a HashMap<IpNet, Vec<VrfPath>>,
    rib: &'a HashMap<IpNet, Vec<RibEntry>>,
    kernel: HashMap<IpNet, &'a KernelRoute>,
}

impl<'a> Tables<'a> {
    fn new(vrf: &'a VrfName, facts: &'a Facts) -> Result<Self, String> {
        let read = facts.vrfs.get(vrf);
        let read = read.ok_or_else(|| waiting(Source::VrfBgp(vrf)))?;
        let unread = |source| move |_: &_| waiting(source);
        Ok(Self {
            vrf,
            bgp: read.bgp.as_ref().map_err(unread(Source::VrfBgp(vrf)))?,
            rib: read.rib.as_ref().map_err(unread(Source::Rib(vrf)))?,
            kernel: effective(read.table.as_ref().map_err(unread(Source::Table(vrf)))?),
        })
    }

    /// What zebra chose for a prefix, when it is in the kernel as far as zebra knows.
    fn installed(&self, prefix: IpNet) -> Result<&'a RibEntry, String> {
        let entries = self.rib.get(&prefix).map(Vec::as_slice).unwrap_or_default();
        let selected = entries
            .iter()
            .find(|entry| entry.choice != RibChoice::NotSelected);
        match selected {
            Some(entry) if entry.choice == RibChoice::Installed => Ok(entry),
            Some(_) => Err("selected in zebra, but not installed".to_owned()),
            None if entries.is_empty() => Err("not in zebra".to_owned()),
            None => Err("in zebra, but not selected".to_owned()),
        }
    }

    /// What is wrong with a route of the host. Where zebra prefers another protocol's, that is
    /// as it should be, and nothing is said.
    fn route(&self, prefix: IpNet) -> Option<Result<(), String>> {
        let entry = match self.installed(prefix) {
            Ok(entry) => entry,
            Err(seen) => return Some(Err(seen)),
        };
        match &entry.protocol {
            RibProtocol::Bgp => {}
            RibProtocol::Other(_) => return None,
        }
        let wanted: BTreeSet<IpAddr> = entry.next_hops.iter().copied().collect();
        Some(self.forwards(prefix, |hop| {
            hop.is_some_and(|gateway| wanted.contains(&gateway))
        }))
    }

    /// What is wrong with the network of a link.
    fn network(&self, prefix: IpNet) -> Result<(), String> {
        self.installed(prefix)?;
        self.forwards(prefix, |hop| hop.is_none())
    }

    fn forwards(
        &self,
        prefix: IpNet,
        is_wanted: impl Fn(Option<IpAddr>) -> bool,
    ) -> Result<(), String> {
        match self.kernel.get(&prefix).map(|route| &route.action) {
            Some(RouteAction::Forward(hops)) => {
                let wrong = hops.iter().find(|hop| !is_wanted(hop.gateway));
                match wrong.map(|hop| hop.gateway) {
                    None => Ok(()),
                    Some(Some(gateway)) => Err(format!("the kernel sends it to {gateway}")),
                    Some(None) => Err("the kernel looks for it on a link".to_owned()),
                }
            }
            Some(RouteAction::Drop(word)) => Err(format!("the kernel drops it ({word})")),
            Some(RouteAction::Local) => Err("the kernel keeps it for itself".to_owned()),
            None => Err("in zebra, but not in the kernel".to_owned()),
        }
    }

    fn fault(&self, prefix: IpNet, what: &str, seen: String) -> Fault {
        let vrf = self.vrf;
        let six = if prefix.addr().is_ipv4() { "" } else { "-6 " };
        Fault::new(
            format!("{what}, installed by zebra, in the kernel's table of VRF {vrf}"),
            seen,
            format!(
                "see `show {} route vrf {vrf} {prefix}` and `ip {six}route show vrf {vrf}`",
                ip_word(prefix)
            ),
        )
    }
}

/// Checks what the host announced into a VNI's VRF, and the networks of the veth, when that
/// stands.
pub(super) fn check_vni(
    vni: &VniIntent,
    leg: Result<(), String>,
    facts: &Facts,
    ledger: &mut Ledger,
) {
    if vni.legs.is_empty() {
        return;
    }
    let object = Some(&vni.key);
    let ready = leg.and_then(|()| Tables::new(&vni.spec.vrf, facts));
    let tables = match ready {
        Ok(tables) => tables,
        Err(waiting_for) => {
            ledger.pending(Check::HostRouteInKernel, object, waiting_for);
            return;
        }
    };
    let mut tally = Tally::new(Check::HostRouteInKernel);
    for leg in &vni.legs {
        network(&tables, leg.router.trunc(), &mut tally);
    }
    let hosts: BTreeSet<IpAddr> = vni.legs.iter().map(|leg| leg.host.addr()).collect();
    let told = |path: &VrfPath| match path.origin {
        Origin::Peer(peer) => path.standing.is_used() && hosts.contains(&peer),
        Origin::Local => false,
    };
    let from_host = tables
        .bgp
        .iter()
        .filter(|(_, paths)| paths.iter().any(told));
    let mut prefixes: Vec<IpNet> = from_host.map(|(prefix, _)| *prefix).collect();
    prefixes.sort_unstable();
    for prefix in prefixes {
        if let Some(result) = tables.route(prefix) {
            let fault = |seen| || tables.fault(prefix, "the host's route", seen);
            tally.count(prefix, result.map_err(fault));
        }
    }
    ledger.close(object, tally);
    let sessions = facts.vrfs.get(&vni.spec.vrf).map(|vrf| &vrf.sessions);
    let sessions = sessions.and_then(|read| read.as_ref().ok());
    if let Some(host) = sessions.and_then(|sessions| still_telling(&vni.legs, sessions)) {
        let waiting_for = format!("the routes of {host}");
        ledger.pending(Check::HostRouteInKernel, object, waiting_for);
    }
}

/// Checks the networks of a segment's gateway.
pub(super) fn check_gateways(
    key: &ObjectKey,
    vrf: &VrfName,
    gateways: impl Iterator<Item = IpNet>,
    facts: &Facts,
    ledger: &mut Ledger,
) {
    let object = Some(key);
    match Tables::new(vrf, facts) {
        Ok(tables) => {
            let mut tally = Tally::new(Check::HostRouteInKernel);
            for gateway in gateways {
                network(&tables, gateway.trunc(), &mut tally);
            }
            ledger.close(object, tally);
        }
        Err(source) => ledger.pending(Check::HostRouteInKernel, object, source),
    }
}

/// A network of a link. An address that is alone in its network has none.
fn network(tables: &Tables<'_>, prefix: IpNet, tally: &mut Tally) {
    if prefix.prefix_len() == prefix.max_prefix_len() {
        return;
    }
    let fault = |seen| || tables.fault(prefix, "the network of the link", seen);
    tally.count(prefix, tables.network(prefix).map_err(fault));
}
