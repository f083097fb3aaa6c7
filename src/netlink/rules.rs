//! The routing rules that keep VRFs apart.
//!
//! The kernel's own rule sends a packet of a VRF to the VRF's table; a packet that has no route
//! there goes on to the rules that follow, and so to the main table: from a tenant's VRF out
//! into the underlay. One rule for each IP version, behind the kernel's own, refuses it.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "the kernel's attributes and families are open sets, of which a few are read"
)]

use std::collections::BTreeSet;

use nix::errno::Errno;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::rule::{RuleAction, RuleAttribute, RuleMessage};

use super::channel::{Channel, Dump, NetlinkError};
use crate::api::IpVersion;
use crate::plan::link::TableId;

/// Behind the kernel's own rule for VRFs, at 1000, and before that of the main table, at 32766.
const PRIORITY: u32 = 2000;

/// What the rules of a namespace say.
#[derive(Debug, Default)]
pub(super) struct SeenRules {
    /// The IP versions for which the rule stands.
    pub(super) isolated: BTreeSet<IpVersion>,
    /// The tables that rules look into by number.
    pub(super) tables: BTreeSet<TableId>,
}

/// Reads the rules: one dump for both IP versions.
pub(super) async fn seen(channel: &Channel) -> Result<SeenRules, NetlinkError> {
    let mut seen = SeenRules::default();
    channel
        .dump(
            Dump::Rules,
            |handle| {
                let mut request = handle.rule().get(rtnetlink::IpVersion::V4);
                request.message_mut().header.family = AddressFamily::Unspec;
                request.execute()
            },
            |rule: RuleMessage| {
                if is_ours(&rule) {
                    seen.isolated.extend(version(&rule));
                }
                seen.tables.extend(table(&rule));
                None::<()>
            },
        )
        .await?;
    Ok(seen)
}

/// None for a rule that looks into no table, or into that of whatever VRF.
fn table(rule: &RuleMessage) -> Option<TableId> {
    let mut attributes = rule.attributes.iter();
    let table = attributes.find_map(|attribute| match attribute {
        RuleAttribute::Table(table) => Some(*table),
        _ => None,
    });
    let table = table.unwrap_or_else(|| rule.header.table.into());
    (table != 0).then_some(table)
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
fn version(rule: &RuleMessage) -> Option<IpVersion> {
    match rule.header.family {
        AddressFamily::Inet => Some(IpVersion::V4),
        AddressFamily::Inet6 => Some(IpVersion::V6),
        _ => None,
    }
}
