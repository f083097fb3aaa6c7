//! Prometheus' text format, read as strictly as its specification is written.

use std::collections::{BTreeMap, BTreeSet};

/// What a family is declared to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counter,
    Gauge,
    Histogram,
}

/// One line with a number.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// All that was exported.
#[derive(Debug)]
pub(crate) struct Exposition {
    pub(crate) families: BTreeMap<String, Kind>,
    pub(crate) samples: Vec<Sample>,
}

impl Exposition {
    /// Reads what must be right: each family is declared once, with help, before its samples, and
    /// no sample is there twice.
    pub(crate) fn read(text: &str) -> Self {
        assert!(text.ends_with('\n'), "the last line has no end");
        let mut families = BTreeMap::new();
        let mut helped = BTreeSet::new();
        let mut samples: Vec<Sample> = Vec::new();
        let mut seen = BTreeSet::new();
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').expect(line);
                assert!(!words.trim().is_empty(), "{line}");
                assert!(helped.insert(name.to_owned()), "twice: {line}");
                continue;
            }
            if let Some(declared) = line.strip_prefix("# TYPE ") {
                let (name, kind) = declared.split_once(' ').expect(line);
                let kind = match kind {
                    "counter" => Kind::Counter,
                    "gauge" => Kind::Gauge,
                    "histogram" => Kind::Histogram,
                    other => panic!("a family of kind {other}: {line}"),
                };
                assert!(helped.contains(name), "no help: {line}");
                assert!(families.insert(name.to_owned(), kind).is_none(), "{line}");
                continue;
            }
            let sample = sample(line);
            assert!(
                family_of(&families, &sample.name).is_some(),
                "not declared: {line}"
            );
            let key = (sample.name.clone(), sample.labels.clone());
            assert!(seen.insert(key), "twice: {line}");
            samples.push(sample);
        }
        Self { families, samples }
    }

    /// The samples of a name.
    pub(crate) fn samples_of(&self, name: &str) -> impl Iterator<Item = &Sample> {
        self.samples.iter().filter(move |of| of.name == name)
    }

    /// The one sample of a name that has these labels, among others.
    pub(crate) fn one(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |sample: &&Sample| {
            labels
                .iter()
                .all(|(label, value)| sample.labels.get(*label).is_some_and(|of| of == value))
        };
        let found: Vec<_> = self.samples_of(name).filter(has).collect();
        match found.as_slice() {
            [one] => one.value,
            other => panic!("{name} {labels:?}: {other:?}"),
        }
    }
}

/// The family that a sample belongs to, and what that is.
fn family_of(families: &BTreeMap<String, Kind>, name: &str) -> Option<Kind> {
    if let Some(kind) = families.get(name) {
        return Some(*kind);
    }
    let parts = ["_bucket", "_sum", "_count"];
    let of = parts.iter().find_map(|part| name.strip_suffix(part))?;
    families
        .get(of)
        .copied()
        .filter(|kind| *kind == Kind::Histogram)
}

fn is_name(text: &str) -> bool {
    !text.starts_with(|c: char| c.is_ascii_digit())
        && !text.is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn sample(line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect(line);
    let (name, rest) = line.split_at(end);
    assert!(is_name(name), "{line}");
    let (labels, value) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest),
        None => (BTreeMap::new(), rest),
    };
    let value = value.strip_prefix(' ').expect(line);
    let value = match value {
        "+Inf" => f64::INFINITY,
        number => number.parse().expect(line),
    };
    Sample {
        name: name.to_owned(),
        labels,
        value,
    }
}

/// Labels up to the closing brace, and what follows it.
fn labels(mut rest: &str) -> (BTreeMap<String, String>, &str) {
    let mut labels = BTreeMap::new();
    while !rest.starts_with('}') {
        let (name, quoted) = rest.split_once("=\"").expect(rest);
        assert!(is_name(name), "{name:?} in {rest}");
        let (value, after) = quoted_value(quoted);
        assert!(labels.insert(name.to_owned(), value).is_none(), "{name}");
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    (labels, &rest[1..])
}

fn quoted_value(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next().map(|(_, c)| c) {
                Some('n') => '\n',
                Some(c @ ('\\' | '"')) => c,
                other => panic!("\\{other:?} in {text}"),
            }),
            c => value.push(c),
        }
    }
    panic!("no end of {text}")
}
