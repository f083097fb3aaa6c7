//! The faults of ways that BFD watches.

use super::{Break, Soon, fault};

const TOR1: &str = "tor1";

#[rustfmt::skip]
pub(super) const BREAKS: &[Break] = &[
    fault("a switch ends its BFD with us", "bfd-session", Soon::Late, TOR1,
        "frr 'router bgp 64512' 'no neighbor 10.1.1.2 bfd'",
        "frr 'router bgp 64512' 'neighbor 10.1.1.2 bfd' 'neighbor 10.1.1.2 bfd profile node'"),
];
