use super::*;

fn labels(of: &[(&str, &str)]) -> Labels {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    of.iter().map(owned).collect()
}

fn one(demand: Demand) -> NodeSelector {
    let key = "rack".to_owned();
    NodeSelector::new(vec![Requirement { key, demand }])
}

fn values(of: &[&str]) -> BTreeSet<String> {
    of.iter().map(|value| (*value).to_owned()).collect()
}

#[test]
fn every_node_is_selected_by_default() {
    assert!(NodeSelector::default().selects(&labels(&[])));
    assert!(NodeSelector::default().selects(&labels(&[("rack", "a")])));
}

#[test]
fn each_demand_is_that_of_kubernetes() {
    let (a, c, none) = (
        labels(&[("rack", "a")]),
        labels(&[("rack", "c")]),
        labels(&[("zone", "a")]),
    );
    let table = [
        (Demand::In(values(&["a", "b"])), [true, false, false]),
        (Demand::NotIn(values(&["a", "b"])), [false, true, true]),
        (Demand::Exists, [true, true, false]),
        (Demand::DoesNotExist, [false, false, true]),
    ];
    for (demand, expected) in table {
        let selector = one(demand.clone());
        let selected = [&a, &c, &none].map(|labels| selector.selects(labels));
        assert_eq!(selected, expected, "{demand:?}");
    }
}

#[test]
fn all_requirements_must_be_met() {
    let zone = Requirement {
        key: "zone".to_owned(),
        demand: Demand::In(values(&["1"])),
    };
    let rack = Requirement {
        key: "rack".to_owned(),
        demand: Demand::Exists,
    };
    let both = NodeSelector::new(vec![zone, rack]);
    assert!(both.selects(&labels(&[("zone", "1"), ("rack", "x")])));
    assert!(!both.selects(&labels(&[("zone", "1")])));
    assert!(!both.selects(&labels(&[("rack", "x")])));
}

#[test]
fn keys_and_values_are_those_of_kubernetes() {
    for right in ["rack", "kubernetes.io/hostname", "a_b.C-1", "x.y/Z"] {
        assert!(is_label_key(right), "{right}");
    }
    let long = "a".repeat(64);
    for wrong in [
        "", "/a", "a/", "a/b/c", "-a", "a b", "A.b/c", &long, "a..b/c",
    ] {
        assert!(!is_label_key(wrong), "{wrong}");
    }
    for right in ["", "a", "1.2_3-4"] {
        assert!(is_label_value(right), "{right}");
    }
    for wrong in ["-a", "a.", "a/b", "a b", &long] {
        assert!(!is_label_value(wrong), "{wrong}");
    }
}
