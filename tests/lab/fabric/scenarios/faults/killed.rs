//! What runs is killed: the agent, each daemon of the router's FRR, all of them, the namespace.
//!
//! What a daemon that dies takes along is said in one place, [`Killed::limit`].
//!
//! Seen to fail: with a bgpd that was to cost nothing.

use std::time::{Duration, Instant};

use perouter::status::Verdict;

use super::watch::{self, Concern, Cost, Watch};
use crate::fabric::{Fabric, Failure};
use crate::names::NODE1;
use crate::wait::until;

/// How long all may take to be well again.
const BACK: Duration = Duration::from_secs(90);

/// How long the status may take to name a daemon that it cannot do without.
const TOLD: Duration = Duration::from_secs(10);

/// What may be lost when routes have to be learned anew: nobody waits for this router, whose
/// Underlay does not ask for graceful restart (`lab/graceful.rs` is about one that does).
const ROUTES_ANEW: Limit = Limit::Gap(Duration::from_secs(60));

/// What a fault may cost.
#[derive(Clone, Copy)]
enum Limit {
    /// No ping, and no session.
    Nothing,
    /// Pings for so long, and sessions.
    Gap(Duration),
}

/// Something that is killed.
struct Killed {
    what: &'static str,
    /// The patterns of the command lines that end.
    processes: &'static [&'static str],
    /// What else is done at the same time.
    also: &'static str,
    /// The daemon that the status must name meanwhile.
    named: Option<&'static str>,
    limit: Limit,
    links: Links,
}

/// What becomes of the router's links.
#[derive(Clone, Copy, PartialEq)]
enum Links {
    Stay,
    Anew,
}

const fn killed(
    what: &'static str,
    processes: &'static [&'static str],
    named: Option<&'static str>,
    limit: Limit,
) -> Killed {
    Killed {
        what,
        processes,
        also: "",
        named,
        limit,
        links: Links::Stay,
    }
}

const ALL_OF_FRR: &str = "^/usr/lib/frr/[a-z]* -N perouter";

const KILLED: [Killed; 8] = [
    killed("agent killed", &["^perouter agent"], None, Limit::Nothing),
    killed(
        "mgmtd killed",
        &["^/usr/lib/frr/mgmtd -N perouter"],
        None,
        Limit::Nothing,
    ),
    killed(
        "staticd killed",
        &["^/usr/lib/frr/staticd -N perouter"],
        None,
        Limit::Nothing,
    ),
    killed(
        "bfdd killed",
        &["^/usr/lib/frr/bfdd -N perouter"],
        None,
        Limit::Nothing,
    ),
    killed(
        "bgpd killed",
        &["^/usr/lib/frr/bgpd -N perouter"],
        Some("bgpd"),
        ROUTES_ANEW,
    ),
    killed(
        "zebra killed",
        &["^/usr/lib/frr/zebra -N perouter"],
        Some("zebra"),
        Limit::Nothing,
    ),
    killed("all of FRR killed", &[ALL_OF_FRR], None, ROUTES_ANEW),
    Killed {
        what: "namespace deleted, FRR killed",
        processes: &[ALL_OF_FRR],
        also: "ip netns delete perouter",
        named: None,
        limit: ROUTES_ANEW,
        links: Links::Anew,
    },
];

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    fabric
        .as_fresh()?
        .map_err(|seen| format!("before: {seen}"))?;
    let mut watch = Watch::start(fabric, Concern::All)?;
    for killed in &KILLED {
        let back = one(fabric, killed).map_err(|error| format!("{}: {error}", killed.what))?;
        watch.over(killed.what, back)?;
    }
    let costs = watch.costs()?;
    watch::tell(&costs, |cost| {
        let mut all = KILLED.iter();
        let killed = all.find(|killed| killed.what == cost.what);
        killed.map_or(Ok(()), |killed| within(cost, killed.limit))
    })
}

fn within(cost: &Cost, limit: Limit) -> Result<(), String> {
    match limit {
        Limit::Nothing if cost.lost() > 0 || !cost.down.is_empty() => {
            Err("it was to cost nothing".to_owned())
        }
        Limit::Gap(longest) if cost.gap() > longest => {
            Err(format!("pings went unanswered for {:?}", cost.gap()))
        }
        Limit::Nothing | Limit::Gap(_) => Ok(()),
    }
}

fn one(fabric: &Fabric, killed: &Killed) -> Result<Duration, Failure> {
    let links = links(fabric)?;
    let old = processes(fabric, killed)?;
    let begin = Instant::now();
    fabric.shell(
        NODE1,
        &format!("{}\nkill -KILL {}", killed.also, old.join(" ")),
    )?;
    let told = killed.named.map(|daemon| named(fabric, daemon));
    until(BACK, "what was killed runs again", || {
        let now = processes(fabric, killed)?;
        let again = now.len() == old.len() && now.iter().all(|pid| !old.contains(pid));
        Ok(if again {
            Ok(())
        } else {
            Err(format!("{now:?}"))
        })
    })?;
    told.transpose()?;
    until(BACK, "all is as fresh", || fabric.as_fresh())?;
    // After that: right after a fault it may not know better yet.
    until(BACK, "all is ready again by itself", || ready(fabric))?;
    let back = begin.elapsed();
    if killed.links == Links::Stay && self::links(fabric)? != links {
        return Err(format!("links changed: {links}, then {}", self::links(fabric)?).into());
    }
    Ok(back)
}

/// The processes that are to be killed, or were started in their place.
fn processes(fabric: &Fabric, killed: &Killed) -> Result<Vec<String>, Failure> {
    let pattern = killed.processes.join("|");
    let found = fabric.run(NODE1, &["pgrep", "-f", &pattern])?.output;
    Ok(found.lines().map(str::to_owned).collect())
}

/// Not by asking for a verification: it is to come back by itself.
fn ready(fabric: &Fabric) -> Result<Result<(), String>, Failure> {
    Ok(fabric
        .status(NODE1)?
        .and_then(|report| match report.verdict {
            Verdict::Ready => Ok(()),
            Verdict::NotReady => Err(report.cause),
        }))
}

/// Waits until the status is not ready and says something of a daemon.
fn named(fabric: &Fabric, daemon: &str) -> Result<String, Failure> {
    crate::scenarios::frr_hangs::told(fabric, daemon, TOLD).map(|(words, _)| words)
}

/// The indices and names of all links of node1's router.
fn links(fabric: &Fabric) -> Result<String, Failure> {
    let shown = fabric.router(NODE1, &["ip", "-o", "link"])?;
    let names = shown
        .lines()
        .filter_map(|line| line.split(": ").nth(1).zip(line.split(':').next()));
    Ok(names
        .map(|(name, index)| format!("{index} {name}\n"))
        .collect())
}
