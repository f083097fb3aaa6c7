//! The labels of a node change: what does not select it any more goes, whatever its kind, what
//! selects it stays undisturbed, and all comes back with the labels.
//!
//! Seen to fail: with blue selected by the tenants' label too, and with an underlay that selects
//! spares.

use std::time::Duration;

use super::restart::end_agent_unready;
use crate::bgp;
use crate::fabric::{Fabric, Failure, json};
use crate::names::{BLUE, NODE1};
use crate::ping::{Pinging, USUAL};
use crate::wait::{seconds, until};
use crate::witness::{self, Seen};

/// How long anything may take to come or go.
const DEADLINE: Duration = Duration::from_secs(60);

/// Objects of all kinds but the underlay, for nodes with tenants; and the underlay, for nodes of
/// the fabric. Blue selects every node.
const EDIT: &str = r#"
cd /etc/perouter
sed -i '/^spec:/a\  nodeSelector: {matchLabels: {tenants: "yes"}}' red.yaml
sed -i '/^spec:/a\  nodeSelector: {matchExpressions: [{key: role, operator: NotIn, values: [spare]}]}' underlay.yaml
cat > zz-labels.yaml <<LABELS
apiVersion: network.openperouter.io/v1alpha1
kind: L2VNI
metadata: {name: lan, namespace: perouter-system}
spec:
  nodeSelector: {matchLabels: {tenants: "yes"}}
  vni: 110
  hostMaster: {type: LinuxBridge, linuxBridge: {lifecycle: Managed}}
---
apiVersion: network.openperouter.io/v1alpha1
kind: L3Passthrough
metadata: {name: host, namespace: perouter-system}
spec:
  nodeSelector: {matchLabels: {tenants: "yes"}}
  hostSession: {asn: 64514, hostASN: 64515, localCIDR: {ipv4: 192.169.30.0/24}}
---
apiVersion: network.openperouter.io/v1alpha1
kind: RawFRRConfig
metadata: {name: raw, namespace: perouter-system}
spec:
  nodeSelector: {matchLabels: {tenants: "yes"}}
  rawConfig: |
    ip prefix-list zz-of-tenants seq 5 permit 198.51.100.0/24
LABELS
"#;

/// The host's side of the passthrough; it exchanges no routes.
const HOST: [&str; 8] = [
    "configure terminal",
    "ip prefix-list none seq 5 deny any",
    "router bgp 64515",
    "neighbor 192.169.30.1 remote-as 64514",
    "neighbor 192.169.30.1 timers connect 1",
    "address-family ipv4 unicast",
    "neighbor 192.169.30.1 prefix-list none in",
    "neighbor 192.169.30.1 prefix-list none out",
];

