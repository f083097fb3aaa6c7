//! What holds for the way from any intent to any other.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::world::{World, name};
use crate::api::types::InterfaceName;
use crate::intent::NodeIntent;
use crate::intent::samples::any_intent;
use crate::plan::link::{KernelStep, Links, Space};
use crate::plan::{Plan, Planned, Step};

fn foreign(links: &Links) -> Links {
    let mut links = links.clone();
    links.retain(|_, link| link.alias == "somebody else's");
    links
}

/// The links that one step touches, with the other end for a new veth.
fn touched(step: &Step) -> Vec<(Space, InterfaceName)> {
    use crate::plan::link::LinkKind;
    let Step::Kernel(step) = step else {
        return Vec::new();
    };
    match step {
        KernelStep::AddLink(link) => {
            let mut all = vec![(link.space, link.name.clone())];
            if let LinkKind::Veth { peer_space, peer } = &link.kind {
                all.push((*peer_space, peer.clone()));
            }
            all
        }
        KernelStep::DeleteLink { space, name }
        | KernelStep::SetLink { space, name, .. }
        | KernelStep::AddAddress { space, name, .. }
        | KernelStep::DeleteAddress { space, name, .. }
        | KernelStep::AddRoute { space, name, .. } => vec![(*space, name.clone())],
        KernelStep::MoveNic { name, .. } => {
            vec![(Space::Host, name.clone()), (Space::Router, name.clone())]
        }
        KernelStep::SetSysctl { .. } | KernelStep::IsolateVrfs(_) | KernelStep::InstallFirewall => {
            Vec::new()
        }
    }
}

/// Whether taking back all of `done` gives exactly what was: a step without an undo must have
/// touched only what the same unit made.
fn restorable(done: &[Planned]) -> bool {
    let mut made = BTreeSet::new();
    done.iter().all(|planned| {
        let all = touched(&planned.step);
        if matches!(planned.step, Step::Kernel(KernelStep::AddLink(_))) {
            made.extend(all.iter().cloned());
        }
        planned.undo.is_some() || (!all.is_empty() && all.iter().all(|id| made.contains(id)))
    })
}

fn steps(plan: &Plan) -> Vec<Vec<Planned>> {
    let units = plan.units.iter();
    units
        .map(|unit| unit.steps.clone().expect("not blocked"))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    /// One pass leads there, whatever was there before; nothing is left of what nobody wants.
    #[test]
    fn one_pass_leads_from_any_intent_to_any_other(
        intents in proptest::collection::vec(any_intent(), 1..4),
    ) {
        let untouched = World::new();
        let mut world = untouched.clone();
        for intent in &intents {
            let plan = world.converge(intent);
            for step in plan.all_steps() {
                for (space, link) in touched(step) {
                    let before = untouched.kernel.links(space).get(&link);
                    prop_assert!(before.is_none_or(|link| link.alias.is_empty()), "{}", step);
                }
            }
        }
        let as_it_came = World::running(intents.last().expect("one"));
        // A VRF that got another VNI keeps its table, so kinds may differ; names may not.
        let names = |world: &World| -> Vec<InterfaceName> {
            world.kernel.router.keys().chain(world.kernel.host.keys()).cloned().collect()
        };
        prop_assert_eq!(names(&world), names(&as_it_came));
        prop_assert_eq!(world.frr(), as_it_came.frr());
        world.converge(&NodeIntent::default());
        prop_assert_eq!(&world.kernel.host, &untouched.kernel.host);
        prop_assert_eq!(&world.kernel.nic_routes, &untouched.kernel.nic_routes);
        prop_assert_eq!(world.frr(), untouched.frr());
        let left: Vec<InterfaceName> = world.kernel.router.keys().cloned().collect();
        prop_assert_eq!(left, vec![name("lo")]);
    }

    #[test]
    fn a_unit_that_stops_half_way_can_be_taken_back(
        before in any_intent(), after in any_intent(), stop in 0.0_f64..=1.0,
    ) {
        let mut world = World::running(&before);
        let plan = world.plan(&after);
        for planned in plan.sweep.iter().flat_map(|leftover| &leftover.steps) {
            prop_assert_eq!(world.apply(&planned.step), Ok(()));
        }
        for steps in steps(&plan) {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a part of a small number of steps"
            )]
            let part = (steps.len() as f64 * stop) as usize;
            let done = &steps[..part];
            let was = world.clone();
            for planned in done {
                prop_assert_eq!(world.apply(&planned.step), Ok(()));
            }
            prop_assert_eq!(world.undo(done), Ok(()), "after {:?}", done);
            if restorable(done) {
                prop_assert_eq!(&world, &was, "after {:?}", done);
            }
            world = was;
            for planned in &steps {
                prop_assert_eq!(world.apply(&planned.step), Ok(()));
            }
        }
    }

    /// Two VRFs never share a routing table, and tables of the kernel's are never used.
    #[test]
    fn every_vrf_has_a_table_of_its_own(
        intents in proptest::collection::vec(any_intent(), 1..5),
    ) {
        use crate::plan::link::SeenKind;
        let mut world = World::new();
        for intent in &intents {
            world.converge(intent);
            let mut tables: Vec<u32> = Vec::new();
            for link in world.kernel.router.values() {
                if let SeenKind::Vrf { table } = link.kind {
                    tables.push(table);
                }
            }
            let distinct: BTreeSet<u32> = tables.iter().copied().collect();
            prop_assert_eq!(tables.len(), distinct.len());
            prop_assert!(distinct.iter().all(|table| *table > 255));
            prop_assert_eq!(foreign(&world.kernel.host), foreign(&World::new().kernel.host));
        }
    }
}
