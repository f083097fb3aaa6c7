//! Reads back what verification of some VRFs alone looks at.
//!
//! What always holds: it asks for nothing whose answer grows with the VRFs or the routes of others,
//! but for what is sent to a neighbour, which FRR tells of all VRFs or of none.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use tokio_util::sync::CancellationToken;

use super::kernel::{self, LinksOf};
use super::sent::{self, Own};
use super::tables::{self, BgpTables, Streams};
use super::{Asked, Small, Wanted, assemble};
use crate::api::types::{InterfaceName, Vni, VrfName};
use crate::frr::{Daemon, Frr};
use crate::intent::NodeIntent;
use crate::netlink::Kernel;
use crate::plan::desired::Names;
use crate::plan::link::SeenKernel;
use crate::verify::Facts;
use crate::verify::facts::{EvpnPath, Rd, Read, Unreadable};
use crate::verify::scope::vnis_of;

/// What was learned when all was read last, and what a part is read with.
#[derive(Debug, Default)]
pub(in crate::agent) struct Known {
    /// By which distinguishers routes come for each VNI.
    pub(in crate::agent) distinguishers: BTreeMap<Vni, BTreeSet<Rd>>,
}

/// Reads back what verification of these VRFs looks at. `before` is what was read of everything
/// last, without what grows with the routes: what follows from the configuration alone is taken
/// from there.
pub(in crate::agent) async fn gather_vrfs(
    frr: &mut Frr,
    (kernel, seen): (&Kernel, &SeenKernel),
    intent: &NodeIntent,
    (before, known): (&Facts, &Known),
    vrfs: &BTreeSet<VrfName>,
) -> Facts {
    let mut wanted = Wanted::of(intent, &before.fabric_sessions);
    wanted.vrfs.retain(|vrf| vrfs.contains(vrf));
    wanted.hosts.retain(|vrf| vrfs.contains(vrf));
    wanted.segments = Asked::No;
    let job = Job {
        dir: frr.dir().to_owned(),
        distinguishers: distinguishers(intent, before, known, vrfs),
        wanted: wanted.clone(),
    };
    let dir = job.dir.clone();
    let links = links_of(intent, seen, vrfs);
    let (small, bgp, zebra, kernel) = tokio::join!(
        Small::ask_part(frr, &wanted, before),
        read_bgp(job),
        tables::read_zebra(&dir, &wanted),
        kernel::read(
            Some(kernel),
            Some(seen),
            &wanted.vrfs,
            LinksOf::These(&links)
        ),
    );
    assemble(small, bgp, zebra, kernel)
}

/// The distinguishers under which routes of these VRFs are, and whose of these are our own.
struct Distinguishers {
    own: BTreeSet<Rd>,
    others: BTreeSet<Rd>,
}

fn distinguishers(
    intent: &NodeIntent,
    before: &Facts,
    known: &Known,
    vrfs: &BTreeSet<VrfName>,
) -> Distinguishers {
    let vnis = || vnis_of(intent, vrfs).map(|vni| vni.spec.vni);
    let made = before.bgp_vnis.as_ref().ok();
    let own = vnis().filter_map(|vni| Some(made?.get(&vni)?.rd.clone()));
    let others = vnis().filter_map(|vni| known.distinguishers.get(&vni));
    Distinguishers {
        own: own.collect(),
        others: others.flatten().cloned().collect(),
    }
}

/// The links whose neighbours and forwarding entries these VRFs' routes use.
fn links_of(intent: &NodeIntent, seen: &SeenKernel, vrfs: &BTreeSet<VrfName>) -> Vec<u32> {
    let names = vnis_of(intent, vrfs).map(|vni| Names::of(vni.spec.vni));
    let names = names.flat_map(|names| [names.bridge, names.vxlan]);
    let index = |name: InterfaceName| Some(seen.router.get(&name)?.index);
    names.filter_map(index).collect()
}

/// What bgpd is asked for.
struct Job {
    dir: PathBuf,
    distinguishers: Distinguishers,
    wanted: Wanted,
}

async fn read_bgp(job: Job) -> BgpTables {
    let wanted = job.wanted.clone();
    match tables::on_a_thread(move |abandoned| bgp_tables(job, abandoned)).await {
        Ok(tables) => tables,
        Err(error) => BgpTables::failed(&wanted.evpn_neighbors, &wanted.vrfs, &error),
    }
}

fn bgp_tables(job: Job, abandoned: CancellationToken) -> BgpTables {
    let mut bgpd = Streams::new(Daemon::Bgpd, job.dir, abandoned);
    let vrfs = job.wanted.vrfs.iter();
    let vrfs = vrfs.map(|vrf| (vrf.clone(), tables::vrf_table(&mut bgpd, vrf)));
    let vrfs = vrfs.collect();
    let Distinguishers { own, others } = &job.distinguishers;
    let evpn = evpn_paths(&mut bgpd, own.union(others));
    let mut own_routes = Own::default();
    own_routes.prefixes(&evpn);
    BgpTables {
        sent: sent::to_each(&mut bgpd, &job.wanted.evpn_neighbors, &own_routes),
        evpn,
        vrfs,
        macs: Err(Unreadable::not_read()),
        floods: Err(Unreadable::not_read()),
    }
}

fn evpn_paths<'a>(bgpd: &mut Streams, of: impl Iterator<Item = &'a Rd>) -> Read<Vec<EvpnPath>> {
    let mut all = Vec::new();
    for rd in of {
        all.extend(tables::evpn_paths_of(bgpd, rd)?);
    }
    Ok(all)
}
