//! Reads back what FRR and the kernel hold, for verification.
//!
//! What always holds: a source that fails says so in its own place and harms no other; a daemon
//! that could not be spoken with is not asked again in the same gathering, because each try may
//! take as long as the longest silence; and nothing is written anywhere.

pub(super) mod kernel;
pub(super) mod part;
mod segments;
mod sent;
pub(super) mod sessions;
mod tables;
mod underlay;
mod vnis;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use perouter_parsers::json::Error as AnswerError;
use perouter_parsers::{bfd, bgp, evpn};

use super::chain;
use crate::api::types::VrfName;
use crate::api::{Family, Neighbor, Peer};
use crate::frr::{Daemon, Frr};
use crate::intent::NodeIntent;
use crate::netlink::Kernel;
use crate::plan::bgp::desired::families;
use crate::plan::link::SeenKernel;
use crate::verify::SessionsOf;
use crate::verify::facts::{
    BfdSession, BgpVni, Facts, Reach, Read, SegmentFacts, Sessions, UnderlayFacts, Unreadable,
    VrfFacts, ZebraSegment, ZebraVni, sessions_of,
};
use ipnet::IpNet;
use kernel::{KernelTables, LinksOf};
pub(super) use segments::remote_hosts;
use tables::{BgpTables, ZebraTables};
pub(super) use tables::{Found, found, untold};

/// Reads back everything that verification of `intent` looks at.
///
/// `kernel` is missing when the router's namespace could not be opened, `seen` when its links
/// were not observed; what depends on them is unreadable then.
pub async fn gather(
    frr: &mut Frr,
    kernel: Option<&Kernel>,
    seen: Option<&SeenKernel>,
    intent: &NodeIntent,
) -> Facts {
    let callers = callers(frr, intent).await;
    let wanted = Wanted::of(intent, &callers);
    let dir = frr.dir().to_owned();
    // Small answers come over the driver's own connections; large ones are read entry by entry
    // on threads of their own, one a daemon, while the kernel is asked.
    let (small, bgp, zebra, kernel) = tokio::join!(
        Small::ask(frr, &wanted),
        tables::read_bgp(&dir, &wanted),
        tables::read_zebra(&dir, &wanted),
        kernel::read(kernel, seen, &wanted.vrfs, LinksOf::Everything),
    );
    assemble(small, bgp, zebra, kernel)
}

/// The sessions of one instance, by themselves.
pub(super) async fn sessions(frr: &mut Frr, instance: &SessionsOf) -> Read<Sessions> {
    let command = match instance {
        SessionsOf::Fabric => "show bgp neighbors json".to_owned(),
        SessionsOf::Vrf(vrf) => format!("show bgp vrf {vrf} neighbors json"),
    };
    Asker::new(frr, Daemon::Bgpd).sessions(&command).await
}

/// The fabric's sessions, where some of them are with whoever calls: who that is, is to be
/// known before more is asked about them.
async fn callers(frr: &mut Frr, intent: &NodeIntent) -> Read<Sessions> {
    let neighbors = intent.underlay.iter().flat_map(|own| &own.spec.neighbors);
    let mut ranges = neighbors.filter(|neighbor| matches!(neighbor.peer, Peer::Range(_)));
    if ranges.next().is_none() {
        return Ok(Sessions::new());
    }
    sessions(frr, &SessionsOf::Fabric).await
}

/// Whom to ask about what: only what the intent names.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    vrfs: Vec<VrfName>,
    /// Those of them with a leg to the host, and with sessions so.
    hosts: Vec<VrfName>,
    /// The fabric's neighbours that EVPN routes are to be sent to.
    evpn_neighbors: Vec<Peer>,
    /// Whether there are layer 2 segments.
    segments: Asked,
    /// Whether some way to a neighbour is watched by BFD.
    bfd: Asked,
}

/// Whether something is asked at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Yes,
    /// Nothing in the intent needs it.
    No,
}

impl Asked {
    const fn when(needed: bool) -> Self {
        if needed { Self::Yes } else { Self::No }
    }
}

