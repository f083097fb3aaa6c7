//! What of the findings is news, for a log: what is bad and was not yet said, and what is over.
//!
//! What always holds: something is said to be bad once, and then to be over once; in between
//! nothing is said of it, however often it is looked at. What only cannot be told at the moment,
//! because something before it is missing, is not over.

use std::collections::BTreeSet;
use std::fmt;

use super::finding::{Check, Finding, Key, Outcome};
use crate::api::types::ObjectKey;

/// What was said so far.
#[derive(Clone, Debug, Default)]
pub struct Said(BTreeSet<Key>);

/// Something worth a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It is not as it should be.
    Bad(Finding),
    /// It is, or nobody wants it any more.
    Over {
        /// What was checked.
        check: Check,
        /// The object that it belonged to.
        object: Option<ObjectKey>,
        /// What it was about.
        subject: String,
    },
}

impl News {
    /// The object that it is about.
    #[must_use]
    pub const fn object(&self) -> Option<&ObjectKey> {
        match self {
            Self::Bad(finding) => finding.object.as_ref(),
            Self::Over { object, .. } => object.as_ref(),
        }
    }
}

impl fmt::Display for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bad(finding) => finding.fmt(f),
            Self::Over { check, subject, .. } if subject.is_empty() => write!(f, "over: {check}"),
            Self::Over { check, subject, .. } => write!(f, "over: {check} {subject}"),
        }
    }
}

impl Said {
    /// What is new in `findings`, which are all that there are.
    pub fn news(&mut self, findings: &[Finding]) -> Vec<News> {
        let bad = findings.iter().filter(|finding| finding.is_bad());
        let fresh = bad.filter(|finding| self.0.insert(finding.key()));
        let mut news: Vec<News> = fresh.cloned().map(News::Bad).collect();
        let over = self.0.extract_if(.., |key| {
            !findings.iter().any(|finding| keeps(finding, key))
        });
        news.extend(over.map(|(check, object, subject)| News::Over {
            check,
            object,
            subject,
        }));
        news
    }
}

/// Whether a finding leaves open that what was said is still so.
fn keeps(finding: &Finding, (check, object, subject): &Key) -> bool {
    let same = finding.check == *check && finding.object == *object;
    match finding.outcome {
        Outcome::Bad { .. } | Outcome::Unsettled { .. } | Outcome::MoreBad { .. } => {
            same && finding.subject == *subject
        }
        Outcome::Pending { .. } => same,
        Outcome::Good { .. } => false,
    }
}

#[cfg(test)]
mod tests;
