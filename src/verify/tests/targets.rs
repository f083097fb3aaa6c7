//! Which routes are ours, by their route targets.

use super::fixture::{bad, facts, good, intent, red_key};
use crate::api::RouteTarget;
use crate::intent::NodeIntent;
use crate::verify::facts::{BgpVni, Facts, ImportTarget, Origin};
use crate::verify::{Check, Finding, verify};

/// What of the received routes is the VRF's, and not a segment's.
fn valid(findings: &[Finding]) -> u64 {
    let of_vrf = |finding: &&Finding| finding.object == Some(red_key());
    let of_vrf: Vec<Finding> = findings.iter().filter(of_vrf).cloned().collect();
    good(&of_vrf, Check::RouteValid)
}

/// What bgpd says of the VRF's VNI.
fn vni(facts: &mut Facts) -> &mut BgpVni {
    let vnis = facts.bgp_vnis.as_mut().unwrap();
    vnis.get_mut(&"100".parse().unwrap()).unwrap()
}

/// Gives all received routes other route targets.
fn retarget(facts: &mut Facts, targets: &[&str]) {
    for path in facts.evpn.as_mut().unwrap() {
        if path.origin != Origin::Local {
            path.targets = targets.iter().map(|text| text.parse().unwrap()).collect();
        }
    }
}

#[test]
fn a_derived_target_is_matched_by_its_number() {
    for (targets, received) in [
        (&["65001:100"][..], 5),
        (&["4200000000:100"], 5),
        (&["192.0.2.1:100"], 5),
        (&["65001:100", "65002:100"], 5),
        (&["64514:101"], 0),
        (&[], 0),
    ] {
        let mut facts = facts();
        retarget(&mut facts, targets);
        let findings = verify(&intent(), &facts);
        assert_eq!(valid(&findings), received, "{targets:?}");
        assert_eq!(bad(&findings), [], "{targets:?}");
    }
}

#[test]
fn a_configured_target_is_matched_exactly() {
    let wanted: RouteTarget = "64514:7".parse().unwrap();
    let mut intent = intent();
    intent.vnis[0].spec.import_rts = vec![wanted];
    for (targets, received) in [(&["64514:7"][..], 5), (&["65001:7"], 0), (&["64514:8"], 0)] {
        let mut facts = facts();
        retarget(&mut facts, targets);
        vni(&mut facts).import_targets = vec![ImportTarget::Exact(wanted)];
        let findings = verify(&intent, &facts);
        assert_eq!(valid(&findings), received, "{targets:?}");
        assert_eq!(bad(&findings), [], "{targets:?}");
    }
}

#[test]
fn bgpd_may_print_a_derived_target_with_a_star() {
    let mut facts = facts();
    vni(&mut facts).import_targets = vec![ImportTarget::AnyAdministrator(100)];
    assert_eq!(bad(&verify(&intent(), &facts)), []);
}

#[test]
fn a_list_that_says_what_frr_derives_is_no_configuration() {
    let mut intent = intent();
    intent.vnis[0].spec.import_rts = vec!["64514:100".parse().unwrap()];
    intent.vnis[0].spec.export_rts = vec!["64514:100".parse().unwrap()];
    let mut facts = facts();
    retarget(&mut facts, &["65001:100"]);
    let findings = verify(&intent, &facts);
    assert_eq!(good(&findings, Check::RouteImported), 5);
    assert_eq!(bad(&findings), []);
}

fn second_vrf(intent: &mut NodeIntent, number: &str, export: &[&str]) {
    let mut other = intent.vnis[0].clone();
    other.key = "L3VNI default/blue".parse().unwrap();
    other.spec.vrf = "blue".parse().unwrap();
    other.spec.vni = number.parse().unwrap();
    other.spec.host_session = None;
    other.legs.clear();
    other.gateway_subnets.clear();
    other.spec.export_rts = export.iter().map(|text| text.parse().unwrap()).collect();
    intent.vnis.push(other);
}

/// The bad ones on route targets, with the object.
fn clashes(intent: &NodeIntent, facts: &Facts) -> Vec<String> {
    let findings = verify(intent, facts);
    let found = findings
        .iter()
        .filter(|found| found.check == Check::RouteTargets && found.is_bad());
    found
        .map(|found| found.object.as_ref().unwrap().to_string())
        .collect()
}

#[test]
fn two_vnis_with_one_distinguisher() {
    let mut intent = intent();
    let mut facts = facts();
    second_vrf(&mut intent, "200", &[]);
    let vnis = facts.bgp_vnis.as_mut().unwrap();
    let mut other = vnis[&"100".parse().unwrap()].clone();
    other.rd = "10.0.0.1:9".into();
    vnis.insert("200".parse().unwrap(), other);
    assert_eq!(clashes(&intent, &facts), [""; 0]);
    let vnis = facts.bgp_vnis.as_mut().unwrap();
    vnis.get_mut(&"200".parse().unwrap()).unwrap().rd = "10.0.0.1:2".into();
    let both = ["L3VNI default/red", "L3VNI default/blue"];
    assert_eq!(clashes(&intent, &facts), both);
}

/// FRR's derived import target takes any AS, so that a number alone lets routes in.
#[test]
fn a_target_that_another_vrf_takes_by_accident() {
    for (export, leaks) in [
        (&["65001:100"][..], true),
        (&["64514:200", "192.0.2.1:100"], true),
        // The other VRF's own target, in full: that is meant.
        (&["64514:100"], false),
        (&["65001:300"], false),
        (&[], false),
    ] {
        let mut intent = intent();
        second_vrf(&mut intent, "200", export);
        let found = clashes(&intent, &facts());
        assert_eq!(
            found == ["L3VNI default/blue"],
            leaks,
            "{export:?}: {found:?}"
        );
        assert!(leaks || found.is_empty(), "{export:?}: {found:?}");
        // One that lists what it imports takes nothing by accident.
        intent.vnis[0].spec.import_rts = vec!["64514:7".parse().unwrap()];
        assert_eq!(clashes(&intent, &facts()), [""; 0], "{export:?}");
    }
}

#[test]
fn routes_for_a_vni_with_targets_that_nobody_imports() {
    let wanted: RouteTarget = "64514:7".parse().unwrap();
    let mut intent = intent();
    intent.vnis[0].spec.import_rts = vec![wanted];
    let mut facts = facts();
    vni(&mut facts).import_targets = vec![ImportTarget::Exact(wanted)];
    retarget(&mut facts, &["65001:100"]);
    let findings = verify(&intent, &facts);
    let expected = [(Check::RouteFiltered, "VNI 100".to_owned())];
    assert_eq!(bad(&findings), expected);
    let said = findings.iter().find(|found| found.is_bad()).unwrap();
    let said = said.to_string();
    assert!(
        said.contains("5 paths for VNI 100 with RT 65001:100"),
        "{said}"
    );

    // Where some come in, the others may be someone else's.
    let paths = facts.evpn.as_mut().unwrap();
    let mut received = paths.iter_mut().filter(|path| path.origin != Origin::Local);
    received.next().unwrap().targets = vec![wanted];
    let findings = verify(&intent, &facts);
    assert!(
        bad(&findings)
            .iter()
            .all(|(check, _)| *check != Check::RouteFiltered),
        "{findings:#?}"
    );
}
