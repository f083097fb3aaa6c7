//! The file's own shape, and what becomes of each field.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::Deserialize;

use super::{Access, Bind, Endpoint, InterfaceName, LabName, Link, Node, NodeName};
use super::{Topology, TopologyError};
use crate::lab::words;

/// What containerlab gives the ends of a link that says nothing, in bytes.
const DEFAULT_MTU: u16 = 9500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: LabName,
    topology: Sections,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sections {
    #[serde(default)]
    defaults: Settings,
    #[serde(default)]
    kinds: BTreeMap<String, Option<Settings>>,
    nodes: BTreeMap<NodeName, Option<Settings>>,
    #[serde(default)]
    links: Vec<LinkEntry>,
}

/// What a node, a kind and the defaults may say.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Settings {
    kind: Option<String>,
    image: Option<String>,
    entrypoint: Option<String>,
    cmd: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, Scalar>,
    #[serde(default)]
    binds: Vec<String>,
    #[serde(default)]
    exec: Vec<String>,
    #[serde(default)]
    sysctls: BTreeMap<String, Scalar>,
    /// Only for people and tools that look at the file: they have no effect in either runner.
    #[serde(default)]
    labels: BTreeMap<String, Scalar>,
    network_mode: Option<NetworkMode>,
}

/// `none`: no management network. The runner has none to offer, so this changes nothing here.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum NetworkMode {
    None,
}

/// YAML's scalars, kept as they are written in an environment or a sysctl.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Scalar {
    Bool(bool),
    Integer(i64),
    Text(String),
}

impl Display for Scalar {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(formatter),
            Self::Integer(value) => value.fmt(formatter),
            Self::Text(value) => value.fmt(formatter),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinkEntry {
    #[serde(rename = "type")]
    kind: Option<LinkKind>,
    endpoints: [EndpointEntry; 2],
    mtu: Option<u16>,
    #[serde(default)]
    #[expect(
        dead_code,
        reason = "labels are for people; they are read so that they are allowed"
    )]
    labels: BTreeMap<String, Scalar>,
}

/// The one type of link that two nodes of a lab can share.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum LinkKind {
    Veth,
}

/// `node:interface`, or the same with more to say.
#[derive(Deserialize)]
#[serde(untagged)]
enum EndpointEntry {
    Short(String),
    Long(Endpoint),
}

/// Where we are, for messages.
struct Place<'a> {
    path: &'a Path,
    folder: &'a Path,
}

impl Place<'_> {
    fn error(&self, field: impl Into<String>, problem: impl Display) -> TopologyError {
        TopologyError::Field {
            path: self.path.to_owned(),
            field: field.into(),
            problem: problem.to_string(),
        }
    }

    fn parse<T: FromStr<Err: Display>>(&self, field: &str, text: &str) -> Result<T, TopologyError> {
        text.parse().map_err(|error| self.error(field, error))
    }

    fn split(&self, field: &str, line: &str) -> Result<Vec<String>, TopologyError> {
        let words = words::split(line).map_err(|error| self.error(field, error))?;
        if words.is_empty() {
            return Err(self.error(field, "is empty"));
        }
        Ok(words)
    }
}

pub(super) fn parse(text: &str, path: &Path, folder: &Path) -> Result<Topology, TopologyError> {
    let place = Place { path, folder };
    let value: serde_json::Value =
        serde_saphyr::from_str(text).map_err(|source| TopologyError::Yaml {
            path: path.to_owned(),
            source: Box::new(source),
        })?;
    refuse_variables(&place, "", &value)?;
    let file: File = serde_path_to_error::deserialize(value).map_err(|error| {
        let field = error.path().to_string();
        place.error(field, error.into_inner())
    })?;
    let Sections {
        defaults,
        kinds,
        nodes,
        links,
    } = file.topology;
    for kind in kinds.keys() {
        check_kind(&place, &format!("topology.kinds.{kind}"), kind)?;
    }
    let nodes = nodes
        .into_iter()
        .map(|(name, own)| node(&place, name, own.unwrap_or_default(), &kinds, &defaults))
        .collect::<Result<Vec<_>, _>>()?;
    let links = cables(&place, links, &nodes)?;
    Ok(Topology {
        name: file.name,
        nodes,
        links,
    })
}

