//! A route is followed hop by hop from the fabric to the kernel, and one that somebody takes out
//! of the kernel ends there, until zebra or the agent has put it back. Every check is explained.
//!
//! Seen to fail: with the route removed only once, which zebra mends within milliseconds.

use std::collections::BTreeSet;
use std::time::Duration;

use perouter::status::protocol::{VerifyReport, WalkReport};
use perouter::verify::walk::{Direction, RouteWalk, Stage, State, Verdict};

use crate::fabric::{Fabric, Failure};
use crate::names::{NODE1, RED};
use crate::wait::{seconds, until};

/// How long all may take to be ready again.
const READY: Duration = Duration::from_secs(60);

/// How often the route is removed until it is followed before the agent has mended it.
const TRIES: usize = 20;

/// What a route in goes through.
const INWARDS: [Stage; 6] = [
    Stage::EvpnPath,
    Stage::VrfBgp,
    Stage::Rib,
    Stage::Kernel,
    Stage::Neighbour,
    Stage::Fdb,
];

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let [own, _, remote] = RED;
    let whole = whole(fabric, remote.prefix)?;
    out(fabric, own.prefix)?;
    by_address(fabric, remote.address, remote.prefix)?;
    let routes = vni(fabric)?;
    nothing(fabric)?;
    let tries = broken(fabric, remote.prefix)?;
    let ready = fabric.ready(NODE1, READY)?;
    let explained = explained(fabric)?;
    Ok(format!(
        "{} hops whole; the kernel's shown broken at try {tries}, ready after {}; {routes} \
         routes of the VNI; {explained} checks explained",
        whole.hops.len(),
        seconds(ready)
    ))
}

/// What the agent says of a target, and with which exit status.
fn walked(fabric: &Fabric, target: &str) -> Result<(u8, WalkReport), Failure> {
    let asked = fabric.run(NODE1, &["perouter", "verify", target, "-o", "json"])?;
    Ok((asked.status, read(&asked.output)?))
}

fn read(text: &str) -> Result<WalkReport, Failure> {
    serde_json::from_str(text).map_err(|error| format!("{error} in {text:?}").into())
}

fn only(report: &WalkReport) -> Result<&RouteWalk, Failure> {
    match report.walk.vnis.as_slice() {
        [vni] if vni.routes.len() == 1 => Ok(&vni.routes[0]),
        _ => Err(format!("not one route: {report:#?}").into()),
    }
}

