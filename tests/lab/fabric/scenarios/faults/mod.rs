//! The fault matrix: whatever dies, goes or is altered in node1 comes back by itself, exactly as
//! it was when the node was fresh, and nothing else is touched. Of each fault is told what it
//! cost: pings, sessions, time.

mod altered;
mod deleted;
mod halfway;
mod killed;
mod repair;
mod watch;

pub(super) use killed::run as killed;
pub(super) use {altered::run as altered, deleted::run as deleted, halfway::run as halfway};
