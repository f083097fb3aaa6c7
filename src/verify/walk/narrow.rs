//! A VNI's facts, narrowed to one prefix: what the checks look at then is that route alone; and
//! the intent, narrowed to what is asked for.

use std::collections::{BTreeSet, HashMap};

use ipnet::IpNet;

use super::Target;
use crate::api::types::{InterfaceName, Vni};
use crate::intent::NodeIntent;
use crate::verify::facts::{Facts, KernelRoute, Read, RibChoice, RibEntry, RibProtocol, RouteId};
use crate::verify::facts::{Unreadable, VrfFacts};
use crate::verify::routes::VniRoutes;
use crate::verify::vni::One;

/// The part of an intent whose facts are looked at: of one VNI it, and with a layer 2 segment the
/// VNI that routes it.
#[must_use]
pub fn concerned(intent: &NodeIntent, target: Target) -> NodeIntent {
    let mut part = intent.clone();
    if let Target::Vni(only) = target {
        let mut segments = intent.segments.iter();
        let segment = segments.find(|segment| segment.spec.vni == only);
        let vrf = segment.and_then(|segment| segment.vrf.as_ref());
        part.vnis
            .retain(|vni| vni.spec.vni == only || Some(&vni.spec.vrf) == vrf);
    }
    part
}

/// All of a VNI's facts, found by prefix in a moment.
pub(super) struct Whole<'a> {
    pub(super) one: &'a One<'a>,
    kernel: HashMap<IpNet, Vec<&'a KernelRoute>>,
    links: HashMap<u32, &'a InterfaceName>,
}

impl<'a> Whole<'a> {
    pub(super) fn new(one: &'a One<'a>) -> Self {
        let table = one.vrf().and_then(|vrf| vrf.table.as_ref().ok());
        let mut kernel: HashMap<IpNet, Vec<&KernelRoute>> = HashMap::new();
        for route in table.into_iter().flatten() {
            kernel.entry(route.destination).or_default().push(route);
        }
        let seen = one.facts.kernel.as_ref().ok();
        let links = seen.into_iter().flat_map(|seen| &seen.router);
        Self {
            one,
            kernel,
            links: links.map(|(name, link)| (link.index, name)).collect(),
        }
    }

    /// The name of a link of the router.
    pub(super) fn link(&self, index: u32) -> String {
        match self.links.get(&index) {
            Some(name) => name.to_string(),
            None => format!("link {index}"),
        }
    }

    /// The prefixes of this VNI that are asked for. Of an address that another protocol's route
    /// reaches, `notes` tell.
    pub(super) fn prefixes(&self, target: Target, notes: &mut Vec<String>) -> BTreeSet<IpNet> {
        let all = self.all_prefixes();
        match target {
            Target::Vni(_) => all,
            Target::Prefix(prefix) => all.into_iter().filter(|known| *known == prefix).collect(),
            Target::Address(address) => {
                let longest = all
                    .into_iter()
                    .filter(|prefix| prefix.contains(&address))
                    .max_by_key(IpNet::prefix_len);
                let own = self.longer_of_others(address, longest);
                if let Some((prefix, protocol)) = own {
                    let vrf = &self.one.intent.spec.vrf;
                    notes.push(format!(
                        "VRF {vrf} reaches {address} by {prefix}, {protocol}: BGP is not asked"
                    ));
                    return BTreeSet::new();
                }
                longest.into_iter().collect()
            }
        }
    }

    /// The prefix by which the RIB reaches an address, when it is longer than BGP's.
    fn longer_of_others(
        &self,
        address: std::net::IpAddr,
        longest: Option<IpNet>,
    ) -> Option<(IpNet, &'a str)> {
        let rib = self.one.vrf()?.rib.as_ref().ok()?;
        let of_bgp = longest.map_or(0, |prefix| prefix.prefix_len());
        rib.iter()
            .filter(|(prefix, _)| prefix.contains(&address) && prefix.prefix_len() > of_bgp)
            .filter_map(|(prefix, entries)| Some((*prefix, installed_of_others(entries)?)))
            .max_by_key(|(prefix, _)| prefix.prefix_len())
    }

    /// Everything that BGP knows of in the VRF, or has for it.
    fn all_prefixes(&self) -> BTreeSet<IpNet> {
        let One { intent, routes, .. } = self.one;
        let table = self.one.vrf().and_then(|vrf| vrf.bgp.as_ref().ok());
        let received = routes.received.iter().map(|path| path.id.prefix);
        let hosts = intent.legs.iter().map(|leg| IpNet::from(leg.host.addr()));
        received
            .chain(routes.local.keys().copied())
            .chain(table.into_iter().flat_map(|table| table.keys().copied()))
            .chain(hosts)
            .collect()
    }

