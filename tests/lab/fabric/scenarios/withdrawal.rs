//! A prefix that is withdrawn at one end is gone from the kernel tables of all others within two
//! seconds, and comes back when it is announced again.
//!
//! Seen to fail: with another prefix withdrawn than the one that is watched.

use std::time::{Duration, Instant};

use crate::fabric::{Fabric, Failure};
use crate::names::{AGENTS, End, RED};
use crate::wait::{seconds, until};

/// How long a withdrawn prefix may stay anywhere.
const GONE: Duration = Duration::from_secs(2);
/// How long an announced one may take to be everywhere.
const BACK: Duration = Duration::from_secs(10);

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let (mut gone, mut back) = (Duration::ZERO, Duration::ZERO);
    for end in &RED {
        let before = holders(fabric, end)?;
        let expected = witnesses(end).len();
        if before.len() != expected {
            return Err(format!("{} is not in all tables, only {before:?}", end.prefix).into());
        }
        announce(fabric, end, "no network")?;
        let begin = Instant::now();
        let what = format!("{} is gone from all tables", end.prefix);
        let outcome = until(GONE, &what, || {
            let left = holders(fabric, end)?;
            Ok(if left.is_empty() {
                Ok(())
            } else {
                Err(format!("still in {}", left.join(", ")))
            })
        });
        gone = gone.max(begin.elapsed());
        announce(fabric, end, "network")?;
        outcome?;
        let what = format!("{} is back in all tables", end.prefix);
        let (_, took) = until(BACK, &what, || {
            let holders = holders(fabric, end)?;
            Ok(if holders.len() == expected {
                Ok(())
            } else {
                Err(format!("in {}", holders.join(", ")))
            })
        })?;
        back = back.max(took);
    }
    Ok(format!(
        "{} prefixes: gone everywhere within {}, back everywhere within {}",
        RED.len(),
        seconds(gone),
        seconds(back)
    ))
}

pub(super) fn announce(fabric: &Fabric, end: &End, word: &str) -> Result<(), Failure> {
    let instance = format!("router bgp {}", end.asn);
    let network = format!("{word} {}", end.prefix);
    let family = "address-family ipv4 unicast";
    fabric.vtysh(
        end.node,
        &["configure terminal", &instance, family, &network],
    )?;
    Ok(())
}

/// Whose kernel tables tell of an end's prefix: the other ends', and those of the routers whose
/// own host does not announce it. By node, and whether it is the router's VRF.
fn witnesses(end: &End) -> Vec<(&'static str, bool)> {
    let hosts = RED.iter().map(|other| (other.node, false));
    let routers = AGENTS.into_iter().map(|node| (node, true));
    hosts
        .chain(routers)
        .filter(|(node, router)| *router || *node != end.node)
        .collect()
}

/// The witnesses whose kernel has a route to the end's prefix.
pub(super) fn holders(fabric: &Fabric, end: &End) -> Result<Vec<String>, Failure> {
    let mut holders = Vec::new();
    for (node, router) in witnesses(end) {
        let routes = if router {
            fabric.router(node, &["ip", "route", "show", end.prefix, "vrf", "red"])?
        } else {
            fabric.ask(node, &["ip", "route", "show", end.prefix, "proto", "bgp"])?
        };
        if !routes.trim().is_empty() {
            let place = if router {
                "router's VRF red"
            } else {
                "main table"
            };
            holders.push(format!("{node}'s {place}"));
        }
    }
    Ok(holders)
}
