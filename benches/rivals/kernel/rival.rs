//! `ip -batch` with the bare operations: what of links an L3VNI leads to, and nothing else.
//!
//! One line does as much as the kernel takes at once. What `ip` takes to start is measured with
//! an empty file, and is no part of the cost.

use std::fmt::Write as _;
use std::io::Write as _;
use std::time::{Duration, Instant};

use super::router::{Places, ip};
use crate::Failure;
use crate::node::{NIC, vrf_and_vni};

/// What the rival is given to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// Links with their masters, MTUs and port settings, all up.
    Links,
    /// With the addresses and aliases that we give them: the end state is the same.
    Whole,
}

impl What {
    /// How often `ip` is started: it works in one namespace at a time, and the host's ends of veths
    /// cannot come up before both ends are there.
    pub(crate) fn starts(self) -> u8 {
        match self {
            Self::Links => 2,
            Self::Whole => 3,
        }
    }
}

/// Namespaces in which the rival makes links.
pub(crate) struct Rival {
    places: Places,
}

impl Rival {
    pub(crate) fn start(of: &str) -> Result<Self, Failure> {
        let places = Places::new(of)?;
        let (host, router) = (&places.host, &places.router);
        ip(&format!("-n {host} link set {NIC} netns {router}"))?;
        ip(&format!("-n {router} link set {NIC} up"))?;
        Ok(Self { places })
    }

    /// Makes the L3VNIs of these numbers; how long it took, with starting `ip`.
    pub(crate) fn make(
        &self,
        numbers: impl Iterator<Item = usize> + Clone,
        what: What,
    ) -> Result<Duration, Failure> {
        let host = &self.places.host;
        let links = file(numbers.clone().map(|number| links(number, host)))?;
        let (rest, ends) = match what {
            What::Links => (None, file(numbers.map(host_up))?),
            What::Whole => {
                let rest = file(numbers.clone().map(router_rest))?;
                (Some(rest), file(numbers.map(host_rest))?)
            }
        };
        let started = Instant::now();
        batch(&self.places.router, &links)?;
        if let Some(rest) = &rest {
            batch(&self.places.router, rest)?;
        }
        batch(&self.places.host, &ends)?;
        Ok(started.elapsed())
    }

    /// Takes one L3VNI away.
    pub(crate) fn unmake(&self, number: usize) -> Result<(), Failure> {
        let (vrf, vni) = vrf_and_vni(number);
        for link in [
            format!("pe-e-{vni}"),
            format!("vni{vni}"),
            format!("br-pe-{vni}"),
            vrf,
        ] {
            ip(&format!("-n {} link delete {link}", self.places.router))?;
        }
        Ok(())
    }

    /// What `ip` takes to start and end.
    pub(crate) fn nothing(&self) -> Result<Duration, Failure> {
        let empty = file(std::iter::empty())?;
        let started = Instant::now();
        batch(&self.places.router, &empty)?;
        Ok(started.elapsed())
    }
}

fn file(texts: impl Iterator<Item = String>) -> Result<tempfile::NamedTempFile, Failure> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(texts.collect::<String>().as_bytes())?;
    file.flush()?;
    Ok(file)
}

fn batch(netns: &str, file: &tempfile::NamedTempFile) -> Result<(), Failure> {
    ip(&format!("-n {netns} -batch {}", file.path().display()))
}

fn links(number: usize, host: &str) -> String {
    let (vrf, vni) = vrf_and_vni(number);
    let table = 1_000_000 + vni;
    format!(
        "\
link add {vrf} up type vrf table {table}
link add br-pe-{vni} master {vrf} type bridge
link set br-pe-{vni} addrgenmode none
link set br-pe-{vni} up
link add vni{vni} master br-pe-{vni} type vxlan id {vni} local 100.65.0.0 dstport 4789 nolearning
link set vni{vni} addrgenmode none type bridge_slave neigh_suppress on learning off
link set vni{vni} up
link add pe-e-{vni} mtu 1450 master {vrf} type veth peer name host-e-{vni} mtu 1450 netns {host}
link set pe-e-{vni} up
"
    )
}

fn router_rest(number: usize) -> String {
    let (vrf, vni) = vrf_and_vni(number);
    let mut text = String::new();
    for link in [
        vrf,
        format!("br-pe-{vni}"),
        format!("vni{vni}"),
        format!("pe-e-{vni}"),
    ] {
        // A String takes everything.
        let _ = writeln!(text, "link set {link} alias perouter:{number}");
    }
    text + &format!("address add {}.1/24 dev pe-e-{vni}\n", pool(number))
}

fn host_up(number: usize) -> String {
    let (_, vni) = vrf_and_vni(number);
    format!("link set host-e-{vni} up\n")
}

fn host_rest(number: usize) -> String {
    let (_, vni) = vrf_and_vni(number);
    host_up(number)
        + &format!(
            "link set host-e-{vni} alias perouter:{number}\naddress add {}.2/24 dev host-e-{vni}\n",
            pool(number)
        )
}

fn pool(number: usize) -> String {
    format!("192.{}.{}", 169 + number / 256, number % 256)
}
