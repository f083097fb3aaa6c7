//! What is remembered of raw objects, and what follows from it.

use super::*;
use crate::api::{Kind, RawFrrConfig};
use crate::intent::samples::key;

fn config(text: &str) -> Config {
    text.parse().expect("a configuration")
}

fn raw(name: &str, text: &str) -> RawIntent {
    RawIntent {
        key: key(Kind::RawFrrConfig, name),
        spec: RawFrrConfig {
            priority: 0,
            config: config(text),
        },
    }
}

/// The memory of an object that was typed as it is now.
fn remembered(intent: &RawIntent, footprint: &str) -> RawMemory {
    let applied = RawApplied {
        typed: intent.spec.config.clone(),
        footprint: config(footprint),
    };
    RawMemory::from([(intent.key.clone(), applied)])
}

const FAMILY: &str = "router bgp 1\n bgp router-id 1.1.1.1\n address-family ipv4 unicast\n  \
                      network 10.0.0.0/8\n  network 10.1.0.0/16\n exit-address-family\nexit\n";

#[test]
fn what_one_has_more_is_found_in_every_context() {
    let other = "router bgp 1\n bgp router-id 1.1.1.1\n address-family ipv4 unicast\n  \
                 network 10.1.0.0/16\n exit-address-family\nexit\n";
    let more = "router bgp 1\n address-family ipv4 unicast\n  network 10.0.0.0/8\n \
                exit-address-family\nexit\n";
    assert_eq!(minus(&config(FAMILY), &config(other)), config(more));
    assert_eq!(minus(&config(other), &config(FAMILY)), Config::new());
    assert_eq!(minus(&config(FAMILY), &Config::new()), config(FAMILY));
}

#[test]
fn outermost_lines_and_whole_contexts_are_subtracted_too() {
    let all = "ip prefix-list a seq 5 permit any\nip prefix-list b seq 5 permit any\n\
               route-map a permit 1\nexit\nroute-map b permit 1\nexit\n";
    let other = "ip prefix-list a seq 5 permit any\nroute-map a permit 1\nexit\n";
    let more = "ip prefix-list b seq 5 permit any\nroute-map b permit 1\nexit\n";
    assert_eq!(minus(&config(all), &config(other)), config(more));
}

#[test]
fn what_both_have_is_found_in_every_context_that_both_have() {
    let other = "ip prefix-list a seq 5 permit any\nrouter bgp 1\n bgp router-id 2.2.2.2\n \
                 address-family ipv4 unicast\n  network 10.1.0.0/16\n exit-address-family\n \
                 address-family l2vpn evpn\n  advertise-all-vni\n exit-address-family\nexit\n";
    let both = "router bgp 1\n address-family ipv4 unicast\n  network 10.1.0.0/16\n \
                exit-address-family\nexit\n";
    assert_eq!(intersection(&config(FAMILY), &config(other)), config(both));
    assert_eq!(intersection(&config(other), &config(FAMILY)), config(both));
    let line = "ip prefix-list a seq 5 permit any\n";
    assert_eq!(intersection(&config(other), &config(line)), config(line));
    assert_eq!(intersection(&config(FAMILY), &config(line)), Config::new());
}

#[test]
fn a_context_that_is_empty_is_in_both() {
    let map = config("route-map a permit 1\nexit\n");
    assert_eq!(intersection(&map, &map), map);
}

#[test]
fn the_footprint_is_what_frr_prints_of_an_object_in_its_own_words() {
    let before = "router bgp 1\n neighbor 10.0.0.1 remote-as 2\nexit\n";
    // Abbreviated, a default that FRR does not print, and a line that stood already.
    let typed = config(
        "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n neigh 10.0.0.1 timers 3 9\n \
         timers bgp 60 180\nexit\n",
    );
    let after = "router bgp 1\n neighbor 10.0.0.1 remote-as 2\n neighbor 10.0.0.1 timers 3 9\n\
                 exit\n";
    let footprint = footprint(&typed, &config(before), &config(after));
    assert!(footprint.equivalent(&config(after)), "{footprint}");
}

/// What another object said before, and this one does not, is not this one's.
#[test]
fn the_footprint_leaves_out_what_stood_there_and_was_not_typed() {
    let before = "router bgp 1\n neighbor 10.0.0.1 remote-as 2\nexit\n";
    let typed = "router bgp 1\n bgp cluster-id 1.1.1.1\nexit\n";
    let mut after = config(before);
    after.merge(config(typed));
    let footprint = footprint(&config(typed), &config(before), &after);
    assert_eq!(footprint, config(typed));
}

