//! Our driver against real FRR: what it types is what FRR then runs, what FRR refuses leaves no
//! trace, and what is read back is so.
//!
//! Each test has daemons of its own in namespaces of its own, and FRR's own `show` commands over
//! a second client as independent witness. They need root and the Debian root with FRR, but no
//! VRFs: FRR is configured for VRFs that the kernel does not have.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it found by failing"
)]

mod bad_peers;
mod bed;
mod choose;
mod facts;
mod faults;
mod features;
mod hostile;
mod intents;
mod live;
mod random;
mod refusals;
mod round_trips;
mod secrets;
mod segments;
mod station;
mod turns;
mod vnis;
