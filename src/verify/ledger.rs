//! Collects verdicts: good ones are counted, bad ones are listed up to a limit.

use std::fmt;

use super::finding::{Check, Finding, Outcome};
use crate::api::types::ObjectKey;

/// The most bad ones listed of one check and object; the rest are counted.
pub(super) const MOST_LISTED: usize = 20;

/// What is wrong with one thing.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) expected: String,
    pub(super) seen: String,
    pub(super) hint: String,
}

impl Fault {
    pub(super) fn new(
        expected: impl Into<String>,
        seen: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            expected: expected.into(),
            seen: seen.into(),
            hint: hint.into(),
        }
    }
}

/// All verdicts, in the order in which they were reached.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    findings: Vec<Finding>,
}

impl Ledger {
    pub(super) fn into_findings(self) -> Vec<Finding> {
        self.findings
    }

    pub(super) fn bad(
        &mut self,
        check: Check,
        object: Option<&ObjectKey>,
        subject: impl fmt::Display,
        fault: Fault,
    ) {
        let Fault {
            expected,
            seen,
            hint,
        } = fault;
        let outcome = Outcome::Bad {
            expected,
            seen,
            hint,
        };
        self.push(check, object, subject.to_string(), outcome);
    }

    pub(super) fn good(
        &mut self,
        check: Check,
        object: Option<&ObjectKey>,
        subject: impl fmt::Display,
        seen: impl Into<String>,
    ) {
        let seen = seen.into();
        let outcome = Outcome::Good { count: 1, seen };
        self.push(check, object, subject.to_string(), outcome);
    }

    pub(super) fn pending(
        &mut self,
        check: Check,
        object: Option<&ObjectKey>,
        waiting_for: impl fmt::Display,
    ) {
        let waiting_for = waiting_for.to_string();
        self.push(
            check,
            object,
            String::new(),
            Outcome::Pending { waiting_for },
        );
    }

    fn push(
        &mut self,
        check: Check,
        object: Option<&ObjectKey>,
        subject: String,
        outcome: Outcome,
    ) {
        self.findings.push(Finding {
            check,
            object: object.cloned(),
            subject,
            outcome,
            since: None,
        });
    }

    /// Writes a tally down.
    pub(super) fn close(&mut self, object: Option<&ObjectKey>, tally: Tally) {
        let Tally {
            check,
            good,
            listed,
            more,
        } = tally;
        if good > 0 || listed.is_empty() {
            let seen = String::new();
            let outcome = Outcome::Good { count: good, seen };
            self.push(check, object, String::new(), outcome);
        }
        for (subject, fault) in listed {
            self.bad(check, object, subject, fault);
        }
        if more > 0 {
            let outcome = Outcome::MoreBad { count: more };
            self.push(check, object, String::new(), outcome);
        }
    }
}

/// The verdicts of one check on many things of one object.
#[derive(Debug)]
pub(super) struct Tally {
    check: Check,
    good: u64,
    listed: Vec<(String, Fault)>,
    more: u64,
}

impl Tally {
    pub(super) const fn new(check: Check) -> Self {
        Self {
            check,
            good: 0,
            listed: Vec::new(),
            more: 0,
        }
    }

    pub(super) const fn check(&self) -> Check {
        self.check
    }

    pub(super) const fn good(&mut self) {
        self.good += 1;
    }

    /// Counts a bad one; its words are made only when it is listed.
    pub(super) fn bad(&mut self, subject: impl fmt::Display, fault: impl FnOnce() -> Fault) {
        if self.listed.len() < MOST_LISTED {
            self.listed.push((subject.to_string(), fault()));
        } else {
            self.more += 1;
        }
    }

    /// Counts one by its result, and says whether it was good.
    pub(super) fn count(
        &mut self,
        subject: impl fmt::Display,
        result: Result<(), impl FnOnce() -> Fault>,
    ) -> bool {
        match result {
            Ok(()) => {
                self.good();
                true
            }
            Err(fault) => {
                self.bad(subject, fault);
                false
            }
        }
    }
}
