//! The shape of a manifest: unknown fields, missing fields, wrong types, words not on a list.
//!
//! It is held against the definition's own schema, and every fault is reported. Limits of
//! numbers and strings are not looked at: `super::convert` does, with better words.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::{Map, Value};

use super::fault::{Faults, Reason};

#[cfg(test)]
mod tests;

/// Drops the nulls of objects, as an API server does: `vni:` with nothing after it is absent.
pub(super) fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, field| !field.is_null());
            fields.values_mut().for_each(drop_nulls);
        }
        Value::Array(entries) => entries.iter_mut().for_each(drop_nulls),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Holds `value`, which stands at `path`, against `schema`.
pub(super) fn check(path: &str, value: &Value, schema: &JSONSchemaProps, faults: &mut Faults) {
    let expected = schema.type_.as_deref().unwrap_or_default();
    match (expected, value) {
        ("object", Value::Object(fields)) => check_object(path, fields, schema, faults),
        ("array", Value::Array(entries)) => {
            if let Some(JSONSchemaPropsOrArray::Schema(schema)) = &schema.items {
                for (index, entry) in entries.iter().enumerate() {
                    check(&format!("{path}[{index}]"), entry, schema, faults);
                }
            }
        }
        ("string", Value::String(text)) => check_listed(path, text, schema, faults),
        ("integer", Value::Number(number)) => match number.as_i64() {
            Some(number) => check_integer(path, number, schema, faults),
            None => faults.add(path, wrong_type(value, expected)),
        },
        ("boolean", Value::Bool(_)) | ("number", Value::Number(_)) | ("", _) => {}
        (_, _) => faults.add(path, wrong_type(value, expected)),
    }
}

fn check_object(
    path: &str,
    fields: &Map<String, Value>,
    schema: &JSONSchemaProps,
    faults: &mut Faults,
) {
    let at = |field: &str| format!("{path}.{field}");
    for required in schema.required.iter().flatten() {
        if !fields.contains_key(required) {
            faults.add(at(required), Reason::Missing);
        }
    }
    for (field, value) in fields {
        let known = schema
            .properties
            .as_ref()
            .and_then(|properties| properties.get(field));
        match (known, &schema.additional_properties) {
            (Some(schema), _) => check(&at(field), value, schema, faults),
            (None, Some(JSONSchemaPropsOrBool::Schema(schema))) => {
                check(&at(field), value, schema, faults);
            }
            (None, Some(JSONSchemaPropsOrBool::Bool(true))) => {}
            (None, Some(JSONSchemaPropsOrBool::Bool(false)) | None) => {
                if schema.x_kubernetes_preserve_unknown_fields != Some(true) {
                    let known = schema.properties.iter().flat_map(|map| map.keys());
                    let nearest = nearest(field, known.map(String::as_str));
                    faults.add(at(field), Reason::UnknownField { nearest });
                }
            }
        }
    }
}

fn check_listed(path: &str, text: &str, schema: &JSONSchemaProps, faults: &mut Faults) {
    let Some(listed) = &schema.enum_ else { return };
    let allowed: Vec<&str> = listed.iter().filter_map(|word| word.0.as_str()).collect();
    if !allowed.contains(&text) {
        let allowed = allowed.into_iter().map(str::to_owned).collect();
        faults.add(
            path,
            Reason::NotListed {
                found: format!("{text:?}"),
                allowed,
            },
        );
    }
}

fn check_integer(path: &str, number: i64, schema: &JSONSchemaProps, faults: &mut Faults) {
    let allowed: Vec<i64> = schema
        .enum_
        .iter()
        .flatten()
        .filter_map(|number| number.0.as_i64())
        .collect();
    if !allowed.is_empty() && !allowed.contains(&number) {
        let allowed = allowed.iter().map(i64::to_string).collect();
        faults.add(
            path,
            Reason::NotListed {
                found: number.to_string(),
                allowed,
            },
        );
    } else if schema.format.as_deref() == Some("int32") && i32::try_from(number).is_err() {
        // No number of this size could be converted any further.
        let (min, max) = (i64::from(i32::MIN), i64::from(i32::MAX));
        faults.add(
            path,
            Reason::OutOfRange {
                found: number,
                min,
                max,
                unit: "",
            },
        );
    }
}

/// Names the types, never the value, which may be a password.
pub(super) fn wrong_type(found: &Value, expected: &str) -> Reason {
    let (found, bare_word) = match found {
        Value::Null => ("nothing", false),
        Value::Bool(_) => ("a truth value", true),
        Value::Number(number) if number.is_f64() => ("a number with a fraction", true),
        Value::Number(number) if expected == "integer" && number.as_i64().is_none() => {
            ("a number too large to be read", true)
        }
        Value::Number(_) => ("a number", true),
        Value::String(_) => ("a text", false),
        Value::Array(_) => ("a list", false),
        Value::Object(_) => ("an object", false),
    };
    let (expected, quote) = match expected {
        "string" => ("a text", bare_word),
        "integer" => ("a whole number", false),
        "number" => ("a number", false),
        "boolean" => ("true or false", false),
        "array" => ("a list", false),
        "object" => ("an object", false),
        _ => ("another type", false),
    };
    Reason::WrongType {
        found,
        expected,
        quote,
    }
}

/// The known names that are like `found`, the most similar first, two at the most.
pub(super) fn nearest<'a>(found: &str, known: impl Iterator<Item = &'a str>) -> Vec<String> {
    let lower = found.to_lowercase();
    let mut ranked: Vec<(usize, &str)> = known
        .filter_map(|name| {
            let candidate = name.to_lowercase();
            let edits = edit_distance(&lower, &candidate);
            let contained = lower.len() >= 3
                && (candidate.contains(&lower)
                    || (candidate.len() >= 3 && lower.contains(&candidate)));
            // A third of a name may be misspelt, and two letters of four be swapped; beyond that
            // a suggestion only misleads.
            let longer = candidate.chars().count().max(lower.chars().count());
            (edits * 3 <= longer + 2 || contained).then_some((edits, name))
        })
        .collect();
    ranked.sort_unstable();
    ranked
        .into_iter()
        .take(2)
        .map(|(_, name)| name.to_owned())
        .collect()
}

/// How many letters must be inserted, deleted or replaced (Levenshtein).
fn edit_distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, letter) in from.chars().enumerate() {
        let mut next = vec![index + 1];
        for ((other, replaced), deleted) in to.iter().zip(&row).zip(row.iter().skip(1)) {
            let inserted = next.last().copied().unwrap_or_default();
            let replaced = replaced + usize::from(letter != *other);
            next.push(replaced.min(deleted + 1).min(inserted + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
