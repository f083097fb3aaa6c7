//! The commands between two configurations, case by case.

use perouter_parsers::running_config::{Config, Line};

use crate::plan::bgp::difference::ContextChange;

const HEADER: &str = "router bgp 64514";

fn instance(body: &str) -> Config {
    let text: String = body.lines().map(|line| format!(" {line}\n")).collect();
    format!("{HEADER}\n{text}exit\n")
        .parse()
        .expect("a configuration")
}

fn commands(before: &str, after: &str) -> Vec<String> {
    let (before, after) = (instance(before), instance(after));
    let header = Line::new(HEADER).expect("a line");
    let change = ContextChange::towards(&before, &header, after.context(HEADER));
    let commands = change.map(|change| change.commands()).unwrap_or_default();
    commands
        .iter()
        .map(|command| {
            let path: Vec<&str> = command.path.iter().skip(1).map(Line::as_str).collect();
            [path.as_slice(), &[command.text().as_ref()]]
                .concat()
                .join(" / ")
        })
        .collect()
}

#[test]
fn a_new_value_replaces_the_old_one_without_a_no() {
    let table = [
        ("bgp router-id 10.0.0.1", "bgp router-id 10.0.0.2"),
        (
            "bgp graceful-restart restart-time 10",
            "bgp graceful-restart restart-time 20",
        ),
        (
            "bgp graceful-restart stalepath-time 10",
            "bgp graceful-restart stalepath-time 20",
        ),
        (
            "neighbor 10.0.1.1 remote-as 1",
            "neighbor 10.0.1.1 remote-as external",
        ),
        (
            "neighbor 10.0.1.1 timers 3 9",
            "neighbor 10.0.1.1 timers 10 30",
        ),
        (
            "neighbor 10.0.1.1 timers connect 5",
            "neighbor 10.0.1.1 timers connect 6",
        ),
        ("neighbor 10.0.1.1 port 1790", "neighbor 10.0.1.1 port 1791"),
        (
            "neighbor 10.0.1.1 password a",
            "neighbor 10.0.1.1 password b",
        ),
        (
            "neighbor 10.0.1.1 ebgp-multihop",
            "neighbor 10.0.1.1 ebgp-multihop 5",
        ),
        (
            "neighbor 10.0.1.1 ebgp-multihop 5",
            "neighbor 10.0.1.1 ebgp-multihop",
        ),
    ];
    for (old, new) in table {
        let neighbor = "neighbor 10.0.1.1 remote-as 1\n";
        let before = if old.contains("remote-as") {
            old
        } else {
            &format!("{neighbor}{old}")
        };
        let after = if old.contains("remote-as") {
            new
        } else {
            &format!("{neighbor}{new}")
        };
        assert_eq!(commands(before, after), [new], "{old} to {new}");
    }
}

#[test]
fn what_has_another_slot_stays_or_goes_by_itself() {
    let neighbor = "neighbor 10.0.1.1 remote-as 1\n";
    let table = [
        (
            "neighbor 10.0.1.1 timers 3 9",
            "neighbor 10.0.1.1 timers connect 5",
        ),
        (
            "bgp graceful-restart restart-time 10",
            "bgp graceful-restart stalepath-time 10",
        ),
        (
            "bgp graceful-restart",
            "bgp graceful-restart restart-time 10",
        ),
    ];
    for (old, new) in table {
        let (before, after) = (format!("{neighbor}{old}"), format!("{neighbor}{new}"));
        assert_eq!(
            commands(&before, &after),
            [format!("no {old}"), new.to_owned()]
        );
    }
}

