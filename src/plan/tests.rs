//! Whole plans, on a node made of plain data.

mod drift;
mod memory;
mod orders;
mod properties;
mod scenarios;
mod segments;
pub(in crate::plan) mod world;
