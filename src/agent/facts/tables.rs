//! FRR's tables, which can be large: read entry by entry, keeping only what facts keep.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use perouter_parsers::json::Error as AnswerError;
use perouter_parsers::stream::Streamed;
use perouter_parsers::{bgp, evpn, rib};
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use super::segments::{self, ZebraHosts};
use super::sent::{self, Own, Sent};
use super::{Asked, Wanted, chain, unreadable, vnis};
use crate::api::Peer;
use crate::api::types::VrfName;
use crate::frr::Daemon;
use crate::frr::query::Query;
use crate::verify;
use crate::verify::facts::{
    EvpnPath, FloodPath, MacPath, Origin, Rd, Read, RibChoice, RibEntry, RibProtocol, RouteId,
    Standing, Telling, Unreadable, VrfPath,
};

/// A VRF's table in bgpd.
type VrfTable = HashMap<IpNet, Vec<VrfPath>>;

/// A VRF's table in zebra.
type Rib = HashMap<IpNet, Vec<RibEntry>>;

/// zebra's tables.
pub(super) struct ZebraTables {
    pub(super) ribs: BTreeMap<VrfName, Read<Rib>>,
    pub(super) hosts: ZebraHosts,
}

/// bgpd's tables.
pub(super) struct BgpTables {
    pub(super) evpn: Read<Vec<EvpnPath>>,
    pub(super) sent: BTreeMap<Peer, Read<Sent>>,
    pub(super) vrfs: BTreeMap<VrfName, Read<VrfTable>>,
    pub(super) macs: Read<Vec<MacPath>>,
    pub(super) floods: Read<Vec<FloodPath>>,
}

/// Reads on a thread that may block. What reads is told when nobody waits for it any more.
pub(super) async fn on_a_thread<T: Send + 'static>(
    read: impl FnOnce(CancellationToken) -> T + Send + 'static,
) -> Result<T, JoinError> {
    let abandoned = CancellationToken::new();
    let _guard = abandoned.clone().drop_guard();
    tokio::task::spawn_blocking(move || read(abandoned)).await
}

/// Reads bgpd's tables on a thread that may block.
pub(super) async fn read_bgp(dir: &Path, wanted: &Wanted) -> BgpTables {
    let (dir, job) = (dir.to_owned(), wanted.clone());
    let read = move |abandoned| bgp_tables(Streams::new(Daemon::Bgpd, dir, abandoned), &job);
    match on_a_thread(read).await {
        Ok(tables) => tables,
        Err(error) => BgpTables::failed(&wanted.evpn_neighbors, &wanted.vrfs, &error),
    }
}

impl BgpTables {
    /// Nothing could be asked.
    pub(super) fn failed(neighbors: &[Peer], vrfs: &[VrfName], error: &JoinError) -> Self {
        let words = Unreadable::new(error);
        let of_neighbor = |neighbor: &Peer| (neighbor.clone(), Err(words.clone()));
        let of_vrf = |vrf: &VrfName| (vrf.clone(), Err(words.clone()));
        Self {
            evpn: Err(words.clone()),
            sent: neighbors.iter().map(of_neighbor).collect(),
            vrfs: vrfs.iter().map(of_vrf).collect(),
            macs: Err(words.clone()),
            floods: Err(words.clone()),
        }
    }
}

/// Reads zebra's tables on a thread that may block.
pub(super) async fn read_zebra(dir: &Path, wanted: &Wanted) -> ZebraTables {
    let (dir, job) = (dir.to_owned(), wanted.clone());
    let read = move |abandoned| zebra_tables(Streams::new(Daemon::Zebra, dir, abandoned), &job);
    on_a_thread(read).await.unwrap_or_else(|error| {
        let words = Unreadable::new(error);
        let failed = |vrf: &VrfName| (vrf.clone(), Err(words.clone()));
        ZebraTables {
            ribs: wanted.vrfs.iter().map(failed).collect(),
            hosts: ZebraHosts::failed(&words),
        }
    })
}

