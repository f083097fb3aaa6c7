//! Moves a NIC from one namespace to the other, with all that it carries.
//!
//! The kernel drops a NIC's addresses and routes when it changes namespace and leaves it down;
//! its MTU, MAC address and alias stay. Mark and move are one message, so that a NIC in the
//! router's namespace is never without its mark.

use std::collections::VecDeque;

use nix::errno::Errno;
use std::os::fd::AsRawFd as _;

use super::{StepCause, add_address, add_route, alter};
use crate::api::types::InterfaceName;
use crate::netlink::channel::{Channel, NetlinkError};
use crate::netlink::kernel::Kernel;
use crate::netlink::message;
use crate::netlink::observe;
use crate::plan::link::{NIC_GROUP, NicConfig, NicRoute, Space};

/// The link group of a NIC that is nobody's.
const NO_GROUP: u32 = 0;

/// Where the NIC was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    /// Where it was to be fetched from.
    Here,
    /// Already where it was to go, as after a move that was cut short.
    There,
}

/// Moves `name` to `to` and puts `config` on it there.
///
/// When something of `config` is refused, the NIC goes back with what it had.
pub(super) async fn move_nic(
    kernel: &Kernel,
    name: &InterfaceName,
    to: Space,
    config: &NicConfig,
) -> Result<(), StepCause> {
    let from = match to {
        Space::Host => Space::Router,
        Space::Router => Space::Host,
    };
    let found = transfer(kernel, name, from, to).await?;
    let Err(cause) = dress(kernel.channel(to), name, config).await else {
        return Ok(());
    };
    if found == Found::Here && transfer(kernel, name, to, from).await.is_ok() {
        // Best effort: whatever of the configuration the NIC takes, it had before.
        drop(dress(kernel.channel(from), name, config).await);
    }
    Err(cause)
}

/// Changes the namespace and the mark, in one message.
async fn transfer(
    kernel: &Kernel,
    name: &InterfaceName,
    from: Space,
    to: Space,
) -> Result<Found, StepCause> {
    let group = match to {
        Space::Host => NO_GROUP,
        Space::Router => NIC_GROUP,
    };
    let target = kernel.channel(to);
    let change = message::link(name)
        .setns_by_fd(target.netns().file().as_raw_fd())
        .link_group(group);
    match alter(kernel.channel(from), change.build()).await {
        Ok(()) => Ok(Found::Here),
        Err(error) if error.errno() == Some(Errno::ENODEV) => {
            let there = observe::link(target, name).await?;
            if there.is_some_and(|link| link.group == group) {
                Ok(Found::There)
            } else {
                Err(error.into())
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Gives the NIC its addresses, sets it up, and adds its routes.
async fn dress(
    channel: &Channel,
    name: &InterfaceName,
    config: &NicConfig,
) -> Result<(), StepCause> {
    let index = observe::index(channel, name).await?;
    for address in &config.addresses {
        // The address passed duplicate address detection on this NIC before. Doing it again
        // would leave it unusable for a second, and refuse routes that name it as source.
        add_address(channel, index, *address).await?;
    }
    alter(channel, message::link(name).up().build()).await?;
    add_routes(channel, index, config).await
}

/// Adds the routes in an order in which each next hop can be reached: those on the link itself
/// first, then the longer prefixes. A next hop that is reached by another route of the same
/// length waits for that one; when a whole round adds nothing, the kernel's word is final.
async fn add_routes(channel: &Channel, index: u32, config: &NicConfig) -> Result<(), StepCause> {
    let mut waiting: VecDeque<&NicRoute> = in_order(config).into();
    let mut since_progress = 0;
    while let Some(route) = waiting.pop_front() {
        match add_route(channel, index, route).await {
            Ok(()) => since_progress = 0,
            Err(cause) if is_unreachable(&cause) && since_progress < waiting.len() => {
                since_progress += 1;
                waiting.push_back(route);
            }
            Err(cause) => return Err(cause),
        }
    }
    Ok(())
}

fn in_order(config: &NicConfig) -> Vec<&NicRoute> {
    let mut routes: Vec<_> = config.routes.iter().collect();
    routes.sort_by_key(|route| {
        (
            route.gateway.is_some() && !route.onlink,
            u8::MAX - route.destination.prefix_len(),
        )
    });
    routes
}

fn is_unreachable(cause: &StepCause) -> bool {
    match cause {
        StepCause::Netlink(NetlinkError::Refused(refusal)) => {
            matches!(refusal.errno, Errno::ENETUNREACH | Errno::EHOSTUNREACH)
        }
        StepCause::Netlink(
            NetlinkError::Undecodable(_) | NetlinkError::Lost | NetlinkError::Contradictory(_),
        )
        | StepCause::OtherLink { .. }
        | StepCause::Sysctl(_)
        | StepCause::VniInUse { .. }
        | StepCause::Firewall(_) => false,
    }
}
