//! Which sources the intent needs, and whether they were read.

use std::fmt;

use super::facts::{Facts, Read, SegmentFacts, Sessions, UnderlayFacts, Unreadable, sessions_of};
use super::finding::Check;
use super::ledger::{Fault, Ledger, Tally};
use crate::api::types::VrfName;
use crate::api::{Family, Peer};
use crate::intent::{NodeIntent, VniIntent};
use crate::plan::bgp::desired::families;

/// A source of facts, named as an operator would ask it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source<'a> {
    FabricSessions,
    ZebraVnis,
    BgpVnis,
    Evpn,
    Advertised(&'a Peer),
    HostSessions(&'a VrfName),
    VrfBgp(&'a VrfName),
    Rib(&'a VrfName),
    Table(&'a VrfName),
    Kernel,
    Neighbours,
    Fdb,
    NextHops,
    Tracked,
    MainTable,
    Bfd,
    ZebraSegments,
    HostMacs,
    HostAddresses,
    MacRoutes,
    FloodRoutes,
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FabricSessions => f.write_str("show bgp neighbors json"),
            Self::ZebraVnis => f.write_str("show vrf vni json"),
            Self::BgpVnis => f.write_str("show bgp l2vpn evpn vni json"),
            Self::Evpn => f.write_str("show bgp l2vpn evpn route type 5 json"),
            Self::Advertised(peer) => {
                write!(
                    f,
                    "show bgp l2vpn evpn rd RD neighbors {peer} advertised-routes json"
                )
            }
            Self::HostSessions(vrf) => write!(f, "show bgp vrf {vrf} neighbors json"),
            Self::VrfBgp(vrf) => write!(f, "show bgp vrf {vrf} ipv4|ipv6 unicast json"),
            Self::Rib(vrf) => write!(f, "show ip|ipv6 route vrf {vrf} json"),
            Self::Table(vrf) => write!(f, "kernel routes of VRF {vrf}"),
            Self::Kernel => f.write_str("kernel links"),
            Self::Neighbours => f.write_str("kernel neighbours"),
            Self::Fdb => f.write_str("kernel forwarding entries"),
            Self::NextHops => f.write_str("show bgp nexthop json"),
            Self::Tracked => f.write_str("show ip|ipv6 nht json"),
            Self::MainTable => f.write_str("kernel routes of the main table"),
            Self::Bfd => f.write_str("show bfd peers json"),
            Self::ZebraSegments => f.write_str("show evpn vni detail json"),
            Self::HostMacs => f.write_str("show evpn mac vni all json"),
            Self::HostAddresses => f.write_str("show evpn arp-cache vni all json"),
            Self::MacRoutes => f.write_str("show bgp l2vpn evpn route type 2 json"),
            Self::FloodRoutes => f.write_str("show bgp l2vpn evpn route type 3 json"),
        }
    }
}

/// What a dependent check waits for when `source` could not be read.
pub(super) fn waiting(source: Source<'_>) -> String {
    format!("{}: {source}", Check::FactsReadable)
}

fn fault(source: Source<'_>, unreadable: &Unreadable) -> Fault {
    let hint = match source {
        Source::Kernel
        | Source::Neighbours
        | Source::Fdb
        | Source::Table(_)
        | Source::MainTable => {
            "does the router's namespace exist, and may the agent use netlink in it?"
        }
        Source::ZebraVnis
        | Source::Rib(_)
        | Source::Tracked
        | Source::ZebraSegments
        | Source::HostMacs
        | Source::HostAddresses => "does zebra run, and answer on its vty socket?",
        Source::Bfd => "does bfdd run, and answer on its vty socket?",
        Source::FabricSessions
        | Source::BgpVnis
        | Source::Evpn
        | Source::Advertised(_)
        | Source::HostSessions(_)
        | Source::VrfBgp(_)
        | Source::NextHops
        | Source::MacRoutes
        | Source::FloodRoutes => "does bgpd run, and answer on its vty socket?",
    };
    Fault::new("an answer", unreadable.words.clone(), hint)
}

/// Says of each source that the node needs, whatever its VNIs, whether it was read.
pub(super) fn check(intent: &NodeIntent, facts: &Facts, ledger: &mut Ledger) {
    let not_read = Unreadable::not_read();
    let mut node = Tally::new(Check::FactsReadable);
    count(&mut node, Source::FabricSessions, &facts.fabric_sessions);
    count(&mut node, Source::Kernel, &facts.kernel);
    let neighbors = intent.underlay.iter().flat_map(|own| &own.spec.neighbors);
    if neighbors.into_iter().any(|own| own.bfd.is_some()) {
        count(&mut node, Source::Bfd, &facts.underlay.bfd);
    }
    if !intent.segments.is_empty() {
        let SegmentFacts {
            zebra,
            hosts,
            duplicate_addresses,
            macs,
            floods,
            // Read together with those of VRFs.
            advertised: _,
            // Read together with all other forwarding entries.
            learned: _,
        } = &facts.segments;
        count(&mut node, Source::ZebraSegments, zebra);
        count(&mut node, Source::HostMacs, hosts);
        count(&mut node, Source::HostAddresses, duplicate_addresses);
        count(&mut node, Source::MacRoutes, macs);
        count(&mut node, Source::FloodRoutes, floods);
    }
    if !intent.vnis.is_empty() || !intent.segments.is_empty() {
        let UnderlayFacts {
            next_hops,
            tracked,
            table,
            bfd: _,
        } = &facts.underlay;
        count(&mut node, Source::BgpVnis, &facts.bgp_vnis);
        count(&mut node, Source::Evpn, &facts.evpn);
        count(&mut node, Source::Neighbours, &facts.neighbours);
        count(&mut node, Source::Fdb, &facts.fdb);
        count(&mut node, Source::NextHops, next_hops);
        count(&mut node, Source::Tracked, tracked);
        count(&mut node, Source::MainTable, table);
    }
    if !intent.vnis.is_empty() {
        count(&mut node, Source::ZebraVnis, &facts.zebra_vnis);
    }
    if let Some(underlay) = &intent.underlay
        && (!intent.vnis.is_empty() || !intent.segments.is_empty())
    {
        let neighbors = &underlay.spec.neighbors;
        let none = Sessions::new();
        let sessions = facts.fabric_sessions.as_ref().unwrap_or(&none);
        let callers = neighbors.iter().flat_map(|neighbor| {
            let callers = sessions_of(&neighbor.peer, sessions, neighbors).into_iter();
            callers.map(move |(peer, _)| (neighbor, peer))
        });
        for (neighbor, peer) in callers {
            let source = Source::Advertised(peer);
            match facts.advertised.get(peer) {
                // A neighbour without EVPN, or one that is down, is sent nothing.
                None if !is_evpn_up(facts, peer) => {}
                Some(_) if !families(neighbor, underlay).contains(&Family::Evpn) => {}
                None => node.bad(source, || fault(source, &not_read)),
                Some(read) => count(&mut node, source, read),
            }
        }
    }
    ledger.close(None, node);
}

/// Says the same of the sources of one VNI alone.
pub(super) fn check_vni(vni: &VniIntent, facts: &Facts, ledger: &mut Ledger) {
    let vrf = &vni.spec.vrf;
    let mut own = Tally::new(Check::FactsReadable);
    match facts.vrfs.get(vrf) {
        None => own.bad(format_args!("VRF {vrf}"), || {
            fault(Source::VrfBgp(vrf), &Unreadable::not_read())
        }),
        Some(read) => {
            if !vni.legs.is_empty() {
                count(&mut own, Source::HostSessions(vrf), &read.sessions);
            }
            count(&mut own, Source::VrfBgp(vrf), &read.bgp);
            count(&mut own, Source::Rib(vrf), &read.rib);
            count(&mut own, Source::Table(vrf), &read.table);
        }
    }
    ledger.close(Some(&vni.key), own);
}

fn is_evpn_up(facts: &Facts, peer: &Peer) -> bool {
    facts
        .fabric_sessions
        .as_ref()
        .is_ok_and(|sessions| sessions.get(peer).is_some_and(super::sessions::speaks_evpn))
}

fn count<T>(tally: &mut Tally, source: Source<'_>, read: &Read<T>) {
    match read {
        Ok(_) => tally.good(),
        Err(unreadable) => tally.bad(source, || fault(source, unreadable)),
    }
}
