//! Prefix lists: which prefixes may pass a session with the host.
//!
//! A list is named after what it says. So another rule is another list: the new one stands
//! whole before a session is led from the old one to it, no route passes or is lost in between,
//! and FRR looks at all routes of the session again, which it would not do for an entry that
//! changed.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use perouter_parsers::running_config::{Config, InvalidLine, Line};

use crate::api::{Family, PrefixRule};

/// Which routes of a session a list lets pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Those that the host announces.
    In,
    /// Those that are announced to the host.
    Out,
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::In => "in",
            Self::Out => "out",
        })
    }
}

/// Names a list: IPv4 and IPv6 lists may have the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListId {
    /// The IP version, as its unicast family.
    pub family: Family,
    /// The name.
    pub name: String,
}

impl ListId {
    /// The first words of all its lines.
    #[must_use]
    pub fn words(&self) -> String {
        let ip = match self.family {
            Family::Ipv4Unicast | Family::Evpn => "ip",
            Family::Ipv6Unicast => "ipv6",
        };
        format!("{ip} prefix-list {}", self.name)
    }

    /// The list that a line belongs to.
    #[must_use]
    pub fn of(line: &Line) -> Option<Self> {
        let mut words = line.words();
        let family = match words.next()? {
            "ip" => Family::Ipv4Unicast,
            "ipv6" => Family::Ipv6Unicast,
            _ => return None,
        };
        let name = (words.next() == Some("prefix-list")).then(|| words.next())??;
        Some(Self {
            family,
            name: name.to_owned(),
        })
    }
}

impl fmt::Display for ListId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words())
    }
}

/// What one entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// What fits the rule passes.
    Permit(PrefixRule),
    /// Nothing passes.
    DenyAny,
}

impl fmt::Display for Entry {
    /// As FRR prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DenyAny => f.write_str("deny any"),
            Self::Permit(PrefixRule {
                prefix,
                min_length,
                max_length,
            }) => {
                write!(f, "permit {prefix}")?;
                if *min_length > prefix.prefix_len() {
                    write!(f, " ge {min_length} le {max_length}")
                } else if max_length > min_length {
                    write!(f, " le {max_length}")
                } else {
                    Ok(())
                }
            }
        }
    }
}

/// A whole list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrefixList {
    /// Names it.
    pub id: ListId,
    direction: Direction,
    entries: Vec<Entry>,
}

impl PrefixList {
    /// The list that lets pass what fits one of the rules; none is nothing.
    pub(super) fn new(
        scope: &str,
        direction: Direction,
        family: Family,
        rules: Vec<PrefixRule>,
    ) -> Self {
        let entries: Vec<Entry> = if rules.is_empty() {
            // FRR lets everything pass a list without entries.
            vec![Entry::DenyAny]
        } else {
            rules.into_iter().map(Entry::Permit).collect()
        };
        let mut hash = Fnv::default();
        for entry in &entries {
            hash.add(&entry.to_string());
        }
        Self {
            id: ListId {
                family,
                name: format!("{scope}-{direction}-{hash}"),
            },
            direction,
            entries,
        }
    }

    /// Its IP version, as its unicast family.
    #[must_use]
    pub fn family(&self) -> Family {
        self.id.family
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.id.name
    }

    /// Which way it limits.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Its entries with their sequence numbers, which are FRR's own: 5, 10 and so on.
    pub fn entries(&self) -> impl Iterator<Item = (u32, &Entry)> {
        (1_u32..).map(|number| 5 * number).zip(&self.entries)
    }

    /// Its lines, as FRR prints them.
    ///
    /// # Errors
    /// [`InvalidLine`] when its name cannot be typed.
    pub fn lines(&self) -> Result<Vec<Line>, InvalidLine> {
        let words = self.id.words();
        self.entries()
            .map(|(sequence, entry)| Line::new(format!("{words} seq {sequence} {entry}")))
            .collect()
    }
}

/// The 32-bit FNV-1a hash: short, and the same in every version of this program.
struct Fnv(u32);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x811c_9dc5)
    }
}

