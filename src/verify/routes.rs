//! The EVPN table, sorted by who it concerns: one pass over all paths.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ipnet::IpNet;

use super::facts::{EvpnPath, Facts, ImportTarget, Origin, Rd};
use crate::api::{Asn, L3Vni, RouteTarget, Vni};
use crate::intent::{NodeIntent, UnderlayIntent};

/// The Type-5 routes that concern each VNI, in the order of the intent's VNIs.
#[derive(Debug)]
pub(super) struct Index<'a> {
    pub(super) vnis: Vec<VniRoutes<'a>>,
}

/// The Type-5 routes that concern one VNI.
#[derive(Debug, Default)]
pub(super) struct VniRoutes<'a> {
    /// Those that bgpd made of this VRF's routes, by prefix.
    pub(super) local: HashMap<IpNet, &'a EvpnPath>,
    /// Those received with a route target that this VRF imports, by prefix, then distinguisher.
    pub(super) received: Vec<&'a EvpnPath>,
    /// The route targets of received routes that say this VNI's number, and that nobody here
    /// imports, with how many paths carry them.
    pub(super) filtered: BTreeMap<RouteTarget, u64>,
}

impl<'a> Index<'a> {
    pub(super) fn new(intent: &NodeIntent, underlay: &UnderlayIntent, facts: &'a Facts) -> Self {
        let mut index = Self {
            vnis: intent.vnis.iter().map(|_| VniRoutes::default()).collect(),
        };
        let Ok(paths) = &facts.evpn else {
            return index;
        };
        let own = own_distinguishers(intent, facts);
        let importers = Importers::new(intent, underlay);
        for path in paths {
            let mine = own.get(&path.id.rd).copied();
            match (path.origin, mine) {
                (Origin::Local, Some(Owner::Vni(at))) => {
                    if let Some(routes) = index.vnis.get_mut(at) {
                        routes.local.insert(path.id.prefix, path);
                    }
                }
                // Our own route, told back to us by the fabric; or that of a VNI that goes.
                (Origin::Peer(_), Some(_)) | (Origin::Local, Some(Owner::Segment(_)) | None) => {}
                // That of a router with our VTEP, which has a check of its own.
                (Origin::Peer(_), None) if underlay.vteps.has(path.next_hop.to_canonical()) => {}
                (Origin::Peer(_), None) => index.receive(path, &importers),
            }
        }
        for routes in &mut index.vnis {
            routes.received.sort_unstable_by(|a, b| {
                let prefixes = a.id.prefix.cmp(&b.id.prefix);
                prefixes.then_with(|| a.id.rd.cmp(&b.id.rd))
            });
        }
        index
    }

    fn receive(&mut self, path: &'a EvpnPath, importers: &Importers) {
        let all = importers.of(path);
        for at in &all {
            if let Some(routes) = self.vnis.get_mut(*at) {
                routes.received.push(path);
            }
        }
        if !all.is_empty() {
            return;
        }
        for target in &path.targets {
            let named = importers.numbers.get(&number(target)).copied();
            if let Some(routes) = named.and_then(|at| self.vnis.get_mut(at)) {
                *routes.filtered.entry(*target).or_default() += 1;
            }
        }
    }
}

/// Whether `address` is the address `own`, be it one of IPv4 that is written as one of IPv6.
pub(super) fn is_address(address: IpAddr, own: Option<IpAddr>) -> bool {
    own.is_some_and(|own| address.to_canonical() == own)
}

/// Whose routes have a route distinguisher, by the place in the intent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Vni(usize),
    Segment(usize),
}

/// The route distinguishers of our VNIs.
pub(super) fn own_distinguishers<'a>(
    intent: &NodeIntent,
    facts: &'a Facts,
) -> HashMap<&'a Rd, Owner> {
    let Ok(known) = &facts.bgp_vnis else {
        return HashMap::new();
    };
    let rd = |vni: &Vni| known.get(vni).map(|known| &known.rd);
    let vnis = intent.vnis.iter().enumerate();
    let vnis = vnis.filter_map(|(at, own)| Some((rd(&own.spec.vni)?, Owner::Vni(at))));
    let segments = intent.segments.iter().enumerate();
    let segments = segments.filter_map(|(at, own)| Some((rd(&own.spec.vni)?, Owner::Segment(at))));
    segments.chain(vnis).collect()
}

