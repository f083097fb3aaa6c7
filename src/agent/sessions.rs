//! Sessions that bgpd tells of: read and judged at once, while all else waits for its time.

use std::collections::BTreeSet;

use perouter_parsers::bmp::{Instance, Message, Peer};

use super::pass::Worker;
use super::scope::Scope;
use super::{chain, facts};
use crate::api::types::{InterfaceName, VrfName};
use crate::frr::Frr;
use crate::frr::station::Station;
use crate::verify::{self, SessionsOf};

impl Worker {
    /// Listens for what bgpd tells of its sessions. Without it they are read now and then.
    pub(super) async fn listen(&self) -> Option<Station> {
        match Station::open(&self.netns, self.tell.sessions.clone()).await {
            Ok(station) => Some(station),
            Err(error) => {
                let words = chain(&error);
                tracing::warn!("{words}; a lost session is found at the next verification");
                None
            }
        }
    }

    /// Reads the sessions of the instances that something was told of, and makes a report with
    /// what is found. What depends on them waits for the verification that follows.
    pub(super) async fn look_at_sessions(&mut self, heard: &[Message], frr: &mut Frr) {
        for message in heard {
            log(message);
        }
        let told: BTreeSet<SessionsOf> = heard.iter().filter_map(|m| self.told_of(m)).collect();
        let Some(mut verification) = self.verification.take() else {
            return;
        };
        for instance in told {
            let read = facts::sessions(frr, &instance).await;
            verification.facts.replace_sessions(&instance, read);
            let found = verify::sessions(&self.resolution.intent, &verification.facts, &instance);
            verification.replace_sessions(&found, &mut self.history);
        }
        self.log_changes(&verification.findings);
        self.verification = Some(verification);
        self.make_report(frr);
    }

    /// What depends on the sessions that something was told of.
    pub(super) fn scope_of_sessions(&self, heard: &[Message]) -> Scope {
        let mut scope = Scope::default();
        for told in heard.iter().filter_map(|message| self.told_of(message)) {
            scope.add(match told {
                SessionsOf::Fabric => Scope::All,
                SessionsOf::Vrf(vrf) => Scope::of_vrf(&self.resolution.intent, &vrf),
            });
        }
        scope
    }

    /// The instance that a message is about, if it is one of ours.
    fn told_of(&self, message: &Message) -> Option<SessionsOf> {
        let peer = match message {
            Message::PeerUp(peer) | Message::PeerDown { peer, .. } => peer,
            Message::Other(_) => return None,
        };
        match peer.instance {
            Instance::Default => Some(SessionsOf::Fabric),
            Instance::Vrf(index) => self.vrf_of(index).map(SessionsOf::Vrf),
            Instance::Other(_) => None,
        }
    }

    /// The VRF whose link has this index.
    fn vrf_of(&self, index: u64) -> Option<VrfName> {
        let seen = self.seen.as_ref()?;
        let vrfs = self.resolution.intent.vnis.iter().map(|vni| &vni.spec.vrf);
        let has_index = |vrf: &&VrfName| {
            let link = seen.router.get(&InterfaceName::from((*vrf).clone()));
            link.is_some_and(|link| u64::from(link.index) == index)
        };
        vrfs.into_iter().find(has_index).cloned()
    }
}

fn log(message: &Message) {
    let about = |Peer { address, asn, .. }: &Peer| format!("{address} (AS {asn})");
    match message {
        Message::PeerUp(peer) => tracing::debug!("bgpd tells: session with {} is up", about(peer)),
        Message::PeerDown { peer, reason } => {
            tracing::debug!("bgpd tells: session with {} is down: {reason}", about(peer));
        }
        Message::Other(_) => {}
    }
}