/// The host's session with the router by the passthrough, which goes with it.
const PASSTHROUGH: &str = " 192.169.30.";

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    fabric.vtysh(NODE1, &HOST)?;
    let outcome = by_labels(fabric);
    fabric.shell(
        NODE1,
        "rm -f /run/lab-labels /etc/perouter/zz-labels.yaml
         cp /etc/lab/manifests/*.yaml /etc/perouter/",
    )?;
    let none = ["configure terminal", "router bgp 64515"];
    fabric.vtysh(NODE1, &[&none[..], &["no neighbor 192.169.30.1"]].concat())?;
    outcome
}

fn by_labels(fabric: &Fabric) -> Result<String, Failure> {
    let [blue1, blue2] = BLUE;
    let at_first = witness::seen(fabric, NODE1)?;
    labelled(fabric, "tenants=yes")?;
    fabric.shell(NODE1, EDIT)?;
    let tenants = tenants();
    shown(fabric, "with tenants", &tenants, &Seen::new())?;
    traces(fabric, true)?;
    fabric.ready(NODE1, DEADLINE)?;

    let before = bgp::sessions(fabric)?;
    let pinging = Pinging::start(fabric, &blue1, &blue2, USUAL)?;
    labelled(fabric, "tenants=no")?;
    let gone = shown(
        fabric,
        "without tenants",
        &witness::l3vni("blue", 200),
        &tenants,
    )?;
    traces(fabric, false)?;
    let ready = fabric.ready(NODE1, DEADLINE)?;
    let left = &witness::seen(fabric, NODE1)? - &at_first;
    if !left.is_empty() {
        return Err(format!("without tenants there is {left:?}").into());
    }
    labelled(fabric, "tenants=yes")?;
    let back = shown(fabric, "with tenants again", &tenants, &Seen::new())?;
    traces(fabric, true)?;
    fabric.ready(NODE1, DEADLINE)?;
    let pinged = pinging.stop(fabric)?;
    let sessions = bgp::undisturbed(&before, &bgp::sessions(fabric)?, is_others)?;
    pinged.all_answered()?;

    labelled(fabric, "tenants=yes,role=spare")?;
    let everything = &tenants | &witness::l3vni("blue", 200);
    let spare = shown(
        fabric,
        "as a spare",
        &nic("host"),
        &(&everything | &nic("router")),
    )?;
    labelled(fabric, "role=worker")?;
    let blue = &witness::l3vni("blue", 200) | &nic("router");
    shown(fabric, "as a worker", &blue, &(&tenants | &nic("host")))?;
    fabric.ready(NODE1, DEADLINE)?;
    Ok(format!(
        "an L3VNI, an L2VNI, a passthrough and raw lines gone {} after the agent came with other \
         labels, ready {} later, back after {}; {sessions} other sessions undisturbed, 0 of {} \
         pings lost; without an underlay all gone after {}",
        seconds(gone),
        seconds(ready),
        seconds(back),
        pinged.sent,
        seconds(spare)
    ))
}

/// What is there by the label of the tenants.
fn tenants() -> Seen {
    let others = [
        "host link host-e-110",
        "host link br-hs-110",
        "router link pe-e-110",
        "router link br-pe-110",
        "router link vni110",
        "host link pt-host",
        "router link pt-ns",
    ];
    &witness::l3vni("red", 100) | &others.map(str::to_owned).into()
}

/// The NIC, where it is.
fn nic(place: &str) -> Seen {
    Seen::from([format!("{place} link eth1")])
}

/// Sessions that the tenants' label has no part in.
fn is_others(name: &str) -> bool {
    let of_red = name.starts_with("node1 ") && name.contains(" 192.169.10.");
    !of_red && !name.contains(PASSTHROUGH)
}

/// Starts the agent again, with other labels.
fn labelled(fabric: &Fabric, labels: &str) -> Result<(), Failure> {
    fabric.shell(NODE1, &format!("echo {labels} > /run/lab-labels"))?;
    end_agent_unready(fabric, NODE1, "TERM")?;
    Ok(())
}

fn shown(fabric: &Fabric, when: &str, all: &Seen, none: &Seen) -> Result<Duration, Failure> {
    let (_, took) = until(DEADLINE, when, || witness::has(fabric, NODE1, all, none))?;
    Ok(took)
}

/// Waits until the raw lines and the host's session by the passthrough are in FRR, on both sides
/// of the session, or are not.
fn traces(fabric: &Fabric, wanted: bool) -> Result<(), Failure> {
    until(DEADLINE, "FRR has what it should of the tenants'", || {
        let running = fabric.router_vtysh(NODE1, &["show running-config"])?;
        let raw = running.contains("zz-of-tenants");
        let neighbour = running.contains("neighbor 192.169.30.2 ");
        let ask = ["show bgp ipv4 unicast summary json"];
        let router = json(&fabric.router_vtysh(NODE1, &ask)?)?;
        let host = json(&fabric.vtysh(NODE1, &ask)?)?;
        let states = [
            &router["peers"]["192.169.30.2"]["state"],
            &host["peers"]["192.169.30.1"]["state"],
        ];
        let up = states.iter().filter(|state| **state == "Established");
        let up = up.count();
        let expected = if wanted { 2 } else { 0 };
        Ok(if (raw, neighbour, up) == (wanted, wanted, expected) {
            Ok(())
        } else {
            Err(format!(
                "raw lines: {raw}, neighbour: {neighbour}, sessions: {states:?}"
            ))
        })
    })?;
    Ok(())
}