/// Which VNIs import a route target.
pub(super) struct Importers {
    exact: HashMap<RouteTarget, Vec<usize>>,
    any: HashMap<u32, Vec<usize>>,
    /// Whose VNI a number is.
    numbers: HashMap<u32, usize>,
}

impl Importers {
    pub(super) fn new(intent: &NodeIntent, underlay: &UnderlayIntent) -> Self {
        let mut importers = Self {
            exact: HashMap::new(),
            any: HashMap::new(),
            numbers: HashMap::new(),
        };
        for (at, vni) in intent.vnis.iter().enumerate() {
            importers.numbers.insert(vni.spec.vni.get(), at);
            for target in import_targets(&vni.spec, underlay) {
                match target {
                    ImportTarget::Exact(target) => {
                        importers.exact.entry(target).or_default().push(at);
                    }
                    ImportTarget::AnyAdministrator(number) => {
                        importers.any.entry(number).or_default().push(at);
                    }
                }
            }
        }
        importers
    }

    /// The VNIs that a path concerns: those that import it, and those whose number it says.
    pub(super) fn concerned(&self, path: &EvpnPath) -> Vec<usize> {
        let mut all = self.of(path);
        let named = |target| self.numbers.get(&number(target)).copied();
        all.extend(path.targets.iter().filter_map(named));
        all
    }

    /// The VNIs that import a path, each once.
    fn of(&self, path: &EvpnPath) -> Vec<usize> {
        let mut all: Vec<usize> = path
            .targets
            .iter()
            .flat_map(|target| {
                let exact = self.exact.get(target);
                let any = self.any.get(&number(target));
                exact.into_iter().chain(any).flatten().copied()
            })
            .collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// The number that an administrator assigned: for a derived target, the VNI.
pub(super) fn number(target: &RouteTarget) -> u32 {
    match *target {
        RouteTarget::TwoOctetAs { number, .. } => number,
        RouteTarget::FourOctetAs { number, .. } | RouteTarget::Ipv4 { number, .. } => {
            u32::from(number)
        }
    }
}

/// The route target that FRR derives for a VNI: the AS number's low 16 bits, and the VNI.
pub(super) fn derived(asn: Asn, vni: Vni) -> RouteTarget {
    let [_, _, high, low] = asn.get().to_be_bytes();
    RouteTarget::TwoOctetAs {
        asn: u16::from_be_bytes([high, low]),
        number: vni.get(),
    }
}

/// The one that it derives for a VRF.
pub(super) fn automatic(spec: &L3Vni, underlay: &UnderlayIntent) -> RouteTarget {
    let session = spec.host_session.as_ref();
    let asn = session.map_or(underlay.spec.asn, |session| session.asn);
    derived(asn, spec.vni)
}

/// By what a VNI imports. A target that FRR derives is matched by its number alone, so that
/// VNIs meet across autonomous systems; one that is configured is matched exactly. A list that
/// says just what FRR derives is not configured.
pub(super) fn import_targets(spec: &L3Vni, underlay: &UnderlayIntent) -> Vec<ImportTarget> {
    let automatic = automatic(spec, underlay);
    if spec.import_rts.iter().all(|target| *target == automatic) {
        return vec![ImportTarget::AnyAdministrator(spec.vni.get())];
    }
    let exact = spec.import_rts.iter().copied();
    exact.map(ImportTarget::Exact).collect()
}

/// What a VNI's routes carry.
pub(super) fn export_targets(spec: &L3Vni, underlay: &UnderlayIntent) -> Vec<RouteTarget> {
    if spec.export_rts.is_empty() {
        return vec![automatic(spec, underlay)];
    }
    spec.export_rts.clone()
}

/// Whether bgpd's list of import targets means what is wanted: FRR prints a target that it
/// derives with its own AS number, or with `*`.
pub(super) fn same_imports(
    wanted: &[ImportTarget],
    seen: &[ImportTarget],
    derived: RouteTarget,
) -> bool {
    let derived = ImportTarget::Exact(derived);
    let accepts = |wanted: &ImportTarget, seen: &ImportTarget| match wanted {
        ImportTarget::Exact(_) => wanted == seen,
        ImportTarget::AnyAdministrator(_) => wanted == seen || *seen == derived,
    };
    wanted
        .iter()
        .all(|wanted| seen.iter().any(|seen| accepts(wanted, seen)))
        && seen
            .iter()
            .all(|seen| wanted.iter().any(|wanted| accepts(wanted, seen)))
}
