//! What FRR refuses: in its own words, with the command, and without a trace.

use perouter::frr::{FrrError, Mode};
use perouter::plan::bgp::difference::ContextChange;
use perouter_harness::Daemon;
use perouter_parsers::running_config::{Config, Line};

use crate::bed::Bed;
use crate::intents::{evpn, plain, vni, vrf};

/// The change of one context of bgpd, from what runs to what `edit` makes of it.
async fn change(bed: &mut Bed, header: &str, edit: impl FnOnce(&mut Config)) -> ContextChange {
    let running = bed.driver.observe().await.unwrap().bgp;
    let mut body = running.context(header).cloned().unwrap_or_default();
    edit(&mut body);
    let header = Line::new(header).unwrap();
    ContextChange::towards(&running, &header, Some(&body)).expect("something changes")
}

/// Demands that bgpd refuses a change of `header` at `command`, with `words`, and runs on as
/// before.
async fn refused(
    bed: &mut Bed,
    header: &str,
    edit: impl FnOnce(&mut Config),
    command: &str,
    words: &str,
) {
    let before = bed.running();
    let change = change(bed, header, edit).await;
    let error = bed.driver.change_bgp(&change).await.expect_err(command);
    let FrrError::Refused {
        daemon,
        command: at,
        words: said,
    } = &error
    else {
        panic!("{command}: {error:?}");
    };
    assert_eq!(daemon.name(), "bgpd");
    assert!(at.contains(command), "{command}: refused at {at}");
    assert!(said.contains(words), "{command}: FRR said {said:?}");
    let shown = error.to_string();
    assert!(shown.contains(command) && shown.contains(words), "{shown}");
    assert_eq!(bed.running(), before, "{command}: something of it stayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_bgpd_does_not_know() {
    let mut bed = Bed::new(Mode::Off);
    bed.lead("an underlay", &evpn()).await;
    let edit = |body: &mut Config| {
        body.push("neighbor 10.9.0.7 remote-as 64512").unwrap();
        body.push("neighbor 10.9.0.7 timers 7 21").unwrap();
        body.push("neighbor 10.9.0.7 nonsense").unwrap();
    };
    refused(
        &mut bed,
        "router bgp 64514",
        edit,
        "neighbor 10.9.0.7 nonsense",
        "nknown command",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_that_is_the_router_itself() {
    let mut bed = Bed::new(Mode::Off);
    bed.real
        .exec(&["ip", "address", "add", "10.9.9.1/32", "dev", "lo"])
        .unwrap();
    bed.lead("an underlay", &plain()).await;
    let edit = |body: &mut Config| {
        body.push("neighbor 10.9.0.7 remote-as 64512").unwrap();
        body.push("neighbor 10.9.9.1 remote-as 64512").unwrap();
    };
    let command = "neighbor 10.9.9.1 remote-as 64512";
    refused(&mut bed, "router bgp 64514", edit, command, "local system").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_neighbour_in_a_peer_group_with_another_as() {
    let mut bed = Bed::new(Mode::Off);
    bed.lead("an underlay", &plain()).await;
    let group = [
        "neighbor FABRIC peer-group",
        "neighbor FABRIC remote-as 64512",
    ];
    let context = ["configure terminal", "router bgp 64514"];
    let member = ["neighbor 10.9.0.8 peer-group FABRIC", "end"];
    let typed: Vec<&str> = context.into_iter().chain(group).chain(member).collect();
    bed.real.vty(Daemon::Bgpd, &typed).unwrap();
    let edit = |body: &mut Config| {
        body.push("neighbor 10.9.0.7 remote-as 64512").unwrap();
        body.push("neighbor 10.9.0.8 remote-as 64999").unwrap();
    };
    let command = "neighbor 10.9.0.8 remote-as 64999";
    refused(&mut bed, "router bgp 64514", edit, command, "peer-group").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_default_instance() {
    let mut bed = Bed::new(Mode::Off);
    bed.lead("an underlay", &plain()).await;
    let edit = |body: &mut Config| {
        body.push("bgp router-id 10.0.0.1").unwrap();
    };
    refused(
        &mut bed,
        "router bgp 64999",
        edit,
        "router bgp 64999",
        "64514",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_default_instance_while_a_vrf_needs_it() {
    let mut bed = Bed::new(Mode::Off);
    let intent = crate::intents::with_vnis([crate::intents::bare_vni("red", 100)]);
    bed.lead("an underlay and a VNI", &intent).await;
    let before = bed.running();
    let running = bed.driver.observe().await.unwrap().bgp;
    let header = Line::new("router bgp 64514").unwrap();
    let removal = ContextChange::towards(&running, &header, None).unwrap();
    let error = bed
        .driver
        .change_bgp(&removal)
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("bgpd refused `no router bgp 64514`"),
        "{error}"
    );
    assert_eq!(bed.running(), before);
}

/// What is mapped already, by the way that `mode` takes.
async fn mapped_twice(mode: Mode) {
    let mut bed = Bed::new(mode);
    bed.driver.observe().await.unwrap();
    bed.driver
        .map_vnis(&[(vrf("red"), Some(vni(100)))])
        .await
        .unwrap();
    let before = bed.mapped();
    let again = [(vrf("blue"), Some(vni(100)))];
    let error = bed.driver.map_vnis(&again).await.unwrap_err().to_string();
    assert!(error.contains("100"), "{error}");
    match mode {
        Mode::Require => assert!(error.contains("already mapped"), "{error}"),
        Mode::Off => assert!(error.contains("blue"), "{error}"),
        Mode::Auto => panic!("name the way"),
    }
    assert_eq!(bed.mapped(), before);
    // The driver goes on with what is right.
    bed.driver
        .map_vnis(&[(vrf("blue"), Some(vni(200)))])
        .await
        .unwrap();
    assert_eq!(bed.vni_of("blue"), Some(200));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vni_mapped_twice_by_northbound() {
    mapped_twice(Mode::Require).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vni_mapped_twice_by_vty() {
    mapped_twice(Mode::Off).await;
}

/// A batch of which one mapping is refused is not in force at all.
async fn refused_batch(mode: Mode) {
    let mut bed = Bed::new(mode);
    bed.driver.observe().await.unwrap();
    bed.driver
        .map_vnis(&[(vrf("red"), Some(vni(100)))])
        .await
        .unwrap();
    let before = bed.mapped();
    let batch = [
        (vrf("green"), Some(vni(300))),
        (vrf("blue"), Some(vni(100))),
    ];
    bed.driver.map_vnis(&batch).await.unwrap_err();
    assert_eq!(
        bed.mapped(),
        before,
        "a part of the refused batch is in force"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_by_northbound() {
    refused_batch(Mode::Require).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_batch_by_vty() {
    refused_batch(Mode::Off).await;
}