#[test]
fn route_maps_have_a_slot_a_direction() {
    let family = |lines: &str| {
        format!(
            "neighbor 10.0.1.1 remote-as 1\naddress-family ipv4 unicast\n{lines}exit-address-family"
        )
    };
    let at = "address-family ipv4 unicast / ";
    let before = family(" neighbor 10.0.1.1 route-map a in\n neighbor 10.0.1.1 route-map a out\n");
    let after = family(" neighbor 10.0.1.1 route-map b in\n");
    assert_eq!(
        commands(&before, &after),
        [
            format!("{at}no neighbor 10.0.1.1 route-map a out"),
            format!("{at}neighbor 10.0.1.1 route-map b in"),
        ]
    );
}

#[test]
fn a_neighbour_goes_with_one_command() {
    let before = "neighbor 10.0.1.1 remote-as 1\nneighbor 10.0.1.1 timers 3 9\n\
                  neighbor 10.0.1.2 remote-as 1\naddress-family ipv4 unicast\n \
                  neighbor 10.0.1.1 activate\n neighbor 10.0.1.2 activate\n\
                  exit-address-family\naddress-family l2vpn evpn\n \
                  neighbor 10.0.1.1 activate\nexit-address-family";
    let after = "neighbor 10.0.1.2 remote-as 1\naddress-family ipv4 unicast\n \
                 neighbor 10.0.1.2 activate\nexit-address-family";
    assert_eq!(
        commands(before, after),
        ["no neighbor 10.0.1.1 remote-as 1"]
    );
}

#[test]
fn a_neighbour_is_defined_before_it_is_described() {
    let after = "neighbor 10.0.1.1 remote-as 1\nneighbor 10.0.1.1 timers 3 9\n\
                 address-family ipv4 unicast\n neighbor 10.0.1.1 activate\nexit-address-family";
    assert_eq!(
        commands("", after),
        [
            "neighbor 10.0.1.1 remote-as 1",
            "neighbor 10.0.1.1 timers 3 9",
            "address-family ipv4 unicast / neighbor 10.0.1.1 activate",
        ]
    );
}

#[test]
fn an_address_family_is_emptied_line_by_line() {
    let before = "address-family l2vpn evpn\n advertise-all-vni\n advertise ipv4 unicast\n\
                  exit-address-family";
    assert_eq!(
        commands(before, ""),
        [
            "address-family l2vpn evpn / no advertise-all-vni",
            "address-family l2vpn evpn / no advertise ipv4 unicast",
        ]
    );
}

#[test]
fn another_context_goes_as_a_whole_and_comes_line_by_line() {
    let before = "vni 100\n rd 1:1\n route-target import 1:1\nexit-vni";
    assert_eq!(commands(before, ""), ["no vni 100"]);
    assert_eq!(
        commands("", before),
        ["vni 100 / rd 1:1", "vni 100 / route-target import 1:1"]
    );
}

#[test]
fn a_negative_line_is_taken_back_by_its_opposite() {
    assert_eq!(
        commands("no bgp default ipv4-unicast", ""),
        ["bgp default ipv4-unicast"]
    );
    assert_eq!(
        commands("", "no bgp default ipv4-unicast"),
        ["no bgp default ipv4-unicast"]
    );
}

#[test]
fn order_and_empty_families_are_no_difference() {
    let before = "bgp router-id 10.0.0.1\nno bgp default ipv4-unicast";
    let after = "no bgp default ipv4-unicast\nbgp router-id 10.0.0.1\n\
                 address-family ipv4 unicast\nexit-address-family";
    assert_eq!(commands(after, before), Vec::<String>::new());
}

#[test]
fn a_whole_instance_comes_and_goes() {
    let empty = Config::new();
    let header = Line::new(HEADER).expect("a line");
    let one = instance("bgp router-id 10.0.0.1");
    let texts = |running: &Config, after: Option<&Config>| -> Vec<String> {
        let change = ContextChange::towards(running, &header, after).expect("a change");
        change.commands().iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        texts(&empty, one.context(HEADER)),
        ["router bgp 64514 / bgp router-id 10.0.0.1"]
    );
    assert_eq!(texts(&one, None), ["no router bgp 64514"]);
    assert_eq!(texts(&empty, Some(&Config::new())), [HEADER]);
    assert!(ContextChange::towards(&empty, &header, None).is_none());
    assert!(ContextChange::towards(&one, &header, one.context(HEADER)).is_none());
}

