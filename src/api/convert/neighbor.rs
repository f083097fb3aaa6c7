//! A neighbour: where it is, which AS it is in, and how the session behaves.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;

use ipnet::IpNet;

use super::{ranged, remote_as};
use crate::api::fault::{Faults, Reason};
use crate::api::model::{Families, Family, Multihop, Neighbor, RemoteAs, Timers};
use crate::api::types::{Asn, Secret};
use crate::api::v1alpha1::PeerType;
use crate::api::v1alpha1::neighbor::{
    AddressFamilySpec, AddressFamilyType, BOTH_TIMERS, CLIENT_IS_INTERNAL, EVPN_OR_VPN,
    EbgpMultiHopSpec, HOLD_TIME, INTERFACE, IP_ADDRESS, KEEPALIVE_TIME, LISTEN_RANGE,
    NeighborProperty, NeighborPropertyType, NeighborSpec, ONE_LOCATOR, ONE_REMOTE_AS,
    VPN_NEEDS_IPV6,
};

/// Our own rule, since it looks at the underlay's AS too.
const MULTIHOP_IS_EXTERNAL: &str = "ebgpMultiHop needs a neighbor in another AS";

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
        password_secret,
        hold_time_seconds,
        keepalive_time_seconds,
        connect_time_seconds,
        properties,
        bfd,
        address_families,
    } = spec;
    let address = convert_locator(at, spec, faults);
    let remote = remote_as(at, ("asn", *asn), *peer_type, ONE_REMOTE_AS, faults);
    let port = port
        .and_then(|port| faults.check(format!("{at}.port"), ranged(port, 0, 16384, "")))
        .and_then(NonZeroU16::new);
    let password = password
        .as_ref()
        .and_then(|password| faults.check(format!("{at}.password"), check_password(password)));
    if password_secret.is_some() {
        let reason = Reason::NotYet("taking the password from a Secret is");
        faults.add(format!("{at}.passwordSecret"), reason);
    }
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
    if bfd.is_some() {
        faults.add(format!("{at}.bfd"), Reason::NotYet("BFD is"));
    }
    let families = convert_families(at, address_families, spec, faults);
    // An absent part and a refused one look alike here, but a refused one has left its fault,
    // and with a fault the object is refused as a whole.
    Some(Neighbor {
        address: address?,
        remote_as: remote?,
        port,
        password,
        timers,
        connect_time,
        ebgp_multihop,
        families,
    })
}

fn convert_locator(at: &str, spec: &NeighborSpec, faults: &mut Faults) -> Option<Ipv4Addr> {
    match (&spec.address, &spec.interface, &spec.listen_range) {
        (Some(address), None, None) => {
            faults.check(format!("{at}.address"), check_address(address))
        }
        (None, Some(interface), None) => {
            let reason = if is_kernel_name(interface) {
                Reason::NotYet("BGP unnumbered is")
            } else {
                Reason::RuleFor {
                    found: interface.clone(),
                    rule: INTERFACE,
                }
            };
            faults.add(format!("{at}.interface"), reason);
            None
        }
        (None, None, Some(range)) => {
            let reason = match range.parse::<IpNet>() {
                Ok(net) if !is_link_local(net) => Reason::NotYet("a listen range is"),
                Ok(_) | Err(_) => Reason::RuleFor {
                    found: range.clone(),
                    rule: LISTEN_RANGE,
                },
            };
            faults.add(format!("{at}.listenRange"), reason);
            None
        }
        (_, _, _) => {
            faults.add(at, Reason::Rule(ONE_LOCATOR));
            None
        }
    }
}

fn is_kernel_name(text: &str) -> bool {
    text.parse::<crate::api::types::InterfaceName>().is_ok()
}

/// Whether the prefix lies within `fe80::/10`.
fn is_link_local(net: IpNet) -> bool {
    match net {
        IpNet::V4(_) => false,
        IpNet::V6(net) => net.prefix_len() >= 10 && net.network().is_unicast_link_local(),
    }
}

fn check_address(text: &str) -> Result<Ipv4Addr, Reason> {
    let rule = |rule| Reason::RuleFor {
        found: text.to_owned(),
        rule,
    };
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V4(address))
            if address.is_unspecified() || address.is_multicast() || address.is_broadcast() =>
        {
            Err(rule("must be the address of one neighbor"))
        }
        Ok(IpAddr::V4(address)) => Ok(address),
        Ok(IpAddr::V6(_)) => Err(Reason::NotYet("a neighbor with an IPv6 address is")),
        Err(_) => Err(rule(IP_ADDRESS)),
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
    for (index, AddressFamilySpec { family, properties }) in specs.iter().enumerate() {
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
        match family {
            AddressFamilyType::Ipv4Unicast => _ = families.insert(Family::Ipv4Unicast),
            AddressFamilyType::Evpn => _ = families.insert(Family::Evpn),
            AddressFamilyType::Ipv6Unicast => {
                faults.add(at_family(index), Reason::NotYet("ipv6unicast is"));
            }
            AddressFamilyType::Ipv4Vpn => {
                faults.add(at_family(index), Reason::NotYet("ipv4vpn is"));
            }
            AddressFamilyType::Ipv6Vpn => {
                faults.add(at_family(index), Reason::NotYet("ipv6vpn is"));
            }
        }
        if !properties.is_empty() {
            let path = format!("{}.properties", at_family(index));
            faults.add(path, Reason::NotYet("routeReflectorClient is"));
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
