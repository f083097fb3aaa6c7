//! A node made of plain data: a kernel and an FRR that execute steps, and refuse what the real
//! ones refuse. They also refuse to do what is done already, because a plan must not ask for it.

mod kernel;

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;
use perouter_parsers::running_config::{Config, Context, Line};

use crate::api::Family;
use crate::api::types::{InterfaceName, ObjectKey, Vni, VrfName};
use crate::intent::NodeIntent;
use crate::plan::bfd::{ProfileChange, SeenBfd, SeenProfile};
use crate::plan::bgp::desired::{ALLOW_ALL, Monitoring};
use crate::plan::bgp::difference::{Command, ContextChange, Verb};
use crate::plan::bgp::filter::{ListChange, ListId};
use crate::plan::bgp::raw::{RawApplied, footprint};
use crate::plan::bgp::tests::model::Bgpd;
use crate::plan::desired::SYSCTLS;
use crate::plan::link::{AddressGeneration, NicRoute, SeenKernel, SeenKind, SeenLink, Space};
use crate::plan::{Memory, Plan, Planned, Presence, RawLines, SeenFrr, Step, plan};

type Told = Result<(), String>;

#[derive(Clone, Debug, PartialEq)]
pub(in crate::plan) struct World {
    pub(in crate::plan) kernel: SeenKernel,
    pub(in crate::plan) bgpd: Bgpd,
    pub(in crate::plan) allow_all: bool,
    pub(in crate::plan) vnis: BTreeMap<VrfName, Vni>,
    pub(in crate::plan) bfd: BTreeMap<String, SeenProfile>,
    pub(in crate::plan) memory: Memory,
    indices: Indices,
}

/// The kernel counts up; how far it has counted makes no difference to anybody.
#[derive(Clone, Debug)]
struct Indices(u32);

impl PartialEq for Indices {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

pub(in crate::plan) fn name(text: &str) -> InterfaceName {
    text.parse().expect("a name")
}

pub(in crate::plan) fn address(text: &str) -> IpNet {
    text.parse().expect("an address")
}

pub(in crate::plan) fn link(index: u32, kind: SeenKind) -> SeenLink {
    SeenLink {
        index,
        kind,
        master: None,
        up: true,
        mtu: 1500,
        mac: None,
        group: 0,
        alias: String::new(),
        address_generation: Some(AddressGeneration::Kernel),
        evpn_port: None,
        addresses: BTreeSet::new(),
    }
}

pub(in crate::plan) fn hardware() -> SeenKind {
    SeenKind::Other {
        name: String::new(),
    }
}

pub(in crate::plan) fn default_route(gateway: &str) -> NicRoute {
    NicRoute {
        destination: address("0.0.0.0/0"),
        gateway: Some(gateway.parse().expect("an address")),
        source: None,
        metric: 0,
        protocol: 3,
        scope: 0,
        onlink: false,
    }
}

impl World {
    /// A host with three NICs and things of other people's, and a bare router's namespace.
    pub(in crate::plan) fn new() -> Self {
        let mut kernel = SeenKernel::default();
        let lo = SeenLink {
            up: false,
            addresses: BTreeSet::new(),
            ..link(
                1,
                SeenKind::Other {
                    name: String::new(),
                },
            )
        };
        kernel.router.insert(name("lo"), lo.clone());
        let lo = SeenLink {
            up: true,
            addresses: BTreeSet::from([address("127.0.0.1/8")]),
            ..lo
        };
        kernel.host.insert(name("lo"), lo);
        for number in 0..3_u32 {
            let nic = name(&format!("eth{number}"));
            let seen = SeenLink {
                addresses: BTreeSet::from([address(&format!("10.0.{number}.7/24"))]),
                mtu: 9000,
                ..link(2 + number, hardware())
            };
            let routes = BTreeSet::from([default_route(&format!("10.0.{number}.1"))]);
            kernel.nic_routes.insert((Space::Host, nic.clone()), routes);
            kernel.host.insert(nic, seen);
        }
        let foreign = [
            ("cni0", SeenKind::Bridge),
            ("br-lan", SeenKind::Bridge),
            (
                "vxlan.calico",
                SeenKind::Other {
                    name: "vxlan".to_owned(),
                },
            ),
            (
                "lxc1234",
                SeenKind::Veth {
                    peer_index: Some(2),
                },
            ),
            ("vrf-mgmt", SeenKind::Vrf { table: 1_000_001 }),
        ];
        for (index, (text, kind)) in (10..).zip(foreign) {
            let seen = SeenLink {
                alias: "somebody else's".to_owned(),
                addresses: BTreeSet::from([address("10.244.0.1/24")]),
                ..link(index, kind)
            };
            kernel.host.insert(name(text), seen);
        }
        for (key, _) in SYSCTLS {
            kernel.sysctls.insert(key.to_owned(), "0".to_owned());
        }
        Self {
            kernel,
            bgpd: Bgpd::default(),
            allow_all: false,
            vnis: BTreeMap::new(),
            bfd: BTreeMap::new(),
            memory: Memory::default(),
            indices: Indices(100),
        }
    }

