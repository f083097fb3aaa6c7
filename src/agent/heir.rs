//! Has a new zebra told of the routes that it found in the kernel.
//!
//! A bgpd that goes on while zebra is started again tells the new one nothing of what it told the old
//! one (FRR 10.3). The new zebra keeps for a time what it finds in the kernel, and sweeps it away then
//! (`rib_sweep_route`): every route of bgpd's at once.

use std::collections::BTreeSet;
use std::time::Duration;

use super::execute::chain;
use super::facts::{Found, found};
use super::pass::Worker;
use crate::frr::{Daemon, Frr, FrrError};

/// How often bgpd is asked, and how long it has each time: it finds the new zebra within a second.
/// What it does not know itself stays to be swept.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(700);

/// How often it is asked until it has anything: it listens before it has all from the kernel.
const FIRST: u32 = 3;

/// What zebra says of itself (`show zebra`) until it has swept.
const WAITING: &str = "RIB sweep timer running";

impl Worker {
    /// Has bgpd tell zebra anew of what zebra has from the kernel alone.
    pub(super) async fn tell_heir(&self, frr: &mut Frr) {
        match frr.show(Daemon::Zebra, "show zebra").await {
            Ok(said) if said.contains(WAITING) => {}
            Ok(_) | Err(_) => return,
        }
        let (mut told, mut left) = (0, 0);
        for attempt in 0..TRIES {
            self.pulse.beat();
            let now = self.found(frr).await;
            left = now.values().map(BTreeSet::len).sum();
            told = told.max(left);
            if left == 0 && (told > 0 || attempt >= FIRST) {
                break;
            }
            if let Err(error) = choose_anew(frr, &now).await {
                tracing::warn!(
                    "bgpd cannot be had tell zebra of its routes: {}",
                    chain(&error)
                );
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        if told > 0 {
            tracing::info!(
                "zebra had {told} routes of bgpd's from the kernel alone, and was told of them; {left} \
                 are left to be swept away, which bgpd does not have any more"
            );
        }
    }

    /// The routes that zebra has from the kernel alone.
    async fn found(&self, frr: &Frr) -> Found {
        let vnis = self.resolution.intent.vnis.iter();
        let vrfs = vnis.map(|vni| vni.spec.vrf.clone());
        match found(frr.dir(), vrfs.collect()).await {
            Ok(found) => found,
            Err(unread) => {
                tracing::debug!(?unread, "what zebra found cannot be read");
                Found::new()
            }
        }
    }
}

async fn choose_anew(frr: &mut Frr, routes: &Found) -> Result<(), FrrError> {
    for (vrf, routes) in routes {
        for route in routes {
            frr.choose_anew(vrf.as_ref(), *route).await?;
        }
    }
    Ok(())
}
