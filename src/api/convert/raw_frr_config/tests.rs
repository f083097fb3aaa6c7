//! Lines that are taken, and those that are refused without a word of what they hold.

use serde_json::{Value, json};

use super::*;
use crate::api::model::{Manifest, Object};
use crate::api::tests::{edited, faults, full_raw_config, read};

const SECRET: &str = "hunter2";

fn with(lines: &str) -> Value {
    edited(full_raw_config(), "spec.rawConfig", &json!(lines))
}

fn spec(object: Value) -> RawFrrConfig {
    match read(object) {
        Ok(Manifest::RawFrrConfig(Object { spec, .. })) => spec,
        other => panic!("{other:?}"),
    }
}

fn told(lines: &str) -> Vec<String> {
    let told = faults(with(lines));
    let field = |fault: &String| {
        let rest = fault.strip_prefix("spec.rawConfig: ");
        rest.unwrap_or_else(|| panic!("{fault}")).to_owned()
    };
    told.iter().map(field).collect()
}

#[test]
fn lines_are_read_with_their_contexts_and_their_priority() {
    let RawFrrConfig { priority, config } = spec(full_raw_config());
    assert_eq!(priority, 7);
    assert_eq!(
        config
            .at(&["router bgp 1"])
            .map(|body| body.has_line("timers bgp 3 9")),
        Some(true)
    );
    let first = spec(edited(full_raw_config(), "spec.priority", &Value::Null));
    assert_eq!(first.priority, 0);
}

#[test]
fn a_context_that_is_written_twice_is_one() {
    let twice = "router bgp 1\n timers bgp 3 9\nexit\nrouter bgp 1\n timers bgp 3 9\n \
                 bgp cluster-id 1.1.1.1\nexit\n";
    let once = "router bgp 1\n timers bgp 3 9\n bgp cluster-id 1.1.1.1\nexit\n";
    assert_eq!(
        spec(with(twice)).config.to_string(),
        spec(with(once)).config.to_string()
    );
}

#[test]
fn all_that_bgpd_alone_has_is_taken() {
    for lines in [
        "router bgp 1\n timers bgp 3 9\nexit\n",
        "router bgp 1 vrf red\n timers bgp 3 9\nexit\n",
        "route-map a permit 1\n set metric 5\nexit\n",
        "ip prefix-list a seq 5 permit any\n",
        "ipv6 prefix-list a seq 5 permit any\n",
        "bgp as-path access-list a seq 5 permit 1\n",
        "bgp community-list standard a seq 5 permit 1:1\n",
        "bgp extcommunity-list standard a seq 5 permit rt 1:1\n",
        "bgp large-community-list standard a seq 5 permit 1:1:1\n",
    ] {
        assert_eq!(faults(with(lines)), Vec::<String>::new(), "{lines}");
    }
}

#[test]
fn what_is_not_bgpds_is_refused_by_its_first_words() {
    for (lines, found) in [
        ("ip route 10.0.0.0/8 10.0.0.1\n", "ip route"),
        ("vrf red\n vni 100\nexit-vrf\n", "vrf"),
        (
            "router ospf\n passive-interface default\nexit\n",
            "router ospf",
        ),
        ("hostname hunter2\n", "hostname"),
        ("password hunter2\n", "password"),
        ("enable password hunter2\n", "enable"),
        ("bgp send-extra-data hunter2\n", "bgp send-extra-data"),
        (
            "key chain hunter2\n key 1\n  key-string hunter2\n exit\nexit\n",
            "key",
        ),
        ("no router bgp 1\n", "no"),
    ] {
        assert_eq!(told(lines), [format!("{found:?} {FOR_BGPD}")], "{lines}");
    }
}

#[test]
fn each_line_that_is_not_bgpds_is_told() {
    let lines = "log syslog\nrouter bgp 1\n timers bgp 3 9\nexit\nip route 10.0.0.0/8 10.0.0.1\n";
    assert_eq!(told(lines).len(), 2);
}

#[test]
fn what_frr_would_do_once_is_refused_in_every_context() {
    for lines in [
        "router bgp 1\n do clear bgp * hunter2\nexit\n",
        "router bgp 1\n address-family ipv4 unicast\n  do clear bgp *\n exit-address-family\nexit\n",
    ] {
        assert_eq!(
            told(lines),
            [format!("\"do\" {NO_CONFIGURATION}")],
            "{lines}"
        );
    }
    let outside = told("do clear bgp *\n");
    assert_eq!(
        outside,
        [
            format!("\"do\" {NO_CONFIGURATION}"),
            format!("\"do\" {FOR_BGPD}")
        ]
    );
}

#[test]
fn nothing_at_all_is_missing() {
    for lines in ["\n", "!\n! nothing\n", "end\n"] {
        assert_eq!(told(lines), ["is missing"], "{lines:?}");
    }
}

#[test]
fn a_priority_is_a_number_from_zero() {
    let fault = "spec.priority: -1 is out of range; it must be 0 to 2147483647";
    assert_eq!(
        faults(edited(full_raw_config(), "spec.priority", &json!(-1))),
        [fault]
    );
}

#[test]
fn a_text_that_is_no_configuration_is_refused_by_line_and_not_quoted() {
    let deep = |depth: usize| -> String {
        let line = |level: usize| format!("{}a {SECRET}{level}\n", " ".repeat(level));
        (0..depth).map(line).collect()
    };
    for (lines, expected) in [
        (
            "router bgp 1\n% hunter2\n".to_owned(),
            "line 2 begins with %, as FRR's messages do",
        ),
        (
            "router bgp 1\n a hunter2\u{1}\n".to_owned(),
            "line 2 holds a control character",
        ),
        (
            "router bgp 1\n a | hunter2\n".to_owned(),
            "line 2 holds a pipe, with which FRR filters what it prints",
        ),
        (
            "router bgp 1\n a hunter2\nexit-vrf\n".to_owned(),
            "line 3 closes another context than the open one",
        ),
        (
            "router bgp 1\nneighbor a password hunter2\nexit\n".to_owned(),
            "line 3 closes a context whose content is not indented; indent what belongs to a \
             context",
        ),
        (
            "router bgp 1\n a hunter2\nexit\nend\nneighbor a password hunter2\n".to_owned(),
            "line 5 follows the end of the configuration",
        ),
        (deep(20), "line 18 stands in too many contexts"),
    ] {
        assert_eq!(told(&lines), [expected], "{lines}");
    }
}

/// Whatever is wrong, wherever the password stands.
#[test]
fn no_fault_holds_a_password() {
    let password = format!("neighbor 10.0.0.1 password {SECRET}");
    let texts = [
        format!("{password}\n"),
        format!("password {SECRET}\n"),
        format!("router bgp 1\n{password}\nexit\n"),
        format!("router bgp 1\n {password}\nexit-vrf\n"),
        format!("router bgp 1\n {password}\u{1}\nexit\n"),
        format!("router bgp 1\n do {password}\nexit\n"),
        format!("% {password}\n"),
        format!("end\n{password}\n"),
        format!("exit {password}\n"),
    ];
    for text in &texts {
        let error = read(with(text)).expect_err(text);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(SECRET), "{shown}");
    }
    let taken = spec(with(&format!("router bgp 1\n {password}\nexit\n")));
    assert!(!format!("{taken:?}").contains(SECRET));
}
