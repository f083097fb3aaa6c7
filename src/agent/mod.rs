//! The loop that joins everything: manifests in, kernel and FRR made so, facts read back.

pub mod execute;
pub mod source;
pub mod state;
