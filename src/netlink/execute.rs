//! Executes the steps of a plan, one at a time.
//!
//! What always holds: a step whose effect is already there succeeds, and one that fails half
//! way undoes its own half. Only the error numbers that mean "already so" are benign, and for
//! an addition only after the kernel was asked whether it really is the same thing.

mod making;
mod nic;
mod words;

use std::time::Duration;

use ipnet::IpNet;
use nix::errno::Errno;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags};
use rtnetlink::packet_route::link::{InfoPortKind, LinkMessage};

use making::Making;

use super::channel::{Channel, NetlinkError};
use super::firewall::FirewallError;
use super::kernel::Kernel;
use super::message;
use super::observe;
use super::rules;
use super::sysctl::{self, SysctlError};
use crate::api::types::{InterfaceName, Vni};
use crate::plan::kernel::is_kind;
use crate::plan::link::{
    KernelStep, Link, LinkChange, LinkKind, NicRoute, SeenKind, SeenLink, Space,
};

/// How long a link that goes down and up again is down: zebra looks at its routes some time after
/// it is told, and by then must not have been told already that the link is up again.
const NOTICED: Duration = Duration::from_millis(200);

/// A step that failed, and why.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}")]
pub struct StepError {
    /// The step, in words.
    pub step: String,
    /// Why it failed.
    #[source]
    pub cause: StepCause,
}

/// Why a step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepCause {
    /// A netlink request failed.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A link of that name is there, but it is another.
    #[error(
        "there is already a link {name} in the {space} namespace, and it is another: {found:?}"
    )]
    OtherLink {
        /// In which namespace.
        space: Space,
        /// The name.
        name: InterfaceName,
        /// What it is.
        found: SeenKind,
    },
    /// Another VXLAN device has the VNI.
    #[error("the VXLAN device {holder} in the {space} namespace has VNI {vni} already")]
    VniInUse {
        /// In which namespace.
        space: Space,
        /// The device that has it.
        holder: InterfaceName,
        /// The VNI.
        vni: Vni,
        /// What the kernel said, which names no device.
        #[source]
        refusal: NetlinkError,
    },
    /// A sysctl cannot be set.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// The firewall table cannot be installed.
    #[error(transparent)]
    Firewall(#[from] FirewallError),
}

impl StepError {
    /// The kernel's error number, when it is the kernel that said no.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match &self.cause {
            StepCause::Netlink(error) | StepCause::VniInUse { refusal: error, .. } => error.errno(),
            StepCause::OtherLink { .. } | StepCause::Sysctl(_) | StepCause::Firewall(_) => None,
        }
    }
}

/// Makes the new links with which `steps` begin, with all that follows for them, in as few messages
/// as the kernel takes. How many steps that were: none when something is refused, and then none
/// of the links is there, and step by step it is told what is refused.
pub(super) async fn make_links(kernel: &Kernel, steps: &[&KernelStep]) -> usize {
    let making = Making::of(steps.iter().copied());
    match making.carry_out(kernel).await {
        Ok(()) => making.steps(),
        Err(cause) => {
            tracing::info!("not in few messages, so step by step: {cause}");
            0
        }
    }
}

/// Executes one step.
pub(super) async fn execute(kernel: &Kernel, step: &KernelStep) -> Result<(), StepError> {
    carry_out(kernel, step).await.map_err(|cause| StepError {
        step: words::of(step),
        cause,
    })
}

async fn carry_out(kernel: &Kernel, step: &KernelStep) -> Result<(), StepCause> {
    match step {
        KernelStep::AddLink(link) => add_link(kernel, link).await,
        KernelStep::DeleteLink { space, name } => delete_link(kernel.channel(*space), name).await,
        KernelStep::SetLink {
            space,
            name,
            change,
        } => set_link(kernel.channel(*space), name, change).await,
        KernelStep::AddAddress {
            space,
            name,
            address,
        } => {
            let channel = kernel.channel(*space);
            let index = observe::index(channel, name).await?;
            add_address(channel, index, *address).await
        }
        KernelStep::DeleteAddress {
            space,
            name,
            address,
        } => delete_address(kernel.channel(*space), name, *address).await,
        KernelStep::MoveNic { name, to, config } => nic::move_nic(kernel, name, *to, config).await,
        KernelStep::AddRoute { space, name, route } => {
            let channel = kernel.channel(*space);
            let index = observe::index(channel, name).await?;
            add_route(channel, index, route).await
        }
        KernelStep::SetSysctl { key, value } => {
            kernel.count_write();
            Ok(sysctl::write(kernel.channel(Space::Router).netns(), key, value).await?)
        }
        KernelStep::IsolateVrfs(version) => {
            Ok(rules::isolate(kernel.channel(Space::Router), *version).await?)
        }
        KernelStep::InstallFirewall => {
            kernel.count_write();
            Ok(kernel.firewall().install().await?)
        }
    }
}

