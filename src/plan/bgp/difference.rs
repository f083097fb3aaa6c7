//! The commands that lead from one bgpd configuration to another, touching no line that is
//! right.
//!
//! FRR's grammar has three kinds of lines that a plain set difference would get wrong: lines
//! with a value, where the new one replaces the old (a `no` for the old one afterwards would
//! undo it); a neighbour, whose removal takes all its lines with it; and address families,
//! which are emptied line by line because no command removes them.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use perouter_parsers::running_config::{Config, Context, Line};

/// One configuration command and the contexts it is typed in, from the outermost inwards.
#[derive(Clone, PartialEq, Eq)]
pub struct Command {
    /// The contexts, by the command that opens each.
    pub path: Vec<Line>,
    /// Whether the line comes or goes.
    pub verb: Verb,
    /// The line, as the running configuration prints it.
    pub line: Line,
}

/// What a command does with its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// Type it.
    Add,
    /// Type its opposite: `no` before it, or the `no` that it starts with left out.
    Remove,
}

impl Command {
    /// What is typed into FRR, secrets included.
    #[must_use]
    pub fn text(&self) -> Cow<'_, str> {
        let line = self.line.as_str();
        match (self.verb, line.strip_prefix("no ")) {
            (Verb::Add, _) => Cow::Borrowed(line),
            (Verb::Remove, Some(opposite)) => Cow::Borrowed(opposite),
            (Verb::Remove, None) => Cow::Owned(format!("no {line}")),
        }
    }
}

impl fmt::Display for Command {
    /// Passwords are hidden: this goes to logs, plans and conditions.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for context in &self.path {
            write!(f, "{context} / ")?;
        }
        f.write_str(&redacted(&self.text()))
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The line with its secret, if it has one, hidden.
#[must_use]
pub fn redacted(line: &str) -> String {
    match line.split_once(" password ") {
        Some((before, _)) => format!("{before} password ********"),
        None => line.to_owned(),
    }
}

/// One outermost context on its way from `before` to `after`.
#[derive(Clone, PartialEq, Eq)]
pub struct ContextChange {
    /// The command that opens it.
    pub header: Line,
    /// What it holds now; `None` where it does not exist.
    pub before: Option<Config>,
    /// What it shall hold; `None` where it shall go.
    pub after: Option<Config>,
}

impl fmt::Debug for ContextChange {
    /// The commands, passwords hidden; the configurations on either side hold them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let commands = self.commands();
        f.debug_tuple("ContextChange").field(&commands).finish()
    }
}

impl ContextChange {
    /// The change from what `running` holds of this context to `after`, or `None` when it is so
    /// already.
    #[must_use]
    pub fn towards(running: &Config, header: &Line, after: Option<&Config>) -> Option<Self> {
        Self::between(header, running.context(header.as_str()), after)
    }

