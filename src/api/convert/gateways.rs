//! `gatewayIPs`: an address for each IP version, with the length of its subnet.

use ipnet::IpNet;

use super::{check_count, ip_net};
use crate::api::fault::{Faults, Reason};
use crate::api::model::Gateways;
use crate::api::v1alpha1::l2vni::{GATEWAY_IPS, ONE_IPV4_GATEWAY, ONE_IPV6_GATEWAY};

const AT: &str = "spec.gatewayIPs";

/// What no gateway has.
const NO_HOST: &str = "is not the address of a host";

pub(super) fn convert(texts: &[String], faults: &mut Faults) -> Gateways {
    check_count(AT, texts.len(), 0, 2, faults);
    let (mut ipv4, mut ipv6) = (Vec::new(), Vec::new());
    for (index, text) in texts.iter().enumerate() {
        match faults.check(format!("{AT}[{index}]"), gateway(text)) {
            Some(IpNet::V4(net)) => ipv4.push(net),
            Some(IpNet::V6(net)) => ipv6.push(net),
            None => {}
        }
    }
    for (found, rule) in [
        (ipv4.len(), ONE_IPV4_GATEWAY),
        (ipv6.len(), ONE_IPV6_GATEWAY),
    ] {
        if found > 1 {
            faults.add(AT, Reason::Rule(rule));
        }
    }
    Gateways {
        ipv4: ipv4.first().copied(),
        ipv6: ipv6.first().copied(),
    }
}

fn gateway(text: &str) -> Result<IpNet, Reason> {
    let refused = |rule| Reason::RuleFor {
        found: text.to_owned(),
        rule,
    };
    let net = ip_net(text).ok_or_else(|| refused(GATEWAY_IPS))?;
    let address = net.addr();
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() {
        return Err(refused(NO_HOST));
    }
    Ok(net)
}
