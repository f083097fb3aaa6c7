//! `L2VNI`: a segment, the VRF that routes it, its gateway, and its end on the host.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{VRF_OVER_SRV6, Written, gateways, nic_name, ranged, tunnels_over};
use crate::api::fault::{Faults, Reason};
use crate::api::model::{HostMaster, L2Vni};
use crate::api::types::Vni;
use crate::api::v1alpha1::L2VniSpec;
use crate::api::v1alpha1::l2vni::{
    BRIDGE_NAME, BridgeSpec, DOMAIN_PART, GATEWAY_NEEDS_DOMAIN, HostMasterSpec, HostMasterType,
    Lifecycle, MASTER_PART, ObjectRef, RoutingDomainSpec, RoutingDomainType,
};

impl Written for L2VniSpec {
    type Domain = L2Vni;

    fn node_selector(&self) -> Option<&LabelSelector> {
        self.node_selector.as_ref()
    }

    fn convert(&self, faults: &mut Faults) -> Option<L2Vni> {
        let Self {
            node_selector: _,
            routing_domain,
            vni,
            vxlan_port,
            underlay_address_family,
            host_master,
            gateway_ips,
        } = self;
        let vni = faults.check("spec.vni", Vni::try_from(i64::from(*vni)));
        let vxlan_port = faults.check("spec.vxlanPort", ranged(*vxlan_port, 1, 65535, ""));
        if !gateway_ips.is_empty() && routing_domain.is_none() {
            faults.add("spec", Reason::Rule(GATEWAY_NEEDS_DOMAIN));
        }
        // The outer options say whether there is one, the inner whether it could be converted;
        // with a fault the object is refused as a whole.
        let routing_domain = routing_domain
            .as_ref()
            .and_then(|domain| convert_domain(domain, faults));
        let host_master = host_master
            .as_ref()
            .and_then(|master| convert_master(master, faults));
        let gateways = gateways::convert(gateway_ips, faults);
        Some(L2Vni {
            vni: vni?,
            vxlan_port: vxlan_port?,
            tunnels_over: tunnels_over(*underlay_address_family),
            routing_domain,
            host_master,
            gateways,
        })
    }
}

fn convert_domain(spec: &RoutingDomainSpec, faults: &mut Faults) -> Option<String> {
    let at = "spec.routingDomain";
    let RoutingDomainSpec {
        domain_type,
        l3vni,
        l3vpn,
    } = spec;
    match (domain_type, l3vni, l3vpn) {
        (RoutingDomainType::L3Vni, Some(ObjectRef { name }), None) => {
            if name.is_empty() || name.len() > 253 {
                let found = name.clone();
                faults.add(
                    format!("{at}.l3vni.name"),
                    Reason::Name {
                        found,
                        max: 253,
                        dots: true,
                    },
                );
                return None;
            }
            Some(name.clone())
        }
        (RoutingDomainType::L3Vpn, None, Some(_)) => {
            faults.add(format!("{at}.l3vpn"), VRF_OVER_SRV6);
            None
        }
        (RoutingDomainType::L3Vni | RoutingDomainType::L3Vpn, _, _) => {
            faults.add(at, Reason::Rule(DOMAIN_PART));
            None
        }
    }
}

fn convert_master(spec: &HostMasterSpec, faults: &mut Faults) -> Option<HostMaster> {
    let at = "spec.hostMaster";
    let HostMasterSpec {
        master_type,
        linux_bridge,
        ovs_bridge,
    } = spec;
    match (master_type, linux_bridge, ovs_bridge) {
        (HostMasterType::LinuxBridge, Some(bridge), None) => {
            convert_bridge(&format!("{at}.linuxBridge"), bridge, faults)
        }
        (HostMasterType::OvsBridge, None, Some(_)) => {
            faults.add(
                format!("{at}.ovsBridge"),
                Reason::NotYet("bridges of Open vSwitch are"),
            );
            None
        }
        (HostMasterType::LinuxBridge | HostMasterType::OvsBridge, _, _) => {
            faults.add(at, Reason::Rule(MASTER_PART));
            None
        }
    }
}

fn convert_bridge(
    at: &str,
    BridgeSpec { lifecycle, name }: &BridgeSpec,
    faults: &mut Faults,
) -> Option<HostMaster> {
    match (lifecycle, name) {
        (Lifecycle::Managed, None) => Some(HostMaster::Managed),
        (Lifecycle::External, Some(name)) => faults
            .check(format!("{at}.name"), nic_name(name))
            .map(HostMaster::External),
        (Lifecycle::Managed, Some(_)) | (Lifecycle::External, None) => {
            faults.add(at, Reason::Rule(BRIDGE_NAME));
            None
        }
    }
}
