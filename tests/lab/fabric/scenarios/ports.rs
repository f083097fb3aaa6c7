//! FRR's management ports, which listen on all addresses without asking who is there, are
//! reached from nowhere but the router's own loopback: neither over the underlay nor over the
//! veth of a VRF, over IPv4 or IPv6. BGP's port beside them is reached from everywhere.
//!
//! Seen to fail: with the guard's rules flushed in the router's namespace.

use serde_json::Value;

use crate::fabric::{Fabric, Failure, json};
use crate::names::{NODE1, SPINE};

/// The gRPC ports of zebra, bgpd, staticd, bfdd, and the vty ports of zebra, bgpd, staticd,
/// bfdd, mgmtd.
const MANAGEMENT: [u16; 9] = [50051, 50052, 50053, 50054, 2601, 2605, 2616, 2617, 2623];

/// Where BGP listens.
const BGP: u16 = 179;

/// Tries all ports of all addresses at once for one second, and prints which accept.
const PROBE: &str = r#"
import concurrent.futures, json, socket, sys
def accepts(address, port):
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(
            address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.settimeout(1)
            probe.connect(place)
            return True
    except OSError:
        return False
ports = [int(port) for port in sys.argv[1].split(",")]
pairs = [(address, port) for address in sys.argv[2:] for port in ports]
with concurrent.futures.ThreadPoolExecutor(len(pairs)) as pool:
    answers = list(pool.map(lambda pair: accepts(*pair), pairs))
print(json.dumps([[a, p] for (a, p), accepted in zip(pairs, answers) if accepted]))
"#;

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let underlay = link_local(fabric, "eth1")?;
    let veth = link_local(fabric, "pe-e-100")?;
    let from_spine = [
        "10.0.1.2".to_owned(),
        "100.65.0.0".to_owned(),
        format!("{underlay}%eth1"),
    ];
    let from_host = ["192.169.10.1".to_owned(), format!("{veth}%host-e-100")];
    let mut closed = 0;
    for (node, addresses) in [(SPINE, &from_spine[..]), (NODE1, &from_host[..])] {
        closed += unreachable_from(fabric, node, addresses)?;
    }
    let inside = ["nsenter", "--net=/run/netns/perouter"];
    let open = accepting(fabric, NODE1, &inside, &["127.0.0.1".to_owned()])?;
    for port in MANAGEMENT {
        if !open.contains(&("127.0.0.1".to_owned(), port)) {
            return Err(format!("nothing listens on port {port}: this test shows nothing").into());
        }
    }
    Ok(format!(
        "{closed} ports closed from the spine (10.0.1.2, 100.65.0.0, {underlay}) and the host \
         (192.169.10.1, {veth}), BGP open on all five; {} open on the loopback",
        open.len()
    ))
}

/// Demands that BGP, and nothing else, is reached at each of the addresses; counts the closed.
fn unreachable_from(fabric: &Fabric, node: &str, addresses: &[String]) -> Result<usize, Failure> {
    let open = accepting(fabric, node, &[], addresses)?;
    for address in addresses {
        if !open.contains(&(address.clone(), BGP)) {
            return Err(format!(
                "{node} does not even reach BGP at {address}, so closed ports there mean nothing"
            )
            .into());
        }
    }
    let wrong = open.iter().find(|(_, port)| *port != BGP);
    if let Some((address, port)) = wrong {
        return Err(format!("{node} reaches port {port} of {address}").into());
    }
    Ok(addresses.len() * MANAGEMENT.len())
}

fn accepting(
    fabric: &Fabric,
    node: &str,
    prefix: &[&str],
    addresses: &[String],
) -> Result<Vec<(String, u16)>, Failure> {
    let all: Vec<u16> = MANAGEMENT.into_iter().chain([BGP]).collect();
    let ports: Vec<String> = all.iter().map(u16::to_string).collect();
    let ports = ports.join(",");
    let probe = [prefix, &["python3", "-c", PROBE, &ports]].concat();
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let answer = fabric.ask(node, &[probe, addresses].concat())?;
    Ok(serde_json::from_str(&answer)?)
}

/// The IPv6 link-local address of a link of node1's router.
fn link_local(fabric: &Fabric, link: &str) -> Result<String, Failure> {
    let shown = fabric.router(NODE1, &["ip", "-j", "-6", "address", "show", "dev", link])?;
    let shown: Value = json(&shown)?;
    let address = shown[0]["addr_info"][0]["local"].as_str();
    Ok(address
        .ok_or_else(|| format!("{link} has no IPv6 address: {shown}"))?
        .to_owned())
}
