//! Every link of ours, deleted by hand, is made again, with what went with it and nothing else.
//!
//! Seen to fail: with a VRF that somebody made anew on the main table, after which FRR 10.3 does not
//! put all its routes back.

use super::altered::costs_no_other;
use super::repair::Mended::About;
use super::repair::Noticed::Told;
use super::repair::{self, Fault};
use super::watch;
use crate::fabric::{Fabric, Failure};

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let costs = repair::all(fabric, &FAULTS)?;
    watch::tell(&costs, costs_no_other)
}

const fn deleted(what: &'static str, done: &'static str, about: &'static [&'static str]) -> Fault {
    Fault {
        what,
        done,
        noticed: Told,
        mended: About(about),
    }
}

const FAULTS: [Fault; 7] = [
    deleted("VXLAN device deleted", "r ip link del vni100", &["vni100"]),
    deleted(
        "bridge deleted",
        "r ip link del br-pe-100",
        &["br-pe-100", "vni100"],
    ),
    deleted(
        "veth deleted, router's end",
        "r ip link del pe-e-100",
        &["e-100"],
    ),
    deleted(
        "veth deleted, host's end",
        "ip link del host-e-100",
        &["e-100"],
    ),
    deleted(
        "VRF deleted",
        "r ip link del red",
        &["red", "pe-100", "pe-e-100"],
    ),
    deleted(
        "VRF down",
        "r ip link set red down",
        &["~ router: link red up"],
    ),
    deleted(
        "all links deleted",
        "for link in vni100 br-pe-100 pe-e-100 red; do r ip link del $link; done",
        &["red", "-100", "vni100"],
    ),
];
