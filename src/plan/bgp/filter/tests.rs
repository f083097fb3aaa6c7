//! What a list is called and says, and what is done until the lists stand as they should.

use super::*;
use crate::api::{AllowedPrefixes, HostSession, L3Vni};
use crate::intent::samples::{
    fabric, intent, l3vni, passthrough, rule, underlay, vrf, vrf_with_host,
};
use crate::plan::bgp::host::{lists_of_passthrough, lists_of_vni};

fn list(rules: &[PrefixRule]) -> PrefixList {
    PrefixList::new("red", Direction::In, Family::Ipv4Unicast, rules.to_vec())
}

fn texts(list: &PrefixList) -> Vec<String> {
    let lines = list.lines().expect("typeable");
    lines.iter().map(ToString::to_string).collect()
}

fn config(text: &str) -> Config {
    text.parse().expect("a configuration")
}

/// bgpd with the entries of a list, each after the list's name.
fn holding(list: &PrefixList, entries: &[&str]) -> Config {
    let text: String = entries
        .iter()
        .map(|entry| format!("{} {entry}\n", list.id))
        .collect();
    config(&text)
}

fn commands(changes: &[ListChange]) -> Vec<String> {
    changes.iter().flat_map(ListChange::lines).collect()
}

fn allowing(incoming: Option<Vec<PrefixRule>>, outgoing: Option<Vec<PrefixRule>>) -> L3Vni {
    let mut spec = vrf_with_host("red", 100, "192.169.10.0/24");
    let allowed = AllowedPrefixes { incoming, outgoing };
    spec.host_session = spec
        .host_session
        .map(|session| HostSession { allowed, ..session });
    spec
}

fn lists_of(spec: L3Vni) -> Vec<PrefixList> {
    let intent = intent([fabric("u", underlay()), l3vni("red", spec)]);
    lists_of_vni(&intent.vnis[0])
}

#[test]
fn an_entry_reads_as_frr_prints_it() {
    for (rule, text) in [
        (rule("10.0.0.0/8", 8, 8), "permit 10.0.0.0/8"),
        (rule("10.0.0.0/8", 8, 24), "permit 10.0.0.0/8 le 24"),
        (rule("10.0.0.0/8", 9, 24), "permit 10.0.0.0/8 ge 9 le 24"),
        (rule("10.0.0.0/8", 24, 24), "permit 10.0.0.0/8 ge 24 le 24"),
        (rule("0.0.0.0/0", 0, 0), "permit 0.0.0.0/0"),
        (rule("fd00::/48", 48, 64), "permit fd00::/48 le 64"),
    ] {
        assert_eq!(Entry::Permit(rule).to_string(), text);
    }
}

#[test]
fn entries_are_numbered_by_fives_in_the_order_of_the_rules() {
    let list = list(&[rule("10.9.0.0/16", 16, 16), rule("10.0.0.0/8", 8, 24)]);
    let name = list.name();
    let expected = [
        format!("ip prefix-list {name} seq 5 permit 10.9.0.0/16"),
        format!("ip prefix-list {name} seq 10 permit 10.0.0.0/8 le 24"),
    ];
    assert_eq!(texts(&list), expected);
    assert_eq!(ListChange::Create(list).lines(), expected);
}

/// The hashes were computed by another program: a later version that named lists otherwise
/// would lead every session to another list.
#[test]
fn a_list_is_named_after_its_session_its_direction_and_what_it_says() {
    let one = list(&[rule("10.0.0.0/8", 8, 8)]);
    assert_eq!(one.name(), "red-in-ef40d35e");
    let (out, v4) = (Direction::Out, Family::Ipv4Unicast);
    let rules = vec![rule("10.0.0.0/8", 8, 8)];
    let other = PrefixList::new("blue", out, v4, rules);
    assert_eq!(other.name(), "blue-out-ef40d35e");
    assert_eq!(list(&[]).name(), "red-in-a5f6a437");
}

#[test]
fn lists_that_say_something_else_have_other_names() {
    let (a, b) = (rule("10.0.0.0/8", 8, 8), rule("10.9.0.0/16", 16, 16));
    let wider = rule("10.0.0.0/8", 8, 9);
    let all = [&[a][..], &[b], &[a, b], &[b, a], &[wider], &[]].map(list);
    let names: BTreeSet<&str> = all.iter().map(PrefixList::name).collect();
    assert_eq!(names.len(), all.len(), "{names:?}");
}

#[test]
fn a_line_belongs_to_the_list_that_it_names() {
    let of = |text: &str| ListId::of(&Line::new(text).expect("a line"));
    let id = |family| {
        let name = "a".to_owned();
        Some(ListId { family, name })
    };
    let v4 = id(Family::Ipv4Unicast);
    assert_eq!(of("ip prefix-list a seq 5 permit any"), v4);
    assert_eq!(of("ip prefix-list a description what it is for"), v4);
    let v6 = id(Family::Ipv6Unicast);
    assert_eq!(of("ipv6 prefix-list a seq 5 permit any"), v6);
    for other in [
        "ip route 10.0.0.0/8 10.0.0.1",
        "bgp as-path access-list a seq 5 permit 1",
        "ip prefix-list",
        "router bgp 1",
    ] {
        assert_eq!(of(other), None, "{other}");
    }
}

#[test]
fn the_lists_that_run_are_told_apart_by_name_and_ip_version() {
    let config = config(
        "ip prefix-list a seq 5 permit any\nip prefix-list b seq 5 permit any\n\
         ip prefix-list a seq 10 deny any\nipv6 prefix-list a seq 5 permit any\n\
         bgp as-path access-list a seq 5 permit 1\n",
    );
    let running = running(&config);
    let sizes = running.iter().map(|(id, lines)| (id.words(), lines.len()));
    let expected = [
        ("ip prefix-list a".to_owned(), 2),
        ("ip prefix-list b".to_owned(), 1),
        ("ipv6 prefix-list a".to_owned(), 1),
    ];
    assert_eq!(sizes.collect::<Vec<_>>(), expected);
}

