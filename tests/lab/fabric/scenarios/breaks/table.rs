//! The faults of the routed fabric.

use super::{Break, Mender, Soon, fault, passing};
use crate::names::{LEAF, NODE1, NODE2, SPINE};
use crate::scenarios::faults::forget;

#[rustfmt::skip]
pub(super) const BREAKS: &[Break] = &[
    fault("the switch's bgpd is killed", "underlay-session", Soon::Session, SPINE,
        "pid=$(pgrep -x bgpd); now; kill -KILL $pid",
        "/usr/lib/frr/bgpd -d --log file:/var/log/frr/bgpd.log -A 127.0.0.1; vtysh -b >&2"),
    fault("the switch shuts the session down", "underlay-session", Soon::Late, SPINE,
        "frr 'router bgp 64512' 'neighbor 10.0.1.2 shutdown'",
        "frr 'router bgp 64512' 'no neighbor 10.0.1.2 shutdown'"),
    fault("the switch expects another AS", "underlay-session", Soon::Late, SPINE,
        "frr 'router bgp 64512' 'neighbor 10.0.1.2 remote-as 64999'",
        "frr 'router bgp 64512' 'neighbor 10.0.1.2 remote-as 64514'"),
    fault("the switch expects a password", "underlay-session", Soon::Late, SPINE,
        "frr 'router bgp 64512' 'neighbor 10.0.1.2 password xyzzy'",
        "frr 'router bgp 64512' 'no neighbor 10.0.1.2 password'"),
    fault("the switch does not speak EVPN to us", "evpn-family", Soon::Late, SPINE,
        "frr 'router bgp 64512' 'address-family l2vpn evpn' 'no neighbor 10.0.1.2 activate'",
        "frr 'router bgp 64512' 'address-family l2vpn evpn' 'neighbor 10.0.1.2 activate'"),
    fault("the host shuts its session down", "host-session", Soon::Late, NODE1,
        "frr 'router bgp 64515' 'neighbor 192.169.10.1 shutdown'",
        "frr 'router bgp 64515' 'no neighbor 192.169.10.1 shutdown'"),
    // What is deleted, zebra puts back before anybody notices; what is altered it leaves.
    fault("a route leads to another VTEP", "route-in-kernel", Soon::Told, NODE1,
        "now; r ip route change 172.16.9.0/24 via 100.64.0.77 dev br-pe-100 onlink proto bgp metric 20 vrf red",
        "r ip route change 172.16.9.0/24 via 100.64.0.9 dev br-pe-100 onlink proto bgp metric 20 vrf red"),
    fault("a remote router has another MAC", "neighbour-entry", Soon::Told, NODE1,
        "now; r ip neigh replace 100.64.0.9 lladdr 02:00:00:00:00:77 dev br-pe-100 nud noarp extern_learn",
        // zebra does not care; the agent has it write the entry again.
        ":"),
    fault("the entry of a remote router's MAC goes", "fdb-entry", Soon::Told, NODE1,
        "r bridge fdb show dev vni100 | awk '/dst 100.64.0.9 / {print $1; exit}' > /run/lab-mac
         now; r bridge fdb del $(cat /run/lab-mac) dev vni100 dst 100.64.0.9 self",
        // zebra does not hear of it; the agent has it write the entry again.
        ":"),
    fault("the leaf has our VTEP's address", "duplicate-vtep", Soon::Late, LEAF,
        "ip address add 100.65.0.0/32 dev lo; ip link set vni100 type vxlan local 100.65.0.0",
        "ip link set vni100 type vxlan local 100.64.0.9; ip address del 100.65.0.0/32 dev lo")
        // Without it bgpd drops the leaf's routes before anybody sees them.
        .after(NODE1,
            "printf '%s\n' 'router bgp 64514' ' bgp allow-martian-nexthop' | raw
             until vtysh -N perouter -c 'show running-config' 2>/dev/null | grep -q martian; do sleep 0.1; done",
            "rm /etc/perouter/zz-raw.yaml
             while vtysh -N perouter -c 'show running-config' 2>/dev/null | grep -q martian; do sleep 0.1; done"),
    fault("zebra loses a route of the fabric", "route-in-rib", Soon::Late, NODE1,
        // bgpd does not see it; the agent has it tell zebra again.
        forget!("172.16.9.0/24"), ":"),
    fault("the kernel drops what goes to a VTEP", "underlay-route", Soon::Told, NODE1,
        "now; r ip route replace blackhole 100.64.0.9 proto bgp metric 20",
        "r ip route replace 100.64.0.9 via 10.0.1.1 dev eth1 proto bgp metric 20"),
    fault("the kernel drops what goes to the host", "host-route-in-kernel", Soon::Told, NODE1,
        "now; r ip route replace blackhole 172.16.1.0/24 proto bgp metric 20 vrf red",
        "r ip route replace 172.16.1.0/24 via 192.169.10.2 dev pe-e-100 proto bgp metric 20 vrf red"),
    fault("the switch hides the leaf's VTEP from us", "underlay-route", Soon::Late, SPINE,
        "frr 'ip prefix-list hidden seq 5 deny 100.64.0.9/32' 'ip prefix-list hidden seq 10 permit any' \
         'router bgp 64512' 'address-family ipv4 unicast' 'neighbor 10.0.1.2 prefix-list hidden out'",
        "frr 'router bgp 64512' 'address-family ipv4 unicast' \
         'no neighbor 10.0.1.2 prefix-list hidden out' 'exit' 'exit' 'no ip prefix-list hidden'"),
    fault("the host expects another AS", "host-session", Soon::Late, NODE1,
        "frr 'router bgp 64515' 'neighbor 192.169.10.1 remote-as 64999'",
        "frr 'router bgp 64515' 'neighbor 192.169.10.1 remote-as 64514'"),
    // A list that says what FRR derives takes that number of any AS; so each side gets another one.
    fault("we import another route target than is exported", "route-filtered", Soon::Told, NODE1,
        "now; sed -i '/importRTs/{n;s/64514:200/64513:200/}' /etc/perouter/blue.yaml",
        "cp /etc/lab/manifests/blue.yaml /etc/perouter/blue.yaml")
        .after(NODE2,
            "sed -i '/exportRTs/{n;s/64514:200/64999:200/}' /etc/perouter/blue.yaml",
            "cp /etc/lab/manifests/blue.yaml /etc/perouter/blue.yaml"),
    // FRR 10.3 goes on with a distinguisher that was taken away: it has to be given the old one.
    fault("two VNIs get one route distinguisher", "route-targets", Soon::Told, NODE1,
        "for vni in 100 200; do vtysh -N perouter -c \"show bgp l2vpn evpn vni $vni\" 2>/dev/null \
                               | awk '$1 == \"RD:\" {print $2}' > /run/lab-rd-$vni; done
         now
         printf '%s\n' 'router bgp 64514 vrf blue' ' address-family l2vpn evpn' '  rd 10.0.0.1:999' \
                       'router bgp 64514 vrf red' ' address-family l2vpn evpn' '  rd 10.0.0.1:999' | raw",
        "rm /etc/perouter/zz-raw.yaml
         while vtysh -N perouter -c 'show running-config' 2>/dev/null | grep -q 'rd 10.0.0.1:999'; do sleep 0.1; done
         for vrf in red:100 blue:200; do
             rd=$(cat /run/lab-rd-${vrf#*:})
             vtysh -N perouter -c 'configure terminal' -c \"router bgp 64514 vrf ${vrf%:*}\" \
                   -c 'address-family l2vpn evpn' -c \"rd $rd\" -c \"no rd $rd\" >&2
         done"),
    fault("our routes get a route target of somebody else's", "bgp-vni", Soon::Late, NODE1,
        "printf '%s\n' 'router bgp 64514 vrf red' ' address-family l2vpn evpn' '  route-target export 64999:1' | raw",
        "rm /etc/perouter/zz-raw.yaml"),
    fault("zebra keeps the way to a VTEP from bgpd", "vtep-reachable", Soon::Late, NODE1,
        "now; vtysh -N perouter -c 'configure terminal' -c 'ip nht bgp route-map others' >&2",
        "vtysh -N perouter -c 'configure terminal' -c 'no ip nht bgp route-map others' >&2")
        // In zebra, and in bgpd, where the agent takes away what nobody asked it for.
        .after(NODE1,
            "printf '%s\n' 'ip prefix-list leaf seq 5 permit 100.64.0.9/32' \
                           'route-map others deny 10' ' match ip address prefix-list leaf' \
                           'route-map others permit 20' | tee /run/lab-others | raw
             until vtysh -N perouter -c 'show running-config bgpd' 2>/dev/null | grep -q others; do sleep 0.1; done
             vtysh -N perouter -f /run/lab-others >&2",
            "rm /etc/perouter/zz-raw.yaml
             vtysh -N perouter -c 'configure terminal' -c 'no route-map others' -c 'no ip prefix-list leaf' >&2"),
    // The site of origin that a switch puts on all routes is taken for this router's own.
    fault("the fabric's routes seem to come from this site", "route-imported", Soon::Late, NODE1,
        "now; printf '%s\n' 'router bgp 64514' ' address-family l2vpn evpn' '  mac-vrf soo 64512:99' | raw",
        "rm /etc/perouter/zz-raw.yaml
         while vtysh -N perouter -c 'show running-config' 2>/dev/null | grep -q 'mac-vrf soo'; do sleep 0.1; done")
        .after(SPINE,
            "frr 'route-map site permit 10' 'set extcommunity soo 64512:99' 'exit' 'router bgp 64512' \
                 'address-family l2vpn evpn' 'neighbor 10.0.1.2 route-map site out'",
            "frr 'router bgp 64512' 'address-family l2vpn evpn' 'no neighbor 10.0.1.2 route-map site out' \
                 'exit' 'exit' 'no route-map site'"),
    fault("a policy keeps our routes from the switch", "route-advertised", Soon::Late, NODE1,
        "printf '%s\n' 'route-map nothing deny 10' 'router bgp 64514' ' address-family l2vpn evpn' \
                       '  neighbor 10.0.1.1 route-map nothing out' | raw",
        "rm /etc/perouter/zz-raw.yaml"),
    fault("the NIC's MTU leaves no room for tunnels", "mtu-path", Soon::Told, NODE1,
        "r ip -o link show eth1 | sed -E 's/.* mtu ([0-9]+) .*/\\1/' > /run/lab-mtu
         now; r ip link set eth1 mtu 1300", "r ip link set eth1 mtu $(cat /run/lab-mtu)"),
    fault("another VXLAN device has the VNI", "links-present", Soon::Told, NODE1,
        "now; printf '%s\n' 'link del vni100' \
                           'link add foreign type vxlan id 100 local 100.65.0.0 dstport 4789' | r ip -batch -",
        "r ip link del foreign"),
    passing("the NIC's MTU leaves less room for tunnels", Mender::Agent,
        "r ip -o link show eth1 | sed -E 's/.* mtu ([0-9]+) .*/\\1/' > /run/lab-mtu
         now; r ip link set eth1 mtu 1450",
        "r ip -o link show pe-e-100 | grep -q ' mtu 1400 '",
        "r ip link set eth1 mtu $(cat /run/lab-mtu)"),
    passing("the VXLAN device goes down", Mender::Agent,
        "now; r ip link set vni100 down",
        "r ip -o link show vni100 | grep -q '[<,]UP[,>]'", ":"),
    passing("the SVI leaves its VRF", Mender::Agent,
        "now; r ip link set br-pe-100 nomaster",
        "r ip -o link show br-pe-100 | grep -q 'master red'", ":"),
    passing("the VTEP's address goes", Mender::Agent,
        "now; r ip address del 100.65.0.0/32 dev lo",
        "r ip -o address show dev lo | grep -q ' 100.65.0.0/32 '", ":"),
    passing("zebra takes the VNI from its VRF", Mender::Agent,
        "now; vtysh -N perouter -c 'configure terminal' -c 'vrf red' -c 'no vni 100' >&2",
        "vtysh -N perouter -c 'show evpn vni 100' 2>/dev/null | grep -q 'Tenant VRF: red'", ":"),
    passing("bgpd makes no Type-5 routes any more", Mender::Agent,
        "now; vtysh -N perouter -c 'configure terminal' -c 'router bgp 64514 vrf red' \
              -c 'address-family l2vpn evpn' -c 'no advertise ipv4 unicast' >&2",
        "vtysh -N perouter -c 'show bgp l2vpn evpn 172.16.1.0/24' 2>/dev/null | grep -q 'from 0.0.0.0'", ":"),
    passing("a route is deleted", Mender::Zebra,
        "now; r ip route del 172.16.9.0/24 vrf red",
        "r ip route show 172.16.9.0/24 vrf red | grep -q 100.64.0.9", ":"),
];