impl Fnv {
    fn add(&mut self, text: &str) {
        for byte in text.bytes().chain([0]) {
            self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
        }
    }
}

impl fmt::Display for Fnv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// What is to be done about one list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// It is not there.
    Create(PrefixList),
    /// Somebody changed it: these lines are missing, and these are too many.
    Mend {
        /// Lines to type.
        missing: Vec<Line>,
        /// Lines to take back.
        surplus: Vec<Line>,
    },
    /// Nobody wants it.
    Remove(ListId),
}

impl fmt::Display for ListChange {
    /// As it would be typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, line) in self.lines().iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{line}")?;
        }
        Ok(())
    }
}

impl ListChange {
    /// The commands, in their order.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        match self {
            Self::Create(list) => {
                let words = list.id.words();
                let line = |(sequence, entry)| format!("{words} seq {sequence} {entry}");
                list.entries().map(line).collect()
            }
            Self::Mend { missing, surplus } => {
                let added = missing.iter().map(ToString::to_string);
                let removed = surplus.iter().map(|line| format!("no {line}"));
                added.chain(removed).collect()
            }
            Self::Remove(id) => vec![format!("no {id}")],
        }
    }
}

/// The lists that bgpd runs, each with its lines.
pub(in crate::plan) type Running<'a> = BTreeMap<ListId, BTreeSet<&'a Line>>;

/// The lists in bgpd's configuration.
pub(in crate::plan) fn running(config: &Config) -> Running<'_> {
    let mut lists = Running::new();
    for line in config.lines() {
        if let Some(id) = ListId::of(line) {
            lists.entry(id).or_default().insert(line);
        }
    }
    lists
}

/// What is to be done so that these lists stand as they should; entries that raw objects add to
/// them stay.
pub(in crate::plan) fn towards(
    wanted: &[PrefixList],
    running: &Running<'_>,
    raw: &Config,
) -> Result<Vec<ListChange>, InvalidLine> {
    let added: BTreeSet<&Line> = raw.lines().iter().collect();
    let mut changes = Vec::new();
    for list in wanted {
        let Some(held) = running.get(&list.id) else {
            changes.push(ListChange::Create(list.clone()));
            continue;
        };
        let lines = list.lines()?;
        let missing: Vec<Line> = lines
            .iter()
            .filter(|line| !held.contains(line))
            .cloned()
            .collect();
        // A line with the number of a missing one is replaced by it.
        let replaced: BTreeSet<Option<&str>> = missing.iter().map(sequence).collect();
        let surplus: Vec<Line> = held
            .iter()
            .filter(|line| !lines.contains(line) && !added.contains(*line))
            .filter(|line| !replaced.contains(&sequence(line)))
            .map(|line| (*line).clone())
            .collect();
        if !missing.is_empty() || !surplus.is_empty() {
            changes.push(ListChange::Mend { missing, surplus });
        }
    }
    Ok(changes)
}

/// What is to be done about lists that no object wants, but for lines that raw objects want.
pub(in crate::plan) fn unwanted(
    running: &Running<'_>,
    is_wanted: impl Fn(&ListId) -> bool,
    raw: &Config,
) -> Vec<ListChange> {
    let raw_lists = self::running(raw);
    let foreign = running.iter().filter(|(id, _)| !is_wanted(id));
    let change = |(id, held): (&ListId, &BTreeSet<&Line>)| {
        let Some(kept) = raw_lists.get(id) else {
            return Some(ListChange::Remove(id.clone()));
        };
        let surplus: Vec<Line> = held.difference(kept).map(|line| (*line).clone()).collect();
        (!surplus.is_empty()).then_some(ListChange::Mend {
            missing: Vec::new(),
            surplus,
        })
    };
    foreign.filter_map(change).collect()
}

/// The sequence number of an entry's line.
fn sequence(line: &Line) -> Option<&str> {
    let mut words = line.words().skip(3);
    (words.next() == Some("seq")).then(|| words.next())?
}
