//! From the text of a file to domain objects.
//!
//! A file holds any number of YAML documents, each an object or a `List` of objects. Every
//! object stands for itself: a fault of one does not touch its neighbours.

use std::fmt;

use k8s_openapi::api::core::v1;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use serde_saphyr::Spanned;
use thiserror::Error;

use super::convert::{self, Written};
use super::crd;
use super::fault::{ApiError, Faults, Identity, Reason};
use super::model::{Manifest, Object};
use super::secrets::{self, Secrets};
use super::shape;
use super::types::{Kind, ObjectKey};
use super::v1alpha1::{self, API_VERSION};

#[cfg(test)]
mod tests;

/// What a file holds.
#[derive(Debug, Default)]
pub struct Parsed {
    /// The objects, in the order of the file.
    pub objects: Vec<ParsedObject>,
    /// The Secrets, from which objects may take passwords.
    pub secrets: Vec<v1::Secret>,
    /// The documents that are not YAML. Objects of other documents are there all the same,
    /// but objects that this file held before, and that are missing now, may stand in these.
    pub errors: Vec<FileError>,
}

/// One object of a file: who it is, and what became of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ParsedObject {
    /// Which object.
    pub identity: Identity,
    /// The valid object, or all that is wrong with it.
    pub outcome: Result<Manifest, ApiError>,
    /// The object as it was written, without nulls, and with the passwords that it takes from
    /// Secrets in their place, once all of these are known.
    pub document: Value,
}

impl fmt::Debug for ParsedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParsedObject")
            .field("identity", &self.identity)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// A document could not be read as YAML.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{file}: {}{message}", place(*.line, *.column))]
pub struct FileError {
    /// The file's name, as it was given.
    pub file: String,
    /// The line, counted from 1, if it is known.
    pub line: Option<u64>,
    /// The column, counted from 1, if it is known.
    pub column: Option<u64>,
    /// What is wrong, without the text around it, which may hold a password.
    pub message: String,
}

fn place(line: Option<u64>, column: Option<u64>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: "),
        (Some(line), None) => format!("line {line}: "),
        (None, _) => String::new(),
    }
}

/// The text of a file's bytes.
///
/// # Errors
/// [`FileError`] with the place of the first bytes that are no UTF-8, and nothing of them.
pub fn text_of(file_name: &str, bytes: Vec<u8>) -> Result<String, FileError> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
        let last = before.rsplit('\n').next().unwrap_or_default();
        let counted = |count: usize| u64::try_from(count).ok();
        FileError {
            file: file_name.to_owned(),
            line: counted(before.split('\n').count()),
            column: counted(last.chars().count() + 1),
            message: "the file is not UTF-8".to_owned(),
        }
    })
}

/// Reads the objects in `text`. `file_name` stands in the messages only.
#[must_use]
pub fn parse_file(file_name: &str, text: &str) -> Parsed {
    let mut parsed = Parsed::default();
    let mut reader = text.as_bytes();
    for document in serde_saphyr::read_with_options::<_, Spanned<Value>>(&mut reader, options()) {
        match document {
            Ok(document) => {
                let line = Some(document.referenced.line());
                parse_document(file_name, line, document.value, &mut parsed);
            }
            Err(error) => parsed.errors.push(file_error(file_name, &error)),
        }
    }
    parsed
}

/// YAML 1.2 without guessing: what older parsers read as another number or as a truth value
/// stays text, and is then refused where a number is expected.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    }
}

fn file_error(file: &str, error: &serde_saphyr::Error) -> FileError {
    let location = error.location();
    FileError {
        file: file.to_owned(),
        line: location.map(|location| location.line()),
        column: location.map(|location| location.column()),
        message: error.without_snippet().to_string(),
    }
}

fn parse_document(file: &str, line: Option<u64>, document: Value, parsed: &mut Parsed) {
    let identity = Identity {
        file: Some(file.to_owned()),
        line,
        key: None,
    };
    if !document.as_object().is_some_and(is_list) {
        parse_item(identity, document, parsed);
        return;
    }
    match document.get("items") {
        Some(Value::Array(items)) => {
            for item in items {
                parse_item(identity.clone(), item.clone(), parsed);
            }
        }
        Some(Value::Null) | None => {}
        Some(other) => {
            let mut faults = Faults::default();
            faults.add("items", shape::wrong_type(other, "array"));
            let outcome = faults.finish(identity.clone(), None);
            parsed.objects.push(ParsedObject {
                identity,
                outcome,
                document: Value::Null,
            });
        }
    }
}

