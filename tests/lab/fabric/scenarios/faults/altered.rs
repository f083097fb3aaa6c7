//! Every attribute that is the agent's, altered by hand, is put right by the one step that it
//! takes.
//!
//! Seen to fail: with an agent that leaves the routes over a bridge to zebra, and when somebody
//! else's bridge kept a trace of our port.

use super::repair::Mended::{About, By};
use super::repair::Noticed::{Looked, Told};
use super::repair::{self, Fault, Mended, Noticed};
use super::watch::{self, Cost};
use crate::fabric::{Fabric, Failure};

const fn fault(what: &'static str, done: &'static str, noticed: Noticed, mended: Mended) -> Fault {
    Fault {
        what,
        done,
        noticed,
        mended,
    }
}

pub(crate) fn run(fabric: &Fabric) -> Result<String, Failure> {
    let costs = repair::all(fabric, FAULTS)?;
    watch::tell(&costs, costs_no_other)
}

/// What happens to VRF red's links is nothing to VRF blue.
pub(super) fn costs_no_other(cost: &Cost) -> Result<(), String> {
    // A bridge has the lowest MAC of its ports: the fault itself may give blue's another one.
    let shared = cost.what.starts_with("underlay:") || cost.what.contains("another bridge");
    if !shared && cost.blue.lost > 0 {
        return Err(format!("VRF blue lost {} pings", cost.blue.lost));
    }
    let others: Vec<&String> = cost.down.iter().filter(|name| !is_reds(name)).collect();
    if !shared && !others.is_empty() {
        return Err(format!("sessions of others went down: {others:?}"));
    }
    Ok(())
}

fn is_reds(session: &str) -> bool {
    session.contains(" red ")
}

/// What disturbs nobody: all at once, so that a step too many or too few shows all the same.
const QUIET: &str = "
    r ip link set red addrgenmode none; r ip link set red alias mine
    r ip address add 198.51.100.7/32 dev red
    r ip link set br-pe-100 addrgenmode eui64; r ip link set br-pe-100 alias mine
    r ip address add 198.51.100.8/24 dev br-pe-100
    r ip link set vni100 addrgenmode eui64; r ip link set vni100 alias mine
    r ip address add 198.51.100.9/24 dev vni100
    r ip link set pe-e-100 addrgenmode none; r ip link set pe-e-100 alias mine
    r ip address add 198.18.0.6/24 dev pe-e-100
    ip link set host-e-100 addrgenmode none; ip link set host-e-100 alias mine
    ip address add 198.18.0.7/24 dev host-e-100
    r ip address add 198.51.100.10/32 dev lo
    r ip link set eth1 group 0";

