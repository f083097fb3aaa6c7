//! What is refused in lines of configuration, but for what the lines say.

use serde_json::{Value, json};

use super::Row;

pub(in crate::api) fn raw_rows() -> Vec<Row> {
    vec![
        (
            "spec.priority",
            json!(-1),
            &["spec.priority: -1 is out of range; it must be 0 to 2147483647"],
        ),
        ("spec.rawConfig", json!(""), &["spec.rawConfig: is missing"]),
        (
            "spec.rawConfig",
            Value::Null,
            &["spec.rawConfig: is missing"],
        ),
    ]
}
