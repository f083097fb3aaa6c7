//! What comes before what when sessions are limited or watched, when raw lines stand beside
//! ours, and when a VNI passes from one VRF to another.

use super::scenarios::{lines, position, red, with};
use super::world::World;
use crate::api::{AllowedPrefixes, Bfd, HostSession, L3Vni, Neighbor, PrefixRule, Underlay};
use crate::intent::NodeIntent;
use crate::intent::samples::{
    asn, fabric, intent, l3vni, passthrough, raw_config, rule, underlay, vni, vrf_with_host,
};
use crate::plan::bfd::SeenBfd;
use crate::plan::{Blocked, Memory, Plan, Planned, Role, Step, plan};

/// A session over which the host may announce this much.
fn taking_in(rules: Option<Vec<PrefixRule>>) -> HostSession {
    let allowed = AllowedPrefixes {
        incoming: rules,
        outgoing: None,
    };
    let session = red().host_session.expect("a session");
    HostSession { allowed, ..session }
}

fn limited(rules: Option<Vec<PrefixRule>>) -> NodeIntent {
    let spec = L3Vni {
        host_session: Some(taking_in(rules)),
        ..red()
    };
    with(underlay(), [("red", spec)])
}

fn watched(bfd: Option<Bfd>) -> NodeIntent {
    let mut own = underlay();
    own.neighbors = own
        .neighbors
        .into_iter()
        .map(|neighbor| Neighbor { bfd, ..neighbor })
        .collect();
    with(own, [("red", red())])
}

fn receiving(interval: u16) -> NodeIntent {
    watched(Some(Bfd {
        receive_interval: Some(interval),
        ..Bfd::default()
    }))
}

/// The steps of the unit with this role.
fn unit(plan: &Plan, role: Role) -> &[Planned] {
    let found = plan.units.iter().find(|unit| unit.role == role);
    found.expect("the unit").steps.as_ref().expect("steps")
}

fn shown(steps: &[Planned]) -> Vec<String> {
    let texts = steps.iter().map(|planned| planned.step.to_string());
    texts.map(|text| text.trim().to_owned()).collect()
}

#[test]
fn lists_stand_before_a_session_names_them() {
    let (mut world, ten) = (World::running(&limited(None)), rule("10.0.0.0/8", 8, 8));
    let plan = world.converge(&limited(Some(vec![ten])));
    let steps = lines(&plan);
    let (list, named) = (
        "+ bgpd: ip prefix-list red-in",
        "192.169.10.3 prefix-list red-in",
    );
    assert!(
        position(&steps, list) < position(&steps, named),
        "{steps:#?}"
    );
    assert_eq!((plan.sweep.len(), plan.closing.len()), (0, 0));
    let made = &unit(&plan, Role::Vni)[0];
    let undo = made.undo.as_ref().expect("a way back").to_string();
    let undo: Vec<&str> = undo.lines().map(str::trim).collect();
    assert_eq!(
        undo,
        [
            "- bgpd: ip prefix-list red-in-ef40d35e",
            "- bgpd: ipv6 prefix-list red-in-a5f6a437",
        ]
    );
}

#[test]
fn lists_go_when_no_session_names_them_any_more() {
    let mut world = World::running(&limited(Some(vec![rule("10.0.0.0/8", 8, 8)])));
    let plan = world.converge(&limited(None));
    let gone: Vec<String> = plan.closing.iter().map(ToString::to_string).collect();
    let list = |words: &str| format!("  - bgpd: {words}");
    let both = [
        "ip prefix-list red-in-ef40d35e",
        "ipv6 prefix-list red-in-a5f6a437",
    ];
    assert_eq!(gone, [both.map(list).join("\n")]);
}

