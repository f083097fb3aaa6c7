//! The firewall around FRR's management ports, tried with real TCP connections from outside.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use perouter::netlink::firewall::{Backend, Firewall};
use perouter::netlink::namespace::Netns;
use perouter::plan::link::{FirewallState, KernelStep, LinkChange, Space};

use crate::bed::{Bed, Namespace, veth};

/// One port of each range's ends and some between, as FRR's daemons use them.
const CLOSED: [u16; 6] = [2601, 2605, 2623, 50051, 50052, 50058];
/// BGP, and the neighbours of the closed ranges.
const OPEN: [u16; 5] = [179, 2600, 2624, 50050, 50059];

fn netns(namespace: &Namespace) -> Netns {
    Netns::open(&namespace.path()).unwrap()
}

fn listen(inside: &Netns, ports: &[u16]) -> Vec<TcpListener> {
    let ports = ports.to_vec();
    inside
        .run_blocking(move || {
            ports
                .iter()
                .map(|port| TcpListener::bind(("::", *port)).unwrap())
                .collect()
        })
        .unwrap()
}

fn connect(from: &Netns, address: SocketAddr) -> Result<(), ErrorKind> {
    from.run_blocking(move || {
        TcpStream::connect_timeout(&address, Duration::from_millis(300)).map(drop)
    })
    .unwrap()
    .map_err(|error| error.kind())
}

/// A host and a router on one wire, with listeners on all ports in the router.
async fn bed_on_a_wire() -> (Bed, Vec<TcpListener>) {
    let bed = Bed::new().await;
    bed.add(veth("pe-e-1", "host-e-1")).await;
    bed.set(Space::Router, "pe-e-1", LinkChange::Up).await;
    bed.set(Space::Host, "host-e-1", LinkChange::Up).await;
    bed.router.ip("address add 192.0.2.1/24 dev pe-e-1");
    bed.router.ip("address add 2001:db8::1/64 dev pe-e-1 nodad");
    bed.host.ip("address add 192.0.2.2/24 dev host-e-1");
    bed.host.ip("address add 2001:db8::2/64 dev host-e-1 nodad");
    let ports = [CLOSED.as_slice(), OPEN.as_slice()].concat();
    let listeners = listen(&netns(&bed.router), &ports);
    (bed, listeners)
}

/// Demands that the closed ports are closed to the host, and only those and only to it.
async fn only_loopback_reaches_the_management_ports(backend: Option<Backend>) {
    let (bed, _listeners) = bed_on_a_wire().await;
    let (inside, outside) = (netns(&bed.router), netns(&bed.host));
    let at = |address: &str, port: u16| SocketAddr::new(address.parse().unwrap(), port);
    for port in CLOSED {
        assert_eq!(
            connect(&outside, at("192.0.2.1", port)),
            Ok(()),
            "the wire itself does not work"
        );
    }

    match backend {
        Some(backend) => Firewall::by(inside.clone(), backend)
            .install()
            .await
            .unwrap(),
        None => bed.execute(KernelStep::InstallFirewall).await,
    }
    for port in CLOSED {
        for address in ["192.0.2.1", "2001:db8::1"] {
            let outcome = connect(&outside, at(address, port));
            assert_eq!(outcome, Err(ErrorKind::TimedOut), "{address} {port}");
            let outcome = connect(&inside, at(address, port));
            assert_eq!(outcome, Ok(()), "{address} {port}");
        }
        assert_eq!(connect(&inside, at("127.0.0.1", port)), Ok(()), "{port}");
        assert_eq!(connect(&inside, at("::1", port)), Ok(()), "{port}");
    }
    for port in OPEN {
        for address in ["192.0.2.1", "2001:db8::1"] {
            let outcome = connect(&outside, at(address, port));
            assert_eq!(outcome, Ok(()), "{address} {port}");
        }
    }
}

/// Demands that whatever the kernel has for it closes the ports; used where the kernel is
/// another one.
pub(crate) async fn some_backend_closes_the_ports() {
    only_loopback_reaches_the_management_ports(None).await;
}

#[tokio::test]
async fn only_loopback_reaches_the_ports_by_a_step() {
    only_loopback_reaches_the_management_ports(None).await;
}

#[tokio::test]
async fn only_loopback_reaches_the_ports_by_nftables() {
    only_loopback_reaches_the_management_ports(Some(Backend::Nftables)).await;
}

#[tokio::test]
async fn only_loopback_reaches_the_ports_by_iptables() {
    only_loopback_reaches_the_management_ports(Some(Backend::Legacy)).await;
}

