//! The rules of the house that the compiler does not know: what may name what, and how long a
//! file may grow. Each rule is shown here to catch what it is for.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// A source file: its path from the root of the repository, with slashes, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Tests may read files and look at clocks; nobody ships them.
    fn is_test(&self) -> bool {
        let mut parts = self.path.split('/');
        parts.any(|part| part == "tests" || part == "tests.rs")
    }

    /// Lines of code with their number, without comments and the text of literals.
    fn code(&self) -> impl Iterator<Item = (usize, String)> {
        self.text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, bare(line)))
    }
}

/// A line without its comment and without what stands between quotes.
fn bare(line: &str) -> String {
    let mut out = String::new();
    let mut chars = line.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => drop(chars.next()),
            '"' => quoted = !quoted,
            '/' if !quoted && chars.peek() == Some(&'/') => break,
            _ if quoted => {}
            _ => out.push(c),
        }
    }
    out
}

/// Whether `line` names `path`, as a whole: `std::fs` but not `std::fsx` nor `mystd::fs`.
fn names(line: &str, path: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(path).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + path.len()..].chars().next();
        let open = path.ends_with(['_', ':']);
        !before.is_some_and(word) && (open || !after.is_some_and(word))
    })
}

/// Modules that only compute, and the files of theirs that serve.
const PURE: [&str; 11] = [
    "src/api/",
    "src/intent/",
    "src/plan/",
    "src/verify/",
    "src/status/",
    "src/controller/admission",
    "src/controller/certificate",
    "src/controller/fold",
    "src/controller/health",
    "src/controller/index",
    "src/controller/lease",
];
const SERVES: [&str; 3] = [
    "src/status/client.rs",
    "src/status/serve.rs",
    "src/status/serve/",
];

/// What reaches out of the process.
const OUTSIDE: [&str; 22] = [
    "tokio",
    "tonic",
    "rtnetlink",
    "netlink_packet_core",
    "netlink_packet_route",
    "netlink_proto",
    "netlink_sys",
    "kube::Client",
    "kube::runtime",
    "kube::client",
    "hyper",
    "hyper_util",
    "nix",
    "std::fs",
    "std::process",
    "std::env",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::os::unix::net",
    "Instant::now",
    "SystemTime::now",
];

/// The same things as groups in braces name them: `use std::{fs, env}`.
const IN_BRACES: [(&str, &[&str]); 3] = [
    ("std::{", &["fs", "process", "env"]),
    ("std::net::{", &["TcpStream", "TcpListener", "UdpSocket"]),
    ("kube::{", &["Client", "runtime", "client"]),
];

fn impure(source: &Source) -> Vec<String> {
    let pure = PURE.iter().any(|start| source.path.starts_with(start));
    let serves = SERVES.iter().any(|start| source.path.starts_with(start));
    if !pure || serves || source.is_test() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (number, line) in source.code() {
        let straight = OUTSIDE.iter().filter(|path| names(&line, path));
        let mut named: Vec<&str> = straight.copied().collect();
        for (start, members) in IN_BRACES {
            if let Some((_, group)) = line.split_once(start) {
                named.extend(members.iter().filter(|member| names(group, member)));
            }
        }
        found.extend(named.iter().map(|what| {
            format!(
                "{}:{number}: a pure module names {what}; let the agent do it",
                source.path
            )
        }));
    }
    found
}

/// Which module may not name which others: data goes one way.
const ONE_WAY: [(&str, &[&str]); 7] = [
    (
        "src/api/",
        &[
            "intent",
            "plan",
            "verify",
            "status",
            "netlink",
            "frr",
            "agent",
            "controller",
            "cli",
        ],
    ),
    (
        "src/intent/",
        &[
            "plan",
            "verify",
            "status",
            "netlink",
            "frr",
            "agent",
            "controller",
            "cli",
        ],
    ),
    (
        "src/plan/",
        &[
            "verify",
            "status",
            "netlink",
            "frr",
            "agent",
            "controller",
            "cli",
        ],
    ),
    (
        "src/verify/",
        &["netlink", "frr", "agent", "controller", "cli"],
    ),
    ("src/netlink/", &["agent", "controller", "cli", "frr"]),
    // It opens its gRPC connections inside the router's namespace, which `netlink` knows.
    ("src/frr/", &["agent", "controller", "cli"]),
    // It knows nodes by what their agents say.
    (
        "src/controller/",
        &["plan", "verify", "netlink", "frr", "cli"],
    ),
];