#[test]
fn another_rule_is_another_list_and_the_old_one_stands_until_the_session_has_left_it() {
    let mut world = World::running(&limited(Some(vec![rule("10.0.0.0/8", 8, 8)])));
    let plan = world.converge(&limited(Some(vec![rule("10.0.0.0/8", 8, 9)])));
    let steps = lines(&plan);
    let [made, named, gone] = steps.as_slice() else {
        panic!("{steps:#?}");
    };
    assert!(made.starts_with("+ bgpd: ip prefix-list red-in-"), "{made}");
    assert!(made.ends_with("seq 5 permit 10.0.0.0/8 le 9"), "{made}");
    assert!(
        named.contains("neighbor 192.169.10.3 prefix-list red-in-"),
        "{named}"
    );
    assert_eq!(gone, "- bgpd: ip prefix-list red-in-ef40d35e");
    assert_eq!(plan.closing.len(), 1, "when all else is done");
}

/// The way back from a list that was mended would be to what somebody broke.
#[test]
fn a_list_that_was_mended_is_not_broken_again() {
    let wanted = limited(Some(vec![rule("10.0.0.0/8", 8, 8)]));
    let mut world = World::running(&wanted);
    let line = "ip prefix-list red-in-ef40d35e seq 7 permit any";
    world.bgpd.outermost(line).expect("taken");
    let plan = world.converge(&wanted);
    let [mended] = unit(&plan, Role::Vni) else {
        panic!("{plan}");
    };
    let shown = format!("  - bgpd: {line}");
    assert_eq!((mended.step.to_string(), &mended.undo), (shown, &None));
}

/// Were they taken back, the object would type them again in every pass, for ever.
#[test]
fn entries_that_raw_objects_add_to_a_list_of_ours_stay_as_long_as_the_objects() {
    let line = "ip prefix-list red-in-ef40d35e seq 7 permit 10.9.0.0/16";
    let spec = L3Vni {
        host_session: Some(taking_in(Some(vec![rule("10.0.0.0/8", 8, 8)]))),
        ..red()
    };
    let ours = [fabric("u", underlay()), l3vni("red", spec)];
    let more = [ours.to_vec(), vec![raw_config("r", 10, line)]].concat();
    let mut world = World::running(&intent(more));
    assert!(world.frr().bgp.has_line(line));
    assert_eq!(
        lines(&world.converge(&intent(ours))),
        [format!("- bgpd: {line}")]
    );
}

#[test]
fn the_passthroughs_lists_stand_before_its_session() {
    let mut wanted = with(underlay(), []);
    wanted.passthrough = Some(passthrough(taking_in(Some(Vec::new()))));
    let mut world = World::new();
    let plan = world.converge(&wanted);
    let steps = shown(unit(&plan, Role::Passthrough));
    assert!(
        position(
            &steps,
            "+ bgpd: ip prefix-list pt.host-in-a5f6a437 seq 5 deny any"
        ) == 0
    );
    assert!(
        steps[1].contains("router bgp 64514"),
        "the part of the instance"
    );
    assert!(steps[2].contains("link pt-ns type veth"), "then the link");
    wanted.passthrough = None;
    let plan = world.converge(&wanted);
    let gone = lines(&plan);
    let named = position(
        &gone,
        "- bgpd: router bgp 64514 / no neighbor 192.169.10.3 remote-as",
    );
    assert!(
        named < position(&gone, "- bgpd: ip prefix-list pt.host-in-a5f6a437"),
        "{gone:#?}"
    );
}

#[test]
fn a_profile_stands_before_a_session_names_it_and_goes_when_none_does() {
    let mut world = World::running(&watched(None));
    let plan = world.converge(&receiving(150));
    let steps = shown(unit(&plan, Role::Underlay));
    let (made, named) = (
        "+ bfdd: profile neighbor-10.0.1.1",
        "bfd profile neighbor-10.0.1.1",
    );
    let [first, second] = steps.as_slice() else {
        panic!("{steps:#?}");
    };
    assert!(first.contains(made) && second.contains(named), "{steps:#?}");
    let undo = unit(&plan, Role::Underlay)[0].undo.as_ref();
    let back = "  - bfdd: profile neighbor-10.0.1.1";
    assert_eq!(undo.map(ToString::to_string).as_deref(), Some(back));
    // The defaults need no profile.
    let plan = world.converge(&watched(Some(Bfd::default())));
    let closing: Vec<String> = plan.closing.iter().map(ToString::to_string).collect();
    assert_eq!(closing, [back]);
    assert_eq!(plan.steps(), 2);
}

