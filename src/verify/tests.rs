//! Facts are FRR's own answers, captured in a fabric that worked, and a kernel in the shape of
//! that fabric's; each test breaks one thing.

mod ages;
mod alone;
pub(crate) mod fixture;
mod hops;
mod hops_in;
mod host_routes;
mod many;
mod others;
mod pending;
mod read;
mod read_segments;
mod segments;
mod stalled;
mod targets;
mod underlay;
