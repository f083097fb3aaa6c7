//! Passwords that stand in Secrets (`v1`, `kubernetes.io/basic-auth`) beside what needs them.
//!
//! They are put into the document before anything else reads it, so whoever keeps a document keeps
//! the password too, and a Secret that goes later takes nothing away that is in force.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use serde_json::{Map, Value};

use super::fault::{Faults, Reason};
use super::types::Secret;
use super::v1alpha1::neighbor::ONE_PASSWORD;

#[cfg(test)]
mod tests;

/// The one type of Secret that is read: others hold what is none of a router's business.
pub const TYPE: &str = "kubernetes.io/basic-auth";

/// The key of the password, by that type.
const KEY: &str = "password";

/// The namespace of whatever names none.
pub(super) const DEFAULT_NAMESPACE: &str = "default";

/// Secrets that are known, by namespace and name.
#[derive(Clone, Debug, Default)]
pub struct Secrets {
    known: BTreeMap<(String, String), Result<Secret, String>>,
    /// Why one that is not known may be there all the same.
    unread: Option<String>,
    /// The namespace outside of which none is ever known.
    within: Option<String>,
}

impl Secrets {
    /// None is known yet, for this reason.
    #[must_use]
    pub fn unread(why: &str) -> Self {
        Self {
            unread: Some(why.to_owned()),
            ..Self::default()
        }
    }

    /// There are none but in this namespace.
    #[must_use]
    pub fn within(namespace: &str) -> Self {
        Self {
            within: Some(namespace.to_owned()),
            ..Self::default()
        }
    }

    /// Adds a Secret; one that holds no password is known for that.
    pub fn add(&mut self, secret: &v1::Secret) {
        let metadata = &secret.metadata;
        let Some(name) = metadata.name.clone() else {
            return;
        };
        let namespace = metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE);
        self.known
            .insert((namespace.to_owned(), name), password(secret));
    }

    fn find(&self, namespace: &str, name: &str) -> Result<&Secret, String> {
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(known) = self.known.get(&key) {
            return known.as_ref().map_err(Clone::clone);
        }
        Err(match (&self.unread, &self.within) {
            (Some(why), _) => why.clone(),
            (None, Some(only)) if only != namespace => format!(
                "Secrets are read in namespace {only} alone, and this object is in {namespace}"
            ),
            (None, _) => format!("there is no such Secret of type {TYPE} in namespace {namespace}"),
        })
    }

    /// Puts passwords in the place of the Secrets that the document names. What is wrong with them
    /// is noted in `faults`.
    pub(super) fn fill(&self, document: &mut Value, faults: &mut Faults) {
        if !names_any(document) {
            return;
        }
        let namespace = document.pointer("/metadata/namespace");
        let namespace = namespace.and_then(Value::as_str);
        let namespace = namespace.unwrap_or(DEFAULT_NAMESPACE).to_owned();
        let neighbors = document.pointer_mut("/spec/neighbors");
        let neighbors = neighbors.and_then(Value::as_array_mut);
        for (index, neighbor) in neighbors.into_iter().flatten().enumerate() {
            if let Some(neighbor) = neighbor.as_object_mut() {
                let at = format!("spec.neighbors[{index}].passwordSecret");
                if let Err(reason) = self.fill_neighbor(&namespace, neighbor) {
                    faults.add(at, reason);
                }
            }
        }
    }

    fn fill_neighbor(
        &self,
        namespace: &str,
        neighbor: &mut Map<String, Value>,
    ) -> Result<(), Reason> {
        let Some(name) = named(neighbor).map(str::to_owned) else {
            return Ok(());
        };
        neighbor.remove("passwordSecret");
        if neighbor.contains_key("password") {
            return Err(Reason::Rule(ONE_PASSWORD));
        }
        match self.find(namespace, &name) {
            Ok(password) => {
                let password = Value::String(password.expose().to_owned());
                neighbor.insert("password".to_owned(), password);
                Ok(())
            }
            Err(why) => Err(Reason::NoSecret { found: name, why }),
        }
    }
}

/// Whether the document names a Secret.
#[must_use]
pub fn names_any(document: &Value) -> bool {
    let neighbors = document
        .pointer("/spec/neighbors")
        .and_then(Value::as_array);
    let mut neighbors = neighbors.into_iter().flatten().filter_map(Value::as_object);
    neighbors.any(|neighbor| named(neighbor).is_some())
}

/// The Secret that a neighbour names. What is no text is left to be refused for that.
fn named(neighbor: &Map<String, Value>) -> Option<&str> {
    neighbor.get("passwordSecret").and_then(Value::as_str)
}

/// The password in a Secret, or why there is none. Of what it holds nothing is said.
fn password(secret: &v1::Secret) -> Result<Secret, String> {
    if secret.type_.as_deref() != Some(TYPE) {
        return Err(format!("that Secret is not of type {TYPE}"));
    }
    let plain = secret.string_data.as_ref().and_then(|data| data.get(KEY));
    let encoded = secret.data.as_ref().and_then(|data| data.get(KEY));
    match (plain, encoded) {
        (Some(text), _) => Ok(Secret::new(text.clone())),
        (None, Some(bytes)) => String::from_utf8(bytes.0.clone())
            .map(Secret::new)
            .map_err(|_| format!("the {KEY} in that Secret is no text")),
        (None, None) => Err(format!("that Secret has no key {KEY}")),
    }
}
