//! Who is selected: objects of every kind are there for the nodes whose labels they name, and on
//! no other.

use super::{all, bad, faulty, first, from, one_rejection};
use crate::api::selector::{Demand, Requirement};
use crate::api::{HostSession, Kind, Manifest, NodeSelector};
use crate::intent::samples::{
    INDEX, fabric, key, l2vni, l3passthrough, l3vni, raw_config, read, routed_segment, segment,
    underlay, vrf, vrf_with_host,
};
use crate::intent::{Accepted, Kept, Node, Resolution, resolve};

fn session(pool: &str) -> HostSession {
    vrf_with_host("any", 1, pool)
        .host_session
        .expect("it has one")
}

fn names(resolution: &Resolution) -> Vec<String> {
    let keys = resolution.intent.keys();
    keys.map(|key| key.name.clone()).collect()
}

fn rack(name: &str) -> NodeSelector {
    NodeSelector::new(vec![Requirement {
        key: "rack".to_owned(),
        demand: Demand::In([name.to_owned()].into()),
    }])
}

fn on_rack(name: &str, manifest: Manifest) -> Manifest {
    let mut manifest = manifest;
    let selector = rack(name);
    match &mut manifest {
        Manifest::Underlay(object) => object.selector = selector,
        Manifest::L3Vni(object) => object.selector = selector,
        Manifest::L2Vni(object) => object.selector = selector,
        Manifest::L3Passthrough(object) => object.selector = selector,
        Manifest::RawFrrConfig(object) => object.selector = selector,
    }
    manifest
}

fn node(rack: &str) -> Node {
    Node {
        index: INDEX,
        labels: [("rack".to_owned(), rack.to_owned())].into(),
    }
}

/// Two underlays, each for one rack; a VNI that only one rack has; and the objects go and come
/// with the labels, without being refused where they are not meant.
#[test]
fn objects_are_there_for_the_nodes_that_they_select() {
    let objects = || {
        read([
            on_rack("a", fabric("u", underlay())),
            on_rack("b", fabric("v", underlay())),
            on_rack("b", l3vni("red", vrf("red", 100))),
            l3vni("blue", vrf("blue", 200)),
        ])
    };
    let on_a = resolve(objects(), &Accepted::new(), &node("a"));
    assert_eq!(
        (names(&on_a), &on_a.rejections),
        (vec!["u".into(), "blue".into()], &vec![])
    );
    let on_b = resolve(objects(), &on_a.accepted, &node("b"));
    let expected = ["v", "blue", "red"].map(str::to_owned).to_vec();
    assert_eq!((names(&on_b), &on_b.rejections), (expected, &vec![]));
    assert!(
        !on_b.accepted.contains_key(&key(Kind::Underlay, "u")),
        "it is forgotten"
    );
}

/// What was deselected and is then broken does not come back from the past.
#[test]
fn a_last_good_version_counts_where_it_selects_the_node() {
    let before = resolve(
        read([
            fabric("u", underlay()),
            on_rack("a", l3vni("red", vrf("red", 100))),
        ]),
        &Accepted::new(),
        &node("a"),
    );
    assert_eq!(before.intent.vnis.len(), 1);
    let broken = || {
        let mut broken = from("red.yaml", l3vni("red", vrf("red", 100)));
        broken.manifest = Err(faulty("red.yaml: wrong", None));
        all(vec![from("u.yaml", fabric("u", underlay())), broken])
    };
    let kept = resolve(broken(), &before.accepted, &node("a"));
    assert_eq!(
        (kept.intent.vnis.len(), one_rejection(&kept).kept),
        (1, Kept::LastGood)
    );
    let moved = resolve(broken(), &before.accepted, &node("b"));
    assert_eq!(
        (moved.intent.vnis.len(), one_rejection(&moved).kept),
        (0, Kept::Nothing)
    );
}

/// An object that is wrong is refused where it is meant to be, and stays where it was in force:
/// elsewhere it is nobody's fault.
#[test]
fn what_is_wrong_is_told_where_it_is_meant_or_was_in_force() {
    let fabric = || from("u.yaml", fabric("u", underlay()));
    let vpn = |selector| {
        let mut vpn = bad(Kind::L3Vpn, "violet", "vpn.yaml");
        vpn.manifest = Err(faulty("vpn.yaml: not supported yet", selector));
        all(vec![fabric(), vpn])
    };
    for (selector, rejections) in [
        (Some(rack("a")), 1),
        (Some(rack("b")), 0),
        // Where it says nothing that can be read, it may be meant for every node.
        (None, 1),
    ] {
        let resolution = resolve(vpn(selector), &Accepted::new(), &node("a"));
        assert_eq!(names(&resolution), ["u"]);
        assert_eq!(resolution.rejections.len(), rejections);
        assert!(
            !resolution
                .accepted
                .contains_key(&key(Kind::L3Vpn, "violet"))
        );
    }

    let red = || on_rack("a", l3vni("red", vrf("red", 100)));
    let before = resolve(
        all(vec![fabric(), from("red.yaml", red())]),
        &Accepted::new(),
        &node("a"),
    );
    let mut moved = from("red.yaml", red());
    moved.manifest = Err(faulty("red.yaml: wrong", Some(rack("b"))));
    let after = resolve(all(vec![fabric(), moved]), &before.accepted, &node("a"));
    assert_eq!(names(&after), ["u", "red"]);
    assert_eq!(one_rejection(&after).kept, Kept::LastGood);
}

