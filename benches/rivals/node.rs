//! Intents of any size, from manifests as people write them, and a kernel that is as they want it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use perouter::agent::source::Directory;
use perouter::api::{InterfaceName, IpVersion};
use perouter::intent::{self, Accepted, NodeIndex, NodeIntent};
use perouter::plan::desired::{self, SYSCTLS, Tunnels};
use perouter::plan::link::{
    FirewallState, Link, LinkKind, Master, NIC_GROUP, SeenKernel, SeenKind, SeenLink, Space,
};

use crate::Failure;

/// The underlay's NIC.
pub(crate) const NIC: &str = "eth1";

/// Its MTU.
const MTU: u32 = 1500;

/// The AS number of the node.
pub(crate) const ASN: u32 = 64514;

const UNDERLAY: &str = "\
apiVersion: network.openperouter.io/v1alpha1
kind: Underlay
metadata: {name: underlay, namespace: perouter-system}
spec:
  asn: 64514
  routerIDCIDR: 10.0.0.0/24
  interfaces:
    - {type: NetworkDevice, networkDevice: {interfaceName: eth1}}
  neighbors:
    - {asn: 64512, address: 10.0.1.1, holdTimeSeconds: 9, keepaliveTimeSeconds: 3}
  tunnelEndpoint:
    cidrs: [100.65.0.0/24]
";

/// The VRF and the VNI of the L3VNI with this number.
pub(crate) fn vrf_and_vni(number: usize) -> (String, usize) {
    (format!("vrf{number}"), 10_000 + number)
}

fn l3vni(number: usize) -> String {
    let (vrf, vni) = vrf_and_vni(number);
    let pool = format!("192.{}.{}.0/24", 169 + number / 256, number % 256);
    format!(
        "---
apiVersion: network.openperouter.io/v1alpha1
kind: L3VNI
metadata: {{name: {vrf}, namespace: perouter-system}}
spec:
  vrf: {vrf}
  vni: {vni}
  hostSession: {{asn: 64514, hostASN: 64515, localCIDR: {{ipv4: {pool}}}}}
  importRTs: [\"64512:{vni}\"]
  exportRTs: [\"64512:{vni}\"]
"
    )
}

/// Writes the manifests of an underlay and this many L3VNIs into a folder, a file each.
pub(crate) fn write_manifests(folder: &Path, vnis: usize) -> Result<(), Failure> {
    fs::write(folder.join("underlay.yaml"), UNDERLAY)?;
    for number in 0..vnis {
        fs::write(
            folder.join(format!("l3vni-{number:05}.yaml")),
            l3vni(number),
        )?;
    }
    Ok(())
}

/// Reads and resolves the manifests in a folder, as a pass of the agent does.
pub(crate) fn read_manifests(folder: &Path) -> Result<NodeIntent, Failure> {
    let contents = Directory::new(folder.to_owned()).read()?;
    let resolution = intent::resolve(
        contents.candidates,
        &Accepted::default(),
        &NodeIndex(0).into(),
    );
    let mut rejected = String::new();
    for rejection in resolution.rejections.iter().take(3) {
        write!(rejected, " {};", rejection.message)?;
    }
    if rejected.is_empty() {
        Ok(resolution.intent)
    } else {
        Err(format!("not accepted:{rejected}").into())
    }
}

/// The intent of an underlay and this many L3VNIs.
pub(crate) fn intent(vnis: usize) -> Result<NodeIntent, Failure> {
    let folder = tempfile::tempdir()?;
    write_manifests(folder.path(), vnis)?;
    let intent = read_manifests(folder.path())?;
    if intent.vnis.len() != vnis {
        return Err(format!("{} of {vnis} L3VNIs were taken", intent.vnis.len()).into());
    }
    Ok(intent)
}

/// A kernel in which everything is already as the intent wants it.
pub(crate) fn kernel(intent: &NodeIntent) -> Result<SeenKernel, Failure> {
    let underlay = intent.underlay.as_ref().ok_or("there is no underlay")?;
    let tunnels = Tunnels {
        vteps: underlay.vteps,
        nic_mtu: Some(MTU),
    };
    let mut seen = SeenKernel {
        firewall: FirewallState::Installed,
        isolated: [IpVersion::V4, IpVersion::V6].into(),
        sysctls: SYSCTLS
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
        ..SeenKernel::default()
    };
    let nic = SeenLink {
        group: NIC_GROUP,
        ..other(2)
    };
    seen.router.insert(NIC.parse()?, nic);
    seen.router.insert(
        "lo".parse()?,
        SeenLink {
            addresses: underlay.vteps.prefixes().collect(),
            ..other(1)
        },
    );
    for vni in &intent.vnis {
        let wanted = desired::links_of_vni(vni, &tunnels).ok_or("no tunnel can start")?;
        let first = u32::from(vni.spec.vni) * 10;
        for (place, link) in wanted.iter().enumerate() {
            let index = first + u32::try_from(place)?;
            let links = match link.space {
                Space::Host => &mut seen.host,
                Space::Router => &mut seen.router,
            };
            links.insert(link.name.clone(), as_wanted(link, index, &wanted, first)?);
        }
    }
    Ok(seen)
}

/// A link without anything special.
fn other(index: u32) -> SeenLink {
    SeenLink {
        index,
        kind: SeenKind::Other {
            name: String::new(),
        },
        master: None,
        up: true,
        mtu: MTU,
        mac: None,
        group: 0,
        alias: String::new(),
        address_generation: None,
        evpn_port: None,
        addresses: BTreeSet::new(),
    }
}

/// A link as it is seen once it is as wanted. `siblings` are numbered from `first`.
fn as_wanted(link: &Link, index: u32, siblings: &[Link], first: u32) -> Result<SeenLink, Failure> {
    let kind = match &link.kind {
        LinkKind::Vrf { table } => SeenKind::Vrf { table: *table },
        LinkKind::Bridge => SeenKind::Bridge,
        LinkKind::Vxlan { vni, local, port } => SeenKind::Vxlan {
            vni: u32::from(*vni),
            local: Some(*local),
            port: *port,
            learning: false,
        },
        LinkKind::Veth { peer_space, peer } => SeenKind::Veth {
            peer_index: place_of(siblings, *peer_space, peer)?.map(|place| first + place),
        },
    };
    Ok(SeenLink {
        kind,
        master: match &link.master {
            Master::None | Master::Free => None,
            Master::Link(master) | Master::Foreign(master) => Some(master.clone()),
        },
        mtu: link.mtu.unwrap_or(MTU),
        alias: link.alias.clone(),
        address_generation: Some(link.address_generation),
        evpn_port: link.evpn_port.then_some(true),
        addresses: link.addresses.clone(),
        ..other(index)
    })
}

fn place_of(links: &[Link], space: Space, name: &InterfaceName) -> Result<Option<u32>, Failure> {
    let place = links
        .iter()
        .position(|link| link.space == space && link.name == *name);
    Ok(place.map(u32::try_from).transpose()?)
}
