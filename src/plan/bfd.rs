//! BFD profiles: how fast a neighbour's silence is noticed. bgpd names the profile of a
//! neighbour, bfdd holds it.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use perouter_parsers::running_config::Config;

use crate::api::{Bfd, BfdMode, Peer};
use crate::intent::NodeIntent;

/// A profile, with FRR's defaults in place of what was not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BfdProfile {
    /// The least interval between packets taken in, in milliseconds.
    pub receive_interval: u32,
    /// The least interval between packets sent, in milliseconds.
    pub transmit_interval: u32,
    /// After how many lost packets the neighbour is gone.
    pub detect_multiplier: u8,
    /// Which side begins.
    pub mode: BfdMode,
    /// The least TTL of packets taken in on sessions over several hops.
    pub minimum_ttl: u8,
}

impl Default for BfdProfile {
    /// FRR's defaults (`frr-bfdd.yang`).
    fn default() -> Self {
        Self {
            receive_interval: 300,
            transmit_interval: 300,
            detect_multiplier: 3,
            mode: BfdMode::Active,
            minimum_ttl: 254,
        }
    }
}

impl From<&Bfd> for BfdProfile {
    fn from(bfd: &Bfd) -> Self {
        let Bfd {
            receive_interval,
            transmit_interval,
            detect_multiplier,
            mode,
            minimum_ttl,
        } = *bfd;
        let default = Self::default();
        Self {
            receive_interval: receive_interval.map_or(default.receive_interval, u32::from),
            transmit_interval: transmit_interval.map_or(default.transmit_interval, u32::from),
            detect_multiplier: detect_multiplier.unwrap_or(default.detect_multiplier),
            mode,
            minimum_ttl: minimum_ttl.unwrap_or(default.minimum_ttl),
        }
    }
}

/// What bfdd holds under a profile's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenProfile {
    /// A profile as we make them.
    Ours(BfdProfile),
    /// One with settings that we never make.
    Other,
}

/// What bfdd runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SeenBfd {
    /// There is no bfdd.
    #[default]
    NotRunning,
    /// It runs, with these profiles.
    Profiles(BTreeMap<String, SeenProfile>),
}

impl SeenBfd {
    /// The profiles in bfdd's running configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        let inside = config.context("bfd");
        let profiles = inside.into_iter().flat_map(|bfd| {
            let named = |context: &perouter_parsers::running_config::Context| {
                let name = context
                    .header()
                    .as_str()
                    .strip_prefix("profile ")?
                    .to_owned();
                Some((name, seen_profile(context.body())))
            };
            let empty = |line: &perouter_parsers::running_config::Line| {
                let name = line.as_str().strip_prefix("profile ")?.to_owned();
                Some((name, SeenProfile::Ours(BfdProfile::default())))
            };
            let contexts = bfd.contexts().iter().filter_map(named);
            contexts.chain(bfd.lines().iter().filter_map(empty))
        });
        Self::Profiles(profiles.collect())
    }
}

fn seen_profile(body: &Config) -> SeenProfile {
    let mut profile = BfdProfile::default();
    for line in body.lines() {
        let words: Vec<&str> = line.words().collect();
        let known = match words.as_slice() {
            ["receive-interval", number] => set(&mut profile.receive_interval, number),
            ["transmit-interval", number] => set(&mut profile.transmit_interval, number),
            ["detect-multiplier", number] => set(&mut profile.detect_multiplier, number),
            ["minimum-ttl", number] => set(&mut profile.minimum_ttl, number),
            ["passive-mode"] => {
                profile.mode = BfdMode::Passive;
                Some(())
            }
            [..] => None,
        };
        if known.is_none() {
            return SeenProfile::Other;
        }
    }
    SeenProfile::Ours(profile)
}

fn set<T: std::str::FromStr>(field: &mut T, number: &str) -> Option<()> {
    *field = number.parse().ok()?;
    Some(())
}

