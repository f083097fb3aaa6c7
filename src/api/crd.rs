//! The custom resource definitions, derived from the manifests' types.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt;
use thiserror::Error;

use super::types::Kind;
use super::v1alpha1;

#[cfg(test)]
mod tests;

/// A definition could not be written as YAML.
#[derive(Debug, Error)]
#[error("the definition of {kind} cannot be written as YAML")]
pub struct CrdError {
    kind: String,
    #[source]
    source: serde_saphyr::SerializeError,
}

/// One definition as a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrdFile {
    /// Its name, by the custom of Kubernetes' own generators.
    pub name: String,
    /// Its text, without a leading `---`.
    pub text: String,
}

/// The definitions as files, in the order of [`definitions`].
///
/// # Errors
///
/// A definition that YAML cannot hold, which would be a fault of this program.
pub fn files() -> Result<Vec<CrdFile>, CrdError> {
    let all = DEFINITIONS.iter().map(|(_, definition)| definition);
    all.chain([&*NODE_STATUS]).map(file).collect()
}

fn file(definition: &CustomResourceDefinition) -> Result<CrdFile, CrdError> {
    let names = &definition.spec.names;
    let text = serde_saphyr::to_string(definition).map_err(|source| CrdError {
        kind: names.kind.clone(),
        source,
    })?;
    Ok(CrdFile {
        name: format!("{}_{}.yaml", definition.spec.group, names.plural),
        text,
    })
}

/// The definitions of all kinds, each with its kind.
#[must_use]
pub fn definitions() -> &'static [(Kind, CustomResourceDefinition)] {
    &DEFINITIONS
}

/// The schema of a kind's manifests; `None` for a kind without a definition, of which there is
/// none.
pub(super) fn schema(kind: Kind) -> Option<&'static JSONSchemaProps> {
    let (_, definition) = DEFINITIONS.iter().find(|(known, _)| *known == kind)?;
    definition
        .spec
        .versions
        .first()?
        .schema
        .as_ref()?
        .open_api_v3_schema
        .as_ref()
}

static DEFINITIONS: LazyLock<Vec<(Kind, CustomResourceDefinition)>> = LazyLock::new(|| {
    let derived = [
        (Kind::Underlay, v1alpha1::Underlay::crd()),
        (Kind::L3Vni, v1alpha1::L3Vni::crd()),
        (Kind::L2Vni, v1alpha1::L2Vni::crd()),
        (Kind::L3Vpn, v1alpha1::L3Vpn::crd()),
        (Kind::L3Passthrough, v1alpha1::L3Passthrough::crd()),
        (Kind::RawFrrConfig, v1alpha1::RawFrrConfig::crd()),
    ];
    derived
        .into_iter()
        .map(|(kind, definition)| (kind, tidied(definition)))
        .collect()
});

/// What agents write, which has no spec.
static NODE_STATUS: LazyLock<CustomResourceDefinition> = LazyLock::new(|| {
    let mut definition = tidied(v1alpha1::RouterNodeConfigurationStatus::crd());
    for version in &mut definition.spec.versions {
        let schema = version.schema.as_mut();
        if let Some(schema) = schema.and_then(|schema| schema.open_api_v3_schema.as_mut()) {
            schema.required = None;
            if let Some(properties) = &mut schema.properties {
                properties.remove("spec");
            }
        }
    }
    definition
});

/// Makes of the derived definition what a Go generator would have written.
fn tidied(mut definition: CustomResourceDefinition) -> CustomResourceDefinition {
    for version in &mut definition.spec.versions {
        let schema = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut());
        if let Some(schema) = schema {
            // An API server keeps an explicit null of a nullable field, and CEL's `has` then
            // says that the field is there. Without the mark it drops the null, as it does for
            // OpenPERouter's objects.
            visit(schema, &mut |node| {
                node.nullable = None;
                node.title = None;
            });
        }
    }
    definition
}

/// Calls `change` on a schema and everything below it.
fn visit(schema: &mut JSONSchemaProps, change: &mut impl FnMut(&mut JSONSchemaProps)) {
    change(schema);
    for property in schema
        .properties
        .iter_mut()
        .flat_map(|map| map.values_mut())
    {
        visit(property, change);
    }
    match &mut schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => visit(items, change),
        Some(JSONSchemaPropsOrArray::Schemas(items)) => {
            for item in items {
                visit(item, change);
            }
        }
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        visit(values, change);
    }
}