/// As bgpd prints it: the group's lines, then its members', the ranges at the end.
const RANGE: &str = "neighbor 10.2.0.0/16 peer-group\nneighbor 10.2.0.0/16 remote-as 1\n\
                     neighbor 10.2.0.0/16 timers 3 9\nbgp listen limit 65535\n\
                     bgp listen range 10.2.0.0/16 peer-group 10.2.0.0/16\n";

#[test]
fn a_peer_group_comes_before_its_members_and_its_ranges() {
    let backwards: Vec<&str> = RANGE.lines().rev().collect();
    for body in [RANGE.to_owned(), backwards.join("\n")] {
        let told = commands("", &body);
        let at = |text: &str| told.iter().position(|own| own.contains(text)).expect(text);
        let group = at("10.2.0.0/16 peer-group");
        for later in ["timers 3 9", "bgp listen range"] {
            assert!(group < at(later), "{told:?}");
        }
        assert!(at("remote-as 1") < at("timers 3 9"), "{told:?}");
        assert!(at("bgp listen limit") < at("bgp listen range"), "{told:?}");
        assert_eq!(told.len(), 5);
    }
}

#[test]
fn a_peer_group_goes_after_its_ranges_and_takes_its_other_lines_along() {
    let kept = "neighbor 10.0.1.1 remote-as 1\n";
    assert_eq!(
        commands(&format!("{kept}{RANGE}"), kept),
        [
            "no bgp listen range 10.2.0.0/16 peer-group 10.2.0.0/16",
            "no bgp listen limit 65535",
            "no neighbor 10.2.0.0/16 peer-group",
        ]
    );
}

#[test]
fn members_of_a_peer_group_go_before_it() {
    let group = "neighbor fabric peer-group\nneighbor fabric remote-as 1\n";
    let before =
        format!("{group}neighbor eth1 interface remote-as 1\nneighbor 10.0.1.1 remote-as 1");
    assert_eq!(
        commands(&before, ""),
        [
            "no neighbor eth1 interface remote-as 1",
            "no neighbor 10.0.1.1 remote-as 1",
            "no neighbor fabric peer-group",
        ]
    );
}

#[test]
fn the_as_number_of_a_peer_group_is_a_line_like_others() {
    let group = |rest: &str| format!("neighbor fabric peer-group\n{rest}");
    let as_one = group("neighbor fabric remote-as 1\nneighbor fabric timers 3 9");
    assert_eq!(
        commands(&as_one, &group("")),
        [
            "no neighbor fabric remote-as 1",
            "no neighbor fabric timers 3 9"
        ]
    );
    let as_two = as_one.replace("remote-as 1", "remote-as 2");
    assert_eq!(commands(&as_one, &as_two), ["neighbor fabric remote-as 2"]);
}

#[test]
fn another_as_number_of_a_neighbour_touches_no_line_of_any_other() {
    let text = |first: &str, second: &str| {
        format!(
            "neighbor 10.0.1.1 remote-as {first}\nneighbor 10.0.1.1 timers 3 9\n\
             neighbor 10.0.1.2 remote-as 1\nneighbor eth1 interface remote-as {second}\n\
             address-family ipv4 unicast\n neighbor 10.0.1.1 activate\n \
             neighbor eth1 activate\nexit-address-family"
        )
    };
    for (first, second, expected) in [
        ("2", "1", "neighbor 10.0.1.1 remote-as 2"),
        ("external", "1", "neighbor 10.0.1.1 remote-as external"),
        ("1", "2", "neighbor eth1 interface remote-as 2"),
    ] {
        assert_eq!(commands(&text("1", "1"), &text(first, second)), [expected]);
    }
}

