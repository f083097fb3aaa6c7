//! Whether an object may be as somebody wants it to be: what its definition cannot see, since it
//! depends on other objects and on nodes.
//!
//! Pure. The rules are those of [`intent::resolve`], asked before and after. What always holds:
//! only what an edit brings about counts against it, so a fault that is there already keeps nobody
//! from mending another; what is only missing yet is a warning, since objects come in any order; and
//! one answer costs only so much, however large the cluster.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::api::{
    self, Asn, Identity, Kind, Labels, Manifest, NodeSelector, Object, ObjectKey, TunnelEndpoint,
    Underlay,
};
use crate::intent::{
    self, Accepted, Candidate, Candidates, Cause, Node, NodeIndex, Origin, Refusal,
};

mod alone;
#[cfg(test)]
mod tests;

/// How many objects are resolved for one answer, one for several nodes counted several times.
/// The API server waits five seconds for it; who was left out is told.
const BUDGET: usize = 20_000;

/// How many nodes a message names.
const NAMED: usize = 3;

/// A node that objects may select.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenNode {
    /// Its name.
    pub name: String,
    /// Objects select it by these.
    pub labels: Labels,
    /// Its addresses follow from this; none when it has none yet.
    pub index: Option<NodeIndex>,
}

/// What there is, but for the object that is asked about.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The namespace of agents and controller.
    pub namespace: &'a str,
    /// The nodes.
    pub nodes: &'a [SeenNode],
    /// The objects that are valid by themselves. It does not matter whether the one that is asked
    /// about is among them.
    pub objects: &'a [&'a Manifest],
}

/// What is to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may be so.
    Allowed {
        /// What its author should know, a line each.
        warnings: Vec<String>,
    },
    /// It may not.
    Denied {
        /// Why, a line each; never empty.
        reasons: Vec<String>,
    },
}

impl Verdict {
    const fn allowed() -> Self {
        Self::Allowed {
            warnings: Vec::new(),
        }
    }
}

/// Judges an object as it is to be; `old` is the object as it is, if it is there.
#[must_use]
pub fn review(world: &World<'_>, new: &Value, old: Option<&Value>) -> Verdict {
    let goes = new.pointer("/metadata/deletionTimestamp").is_some();
    let same = old.is_some_and(|old| old.get("spec") == new.get("spec"));
    if goes {
        return Verdict::allowed();
    }
    if same {
        return alone::noted(new, Verdict::allowed());
    }
    let before = old.map(read);
    match read(new) {
        Ok(valid) => match alone::refused(world.namespace, valid.key(), (new, old)) {
            Some(reason) => Verdict::Denied {
                reasons: vec![reason],
            },
            None => {
                let before = before.as_ref().and_then(|before| before.as_ref().ok());
                alone::noted(new, judge(world, &valid, before))
            }
        },
        Err(error) => {
            let known = before.and_then(Result::err);
            let known = known.map(|error| error.faults).unwrap_or_default();
            let identity = error.identity;
            let news = error.faults.iter();
            let news = news.filter(|fault| !known.contains(fault) && !alone::of_kind(fault));
            let reasons: Vec<String> = news.map(|fault| format!("{identity}: {fault}")).collect();
            if reasons.is_empty() {
                alone::noted(new, Verdict::allowed())
            } else {
                Verdict::Denied { reasons }
            }
        }
    }
}

/// Reads an object as agents do, except that a password in a Secret counts as there: only agents
/// may read Secrets, and one that is missing may come.
///
/// # Errors
/// All that is wrong with it.
pub fn read(object: &Value) -> Result<Manifest, api::ApiError> {
    let mut object = object.clone();
    let neighbors = object.pointer_mut("/spec/neighbors");
    let neighbors = neighbors.and_then(Value::as_array_mut);
    for neighbor in neighbors.into_iter().flatten() {
        if let Some(fields) = neighbor.as_object_mut()
            && !fields.contains_key("password")
            && fields.get("passwordSecret").is_some_and(Value::is_string)
        {
            fields.remove("passwordSecret");
            fields.insert("password".to_owned(), json!("elsewhere"));
        }
    }
    let nowhere = Identity {
        file: None,
        line: None,
        key: None,
    };
    api::parse_object(nowhere, object).outcome
}

