//! The fixture's segment, whole and with one thing broken.

use crate::plan::link::Mac;
use crate::verify::facts::{Facts, SegmentRoute, Unreadable};
use crate::verify::tests::fixture::{self, LAN_VXLAN, REMOTE_HOST, name};
use crate::verify::walk::{Stage, State, Verdict, VniWalk, Walk, concerned, walk};

type Break = fn(&mut Facts);

fn walked(broken: Break) -> Walk {
    let mut facts = fixture::facts();
    broken(&mut facts);
    walk(&fixture::intent(), &facts, "110".parse().unwrap())
}

fn only(walk: &Walk) -> &VniWalk {
    let [segment] = walk.vnis.as_slice() else {
        panic!("{walk:#?}")
    };
    segment
}

#[test]
fn a_whole_segment_names_every_hop() {
    let walk = walked(|_| {});
    assert_eq!(walk.verdict(), Verdict::Whole, "{walk:#?}");
    let segment = only(&walk);
    let hops = segment.hops.iter();
    let told: Vec<String> = hops
        .map(|hop| format!("{}: {}", hop.stage, hop.seen))
        .collect();
    assert_eq!(
        told,
        [
            "links: br-pe-110 and vni110 up",
            "zebra VNI: L2, VRF red, SVI br-pe-110, VXLAN vni110",
            "bgpd VNI: RD 10.0.0.1:3, import 64514:110, export 64514:110",
            "gateway: 1 address: 192.170.1.1/24",
            "kernel route: the gateway's network, in the VRF's table",
            "own hosts: 1 host: 56:23:e0:4a:dc:07",
            "sent: to 1 neighbour: 10.0.1.1",
            "EVPN path: 1 Type-2 and 1 Type-3 routes are best",
            "flood list: 1 VTEP: 100.65.0.2",
            "remote hosts: 1 host: 1e:48:f6:9f:6e:be dst 100.65.0.2",
            "duplicates: none",
        ]
    );
    assert!(!segment.has_routes() && segment.routes.is_empty());
    assert_eq!(segment.names(), "VNI 110, VRF red");
}

/// What is broken, where it is told, and in what words it is seen.
const BREAKS: [(Break, Stage, &str); 6] = [
    (
        |facts| {
            let router = &mut facts.kernel.as_mut().unwrap().router;
            router.get_mut(&name("vni110")).unwrap().up = false;
        },
        Stage::Links,
        "vni110 (router): down",
    ),
    (
        |facts| {
            let router = &mut facts.kernel.as_mut().unwrap().router;
            router.get_mut(&name("br-pe-110")).unwrap().mac = Some(Mac([2; 6]));
        },
        Stage::Gateway,
        "br-pe-110: MAC 02:02:02:02:02:02",
    ),
    (
        |facts| facts.segments.macs.as_mut().unwrap().clear(),
        Stage::OwnHosts,
        "56:23:e0:4a:dc:07: known to zebra, but no Type-2 route",
    ),
    (
        |facts| {
            let sent = facts.segments.advertised.get_mut(&fixture::peer());
            let sent = sent.unwrap().as_mut().unwrap();
            sent.retain(|route| matches!(route, SegmentRoute::Flood { .. }));
        },
        Stage::Advertised,
        "56:23:e0:4a:dc:07 to 10.0.1.1: not sent",
    ),
    (
        |facts| remove(facts, Mac([0; 6])),
        Stage::FloodList,
        "100.65.0.2: no entry",
    ),
    (
        |facts| remove(facts, REMOTE_HOST),
        Stage::RemoteHosts,
        "1e:48:f6:9f:6e:be: no entry",
    ),
];

fn remove(facts: &mut Facts, mac: Mac) {
    let entries = facts.fdb.as_mut().unwrap();
    let known = entries.len();
    entries.retain(|entry| entry.link != LAN_VXLAN || entry.mac != mac);
    assert!(entries.len() < known);
}

#[test]
fn what_is_broken_is_told_where_it_is() {
    for (broken, stage, seen) in BREAKS {
        let walk = walked(broken);
        assert_eq!(walk.verdict(), Verdict::Broken, "{walk:#?}");
        let hops = only(&walk).hops.iter();
        let broken: Vec<_> = hops
            .filter(|hop| matches!(hop.state, State::Broken { .. }))
            .collect();
        let [hop] = broken.as_slice() else {
            panic!("{stage}: {broken:#?}")
        };
        assert_eq!(hop.stage, stage, "{hop:#?}");
        assert!(hop.seen.starts_with(seen), "{hop:#?}");
    }
}

#[test]
fn the_vni_that_routes_it_is_looked_at_too() {
    let known = fixture::intent();
    let vnis = |target: &str| {
        let part = concerned(&known, target.parse().unwrap());
        assert_eq!(part.segments.len(), 1);
        part.vnis.len()
    };
    assert_eq!((vnis("110"), vnis("100"), vnis("120")), (1, 1, 0));
    let mut alone = fixture::intent();
    alone.segments[0].vrf = None;
    assert_eq!(concerned(&alone, "110".parse().unwrap()).vnis, []);
}

#[test]
fn what_cannot_be_read_is_no_verdict() {
    let walk = walked(|facts| {
        facts.segments.floods = Err(Unreadable::new("no answer"));
    });
    assert_eq!(walk.verdict(), Verdict::Broken, "{walk:#?}");
    let unknown = only(&walk).hops.iter().filter(|hop| !hop.is_whole());
    let stages: Vec<Stage> = unknown.map(|hop| hop.stage).collect();
    assert_eq!(
        stages,
        [
            Stage::Advertised,
            Stage::EvpnPath,
            Stage::FloodList,
            Stage::RemoteHosts
        ]
    );
}
