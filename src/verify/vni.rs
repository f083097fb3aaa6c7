//! One VNI: up in zebra and bgpd, then its routes in both directions.

use std::fmt;
use std::net::IpAddr;

use super::facts::{BgpVni, Facts, VniKind, VniState, VrfFacts, ZebraVni};
use super::finding::Check;
use super::import::Forwarding;
use super::ledger::{Fault, Ledger};
use super::links::VniLinks;
use super::reach::Reachability;
use super::routes::{VniRoutes, automatic, export_targets, import_targets, same_imports};
use super::sessions::Fabric;
use super::sources::{Source, waiting};
use super::{export, import, targets};
use crate::intent::{UnderlayIntent, VniIntent};
use crate::plan::desired::Names;
use crate::plan::link::Mac;

/// One VNI and all that its checks look at.
#[derive(Clone, Copy, Debug)]
pub(super) struct One<'a> {
    pub(super) intent: &'a VniIntent,
    pub(super) underlay: &'a UnderlayIntent,
    pub(super) facts: &'a Facts,
    pub(super) fabric: &'a Fabric,
    pub(super) reach: &'a Reachability,
    pub(super) forwarding: &'a Forwarding,
    pub(super) routes: &'a VniRoutes<'a>,
}

impl<'a> One<'a> {
    /// Where the VNI's tunnels start.
    pub(super) fn vtep(&self) -> Option<IpAddr> {
        self.underlay.vteps.local(self.intent.spec.tunnels_over)
    }

    /// What was read of the VRF.
    pub(super) fn vrf(&self) -> Option<&'a VrfFacts> {
        self.facts.vrfs.get(&self.intent.spec.vrf)
    }
}

/// Checks a VNI whose links stand as `links` says, or which waits for them.
pub(super) fn check(one: &One<'_>, links: Result<VniLinks, String>, ledger: &mut Ledger) {
    let ready = links
        .and_then(|links| Ok((links, zebra(one, ledger)?)))
        .inspect_err(|waiting_for| {
            pend_unsaid(one, &[Check::VniUp], waiting_for, ledger);
        })
        .and_then(|(links, zebra)| Ok((links, zebra, bgp(one, ledger)?)));
    let (links, zebra, bgp) = match ready {
        Ok(ready) => ready,
        Err(waiting_for) => {
            let rest = [&[Check::BgpVni, Check::RouterMac], &ROUTES[..]].concat();
            pend_unsaid(one, &rest, &waiting_for, ledger);
            return;
        }
    };
    targets::check_filtered(one, ledger);
    let router_mac = router_mac(one, links.svi_mac, zebra, bgp, ledger);
    export::check(one, bgp, router_mac, ledger);
    import::check(one, links, ledger);
}

/// The checks on routes.
const ROUTES: [Check; 9] = [
    Check::HostRouteExported,
    Check::RouteAdvertised,
    Check::RouteFiltered,
    Check::RouteValid,
    Check::RouteImported,
    Check::RouteInRib,
    Check::RouteInKernel,
    Check::NeighbourEntry,
    Check::FdbEntry,
];

/// Marks checks as pending, but for the one that they wait for, which has its own verdict.
fn pend_unsaid(one: &One<'_>, checks: &[Check], waiting_for: &str, ledger: &mut Ledger) {
    for check in checks {
        if check.name() != waiting_for {
            ledger.pending(*check, Some(&one.intent.key), waiting_for);
        }
    }
}

fn zebra<'a>(one: &One<'a>, ledger: &mut Ledger) -> Result<&'a ZebraVni, String> {
    let known = one.facts.zebra_vnis.as_ref();
    let known = known.map_err(|_| waiting(Source::ZebraVnis))?;
    let spec = &one.intent.spec;
    let object = Some(&one.intent.key);
    let names = Names::of(spec.vni);
    let expected = format!(
        "L3, Up, VRF {}, SVI {}, VXLAN {}",
        spec.vrf, names.bridge, names.vxlan
    );
    let Some(seen) = known.get(&spec.vni) else {
        let hint = "is `vni` configured in zebra's VRF? see `show vrf vni`";
        let fault = Fault::new(expected, "zebra does not know this VNI", hint);
        ledger.bad(
            Check::VniUp,
            object,
            format_args!("VNI {}", spec.vni),
            fault,
        );
        return Err(Check::VniUp.name().to_owned());
    };
    let is_good = seen.kind == VniKind::L3
        && seen.state == VniState::Up
        && seen.vrf.as_deref() == Some(spec.vrf.as_str())
        && seen.svi.as_deref() == Some(names.bridge.as_str())
        && seen.vxlan.as_deref() == Some(names.vxlan.as_str());
    if is_good {
        ledger.good(Check::VniUp, object, format_args!("VNI {}", spec.vni), "");
        return Ok(seen);
    }
    let hint = format!("see `show evpn vni {}`", spec.vni);
    let fault = Fault::new(expected, describe(seen), hint);
    ledger.bad(
        Check::VniUp,
        object,
        format_args!("VNI {}", spec.vni),
        fault,
    );
    Err(Check::VniUp.name().to_owned())
}