#[tokio::test]
async fn nftables_comes_first() {
    let namespace = Namespace::new("choice");
    let firewall = Firewall::new(netns(&namespace));
    assert_eq!(firewall.backend().await.unwrap(), Backend::Nftables);
}

#[tokio::test]
async fn its_state_is_read_back() {
    let bed = Bed::new().await;
    assert_eq!(bed.observe().await.firewall, FirewallState::Absent);
    bed.execute(KernelStep::InstallFirewall).await;
    assert_eq!(bed.observe().await.firewall, FirewallState::Installed);
    bed.router.exec("nft", "delete table inet perouter");
    assert_eq!(bed.observe().await.firewall, FirewallState::Absent);
}

/// Demands that each of `changes` is noticed and repaired.
async fn repairs(backend: Backend, changes: &[(&str, &str)]) {
    let namespace = Namespace::new("repairs");
    let firewall = Firewall::by(netns(&namespace), backend);
    assert_eq!(firewall.state().await.unwrap(), FirewallState::Absent);
    firewall.install().await.unwrap();
    assert_eq!(firewall.state().await.unwrap(), FirewallState::Installed);
    firewall.install().await.unwrap();
    assert_eq!(firewall.state().await.unwrap(), FirewallState::Installed);
    for (program, change) in changes {
        namespace.exec(program, change);
        let state = firewall.state().await.unwrap();
        assert_eq!(state, FirewallState::Different, "after {program} {change}");
        firewall.install().await.unwrap();
        let state = firewall.state().await.unwrap();
        assert_eq!(state, FirewallState::Installed, "after {program} {change}");
    }
}

#[tokio::test]
async fn every_change_of_the_table_is_repaired() {
    let changes = [
        ("nft", "add chain inet perouter other"),
        ("nft", "flush chain inet perouter input"),
        ("nft", "insert rule inet perouter input accept"),
        ("nft", "add chain inet perouter input { policy drop ; }"),
    ];
    repairs(Backend::Nftables, &changes).await;
}

#[tokio::test]
async fn every_change_of_the_chain_is_repaired() {
    let changes = [
        ("iptables-legacy", "-F PEROUTER"),
        ("ip6tables-legacy", "-F PEROUTER"),
        ("iptables-legacy", "-D INPUT -j PEROUTER"),
        ("ip6tables-legacy", "-I INPUT -j ACCEPT"),
        ("iptables-legacy", "-I PEROUTER -p tcp -j ACCEPT"),
        ("iptables-legacy", "-A INPUT -j PEROUTER"),
    ];
    repairs(Backend::Legacy, &changes).await;
}

#[tokio::test]
async fn rules_of_others_stay_in_iptables() {
    let namespace = Namespace::new("others");
    namespace.exec("iptables-legacy", "-N OTHER");
    namespace.exec("iptables-legacy", "-A OTHER -p tcp --dport 2605 -j ACCEPT");
    namespace.exec("iptables-legacy", "-A INPUT -j OTHER");
    Firewall::by(netns(&namespace), Backend::Legacy)
        .install()
        .await
        .unwrap();
    let rules = namespace.exec("iptables-legacy", "-S");
    let rules: Vec<&str> = rules
        .lines()
        .filter(|rule| rule.starts_with("-A"))
        .collect();
    let expected = [
        "-A INPUT -j PEROUTER",
        "-A INPUT -j OTHER",
        "-A OTHER -p tcp -m tcp --dport 2605 -j ACCEPT",
    ];
    for rule in expected {
        assert!(rules.contains(&rule), "{rule} is not in {rules:#?}");
    }
    assert_eq!(rules[0], expected[0], "ours is not the first");
}

#[tokio::test]
async fn tables_of_others_stay_as_they_are() {
    let bed = Bed::new().await;
    bed.router.exec("nft", "add table inet foreign");
    bed.router.exec(
        "nft",
        "add chain inet foreign input { type filter hook input priority 0 ; }",
    );
    bed.router
        .exec("nft", "add rule inet foreign input tcp dport 2605 counter");
    bed.router.exec("nft", "add table ip perouter");
    let foreign = || {
        bed.router.exec("nft", "list table inet foreign")
            + &bed.router.exec("nft", "list table ip perouter")
    };
    let before = foreign();
    bed.execute(KernelStep::InstallFirewall).await;
    bed.execute(KernelStep::InstallFirewall).await;
    assert_eq!(foreign(), before);
    assert_eq!(bed.observe().await.firewall, FirewallState::Installed);
}

#[tokio::test]
async fn the_host_has_no_such_table() {
    let bed = Bed::new().await;
    bed.execute(KernelStep::InstallFirewall).await;
    assert_eq!(bed.host.exec("nft", "list ruleset"), "");
}
