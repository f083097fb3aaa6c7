//! A failure at every step of a change, on a real FRR: afterwards each object is what it was or
//! what it shall be, objects that the change does not concern are as before, and the next pass
//! converges.
//!
//! Which step fails is counted by proxies before FRR's sockets and ports: the first, the second,
//! and so on until the change needs no more. So no step is left out, whatever a change is made of.

mod changes;
mod matrix;
mod router;

use std::time::Duration;

use matrix::{Wire, given_up};
use router::Setup;

#[tokio::test(flavor = "multi_thread")]
async fn at_every_step_by_northbound() {
    matrix::run(Setup::Northbound).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_step_by_northbound_without_mgmtd() {
    matrix::run(Setup::WithoutMgmtd).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_every_step_by_vty_alone() {
    matrix::run(Setup::VtyAlone).await;
}

/// Longer than the driver waits for a vty, which is 20 s, and for a call, which is 30 s. It costs
/// no more than time, which the other tests need as well.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_when_nobody_waits_any_more() {
    let (vty, call) = (Duration::from_millis(20_500), Duration::from_millis(30_500));
    let asn = "neighbor 192.169.10.2 remote-as 64900";
    tokio::join!(
        given_up(Setup::VtyAlone, Wire::Vty, asn, vty),
        given_up(Setup::VtyAlone, Wire::Vty, "XFRR_end_configuration", vty),
        given_up(Setup::WithoutMgmtd, Wire::Northbound, "Commit", call),
    );
}
