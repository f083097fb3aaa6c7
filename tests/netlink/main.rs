//! The kernel, for real: every test has two network namespaces of its own, a host and a router,
//! and `ip`, `bridge` and `nft` as independent witnesses of what stands in them.
//!
//! They need root, and the programs `ip`, `bridge`, `nft`, `iptables-legacy`, `nsenter` and
//! `unshare` (packages iproute2, nftables, iptables, util-linux).
//!
//! Those in the module `vrf` need a kernel with VRFs and fail on one without: select them with
//! `vrf::`, or leave them out with `--skip vrf::`. The rest are for a kernel whose nftables has
//! the family `inet`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test says what it found by failing"
)]

mod addresses;
mod bed;
mod facts;
mod firewall;
mod links;
mod making;
mod namespaces;
mod nic;
mod objects;
mod refreshing;
mod retaining;
mod state;
mod sysctls;
mod tables;
mod vrf;
mod watching;

// The library's own samples look for it here.
use perouter::api;
