//! Every way in which nodes can come to claim indices.

use proptest::prelude::*;

use super::*;

fn claim<'a>(node: &'a str, created: i64, written: Option<&'a str>) -> Claim<'a> {
    Claim {
        node,
        created: Timestamp::from_second(created).ok(),
        written,
    }
}

fn given(claims: &[Claim<'_>]) -> Vec<(String, u32)> {
    let all = assign(claims).into_iter();
    all.map(|(node, index)| (node.to_owned(), index.0))
        .collect()
}

fn pairs(all: &[(&str, u32)]) -> Vec<(String, u32)> {
    let all = all.iter();
    all.map(|(node, index)| ((*node).to_owned(), *index))
        .collect()
}

#[test]
fn new_nodes_get_the_lowest_that_are_free_in_the_order_of_their_coming() {
    let claims = [
        claim("c", 3, None),
        claim("a", 9, None),
        claim("b", 9, None),
        claim("old", 1, Some("1")),
    ];
    assert_eq!(given(&claims), pairs(&[("a", 2), ("b", 3), ("c", 0)]));
}

#[test]
fn what_a_node_has_it_keeps_whatever_is_free_below() {
    let claims = [claim("a", 1, Some("7")), claim("b", 2, Some("4000000000"))];
    assert_eq!(given(&claims), []);
}

#[test]
fn of_two_with_one_index_the_older_keeps_it_or_the_first_by_name() {
    let claims = [claim("young", 5, Some("0")), claim("zold", 4, Some("0"))];
    assert_eq!(given(&claims), pairs(&[("young", 1)]));
    let claims = [claim("b", 5, Some("3")), claim("a", 5, Some("3"))];
    assert_eq!(given(&claims), pairs(&[("b", 0)]));
    let nobody_knows = Claim {
        created: None,
        ..claim("a", 0, Some("3"))
    };
    assert_eq!(
        given(&[nobody_knows, claim("b", 5, Some("3"))]),
        pairs(&[("a", 0)])
    );
}

#[test]
fn what_is_no_index_is_replaced() {
    for written in ["", "-1", "one", "1.5", "4294967296", " 1", "0x1"] {
        let claims = [claim("a", 1, Some(written)), claim("b", 2, Some("0"))];
        assert_eq!(given(&claims), pairs(&[("a", 1)]), "{written:?}");
    }
}

#[test]
fn the_index_of_a_node_that_went_is_given_again() {
    let claims = [
        claim("a", 1, Some("0")),
        claim("c", 3, Some("2")),
        claim("d", 4, None),
    ];
    assert_eq!(given(&claims), pairs(&[("d", 1)]));
}

/// Few names of indices, so that many are the same.
fn written() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        3 => (0_u32..8).prop_map(|index| Some(index.to_string())),
        2 => Just(None),
        1 => "[a-z-]{0,3}".prop_map(Some),
    ]
}

/// Nodes of different names, each with its age and what it claims.
fn nodes() -> impl Strategy<Value = BTreeMap<String, (i64, Option<String>)>> {
    proptest::collection::btree_map("[a-z]{1,3}", (0_i64..4, written()), 0..20)
}

fn claims(nodes: &BTreeMap<String, (i64, Option<String>)>) -> Vec<Claim<'_>> {
    let all = nodes.iter();
    all.map(|(node, (created, written))| claim(node, *created, written.as_deref()))
        .collect()
}

/// The nodes with what was given to them written.
fn after(
    nodes: &BTreeMap<String, (i64, Option<String>)>,
) -> BTreeMap<String, (i64, Option<String>)> {
    let mut after = nodes.clone();
    for (node, index) in assign(&claims(nodes)) {
        after.get_mut(node).unwrap().1 = Some(index.0.to_string());
    }
    after
}

fn indices(nodes: &BTreeMap<String, (i64, Option<String>)>) -> Vec<u32> {
    let all = nodes.values();
    all.filter_map(|(_, written)| written.as_deref()?.parse().ok())
        .collect()
}

proptest! {
    #[test]
    fn every_node_has_one_that_no_other_has(nodes in nodes()) {
        let after = after(&nodes);
        let mut all = indices(&after);
        all.sort_unstable();
        all.dedup();
        prop_assert_eq!(all.len(), nodes.len());
    }

    #[test]
    fn once_written_nothing_more_is_to_be_done(nodes in nodes()) {
        let after = after(&nodes);
        prop_assert_eq!(assign(&claims(&after)), BTreeMap::new());
    }

    #[test]
    fn an_index_that_one_node_alone_has_is_kept(nodes in nodes()) {
        let all = indices(&nodes);
        let after = after(&nodes);
        for (node, (_, written)) in &nodes {
            let index = written.as_deref().and_then(|text| text.parse::<u32>().ok());
            let alone = index.is_some_and(|index| all.iter().filter(|it| **it == index).count() == 1);
            prop_assert!(!alone || after[node].1 == *written, "{}", node);
        }
    }

    #[test]
    fn no_index_that_anybody_had_is_lost(nodes in nodes()) {
        let after = indices(&after(&nodes));
        for index in indices(&nodes) {
            prop_assert!(after.contains(&index), "{}", index);
        }
    }

    #[test]
    fn what_is_given_leaves_no_lower_one_free(nodes in nodes()) {
        let given: Vec<u32> = assign(&claims(&nodes)).into_values().map(|index| index.0).collect();
        let after = indices(&after(&nodes));
        for index in given {
            prop_assert!((0..index).all(|lower| after.contains(&lower)), "{}", index);
        }
    }

    #[test]
    fn the_order_in_which_nodes_are_listed_does_not_matter(nodes in nodes()) {
        let mut turned = claims(&nodes);
        turned.reverse();
        prop_assert_eq!(assign(&turned), assign(&claims(&nodes)));
    }
}
