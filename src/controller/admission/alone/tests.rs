use serde_json::json;

use super::super::tests::{allowed, denied, l3vni, object, underlay, with_host};
use super::*;

#[test]
fn lines_of_configuration_are_for_the_own_namespace_and_experiments() {
    let lines = |namespace: &str, text: &str| {
        let mut raw = object("RawFRRConfig", "lines", "", json!({"rawConfig": text}));
        raw["metadata"]["namespace"] = json!(namespace);
        raw
    };
    let (one, two) = ("ip prefix-list a permit any", "ip prefix-list b permit any");
    let there = [underlay("fabric", "")];
    let own = lines("perouter-system", one);
    allowed(&there, &own, &[EXPERIMENT]);
    // At each write, of labels too.
    allowed(std::slice::from_ref(&own), &own, &[EXPERIMENT]);
    allowed(&[own], &lines("perouter-system", two), &[EXPERIMENT]);
    let words = [
        "RawFRRConfig tenant/lines: metadata.namespace: its lines would go into routers as they \
         are, so it counts only in perouter-system, the namespace of the router itself; create it \
         there",
    ];
    denied(&there, &lines("tenant", one), &words);
    // Where one is from before, no edit mends it, and its finalizers can go.
    denied(&[lines("tenant", one)], &lines("tenant", two), &words);
    let mut going = lines("tenant", one);
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    allowed(&there, &going, &[]);
}

#[test]
fn a_host_session_neither_comes_nor_goes_while_its_object_is_there() {
    let without = || l3vni("red", "red", 100);
    let with = |cidr| with_host(without(), cidr);
    let fabric = underlay("fabric", "");
    let why = "an object that is there, since its localCIDR could change so; delete the object \
               and create it anew";
    denied(
        &[fabric.clone(), with("192.169.10.0/24")],
        &without(),
        &[&format!(
            "L3VNI default/red: spec.hostSession: cannot be taken from {why}"
        )],
    );
    denied(
        &[fabric.clone(), without()],
        &with("192.169.10.0/24"),
        &[&format!(
            "L3VNI default/red: spec.hostSession: cannot be given to {why}"
        )],
    );
    // It may be there from the beginning, and say something else; so may an object without.
    allowed(std::slice::from_ref(&fabric), &with("192.169.10.0/24"), &[]);
    let mut other = with("192.169.10.0/24");
    other["spec"]["hostSession"]["hostASN"] = json!(64599);
    allowed(&[fabric.clone(), with("192.169.10.0/24")], &other, &[]);
    allowed(&[fabric, without()], &l3vni("red", "red", 101), &[]);
}
