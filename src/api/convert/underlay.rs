//! `Underlay`: the router's AS, its neighbours, its NICs and its tunnel endpoint.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{Written, check_count, ip_prefix, ipv4_prefix, neighbor, nic_name, ranged};
use crate::api::fault::{Faults, Reason};
use crate::api::model::{GracefulRestart, Neighbor, Peer, TunnelEndpoint, Underlay};
use crate::api::types::{Asn, InterfaceName};
use crate::api::v1alpha1::UnderlaySpec;
use crate::api::v1alpha1::neighbor::NeighborSpec;
use crate::api::v1alpha1::underlay::{
    BASE_PREFIX, CLUSTER_ID, CLUSTER_ID_OUTSIDE, ENDPOINT_CIDRS, GracefulRestartSpec,
    INTERFACE_PART, ISIS_INTERFACE, InterfaceType, NetworkDeviceSpec, ONE_INTERFACE_TYPE,
    ONE_IPV4_ENDPOINT, ONE_IPV6_ENDPOINT, ROUTER_ID_CIDR, RouteReflectorSpec, SRV6_NEEDS_IPV6,
    SRV6_NEEDS_ISIS, TunnelEndpointSpec, UnderlayInterface,
};

impl Written for UnderlaySpec {
    type Domain = Underlay;

    fn node_selector(&self) -> Option<&LabelSelector> {
        self.node_selector.as_ref()
    }

    fn convert(&self, faults: &mut Faults) -> Option<Underlay> {
        let Self {
            node_selector: _,
            asn,
            router_id_cidr,
            neighbors,
            interfaces,
            tunnel_endpoint,
            graceful_restart,
            isis: _,
            srv6: _,
            route_reflector,
        } = self;
        let asn = faults.check("spec.asn", Asn::try_from(*asn));
        let router_id_cidr = faults.check(
            "spec.routerIDCIDR",
            ipv4_prefix(router_id_cidr, ROUTER_ID_CIDR),
        );
        let neighbors = convert_neighbors(asn, neighbors, faults);
        let interfaces = convert_interfaces(interfaces, faults);
        let tunnel_endpoint = tunnel_endpoint
            .as_ref()
            .map(|endpoint| convert_endpoint(endpoint, faults))
            .unwrap_or_default();
        let graceful_restart = graceful_restart
            .as_ref()
            .and_then(|restart| convert_graceful_restart(restart, faults));
        check_features(self, faults);
        let reflector_cluster = route_reflector
            .as_ref()
            .and_then(|reflector| convert_reflector(reflector, router_id_cidr, faults));
        // An absent part and a refused one look alike from here on, but a refused one has left its
        // fault, and with a fault the object is refused as a whole.
        Some(Underlay {
            asn: asn?,
            router_id_cidr: router_id_cidr?,
            neighbors,
            interfaces,
            tunnel_endpoint,
            graceful_restart,
            reflector_cluster,
        })
    }
}

/// What an underlay may have beside its neighbours and NICs, none of which is acted on yet.
fn check_features(spec: &UnderlaySpec, faults: &mut Faults) {
    if let Some(isis) = &spec.isis {
        for (index, interface) in isis.interfaces.iter().enumerate() {
            if interface.name.parse::<InterfaceName>().is_err() {
                faults.add(
                    format!("spec.isis.interfaces[{index}].name"),
                    Reason::RuleFor {
                        found: interface.name.clone(),
                        rule: ISIS_INTERFACE,
                    },
                );
            }
        }
        faults.add("spec.isis", Reason::NotYet("IS-IS is"));
    }
    if let Some(srv6) = &spec.srv6 {
        if spec.isis.is_none() {
            faults.add("spec.srv6", Reason::Rule(SRV6_NEEDS_ISIS));
        }
        let mut cidrs = spec
            .tunnel_endpoint
            .iter()
            .flat_map(|endpoint| &endpoint.cidrs);
        if !cidrs.any(|text| text.parse::<Ipv6Net>().is_ok()) {
            faults.add("spec.srv6", Reason::Rule(SRV6_NEEDS_IPV6));
        }
        let base_prefix = &srv6.locator.base_prefix;
        if base_prefix.parse::<Ipv6Net>().is_err() {
            faults.add(
                "spec.srv6.locator.basePrefix",
                Reason::RuleFor {
                    found: base_prefix.clone(),
                    rule: BASE_PREFIX,
                },
            );
        }
        faults.add("spec.srv6", Reason::NotYet("SRv6 is"));
    }
}

fn convert_reflector(
    RouteReflectorSpec { cluster_id }: &RouteReflectorSpec,
    router_ids: Option<Ipv4Net>,
    faults: &mut Faults,
) -> Option<Ipv4Addr> {
    let at = "spec.routeReflector";
    match cluster_id.parse::<Ipv4Addr>() {
        Ok(id) if router_ids.is_some_and(|net| net.contains(&id)) => {
            faults.add(at, Reason::Rule(CLUSTER_ID_OUTSIDE));
            None
        }
        Ok(id) => Some(id),
        Err(_) => {
            faults.add(
                format!("{at}.clusterID"),
                Reason::RuleFor {
                    found: cluster_id.clone(),
                    rule: CLUSTER_ID,
                },
            );
            None
        }
    }
}

