//! `perouter lab record` writes what both of a node's routers say into files, and the parsers
//! read every one of them that they are for.
//!
//! Seen to fail: with the file of one command given to the parser of another.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::Command;

use perouter_parsers::running_config::RunningConfig;
use perouter_parsers::{bgp, evpn, rib, system};
use serde_json::Value;

use crate::fabric::{Fabric, Failure};
use crate::names::{LEAF, NODE1};

/// Files for people and for later: no parser reads them, but those that should be JSON must be.
const UNREAD: [&str; 22] = [
    "show-bfd-peers-counters.json",
    "show-bfd-peers.json",
    "show-bgp-l2vpn-evpn-import-rt.json",
    "show-bgp-l2vpn-evpn-route-type-2.json",
    "show-bgp-l2vpn-evpn-route-type-3.json",
    "show-bgp-l2vpn-evpn-vni-100.json",
    "show-bgp-l2vpn-evpn-vrf-import-rt.json",
    "show-bgp-l2vpn-evpn.json",
    "show-bgp-l2vpn-evpn-summary.json",
    "show-evpn-arp-cache-vni-all.json",
    "show-evpn-mac-vni-all.json",
    "show-evpn-vni-100.json",
    "show-evpn.json",
    "show-interface-vrf-all-brief.json",
    "show-interface.json",
    "show-ip-nht.json",
    "kernel-bridge-fdb.json",
    "kernel-ip-addr.json",
    "kernel-ip-link.json",
    "kernel-ip-neigh.json",
    "kernel-ip-route-all.json",
    "show-bgp-vrf-red-ipv6-unicast.json",
];

/// What is not even JSON: text for people, refusals, and one answer that FRR writes wrongly.
const UNREADABLE: [&str; 5] = [
    "show-bgp-l2vpn-evpn-detail.json",
    "show-bgp-l2vpn-evpn-route-type-5.txt",
    "show-bgp-unknown-command.txt",
    "show-vrf.txt",
    "show-zebra-client-summary.txt",
];

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let folder = tempfile::tempdir()?;
    let mut words = Vec::new();
    for (node, router) in [(NODE1, true), (NODE1, false), (LEAF, false)] {
        let place = folder.path().join(format!("{node}-{router}"));
        let mut record = Command::new(env!("CARGO_BIN_EXE_perouter"));
        record
            .args(["lab", "record", fabric.name(), node])
            .arg(&place);
        if router {
            record.arg("--router");
        }
        let recorded = record.output()?;
        if !recorded.status.success() {
            return Err(String::from_utf8_lossy(&recorded.stderr).into());
        }
        let counts = read_all(&place).map_err(|error| format!("{node}: {error}"))?;
        words.push(format!(
            "{node}{} {counts}",
            if router { "'s router" } else { "" }
        ));
    }
    Ok(words.join("; "))
}

/// Reads every file of a folder; says how many there are of each sort.
fn read_all(folder: &Path) -> Result<String, Failure> {
    let (mut parsed, mut json, mut text) = (0, 0, 0);
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let answer = fs::read(&path)?;
        // FRR's own words for a table without entries, and for a VRF or VNI that it has not.
        let malformed = answer.starts_with(b"{\n,") || answer.starts_with(b"%");
        let unread = UNREAD.contains(&&*name);
        if UNREADABLE.contains(&&*name) || (unread && malformed) {
            text += 1;
        } else if answer.is_empty() {
            return Err(format!("{name} is empty").into());
        } else if unread {
            let answer = String::from_utf8(answer)?;
            documents(&answer).map_err(|error| format!("{name}: {error} in {answer:?}"))?;
            json += 1;
        } else {
            parse(&name, &answer).map_err(|error| format!("{name}: {error}"))?;
            parsed += 1;
        }
    }
    if parsed < 20 {
        return Err(format!("only {parsed} files were parsed").into());
    }
    Ok(format!("{parsed} files parsed, {json} JSON, {text} text"))
}

/// Gives a file to the parser that it is for.
fn parse(name: &str, answer: &[u8]) -> Result<(), Failure> {
    fn go<T>(_: T) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
    let text = String::from_utf8_lossy(answer);
    match name {
        "show-version.txt" => drop(system::version(&text)?),
        "show-daemons.txt" => drop(system::daemons(&text)?),
        "show-running-config.txt" | "show-running-config-no-header.txt" => {
            drop(text.parse::<RunningConfig>()?);
        }
        "show-bgp-summary.json" | "show-bgp-vrf-red-summary.json" => drop(bgp::summary(answer)?),
        "show-bgp-vrf-all-summary.json" => drop(bgp::summary_of_all(answer)?),
        "show-bgp-neighbors.json" | "show-bgp-vrf-red-neighbors.json" => {
            drop(bgp::neighbors(answer)?);
        }
        "show-bgp-vrfs.json" => drop(bgp::instances(answer)?),
        "show-bgp-ipv4-unicast.json" | "show-bgp-vrf-red-ipv4-unicast.json" => {
            bgp::unicast(answer, go).map(|_| ())?;
        }
        "show-bgp-l2vpn-evpn-route-type-5.json" => evpn::type5(answer, go).map(|_| ())?,
        "show-bgp-l2vpn-evpn-advertised.json" => evpn::advertised(answer, go).map(|_| ())?,
        "show-bgp-l2vpn-evpn-vni.json" => drop(evpn::bgp_vnis(answer)?),
        "show-evpn-vni.json" => drop(evpn::zebra_vnis(answer)?),
        "show-evpn-vni-detail.json" => drop(evpn::vni_details(answer)?),
        "show-evpn-rmac-vni-all.json" => drop(evpn::router_macs(answer)?),
        "show-evpn-next-hops-vni-all.json" => drop(evpn::next_hops(answer)?),
        "show-vrf-vni.json" => drop(evpn::vrf_vnis(answer)?),
        "show-ip-route.json" | "show-ip-route-vrf-red.json" | "show-ipv6-route-vrf-red.json" => {
            rib::rib(answer, go).map(|_| ())?;
        }
        "show-ip-route-vrf-all.json" => documents(&text)?,
        other => return Err(format!("nobody has said what reads {other}").into()),
    }
    Ok(())
}

/// Reads JSON documents one after the other: FRR writes one for each VRF, or an empty one more.
fn documents(text: &str) -> Result<(), Failure> {
    for document in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        document?;
    }
    Ok(())
}
