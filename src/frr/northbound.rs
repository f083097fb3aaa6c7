//! FRR's gRPC northbound, where its module is loaded: what FRR implements in YANG.
//!
//! Every method that changes something says whether it did; where it did not, because the
//! daemon has no module, the caller goes by the vty.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use perouter_frr_proto::{self as proto, Driver, Edits, RouteMapName};
use serde::Serialize;

use super::{Daemon, FrrError};
use crate::api::types::{Vni, VrfName};
use crate::netlink::namespace::Netns;
use crate::plan::Presence;

/// How long a daemon may take for one call. A commit of thousands of VRFs takes seconds.
const DEADLINE: Duration = Duration::from_secs(30);

/// How long a daemon may take to say what it implements. One whose server has ended listens on.
const FIRST_ANSWER: Duration = Duration::from_secs(5);

/// The YANG module that holds a VRF's L3VNI.
const ZEBRA_MODULE: &str = "frr-zebra";

/// The YANG module that holds route maps.
const ROUTE_MAP_MODULE: &str = "frr-route-map";

/// The YANG module that holds BFD profiles.
const BFDD_MODULE: &str = "frr-bfdd";

/// The daemons whose northbound every router needs.
const ALWAYS: [Daemon; 2] = [Daemon::Zebra, Daemon::Bgpd];

/// The YANG module that a daemon is needed for.
const fn module(daemon: Daemon) -> Option<&'static str> {
    match daemon {
        Daemon::Zebra => Some(ZEBRA_MODULE),
        Daemon::Bgpd => Some(ROUTE_MAP_MODULE),
        Daemon::Bfdd => Some(BFDD_MODULE),
        Daemon::Mgmtd => None,
    }
}

/// A module listens a moment after its daemon answers; and a daemon may be started again with it.
const ASK_AGAIN: Duration = Duration::from_secs(5);

/// After so many tries a daemon without the module is taken to be a stock one, and asked only
/// when there is something else to do.
const TRIES: u32 = 4;

/// Whether to use the northbound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Where the module is there.
    Auto,
    /// Fail without it.
    Require,
    /// Never.
    Off,
}

/// Which way a daemon is driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum InUse {
    /// By gRPC for what it implements in YANG, by vty for the rest.
    Northbound,
    /// By vty alone.
    Vty,
}

/// What is known of one daemon's northbound.
#[derive(Debug)]
enum Link {
    Open(Box<Driver>),
    /// It has no module, or not the models that we need, as of then.
    Absent {
        /// When it was asked last.
        since: Instant,
        /// How often it was asked.
        tries: u32,
        /// What came of it.
        reason: String,
    },
}

impl Link {
    fn absent(tries: u32, reason: String) -> Self {
        Self::Absent {
            since: Instant::now(),
            tries,
            reason,
        }
    }

    /// What came of asking the daemon last, where it has no northbound.
    fn reason(&self) -> Option<&str> {
        match self {
            Self::Open(_) => None,
            Self::Absent { reason, .. } => Some(reason),
        }
    }

    /// How often the daemon will have been asked after one more time.
    fn next_try(&self) -> u32 {
        match self {
            Self::Open(_) => 1,
            Self::Absent { tries, .. } => tries.saturating_add(1),
        }
    }

    /// Whether there may be something new to learn.
    fn is_settled(&self) -> bool {
        match self {
            Self::Open(_) => true,
            Self::Absent { since, .. } => since.elapsed() < ASK_AGAIN,
        }
    }
}

/// The northbounds of one FRR instance.
#[derive(Debug)]
pub(super) struct Northbound {
    mode: Mode,
    netns: PathBuf,
    links: BTreeMap<Daemon, Link>,
    errors: u64,
}

impl Northbound {
    pub(super) fn new(mode: Mode, netns: PathBuf) -> Self {
        Self {
            mode,
            netns,
            links: BTreeMap::new(),
            errors: 0,
        }
    }

    /// How many calls failed or were refused so far.
    pub(super) fn errors(&self) -> u64 {
        self.errors
    }

    pub(super) fn in_use(&self) -> BTreeMap<Daemon, InUse> {
        let in_use = |link: &Link| match link {
            Link::Open(_) => InUse::Northbound,
            Link::Absent { .. } => InUse::Vty,
        };
        self.links
            .iter()
            .map(|(daemon, link)| (*daemon, in_use(link)))
            .collect()
    }

