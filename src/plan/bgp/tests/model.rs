//! The commands against a model of what bgpd makes of them.
//!
//! The model knows the few rules by which bgpd keeps lines, as measured on FRR 10.3, and refuses
//! whatever bgpd would refuse or what is not needed. It shares no code with the difference.

use std::collections::BTreeSet;

use perouter_parsers::running_config::{Config, Context, Line};
use proptest::prelude::*;

use super::whole;
use crate::api::Family;
use crate::intent::samples::any_intent;
use crate::plan::bgp::difference::{Command, ContextChange};
use crate::plan::bgp::filter::ListId;

/// What bgpd holds: each line with the contexts that it stands in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::plan) struct Bgpd {
    lines: BTreeSet<(Vec<String>, String)>,
    contexts: BTreeSet<String>,
}

impl Bgpd {
    /// bgpd as it is after `config` was typed.
    pub(in crate::plan) fn holding(config: &Config) -> Self {
        let mut bgpd = Self::default();
        bgpd.load(&[], config);
        bgpd
    }

    /// Takes lines as they are, whether they are there already or not.
    pub(in crate::plan) fn load(&mut self, path: &[String], body: &Config) {
        for line in body.lines() {
            self.lines.insert((path.to_vec(), line.to_string()));
        }
        for context in body.contexts() {
            if path.is_empty() {
                self.contexts.insert(context.header().to_string());
            }
            let inner = [path, &[context.header().to_string()]].concat();
            self.load(&inner, context.body());
        }
    }

    /// What `show running-config` would say.
    pub(in crate::plan) fn running(&self) -> Config {
        let line = |text: &String| Line::new(text).expect("a line");
        let mut config = Config::new();
        for header in &self.contexts {
            config.push_context(Context::new(line(header)));
        }
        for (path, text) in &self.lines {
            let mut at = &mut config;
            for header in path {
                at = at.entry(&line(header));
            }
            at.push_line(line(text));
        }
        config
    }

    /// Types one command.
    pub(in crate::plan) fn apply(&mut self, command: &Command) -> Result<(), String> {
        let path: Vec<String> = command.path.iter().map(ToString::to_string).collect();
        let text = command.text().into_owned();
        let Some(instance) = path.first() else {
            return self.outermost(&text);
        };
        // Typing the header of an instance makes it.
        self.contexts.insert(instance.clone());
        let negative = |text: &str| text.starts_with("no bgp ");
        let stated = format!("no {text}");
        if self.lines.contains(&(path.clone(), stated.clone())) && negative(&stated) {
            self.lines.remove(&(path, stated));
            return Ok(());
        }
        match text.strip_prefix("no ") {
            Some(line) if !negative(&text) || self.holds(&path, line) => self.remove(&path, line),
            Some(_) | None => self.add(&path, text),
        }
    }

    /// Whether a session names this prefix list.
    pub(in crate::plan) fn names_list(&self, list: &ListId) -> bool {
        let family = match list.family {
            Family::Ipv6Unicast => "address-family ipv6 unicast",
            Family::Ipv4Unicast | Family::Evpn => "address-family ipv4 unicast",
        };
        self.lines.iter().any(|(path, line)| {
            let words: Vec<&str> = line.split(' ').collect();
            path.last().is_some_and(|last| last == family)
                && matches!(words.as_slice(), [_, _, "prefix-list", own, _] if *own == list.name)
        })
    }

    /// Whether a session names this BFD profile.
    pub(in crate::plan) fn names_profile(&self, name: &str) -> bool {
        let end = format!(" bfd profile {name}");
        self.lines.iter().any(|(_, line)| line.ends_with(&end))
    }

    /// Whether there is a prefix list of this name.
    pub(in crate::plan) fn has_list(&self, list: &ListId) -> bool {
        let start = format!("{} ", list.words());
        let mut outermost = self.lines.iter().filter(|(path, _)| path.is_empty());
        outermost.any(|(_, line)| line.starts_with(&start))
    }

    /// Types a line outside of all contexts.
    pub(in crate::plan) fn outermost(&mut self, text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split(' ').collect();
        if let ["no", ip, "prefix-list", list] = words.as_slice() {
            let start = format!("{ip} prefix-list {list} ");
            let size = self.lines.len();
            self.lines
                .retain(|(path, line)| !path.is_empty() || !line.starts_with(&start));
            let gone = self.lines.len() < size;
            return gone.then_some(()).ok_or(format!("{text}: no such list"));
        }
        if let ["no", "ip" | "ipv6" | "bgp", ..] = words.as_slice() {
            let line = text.trim_start_matches("no ").to_owned();
            let gone = self.lines.remove(&(Vec::new(), line));
            return gone.then_some(()).ok_or(format!("{text}: no such line"));
        }
        if let ["ip" | "ipv6", "prefix-list", ..] = words.as_slice() {
            return self.add(&[], text.to_owned());
        }
        match text.strip_prefix("no ") {
            Some(header) => {
                if !self.contexts.remove(header) {
                    return Err(format!("there is no {header}"));
                }
                self.lines
                    .retain(|(path, _)| path.first().map(String::as_str) != Some(header));
                Ok(())
            }
            None if self.contexts.insert(text.to_owned()) => Ok(()),
            None => Err(format!("{text} is there already")),
        }
    }