/// The routes of a VRF that bgpd chose and zebra has not got.
pub(in crate::agent) async fn untold(dir: &Path, vrf: &VrfName) -> Read<BTreeSet<IpNet>> {
    let (dir, vrf) = (dir.to_owned(), vrf.clone());
    let read = move |abandoned: CancellationToken| {
        let mut bgpd = Streams::new(Daemon::Bgpd, dir.clone(), abandoned.clone());
        let mut zebra = Streams::new(Daemon::Zebra, dir, abandoned);
        // In this order nothing is taken for missing that is chosen meanwhile.
        let chosen = vrf_table(&mut bgpd, &vrf)?;
        Ok(verify::untold::untold(&chosen, &rib_of(&mut zebra, &vrf)?))
    };
    let read = on_a_thread(read).await;
    read.unwrap_or_else(|error| Err(Unreadable::new(error)))
}

/// Routes, by VRF, or by none for the main table.
pub(in crate::agent) type Found = BTreeMap<Option<VrfName>, BTreeSet<IpNet>>;

/// The routes of these VRFs and of the main table that zebra found in the kernel, and that bgpd has
/// not told it of. VRFs without any are left out.
pub(in crate::agent) async fn found(dir: &Path, vrfs: BTreeSet<VrfName>) -> Read<Found> {
    let dir = dir.to_owned();
    let read = move |abandoned| {
        let mut zebra = Streams::new(Daemon::Zebra, dir, abandoned);
        let mut all = Found::new();
        for vrf in vrfs.into_iter().map(Some).chain([None]) {
            let name = vrf.as_ref().map_or("default", |vrf| vrf.as_str());
            let routes: BTreeSet<IpNet> = of_rib(&mut zebra, name, found_of_bgp)?;
            if !routes.is_empty() {
                all.insert(vrf, routes);
            }
        }
        Ok(all)
    };
    let read = on_a_thread(read).await;
    read.unwrap_or_else(|error| Err(Unreadable::new(error)))
}

fn found_of_bgp(routes: rib::RibPrefix) -> Option<IpNet> {
    let mut entries = routes.routes.iter();
    let is_it = |route: &rib::RibRoute| route.is_found() && route.protocol == rib::Protocol::Bgp;
    entries.any(is_it).then_some(routes.prefix)
}

fn bgp_tables(mut bgpd: Streams, wanted: &Wanted) -> BgpTables {
    let evpn = evpn_paths(&mut bgpd, "show bgp l2vpn evpn route type 5 json");
    let mut own = Own::default();
    own.prefixes(&evpn);
    let (macs, floods) = match wanted.segments {
        Asked::Yes => {
            let (macs, floods) = (segments::macs(&mut bgpd), segments::floods(&mut bgpd));
            own.segments(&macs, &floods);
            (macs, floods)
        }
        Asked::No => (Err(Unreadable::not_read()), Err(Unreadable::not_read())),
    };
    BgpTables {
        sent: sent::to_each(&mut bgpd, &wanted.evpn_neighbors, &own),
        evpn,
        vrfs: wanted
            .vrfs
            .iter()
            .map(|vrf| (vrf.clone(), vrf_table(&mut bgpd, vrf)))
            .collect(),
        macs,
        floods,
    }
}

fn zebra_tables(mut zebra: Streams, wanted: &Wanted) -> ZebraTables {
    let read = |vrf: &VrfName| (vrf.clone(), rib_of(&mut zebra, vrf));
    ZebraTables {
        ribs: wanted.vrfs.iter().map(read).collect(),
        hosts: match wanted.segments {
            Asked::Yes => ZebraHosts::ask(&mut zebra),
            Asked::No => ZebraHosts::failed(&Unreadable::not_read()),
        },
    }
}

