use std::time::{Duration, Instant};

use super::*;

fn node(name: &str, rack: &str, index: u32) -> SeenNode {
    let label = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    SeenNode {
        name: name.to_owned(),
        labels: Labels::from([label("name", name), label("rack", rack)]),
        index: Some(NodeIndex(index)),
    }
}

/// Two nodes in rack a, one in rack b.
fn nodes() -> Vec<SeenNode> {
    vec![node("n1", "a", 0), node("n2", "a", 1), node("n3", "b", 2)]
}

pub(super) fn object(kind: &str, name: &str, rack: &str, spec: Value) -> Value {
    let mut object = json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    });
    if !rack.is_empty() {
        object["spec"]["nodeSelector"] = json!({"matchLabels": {"rack": rack}});
    }
    object
}

fn bare_underlay(name: &str, rack: &str) -> Value {
    let spec = json!({
        "asn": 64514,
        "routerIDCIDR": "10.0.0.0/24",
        "interfaces": [{"type": "NetworkDevice", "networkDevice": {"interfaceName": "eth1"}}],
        "neighbors": [{"asn": 64512, "address": "192.168.11.2"}],
    });
    object("Underlay", name, rack, spec)
}

pub(super) fn underlay(name: &str, rack: &str) -> Value {
    let mut underlay = bare_underlay(name, rack);
    underlay["spec"]["tunnelEndpoint"] = json!({"cidrs": ["100.65.0.0/24"]});
    underlay
}

fn with_nic(name: &str) -> Value {
    let mut underlay = underlay("fabric", "");
    let nic = json!({"type": "NetworkDevice", "networkDevice": {"interfaceName": name}});
    let nics = underlay["spec"]["interfaces"].as_array_mut().unwrap();
    nics.push(nic);
    underlay
}

pub(super) fn l3vni(name: &str, vrf: &str, vni: u32) -> Value {
    object("L3VNI", name, "", json!({"vrf": vrf, "vni": vni}))
}

fn in_rack(mut object: Value, rack: &str) -> Value {
    object["spec"]["nodeSelector"] = json!({"matchLabels": {"rack": rack}});
    object
}

pub(super) fn with_host(mut vni: Value, cidr: &str) -> Value {
    vni["spec"]["hostSession"] =
        json!({"asn": 64514, "hostASN": 64515, "localCIDR": {"ipv4": cidr}});
    vni
}

fn l2vni(name: &str, vni: u32) -> Value {
    object("L2VNI", name, "", json!({"vni": vni}))
}

fn routed(name: &str, vni: u32, domain: &str, gateway: &str) -> Value {
    let mut segment = l2vni(name, vni);
    segment["spec"]["routingDomain"] = json!({"type": "L3VNI", "l3vni": {"name": domain}});
    segment["spec"]["gatewayIPs"] = json!([gateway]);
    segment
}

fn passthrough(name: &str, rack: &str) -> Value {
    let spec = json!({"hostSession": {
        "asn": 64514, "hostASN": 64515, "localCIDR": {"ipv4": "192.169.20.0/24"},
    }});
    object("L3Passthrough", name, rack, spec)
}

fn review_on(nodes: &[SeenNode], there: &[Value], new: &Value) -> Verdict {
    let valid: Vec<Manifest> = there.iter().filter_map(|it| read(it).ok()).collect();
    let objects: Vec<&Manifest> = valid.iter().collect();
    let same = |it: &&Value| it["kind"] == new["kind"] && it["metadata"] == new["metadata"];
    let world = World {
        namespace: "perouter-system",
        nodes,
        objects: &objects,
    };
    review(&world, new, there.iter().find(same))
}

fn asked(there: &[Value], new: &Value) -> Verdict {
    review_on(&nodes(), there, new)
}

#[track_caller]
pub(super) fn denied(there: &[Value], new: &Value, words: &[&str]) {
    match asked(there, new) {
        Verdict::Denied { reasons } => assert_eq!(reasons, words),
        other @ Verdict::Allowed { .. } => panic!("{other:?}"),
    }
}

#[track_caller]
pub(super) fn allowed(there: &[Value], new: &Value, words: &[&str]) {
    match asked(there, new) {
        Verdict::Allowed { warnings } => assert_eq!(warnings, words),
        other @ Verdict::Denied { .. } => panic!("{other:?}"),
    }
}

const TAKEN: &str = "L3VNI default/blue: spec.vni: 100 is already used by L3VNI default/red: take \
                     another VNI, or different nodes with spec.nodeSelector (nodes n1, n2, n3)";