#[test]
fn a_list_that_is_not_there_is_made_and_one_that_stands_is_left_alone() {
    let one = list(&[rule("10.0.0.0/8", 8, 8)]);
    let none =
        towards(std::slice::from_ref(&one), &Running::new(), &Config::new()).expect("typeable");
    assert_eq!(none, [ListChange::Create(one.clone())]);
    let config = holding(&one, &["seq 5 permit 10.0.0.0/8"]);
    let there = towards(&[one], &running(&config), &Config::new()).expect("typeable");
    assert_eq!(there, []);
}

/// Nobody but people changes a list of ours: its name says what it holds.
#[test]
fn a_list_that_somebody_changed_is_mended_entry_by_entry() {
    let list = list(&[rule("10.9.0.0/16", 16, 16), rule("10.0.0.0/8", 8, 24)]);
    let (first, second) = ("seq 5 permit 10.9.0.0/16", "seq 10 permit 10.0.0.0/8 le 24");
    let table: [(&[&str], &[&str]); 5] = [
        (&[first], &[second]),
        (
            &[first, second, "seq 7 permit any"],
            &["no seq 7 permit any"],
        ),
        // FRR lets the new entry take the place of the one with its number.
        (&[first, "seq 10 permit any"], &[second]),
        (
            &["seq 5 permit any", second, "seq 15 deny any"],
            &[first, "no seq 15 deny any"],
        ),
        (&[first, second, "description x"], &["no description x"]),
    ];
    for (held, expected) in table {
        let config = holding(&list, held);
        let changes = towards(
            std::slice::from_ref(&list),
            &running(&config),
            &Config::new(),
        )
        .expect("typeable");
        let id = &list.id;
        let expected = expected.iter().map(|line| match line.strip_prefix("no ") {
            Some(line) => format!("no {id} {line}"),
            None => format!("{id} {line}"),
        });
        assert_eq!(commands(&changes), expected.collect::<Vec<_>>(), "{held:?}");
    }
}

#[test]
fn what_nobody_wants_goes_as_a_whole_and_what_raw_objects_want_stays() {
    let held = config(
        "ip prefix-list old seq 5 permit any\nip prefix-list ours seq 5 permit any\n\
         ip prefix-list theirs seq 5 permit any\nip prefix-list theirs seq 10 deny any\n\
         ipv6 prefix-list ours seq 5 permit any\nip prefix-list whole seq 5 permit any\n",
    );
    let raw =
        config("ip prefix-list theirs seq 5 permit any\nip prefix-list whole seq 5 permit any\n");
    let ours = ListId {
        family: Family::Ipv4Unicast,
        name: "ours".to_owned(),
    };
    let changes = unwanted(&running(&held), |id| *id == ours, &raw);
    assert_eq!(
        commands(&changes),
        [
            "no ip prefix-list old",
            "no ip prefix-list theirs seq 10 deny any",
            "no ipv6 prefix-list ours",
        ]
    );
}

#[test]
fn a_session_has_a_list_a_direction_and_ip_version_and_denies_what_no_rule_is_about() {
    let rules = vec![rule("10.0.0.0/8", 8, 8), rule("fd00::/48", 48, 64)];
    let lists = lists_of(allowing(Some(rules), Some(vec![rule("10.0.0.0/8", 8, 8)])));
    let told = lists.iter().map(|list| {
        let entries: Vec<String> = list.entries().map(|(_, entry)| entry.to_string()).collect();
        (list.direction(), list.family(), entries.join(", "))
    });
    let (v4, v6) = (Family::Ipv4Unicast, Family::Ipv6Unicast);
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (Direction::In, v4, "permit 10.0.0.0/8".to_owned()),
            (Direction::In, v6, "permit fd00::/48 le 64".to_owned()),
            (Direction::Out, v4, "permit 10.0.0.0/8".to_owned()),
            (Direction::Out, v6, "deny any".to_owned()),
        ]
    );
}

#[test]
fn a_direction_without_a_list_is_not_limited_and_an_empty_one_lets_nothing_pass() {
    assert_eq!(lists_of(allowing(None, None)), []);
    let nothing = lists_of(allowing(None, Some(Vec::new())));
    let lines: Vec<String> = nothing.iter().flat_map(texts).collect();
    let name = "prefix-list red-out-a5f6a437 seq 5 deny any";
    assert_eq!(lines, [format!("ip {name}"), format!("ipv6 {name}")]);
}

#[test]
fn without_a_session_there_is_no_list() {
    assert_eq!(lists_of(vrf("red", 100)), []);
    let mut vni = intent([
        fabric("u", underlay()),
        l3vni("red", allowing(Some(Vec::new()), None)),
    ])
    .vnis
    .remove(0);
    assert_eq!(lists_of_vni(&vni).len(), 2);
    vni.legs.clear();
    assert_eq!(lists_of_vni(&vni), []);
}

#[test]
fn the_lists_of_the_passthrough_have_a_name_that_no_vrf_has() {
    let session = allowing(Some(Vec::new()), None).host_session;
    let lists = lists_of_passthrough(&passthrough(session.expect("a session")));
    let names: Vec<&str> = lists.iter().map(PrefixList::name).collect();
    assert_eq!(names, ["pt.host-in-a5f6a437"; 2]);
    assert!("pt.host".parse::<crate::api::types::VrfName>().is_err());
}
