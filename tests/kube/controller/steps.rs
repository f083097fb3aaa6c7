//! A leader that is killed after each of the writes by which it follows a change.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;
use serde_json::Value;

use super::admission::{Service, configure, is_ready, refused, secret};
use super::conditions::{field, says, write_status};
use super::indices::indices;
use super::process::{Controller, FAST, add_node, becomes};
use crate::bed::{Bed, NAMESPACE, SPOILED, l3vni};
use crate::steps::{Recorded, nth_write, writes};

fn start(account: &Recorded, name: &'static str) -> Controller {
    let more = [
        "--webhook-listen=127.0.0.1:0",
        "--webhook-name=127.0.0.1",
        "--namespace",
        NAMESPACE,
    ];
    let controller = Controller::start_as(&account.kubeconfig(), name, FAST, &more);
    is_ready(&controller);
    controller
}

fn short_lived(round: usize) -> String {
    format!("short-lived-{round}")
}

/// Something of everything that a leader has to follow.
fn change(bed: &Bed, round: usize) {
    if round > 0 {
        let gone = short_lived(round - 1);
        bed.run(&["delete", "node", &gone, "--wait=false"]);
        bed.spoil_webhook_key(NAMESPACE);
    }
    let vni = 100 + u32::try_from(round).unwrap();
    bed.feed(&["apply", "-f", "-"], &l3vni("red", vni));
    for node in [short_lived(round), format!("stays-{round}")] {
        add_node(bed, &node, None);
    }
    write_status(bed, &short_lived(round), &[]);
}

/// What is not yet as it should be after a change; panics at what never may be.
fn undone(bed: &Bed, round: usize) -> Vec<String> {
    let indices = indices(bed);
    let different: BTreeSet<&String> = indices.iter().map(|(_, index)| index).collect();
    assert_eq!(different.len(), indices.len(), "given twice: {indices:?}");
    let nodes = round + 2;
    let mut undone = Vec::new();
    if indices.len() != nodes {
        undone.push(format!("{nodes} indices: {indices:?}"));
    }
    let statuses = bed.run(&["-n", NAMESPACE, "get", "rns", "-o", "name"]);
    let wanted = format!("/{}\n", short_lived(round));
    if statuses.lines().count() != 1 || !statuses.ends_with(&wanted) {
        undone.push(format!("one status: {statuses}"));
    }
    let path = ".status.conditions[?(@.type=='Ready')].observedGeneration";
    let [observed, generation] =
        [path, ".metadata.generation"].map(|path| field(bed, "l3vni/red", path));
    let ready = says(bed, "Ready").2;
    let wanted = format!("0/{nodes} nodes ready: ");
    if observed != generation || !ready.starts_with(&wanted) {
        undone.push(format!("{wanted}of {generation}: {ready} of {observed}"));
    }
    if secret(bed, "tls.key") == SPOILED || !bed.trusts_webhook(NAMESPACE) {
        undone.push("a certificate that is trusted".to_owned());
    }
    undone
}

#[test]
fn killed_after_any_of_its_writes_a_leader_leaves_nothing_undone_and_nothing_twice() {
    let bed = Bed::new();
    let account = Recorded::new(&bed);
    let service = Service::new();
    configure(&bed, service.address, "Ignore");
    change(&bed, 0);
    let is_done = |round| undone(&bed, round).is_empty();
    let done = |round| becomes("done", || undone(&bed, round), Vec::is_empty);
    let mut leader = start(&account, "even");
    done(0);
    let mut killed_after = Vec::new();
    for round in 1.. {
        let name = if round % 2 == 0 { "even" } else { "odd" };
        let next = start(&account, name);
        next.says("another one leads", 1);
        leader.says(" leads lease=", 1);
        service.add(&next);
        let known = writes(&bed).len();
        change(&bed, round);
        let write = nth_write(&bed, known + round, || is_done(round));
        if write.is_some() {
            leader.end(Signal::SIGKILL);
        }
        done(round);
        let Some(write) = write else { break };
        killed_after.push(write);
        leader = next;
        // Its webhook was there all the time, and is asked.
        let mut twice: Value = serde_json::from_str(&l3vni("blue", 0)).unwrap();
        twice["spec"]["vni"] = field(&bed, "l3vni/red", ".spec.vni").parse().unwrap();
        refused(&bed, &twice, "is already used by");
    }
    eprintln!("a leader was killed after: {killed_after:#?}");
    // Two indices, a deletion, conditions, a certificate, and who is to trust it.
    assert!(killed_after.len() > 4, "{killed_after:?}");
}
