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
