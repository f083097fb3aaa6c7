//! What becomes of objects when the file that they are in cannot be read, or is another one.

use super::*;

#[test]
fn a_broken_source_keeps_its_objects_and_only_those() {
    let before = resolve(
        all(vec![
            from("u.yaml", fabric("u", underlay())),
            from("two.yaml", l3vni("a", vrf("red", 100))),
            from("two.yaml", l3vni("b", vrf("blue", 200))),
            from("c.yaml", l3vni("c", vrf("green", 300))),
        ]),
        &Accepted::new(),
        &INDEX.into(),
    );
    let mut candidates = all(vec![
        from("u.yaml", fabric("u", underlay())),
        from("n.yaml", l3vni("n", vrf("grey", 100))),
    ]);
    let reason = "two.yaml: line 3: no YAML".to_owned();
    candidates
        .broken_sources
        .insert("two.yaml".to_owned(), reason.clone());
    let after = resolve(candidates, &before.accepted, &INDEX.into());
    assert_eq!(in_force(&after), ["u", "a=red 100", "b=blue 200"]);
    let whole = after.rejections.first().expect("the source");
    assert_eq!((&whole.object, whole.kept), (&None, Kept::LastGood));
    assert_eq!(whole.message, reason);
    assert_eq!(after.rejections.len(), 2, "the source and the newcomer");
}

#[test]
fn a_broken_source_without_objects_keeps_nothing() {
    let mut candidates = Candidates::default();
    candidates
        .broken_sources
        .insert("x.yaml".to_owned(), "x.yaml: cannot be read".to_owned());
    let after = resolve(candidates, &Accepted::new(), &INDEX.into());
    assert_eq!(one_rejection(&after).kept, Kept::Nothing);
}

#[test]
fn an_object_that_left_a_broken_source_is_taken_from_where_it_is_now() {
    let before = resolve(
        all(vec![
            from("u.yaml", fabric("u", underlay())),
            from("old.yaml", l3vni("a", vrf("red", 100))),
        ]),
        &Accepted::new(),
        &INDEX.into(),
    );
    let mut candidates = all(vec![
        from("u.yaml", fabric("u", underlay())),
        from("new.yaml", l3vni("a", vrf("red", 101))),
    ]);
    candidates
        .broken_sources
        .insert("old.yaml".to_owned(), "broken".to_owned());
    let after = resolve(candidates, &before.accepted, &INDEX.into());
    assert_eq!(in_force(&after), ["u", "a=red 101"]);
}

#[test]
fn the_same_object_in_two_files_is_that_of_the_file_it_came_from() {
    let own = || from("u.yaml", fabric("u", underlay()));
    let a = |source: &str, number| from(source, l3vni("a", vrf("red", number)));
    let before = resolve(
        all(vec![own(), a("b.yaml", 100)]),
        &Accepted::new(),
        &INDEX.into(),
    );
    for objects in [
        vec![own(), a("a.yaml", 101), a("b.yaml", 100)],
        vec![a("b.yaml", 100), own(), a("a.yaml", 101)],
    ] {
        let after = resolve(all(objects.clone()), &before.accepted, &INDEX.into());
        assert_eq!(in_force(&after), ["u", "a=red 100"]);
        let message = "a.yaml: L3VNI default/a is already defined in b.yaml; give one of the two \
                       another name";
        assert_eq!(rejected(&after), [(message.to_owned(), Kept::Nothing)]);
        // Without a past, the name of the file decides, whatever was read first.
        let fresh = resolve(all(objects), &Accepted::new(), &INDEX.into());
        assert_eq!(in_force(&fresh), ["u", "a=red 101"]);
    }
    // The file it came from breaks the object: the copy elsewhere does not take its place.
    let broken = all(vec![
        own(),
        a("a.yaml", 101),
        bad(Kind::L3Vni, "a", "b.yaml"),
    ]);
    let after = resolve(broken, &before.accepted, &INDEX.into());
    assert_eq!(in_force(&after), ["u", "a=red 100"]);
    assert_eq!(after.rejections.len(), 2);
}