/// One daemon, asked over a connection for each answer until it cannot be spoken with.
pub(super) struct Streams {
    daemon: Daemon,
    dir: PathBuf,
    lost: Option<Unreadable>,
    abandoned: CancellationToken,
}

impl Streams {
    /// Once it is `abandoned`, nothing more is asked or read: whoever waited for the answers has
    /// something more urgent to ask.
    pub(super) const fn new(daemon: Daemon, dir: PathBuf, abandoned: CancellationToken) -> Self {
        Self {
            daemon,
            dir,
            lost: None,
            abandoned,
        }
    }

    /// Asks, and lets `walk` collect from the answer. What does not exist has no entries.
    pub(super) fn collect<T: Default>(
        &mut self,
        command: &str,
        walk: impl FnOnce(Answer, &mut T) -> Result<Streamed, AnswerError>,
    ) -> Read<T> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        if self.abandoned.is_cancelled() {
            return Err(Unreadable::new(ABANDONED));
        }
        let answer = Query::ask(self.daemon, &self.dir, command).map_err(|error| {
            let words = Unreadable::new(chain(&error));
            self.lost = Some(words.clone());
            words
        })?;
        let answer = Answer {
            query: answer,
            abandoned: self.abandoned.clone(),
        };
        let mut collected = T::default();
        match walk(answer, &mut collected) {
            Ok(Streamed::Absent | Streamed::Complete | Streamed::Stopped) => Ok(collected),
            Err(error) => {
                let words = unreadable(self.daemon, command, &error);
                if is_loss(&error) {
                    self.lost = Some(words.clone());
                }
                Err(words)
            }
        }
    }
}

/// What is said of what was not read to its end.
const ABANDONED: &str = "the reading was abandoned";

/// An answer that ends when nobody waits for it any more.
pub(super) struct Answer {
    query: Query,
    abandoned: CancellationToken,
}

impl io::Read for Answer {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.abandoned.is_cancelled() {
            return Err(io::Error::other(ABANDONED));
        }
        self.query.read(into)
    }
}

/// Whether an answer broke off because the daemon went silent or away.
fn is_loss(error: &AnswerError) -> bool {
    match error {
        AnswerError::Read { .. } => true,
        AnswerError::Refused { .. } | AnswerError::Data { .. } => false,
    }
}

/// The Type-5 routes under one distinguisher.
pub(super) fn evpn_paths_of(bgpd: &mut Streams, rd: &Rd) -> Read<Vec<EvpnPath>> {
    // `show bgp l2vpn evpn route rd` writes other members, which no parser here knows.
    evpn_paths(bgpd, &format!("show bgp l2vpn evpn rd {rd} json"))
}

fn evpn_paths(bgpd: &mut Streams, command: &str) -> Read<Vec<EvpnPath>> {
    bgpd.collect(command, |answer, paths: &mut Vec<EvpnPath>| {
        evpn::type5_from(answer, |route| {
            let id = RouteId {
                rd: vnis::rd(&route.rd),
                prefix: route.prefix,
            };
            paths.extend(route.paths.iter().filter_map(|path| evpn_path(&id, path)));
            ControlFlow::Continue(())
        })
    })
}

fn evpn_path(id: &RouteId, path: &bgp::Path) -> Option<EvpnPath> {
    Some(EvpnPath {
        id: id.clone(),
        origin: origin(&path.source)?,
        next_hop: next_hop(path)?,
        targets: path
            .extended
            .route_targets
            .iter()
            .copied()
            .map(vnis::route_target)
            .collect(),
        router_mac: path.extended.router_mac.map(vnis::mac),
        standing: standing(path),
    })
}

