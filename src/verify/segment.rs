//! One layer 2 segment: up in zebra and bgpd, then its gateway, its own hosts, and the remote
//! ones, hop by hop.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::domains::DomainRoutes;
use super::facts::{BgpVni, Facts, HostPlace, ImportTarget, Moves, VniKind, ZebraSegment};
use super::finding::Check;
use super::import::Forwarding;
use super::ledger::{Fault, Ledger, Tally};
use super::links::SegmentLinks;
use super::reach::Reachability;
use super::routes::{derived, is_address, same_imports};
use super::sessions::Fabric;
use super::sources::{Source, waiting};
use super::vni::listed;
use super::{host_routes, remote_hosts, sent};
use crate::intent::{SegmentIntent, UnderlayIntent};
use crate::plan::desired::Names;
use crate::plan::link::{Link, Mac, Space};

/// One segment and all that its checks look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct One<'a> {
    pub(super) intent: &'a SegmentIntent,
    pub(super) underlay: &'a UnderlayIntent,
    pub(super) facts: &'a Facts,
    pub(super) fabric: &'a Fabric,
    pub(super) reach: &'a Reachability,
    pub(super) forwarding: &'a Forwarding,
    pub(super) routes: &'a DomainRoutes<'a>,
    /// Its bridge as it should be.
    pub(super) bridge: Option<&'a Link>,
}

impl One<'_> {
    /// Where the segment's tunnels start.
    fn vtep(&self) -> Option<IpAddr> {
        self.underlay.vteps.local(self.intent.spec.tunnels_over)
    }

    pub(super) fn has_gateway(&self) -> bool {
        self.intent.spec.gateways.addresses().next().is_some()
    }

    /// The bridge as zebra names the VRF that it is in.
    pub(super) fn vrf(&self) -> &str {
        let vrf = self.intent.vrf.as_ref();
        vrf.map_or("default", |vrf| vrf.as_str())
    }
}

/// The checks on hosts.
const HOSTS: [Check; 6] = [
    Check::LocalMacAdvertised,
    Check::RouteAdvertised,
    Check::RouteValid,
    Check::FloodList,
    Check::RemoteMacInFdb,
    Check::DuplicateAddress,
];

/// Checks a segment whose links stand as `links` says, or which waits for them.
pub(super) fn check(one: &One<'_>, links: Result<SegmentLinks, String>, ledger: &mut Ledger) {
    let object = Some(&one.intent.key);
    gateway(one, &links, ledger);
    let ready = links
        .and_then(|links| zebra(one, ledger).map(|zebra| (links, zebra)))
        .inspect_err(|waiting_for| {
            pend(one, &[Check::VniUp], waiting_for, ledger);
        })
        .and_then(|(links, zebra)| bgp(one, ledger).map(|bgp| (links, zebra, bgp)));
    let (links, _, _) = match ready {
        Ok(ready) => ready,
        Err(waiting_for) => {
            let rest = [&[Check::BgpVni], &HOSTS[..]].concat();
            pend(one, &rest, &waiting_for, ledger);
            return;
        }
    };
    match (
        &one.facts.segments.hosts,
        &one.facts.segments.duplicate_addresses,
    ) {
        (Ok(_), Ok(_)) => {
            local_macs(one, ledger);
            duplicates(one, ledger);
        }
        (Err(_), _) => {
            let waiting_for = waiting(Source::HostMacs);
            ledger.pending(Check::LocalMacAdvertised, object, &waiting_for);
            ledger.pending(Check::DuplicateAddress, object, &waiting_for);
        }
        (Ok(_), Err(_)) => {
            local_macs(one, ledger);
            let waiting_for = waiting(Source::HostAddresses);
            ledger.pending(Check::DuplicateAddress, object, waiting_for);
        }
    }
    advertised(one, ledger);
    remote_hosts::check(one, links, ledger);
}

/// Checks that the other routers were told of the segment's hosts, and of its VTEP.
fn advertised(one: &One<'_>, ledger: &mut Ledger) {
    let known = &one.facts.segments;
    let object = Some(&one.intent.key);
    let unread = match (&known.macs, &known.floods) {
        (Ok(_), Ok(_)) => None,
        (Err(_), _) => Some(Source::MacRoutes),
        (Ok(_), Err(_)) => Some(Source::FloodRoutes),
    };
    if let Some(source) = unread {
        ledger.pending(Check::RouteAdvertised, object, waiting(source));
        return;
    }
    let own = one.routes.own.iter().map(|route| (route, route));
    sent::check(one.fabric, object, own, &known.advertised, ledger);
}

