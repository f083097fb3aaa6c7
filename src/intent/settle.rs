//! Who gets what several objects claim.
//!
//! What is in force is only ever replaced by a newer version of the same object, and only when
//! that version fits beside everything else in force. So an object that is refused leaves no
//! trace in what the others get: it neither pushes out what works nor holds what it has not.

use std::collections::{BTreeMap, BTreeSet};

use super::conflicts::Taken;
use super::{Cause, Kept, Offer, Read, Refusal, Rejection, Resolution};
use crate::api::Manifest;
use crate::api::types::{Kind, ObjectKey};

type Offers = BTreeMap<ObjectKey, Offer>;

/// Settles all offers into `resolution`: underlays before what needs them.
pub(super) fn settle(offers: Vec<Offer>, mut taken: Taken, resolution: &mut Resolution) {
    let mut stages: BTreeMap<Stage, Offers> = BTreeMap::new();
    for offer in offers {
        let of_stage = stages.entry(Stage::of(offer.key.kind)).or_default();
        of_stage.insert(offer.key.clone(), offer);
    }
    for offers in stages.values() {
        let mut table = Table::new(offers, &mut taken);
        table.seat_standing();
        table.edits();
        // A newcomer may be the routing domain that an edit, or what stood before, waits for.
        while table.newcomers() {
            table.seat_standing();
            table.edits();
        }
        for offer in offers.values() {
            table.conclude(offer, resolution);
        }
    }
    resolution.intent = taken.into_intent();
}

/// Who claims what from whom: objects of one stage compete with each other alone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    /// What all others need.
    Underlay,
    /// What has VNIs, VRFs and subnets. By key, so that a VRF is settled before the segments
    /// that it routes.
    Overlay,
    /// What claims nothing.
    Raw,
}

impl Stage {
    const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Underlay => Self::Underlay,
            Kind::L3Vni | Kind::L2Vni | Kind::L3Vpn | Kind::L3Passthrough => Self::Overlay,
            Kind::RawFrrConfig => Self::Raw,
        }
    }
}

/// Which version of an object is in force.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    /// The one that stood before, or one that says the same.
    Standing,
    /// One that says something new.
    New,
}

/// All objects of one stage.
struct Table<'a> {
    offers: &'a Offers,
    taken: &'a mut Taken,
    in_force: BTreeMap<&'a ObjectKey, Version>,
    /// Objects that stood before and do not fit now: their pool or their underlay is gone.
    unseated: BTreeSet<&'a ObjectKey>,
}

impl<'a> Table<'a> {
    fn new(offers: &'a Offers, taken: &'a mut Taken) -> Self {
        let standing = |offer: &&Offer| offer.standing().is_some();
        Self {
            offers,
            taken,
            in_force: BTreeMap::new(),
            unseated: offers
                .values()
                .filter(standing)
                .map(|offer| &offer.key)
                .collect(),
        }
    }

    /// Puts into force what stood before, as far as it fits.
    fn seat_standing(&mut self) {
        for key in self.unseated.clone() {
            if self.take(key, Version::Standing).is_ok() {
                self.unseated.remove(key);
            }
        }
    }

