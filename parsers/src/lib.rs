//! What FRR says, as typed values.
//!
//! Every module here turns the answers of one family of FRR commands into types: text with
//! nom, JSON with serde. Nothing in this crate opens a socket or a file; callers bring bytes,
//! text or a [`std::io::Read`].
//!
//! These rules hold everywhere:
//!
//! - A field that FRR always writes is required. When it is missing, the error names the
//!   command and the JSON path. A field that is not known is ignored, because every release
//!   of FRR adds some.
//! - A closed set of words is an enum. A word that is not in it is kept in a variant of its
//!   own, so that a newer FRR does not break a health check.
//! - Where FRR says that a thing does not exist, the value is empty, `None` or
//!   [`stream::Streamed::Absent`]; all other words of FRR are errors.
//! - What can be large is streamed: memory does not grow with the answer.

pub mod bfd;
pub mod bgp;
pub mod bmp;
pub mod evpn;
pub mod framing;
pub mod id;
pub mod json;
pub mod nexthop;
pub mod rib;
pub mod running_config;
pub mod stream;
pub mod system;
mod words;
