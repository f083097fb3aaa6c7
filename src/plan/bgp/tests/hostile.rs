//! No text of a manifest reaches FRR as anything but the value of its own line.
//!
//! Every value of two full manifests is replaced by hostile text, the whole way is gone, and
//! then either the object was refused with the field's path, or what would be typed has the
//! shape of the harmless one: the same contexts, as many lines, as many words in each.

use perouter_parsers::running_config::Config;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::whole;
use crate::api::tests::{full_l3vni, full_underlay, read as read_object};
use crate::api::{ApiError, Manifest};
use crate::intent::samples::{PASSWORD, intent};

/// Where a manifest holds the password.
const PASSWORD_AT: &str = "/spec/neighbors/0/password";

/// What people could try.
const HOSTILE: [&str; 32] = [
    "\n",
    "\r",
    "\r\n",
    "\0",
    "\t",
    " ",
    "\u{b}",
    "\u{c}",
    "\u{1b}[2J",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "!",
    "!x",
    "#",
    "%",
    "?",
    "|",
    "| include x",
    "|include",
    "exit",
    "end",
    "\nend\nconfigure\nno router bgp 64514\n",
    "\0no router bgp 64514\0",
    " no router bgp 64514",
    "x shutdown",
    "\"; no router bgp 64514",
    "$(reboot)`reboot`'\\",
    "\\n",
    "пароль",
    "\u{202e}drowssap",
];

