//! A step in words, as they follow "cannot".

use crate::plan::link::{AddressGeneration, KernelStep, LinkChange};

/// `step` in words.
pub(super) fn of(step: &KernelStep) -> String {
    match step {
        KernelStep::AddLink(link) => {
            format!("add link {} in the {} namespace", link.name, link.space)
        }
        KernelStep::DeleteLink { space, name } => {
            format!("delete link {name} in the {space} namespace")
        }
        KernelStep::SetLink {
            space,
            name,
            change,
        } => format!(
            "{} of link {name} in the {space} namespace",
            changing(change)
        ),
        KernelStep::AddAddress {
            space,
            name,
            address,
        } => format!("add address {address} to link {name} in the {space} namespace"),
        KernelStep::DeleteAddress {
            space,
            name,
            address,
        } => format!("remove address {address} from link {name} in the {space} namespace"),
        KernelStep::MoveNic { name, to, .. } => format!("move NIC {name} to the {to} namespace"),
        KernelStep::AddRoute { space, name, route } => format!(
            "add the route to {} by link {name} in the {space} namespace",
            route.destination
        ),
        KernelStep::SetSysctl { key, value } => {
            format!("set sysctl {key} to {value} in the router namespace")
        }
        KernelStep::IsolateVrfs(version) => {
            format!("add the {version} rule that keeps VRFs apart in the router namespace")
        }
        KernelStep::InstallFirewall => {
            "install the firewall table in the router namespace".to_owned()
        }
    }
}

fn changing(change: &LinkChange) -> String {
    match change {
        LinkChange::Up => "set the state up".to_owned(),
        LinkChange::Cycle => "set the state down and up again".to_owned(),
        LinkChange::Mtu(mtu) => format!("set the MTU to {mtu}"),
        LinkChange::Mac(mac) => format!("set the Ethernet address to {mac}"),
        LinkChange::Master(Some(master)) => format!("set the master to {master}"),
        LinkChange::Master(None) => "remove the master".to_owned(),
        LinkChange::AddressGeneration(AddressGeneration::Off) => {
            "switch off the address generation".to_owned()
        }
        LinkChange::AddressGeneration(AddressGeneration::Kernel) => {
            "switch on the address generation".to_owned()
        }
        LinkChange::EvpnPort => "set neighbour suppression and no learning".to_owned(),
        LinkChange::Alias(alias) => format!("set the alias to {alias:?}"),
        LinkChange::Group(group) => format!("set the group to {group}"),
    }
}