#[test]
fn a_vni_is_one_network_on_a_node() {
    let there = [underlay("fabric", ""), l3vni("red", "red", 100)];
    denied(&there, &l3vni("blue", "blue", 100), &[TAKEN]);
    allowed(&there, &l3vni("blue", "blue", 200), &[]);
    let there = [
        underlay("fabric", ""),
        in_rack(l3vni("red", "red", 100), "a"),
    ];
    allowed(&there, &in_rack(l3vni("blue", "blue", 100), "b"), &[]);
    denied(
        &there,
        &l2vni("blue", 100),
        &[
            "L2VNI default/blue: spec.vni: 100 is already used by L3VNI default/red: take another \
           VNI, or different nodes with spec.nodeSelector (nodes n1, n2)",
        ],
    );
}

#[test]
fn a_vrf_has_one_l3vni() {
    let there = [underlay("fabric", ""), l3vni("red", "red", 100)];
    denied(
        &there,
        &l3vni("blue", "red", 200),
        &[
            "L3VNI default/blue: spec.vrf: red already has the L3VNI of L3VNI default/red: take \
           another VRF, or different nodes with spec.nodeSelector (nodes n1, n2, n3)",
        ],
    );
}

#[test]
fn prefixes_of_one_table_do_not_overlap() {
    let red = with_host(l3vni("red", "red", 100), "192.169.10.0/24");
    let there = [underlay("fabric", ""), red];
    let blue = |cidr| with_host(l3vni("blue", "blue", 200), cidr);
    denied(
        &there,
        &blue("192.169.10.128/25"),
        &[
            "L3VNI default/blue: spec.hostSession.localCIDR.ipv4: 192.169.10.128/25 overlaps \
           192.169.10.0/24 of L3VNI default/red: take a prefix that has no address in common with \
           it (nodes n1, n2, n3)",
        ],
    );
    allowed(&there, &blue("192.169.11.0/24"), &[]);
    let there = [
        underlay("fabric", ""),
        l3vni("red", "red", 100),
        routed("web", 110, "red", "10.1.0.1/24"),
    ];
    denied(
        &there,
        &routed("db", 120, "red", "10.1.0.129/25"),
        &[
            "L2VNI default/db: spec.gatewayIPs: 10.1.0.128/25 overlaps 10.1.0.0/24 of L2VNI \
           default/web: take a prefix that has no address in common with it (nodes n1, n2, n3)",
        ],
    );
    allowed(&there, &routed("db", 120, "red", "10.1.1.1/24"), &[]);
}

#[test]
fn a_node_has_one_underlay_and_one_passthrough() {
    let there = [underlay("fabric", "a")];
    denied(
        &there,
        &underlay("other", ""),
        &[
            "Underlay default/other: this node already has Underlay default/fabric; only one \
           Underlay may select a node: let their spec.nodeSelector select different nodes (nodes \
           n1, n2)",
        ],
    );
    allowed(&there, &underlay("other", "b"), &[]);
    let there = [underlay("fabric", ""), passthrough("one", "a")];
    denied(
        &there,
        &passthrough("two", "a"),
        &[
            "L3Passthrough default/two: this node already has L3Passthrough default/one; only one \
           L3Passthrough may select a node: let their spec.nodeSelector select different nodes \
           (nodes n1, n2)",
        ],
    );
    allowed(&there, &passthrough("two", "b"), &[]);
}