/// The path in JSON and in messages of every value of a manifest that has no parts.
fn values(value: &Value, at: (String, String), into: &mut Vec<(String, String)>) {
    let (pointer, path) = at;
    match value {
        Value::Object(fields) => {
            for (name, part) in fields {
                let path = format!("{path}{}{name}", if path.is_empty() { "" } else { "." });
                values(part, (format!("{pointer}/{name}"), path), into);
            }
        }
        Value::Array(entries) => {
            for (index, part) in entries.iter().enumerate() {
                let at = (format!("{pointer}/{index}"), format!("{path}[{index}]"));
                values(part, at, into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            into.push((pointer, path));
        }
    }
}

/// The two manifests, their one password known. No route target is one that is left out, as
/// what FRR derives by itself and what stands there twice are: another in its place is a line
/// more, and harmless.
fn samples() -> [Value; 2] {
    let (mut underlay, mut vni) = (full_underlay(), full_l3vni());
    *underlay.pointer_mut(PASSWORD_AT).expect("a password") = PASSWORD.into();
    vni["spec"]["exportRTs"] = json!(["64514:99"]);
    vni["spec"]["importRTs"] = json!(["192.0.2.1:7", "4200000001:9", "64514:100"]);
    [underlay, vni]
}

/// Every place in the samples: which of them, and where in it.
fn places() -> Vec<(usize, String, String)> {
    let mut places = Vec::new();
    for (sample, object) in samples().iter().enumerate() {
        let mut found = Vec::new();
        values(object, (String::new(), String::new()), &mut found);
        places.extend(
            found
                .into_iter()
                .map(|(pointer, path)| (sample, pointer, path)),
        );
    }
    places
}

/// The samples with a text in one place.
fn with(sample: usize, pointer: &str, text: &str) -> Result<[Manifest; 2], ApiError> {
    let mut objects = samples();
    *objects[sample].pointer_mut(pointer).expect("a place") = text.into();
    let [underlay, vni] = objects;
    Ok([read_object(underlay)?, read_object(vni)?])
}

/// The samples as they are.
fn harmless() -> [Manifest; 2] {
    samples().map(|object| read_object(object).expect("harmless"))
}

/// The words of every line in the order in which they are typed, exits included.
fn shape(config: &Config) -> Vec<usize> {
    let words = |command: &&str| command.split([' ', '\t']).count();
    config.commands().iter().map(words).collect()
}

/// Demands that a text is refused or harmless.
fn endure(place: &(usize, String, String), text: &str) {
    let (sample, pointer, path) = place;
    let shown = || format!("{path}: {text:?}");
    let manifests = match with(*sample, pointer, text) {
        Ok(manifests) => manifests,
        Err(error) => {
            let named = error.faults.iter().any(|fault| fault.path == *path);
            assert!(named, "{}: {error}", shown());
            // Nor does it reach a terminal as anything but words.
            let told = error.to_string();
            assert_eq!(told.lines().count(), error.faults.len(), "{told:?}");
            assert!(
                !told.replace('\n', "").contains(char::is_control),
                "{told:?}"
            );
            for told in [error.to_string(), format!("{error:?}")] {
                assert!(!told.contains(PASSWORD), "{}: {told}", shown());
            }
            return;
        }
    };
    let (config, expected) = (whole(&intent(manifests)), whole(&intent(harmless())));
    assert_eq!(shape(&config), shape(&expected), "{}:\n{config}", shown());
    for command in config.commands() {
        assert!(
            !command.contains(char::is_control),
            "{}: {command:?}",
            shown()
        );
        assert!(!command.contains("| "), "{}: {command:?}", shown());
    }
    // What is typed is read back as the same, so it says nothing else either.
    assert_eq!(
        config.to_string().parse().as_ref(),
        Ok(&config),
        "{}",
        shown()
    );
}

/// A text for a place: hostile alone, or around what stood there; a password is kept in it,
/// so that it can be looked for.
fn texts(place: &(usize, String, String), hostile: &str) -> [String; 3] {
    let (sample, pointer, _) = place;
    let own = match samples()[*sample].pointer(pointer) {
        Some(Value::String(own)) => own.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    let alone = if pointer == PASSWORD_AT {
        format!("{hostile}{own}{hostile}")
    } else {
        hostile.to_owned()
    };
    [alone, format!("{own}{hostile}"), format!("{hostile}{own}")]
}

#[test]
fn every_value_that_reaches_frr_is_tried() {
    let paths: Vec<String> = places().into_iter().map(|(_, _, path)| path).collect();
    for path in [
        "spec.neighbors[0].address",
        "spec.neighbors[0].password",
        "spec.interfaces[0].networkDevice.interfaceName",
        "spec.routerIDCIDR",
        "spec.tunnelEndpoint.cidrs[0]",
        "spec.vrf",
        "spec.hostSession.localCIDR.ipv4",
        "spec.exportRTs[0]",
        "spec.importRTs[0]",
    ] {
        assert!(paths.iter().any(|own| own == path), "{path} is not tried");
    }
}

/// The judge of the other tests sees a line too many, and a word.
#[test]
fn a_change_of_shape_is_seen() {
    let config = whole(&intent(harmless()));
    let mut longer = config.clone();
    longer.push("no router bgp 64514").expect("a line");
    assert_ne!(shape(&longer), shape(&config));
    let wider = config.to_string().replace(PASSWORD, "x shutdown");
    let wider: Config = wider.parse().expect("a configuration");
    assert_ne!(shape(&wider), shape(&config));
}

#[test]
fn hostile_texts_are_refused_or_harmless() {
    for place in places() {
        for hostile in HOSTILE {
            for text in texts(&place, hostile) {
                endure(&place, &text);
            }
        }
        for length in [16, 81, 254, 5000] {
            for text in texts(&place, &"x".repeat(length)) {
                endure(&place, &text);
            }
        }
        endure(&place, "");
    }
}

#[test]
fn one_more_digit_is_refused_or_harmless_wherever_it_stands() {
    for place in places() {
        for text in texts(&place, "0") {
            endure(&place, &text);
        }
    }
}

#[test]
fn passwords_that_are_strange_but_typeable_are_taken_as_they_are() {
    for password in [
        "!x",
        "#",
        "%",
        "a|b",
        "|",
        "\"'\\`$(x);",
        "exit",
        "<>?{}[]~^*&",
        "no",
    ] {
        let manifests = with(0, PASSWORD_AT, password).expect("taken");
        let line = format!("neighbor 192.168.11.2 password {password}");
        let config = whole(&intent(manifests));
        let typed = config.commands();
        assert_eq!(
            typed.iter().filter(|command| **command == line).count(),
            1,
            "{password}"
        );
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (select(HOSTILE.to_vec()), "\\PC{0,10}", select(HOSTILE.to_vec()))
            .prop_map(|(before, middle, after)| format!("{before}{middle}{after}")),
        2 => "[ -~]{1,90}",
        1 => "(?s).{0,40}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_refused_or_harmless(at: Index, text in any_text()) {
        let places = places();
        let place = &places[at.index(places.len())];
        for text in texts(place, &text) {
            endure(place, &text);
        }
    }
}
