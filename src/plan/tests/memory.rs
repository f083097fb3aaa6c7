//! A planner that remembers plans what one without a memory plans, whatever happened in between.

use std::sync::Arc;

use perouter_parsers::running_config::{Config, Context, Line};
use proptest::prelude::*;
use proptest::sample::Index;

use super::world::World;
use crate::api::types::VrfName;
use crate::intent::NodeIntent;
use crate::intent::samples::{any_intent, vni};
use crate::plan::link::{Links, SeenKernel, SeenKind, SeenLink, Space};
use crate::plan::planning::table;
use crate::plan::{Plan, Planning, SeenFrr, Step, plan};

/// What happens between two passes.
#[derive(Clone, Debug)]
enum Event {
    /// All objects are others.
    Replaced(NodeIntent),
    /// One VNI of this intent comes beside the others, or in place of one.
    Edited(NodeIntent, Index, bool),
    /// One VNI goes.
    Removed(Index),
    /// These steps of the plan are taken, or all.
    Taken(u64),
    Converged,
    /// Somebody alters a link.
    Link(Space, Index, Index, u8),
    /// FRR prints something else than it should, from now on.
    Frr(Oddity),
    /// It prints what it should again.
    Cured,
    /// What raw objects led to is forgotten.
    Forgotten,
}

/// How what FRR prints differs from what it should.
#[derive(Clone, Debug)]
enum Oddity {
    Context(Index, Index, u8),
    Mapping(Index, u8),
    Line(Index, u8),
}

fn any_event() -> impl Strategy<Value = Event> {
    let space = prop_oneof![Just(Space::Host), Just(Space::Router)];
    let link = (space, any::<Index>(), any::<Index>(), 0_u8..14);
    let context = (any::<Index>(), any::<Index>(), 0_u8..6);
    prop_oneof![
        1 => any_intent().prop_map(Event::Replaced),
        3 => (any_intent(), any::<Index>(), any::<bool>())
            .prop_map(|(other, at, beside)| Event::Edited(other, at, beside)),
        2 => any::<Index>().prop_map(Event::Removed),
        3 => any::<u64>().prop_map(Event::Taken),
        4 => Just(Event::Converged),
        4 => link.prop_map(|(space, at, other, how)| Event::Link(space, at, other, how)),
        2 => context.prop_map(|(at, other, how)| Event::Frr(Oddity::Context(at, other, how))),
        1 => (any::<Index>(), 0_u8..4).prop_map(|(at, how)| Event::Frr(Oddity::Mapping(at, how))),
        1 => (any::<Index>(), 0_u8..4).prop_map(|(at, how)| Event::Frr(Oddity::Line(at, how))),
        1 => Just(Event::Cured),
        1 => Just(Event::Forgotten),
    ]
}

/// A node to which all this happens.
struct Node {
    intent: NodeIntent,
    world: World,
    oddities: Vec<Oddity>,
    planning: Planning,
    kernel: Arc<SeenKernel>,
}

impl Node {
    fn new(intent: NodeIntent) -> Self {
        let world = World::running(&intent);
        Self {
            intent,
            kernel: Arc::new(world.kernel.clone()),
            world,
            oddities: Vec::new(),
            planning: Planning::new(),
        }
    }

    fn frr(&self) -> SeenFrr {
        let mut frr = self.world.frr();
        for oddity in &self.oddities {
            oddity.show(&mut frr);
        }
        frr
    }

    /// Plans with and without a memory.
    fn plans(&mut self) -> (Plan, Plan) {
        if *self.kernel != self.world.kernel {
            self.kernel = Arc::new(self.world.kernel.clone());
        }
        let (frr, memory) = (self.frr(), &self.world.memory);
        let planned = self
            .planning
            .plan(&self.intent, &self.kernel, &frr, memory)
            .expect("typeable");
        let expected = plan(&self.intent, &self.kernel, &frr, memory).expect("typeable");
        (planned, expected)
    }