    /// When to ask a daemon again that has only just come up, if there is one.
    pub(super) fn ask_again(&self) -> Option<Duration> {
        let recent = |link: &Link| match link {
            Link::Open(_) => false,
            Link::Absent { tries, .. } => *tries < TRIES,
        };
        let always = ALWAYS.iter().filter_map(|daemon| self.links.get(daemon));
        always.into_iter().any(recent).then_some(ASK_AGAIN)
    }

    /// Asks again at the next use: a daemon that died may come back with or without the module.
    pub(super) fn forget(&mut self, daemon: Daemon) {
        self.links.remove(&daemon);
    }

    /// Connects to every daemon that is always needed and has not been asked yet.
    pub(super) async fn connect(&mut self) -> Result<(), FrrError> {
        for daemon in ALWAYS {
            self.connect_to(daemon).await?;
        }
        Ok(())
    }

    /// Connects to a daemon that has not been asked yet.
    pub(super) async fn connect_to(&mut self, daemon: Daemon) -> Result<(), FrrError> {
        if self.links.get(&daemon).is_some_and(Link::is_settled) {
            return Ok(());
        }
        let link = match self.mode {
            Mode::Off => Link::absent(TRIES, "it is not to be used".to_owned()),
            Mode::Auto => match self.open(daemon).await {
                Ok(driver) => Link::Open(Box::new(driver)),
                Err(error) => self.absent(daemon, error.to_string()),
            },
            Mode::Require => Link::Open(Box::new(self.open(daemon).await?)),
        };
        self.links.insert(daemon, link);
        Ok(())
    }

    /// A daemon that was asked in vain, which is said when it is news.
    fn absent(&self, daemon: Daemon, reason: String) -> Link {
        let before = self.links.get(&daemon);
        if before.and_then(Link::reason) != Some(&reason) {
            tracing::info!(%daemon, "driven by vty alone: {reason}");
        }
        Link::absent(before.map_or(1, Link::next_try), reason)
    }

    async fn open(&self, daemon: Daemon) -> Result<Driver, FrrError> {
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| FrrError::Northbound {
            daemon,
            source,
        };
        let (address, module) = daemon
            .grpc_address()
            .zip(module(daemon))
            .ok_or_else(|| failed("it has none".into()))?;
        let netns = Netns::open(&self.netns).map_err(|error| failed(error.into()))?;
        let stream = netns.connect_tcp(address).await.map_err(|error| {
            failed(
                format!("nothing listens at {address}: {error}; is the gRPC module loaded (-M grpc:{})?", address.port())
                    .into(),
            )
        })?;
        // A task of its own: breaking a call off would end the daemon's server for good.
        let connecting = tokio::spawn(proto::Daemon::connect(stream, DEADLINE));
        let client = tokio::time::timeout(FIRST_ANSWER, connecting)
            .await
            .map_err(|_| failed("it listens, but does not answer".into()))?
            .map_err(|error| failed(error.into()))?
            .map_err(|error| failed(error.into()))?;
        if !client.capabilities().implements(module) {
            return Err(failed(
                format!("it does not implement the YANG module {module}").into(),
            ));
        }
        Ok(Driver::new(client))
    }

    /// Commits edits on a daemon; `false` when it has no northbound.
    pub(super) async fn commit(&mut self, daemon: Daemon, edits: Edits) -> Result<bool, FrrError> {
        let Some(Link::Open(driver)) = self.links.get(&daemon) else {
            return Ok(false);
        };
        match driver.commit(edits).await {
            Ok(_) => Ok(true),
            Err(error) => Err(self.failed(daemon, error.into())),
        }
    }

    pub(super) async fn set_allow_all(&mut self, presence: Presence) -> Result<bool, FrrError> {
        /// The sequence number of the one entry.
        const SEQUENCE: u16 = 1;
        let name: RouteMapName =
            "allowall"
                .parse()
                .map_err(|error: proto::NameError| FrrError::Northbound {
                    daemon: Daemon::Bgpd,
                    source: error.into(),
                })?;
        let edits = match presence {
            Presence::Present => Edits::new().permit_all(&name, SEQUENCE),
            Presence::Absent => Edits::new().remove_route_map(&name),
        };
        self.commit(Daemon::Bgpd, edits).await
    }

