//! A neighbour: where it is, which AS it is in, and how the session behaves.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;

use ipnet::IpNet;

use super::{ip_prefix, nic_name, ranged, remote_as};
use crate::api::fault::{Faults, Reason};
use crate::api::model::{
    Bfd, BfdMode, Families, Family, Multihop, Neighbor, Peer, RemoteAs, Timers,
};
use crate::api::types::{Asn, InterfaceName, Secret};
use crate::api::v1alpha1::PeerType;
use crate::api::v1alpha1::neighbor::{
    AddressFamilyPropertyType, AddressFamilySpec, AddressFamilyType, BOTH_TIMERS, BfdSessionMode,
    BfdSpec, CLIENT_IS_INTERNAL, EVPN_OR_VPN, EbgpMultiHopSpec, HOLD_TIME, INTERFACE, IP_ADDRESS,
    KEEPALIVE_TIME, LISTEN_RANGE, NeighborProperty, NeighborPropertyType, NeighborSpec,
    ONE_LOCATOR, ONE_REMOTE_AS, VPN_NEEDS_IPV6,
};

/// Our own rule, since it looks at the underlay's AS too.
const MULTIHOP_IS_EXTERNAL: &str = "ebgpMultiHop needs a neighbor in another AS";

/// Our own rule: FRR refuses it for a neighbour behind an interface.
const MULTIHOP_IS_ADDRESSED: &str = "ebgpMultiHop needs a neighbor with an address; one behind \
    an interface is one hop away";

/// Linux takes no longer key for TCP-MD5 (`TCP_MD5SIG_MAXKEYLEN`).
const MAX_PASSWORD: usize = 80;

/// Converts the neighbour at the path `at` of a router in the AS `own`; `None` only where a
/// fault was noted.
pub(super) fn convert(
    at: &str,
    own: Option<Asn>,
    spec: &NeighborSpec,
    faults: &mut Faults,
) -> Option<Neighbor> {
    let NeighborSpec {
        asn,
        peer_type,
        address: _,
        interface: _,
        listen_range: _,
        port,
        password,
        // It has been put into `password`, or has left its fault.
        password_secret: _,
        hold_time_seconds,
        keepalive_time_seconds,
        connect_time_seconds,
        properties,
        bfd,
        address_families,
    } = spec;
    let peer = convert_locator(at, spec, faults);
    let remote = remote_as(at, ("asn", *asn), *peer_type, ONE_REMOTE_AS, faults);
    let port = port
        .and_then(|port| faults.check(format!("{at}.port"), ranged(port, 0, 16384, "")))
        .and_then(NonZeroU16::new);
    let password = password
        .as_ref()
        .and_then(|password| faults.check(format!("{at}.password"), check_password(password)));
    let timers = convert_timers(at, *keepalive_time_seconds, *hold_time_seconds, faults);
    let connect_time = connect_time_seconds.and_then(|seconds| {
        let path = format!("{at}.connectTimeSeconds");
        faults.check(path, ranged(seconds, 1, 65535, " seconds"))
    });
    let internal = match remote {
        Some(RemoteAs::Internal) => true,
        Some(RemoteAs::Number(asn)) => own == Some(asn),
        Some(RemoteAs::External) | None => false,
    };
    let ebgp_multihop = convert_properties(at, properties, internal, faults);
    if ebgp_multihop.is_some() && matches!(peer, Some(Peer::Interface(_))) {
        faults.add(
            format!("{at}.properties[0]"),
            Reason::Rule(MULTIHOP_IS_ADDRESSED),
        );
    }
    let bfd = bfd
        .as_ref()
        .map(|bfd| convert_bfd(&format!("{at}.bfd"), bfd, faults));
    let families = convert_families(at, address_families, spec, faults);
    let reflector_client = reflector_client(address_families);
    // An absent part and a refused one look alike here, but a refused one has left its fault,
    // and with a fault the object is refused as a whole.
    Some(Neighbor {
        peer: peer?,
        remote_as: remote?,
        port,
        password,
        timers,
        connect_time,
        ebgp_multihop,
        bfd,
        families,
        reflector_client,
    })
}

