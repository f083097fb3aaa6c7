//! Files: several documents, lists, what is not YAML, and who an object is.

use proptest::prelude::*;

use super::*;

/// The keys of the valid objects, and the words for all that is wrong.
fn outcome(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut valid, mut wrong) = (Vec::new(), Vec::new());
    let Parsed {
        objects, errors, ..
    } = parse_file("red.yaml", text);
    for ParsedObject {
        identity,
        outcome,
        document: _,
    } in objects
    {
        match outcome {
            Ok(manifest) => {
                assert_eq!(identity.key.as_ref(), Some(manifest.key()));
                valid.push(manifest.key().to_string());
            }
            Err(error) => {
                assert_eq!(error.identity, identity);
                assert!(!error.faults.is_empty());
                wrong.extend(error.to_string().lines().map(str::to_owned));
            }
        }
    }
    wrong.extend(errors.iter().map(ToString::to_string));
    (valid, wrong)
}

const RED: &str = "\
apiVersion: network.openperouter.io/v1alpha1
kind: L3VNI
metadata:
  name: red
spec:
  vrf: red
  vni: 100
  hostSession:
    asn: 64514
    hostType: External
    localCIDR:
      ipv4: 192.169.10.0/24
";

fn wrong_in(text: &str) -> Vec<String> {
    let (valid, wrong) = outcome(text);
    assert_eq!(valid, Vec::<String>::new(), "{text}");
    wrong
}

#[test]
fn the_message_names_file_object_field_and_what_would_be_right() {
    assert_eq!(
        wrong_in(&RED.replace("vni: 100", "vni: 0")),
        ["red.yaml: L3VNI default/red: spec.vni: 0 is not a VNI; it must be 1 to 16777215"]
    );
}

#[test]
fn all_faults_of_an_object_are_told() {
    let text = RED
        .replace("vni: 100", "vni: 0\n  colour: blue")
        .replace("vrf: red", "vrf: 1red\n  vxlanPort: 0")
        .replace("hostType: External", "hostType: External\n    hostAsn: 5");
    let paths: Vec<_> = wrong_in(&text)
        .iter()
        .map(|line| line.split(": ").nth(2).unwrap().to_owned())
        .collect();
    assert_eq!(
        paths,
        [
            "spec.colour",
            "spec.hostSession.hostAsn",
            "spec.vrf",
            "spec.vni",
            "spec.vxlanPort"
        ]
    );
}

#[test]
fn an_object_does_not_harm_its_neighbours() {
    let bad = RED.replace("vni: 100", "vni: hundred");
    let text = format!(
        "---\n{RED}---\n# nothing\n---\n{bad}---\n{}",
        RED.replace("red", "blue")
    );
    let (valid, wrong) = outcome(&text);
    assert_eq!(valid, ["L3VNI default/red", "L3VNI default/blue"]);
    assert_eq!(
        wrong,
        ["red.yaml: L3VNI default/red: spec.vni: a text where a whole number is expected"]
    );
}

#[test]
fn what_is_not_yaml_is_told_with_its_place_and_nothing_around_it() {
    let broken = "apiVersion: x\nspec:\n  password: hunter2\n  port: [1179\n";
    let (valid, wrong) = outcome(&format!("{RED}---\n{broken}"));
    assert_eq!(valid, ["L3VNI default/red"]);
    let [error] = wrong.as_slice() else {
        panic!("{wrong:?}")
    };
    assert!(error.starts_with("red.yaml: line "), "{error}");
    assert!(
        !error.contains("hunter2") && !error.contains('\n'),
        "{error}"
    );
}

#[test]
fn a_field_that_is_written_twice_spoils_its_document_alone() {
    let twice = RED.replace("vni: 100", "vni: 100\n  vni: 101");
    let (valid, wrong) = outcome(&format!("{twice}---\n{}", RED.replace("red", "blue")));
    assert_eq!(valid, ["L3VNI default/blue"]);
    let [error] = wrong.as_slice() else {
        panic!("{wrong:?}")
    };
    assert!(error.starts_with("red.yaml: line 8, column 3: "), "{error}");
    assert!(error.contains("vni"), "{error}");
}

#[test]
fn lists_hold_objects() {
    let item = |text: &str| {
        let indented: Vec<_> = text.lines().map(|line| format!("    {line}")).collect();
        format!("  -\n{}\n", indented.join("\n"))
    };
    let bad = RED.replace("red", "blue").replace("vni: 100", "vni: -1");
    let text = format!(
        "apiVersion: v1\nkind: List\nitems:\n{}{}",
        item(RED),
        item(&bad)
    );
    let (valid, wrong) = outcome(&text);
    assert_eq!(valid, ["L3VNI default/red"]);
    assert_eq!(
        wrong,
        ["red.yaml: L3VNI default/blue: spec.vni: -1 is not a VNI; it must be 1 to 16777215"]
    );
    assert_eq!(
        outcome("apiVersion: v1\nkind: List\nitems: []\n"),
        (vec![], vec![])
    );
    assert_eq!(
        wrong_in("kind: List\nitems: 5\n"),
        ["red.yaml: the object at line 1: items: a number where a list is expected"]
    );
}