/// The route in, which other programs see too.
fn whole(fabric: &Fabric, prefix: &str) -> Result<RouteWalk, Failure> {
    let (status, report) = walked(fabric, prefix)?;
    let route = only(&report)?;
    let stages: Vec<Stage> = route.hops.iter().map(|hop| hop.stage).collect();
    let mut distinct = stages.clone();
    distinct.dedup();
    if status != 0 || route.direction != Direction::In || distinct != INWARDS {
        return Err(format!("{prefix} is not whole, status {status}: {report:#?}").into());
    }
    let seen = |stage| {
        let hops = route.hops.iter().filter(move |hop| hop.stage == stage);
        hops.map(|hop| hop.seen.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    };
    let shown = fabric.router(NODE1, &["ip", "route", "show", "vrf", "red", prefix])?;
    let (kernel, fdb) = (seen(Stage::Kernel), seen(Stage::Fdb));
    let via = kernel.split_whitespace().nth(1).unwrap_or_default();
    if via.is_empty() || !shown.contains(&format!("via {via} ")) {
        return Err(format!("the kernel says {shown:?}, the walk {kernel:?}").into());
    }
    let mac = fdb.split_whitespace().next().unwrap_or_default();
    let entries = fabric.router(NODE1, &["bridge", "fdb", "show", "dev", "vni100"])?;
    if !entries
        .lines()
        .any(|line| line.starts_with(mac) && line.contains(&format!("dst {via} ")))
    {
        return Err(format!("bridge fdb says {entries}, the walk {fdb:?}").into());
    }
    let text = fabric.ask(NODE1, &["perouter", "verify", prefix])?;
    match text.lines().next() {
        Some(first) if first == format!("Whole: {prefix}") => Ok(route.clone()),
        _ => Err(format!("for people it is: {text}").into()),
    }
}

fn out(fabric: &Fabric, prefix: &str) -> Result<(), Failure> {
    let (status, report) = walked(fabric, prefix)?;
    let route = only(&report)?;
    let last = route.hops.last().map(|hop| hop.stage);
    if status == 0 && route.direction == Direction::Out && last == Some(Stage::Advertised) {
        return Ok(());
    }
    Err(format!("{prefix} does not go out, status {status}: {report:#?}").into())
}

fn by_address(fabric: &Fabric, address: &str, prefix: &str) -> Result<(), Failure> {
    let (_, report) = walked(fabric, address)?;
    match only(&report)? {
        route if route.prefix.to_string() == prefix => Ok(()),
        route => Err(format!("{address} is reached by {}", route.prefix).into()),
    }
}

/// All of the VNI; how many routes it has.
fn vni(fabric: &Fabric) -> Result<usize, Failure> {
    let (status, report) = walked(fabric, "100")?;
    let [vni] = report.walk.vnis.as_slice() else {
        return Err(format!("not one VNI: {report:#?}").into());
    };
    let prefixes: BTreeSet<String> = vni.routes.iter().map(|to| to.prefix.to_string()).collect();
    let missing = RED.iter().find(|end| !prefixes.contains(end.prefix));
    if status != 0 || missing.is_some() {
        return Err(format!("status {status}, missing {missing:?}: {report:#?}").into());
    }
    Ok(vni.routes.len())
}

/// What is not there has a status of its own.
fn nothing(fabric: &Fabric) -> Result<(), Failure> {
    for target in ["10.99.0.0/16", "999"] {
        let (status, report) = walked(fabric, target)?;
        if status != 2 || report.walk.verdict() != Verdict::NoRoute {
            return Err(format!("{target}, status {status}: {report:#?}").into());
        }
    }
    Ok(())
}

/// Takes the route out of the kernel, over and over because zebra puts it back at once, and has
/// it followed meanwhile, until it was not there when it was looked for. Which try that was.
fn broken(fabric: &Fabric, prefix: &str) -> Result<usize, Failure> {
    let script = format!(
        "while :; do ip -n perouter route del {prefix} vrf red || true; done 2>/dev/null &
        remover=$!
        status=0
        perouter verify {prefix} -o json || status=$?
        kill $remover
        test $status -le 1"
    );
    for number in 1..=TRIES {
        let report = read(&fabric.shell(NODE1, &script)?)?;
        let route = only(&report)?;
        let last = route.hops.last().ok_or("no hops")?;
        if matches!(last.state, State::Broken { .. }) {
            let before = route.hops.iter().filter(|hop| hop.is_whole()).count();
            if last.stage != Stage::Kernel || before + 1 != route.hops.len() {
                return Err(format!("it does not end in the kernel: {route:#?}").into());
            }
            return Ok(number);
        }
        until(READY, "the route is back", || {
            let shown = fabric.router(NODE1, &["ip", "route", "show", "vrf", "red", prefix])?;
            Ok(if shown.is_empty() {
                Err("gone".to_owned())
            } else {
                Ok(())
            })
        })?;
    }
    Err(format!("in {TRIES} tries zebra always mended it first").into())
}

/// Every check that a verification names is explained.
fn explained(fabric: &Fabric) -> Result<usize, Failure> {
    let text = fabric.ask(NODE1, &["perouter", "verify", "-o", "json"])?;
    let report: VerifyReport =
        serde_json::from_str(&text).map_err(|error| format!("{error} in {text:?}"))?;
    let checks: BTreeSet<&str> = report.findings.iter().map(|of| of.check.name()).collect();
    for check in &checks {
        let told = fabric.ask(NODE1, &["perouter", "explain", check])?;
        if !told.starts_with(&format!("{check}: ")) || told.lines().count() < 10 {
            return Err(format!("{check} is explained by {told:?}").into());
        }
    }
    if checks.len() < 10 {
        return Err(format!("only these were verified: {checks:?}").into());
    }
    Ok(checks.len())
}
