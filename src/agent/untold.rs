//! Has zebra told of routes that bgpd chose and zebra has not got, which bgpd does not see.

use std::collections::BTreeMap;

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

/// How often zebra was told of the routes of VRFs that are not well yet.
#[derive(Debug, Default)]
pub(super) struct Told(BTreeMap<VrfName, u8>);

impl Told {
    /// Forgets those that are well, and keeps of the others those that are worth a try.
    fn worth_a_try<'a>(&mut self, ill: impl Iterator<Item = &'a VrfName>) -> Vec<VrfName> {
        let ill: Vec<VrfName> = ill.cloned().collect();
        self.0.retain(|vrf, _| ill.contains(vrf));
        let tries = |vrf: &VrfName| self.0.get(vrf).copied().unwrap_or_default();
        ill.into_iter().filter(|vrf| tries(vrf) < TRIES).collect()
    }

    fn tried(&mut self, vrf: VrfName) {
        *self.0.entry(vrf).or_default() += 1;
    }
}

impl Worker {
    /// Has bgpd choose anew what verification twice missed in zebra, which has it tell zebra.
    pub(super) async fn tell_zebra(&mut self, frr: &mut Frr) {
        let mut told = std::mem::take(&mut self.told);
        let ill = vrfs_that_lack(&self.resolution.intent, self.findings());
        let mut done = Vec::new();
        for vrf in told.worth_a_try(ill.into_iter()) {
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
        if let Err(error) = frr.choose_anew(vrf, *route).await {
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

    #[test]
    fn zebra_is_told_so_often_until_all_is_well() {
        let [red, blue] = ["red", "blue"].map(|name| name.parse::<VrfName>().unwrap());
        let mut told = Told::default();
        let worth = |told: &mut Told, ill: &[&VrfName]| {
            let worth = told.worth_a_try(ill.iter().copied());
            worth.iter().map(VrfName::to_string).collect::<Vec<_>>()
        };
        for _ in 0..TRIES {
            assert_eq!(worth(&mut told, &[&red]), ["red"]);
            told.tried(red.clone());
        }
        assert_eq!(worth(&mut told, &[&red, &blue]), ["blue"]);
        assert_eq!(worth(&mut told, &[&blue]), ["blue"]);
        assert_eq!(worth(&mut told, &[&red]), ["red"], "it was well meanwhile");
    }
}
