//! What holds for any objects and any past.

use proptest::prelude::*;

use super::faulty;
use crate::api::Manifest;
use crate::intent::samples::{INDEX, any_manifests, read};
use crate::intent::{Accepted, Candidate, Candidates, Kept, Origin, VniIntent, resolve};

/// A past: what any two passes one after the other leave accepted.
fn any_past() -> impl Strategy<Value = Accepted> {
    (any_manifests(), any_manifests()).prop_map(|(older, newer)| {
        let older = resolve(read(older), &Accepted::new(), &INDEX.into()).accepted;
        resolve(read(newer), &older, &INDEX.into()).accepted
    })
}

/// What is read now: valid objects, invalid ones, and now and then one twice.
fn any_candidates() -> impl Strategy<Value = Candidates> {
    let spoiled = (any_manifests(), proptest::collection::vec(0_u8..8, 8));
    spoiled.prop_map(|(manifests, dice)| {
        let mut candidates = read(manifests);
        let mut copies = Vec::new();
        for (candidate, throw) in candidates.objects.iter_mut().zip(dice) {
            match throw {
                0 => candidate.manifest = Err(faulty("spoiled", None)),
                1 | 2 => {
                    copies.push(Candidate {
                        source: "copy.yaml".to_owned(),
                        ..candidate.clone()
                    });
                    if throw == 2 {
                        candidate.manifest = Err(faulty("spoiled", None));
                    }
                }
                3 => candidate.origin = Origin::Api,
                _ => {}
            }
        }
        candidates.objects.extend(copies);
        candidates
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn resolving_again_changes_nothing(past in any_past(), now in any_candidates()) {
        let once = resolve(now.clone(), &past, &INDEX.into());
        let twice = resolve(now, &once.accepted, &INDEX.into());
        prop_assert_eq!(&twice.intent, &once.intent);
        prop_assert_eq!(&twice.accepted, &once.accepted);
    }

    #[test]
    fn the_order_of_reading_does_not_matter(past in any_past(), now in any_candidates()) {
        let mut backwards = now.clone();
        backwards.objects.reverse();
        prop_assert_eq!(resolve(now, &past, &INDEX.into()), resolve(backwards, &past, &INDEX.into()));
    }

    /// Whoever is rejected with nothing kept could as well not have been read. (A file that
    /// an object came from holds its name against other files even so.)
    #[test]
    fn what_is_rejected_leaves_no_trace(past in any_past(), now in any_candidates()) {
        let all = resolve(now.clone(), &past, &INDEX.into());
        for rejection in all.rejections.iter().filter(|one| one.kept == Kept::Nothing) {
            let mut without = now.clone();
            without.objects.retain(|object| {
                Some(&object.key) != rejection.object.as_ref() || object.source != rejection.source
            });
            prop_assert_eq!(without.objects.len() + 1, now.objects.len());
            let same = |object: &Candidate| Some(&object.key) == rejection.object.as_ref();
            if without.objects.iter().any(same) && rejection.message.starts_with("spoiled") {
                prop_assert!(rejection.object.iter().all(|key| past.contains_key(key)));
                continue;
            }
            let without = resolve(without, &past, &INDEX.into());
            prop_assert_eq!(&without.intent, &all.intent, "without {:?}", rejection);
        }
    }

    /// A rejected edit could as well not have been made.
    #[test]
    fn a_rejected_edit_counts_as_its_last_good_version(
        past in any_past(), now in any_candidates(),
    ) {
        let all = resolve(now.clone(), &past, &INDEX.into());
        for rejection in all.rejections.iter().filter(|one| one.kept == Kept::LastGood) {
            let mut instead = now.clone();
            for object in &mut instead.objects {
                if Some(&object.key) == rejection.object.as_ref()
                    && object.source == rejection.source
                {
                    object.manifest = Ok(past[&object.key].manifest.clone());
                }
            }
            let instead = resolve(instead, &past, &INDEX.into());
            prop_assert_eq!(&instead.intent, &all.intent, "instead of {:?}", rejection);
        }
    }

    /// What was in force and is read again unchanged stays in force, whatever else is read.
    #[test]
    fn nothing_pushes_out_what_stands_unchanged(
        older in any_manifests(), newer in any_manifests(),
    ) {
        let before = resolve(read(older.clone()), &Accepted::new(), &INDEX.into());
        let is_new = |manifest: &Manifest| !older.iter().any(|old| old.key() == manifest.key());
        let both = older.iter().cloned().chain(newer.into_iter().filter(is_new));
        let after = resolve(read(both), &before.accepted, &INDEX.into());
        if before.intent.underlay.is_some() {
            prop_assert_eq!(&after.intent.underlay, &before.intent.underlay);
            for vni in &before.intent.vnis {
                let same = |one: &VniIntent| (&one.key, &one.spec) == (&vni.key, &vni.spec);
                prop_assert!(after.intent.vnis.iter().any(same), "{} lost", vni.key);
            }
            for segment in &before.intent.segments {
                prop_assert!(after.intent.segments.contains(segment), "{} lost", segment.key);
            }
            if before.intent.passthrough.is_some() {
                prop_assert_eq!(&after.intent.passthrough, &before.intent.passthrough);
            }
        }
    }

    /// An object is in force, or rejected, and never both in force anew and rejected.
    #[test]
    fn every_object_is_accounted_for(past in any_past(), now in any_candidates()) {
        let resolution = resolve(now.clone(), &past, &INDEX.into());
        for object in &now.objects {
            let in_force = resolution.intent.keys().any(|key| *key == object.key);
            let told = resolution
                .rejections
                .iter()
                .any(|one| one.object.as_ref() == Some(&object.key));
            prop_assert!(in_force || told, "{} vanished", object.key);
            if in_force {
                prop_assert!(resolution.accepted.contains_key(&object.key));
            }
        }
        let objects = resolution.rejections.iter();
        let mut once: Vec<_> = objects.map(|one| (&one.object, &one.source)).collect();
        let all = once.len();
        once.dedup();
        prop_assert_eq!(once.len(), all, "one rejection for each");
    }
}
