//! Objects of any kind, as the library's own tests make them up.

// What they look for where they live in the library.
pub(crate) use perouter::intent::{
    Accepted, Candidate, Candidates, NodeIndex, NodeIntent, Origin, PassthroughIntent, addresses,
    resolve,
};

#[allow(
    dead_code,
    clippy::allow_attributes,
    reason = "the kernel's tests take the generators alone"
)]
#[path = "../../src/intent/samples.rs"]
pub(crate) mod samples;