#[test]
fn another_interval_changes_the_profile_and_no_session() {
    let mut world = World::running(&receiving(150));
    let plan = world.converge(&receiving(200));
    let steps: Vec<&Step> = plan.all_steps().collect();
    assert!(matches!(steps.as_slice(), [Step::BfdProfiles(changes)] if changes.len() == 1));
}

fn without_bfdd(wanted: &NodeIntent) -> Plan {
    let world = World::running(&watched(None));
    let mut frr = world.frr();
    frr.bfd = SeenBfd::NotRunning;
    plan(wanted, &world.kernel, &frr, &Memory::default()).expect("typeable")
}

#[test]
fn a_watched_session_without_bfdd_blocks_the_underlay_alone() {
    for wanted in [watched(Some(Bfd::default())), receiving(150)] {
        let plan = without_bfdd(&wanted);
        let [own, vni] = plan.units.as_slice() else {
            panic!("{plan}");
        };
        assert_eq!(own.steps, Err(Blocked::NoBfdd));
        assert_eq!(vni.steps, Ok(Vec::new()));
        assert!(!plan.is_empty());
    }
    assert!(without_bfdd(&watched(None)).is_empty(), "nobody needs it");
}

/// What stands beside it in the instance of the underlay.
const RAW: &str = "router bgp 64514\n neighbor 10.0.1.1 timers 3 9\n bgp cluster-id 1.1.1.1\nexit\n\
                   ip prefix-list mine seq 5 permit any\nbgp as-path access-list a seq 5 permit 1\n\
                   route-map mine permit 10\n set metric 5\nexit\n";

fn raw(spec: Underlay, text: &str) -> NodeIntent {
    intent([fabric("u", spec), raw_config("r", 10, text)])
}

#[test]
fn raw_lines_are_typed_after_all_objects_and_go_with_theirs() {
    let (plain, wanted) = (with(underlay(), []), raw(underlay(), RAW));
    let mut world = World::new();
    let first = world.converge(&wanted);
    assert_eq!(first.units.last().map(|unit| unit.role), Some(Role::Raw));
    assert_eq!(unit(&first, Role::Raw).len(), 1);
    let steps = lines(&world.converge(&plain));
    assert_eq!(
        steps,
        [
            "- bgpd: router bgp 64514 / no bgp cluster-id 1.1.1.1",
            "- bgpd: router bgp 64514 / no neighbor 10.0.1.1 timers 3 9",
            "- bgpd: no route-map mine permit 10",
            "- bgpd: ip prefix-list mine",
            "- bgpd: bgp as-path access-list a seq 5 permit 1",
        ]
    );
    assert!(
        world
            .frr()
            .bgp
            .equivalent(&World::running(&plain).frr().bgp)
    );
}

#[test]
fn lines_that_vanish_from_a_raw_object_go_and_the_others_stay() {
    let mut world = World::running(&raw(underlay(), RAW));
    let less = RAW
        .replace(" bgp cluster-id 1.1.1.1\n", "")
        .replace(" set metric 5\n", " set origin igp\n")
        .replace("bgp as-path access-list a seq 5 permit 1\n", "");
    let plan = world.plan(&raw(underlay(), &less));
    let gone: Vec<String> = lines(&plan);
    let gone: Vec<&String> = gone.iter().filter(|line| line.starts_with('-')).collect();
    assert_eq!(
        gone,
        [
            "- bgpd: route-map mine permit 10 / no set metric 5",
            "- bgpd: router bgp 64514 / no bgp cluster-id 1.1.1.1",
            "- bgpd: bgp as-path access-list a seq 5 permit 1",
        ]
    );
    world.converge(&raw(underlay(), &less));
}

