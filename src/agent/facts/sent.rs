//! What of this router's own routes each neighbour was sent.
//!
//! They are asked for by their distinguishers: bgpd sends the fabric's routes back to it, and does
//! nothing else while it writes down all of them, which takes seconds where they are many.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::ControlFlow;

use perouter_parsers::evpn::{self, EvpnKey};

use super::tables::Streams;
use super::vnis;
use crate::api::Peer;
use crate::verify::facts::{
    EvpnPath, FloodPath, MacPath, Origin, Rd, Read, RouteId, SegmentRoute, Unreadable,
};

/// What one neighbour was sent.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// The Type-5 routes.
    pub(super) prefixes: HashSet<RouteId>,
    /// The Type-2 and Type-3 routes.
    pub(super) segments: HashSet<SegmentRoute>,
}

/// The distinguishers of this router's own routes, or why they are not all known.
#[derive(Debug, Default)]
pub(super) struct Own {
    distinguishers: BTreeSet<Rd>,
    unread: Option<Unreadable>,
}

impl Own {
    /// Takes those of Type-5 routes.
    pub(super) fn prefixes(&mut self, paths: &Read<Vec<EvpnPath>>) {
        self.take(paths, |path| (path.origin, &path.id.rd));
    }

    /// Takes those of Type-2 and Type-3 routes.
    pub(super) fn segments(&mut self, macs: &Read<Vec<MacPath>>, floods: &Read<Vec<FloodPath>>) {
        self.take(macs, |path| (path.came.origin, &path.rd));
        self.take(floods, |path| (path.came.origin, &path.rd));
    }

    fn take<T>(&mut self, paths: &Read<Vec<T>>, of: impl Fn(&T) -> (Origin, &Rd)) {
        match paths {
            Ok(paths) => {
                let own = paths.iter().map(of);
                let own = own.filter(|(origin, _)| *origin == Origin::Local);
                for (_, rd) in own {
                    if !self.distinguishers.contains(rd) {
                        self.distinguishers.insert(rd.clone());
                    }
                }
            }
            Err(unread) => self.unread = Some(unread.clone()),
        }
    }
}

/// What each of these neighbours was sent.
pub(super) fn to_each(
    bgpd: &mut Streams,
    neighbors: &[Peer],
    own: &Own,
) -> BTreeMap<Peer, Read<Sent>> {
    let mut to = |neighbor: &Peer| -> Read<Sent> {
        if let Some(unread) = &own.unread {
            return Err(unread.clone());
        }
        let mut all = Sent::default();
        for rd in &own.distinguishers {
            let Sent { prefixes, segments } = under(bgpd, neighbor, rd)?;
            all.prefixes.extend(prefixes);
            all.segments.extend(segments);
        }
        Ok(all)
    };
    let neighbors = neighbors.iter();
    neighbors
        .map(|neighbor| (neighbor.clone(), to(neighbor)))
        .collect()
}

/// What was sent to a neighbour under one distinguisher.
fn under(bgpd: &mut Streams, neighbor: &Peer, rd: &Rd) -> Read<Sent> {
    let command =
        format!("show bgp l2vpn evpn rd {rd} neighbors {neighbor} advertised-routes json");
    bgpd.collect(&command, |answer, sent: &mut Sent| {
        evpn::advertised_from(answer, |route| {
            sent.add(vnis::rd(&route.rd), route.key);
            ControlFlow::Continue(())
        })
    })
}

impl Sent {
    fn add(&mut self, rd: Rd, key: EvpnKey) {
        match key {
            EvpnKey::Prefix {
                ethernet_tag: _,
                prefix,
            } => {
                self.prefixes.insert(RouteId { rd, prefix });
            }
            EvpnKey::Mac {
                ethernet_tag: _,
                mac,
                ip,
            } => {
                let mac = vnis::mac(mac);
                self.segments.insert(SegmentRoute::Mac { rd, mac, ip });
            }
            EvpnKey::Multicast {
                ethernet_tag: _,
                originator,
            } => {
                self.segments.insert(SegmentRoute::Flood { rd, originator });
            }
            // Of segments on several links, which no intent has.
            EvpnKey::Other(_) => {}
        }
    }
}

/// The same, by what it is about.
type ByKind = (
    BTreeMap<Peer, Read<HashSet<RouteId>>>,
    BTreeMap<Peer, Read<HashSet<SegmentRoute>>>,
);

/// Splits what was sent to each neighbour by what it is about.
pub(super) fn by_kind(sent: BTreeMap<Peer, Read<Sent>>) -> ByKind {
    let (mut prefixes, mut segments) = ByKind::default();
    for (peer, sent) in sent {
        let (of_vrfs, of_segments) = match sent {
            Ok(sent) => (Ok(sent.prefixes), Ok(sent.segments)),
            Err(unread) => (Err(unread.clone()), Err(unread)),
        };
        prefixes.insert(peer.clone(), of_vrfs);
        segments.insert(peer, of_segments);
    }
    (prefixes, segments)
}
