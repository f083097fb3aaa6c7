//! BGP sessions as FRR itself knows them, on all sides.

use std::collections::BTreeMap;

use crate::fabric::{Fabric, Failure, json};
use crate::names::{AGENTS, EXT, LEAF, NODE1, NODE2, SPINE};

/// One session, as one side sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// FRR's word.
    pub(crate) state: String,
    /// Since when it is established, in seconds since 1970; FRR computes it anew each time from
    /// the uptime, so it may be one off.
    epoch: u64,
    /// How often it came up.
    established: u64,
    /// How often it went down.
    dropped: u64,
}

/// All sessions, by «node, instance, VRF, neighbour, family».
pub(crate) type Sessions = BTreeMap<String, Session>;

/// All sessions of the fabric, seen from every side.
pub(crate) fn sessions(fabric: &Fabric) -> Result<Sessions, Failure> {
    let mut all = Sessions::new();
    for node in [NODE1, NODE2, SPINE, LEAF, EXT] {
        let answer = fabric.vtysh(node, &["show bgp vrf all summary json"])?;
        read(node, &answer, &mut all)?;
    }
    for node in AGENTS {
        let answer = fabric.router_vtysh(node, &["show bgp vrf all summary json"])?;
        read(&format!("{node} router"), &answer, &mut all)?;
    }
    Ok(all)
}

/// The sessions of a node's router, seen from there.
pub(crate) fn of_router(fabric: &Fabric, node: &str) -> Result<Sessions, Failure> {
    let mut all = Sessions::new();
    let answer = fabric.router_vtysh(node, &["show bgp vrf all summary json"])?;
    read(&format!("{node} router"), &answer, &mut all)?;
    Ok(all)
}

fn read(whose: &str, answer: &str, all: &mut Sessions) -> Result<(), Failure> {
    let vrfs = json(answer)?;
    for (vrf, families) in vrfs.as_object().into_iter().flatten() {
        for (family, summary) in families.as_object().into_iter().flatten() {
            for (peer, session) in summary["peers"].as_object().into_iter().flatten() {
                let number = |field: &str| session[field].as_u64().unwrap_or_default();
                let name = format!("{whose} {vrf} {peer} {family}");
                let session = Session {
                    state: session["state"].as_str().unwrap_or_default().to_owned(),
                    epoch: number("peerUptimeEstablishedEpoch"),
                    established: number("connectionsEstablished"),
                    dropped: number("connectionsDropped"),
                };
                all.insert(name, session);
            }
        }
    }
    Ok(())
}

impl Session {
    /// Whether it stood all the time from `then` until now.
    fn stood_since(&self, then: &Self) -> bool {
        then.state == "Established"
            && self.state == "Established"
            && then.epoch.abs_diff(self.epoch) <= 1
            && (then.established, then.dropped) == (self.established, self.dropped)
    }
}

/// The sessions that did not stand all the time between two looks.
pub(crate) fn went_down(before: &Sessions, after: &Sessions) -> Vec<String> {
    let stood =
        |name: &str, then: &Session| after.get(name).is_some_and(|now| now.stood_since(then));
    let broken = before.iter().filter(|(name, then)| !stood(name, then));
    broken.map(|(name, _)| name.clone()).collect()
}

/// Demands that the sessions which `concern` chooses stood all the time between two looks;
/// returns how many.
pub(crate) fn undisturbed(
    before: &Sessions,
    after: &Sessions,
    concern: impl Fn(&str) -> bool,
) -> Result<usize, Failure> {
    let mut count = 0;
    for (name, then) in before.iter().filter(|(name, _)| concern(name)) {
        let Some(now) = after.get(name) else {
            return Err(format!("the session {name} is gone").into());
        };
        if !now.stood_since(then) {
            return Err(format!("the session {name} was disturbed: {then:?}, then {now:?}").into());
        }
        count += 1;
    }
    if count == 0 {
        return Err("no session was compared".into());
    }
    Ok(count)
}
