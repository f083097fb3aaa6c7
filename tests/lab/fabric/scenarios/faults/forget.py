"""Has the router's zebra forget a route of bgpd's, which bgpd does not see.

It says to zebra what bgpd would say to take the route back (ZAPI version 6, as in FRR 10.3).

usage: forget.py ZSERV_SOCKET VRF_ID PREFIX
"""

import ipaddress
import socket
import struct
import sys
import time

ROUTE_DELETE = 10
HELLO = 19
BGP, RIP = 10, 5
UNICAST = 1
MARKER, VERSION = 254, 6
HEEDED = 0.5  # seconds


def message(vrf, command, body):
    """A message with its head, which holds the length of both."""
    return struct.pack("!HBBIH", 10 + len(body), MARKER, VERSION, vrf, command) + body


def main(path, vrf, prefix):
    prefix = ipaddress.ip_network(prefix)
    # When a bgpd goes zebra forgets EVPN, and of one that is synchronous nothing at all.
    hello = struct.pack("!BHIB", RIP, 0, 0, 1)
    family = socket.AF_INET if prefix.version == 4 else socket.AF_INET6
    address = prefix.network_address.packed[: (prefix.prefixlen + 7) // 8]
    route = struct.pack("!BHIIBBB", BGP, 0, 0, 0, UNICAST, family, prefix.prefixlen) + address
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as zebra:
        zebra.connect(path)
        zebra.sendall(message(0, HELLO, hello) + message(int(vrf), ROUTE_DELETE, route))
        # What it has read and not yet heeded when the connection ends is dropped.
        time.sleep(HEEDED)


main(*sys.argv[1:])
