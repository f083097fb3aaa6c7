//! What `ip` says of a namespace, without what differs between two of the same making: indices,
//! Ethernet addresses that the kernel drew, numbers of tables, what settles by itself.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::bed::Namespace;

/// What is seen of both namespaces, by what it is about.
pub(crate) type State = BTreeMap<String, Value>;

/// Reads both namespaces.
pub(crate) fn state(host: &Namespace, router: &Namespace) -> State {
    let spaces = [("host", host), ("router", router)].map(|(space, namespace)| Seen {
        space,
        links: list(namespace.ip_json("link show")),
        addresses: list(namespace.ip_json("address show")),
        routes: [
            list(namespace.ip_json("route show table all")),
            list(namespace.ip_json("-6 route show table all")),
        ]
        .concat(),
        rules: [
            list(namespace.ip_json("rule show")),
            list(namespace.ip_json("-6 rule show")),
        ],
    });
    let mut state = State::new();
    let [host, router] = &spaces;
    for (own, other) in [(host, router), (router, host)] {
        own.links(other, &mut state);
        own.addresses(&mut state);
        own.routes(&mut state);
        own.rules(&mut state);
    }
    state
}

/// Where two states differ, for people.
pub(crate) fn differences(seen: &State, expected: &State) -> Vec<String> {
    let keys: BTreeSet<&String> = seen.keys().chain(expected.keys()).collect();
    let differing = keys
        .into_iter()
        .filter(|key| seen.get(*key) != expected.get(*key));
    let show = |value: Option<&Value>| value.map_or_else(|| "nothing".to_owned(), Value::to_string);
    differing
        .map(|key| {
            let (seen, expected) = (show(seen.get(key)), show(expected.get(key)));
            format!("{key}:\n    is        {seen}\n    should be {expected}")
        })
        .collect()
}

struct Seen {
    space: &'static str,
    links: Vec<Value>,
    addresses: Vec<Value>,
    routes: Vec<Value>,
    rules: [Vec<Value>; 2],
}

/// `ip` gives empty entries for what it was told to leave out.
fn list(value: Value) -> Vec<Value> {
    let Value::Array(mut all) = value else {
        panic!("no list: {value}");
    };
    all.retain(|one| one.as_object().is_some_and(|map| !map.is_empty()));
    all
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

impl Seen {
    fn links(&self, other: &Self, state: &mut State) {
        for link in &self.links {
            let name = text(link, "ifname");
            let kind = text(&link["linkinfo"], "info_kind");
            let mut told = json!({
                "kind": kind,
                "up": link["flags"].as_array().is_some_and(|flags| flags.contains(&json!("UP"))),
                "master": link["master"],
                "alias": link["ifalias"],
                "group": link["group"],
                "generation": link["inet6_addr_gen_mode"],
            });
            if kind != "bridge" && kind != "vrf" {
                told["mtu"] = link["mtu"].clone();
            }
            // Those that the kernel draws are no gateway's.
            let mac = text(link, "address");
            if mac.starts_with("00:f3:") {
                told["mac"] = json!(mac);
            }
            let data = &link["linkinfo"]["info_data"];
            if kind == "vxlan" {
                for key in ["id", "local", "local6", "port", "learning"] {
                    told[key] = data[key].clone();
                }
            }
            let port = &link["linkinfo"]["info_slave_data"];
            if text(&link["linkinfo"], "info_slave_kind") == "bridge" {
                told["port"] = json!([port["neigh_suppress"], port["learning"]]);
            }
            if kind == "veth" {
                told["peer"] = json!(self.peer(link, other));
            }
            state.insert(format!("{} link {name}", self.space), told);
        }
    }

    /// The name of a veth's other end, when it is in one of the namespaces.
    fn peer(&self, link: &Value, other: &Self) -> Option<String> {
        if let Some(name) = link["link"].as_str() {
            return Some(format!("{} {name}", self.space));
        }
        let peer = other.links.iter().find(|end| {
            end["ifindex"] == link["link_index"] && end["link_index"] == link["ifindex"]
        })?;
        Some(format!("{} {}", other.space, text(peer, "ifname")))
    }

    fn addresses(&self, state: &mut State) {
        for link in &self.addresses {
            let infos = link["addr_info"].as_array().into_iter().flatten();
            let global = infos.filter(|info| text(info, "scope") != "link");
            let told: BTreeSet<String> = global
                .map(|info| format!("{}/{}", text(info, "local"), info["prefixlen"]))
                .collect();
            let name = text(link, "ifname");
            state.insert(format!("{} addresses of {name}", self.space), json!(told));
        }
    }

    fn routes(&self, state: &mut State) {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for route in &self.routes {
            let destination = text(route, "dst");
            // The kernel makes these by itself, when a link has a carrier.
            let by_itself = destination.starts_with("fe80:")
                || destination.starts_with("ff00:")
                || matches!(text(route, "type"), "multicast" | "anycast");
            if by_itself {
                continue;
            }
            let told = format!(
                "{} {destination} via {} dev {} proto {} scope {} src {} metric {}",
                text(route, "type"),
                route["gateway"],
                text(route, "dev"),
                text(route, "protocol"),
                text(route, "scope"),
                route["prefsrc"],
                route["metric"],
            );
            all.entry(self.table(route)).or_default().insert(told);
        }
        for (table, routes) in all {
            state.insert(format!("{} routes of {table}", self.space), json!(routes));
        }
    }

    /// A table by its VRF, which may have come by any number.
    fn table(&self, route: &Value) -> String {
        let Some(number) = text(route, "table").parse::<u64>().ok() else {
            let name = text(route, "table");
            return if name.is_empty() {
                "main".to_owned()
            } else {
                name.to_owned()
            };
        };
        let mut links = self.links.iter();
        let vrf = links.find(|link| link["linkinfo"]["info_data"]["table"] == json!(number));
        vrf.map_or_else(
            || format!("table {number}"),
            |vrf| format!("VRF {}", text(vrf, "ifname")),
        )
    }

    /// Where there are VRFs: the kernel's rule for them outlives them, and so do ours.
    fn rules(&self, state: &mut State) {
        let is_vrf = |link: &Value| text(&link["linkinfo"], "info_kind") == "vrf";
        if !self.links.iter().any(is_vrf) {
            return;
        }
        for (version, rules) in ["IPv4", "IPv6"].iter().zip(&self.rules) {
            let told: BTreeSet<String> = rules.iter().map(Value::to_string).collect();
            state.insert(format!("{} {version} rules", self.space), json!(told));
        }
    }
}
