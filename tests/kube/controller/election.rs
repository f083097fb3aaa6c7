//! Who leads, through the death, the pause and the end of whoever does.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::indices::indices;
use super::process::{Controller, FAST, add_node, becomes, is};
use crate::bed::{Bed, NAMESPACE};

/// Who holds the lease, by the name that it was given; empty when nobody does.
fn holder(bed: &Bed) -> String {
    let said = lease(bed, ".spec.holderIdentity");
    let (name, _unique) = said.split_once('_').unwrap_or_default();
    name.to_owned()
}

fn lease(bed: &Bed, path: &str) -> String {
    let path = format!("jsonpath={{{path}}}");
    let lease = "lease/perouter-controller";
    bed.kubectl(&["-n", NAMESPACE, "get", lease, "-o", &path], "")
        .out
}

/// Starts two, and tells which one leads, and which waits.
fn two(bed: &Bed) -> (Controller, Controller) {
    let a = Controller::start(bed, "a", FAST);
    let b = Controller::start(bed, "b", FAST);
    let leader = becomes("led", || holder(bed), |name| !name.is_empty());
    if leader == "a" { (a, b) } else { (b, a) }
}

#[test]
fn when_the_leader_is_killed_the_other_goes_on_and_no_index_is_given_twice() {
    let bed = Bed::new();
    let (mut leader, other) = two(&bed);
    add_node(&bed, "node1", None);
    add_node(&bed, "node2", None);
    is(
        || indices(&bed),
        &vec![("node1".into(), "0".into()), ("node2".into(), "1".into())],
    );
    other.says("another one leads", 1);

    let killed = Instant::now();
    leader.end(Signal::SIGKILL);
    add_node(&bed, "node3", None);
    let wanted = ["0", "1", "2"].map(str::to_owned);
    let now = || indices(&bed).into_iter().map(|(_, index)| index).collect();
    is(now, &wanted.to_vec());
    eprintln!(
        "a leader that was killed is replaced within {:?}",
        killed.elapsed()
    );
    assert_eq!(holder(&bed), other.name);
    assert_eq!(lease(&bed, ".spec.leaseTransitions"), "1");
    assert!(
        killed.elapsed() > Duration::from_secs(2),
        "the lease is waited for"
    );
}

#[test]
fn a_leader_that_was_stopped_for_long_writes_nothing_when_it_goes_on() {
    let bed = Bed::new();
    let (leader, other) = two(&bed);
    leader.signal(Signal::SIGSTOP);
    add_node(&bed, "node1", None);
    is(|| indices(&bed), &vec![("node1".into(), "0".into())]);
    assert_eq!(holder(&bed), other.name);
    add_node(&bed, "node2", None);
    leader.signal(Signal::SIGCONT);
    leader.says("no longer leads", 1);
    is(|| indices(&bed).len(), &2);
    leader.says("another one leads", 1);
    assert_eq!(holder(&bed), other.name);
    assert_eq!(
        leader.log().matches("gave an index").count(),
        0,
        "{}",
        leader.log()
    );
    assert_eq!(
        other.log().matches("gave an index").count(),
        2,
        "{}",
        other.log()
    );
}

#[test]
fn a_leader_that_ends_gives_the_lease_back_and_the_next_one_leads_at_once() {
    const SLOW: [&str; 3] = ["600", "400", "1"];
    let bed = Bed::new();
    let mut first = Controller::start(&bed, "first", SLOW);
    is(|| holder(&bed), &"first".to_owned());
    let second = Controller::start(&bed, "second", SLOW);
    second.says("another one leads", 1);
    let status = first.end(Signal::SIGTERM);
    assert!(status.success(), "{status}");
    assert!(first.log().contains("gave the lease back"));
    is(|| holder(&bed), &"second".to_owned());
}

#[test]
fn while_the_api_is_away_nobody_leads_and_all_goes_on_when_it_is_back() {
    let mut bed = Bed::new();
    let controller = Controller::start(&bed, "a", FAST);
    controller.says(" leads", 1);
    bed.server.kill();
    controller.says("no longer leads: the lease could not be renewed in time", 1);
    let (head, _) = controller.probe("/livez");
    assert!(head.contains("200"), "{head}");
    bed.server.start_server().unwrap();
    add_node(&bed, "node1", None);
    is(|| indices(&bed), &vec![("node1".into(), "0".into())]);
}

#[test]
fn probes_are_answered_by_whoever_leads_and_whoever_waits() {
    let bed = Bed::new();
    let (leader, other) = two(&bed);
    for controller in [&leader, &other] {
        for probe in ["/livez", "/startupz", "/readyz"] {
            let answer = || controller.probe(&format!("{probe}?verbose"));
            let (_, body) = becomes(probe, answer, |(head, _)| head.contains("200 OK"));
            assert!(body.contains("[+]ping ok"), "{body}");
        }
    }
    let (head, body) = leader.probe("/metrics");
    assert!(
        head.contains("404") && body.contains("/readyz"),
        "{head}: {body}"
    );
}

#[test]
fn what_was_not_read_yet_is_not_ready_and_named() {
    let bed = Bed::new();
    bed.run(&["delete", "crd", "l2vnis.network.openperouter.io"]);
    let controller = Controller::start(&bed, "a", FAST);
    let answer = || controller.probe("/readyz");
    let missing = "[-]watches failed: not read from the API yet: L2VNI\n";
    let (head, _) = becomes(missing, answer, |(_, body)| body.contains(missing));
    assert!(head.contains("503"), "{head}");
    // What does not need it is done.
    add_node(&bed, "node1", None);
    is(|| indices(&bed), &vec![("node1".into(), "0".into())]);
}
