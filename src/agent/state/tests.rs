//! What is remembered over a restart, and what becomes of files that are damaged.

use std::os::unix::fs::PermissionsExt;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::agent::source::Directory;
use crate::api::{Kind, Manifest};
use crate::intent::samples::{PASSWORD, key};
use crate::intent::{NodeIndex, resolve};
use crate::plan::link::{NicConfig, NicRoute};

fn opened() -> (TempDir, StateDir) {
    let directory = tempfile::tempdir().unwrap();
    let state = StateDir::open(directory.path()).unwrap();
    (directory, state)
}

/// An object whose lines FRR printed otherwise than they were typed.
fn raw(name: &str) -> RawMemory {
    let typed = format!("router bgp 1\n neigh 10.0.0.1 password {PASSWORD}\nexit\n");
    let applied = RawApplied {
        footprint: typed.replace("neigh ", "neighbor ").parse().unwrap(),
        typed: typed.parse().unwrap(),
    };
    RawMemory::from([(key(Kind::RawFrrConfig, name), applied)])
}

fn nics() -> NicMemory {
    let route = NicRoute {
        destination: "0.0.0.0/0".parse().unwrap(),
        gateway: Some("10.0.1.1".parse().unwrap()),
        source: None,
        metric: 7,
        protocol: 3,
        scope: 0,
        onlink: false,
    };
    let config = NicConfig {
        addresses: ["10.0.1.7/24".parse().unwrap()].into(),
        routes: [route].into(),
    };
    NicMemory::from([("eth1".parse().unwrap(), config)])
}

fn saved(spec: Value) -> SavedManifest {
    SavedManifest {
        key: key(Kind::L3Vni, "red"),
        source: "red.yaml".to_owned(),
        document: json!({
            "apiVersion": "network.openperouter.io/v1alpha1",
            "kind": "L3VNI",
            "metadata": {"name": "red"},
            "spec": spec,
        }),
    }
}

#[test]
fn nothing_is_remembered_at_first() {
    let (_kept, state) = opened();
    assert_eq!(state.load_raw().unwrap(), RawMemory::new());
    assert_eq!(state.load_nics().unwrap(), NicMemory::new());
    assert!(state.load_manifests().unwrap().is_empty());
    assert!(state.load_markers().unwrap().is_empty());
}

#[test]
fn the_directory_is_made_with_those_above_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("run/perouter");
    StateDir::open(&path).unwrap().save_raw(&raw("r")).unwrap();
    assert_eq!(StateDir::open(&path).unwrap().load_raw().unwrap(), raw("r"));
}

#[test]
fn what_was_saved_last_is_read_back_by_a_later_run() {
    let (kept, state) = opened();
    for memory in [raw("first"), raw("second"), RawMemory::new()] {
        state.save_raw(&memory).unwrap();
        let later = StateDir::open(kept.path()).unwrap();
        assert_eq!(later.load_raw().unwrap(), memory);
    }
    state.save_nics(&nics()).unwrap();
    assert_eq!(state.load_nics().unwrap(), nics());
    let owed = BTreeSet::from(["red".parse().unwrap()]);
    for owed in [owed, BTreeSet::new()] {
        state.save_markers(&owed).unwrap();
        let later = StateDir::open(kept.path()).unwrap();
        assert_eq!(later.load_markers().unwrap(), owed);
    }
}

#[test]
fn manifests_are_read_back_as_they_were_written() {
    let (_kept, state) = opened();
    let written = saved(json!({"vrf": "red", "vni": 100}));
    state
        .save_manifests(std::slice::from_ref(&written))
        .unwrap();
    let read = state.load_manifests().unwrap();
    let [own] = read.as_slice() else {
        panic!("{} manifests", read.len());
    };
    assert_eq!((&own.key, &own.source), (&written.key, &written.source));
    assert_eq!(own.document, written.document);
}

#[test]
fn a_manifest_that_is_not_taken_any_more_is_left_out() {
    let good = saved(json!({"vrf": "red", "vni": 100}));
    let bad = SavedManifest {
        key: key(Kind::L3Vni, "blue"),
        ..saved(json!({"vrf": "blue", "vni": 100, "vlan": 7}))
    };
    let accepted = accepted(&[bad, good]);
    let [(own, object)] = accepted.iter().collect::<Vec<_>>()[..] else {
        panic!("{accepted:?}");
    };
    assert_eq!(*own, key(Kind::L3Vni, "red"));
    assert_eq!(object.source, "red.yaml");
    assert!(matches!(&object.manifest, Manifest::L3Vni(red) if red.spec.vrf.as_str() == "red"));
}

