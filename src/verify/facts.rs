//! What was read back in one pass: compact, owned, and every source with its own failure.
//!
//! What always holds: a source that could not be read is an [`Unreadable`], never an empty
//! table. An empty table says that FRR or the kernel answered, and has nothing.

mod segment;
mod underlay;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

pub use segment::{
    Came, FloodPath, Host, HostPlace, LearnedMac, MacPath, Moves, SegmentFacts, SegmentRoute,
    ZebraSegment,
};
pub use underlay::{BfdSession, BfdState, Reach, UnderlayFacts};

use super::SessionsOf;
use crate::api::types::{Vni, VrfName};
use crate::api::{Asn, Family, Neighbor, Peer, RouteTarget};
use crate::plan::link::{Mac, SeenKernel};

/// What a source said, or why it could not be read.
pub type Read<T> = Result<T, Unreadable>;

/// A source that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unreadable {
    /// FRR's, the kernel's or the reader's own words.
    pub words: String,
}

impl Unreadable {
    /// Takes the words of an error.
    #[must_use]
    pub fn new(words: impl fmt::Display) -> Self {
        Self {
            words: words.to_string(),
        }
    }

    /// What a source is before its first reading.
    #[must_use]
    pub fn not_read() -> Self {
        Self::new("not read in this pass")
    }
}

/// Everything that one verification pass read back.
#[derive(Clone, Debug)]
pub struct Facts {
    /// BGP sessions of the default instance (`show bgp neighbors json`).
    pub fabric_sessions: Read<Sessions>,
    /// What zebra knows of the VNIs (`show vrf vni json`).
    pub zebra_vnis: Read<BTreeMap<Vni, ZebraVni>>,
    /// What bgpd knows of the VNIs (`show bgp l2vpn evpn vni json`).
    pub bgp_vnis: Read<BTreeMap<Vni, BgpVni>>,
    /// The EVPN table's Type-5 routes, one entry a path, in any order
    /// (`show bgp l2vpn evpn route type 5 json`).
    pub evpn: Read<Vec<EvpnPath>>,
    /// This router's own Type-5 routes that were sent to each neighbour
    /// (`show bgp l2vpn evpn rd RD neighbors X advertised-routes json`). A neighbour that is not
    /// listed was not asked.
    pub advertised: BTreeMap<Peer, Read<HashSet<RouteId>>>,
    /// Each VRF's own tables. A VRF that is not listed was not asked.
    pub vrfs: BTreeMap<VrfName, VrfFacts>,
    /// How the fabric's tunnel endpoints are reached.
    pub underlay: UnderlayFacts,
    /// What is known of the hosts of layer 2 segments.
    pub segments: SegmentFacts,
    /// Links and addresses of both namespaces.
    pub kernel: Read<SeenKernel>,
    /// Neighbour entries of the router's namespace.
    pub neighbours: Read<Vec<NeighbourEntry>>,
    /// Forwarding entries of the VXLAN devices and of their bridges (`bridge fdb`).
    pub fdb: Read<Vec<FdbEntry>>,
}

impl Facts {
    /// Without the tables whose size is that of the routes, which are read anew each time.
    #[must_use]
    pub fn without_routes(mut self) -> Self {
        let forgotten = || Unreadable::new("not kept after it was verified");
        self.evpn = Err(forgotten());
        self.advertised.clear();
        self.neighbours = Err(forgotten());
        self.fdb = Err(forgotten());
        self.segments = SegmentFacts::default();
        self.underlay.table = Err(forgotten());
        for vrf in self.vrfs.values_mut() {
            vrf.bgp = Err(forgotten());
            vrf.rib = Err(forgotten());
            vrf.table = Err(forgotten());
        }
        self
    }

    /// What was read of some VRFs alone takes the place of what was read of them before, again
    /// without the tables whose size is that of the routes.
    pub fn replace_vrfs(&mut self, newer: Self) {
        let newer = newer.without_routes();
        self.vrfs.extend(newer.vrfs);
        self.underlay.next_hops = newer.underlay.next_hops;
        self.underlay.tracked = newer.underlay.tracked;
    }

