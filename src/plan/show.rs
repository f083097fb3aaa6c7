//! A plan as people read it: one line a step, `+` for what comes, `-` for what goes, `~` for
//! what changes.

use std::fmt;

use super::bfd::ProfileChange;
use super::bgp::difference::Verb;
use super::bgp::filter::ListChange;
use super::bgp::raw;
use super::link::{AddressGeneration, KernelStep, Link, LinkChange, LinkKind, NicConfig, Space};
use super::{Plan, Presence, RawLines, Step};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.sweep.is_empty() {
            writeln!(f, "nothing wants these any more:")?;
            for planned in self.sweep.iter().flat_map(|leftover| &leftover.steps) {
                writeln!(f, "{}", planned.step)?;
            }
        }
        for unit in &self.units {
            match &unit.steps {
                Ok(steps) if steps.is_empty() => {}
                Ok(steps) => {
                    writeln!(f, "{}:", unit.key)?;
                    for planned in steps {
                        writeln!(f, "{}", planned.step)?;
                    }
                }
                Err(blocked) => writeln!(f, "{}:\n  ! {blocked}", unit.key)?,
            }
        }
        if !self.closing.is_empty() {
            writeln!(f, "nothing uses these any more then:")?;
            for step in &self.closing {
                writeln!(f, "{step}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(step) => write!(f, "{step}"),
            Self::Bgp(change) => {
                for (index, command) in change.commands().iter().enumerate() {
                    let sign = match command.verb {
                        Verb::Add => '+',
                        Verb::Remove => '-',
                    };
                    let newline = if index == 0 { "" } else { "\n" };
                    write!(f, "{newline}  {sign} bgpd: {command}")?;
                }
                Ok(())
            }
            Self::AllowAll(Presence::Present) => {
                f.write_str("  + bgpd: route-map allowall permit 1")
            }
            Self::AllowAll(Presence::Absent) => f.write_str("  - bgpd: route-map allowall"),
            Self::PrefixLists(changes) => {
                let lines: Vec<String> = changes.iter().flat_map(ListChange::lines).collect();
                signed(f, "bgpd", &lines)
            }
            Self::BfdProfiles(changes) => {
                let lines = changes.iter().flat_map(ProfileChange::summary);
                signed(f, "bfdd", &lines.collect::<Vec<_>>())
            }
            Self::Raw(RawLines(config)) => {
                let commands = raw::commands(config);
                let lines: Vec<String> = commands.iter().map(ToString::to_string).collect();
                signed(f, "bgpd, raw", &lines)
            }
            Self::MapVni {
                vrf,
                vni: Some(vni),
            } => write!(f, "  + zebra: vrf {vrf} / vni {vni}"),
            Self::MapVni { vrf, vni: None } => write!(f, "  - zebra: vrf {vrf} / vni"),
        }
    }
}

/// Commands, each with the sign of what it does.
fn signed(f: &mut fmt::Formatter<'_>, daemon: &str, lines: &[String]) -> fmt::Result {
    for (index, line) in lines.iter().enumerate() {
        let newline = if index == 0 { "" } else { "\n" };
        match line.strip_prefix("no ") {
            Some(gone) => write!(f, "{newline}  - {daemon}: {gone}")?,
            None => write!(f, "{newline}  + {daemon}: {line}")?,
        }
    }
    Ok(())
}

impl fmt::Display for KernelStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddLink(link) => write!(f, "  + {}: link {}", link.space, Described(link)),
            Self::DeleteLink { space, name } => write!(f, "  - {space}: link {name}"),
            Self::SetLink {
                space,
                name,
                change,
            } => write!(f, "  ~ {space}: link {name} {change}"),
            Self::AddAddress {
                space,
                name,
                address,
            } => {
                write!(f, "  + {space}: address {address} on {name}")
            }
            Self::DeleteAddress {
                space,
                name,
                address,
            } => {
                write!(f, "  - {space}: address {address} on {name}")
            }
            Self::MoveNic { name, to, config } => {
                let from = match to {
                    Space::Host => Space::Router,
                    Space::Router => Space::Host,
                };
                write!(f, "  ~ {from}: NIC {name} moves to {to}{}", Carried(config))
            }
            Self::AddRoute { space, name, route } => {
                write!(f, "  + {space}: route {} by {name}", route.destination)
            }
            Self::SetSysctl { key, value } => write!(f, "  ~ router: sysctl {key} = {value}"),
            Self::IsolateVrfs(version) => {
                write!(f, "  + router: {version} rule that keeps VRFs apart")
            }
            Self::InstallFirewall => {
                f.write_str("  + router: nftables table that keeps strangers from FRR's ports")
            }
        }
    }
}

impl fmt::Display for LinkChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Up => f.write_str("up"),
            Self::Cycle => f.write_str("down and up"),
            Self::Mtu(mtu) => write!(f, "mtu {mtu}"),
            Self::Mac(mac) => write!(f, "address {mac}"),
            Self::Master(Some(master)) => write!(f, "master {master}"),
            Self::Master(None) => f.write_str("nomaster"),
            Self::AddressGeneration(AddressGeneration::Off) => f.write_str("addrgenmode none"),
            Self::AddressGeneration(AddressGeneration::Kernel) => f.write_str("addrgenmode eui64"),
            Self::EvpnPort => f.write_str("neigh_suppress on learning off"),
            Self::Alias(alias) => write!(f, "alias {alias:?}"),
            Self::Group(group) => write!(f, "group {group}"),
        }
    }
}

struct Described<'a>(&'a Link);

impl fmt::Display for Described<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.0.name;
        match &self.0.kind {
            LinkKind::Vrf { table } => write!(f, "{name} type vrf table {table}"),
            LinkKind::Bridge => write!(f, "{name} type bridge"),
            LinkKind::Vxlan { vni, local, port } => {
                write!(
                    f,
                    "{name} type vxlan id {vni} local {local} dstport {port} nolearning"
                )
            }
            LinkKind::Veth { peer_space, peer } => {
                write!(f, "{name} type veth peer {peer} in {peer_space}")
            }
        }
    }
}

struct Carried<'a>(&'a NicConfig);

impl fmt::Display for Carried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for address in &self.0.addresses {
            write!(f, ", address {address}")?;
        }
        for route in &self.0.routes {
            write!(f, ", route {}", route.destination)?;
        }
        Ok(())
    }
}
