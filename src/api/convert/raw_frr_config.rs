//! `RawFRRConfig`: lines in their contexts, read as FRR would read them.
//!
//! What they say is FRR's to judge. Only their form is checked here, and that they belong to
//! bgpd: each line is one command, in a context that some object may share.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use perouter_parsers::running_config::{Config, InvalidLine, Line, ParseError};

use super::{Written, ranged};
use crate::api::fault::{Faults, Reason};
use crate::api::model::RawFrrConfig;
use crate::api::v1alpha1::RawFrrConfigSpec;

#[cfg(test)]
mod tests;

/// Rule: what is not bgpd's, or would change what this program reads back.
const FOR_BGPD: &str = "is not for bgpd; raw configuration may hold router bgp, route-map, \
    ip prefix-list, ipv6 prefix-list, bgp as-path, bgp community-list, bgp extcommunity-list and \
    bgp large-community-list";

/// Rule: what FRR does once and does not keep.
const NO_CONFIGURATION: &str = "is no configuration: FRR would do it once and not keep it";

impl Written for RawFrrConfigSpec {
    type Domain = RawFrrConfig;

    fn node_selector(&self) -> Option<&LabelSelector> {
        self.node_selector.as_ref()
    }

    fn convert(&self, faults: &mut Faults) -> Option<RawFrrConfig> {
        let Self {
            node_selector: _,
            priority,
            raw_config,
        } = self;
        let priority = faults.check(
            "spec.priority",
            ranged(*priority, 0, i64::from(i32::MAX), ""),
        );
        let config = raw_config.parse::<Config>().map_err(unreadable);
        let config = faults.check("spec.rawConfig", config)?.merged();
        if config.is_empty() {
            faults.add("spec.rawConfig", Reason::Missing);
        }
        if let Some(line) = operational(&config) {
            let found = shown(line);
            let rule = NO_CONFIGURATION;
            faults.add("spec.rawConfig", Reason::RuleFor { found, rule });
        }
        let contexts = config.contexts().iter().map(|context| context.header());
        for line in config.lines().iter().chain(contexts) {
            if !is_for_bgpd(line) {
                let found = shown(line);
                let rule = FOR_BGPD;
                faults.add("spec.rawConfig", Reason::RuleFor { found, rule });
            }
        }
        Some(RawFrrConfig {
            priority: priority?,
            config,
        })
    }
}

/// Whether the outermost line is one that only bgpd has, and that can be taken back by its
/// opposite.
#[must_use]
pub fn is_for_bgpd(line: &Line) -> bool {
    let words: Vec<&str> = line.words().take(2).collect();
    matches!(
        words.as_slice(),
        ["router", "bgp"]
            | ["route-map", _]
            | ["ip" | "ipv6", "prefix-list"]
            | [
                "bgp",
                "as-path" | "community-list" | "extcommunity-list" | "large-community-list"
            ]
    )
}

/// A command of the enable mode: FRR takes it in any context when `do` stands before it.
fn operational(config: &Config) -> Option<&Line> {
    let does = |line: &&Line| line.words().next() == Some("do");
    let own = config.lines().iter().find(does);
    let mut contexts = config.contexts().iter();
    own.or_else(|| contexts.find_map(|context| operational(context.body())))
}

/// The first words of a line: the rest may be secret, and so may be the second word of a line
/// such as `password …`.
fn shown(line: &Line) -> String {
    let words: Vec<&str> = line.words().take(2).collect();
    match words.as_slice() {
        ["ip" | "ipv6" | "router" | "bgp", _] => words.join(" "),
        [first, ..] => (*first).to_owned(),
        [] => String::new(),
    }
}

/// What is wrong with the text, and where, in words that hold nothing of it: the parser's own
/// quote the line, which may hold a password.
fn unreadable(error: ParseError) -> Reason {
    let (line, what) = match error {
        ParseError::Message { line, .. } => (line, "begins with %, as FRR's messages do"),
        ParseError::Line { line, source } => (line, invalid(&source)),
        ParseError::StrayExit { line, .. } => (line, "closes another context than the open one"),
        ParseError::NotIndented { line, .. } => (
            line,
            "closes a context whose content is not indented; indent what belongs to a context",
        ),
        ParseError::TooDeep { line, .. } => (line, "stands in too many contexts"),
        ParseError::AfterEnd { line, .. } => (line, "follows the end of the configuration"),
        ParseError::Truncated { line, .. } => (line, "is the last one, and is not \"end\""),
    };
    Reason::Unreadable(format!("line {line} {what}"))
}

fn invalid(error: &InvalidLine) -> &'static str {
    match error {
        InvalidLine::Empty => "is empty",
        InvalidLine::Control { .. } => "holds a control character",
        InvalidLine::Comment { .. } => "is a comment",
        InvalidLine::LeavesContext { .. } => "leaves a context",
        InvalidLine::Pipe { .. } => "holds a pipe, with which FRR filters what it prints",
        InvalidLine::Message { .. } => "begins with %, as FRR's messages do",
    }
}