fn convert_neighbors(
    asn: Option<Asn>,
    specs: &[NeighborSpec],
    faults: &mut Faults,
) -> Vec<Neighbor> {
    check_count("spec.neighbors", specs.len(), 1, 128, faults);
    let path = |index: usize| format!("spec.neighbors[{index}]");
    let mut converted: Vec<(usize, Neighbor)> = Vec::with_capacity(specs.len());
    for (index, spec) in specs.iter().enumerate() {
        let Some(neighbor) = neighbor::convert(&path(index), asn, spec, faults) else {
            continue;
        };
        match converted
            .iter()
            .find(|(_, other)| clash(&other.peer, &neighbor.peer))
        {
            Some((first, other)) => faults.add(
                format!("{}.{}", path(index), field(&neighbor.peer)),
                clash_reason(
                    format!("{}.{}", path(*first), field(&other.peer)),
                    &neighbor.peer,
                ),
            ),
            None => converted.push((index, neighbor)),
        }
    }
    converted
        .into_iter()
        .map(|(_, neighbor)| neighbor)
        .collect()
}

/// Whether two entries claim one neighbour.
fn clash(one: &Peer, other: &Peer) -> bool {
    match (one, other) {
        (Peer::Range(one), Peer::Range(other)) => one.contains(other) || other.contains(one),
        (Peer::Address(one), Peer::Address(other)) => one == other,
        (Peer::Interface(one), Peer::Interface(other)) => one == other,
        (Peer::Address(_) | Peer::Interface(_) | Peer::Range(_), _) => false,
    }
}

/// The field that locates a neighbour.
fn field(peer: &Peer) -> &'static str {
    match peer {
        Peer::Address(_) => "address",
        Peer::Interface(_) => "interface",
        Peer::Range(_) => "listenRange",
    }
}

fn clash_reason(first: String, peer: &Peer) -> Reason {
    match peer {
        Peer::Address(_) | Peer::Interface(_) => Reason::Duplicate { first },
        Peer::Range(_) => Reason::Overlap { first },
    }
}

fn convert_interfaces(specs: &[UnderlayInterface], faults: &mut Faults) -> Vec<InterfaceName> {
    check_count("spec.interfaces", specs.len(), 1, 128, faults);
    let path = |index: usize| format!("spec.interfaces[{index}]");
    if let Some(first) = specs.first()
        && specs
            .iter()
            .any(|spec| spec.interface_type != first.interface_type)
    {
        faults.add("spec.interfaces", Reason::Rule(ONE_INTERFACE_TYPE));
    }
    let mut converted: Vec<(usize, InterfaceName)> = Vec::with_capacity(specs.len());
    for (index, spec) in specs.iter().enumerate() {
        let Some(name) = convert_interface(&path(index), spec, faults) else {
            continue;
        };
        match converted.iter().find(|(_, other)| *other == name) {
            Some((first, _)) => {
                faults.add(
                    path(index),
                    Reason::Duplicate {
                        first: path(*first),
                    },
                );
            }
            None => converted.push((index, name)),
        }
    }
    converted.into_iter().map(|(_, name)| name).collect()
}

fn convert_interface(
    at: &str,
    UnderlayInterface {
        interface_type,
        network_device,
        cni_device,
    }: &UnderlayInterface,
    faults: &mut Faults,
) -> Option<InterfaceName> {
    match (interface_type, network_device, cni_device) {
        (InterfaceType::NetworkDevice, Some(device), None) => {
            let NetworkDeviceSpec { interface_name } = device;
            let path = format!("{at}.networkDevice.interfaceName");
            faults.check(path, nic_name(interface_name))
        }
        (InterfaceType::CniDevice, None, Some(_)) => {
            faults.add(
                format!("{at}.cniDevice"),
                Reason::NotYet("interfaces made by CNI are"),
            );
            None
        }
        (InterfaceType::NetworkDevice | InterfaceType::CniDevice, _, _) => {
            faults.add(at, Reason::Rule(INTERFACE_PART));
            None
        }
    }
}

fn convert_endpoint(
    TunnelEndpointSpec { cidrs }: &TunnelEndpointSpec,
    faults: &mut Faults,
) -> TunnelEndpoint {
    check_count("spec.tunnelEndpoint.cidrs", cidrs.len(), 1, 2, faults);
    let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
    for (index, text) in cidrs.iter().enumerate() {
        let path = format!("spec.tunnelEndpoint.cidrs[{index}]");
        match ip_prefix(text) {
            Some(IpNet::V4(net)) => ipv4.push(net),
            Some(IpNet::V6(net)) => ipv6.push(net),
            None => faults.add(
                path,
                Reason::RuleFor {
                    found: text.clone(),
                    rule: ENDPOINT_CIDRS,
                },
            ),
        }
    }
    if ipv4.len() > 1 {
        faults.add("spec.tunnelEndpoint.cidrs", Reason::Rule(ONE_IPV4_ENDPOINT));
    }
    if ipv6.len() > 1 {
        faults.add("spec.tunnelEndpoint.cidrs", Reason::Rule(ONE_IPV6_ENDPOINT));
    }
    TunnelEndpoint {
        ipv4: ipv4.first().copied(),
        ipv6: ipv6.first().copied(),
    }
}

fn convert_graceful_restart(
    spec: &GracefulRestartSpec,
    faults: &mut Faults,
) -> Option<GracefulRestart> {
    let at = "spec.gracefulRestart";
    let GracefulRestartSpec {
        restart_time_seconds,
        stale_path_time_seconds,
    } = spec;
    let mut time = |field: &str, seconds: i64| {
        faults.check(
            format!("{at}.{field}"),
            ranged(seconds, 1, 4095, " seconds"),
        )
    };
    let restart_time = time("restartTimeSeconds", *restart_time_seconds);
    let stale_path_time = time("stalePathTimeSeconds", *stale_path_time_seconds);
    Some(GracefulRestart {
        restart_time: restart_time?,
        stale_path_time: stale_path_time?,
    })
}
