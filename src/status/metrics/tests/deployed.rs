//! What `deploy/` makes of the metrics: every expression is PromQL, asks for what is exported, and
//! names labels that are there.

use std::collections::{BTreeMap, BTreeSet};

use promql_parser::label::MatchOp;
use promql_parser::parser::{self, Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

use super::{Scene, exported};

/// What Prometheus adds to each series.
const ADDED: [&str; 2] = ["instance", "job"];

/// Labels by the name of a series, each with the values that were seen.
type Known = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// All that agents export, in good days and bad ones.
fn known() -> Known {
    let mut scene = Scene::healthy();
    scene.add_segment(1100);
    let healthy = scene.report(None, 1000);
    scene.break_kernel();
    let broken = scene.report(None, 1000);
    let mut known = Known::new();
    for report in [healthy, broken] {
        for sample in exported(Some(report)).samples {
            let labels = known.entry(sample.name).or_default();
            for (label, value) in sample.labels {
                labels.entry(label).or_default().insert(value);
            }
        }
    }
    // Prometheus' own word on whether it was answered.
    known.insert("up".to_owned(), BTreeMap::new());
    known
}

/// What an expression asks for, and with which labels its results come.
#[derive(Default)]
struct Asked {
    selectors: Vec<VectorSelector>,
    grouped: BTreeSet<String>,
}

impl ExprVisitor for Asked {
    type Error = String;

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, String> {
        if let Expr::VectorSelector(selector) = expr {
            self.selectors.push(selector.clone());
        } else if let Expr::MatrixSelector(range) = expr {
            self.selectors.push(range.vs.clone());
        } else if let Expr::Aggregate(aggregate) = expr {
            match &aggregate.modifier {
                Some(LabelModifier::Include(labels)) => {
                    self.grouped.extend(labels.labels.iter().cloned());
                }
                Some(LabelModifier::Exclude(_)) => return Err("without() is hard to follow".into()),
                None => {}
            }
        }
        Ok(true)
    }
}

/// What is wrong with an expression and the words that go with it.
fn faults(known: &Known, text: &str, words: &str) -> Result<(), String> {
    let text = text
        .replace("$__rate_interval", "5m")
        .replace("$node", ".*");
    let expr = parser::parse(&text).map_err(|error| format!("{text}: {error}"))?;
    let mut asked = Asked::default();
    walk_expr(&mut asked, &expr)?;
    let mut labels: BTreeSet<&str> = ADDED.into();
    for selector in &asked.selectors {
        let name = selector.name.as_deref().unwrap_or_default();
        let exported = known
            .get(name)
            .ok_or_else(|| format!("{text}: nobody exports {name:?}"))?;
        labels.extend(exported.keys().map(String::as_str));
        for matcher in &selector.matchers.matchers {
            let label = matcher.name.as_str();
            if ADDED.contains(&label) {
                continue;
            }
            let values = exported
                .get(label)
                .ok_or_else(|| format!("{text}: {name} has no label {label}"))?;
            if matcher.op == MatchOp::Equal && !values.contains(&matcher.value) {
                return Err(format!("{text}: {label} is never {:?}", matcher.value));
            }
        }
    }
    if asked.selectors.is_empty() {
        return Err(format!("{text}: asks for nothing"));
    }
    if let Some(unknown) = asked
        .grouped
        .iter()
        .find(|label| !labels.contains(label.as_str()))
    {
        return Err(format!("{text}: groups by {unknown}, which is no label"));
    }
    let grouped: BTreeSet<&str> = asked.grouped.iter().map(String::as_str).collect();
    let left = if grouped.is_empty() { labels } else { grouped };
    match named(words).find(|label| !left.contains(label)) {
        Some(unknown) => Err(format!(
            "{text}: {words:?} names {unknown}, which it has not"
        )),
        None => Ok(()),
    }
}

/// The labels that a template names: `{{ $labels.x }}` in alerts, `{{x}}` in legends.
fn named(words: &str) -> impl Iterator<Item = &str> {
    let inside = words.split("{{").skip(1);
    inside.filter_map(|rest| {
        let inner = rest.split_once("}}").map(|(inner, _)| inner.trim())?;
        if inner.starts_with("$value") {
            return None;
        }
        Some(inner.strip_prefix("$labels.").unwrap_or(inner))
    })
}

fn deployed(path: &str) -> String {
    let path = format!("{}/deploy/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key]
        .as_str()
        .unwrap_or_else(|| panic!("{key} in {value}"))
}

#[test]
fn alerts_ask_for_what_is_there() {
    let rules: Value = serde_saphyr::from_str(&deployed("prometheus/alerts.yaml")).unwrap();
    let known = known();
    let mut names = BTreeSet::new();
    let groups = rules["groups"].as_array().unwrap();
    let rules = groups
        .iter()
        .flat_map(|group| group["rules"].as_array().unwrap());
    for rule in rules {
        let name = text(rule, "alert");
        assert!(name.starts_with("Perouter"), "{name}");
        assert!(names.insert(name.to_owned()), "twice: {name}");
        let severity = text(&rule["labels"], "severity");
        assert!(["critical", "warning"].contains(&severity), "{name}");
        let summary = text(&rule["annotations"], "summary");
        let description = text(&rule["annotations"], "description");
        assert!(summary.ends_with('.') && summary.len() < 120, "{summary}");
        assert!(description.ends_with('.'), "{name}: {description}");
        let words = format!("{summary} {description}");
        assert!(
            words.contains("{{ $labels.instance }}"),
            "{name} names no node"
        );
        let expr = text(rule, "expr");
        // What is no count over a time must last before anybody is woken.
        let over_time = expr.contains("increase(") || expr.contains("changes(");
        assert!(over_time || rule["for"].is_string(), "{name} has no for");
        faults(&known, expr, &words).unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
    assert!(names.len() > 10, "{names:?}");
}

#[test]
fn the_dashboard_shows_what_is_there() {
    let dashboard: Value = serde_json::from_str(&deployed("grafana/dashboard.json")).unwrap();
    let known = known();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for panel in panels {
        let title = text(panel, "title");
        assert!(!text(panel, "description").is_empty(), "{title}");
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        for target in panel["targets"].as_array().unwrap() {
            let legend = text(target, "legendFormat");
            faults(&known, text(target, "expr"), legend)
                .unwrap_or_else(|fault| panic!("{title}: {fault}"));
        }
        let at = |key: &str| panel["gridPos"][key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{title}");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                assert!(taken.insert((x, y)), "{title} lies over another panel");
            }
        }
    }
    for annotation in dashboard["annotations"]["list"].as_array().unwrap() {
        let words = text(annotation, "titleFormat");
        faults(&known, text(annotation, "expr"), words).unwrap();
    }
    for variable in dashboard["templating"]["list"].as_array().unwrap() {
        let query = text(variable, "query");
        let asked = query.strip_prefix("label_values(");
        let name = asked
            .and_then(|rest| rest.split_once(','))
            .map(|(name, _)| name);
        assert!(name.is_none_or(|name| known.contains_key(name)), "{query}");
    }
}

/// What the two tests above are for.
#[test]
fn what_nobody_exports_is_caught() {
    let known = known();
    for (expr, words) in [
        ("perouter_readyy == 0", ""),
        ("perouter_ready{vrf=\"red\"}", ""),
        ("perouter_findings{outcome=\"awful\"}", ""),
        ("sum by (colour) (perouter_ready)", ""),
        ("perouter_ready ==", ""),
        ("perouter_ready == 0", "{{ $labels.peer }}"),
        ("sum by (check) (perouter_findings)", "{{outcome}}"),
        ("1 + 1", ""),
    ] {
        assert!(faults(&known, expr, words).is_err(), "{expr} {words}");
    }
    faults(&known, "sum by (check) (perouter_findings)", "{{check}}").unwrap();
}