/// Judges an object that is valid by itself.
#[must_use]
pub fn judge(world: &World<'_>, new: &Manifest, old: Option<&Manifest>) -> Verdict {
    let mut findings = Findings::default();
    let mut unseen = 0;
    let others = world.objects.iter().filter(|it| it.key() != new.key());
    let others: Vec<&Manifest> = others.copied().collect();
    let mut left = BUDGET;
    for group in groups(world.nodes, &others, new, old) {
        let here = |manifest: &&Manifest| manifest.selector().selects(group.labels);
        let beside: Vec<&Manifest> = others.iter().copied().filter(here).collect();
        let Some(rest) = left.checked_sub(beside.len() + 1) else {
            unseen += group.nodes.len();
            continue;
        };
        left = rest;
        let edit = Edit {
            beside,
            old: old.filter(here),
            new: Some(new).filter(here),
            node: group.node(),
        };
        edit.look(new.key(), &mut findings, &group);
    }
    let selects = |node: &SeenNode| new.selector().selects(&node.labels);
    let mut warnings = Vec::new();
    if !world.nodes.iter().any(selects) {
        by_itself(new, old, &mut findings);
        if !world.nodes.is_empty() {
            warnings.push(format!(
                "{}: spec.nodeSelector: selects none of the {} nodes",
                new.key(),
                world.nodes.len()
            ));
        }
    }
    if unseen > 0 {
        warnings.push(format!(
            "{}: it was not held against the objects of {unseen} nodes, which are too many; \
             conditions will tell",
            new.key()
        ));
    }
    findings.verdict(new.key(), warnings)
}

/// What cannot be so on any node, of an object that selects none.
fn by_itself(new: &Manifest, old: Option<&Manifest>, findings: &mut Findings) {
    let (everywhere, before) = (for_all(new), old.map(for_all));
    let labels = Labels::new();
    let group = Group {
        labels: &labels,
        nodes: Vec::new(),
    };
    let edit = Edit {
        beside: Vec::new(),
        old: before.as_ref(),
        new: Some(&everywhere),
        node: group.node(),
    };
    let mut found = Findings::default();
    edit.look(new.key(), &mut found, &group);
    // That nothing is there yet for no node is no news.
    found
        .0
        .retain(|finding| weight(&finding.refusal) == Weight::Clash);
    findings.0.extend(found.0);
}

fn for_all(manifest: &Manifest) -> Manifest {
    let mut manifest = manifest.clone();
    *match &mut manifest {
        Manifest::Underlay(object) => &mut object.selector,
        Manifest::L3Vni(object) => &mut object.selector,
        Manifest::L2Vni(object) => &mut object.selector,
        Manifest::L3Passthrough(object) => &mut object.selector,
        Manifest::RawFrrConfig(object) => &mut object.selector,
    } = NodeSelector::default();
    manifest
}

/// Nodes that all objects see alike.
struct Group<'a> {
    labels: &'a Labels,
    nodes: Vec<&'a SeenNode>,
}

impl<'a> Group<'a> {
    /// The one with the highest index: what a pool has for it, it has for all.
    fn last(&self) -> Option<&'a SeenNode> {
        let nodes = self.nodes.iter().copied();
        nodes.max_by_key(|node| node.index.map_or(0, |index| index.0))
    }

    fn node(&self) -> Node {
        let index = self.last().and_then(|node| node.index);
        Node {
            index: index.unwrap_or(NodeIndex(0)),
            labels: self.labels.clone(),
        }
    }
}

/// The nodes that the edit may concern, by what selects them; large groups first.
fn groups<'a>(
    nodes: &'a [SeenNode],
    others: &[&Manifest],
    new: &Manifest,
    old: Option<&Manifest>,
) -> Vec<Group<'a>> {
    let mut selectors: Vec<&NodeSelector> = vec![new.selector()];
    let rest = old.iter().chain(others).map(|manifest| manifest.selector());
    for selector in rest {
        if !selectors.contains(&selector) {
            selectors.push(selector);
        }
    }
    let mut groups: BTreeMap<Vec<bool>, Group<'a>> = BTreeMap::new();
    for node in nodes {
        let selected = |selector: &NodeSelector| selector.selects(&node.labels);
        if !selected(new.selector()) && !old.is_some_and(|old| selected(old.selector())) {
            continue;
        }
        let seen = selectors.iter().map(|selector| selected(selector));
        let group = groups.entry(seen.collect()).or_insert_with(|| Group {
            labels: &node.labels,
            nodes: Vec::new(),
        });
        group.nodes.push(node);
    }
    let mut groups: Vec<_> = groups.into_values().collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.nodes.len()));
    groups
}

type Refusals = BTreeMap<ObjectKey, Refusal>;

/// One edit on one node.
struct Edit<'a> {
    beside: Vec<&'a Manifest>,
    old: Option<&'a Manifest>,
    new: Option<&'a Manifest>,
    node: Node,
}