pub(super) fn vrf_table(bgpd: &mut Streams, vrf: &VrfName) -> Read<VrfTable> {
    let mut both = VrfTable::new();
    for version in ["ipv4", "ipv6"] {
        let command = format!("show bgp vrf {vrf} {version} unicast json");
        both.extend(bgpd.collect(&command, |answer, table: &mut VrfTable| {
            bgp::unicast_from(answer, |route| {
                let paths = route.paths.iter().filter_map(vrf_path).collect();
                table.insert(route.prefix, paths);
                ControlFlow::Continue(())
            })
        })?);
    }
    Ok(both)
}

fn vrf_path(path: &bgp::Path) -> Option<VrfPath> {
    Some(VrfPath {
        origin: origin(&path.source)?,
        next_hop: next_hop(path)?,
        standing: standing(path),
        telling: if path.suppressed {
            Telling::Suppressed
        } else {
            Telling::Told
        },
    })
}

pub(super) fn origin(source: &bgp::Source) -> Option<Origin> {
    match source {
        bgp::Source::Local => Some(Origin::Local),
        bgp::Source::Peer(address) => Some(Origin::Peer(*address)),
        // FRR prints the peer's address, or `(unspec)`. A path from anything else is from none
        // of the neighbours that an intent can name.
        bgp::Source::Other(_) => None,
    }
}

/// The first of a path's next hops. A path without any leads nowhere and is left out; FRR
/// prints `0.0.0.0` for this router itself.
pub(super) fn next_hop(path: &bgp::Path) -> Option<IpAddr> {
    path.next_hops.first().copied()
}

pub(super) fn standing(path: &bgp::Path) -> Standing {
    match (path.valid, path.best, path.multipath) {
        (false, _, _) => Standing::Invalid,
        (true, true, _) => Standing::Best,
        (true, false, true) => Standing::Multipath,
        (true, false, false) => Standing::Valid,
    }
}

fn rib_of(zebra: &mut Streams, vrf: &VrfName) -> Read<Rib> {
    of_rib(zebra, vrf.as_str(), |found| {
        let entries = found.routes.into_iter().map(rib_entry);
        Some((found.prefix, entries.collect()))
    })
}

/// What is picked from a VRF's prefixes in zebra, of both IP versions.
fn of_rib<I, T: Default + Extend<I> + IntoIterator<Item = I>>(
    zebra: &mut Streams,
    vrf: &str,
    pick: impl Fn(rib::RibPrefix) -> Option<I>,
) -> Read<T> {
    let mut both = T::default();
    for version in ["ip", "ipv6"] {
        let command = format!("show {version} route vrf {vrf} json");
        both.extend(zebra.collect(&command, |answer, table: &mut T| {
            rib::rib_from(answer, |found| {
                table.extend(pick(found));
                ControlFlow::Continue(())
            })
        })?);
    }
    Ok(both)
}

fn rib_entry(route: rib::RibRoute) -> RibEntry {
    RibEntry {
        protocol: protocol(&route.protocol),
        choice: match (route.selected, route.installed) {
            (false, _) => RibChoice::NotSelected,
            (true, false) => RibChoice::Selected,
            (true, true) => RibChoice::Installed,
        },
        next_hops: gateways(&route.next_hops),
    }
}

fn protocol(protocol: &rib::Protocol) -> RibProtocol {
    match protocol {
        rib::Protocol::Bgp => RibProtocol::Bgp,
        rib::Protocol::Local
        | rib::Protocol::Connected
        | rib::Protocol::Kernel
        | rib::Protocol::Static
        | rib::Protocol::Ospf
        | rib::Protocol::Ospf6
        | rib::Protocol::Isis
        | rib::Protocol::Other(_) => RibProtocol::Other(protocol.as_str().into()),
    }
}

/// The gateways that packets can go by: active ones. A gateway that another route resolves is
/// among them, and so are that route's, which follow in the same list.
fn gateways(next_hops: &[rib::RibNextHop]) -> Vec<IpAddr> {
    let active = next_hops.iter().filter(|hop| hop.active);
    active.filter_map(|hop| hop.ip).collect()
}

#[cfg(test)]
mod tests;