/// Marks checks as pending, but for the one that they wait for, which has its own verdict.
fn pend(one: &One<'_>, checks: &[Check], waiting_for: &str, ledger: &mut Ledger) {
    for check in checks {
        if check.name() != waiting_for {
            ledger.pending(*check, Some(&one.intent.key), waiting_for);
        }
    }
}

/// Checks what the segment's bridge has as its gateway, and the networks that follow from it.
fn gateway(one: &One<'_>, links: &Result<SegmentLinks, String>, ledger: &mut Ledger) {
    let object = Some(&one.intent.key);
    let (Some(bridge), Some(vrf)) = (one.bridge, &one.intent.vrf) else {
        return;
    };
    if !one.has_gateway() {
        return;
    }
    let seen = match (&one.facts.kernel, links) {
        (Ok(kernel), Ok(_)) => kernel.links(Space::Router).get(&bridge.name),
        (Ok(_) | Err(_), Err(waiting_for)) => {
            ledger.pending(Check::Gateway, object, waiting_for);
            ledger.pending(Check::HostRouteInKernel, object, waiting_for);
            return;
        }
        (Err(_), Ok(_)) => None,
    };
    let Some(seen) = seen else {
        let waiting_for = waiting(Source::Kernel);
        ledger.pending(Check::Gateway, object, &waiting_for);
        ledger.pending(Check::HostRouteInKernel, object, &waiting_for);
        return;
    };
    let mut tally = Tally::new(Check::Gateway);
    let hint = "workloads lose their gateway, or keep one that moved away, until the agent \
                repairs it; see `perouter plan`";
    let missing = bridge
        .addresses
        .iter()
        .filter(|wanted| !seen.addresses.contains(*wanted));
    let missing: BTreeSet<_> = missing.copied().collect();
    for address in &bridge.addresses {
        let result = if missing.contains(address) {
            Err(())
        } else {
            Ok(())
        };
        let fault = |()| || Fault::new(format!("on {}", bridge.name), "not there", hint);
        tally.count(address, result.map_err(fault));
    }
    if seen.mac == bridge.mac {
        tally.good();
    } else {
        let word = |mac: Option<Mac>| mac.map_or_else(|| "none".to_owned(), |mac| mac.to_string());
        tally.bad(&bridge.name, || {
            let expected = format!("MAC {}, the same on all nodes", word(bridge.mac));
            Fault::new(expected, format!("MAC {}", word(seen.mac)), hint)
        });
    }
    ledger.close(object, tally);
    let there = bridge.addresses.iter().copied();
    let there = there.filter(|address| !missing.contains(address));
    host_routes::check_gateways(&one.intent.key, vrf, there, one.facts, ledger);
}

fn zebra<'a>(one: &One<'a>, ledger: &mut Ledger) -> Result<&'a ZebraSegment, String> {
    let known = one.facts.segments.zebra.as_ref();
    let known = known.map_err(|_| waiting(Source::ZebraSegments))?;
    let vni = one.intent.spec.vni;
    let object = Some(&one.intent.key);
    let subject = format_args!("VNI {vni}").to_string();
    let names = Names::of(vni);
    let vtep = one.vtep();
    let vtep_word = vtep.map_or_else(|| "none".to_owned(), |vtep| vtep.to_string());
    let expected = format!(
        "L2, VRF {}, SVI {}, VXLAN {}, VTEP {vtep_word}",
        one.vrf(),
        names.bridge,
        names.vxlan
    );
    let hint = format!("see `show evpn vni {vni}`");
    let Some(seen) = known.get(&vni) else {
        let fault = Fault::new(expected, "zebra does not know this L2 VNI", hint);
        ledger.bad(Check::VniUp, object, subject, fault);
        return Err(Check::VniUp.name().to_owned());
    };
    let ZebraSegment {
        vrf,
        vxlan,
        svi,
        vtep: seen_vtep,
    } = seen;
    let is_good = vrf.as_deref() == Some(one.vrf())
        && svi.as_deref() == Some(names.bridge.as_str())
        && vxlan.as_deref() == Some(names.vxlan.as_str())
        && is_address(*seen_vtep, vtep);
    if is_good {
        ledger.good(Check::VniUp, object, subject, "");
        return Ok(seen);
    }
    let or_none = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
    let described = format!(
        "L2, VRF {}, SVI {}, VXLAN {}, VTEP {seen_vtep}",
        or_none(vrf),
        or_none(svi),
        or_none(vxlan)
    );
    ledger.bad(
        Check::VniUp,
        object,
        subject,
        Fault::new(expected, described, hint),
    );
    Err(Check::VniUp.name().to_owned())
}