/// What is refused before an edit and after it.
struct Outcome {
    before: Refusals,
    after: Refusals,
}

impl Edit<'_> {
    fn look(&self, own: &ObjectKey, findings: &mut Findings, group: &Group<'_>) {
        let real = self.outcome(|objects| objects.cloned().collect());
        if real.after.is_empty() {
            return;
        }
        // An underlay that is missing, or has no tunnels, hides what else does not fit.
        let supposed = (own.kind != Kind::Underlay).then(|| self.outcome(suppose));
        let hidden = self.hidden();
        for (key, refusal) in &real.after {
            let known = if key == own {
                real.before.get(key) == Some(refusal)
            } else {
                let earlier = real.before.get(key).into_iter().chain(hidden.get(key));
                let mut earlier = earlier.map(weight);
                match weight(refusal) {
                    Weight::Missing => real.before.contains_key(key),
                    Weight::Clash => earlier.any(|weight| weight == Weight::Clash),
                }
            };
            if !known {
                findings.add(key, refusal, group);
            }
        }
        let Some(Outcome { before, after }) = supposed else {
            return;
        };
        if let Some(refusal) = after.get(own)
            && weight(refusal) == Weight::Clash
            && before.get(own) != Some(refusal)
        {
            findings.add(own, refusal, group);
        }
    }

    /// What clashed before, had an underlay been there that carries everything.
    fn hidden(&self) -> Refusals {
        let before = self.beside.iter().copied().chain(self.old);
        self.refusals(suppose(before), &Accepted::new()).1
    }

    fn outcome<'m>(
        &'m self,
        objects: impl Fn(Box<dyn Iterator<Item = &'m Manifest> + 'm>) -> Vec<Manifest>,
    ) -> Outcome {
        let beside = || self.beside.iter().copied();
        let before = objects(Box::new(beside().chain(self.old)));
        let after = objects(Box::new(beside().chain(self.new)));
        let (accepted, before) = self.refusals(before, &Accepted::new());
        let (_, after) = self.refusals(after, &accepted);
        Outcome { before, after }
    }

    fn refusals(&self, objects: Vec<Manifest>, before: &Accepted) -> (Accepted, Refusals) {
        let candidate = |manifest: Manifest| Candidate {
            key: manifest.key().clone(),
            source: String::new(),
            origin: Origin::Api,
            manifest: Ok(manifest),
        };
        let read = Candidates {
            objects: objects.into_iter().map(candidate).collect(),
            broken_sources: BTreeMap::new(),
        };
        let resolution = intent::resolve(read, before, &self.node);
        let refused = resolution.rejections.into_iter().filter_map(|rejection| {
            let refusal = match rejection.cause {
                Cause::Refused(refusal) => refusal,
                Cause::Unread | Cause::Duplicate | Cause::Invalid => return None,
            };
            Some((rejection.object?, refusal))
        });
        (resolution.accepted, refused.collect())
    }
}

/// The same objects, with one underlay that carries everything.
fn suppose<'m>(objects: impl Iterator<Item = &'m Manifest>) -> Vec<Manifest> {
    let (mut underlays, mut supposed) = (Vec::new(), Vec::new());
    for object in objects {
        match object {
            Manifest::Underlay(underlay) => underlays.push(underlay),
            Manifest::L3Vni(_)
            | Manifest::L2Vni(_)
            | Manifest::L3Passthrough(_)
            | Manifest::RawFrrConfig(_) => supposed.push(object.clone()),
        }
    }
    let interfaces = underlays.iter().flat_map(|it| it.spec.interfaces.clone());
    let key = underlays.first().map(|first| first.key.clone());
    let spec = Asn::try_from(i64::from(u16::MAX)).map(|asn| Underlay {
        asn,
        router_id_cidr: ipnet::Ipv4Net::default(),
        neighbors: Vec::new(),
        interfaces: interfaces.collect(),
        tunnel_endpoint: TunnelEndpoint {
            ipv4: Some(ipnet::Ipv4Net::default()),
            ipv6: Some(ipnet::Ipv6Net::default()),
        },
        graceful_restart: None,
        reflector_cluster: None,
    });
    supposed.extend(spec.map(|spec| {
        Manifest::Underlay(Object {
            key: key.unwrap_or_else(|| ObjectKey {
                kind: Kind::Underlay,
                namespace: String::new(),
                name: String::new(),
            }),
            generation: None,
            selector: NodeSelector::default(),
            spec,
        })
    }));
    supposed
}

/// What a refusal means for whoever writes an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// It can never be so beside what there is.
    Clash,
    /// Something else is missing, and may come.
    Missing,
}

