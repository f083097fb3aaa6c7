//! How the agent is asked: one line over its unix socket, and one JSON document back.
//!
//! The request is a word or two, and a newline. The answer is an [`Answer`] in JSON, then the agent
//! closes the connection.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::verify::{Finding, Target, Walk};

#[cfg(test)]
mod tests;

/// Where the agent listens unless told otherwise.
pub const DEFAULT_SOCKET: &str = "/run/perouter/agent.sock";

/// The most bytes that a request line may have, its newline included.
pub const LONGEST_REQUEST: usize = 64;

/// What the agent can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Request {
    /// The report of the last pass: a [`super::Report`].
    Status,
    /// One verification now, with every check: a [`VerifyReport`].
    Verify,
    /// One VNI's routes, or those to one prefix or address, hop by hop as they are now:
    /// a [`WalkReport`].
    Walk(Target),
    /// What would change now: a [`PlanReport`].
    Plan,
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status => f.write_str("status"),
            Self::Verify => f.write_str("verify"),
            Self::Walk(target) => write!(f, "verify {target}"),
            Self::Plan => f.write_str("plan"),
        }
    }
}

/// A request that the agent does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a request; known are status, verify, verify VNI|PREFIX|ADDRESS, plan")]
pub struct UnknownRequest(pub String);

impl FromStr for Request {
    type Err = UnknownRequest;

    /// Reads a request line, with or without its newline.
    fn from_str(line: &str) -> Result<Self, UnknownRequest> {
        let words = line.trim_end_matches(['\r', '\n']);
        let unknown = || UnknownRequest(words.to_owned());
        match words.split_once(' ') {
            None if words == "status" => Ok(Self::Status),
            None if words == "verify" => Ok(Self::Verify),
            None if words == "plan" => Ok(Self::Plan),
            Some(("verify", target)) => target.parse().map(Self::Walk).map_err(|_| unknown()),
            None | Some(_) => Err(unknown()),
        }
    }
}

/// What comes back: `{"ok": …}` or `{"error": "…"}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer<T> {
    /// What was asked for.
    Ok(T),
    /// Why it cannot be had.
    Error(String),
}

/// The answer to [`Request::Verify`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VerifyReport {
    /// The node's name.
    pub node: String,
    /// When the facts were complete.
    pub at: Timestamp,
    /// How long reading and verifying took, in milliseconds.
    pub took_ms: u64,
    /// Every finding, good ones included.
    pub findings: Vec<Finding>,
}

/// The answer to [`Request::Walk`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WalkReport {
    /// The node's name.
    pub node: String,
    /// When the facts were complete.
    pub at: Timestamp,
    /// How long reading and following took, in milliseconds.
    pub took_ms: u64,
    /// Where the routes end.
    #[serde(flatten)]
    pub walk: Walk,
}

/// The answer to [`Request::Plan`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlanReport {
    /// How many steps there are.
    pub steps: u64,
    /// The steps as people read them, one a line; passwords are hidden.
    pub text: String,
}
