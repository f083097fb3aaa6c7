//! `spec.nodeSelector`: a label selector, as Kubernetes has it everywhere.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};

use crate::api::fault::{Faults, Reason};
use crate::api::selector::{Demand, NodeSelector, Requirement, is_label_key, is_label_value};

const AT: &str = "spec.nodeSelector";

/// What the key of a label must be.
const KEY: &str = "is not the key of a label; it must have 1 to 63 letters, digits, '-', '_' or \
    '.', with a letter or digit at either end, after a DNS name and a '/' if need be";

/// What the value of a label must be.
const VALUE: &str = "is not the value of a label; it must have at most 63 letters, digits, '-', \
    '_' or '.', with a letter or digit at either end";

/// Converts the selector; `None` only where a fault was noted.
pub(super) fn convert(
    selector: Option<&LabelSelector>,
    faults: &mut Faults,
) -> Option<NodeSelector> {
    let Some(LabelSelector {
        match_expressions,
        match_labels,
    }) = selector
    else {
        return Some(NodeSelector::default());
    };
    let mut requirements = Vec::new();
    let mut whole = true;
    for (label, value) in match_labels.iter().flatten() {
        let at = format!("{AT}.matchLabels.{label}");
        let right = key(&at, label, faults) & self::value(&at, value, faults);
        whole &= right;
        requirements.push(Requirement {
            key: label.clone(),
            demand: Demand::In(BTreeSet::from([value.clone()])),
        });
    }
    for (index, expression) in match_expressions.iter().flatten().enumerate() {
        let at = format!("{AT}.matchExpressions[{index}]");
        match convert_expression(&at, expression, faults) {
            Some(requirement) => requirements.push(requirement),
            None => whole = false,
        }
    }
    whole.then(|| NodeSelector::new(requirements))
}

fn convert_expression(
    at: &str,
    expression: &LabelSelectorRequirement,
    faults: &mut Faults,
) -> Option<Requirement> {
    let LabelSelectorRequirement {
        key: label,
        operator,
        values,
    } = expression;
    let mut whole = key(&format!("{at}.key"), label, faults);
    let values: BTreeSet<String> = values.iter().flatten().cloned().collect();
    let at_values = format!("{at}.values");
    for text in &values {
        whole &= value(&at_values, text, faults);
    }
    let (demand, wants_values) = match operator.as_str() {
        "In" => (Demand::In(values.clone()), true),
        "NotIn" => (Demand::NotIn(values.clone()), true),
        "Exists" => (Demand::Exists, false),
        "DoesNotExist" => (Demand::DoesNotExist, false),
        other => {
            let allowed = ["In", "NotIn", "Exists", "DoesNotExist"];
            faults.add(
                format!("{at}.operator"),
                Reason::NotListed {
                    found: format!("{other:?}"),
                    allowed: allowed.map(str::to_owned).to_vec(),
                },
            );
            return None;
        }
    };
    if wants_values == values.is_empty() {
        let rule = if wants_values {
            "operators In and NotIn need values"
        } else {
            "operators Exists and DoesNotExist have no values"
        };
        faults.add(at_values, Reason::Rule(rule));
        whole = false;
    }
    let key = label.clone();
    whole.then_some(Requirement { key, demand })
}

/// Whether a label's key is one; a wrong one is noted.
fn key(at: &str, text: &str, faults: &mut Faults) -> bool {
    note(is_label_key(text), at, text, KEY, faults)
}

/// Whether a label's value is one; a wrong one is noted.
fn value(at: &str, text: &str, faults: &mut Faults) -> bool {
    note(is_label_value(text), at, text, VALUE, faults)
}

fn note(right: bool, at: &str, text: &str, rule: &'static str, faults: &mut Faults) -> bool {
    if !right {
        let found = text.to_owned();
        faults.add(at, Reason::RuleFor { found, rule });
    }
    right
}
