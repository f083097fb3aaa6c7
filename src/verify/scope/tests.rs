use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::api::RouteTarget;
use crate::api::types::InterfaceName;
use crate::plan::desired::{Names, links_of_vni};
use crate::plan::link::{LinkKind, Mac, SeenKind, TableId};
use crate::verify::facts::{
    EvpnPath, FdbEntry, ForwardTo, ImportTarget, KernelRoute, NeighbourEntry, RibChoice, RibEntry,
    RibProtocol, RouteAction, RouteHop, RouteId, SegmentFacts, Sessions, Standing, Telling,
    VrfFacts,
};
use crate::verify::tests::fixture;
use crate::verify::{self, History, Outcome};

/// How many VRFs there are.
const VRFS: usize = 3;

fn vrf(number: usize) -> VrfName {
    match number {
        0 => fixture::red(),
        number => format!("vrf{number}").parse().unwrap(),
    }
}

fn vni(number: usize) -> Vni {
    let number = u32::try_from(number).unwrap();
    Vni::try_from(100 + number).unwrap()
}

fn rd(number: usize) -> Rd {
    Rd::from(&*format!("10.0.0.{}:2", 2 + number))
}

fn peer() -> Origin {
    Origin::Peer(fixture::peer_address())
}

/// The fixture's red VNI, and others like it. The segment stands in none of their VRFs, so that
/// each can be looked at alone.
fn intent() -> NodeIntent {
    let mut intent = fixture::intent();
    let pattern = intent.vnis[0].clone();
    intent.segments.iter_mut().for_each(|own| own.vrf = None);
    for number in 1..VRFS {
        let mut own = pattern.clone();
        own.key.name = format!("vrf{number}");
        own.spec.vrf = vrf(number);
        own.spec.vni = vni(number);
        own.legs.clear();
        own.gateway_subnets.clear();
        intent.vnis.push(own);
    }
    intent
}

/// The fixture's facts, and as much of the other VRFs as that they wait for nothing.
fn base() -> Facts {
    let mut facts = fixture::facts();
    let red = vni(0);
    let kernel = facts.kernel.as_mut().unwrap();
    let names = Names::of;
    for number in 1..VRFS {
        let of = |name: &InterfaceName, old: &Vni| {
            name.as_str()
                .replace(&old.to_string(), &vni(number).to_string())
                .parse()
                .unwrap()
        };
        for link in [names(red).bridge, names(red).vxlan, fixture::red().into()] {
            let mut seen = kernel.router[&link].clone();
            seen.index += 100 * u32::try_from(number).unwrap();
            seen.master = seen.master.map(|master| {
                if master.as_str() == "red" {
                    vrf(number).into()
                } else {
                    of(&master, &red)
                }
            });
            match &mut seen.kind {
                SeenKind::Vxlan { vni: own, .. } => *own = u32::from(vni(number)),
                SeenKind::Vrf { table } => {
                    *table = table_of(&intent(), number);
                }
                SeenKind::Bridge | SeenKind::Veth { .. } | SeenKind::Other { .. } => {}
            }
            let name = if link.as_str() == "red" {
                vrf(number).into()
            } else {
                of(&link, &red)
            };
            kernel.router.insert(name, seen);
        }
        let mut zebra = facts.zebra_vnis.as_ref().unwrap()[&red].clone();
        zebra.vrf = Some(vrf(number).to_string());
        zebra.svi = Some(names(vni(number)).bridge.to_string());
        zebra.vxlan = Some(names(vni(number)).vxlan.to_string());
        facts
            .zebra_vnis
            .as_mut()
            .unwrap()
            .insert(vni(number), zebra);
        let mut bgp = facts.bgp_vnis.as_ref().unwrap()[&red].clone();
        bgp.rd = Rd::from(&*format!("10.0.0.1:{number}0"));
        bgp.import_targets = vec![ImportTarget::AnyAdministrator(u32::from(vni(number)))];
        bgp.export_targets = vec![target(number)];
        facts.bgp_vnis.as_mut().unwrap().insert(vni(number), bgp);
        facts.vrfs.insert(
            vrf(number),
            VrfFacts {
                sessions: Ok(Sessions::new()),
                bgp: Ok(HashMap::new()),
                rib: Ok(HashMap::new()),
                table: Ok(Vec::new()),
            },
        );
    }
    facts
}

