//! Every feature that a desired configuration can express: typed into a real FRR, it is in
//! force, it reads back without a difference, and it goes again without a trace. And so is every
//! pair of them.

use perouter::frr::Mode;
use perouter::intent::{NodeIntent, RawIntent};
use perouter_harness::{Daemon, Options};

use crate::bed::{Bed, DAEMONS};
use crate::features::{Base, Feature, Topic, all, rows, topics};
use crate::intents::plain;

/// Demands that FRR's own words hold the feature's lines.
fn in_force(bed: &Bed, feature: &Feature) -> Result<(), String> {
    let running = bed.running() + &bed.profiles();
    let missing = feature.lines.iter().find(|line| !running.contains(*line));
    missing.map_or(Ok(()), |line| {
        Err(format!("{line:?} is not in force:\n{running}"))
    })
}

/// Leads FRR to the feature and back, from `home`, and looks at FRR's own words on both ways.
async fn there_and_back(bed: &mut Bed, home: &NodeIntent, feature: &Feature) -> Result<(), String> {
    let before = bed.running() + &bed.profiles();
    let intent = feature.intent();
    bed.try_to_lead(&intent).await?;
    in_force(bed, feature)?;
    let writes = bed.driver.writes();
    bed.try_to_lead(&intent).await?;
    if bed.driver.writes() != writes {
        return Err("what is so already is written again".to_owned());
    }
    bed.try_to_lead(home).await?;
    let after = bed.running() + &bed.profiles();
    if after == before {
        Ok(())
    } else {
        Err(format!("it left something behind:\n{after}"))
    }
}

/// Fails with all faults at once: each names its feature.
fn no_faults(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} faults:\n{}",
        faults.len(),
        faults.join("\n\n")
    );
}

async fn all_round_trips(mode: Mode, features: Vec<Feature>) {
    let mut bed = Bed::new(mode);
    let mut faults = Vec::new();
    for feature in &features {
        let home = feature.base.intent();
        bed.lead("the way home", &home).await;
        if let Err(fault) = there_and_back(&mut bed, &home, feature).await {
            faults.push(format!("{}: {fault}", feature.name));
        }
    }
    no_faults(&faults);
    bed.lead("nothing at all", &NodeIntent::default()).await;
    let left = bed.running();
    let rests = ["router bgp", "route-map", "prefix-list", "community-list"];
    assert!(!rests.iter().any(|rest| left.contains(rest)), "{left}");
    assert!(!bed.profiles().contains("profile"), "{}", bed.profiles());
    assert_eq!(bed.mapped()["vrfs"].as_array().map_or(0, Vec::len), 0);
}

fn is_of_vnis(topic: Topic) -> bool {
    match topic {
        Topic::Vrf
        | Topic::HostSession
        | Topic::HostAs
        | Topic::HostCidrs
        | Topic::AllowedPrefixes
        | Topic::RouteTargets
        | Topic::GatewaySubnets => true,
        Topic::Asn
        | Topic::RouterId
        | Topic::Neighbors
        | Topic::Vteps
        | Topic::GracefulRestart
        | Topic::ReflectorCluster
        | Topic::Peer
        | Topic::RemoteAs
        | Topic::Port
        | Topic::Password
        | Topic::Timers
        | Topic::ConnectTime
        | Topic::Multihop
        | Topic::Bfd
        | Topic::Families
        | Topic::ReflectorClient
        | Topic::Passthrough
        | Topic::Raw => false,
    }
}

fn of_vnis() -> Vec<Feature> {
    let topics = topics().into_iter().filter(|topic| is_of_vnis(*topic));
    topics.flat_map(rows).collect()
}

fn of_underlays() -> Vec<Feature> {
    let topics = topics().into_iter().filter(|topic| !is_of_vnis(*topic));
    topics.flat_map(rows).collect()
}