    /// A node on which this intent is in force.
    pub(in crate::plan) fn running(intent: &NodeIntent) -> Self {
        let mut world = Self::new();
        world.converge(intent);
        world
    }

    pub(in crate::plan) fn frr(&self) -> SeenFrr {
        let mut bgp = self.bgpd.running();
        if self.allow_all {
            bgp.push_context(Context::new(Line::new(ALLOW_ALL).expect("a line")));
        }
        SeenFrr {
            bgp,
            vnis: self.vnis.clone(),
            bfd: SeenBfd::Profiles(self.bfd.clone()),
            release: None,
            monitoring: Monitoring::Unavailable,
        }
    }

    pub(in crate::plan) fn plan(&self, intent: &NodeIntent) -> Plan {
        plan(intent, &self.kernel, &self.frr(), &self.memory).expect("typeable")
    }

    /// Executes a plan; every step must be legal when its turn comes.
    pub(in crate::plan) fn execute(&mut self, plan: &Plan) -> Told {
        for planned in plan.sweep.iter().flat_map(|leftover| &leftover.steps) {
            self.apply(&planned.step)?;
        }
        for unit in &plan.units {
            let before = self.frr().bgp;
            for planned in unit.steps.as_ref().map_err(ToString::to_string)? {
                self.apply(&planned.step)?;
                if let Step::Raw(lines) = &planned.step {
                    self.remember(&unit.key, lines, &before);
                }
            }
        }
        plan.closing.iter().try_for_each(|step| self.apply(step))
    }

    /// Plans and executes once, and demands that nothing is left to do.
    pub(in crate::plan) fn converge(&mut self, intent: &NodeIntent) -> Plan {
        let plan = self.plan(intent);
        if let Err(refused) = self.execute(&plan) {
            panic!("{refused}\n{plan}");
        }
        let again = self.plan(intent);
        assert!(again.is_empty(), "first:\n{plan}\nagain:\n{again}");
        plan
    }

    pub(in crate::plan) fn apply(&mut self, step: &Step) -> Told {
        let told = match step {
            Step::Kernel(step) => self.kernel_step(step),
            Step::Bgp(change) => self.bgp(change),
            Step::AllowAll(presence) => {
                let wanted = *presence == Presence::Present;
                expect(self.allow_all != wanted, "the route map is so already")
                    .map(|()| self.allow_all = wanted)
            }
            Step::PrefixLists(changes) => self.lists(changes),
            Step::BfdProfiles(changes) => {
                changes.iter().try_for_each(|change| self.profile(change))
            }
            Step::Raw(RawLines(config)) => {
                self.bgpd.load(&[], config);
                Ok(())
            }
            Step::MapVni { vrf, vni } => self.map(vrf, *vni),
        };
        told.map_err(|refused| format!("{step}: {refused}"))
    }

    /// Takes back steps in reverse, as far as they can be.
    pub(in crate::plan) fn undo(&mut self, done: &[Planned]) -> Told {
        let undos = done
            .iter()
            .rev()
            .filter_map(|planned| planned.undo.as_ref());
        undos.into_iter().try_for_each(|undo| self.apply(undo))
    }

    fn instances(&self) -> Vec<String> {
        let running = self.bgpd.running();
        let contexts = running.contexts().iter();
        contexts
            .filter(|context| context.header().words().next() == Some("router"))
            .map(|context| context.header().to_string())
            .collect()
    }

