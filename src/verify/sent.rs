//! Whether this router's own routes were sent to the fabric.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Display;
use std::hash::Hash;

use super::facts::Read;
use super::finding::Check;
use super::ledger::{Fault, Ledger, Tally};
use super::sessions::Fabric;
use super::sources::{Source, waiting};
use crate::api::{ObjectKey, Peer};

/// Checks that each of an object's routes, with its name, was sent to each neighbour that speaks
/// EVPN. A neighbour that is down is the underlay's affair as long as another is up.
pub(super) fn check<'a, T: Hash + Eq + 'a>(
    fabric: &Fabric,
    object: Option<&ObjectKey>,
    routes: impl Iterator<Item = (impl Display, &'a T)> + Clone,
    sent: &BTreeMap<Peer, Read<HashSet<T>>>,
    ledger: &mut Ledger,
) {
    if fabric.evpn_peers.is_empty() {
        ledger.pending(Check::RouteAdvertised, object, &fabric.waiting_for);
        return;
    }
    let mut tally = Tally::new(Check::RouteAdvertised);
    let mut unread: Option<&Peer> = None;
    for peer in &fabric.evpn_peers {
        let Some(Ok(sent)) = sent.get(peer) else {
            unread = Some(peer);
            continue;
        };
        for (name, route) in routes.clone() {
            if sent.contains(route) {
                tally.good();
                continue;
            }
            tally.bad(format_args!("{name} to {peer}"), || {
                Fault::new(
                    "sent",
                    "not sent",
                    format!("see `show bgp l2vpn evpn neighbors {peer} advertised-routes`"),
                )
            });
        }
    }
    ledger.close(object, tally);
    if let Some(peer) = unread {
        let source = waiting(Source::Advertised(peer));
        ledger.pending(Check::RouteAdvertised, object, source);
    }
}