fn parse_item(identity: Identity, item: Value, parsed: &mut Parsed) {
    if !item.as_object().is_some_and(is_secret) {
        parsed.objects.push(parse_object(identity, item));
        return;
    }
    match serde_json::from_value::<v1::Secret>(item) {
        Ok(secret) => parsed.secrets.push(secret),
        Err(_) => parsed.errors.push(FileError {
            file: identity.file.unwrap_or_default(),
            line: identity.line,
            column: None,
            // serde's words may hold what is in it.
            message: "this Secret cannot be read: `data` must be texts in base64, `stringData` \
                      plain ones"
                .to_owned(),
        }),
    }
}

fn is_secret(fields: &Map<String, Value>) -> bool {
    let is = |field: &str, wanted: &str| fields.get(field).is_some_and(|value| value == wanted);
    is("kind", "Secret") && is("apiVersion", "v1")
}

/// `kubectl get -o yaml` writes several objects as one `List`.
fn is_list(fields: &Map<String, Value>) -> bool {
    fields.get("kind").is_some_and(|kind| kind == "List")
        && fields
            .get("apiVersion")
            .is_none_or(|version| version == "v1")
}

/// Reads one object, which nothing but its own text can refuse.
///
/// `identity` says where it stands; the answer's identity says also who it is. It may name no
/// Secret.
#[must_use]
pub fn parse_object(identity: Identity, object: Value) -> ParsedObject {
    parse_object_with(identity, object, &Secrets::default())
}

/// Reads one object, with the Secrets that it may take passwords from.
#[must_use]
pub fn parse_object_with(
    mut identity: Identity,
    mut object: Value,
    secrets: &Secrets,
) -> ParsedObject {
    shape::drop_nulls(&mut object);
    let mut faults = Faults::default();
    let as_written = secrets::names_any(&object).then(|| object.clone());
    secrets.fill(&mut object, &mut faults);
    // So that it can be tried again.
    let unfilled = as_written.filter(|_| !faults.is_empty());
    let manifest = read(&mut identity, &object, &mut faults);
    ParsedObject {
        outcome: faults.finish(identity.clone(), manifest),
        identity,
        document: unfilled.unwrap_or(object),
    }
}

fn read(identity: &mut Identity, object: &Value, faults: &mut Faults) -> Option<Manifest> {
    let Some(fields) = object.as_object() else {
        faults.add("", shape::wrong_type(object, "object"));
        return None;
    };
    let kind = read_kind(fields, faults);
    let metadata = read_metadata(fields, faults);
    let key = match (kind, metadata.names) {
        (Some(kind), Some((namespace, name))) => Some(ObjectKey {
            kind,
            namespace,
            name,
        }),
        (_, _) => None,
    };
    identity.key.clone_from(&key);
    let kind = kind?;
    let Some(schema) = crd::schema(kind) else {
        faults.add("", Reason::NotYet("objects of this kind are"));
        return None;
    };
    if kind == Kind::L3Vpn {
        faults.add("", convert::VRF_OVER_SRV6);
    }
    check_top(fields, schema, faults);
    let document = Document {
        fields,
        schema,
        key,
        generation: metadata.generation,
    };
    match kind {
        Kind::Underlay => document
            .object::<v1alpha1::UnderlaySpec>(faults)
            .map(Manifest::Underlay),
        Kind::L3Vni => document
            .object::<v1alpha1::L3VniSpec>(faults)
            .map(Manifest::L3Vni),
        Kind::L2Vni => document
            .object::<v1alpha1::L2VniSpec>(faults)
            .map(Manifest::L2Vni),
        Kind::L3Passthrough => document
            .object::<v1alpha1::L3PassthroughSpec>(faults)
            .map(Manifest::L3Passthrough),
        Kind::RawFrrConfig => document
            .object::<v1alpha1::RawFrrConfigSpec>(faults)
            .map(Manifest::RawFrrConfig),
        Kind::L3Vpn => document
            .object::<v1alpha1::L3VpnSpec>(faults)
            .map(|object| match object.spec {}),
    }
}

/// A document whose kind is known.
struct Document<'a> {
    fields: &'a Map<String, Value>,
    schema: &'a JSONSchemaProps,
    key: Option<ObjectKey>,
    generation: Option<i64>,
}

impl Document<'_> {
    /// The object of the kind that `S` is written for.
    fn object<S: Written>(self, faults: &mut Faults) -> Option<Object<S::Domain>> {
        let written = typed::<S>(self.fields, self.schema, faults)?;
        let (selector, spec) = convert::spec(&written, faults)?;
        Some(Object {
            key: self.key?,
            generation: self.generation,
            selector,
            spec,
        })
    }
}

/// The kind, if it is one of ours.
fn read_kind(fields: &Map<String, Value>, faults: &mut Faults) -> Option<Kind> {
    let kind = text_field("kind", fields, "kind", faults);
    let kind = kind.and_then(|text| faults.check("kind", text.parse::<Kind>()))?;
    // Asked second: of another kind, another group is no fault.
    let version = text_field("apiVersion", fields, "apiVersion", faults);
    if let Some(other) = version.filter(|version| *version != API_VERSION) {
        faults.add(
            "apiVersion",
            Reason::ApiVersion {
                found: other.to_owned(),
            },
        );
    }
    Some(kind)
}