    fn bgp(&mut self, change: &ContextChange) -> Told {
        let header = change.header.as_str();
        let words: Vec<&str> = header.split(' ').collect();
        let others = self.instances();
        let of_vrf = |text: &String| text.contains(" vrf ");
        match words.as_slice() {
            ["router", "bgp", _] if change.after.is_none() => {
                expect(!others.iter().any(of_vrf), "instances of VRFs stand")?;
            }
            ["router", "bgp", _] => {
                let default = others.iter().find(|text| !of_vrf(text));
                expect(
                    default.is_none_or(|own| own == header),
                    "BGP is already running with another AS number",
                )?;
            }
            ["router", "bgp", _, "vrf", vrf] if change.after.is_none() => {
                let mapped = self.vnis.keys().any(|own| own.as_str() == *vrf);
                expect(!mapped, "the VRF has an L3VNI")?;
            }
            ["router", "bgp", _, "vrf", vrf] => {
                expect(
                    others.iter().any(|text| !of_vrf(text)),
                    "no default instance",
                )?;
                let same = format!(" vrf {vrf}");
                let mut same = others.iter().filter(|text| text.ends_with(&same));
                expect(
                    same.all(|own| own == header),
                    "another AS number in the VRF",
                )?;
            }
            // A route map stands by itself.
            ["route-map", ..] => {}
            _ => return Err("not an instance".to_owned()),
        }
        let commands = change.commands();
        expect(!commands.is_empty(), "nothing to type")?;
        for command in &commands {
            self.bgpd.apply(command)?;
            if command.verb == Verb::Add {
                let names = format!("{command} names what is not there");
                expect(self.names_only_what_stands(command), &names)?;
            }
        }
        Ok(())
    }

    /// As the agent does: what bgpd prints since the lines were typed is the object's.
    pub(in crate::plan) fn remember(
        &mut self,
        key: &ObjectKey,
        RawLines(typed): &RawLines,
        before: &Config,
    ) {
        let applied = RawApplied {
            typed: typed.clone(),
            footprint: footprint(typed, before, &self.frr().bgp),
        };
        self.memory.raw.insert(key.clone(), applied);
    }

    /// A list stands before a session names it, and goes when none does any more.
    fn lists(&mut self, changes: &[ListChange]) -> Told {
        for change in changes {
            if let ListChange::Remove(id) = change {
                expect(!self.bgpd.names_list(id), "a session names the list")?;
            }
            for text in change.lines() {
                self.bgpd.outermost(&text)?;
            }
        }
        Ok(())
    }

    fn profile(&mut self, change: &ProfileChange) -> Told {
        let ProfileChange {
            name,
            before,
            after,
        } = change;
        expect(
            self.bfd.get(name) == before.as_ref(),
            "the profile is another by now",
        )?;
        let after = after.map(SeenProfile::Ours);
        expect(after != *before, "the profile is so already")?;
        match after {
            Some(profile) => _ = self.bfd.insert(name.clone(), profile),
            None => {
                expect(
                    !self.bgpd.names_profile(name),
                    "a session names the profile",
                )?;
                self.bfd.remove(name);
            }
        }
        Ok(())
    }

    /// A prefix list or a profile stands before a session names it.
    fn names_only_what_stands(&self, command: &Command) -> bool {
        let words: Vec<&str> = command.line.words().collect();
        match words.as_slice() {
            ["neighbor", _, "prefix-list", name, _] => {
                let ipv6 = command
                    .path
                    .iter()
                    .any(|line| line.as_str().contains("ipv6"));
                let family = if ipv6 {
                    Family::Ipv6Unicast
                } else {
                    Family::Ipv4Unicast
                };
                let name = (*name).to_owned();
                self.bgpd.has_list(&ListId { family, name })
            }
            ["neighbor", _, "bfd", "profile", name] => self.bfd.contains_key(*name),
            [..] => true,
        }
    }

    fn map(&mut self, vrf: &VrfName, vni: Option<Vni>) -> Told {
        let Some(vni) = vni else {
            return self
                .vnis
                .remove(vrf)
                .map(|_| ())
                .ok_or("not mapped".to_owned());
        };
        expect(!self.vnis.contains_key(vrf), "the VRF has another VNI")?;
        expect(
            !self.vnis.values().any(|own| *own == vni),
            "vni is already mapped to another vrf",
        )?;
        let instance = format!(" vrf {vrf}");
        let instances = self.instances();
        expect(
            instances.iter().any(|own| own.ends_with(&instance)),
            "no BGP in the VRF",
        )?;
        expect(
            self.kernel
                .router
                .contains_key(&InterfaceName::from(vrf.clone())),
            "no such VRF",
        )?;
        self.vnis.insert(vrf.clone(), vni);
        Ok(())
    }
}

fn expect(holds: bool, otherwise: &str) -> Told {
    if holds {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}
