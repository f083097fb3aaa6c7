//! The host's own routes travel the fabric as they are: `containerlab/passthrough.clab.yml`. Its
//! session with the router is of every kind in turn, and goes with its object.

use std::time::Duration;

use serde_json::Value;

use crate::harness::{Backend, Lab, text, wait_within};

const LIMIT: Duration = Duration::from_secs(60);
const NODE: &str = "node1";
const MANIFEST: &str = "/etc/perouter/host.yaml";

/// Ways to say who the host is, and its AS number.
const KINDS: [(&str, u32); 3] = [
    ("hostType: External", 64515),
    ("hostType: Internal", 64514),
    ("hostASN: 64514", 64514),
];

/// Seen to fail: with a host of another AS number than the manifest says.
#[test]
fn the_host_reaches_the_fabric_without_evpn() {
    let lab = Lab::new("passthrough", Backend::Auto);
    lab.up();
    lab.check();
    assert_eq!(peers(&lab), ["64515 Established"; 2], "by number");
    for (kind, asn) in KINDS {
        let edit = format!(r"s/host(ASN|Type): \w+/{kind}/");
        shell(
            &lab,
            &format!("sed -Ei '{edit}' {MANIFEST}; grep -q '{kind}' {MANIFEST}"),
        );
        host_is_of(&lab, asn);
        let established = [format!("{asn} Established"), format!("{asn} Established")];
        wait_within(LIMIT, &format!("sessions are up by «{kind}»"), || {
            (peers(&lab) == established).then_some(())
        });
        lab.check();
    }
    shell(&lab, &format!("rm {MANIFEST}"));
    wait_within(LIMIT, "the router has no session with the host", || {
        peers(&lab).is_empty().then_some(())
    });
    let ready = || lab.exec(NODE, &["perouter", "verify"]).status.success();
    wait_within(LIMIT, "it is ready", || ready().then_some(()));
    let links = shell(
        &lab,
        "ip -o link; nsenter --net=/run/netns/perouter ip -o link",
    );
    assert!(!links.contains(" pt-"), "{links}");
    let running = shell(&lab, "vtysh -N perouter -c 'show running-config'");
    let traces = ["192.169.30", "fd00:30"];
    assert!(
        !traces.iter().any(|trace| running.contains(trace)),
        "{running}"
    );
    lab.down();
}

fn shell(lab: &Lab, script: &str) -> String {
    let output = lab.exec(NODE, &["bash", "-euc", script]);
    let (out, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "«{script}»: {errors}{out}");
    out
}

/// Configures the host's own speaker anew, as one of this AS number.
fn host_is_of(lab: &Lab, asn: u32) {
    shell(
        lab,
        &format!(
            "vtysh -c 'configure terminal' -c 'no router bgp'
            sed 's/router bgp .*/router bgp {asn}/' /etc/frr/frr.conf > /tmp/host.conf
            vtysh -f /tmp/host.conf >&2"
        ),
    );
}

/// The router's neighbours but the spine, each its AS number and its state.
fn peers(lab: &Lab) -> Vec<String> {
    let asked = shell(lab, "vtysh -N perouter -c 'show bgp summary json'");
    let families: Value = serde_json::from_str(&asked).unwrap();
    let families = families.as_object().into_iter().flatten();
    let peers = families.flat_map(|(_, family)| family["peers"].as_object().into_iter().flatten());
    peers
        .filter(|(name, _)| name.starts_with("192.169.30.") || name.starts_with("fd00:30:"))
        .map(|(_, peer)| {
            let state = peer["state"].as_str().unwrap_or_default();
            format!("{} {state}", peer["remoteAs"])
        })
        .collect()
}