fn bgp<'a>(one: &One<'a>, ledger: &mut Ledger) -> Result<&'a BgpVni, String> {
    let known = one.facts.bgp_vnis.as_ref();
    let known = known.map_err(|_| waiting(Source::BgpVnis))?;
    let vni = one.intent.spec.vni;
    let object = Some(&one.intent.key);
    let subject = format!("VNI {vni}");
    let target = derived(one.underlay.spec.asn, vni);
    let import = [ImportTarget::AnyAdministrator(vni.get())];
    let expected = format!("L2, import {}, export {target}", listed(&import));
    let hint = format!("see `show bgp l2vpn evpn vni {vni}`");
    let Some(seen) = known.get(&vni) else {
        let fault = Fault::new(expected, "bgpd does not know this VNI", hint);
        ledger.bad(Check::BgpVni, object, subject, fault);
        return Err(Check::BgpVni.name().to_owned());
    };
    if seen.kind == VniKind::L2
        && seen.export_targets == [target]
        && same_imports(&import, &seen.import_targets, target)
        && is_address(seen.vtep, one.vtep())
    {
        ledger.good(Check::BgpVni, object, subject, format!("RD {}", seen.rd));
        return Ok(seen);
    }
    let described = format!(
        "{}, import {}, export {}, VTEP {}",
        seen.kind,
        listed(&seen.import_targets),
        listed(&seen.export_targets),
        seen.vtep
    );
    ledger.bad(
        Check::BgpVni,
        object,
        subject,
        Fault::new(expected, described, hint),
    );
    Err(Check::BgpVni.name().to_owned())
}

/// Checks that the hosts at the ports of the bridge are known to zebra, and told by bgpd. What
/// zebra takes for a duplicate it may keep to itself.
fn local_macs(one: &One<'_>, ledger: &mut Ledger) {
    let object = Some(&one.intent.key);
    let unread = match (&one.facts.segments.learned, &one.facts.segments.macs) {
        (Err(_), _) => Some(Source::Fdb),
        (Ok(_), Err(_)) => Some(Source::MacRoutes),
        (Ok(_), Ok(_)) => None,
    };
    if let Some(source) = unread {
        ledger.pending(Check::LocalMacAdvertised, object, waiting(source));
        return;
    }
    let DomainRoutes {
        local,
        hosts,
        learned,
        ..
    } = one.routes;
    let known = hosts
        .iter()
        .filter(|(_, host)| host.place == HostPlace::Local);
    let all: BTreeSet<Mac> = learned
        .iter()
        .chain(known.map(|(mac, _)| mac))
        .copied()
        .collect();
    let vni = one.intent.spec.vni;
    let mut tally = Tally::new(Check::LocalMacAdvertised);
    for mac in all {
        let host = hosts.get(&mac);
        if host.is_some_and(|host| host.moves == Moves::Duplicate) {
            continue;
        }
        let seen = match host.map(|host| host.place) {
            Some(HostPlace::Local) if local.contains(&mac) => None,
            Some(HostPlace::Local) => Some("known to zebra, but no Type-2 route"),
            Some(HostPlace::Remote) => Some("in the kernel here, behind another router to zebra"),
            Some(HostPlace::Unknown) | None => Some("in the kernel, but not known to zebra"),
        };
        let fault = |seen| {
            move || {
                let hint = format!(
                    "the other routers only flood to it; see `show evpn mac vni {vni} mac {mac}` \
                     and `show bgp l2vpn evpn route vni {vni} mac {mac}`"
                );
                Fault::new("a Type-2 route of this router", seen, hint)
            }
        };
        tally.count(mac, seen.map_or(Ok(()), |seen| Err(fault(seen))));
    }
    ledger.close(object, tally);
}

/// Checks that zebra has found no host in two places.
fn duplicates(one: &One<'_>, ledger: &mut Ledger) {
    let vni = one.intent.spec.vni;
    let mut tally = Tally::new(Check::DuplicateAddress);
    let fault = |what: String| {
        move || {
            Fault::new(
                "in one place",
                "moves to and fro: FRR takes it for a duplicate",
                format!(
                    "do two workloads have it, or do two bridges form a loop? see `{what}`, and \
                     `clear evpn dup-addr vni {vni}` once it is mended"
                ),
            )
        }
    };
    for (mac, host) in &one.routes.hosts {
        match host.moves {
            Moves::Plausible => tally.good(),
            Moves::Duplicate => {
                tally.bad(mac, fault(format!("show evpn mac vni {vni} mac {mac}")));
            }
        }
    }
    for ip in &one.routes.duplicates {
        tally.bad(ip, fault(format!("show evpn arp-cache vni {vni} ip {ip}")));
    }
    ledger.close(Some(&one.intent.key), tally);
}
