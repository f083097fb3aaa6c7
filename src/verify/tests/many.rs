//! Many routes: counts, limits, and that the work stays in proportion.

use std::time::{Duration, Instant};

use ipnet::{IpNet, Ipv4Net};
use k8s_openapi::jiff::Timestamp;
use proptest::prelude::*;

use super::fixture::{SVI, bad, facts, good, intent, peer_address, red, remote_vtep};
use crate::verify::facts::{
    EvpnPath, Facts, KernelRoute, Origin, RibChoice, RibEntry, RibProtocol, RouteAction, RouteHop,
    RouteId, Standing, Telling, VrfPath,
};
use crate::verify::{Check, Finding, History, Outcome, verify};

/// `count` more remote routes, good at every hop.
fn add_remote(facts: &mut Facts, count: u32) -> Vec<IpNet> {
    let paths = facts.evpn.as_mut().unwrap();
    let pattern = paths
        .iter()
        .find(|path| path.origin == Origin::Peer(peer_address()));
    let pattern = pattern.unwrap().clone();
    let vrf = facts.vrfs.get_mut(&red()).unwrap();
    let mut prefixes = Vec::new();
    for number in 0..count {
        let address = std::net::Ipv4Addr::from(0x0b00_0000 + number * 256);
        let prefix = IpNet::V4(Ipv4Net::new(address, 24).unwrap());
        prefixes.push(prefix);
        paths.push(EvpnPath {
            id: RouteId {
                rd: pattern.id.rd.clone(),
                prefix,
            },
            ..pattern.clone()
        });
        vrf.bgp.as_mut().unwrap().insert(
            prefix,
            vec![VrfPath {
                origin: Origin::Peer(peer_address()),
                next_hop: remote_vtep(),
                standing: Standing::Best,
                telling: Telling::Told,
            }],
        );
        vrf.rib.as_mut().unwrap().insert(
            prefix,
            vec![RibEntry {
                protocol: RibProtocol::Bgp,
                choice: RibChoice::Installed,
                next_hops: vec![remote_vtep()],
            }],
        );
        vrf.table.as_mut().unwrap().push(KernelRoute {
            destination: prefix,
            metric: 20,
            action: RouteAction::Forward(vec![RouteHop {
                gateway: Some(remote_vtep()),
                link: Some(SVI),
                onlink: true,
            }]),
        });
    }
    prefixes
}

#[test]
fn bad_ones_are_listed_up_to_a_limit() {
    let mut facts = facts();
    let prefixes = add_remote(&mut facts, 50);
    let vrf = facts.vrfs.get_mut(&red()).unwrap();
    let table = vrf.table.as_mut().unwrap();
    table.retain(|to| !prefixes.contains(&to.destination));
    let findings = verify(&intent(), &facts);
    let listed = |finding: &&Finding| matches!(finding.outcome, Outcome::Bad { .. });
    assert_eq!(findings.iter().filter(listed).count(), 20);
    let more = findings.iter().find_map(|finding| match finding.outcome {
        Outcome::MoreBad { count } => Some((finding.check, count)),
        Outcome::Good { .. }
        | Outcome::Bad { .. }
        | Outcome::Unsettled { .. }
        | Outcome::Pending { .. } => None,
    });
    assert_eq!(more, Some((Check::RouteInKernel, 30)));
    assert_eq!(good(&findings, Check::RouteInKernel), 4);
    assert_eq!(good(&findings, Check::RouteInRib), 54);
    // Those that are not listed have to last as well.
    let mut history = History::new();
    let at = |second| Timestamp::from_second(second).expect("a time");
    assert_eq!(bad(&history.judge(findings.clone(), at(0))), []);
    assert_eq!(bad(&history.judge(findings.clone(), at(60))).len(), 21);
}

/// Ten times the routes may not cost a hundred times the time. The bound has much room, so
/// that it holds on a busy machine, and still fails when a hop is looked for in a list.
#[test]
fn the_work_grows_in_proportion() {
    let took = |count| {
        let mut facts = facts();
        add_remote(&mut facts, count);
        let intent = intent();
        let mut best = Duration::MAX;
        for _ in 0..3 {
            let started = Instant::now();
            let findings = verify(&intent, &facts);
            best = best.min(started.elapsed());
            assert_eq!(bad(&findings), []);
        }
        best
    };
    let (few, many) = (took(5_000), took(50_000));
    assert!(many < few * 40, "5,000 took {few:?}, 50,000 took {many:?}");
}

/// Where a route is broken.
#[derive(Clone, Copy, Debug)]
enum Hop {
    Valid,
    Imported,
    Rib,
    Kernel,
}

fn break_at(facts: &mut Facts, prefix: IpNet, hop: Hop) {
    let vrf = facts.vrfs.get_mut(&red()).unwrap();
    match hop {
        Hop::Valid => {
            for path in facts.evpn.as_mut().unwrap() {
                if path.id.prefix == prefix {
                    path.standing = Standing::Invalid;
                }
            }
        }
        Hop::Imported => drop(vrf.bgp.as_mut().unwrap().remove(&prefix)),
        Hop::Rib => drop(vrf.rib.as_mut().unwrap().remove(&prefix)),
        Hop::Kernel => {
            let table = vrf.table.as_mut().unwrap();
            table.retain(|to| to.destination != prefix);
        }
    }
}

proptest! {
    /// Whatever is broken of a route, and at however many hops, it is found once, at the first.
    #[test]
    fn each_broken_route_has_one_root_cause(
        breaks in proptest::collection::vec(
            proptest::collection::btree_set(0_u8..4, 0..4),
            1..12,
        )
    ) {
        const HOPS: [(Hop, Check); 4] = [
            (Hop::Valid, Check::RouteValid),
            (Hop::Imported, Check::RouteImported),
            (Hop::Rib, Check::RouteInRib),
            (Hop::Kernel, Check::RouteInKernel),
        ];
        let mut facts = facts();
        let count = u32::try_from(breaks.len()).unwrap();
        let prefixes = add_remote(&mut facts, count);
        let mut expected = Vec::new();
        for (prefix, hops) in prefixes.iter().zip(&breaks) {
            for hop in hops {
                break_at(&mut facts, *prefix, HOPS[usize::from(*hop)].0);
            }
            if let Some(first) = hops.first() {
                expected.push((HOPS[usize::from(*first)].1, *prefix));
            }
        }
        let findings = verify(&intent(), &facts);
        let mut found: Vec<(Check, IpNet)> = bad(&findings)
            .into_iter()
            .map(|(check, subject)| {
                let prefix = subject.split(' ').next().unwrap();
                (check, prefix.parse().unwrap())
            })
            .collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(found, expected);
    }

    /// The order in which tables were read does not matter.
    #[test]
    fn order_does_not_matter(seed in any::<u64>()) {
        let mut shuffled = facts();
        let mut state = seed | 1;
        let mut next = move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state
        };
        shuffled.evpn.as_mut().unwrap().sort_by_cached_key(|_| next());
        let vrf = shuffled.vrfs.get_mut(&red()).unwrap();
        vrf.table.as_mut().unwrap().sort_by_cached_key(|_| next());
        prop_assert_eq!(verify(&intent(), &shuffled), verify(&intent(), &facts()));
    }
}
