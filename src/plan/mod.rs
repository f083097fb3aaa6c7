//! What should stand in the kernel and in FRR, and the ordered steps that lead there.

pub mod link;
