use super::*;
use crate::intent::Kept;
use crate::status::condition::Programming;
use crate::status::report::tests::Scene;

fn conditions(status: &NodeStatus) -> Vec<(&str, &str, &str)> {
    let all = status.conditions.iter();
    all.map(|it| (&*it.type_, &*it.status, &*it.reason))
        .collect()
}

#[test]
fn of_a_node_that_is_well_little_is_told() {
    let status = node_status(&Scene::healthy().report(None, 1000));
    assert_eq!(
        conditions(&status),
        [
            ("Ready", "True", "ConfigurationSuccessful"),
            ("Degraded", "False", "ConfigurationSuccessful"),
        ]
    );
    assert_eq!(status.failed_resources, []);
    let [alike] = &status.objects[..] else {
        panic!("{:?}", status.objects)
    };
    assert_eq!(alike.not_true, []);
    let wanted = "Underlay default/fabric 1\nL3VNI default/red 1\n";
    assert_eq!(alike.named, wanted);
}

#[test]
fn the_same_state_gives_the_same_status_however_often_it_was_looked_at() {
    let scene = Scene::healthy();
    let first = scene.report(None, 1000);
    let second = scene.report(Some(&first), 2000);
    assert_eq!(node_status(&first), node_status(&second));
}

#[test]
fn a_broken_hop_is_told_in_its_own_words() {
    let mut scene = Scene::healthy();
    scene.break_kernel();
    let status = node_status(&scene.report(None, 1000));
    assert_eq!(
        conditions(&status),
        [
            ("Ready", "False", "ConfigurationFailed"),
            ("Degraded", "True", "ConfigurationFailed"),
        ]
    );
    let [failed] = &status.failed_resources[..] else {
        panic!("{:?}", status.failed_resources)
    };
    assert_eq!((&*failed.kind, &*failed.name), ("L3VNI", "red"));
    assert_eq!(failed.reason, FailureReason::VerificationFailed);
    assert!(failed.message.contains("route-in-kernel"), "{failed:?}");
    let red = &status.objects[1];
    assert_eq!(red.named, "L3VNI default/red 1\n");
    let kinds: Vec<_> = red.not_true.iter().map(|it| &*it.kind).collect();
    assert_eq!(kinds, ["RoutesExchanged", "Ready"]);
}

#[test]
fn what_was_refused_says_so_first() {
    let mut scene = Scene::healthy();
    scene.reject(Kept::LastGood);
    scene.break_kernel();
    let status = node_status(&scene.report(None, 1000));
    let failed = &status.failed_resources[0];
    assert_eq!(failed.reason, FailureReason::ValidationFailed);
    assert!(failed.message.contains("0 is not a VNI"), "{failed:?}");
}

#[test]
fn what_frr_refuses_of_its_own_lines_is_told_apart() {
    let mut scene = Scene::healthy();
    let reason = |scene: &Scene| {
        let status = node_status(&scene.report(None, 1000));
        status.failed_resources[0].reason
    };
    scene.objects[1].programming = Programming::Failed {
        message: "% Unknown command".to_owned(),
    };
    assert_eq!(reason(&scene), FailureReason::OverlayAttachmentFailed);
    scene.objects[1].key.kind = Kind::RawFrrConfig;
    assert_eq!(reason(&scene), FailureReason::FrrConfigurationFailed);
}

#[test]
fn a_long_message_is_cut_between_letters_and_says_so() {
    assert_eq!(shortened("short", LONGEST), "short");
    let long = shortened(&"ü".repeat(400), LONGEST);
    assert!(long.len() <= LONGEST && long.ends_with("ü…"), "{long}");
    assert_eq!(shortened("longer", 0), "");
}

#[test]
fn sessions_and_vnis_of_both_layers_are_counted_with_those_that_are_up() {
    let mut scene = Scene::healthy();
    let told = |scene: &Scene| {
        let status = node_status(&scene.report(None, 1000));
        (status.sessions.unwrap(), status.vnis.unwrap())
    };
    let (sessions, vnis) = told(&scene);
    assert_eq!((sessions.up, vnis.up), (sessions.all, vnis.all));
    // A segment that FRR knows nothing of, and a session that is down.
    scene.add_segment(300);
    let after = told(&scene).1;
    assert_eq!((after.up, after.all), (vnis.up, vnis.all + 1));
    let mut report = scene.report(None, 1000);
    report.sessions[0].established_seconds = None;
    let down = node_status(&report).sessions.unwrap();
    assert_eq!((down.up, down.all), (sessions.up - 1, sessions.all));
}