    /// Sessions that were read by themselves take the place of those read before.
    pub fn replace_sessions(&mut self, instance: &SessionsOf, read: Read<Sessions>) {
        match instance {
            SessionsOf::Fabric => self.fabric_sessions = read,
            SessionsOf::Vrf(vrf) => {
                self.vrfs.entry(vrf.clone()).or_default().sessions = read;
            }
        }
    }
}

impl Default for Facts {
    /// Nothing was read, and so it says.
    fn default() -> Self {
        Self {
            fabric_sessions: Err(Unreadable::not_read()),
            zebra_vnis: Err(Unreadable::not_read()),
            bgp_vnis: Err(Unreadable::not_read()),
            evpn: Err(Unreadable::not_read()),
            advertised: BTreeMap::new(),
            vrfs: BTreeMap::new(),
            underlay: UnderlayFacts::default(),
            segments: SegmentFacts::default(),
            kernel: Err(Unreadable::not_read()),
            neighbours: Err(Unreadable::not_read()),
            fdb: Err(Unreadable::not_read()),
        }
    }
}

/// The tables of one VRF.
#[derive(Clone, Debug)]
pub struct VrfFacts {
    /// BGP sessions of the VRF's instance (`show bgp vrf X neighbors json`).
    pub sessions: Read<Sessions>,
    /// BGP's tables of the VRF (`show bgp vrf X ipv4 unicast json`, and the same of IPv6): paths
    /// by prefix.
    pub bgp: Read<HashMap<IpNet, Vec<VrfPath>>>,
    /// zebra's RIB of the VRF (`show ip route vrf X json`, and the same of IPv6): entries by
    /// prefix.
    pub rib: Read<HashMap<IpNet, Vec<RibEntry>>>,
    /// The kernel's routes of the VRF's table.
    pub table: Read<Vec<KernelRoute>>,
}

impl Default for VrfFacts {
    fn default() -> Self {
        Self {
            sessions: Err(Unreadable::not_read()),
            bgp: Err(Unreadable::not_read()),
            rib: Err(Unreadable::not_read()),
            table: Err(Unreadable::not_read()),
        }
    }
}

/// The sessions of one BGP instance, by the neighbour; one who called from a range by its address.
pub type Sessions = BTreeMap<Peer, Session>;

/// The sessions that stand for one neighbour of an intent: its own, or those of all who call
/// from its range and are not neighbours by their own right.
#[must_use]
pub fn sessions_of<'a>(
    peer: &'a Peer,
    sessions: &'a Sessions,
    neighbors: &[Neighbor],
) -> Vec<(&'a Peer, &'a Session)> {
    let called_from = |range: &ipnet::IpNet, at: &Peer| match at {
        Peer::Address(address) => {
            range.contains(address) && neighbors.iter().all(|other| other.peer != *at)
        }
        Peer::Interface(_) | Peer::Range(_) => false,
    };
    match peer {
        Peer::Address(_) | Peer::Interface(_) => sessions.get_key_value(peer).into_iter().collect(),
        Peer::Range(range) => {
            let members = sessions.iter().filter(|(at, _)| called_from(range, at));
            members.collect()
        }
    }
}

/// One BGP session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its state.
    pub state: SessionState,
    /// The neighbour's AS, when it is known.
    pub remote_as: Option<Asn>,
    /// The address families that the session carries by configuration.
    pub families: BTreeMap<Family, FamilyState>,
    /// Why it went down last, or does not come up; `None` when it never went down.
    pub last_reset: Option<LastReset>,
    /// How often it came up.
    pub established_count: u64,
    /// How often it went down.
    pub dropped_count: u64,
}

impl Session {
    /// Whether it is up.
    #[must_use]
    pub const fn is_established(&self) -> bool {
        matches!(self.state, SessionState::Established { .. })
    }
}