/// Beside one that is refused, every other object is as it would be without it.
#[test]
fn an_l3vpn_changes_nothing_for_others() {
    let others = || {
        vec![
            from("u.yaml", fabric("u", underlay())),
            // Of its VRF, and of its name.
            from("a.yaml", l3vni("violet", vrf("violet", 100))),
            from(
                "b.yaml",
                l2vni("lan", routed_segment(110, "violet", "10.20.0.1/24")),
            ),
        ]
    };
    let without = resolve(all(others()), &Accepted::new(), &node("a"));
    assert_eq!(without.rejections, []);
    let with = || {
        let mut all_of_them = others();
        all_of_them.push(bad(Kind::L3Vpn, "violet", "vpn.yaml"));
        all(all_of_them)
    };
    for before in [Accepted::new(), without.accepted.clone()] {
        let resolution = resolve(with(), &before, &node("a"));
        assert_eq!(resolution.intent, without.intent);
        assert_eq!(resolution.accepted, without.accepted);
        let told = one_rejection(&resolution);
        assert_eq!(
            (&told.object, told.kept),
            (&Some(key(Kind::L3Vpn, "violet")), Kept::Nothing)
        );
    }
}

fn of_every_kind() -> [Manifest; 5] {
    [
        fabric("u", underlay()),
        l3vni("red", vrf("red", 100)),
        l2vni("s", segment(110)),
        l3passthrough("p", session("192.169.30.0/24")),
        raw_config("r", 0, "router bgp 64514\n timers bgp 3 9\nexit\n"),
    ]
}

/// Each kind but the underlay, on which all others stand: its object goes and comes, and the
/// others are what they were.
#[test]
fn an_object_of_any_kind_goes_and_comes_with_the_labels_alone() {
    let whole = first(of_every_kind());
    for chosen in of_every_kind().into_iter().skip(1) {
        let chosen = chosen.key().clone();
        let select = |manifest: Manifest| match *manifest.key() == chosen {
            true => on_rack("a", manifest),
            false => manifest,
        };
        let objects = || read(of_every_kind().map(select));
        let on_a = resolve(objects(), &Accepted::new(), &node("a"));
        assert_eq!((names(&on_a), &on_a.rejections), (names(&whole), &vec![]));
        let on_b = resolve(objects(), &on_a.accepted, &node("b"));
        let others = names(&whole)
            .into_iter()
            .filter(|name| *name != chosen.name);
        assert_eq!(
            (names(&on_b), &on_b.rejections),
            (others.collect(), &vec![]),
            "without {chosen}"
        );
        assert!(
            !on_b.accepted.contains_key(&chosen),
            "{chosen} is forgotten"
        );
        let again = resolve(objects(), &on_b.accepted, &node("a"));
        assert_eq!(again.intent, on_a.intent, "{chosen} is back");
    }
}

/// Of what there may be one only, or one of a number, each rack has its own.
#[test]
fn what_excludes_another_may_be_there_for_other_nodes() {
    let session = || session("192.169.30.0/24");
    let objects = || {
        read([
            fabric("u", underlay()),
            on_rack("a", l2vni("s", segment(110))),
            on_rack("b", l2vni("t", segment(110))),
            on_rack("a", l3passthrough("p", session())),
            on_rack("b", l3passthrough("q", session())),
            on_rack(
                "a",
                raw_config("r", 0, "ip prefix-list x seq 5 permit any\n"),
            ),
            on_rack("b", raw_config("w", 0, "ip prefix-list x seq 5 deny any\n")),
        ])
    };
    let mut accepted = Accepted::new();
    for (rack, expected) in [("a", ["u", "s", "p", "r"]), ("b", ["u", "t", "q", "w"])] {
        let mut resolution = resolve(objects(), &accepted, &node(rack));
        let mut found = names(&resolution);
        found.sort();
        let mut expected = expected.map(str::to_owned).to_vec();
        expected.sort();
        assert_eq!(
            (found, &resolution.rejections),
            (expected, &vec![]),
            "{rack}"
        );
        accepted = std::mem::take(&mut resolution.accepted);
    }
}

/// A segment stays selected where its routing domain is not: that is told, as when there is none.
#[test]
fn a_segment_waits_where_its_routing_domain_does_not_select_the_node() {
    let objects = || {
        read([
            fabric("u", underlay()),
            on_rack("a", l3vni("red", vrf("red", 100))),
            l2vni("s", routed_segment(110, "red", "10.20.0.1/24")),
        ])
    };
    let on_a = resolve(objects(), &Accepted::new(), &node("a"));
    assert_eq!((names(&on_a).len(), &on_a.rejections), (3, &vec![]));
    let on_b = resolve(objects(), &on_a.accepted, &node("b"));
    assert_eq!(names(&on_b), ["u"]);
    assert_eq!(
        one_rejection(&on_b).message,
        "s.yaml: L2VNI default/s: spec.routingDomain: L3VNI default/red is not in force on this \
         node; create or mend it first"
    );
}