#[test]
fn names_in_the_routers_namespace_are_of_one_thing() {
    let there = [underlay("fabric", ""), l3vni("red", "eth2", 100)];
    denied(
        &there[..1],
        &l3vni("red", "eth1", 100),
        &[
            "L3VNI default/red: spec.vrf: a VRF cannot be named eth1: that is a NIC of Underlay \
           default/fabric: take another name (nodes n1, n2, n3)",
        ],
    );
    denied(
        &there,
        &with_nic("eth2"),
        &[
            "L3VNI default/red: spec.vrf: a VRF cannot be named eth2: that is a NIC of Underlay \
           default/fabric: take another name (nodes n1, n2, n3)",
        ],
    );
    allowed(&there, &with_nic("eth3"), &[]);
    denied(
        &there[..1],
        &with_nic("vni100"),
        &[
            "Underlay default/fabric: spec.interfaces: vni100 cannot carry the fabric: links of \
           VNIs are named so: take another name (nodes n1, n2, n3)",
        ],
    );
    // Without an underlay too, and on no node at all.
    for selector in ["", "nowhere"] {
        let mut red = l3vni("red", "vni100", 100);
        if !selector.is_empty() {
            red = in_rack(red, selector);
        }
        match asked(&[], &red) {
            Verdict::Denied { reasons } => {
                assert!(
                    reasons[0].contains("a VRF cannot be named vni100"),
                    "{reasons:?}"
                );
            }
            other @ Verdict::Allowed { .. } => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_pool_has_an_address_for_every_node() {
    let mut nodes = nodes();
    nodes.push(node("n4", "a", 300));
    match review_on(&nodes, &[], &underlay("fabric", "")) {
        Verdict::Denied { reasons } => {
            assert_eq!(reasons.len(), 1, "{reasons:?}");
            assert!(
                reasons[0].starts_with("Underlay default/fabric: spec.routerIDCIDR: ")
                    && reasons[0].ends_with("take a larger prefix (node n4)"),
                "{reasons:?}"
            );
        }
        other @ Verdict::Allowed { .. } => panic!("{other:?}"),
    }
    match review_on(&nodes, &[], &underlay("fabric", "b")) {
        Verdict::Allowed { warnings } => assert_eq!(warnings, [""; 0]),
        other @ Verdict::Denied { .. } => panic!("{other:?}"),
    }
}

#[test]
fn what_is_only_missing_is_a_warning() {
    allowed(
        &[],
        &l3vni("red", "red", 100),
        &[
            "L3VNI default/red: no valid Underlay selects this node; create one first (nodes n1, \
           n2, n3)",
        ],
    );
    allowed(
        &[bare_underlay("fabric", "")],
        &l3vni("red", "red", 100),
        &[
            "L3VNI default/red: Underlay default/fabric has no spec.tunnelEndpoint, which a VNI \
           needs for its VTEP address: add it (nodes n1, n2, n3)",
        ],
    );
    allowed(
        &[underlay("fabric", "")],
        &routed("web", 110, "red", "10.1.0.1/24"),
        &[
            "L2VNI default/web: spec.routingDomain: L3VNI default/red is not in force on this \
           node; create or mend it first (nodes n1, n2, n3)",
        ],
    );
    allowed(
        &[underlay("fabric", "")],
        &in_rack(l3vni("red", "red", 100), "c"),
        &["L3VNI default/red: spec.nodeSelector: selects none of the 3 nodes"],
    );
    // What others lose by an edit is told too, and does not keep anybody from it.
    allowed(
        &[underlay("fabric", ""), l3vni("red", "red", 100)],
        &bare_underlay("fabric", ""),
        &[
            "L3VNI default/red: Underlay default/fabric has no spec.tunnelEndpoint, which a VNI \
           needs for its VTEP address: add it (nodes n1, n2, n3)",
        ],
    );
}

#[test]
fn what_clashes_is_seen_before_there_is_an_underlay() {
    let red = l3vni("red", "red", 100);
    for there in [vec![red.clone()], vec![bare_underlay("fabric", ""), red]] {
        match asked(&there, &l3vni("blue", "blue", 100)) {
            Verdict::Denied { reasons } => assert_eq!(reasons, [TAKEN]),
            other @ Verdict::Allowed { .. } => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_fault_that_is_there_keeps_nobody_from_a_mend_or_from_other_work() {
    let there = [
        underlay("fabric", ""),
        l3vni("blue", "blue", 100),
        l3vni("red", "red", 100),
        with_host(l3vni("green", "green", 300), "192.169.10.0/24"),
    ];
    // The mend of either of the two.
    allowed(&there, &l3vni("red", "red", 101), &[]);
    allowed(&there, &l3vni("blue", "blue", 101), &[]);
    // Other work, on others and on the two.
    allowed(&there, &l3vni("white", "white", 400), &[]);
    allowed(&there, &with_nic("eth2"), &[]);
    let mut targets = l3vni("red", "red", 100);
    targets["spec"]["importRTs"] = json!(["64514:100"]);
    allowed(&there, &targets, &[]);
    // Out of one clash into another is no mend.
    match asked(&there, &l3vni("red", "red", 300)) {
        Verdict::Denied { reasons } => assert_eq!(reasons.len(), 1, "{reasons:?}"),
        other @ Verdict::Allowed { .. } => panic!("{other:?}"),
    }
    // Nor is a third one in the clash.
    assert!(matches!(
        asked(&there, &l3vni("white", "white", 100)),
        Verdict::Denied { .. }
    ));
    // The underlay that was missing uncovers it, and is welcome.
    allowed(&there[1..], &underlay("fabric", ""), &[]);
}

#[test]
fn who_is_to_be_deleted_or_says_the_same_is_let_through() {
    let there = [
        underlay("fabric", ""),
        l3vni("blue", "blue", 100),
        l3vni("red", "red", 100),
    ];
    let mut labelled = there[2].clone();
    labelled["metadata"]["labels"] = json!({"team": "a"});
    let valid: Vec<Manifest> = there.iter().map(|it| read(it).unwrap()).collect();
    let objects: Vec<&Manifest> = valid.iter().collect();
    let world = World {
        namespace: "perouter-system",
        nodes: &nodes(),
        objects: &objects,
    };
    assert_eq!(
        review(&world, &labelled, Some(&there[2])),
        Verdict::allowed()
    );
    let mut going = l3vni("white", "white", 100);
    assert_ne!(review(&world, &going, None), Verdict::allowed());
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(review(&world, &going, None), Verdict::allowed());
}

#[test]
fn what_agents_refuse_by_itself_is_denied_in_their_words() {
    let mut faulty = underlay("fabric", "");
    faulty["spec"]["neighbors"][0]["address"] = json!("nonsense");
    let Verdict::Denied { reasons } = asked(&[], &faulty) else {
        panic!("allowed");
    };
    let words = api::parse_object(
        Identity {
            file: None,
            line: None,
            key: None,
        },
        faulty.clone(),
    );
    assert_eq!(reasons.join("\n"), words.outcome.unwrap_err().to_string());
    assert!(
        reasons[0].contains("spec.neighbors[0].address"),
        "{reasons:?}"
    );
    // It is there already: another edit of it passes, another fault in it does not.
    let mut edited = faulty.clone();
    edited["spec"]["asn"] = json!(64516);
    assert_eq!(asked(&[faulty.clone()], &edited), Verdict::allowed());
    edited["spec"]["routerIDCIDR"] = json!("nonsense");
    let Verdict::Denied { reasons } = asked(&[faulty], &edited) else {
        panic!("allowed");
    };
    assert_eq!(reasons.len(), 1, "{reasons:?}");
}

#[test]
fn a_password_in_a_secret_is_no_fault() {
    let mut underlay = underlay("fabric", "");
    underlay["spec"]["neighbors"][0]["passwordSecret"] = json!("bgp");
    allowed(&[], &underlay, &[]);
    underlay["spec"]["neighbors"][0]["password"] = json!("hunter2");
    let Verdict::Denied { reasons } = asked(&[], &underlay) else {
        panic!("allowed");
    };
    assert!(!reasons.concat().contains("hunter2"), "{reasons:?}");
}

#[test]
fn nodes_that_are_alike_cost_once_and_all_are_bounded() {
    let all: Vec<SeenNode> = (0..200)
        .map(|index| node(&format!("n{index}"), "a", index))
        .collect();
    let vnis =
        |count: u32| (0..count).map(|at| l3vni(&format!("v{at}"), &format!("v{at}"), 1000 + at));
    let there: Vec<Value> = vnis(500).chain([underlay("fabric", "")]).collect();
    let begin = Instant::now();
    match review_on(&all, &there, &l3vni("new", "new", 1499)) {
        Verdict::Denied { reasons } => assert!(reasons[0].contains("and 197 more"), "{reasons:?}"),
        other @ Verdict::Allowed { .. } => panic!("{other:?}"),
    }
    eprintln!("alike: {:?}", begin.elapsed());
    // An underlay for each node makes all of them different.
    let own = |at: u32| {
        let mut own = underlay(&format!("u{at}"), "");
        own["spec"]["nodeSelector"] = json!({"matchLabels": {"name": format!("n{at}")}});
        own
    };
    let there: Vec<Value> = vnis(500).chain((0..200).map(own)).collect();
    let begin = Instant::now();
    match review_on(&all, &there, &l3vni("new", "new", 5000)) {
        Verdict::Allowed { warnings } => {
            assert_eq!(warnings.len(), 1);
            assert!(warnings[0].contains("which are too many"), "{warnings:?}");
        }
        other @ Verdict::Denied { .. } => panic!("{other:?}"),
    }
    let took = begin.elapsed();
    eprintln!("different: {took:?}");
    assert!(took < Duration::from_secs(20), "{took:?}");
}