/// What was in force before a restart is what an edit is held against after it.
#[test]
fn what_may_not_change_does_not_over_a_restart() {
    let (kept, state) = opened();
    let red = |pool: &str| {
        saved(json!({"vrf": "red", "vni": 100, "hostSession": {
            "asn": 64514, "hostASN": 64515, "localCIDR": {"ipv4": pool},
        }}))
    };
    state.save_manifests(&[red("192.169.10.0/24")]).unwrap();
    let later = StateDir::open(kept.path()).unwrap();
    let before = accepted(&later.load_manifests().unwrap());
    let edited = red("192.169.11.0/24");
    let text = edited.document.to_string();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("red.yaml"), text).unwrap();
    let read = Directory::new(folder.path().to_owned()).read().unwrap();
    let after = resolve(read.candidates, &before, &NodeIndex(0).into());
    assert!(
        after.rejections[0].message.starts_with(
            "red.yaml: L3VNI default/red: spec.hostSession.localCIDR: localCIDR is immutable"
        ),
        "{:?}",
        after.rejections
    );
    assert_eq!(after.accepted, before);
}

#[test]
fn files_are_for_their_owner_alone_and_leave_no_other_behind() {
    let (kept, state) = opened();
    state.save_raw(&raw("r")).unwrap();
    state.save_nics(&nics()).unwrap();
    state.save_manifests(&[saved(Value::Null)]).unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(kept.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["accepted.json", "nics.json", "raw.json"]);
}

/// As an agent that is killed while it writes leaves it.
#[test]
fn a_half_written_file_does_not_count_and_is_written_over() {
    let (kept, state) = opened();
    state.save_raw(&raw("old")).unwrap();
    fs::write(kept.path().join("raw.new"), "[".repeat(10_000)).unwrap();
    assert_eq!(state.load_raw().unwrap(), raw("old"));
    state.save_raw(&raw("new")).unwrap();
    assert_eq!(state.load_raw().unwrap(), raw("new"));
}

#[test]
fn a_file_that_was_cut_anywhere_is_told_by_name_and_not_quoted() {
    let (kept, state) = opened();
    state.save_raw(&raw("r")).unwrap();
    let path = kept.path().join("raw.json");
    let whole = fs::read(&path).unwrap();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        let error = state.load_raw().expect_err("cut");
        let start = format!("cannot read {}: ", path.display());
        let shown = format!("{error} {error:?}");
        assert!(shown.starts_with(&start), "{shown}");
        assert!(!shown.contains(PASSWORD), "{shown}");
    }
}

/// An object whose memory is lost is typed anew, which costs nothing.
#[test]
fn what_cannot_be_read_as_lines_is_left_out_and_harms_no_other() {
    let (kept, state) = opened();
    let mut memory = raw("good");
    for name in ["footprint", "typed"] {
        memory.extend(raw(name));
    }
    state.save_raw(&memory).unwrap();
    let path = kept.path().join("raw.json");
    let mut all: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for object in all.as_array_mut().unwrap() {
        let key = object["key"].as_str().unwrap().to_owned();
        match key.split_once('/') {
            Some((_, "good")) | None => {}
            Some((_, field)) => object[field] = json!("router bgp 1\nexit\nexit\n"),
        }
    }
    fs::write(&path, all.to_string()).unwrap();
    assert_eq!(state.load_raw().unwrap(), raw("good"));
}

#[test]
fn a_directory_that_cannot_be_written_is_told_by_name() {
    let (kept, state) = opened();
    let path = kept.path().join("raw.json");
    fs::create_dir(&path).unwrap();
    let told = state.save_raw(&raw("r")).unwrap_err().to_string();
    assert!(
        told.starts_with(&format!("cannot write {}: ", path.display())),
        "{told}"
    );
    let told = state.load_raw().unwrap_err().to_string();
    assert!(
        told.starts_with(&format!("cannot read {}: ", path.display())),
        "{told}"
    );
    let error = StateDir::open(Path::new("/dev/null/perouter")).unwrap_err();
    let start = "cannot create /dev/null/perouter: ";
    assert!(error.to_string().starts_with(start), "{error}");
}
