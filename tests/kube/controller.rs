//! The controller's program beside a real API server: two of them, and what one of them writes.

mod admission;
mod conditions;
mod election;
mod indices;
mod l3vpn;
mod process;
mod steps;