fn convert_locator(at: &str, spec: &NeighborSpec, faults: &mut Faults) -> Option<Peer> {
    match (&spec.address, &spec.interface, &spec.listen_range) {
        (Some(address), None, None) => faults
            .check(format!("{at}.address"), check_address(address))
            .map(Peer::Address),
        (None, Some(interface), None) => {
            let name = match interface.parse::<InterfaceName>() {
                Ok(_) => nic_name(interface),
                Err(_) => Err(Reason::RuleFor {
                    found: interface.clone(),
                    rule: INTERFACE,
                }),
            };
            faults
                .check(format!("{at}.interface"), name)
                .map(Peer::Interface)
        }
        (None, None, Some(range)) => {
            let prefix = match ip_prefix(range) {
                Some(net) if !is_link_local(net) => Ok(net),
                Some(_) | None => Err(Reason::RuleFor {
                    found: range.clone(),
                    rule: LISTEN_RANGE,
                }),
            };
            faults
                .check(format!("{at}.listenRange"), prefix)
                .map(Peer::Range)
        }
        (_, _, _) => {
            faults.add(at, Reason::Rule(ONE_LOCATOR));
            None
        }
    }
}

/// Whether the prefix lies within `fe80::/10`.
fn is_link_local(net: IpNet) -> bool {
    match net {
        IpNet::V4(_) => false,
        IpNet::V6(net) => net.prefix_len() >= 10 && net.network().is_unicast_link_local(),
    }
}

fn check_address(text: &str) -> Result<IpAddr, Reason> {
    let rule = |rule| Reason::RuleFor {
        found: text.to_owned(),
        rule,
    };
    let address: IpAddr = text.parse().map_err(|_| rule(IP_ADDRESS))?;
    let is_broadcast = address == IpAddr::V4(Ipv4Addr::BROADCAST);
    if address.is_unspecified() || address.is_multicast() || is_broadcast {
        return Err(rule("must be the address of one neighbor"));
    }
    match address {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => Err(rule(
            "is a link-local address; name the interface behind which it is instead",
        )),
        // FRR would name such a neighbour by its IPv4 address.
        IpAddr::V6(ip) if ip.to_ipv4_mapped().is_some() => Err(rule(
            "must be an IP address, and one of IPv4 must be written as such",
        )),
        IpAddr::V4(_) | IpAddr::V6(_) => Ok(address),
    }
}

/// The messages say what a password may be, and nothing of what it is.
///
/// `!` and `#` may be in it, even in front: FRR takes them for a comment only at the beginning
/// of a line, and prints such a password back as it was given (seen on 10.3).
fn check_password(password: &Secret) -> Result<Secret, Reason> {
    let text = password.expose();
    if text.is_empty() || text.len() > MAX_PASSWORD {
        return Err(Reason::Rule(
            "must have 1 to 80 characters, as the kernel takes no more",
        ));
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Reason::Rule(
            "must have printable ASCII characters only, and no space",
        ));
    }
    Ok(password.clone())
}

fn convert_timers(
    at: &str,
    keepalive: Option<i64>,
    hold: Option<i64>,
    faults: &mut Faults,
) -> Option<Timers> {
    let (keepalive, hold) = match (keepalive, hold) {
        (Some(keepalive), Some(hold)) => (keepalive, hold),
        (None, None) => return None,
        (Some(_), None) | (None, Some(_)) => {
            faults.add(at, Reason::Rule(BOTH_TIMERS));
            return None;
        }
    };
    if keepalive > hold {
        faults.add(at, Reason::Rule(KEEPALIVE_TIME));
    }
    let checked_hold = u16::try_from(hold)
        .ok()
        .filter(|hold| *hold == 0 || *hold >= 3)
        .ok_or_else(|| Reason::RuleFor {
            found: hold.to_string(),
            rule: HOLD_TIME,
        });
    let hold = faults.check(format!("{at}.holdTimeSeconds"), checked_hold);
    let keepalive = faults.check(
        format!("{at}.keepaliveTimeSeconds"),
        ranged(keepalive, 0, 65535, " seconds"),
    );
    Some(Timers {
        keepalive: keepalive?,
        hold: hold?,
    })
}

fn convert_properties(
    at: &str,
    properties: &[NeighborProperty],
    internal: bool,
    faults: &mut Faults,
) -> Option<Multihop> {
    let mut multihop = None;
    for (
        index,
        NeighborProperty {
            property,
            ebgp_multi_hop,
        },
    ) in properties.iter().enumerate()
    {
        let path = format!("{at}.properties[{index}]");
        match property {
            NeighborPropertyType::EbgpMultiHop => {
                if index > 0 {
                    let first = format!("{at}.properties[0]");
                    faults.add(path.clone(), Reason::Duplicate { first });
                }
                if internal {
                    // FRR takes the command for such a neighbour and drops it in silence.
                    faults.add(path.clone(), Reason::Rule(MULTIHOP_IS_EXTERNAL));
                }
                let ttl = match ebgp_multi_hop {
                    Some(EbgpMultiHopSpec { ttl: Some(ttl) }) => {
                        let path = format!("{path}.ebgpMultiHop.ttl");
                        Some(faults.check(path, ranged(*ttl, 1, 255, " hops"))?)
                    }
                    Some(EbgpMultiHopSpec { ttl: None }) | None => None,
                };
                multihop = Some(Multihop { ttl });
            }
        }
    }
    multihop
}

