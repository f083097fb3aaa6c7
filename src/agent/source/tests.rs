//! A directory with files that cannot be read beside one that can.

use std::fs;

use super::*;

const RED: &str = "\
apiVersion: network.openperouter.io/v1alpha1
kind: L3VNI
metadata:
  name: red
spec:
  vrf: red
  vni: 100
";

/// What is told of the files that cannot be read, and how many objects were found.
fn told(files: &[(&str, &[u8])]) -> (Vec<String>, usize) {
    let directory = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        fs::write(directory.path().join(name), bytes).unwrap();
    }
    let contents = Directory::new(directory.path().to_owned()).read().unwrap();
    let broken = contents.candidates.broken_sources.into_values().collect();
    (broken, contents.candidates.objects.len())
}

#[test]
fn a_file_that_is_not_utf_8_is_named_with_the_place_and_harms_no_other() {
    let latin = [b"# caf\xc3\xa9\nname: caf", &b"\xe9 # hunter2\n"[..]].concat();
    let utf_16 = b"\xff\xfea\0p\0i\0";
    let cut = [RED.as_bytes(), b"# \xe2\x82"].concat();
    let files = [
        ("a.yaml", latin.as_slice()),
        ("b.yaml", utf_16),
        ("c.yaml", &cut),
        ("red.yaml", RED.as_bytes()),
    ];
    let (broken, objects) = told(&files);
    assert_eq!(
        broken,
        [
            "a.yaml: line 2, column 10: the file is not UTF-8",
            "b.yaml: line 1, column 1: the file is not UTF-8",
            "c.yaml: line 8, column 3: the file is not UTF-8",
        ]
    );
    assert_eq!(objects, 1);
}

/// What is UTF-8 and no text either.
#[test]
fn a_file_with_nuls_is_refused_by_name() {
    for bytes in [&b"\0\0\0\0"[..], b"kind: L3VNI\0\nvni: 1\n"] {
        let (broken, objects) = told(&[("a.yaml", bytes)]);
        assert_eq!(objects, 0);
        let [message] = broken.as_slice() else {
            panic!("{bytes:?}: {broken:?}")
        };
        assert!(message.starts_with("a.yaml: "), "{message}");
    }
}

/// Whoever writes files on the node rules it anyway.
#[test]
fn lines_of_configuration_in_files_may_be_in_any_namespace() {
    let lines = |namespace: &str| {
        format!(
            "apiVersion: network.openperouter.io/v1alpha1\nkind: RawFRRConfig\n\
             metadata: {{name: lines{namespace}}}\n\
             spec: {{rawConfig: ip prefix-list lines permit any}}\n"
        )
    };
    let files = [
        ("a.yaml", lines("")),
        ("b.yaml", lines(", namespace: tenant")),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let read = Directory::new(folder.path().to_owned()).read().unwrap();
    let objects = read.candidates.objects.iter();
    let taken = objects.map(|it| (it.key.namespace.as_str(), it.manifest.is_ok()));
    assert_eq!(
        taken.collect::<Vec<_>>(),
        [("default", true), ("tenant", true)]
    );
}

/// It is written over just now: its objects are no less wanted than before.
#[test]
fn an_empty_file_is_a_broken_source_and_one_of_comments_is_not() {
    let (broken, objects) = told(&[
        ("a.yaml", b""),
        ("b.yaml", b" \n\t"),
        ("c.yaml", b"# red\n"),
    ]);
    assert_eq!(objects, 0);
    let [a, b] = broken.as_slice() else {
        panic!("{broken:?}")
    };
    assert!(a.starts_with("a.yaml: is empty; "), "{a}");
    assert!(b.starts_with("b.yaml: is empty; "), "{b}");
}

/// What was parsed once is told again, until the file says something else.
#[test]
fn a_directory_that_is_read_again_tells_what_it_holds_now() {
    let folder = tempfile::tempdir().unwrap();
    let mut directory = Directory::new(folder.path().to_owned());
    let mut read = |files: &[(&str, &str)]| {
        for entry in fs::read_dir(folder.path()).unwrap() {
            fs::remove_file(entry.unwrap().path()).unwrap();
        }
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let told = |contents: Contents| {
            let objects = contents.candidates.objects.into_iter();
            let objects = objects.map(|object| (object.key, object.source, object.manifest));
            (
                objects.collect::<Vec<_>>(),
                contents.candidates.broken_sources,
                contents.documents,
            )
        };
        let again = told(directory.read().unwrap());
        let fresh = Directory::new(folder.path().to_owned()).read().unwrap();
        assert_eq!(again, told(fresh));
        again.0.len()
    };
    let blue = RED.replace("red", "blue");
    let other = RED.replace("100", "101");
    assert_eq!(read(&[("a.yaml", RED), ("b.yaml", &blue)]), 2);
    assert_eq!(read(&[("a.yaml", RED), ("b.yaml", &blue)]), 2);
    assert_eq!(read(&[("a.yaml", &other), ("b.yaml", &blue)]), 2);
    assert_eq!(read(&[("a.yaml", &blue), ("b.yaml", RED)]), 2);
    assert_eq!(read(&[("a.yaml", RED), ("b.yaml", ": no")]), 1);
    assert_eq!(read(&[("c.yaml", RED)]), 1);
}