fn against_the_stream(source: &Source) -> Vec<String> {
    let rules = ONE_WAY
        .iter()
        .filter(|(start, _)| source.path.starts_with(start));
    let mut found = Vec::new();
    for (start, forbidden) in rules {
        for (number, line) in source.code() {
            let group = line.split_once("crate::{").map(|(_, group)| group);
            let named = forbidden.iter().filter(|module| {
                let grouped = group.is_some_and(|group| {
                    names(group, &format!("{module}::")) || names(group, module)
                });
                grouped || names(&line, &format!("crate::{module}"))
            });
            found.extend(named.map(|module| {
                format!(
                    "{}:{number}: {start} must not know crate::{module}",
                    source.path
                )
            }));
        }
    }
    found
}

const LONGEST: usize = 600;

fn too_long(source: &Source) -> Vec<String> {
    let lines = source.text.lines().count();
    let long = lines >= LONGEST;
    let told = format!("{}: {lines} lines; keep it under {LONGEST}", source.path);
    long.then_some(told).into_iter().collect()
}

fn says_nothing(source: &Source) -> Vec<String> {
    const EMPTY: [&str; 6] = ["util", "utils", "helper", "helpers", "common", "misc"];
    let path = source.path.trim_end_matches(".rs");
    let by_file = path.split('/').filter(|part| EMPTY.contains(part));
    let inline = source.code().filter_map(|(_, line)| {
        let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.find(|word| *word == "mod")?;
        words
            .next()
            .filter(|name| EMPTY.contains(name))
            .map(str::to_owned)
    });
    let found = by_file.map(str::to_owned).chain(inline);
    found
        .map(|name| {
            format!(
                "{}: a module named {name} says nothing of its content",
                source.path
            )
        })
        .collect()
}

fn all_faults(source: &Source) -> Vec<String> {
    [impure, against_the_stream, too_long, says_nothing]
        .iter()
        .flat_map(|rule| rule(source))
        .collect()
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(directory: &Path, into: &mut Vec<Source>) -> io::Result<()> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        entries.push(entry?.path());
    }
    entries.sort();
    for path in entries {
        if path.is_dir() {
            sources(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).map_err(io::Error::other)?;
            let text = fs::read_to_string(&path)?;
            into.push(Source::new(&name.to_string_lossy(), &text));
        }
    }
    Ok(())
}