fn table_of(intent: &NodeIntent, number: usize) -> TableId {
    let tunnels = verify::tunnels(intent.underlay.as_ref().unwrap());
    let links = links_of_vni(&intent.vnis[number], &tunnels).unwrap();
    links
        .iter()
        .find_map(|link| match link.kind {
            LinkKind::Vrf { table } => Some(table),
            LinkKind::Bridge | LinkKind::Vxlan { .. } | LinkKind::Veth { .. } => None,
        })
        .unwrap()
}

fn target(number: usize) -> RouteTarget {
    RouteTarget::TwoOctetAs {
        asn: 64514,
        number: u32::from(vni(number)),
    }
}

/// One route of the fabric, and how far it came.
#[derive(Clone, Debug)]
struct Route {
    rd: usize,
    prefix: u8,
    /// The VNIs whose targets it carries; the last number is that of a VNI of nobody here.
    targets: Vec<usize>,
    vtep: u8,
    standing: Standing,
    /// In whose table it is, and how far it got there.
    imported: Vec<(usize, u8)>,
    mac: u8,
}

fn routes() -> impl Strategy<Value = Vec<Route>> {
    let standing = prop_oneof![
        4 => Just(Standing::Best),
        1 => Just(Standing::Valid),
        1 => Just(Standing::Invalid),
    ];
    let target = proptest::collection::vec(0..=VRFS, 0..3);
    let imported = proptest::collection::vec((0..VRFS, 0_u8..5), 0..3);
    let route = (
        0_usize..4,
        0_u8..6,
        target,
        0_u8..3,
        standing,
        imported,
        0_u8..3,
    )
        .prop_map(
            |(rd, prefix, targets, vtep, standing, imported, mac)| Route {
                rd,
                prefix,
                targets,
                vtep,
                standing,
                imported,
                mac,
            },
        );
    proptest::collection::vec(route, 0..24)
}

fn add(facts: &mut Facts, intent: &NodeIntent, route: &Route) {
    let prefix: IpNet = format!("11.0.{}.0/24", route.prefix).parse().unwrap();
    // The fixture's own remote VTEP is reachable, others are not.
    let vtep: IpAddr = match route.vtep {
        0 => fixture::remote_vtep(),
        number => IpAddr::from([100, 65, 7, number]),
    };
    let mac = Mac([2, 0, 0, 0, 0, route.mac]);
    facts.evpn.as_mut().unwrap().push(EvpnPath {
        id: RouteId {
            rd: rd(route.rd),
            prefix,
        },
        origin: peer(),
        next_hop: vtep,
        targets: route.targets.iter().map(|of| target(*of)).collect(),
        router_mac: Some(mac),
        standing: route.standing,
    });
    for (number, hops) in &route.imported {
        let names = Names::of(intent.vnis[*number].spec.vni);
        let router = &facts.kernel.as_ref().unwrap().router;
        let (svi, vxlan) = (router[&names.bridge].index, router[&names.vxlan].index);
        let own = facts.vrfs.get_mut(&vrf(*number)).unwrap();
        own.bgp
            .as_mut()
            .unwrap()
            .entry(prefix)
            .or_default()
            .push(VrfPath {
                origin: peer(),
                next_hop: vtep,
                standing: Standing::Best,
                telling: Telling::Told,
            });
        if *hops > 0 {
            own.rib.as_mut().unwrap().insert(
                prefix,
                vec![RibEntry {
                    protocol: RibProtocol::Bgp,
                    choice: RibChoice::Installed,
                    next_hops: vec![vtep],
                }],
            );
        }
        if *hops > 1 {
            own.table.as_mut().unwrap().push(KernelRoute {
                destination: prefix,
                metric: 20,
                action: RouteAction::Forward(vec![RouteHop {
                    gateway: Some(vtep),
                    link: Some(svi),
                    onlink: true,
                }]),
            });
        }
        if *hops > 2 {
            let mac = Some(mac);
            facts.neighbours.as_mut().unwrap().push(NeighbourEntry {
                link: svi,
                ip: vtep,
                mac,
            });
        }
        if *hops > 3 {
            let entry = |to| FdbEntry {
                link: vxlan,
                mac,
                to,
            };
            let both = [ForwardTo::Vtep(vtep), ForwardTo::Device].map(entry);
            facts.fdb.as_mut().unwrap().extend(both);
        }
    }
}

