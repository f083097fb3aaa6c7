//! Has zebra told of routes that bgpd chose and zebra has not got, which bgpd does not see.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::execute::chain;
use super::facts::untold;
use super::pass::Worker;
use crate::api::VrfName;
use crate::frr::Frr;
use crate::verify::untold::vrfs_that_lack;

/// How often zebra is told of the same VRF's routes at most until all is well there: who knows what
/// keeps them away.
const TRIES: u8 = 3;

/// So many routes of a VRF are told at once.
const MOST: usize = 1000;

/// In so many VRFs is looked at once, in turn: a pass should not take long where all are ill.
const AT_ONCE: usize = 8;

/// How often zebra was told of the routes of VRFs that are not well yet.
#[derive(Debug, Default)]
pub(super) struct Told {
    tries: BTreeMap<VrfName, u8>,
    /// In which VRF was looked last.
    last: Option<VrfName>,
}

impl Told {
    /// Forgets those that are well; of the others, those whose turn it is and that are worth a try.
    fn next(&mut self, ill: &BTreeSet<&VrfName>) -> Vec<VrfName> {
        self.tries.retain(|vrf, _| ill.contains(vrf));
        let tries = |vrf: &VrfName| self.tries.get(vrf).copied().unwrap_or_default();
        let worth = ill.iter().copied().filter(|vrf| tries(vrf) < TRIES);
        let is_next = |vrf: &&VrfName| self.last.as_ref().is_none_or(|last| *vrf > last);
        let (next, rest): (Vec<&VrfName>, Vec<&VrfName>) = worth.partition(is_next);
        let turn = next.into_iter().chain(rest).take(AT_ONCE);
        let turn: Vec<VrfName> = turn.cloned().collect();
        self.last = turn.last().cloned();
        turn
    }

    fn tried(&mut self, vrf: VrfName) {
        *self.tries.entry(vrf).or_default() += 1;
    }
}

impl Worker {
    /// Has bgpd choose anew what verification twice missed in zebra, which has it tell zebra.
    pub(super) async fn tell_zebra(&mut self, frr: &mut Frr) {
        let mut told = std::mem::take(&mut self.told);
        let ill = vrfs_that_lack(&self.resolution.intent, self.findings());
        let mut done = Vec::new();
        for vrf in told.next(&ill) {
            let routes = match untold(frr.dir(), &vrf).await {
                Ok(routes) => routes,
                Err(unread) => {
                    tracing::debug!(%vrf, ?unread, "what zebra was not told cannot be known");
                    continue;
                }
            };
            let routes: Vec<IpNet> = routes.into_iter().take(MOST).collect();
            if let Some(step) = tell(frr, &vrf, &routes).await {
                told.tried(vrf);
                done.push((routes.len(), step));
            }
        }
        self.told = told;
        if !done.is_empty() {
            let count = done.iter().map(|(count, _)| count).sum();
            self.note_repair(count, done.into_iter().map(|(_, step)| step).collect());
        }
    }
}

/// What was done, if there was anything to do and bgpd did it.
async fn tell(frr: &mut Frr, vrf: &VrfName, routes: &[IpNet]) -> Option<String> {
    let first = routes.first()?;
    for route in routes {
        if let Err(error) = frr.choose_anew(Some(vrf), *route).await {
            tracing::warn!(
                "bgpd cannot be had tell zebra of {route} of VRF {vrf}: {}",
                chain(&error)
            );
            return None;
        }
    }
    let what = match routes.len() {
        1 => format!("route {first}"),
        count => format!("{count} routes ({first} first)"),
    };
    Some(format!(
        "~ bgpd: {what} of VRF {vrf} told to zebra anew, which had not got what bgpd chose"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vrf(name: &str) -> VrfName {
        name.parse().unwrap()
    }

    fn next(told: &mut Told, ill: &[&VrfName]) -> Vec<String> {
        let next = told.next(&ill.iter().copied().collect());
        next.iter().map(VrfName::to_string).collect()
    }

    #[test]
    fn zebra_is_told_so_often_until_all_is_well() {
        let both = ["blue", "red"].map(vrf);
        let [blue, red] = &both;
        let mut told = Told::default();
        for _ in 0..TRIES {
            assert_eq!(next(&mut told, &[red]), ["red"]);
            told.tried(red.clone());
        }
        assert_eq!(next(&mut told, &[blue, red]), ["blue"]);
        assert_eq!(next(&mut told, &[blue]), ["blue"]);
        assert_eq!(next(&mut told, &[red]), ["red"], "it was well");
    }

    #[test]
    fn where_many_are_ill_each_has_its_turn() {
        let many: Vec<VrfName> = (10..10 + AT_ONCE + 2)
            .map(|number| vrf(&format!("vrf{number}")))
            .collect();
        let many: Vec<&VrfName> = many.iter().collect();
        let mut told = Told::default();
        assert_eq!(next(&mut told, &many).len(), AT_ONCE);
        let second = next(&mut told, &many);
        assert_eq!(second.len(), AT_ONCE);
        assert_eq!(second[..3], ["vrf18", "vrf19", "vrf10"]);
    }
}