    fn happens(&mut self, event: &Event, last: &Plan) {
        match event {
            Event::Replaced(intent) => self.intent = intent.clone(),
            Event::Edited(other, at, beside) => self.edit(other, *at, *beside),
            Event::Removed(at) => {
                if !self.intent.vnis.is_empty() {
                    let at = at.index(self.intent.vnis.len());
                    self.intent.vnis.remove(at);
                }
            }
            Event::Taken(which) => self.take(last, *which),
            Event::Converged => self.take(last, u64::MAX),
            Event::Link(space, at, other, how) => {
                let links = match space {
                    Space::Host => &mut self.world.kernel.host,
                    Space::Router => &mut self.world.kernel.router,
                };
                alter_link(links, *at, *other, *how);
            }
            Event::Frr(oddity) => self.oddities.push(oddity.clone()),
            Event::Cured => self.oddities.clear(),
            Event::Forgotten => self.world.memory.raw.clear(),
        }
    }

    /// VNIs of two intents may claim the same, or have the same name; no plan may fail on that.
    fn edit(&mut self, other: &NodeIntent, at: Index, beside: bool) {
        let vnis = &mut self.intent.vnis;
        let Some(new) = other.vnis.first() else {
            return;
        };
        if beside || vnis.is_empty() {
            let place = at.index(vnis.len() + 1);
            vnis.insert(place, new.clone());
            return;
        }
        let place = at.index(vnis.len());
        let key = vnis[place].key.clone();
        vnis[place] = new.clone();
        vnis[place].key = key;
    }

    /// Takes the steps whose number is in `which`; a step that cannot be taken is none.
    fn take(&mut self, plan: &Plan, which: u64) {
        let swept = plan.sweep.iter().flat_map(|leftover| &leftover.steps);
        let mut number = 0_u32;
        let mut chosen = || {
            number += 1;
            which.rotate_right(number) & 1 == 1
        };
        for planned in swept {
            if chosen() {
                let _ = self.world.apply(&planned.step);
            }
        }
        for unit in &plan.units {
            let before = self.world.frr().bgp;
            for planned in unit.steps.iter().flatten() {
                if chosen() {
                    let taken = self.world.apply(&planned.step);
                    if let (Ok(()), Step::Raw(lines)) = (taken, &planned.step) {
                        self.world.remember(&unit.key, lines, &before);
                    }
                }
            }
        }
        for step in &plan.closing {
            if chosen() {
                let _ = self.world.apply(step);
            }
        }
    }
}

/// Alters the link at `at`, for some by what `other` says.
fn alter_link(links: &mut Links, at: Index, other: Index, how: u8) {
    if links.is_empty() {
        return;
    }
    let pick = |links: &Links, at: Index| links.keys().nth(at.index(links.len())).cloned();
    let (Some(name), Some(other)) = (pick(links, at), pick(links, other)) else {
        return;
    };
    let Some(example) = links.get(&other).cloned() else {
        return;
    };
    let Some(link) = links.get_mut(&name) else {
        return;
    };
    match how {
        0 => link.up = !link.up,
        1 => link.mtu += 1,
        2 => link.alias.clear(),
        3 => link.alias = "perouter: L3VNI default/nobody".to_owned(),
        4 => link.master = Some(other),
        5 => link.master = None,
        6 => link.index = example.index,
        7 => link.kind = example.kind,
        8 => link.addresses.extend(example.addresses),
        9 => {
            links.remove(&name);
        }
        10 => {
            let stray = "stray".parse().expect("a name");
            links.insert(stray, example);
        }
        11 => {
            // It comes by the name of a link of ours that nobody wants.
            let stray = "br-pe-4242".parse().expect("a name");
            let alias = "perouter: L3VNI default/gone".to_owned();
            links.insert(stray, SeenLink { alias, ..example });
        }
        12 => {
            let mut tables = links.values().filter_map(|link| table(&link.kind));
            let table = tables.next_back();
            let vrf = links
                .values_mut()
                .find(|link| matches!(link.kind, SeenKind::Vrf { .. }));
            if let (Some(vrf), Some(table)) = (vrf, table) {
                vrf.kind = SeenKind::Vrf { table };
            }
        }
        _ => link.group = link.group.wrapping_add(1),
    }
}

