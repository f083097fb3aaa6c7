//! bgpd's configuration: what is wanted, and the commands that lead there.

pub mod desired;
pub mod difference;
mod fabric;
pub mod filter;
pub mod host;
pub(super) mod instances;
pub mod raw;
#[cfg(test)]
pub(in crate::plan) mod tests;
mod vrf;