#[test]
fn kinds_are_known_not_yet_or_unknown() {
    let vpn = RED
        .replace("L3VNI", "L3VPN")
        .replace("vni: 100", "rdAssignedNumber: 100\n  importRTs: ['1:1']");
    assert_eq!(
        wrong_in(&vpn),
        ["red.yaml: L3VPN default/red: VRFs over SRv6 are not supported yet"]
    );
    // What else is wrong with it is told too, be it so much that it cannot be read.
    assert_eq!(
        wrong_in(&RED.replace("L3VNI", "L3VPN")),
        [
            "red.yaml: L3VPN default/red: VRFs over SRv6 are not supported yet",
            "red.yaml: L3VPN default/red: spec.importRTs: is missing",
            "red.yaml: L3VPN default/red: spec.rdAssignedNumber: is missing",
            "red.yaml: L3VPN default/red: spec.vni: unknown field",
        ]
    );
    let (valid, wrong) = outcome(&format!("{vpn}---\n{RED}"));
    assert_eq!(
        (valid, wrong.len()),
        (vec!["L3VNI default/red".to_owned()], 1)
    );
    assert_eq!(
        wrong_in(&RED.replace("L3VNI", "ConfigMap")),
        [
            "red.yaml: the object at line 1: kind: \"ConfigMap\" is not a known kind; known are \
          Underlay, L3VNI, L2VNI, L3VPN, L3Passthrough, RawFRRConfig"
        ]
    );
    assert_eq!(
        wrong_in(&RED.replace("network.openperouter.io", "openpe.openperouter.github.io")),
        [
            "red.yaml: L3VNI default/red: apiVersion: \"openpe.openperouter.github.io/v1alpha1\" is \
          not served here; it must be \"network.openperouter.io/v1alpha1\""
        ]
    );
}

#[test]
fn an_object_needs_a_kind_a_version_a_name_and_a_specification() {
    assert_eq!(
        wrong_in("{spec: {}}"),
        [
            "red.yaml: the object at line 1: kind: is missing",
            "red.yaml: the object at line 1: metadata.name: is missing",
        ]
    );
    assert_eq!(
        wrong_in("\n\nkind: L3VNI\nmetadata: {nmae: red}\n"),
        [
            "red.yaml: the object at line 3: apiVersion: is missing",
            "red.yaml: the object at line 3: metadata.nmae: unknown field; did you mean name?",
            "red.yaml: the object at line 3: metadata.name: is missing",
            "red.yaml: the object at line 3: spec: is missing",
        ]
    );
    assert_eq!(
        wrong_in("just words"),
        ["red.yaml: the object at line 1: a text where an object is expected"]
    );
    assert_eq!(
        wrong_in(&RED.replace("name: red", "name: 5")),
        [
            "red.yaml: the object at line 1: metadata.name: a number where a text is expected; put \
          it in quotes"
        ]
    );
    assert_eq!(
        wrong_in(&RED.replace("spec:", "vni: 100\nspec:")),
        ["red.yaml: L3VNI default/red: vni: unknown field; did you mean spec.vni?"]
    );
}

#[test]
fn names_are_those_of_kubernetes() {
    let long = "a".repeat(254);
    for bad in [
        "Red", "-red", "red-", "r_d", "red.", ".red", "r..d", "rot/rosa", "''", &long,
    ] {
        let wrong = wrong_in(&RED.replace("name: red", &format!("name: {bad}")));
        assert!(
            wrong[0].contains("metadata.name: ") && wrong[0].contains("is not a name"),
            "{wrong:?}"
        );
    }
    for good in ["red", "r", "0", "red-1.example"] {
        let (valid, _) = outcome(&RED.replace("name: red", &format!("name: '{good}'")));
        assert_eq!(valid, [format!("L3VNI default/{good}")]);
    }
    let (valid, _) = outcome(&RED.replace("name: red", "name: red\n  namespace: tenants"));
    assert_eq!(valid, ["L3VNI tenants/red"]);
    let wrong = wrong_in(&RED.replace("name: red", "name: red\n  namespace: a.b"));
    assert!(
        wrong[0].contains("metadata.namespace: \"a.b\" is not a name"),
        "{wrong:?}"
    );
}

