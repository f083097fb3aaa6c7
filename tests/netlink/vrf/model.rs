//! Any objects in any order, with faults in between, on the real kernel: what is there in the end
//! is what a fresh start with the last objects makes, and nothing of others has changed.
//!
//! FRR is left out: its steps are taken off the plans. `ip` is the witness.
//! `PEROUTER_MODEL_CASES` says how many sequences, `PEROUTER_MODEL_SEED` which.

mod node;

use std::time::{SystemTime, UNIX_EPOCH};

use perouter::api::Manifest;
use perouter::intent::{Accepted, NodeIntent, resolve};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

use crate::objects::samples::{INDEX, any_manifests, read};
use crate::state::differences;
use node::Node;

/// Sequences in a run, such that all take half a minute in User Mode Linux.
const CASES: u32 = 4;

/// Something that happens to a node.
#[derive(Clone, Debug)]
enum Event {
    /// All objects are others.
    All(Vec<Manifest>),
    /// One is created or edited: one of these.
    Put(Vec<Manifest>, Index),
    /// One is deleted.
    Delete(Index),
    /// Somebody alters the kernel by hand.
    Fault(Fault, Index),
    /// All objects are others, and the agent is killed after so many messages.
    Killed(Vec<Manifest>, u64),
    /// Somebody deletes the router's namespace.
    NamespaceGone,
}

/// What is done by hand to one of our links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Deleted,
    Down,
    NoAlias,
    OtherMtu,
    OtherMac,
    NoMaster,
    OtherGeneration,
    PortLearns,
    OtherVni,
    MoreAddresses,
    AddressGone,
    RulesGone,
}

const FAULTS: [Fault; 12] = [
    Fault::Deleted,
    Fault::Down,
    Fault::NoAlias,
    Fault::OtherMtu,
    Fault::OtherMac,
    Fault::NoMaster,
    Fault::OtherGeneration,
    Fault::PortLearns,
    Fault::OtherVni,
    Fault::MoreAddresses,
    Fault::AddressGone,
    Fault::RulesGone,
];

fn any_event() -> impl Strategy<Value = Event> {
    let index = any::<Index>;
    let fault = proptest::sample::select(FAULTS.to_vec());
    prop_oneof![
        2 => any_manifests().prop_map(Event::All),
        4 => (any_manifests(), index()).prop_map(|(all, one)| Event::Put(all, one)),
        2 => index().prop_map(Event::Delete),
        6 => (fault, index()).prop_map(|(fault, link)| Event::Fault(fault, link)),
        3 => (any_manifests(), 0_u64..40).prop_map(|(all, writes)| Event::Killed(all, writes)),
        1 => Just(Event::NamespaceGone),
    ]
}

/// Begins with some objects.
fn any_sequence() -> impl Strategy<Value = Vec<Event>> {
    let rest = proptest::collection::vec(any_event(), 2..8);
    (any_manifests(), rest).prop_map(|(first, rest)| {
        let mut all = vec![Event::All(first)];
        all.extend(rest);
        all
    })
}

/// A VRF with the name of a NIC that is on its way out needs a second pass, and is its own matter.
fn without_names_of_nics(all: &[Manifest]) -> Vec<Manifest> {
    let is_named_so =
        |one: &&Manifest| !matches!(one, Manifest::L3Vni(vni) if vni.spec.vrf.as_str() == "eth1");
    all.iter().filter(is_named_so).cloned().collect()
}

fn put(objects: &mut Vec<Manifest>, new: &Manifest) {
    objects.retain(|old| old.key() != new.key());
    objects.push(new.clone());
}

fn intent(objects: &[Manifest]) -> NodeIntent {
    let objects = without_names_of_nics(objects);
    resolve(read(objects), &Accepted::new(), &INDEX.into()).intent
}

async fn happens(node: &mut Node, objects: &mut Vec<Manifest>, event: &Event) {
    match event {
        Event::All(all) => objects.clone_from(all),
        Event::Put(all, one) if !all.is_empty() => put(objects, one.get(all)),
        Event::Delete(one) if !objects.is_empty() => {
            objects.remove(one.index(objects.len()));
        }
        Event::Put(..) | Event::Delete(_) => {}
        Event::Fault(fault, link) => node.suffer(*fault, *link),
        Event::Killed(all, writes) => {
            node.killed_in_a_pass(&intent(all), *writes).await;
            objects.clone_from(all);
        }
        Event::NamespaceGone => node.lose_the_namespace().await,
    }
}

async fn check(events: &[Event]) -> Result<(), TestCaseError> {
    let mut node = Node::new().await;
    let (untouched, others) = (node.state(), node.others());
    let mut objects = Vec::new();
    for event in events {
        happens(&mut node, &mut objects, event).await;
        node.settle(&intent(&objects))
            .await
            .map_err(TestCaseError::fail)?;
    }
    let mut fresh = Node::new().await;
    fresh
        .settle(&intent(&objects))
        .await
        .map_err(TestCaseError::fail)?;
    let expected = fresh.state();
    let found = node.becomes(&expected).await;
    prop_assert!(
        found.is_empty(),
        "not as a fresh start makes it:\n{}",
        found.join("\n")
    );
    prop_assert_eq!(node.others(), others, "links of others");
    let writes = node.writes();
    node.settle(&intent(&objects))
        .await
        .map_err(TestCaseError::fail)?;
    prop_assert_eq!(node.writes(), writes, "what is right was written again");
    node.settle(&NodeIntent::default())
        .await
        .map_err(TestCaseError::fail)?;
    let host = |key: &String| key.starts_with("host ");
    let mut left = node.state();
    left.retain(|key, _| host(key));
    let mut untouched = untouched;
    untouched.retain(|key, _| host(key));
    let found = differences(&left, &untouched);
    prop_assert!(found.is_empty(), "not given back:\n{}", found.join("\n"));
    Ok(())
}

fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    let text = std::env::var(variable).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{variable}={text} is no number")),
    )
}

/// Seen to fail: when addresses that nobody wants stay, when the veth of what went is left, and
/// when a NIC's way home that was cut short is not gone to its end.
#[test]
fn whatever_happened_the_kernel_is_as_a_fresh_start_makes_it() {
    let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let seed: u64 = number("PEROUTER_MODEL_SEED").unwrap_or(u64::from(clock.subsec_nanos()));
    let cases = number("PEROUTER_MODEL_CASES").unwrap_or(CASES);
    eprintln!("PEROUTER_MODEL_SEED={seed} PEROUTER_MODEL_CASES={cases}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config {
        cases,
        max_shrink_time: 60_000,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let ran = runner.run(&any_sequence(), |events| {
        let checked = runtime.block_on(check(&events));
        if let Err(error) = &checked {
            // In time, should shrinking it take too long for whoever waits.
            eprintln!("{error}\nafter {events:?}");
        }
        checked
    });
    if let Err(error) = ran {
        panic!("PEROUTER_MODEL_SEED={seed}: {error}");
    }
}
