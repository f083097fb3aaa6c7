//! Makes new links in as few messages as the kernel takes.
//!
//! A new link has its master, and a veth its MTUs, from its creation; what the kernel takes only
//! afterwards follows in one message. Step by step it would be three times as many, and for a
//! thousand VNIs that is most of the time.
//!
//! What always holds: either all steps are done, or none of the links is there. Only links that
//! were created here are altered, so one that somebody else made meanwhile is never touched.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ipnet::IpNet;
use rtnetlink::packet_route::link::{InfoPortKind, LinkAttribute, LinkMessage};

use super::{StepCause, add_address, alter, delete_link, peer_channel};
use crate::api::types::InterfaceName;
use crate::netlink::channel::NetlinkError;
use crate::netlink::kernel::Kernel;
use crate::netlink::{message, observe};
use crate::plan::link::{
    AddressGeneration, KernelStep, Link, LinkChange, LinkKind, Mac, SeenLink, Space,
};

type Id = (Space, InterfaceName);

/// The steps that make new links and all that they are to be.
#[derive(Debug, Default)]
pub(super) struct Making<'a> {
    ends: BTreeMap<Id, End<'a>>,
    /// What to do, in order.
    acts: Vec<Act<'a>>,
    steps: usize,
}

#[derive(Debug)]
enum Act<'a> {
    Create(&'a Link),
    /// Gives a link all that it did not get by its creation.
    Finish(Id),
}

/// A link that is made: the first end of a veth, the other one, or another link.
#[derive(Debug)]
struct End<'a> {
    alias: &'a str,
    generation: AddressGeneration,
    mtu: Option<u32>,
    mac: Option<Mac>,
    master: Option<&'a InterfaceName>,
    addresses: Vec<IpNet>,
    evpn_port: bool,
    up: bool,
    /// The last step that is about it.
    last: usize,
}

impl<'a> End<'a> {
    fn first(link: &'a Link, at: usize) -> Self {
        Self {
            generation: link.address_generation,
            mtu: link.mtu,
            mac: link.mac,
            ..Self::other(link, at)
        }
    }

    /// Of a veth's other end the kernel chooses everything.
    fn other(link: &'a Link, at: usize) -> Self {
        Self {
            alias: &link.alias,
            generation: AddressGeneration::Kernel,
            mtu: None,
            mac: None,
            master: None,
            addresses: Vec::new(),
            evpn_port: false,
            up: false,
            last: at,
        }
    }

    /// Takes a change in; none that has to be a step of its own.
    fn take(&mut self, change: &'a LinkChange) -> Option<()> {
        match change {
            LinkChange::Up => self.up = true,
            LinkChange::Mtu(mtu) => self.mtu = Some(*mtu),
            LinkChange::Mac(mac) => self.mac = Some(*mac),
            LinkChange::Master(Some(master)) => self.master = Some(master),
            LinkChange::AddressGeneration(mode) => self.generation = *mode,
            LinkChange::EvpnPort => self.evpn_port = true,
            LinkChange::Alias(alias) => self.alias = alias,
            LinkChange::Master(None) | LinkChange::Group(_) | LinkChange::Cycle => return None,
        }
        Some(())
    }
}

impl<'a> Making<'a> {
    /// What of the links that are made at the beginning of `steps` can be done together.
    pub(super) fn of(steps: impl Iterator<Item = &'a KernelStep>) -> Self {
        let mut making = Self::default();
        let mut created = BTreeMap::new();
        for (at, step) in steps.enumerate() {
            if making.take(step, at, &mut created).is_none() {
                break;
            }
            making.steps = at + 1;
        }
        for at in 0..making.steps {
            making.acts.extend(created.remove(&at).map(Act::Create));
            let finished = making.ends.iter().filter(|(_, end)| end.last == at);
            let finished: Vec<Act<'_>> = finished.map(|(id, _)| Act::Finish(id.clone())).collect();
            making.acts.extend(finished);
        }
        making
    }

    fn take(
        &mut self,
        step: &'a KernelStep,
        at: usize,
        created: &mut BTreeMap<usize, &'a Link>,
    ) -> Option<()> {
        match step {
            KernelStep::AddLink(link) => {
                let link = link.as_ref();
                created.insert(at, link);
                let id = (link.space, link.name.clone());
                self.ends.insert(id, End::first(link, at));
                if let LinkKind::Veth { peer_space, peer } = &link.kind {
                    let id = (*peer_space, peer.clone());
                    self.ends.insert(id, End::other(link, at));
                }
            }
            KernelStep::SetLink {
                space,
                name,
                change,
            } => {
                let end = self.ends.get_mut(&(*space, name.clone()))?;
                end.take(change)?;
                end.last = at;
            }
            KernelStep::AddAddress {
                space,
                name,
                address,
            } => {
                let end = self.ends.get_mut(&(*space, name.clone()))?;
                end.addresses.push(*address);
                end.last = at;
            }
            KernelStep::DeleteLink { .. }
            | KernelStep::DeleteAddress { .. }
            | KernelStep::MoveNic { .. }
            | KernelStep::AddRoute { .. }
            | KernelStep::SetSysctl { .. }
            | KernelStep::IsolateVrfs(_)
            | KernelStep::InstallFirewall => return None,
        }
        Some(())
    }

