//! Another router with this node's VTEP: the fabric's packets reach one of the two by chance.
//!
//! bgpd drops what comes with a next hop of its own before anybody sees it (`bgp_update`, «martian
//! or self next-hop»), unless it has `bgp allow-martian-nexthop`; only then can a twin be told, and
//! routes of our own may come back too. So what names our VTEP is another router's only if it cannot
//! be ours: told under a distinguisher that this router does not make, or with a router MAC that is
//! none of ours.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use super::facts::{Facts, Origin, Rd};
use super::finding::Check;
use super::ledger::{Fault, Ledger};
use super::routes::{Owner, own_distinguishers};
use super::sources::{Source, waiting};
use crate::intent::{NodeIntent, UnderlayIntent};
use crate::plan::link::Mac;

/// One path as far as it matters here.
struct Claim<'a> {
    origin: Origin,
    vtep: IpAddr,
    rd: &'a Rd,
    router_mac: Option<Mac>,
}

struct Ours<'a> {
    router_id: Ipv4Addr,
    distinguishers: HashMap<&'a Rd, Owner>,
    router_macs: HashSet<Mac>,
}

impl Ours<'_> {
    /// Whether a route that names our VTEP, and that a neighbour told, is another router's.
    fn is_foreign(&self, claim: &Claim<'_>) -> bool {
        match claim.router_mac {
            Some(mac) => !self.router_macs.contains(&mac),
            // A distinguisher begins with the identifier of the router that made it.
            None => {
                let made_here = claim.rd.0.split_once(':').map(|(router, _)| router)
                    == Some(self.router_id.to_string().as_str());
                !made_here && !self.distinguishers.contains_key(claim.rd)
            }
        }
    }
}

/// Looks for routes that others tell with our VTEP.
pub(super) fn check(
    intent: &NodeIntent,
    underlay: &UnderlayIntent,
    facts: &Facts,
    ledger: &mut Ledger,
) {
    let object = Some(&underlay.key);
    let (paths, known) = match (&facts.evpn, &facts.bgp_vnis) {
        (Ok(paths), Ok(known)) => (paths, known),
        (Err(_), _) => {
            ledger.pending(Check::DuplicateVtep, object, waiting(Source::Evpn));
            return;
        }
        (Ok(_), Err(_)) => {
            ledger.pending(Check::DuplicateVtep, object, waiting(Source::BgpVnis));
            return;
        }
    };
    let ours = Ours {
        router_id: underlay.router_id,
        distinguishers: own_distinguishers(intent, facts),
        router_macs: known.values().filter_map(|vni| vni.router_mac).collect(),
    };
    let prefixes = paths.iter().map(|path| Claim {
        origin: path.origin,
        vtep: path.next_hop,
        rd: &path.id.rd,
        router_mac: path.router_mac,
    });
    let macs = facts.segments.macs.iter().flatten().map(|path| Claim {
        origin: path.came.origin,
        vtep: path.came.next_hop,
        rd: &path.rd,
        router_mac: None,
    });
    let floods = facts.segments.floods.iter().flatten().map(|path| Claim {
        origin: path.came.origin,
        vtep: path.originator,
        rd: &path.rd,
        router_mac: None,
    });
    let mut claims: BTreeMap<IpAddr, (&Rd, IpAddr, u64)> = BTreeMap::new();
    for claim in prefixes.chain(macs).chain(floods) {
        let vtep = claim.vtep.to_canonical();
        let Origin::Peer(peer) = claim.origin else {
            continue;
        };
        if underlay.vteps.has(vtep) && ours.is_foreign(&claim) {
            claims.entry(vtep).or_insert((claim.rd, peer, 0)).2 += 1;
        }
    }
    for vtep in underlay.vteps.prefixes().map(|prefix| prefix.addr()) {
        let Some((rd, peer, count)) = claims.get(&vtep) else {
            ledger.good(Check::DuplicateVtep, object, vtep, "");
            continue;
        };
        let fault = Fault::new(
            "routes of this router alone",
            format!("{count} of another one, the first with RD {rd} by {peer}"),
            "two nodes with one index, or overlapping tunnel endpoint pools; see \
             `show bgp l2vpn evpn`, and which router has that RD",
        );
        ledger.bad(Check::DuplicateVtep, object, vtep, fault);
    }
}