#[test]
fn every_topic_has_features_and_no_two_have_one_name() {
    for topic in topics() {
        assert!(!rows(topic).is_empty(), "{topic:?} has no feature");
    }
    let mut names: Vec<&str> = all().iter().map(|feature| feature.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[tokio::test(flavor = "multi_thread")]
async fn underlays_by_northbound() {
    all_round_trips(Mode::Require, of_underlays()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn underlays_by_vty() {
    all_round_trips(Mode::Off, of_underlays()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vnis_by_northbound() {
    all_round_trips(Mode::Require, of_vnis()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn vnis_by_vty() {
    all_round_trips(Mode::Off, of_vnis()).await;
}

/// With the module on some daemons only, the end state is the same as with it on all of them
/// and on none.
#[tokio::test(flavor = "multi_thread")]
async fn the_module_on_some_daemons_only_leads_to_the_same() {
    let mut beds = Vec::new();
    for grpc in [
        vec![Daemon::Zebra, Daemon::Bgpd, Daemon::Bfdd],
        vec![Daemon::Zebra],
        vec![Daemon::Bgpd, Daemon::Bfdd],
        vec![],
    ] {
        beds.push(Bed::with(
            Options::default().daemons(DAEMONS).grpc(grpc),
            Mode::Auto,
        ));
    }
    let mut faults = Vec::new();
    for feature in all() {
        let mut states = Vec::new();
        for bed in &mut beds {
            if let Err(fault) = bed.try_to_lead(&feature.intent()).await {
                faults.push(format!("{}: {fault}", feature.name));
            }
            states.push((bed.running(), bed.profiles(), bed.mapped()));
        }
        if states.iter().any(|state| *state != states[0]) {
            faults.push(format!("{}: {states:#?}", feature.name));
        }
    }
    no_faults(&faults);
}

/// Whether there are raw lines, and the neighbour or the instance that they speak of is not
/// there.
fn lacks_what_raw_lines_name(intent: &NodeIntent) -> bool {
    let own = &intent.underlay.as_ref().unwrap().spec;
    let spine = plain().underlay.unwrap().spec;
    let named = own.asn == spine.asn
        && own
            .neighbors
            .iter()
            .any(|n| n.peer == spine.neighbors[0].peer);
    let text = |raw: &RawIntent| raw.spec.config.to_string();
    !named && intent.raw.iter().any(|raw| text(raw).contains("10.9.0.2"))
}

/// Raw lines that bgpd cannot take are refused in its words, and disturb nothing else.
async fn refused_alone(
    bed: &mut Bed,
    intent: NodeIntent,
    led: Result<(), String>,
) -> Result<(), String> {
    let refused = match led {
        // What they needed went in this very pass; the next one types them again.
        Err(fault) if !fault.contains("refused") => bed.try_to_lead(&intent).await,
        other => other,
    };
    match refused {
        Err(fault) if fault.contains("raw") && fault.contains("bgpd refused") => {
            let others = NodeIntent {
                raw: Vec::new(),
                ..intent
            };
            bed.raw.clear();
            bed.try_to_lead(&others).await
        }
        Err(fault) => Err(fault),
        Ok(()) => Err("lines about a neighbour that is not there were taken".to_owned()),
    }
}

/// From each pair of features straight to the next: what one leaves must not be in the other's
/// way. `part` of `parts` parts, so that the processor's cores share the work.
async fn pairs(part: usize, parts: usize) {
    let mut bed = Bed::new(Mode::Auto);
    let features = all();
    let mut faults = Vec::new();
    let mut number = 0;
    for (index, one) in features.iter().enumerate() {
        for other in &features[index + 1..] {
            number += 1;
            if number % parts != part {
                continue;
            }
            let both = other.on(one.on(Base::Evpn.intent()));
            let mut led = bed.try_to_lead(&both).await;
            if lacks_what_raw_lines_name(&both) {
                led = refused_alone(&mut bed, both, led).await;
            }
            if let Err(fault) = led {
                faults.push(format!("{} and {}: {fault}", one.name, other.name));
                bed.lead("nothing at all", &NodeIntent::default()).await;
            }
        }
    }
    no_faults(&faults);
}

#[tokio::test(flavor = "multi_thread")]
async fn pairs_one_half() {
    pairs(0, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pairs_other_half() {
    pairs(1, 2).await;
}

/// From each feature straight to the next, there and back.
#[tokio::test(flavor = "multi_thread")]
async fn one_after_the_other() {
    let mut bed = Bed::new(Mode::Require);
    let features = all();
    let mut faults = Vec::new();
    for feature in features.iter().chain(features.iter().rev()) {
        let led = bed.try_to_lead(&feature.intent()).await;
        if let Err(fault) = led.and_then(|()| in_force(&bed, feature)) {
            faults.push(format!("{}: {fault}", feature.name));
        }
    }
    no_faults(&faults);
}
