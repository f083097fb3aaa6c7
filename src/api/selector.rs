//! Which nodes an object concerns: Kubernetes' label selectors, held against a node's labels.

use std::collections::{BTreeMap, BTreeSet};

#[cfg(test)]
mod tests;

/// The labels of a node.
pub type Labels = BTreeMap<String, String>;

/// Which nodes an object concerns: those that meet all requirements, so all nodes by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeSelector(Vec<Requirement>);

/// What a node's labels must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What is demanded of it.
    pub demand: Demand,
}

/// What is demanded of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// It has one of these values.
    In(BTreeSet<String>),
    /// It has none of these values, or is not there.
    NotIn(BTreeSet<String>),
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}

impl NodeSelector {
    /// Selects the nodes that meet all requirements.
    #[must_use]
    pub const fn new(requirements: Vec<Requirement>) -> Self {
        Self(requirements)
    }

    /// Whether a node with these labels is selected.
    #[must_use]
    pub fn selects(&self, labels: &Labels) -> bool {
        self.0
            .iter()
            .all(|Requirement { key, demand }| demand.is_met(labels.get(key)))
    }
}

impl Demand {
    fn is_met(&self, value: Option<&String>) -> bool {
        match self {
            Self::In(values) => value.is_some_and(|value| values.contains(value)),
            Self::NotIn(values) => value.is_none_or(|value| !values.contains(value)),
            Self::Exists => value.is_some(),
            Self::DoesNotExist => value.is_none(),
        }
    }
}

/// Whether a text may be the key of a label: a name of at most 63 letters, digits, '-', '_' and
/// '.', after a DNS name and a slash if there is one.
#[must_use]
pub fn is_label_key(text: &str) -> bool {
    let (prefix, name) = match text.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, text),
    };
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(is_dns_name)
}

/// Whether a text may be the value of a label: empty, or at most 63 letters, digits, '-', '_'
/// and '.', with a letter or digit at either end.
#[must_use]
pub fn is_label_value(text: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let ends = |byte: Option<&u8>| byte.is_none_or(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= 63
        && bytes.iter().copied().all(inside)
        && ends(bytes.first())
        && ends(bytes.last())
}

fn is_dns_name(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            let lower =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !label.is_empty() && is_label_value(label) && label.bytes().all(lower)
        })
}