/// containerlab expands `$NAME` and `${NAME}` in the whole file, and magic words such as
/// `__clabDir__`; here they would stay as they are, silently.
fn refuse_variables(
    place: &Place<'_>,
    field: &str,
    value: &serde_json::Value,
) -> Result<(), TopologyError> {
    match value {
        serde_json::Value::Null | serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
            Ok(())
        }
        serde_json::Value::String(text) => {
            let variable = text.split('$').skip(1).any(|rest| {
                rest.starts_with(|next: char| next == '{' || next == '_' || next.is_alphabetic())
            });
            if variable {
                return Err(place.error(field, "variables ($NAME) are not supported"));
            }
            if text.contains("__clab") {
                return Err(place.error(field, "magic variables (__clab…) are not supported"));
            }
            Ok(())
        }
        serde_json::Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(at, item)| refuse_variables(place, &format!("{field}[{at}]"), item)),
        serde_json::Value::Object(members) => members.iter().try_for_each(|(key, member)| {
            let dot = if field.is_empty() { "" } else { "." };
            refuse_variables(place, &format!("{field}{dot}{key}"), member)
        }),
    }
}

fn check_kind(place: &Place<'_>, field: &str, kind: &str) -> Result<(), TopologyError> {
    if kind == "linux" {
        return Ok(());
    }
    Err(place.error(field, format!("kind «{kind}» is not supported; «linux» is")))
}

/// Joins what the defaults, the kind and the node say: lists one after the other, maps with the
/// nearest winning, single values from the nearest.
fn join(far: &Settings, near: Settings) -> Settings {
    let Settings {
        kind,
        image,
        entrypoint,
        cmd,
        env,
        binds,
        exec,
        sysctls,
        labels,
        network_mode,
    } = near;
    let mut joined = far.clone();
    joined.kind = kind.or(joined.kind);
    joined.image = image.or(joined.image);
    joined.entrypoint = entrypoint.or(joined.entrypoint);
    joined.cmd = cmd.or(joined.cmd);
    joined.env.extend(env);
    joined.binds.extend(binds);
    joined.exec.extend(exec);
    joined.sysctls.extend(sysctls);
    joined.labels.extend(labels);
    joined.network_mode = network_mode.or(joined.network_mode);
    joined
}

fn node(
    place: &Place<'_>,
    name: NodeName,
    own: Settings,
    kinds: &BTreeMap<String, Option<Settings>>,
    defaults: &Settings,
) -> Result<Node, TopologyError> {
    let field = |last: &str| format!("topology.nodes.{name}.{last}");
    let kind = own
        .kind
        .clone()
        .or_else(|| defaults.kind.clone())
        .ok_or_else(|| place.error(field("kind"), "is missing"))?;
    check_kind(place, &field("kind"), &kind)?;
    let of_kind = kinds.get(&kind).cloned().flatten().unwrap_or_default();
    let settings = join(&join(defaults, of_kind), own);

    let image = settings
        .image
        .ok_or_else(|| place.error(field("image"), "is missing"))?;
    let image = place.parse(&field("image"), &image)?;
    let entrypoint = match settings.entrypoint {
        Some(line) => Some(place.split(&field("entrypoint"), &line)?),
        None => None,
    };
    let cmd = match settings.cmd {
        Some(line) => place.split(&field("cmd"), &line)?,
        None => Vec::new(),
    };
    let texts = |map: BTreeMap<String, Scalar>| -> BTreeMap<String, String> {
        map.into_iter()
            .map(|(key, value)| (key, value.to_string()))
            .collect()
    };
    let sysctls = texts(settings.sysctls);
    for key in sysctls.keys() {
        check_sysctl(place, &field("sysctls"), key)?;
    }
    let numbered = |list: &str, at: usize| field(&format!("{list}[{at}]"));
    let binds = settings.binds.iter().enumerate();
    let exec = settings.exec.iter().enumerate();
    Ok(Node {
        image,
        entrypoint,
        cmd,
        env: texts(settings.env),
        binds: binds
            .map(|(at, text)| bind(place, &numbered("binds", at), text))
            .collect::<Result<_, _>>()?,
        exec: exec
            .map(|(at, line)| place.split(&numbered("exec", at), line))
            .collect::<Result<_, _>>()?,
        sysctls,
        name,
    })
}