/// Creates a link and gives it what the kernel does not take at creation.
async fn add_link(kernel: &Kernel, link: &Link) -> Result<(), StepCause> {
    let channel = kernel.channel(link.space);
    let message = message::create(link, peer_channel(kernel, link).netns());
    let creation = channel.handle().link().add(message);
    match channel.write(creation.execute()).await {
        Ok(()) => {}
        Err(error) if error.errno() == Some(Errno::EEXIST) => {
            // The name is taken: by this very link, or by another, or not at all (a VNI that
            // is in use under another name reads the same).
            let found = same_link(kernel, link, error).await?;
            return describe(kernel, link, Some(&found)).await;
        }
        Err(error) => return Err(error.into()),
    }
    if let Err(cause) = describe(kernel, link, None).await {
        // Best effort: the cause of the failure is what has to be told.
        drop(delete_link(channel, &link.name).await);
        return Err(cause);
    }
    Ok(())
}

/// Sets alias, MTU, Ethernet address and `addr_gen_mode`, of which the kernel ignores two at creation and takes
/// the third for a bridge only afterwards. Both ends of a veth pair carry the alias from the
/// start, so that neither is ever taken for somebody else's.
///
/// Of a link that was `found`, what is right already is not written again: zebra takes every
/// message about a bridge for a reason to flush its neighbours.
async fn describe(kernel: &Kernel, link: &Link, found: Option<&SeenLink>) -> Result<(), StepCause> {
    let differs = |same: fn(&Link, &SeenLink) -> bool| found.is_none_or(|seen| !same(link, seen));
    let mut change = message::link(&link.name);
    if differs(|link, seen| seen.alias == link.alias) {
        change = change.alias(&link.alias);
    }
    if differs(|link, seen| seen.address_generation == Some(link.address_generation)) {
        let mode = message::address_generation(link.address_generation);
        change = change.append_extra_attribute(mode);
    }
    if let Some(mtu) = link.mtu
        && found.is_none_or(|seen| seen.mtu != mtu)
    {
        change = change.mtu(mtu);
    }
    if let Some(mac) = link.mac
        && found.is_none_or(|seen| seen.mac != Some(mac))
    {
        change = change.address(mac.0.to_vec());
    }
    let change = change.build();
    // One attribute is the name.
    if change.attributes.len() > 1 {
        alter(kernel.channel(link.space), change).await?;
    }
    let LinkKind::Veth { peer, .. } = &link.kind else {
        return Ok(());
    };
    let other_end = peer_channel(kernel, link);
    let seen = match found {
        None => None,
        Some(_) => observe::link(other_end, peer).await?,
    };
    if seen.is_none_or(|seen| seen.alias != link.alias) {
        let change = message::link(peer).alias(&link.alias);
        alter(other_end, change.build()).await?;
    }
    Ok(())
}

fn peer_channel<'a>(kernel: &'a Kernel, link: &Link) -> &'a Channel {
    match &link.kind {
        LinkKind::Veth { peer_space, .. } => kernel.channel(*peer_space),
        LinkKind::Vrf { .. } | LinkKind::Bridge | LinkKind::Vxlan { .. } => {
            kernel.channel(link.space)
        }
    }
}

/// The link that has the wanted name, when it is what is wanted; `refusal` is what the kernel
/// said to its creation.
async fn same_link(
    kernel: &Kernel,
    link: &Link,
    refusal: NetlinkError,
) -> Result<SeenLink, StepCause> {
    let Some(found) = observe::link(kernel.channel(link.space), &link.name).await? else {
        return Err(in_use(kernel, link, refusal).await);
    };
    let other_end = match &link.kind {
        LinkKind::Veth { peer, .. } => observe::link(peer_channel(kernel, link), peer).await?,
        LinkKind::Vrf { .. } | LinkKind::Bridge | LinkKind::Vxlan { .. } => None,
    };
    // To be made is a VRF with this table, where to be kept is one with any.
    let same_table = match (&link.kind, &found.kind) {
        (LinkKind::Vrf { table }, SeenKind::Vrf { table: seen }) => table == seen,
        (_, _) => true,
    };
    if same_table && is_kind(link, &found, other_end.as_ref()) {
        Ok(found)
    } else {
        Err(StepCause::OtherLink {
            space: link.space,
            name: link.name.clone(),
            found: found.kind,
        })
    }
}

