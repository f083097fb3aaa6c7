//! The underlay goes, comes back, and moves to another tunnel endpoint.
//!
//! Without it a node is as it was: its NIC is on the host again with its addresses, its routes and
//! its MTU, and nothing of the router is left in the kernel or in FRR. The other node's traffic
//! does not notice. With it back, all is as before. Another tunnel endpoint takes the place of the
//! old one: on the loopback, in the VXLAN devices, and in the fabric, where the old one is gone.
//!
//! Seen to fail: with another MTU expected of the NIC, and with the edit of the endpoint left out.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fabric::{Fabric, Failure, json};
use crate::names::{NODE1, NODE2, RED, SPINE};
use crate::ping::{Pinging, USUAL};
use crate::wait::{seconds, until};
use crate::witness::{self, Seen};

/// How long anything may take to go, or to be well again.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the NIC carries besides its address while it is the host's.
/// As the runner of labs makes it.
const NORMAL: u64 = 9500;
const MTU: u64 = 9400;
const ROUTE: &str = "192.0.2.0/25 via 10.0.1.1 dev eth1";

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let [_, red2, ext] = RED;
    let others = Pinging::start(fabric, &red2, &ext, USUAL)?;
    let before = witness::seen(fabric, NODE1)?;
    let gone = without(fabric, NORMAL)?;
    fabric.shell(
        NODE1,
        &format!("ip link set eth1 mtu {MTU}; ip route add {ROUTE}"),
    )?;
    let back = with(fabric, &before)?;
    without(fabric, MTU)?;
    let routes = fabric.ask(NODE1, &["ip", "route", "show", "192.0.2.0/25"])?;
    if !routes.starts_with(ROUTE) {
        return Err(format!("the NIC came without its route: {routes:?}").into());
    }
    fabric.shell(
        NODE1,
        &format!("ip route del {ROUTE}; ip link set eth1 mtu {NORMAL}"),
    )?;
    with(fabric, &before)?;
    let begin = Instant::now();
    endpoint(fabric, "100.65.0.0", "100.66.0.0")?;
    fabric.guard()?;
    let moved = begin.elapsed();
    endpoint(fabric, "100.66.0.0", "100.65.0.0")?;
    let others = others.stop(fabric)?;
    others.all_answered()?;
    Ok(format!(
        "gone after {}, with NIC, address, route and MTU on the host; back after {}; another \
         tunnel endpoint in use after {}; meanwhile the other node lost 0 of {} pings",
        seconds(gone),
        seconds(back),
        seconds(moved),
        others.sent
    ))
}

/// Takes the underlay's manifest away, and waits until the node is as it was without a router.
fn without(fabric: &Fabric, mtu: u64) -> Result<Duration, Failure> {
    fabric.ask(NODE1, &["rm", "/etc/perouter/underlay.yaml"])?;
    let (_, took) = until(DEADLINE, "nothing of the router is left", || {
        let left = routers(&witness::seen(fabric, NODE1)?);
        Ok(if left.is_empty() {
            Ok(())
        } else {
            Err(format!("{left:?}"))
        })
    })?;
    nic_is_the_hosts(fabric, mtu)?;
    // The NIC may be gone before bgpd's last word is out; then the hold time runs out.
    until(DEADLINE, "the spine's session with the node ends", || {
        let peers = json(&fabric.vtysh(SPINE, &["show bgp ipv4 unicast summary json"])?)?;
        let state = &peers["peers"]["10.0.1.2"]["state"];
        Ok(match state.as_str() {
            Some("Established") => Err(state.to_string()),
            Some(_) | None => Ok(()),
        })
    })?;
    Ok(took)
}

/// What of a node is the router's: all of it but loopbacks, what the kernel makes by itself, and
/// the host's own.
pub(super) fn routers(seen: &Seen) -> Seen {
    let of_kernel = [
        "lo", "sit0", "tunl0", "gre0", "gretap0", "erspan0", "ip6tnl0",
    ];
    let ours = |line: &&String| match line.split(' ').collect::<Vec<_>>()[..] {
        ["router", "link", name] => !of_kernel.contains(&name),
        ["host", "link", name] => name.starts_with("host-") || name.starts_with("br-hs-"),
        _ => true,
    };
    seen.iter().filter(ours).cloned().collect()
}

/// Demands that the NIC is on the host, up, with its address and the MTU.
fn nic_is_the_hosts(fabric: &Fabric, mtu: u64) -> Result<(), Failure> {
    let shown = json(&fabric.ask(NODE1, &["ip", "-j", "address", "show", "dev", "eth1"])?)?;
    let nic = &shown[0];
    let has = |list: &Value, wanted: &dyn Fn(&Value) -> bool| {
        list.as_array().is_some_and(|list| list.iter().any(wanted))
    };
    let address = has(&nic["addr_info"], &|address| {
        address["local"] == "10.0.1.2" && address["prefixlen"] == 24
    });
    let up = has(&nic["flags"], &|flag| flag == "UP");
    let routes = fabric.ask(NODE1, &["ip", "route", "show", "10.0.1.0/24"])?;
    if address && up && nic["mtu"] == mtu && routes.contains("dev eth1") {
        return Ok(());
    }
    Err(format!("the NIC is not as it was: {shown}, {routes}").into())
}

/// Puts the underlay's manifest back, and waits until all is as before and well.
fn with(fabric: &Fabric, before: &Seen) -> Result<Duration, Failure> {
    let restore = "cp /etc/lab/manifests/underlay.yaml /etc/perouter/";
    fabric.shell(NODE1, restore)?;
    let (_, took) = until(DEADLINE, "all of the router is back", || {
        witness::has(fabric, NODE1, before, &Seen::new())
    })?;
    let begin = Instant::now();
    fabric.guard()?;
    Ok(took + begin.elapsed())
}

/// Moves the node's tunnel endpoint, and waits until all know it and nobody the old one.
fn endpoint(fabric: &Fabric, from: &str, to: &str) -> Result<(), Failure> {
    let edit = format!("s/{from}/{to}/");
    fabric.ask(NODE1, &["sed", "-i", &edit, "/etc/perouter/underlay.yaml"])?;
    until(DEADLINE, "the other endpoint is in use", || {
        let addresses = fabric.router(NODE1, &["ip", "-br", "address", "show", "dev", "lo"])?;
        let devices = fabric.router(NODE1, &["ip", "-d", "link", "show", "type", "vxlan"])?;
        let told = fabric.router_vtysh(NODE2, &["show bgp ipv4 unicast json"])?;
        let (old, new) = (format!(" {from}/32"), format!(" {to}/32"));
        let local = format!("local {to} ");
        let right = addresses.contains(&new)
            && !addresses.contains(&old)
            && devices.matches(&local).count() == 2
            && devices.matches("local ").count() == 2
            && told.contains(&format!("\"{to}/32\""))
            && !told.contains(&format!("\"{from}/32\""));
        Ok(if right {
            Ok(())
        } else {
            Err(format!("{addresses}{devices}{told}"))
        })
    })?;
    Ok(())
}
