//! The session with the host: both AS numbers, addresses, and which prefixes may pass.

use super::{check_count, ip_prefix, ipv4_prefix, ipv6_prefix, ranged, remote_as};
use crate::api::fault::{Faults, Reason};
use crate::api::model::{AllowedPrefixes, HostSession, LocalCidr, PrefixRule};
use crate::api::types::Asn;
use crate::api::v1alpha1::host_session::{
    ALLOWED_LENGTHS, ALLOWED_PREFIX, IPV4_CIDR, IPV6_CIDR, ONE_REMOTE_AS, SOME_CIDR,
};
use crate::api::v1alpha1::{
    AllowedPrefixSpec, AllowedPrefixesSpec, HostSessionSpec, LocalCidrSpec,
};

/// The most prefixes in one list.
const MAX_PREFIXES: usize = 256;

/// Converts the session at the path `at`; `None` only where a fault was noted.
pub(super) fn convert(
    at: &str,
    session: &HostSessionSpec,
    faults: &mut Faults,
) -> Option<HostSession> {
    let HostSessionSpec {
        asn,
        host_asn,
        host_type,
        local_cidr,
        allowed_prefixes,
    } = session;
    let asn = faults.check(format!("{at}.asn"), Asn::try_from(*asn));
    let remote = remote_as(
        at,
        ("hostASN", *host_asn),
        *host_type,
        ONE_REMOTE_AS,
        faults,
    );
    let local_cidr = convert_local_cidr(&format!("{at}.localCIDR"), local_cidr, faults);
    let allowed = convert_allowed(
        &format!("{at}.allowedPrefixes"),
        allowed_prefixes.as_ref(),
        faults,
    );
    Some(HostSession {
        asn: asn?,
        remote_as: remote?,
        local_cidr: local_cidr?,
        allowed,
    })
}

fn convert_local_cidr(
    at: &str,
    LocalCidrSpec { ipv4, ipv6 }: &LocalCidrSpec,
    faults: &mut Faults,
) -> Option<LocalCidr> {
    if ipv4.is_none() && ipv6.is_none() {
        faults.add(at, Reason::Rule(SOME_CIDR));
        return None;
    }
    let ipv4 = ipv4.as_ref().and_then(|text| {
        let net = ipv4_prefix(text, IPV4_CIDR);
        faults.check(format!("{at}.ipv4"), net)
    });
    let ipv6 = ipv6.as_ref().and_then(|text| {
        let net = ipv6_prefix(text, IPV6_CIDR);
        faults.check(format!("{at}.ipv6"), net)
    });
    Some(LocalCidr { ipv4, ipv6 })
}

fn convert_allowed(
    at: &str,
    spec: Option<&AllowedPrefixesSpec>,
    faults: &mut Faults,
) -> AllowedPrefixes {
    let Some(AllowedPrefixesSpec { incoming, outgoing }) = spec else {
        return AllowedPrefixes::default();
    };
    let mut list = |field: &str, specs: &Option<Vec<AllowedPrefixSpec>>| {
        let at = format!("{at}.{field}");
        specs
            .as_ref()
            .map(|specs| convert_rules(&at, specs, faults))
    };
    AllowedPrefixes {
        incoming: list("in", incoming),
        outgoing: list("out", outgoing),
    }
}

/// The rules in an order of their own, since their order means nothing; one that is written
/// twice counts once.
fn convert_rules(at: &str, specs: &[AllowedPrefixSpec], faults: &mut Faults) -> Vec<PrefixRule> {
    check_count(at, specs.len(), 0, MAX_PREFIXES, faults);
    let rules = specs.iter().enumerate();
    let rules =
        rules.filter_map(|(index, spec)| convert_rule(&format!("{at}[{index}]"), spec, faults));
    let mut rules: Vec<PrefixRule> = rules.collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn convert_rule(at: &str, spec: &AllowedPrefixSpec, faults: &mut Faults) -> Option<PrefixRule> {
    let AllowedPrefixSpec {
        prefix,
        min_length,
        max_length,
    } = spec;
    let net = ip_prefix(prefix).ok_or_else(|| Reason::RuleFor {
        found: prefix.clone(),
        rule: ALLOWED_PREFIX,
    });
    let mut length = |field: &str, length: &Option<i32>| {
        let length = (*length)?;
        faults.check(format!("{at}.{field}"), ranged(length, 0, 128, ""))
    };
    let min = length("minLength", min_length);
    let max = length("maxLength", max_length);
    let prefix = faults.check(format!("{at}.prefix"), net)?;
    let min_length: u8 = min.unwrap_or(prefix.prefix_len());
    let max_length = max.unwrap_or(min_length);
    if min_length < prefix.prefix_len()
        || min_length > max_length
        || max_length > prefix.max_prefix_len()
    {
        faults.add(at, Reason::Rule(ALLOWED_LENGTHS));
    }
    Some(PrefixRule {
        prefix,
        min_length,
        max_length,
    })
}