fn describe(seen: &ZebraVni) -> String {
    let or_none = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
    let state = match &seen.state {
        VniState::Up => "Up",
        VniState::Down(words) => words,
    };
    format!(
        "{}, {state}, VRF {}, SVI {}, VXLAN {}",
        seen.kind,
        or_none(&seen.vrf),
        or_none(&seen.svi),
        or_none(&seen.vxlan)
    )
}

fn bgp<'a>(one: &One<'a>, ledger: &mut Ledger) -> Result<&'a BgpVni, String> {
    let known = one.facts.bgp_vnis.as_ref();
    let known = known.map_err(|_| waiting(Source::BgpVnis))?;
    let spec = &one.intent.spec;
    let object = Some(&one.intent.key);
    let subject = format!("VNI {}", spec.vni);
    let import = import_targets(spec, one.underlay);
    let export = export_targets(spec, one.underlay);
    let expected = format!("L3, import {}, export {}", listed(&import), listed(&export));
    let hint = format!("see `show bgp l2vpn evpn vni {}`", spec.vni);
    let Some(seen) = known.get(&spec.vni) else {
        let fault = Fault::new(expected, "bgpd does not know this VNI", hint);
        ledger.bad(Check::BgpVni, object, subject, fault);
        return Err(Check::BgpVni.name().to_owned());
    };
    let same_exports = seen.export_targets.len() == export.len()
        && export
            .iter()
            .all(|target| seen.export_targets.contains(target));
    if seen.kind == VniKind::L3
        && same_exports
        && same_imports(&import, &seen.import_targets, automatic(spec, one.underlay))
    {
        ledger.good(Check::BgpVni, object, subject, format!("RD {}", seen.rd));
        return Ok(seen);
    }
    let described = format!(
        "{}, import {}, export {}",
        seen.kind,
        listed(&seen.import_targets),
        listed(&seen.export_targets)
    );
    let fault = Fault::new(expected, described, hint);
    ledger.bad(Check::BgpVni, object, subject, fault);
    Err(Check::BgpVni.name().to_owned())
}

/// A list for people, in one order.
pub(super) fn listed<T: fmt::Display>(items: &[T]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    let mut words: Vec<String> = items.iter().map(ToString::to_string).collect();
    words.sort_unstable();
    words.join(" ")
}

/// The router MAC, when all agree on it.
fn router_mac(
    one: &One<'_>,
    bridge: Option<Mac>,
    zebra: &ZebraVni,
    bgp: &BgpVni,
    ledger: &mut Ledger,
) -> Option<Mac> {
    let object = Some(&one.intent.key);
    let vni = one.intent.spec.vni;
    if bridge.is_some() && bridge == zebra.router_mac && bridge == bgp.router_mac {
        let seen = bridge.map(|mac| mac.to_string()).unwrap_or_default();
        ledger.good(Check::RouterMac, object, format_args!("VNI {vni}"), seen);
        return bridge;
    }
    let word = |mac: Option<Mac>| mac.map_or_else(|| "none".to_owned(), |mac| mac.to_string());
    let fault = Fault::new(
        "one MAC in bridge, zebra and bgpd",
        format!(
            "bridge {}, zebra {}, bgpd {}",
            word(bridge),
            word(zebra.router_mac),
            word(bgp.router_mac)
        ),
        format!("remote routers send to the MAC that bgpd announces; see `show evpn vni {vni}`"),
    );
    ledger.bad(Check::RouterMac, object, format_args!("VNI {vni}"), fault);
    None
}
