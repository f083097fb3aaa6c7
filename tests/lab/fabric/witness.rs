//! What other programs know of a node's router: its links in both namespaces, its BGP instances
//! and its VNIs, each a line of words that tests compare.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::fabric::{Fabric, Failure, json};

/// What there is, such as «host link host-e-100», «router link red», «BGP instance red» or
/// «VNI 100 of red».
pub(crate) type Seen = BTreeSet<String>;

/// Everything of one VNI with its VRF and its leg to the host.
pub(crate) fn l3vni(vrf: &str, vni: u32) -> Seen {
    Seen::from([
        format!("host link host-e-{vni}"),
        format!("router link pe-e-{vni}"),
        format!("router link br-pe-{vni}"),
        format!("router link vni{vni}"),
        format!("router link {vrf}"),
        format!("BGP instance {vrf}"),
        format!("VNI {vni} of {vrf}"),
    ])
}

/// Everything that a node has now.
pub(crate) fn seen(fabric: &Fabric, node: &str) -> Result<Seen, Failure> {
    let links = ["ip", "-j", "link"];
    let of_host = json(&fabric.ask(node, &links)?)?;
    let of_router = json(&fabric.router(node, &links)?)?;
    let mut seen = Seen::new();
    for (place, links) in [("host", &of_host), ("router", &of_router)] {
        let names = each(links).filter_map(|link| link["ifname"].as_str());
        seen.extend(names.map(|name| format!("{place} link {name}")));
    }
    let instances = answer(fabric, node, "show bgp vrfs json")?;
    let names = instances["vrfs"].as_object().into_iter().flatten();
    seen.extend(names.map(|(name, _)| format!("BGP instance {name}")));
    let mappings = answer(fabric, node, "show vrf vni json")?;
    seen.extend(each(&mappings["vrfs"]).map(|mapping| {
        let vrf = mapping["vrf"].as_str().unwrap_or_default();
        format!("VNI {} of {vrf}", mapping["vni"])
    }));
    Ok(seen)
}

/// What a node has more and less now: an error unless it has all of these and none of those.
pub(crate) fn has(
    fabric: &Fabric,
    node: &str,
    all: &Seen,
    none: &Seen,
) -> Result<Result<(), String>, Failure> {
    let seen = seen(fabric, node)?;
    let missing: Vec<_> = all.difference(&seen).collect();
    let left: Vec<_> = none.intersection(&seen).collect();
    Ok(if missing.is_empty() && left.is_empty() {
        Ok(())
    } else {
        Err(format!("missing: {missing:?}, still there: {left:?}"))
    })
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// What FRR answers; without any BGP it answers in words.
fn answer(fabric: &Fabric, node: &str, question: &str) -> Result<Value, Failure> {
    let answer = fabric.router_vtysh(node, &[question])?;
    if answer.trim_start().starts_with('{') {
        return json(&answer);
    }
    Ok(Value::Null)
}
