//! Why an object was refused: every fault, each at its field.

use std::fmt;

use thiserror::Error;

use super::types::{ObjectKey, ValueError};

/// Which object is spoken of, however little of it could be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Where it was read from: a file's name, or nothing for an object of an API server.
    pub file: Option<String>,
    /// The line at which its document begins, counted from 1; none outside files.
    pub line: Option<u64>,
    /// Its name in full, if kind and name could be read.
    ///
    /// An invalid object keeps what it had, so whoever applies objects needs the name of an
    /// object that was refused.
    pub key: Option<ObjectKey>,
}

impl Identity {
    /// The identity of an object that an API server gave.
    #[must_use]
    pub const fn of(key: ObjectKey) -> Self {
        Self {
            file: None,
            line: None,
            key: Some(key),
        }
    }
}

impl fmt::Display for Identity {
    /// Prints `red.yaml: L3VNI default/red`, or the line in place of the name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}: ")?;
        }
        match (&self.key, self.line) {
            (Some(key), _) => write!(f, "{key}"),
            (None, Some(line)) => write!(f, "the object at line {line}"),
            (None, None) => f.write_str("an object without a name"),
        }
    }
}

/// An object was refused, and this is all that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Which object.
    pub identity: Identity,
    /// What is wrong, in the order of the fields; never empty.
    pub faults: Vec<Fault>,
}

impl fmt::Display for ApiError {
    /// Prints a line for each fault, and each line says everything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{}: {fault}", self.identity)?;
        }
        Ok(())
    }
}

impl std::error::Error for ApiError {}

/// One thing that is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The field, such as `spec.neighbors[0].port`; empty for the object as a whole.
    pub path: String,
    /// What is wrong with it.
    pub reason: Reason,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.reason.fmt(f)
    }
}

/// What is wrong with a field.
///
/// No reason holds the value of a field that may be secret: faults go to logs and statuses.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Reason {
    /// A word that its type refuses.
    #[error(transparent)]
    Value(#[from] ValueError),
    /// A field that no manifest of this kind has.
    #[error("unknown field{}", nearest_in_words(.nearest))]
    UnknownField {
        /// The known fields whose names are like it, the most similar first.
        nearest: Vec<String>,
    },
    /// A field that every manifest of this kind has.
    #[error("is missing")]
    Missing,
    /// A value of another type.
    #[error("{found} where {expected} is expected{}", if *.quote { "; put it in quotes" } else { "" })]
    WrongType {
        /// The type that was found.
        found: &'static str,
        /// The type that would be right.
        expected: &'static str,
        /// Whether quotes would make it right.
        quote: bool,
    },
    /// A word outside the list.
    #[error("{found} is not known here; it must be one of {}", .allowed.join(", "))]
    NotListed {
        /// What was written.
        found: String,
        /// All that could be.
        allowed: Vec<String>,
    },
    /// A number outside its range.
    #[error("{found} is out of range; it must be {min} to {max}{unit}")]
    OutOfRange {
        /// What was written.
        found: i64,
        /// The least.
        min: i64,
        /// The most.
        max: i64,
        /// The unit, with a space before it; empty for plain numbers.
        unit: &'static str,
    },
    /// Too few or too many entries.
    #[error("has {found} entries; it must have {min} to {max}")]
    Count {
        /// How many there are.
        found: usize,
        /// The least.
        min: usize,
        /// The most.
        max: usize,
    },
    /// Two entries of a list that must differ.
    #[error("is the same as {first}")]
    Duplicate {
        /// The field of the first.
        first: String,
    },
    /// Two prefixes of a list that must have no address in common.
    #[error("overlaps {first}")]
    Overlap {
        /// The field of the first.
        first: String,
    },
    /// Broken rule of the definition, in the words of the definition.
    #[error("{0}")]
    Rule(&'static str),
    /// Broken rule of the definition, in the words of the definition, and what broke it.
    #[error("{found:?} {rule}")]
    RuleFor {
        /// What was written.
        found: String,
        /// The rule.
        rule: &'static str,
    },
    /// Right for OpenPERouter, but this program does not act on it yet.
    #[error("{0} not supported yet")]
    NotYet(&'static str),
    /// Another group or version.
    #[error(
        "{found:?} is not served here; it must be {:?}",
        super::v1alpha1::API_VERSION
    )]
    ApiVersion {
        /// What was written.
        found: String,
    },
    /// Not a name for an object (RFC 1123).
    #[error(
        "{found:?} is not a name; it must have 1 to {max} lower-case letters, digits, '-'{dot}, \
         and begin and end with a letter or digit",
        dot = if *.dots { " or '.'" } else { "" }
    )]
    Name {
        /// What was written.
        found: String,
        /// How long it may be.
        max: usize,
        /// Whether it may have dots.
        dots: bool,
    },
    /// A Secret that no password can be had from.
    #[error("{found:?}: {why}")]
    NoSecret {
        /// Its name.
        found: String,
        /// Why.
        why: String,
    },
    /// The value could not be read, in serde's words.
    #[error("{0}")]
    Unreadable(String),
}

fn nearest_in_words(nearest: &[String]) -> String {
    match nearest {
        [] => String::new(),
        [one] => format!("; did you mean {one}?"),
        [one, another, ..] => format!("; did you mean {one} or {another}?"),
    }
}

/// The faults found so far.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    /// Notes a fault.
    pub(super) fn add(&mut self, path: impl Into<String>, reason: impl Into<Reason>) {
        self.0.push(Fault {
            path: path.into(),
            reason: reason.into(),
        });
    }

    /// Notes the fault of a failed conversion, and passes on the value of one that did not.
    pub(super) fn check<T>(
        &mut self,
        path: impl Into<String>,
        result: Result<T, impl Into<Reason>>,
    ) -> Option<T> {
        result.map_err(|reason| self.add(path, reason)).ok()
    }

    /// Whether nothing was found.
    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many faults keep a manifest from its type at all: those of its shape, but for
    /// unknown fields.
    pub(super) fn count_misfits(&self) -> usize {
        self.0
            .iter()
            .filter(|fault| !matches!(fault.reason, Reason::UnknownField { .. }))
            .count()
    }

    /// The object, if nothing was found; else all that was found.
    pub(super) fn finish<T>(self, identity: Identity, object: Option<T>) -> Result<T, ApiError> {
        match object {
            Some(object) if self.0.is_empty() => Ok(object),
            Some(_) | None => Err(ApiError {
                identity,
                faults: self.0,
            }),
        }
    }
}
