//! The fault matrix: whatever dies, goes or is altered in node1 comes back by itself, exactly as
//! it was when the node was fresh, and nothing else is touched. Of each fault is told what it
//! cost: pings, sessions, time.

/// A script by which zebra forgets a route of VRF red that bgpd told it of, and bgpd does not know.
/// In it, `r` runs a command in the router's namespace.
macro_rules! forget {
    ($prefix:literal) => {
        concat!(
            "vrf=$(r ip -o link show red | cut -d: -f1)
             python3 - /run/frr/perouter/zserv.api $vrf ",
            $prefix,
            " <<'SCRIPT'\n",
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/tests/lab/fabric/scenarios/faults/forget.py"
            )),
            "\nSCRIPT\n"
        )
    };
}

mod altered;
mod deleted;
mod halfway;
mod killed;
mod repair;
mod watch;

pub(super) use forget;
pub(super) use killed::run as killed;
pub(super) use {altered::run as altered, deleted::run as deleted, halfway::run as halfway};