    /// Whether mappings can be committed to zebra.
    pub(super) fn has_mappings(&self) -> bool {
        matches!(self.links.get(&Daemon::Zebra), Some(Link::Open(_)))
    }

    /// Lets zebra say whether mappings are valid, where it has a northbound.
    pub(super) async fn validate_mapping(&mut self, maps: &Maps) -> Result<(), FrrError> {
        let edits = mappings(maps)?;
        let Some(Link::Open(driver)) = self.links.get(&Daemon::Zebra) else {
            return Ok(());
        };
        if maps.is_empty() {
            return Ok(());
        }
        // What it has found valid stays with us: the daemon holds nothing of it.
        match driver.prepare(edits).await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(Daemon::Zebra, error.into())),
        }
    }

    /// Commits mappings to zebra, where it has a northbound.
    pub(super) async fn commit_mapping(&mut self, maps: &Maps) -> Result<(), FrrError> {
        if maps.is_empty() {
            return Ok(());
        }
        self.commit(Daemon::Zebra, mappings(maps)?)
            .await
            .map(|_| ())
    }

    /// The connection may be what failed; the next use opens another.
    fn failed(&mut self, daemon: Daemon, source: BoxedError) -> FrrError {
        self.errors += 1;
        self.links.remove(&daemon);
        FrrError::Northbound { daemon, source }
    }

    /// Waits until every call that was begun has been answered: FRR's server ends for good when
    /// one is broken off. To be called before the program ends.
    pub(super) async fn settle(&self) {
        for link in self.links.values() {
            if let Link::Open(driver) = link {
                driver.daemon().settle().await;
            }
        }
    }
}

/// VRFs with the VNI that they shall have.
type Maps = [(VrfName, Option<Vni>)];

type BoxedError = Box<dyn std::error::Error + Send + Sync>;

fn mappings(maps: &Maps) -> Result<Edits, FrrError> {
    let mut edits = Edits::new();
    for (vrf, vni) in maps {
        edits = edits.and(mapping(vrf, *vni).map_err(|source| FrrError::Northbound {
            daemon: Daemon::Zebra,
            source,
        })?);
    }
    Ok(edits)
}

fn mapping(
    vrf: &VrfName,
    vni: Option<Vni>,
) -> Result<Edits, Box<dyn std::error::Error + Send + Sync>> {
    let vrf: proto::VrfName = vrf.as_str().parse()?;
    Ok(match vni {
        Some(vni) => Edits::new().map_vrf(&vrf, proto::Vni::try_from(u32::from(vni))?),
        None => Edits::new().unmap_vrf(&vrf),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn northbound(mode: Mode, links: impl IntoIterator<Item = (Daemon, u32)>) -> Northbound {
        let links = links.into_iter();
        Northbound {
            links: links
                .map(|(daemon, tries)| (daemon, Link::absent(tries, String::new())))
                .collect(),
            ..Northbound::new(mode, PathBuf::from("/run/netns/none"))
        }
    }

    #[test]
    fn a_daemon_that_has_just_come_up_is_asked_again_a_few_times() {
        let young = northbound(Mode::Auto, [(Daemon::Zebra, 1), (Daemon::Bgpd, TRIES)]);
        assert_eq!(young.ask_again(), Some(ASK_AGAIN));
        let stock = northbound(Mode::Auto, [(Daemon::Zebra, TRIES), (Daemon::Bgpd, TRIES)]);
        assert_eq!(stock.ask_again(), None);
        assert_eq!(Link::absent(TRIES - 1, String::new()).next_try(), TRIES);
    }

    #[tokio::test]
    async fn where_it_is_off_nobody_is_asked() {
        let mut off = northbound(Mode::Off, []);
        off.connect().await.unwrap();
        assert_eq!(off.ask_again(), None);
        assert!(off.in_use().values().all(|in_use| *in_use == InUse::Vty));
    }

    #[tokio::test]
    async fn without_the_namespace_auto_goes_by_vty_and_require_says_why() {
        let mut auto = northbound(Mode::Auto, []);
        auto.connect().await.unwrap();
        assert_eq!(auto.in_use()[&Daemon::Zebra], InUse::Vty);
        let mut require = northbound(Mode::Require, []);
        let error = require.connect().await.unwrap_err().to_string();
        assert!(error.contains("northbound of zebra"), "{error}");
    }
}