#[test]
fn what_holds_for_all_neighbours_is_typed_before_any_and_what_describes_one_after_all_are_defined()
{
    let after = "neighbor 10.0.1.1 timers 3 9\nno neighbor 10.0.1.1 send-community\n\
                 neighbor 10.0.1.1 remote-as 1\nneighbor eth1 bfd\n\
                 neighbor eth1 interface remote-as 1\nneighbor eth2 interface v6only remote-as 1\n\
                 no bgp default ipv4-unicast\nbgp router-id 10.0.0.1";
    assert_eq!(
        commands("", after),
        [
            "no bgp default ipv4-unicast",
            "bgp router-id 10.0.0.1",
            "neighbor 10.0.1.1 remote-as 1",
            "neighbor eth1 interface remote-as 1",
            "neighbor eth2 interface v6only remote-as 1",
            "neighbor 10.0.1.1 timers 3 9",
            "no neighbor 10.0.1.1 send-community",
            "neighbor eth1 bfd",
        ]
    );
}

#[test]
fn what_goes_goes_before_what_comes() {
    let before = "neighbor 10.0.1.1 remote-as 1\nneighbor 10.0.1.1 ebgp-multihop 5\n\
                  neighbor 10.0.1.3 remote-as 1";
    let after = "neighbor 10.0.1.1 remote-as 1\nneighbor 10.0.1.1 disable-connected-check\n\
                 neighbor 10.0.1.2 remote-as 1";
    assert_eq!(
        commands(before, after),
        [
            "no neighbor 10.0.1.1 ebgp-multihop 5",
            "no neighbor 10.0.1.3 remote-as 1",
            "neighbor 10.0.1.2 remote-as 1",
            "neighbor 10.0.1.1 disable-connected-check",
        ]
    );
}

#[test]
fn bfd_takes_its_profile_along_and_a_profile_goes_alone() {
    let neighbor = "neighbor 10.0.1.1 remote-as 1\n";
    let plain = format!("{neighbor}neighbor 10.0.1.1 bfd\n");
    let profile = |name: &str| format!("{plain}neighbor 10.0.1.1 bfd profile {name}");
    for (before, after, expected) in [
        (
            profile("a"),
            neighbor.to_owned(),
            "no neighbor 10.0.1.1 bfd",
        ),
        (
            profile("a"),
            plain.clone(),
            "no neighbor 10.0.1.1 bfd profile a",
        ),
        (
            profile("a"),
            profile("b"),
            "neighbor 10.0.1.1 bfd profile b",
        ),
    ] {
        assert_eq!(commands(&before, &after), [expected]);
    }
    let other = "neighbor 10.0.1.2 remote-as 1\nneighbor 10.0.1.2 bfd\n";
    let (before, after) = (
        format!("{}\n{other}neighbor 10.0.1.2 bfd profile a", profile("a")),
        format!("{neighbor}{other}"),
    );
    let expected = [
        "no neighbor 10.0.1.1 bfd",
        "no neighbor 10.0.1.2 bfd profile a",
    ];
    assert_eq!(commands(&before, &after), expected);
}

#[test]
fn lists_and_allowances_have_a_slot_of_their_own() {
    let family = |line: &str| {
        format!(
            "neighbor 10.0.1.1 remote-as 1\naddress-family ipv4 unicast\n neighbor 10.0.1.1 {line}\n\
             exit-address-family"
        )
    };
    for (old, new) in [
        ("prefix-list a in", "prefix-list b in"),
        ("allowas-in", "allowas-in 3"),
    ] {
        let at = "address-family ipv4 unicast / neighbor 10.0.1.1";
        assert_eq!(
            commands(&family(old), &family(new)),
            [format!("{at} {new}")]
        );
    }
    let before = "bgp cluster-id 1.1.1.1\nbgp listen limit 100";
    let after = "bgp cluster-id 2.2.2.2\nbgp listen limit 200";
    assert_eq!(commands(before, after), after.lines().collect::<Vec<_>>());
}
