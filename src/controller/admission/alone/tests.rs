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

#[test]
fn an_l3vpn_is_taken_with_the_word_that_nothing_is_made_of_it() {
    const WARNING: &str = "VRFs over SRv6 are not supported yet: an L3VPN is taken, and nothing is \
                           made of it on any node; its condition Accepted says so";
    let vpn = |number: u32| {
        let spec = json!({"vrf": "red", "rdAssignedNumber": number, "importRTs": ["64514:1"]});
        object("L3VPN", "violet", "", spec)
    };
    // Not even of its VRF does it have anything.
    let there = [underlay("fabric", ""), l3vni("red", "red", 100)];
    allowed(&there, &vpn(1), &[WARNING]);
    allowed(&[vpn(1)], &vpn(1), &[WARNING]);
    allowed(&[vpn(1)], &vpn(2), &[WARNING]);
    allowed(&[underlay("fabric", ""), vpn(1)], &there[1], &[]);
    let mut going = vpn(1);
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    allowed(&there, &going, &[]);
    // What else is wrong is denied as it is in any object.
    let mut wrong = vpn(1);
    wrong["spec"]["importRTs"] = json!(["64514:1", "64514:4294967296"]);
    denied(
        &there,
        &wrong,
        &[
            "L3VPN default/violet: spec.importRTs[1]: \"64514:4294967296\" is not a route target; it \
           must be ASN:number with an AS number up to 65535 and a number up to 4294967295, or \
           ASN:number with a larger AS number and a number up to 65535, or A.B.C.D:number with a \
           number up to 65535",
        ],
    );
    allowed(std::slice::from_ref(&wrong), &wrong, &[WARNING]);
}