/// A sysctl becomes a path below `/proc/sys`; only those of the network belong to a node.
fn check_sysctl(place: &Place<'_>, field: &str, key: &str) -> Result<(), TopologyError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if key.starts_with("net.") && key.bytes().all(plain) && !key.contains("..") {
        return Ok(());
    }
    Err(place.error(
        field,
        format!("«{key}» is not a setting of a node's network (net.…)"),
    ))
}

fn bind(place: &Place<'_>, field: &str, text: &str) -> Result<Bind, TopologyError> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, target, access) = match parts.as_slice() {
        [source, target] | [source, target, "rw"] => (source, target, Access::ReadWrite),
        [source, target, "ro"] => (source, target, Access::ReadOnly),
        [_, _, options] => {
            return Err(place.error(field, format!("option «{options}» is not supported")));
        }
        _ => return Err(place.error(field, "is not SOURCE:TARGET or SOURCE:TARGET:ro")),
    };
    let target = PathBuf::from(target);
    let climbs = target
        .components()
        .any(|part| part == std::path::Component::ParentDir);
    if !target.is_absolute() || climbs || target.parent().is_none() {
        return Err(place.error(field, "the target is not an absolute path below «/»"));
    }
    let source = place.folder.join(source);
    let source = source
        .canonicalize()
        .map_err(|error| place.error(field, format!("{}: {error}", source.display())))?;
    Ok(Bind {
        source,
        target,
        access,
    })
}

fn cables(
    place: &Place<'_>,
    entries: Vec<LinkEntry>,
    nodes: &[Node],
) -> Result<Vec<Link>, TopologyError> {
    let mut taken = BTreeSet::new();
    let mut links = Vec::new();
    for (at, entry) in entries.into_iter().enumerate() {
        let field = format!("topology.links[{at}]");
        let long = entry
            .endpoints
            .iter()
            .any(|end| matches!(end, EndpointEntry::Long(_)));
        match (entry.kind, long) {
            (Some(LinkKind::Veth), true) | (None, false) => {}
            (Some(LinkKind::Veth), false) => {
                return Err(place.error(field, "type veth wants endpoints as node and interface"));
            }
            (None, true) => return Err(place.error(field, "type is missing")),
        }
        let mut ends = Vec::new();
        for (which, end) in entry.endpoints.into_iter().enumerate() {
            let field = format!("{field}.endpoints[{which}]");
            let end = endpoint(place, &field, end)?;
            if !nodes.iter().any(|node| node.name == end.node) {
                return Err(place.error(field, format!("there is no node «{}»", end.node)));
            }
            if !taken.insert((end.node.clone(), end.interface.clone())) {
                let problem = format!("{}:{} has a link already", end.node, end.interface);
                return Err(place.error(field, problem));
            }
            ends.push(end);
        }
        if let Ok([a, b]) = <[Endpoint; 2]>::try_from(ends) {
            links.push(Link {
                a,
                b,
                mtu: entry.mtu.unwrap_or(DEFAULT_MTU),
            });
        }
    }
    Ok(links)
}

fn endpoint(
    place: &Place<'_>,
    field: &str,
    entry: EndpointEntry,
) -> Result<Endpoint, TopologyError> {
    let end = match entry {
        EndpointEntry::Long(end) => end,
        EndpointEntry::Short(text) => {
            let (node, interface) = text
                .split_once(':')
                .ok_or_else(|| place.error(field, format!("«{text}» is not NODE:INTERFACE")))?;
            let node: NodeName = place.parse(field, node)?;
            let interface: InterfaceName = place.parse(field, interface)?;
            Endpoint {
                node,
                interface,
                mac: None,
            }
        }
    };
    if end.interface.as_str() == "lo" {
        return Err(place.error(field, "«lo» exists in every node"));
    }
    Ok(end)
}