/// The state of a session (RFC 4271 §8.2.2), as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Up.
    Established {
        /// For how long.
        uptime: Duration,
    },
    /// Not up.
    Down {
        /// FRR's word: `Idle`, `Connect`, `Active`, `OpenSent`, `Idle (Admin)` …
        state: String,
    },
}

/// Why a session last went, or stayed, down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastReset {
    /// FRR's words, with those of the NOTIFICATION message where there was one.
    pub reason: String,
    /// How long ago.
    pub ago: Duration,
}

/// One address family of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyState {
    /// Whether both sides announced the family when the session opened (RFC 4760).
    pub negotiation: Negotiation,
    /// Whether the neighbour has told all that it knew when the session came up.
    pub end_of_rib: EndOfRib,
    /// Prefixes accepted from the neighbour.
    pub received: u64,
    /// Prefixes sent to the neighbour.
    pub sent: u64,
}

/// Whether a neighbour's End-of-RIB marker has come (RFC 4724 §2). One that knows no graceful
/// restart need not send any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndOfRib {
    /// It has.
    Received,
    /// It has not.
    Awaited,
}

/// Who announced an address family when a session opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Negotiation {
    /// Both: routes of the family can flow.
    Agreed,
    /// Not both.
    Missing,
}

/// A VNI as zebra knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZebraVni {
    /// Whether it is a layer 3 VNI.
    pub kind: VniKind,
    /// The VRF that it is mapped to.
    pub vrf: Option<String>,
    /// Its VXLAN device; `None` when zebra has none for it (FRR prints `None`).
    pub vxlan: Option<String>,
    /// Its SVI, the bridge; `None` when zebra has none for it.
    pub svi: Option<String>,
    /// Up or down; only layer 3 VNIs have a state.
    pub state: VniState,
    /// Its router MAC, when it has one.
    pub router_mac: Option<Mac>,
}

/// Which layer a VNI serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VniKind {
    /// A bridge domain.
    L2,
    /// A VRF.
    L3,
}

impl fmt::Display for VniKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L2 => "L2",
            Self::L3 => "L3",
        })
    }
}

/// The state of a layer 3 VNI in zebra.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VniState {
    /// Up.
    Up,
    /// Anything else, in FRR's words.
    Down(String),
}

/// A VNI as bgpd knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpVni {
    /// Whether it is a layer 3 VNI.
    pub kind: VniKind,
    /// The VTEP that its routes name.
    pub vtep: IpAddr,
    /// The route distinguisher of its routes.
    pub rd: Rd,
    /// The route targets by which it imports.
    pub import_targets: Vec<ImportTarget>,
    /// The route targets that its routes carry.
    pub export_targets: Vec<RouteTarget>,
    /// Its router MAC, when bgpd knows one.
    pub router_mac: Option<Mac>,
}

/// By what a VRF takes routes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImportTarget {
    /// Exactly this route target.
    Exact(RouteTarget),
    /// Every route target with this number, whatever its administrator: how FRR treats the
    /// import targets that it derives by itself.
    AnyAdministrator(u32),
}

impl fmt::Display for ImportTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(target) => target.fmt(f),
            Self::AnyAdministrator(number) => write!(f, "*:{number}"),
        }
    }
}

/// A route distinguisher as FRR prints it; it is only compared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rd(pub Box<str>);

impl fmt::Display for Rd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for Rd {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

/// What names a Type-5 route: its distinguisher and its prefix (RFC 9136 §3.1). The Ethernet
/// tag is always 0 here.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteId {
    /// The route distinguisher.
    pub rd: Rd,
    /// The prefix, without host bits.
    pub prefix: IpNet,
}

impl fmt::Display for RouteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (RD {})", self.prefix, self.rd)
    }
}

/// One path of a Type-5 route in the EVPN table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvpnPath {
    /// The route.
    pub id: RouteId,
    /// Who told it.
    pub origin: Origin,
    /// The next hop: a VTEP.
    pub next_hop: IpAddr,
    /// Its route targets.
    pub targets: Vec<RouteTarget>,
    /// Its router MAC, when it carries one.
    pub router_mac: Option<Mac>,
    /// How it fares in the choice of the best path.
    pub standing: Standing,
}

