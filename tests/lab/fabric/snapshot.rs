//! What node1 holds in kernel and FRR, without what legitimately differs from one bring-up to the
//! next: indices, counters, timers, random Ethernet addresses. So two states that should be the
//! same can be compared, whatever happened in between.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::fabric::{Fabric, Failure, json};
use crate::names::NODE1;

/// What every link of somebody else is called that [`STRANGERS`] makes.
const STRANGER: &str = "stranger";

/// Links, addresses, routes, a rule and a neighbour of somebody else in the host's namespace.
const STRANGERS: &str = "
    ip link add stranger0 type dummy; ip link set stranger0 up mtu 1400 alias 'not yours'
    ip address add 198.51.100.1/24 dev stranger0
    ip address add 2001:db8:5::1/64 dev stranger0 nodad
    ip route add 203.0.113.0/24 via 198.51.100.2
    ip route add blackhole 203.0.113.128/25 table 77
    ip rule add from 203.0.113.0/24 lookup 77 priority 700
    ip neighbour add 198.51.100.3 lladdr 02:00:00:00:00:33 dev stranger0 nud permanent
    ip link add stranger1 address 02:00:00:00:00:11 mtu 1500 type bridge
    ip link set stranger1 mtu 1501; ip link set stranger1 up
    ip link add stranger2 type veth peer name stranger3
    ip link set stranger2 master stranger1; ip link set stranger2 up; ip link set stranger3 up";

/// Prints everything of the namespace that it runs in, each sort after its name.
const KERNEL: &str = r#"
    show() { echo "== $place $1"; shift; "$@"; echo; }
    show links ip -j -d link
    show addresses ip -j address
    show routes ip -j route show table all
    show routes6 ip -j -6 route show table all
    show rules ip -j rule
    show rules6 ip -j -6 rule
    show neighbours ip -j neighbour show nud all
    show ports bridge -j -d link
    show fdb bridge -j fdb
    show firewall nft list ruleset
    show legacy4 iptables-legacy -S
    show legacy6 ip6tables-legacy -S
    cd /proc/sys/net
    show sysctls grep -s . ipv4/{tcp,udp}_l3mdev_accept ipv{4,6}/conf/*/forwarding \
        ipv4/conf/*/{arp_accept,rp_filter} ipv6/conf/{all,default}/accept_untracked_na
"#;

/// Prints what each daemon of the router's FRR runs, by its vty: vtysh takes a third of a second
/// each time. mgmtd is not asked: it does not know what the daemons are told by others.
const DAEMONS: &str = r#"
import socket
def ask(daemon, command):
    with socket.socket(socket.AF_UNIX) as vty:
        vty.settimeout(5)
        vty.connect(f"/run/frr/perouter/{daemon}.vty")
        for line in ("enable", command):
            vty.sendall(line.encode() + b"\0")
            answer = b""
            while answer[-4:-1] != b"\0\0\0":
                more = vty.recv(65536)
                if not more:
                    return
                answer += more
        print(answer[:-4].decode())
for daemon in ("zebra", "bgpd", "bfdd", "staticd"):
    print(f"== router {daemon}")
    ask(daemon, "show running-config")
print("== router vnis")
ask("zebra", "show vrf vni json")
"#;

/// What says nothing, wherever it is: it counts up or down, or was drawn by lot.
const IDLE: [&str; 27] = [
    "ifindex",
    "link_index",
    "link_netnsid",
    "nhid",
    "cache",
    "expires",
    "refcnt",
    "hello_timer",
    "tcn_timer",
    "topology_change_timer",
    "gc_timer",
    "hold_timer",
    "message_age_timer",
    "forward_delay_timer",
    "topology_change",
    "topology_change_detected",
    "bridge_id",
    "root_id",
    "designated_root",
    "designated_bridge",
    "fdb_n_learned",
    "mcast_n_groups",
    "routerMac",
    "id",
    "no",
    "designated_port",
    "stats64",
];

/// One line for each thing, with where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot(BTreeSet<String>);

impl Snapshot {
    /// Takes it of node1.
    pub(crate) fn take(fabric: &Fabric) -> Result<Self, Failure> {
        let script = format!(
            "kernel='{}'; place=host; eval \"$kernel\"
             place=router nsenter --net=/run/netns/perouter bash -c \"$kernel\"
             python3 -c '{DAEMONS}'",
            KERNEL.replace('\'', r"'\''")
        );
        // A namespace or daemon may be missing right now: what is there counts.
        let shown = fabric.run(NODE1, &["bash", "-c", &script])?.output;
        let mut lines = BTreeSet::new();
        for section in shown.split("== ").skip(1) {
            let (name, body) = section.split_once('\n').unwrap_or((section, ""));
            lines.extend(read(name, body)?);
        }
        Ok(Self(lines))
    }