    /// The change of a context from `before` to `after`, or `None` when they are the same.
    #[must_use]
    pub fn between(header: &Line, before: Option<&Config>, after: Option<&Config>) -> Option<Self> {
        let same = match (before, after) {
            (Some(before), Some(after)) => before == after || before.equivalent(after),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let change = (!same).then(|| Self {
            header: header.clone(),
            before: before.cloned(),
            after: after.cloned(),
        })?;
        // An empty address family is none, and no command says otherwise.
        (!change.commands().is_empty()).then_some(change)
    }

    /// The same change backwards.
    #[must_use]
    pub fn reversed(&self) -> Self {
        Self {
            header: self.header.clone(),
            before: self.after.clone(),
            after: self.before.clone(),
        }
    }

    /// The commands of the change, in an order that FRR accepts.
    #[must_use]
    pub fn commands(&self) -> Vec<Command> {
        let whole = |verb| {
            vec![Command {
                path: Vec::new(),
                verb,
                line: self.header.clone(),
            }]
        };
        let Some(after) = &self.after else {
            return whole(Verb::Remove);
        };
        if after.is_empty() && self.before.is_none() {
            return whole(Verb::Add);
        }
        let path = vec![self.header.clone()];
        let empty = Config::new();
        let before = self.before.as_ref().unwrap_or(&empty);
        let mut commands = removals(&path, before, after, &BTreeSet::new());
        commands.extend(additions(&path, before, after));
        commands
    }
}

/// The lines that define neighbours, by neighbour: taking that line away takes all of the
/// neighbour's lines away. A peer group is defined by the line that says it is one.
fn definitions(config: &Config) -> BTreeMap<&str, &Line> {
    let mut definitions = BTreeMap::new();
    for line in config.lines() {
        let words: Vec<&str> = line.words().take(5).collect();
        match words.as_slice() {
            ["neighbor", group, "peer-group"] => _ = definitions.insert(*group, line),
            ["neighbor", neighbor, "remote-as", ..]
            | [
                "neighbor",
                neighbor,
                "interface",
                "remote-as" | "v6only",
                ..,
            ] => {
                definitions.entry(*neighbor).or_insert(line);
            }
            [..] => {}
        }
    }
    definitions
}

/// When a line may be typed, whatever its place in the configuration: what holds for all
/// neighbours goes before them, as the default activation does; and FRR takes no line of a
/// neighbour, nor a range of a peer group, that it does not know yet.
fn addition_rank(line: &Line) -> u8 {
    let words: Vec<&str> = line.words().take(4).collect();
    match words.as_slice() {
        ["neighbor", _, "peer-group"]
        | ["neighbor", _, "remote-as", ..]
        | ["neighbor", _, "interface", "remote-as" | "v6only"] => 1,
        ["neighbor", ..] | ["no", "neighbor", ..] | ["bgp", "listen", "range", ..] => 2,
        [..] => 0,
    }
}

fn neighbor_of(line: &Line) -> Option<&str> {
    let mut words = line.words();
    (words.next() == Some("neighbor"))
        .then(|| words.next())
        .flatten()
}

/// The neighbour that a line switches BFD on for.
fn watched(line: &Line) -> Option<&str> {
    let mut words = line.words().skip(2);
    (words.next() == Some("bfd") && words.next().is_none())
        .then(|| neighbor_of(line))
        .flatten()
}

/// Commands for what `before` has and `after` has not; `gone` are neighbours that an outer
/// level removes with all their lines.
fn removals(path: &[Line], before: &Config, after: &Config, gone: &BTreeSet<&str>) -> Vec<Command> {
    let (defined, staying) = (definitions(before), definitions(after));
    let leaving = defined.keys().filter(|name| !staying.contains_key(*name));
    let leaving: BTreeSet<&str> = leaving.copied().collect();
    let gone: BTreeSet<&str> = gone.union(&leaving).copied().collect();
    let slots: BTreeSet<String> = after.lines().iter().map(slot).collect();
    let remove = |line: &Line| Command {
        path: path.to_vec(),
        verb: Verb::Remove,
        line: line.clone(),
    };
    let goes = |line: &&Line| match neighbor_of(line) {
        Some(neighbor) if gone.contains(neighbor) => defined.get(neighbor) == Some(line),
        Some(_) | None => !slots.contains(&slot(line)),
    };
    let mut lines: Vec<&Line> = before.lines().iter().filter(goes).collect();
    // Without BFD there is no profile of it, and nothing to take away.
    let unwatched: BTreeSet<&str> = lines.iter().filter_map(|line| watched(line)).collect();
    lines.retain(|line| {
        let profile = line.words().nth(2) == Some("bfd") && watched(line).is_none();
        !(profile && neighbor_of(line).is_some_and(|neighbor| unwatched.contains(neighbor)))
    });
    lines.sort_by_key(|line| removal_rank(line));
    let mut commands: Vec<Command> = lines.into_iter().map(remove).collect();
    let empty = Config::new();
    for context in before.contexts() {
        let inner = after.context(context.header().as_str());
        if inner.is_none() && !is_family(context) {
            commands.push(remove(context.header()));
            continue;
        }
        let inner_path = [path, std::slice::from_ref(context.header())].concat();
        commands.extend(removals(
            &inner_path,
            context.body(),
            inner.unwrap_or(&empty),
            &gone,
        ));
    }
    commands
}

/// A peer group takes its members and its listen ranges with it, so it goes after them.
fn removal_rank(line: &Line) -> u8 {
    let words: Vec<&str> = line.words().take(4).collect();
    match words.as_slice() {
        ["bgp", "listen", "range", ..] => 0,
        ["neighbor", _, "peer-group"] => 2,
        [..] => 1,
    }
}

fn is_family(context: &Context) -> bool {
    context.header().words().next() == Some("address-family")
}

/// Commands for what `after` has and `before` has not.
fn additions(path: &[Line], before: &Config, after: &Config) -> Vec<Command> {
    let present: BTreeSet<&Line> = before.lines().iter().collect();
    let add = |line: &Line| Command {
        path: path.to_vec(),
        verb: Verb::Add,
        line: line.clone(),
    };
    let missing = after.lines().iter().filter(|line| !present.contains(line));
    let mut missing: Vec<&Line> = missing.collect();
    missing.sort_by_key(|line| addition_rank(line));
    let mut commands: Vec<Command> = missing.into_iter().map(add).collect();
    let empty = Config::new();
    for context in after.contexts() {
        let held = before.context(context.header().as_str());
        if held.is_none() && context.body().is_empty() {
            commands.push(add(context.header()));
            continue;
        }
        let inner_path = [path, std::slice::from_ref(context.header())].concat();
        commands.extend(additions(
            &inner_path,
            held.unwrap_or(&empty),
            context.body(),
        ));
    }
    commands
}

/// A configuration with all of `top` in it: a line of `top` takes the place of one that sets
/// the same to another value.
#[must_use]
pub fn overlaid(base: &Config, top: &Config) -> Config {
    let slots: BTreeSet<String> = top.lines().iter().map(slot).collect();
    let kept = base
        .lines()
        .iter()
        .filter(|line| !slots.contains(&slot(line)));
    let mut all = Config::from(kept.cloned().collect::<Vec<Line>>());
    for context in base.contexts() {
        let (header, body) = (context.header(), context.body());
        let over = top.context(header.as_str());
        let body = over.map_or_else(|| body.clone(), |over| overlaid(body, over));
        all.push_context(Context::with_body(header.clone(), body));
    }
    all.merge(top.clone());
    all
}

/// What of `config` sets something that `other` sets too, to whatever value.
#[must_use]
pub fn of_same_slots(config: &Config, other: &Config) -> Config {
    let slots: BTreeSet<String> = other.lines().iter().map(slot).collect();
    let lines = config
        .lines()
        .iter()
        .filter(|line| slots.contains(&slot(line)));
    let mut same = Config::from(lines.cloned().collect::<Vec<Line>>());
    for context in config.contexts() {
        if let Some(body) = other.context(context.header().as_str()) {
            let inner = of_same_slots(context.body(), body);
            same.push_context(Context::with_body(context.header().clone(), inner));
        }
    }
    same
}

/// What a line sets, without its value: a line with the same slot replaces it.
fn slot(line: &Line) -> String {
    let words: Vec<&str> = line.words().collect();
    match words.as_slice() {
        ["bgp", what @ ("router-id" | "cluster-id"), ..] => format!("bgp {what}"),
        ["bgp", "listen", "limit", ..] => "bgp listen limit".to_owned(),
        [
            "bgp",
            "graceful-restart",
            timer @ ("restart-time" | "stalepath-time"),
            ..,
        ] => {
            format!("bgp graceful-restart {timer}")
        }
        ["neighbor", address, "timers", "connect", ..] => {
            format!("neighbor {address} timers connect")
        }
        [
            "neighbor",
            address,
            what @ ("route-map" | "prefix-list"),
            _,
            direction,
        ] => format!("neighbor {address} {what} {direction}"),
        ["neighbor", address, "bfd", "profile", ..] => {
            format!("neighbor {address} bfd profile")
        }
        [
            "neighbor",
            address,
            what @ ("remote-as" | "interface" | "timers" | "port" | "password" | "ebgp-multihop"
            | "allowas-in"),
            ..,
        ] => format!("neighbor {address} {what}"),
        _ => line.as_str().to_owned(),
    }
}