    fn version(&self, key: &ObjectKey, version: Version) -> Option<&'a Manifest> {
        let offer = self.offers.get(key)?;
        match version {
            Version::Standing => offer.standing(),
            Version::New => offer.news(),
        }
    }

    /// Takes a version in; its object must not be in force.
    fn take(&mut self, key: &'a ObjectKey, version: Version) -> Result<(), Refusal> {
        if let Some(manifest) = self.version(key, version) {
            self.taken.take(manifest)?;
            self.in_force.insert(key, version);
        }
        Ok(())
    }

    /// Takes all of `keys` out of force, and tells what was.
    fn release(&mut self, keys: &BTreeSet<&'a ObjectKey>) -> Vec<(&'a ObjectKey, Version)> {
        let mut released = Vec::new();
        for key in keys {
            if let Some((key, version)) = self.in_force.remove_entry(key) {
                self.taken.release(key);
                released.push((key, version));
            }
        }
        released
    }

    /// Puts the new versions of all of `keys` into force together, or leaves all as it was.
    fn renew(&mut self, keys: &BTreeSet<&'a ObjectKey>) -> Result<(), Refusal> {
        let released = self.release(keys);
        let outcome = keys.iter().try_for_each(|key| self.take(key, Version::New));
        if outcome.is_err() {
            self.release(keys);
            for (key, version) in released {
                // It stood beside the same others a moment ago.
                if self.take(key, version).is_err() {
                    self.unseated.insert(key);
                }
            }
        } else {
            self.unseated.retain(|key| !keys.contains(key));
        }
        outcome
    }

    fn waiting_edits(&self) -> Vec<&'a ObjectKey> {
        let waits = |offer: &&Offer| {
            offer.standing().is_some()
                && offer.news().is_some()
                && self.in_force.get(&offer.key) != Some(&Version::New)
        };
        let waiting = self.offers.values().filter(waits);
        waiting.map(|offer| &offer.key).collect()
    }

    /// Takes edits until none of the rest fits. One edit may free what another waits for.
    fn edits(&mut self) {
        loop {
            let mut progress = false;
            for key in self.waiting_edits() {
                if self.renew(&BTreeSet::from([key])).is_ok() {
                    self.seat_standing();
                    progress = true;
                }
            }
            progress = progress || self.exchange();
            if !progress {
                return;
            }
        }
    }

    /// Takes the first ring of edits in which each waits for what the next one gives up.
    fn exchange(&mut self) -> bool {
        let taken = self.waiting_edits().into_iter().any(|key| self.ring(key));
        if taken {
            self.seat_standing();
        }
        taken
    }

    fn ring(&mut self, start: &'a ObjectKey) -> bool {
        let waiting: BTreeSet<&'a ObjectKey> = self.waiting_edits().into_iter().collect();
        let mut ring = BTreeSet::from([start]);
        loop {
            let Err(refusal) = self.renew(&ring) else {
                return true;
            };
            let next = refusal.holder().and_then(|by| waiting.get(by).copied());
            match next {
                Some(next) if ring.insert(next) => {}
                Some(_) | None => return false,
            }
        }
    }

    /// Takes in what is new, as far as it fits; tells whether anything did.
    fn newcomers(&mut self) -> bool {
        let before = self.in_force.len();
        for offer in self.offers.values() {
            if offer.standing().is_none() && !self.in_force.contains_key(&offer.key) {
                // A refusal is told in the conclusion, which sees who holds what in the end.
                let _refused = self.take(&offer.key, Version::New).is_err();
            }
        }
        self.in_force.len() > before
    }

    /// Why a version does not fit beside what is in force in the end.
    fn refusal(&mut self, key: &'a ObjectKey, version: Version) -> Option<Refusal> {
        let alone = BTreeSet::from([key]);
        let released = self.release(&alone);
        let refusal = self.take(key, version).err();
        self.release(&alone);
        for (key, version) in released {
            let _stood_a_moment_ago = self.take(key, version).is_ok();
        }
        refusal
    }

    /// Records what became of one object.
    fn conclude(&mut self, offer: &'a Offer, resolution: &mut Resolution) {
        let key = &offer.key;
        let in_force = self.in_force.get(key).copied();
        let kept = match in_force {
            Some(_) => Kept::LastGood,
            None => Kept::Nothing,
        };
        let fault = match &offer.read {
            _ if in_force == Some(Version::New) => None,
            Read::Good(new) => {
                let refusal = offer.news().and_then(|_| self.refusal(key, Version::New));
                refusal.map(|refusal| {
                    let message = format!("{}: {key}: {refusal}", new.source);
                    (&new.source, message, Cause::Refused(refusal))
                })
            }
            Read::Bad {
                source, message, ..
            } => Some((source, message.clone(), Cause::Invalid)),
            Read::Unread => None,
        };
        let unseated = match (in_force, &offer.last_good) {
            (None, Some(old)) => {
                let refusal = self.refusal(key, Version::Standing);
                refusal.map(|refusal| (offer.source().unwrap_or(&old.source), refusal))
            }
            (_, None) | (Some(_), _) => None,
        };
        let rejected = match (fault, unseated) {
            (Some((source, message, cause)), Some((_, refusal))) => Some((
                source,
                format!("{message}; nor can its last good version stay: {refusal}"),
                cause,
            )),
            (Some(fault), None) => Some(fault),
            (None, Some((source, refusal))) => {
                let message = format!("{source}: {key}: {refusal}");
                Some((source, message, Cause::Refused(refusal)))
            }
            (None, None) => None,
        };
        resolution
            .rejections
            .extend(rejected.map(|(source, message, cause)| Rejection {
                object: Some(key.clone()),
                source: source.clone(),
                message,
                kept,
                cause,
            }));
        // The last good version survives even a pass in which it cannot be in force.
        let accepted = match (&offer.read, in_force) {
            (Read::Good(new), Some(Version::New)) => Some(new),
            (Read::Good(new), _) if offer.says_the_same() => Some(new),
            (Read::Good(_) | Read::Bad { .. } | Read::Unread, _) => offer.last_good.as_ref(),
        };
        if let Some(accepted) = accepted {
            resolution.accepted.insert(key.clone(), accepted.clone());
        }
    }
}