impl Wanted {
    fn of(intent: &NodeIntent, fabric: &Read<Sessions>) -> Self {
        let carries_evpn =
            |underlay, neighbor| families(neighbor, underlay).contains(&Family::Evpn);
        let evpn_neighbors = intent.underlay.iter().flat_map(|underlay| {
            let neighbors = underlay.spec.neighbors.iter();
            neighbors
                .filter(move |neighbor| carries_evpn(underlay, neighbor))
                .flat_map(|neighbor| members(&neighbor.peer, fabric, &underlay.spec.neighbors))
        });
        Self {
            vrfs: intent.vnis.iter().map(|vni| vni.spec.vrf.clone()).collect(),
            hosts: intent
                .vnis
                .iter()
                .filter(|vni| !vni.legs.is_empty())
                .map(|vni| vni.spec.vrf.clone())
                .collect(),
            evpn_neighbors: evpn_neighbors.collect(),
            segments: Asked::when(!intent.segments.is_empty()),
            bfd: Asked::when(
                intent
                    .underlay
                    .iter()
                    .flat_map(|own| &own.spec.neighbors)
                    .any(|neighbor| neighbor.bfd.is_some()),
            ),
        }
    }
}

/// Those who are to be asked about in place of one neighbour.
fn members(peer: &Peer, fabric: &Read<Sessions>, neighbors: &[Neighbor]) -> Vec<Peer> {
    match peer {
        Peer::Address(_) | Peer::Interface(_) => vec![peer.clone()],
        Peer::Range(_) => {
            let Ok(sessions) = fabric else {
                return Vec::new();
            };
            let callers = sessions_of(peer, sessions, neighbors).into_iter();
            callers.map(|(caller, _)| caller.clone()).collect()
        }
    }
}

/// The answers whose size follows from the configuration, not from the routes.
struct Small {
    fabric: Read<Sessions>,
    zebra_vnis: Read<BTreeMap<crate::api::Vni, ZebraVni>>,
    bgp_vnis: Read<BTreeMap<crate::api::Vni, BgpVni>>,
    vrfs: BTreeMap<VrfName, Read<Sessions>>,
    next_hops: Read<HashMap<IpAddr, Reach>>,
    tracked: Read<HashMap<IpAddr, Option<IpNet>>>,
    segments: Read<BTreeMap<crate::api::Vni, ZebraSegment>>,
    bfd: Read<Vec<BfdSession>>,
}

impl Small {
    async fn ask(frr: &mut Frr, wanted: &Wanted) -> Self {
        let mut bgpd = Asker::new(frr, Daemon::Bgpd);
        let fabric = bgpd.sessions("show bgp neighbors json").await;
        let bgp_vnis = bgpd
            .read("show bgp l2vpn evpn vni json", evpn::bgp_vnis)
            .await;
        let vrf_sessions = host_sessions(&mut bgpd, wanted).await;
        let next_hops = underlay::next_hops(&mut bgpd).await;
        let mut zebra = Asker::new(frr, Daemon::Zebra);
        let mapped = zebra.read("show vrf vni json", evpn::vrf_vnis).await;
        let tracked = underlay::tracked(&mut zebra).await;
        let segments = match wanted.segments {
            Asked::No => Err(Unreadable::not_read()),
            Asked::Yes => {
                let command = "show evpn vni detail json";
                zebra.read(command, evpn::vni_details).await
            }
        };
        let bfd = match wanted.bfd {
            Asked::No => Err(Unreadable::not_read()),
            Asked::Yes => {
                let mut bfdd = Asker::new(frr, Daemon::Bfdd);
                bfdd.read("show bfd peers json", bfd::peers).await
            }
        };
        Self {
            fabric,
            zebra_vnis: mapped.map(vnis::of_zebra),
            // Without a BGP instance bgpd has no VNIs.
            bgp_vnis: bgp_vnis.map(|found| vnis::of_bgpd(found.unwrap_or_default())),
            vrfs: vrf_sessions,
            next_hops,
            tracked,
            segments: segments.map(segments::of_zebra),
            bfd: bfd.map(underlay::bfd),
        }
    }
}

impl Small {
    /// Asks for what concerns some VRFs; the rest is as it was `before`, and follows from the
    /// configuration alone.
    async fn ask_part(frr: &mut Frr, wanted: &Wanted, before: &Facts) -> Self {
        let mut bgpd = Asker::new(frr, Daemon::Bgpd);
        let vrfs = host_sessions(&mut bgpd, wanted).await;
        let next_hops = underlay::next_hops(&mut bgpd).await;
        let tracked = underlay::tracked(&mut Asker::new(frr, Daemon::Zebra)).await;
        Self {
            fabric: before.fabric_sessions.clone(),
            zebra_vnis: before.zebra_vnis.clone(),
            bgp_vnis: before.bgp_vnis.clone(),
            vrfs,
            next_hops,
            tracked,
            segments: Err(Unreadable::not_read()),
            bfd: Err(Unreadable::not_read()),
        }
    }
}

