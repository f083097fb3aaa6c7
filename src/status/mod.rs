//! What is true of this node, for people and for programs.
//!
//! [`condition`], [`report`], [`node_status`], [`probe`], [`metrics`], [`page`] and [`cluster`]
//! are pure: `now` is a parameter.
//! [`protocol`] says how the agent is asked over its unix socket, [`client`] asks it, and
//! [`render`] prints the answer. [`serve`] answers over HTTP.

pub mod client;
pub mod cluster;
pub mod condition;
pub mod metrics;
pub mod node_status;
pub mod page;
pub mod probe;
pub mod protocol;
pub mod render;
pub mod report;
pub mod serve;
pub mod transitions;

pub use condition::{Condition, ConditionStatus, ConditionType, conditions};
pub use k8s_openapi::jiff::Timestamp;
pub use report::{Report, Verdict};