/// Who told a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// bgpd itself (FRR's peer `(unspec)`).
    Local,
    /// A BGP neighbour.
    Peer(IpAddr),
}

/// How a path fares in the choice of the best path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// It cannot be used: its next hop cannot be reached, for one.
    Invalid,
    /// It can be used, but another is preferred.
    Valid,
    /// It is used beside the best one.
    Multipath,
    /// It is the best.
    Best,
}

impl Standing {
    /// Whether packets may go by it.
    #[must_use]
    pub const fn is_used(self) -> bool {
        matches!(self, Self::Best | Self::Multipath)
    }
}

/// One path of a prefix in a VRF's BGP table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VrfPath {
    /// Who told it; for a path imported from EVPN, the fabric neighbour.
    pub origin: Origin,
    /// Its next hop: the first address that FRR marks as used; unspecified (`0.0.0.0`) for a
    /// `network` statement.
    pub next_hop: IpAddr,
    /// How it fares in the choice of the best path.
    pub standing: Standing,
    /// Whether others may hear of it.
    pub telling: Telling,
}

/// Whether a path is told to others when it is the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// It is.
    Told,
    /// An aggregate is told in its place (`aggregate-address PREFIX summary-only`).
    Suppressed,
}

/// One entry of a prefix in zebra's RIB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RibEntry {
    /// Whose it is, in FRR's word: `bgp`, `connected`, `local`, `kernel`, `static`.
    pub protocol: RibProtocol,
    /// Whether zebra chose it among the protocols'.
    pub choice: RibChoice,
    /// The addresses of its next hops that are active.
    pub next_hops: Vec<IpAddr>,
}

/// Whose an entry of the RIB is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RibProtocol {
    /// bgpd's.
    Bgp,
    /// Another's, in FRR's word.
    Other(Box<str>),
}

/// How far zebra has come with an entry of the RIB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RibChoice {
    /// Another is preferred.
    NotSelected,
    /// Chosen, but not (yet) in the kernel.
    Selected,
    /// Chosen, and in the kernel as far as zebra knows.
    Installed,
}

/// A way out of a route of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouteHop {
    /// The next hop; absent when the destination is on the link itself.
    pub gateway: Option<IpAddr>,
    /// The outgoing link's index, when there is one.
    pub link: Option<u32>,
    /// The next hop is on the link even if no address covers it.
    pub onlink: bool,
}

/// A route of a VRF's table in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelRoute {
    /// Its destination.
    pub destination: IpNet,
    /// Its metric: the lowest of a destination wins.
    pub metric: u32,
    /// What it does.
    pub action: RouteAction,
}

/// What a route of the kernel does with a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteAction {
    /// Sends it on by one of these.
    Forward(Vec<RouteHop>),
    /// Drops it: `blackhole`, `unreachable`, `prohibit`, `throw`, in the kernel's word.
    Drop(&'static str),
    /// Keeps it for this host, or copies it: local, broadcast, anycast, multicast.
    Local,
}

/// A neighbour entry of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourEntry {
    /// The link's index.
    pub link: u32,
    /// The neighbour's address.
    pub ip: IpAddr,
    /// Its Ethernet address, when it is resolved and can be used.
    pub mac: Option<Mac>,
}

/// An entry by which Ethernet frames are forwarded to a VXLAN device, or by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FdbEntry {
    /// The VXLAN device's index.
    pub link: u32,
    /// The Ethernet address.
    pub mac: Mac,
    /// Where it leads to, and so whose table it is in.
    pub to: ForwardTo,
}

/// Where a forwarding entry leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ForwardTo {
    /// To the VTEP that the address is behind: the VXLAN device's own table (`self`).
    Vtep(IpAddr),
    /// To the VXLAN device: the table of its bridge (`master`), which has only what zebra told it.
    Device,
}