#[test]
fn an_object_wants_its_lines_as_it_says_them_and_as_frr_prints_them() {
    let (a, b) = (
        raw("a", "route-map a permit 1\n set metric +5\nexit\n"),
        raw("b", "route-map a permit 1\n set origin igp\nexit\n"),
    );
    let printed = "route-map a permit 1\n set metric +5\n set origin igp\nexit\n";
    let alone = wanted(&[a.clone(), b.clone()], &RawMemory::new());
    assert_eq!(alone, config(printed));
    let memory = remembered(&a, "route-map a permit 1\n set metric 5\nexit\n");
    let printed = "route-map a permit 1\n set metric +5\n set metric 5\n set origin igp\nexit\n";
    assert_eq!(wanted(&[a, b], &memory), config(printed));
}

/// So what only the earlier version said goes.
#[test]
fn the_footprint_of_an_earlier_version_or_of_an_object_that_is_gone_is_not_wanted() {
    let before = raw("a", "route-map a permit 1\n set metric +5\nexit\n");
    let memory = remembered(&before, "route-map a permit 1\n set metric 5\nexit\n");
    let text = "route-map a permit 1\n set metric 6\nexit\n";
    assert_eq!(wanted(&[raw("a", text)], &memory), config(text));
    assert_eq!(wanted(&[raw("b", text)], &memory), config(text));
    assert_eq!(wanted(&[], &memory), Config::new());
}

#[test]
fn an_object_is_typed_once_and_again_when_something_of_it_is_gone() {
    let own = raw(
        "a",
        "router bgp 1\n neigh 10.0.0.1 timers 3 9\n timers bgp 60 180\nexit\n",
    );
    let printed = "router bgp 1\n neighbor 10.0.0.1 timers 3 9\nexit\n";
    let more = format!("ip prefix-list a seq 5 permit any\n{printed}");
    let memory = remembered(&own, printed);
    assert!(
        is_due(&own, &RawMemory::new(), &config(printed)),
        "never typed"
    );
    assert!(!is_due(&own, &memory, &config(printed)), "there");
    assert!(
        !is_due(&own, &memory, &config(&more)),
        "there beside others"
    );
    assert!(
        is_due(&own, &memory, &config("router bgp 1\nexit\n")),
        "one line is gone"
    );
    assert!(is_due(&own, &memory, &Config::new()), "all is gone");
    let edited = raw("a", "router bgp 1\n timers bgp 60 180\nexit\n");
    assert!(
        is_due(&edited, &memory, &config(printed)),
        "another version"
    );
    let other = raw("b", "router bgp 1\n timers bgp 60 180\nexit\n");
    assert!(is_due(&other, &memory, &config(printed)), "another object");
}

#[test]
fn all_is_typed_in_its_order_each_line_in_its_contexts() {
    let config = config(&format!(
        "ip prefix-list a seq 5 permit any\n{FAMILY}route-map a permit 1\nexit\n"
    ));
    let commands = commands(&config);
    let shown: Vec<String> = commands.iter().map(ToString::to_string).collect();
    assert_eq!(
        shown,
        [
            "ip prefix-list a seq 5 permit any",
            "router bgp 1 / bgp router-id 1.1.1.1",
            "router bgp 1 / address-family ipv4 unicast / network 10.0.0.0/8",
            "router bgp 1 / address-family ipv4 unicast / network 10.1.0.0/16",
            "route-map a permit 1",
        ]
    );
}

#[test]
fn outermost_lines_of_bgpd_that_nobody_wants_are_surplus_and_no_others() {
    let running = config(
        "log syslog\nbgp as-path access-list a seq 5 permit 1\n\
         bgp community-list standard b seq 5 permit 1:1\n\
         ip prefix-list c seq 5 permit any\nip nht resolve-via-default\n",
    );
    let kept = config("bgp as-path access-list a seq 5 permit 1\n");
    let change = surplus_lines(&running, &kept).expect("a change");
    let gone = "no bgp community-list standard b seq 5 permit 1:1";
    assert_eq!(change.lines(), [gone]);
    assert_eq!(surplus_lines(&running, &running), None);
}

#[test]
fn what_is_remembered_is_not_shown() {
    let own = raw(
        "a",
        "router bgp 1\n neighbor 10.0.0.1 password hunter2\nexit\n",
    );
    let memory = remembered(
        &own,
        "router bgp 1\n neighbor 10.0.0.1 password hunter2\nexit\n",
    );
    let shown = format!("{memory:?} {own:?}");
    assert!(
        shown.contains("RawApplied") && !shown.contains("hunter2"),
        "{shown}"
    );
}
