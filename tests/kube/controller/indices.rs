//! The index of every node, and the status of a node that is gone.

use std::time::Duration;

use serde_json::Value;

use super::conditions::write_status;
use super::process::{Controller, FAST, add_node, becomes, is};
use crate::bed::{Bed, NAMESPACE};

/// Every node that has an index, with it.
pub(crate) fn indices(bed: &Bed) -> Vec<(String, String)> {
    let said = bed.run(&["get", "nodes", "-o", "json"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let nodes = said["items"].as_array().unwrap().iter();
    let mut all: Vec<_> = nodes
        .filter_map(|node| {
            let metadata = &node["metadata"];
            let index = metadata["annotations"]["openpe.io/nodeindex"].as_str()?;
            Some((metadata["name"].as_str()?.to_owned(), index.to_owned()))
        })
        .collect();
    all.sort();
    all
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    let all = all.iter();
    all.map(|(node, index)| ((*node).to_owned(), (*index).to_owned()))
        .collect()
}

/// The nodes that have a status.
fn statuses(bed: &Bed) -> Vec<String> {
    let said = bed.run(&["-n", NAMESPACE, "get", "rns", "-o", "name"]);
    let names = said.lines().filter_map(|line| line.split_once('/'));
    names.map(|(_, name)| name.to_owned()).collect()
}

#[test]
fn indices_are_kept_repaired_and_given_again_through_restarts() {
    let bed = Bed::new();
    // Whoever is older is told by whole seconds.
    let age = || std::thread::sleep(Duration::from_millis(1100));
    add_node(&bed, "kept", Some("5"));
    add_node(&bed, "older", Some("7"));
    age();
    add_node(&bed, "aaa-younger", Some("7"));
    age();
    add_node(&bed, "nonsense", Some("seven"));
    let mut controller = Controller::start(&bed, "a", FAST);
    let repaired = pairs(&[
        ("aaa-younger", "0"),
        ("kept", "5"),
        ("nonsense", "1"),
        ("older", "7"),
    ]);
    is(|| indices(&bed), &repaired);

    // The lowest that is free; what is above stays where it is.
    bed.run(&["delete", "node", "aaa-younger"]);
    add_node(&bed, "new", None);
    let now = pairs(&[
        ("kept", "5"),
        ("new", "0"),
        ("nonsense", "1"),
        ("older", "7"),
    ]);
    is(|| indices(&bed), &now);

    // An index that somebody takes off or changes by hand.
    bed.run(&["annotate", "node/kept", "openpe.io/nodeindex-"]);
    let now = pairs(&[
        ("kept", "2"),
        ("new", "0"),
        ("nonsense", "1"),
        ("older", "7"),
    ]);
    is(|| indices(&bed), &now);
    bed.run(&[
        "annotate",
        "--overwrite",
        "node/new",
        "openpe.io/nodeindex=7",
    ]);
    is(|| indices(&bed), &now);

    // Nodes come and go while nobody is there.
    controller.end(nix::sys::signal::Signal::SIGKILL);
    bed.run(&["delete", "node", "older"]);
    add_node(&bed, "late", None);
    let _next = Controller::start(&bed, "b", FAST);
    let now = pairs(&[
        ("kept", "2"),
        ("late", "3"),
        ("new", "0"),
        ("nonsense", "1"),
    ]);
    is(|| indices(&bed), &now);
}

#[test]
fn the_status_of_a_node_that_is_gone_is_deleted_even_if_it_went_while_nobody_looked() {
    let bed = Bed::new();
    for node in ["node1", "node2"] {
        add_node(&bed, node, None);
        write_status(&bed, node, &[]);
    }
    write_status(&bed, "long-gone", &[]);
    let controller = Controller::start(&bed, "a", FAST);
    is(
        || statuses(&bed),
        &vec!["node1".to_owned(), "node2".to_owned()],
    );
    bed.run(&["delete", "node", "node1"]);
    is(|| statuses(&bed), &vec!["node2".to_owned()]);
    let said = "deleted the status of a node that is gone";
    becomes(
        said,
        || controller.log(),
        |log| log.matches(said).count() == 2,
    );
}
