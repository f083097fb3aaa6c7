//! What is sent together, and what is awaited.

use proptest::prelude::*;

use super::*;

fn line(text: &str) -> Line {
    Line::new(text).unwrap()
}

fn add(path: &[&str], text: &str) -> Command {
    command(Verb::Add, path, text)
}

fn command(verb: Verb, path: &[&str], text: &str) -> Command {
    Command {
        path: path.iter().map(|header| line(header)).collect(),
        verb,
        line: line(text),
    }
}

fn texts(commands: &[Command]) -> Vec<Vec<String>> {
    let write = |write: Vec<Typed<'_>>| {
        write
            .into_iter()
            .map(|line| line.text.into_owned())
            .collect()
    };
    writes(commands).into_iter().map(write).collect()
}

const RED: &str = "router bgp 1 vrf red";
const BLUE: &str = "router bgp 1 vrf blue";
const IPV4: &str = "address-family ipv4 unicast";
const EVPN: &str = "address-family l2vpn evpn";

#[test]
fn a_write_ends_where_a_context_opens() {
    let commands = [
        add(&[RED], "bgp router-id 1.1.1.1"),
        add(&[RED], "neighbor 1.1.1.2 remote-as 2"),
        add(&[RED, IPV4], "neighbor 1.1.1.2 activate"),
        add(&[RED, EVPN], "advertise ipv4 unicast"),
        add(&[BLUE], "bgp router-id 1.1.1.1"),
        command(Verb::Remove, &[], "router bgp 1 vrf old"),
    ];
    let expected: [&[&str]; 5] = [
        &["configure terminal", RED],
        &[
            "bgp router-id 1.1.1.1",
            "neighbor 1.1.1.2 remote-as 2",
            IPV4,
        ],
        &["neighbor 1.1.1.2 activate", "exit", EVPN],
        &["advertise ipv4 unicast", "exit", "exit", BLUE],
        &[
            "bgp router-id 1.1.1.1",
            "exit",
            "no router bgp 1 vrf old",
            "end",
        ],
    ];
    assert_eq!(texts(&commands), expected);
}

#[test]
fn a_context_without_content_is_left_before_what_stands_outside() {
    let commands = [
        add(&[], "route-map a permit 1"),
        add(&[], "ip prefix-list b permit any"),
    ];
    let expected: [&[&str]; 2] = [
        &["configure terminal", "route-map a permit 1"],
        &["exit", "ip prefix-list b permit any", "end"],
    ];
    assert_eq!(texts(&commands), expected);
}

#[test]
fn a_refusal_hides_the_password_that_frr_repeats() {
    let typed = Typed {
        text: "neighbor 1.1.1.2 password secret".into(),
        shown: "neighbor 1.1.1.2 password ********".into(),
    };
    let answer = Answer {
        status: Status::ConfigFailed,
        text: "% bad: neighbor 1.1.1.2 password secret".to_owned(),
    };
    let error = taken(Daemon::Bgpd, &typed, &answer)
        .unwrap_err()
        .to_string();
    assert!(!error.contains("secret"), "{error}");
    assert!(!format!("{typed:?}").contains("secret"));
}

/// A vty that knows nothing but where it is.
fn contexts_of(writes: &[Vec<String>]) -> Vec<(Vec<String>, String)> {
    let mut within: Vec<String> = Vec::new();
    let mut typed = Vec::new();
    for write in writes {
        for (place, text) in write.iter().enumerate() {
            let opens = line_opens(text);
            match text.as_str() {
                "configure terminal" => assert!(within.is_empty() && typed.is_empty()),
                "exit" => drop(within.pop().expect("something to leave")),
                "end" => within.clear(),
                _ if opens => {
                    assert_eq!(place + 1, write.len(), "{text} is awaited");
                    within.push(text.clone());
                }
                _ => typed.push((within.clone(), text.clone())),
            }
        }
    }
    typed
}

fn line_opens(text: &str) -> bool {
    Line::new(text).is_ok_and(|line| line.opens_context())
}

fn commands() -> impl Strategy<Value = Vec<Command>> {
    let path = prop::sample::select(vec![
        vec![],
        vec![RED],
        vec![BLUE],
        vec![RED, IPV4],
        vec![RED, EVPN],
        vec![BLUE, EVPN],
        vec!["bfd"],
    ]);
    let verb = prop::sample::select(vec![Verb::Add, Verb::Remove]);
    let command = (path, verb, 0..400_u16)
        .prop_map(|(path, verb, number)| command(verb, &path, &format!("line {number}")));
    prop::collection::vec(command, 1..400)
}

proptest! {
    #[test]
    fn every_line_is_typed_in_its_context_and_in_its_turn(commands in commands()) {
        let writes = texts(&commands);
        let typed = contexts_of(&writes);
        prop_assert_eq!(typed.len(), commands.len());
        for (command, (within, text)) in commands.iter().zip(typed) {
            prop_assert_eq!(command.text().into_owned(), text);
            let path: Vec<String> = command.path.iter().map(ToString::to_string).collect();
            prop_assert_eq!(path, within);
        }
        prop_assert!(writes.iter().all(|write| write.len() <= 2 * LINES_AT_ONCE));
    }
}