    fn holds(&self, path: &[String], line: &str) -> bool {
        self.lines.contains(&(path.to_vec(), line.to_owned()))
    }

    fn defined(&self, path: &[String], address: &str) -> bool {
        let starts = ["remote-as ", "interface remote-as ", "peer-group"]
            .map(|what| format!("neighbor {address} {what}"));
        let at = path.iter().take(1).cloned().collect::<Vec<_>>();
        self.lines
            .iter()
            .any(|(path, line)| *path == at && starts.iter().any(|start| line.starts_with(start)))
    }

    fn add(&mut self, path: &[String], text: String) -> Result<(), String> {
        if self.holds(path, &text) {
            return Err(format!("{text} is there already"));
        }
        let words: Vec<&str> = text.split(' ').collect();
        if let ["neighbor", address, what, ..] = words.as_slice()
            && !self.defined(path, address)
        {
            let defines = match *what {
                "remote-as" => address.parse::<std::net::IpAddr>().is_ok(),
                "interface" | "peer-group" => true,
                _ => false,
            };
            if !defines {
                return Err(format!("{text}: no such neighbour, or no remote-as yet"));
            }
        }
        if let ["bgp", "listen", "range", _, "peer-group", group] = words.as_slice()
            && !self.holds(path, &format!("neighbor {group} peer-group"))
        {
            return Err(format!("{text}: no such peer group"));
        }
        // A profile switches BFD on by itself.
        if let ["neighbor", name, "bfd", "profile", _] = words.as_slice() {
            let on = format!("neighbor {name} bfd");
            self.lines.insert((path.to_vec(), on));
        }
        let replaced = value_of(&text);
        self.lines
            .retain(|(at, line)| at != path || replaced.is_none() || value_of(line) != replaced);
        self.lines.insert((path.to_vec(), text));
        Ok(())
    }

    /// A neighbour goes with all its lines, a peer group with its listen ranges too; but the AS
    /// of a group is a line like others.
    fn undefine(&mut self, path: &[String], name: &str, what: &str) -> Result<(), String> {
        if !self.defined(path, name) {
            return Err(format!("no neighbor {name} {what}: no such neighbour"));
        }
        let is_group = self.holds(path, &format!("neighbor {name} peer-group"));
        let start = match what {
            "remote-as" if is_group => format!("neighbor {name} remote-as "),
            _ => format!("neighbor {name} "),
        };
        let ranges = format!(" peer-group {name}");
        let instance = path.first().cloned();
        self.lines.retain(|(at, line)| {
            let of_group = what == "peer-group" && line.ends_with(&ranges);
            at.first() != instance.as_ref() || !(line.starts_with(&start) || of_group)
        });
        Ok(())
    }

    /// A `no` takes away whatever value the line has now, named or not.
    fn remove(&mut self, path: &[String], text: &str) -> Result<(), String> {
        let words: Vec<&str> = text.split(' ').collect();
        if let [
            "neighbor",
            name,
            what @ ("remote-as" | "interface" | "peer-group"),
            ..,
        ] = words.as_slice()
        {
            return self.undefine(path, name, what);
        }
        // BFD takes its profile along.
        if let ["neighbor", name, "bfd"] = words.as_slice() {
            let profile = format!("neighbor {name} bfd profile ");
            self.lines
                .retain(|(at, line)| at != path || !line.starts_with(&profile));
        }
        if let ["neighbor", address, ..] = words.as_slice()
            && !self.defined(path, address)
        {
            return Err(format!("no {text}: no such neighbour"));
        }
        let value = value_of(text);
        let size = self.lines.len();
        self.lines.retain(|(at, line)| {
            let hit = line == text || (value.is_some() && value_of(line) == value);
            at != path || !hit
        });
        if self.lines.len() == size {
            return Err(format!("no {text}: nothing to take away"));
        }
        Ok(())
    }
}