/// The name of a neighbour's profile; none where FRR's defaults are all that it would say.
#[must_use]
pub fn profile_of(peer: &Peer, bfd: &Bfd) -> Option<String> {
    (BfdProfile::from(bfd) != BfdProfile::default()).then(|| format!("neighbor-{peer}"))
}

/// The profiles that an intent needs.
pub(super) fn wanted(intent: &NodeIntent) -> BTreeMap<String, BfdProfile> {
    let neighbors = intent.underlay.iter().flat_map(|own| &own.spec.neighbors);
    let profiles = neighbors.filter_map(|neighbor| {
        let bfd = neighbor.bfd.as_ref()?;
        Some((profile_of(&neighbor.peer, bfd)?, BfdProfile::from(bfd)))
    });
    profiles.collect()
}

/// Whether bfdd must run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// A session is watched by BFD.
    Bfdd,
    /// None is.
    Nothing,
}

/// What the intent needs of bfdd.
pub(super) fn need(intent: &NodeIntent) -> Need {
    let mut neighbors = intent.underlay.iter().flat_map(|own| &own.spec.neighbors);
    if neighbors.any(|neighbor| neighbor.bfd.is_some()) {
        Need::Bfdd
    } else {
        Need::Nothing
    }
}

/// What is to be done about one profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileChange {
    /// The profile's name.
    pub name: String,
    /// What it is now.
    pub before: Option<SeenProfile>,
    /// What it shall be; `None` where it shall go.
    pub after: Option<BfdProfile>,
}

impl ProfileChange {
    /// The way back; none to what we could not make.
    #[must_use]
    pub fn reversed(&self) -> Option<Self> {
        let before = match self.before {
            Some(SeenProfile::Ours(profile)) => Some(profile),
            Some(SeenProfile::Other) => return None,
            None => None,
        };
        Some(Self {
            name: self.name.clone(),
            before: self.after.map(SeenProfile::Ours),
            after: before,
        })
    }

    /// The change in a few words, as commands.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        match self.after {
            Some(_) => vec![self.lines().join(", ").replace(", exit", "")],
            None => self.lines(),
        }
    }

    /// The commands inside the context `bfd`. All of a profile is said, so that nothing of what
    /// it was before stays.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let name = &self.name;
        let Some(profile) = self.after else {
            return vec![format!("no profile {name}")];
        };
        let mut lines = Vec::new();
        if self.before == Some(SeenProfile::Other) {
            lines.push(format!("no profile {name}"));
        }
        let BfdProfile {
            receive_interval,
            transmit_interval,
            detect_multiplier,
            mode,
            minimum_ttl,
        } = profile;
        let passive = match mode {
            BfdMode::Active => "no passive-mode",
            BfdMode::Passive => "passive-mode",
        };
        lines.extend([
            format!("profile {name}"),
            format!("detect-multiplier {detect_multiplier}"),
            format!("receive-interval {receive_interval}"),
            format!("transmit-interval {transmit_interval}"),
            passive.to_owned(),
            format!("minimum-ttl {minimum_ttl}"),
            "exit".to_owned(),
        ]);
        lines
    }
}

/// The changes that an intent needs first, and those that come when nothing uses the profiles
/// any more.
pub(super) fn changes(
    wanted: &BTreeMap<String, BfdProfile>,
    seen: &SeenBfd,
) -> (Vec<ProfileChange>, Vec<ProfileChange>) {
    let none = BTreeMap::new();
    let seen = match seen {
        SeenBfd::NotRunning => &none,
        SeenBfd::Profiles(profiles) => profiles,
    };
    let set = wanted.iter().filter_map(|(name, profile)| {
        let before = seen.get(name).copied();
        (before != Some(SeenProfile::Ours(*profile))).then(|| ProfileChange {
            name: name.clone(),
            before,
            after: Some(*profile),
        })
    });
    let gone = seen.iter().filter(|(name, _)| !wanted.contains_key(*name));
    let remove = gone.map(|(name, before)| ProfileChange {
        name: name.clone(),
        before: Some(*before),
        after: None,
    });
    (set.collect(), remove.collect())
}
