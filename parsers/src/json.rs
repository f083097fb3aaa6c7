//! The way from FRR's JSON to types, and its errors.
//!
//! FRR does not always answer a `… json` command with JSON, and not always with valid JSON.
//! What it does in place of it, as seen on 10.3, is dealt with here once:
//!
//! - nothing at all, where no BGP instance is configured;
//! - a plain sentence (`bgpd is not running`, `% Unknown command: …`);
//! - an object with `warning` alone, sometimes followed by another one or by words.

use std::{collections::BTreeMap, fmt, io, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IgnoredAny, MapAccess, Visitor},
};
use thiserror::Error;

use crate::id::{InvalidText, RouterMac};

/// Why an answer was not understood.
#[derive(Debug, Error)]
pub enum Error {
    /// FRR answered with words in place of data.
    #[error("{command}: FRR answered: {words}")]
    Refused {
        /// The command, with capitals for its variable parts.
        command: &'static str,
        /// FRR's words.
        words: String,
    },
    /// The data is not what this command answers.
    #[error("{command}: at {path}")]
    Data {
        /// The command, with capitals for its variable parts.
        command: &'static str,
        /// Where in the answer, keys joined by dots.
        path: String,
        /// What is wrong there.
        source: serde_json::Error,
    },
    /// The answer could not be read to its end.
    #[error("{command}: the answer could not be read")]
    Read {
        /// The command, with capitals for its variable parts.
        command: &'static str,
        /// The reader's error.
        source: io::Error,
    },
}

/// What FRR says when the thing asked for does not exist.
const ABSENT: [&str; 4] = [
    "Default BGP instance not found",
    "View/Vrf is unknown",
    "No such neighbor in this view/vrf",
    "No such neighbor or address family",
];

/// Words that FRR puts where data would stand.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Refusal {
    warning: Option<String>,
    #[serde(rename = "bgpNoSuchInstance")]
    no_instance: Option<bool>,
    #[serde(rename = "bgpNoSuchNeighbor")]
    no_neighbor: Option<bool>,
}

impl Refusal {
    /// `Ok` when the words mean that the thing does not exist, an error for all other words,
    /// `None` when there are no words.
    pub(crate) fn verdict(self, command: &'static str) -> Option<Result<(), Error>> {
        match self {
            Self {
                warning: Some(words),
                ..
            } => Some(absence(command, words)),
            Self {
                no_instance: Some(true),
                ..
            }
            | Self {
                no_neighbor: Some(true),
                ..
            } => Some(Ok(())),
            Self { .. } => None,
        }
    }
}

/// Whether a warning means that the thing asked for does not exist.
pub(crate) fn absence(command: &'static str, words: String) -> Result<(), Error> {
    if ABSENT.contains(&words.as_str()) {
        Ok(())
    } else {
        Err(Error::Refused { command, words })
    }
}

/// How many characters of an answer that is not JSON an error carries.
pub(crate) const WORDS: usize = 300;

/// The first characters of an answer that is not JSON.
pub(crate) fn words(answer: &[u8]) -> String {
    String::from_utf8_lossy(answer)
        .trim()
        .chars()
        .take(WORDS)
        .collect()
}

/// Reads a whole answer; `None` when what was asked for does not exist.
pub(crate) fn read<T: DeserializeOwned>(
    command: &'static str,
    answer: &[u8],
) -> Result<Option<T>, Error> {
    let answer = answer.trim_ascii();
    match answer.first() {
        None => return Ok(None),
        Some(b'{' | b'[') => {}
        Some(_) => {
            return Err(Error::Refused {
                command,
                words: words(answer),
            });
        }
    }
    let mut input = serde_json::Deserializer::from_slice(answer);
    let result = serde_path_to_error::deserialize(&mut input);
    if let Some(verdict) = refusal(answer).and_then(|refusal| refusal.verdict(command)) {
        return verdict.map(|()| None);
    }
    let value = result.map_err(|error| {
        let path = error.path().to_string();
        Error::Data {
            command,
            path,
            source: error.into_inner(),
        }
    })?;
    let root = |source| Error::Data {
        command,
        path: ".".to_owned(),
        source,
    };
    input.end().map_err(root)?;
    Ok(Some(value))
}

/// The words in an answer, if it starts with an object that has some.
fn refusal(answer: &[u8]) -> Option<Refusal> {
    Refusal::deserialize(&mut serde_json::Deserializer::from_slice(answer)).ok()
}

/// An object in which members whose key is a `K` stand beside fields of the object's own.
/// Answers the former and leaves out the latter.
pub(crate) fn members<'de, D, K, V>(input: D) -> Result<BTreeMap<K, V>, D::Error>
where
    D: Deserializer<'de>,
    K: FromStr<Err = InvalidText> + Ord,
    V: Deserialize<'de>,
{
    struct Members<K, V>(PhantomData<(K, V)>);

    impl<'de, K, V> Visitor<'de> for Members<K, V>
    where
        K: FromStr<Err = InvalidText> + Ord,
        V: Deserialize<'de>,
    {
        type Value = BTreeMap<K, V>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut members = BTreeMap::new();
            while let Some(key) = map.next_key::<String>()? {
                match key.parse() {
                    Ok(key) => drop(members.insert(key, map.next_value()?)),
                    Err(InvalidText { .. }) => drop(map.next_value::<IgnoredAny>()?),
                }
            }
            Ok(members)
        }
    }

    input.deserialize_map(Members(PhantomData))
}

/// A text in which FRR writes `None`, `Unknown` or `unknown` for nothing.
pub(crate) fn named<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(input)?;
    Ok(Some(text).filter(|text| !matches!(text.as_str(), "None" | "Unknown" | "unknown")))
}

/// A MAC address, or `None` or zeros for nothing.
pub(crate) fn mac<'de, D: Deserializer<'de>>(input: D) -> Result<Option<RouterMac>, D::Error> {
    let text = String::deserialize(input)?;
    match text.as_str() {
        "None" | "00:00:00:00:00:00" => Ok(None),
        text => text.parse().map(Some).map_err(D::Error::custom),
    }
}

/// A VRF's identifier in the kernel; FRR writes -1 for a VRF that the kernel does not have.
pub(crate) fn vrf_id<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u32>, D::Error> {
    Ok(u32::try_from(i64::deserialize(input)?).ok())
}