/// What a line gives a value to, for lines of which bgpd keeps one at a time.
fn value_of(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split(' ').collect();
    let upto = |count: usize| Some(words[..count].join(" "));
    match words.as_slice() {
        ["bgp", "router-id" | "cluster-id", _] => upto(2),
        ["bgp", "listen", "limit", _] => upto(3),
        ["ip" | "ipv6", "prefix-list", _, "seq", ..] => upto(5),
        ["neighbor", _, "interface", "remote-as", _] => upto(3),
        ["neighbor", _, "bfd", "profile", _] => upto(4),
        ["neighbor", address, "prefix-list", _, direction] => {
            Some(format!("neighbor {address} prefix-list {direction}"))
        }
        [
            "bgp",
            "graceful-restart",
            "restart-time" | "stalepath-time",
            _,
        ] => upto(3),
        ["neighbor", _, "timers", "connect", _] => upto(4),
        ["neighbor", _, "timers", _, _] => upto(3),
        ["neighbor", _, "ebgp-multihop" | "allowas-in", ..] => upto(3),
        ["neighbor", _, "remote-as" | "port" | "password", _] => upto(3),
        ["neighbor", address, "route-map", _, direction] => {
            Some(format!("neighbor {address} route-map {direction}"))
        }
        _ => None,
    }
}

/// All instances that stand on either side, those of VRFs first.
fn headers(before: &Config, after: &Config) -> Vec<Line> {
    let all = before.contexts().iter().chain(after.contexts());
    let set: BTreeSet<Line> = all.map(|context| context.header().clone()).collect();
    let mut all: Vec<Line> = set.into_iter().collect();
    all.sort_by_key(|header| std::cmp::Reverse(header.words().count()));
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_commands_lead_from_one_to_the_other_and_back(
        before in any_intent(), after in any_intent(),
    ) {
        let (before, after) = (whole(&before), whole(&after));
        let mut bgpd = Bgpd::holding(&before);
        for header in headers(&before, &after) {
            let wanted = after.context(header.as_str());
            let Some(change) = ContextChange::towards(&before, &header, wanted) else {
                continue;
            };
            let undone = bgpd.clone();
            for command in change.commands() {
                let told = bgpd.apply(&command);
                prop_assert_eq!(told, Ok(()), "{:?}", command);
            }
            let there = bgpd.clone();
            for command in change.reversed().commands() {
                let told = bgpd.apply(&command);
                prop_assert_eq!(told, Ok(()), "back: {:?}", command);
            }
            prop_assert_eq!(&bgpd, &undone);
            bgpd = there;
        }
        prop_assert!(bgpd.running().equivalent(&after), "{}", bgpd.running());
        for header in headers(&after, &after) {
            let running = bgpd.running();
            let again = ContextChange::towards(&running, &header, after.context(header.as_str()));
            prop_assert_eq!(again, None);
        }
    }

    /// What is on both sides is not typed, except for what a neighbour takes with it.
    #[test]
    fn no_line_that_is_right_is_touched(before in any_intent(), after in any_intent()) {
        let (before, after) = (Bgpd::holding(&whole(&before)), Bgpd::holding(&whole(&after)));
        let both: BTreeSet<_> = before.lines.intersection(&after.lines).collect();
        let (running, wanted) = (before.running(), after.running());
        for header in headers(&running, &wanted) {
            let wanted = wanted.context(header.as_str());
            let change = ContextChange::towards(&running, &header, wanted);
            for command in change.iter().flat_map(ContextChange::commands) {
                let path: Vec<String> = command.path.iter().map(ToString::to_string).collect();
                let line = (path, command.line.to_string());
                prop_assert!(!both.contains(&line), "{:?}", command);
            }
        }
    }
}

#[test]
fn the_model_refuses_what_bgpd_refuses() {
    use crate::plan::bgp::difference::Verb;
    let line = |text: &str| Line::new(text).expect("a line");
    let command = |verb, text: &str| Command {
        path: vec![line("router bgp 1")],
        verb,
        line: line(text),
    };
    let mut bgpd = Bgpd::default();
    let timers = "neighbor 10.0.0.1 timers 3 9";
    assert!(bgpd.apply(&command(Verb::Add, timers)).is_err());
    assert!(bgpd.apply(&command(Verb::Remove, timers)).is_err());
    let define = command(Verb::Add, "neighbor 10.0.0.1 remote-as 2");
    assert_eq!(bgpd.apply(&define), Ok(()));
    assert!(bgpd.apply(&define).is_err(), "twice");
    assert_eq!(bgpd.apply(&command(Verb::Add, timers)), Ok(()));
    // The new value replaces the old, and a `no` for the old one takes the new one away.
    assert_eq!(
        bgpd.apply(&command(Verb::Add, "neighbor 10.0.0.1 timers 5 15")),
        Ok(())
    );
    assert_eq!(bgpd.lines.len(), 2);
    assert_eq!(bgpd.apply(&command(Verb::Remove, timers)), Ok(()));
    assert_eq!(bgpd.lines.len(), 1);
}
