use super::*;
use crate::status::cluster::tests::{GOOD, l3vni, node_of, read};
use crate::status::render::tests::{broken, golden, segment_broken, verify_report, walked};
use crate::status::report::tests::Scene;

#[test]
fn clusters() {
    let ready = read(&[
        node_of("node-a", &Scene::healthy()),
        node_of("node-b", &Scene::healthy()),
        l3vni("red", 1, 1, &GOOD),
    ]);
    golden("cluster-ready.txt", &report(&ready, Colour::Off));
    let down = "1/2 nodes ready: node-b: RoutesExchanged: route-in-kernel 172.16.2.0/24";
    let unready = read(&[
        node_of("node-a", &Scene::healthy()),
        node_of("node-b", &broken()),
        l3vni(
            "red",
            1,
            1,
            &[&GOOD[..4], &[("Ready", "False", down)]].concat(),
        ),
        l3vni("blue", 2, 1, &GOOD),
    ]);
    golden("cluster-not-ready.txt", &report(&unready, Colour::Off));
    golden(
        "cluster-not-ready-colour.txt",
        &report(&unready, Colour::On),
    );
}

fn of(node: &str, told: Told) -> Answer {
    Answer {
        node: node.to_owned(),
        told,
    }
}

#[test]
fn routes_on_all_nodes() {
    let target = "172.16.2.0/24";
    let walk = |scene: &Scene| Told::Walk(walked(scene, target));
    let mut nothing = walked(&Scene::healthy(), target);
    nothing.walk.vnis.clear();
    nothing
        .walk
        .notes
        .push("no VRF of this node knows it".to_owned());
    let why = "there is no router's pod on it".to_owned();
    let some = Answers {
        target: Some(target.parse().unwrap()),
        nodes: vec![
            of("node-a", walk(&Scene::healthy())),
            of("node-b", walk(&broken())),
            of("node-c", Told::Walk(nothing)),
            of("node-d", Told::Error(why)),
        ],
    };
    golden("cluster-walk.txt", &answers(&some, Colour::Off));
}

#[test]
fn a_segment_on_all_nodes() {
    let walk = |scene: &Scene| Told::Walk(walked(scene, "110"));
    let some = Answers {
        target: Some("110".parse().unwrap()),
        nodes: vec![
            of("node-a", walk(&Scene::healthy())),
            of("node-b", walk(&segment_broken())),
        ],
    };
    golden("cluster-walk-segment.txt", &answers(&some, Colour::Off));
}

#[test]
fn checks_on_all_nodes() {
    let all = Answers {
        target: None,
        nodes: vec![
            of(
                "node-a",
                Told::Verification(verify_report(&Scene::healthy())),
            ),
            of("node-b", Told::Verification(verify_report(&broken()))),
        ],
    };
    golden("cluster-verify.txt", &answers(&all, Colour::Off));
    let nobody = Answers {
        target: None,
        nodes: Vec::new(),
    };
    golden("cluster-nobody.txt", &answers(&nobody, Colour::Off));
}