#[test]
fn an_export_of_an_api_server_is_read() {
    let text = RED.replace(
        "  name: red\n",
        "  name: red\n  generation: 4\n  uid: f2f0\n  creationTimestamp: \"2026-08-07T00:00:00Z\"\n  \
         annotations: {kubectl.kubernetes.io/last-applied-configuration: \"{}\"}\n  \
         managedFields: [{manager: kubectl}]\n",
    ) + "  nodeSelector:\nstatus:\n  conditions: []\n";
    let Parsed {
        objects, errors, ..
    } = parse_file("red.yaml", &text);
    assert!(errors.is_empty(), "{errors:?}");
    assert_eq!(objects.len(), 1);
    assert_eq!(objects[0].outcome.as_ref().unwrap().generation(), Some(4));
}

#[test]
fn what_older_parsers_read_otherwise_is_not_guessed() {
    let number = |written: &str| wrong_in(&RED.replace("vni: 100", &format!("vni: {written}")));
    for written in ["0100", "1_00", "100.0", "yes", "~", "''"] {
        assert_eq!(number(written).len(), 1, "{written}");
    }
    let (valid, wrong) = outcome(&RED.replace("vrf: red", "vrf: on"));
    assert_eq!(
        (valid.len(), wrong.len()),
        (1, 0),
        "on is a name like any other: {wrong:?}"
    );
}

#[test]
fn a_password_is_shown_by_nothing() {
    let with = |session: &str| {
        format!(
            "apiVersion: {API_VERSION}\nkind: Underlay\nmetadata: {{name: fabric}}\nspec:\n  \
             asn: 64514\n  neighbors:\n  - asn: 64512\n    address: 192.168.11.2\n{session}\n  \
             interfaces:\n  - type: NetworkDevice\n    networkDevice: {{interfaceName: eth1}}\n"
        )
    };
    let sessions = [
        "    password: hunter2",
        "    password: hunter2 x",
        "    password: hunter2\n    password: hunter2",
        "    password: [hunter2]",
        "    password: {hunter2: hunter2}",
        "    password: \"hunter2\\n\"",
        "    passwort: hunter2",
        "    passwordSecret: {name: hunter2}",
        "    bfd: hunter2",
        "    password: !secret hunter2",
        "    password: *hunter2",
        "    password: \"hunter2",
        "    password: hunter2: x",
    ];
    for session in sessions {
        let parsed = parse_file("fabric.yaml", &with(session));
        let said: Vec<_> = parsed
            .objects
            .iter()
            .map(|object| match &object.outcome {
                Ok(manifest) => format!("{manifest:?} {manifest:#?}"),
                Err(error) => format!("{error} {error:?}"),
            })
            .chain(
                parsed
                    .errors
                    .iter()
                    .map(|error| format!("{error} {error:?}")),
            )
            .collect();
        assert!(!said.is_empty(), "{session}");
        for text in said {
            assert!(!text.contains("hunter2"), "{session}: {text}");
        }
    }
}

#[test]
fn a_manifest_that_is_written_back_has_no_password() {
    let spec: v1alpha1::NeighborSpec =
        serde_json::from_value(serde_json::json!({"asn": 1, "password": "hunter2"})).unwrap();
    assert_eq!(spec.password.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(
        serde_json::to_value(&spec).unwrap(),
        serde_json::json!({"asn": 1})
    );
    assert!(!format!("{spec:?}").contains("hunter2"));
}

#[test]
fn an_object_of_an_api_server_is_converted_alike() {
    let parsed = parse_file("red.yaml", RED)
        .objects
        .remove(0)
        .outcome
        .unwrap();
    let typed: v1alpha1::L3Vni = serde_saphyr::from_str(RED).unwrap();
    assert_eq!(Manifest::L3Vni(convert::l3vni(&typed).unwrap()), parsed);
    let typed: v1alpha1::L3Vni =
        serde_saphyr::from_str(&RED.replace("vni: 100", "vni: 0")).unwrap();
    assert_eq!(
        convert::l3vni(&typed).unwrap_err().to_string(),
        "L3VNI default/red: spec.vni: 0 is not a VNI; it must be 1 to 16777215"
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in ".{0,200}") {
        let _parsed = parse_file("any.yaml", &text);
    }

    #[test]
    fn no_change_of_a_line_makes_it_panic(line in 0_usize..13, other in "[ a-z0-9:{}\\[\\]'\"&*!-]{0,20}") {
        let mut lines: Vec<_> = RED.lines().collect();
        if let Some(changed) = lines.get_mut(line) {
            *changed = &other;
        }
        let Parsed {
        objects, errors, ..
    } = parse_file("any.yaml", &lines.join("\n"));
        prop_assert!(objects.len() + errors.len() >= 1);
    }
}