/// Why a link whose name is free cannot be made, with the name of the device in its way if there
/// is one.
async fn in_use(kernel: &Kernel, link: &Link, refusal: NetlinkError) -> StepCause {
    let LinkKind::Vxlan { vni, port, .. } = link.kind else {
        return refusal.into();
    };
    // What the kernel said has to be told, whatever becomes of this question.
    let holder = observe::tunnel_of(kernel.channel(link.space), vni, port).await;
    match holder {
        Ok(Some(holder)) => StepCause::VniInUse {
            space: link.space,
            holder,
            vni,
            refusal,
        },
        Ok(None) | Err(_) => refusal.into(),
    }
}

async fn delete_link(channel: &Channel, name: &InterfaceName) -> Result<(), StepCause> {
    let named = message::link(name).build();
    let deletion = channel.handle().link().del_with_message(named);
    benign(channel.write(deletion.execute()).await, &[Errno::ENODEV])
}

async fn set_link(
    channel: &Channel,
    name: &InterfaceName,
    change: &LinkChange,
) -> Result<(), StepCause> {
    let link = message::link(name);
    let changed = match change {
        LinkChange::Up => link.up(),
        LinkChange::Cycle => {
            alter(channel, link.down().build()).await?;
            tokio::time::sleep(NOTICED).await;
            message::link(name).up()
        }
        LinkChange::EvpnPort => link
            .set_port_kind(InfoPortKind::Bridge)
            .set_port_data(message::evpn_port()),
        LinkChange::Master(None) => link.nocontroller(),
        LinkChange::Master(Some(master)) => link.controller(observe::index(channel, master).await?),
        LinkChange::Mtu(mtu) => link.mtu(*mtu),
        LinkChange::Mac(mac) => link.address(mac.0.to_vec()),
        LinkChange::AddressGeneration(mode) => {
            link.append_extra_attribute(message::address_generation(*mode))
        }
        LinkChange::Alias(alias) => link.alias(alias),
        LinkChange::Group(group) => link.link_group(*group),
    };
    Ok(alter(channel, changed.build()).await?)
}

/// Changes a link that is there.
async fn alter(channel: &Channel, change: LinkMessage) -> Result<(), NetlinkError> {
    let request = channel.handle().link().change(change);
    channel.write(request.execute()).await
}

/// Adds an address without asking the link whether another has it: those of a NIC were in use on
/// it a moment ago, those of a veth are computed, and a gateway's are on every node, so that the
/// others would answer.
async fn add_address(channel: &Channel, index: u32, address: IpNet) -> Result<(), StepCause> {
    let handle = channel.handle().address();
    let mut addition = handle.add(index, address.addr(), address.prefix_len());
    if address.addr().is_ipv6() {
        let message = addition.message_mut();
        message.header.flags = AddressHeaderFlags::Nodad;
        let flags = AddressAttribute::Flags(AddressFlags::Nodad);
        message.attributes.push(flags);
    }
    let added = channel.write(addition.execute()).await;
    match added {
        // The kernel says so too when the address is there with another prefix length.
        Err(error) if error.errno() == Some(Errno::EEXIST) => {
            let there = observe::addresses_of(channel, index).await?;
            if there.contains(&address) {
                Ok(())
            } else {
                Err(error.into())
            }
        }
        outcome => Ok(outcome?),
    }
}

async fn delete_address(
    channel: &Channel,
    name: &InterfaceName,
    address: IpNet,
) -> Result<(), StepCause> {
    let index = match observe::index(channel, name).await {
        Ok(index) => index,
        // Its addresses went with the link.
        Err(error) if error.errno() == Some(Errno::ENODEV) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let handle = channel.handle().address();
    let deletion = handle.del(message::address(index, address));
    benign(
        channel.write(deletion.execute()).await,
        &[Errno::EADDRNOTAVAIL, Errno::ENODEV],
    )
}

async fn add_route(channel: &Channel, index: u32, route: &NicRoute) -> Result<(), StepCause> {
    let message = message::route(index, route)?;
    let addition = channel.handle().route().add(message);
    match channel.write(addition.execute()).await {
        // Another route may have the same destination and metric.
        Err(error) if error.errno() == Some(Errno::EEXIST) => {
            let there = observe::nic_routes_of(channel, index).await?;
            if there.contains(route) {
                Ok(())
            } else {
                Err(error.into())
            }
        }
        outcome => Ok(outcome?),
    }
}

fn benign(outcome: Result<(), NetlinkError>, expected: &[Errno]) -> Result<(), StepCause> {
    match outcome {
        Err(error) if error.errno().is_some_and(|errno| expected.contains(&errno)) => Ok(()),
        outcome => Ok(outcome?),
    }
}
