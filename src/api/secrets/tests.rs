use serde_json::json;

use super::*;
use crate::api::load::{parse_file, parse_object_with};
use crate::api::{Identity, Manifest};

fn secret(text: Value) -> v1::Secret {
    serde_json::from_value(text).unwrap()
}

/// A Secret `bgp` in namespace `pe`, of this type and with these fields.
fn bgp(kind: &str, fields: Value) -> v1::Secret {
    let mut text = json!({
        "apiVersion": "v1", "kind": "Secret", "type": kind,
        "metadata": {"name": "bgp", "namespace": "pe"},
    });
    text.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    secret(text)
}

fn underlay(neighbor: Value) -> Value {
    let mut all = json!({"asn": 64512, "address": "10.0.0.1"});
    all.as_object_mut()
        .unwrap()
        .extend(neighbor.as_object().unwrap().clone());
    json!({
        "apiVersion": "network.openperouter.io/v1alpha1",
        "kind": "Underlay",
        "metadata": {"name": "fabric", "namespace": "pe"},
        "spec": {
            "asn": 64514,
            "interfaces": [{"type": "NetworkDevice", "networkDevice": {"interfaceName": "eth1"}}],
            "neighbors": [all],
        },
    })
}

/// The neighbour's password, or what is wrong.
fn outcome(secrets: &Secrets, neighbor: Value) -> Result<Option<String>, String> {
    let nowhere = Identity {
        file: None,
        line: None,
        key: None,
    };
    let parsed = parse_object_with(nowhere, underlay(neighbor), secrets);
    match parsed.outcome {
        Ok(Manifest::Underlay(underlay)) => {
            let password = underlay.spec.neighbors[0].password.as_ref();
            Ok(password.map(|password| password.expose().to_owned()))
        }
        Ok(other) => panic!("{other:?}"),
        Err(error) => Err(error.to_string()),
    }
}

fn with(kind: &str, fields: Value) -> Secrets {
    let mut secrets = Secrets::default();
    secrets.add(&bgp(kind, fields));
    secrets
}

const NAMED: &str = "spec.neighbors[0].passwordSecret";

#[test]
fn a_password_is_taken_from_its_secret_however_it_is_written() {
    // aHVudGVyMg== is hunter2.
    for fields in [
        json!({"data": {"password": "aHVudGVyMg=="}}),
        json!({"stringData": {"password": "hunter2"}}),
        json!({"data": {"username": "Ym9i", "password": "aHVudGVyMg=="}}),
    ] {
        let secrets = with(TYPE, fields);
        let found = outcome(&secrets, json!({"passwordSecret": "bgp"}));
        assert_eq!(found, Ok(Some("hunter2".to_owned())));
    }
}

#[test]
fn what_is_kept_holds_the_password_and_not_the_name() {
    let secrets = with(TYPE, json!({"stringData": {"password": "hunter2"}}));
    let nowhere = Identity {
        file: None,
        line: None,
        key: None,
    };
    let object = underlay(json!({"passwordSecret": "bgp"}));
    let kept = parse_object_with(nowhere, object, &secrets).document;
    assert_eq!(kept, underlay(json!({"password": "hunter2"})));
}

#[test]
fn a_secret_that_cannot_be_used_is_named_with_the_reason() {
    let other = "that Secret is not of type kubernetes.io/basic-auth";
    let absent = "there is no such Secret of type kubernetes.io/basic-auth in namespace pe";
    let binary = json!({"data": {"password": "/w=="}});
    for (secrets, why) in [
        (Secrets::default(), absent),
        (
            Secrets::unread("has not been read yet"),
            "has not been read yet",
        ),
        (with("Opaque", json!({})), other),
        (with(TYPE, json!({})), "that Secret has no key password"),
        (with(TYPE, binary), "the password in that Secret is no text"),
    ] {
        let error = outcome(&secrets, json!({"passwordSecret": "bgp"})).unwrap_err();
        assert!(
            error.contains(&format!("{NAMED}: \"bgp\": {why}")),
            "{error}"
        );
    }
}

#[test]
fn a_secret_of_another_namespace_is_another_one() {
    let mut elsewhere = bgp(TYPE, json!({"stringData": {"password": "hunter2"}}));
    elsewhere.metadata.namespace = Some("other".to_owned());
    let mut secrets = Secrets::default();
    secrets.add(&elsewhere);
    let error = outcome(&secrets, json!({"passwordSecret": "bgp"})).unwrap_err();
    assert!(error.contains("in namespace pe"), "{error}");
}

#[test]
fn where_secrets_are_not_read_they_are_not_missing() {
    let error = outcome(&Secrets::within("other"), json!({"passwordSecret": "bgp"})).unwrap_err();
    assert!(
        error.contains("in namespace other alone, and this object is in pe"),
        "{error}"
    );
    let error = outcome(&Secrets::within("pe"), json!({"passwordSecret": "bgp"})).unwrap_err();
    assert!(error.contains("no such Secret"), "{error}");
}

#[test]
fn only_one_password_may_be_set() {
    let secrets = with(TYPE, json!({"stringData": {"password": "hunter2"}}));
    let both = json!({"passwordSecret": "bgp", "password": "another"});
    let error = outcome(&secrets, both).unwrap_err();
    assert!(
        error.contains("only one of password and passwordSecret may be set"),
        "{error}"
    );
}

#[test]
fn a_password_that_a_session_cannot_have_is_refused_without_being_shown() {
    let secrets = with(TYPE, json!({"stringData": {"password": "hunter2 x"}}));
    let error = outcome(&secrets, json!({"passwordSecret": "bgp"})).unwrap_err();
    assert!(error.contains("spec.neighbors[0].password"), "{error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn other_faults_are_told_with_it() {
    let all = json!({"passwordSecret": "bgp", "port": 70000});
    let error = outcome(&Secrets::default(), all).unwrap_err();
    assert!(error.contains("no such Secret"), "{error}");
    assert!(error.contains("spec.neighbors[0].port"), "{error}");
}

#[test]
fn a_file_may_hold_secrets() {
    let text = "apiVersion: v1\nkind: Secret\ntype: kubernetes.io/basic-auth\n\
                metadata: {name: bgp, namespace: pe}\nstringData: {password: hunter2}\n---\n"
        .to_owned()
        + &underlay(json!({"passwordSecret": "bgp"})).to_string();
    let parsed = parse_file("fabric.yaml", &text);
    assert_eq!(parsed.errors, []);
    assert_eq!(parsed.objects.len(), 1);
    let mut secrets = Secrets::default();
    parsed.secrets.iter().for_each(|secret| secrets.add(secret));
    let found = outcome(&secrets, json!({"passwordSecret": "bgp"}));
    assert_eq!(found, Ok(Some("hunter2".to_owned())));
    let broken =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: bgp}\ndata: {password: 'hunter2!'}\n";
    let parsed = parse_file("fabric.yaml", broken);
    let said = parsed.errors[0].to_string();
    assert!(said.contains("Secret"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
}
