//! Records what a node's FRR and kernel say, as files to test parsers against.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::client::{self, ClientError};

/// Why a recording failed.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// The lab cannot be asked.
    #[error(transparent)]
    Lab(#[from] ClientError),
    /// A command of the kernel's tools failed.
    #[error("«{command}» ended with status {status}: {errors}")]
    Command {
        /// The command.
        command: String,
        /// Its exit status.
        status: u8,
        /// Its standard error.
        errors: String,
    },
}

/// Files and what FRR is asked for them.
const FRR: [(&str, &str); 46] = [
    ("show-version.txt", "show version"),
    ("show-daemons.txt", "show daemons"),
    ("show-running-config.txt", "show running-config"),
    (
        "show-running-config-no-header.txt",
        "show running-config no-header",
    ),
    ("show-bgp-summary.json", "show bgp summary json"),
    (
        "show-bgp-vrf-all-summary.json",
        "show bgp vrf all summary json",
    ),
    (
        "show-bgp-vrf-red-summary.json",
        "show bgp vrf red summary json",
    ),
    (
        "show-bgp-l2vpn-evpn-summary.json",
        "show bgp l2vpn evpn summary json",
    ),
    ("show-bgp-neighbors.json", "show bgp neighbors json"),
    (
        "show-bgp-vrf-red-neighbors.json",
        "show bgp vrf red neighbors json",
    ),
    ("show-bgp-vrfs.json", "show bgp vrfs json"),
    ("show-bgp-l2vpn-evpn.json", "show bgp l2vpn evpn json"),
    (
        "show-bgp-l2vpn-evpn-detail.json",
        "show bgp l2vpn evpn detail json",
    ),
    (
        "show-bgp-l2vpn-evpn-route-type-5.json",
        "show bgp l2vpn evpn route type 5 json",
    ),
    (
        "show-bgp-l2vpn-evpn-route-type-2.json",
        "show bgp l2vpn evpn route type 2 json",
    ),
    (
        "show-bgp-l2vpn-evpn-route-type-3.json",
        "show bgp l2vpn evpn route type 3 json",
    ),
    (
        "show-bgp-l2vpn-evpn-route-type-5.txt",
        "show bgp l2vpn evpn route type 5",
    ),
    (
        "show-bgp-l2vpn-evpn-vni.json",
        "show bgp l2vpn evpn vni json",
    ),
    (
        "show-bgp-l2vpn-evpn-vni-100.json",
        "show bgp l2vpn evpn vni 100 json",
    ),
    (
        "show-bgp-l2vpn-evpn-import-rt.json",
        "show bgp l2vpn evpn import-rt json",
    ),
    (
        "show-bgp-l2vpn-evpn-vrf-import-rt.json",
        "show bgp l2vpn evpn vrf-import-rt json",
    ),
    (
        "show-bgp-l2vpn-evpn-advertised.json",
        "show bgp l2vpn evpn neighbors 10.0.1.1 advertised-routes json",
    ),
    ("show-bgp-ipv4-unicast.json", "show bgp ipv4 unicast json"),
    (
        "show-bgp-vrf-red-ipv4-unicast.json",
        "show bgp vrf red ipv4 unicast json",
    ),
    (
        "show-bgp-vrf-red-ipv6-unicast.json",
        "show bgp vrf red ipv6 unicast json",
    ),
    ("show-evpn.json", "show evpn json"),
    ("show-evpn-vni.json", "show evpn vni json"),
    ("show-evpn-vni-detail.json", "show evpn vni detail json"),
    ("show-evpn-vni-100.json", "show evpn vni 100 json"),
    ("show-evpn-mac-vni-all.json", "show evpn mac vni all json"),
    (
        "show-evpn-arp-cache-vni-all.json",
        "show evpn arp-cache vni all json",
    ),
    ("show-evpn-rmac-vni-all.json", "show evpn rmac vni all json"),
    (
        "show-evpn-next-hops-vni-all.json",
        "show evpn next-hops vni all json",
    ),
    ("show-vrf-vni.json", "show vrf vni json"),
    ("show-vrf.txt", "show vrf"),
    ("show-bfd-peers.json", "show bfd peers json"),
    (
        "show-bfd-peers-counters.json",
        "show bfd peers counters json",
    ),
    ("show-ip-route.json", "show ip route json"),
    ("show-ip-route-vrf-red.json", "show ip route vrf red json"),
    (
        "show-ipv6-route-vrf-red.json",
        "show ipv6 route vrf red json",
    ),
    ("show-ip-route-vrf-all.json", "show ip route vrf all json"),
    ("show-interface.json", "show interface json"),
    (
        "show-interface-vrf-all-brief.json",
        "show interface vrf all brief json",
    ),
    ("show-ip-nht.json", "show ip nht json"),
    ("show-zebra-client-summary.txt", "show zebra client summary"),
    (
        "show-bgp-unknown-command.txt",
        "show bgp no-such-thing json",
    ),
];

/// Files and what the kernel is asked for them.
const KERNEL: [(&str, &[&str]); 5] = [
    ("kernel-ip-link.json", &["ip", "-details", "-json", "link"]),
    ("kernel-ip-addr.json", &["ip", "-json", "address"]),
    (
        "kernel-ip-route-all.json",
        &["ip", "-json", "route", "show", "table", "all"],
    ),
    ("kernel-bridge-fdb.json", &["bridge", "-json", "fdb"]),
    ("kernel-ip-neigh.json", &["ip", "-json", "neighbour"]),
];

/// Which of a node's two routers is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instance {
    /// The one of the node itself.
    Host,
    /// The one in the network namespace `perouter`.
    Router,
}

/// Records `node` of the lab `lab` in the folder `folder`; returns how many files.
///
/// What FRR says is kept as it is, refusals included: they too have to be understood.
///
/// # Errors
/// When the lab or the kernel's tools cannot be asked, or a file cannot be written.
pub fn record(
    lab: &str,
    node: &str,
    instance: Instance,
    folder: &Path,
    mut progress: impl FnMut(&str),
) -> Result<usize, RecordError> {
    fs::create_dir_all(folder).map_err(|source| RecordError::Write {
        path: folder.to_owned(),
        source,
    })?;
    let write = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).map_err(|source| RecordError::Write { path, source })
    };
    let (vtysh, namespace): (&[&str], &[&str]) = match instance {
        Instance::Host => (&["vtysh"], &[]),
        Instance::Router => (
            &["vtysh", "-N", "perouter"],
            &["nsenter", "--net=/run/netns/perouter"],
        ),
    };
    for (name, question) in FRR {
        progress(name);
        let answer = client::collect(lab, node, &[vtysh, &["-c", question]].concat())?;
        write(name, &answer.output)?;
    }
    for (name, question) in KERNEL {
        progress(name);
        let command = [namespace, question].concat();
        let answer = client::collect(lab, node, &command)?;
        if answer.status != 0 {
            let (command, status) = (command.join(" "), answer.status);
            return Err(RecordError::Command {
                command,
                status,
                errors: answer.errors,
            });
        }
        write(name, &answer.output)?;
    }
    Ok(FRR.len() + KERNEL.len())
}