#[test]
fn the_rules_hold() {
    let mut all = Vec::new();
    for directory in ["src", "frr-proto/src", "parsers/src"] {
        let read = sources(&root().join(directory), &mut all);
        read.unwrap_or_else(|error| panic!("{directory}: {error}"));
    }
    assert!(all.len() > 30, "only {} files found", all.len());
    for known in ["src/plan/mod.rs", "src/intent/mod.rs", "src/api/mod.rs"] {
        assert!(
            all.iter().any(|source| source.path == known),
            "{known} was not read"
        );
    }
    let faults: Vec<String> = all.iter().flat_map(all_faults).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn a_pure_module_that_reaches_out_is_caught() {
    for line in [
        "use tokio::sync::mpsc;",
        "use tonic::Status;",
        "let handle = rtnetlink::new_connection();",
        "use netlink_packet_route::link::LinkMessage;",
        "use kube::Client;",
        "use kube::{Api, Client};",
        "use kube::runtime::watcher;",
        "use hyper::Request;",
        "use std::net::TcpStream;",
        "use std::net::{IpAddr, UdpSocket};",
        "let text = std::fs::read_to_string(path);",
        "use std::{fmt, fs};",
        "use std::process::Command;",
        "let home = std::env::var(name);",
        "let now = Instant::now();",
        "let now = std::time::SystemTime::now();",
    ] {
        for start in PURE {
            let faults = impure(&Source::new(&format!("{start}x.rs"), line));
            assert!(!faults.is_empty(), "{line} in {start}");
        }
        assert!(
            impure(&Source::new("src/agent/x.rs", line)).is_empty(),
            "{line}"
        );
        assert!(
            impure(&Source::new("src/status/serve.rs", line)).is_empty(),
            "{line}"
        );
        assert!(
            impure(&Source::new("src/plan/x/tests.rs", line)).is_empty(),
            "{line}"
        );
    }
}

#[test]
fn a_pure_module_may_say_and_name_what_only_looks_like_it() {
    for line in [
        "//! No tokio, no std::fs.",
        "let url = \"https://example.org\"; // like std::fs",
        "return Err(\"tokio is not running\");",
        "let stdenv = mystd::env(x);",
        "use std::net::{IpAddr, Ipv4Addr};",
        "use kube::{CustomResource, KubeSchema};",
        "use std::{fmt, collections::BTreeMap};",
        "let hyperspace = 1;",
        "fn at(now: Instant) {}",
    ] {
        assert_eq!(
            impure(&Source::new("src/plan/x.rs", line)),
            Vec::<String>::new()
        );
    }
}

#[test]
fn knowledge_against_the_stream_is_caught() {
    for (path, line) in [
        ("src/api/x.rs", "use crate::intent::NodeIntent;"),
        ("src/api/x.rs", "use crate::plan;"),
        ("src/intent/x.rs", "use crate::plan::Plan;"),
        ("src/intent/x.rs", "use crate::{api::Kind, plan::Plan};"),
        ("src/plan/x.rs", "fn of(frr: &crate::frr::Frr) {}"),
        ("src/plan/tests.rs", "use crate::netlink;"),
        ("src/verify/x.rs", "use crate::agent::Agent;"),
        ("src/verify/x.rs", "use crate::netlink::observe;"),
        ("src/verify/x.rs", "use crate::frr;"),
        ("src/netlink/x.rs", "use crate::agent::Wake;"),
        ("src/frr/x.rs", "use crate::cli;"),
    ] {
        let faults = against_the_stream(&Source::new(path, line));
        assert_eq!(faults.len(), 1, "{line} in {path}");
    }
    for (path, line) in [
        ("src/intent/x.rs", "use crate::api::Kind;"),
        (
            "src/plan/x.rs",
            "use crate::{api::Kind, intent::NodeIntent};",
        ),
        ("src/plan/x.rs", "// crate::agent executes this"),
        ("src/verify/x.rs", "use crate::plan::link::SeenKernel;"),
        ("src/agent/x.rs", "use crate::{frr, netlink, plan};"),
        ("src/plan/x.rs", "use crate::clip;"),
    ] {
        let faults = against_the_stream(&Source::new(path, line));
        assert_eq!(faults, Vec::<String>::new(), "{line} in {path}");
    }
}

#[test]
fn a_file_that_grew_too_long_is_caught() {
    let lines = |count| Source::new("src/x.rs", &"\n".repeat(count));
    assert_eq!(too_long(&lines(LONGEST - 1)), Vec::<String>::new());
    assert_eq!(too_long(&lines(LONGEST)).len(), 1);
}

#[test]
fn a_module_without_a_meaning_is_caught() {
    for (path, text) in [
        ("src/plan/utils.rs", ""),
        ("src/common/mod.rs", ""),
        ("parsers/src/helpers.rs", ""),
        ("src/x.rs", "pub(crate) mod misc {"),
        ("src/x.rs", "mod utils;"),
    ] {
        assert_eq!(
            says_nothing(&Source::new(path, text)).len(),
            1,
            "{path} {text}"
        );
    }
    for (path, text) in [
        ("src/plan/kernel.rs", "mod tests;"),
        ("src/x.rs", "fn common() {}"),
        ("src/x.rs", "// mod utils;"),
    ] {
        assert_eq!(says_nothing(&Source::new(path, text)), Vec::<String>::new());
    }
}
