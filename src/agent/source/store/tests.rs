use serde_json::json;

use super::*;

const KINDS: [Kind; 2] = [Kind::L3Vni, Kind::Underlay];

fn object(name: &str, vni: u32) -> Value {
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "L3VNI",
        "metadata": {"name": name, "namespace": "perouter-system", "resourceVersion": "7"},
        "spec": {"vrf": name, "vni": vni},
    })
}

/// A store in which all kinds were told once, with an object of VNI 100.
fn told() -> Store {
    let mut store = Store::new("perouter-system", KINDS);
    for kind in KINDS {
        store.heed(kind, Told::Restart);
    }
    store.heed(Kind::L3Vni, Told::Listed(object("red", 100)));
    for kind in KINDS {
        store.heed(kind, Told::Complete);
    }
    store
}

/// Names and what became of each; then the sources that cannot be read.
fn held(store: &Store) -> (Vec<String>, Vec<String>) {
    let candidates = store.contents(&Secrets::default()).candidates;
    let objects = candidates.objects.iter().map(|it| it.key.name.clone());
    let broken = candidates.broken_sources.into_values();
    (objects.collect(), broken.collect())
}

fn names(store: &Store) -> Vec<String> {
    let (names, broken) = held(store);
    assert_eq!(broken, Vec::<String>::new());
    names
}

#[test]
fn before_the_first_list_is_whole_nothing_is_known_and_the_reason_is_told() {
    let mut store = Store::new("perouter-system", KINDS);
    store.heed(Kind::L3Vni, Told::Restart);
    store.heed(Kind::L3Vni, Told::Listed(object("red", 100)));
    let refused = "connection refused".to_owned();
    assert!(store.heed(Kind::Underlay, Told::Failed(refused.clone())));
    assert!(!store.heed(Kind::Underlay, Told::Failed(refused)), "again");
    let (names, broken) = held(&store);
    assert_eq!(names, Vec::<String>::new());
    assert_eq!(
        broken,
        [
            "Kubernetes API, L3VNI: has not been read yet",
            "Kubernetes API, Underlay: cannot be read yet: connection refused",
        ]
    );
    assert!(store.heed(Kind::L3Vni, Told::Complete));
    assert_eq!(held(&store).0, ["red"]);
}

#[test]
fn the_reason_stands_while_the_api_is_asked_again() {
    let mut store = Store::new("perouter-system", [Kind::L3Vni]);
    let refused = || Told::Failed("connection refused".to_owned());
    store.heed(Kind::L3Vni, Told::Restart);
    assert!(store.heed(Kind::L3Vni, refused()));
    let why = ["Kubernetes API, L3VNI: cannot be read yet: connection refused"];
    for told in [Told::Restart, refused(), Told::Restart] {
        assert!(!store.heed(Kind::L3Vni, told), "nothing is new");
        assert_eq!(held(&store).1, why);
    }
    assert!(store.heed(Kind::L3Vni, Told::Listed(object("red", 100))));
    let why = ["Kubernetes API, L3VNI: has not been read yet"];
    assert_eq!(held(&store).1, why, "it answers");
    assert!(store.heed(Kind::L3Vni, Told::Complete));
    assert_eq!(names(&store), ["red"]);
}

#[test]
fn while_the_api_is_away_everything_stays() {
    let mut store = told();
    assert!(!store.heed(Kind::L3Vni, Told::Failed("reset".to_owned())));
    assert_eq!(names(&store), ["red"]);
    // It is back, and lists anew.
    assert!(!store.heed(Kind::L3Vni, Told::Restart));
    assert!(!store.heed(Kind::L3Vni, Told::Listed(object("blue", 200))));
    assert_eq!(names(&store), ["red"], "until the list is whole");
    assert!(store.heed(Kind::L3Vni, Told::Complete));
    assert_eq!(names(&store), ["blue"]);
}

#[test]
fn a_list_that_says_the_same_changes_nothing() {
    let mut store = told();
    store.heed(Kind::L3Vni, Told::Restart);
    let mut same = object("red", 100);
    same["metadata"]["resourceVersion"] = "8".into();
    store.heed(Kind::L3Vni, Told::Listed(same));
    assert!(!store.heed(Kind::L3Vni, Told::Complete));
}

#[test]
fn objects_come_change_and_go() {
    let mut store = told();
    assert!(store.heed(Kind::L3Vni, Told::Changed(object("blue", 200))));
    assert_eq!(names(&store), ["blue", "red"]);
    assert!(store.heed(Kind::L3Vni, Told::Changed(object("blue", 201))));
    assert!(store.heed(Kind::L3Vni, Told::Gone(object("red", 100))));
    assert_eq!(names(&store), ["blue"]);
    assert!(!store.heed(Kind::L3Vni, Told::Gone(object("red", 100))));
}