async fn host_sessions(bgpd: &mut Asker<'_>, wanted: &Wanted) -> BTreeMap<VrfName, Read<Sessions>> {
    let mut all = BTreeMap::new();
    for vrf in &wanted.hosts {
        let command = format!("show bgp vrf {vrf} neighbors json");
        all.insert(vrf.clone(), bgpd.sessions(&command).await);
    }
    all
}

/// One daemon, asked over the driver's connection until it cannot be spoken with.
struct Asker<'a> {
    frr: &'a mut Frr,
    daemon: Daemon,
    lost: Option<Unreadable>,
}

impl<'a> Asker<'a> {
    fn new(frr: &'a mut Frr, daemon: Daemon) -> Self {
        Self {
            frr,
            daemon,
            lost: None,
        }
    }

    async fn sessions(&mut self, command: &str) -> Read<Sessions> {
        self.read(command, bgp::neighbors).await.map(sessions::of)
    }

    async fn read<T>(
        &mut self,
        command: &str,
        parse: impl FnOnce(&[u8]) -> Result<T, AnswerError>,
    ) -> Read<T> {
        if let Some(lost) = &self.lost {
            return Err(lost.clone());
        }
        let answer = self.frr.show(self.daemon, command).await.map_err(|error| {
            let words = Unreadable::new(chain(&error));
            if error.is_absence() {
                self.lost = Some(words.clone());
            }
            words
        })?;
        parse(answer.as_bytes()).map_err(|error| unreadable(self.daemon, command, &error))
    }
}

/// What is wrong with an answer, with the daemon and the command as it was typed.
fn unreadable(daemon: Daemon, command: &str, error: &AnswerError) -> Unreadable {
    Unreadable::new(match error {
        AnswerError::Refused { command: _, words } => {
            format!("{daemon} answered `{command}` with: {words}")
        }
        AnswerError::Data {
            command: _,
            path,
            source,
        } => {
            format!("the answer of {daemon} to `{command}` cannot be read: at {path}: {source}")
        }
        AnswerError::Read { command: _, source } => {
            format!("the answer of {daemon} to `{command}` broke off: {source}")
        }
    })
}

fn assemble(small: Small, bgp: BgpTables, zebra: ZebraTables, kernel: KernelTables) -> Facts {
    let Small {
        fabric,
        zebra_vnis,
        bgp_vnis,
        vrfs: sessions,
        next_hops,
        tracked,
        segments,
        bfd,
    } = small;
    let BgpTables {
        evpn,
        sent,
        vrfs: bgp,
        macs,
        floods,
    } = bgp;
    let (advertised, of_segments) = sent::by_kind(sent);
    let ZebraTables { ribs, hosts } = zebra;
    let KernelTables {
        links,
        neighbours,
        fdb,
        learned,
        main,
        tables,
    } = kernel;
    let mut vrfs: BTreeMap<VrfName, VrfFacts> = BTreeMap::new();
    for (vrf, sessions) in sessions {
        vrfs.entry(vrf).or_default().sessions = sessions;
    }
    for (vrf, table) in bgp {
        vrfs.entry(vrf).or_default().bgp = table;
    }
    for (vrf, rib) in ribs {
        vrfs.entry(vrf).or_default().rib = rib;
    }
    for (vrf, table) in tables {
        vrfs.entry(vrf).or_default().table = table;
    }
    Facts {
        fabric_sessions: fabric,
        zebra_vnis,
        bgp_vnis,
        evpn,
        advertised,
        vrfs,
        underlay: UnderlayFacts {
            next_hops,
            tracked,
            table: main,
            bfd,
        },
        segments: SegmentFacts {
            zebra: segments,
            hosts: hosts.hosts,
            duplicate_addresses: hosts.duplicates,
            macs,
            floods,
            advertised: of_segments,
            learned,
        },
        kernel: links,
        neighbours,
        fdb,
    }
}
