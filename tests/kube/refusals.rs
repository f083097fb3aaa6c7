//! What the conversion refuses of a manifest in a file, an API server refuses too, with the same
//! words where a rule has words of its own; and the neighbour of each is accepted.
//!
//! `refusals.json` is written by the unit tests of the definitions.

use std::collections::BTreeMap;

use kube::api::{ApiResource, DynamicObject, GroupVersionKind, PostParams};
use kube::discovery::ApiCapabilities;
use kube::{Api, Client, Error, discovery};
use serde::Deserialize;
use serde_json::Value;

use crate::bed::{Bed, NAMESPACE};

/// A kind, a full sample of it, and what is refused in it.
#[derive(Deserialize)]
struct OfKind {
    kind: String,
    sample: Value,
    refused: Vec<Refused>,
}

#[derive(Deserialize)]
struct Refused {
    path: String,
    object: Value,
    /// The messages of the rules that it breaks.
    rules: Vec<String>,
    /// What the conversion says.
    said: Vec<String>,
}

/// What schemas and rules have no words for, and an agent refuses: what it does not support, what
/// lies in several fields, what an address is for. By a part of what the conversion says.
const BEYOND_SCHEMAS: [&str; 12] = [
    "not supported yet",
    "is the same as",
    "the key of a label",
    "the value of a label",
    "operators ",
    "overlaps ",
    "must be the address of one neighbor",
    "is a link-local address",
    "is not the address of a host",
    "begin with a letter",
    "needs a neighbor in another AS",
    // kubectl has servers refuse it, and other clients take it away: see the test of its own.
    "unknown field",
];

/// What an API server says besides when it did not get as far as the rules.
const RULES_NOT_CHECKED: &str = "some validation rules were not checked";

fn all() -> Vec<OfKind> {
    serde_json::from_str(include_str!("refusals.json")).unwrap()
}

async fn resource(client: &Client, kind: &str) -> ApiResource {
    let kind = GroupVersionKind::gvk("network.openperouter.io", "v1alpha1", kind);
    let found: (ApiResource, ApiCapabilities) =
        discovery::pinned_kind(client, &kind).await.unwrap();
    found.0
}

/// What an API server says to an object, which it does not keep.
async fn said_to(client: &Client, resource: &ApiResource, object: &Value) -> Result<(), String> {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), NAMESPACE, resource);
    let mut object = object.clone();
    object["metadata"]["namespace"] = NAMESPACE.into();
    let object: DynamicObject = serde_json::from_value(object).unwrap();
    let parameters = PostParams {
        dry_run: true,
        field_manager: None,
    };
    match api.create(&parameters, &object).await {
        Ok(_) => Ok(()),
        Err(Error::Api(status)) => Err(status.message.clone()),
        Err(error) => panic!("the API server does not answer: {error}"),
    }
}

#[tokio::test]
async fn an_api_server_refuses_what_the_conversion_refuses() {
    let bed = Bed::new();
    let client = bed.client().await;
    let (mut refused, mut left) = (0, Vec::new());
    for OfKind {
        kind,
        sample,
        refused: rows,
    } in all()
    {
        let resource = resource(&client, &kind).await;
        assert_eq!(said_to(&client, &resource, &sample).await, Ok(()), "{kind}");
        for row in rows {
            let answer = said_to(&client, &resource, &row.object).await;
            let is_agents = || {
                let known = |said: &String| BEYOND_SCHEMAS.iter().any(|part| said.contains(part));
                row.said.iter().any(known)
            };
            match answer {
                Ok(()) if row.rules.is_empty() && is_agents() => {}
                Ok(()) => left.push(format!("{kind} {}: {:?}", row.path, row.said)),
                Err(message) => {
                    refused += 1;
                    // Of an object with a fault in its schema the rules are not evaluated.
                    let unsaid = |rule: &&String| {
                        !message.contains(rule.as_str()) && !message.contains(RULES_NOT_CHECKED)
                    };
                    for rule in row.rules.iter().filter(unsaid) {
                        left.push(format!("{kind} {}: «{message}» without «{rule}»", row.path));
                    }
                }
            }
        }
    }
    assert!(
        left.is_empty(),
        "an API server and a file differ:
{}",
        left.join(
            "
"
        )
    );
    eprintln!("{refused} refused");
    assert!(refused > 100, "only {refused} were refused");
}

#[tokio::test]
async fn unknown_fields_are_said_to_whoever_asks() {
    let bed = Bed::new();
    for OfKind {
        kind, mut sample, ..
    } in all()
    {
        sample["spec"]["nonsense"] = 1.into();
        sample["metadata"]["namespace"] = NAMESPACE.into();
        let said = bed.fail(
            &["create", "--dry-run=server", "--validate=strict", "-f", "-"],
            &sample.to_string(),
        );
        assert!(said.contains("spec.nonsense"), "{kind}: {said}");
    }
}

/// Rules that compare an object with what it was.
#[tokio::test]
async fn what_must_not_change_does_not() {
    let bed = Bed::new();
    let samples: BTreeMap<String, Value> =
        all().into_iter().map(|of| (of.kind, of.sample)).collect();
    let steps: [(&str, &str, Value, &str); 4] = [
        (
            "L3VNI",
            "/spec/hostSession/localCIDR/ipv4",
            "192.169.11.0/24".into(),
            "localCIDR is immutable",
        ),
        (
            "L3VPN",
            "/spec/hostSession/localCIDR/ipv4",
            "192.169.11.0/24".into(),
            "localCIDR is immutable",
        ),
        (
            "L3Passthrough",
            "/spec/hostSession/localCIDR/ipv4",
            "192.169.11.0/24".into(),
            "localCIDR is immutable",
        ),
        (
            "L2VNI",
            "/spec/gatewayIPs",
            vec!["10.20.0.2/24"].into(),
            "gatewayIPs is immutable",
        ),
    ];
    for (kind, pointer, other, message) in steps {
        let mut object = samples[kind].clone();
        object["metadata"]["namespace"] = NAMESPACE.into();
        bed.feed(&["apply", "-f", "-"], &object.to_string());
        bed.feed(&["apply", "-f", "-"], &object.to_string());
        *object.pointer_mut(pointer).unwrap() = other;
        let said = bed.fail(&["apply", "-f", "-"], &object.to_string());
        assert!(said.contains(message), "{kind}: {said}");
    }
}
