//! A failure at every step of a change, on a real FRR: afterwards each object is what it was or
//! what it shall be, objects that the change does not concern are as before, and the next pass
//! converges.
//!
//! Which step fails is counted by proxies before FRR's sockets and ports: the first, the second,
//! and so on until the change needs no more. So no step is left out, whatever a change is made of.

mod changes;
mod matrix;
mod router;

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