    /// How many steps it stands for.
    pub(super) fn steps(&self) -> usize {
        self.steps
    }

    /// Does it all. When something is refused, the links that were made are deleted again.
    pub(super) async fn carry_out(&self, kernel: &Kernel) -> Result<(), StepCause> {
        let mut made = Made::default();
        for act in &self.acts {
            let done = match act {
                Act::Create(link) => self.create(kernel, link, &mut made).await,
                Act::Finish(id) => self.finish(kernel, id, &mut made).await,
            };
            if let Err(cause) = done {
                made.take_back(kernel).await;
                return Err(cause);
            }
        }
        Ok(())
    }

    async fn create(
        &self,
        kernel: &Kernel,
        link: &'a Link,
        made: &mut Made<'a>,
    ) -> Result<(), StepCause> {
        let channel = kernel.channel(link.space);
        let id = (link.space, link.name.clone());
        let mut message = self.creation(kernel, link);
        let master = self.ends.get(&id).and_then(|end| end.master);
        if let Some(master) = master {
            let index = made.index(kernel, link.space, master).await?;
            message.attributes.push(LinkAttribute::Controller(index));
        }
        let request = channel.handle().link().add(message);
        channel.write(request.execute()).await?;
        made.links.push(link);
        Ok(())
    }

    /// A veth has the MTU at both ends from the start.
    fn creation(&self, kernel: &Kernel, link: &Link) -> LinkMessage {
        let LinkKind::Veth { peer_space, peer } = &link.kind else {
            return message::create(link, kernel.channel(link.space).netns());
        };
        let other = self.ends.get(&(*peer_space, peer.clone()));
        let mtus = [link.mtu, other.and_then(|end| end.mtu)];
        message::create_veth(&link.name, peer, peer_channel(kernel, link).netns(), mtus)
    }

    async fn finish(&self, kernel: &Kernel, id: &Id, made: &mut Made<'a>) -> Result<(), StepCause> {
        let (space, name) = id;
        let channel = kernel.channel(*space);
        let Some(end) = self.ends.get(id) else {
            return Ok(());
        };
        let mut change = message::link(name).alias(end.alias);
        if let Some(mac) = end.mac {
            change = change.address(mac.0.to_vec());
        }
        if let Some(mtu) = end.mtu
            && made.look(kernel, id).await?.mtu != mtu
        {
            change = change.mtu(mtu);
        }
        if let Some(master) = end.master
            && !made.was_first(id)
        {
            change = change.controller(made.index(kernel, *space, master).await?);
        }
        if end.evpn_port {
            change = change
                .set_port_kind(InfoPortKind::Bridge)
                .set_port_data(message::evpn_port());
        }
        // The kernel sets a link up before it looks at this attribute, and would give the link an
        // address first.
        let generation = self.generation(kernel, id, end, made).await?;
        let up_at_once = end.up && generation.is_none();
        if let Some(mode) = generation {
            change = change.append_extra_attribute(message::address_generation(mode));
        }
        if up_at_once {
            change = change.up();
        }
        alter(channel, change.build()).await?;
        for address in &end.addresses {
            let index = made.look(kernel, id).await?.index;
            add_address(channel, index, *address).await?;
        }
        if end.up && !up_at_once {
            alter(channel, message::link(name).up().build()).await?;
        }
        Ok(())
    }

    /// How addresses are to be generated, where that is not how the kernel does by itself.
    async fn generation(
        &self,
        kernel: &Kernel,
        id: &Id,
        end: &End<'_>,
        made: &mut Made<'a>,
    ) -> Result<Option<AddressGeneration>, StepCause> {
        match end.generation {
            AddressGeneration::Off => Ok(Some(AddressGeneration::Off)),
            AddressGeneration::Kernel => {
                let now = made.look(kernel, id).await?.address_generation;
                Ok((now == Some(AddressGeneration::Off)).then_some(AddressGeneration::Kernel))
            }
        }
    }
}

/// What was made so far.
#[derive(Default)]
struct Made<'a> {
    links: Vec<&'a Link>,
    /// What the kernel said of links when they were new.
    known: BTreeMap<Id, SeenLink>,
}

impl Made<'_> {
    fn was_first(&self, (space, name): &Id) -> bool {
        let mut links = self.links.iter();
        links.any(|link| link.space == *space && link.name == *name)
    }

    async fn look(&mut self, kernel: &Kernel, id: &Id) -> Result<&SeenLink, NetlinkError> {
        match self.known.entry(id.clone()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(unknown) => {
                let seen = observe::one(kernel.channel(id.0), &id.1).await?;
                Ok(unknown.insert(seen))
            }
        }
    }

    async fn index(
        &mut self,
        kernel: &Kernel,
        space: Space,
        name: &InterfaceName,
    ) -> Result<u32, NetlinkError> {
        Ok(self.look(kernel, &(space, name.clone())).await?.index)
    }

    /// Best effort: the cause of the failure is what has to be told.
    async fn take_back(&self, kernel: &Kernel) {
        for link in self.links.iter().rev() {
            drop(delete_link(kernel.channel(link.space), &link.name).await);
        }
    }
}