/// What is read for some VRFs alone, after `before` was read of everything.
fn narrow(all: &Facts, before: &Facts, intent: &NodeIntent, vrfs: &BTreeSet<VrfName>) -> Facts {
    let known = distinguishers(intent, before);
    let vnis: Vec<Vni> = vnis_of(intent, vrfs).map(|vni| vni.spec.vni).collect();
    let made = all.bgp_vnis.as_ref().unwrap();
    let own: BTreeSet<&Rd> = vnis
        .iter()
        .filter_map(|vni| Some(&made.get(vni)?.rd))
        .collect();
    let others: BTreeSet<&Rd> = vnis
        .iter()
        .filter_map(|vni| known.get(vni))
        .flatten()
        .collect();
    let router = &all.kernel.as_ref().unwrap().router;
    let links: BTreeSet<u32> = vnis
        .iter()
        .map(|vni| Names::of(*vni))
        .flat_map(|names| [names.bridge, names.vxlan])
        .filter_map(|name| Some(router.get(&name)?.index))
        .collect();
    let mut facts = all.clone();
    facts.segments = SegmentFacts::default();
    facts.vrfs.retain(|vrf, _| vrfs.contains(vrf));
    let evpn = facts.evpn.as_mut().unwrap();
    evpn.retain(|path| own.contains(&path.id.rd) || others.contains(&path.id.rd));
    for sent in facts.advertised.values_mut().flatten() {
        sent.retain(|id| own.contains(&id.rd));
    }
    facts
        .neighbours
        .as_mut()
        .unwrap()
        .retain(|entry| links.contains(&entry.link));
    facts
        .fdb
        .as_mut()
        .unwrap()
        .retain(|entry| links.contains(&entry.link));
    facts
}

/// What was found of some VRFs' VNIs.
fn of_vrfs(findings: Vec<Finding>, intent: &NodeIntent, vrfs: &BTreeSet<VrfName>) -> Vec<Finding> {
    let keys: Vec<&ObjectKey> = vnis_of(intent, vrfs).map(|vni| &vni.key).collect();
    let is_of = |finding: &Finding| {
        let object = finding.object.as_ref();
        object.is_some_and(|object| keys.contains(&object))
    };
    findings.into_iter().filter(is_of).collect()
}

#[test]
fn the_vrfs_wait_for_nothing_that_the_test_left_out() {
    let (intent, facts) = (intent(), base());
    let findings = verify::verify(&intent, &facts);
    for vni in &intent.vnis[1..] {
        let waits: Vec<String> = findings
            .iter()
            .filter(|finding| finding.object.as_ref() == Some(&vni.key) && !finding.is_good())
            .map(ToString::to_string)
            .collect();
        assert_eq!(waits, Vec::<String>::new(), "{}", vni.key);
    }
}