/// What is wanted of `metadata`.
struct Metadata {
    /// Namespace and name, if both are valid.
    names: Option<(String, String)>,
    generation: Option<i64>,
}

/// The fields of Kubernetes' `ObjectMeta`.
const METADATA_FIELDS: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

fn read_metadata(fields: &Map<String, Value>, faults: &mut Faults) -> Metadata {
    let nothing = Metadata {
        names: None,
        generation: None,
    };
    let metadata = match fields.get("metadata") {
        Some(Value::Object(metadata)) => metadata,
        Some(other) => {
            faults.add("metadata", shape::wrong_type(other, "object"));
            return nothing;
        }
        None => {
            faults.add("metadata.name", Reason::Missing);
            return nothing;
        }
    };
    for field in metadata.keys() {
        if !METADATA_FIELDS.contains(&field.as_str()) {
            let nearest = shape::nearest(field, METADATA_FIELDS.into_iter());
            faults.add(
                format!("metadata.{field}"),
                Reason::UnknownField { nearest },
            );
        }
    }
    let name = text_field("metadata.name", metadata, "name", faults)
        .and_then(|name| faults.check("metadata.name", rfc1123(name, 253, true)));
    let namespace = if metadata.contains_key("namespace") {
        text_field("metadata.namespace", metadata, "namespace", faults)
            .and_then(|name| faults.check("metadata.namespace", rfc1123(name, 63, false)))
    } else {
        Some(secrets::DEFAULT_NAMESPACE.to_owned())
    };
    let generation = metadata.get("generation").and_then(Value::as_i64);
    Metadata {
        names: namespace.zip(name),
        generation,
    }
}

/// The text of a field that must be there.
fn text_field<'a>(
    path: &str,
    fields: &'a Map<String, Value>,
    field: &str,
    faults: &mut Faults,
) -> Option<&'a str> {
    match fields.get(field) {
        Some(Value::String(text)) => Some(text),
        Some(other) => {
            faults.add(path, shape::wrong_type(other, "string"));
            None
        }
        None => {
            faults.add(path, Reason::Missing);
            None
        }
    }
}

/// A subdomain name or a label, by RFC 1123 as Kubernetes reads it.
fn rfc1123(text: &str, max: usize, dots: bool) -> Result<String, Reason> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let label = |label: &str| {
        let bytes = label.as_bytes();
        bytes.first().is_some_and(|byte| letter(*byte))
            && bytes.last().is_some_and(|byte| letter(*byte))
            && bytes.iter().all(|byte| letter(*byte) || *byte == b'-')
    };
    let valid = text.len() <= max
        && if dots {
            text.split('.').all(label)
        } else {
            label(text)
        };
    valid.then(|| text.to_owned()).ok_or_else(|| Reason::Name {
        found: text.to_owned(),
        max,
        dots,
    })
}

/// The fields beside `spec`. What stands in `status` was not written by people, and a file
/// that was exported from an API server has it: it is not read.
fn check_top(fields: &Map<String, Value>, schema: &JSONSchemaProps, faults: &mut Faults) {
    const KNOWN: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];
    for field in fields.keys() {
        if !KNOWN.contains(&field.as_str()) {
            let mut nearest = shape::nearest(field, KNOWN.into_iter());
            let spec = schema
                .properties
                .as_ref()
                .and_then(|properties| properties.get("spec"));
            let in_spec = spec.and_then(|spec| spec.properties.as_ref());
            if in_spec.is_some_and(|properties| properties.contains_key(field)) {
                nearest = vec![format!("spec.{field}")];
            }
            faults.add(field, Reason::UnknownField { nearest });
        }
    }
}

/// The specification in its type. Unknown fields are noted but do not stand in the way, so
/// that the faults of the known ones are found too.
fn typed<T: DeserializeOwned>(
    fields: &Map<String, Value>,
    schema: &JSONSchemaProps,
    faults: &mut Faults,
) -> Option<T> {
    let Some(spec) = fields.get("spec") else {
        faults.add("spec", Reason::Missing);
        return None;
    };
    let before = faults.count_misfits();
    if let Some(schema) = schema
        .properties
        .as_ref()
        .and_then(|properties| properties.get("spec"))
    {
        shape::check("spec", spec, schema, faults);
    }
    if faults.count_misfits() > before {
        return None;
    }
    match serde_path_to_error::deserialize(spec) {
        Ok(typed) => Some(typed),
        Err(error) => {
            let path = format!("spec.{}", error.path());
            faults.add(path, Reason::Unreadable(error.into_inner().to_string()));
            None
        }
    }
}
