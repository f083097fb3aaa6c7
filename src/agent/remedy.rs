//! What no difference between wanted and seen shows: zebra holds routes for installed that the
//! kernel has dropped without telling anybody, as it does when a bridge leaves its VRF or has no
//! carrier for a moment, or next hops that it refused while the bridge was down; and MACs of remote
//! routers, when a VXLAN device was down for one. What else
//! a VNI has is disturbed only where nothing milder helps: zebra writes those MACs again in no other
//! way, and it may take a VNI for one that still leads to a bridge in which its device has been.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::execute::chain;
use super::facts::kernel::table_of;
use super::pass::Worker;
use crate::api::ObjectKey;
use crate::api::types::Vni;
use crate::intent::VniIntent;
use crate::netlink::Kernel;
use crate::plan::desired::Names;
use crate::plan::link::{KernelStep, LinkChange, SeenKernel, Space};
use crate::verify::{self, Stalled, StalledOnes};

/// What is done for a VNI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// zebra hears that these are gone.
    Announce(StalledOnes),
    /// The bridge goes down and up.
    Cycle,
}

/// What has been tried for the objects that are not well yet.
#[derive(Debug, Default)]
pub(super) struct Tried(BTreeMap<ObjectKey, Step>);

/// How far it went for one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Announced,
    Cycled,
}

impl Tried {
    /// What to do now. What its announcement has not brought back is worth one
    /// interruption of its VNI, not one each time: who knows what keeps it away.
    pub(super) fn next(
        &mut self,
        stalled: &BTreeMap<&ObjectKey, Stalled>,
        unforwarded: &BTreeSet<&ObjectKey>,
    ) -> BTreeMap<ObjectKey, Remedy> {
        let is_ill = |key: &ObjectKey| stalled.contains_key(key) || unforwarded.contains(key);
        self.0.retain(|key, _| is_ill(key));
        let ill = stalled.keys().chain(unforwarded).copied();
        let ill: BTreeSet<&ObjectKey> = ill.collect();
        ill.into_iter()
            .map(|key| {
                let ones = match stalled.get(key) {
                    Some(Stalled::Some(ones)) if !unforwarded.contains(key) => Some(ones),
                    Some(Stalled::Some(_) | Stalled::All) | None => None,
                };
                (key.clone(), self.step(key, ones))
            })
            .collect()
    }

    fn step(&mut self, key: &ObjectKey, ones: Option<&StalledOnes>) -> Remedy {
        let before = self.0.get(key).copied();
        match (ones, before) {
            (Some(ones), None) => {
                self.0.insert(key.clone(), Step::Announced);
                Remedy::Announce(ones.clone())
            }
            (Some(ones), Some(Step::Cycled)) => Remedy::Announce(ones.clone()),
            (Some(_), Some(Step::Announced)) | (None, _) => {
                self.0.insert(key.clone(), Step::Cycled);
                Remedy::Cycle
            }
        }
    }
}

impl Worker {
    /// Has zebra install anew what verification twice missed in the kernel.
    pub(super) async fn wake_zebra(&mut self) {
        let mut tried = std::mem::take(&mut self.tried);
        let stalled = verify::stalled(self.findings());
        let unforwarded = verify::unforwarded(self.findings());
        let remedies = tried.next(&stalled, &unforwarded);
        self.tried = tried;
        let Some(kernel) = self.kernel() else { return };
        let mut done = Vec::new();
        for vni in &self.resolution.intent.vnis {
            match remedies.get(&vni.key) {
                Some(Remedy::Cycle) => done.extend(cycle(kernel, vni).await),
                Some(Remedy::Announce(ones)) => {
                    let seen = self.seen.as_deref();
                    done.extend(announce_routes(kernel, vni, &ones.routes, seen).await);
                    done.extend(
                        announce_neighbours(kernel, vni.spec.vni, &ones.neighbours, seen).await,
                    );
                }
                None => {}
            }
        }
        if !done.is_empty() {
            self.note_repair(done.len(), done);
        }
    }
}