fn convert_bfd(
    at: &str,
    BfdSpec {
        receive_interval,
        transmit_interval,
        detect_multiplier,
        session_mode,
        minimum_ttl,
    }: &BfdSpec,
    faults: &mut Faults,
) -> Bfd {
    let mut interval = |field: &str, found: &Option<i32>| {
        let found = (*found)?;
        let range = ranged(found, 10, 60_000, " milliseconds");
        faults.check(format!("{at}.{field}"), range)
    };
    let receive_interval = interval("receiveInterval", receive_interval);
    let transmit_interval = interval("transmitInterval", transmit_interval);
    let mut count = |field: &str, found: &Option<i32>, min, max, unit| {
        let found = (*found)?;
        faults.check(format!("{at}.{field}"), ranged(found, min, max, unit))
    };
    Bfd {
        receive_interval,
        transmit_interval,
        detect_multiplier: count("detectMultiplier", detect_multiplier, 2, 255, " packets"),
        mode: match session_mode {
            Some(BfdSessionMode::Passive) => BfdMode::Passive,
            Some(BfdSessionMode::Active) | None => BfdMode::Active,
        },
        minimum_ttl: count("minimumTTL", minimum_ttl, 1, 254, " hops"),
    }
}

/// The families in which the neighbour is a client of this reflector.
fn reflector_client(specs: &[AddressFamilySpec]) -> BTreeSet<Family> {
    let client = |spec: &&AddressFamilySpec| {
        spec.properties
            .iter()
            .any(|property| match property.property {
                AddressFamilyPropertyType::RouteReflectorClient => true,
            })
    };
    let families = specs.iter().filter(client);
    families.filter_map(|spec| family(spec.family)).collect()
}

/// The family, if this program acts on it.
fn family(family: AddressFamilyType) -> Option<Family> {
    match family {
        AddressFamilyType::Ipv4Unicast => Some(Family::Ipv4Unicast),
        AddressFamilyType::Ipv6Unicast => Some(Family::Ipv6Unicast),
        AddressFamilyType::Evpn => Some(Family::Evpn),
        AddressFamilyType::Ipv4Vpn | AddressFamilyType::Ipv6Vpn => None,
    }
}

fn convert_families(
    at: &str,
    specs: &[AddressFamilySpec],
    neighbor: &NeighborSpec,
    faults: &mut Faults,
) -> Families {
    if specs.is_empty() {
        return Families::Derived;
    }
    let at_family = |index: usize| format!("{at}.addressFamilies[{index}]");
    let mut families = BTreeSet::new();
    for (index, AddressFamilySpec { family, .. }) in specs.iter().enumerate() {
        if let Some(first) = specs
            .iter()
            .take(index)
            .position(|other| other.family == *family)
        {
            faults.add(
                at_family(index),
                Reason::Duplicate {
                    first: at_family(first),
                },
            );
        }
        match self::family(*family) {
            Some(family) => _ = families.insert(family),
            None => faults.add(at_family(index), Reason::NotYet("L3VPN over SRv6 is")),
        }
    }
    check_family_rules(at, specs, neighbor, faults);
    Families::Explicit(families)
}

/// The rules that look at several families, or at a family and the neighbour.
fn check_family_rules(
    at: &str,
    specs: &[AddressFamilySpec],
    neighbor: &NeighborSpec,
    faults: &mut Faults,
) {
    let has = |family| specs.iter().any(|spec| spec.family == family);
    let vpn = has(AddressFamilyType::Ipv4Vpn) || has(AddressFamilyType::Ipv6Vpn);
    if vpn && has(AddressFamilyType::Evpn) {
        faults.add(format!("{at}.addressFamilies"), Reason::Rule(EVPN_OR_VPN));
    }
    let ipv4 = neighbor
        .address
        .as_ref()
        .is_some_and(|text| text.parse::<Ipv4Addr>().is_ok());
    if vpn && (neighbor.interface.is_some() || ipv4) {
        faults.add(at, Reason::Rule(VPN_NEEDS_IPV6));
    }
    let client = specs.iter().any(|spec| !spec.properties.is_empty());
    if client && neighbor.peer_type != Some(PeerType::Internal) {
        faults.add(at, Reason::Rule(CLIENT_IS_INTERNAL));
    }
}
