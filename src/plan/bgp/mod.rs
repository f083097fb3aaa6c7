//! bgpd's configuration: what is wanted, and the commands that lead there.

pub mod desired;
pub mod difference;
#[cfg(test)]
pub(in crate::plan) mod tests;