/// Whoever says it last keeps it.
#[test]
fn a_raw_line_that_equals_one_of_ours_stays_as_long_as_one_of_both_wants_it() {
    let line = "router bgp 64514\n neighbor 10.0.1.1 timers connect 7\nexit\n";
    let mut own = underlay();
    own.neighbors[0].connect_time = Some(7);
    let both = raw(own.clone(), line);
    for rest in [with(own, []), raw(underlay(), line)] {
        let plan = World::running(&both).converge(&rest);
        assert!(plan.is_empty(), "{plan}");
        let mut world = World::running(&rest);
        world.converge(&both);
        let steps = lines(&world.converge(&with(underlay(), [])));
        assert_eq!(
            steps,
            ["- bgpd: router bgp 64514 / no neighbor 10.0.1.1 timers connect 7"]
        );
    }
}

/// The session is the host's of the default table, beside those of the fabric.
#[test]
fn another_as_number_takes_the_passthrough_along() {
    let of = |number: u32| {
        let own = Underlay {
            asn: asn(number),
            ..underlay()
        };
        let mut wanted = with(own, [("red", red())]);
        wanted.passthrough = Some(passthrough(taking_in(None)));
        wanted
    };
    let mut world = World::running(&of(64514));
    let steps = lines(&world.converge(&of(65000)));
    let gone = "- bgpd: no router bgp 64514";
    let fabric = "+ bgpd: router bgp 65000 / neighbor 10.0.1.1 remote-as";
    let host = "+ bgpd: router bgp 65000 / neighbor 192.169.10.3 remote-as 64515";
    let places = [gone, fabric, host].map(|text| {
        let found = steps
            .iter()
            .position(|step| step.starts_with(text) && !step.contains(" vrf "));
        found.unwrap_or_else(|| panic!("no {text} in {steps:#?}"))
    });
    assert!(places.is_sorted(), "{steps:#?}");
    assert_eq!(world.frr(), World::running(&of(65000)).frr());
}

#[test]
fn the_passthrough_is_typed_into_the_underlays_instance_and_leaves_it_alone() {
    let mut wanted = with(underlay(), []);
    let mut world = World::running(&wanted);
    wanted.passthrough = Some(passthrough(taking_in(None)));
    let plan = world.converge(&wanted);
    assert_eq!(unit(&plan, Role::Underlay), []);
    let steps = shown(unit(&plan, Role::Passthrough));
    let (step, links) = steps.split_first().expect("its part of the instance");
    assert!(links.iter().all(|link| link.contains(" pt-")), "{links:#?}");
    for line in step.lines() {
        assert!(
            line.trim().starts_with("+ bgpd: router bgp 64514 / "),
            "{line}"
        );
        assert!(line.contains("192.169.10.3"), "{line}");
    }
}

/// A VRF with this VNI whose session has this AS number on our side.
fn claiming(vrf: &str, number: u32, own: u32, pool: &str) -> L3Vni {
    let spec = vrf_with_host(vrf, number, pool);
    let session = spec.host_session.clone().expect("a session");
    let host_session = Some(HostSession {
        asn: asn(own),
        ..session
    });
    L3Vni {
        host_session,
        ..spec
    }
}

/// Which VRFs are unmapped in the sweep, and how many unmappings there are in the whole plan.
fn unmapped(plan: &Plan) -> (Vec<String>, usize) {
    let vrf_of = |step: &Step| {
        let Step::MapVni { vrf, vni: None } = step else {
            return None;
        };
        Some(vrf.to_string())
    };
    let swept = plan.sweep.iter().flat_map(|leftover| &leftover.steps);
    let swept = swept.filter_map(|planned| vrf_of(&planned.step)).collect();
    (swept, plan.all_steps().filter_map(vrf_of).count())
}

