//! Which routes are ours, by their route targets.

use super::fixture::{bad, facts, good, intent};
use crate::api::RouteTarget;
use crate::verify::facts::{Facts, ImportTarget, Origin};
use crate::verify::{Check, verify};

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
        (&["65001:100"][..], 3),
        (&["4200000000:100"], 3),
        (&["192.0.2.1:100"], 3),
        (&["65001:100", "65002:100"], 3),
        (&["64514:101"], 0),
        (&[], 0),
    ] {
        let mut facts = facts();
        retarget(&mut facts, targets);
        let findings = verify(&intent(), &facts);
        assert_eq!(good(&findings, Check::RouteValid), received, "{targets:?}");
        assert_eq!(bad(&findings), [], "{targets:?}");
    }
}

#[test]
fn a_configured_target_is_matched_exactly() {
    let wanted: RouteTarget = "64514:7".parse().unwrap();
    let mut intent = intent();
    intent.vnis[0].spec.import_rts = vec![wanted];
    for (targets, received) in [
        (&["64514:7"][..], 3),
        (&["65001:7"], 0),
        (&["64514:100"], 0),
    ] {
        let mut facts = facts();
        retarget(&mut facts, targets);
        for vni in facts.bgp_vnis.as_mut().unwrap().values_mut() {
            vni.import_targets = vec![ImportTarget::Exact(wanted)];
        }
        let findings = verify(&intent, &facts);
        assert_eq!(good(&findings, Check::RouteValid), received, "{targets:?}");
        assert_eq!(bad(&findings), [], "{targets:?}");
    }
}

#[test]
fn bgpd_may_print_a_derived_target_with_a_star() {
    let mut facts = facts();
    for vni in facts.bgp_vnis.as_mut().unwrap().values_mut() {
        vni.import_targets = vec![ImportTarget::AnyAdministrator(100)];
    }
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
    assert_eq!(good(&findings, Check::RouteImported), 3);
    assert_eq!(bad(&findings), []);
}
