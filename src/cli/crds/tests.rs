//! The committed definitions are those of the types.

use std::collections::BTreeSet;
use std::path::Path;

use super::*;

#[test]
fn the_committed_definitions_are_fresh() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/crds");
    let refresh = "refresh them with: cargo run -- crds --output-dir deploy/crds";
    let mut generated = BTreeSet::new();
    for file in crd::files().unwrap() {
        let committed = std::fs::read_to_string(directory.join(&file.name))
            .unwrap_or_else(|error| panic!("deploy/crds/{}: {error}; {refresh}", file.name));
        assert!(
            committed == file.text,
            "deploy/crds/{} is stale; {refresh}",
            file.name
        );
        generated.insert(file.name);
    }
    let committed: BTreeSet<_> = std::fs::read_dir(&directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(crate::api::v1alpha1::GROUP))
        .collect();
    assert_eq!(
        committed, generated,
        "a file of a kind that is gone must be removed"
    );
}

#[test]
fn files_are_written_where_asked() {
    let directory = tempfile::tempdir().unwrap();
    write(Args {
        output_dir: Some(directory.path().to_owned()),
    })
    .unwrap();
    for file in crd::files().unwrap() {
        let written = std::fs::read_to_string(directory.path().join(&file.name)).unwrap();
        assert_eq!(written, file.text);
    }
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let error = write(Args {
        output_dir: Some("/nonexistent/crds".into()),
    })
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("cannot write /nonexistent/crds/"),
        "{error}"
    );
}
