//! Has a new zebra told of the routes that it found in the kernel.
//!
//! A bgpd that goes on while zebra is started again tells the new one nothing of what it told the old
//! one (FRR 10.3). The new zebra keeps for a time what it finds in the kernel, and sweeps it away then
//! (`rib_sweep_route`): every route of bgpd's at once.

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::IpNet;

use super::execute::chain;
use super::facts::found;
use super::pass::Worker;
use crate::api::VrfName;
use crate::frr::{Daemon, Frr};

/// How often bgpd is asked, and how long it has each time: it finds the new zebra within a second.
/// What it does not know itself stays to be swept.
const TRIES: u32 = 6;
const PAUSE: Duration = Duration::from_millis(700);

/// How often it is asked until it has anything: it listens before it has all from the kernel.
const FIRST: u32 = 3;

type Found = BTreeMap<Option<VrfName>, Vec<IpNet>>;

impl Worker {
    /// Has bgpd tell zebra anew of what zebra has from the kernel alone.
    pub(super) async fn tell_heir(&self, frr: &mut Frr) {
        match frr.show(Daemon::Zebra, "show zebra").await {
            Ok(said) if said.contains("RIB sweep timer running") => {}
            Ok(_) | Err(_) => return,
        }
        let mut told = 0;
        for attempt in 0..TRIES {
            self.pulse.beat();
            let now = self.found(frr).await;
            if now.is_empty() && (told > 0 || attempt >= FIRST) {
                break;
            }
            for (vrf, routes) in &now {
                for route in routes {
                    if let Err(error) = frr.choose_anew(vrf.as_ref(), *route).await {
                        tracing::warn!(
                            "bgpd cannot be had tell zebra of {route}: {}",
                            chain(&error)
                        );
                        return;
                    }
                }
            }
            told = told.max(now.values().map(Vec::len).sum());
            tokio::time::sleep(PAUSE).await;
        }
        if told > 0 {
            let left: usize = self.found(frr).await.values().map(Vec::len).sum();
            tracing::info!(
                "zebra had {told} routes of bgpd's from the kernel alone, and was told of them; {left} \
                 are left to be swept away, which bgpd does not have any more"
            );
        }
    }

    /// The routes of all VRFs, and of none, that zebra has from the kernel alone.
    async fn found(&self, frr: &Frr) -> Found {
        let vnis = self.resolution.intent.vnis.iter();
        let vrfs = vnis.map(|vni| Some(vni.spec.vrf.clone()));
        let mut all = Found::new();
        for vrf in vrfs.chain([None]) {
            match found(frr.dir(), vrf.as_ref()).await {
                Ok(routes) if routes.is_empty() => {}
                Ok(routes) => drop(all.insert(vrf, routes.into_iter().collect())),
                Err(unread) => tracing::debug!(?vrf, ?unread, "what zebra found cannot be read"),
            }
        }
        all
    }
}