proptest! {
    /// Whatever the fabric tells and wherever it gets stuck: of some VRFs' VNIs the same is found
    /// with what is read for them alone as with everything.
    #[test]
    fn a_part_says_what_the_whole_says(
        routes in routes(),
        chosen in proptest::collection::btree_set(0..VRFS, 1..=VRFS),
    ) {
        let intent = intent();
        let mut facts = base();
        routes.iter().for_each(|route| add(&mut facts, &intent, route));
        let vrfs: BTreeSet<VrfName> = chosen.into_iter().map(vrf).collect();
        let part = narrow(&facts, &facts, &intent, &vrfs);
        let whole = verify::verify(&intent, &facts);
        let found = verify(&intent, &part, &vrfs);
        prop_assert_eq!(&found, &of_vrfs(whole.clone(), &intent, &vrfs));
        // And put in the place of what was found before, all is as if all had been looked at.
        let mut all = verify::verify(&intent, &base());
        let others = verify::verify(&intent, &facts);
        put(&mut all, &of_vrfs(others, &intent, &(0..VRFS).map(vrf).collect()));
        let of_vnis = |findings: &[Finding]| -> Vec<Finding> {
            findings.iter().filter(|f| intent.vnis.iter().any(|vni| Some(&vni.key) == f.object.as_ref())).cloned().collect()
        };
        let by_text = |findings: Vec<Finding>| {
            let mut words: Vec<String> = findings.iter().map(|f| format!("{:?} {f}", f.object)).collect();
            words.sort();
            words
        };
        prop_assert_eq!(by_text(of_vnis(&all)), by_text(of_vnis(&whole)));
    }

    /// A route that came since by a distinguisher that nobody knew of, and that is in a VRF's
    /// table, does not stay unnoticed: then all is looked at.
    #[test]
    fn what_came_by_an_unknown_distinguisher_is_noticed(
        old in routes(),
        new in routes(),
        number in 0..VRFS,
    ) {
        let intent = intent();
        let mut facts = base();
        old.iter().for_each(|route| add(&mut facts, &intent, route));
        let before = facts.clone();
        new.iter().for_each(|route| add(&mut facts, &intent, route));
        let vrfs: BTreeSet<VrfName> = [vrf(number)].into();
        let part = narrow(&facts, &before, &intent, &vrfs);
        if !is_unexplained(&intent, &part, &vrfs) {
            let own = &facts.vrfs[&vrf(number)].bgp;
            let known = distinguishers(&intent, &before);
            let known = known.get(&vni(number)).cloned().unwrap_or_default();
            let missed = |route: &&Route| {
                let into = route.imported.iter().any(|(of, _)| *of == number);
                into && !known.contains(&rd(route.rd))
            };
            for route in new.iter().filter(missed) {
                // Another route that is known leads to the same place.
                let prefix: IpNet = format!("11.0.{}.0/24", route.prefix).parse().unwrap();
                let same = part.evpn.iter().flatten().any(|path| path.id.prefix == prefix);
                prop_assert!(same, "{route:?} is in {own:?}");
            }
        }
    }
}

fn finding(check: Check, object: &ObjectKey, count: u64) -> Finding {
    Finding {
        check,
        object: Some(object.clone()),
        subject: String::new(),
        outcome: Outcome::Good {
            count,
            seen: String::new(),
        },
        since: None,
    }
}

#[test]
fn what_is_put_takes_its_place_and_leaves_all_else() {
    let (red, lan) = (fixture::red_key(), fixture::lan_key());
    let mut all = vec![
        finding(Check::VniUp, &red, 1),
        finding(Check::RouteValid, &red, 1),
        finding(Check::RouteValid, &red, 2),
        finding(Check::VniUp, &lan, 1),
        finding(Check::FdbEntry, &red, 1),
    ];
    let newer = [
        finding(Check::VniUp, &red, 7),
        finding(Check::RouteValid, &red, 7),
        finding(Check::Gateway, &red, 7),
    ];
    put(&mut all, &newer);
    let expected = [
        newer[0].clone(),
        newer[1].clone(),
        finding(Check::VniUp, &lan, 1),
        newer[2].clone(),
    ];
    assert_eq!(all, expected);
}

/// What nobody has looked at again does not turn from unsettled to broken by the clock alone.
#[test]
fn what_was_not_looked_at_again_does_not_age() {
    let at = |second| k8s_openapi::jiff::Timestamp::from_second(second).unwrap();
    let bad = |object: &ObjectKey| Finding {
        outcome: Outcome::Bad {
            expected: "so".to_owned(),
            seen: "otherwise".to_owned(),
            hint: String::new(),
        },
        ..finding(Check::RouteInKernel, object, 1)
    };
    let (red, lan) = (fixture::red_key(), fixture::lan_key());
    let mut history = History::new();
    let judged = history.judge(vec![bad(&red), bad(&lan)], at(0));
    assert!(judged.iter().all(|finding| !finding.is_bad()));
    let judged = history.judge_part(vec![bad(&red)], &judged, at(100));
    assert_eq!(
        judged.iter().map(Finding::is_bad).collect::<Vec<_>>(),
        [true, false]
    );
    // Since when it has been so is known all the same, once somebody looks.
    let judged = history.judge_part(vec![bad(&lan)], &judged, at(101));
    assert!(judged.iter().all(Finding::is_bad));
    assert_eq!(judged[1].since, Some(at(0)));
}
