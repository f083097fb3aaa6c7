//! What a node should be for what was read: one case after the other.

mod overlays;
mod properties;
mod raw;
mod selectors;
mod sources;
mod transitions;

use super::addresses::Vteps;
use super::samples::{INDEX, asn, fabric, key, l3vni, net, read, underlay, vrf, vrf_with_host};
use super::{
    Accepted, Candidate, Candidates, Kept, NodeIndex, Origin, Rejection, Resolution, Unfit, resolve,
};
use crate::api::{Kind, L3Vni, Manifest, NodeSelector, ObjectKey, TunnelEndpoint, Underlay};

fn first(manifests: impl IntoIterator<Item = Manifest>) -> Resolution {
    resolve(read(manifests), &Accepted::new(), &INDEX.into())
}

fn then(before: &Resolution, manifests: impl IntoIterator<Item = Manifest>) -> Resolution {
    resolve(read(manifests), &before.accepted, &INDEX.into())
}

/// The same of objects of the Kubernetes API.
fn then_of_api(before: &Resolution, manifests: impl IntoIterator<Item = Manifest>) -> Resolution {
    let mut read = read(manifests);
    for object in &mut read.objects {
        object.origin = Origin::Api;
    }
    resolve(read, &before.accepted, &INDEX.into())
}

fn in_force(resolution: &Resolution) -> Vec<String> {
    let vnis = resolution.intent.vnis.iter();
    let vnis = vnis.map(|vni| format!("{}={} {}", vni.key.name, vni.spec.vrf, vni.spec.vni));
    let underlay = resolution.intent.underlay.iter();
    underlay
        .map(|own| own.key.name.clone())
        .chain(vnis)
        .collect()
}

fn rejected(resolution: &Resolution) -> Vec<(String, Kept)> {
    let rejections = resolution.rejections.iter();
    rejections
        .map(|rejection| (rejection.message.clone(), rejection.kept))
        .collect()
}

fn one_rejection(resolution: &Resolution) -> &Rejection {
    match resolution.rejections.as_slice() {
        [one] => one,
        other => panic!("not one rejection: {other:?}"),
    }
}

fn bad(kind: Kind, name: &str, source: &str) -> Candidate {
    Candidate {
        key: key(kind, name),
        source: source.to_owned(),
        origin: Origin::File,
        manifest: Err(faulty(&format!("{source}: {name} is wrong"), None)),
    }
}

fn faulty(message: &str, selector: Option<NodeSelector>) -> Unfit {
    Unfit::Faulty {
        message: message.to_owned(),
        selector,
    }
}

fn from(source: &str, manifest: Manifest) -> Candidate {
    Candidate {
        key: manifest.key().clone(),
        source: source.to_owned(),
        origin: Origin::File,
        manifest: Ok(manifest),
    }
}

fn all(objects: Vec<Candidate>) -> Candidates {
    Candidates {
        objects,
        ..Candidates::default()
    }
}

#[test]
fn an_intent_holds_the_addresses_of_its_node() {
    let objects = [
        fabric("u", underlay()),
        l3vni("a", vrf_with_host("red", 100, "192.169.10.0/24")),
        l3vni("b", vrf("blue", 200)),
    ];
    for (index, router_id, vtep, host) in [
        (0, "10.0.0.1", "100.65.0.0", "192.169.10.2/24"),
        (1, "10.0.0.2", "100.65.0.1", "192.169.10.3/24"),
    ] {
        let resolution = resolve(
            read(objects.clone()),
            &Accepted::new(),
            &NodeIndex(index).into(),
        );
        assert_eq!(resolution.rejections, []);
        let own = resolution.intent.underlay.as_ref().expect("an underlay");
        assert_eq!(own.router_id.to_string(), router_id);
        assert_eq!(own.vteps, Vteps::of_ipv4(vtep.parse().expect("an address")));
        let [red, blue] = resolution.intent.vnis.as_slice() else {
            panic!("two VNIs");
        };
        let [leg] = red.legs.as_slice() else {
            panic!("one leg");
        };
        assert_eq!(leg.router.to_string(), "192.169.10.1/24");
        assert_eq!(leg.host.to_string(), host);
        assert_eq!(blue.legs, []);
        assert_eq!(resolution.accepted.len(), 3);
    }
}