#[rustfmt::skip]
const FAULTS: &[Fault] = &[
    fault("attributes that nobody notices", QUIET, Told, By(&[
        "~ router: link red alias \"perouter: L3VNI perouter-system/red\"",
        "~ router: link red addrgenmode eui64",
        "- router: address 198.51.100.7/32 on red",
        "~ router: link br-pe-100 alias \"perouter: L3VNI perouter-system/red\"",
        "~ router: link br-pe-100 addrgenmode none",
        "- router: address 198.51.100.8/24 on br-pe-100",
        "~ router: link vni100 alias \"perouter: L3VNI perouter-system/red\"",
        "~ router: link vni100 addrgenmode none",
        "- router: address 198.51.100.9/24 on vni100",
        "~ router: link pe-e-100 alias \"perouter: L3VNI perouter-system/red\"",
        "~ router: link pe-e-100 addrgenmode eui64",
        "- router: address 198.18.0.6/24 on pe-e-100",
        "~ host: link host-e-100 alias \"perouter: L3VNI perouter-system/red\"",
        "~ host: link host-e-100 addrgenmode eui64",
        "- host: address 198.18.0.7/24 on host-e-100",
        "- router: address 198.51.100.10/32 on lo",
        "~ router: link eth1 group 4242"])),
    fault("bridge out of its VRF", "r ip link set br-pe-100 nomaster", Told,
        By(&["~ router: link br-pe-100 master red", "~ router: link br-pe-100 down and up"])),
    fault("bridge in another VRF", "r ip link set br-pe-100 master blue", Told,
        By(&["~ router: link br-pe-100 master red", "~ router: link br-pe-100 down and up"])),
    fault("bridge down", "r ip link set br-pe-100 down", Told,
        By(&["~ router: link br-pe-100 up"])),
    fault("VXLAN port learns", "r bridge link set dev vni100 learning on", Told,
        By(&["~ router: link vni100 neigh_suppress on learning off"])),
    fault("VXLAN port suppresses nothing", "r bridge link set dev vni100 neigh_suppress off", Told,
        By(&["~ router: link vni100 neigh_suppress on learning off"])),
    fault("VXLAN device in another bridge", "r ip link set vni100 master br-pe-200", Told,
        By(&["~ router: link vni100 master br-pe-100",
             "~ router: link vni100 neigh_suppress on learning off",
             "~ router: link br-pe-100 down and up"])),
    fault("VXLAN device down", "r ip link set vni100 down", Told,
        By(&["~ router: link vni100 up"])),
    fault("VXLAN device learns", "r ip link set vni100 type vxlan learning", Told,
        About(&["vni100", "br-pe-100 down and up"])),
    fault("VXLAN device of another VTEP", "r ip link set vni100 type vxlan local 100.65.0.77", Told,
        About(&["vni100", "br-pe-100 down and up"])),
    fault("zebra lost a route of the host", forget!("172.16.1.0/24"), Told,
        By(&["~ bgpd: route 172.16.1.0/24 of VRF red told to zebra anew, which had not got what bgpd chose"])),
    fault("zebra lost a route of the fabric", forget!("172.16.2.0/24"), Told,
        By(&["~ bgpd: route 172.16.2.0/24 of VRF red told to zebra anew, which had not got what bgpd chose"])),
    fault("veth: MTU of both ends", "r ip link set pe-e-100 mtu 1300; ip link set host-e-100 mtu 1300", Told,
        By(&["~ router: link pe-e-100 mtu 9450", "~ host: link host-e-100 mtu 9450"])),
    fault("veth: out of its VRF", "r ip link set pe-e-100 nomaster", Told,
        By(&["~ router: link pe-e-100 master red"])),
    fault("veth: in another VRF", "r ip link set pe-e-100 master blue", Told,
        By(&["~ router: link pe-e-100 master red"])),
    fault("veth: no address in the router", "r ip address flush dev pe-e-100 scope global", Told,
        By(&["+ router: address 192.169.10.1/24 on pe-e-100"])),
    fault("veth: another prefix length",
        "r ip address del 192.169.10.1/24 dev pe-e-100; r ip address add 192.169.10.1/25 dev pe-e-100", Told,
        About(&["192.169.10.1/24 on pe-e-100", "192.169.10.1/25 on pe-e-100"])),
    fault("veth: down in the router", "r ip link set pe-e-100 down", Told,
        By(&["~ router: link pe-e-100 up"])),
    fault("veth: in somebody's bridge", "ip link set host-e-100 master stranger1", Told,
        By(&["~ host: link host-e-100 nomaster"])),
    fault("veth: no address in the host", "ip address del 192.169.10.2/24 dev host-e-100", Told,
        By(&["+ host: address 192.169.10.2/24 on host-e-100"])),
    fault("veth: down in the host", "ip link set host-e-100 down", Told,
        By(&["~ host: link host-e-100 up"])),
    fault("underlay: no VTEP", "r ip address del 100.65.0.0/32 dev lo", Told,
        By(&["+ router: address 100.65.0.0/32 on lo"])),
    fault("underlay: lo down", "r ip link set lo down", Told,
        By(&["~ router: link lo up"])),
    fault("underlay: no address", "r ip address del 10.0.1.2/24 dev eth1", Told,
        By(&["+ router: address 10.0.1.2/24 on eth1"])),
    fault("underlay: NIC down", "r ip link set eth1 down", Told,
        By(&["~ router: link eth1 up"])),
    // Of these the kernel does not tell.
    fault("underlay: firewall, rules and sysctls", "r nft flush ruleset
        for table in iptables-legacy ip6tables-legacy; do r $table -F || true; done
        r ip rule del priority 2000; r ip -6 rule del priority 2000
        r sysctl -qw net.ipv4.conf.all.arp_accept=0 net.ipv4.conf.default.arp_accept=0 \
        net.ipv4.tcp_l3mdev_accept=1 net.ipv4.udp_l3mdev_accept=1", Looked,
        By(&["+ router: nftables table that keeps strangers from FRR's ports",
            "+ router: IPv4 rule that keeps VRFs apart", "+ router: IPv6 rule that keeps VRFs apart",
            "~ router: sysctl net/ipv4/conf/all/arp_accept = 1",
            "~ router: sysctl net/ipv4/conf/default/arp_accept = 1",
            "~ router: sysctl net/ipv4/tcp_l3mdev_accept = 0",
            "~ router: sysctl net/ipv4/udp_l3mdev_accept = 0"])),
    fault("underlay: no forwarding",
        "r sysctl -qw net.ipv4.conf.all.forwarding=0 net.ipv6.conf.all.forwarding=0", Looked,
        By(&["~ router: sysctl net/ipv4/conf/all/forwarding = 1",
            "~ router: sysctl net/ipv6/conf/all/forwarding = 1"])),
];