    /// What of `self` is missing, or new, in `now`; nothing if they are the same.
    pub(crate) fn same(&self, now: &Self) -> Result<(), String> {
        let missing = self.0.difference(&now.0).map(|line| format!("- {line}"));
        let new = now.0.difference(&self.0).map(|line| format!("+ {line}"));
        let differences: Vec<String> = missing.chain(new).collect();
        if differences.is_empty() {
            return Ok(());
        }
        let shown = differences.iter().take(12);
        let shown: Vec<&str> = shown.map(String::as_str).collect();
        Err(format!(
            "{} lines differ from a fresh bring-up:\n{}",
            differences.len(),
            shown.join("\n")
        ))
    }

    /// How many things it holds.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// Makes things of somebody else in node1, which nothing that follows may touch.
pub(crate) fn make_strangers(fabric: &Fabric) -> Result<(), Failure> {
    fabric.shell(NODE1, STRANGERS)?;
    Ok(())
}

/// The lines of one sort.
fn read(name: &str, body: &str) -> Result<Vec<String>, Failure> {
    let body = body.trim();
    if !body.starts_with(['[', '{']) {
        let lines = body.lines().map(str::trim_end);
        let lines = lines.filter(|line| !is_heading(line));
        return Ok(in_context(name, lines));
    }
    let shown = json(body)?;
    let things = shown.as_array().cloned().unwrap_or_else(|| vec![shown]);
    let things = things.into_iter().filter(|thing| lasts(name, thing));
    Ok(things
        .map(|thing| format!("{name}: {}", without_idle(thing)))
        .collect())
}

/// What FRR prints around its configuration.
fn is_heading(line: &str) -> bool {
    ["Building", "Current", "frr version", "!", "end"]
        .iter()
        .any(|word| line.starts_with(word))
        || line.is_empty()
}

/// Gives each indented line the line that it stands under.
fn in_context<'a>(name: &str, lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut context = "";
    let mut found = Vec::new();
    for line in lines {
        if !line.starts_with([' ', '\t']) {
            context = line;
        }
        found.push(format!("{name}: {context} / {}", line.trim()));
    }
    found
}

/// Whether something is there to stay: neighbours and forwarding entries that the kernel learned
/// come and go, and its own ones follow from Ethernet addresses.
fn lasts(name: &str, thing: &Value) -> bool {
    let has = |field: &str, word: &str| {
        let words = thing[field].as_array().into_iter().flatten();
        words.chain([&thing[field]]).any(|found| found == word)
    };
    if name.ends_with("fdb") {
        return has("flags", "extern_learn") || !thing["dst"].is_null();
    }
    if name.ends_with("neighbours") {
        let told = !thing["extern_learn"].is_null() || has("flags", "extern_learn");
        return told || is_strange(thing) || (has("state", "PERMANENT") && !has("dev", "lo"));
    }
    // Addresses of IPv6 on a link come some time after it is up, and their routes with them.
    let destination = thing["dst"].as_str().unwrap_or_default();
    !destination.starts_with("fe80:") && !destination.starts_with("ff00:")
}

fn is_strange(thing: &Value) -> bool {
    let names = [&thing["ifname"], &thing["dev"]];
    let mut names = names.iter().filter_map(|name| name.as_str());
    names.any(|name| name.starts_with(STRANGER))
}

/// A thing without what says nothing. Of others' links, nothing at all may change.
fn without_idle(mut thing: Value) -> Value {
    if is_strange(&thing) {
        if let Some(addresses) = thing["addr_info"].as_array_mut() {
            addresses.retain(is_no_link_local);
        }
        remove(&mut thing, &IDLE[2..]);
        return thing;
    }
    // An Ethernet address is drawn by lot, but for that of a NIC and what EVPN tells.
    let is_virtual = !thing["linkinfo"].is_null() || !thing["addr_info"].is_null();
    if is_virtual && thing["ifname"] != "eth1" {
        remove(&mut thing, &["address", "permaddr"]);
    }
    if let Some(addresses) = thing["addr_info"].as_array_mut() {
        addresses.retain(is_no_link_local);
    }
    remove(&mut thing, &IDLE);
    thing
}

fn is_no_link_local(address: &Value) -> bool {
    let local = address["local"].as_str().unwrap_or_default();
    !local.starts_with("fe80:")
}

/// Removes fields wherever they are.
fn remove(value: &mut Value, fields: &[&str]) {
    match value {
        Value::Object(object) => {
            object.retain(|field, _| !fields.contains(&field.as_str()));
            object.values_mut().for_each(|inner| remove(inner, fields));
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| remove(inner, fields)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