/// Grey holds the VNI, and is to have another one and another AS number: were it unmapped in
/// its own turn, red would have asked for the VNI before.
#[test]
fn a_vni_that_passes_between_vrfs_is_free_before_either_is_dealt_with() {
    let (of_grey, of_red) = ("192.169.11.0/24", "192.169.10.0/24");
    let grey = |number, own| ("z-grey", claiming("grey", number, own, of_grey));
    let both = |grey, red| {
        let red = ("a-red", claiming("red", red, 64514, of_red));
        with(underlay(), [red, grey])
    };
    for (before, after) in [
        (with(underlay(), [grey(1, 64514)]), both(grey(2, 64999), 1)),
        (with(underlay(), [grey(1, 64514)]), both(grey(2, 64514), 1)),
    ] {
        let mut world = World::running(&before);
        let plan = world.converge(&after);
        assert_eq!(unmapped(&plan), (vec!["grey".to_owned()], 1), "{plan}");
        let [first, ..] = plan.sweep.as_slice() else {
            panic!("{plan}");
        };
        let back = first.steps[0].undo.as_ref().map(ToString::to_string);
        assert_eq!(back.as_deref(), Some("  + zebra: vrf grey / vni 1"));
        assert_eq!(
            world.vnis.values().copied().collect::<Vec<_>>(),
            [vni(2), vni(1)]
        );
    }
    // Each takes the other's.
    let mut world = World::running(&both(grey(1, 64514), 2));
    let plan = world.converge(&both(grey(2, 64999), 1));
    assert_eq!(
        unmapped(&plan),
        (vec!["grey".to_owned(), "red".to_owned()], 2),
        "{plan}"
    );
}

/// zebra keeps pointing at a bridge that goes while its VRF is mapped. Without the links the object
/// could not go on with what it had, so nothing is lost by it.
#[test]
fn a_vni_is_given_up_before_its_links_go() {
    let of = |number, own| {
        let spec = claiming("grey", number, own, "192.169.11.0/24");
        intent([fabric("u", underlay()), l3vni("grey", spec)])
    };
    for own in [64514, 64999] {
        let plan = World::running(&of(1, 64514)).converge(&of(2, own));
        assert_eq!(unmapped(&plan), (vec!["grey".to_owned()], 1), "{plan}");
        let [first, then, ..] = plan.sweep.as_slice() else {
            panic!("{plan}");
        };
        assert_eq!(first.steps[0].step.to_string(), "  - zebra: vrf grey / vni");
        let links = then.steps[0].step.to_string();
        assert!(links.contains("- router: link"), "{links}");
    }
}

/// It waits for its own turn then, so that a failure of its object leaves it what it had.
#[test]
fn a_vni_without_links_is_given_up_in_its_objects_turn() {
    let of = |number| {
        let spec = claiming("grey", number, 64514, "192.169.11.0/24");
        intent([fabric("u", underlay()), l3vni("grey", spec)])
    };
    let mut world = World::running(&of(2));
    world.vnis.insert("grey".parse().expect("a VRF"), vni(1));
    let plan = world.plan(&of(2));
    assert_eq!(unmapped(&plan), (Vec::new(), 1), "{plan}");
    let first = shown(&unit(&plan, Role::Vni)[..1]);
    assert_eq!(first, ["- zebra: vrf grey / vni"]);
}

/// The object's session would be refused otherwise for what the raw one says, which fails by
/// itself: FRR has one instance in a VRF.
#[test]
fn an_instance_of_raw_lines_makes_room_for_that_of_the_vrfs_object() {
    let text = "router bgp 64514 vrf red\n timers bgp 3 9\nexit\n";
    let of = |own| {
        let spec = claiming("red", 100, own, "192.169.10.0/24");
        let ours = [fabric("u", underlay()), l3vni("red", spec)];
        intent(ours.into_iter().chain([raw_config("r", 10, text)]))
    };
    let world = World::running(&of(64514));
    let plan = world.plan(&of(64999));
    assert_eq!(plan.sweep, []);
    assert_eq!(
        shown(&unit(&plan, Role::Vni)[..2]),
        [
            "- zebra: vrf red / vni",
            "- bgpd: no router bgp 64514 vrf red"
        ]
    );
}
