//! The manifest of VRF red goes: everything of red goes, in the kernel and in FRR, and nothing
//! else. It comes back: red works again. Links that are not ours are untouched throughout,
//! whatever their names.
//!
//! Seen to fail: with a foreign link set down meanwhile.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::bgp;
use crate::fabric::{Fabric, Failure, json};
use crate::names::{BLUE, NODE1, RED, pairs};
use crate::ping::once;
use crate::ping::{Pinging, USUAL};
use crate::wait::{seconds, until};

/// How long all of red may take to go, or to come back.
const DEADLINE: Duration = Duration::from_secs(30);

/// Links of somebody else, with names like ours.
const FOREIGN: [&str; 3] = ["host-e-999", "br-hs-foreign", "host-e-77"];

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    fabric.shell(
        NODE1,
        "ip link add host-e-999 type dummy; ip link set host-e-999 up
         ip address add 198.51.100.1/32 dev host-e-999
         ip link add br-hs-foreign type bridge; ip link set br-hs-foreign up
         ip link add host-e-77 type veth peer name foreign-peer
         ip link set host-e-77 master br-hs-foreign; ip link set host-e-77 up",
    )?;
    let outcome = remove_and_restore(fabric);
    for link in FOREIGN {
        fabric.run(NODE1, &["ip", "link", "del", link])?;
    }
    outcome
}

fn remove_and_restore(fabric: &Fabric) -> Result<String, Failure> {
    let [blue1, blue2] = BLUE;
    let foreign = foreign(fabric)?;
    let blue_links = links_of_blue(fabric)?;
    let sessions = bgp::sessions(fabric)?;
    let pinging = Pinging::start(fabric, &blue1, &blue2, USUAL)?;

    fabric.ask(NODE1, &["rm", "/etc/perouter/red.yaml"])?;
    let (_, gone) = until(DEADLINE, "everything of red is gone", || remains(fabric))?;
    let ready = fabric.ready(NODE1, DEADLINE)?;

    fabric.ask(
        NODE1,
        &["cp", "/etc/lab/manifests/red.yaml", "/etc/perouter/"],
    )?;
    let (_, back) = until(DEADLINE, "red is back", || fabric.verified(NODE1))?;
    for (from, to) in pairs(&RED) {
        let ping = once(from, to, "2");
        until(DEADLINE, "red's ends reach each other again", || {
            Ok(match fabric.run(from.node, &ping)?.status {
                0 => Ok(()),
                _ => Err(format!("{} does not reach {}", from.address, to.address)),
            })
        })?;
    }

    let pinged = pinging.stop(fabric)?;
    let after = bgp::sessions(fabric)?;
    pinged.all_answered()?;
    same("links of blue", &blue_links, &links_of_blue(fabric)?)?;
    same("foreign links", &foreign, &self::foreign(fabric)?)?;
    let undisturbed = bgp::undisturbed(&sessions, &after, |name| !is_reds(name))?;
    Ok(format!(
        "all of red gone after {}, ready {} later, red back and ready after {}; meanwhile blue \
         lost 0 of {} pings, {undisturbed} other sessions, {} links of blue and {} foreign ones \
         undisturbed",
        seconds(gone),
        seconds(ready),
        seconds(back),
        pinged.sent,
        blue_links.len(),
        foreign.len(),
    ))
}

/// The sessions of node1's red, from both sides.
fn is_reds(name: &str) -> bool {
    name.starts_with("node1 ") && name.contains(" 192.169.10.")
}

fn same(what: &str, before: &Links, after: &Links) -> Result<(), Failure> {
    if before == after {
        return Ok(());
    }
    Err(format!("the {what} changed: {before:?}, then {after:?}").into())
}

/// What of links must not change, by name.
type Links = BTreeMap<String, Value>;

/// Index, address, state, master and addresses of each link that a test chooses.
fn links(answer: &str, chosen: impl Fn(&str) -> bool) -> Result<Links, Failure> {
    let mut links = Links::new();
    for link in json(answer)?.as_array().into_iter().flatten() {
        let name = link["ifname"].as_str().unwrap_or_default();
        if chosen(name) {
            let addresses: Vec<_> = link["addr_info"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|address| &address["local"])
                // The kernel adds these by itself, a while after a link is up.
                .filter(|local| !local.as_str().is_some_and(|text| text.starts_with("fe80:")))
                .collect();
            // The other flags follow from what the peer does.
            let up = link["flags"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|flag| flag == "UP");
            let kept = serde_json::json!([
                link["ifindex"],
                link["address"],
                up,
                link["master"],
                link["mtu"],
                addresses
            ]);
            links.insert(name.to_owned(), kept);
        }
    }
    Ok(links)
}

fn foreign(fabric: &Fabric) -> Result<Links, Failure> {
    let all = fabric.ask(NODE1, &["ip", "-j", "address"])?;
    let found = links(&all, |name| FOREIGN.contains(&name))?;
    if found.len() == FOREIGN.len() {
        return Ok(found);
    }
    Err(format!("of the foreign links only these are there: {found:?}").into())
}

fn links_of_blue(fabric: &Fabric) -> Result<Links, Failure> {
    let blues = ["blue", "br-pe-200", "vni200", "pe-e-200", "host-e-200"];
    let mut found = Links::new();
    for answer in [
        fabric.router(NODE1, &["ip", "-j", "address"])?,
        fabric.ask(NODE1, &["ip", "-j", "address"])?,
    ] {
        found.extend(links(&answer, |name| blues.contains(&name))?);
    }
    if found.len() == blues.len() {
        return Ok(found);
    }
    Err(format!("of blue's links only these are there: {found:?}").into())
}

/// What is left of red in node1: an error with its list, if anything is.
fn remains(fabric: &Fabric) -> Result<Result<(), String>, Failure> {
    let mut remains = Vec::new();
    let reds = ["red", "br-pe-100", "vni100", "pe-e-100", "host-e-100"];
    for answer in [
        fabric.router(NODE1, &["ip", "-j", "address"])?,
        fabric.ask(NODE1, &["ip", "-j", "address"])?,
    ] {
        let left = links(&answer, |name| reds.contains(&name))?;
        remains.extend(left.into_keys().map(|name| format!("link {name}")));
    }
    let instances = json(&fabric.router_vtysh(NODE1, &["show bgp vrfs json"])?)?;
    if !instances["vrfs"]["red"].is_null() {
        remains.push("BGP instance red".to_owned());
    }
    let mappings = json(&fabric.router_vtysh(NODE1, &["show vrf vni json"])?)?;
    let of_red = |mapping: &Value| mapping["vrf"] == "red" || mapping["vni"] == 100;
    if mappings["vrfs"]
        .as_array()
        .into_iter()
        .flatten()
        .any(of_red)
    {
        remains.push("mapping of red to its VNI".to_owned());
    }
    Ok(if remains.is_empty() {
        Ok(())
    } else {
        Err(remains.join(", "))
    })
}