/// Has zebra hear of the end of each route, and install it anew; what was done.
async fn announce_routes(
    kernel: &Kernel,
    vni: &VniIntent,
    routes: &[IpNet],
    seen: Option<&SeenKernel>,
) -> Vec<String> {
    let vrf = &vni.spec.vrf;
    // Without its table nobody can have read its routes.
    let Ok(table) = table_of(vrf, seen) else {
        return Vec::new();
    };
    let mut done = Vec::new();
    for route in routes {
        match kernel.announce_drop(table, *route).await {
            Ok(()) => done.push(format!(
                "~ router: route {route} of VRF {vrf} is installed anew by zebra, which had not \
                 heard of its end"
            )),
            Err(error) => {
                tracing::warn!("zebra cannot be told that {route} of VRF {vrf} is gone: {error}");
            }
        }
    }
    done
}

/// Has zebra hear of the end of each neighbour's entry on a VNI's bridge, and write it anew; what
/// was done.
pub(super) async fn announce_neighbours(
    kernel: &Kernel,
    vni: Vni,
    neighbours: &[IpAddr],
    seen: Option<&SeenKernel>,
) -> Vec<String> {
    let bridge = Names::of(vni).bridge;
    let Some(link) = seen.and_then(|seen| seen.router.get(&bridge)) else {
        return Vec::new();
    };
    let mut done = Vec::new();
    for neighbour in neighbours {
        match kernel.announce_lost_neighbour(link.index, *neighbour).await {
            Ok(()) => done.push(format!(
                "~ router: neighbour {neighbour} of {bridge} is written anew by zebra, which had not \
                 heard of its end"
            )),
            Err(error) => {
                tracing::warn!("zebra cannot be told that {neighbour} is gone from {bridge}: {error}");
            }
        }
    }
    done
}

/// Has zebra install all routes by a bridge anew, by a bridge that goes down and comes up again.
async fn cycle(kernel: &Kernel, vni: &VniIntent) -> Option<String> {
    let step = KernelStep::SetLink {
        space: Space::Router,
        name: Names::of(vni.spec.vni).bridge,
        change: LinkChange::Cycle,
    };
    match kernel.execute(&step).await {
        Ok(()) => Some(step.to_string()),
        Err(error) => {
            tracing::warn!("{}", chain(&error));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Kind;

    fn ones() -> StalledOnes {
        StalledOnes {
            routes: vec!["172.16.2.0/24".parse().unwrap()],
            neighbours: vec![IpAddr::from([100, 65, 0, 1])],
        }
    }

    fn key(name: &str) -> ObjectKey {
        ObjectKey {
            kind: Kind::L3Vni,
            namespace: "perouter-system".to_owned(),
            name: name.to_owned(),
        }
    }

    /// What is done for one object, round after round.
    fn rounds(all: &[(Option<Stalled>, bool)]) -> Vec<Option<Remedy>> {
        let (mut tried, red) = (Tried::default(), key("red"));
        all.iter()
            .map(|(stalled, unforwarded)| {
                let stalled = stalled.iter().map(|what| (&red, what.clone())).collect();
                let unforwarded = unforwarded.then_some(&red).into_iter().collect();
                tried.next(&stalled, &unforwarded).remove(&red)
            })
            .collect()
    }

    #[test]
    fn what_an_announcement_does_not_mend_is_cycled_once() {
        let ill = || (Some(Stalled::Some(ones())), false);
        let (announce, cycle) = (|| Some(Remedy::Announce(ones())), || Some(Remedy::Cycle));
        assert_eq!(
            rounds(&[ill(), ill(), ill(), ill(), (None, false), ill(), ill()]),
            [
                announce(),
                cycle(),
                announce(),
                announce(),
                None,
                announce(),
                cycle()
            ]
        );
    }

    #[test]
    fn what_only_a_cycle_mends_is_cycled() {
        let all = rounds(&[
            (None, true),
            (Some(Stalled::All), false),
            (Some(Stalled::Some(ones())), true),
        ]);
        assert_eq!(all, [const { Some(Remedy::Cycle) }; 3]);
    }

    #[test]
    fn each_object_is_treated_alone() {
        let (red, blue) = (key("red"), key("blue"));
        let mut tried = Tried::default();
        let ill = |key| (key, Stalled::Some(ones()));
        let nothing_else = BTreeSet::new();
        drop(tried.next(&BTreeMap::from([ill(&red)]), &nothing_else));
        let both = tried.next(&BTreeMap::from([&red, &blue].map(ill)), &nothing_else);
        assert_eq!(both[&red], Remedy::Cycle);
        assert_eq!(both[&blue], Remedy::Announce(ones()));
    }
}