impl Oddity {
    fn show(&self, frr: &mut SeenFrr) {
        match self {
            Self::Context(at, other, how) => alter_contexts(&mut frr.bgp, *at, *other, *how),
            Self::Mapping(at, how) => alter_mapping(frr, *at, *how),
            Self::Line(at, how) => {
                let mut lines = frr.bgp.lines().to_vec();
                let new = |text: &str| Line::new(text).expect("a line");
                let place = at.index(lines.len() + 1);
                match how {
                    0 if place < lines.len() => _ = lines.remove(place),
                    1 if place < lines.len() => {
                        let longer = format!("{} le 32", lines[place]);
                        lines[place] = new(&longer);
                    }
                    2 => lines.reverse(),
                    _ => lines.insert(place, new("ip prefix-list odd seq 5 permit 10.0.0.0/8")),
                }
                let contexts = frr.bgp.contexts().to_vec();
                frr.bgp = Config::from(lines);
                contexts
                    .into_iter()
                    .for_each(|own| frr.bgp.push_context(own));
            }
        }
    }
}

fn alter_contexts(bgp: &mut Config, at: Index, other: Index, how: u8) {
    let mut contexts = bgp.contexts().to_vec();
    if contexts.is_empty() {
        return;
    }
    let (at, other) = (at.index(contexts.len()), other.index(contexts.len()));
    match how {
        0 => _ = contexts.remove(at),
        1 => contexts.swap(at, other),
        2 => {
            let (header, mut body) = contexts[at].clone().into_parts();
            body.push("bgp log-neighbor-changes").expect("a line");
            contexts[at] = Context::with_body(header, body);
        }
        3 => {
            // Another AS number in the same VRF, or for the default instance.
            let text = contexts[at]
                .header()
                .as_str()
                .replace("router bgp 645", "router bgp 655");
            let header = Line::new(text).expect("a line");
            let body = contexts[at].body().clone();
            contexts.insert(other, Context::with_body(header, body));
        }
        4 => contexts[at] = Context::new(contexts[at].header().clone()),
        _ => {
            let twice = contexts[at].clone();
            contexts.insert(other, twice);
        }
    }
    let lines = bgp.lines().to_vec();
    *bgp = Config::from(lines);
    contexts.into_iter().for_each(|own| bgp.push_context(own));
}

fn alter_mapping(frr: &mut SeenFrr, at: Index, how: u8) {
    let vrfs: Vec<VrfName> = frr.vnis.keys().cloned().collect();
    let odd: VrfName = "odd".parse().expect("a VRF");
    let vrf = vrfs.get(at.index(vrfs.len() + 1)).cloned().unwrap_or(odd);
    let some = frr.vnis.values().next_back().copied();
    match how {
        0 => _ = frr.vnis.remove(&vrf),
        1 => _ = frr.vnis.insert(vrf, vni(4242)),
        _ => _ = frr.vnis.insert(vrf, some.unwrap_or(vni(1))),
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(192),
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_planner_that_remembers_plans_the_same(
        intent in any_intent(),
        events in proptest::collection::vec(any_event(), 1..16),
    ) {
        let mut node = Node::new(intent);
        let (mut planned, expected) = node.plans();
        prop_assert_eq!(&planned, &expected);
        for event in &events {
            node.happens(event, &planned);
            let expected;
            (planned, expected) = node.plans();
            prop_assert_eq!(&planned, &expected, "after {:?}", event);
        }
    }
}