fn weight(refusal: &Refusal) -> Weight {
    match refusal {
        Refusal::SecondUnderlay(_)
        | Refusal::SecondPassthrough(_)
        | Refusal::VniTaken { .. }
        | Refusal::VrfTaken { .. }
        | Refusal::CidrOverlap { .. }
        | Refusal::ReservedBridge { .. }
        | Refusal::ReservedVrf { .. }
        | Refusal::VrfIsNic { .. }
        | Refusal::ReservedNic { .. }
        | Refusal::Pool { .. } => Weight::Clash,
        Refusal::NoUnderlay
        | Refusal::NoTunnelEndpoint(_)
        | Refusal::NoVtep { .. }
        | Refusal::NoRoutingDomain(_) => Weight::Missing,
    }
}

/// What would be right, where the refusal does not say it.
const fn remedy(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::SecondUnderlay(_) | Refusal::SecondPassthrough(_) => {
            ": let their spec.nodeSelector select different nodes"
        }
        Refusal::VniTaken { .. } => ": take another VNI, or different nodes with spec.nodeSelector",
        Refusal::VrfTaken { .. } => ": take another VRF, or different nodes with spec.nodeSelector",
        Refusal::CidrOverlap { .. } => ": take a prefix that has no address in common with it",
        Refusal::ReservedBridge { .. }
        | Refusal::ReservedVrf { .. }
        | Refusal::VrfIsNic { .. }
        | Refusal::ReservedNic { .. } => ": take another name",
        Refusal::Pool { .. } => ": take a larger prefix",
        Refusal::NoTunnelEndpoint(_) | Refusal::NoVtep { .. } => ": add it",
        Refusal::NoUnderlay | Refusal::NoRoutingDomain(_) => "",
    }
}

/// One refusal, and the nodes on which it is one.
struct Finding {
    object: ObjectKey,
    refusal: Refusal,
    nodes: Vec<String>,
}

impl Finding {
    fn line(&self) -> String {
        let Self {
            object,
            refusal,
            nodes,
        } = self;
        let mut line = format!("{object}: {refusal}{}", remedy(refusal));
        let named = nodes.iter().take(NAMED).map(String::as_str);
        let named: Vec<&str> = named.collect();
        // Writing to a string does not fail.
        let _ = match nodes.len() {
            0 => Ok(()),
            1 => write!(line, " (node {})", named.join("")),
            all if all <= NAMED => write!(line, " (nodes {})", named.join(", ")),
            all => write!(
                line,
                " (nodes {} and {} more)",
                named.join(", "),
                all - NAMED
            ),
        };
        line
    }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, object: &ObjectKey, refusal: &Refusal, group: &Group<'_>) {
        let names = match refusal {
            // Others of the group may have an address.
            Refusal::Pool { .. } => group.last().into_iter().collect(),
            Refusal::SecondUnderlay(_)
            | Refusal::NoUnderlay
            | Refusal::NoTunnelEndpoint(_)
            | Refusal::VniTaken { .. }
            | Refusal::VrfTaken { .. }
            | Refusal::CidrOverlap { .. }
            | Refusal::SecondPassthrough(_)
            | Refusal::NoVtep { .. }
            | Refusal::NoRoutingDomain(_)
            | Refusal::ReservedBridge { .. }
            | Refusal::ReservedVrf { .. }
            | Refusal::VrfIsNic { .. }
            | Refusal::ReservedNic { .. } => group.nodes.clone(),
        };
        let names = names.into_iter().map(|node| node.name.clone());
        let same = |it: &&mut Finding| it.object == *object && it.refusal == *refusal;
        match self.0.iter_mut().find(same) {
            Some(finding) => {
                finding.nodes.extend(names);
                finding.nodes.sort();
                finding.nodes.dedup();
            }
            None => self.0.push(Finding {
                object: object.clone(),
                refusal: refusal.clone(),
                nodes: names.collect(),
            }),
        }
    }

    /// What it comes to, what is said of the object itself first.
    fn verdict(mut self, own: &ObjectKey, mut warnings: Vec<String>) -> Verdict {
        self.0.sort_by_key(|finding| finding.object != *own);
        let mut reasons = Vec::new();
        for finding in &self.0 {
            match weight(&finding.refusal) {
                Weight::Clash => reasons.push(finding.line()),
                Weight::Missing => warnings.push(finding.line()),
            }
        }
        if reasons.is_empty() {
            Verdict::Allowed { warnings }
        } else {
            Verdict::Denied { reasons }
        }
    }
}
