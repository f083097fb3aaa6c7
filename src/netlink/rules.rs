//! The routing rules that keep VRFs apart.
//!
//! The kernel's own rule sends a packet of a VRF to the VRF's table; a packet that has no route
//! there goes on to the rules that follow, and so to the main table: from a tenant's VRF out
//! into the underlay. One rule for each IP version, behind the kernel's own, refuses it.

use std::collections::BTreeSet;

use nix::errno::Errno;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};

use super::channel::{Channel, Dump, NetlinkError};
use crate::api::IpVersion;

/// Behind the kernel's own rule for VRFs, at 1000, and before that of the main table, at 32766.
const PRIORITY: u32 = 2000;

/// The IP versions for which the rule stands: one dump for both.
pub(super) async fn isolated(channel: &Channel) -> Result<BTreeSet<IpVersion>, NetlinkError> {
    let found = channel
        .dump(
            Dump::Rules,
            |handle| {
                let mut request = handle.rule().get(rtnetlink::IpVersion::V4);
                request.message_mut().header.family = AddressFamily::Unspec;
                request.execute()
            },
            |rule: RuleMessage| is_ours(&rule).then(|| version(&rule)).flatten(),
        )
        .await?;
    Ok(found.into_iter().collect())
}

/// Adds the rule.
pub(super) async fn isolate(channel: &Channel, version: IpVersion) -> Result<(), NetlinkError> {
    let mut addition = channel.handle().rule().add();
    let rule = addition.message_mut();
    rule.header.family = match version {
        IpVersion::V4 => AddressFamily::Inet,
        IpVersion::V6 => AddressFamily::Inet6,
    };
    // The table is that of the VRF.
    rule.header.table = 0;
    rule.header.action = RuleAction::Unreachable;
    rule.attributes.push(RuleAttribute::L3MDev(true));
    rule.attributes.push(RuleAttribute::Priority(PRIORITY));
    match channel.write(addition.execute()).await {
        Err(error) if error.errno() == Some(Errno::EEXIST) => Ok(()),
        outcome => outcome,
    }
}

fn is_ours(rule: &RuleMessage) -> bool {
    let has = |attribute: RuleAttribute| rule.attributes.contains(&attribute);
    rule.header.action == RuleAction::Unreachable
        && has(RuleAttribute::L3MDev(true))
        && has(RuleAttribute::Priority(PRIORITY))
}

/// None for rules of multicast routing, which come in the same dump.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's families are an open set, of which two are read"
)]
fn version(rule: &RuleMessage) -> Option<IpVersion> {
    match rule.header.family {
        AddressFamily::Inet => Some(IpVersion::V4),
        AddressFamily::Inet6 => Some(IpVersion::V6),
        _ => None,
    }
}
