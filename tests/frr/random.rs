//! Any configuration after any other, on one real FRR: it converges with nothing left to do,
//! comes back to the same, and a change of one VRF concerns that VRF alone.

use perouter::frr::Mode;
use perouter::intent::{NodeIntent, VniIntent};
use perouter::plan::Step;
use perouter::plan::bgp::filter::ListChange;
use perouter_parsers::running_config::RunningConfig;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::bed::Bed;
use crate::features::{Base, Feature, Topic, all, rows, topics};
use crate::intents::{vni, vrf};

/// How many configurations are tried one after the other. Each takes some milliseconds.
const TIMES: usize = 150;

/// VRFs of a random configuration.
const VRFS: [&str; 4] = ["red", "blue", "green", "grey"];

/// The features of VNIs, and those of all else but for raw lines, which may name what a random
/// configuration does not have.
fn features() -> (Vec<Feature>, Vec<Feature>) {
    let of_vnis = |feature: &Feature| !feature.on(Base::Evpn.intent()).vnis.is_empty();
    let raw: Vec<&str> = rows(Topic::Raw)
        .iter()
        .map(|feature| feature.name)
        .collect();
    assert!(topics().contains(&Topic::Raw));
    let all = all().into_iter();
    all.filter(|feature| !raw.contains(&feature.name))
        .partition(of_vnis)
}

/// A VRF as one of the features has it, under another name.
fn variant(feature: &Feature, number: usize) -> VniIntent {
    let mut own = feature.on(Base::Evpn.intent()).vnis.remove(0);
    let place = u32::try_from(number).unwrap();
    own.key.name = VRFS[number].to_owned();
    own.spec.vrf = vrf(VRFS[number]);
    own.spec.vni = vni(1000 + place);
    own
}

/// Any features together, and any VRFs.
fn any_intent() -> impl Strategy<Value = NodeIntent> {
    let (of_vnis, others) = features();
    let some = vec(select(others), 0..5);
    let vrfs: Vec<_> = (0..VRFS.len())
        .map(|number| {
            let variant = select(of_vnis.clone()).prop_map(move |own| variant(&own, number));
            proptest::option::weighted(0.6, variant)
        })
        .collect();
    (some, vrfs).prop_map(|(features, vrfs)| {
        let mut intent = Base::Evpn.intent();
        for feature in &features {
            intent = feature.on(intent);
        }
        without_twins(&mut intent);
        intent.vnis = vrfs.into_iter().flatten().collect();
        intent
    })
}

/// No manifest can name a neighbour twice, or call from two ranges that overlap.
fn without_twins(intent: &mut NodeIntent) {
    let neighbors = &mut intent.underlay.as_mut().unwrap().spec.neighbors;
    let mut seen = Vec::new();
    neighbors.retain(|neighbor| {
        let is_new = !seen.contains(&neighbor.peer);
        seen.push(neighbor.peer.clone());
        is_new
    });
}

/// A source of random values that is the same in every run, so that what fails fails again.
fn runner(seed: u8) -> TestRunner {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn next<T: std::fmt::Debug>(runner: &mut TestRunner, of: &impl Strategy<Value = T>) -> T {
    of.new_tree(runner).expect("a value").current()
}

/// bgpd's configuration, whatever order it came in.
fn held(bed: &Bed) -> String {
    let running: RunningConfig = bed.running().parse().expect("a configuration");
    running.config.sorted().to_string()
}

type State = (String, String, serde_json::Value);

/// The lines that only one of two states has.
fn same(before: &State, after: &State) -> Result<(), String> {
    if before == after {
        return Ok(());
    }
    let lines = |state: &State| -> Vec<String> {
        let (bgp, bfd, vnis) = state;
        let text = format!("{bgp}{bfd}{vnis}");
        text.lines().map(str::to_owned).collect()
    };
    let (before, after) = (lines(before), lines(after));
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these
            .iter()
            .filter(|line| !those.contains(line))
            .cloned()
            .collect()
    };
    let (lost, new) = (only(&before, &after), only(&after, &before));
    Err(format!("lost {lost:#?}, new {new:#?}"))
}

async fn there_and_back(mode: Mode, seed: u8) {
    let mut bed = Bed::new(mode);
    let mut runner = runner(seed);
    let any = any_intent();
    let mut one = next(&mut runner, &any);
    for number in 0..TIMES {
        let other = next(&mut runner, &any);
        let what = |way: &str| format!("number {number}, {way}: {one:#?}\nand\n{other:#?}");
        bed.lead(&what("there"), &one).await;
        let before = (held(&bed), bed.profiles(), bed.mapped());
        bed.lead(&what("and on"), &other).await;
        bed.lead(&what("and back"), &one).await;
        let after = (held(&bed), bed.profiles(), bed.mapped());
        same(&before, &after).unwrap_or_else(|rest| panic!("{}: {rest}", what("the same again")));
        one = other;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_configuration_and_back_by_northbound() {
    there_and_back(Mode::Require, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_configuration_and_back_by_vty() {
    there_and_back(Mode::Off, 2).await;
}

/// What a step changes that is not the VRF's own.
fn beyond(step: &Step, own: &str) -> Vec<String> {
    let is_own_list = |name: &str| {
        name.contains(&format!(" {own}-in-")) || name.contains(&format!(" {own}-out-"))
    };
    match step {
        Step::Bgp(change) => {
            let outside = !change.header.as_str().ends_with(&format!(" vrf {own}"));
            outside
                .then(|| change.header.to_string())
                .into_iter()
                .collect()
        }
        Step::PrefixLists(changes) => {
            let lines = changes.iter().flat_map(ListChange::lines);
            lines.filter(|line| !is_own_list(line)).collect()
        }
        Step::MapVni { vrf, .. } if vrf.as_str() == own => Vec::new(),
        Step::MapVni { .. }
        | Step::Kernel(_)
        | Step::AllowAll(_)
        | Step::BfdProfiles(_)
        | Step::Raw(_) => vec![step.to_string()],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_one_vrf_sends_nothing_outside_its_contexts() {
    let mut bed = Bed::new(Mode::Auto);
    let mut runner = runner(3);
    let any = any_intent();
    let (of_vnis, _) = features();
    let mut changed = 0;
    for number in 0..TIMES {
        let mut intent = next(&mut runner, &any);
        bed.lead("any configuration", &intent).await;
        let place = number % VRFS.len();
        let feature = next(&mut runner, &proptest::option::of(select(of_vnis.clone())));
        intent
            .vnis
            .retain(|vni| vni.spec.vrf.as_str() != VRFS[place]);
        intent
            .vnis
            .extend(feature.map(|feature| variant(&feature, place)));
        let steps = bed.remaining(&intent).await;
        changed += usize::from(!steps.is_empty());
        let beyond: Vec<String> = steps
            .iter()
            .flat_map(|step| beyond(step, VRFS[place]))
            .collect();
        assert!(
            beyond.is_empty(),
            "{}: {beyond:#?}\n{intent:#?}",
            VRFS[place]
        );
        bed.lead("a change of one VRF", &intent).await;
    }
    assert!(changed > TIMES / 2, "only {changed} changes were any");
}
