//! Facts against intent: is what should be true, true, hop by hop.
//!
//! Pure: no I/O and no clock. What always holds: a source that could not be read is a finding of
//! its own and whatever depends on it is pending, never good; of one route's hops only the first
//! broken one is reported, which is the root cause; good ones are counted, not listed; and the
//! work grows linearly with the routes.

pub mod facts;
pub mod finding;

pub use facts::Facts;
pub use finding::{Check, Finding, Outcome};