    /// The facts and routes of one prefix.
    pub(super) fn narrowed(&self, prefix: IpNet) -> (Facts, VniRoutes<'a>) {
        self.narrowed_to(Some(prefix))
    }

    /// The facts of the VNI itself.
    pub(super) fn without_routes(&self) -> (Facts, VniRoutes<'a>) {
        self.narrowed_to(None)
    }

    /// The VNI, with these facts and routes in the place of all.
    pub(super) fn at<'b>(&self, facts: &'b Facts, routes: &'b VniRoutes<'b>) -> One<'b>
    where
        'a: 'b,
    {
        let One {
            intent,
            underlay,
            facts: _,
            fabric,
            reach,
            forwarding,
            routes: _,
        } = *self.one;
        One {
            intent,
            underlay,
            facts,
            fabric,
            reach,
            forwarding,
            routes,
        }
    }

    fn narrowed_to(&self, prefix: Option<IpNet>) -> (Facts, VniRoutes<'a>) {
        let One { facts, routes, .. } = *self.one;
        let vni = self.one.intent.spec.vni;
        let rd = facts.bgp_vnis.as_ref().ok().and_then(|all| all.get(&vni));
        let id = rd.zip(prefix).map(|(bgp, prefix)| RouteId {
            rd: bgp.rd.clone(),
            prefix,
        });
        let advertised = facts.advertised.iter().map(|(peer, sent)| {
            let ours = |sent: &std::collections::HashSet<RouteId>| {
                id.iter().filter(|id| sent.contains(id)).cloned().collect()
            };
            (peer.clone(), copied(sent, ours))
        });
        let narrowed = Facts {
            zebra_vnis: copied(&facts.zebra_vnis, |all| only(all, vni)),
            bgp_vnis: copied(&facts.bgp_vnis, |all| only(all, vni)),
            evpn: copied(&facts.evpn, |_| Vec::new()),
            advertised: advertised.collect(),
            vrfs: self
                .one
                .vrf()
                .map(|vrf| (self.one.intent.spec.vrf.clone(), self.of_vrf(vrf, prefix)))
                .into_iter()
                .collect(),
            neighbours: copied(&facts.neighbours, |_| Vec::new()),
            fdb: copied(&facts.fdb, |_| Vec::new()),
            ..Facts::default()
        };
        (narrowed, routes_of(routes, prefix))
    }

    fn of_vrf(&self, vrf: &VrfFacts, prefix: Option<IpNet>) -> VrfFacts {
        VrfFacts {
            sessions: Err(Unreadable::not_read()),
            bgp: copied(&vrf.bgp, |table| entry(table, prefix)),
            rib: copied(&vrf.rib, |table| entry(table, prefix)),
            table: copied(&vrf.table, |_| {
                let routes = prefix.and_then(|prefix| self.kernel.get(&prefix));
                routes.into_iter().flatten().copied().cloned().collect()
            }),
        }
    }
}

/// The routes of one prefix among those of a VNI.
fn routes_of<'a>(routes: &VniRoutes<'a>, prefix: Option<IpNet>) -> VniRoutes<'a> {
    let Some(prefix) = prefix else {
        return VniRoutes::default();
    };
    let local = routes.local.get_key_value(&prefix);
    // They are sorted by prefix.
    let begin = routes
        .received
        .partition_point(|path| path.id.prefix < prefix);
    let received = routes.received.iter().skip(begin);
    VniRoutes {
        local: local
            .map(|(prefix, path)| (*prefix, *path))
            .into_iter()
            .collect(),
        received: received
            .take_while(|path| path.id.prefix == prefix)
            .copied()
            .collect(),
        filtered: routes.filtered.clone(),
    }
}

/// What another protocol than BGP has installed.
fn installed_of_others(entries: &[RibEntry]) -> Option<&str> {
    entries.iter().find_map(|entry| match &entry.protocol {
        RibProtocol::Other(protocol) if entry.choice == RibChoice::Installed => Some(&**protocol),
        RibProtocol::Other(_) | RibProtocol::Bgp => None,
    })
}

/// What was read, or the same reason why not.
fn copied<T, U>(read: &Read<T>, part: impl FnOnce(&T) -> U) -> Read<U> {
    read.as_ref().map(part).map_err(Clone::clone)
}

fn only<T: Clone>(
    all: &std::collections::BTreeMap<Vni, T>,
    vni: Vni,
) -> std::collections::BTreeMap<Vni, T> {
    all.get(&vni)
        .map(|one| (vni, one.clone()))
        .into_iter()
        .collect()
}

fn entry<T: Clone>(table: &HashMap<IpNet, T>, prefix: Option<IpNet>) -> HashMap<IpNet, T> {
    let found = prefix.and_then(|prefix| Some((prefix, table.get(&prefix)?.clone())));
    found.into_iter().collect()
}