#[test]
fn nothing_read_is_nothing_wanted() {
    assert_eq!(first([]), Resolution::default());
}

/// Objects that stand, one more, and the words of its refusal.
fn refusals() -> Vec<(&'static str, Vec<Manifest>, Manifest, &'static str)> {
    let own = || fabric("u", underlay());
    let red = || l3vni("a", vrf_with_host("red", 100, "10.9.0.0/24"));
    let no_endpoint = Underlay {
        tunnel_endpoint: TunnelEndpoint::default(),
        ..underlay()
    };
    let small = |field: fn(&mut Underlay)| {
        let mut spec = underlay();
        field(&mut spec);
        fabric("u", spec)
    };
    vec![
        (
            "a second underlay",
            vec![own()],
            fabric("v", underlay()),
            "v.yaml: Underlay default/v: this node already has Underlay default/u; only one \
             Underlay may select a node",
        ),
        (
            "a VNI twice",
            vec![own(), red()],
            l3vni("b", vrf("blue", 100)),
            "b.yaml: L3VNI default/b: spec.vni: 100 is already used by L3VNI default/a",
        ),
        (
            "a VRF twice",
            vec![own(), red()],
            l3vni("b", vrf("red", 200)),
            "b.yaml: L3VNI default/b: spec.vrf: red already has the L3VNI of L3VNI default/a",
        ),
        (
            "the same pool",
            vec![own(), red()],
            l3vni("b", vrf_with_host("blue", 200, "10.9.0.0/24")),
            "b.yaml: L3VNI default/b: spec.hostSession.localCIDR.ipv4: 10.9.0.0/24 overlaps \
             10.9.0.0/24 of L3VNI default/a",
        ),
        (
            "a pool within another",
            vec![own(), red()],
            l3vni("b", vrf_with_host("blue", 200, "10.9.0.64/26")),
            "b.yaml: L3VNI default/b: spec.hostSession.localCIDR.ipv4: 10.9.0.64/26 overlaps \
             10.9.0.0/24 of L3VNI default/a",
        ),
        (
            "a pool around another",
            vec![own(), red()],
            l3vni("b", vrf_with_host("blue", 200, "10.8.0.0/13")),
            "b.yaml: L3VNI default/b: spec.hostSession.localCIDR.ipv4: 10.8.0.0/13 overlaps \
             10.9.0.0/24 of L3VNI default/a",
        ),
        (
            "no underlay",
            vec![],
            red(),
            "a.yaml: L3VNI default/a: no valid Underlay selects this node; create one first",
        ),
        (
            "no tunnel endpoint",
            vec![fabric("u", no_endpoint)],
            red(),
            "a.yaml: L3VNI default/a: Underlay default/u has no spec.tunnelEndpoint, which a VNI \
             needs for its VTEP address",
        ),
        (
            "router identifiers used up",
            vec![],
            small(|spec| spec.router_id_cidr = net("10.0.0.0/31")),
            "u.yaml: Underlay default/u: spec.routerIDCIDR: 10.0.0.0/31 has no address for node \
             index 1: it holds 2 and this needs number 2 (counted from 0); use a larger pool",
        ),
        (
            "tunnel endpoints used up",
            vec![],
            small(|spec| spec.tunnel_endpoint = TunnelEndpoint::over_ipv4(net("100.65.0.0/32"))),
            "u.yaml: Underlay default/u: spec.tunnelEndpoint.cidrs: 100.65.0.0/32 has no \
             address for node index 1: it holds 1 and this needs number 1 (counted from 0); use \
             a larger pool",
        ),
        (
            "host addresses used up",
            vec![own()],
            l3vni("a", vrf_with_host("red", 100, "10.9.0.0/31")),
            "a.yaml: L3VNI default/a: spec.hostSession.localCIDR.ipv4: 10.9.0.0/31 has no \
             address for node index 1: it holds 2 and this needs number 3 (counted from 0); use \
             a larger pool",
        ),
        (
            "a name of the kernel's and FRR's",
            vec![own()],
            l3vni("a", vrf("default", 100)),
            "a.yaml: L3VNI default/a: spec.vrf: a VRF cannot be named default: the kernel and \
             FRR keep this name for themselves",
        ),
        (
            "a name of another VNI's bridge",
            vec![own()],
            l3vni("a", vrf("br-pe-200", 100)),
            "a.yaml: L3VNI default/a: spec.vrf: a VRF cannot be named br-pe-200: links of VNIs \
             are named so",
        ),
        (
            "the name of a NIC",
            vec![own()],
            l3vni("a", vrf("eth1", 100)),
            "a.yaml: L3VNI default/a: spec.vrf: a VRF cannot be named eth1: that is a NIC of \
             Underlay default/u",
        ),
        (
            "the loopback interface as a NIC",
            vec![],
            small(|spec| spec.interfaces = vec!["lo".parse().expect("a name")]),
            "u.yaml: Underlay default/u: spec.interfaces: lo cannot carry the fabric: it is the \
             loopback interface",
        ),
    ]
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing_else() {
    for (case, standing, newcomer, message) in refusals() {
        let before = first(standing.clone());
        assert_eq!(before.rejections, [], "{case}");
        let key = newcomer.key().clone();
        let with = || standing.iter().cloned().chain([newcomer.clone()]);
        for after in [then(&before, with()), first(with())] {
            assert_eq!(
                rejected(&after),
                [(message.to_owned(), Kept::Nothing)],
                "{case}"
            );
            assert_eq!(one_rejection(&after).object.as_ref(), Some(&key), "{case}");
            assert_eq!(after.intent, before.intent, "{case}");
            assert_eq!(after.accepted, before.accepted, "{case}");
        }
    }
}

#[test]
fn pools_side_by_side_do_not_overlap() {
    let resolution = first([
        fabric("u", underlay()),
        l3vni("a", vrf_with_host("red", 100, "10.9.0.0/25")),
        l3vni("b", vrf_with_host("blue", 200, "10.9.0.128/25")),
        l3vni("c", vrf_with_host("green", 300, "10.9.1.0/24")),
    ]);
    assert_eq!(resolution.rejections, []);
}

#[test]
fn names_that_only_look_like_ours_are_free() {
    for name in ["vni", "vnix", "vni0100", "br-pe-0", "pe-e-16777216", "lo0"] {
        let resolution = first([fabric("u", underlay()), l3vni("a", vrf(name, 100))]);
        assert_eq!(resolution.rejections, [], "{name}");
    }
}

#[test]
fn what_is_in_force_wins_over_newcomers_with_earlier_names() {
    let own = fabric("u", underlay());
    let before = first([own.clone(), l3vni("z", vrf("red", 100))]);
    let after = then(
        &before,
        [
            own,
            l3vni("a", vrf("red", 100)),
            l3vni("z", vrf("red", 100)),
        ],
    );
    assert_eq!(in_force(&after), ["u", "z=red 100"]);
    let rejection = one_rejection(&after);
    assert_eq!(rejection.object, Some(key(Kind::L3Vni, "a")));
    let second = then(&after, [fabric("a", underlay()), fabric("u", underlay())]);
    assert_eq!(in_force(&second), ["u"]);
}

#[test]
fn a_refused_edit_keeps_its_last_good_version_against_newcomers() {
    let own = fabric("u", underlay());
    let before = first([
        own.clone(),
        l3vni("a", vrf("red", 100)),
        l3vni("z", vrf("blue", 200)),
    ]);
    // `z` asks for what `a` has, and a newcomer asks for what `z` would have left.
    let after = then(
        &before,
        [
            own,
            l3vni("a", vrf("red", 100)),
            l3vni("n", vrf("green", 200)),
            l3vni("z", vrf("blue", 100)),
        ],
    );
    assert_eq!(in_force(&after), ["u", "a=red 100", "z=blue 200"]);
    let kept: Vec<Kept> = after.rejections.iter().map(|one| one.kept).collect();
    assert_eq!(kept, [Kept::Nothing, Kept::LastGood]);
    assert_eq!(after.accepted, before.accepted);
}

#[test]
fn edits_may_pass_on_and_exchange_what_they_claim() {
    let own = || fabric("u", underlay());
    let before = first([
        own(),
        l3vni("a", vrf("red", 100)),
        l3vni("b", vrf("blue", 200)),
        l3vni("c", vrf("green", 300)),
    ]);
    // Passing on, against the order of names.
    let passed = then(
        &before,
        [
            own(),
            l3vni("a", vrf("red", 200)),
            l3vni("b", vrf("blue", 300)),
            l3vni("c", vrf("green", 400)),
        ],
    );
    assert_eq!(passed.rejections, []);
    assert_eq!(
        in_force(&passed),
        ["u", "a=red 200", "b=blue 300", "c=green 400"]
    );
    // In a ring, with a newcomer that gets none of it.
    let ring = then(
        &before,
        [
            own(),
            l3vni("a", vrf("red", 200)),
            l3vni("b", vrf("blue", 300)),
            l3vni("c", vrf("green", 100)),
            l3vni("0", vrf("grey", 100)),
        ],
    );
    assert_eq!(
        in_force(&ring),
        ["u", "a=red 200", "b=blue 300", "c=green 100"]
    );
    // A ring that one of them breaks by a fault of its own: nobody moves.
    let broken = then(
        &before,
        [
            own(),
            l3vni("a", vrf("red", 200)),
            l3vni("b", vrf("default", 100)),
            l3vni("c", vrf("green", 300)),
        ],
    );
    assert_eq!(broken.intent, before.intent);
    assert_eq!(broken.rejections.len(), 2);
}

#[test]
fn an_invalid_edit_keeps_the_last_good_version() {
    let before = first([fabric("u", underlay()), l3vni("a", vrf("red", 100))]);
    for kind in [Kind::Underlay, Kind::L3Vni] {
        let name = if kind == Kind::Underlay { "u" } else { "a" };
        let mut candidates = read([fabric("u", underlay()), l3vni("a", vrf("red", 100))]);
        candidates.objects.retain(|object| object.key.kind != kind);
        candidates.objects.push(bad(kind, name, "x.yaml"));
        let after = resolve(candidates, &before.accepted, &INDEX.into());
        assert_eq!(after.intent, before.intent);
        assert_eq!(after.accepted, before.accepted);
        assert_eq!(
            rejected(&after),
            [(format!("x.yaml: {name} is wrong"), Kept::LastGood)]
        );
    }
}

#[test]
fn an_invalid_newcomer_leaves_nothing() {
    let after = resolve(
        all(vec![bad(Kind::L3Vni, "a", "x.yaml")]),
        &Accepted::new(),
        &INDEX.into(),
    );
    assert_eq!(after.intent, first([]).intent);
    assert!(after.accepted.is_empty());
    assert_eq!(one_rejection(&after).kept, Kept::Nothing);
}

#[test]
fn a_removed_manifest_removes_its_object() {
    let before = first([fabric("u", underlay()), l3vni("a", vrf("red", 100))]);
    let after = then(&before, [fabric("u", underlay())]);
    assert_eq!(in_force(&after), ["u"]);
    assert!(!after.accepted.contains_key(&key(Kind::L3Vni, "a")));
    // What it claimed is free at once, for an object of another name too.
    let renamed = then(
        &before,
        [fabric("u", underlay()), l3vni("b", vrf("red", 100))],
    );
    assert_eq!(renamed.rejections, []);
    assert_eq!(in_force(&renamed), ["u", "b=red 100"]);
}

#[test]
fn without_its_underlay_a_vni_is_out_of_force_but_not_forgotten() {
    let red = || l3vni("a", vrf("red", 100));
    let before = first([fabric("u", underlay()), red()]);
    let without = then(&before, [red()]);
    assert_eq!(in_force(&without), Vec::<String>::new());
    assert_eq!(one_rejection(&without).kept, Kept::Nothing);
    assert!(without.accepted.contains_key(&key(Kind::L3Vni, "a")));
    // When the underlay is back, the object stands before a newcomer with an earlier name.
    let newcomer = l3vni("0", vrf("red", 101));
    let back = then(&without, [fabric("u", underlay()), newcomer, red()]);
    assert_eq!(in_force(&back), ["u", "a=red 100"]);
}

#[test]
fn a_rejection_tells_truly_what_is_kept() {
    let before = first([fabric("u", underlay()), l3vni("a", vrf("red", 100))]);
    let edited: L3Vni = vrf("red", 101);
    let without = then(&before, [l3vni("a", edited)]);
    let rejection = one_rejection(&without);
    assert_eq!(rejection.kept, Kept::Nothing);
    assert_eq!(
        rejection.message,
        "a.yaml: L3VNI default/a: no valid Underlay selects this node; create one first; nor can \
         its last good version stay: no valid Underlay selects this node; create one first"
    );
    let unread = {
        let mut candidates = Candidates::default();
        candidates
            .broken_sources
            .insert("a.yaml".to_owned(), "broken".to_owned());
        resolve(candidates, &before.accepted, &INDEX.into())
    };
    let own: Vec<&ObjectKey> = unread
        .rejections
        .iter()
        .filter_map(|one| one.object.as_ref())
        .collect();
    assert_eq!(own, [&key(Kind::L3Vni, "a")]);
}

#[test]
fn another_node_index_may_take_an_object_out_of_force() {
    let objects = || {
        [
            fabric("u", underlay()),
            l3vni("a", vrf_with_host("red", 100, "10.9.0.0/30")),
        ]
    };
    let before = resolve(read(objects()), &Accepted::new(), &NodeIndex(0).into());
    assert_eq!(before.rejections, []);
    let after = resolve(read(objects()), &before.accepted, &NodeIndex(1).into());
    assert_eq!(in_force(&after), ["u"]);
    assert_eq!(one_rejection(&after).kept, Kept::Nothing);
    let back = resolve(read(objects()), &after.accepted, &NodeIndex(0).into());
    assert_eq!(back.intent, before.intent);
}

#[test]
fn another_generation_of_the_same_words_is_no_edit() {
    let generation = |count, number| {
        let mut manifest = l3vni("z", vrf("red", number));
        if let Manifest::L3Vni(object) = &mut manifest {
            object.generation = Some(count);
        }
        manifest
    };
    let before = first([fabric("u", underlay()), generation(1, 100)]);
    let after = then(
        &before,
        [
            fabric("u", underlay()),
            l3vni("a", vrf("blue", 100)),
            generation(2, 100),
        ],
    );
    assert_eq!(in_force(&after), ["u", "z=red 100"]);
    let accepted = after.accepted.get(&key(Kind::L3Vni, "z")).expect("z");
    assert_eq!(accepted.manifest.generation(), Some(2));
}

#[test]
fn an_edit_of_the_underlay_reaches_the_addresses() {
    let before = first([fabric("u", underlay())]);
    let edited = Underlay {
        asn: asn(65000),
        tunnel_endpoint: TunnelEndpoint::over_ipv4(net("100.99.0.0/24")),
        ..underlay()
    };
    let after = then(&before, [fabric("u", edited)]);
    let own = after.intent.underlay.expect("an underlay");
    let moved = std::net::Ipv4Addr::new(100, 99, 0, 1);
    assert_eq!(own.vteps, Vteps::of_ipv4(moved));
    assert_eq!(own.spec.asn, asn(65000));
}