#[test]
fn a_status_that_changes_is_no_change() {
    let mut store = told();
    let mut with_status = object("red", 100);
    with_status["status"] = json!({"conditions": []});
    with_status["metadata"]["managedFields"] = json!([{"manager": "perouter"}]);
    with_status["metadata"]["resourceVersion"] = "9".into();
    assert!(!store.heed(Kind::L3Vni, Told::Changed(with_status)));
}

#[test]
fn an_object_that_cannot_be_taken_is_told_with_the_reason() {
    let mut store = told();
    store.heed(Kind::L3Vni, Told::Changed(object("red", 0)));
    let candidates = store.contents(&Secrets::default()).candidates;
    let refused = candidates.objects[0].manifest.as_ref().unwrap_err();
    assert!(
        matches!(refused, Unfit::Faulty { message, .. } if message.contains("0 is not a VNI")),
        "{refused:?}"
    );
    assert_eq!(candidates.objects[0].source, "Kubernetes API, L3VNI");
    assert!(store.contents(&Secrets::default()).documents.is_empty());
}

#[test]
fn an_l3vpn_is_refused_in_the_same_words_as_in_a_file_on_the_nodes_that_it_selects() {
    let mut store = Store::new("perouter-system", [Kind::L3Vpn]);
    let mut vpn = object("violet", 100);
    vpn["kind"] = json!("L3VPN");
    vpn["spec"] = json!({
        "vrf": "violet", "rdAssignedNumber": 100, "importRTs": ["64514:100"],
        "nodeSelector": {"matchLabels": {"rack": "a"}},
    });
    for told in [Told::Restart, Told::Listed(vpn), Told::Complete] {
        store.heed(Kind::L3Vpn, told);
    }
    let contents = store.contents(&Secrets::default());
    assert_eq!(contents.candidates.broken_sources.len(), 0);
    let refused = contents.candidates.objects[0].manifest.as_ref();
    let Err(Unfit::Faulty { message, selector }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        message,
        "L3VPN perouter-system/violet: VRFs over SRv6 are not supported yet"
    );
    let selector = selector.as_ref().unwrap();
    let in_rack = |name: &str| Labels::from([("rack".to_owned(), name.to_owned())]);
    assert!(selector.selects(&in_rack("a")) && !selector.selects(&in_rack("b")));
}

#[test]
fn lines_of_configuration_in_another_namespace_than_the_agents_are_none() {
    let mut store = Store::new("perouter-system", [Kind::RawFrrConfig]);
    for (namespace, lines) in [
        ("perouter-system", "ip prefix-list a permit any"),
        ("tenant", "ip prefix-list a permit any"),
        ("third", "nonsense"),
    ] {
        let lines = json!({
            "apiVersion": "network.openperouter.io/v1alpha1",
            "kind": "RawFRRConfig",
            "metadata": {"name": "lines", "namespace": namespace, "generation": 3},
            "spec": {"rawConfig": lines},
        });
        store.heed(Kind::RawFrrConfig, Told::Listed(lines));
    }
    store.heed(Kind::RawFrrConfig, Told::Complete);
    let contents = store.contents(&Secrets::default());
    assert_eq!(contents.documents.len(), 1);
    assert_eq!(contents.generations.len(), 3);
    let objects = contents.candidates.objects.iter();
    let told: Vec<_> = objects.map(|it| it.manifest.as_ref().err()).collect();
    let words = |namespace: &str| {
        Unfit::Barred(format!(
            "RawFRRConfig {namespace}/lines: metadata.namespace: its lines would go into routers \
             as they are, so it counts only in perouter-system, the namespace of the router \
             itself; create it there"
        ))
    };
    assert_eq!(told, [None, Some(&words("tenant")), Some(&words("third"))]);
}

#[test]
fn a_node_says_its_labels_and_once_it_has_one_its_index() {
    let labels = BTreeMap::from([("rack".to_owned(), "1".to_owned())]);
    let of = |annotations: &[(&str, &str)]| {
        let annotations = annotations.iter().map(|(a, b)| ((*a).into(), (*b).into()));
        seen_node(&labels, &annotations.collect())
    };
    let seen = SeenNode {
        labels: labels.clone(),
        index: None,
        uid: None,
    };
    assert_eq!(of(&[]), Ok(seen.clone()));
    let index = Some(NodeIndex(3));
    assert_eq!(of(&[(INDEX, "3")]), Ok(SeenNode { index, ..seen }));
    let error = of(&[(INDEX, "-1")]).unwrap_err();
    assert!(error.contains("openpe.io/nodeindex"), "{error}");
}
