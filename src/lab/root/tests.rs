use std::path::Path;

use super::{RECIPE, RootError, check, recipe_hash};

#[test]
fn the_recipe_has_a_stable_name() {
    assert_eq!(recipe_hash(), recipe_hash());
    assert_eq!(recipe_hash().len(), 16);
    assert!(RECIPE.iter().all(|(_, content)| !content.is_empty()));
}

#[test]
fn what_is_no_root_is_refused() {
    assert!(matches!(
        check(Path::new("/nowhere")),
        Err(RootError::File { .. })
    ));
    let empty = tempfile::tempdir().unwrap();
    let error = check(empty.path()).unwrap_err();
    assert!(
        error.to_string().ends_with("it has no usr/lib/frr/bgpd"),
        "{error}"
    );
}
