//! Both namespaces of the node, to be observed, changed and watched.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ipnet::IpNet;

use super::channel::{Channel, Dump, NetlinkError, OpenError};
use super::dropped;
use super::execute::{self, StepError};
use super::facts::{self, OfLink, RouteFilter, SeenFdb, SeenNeighbour, SeenRoute};
use super::firewall::{Firewall, FirewallError};
use super::namespace::Netns;
use super::observe;
use super::refresh::{Pace, Refresher};
use super::retain::Retention;
use super::rules::{self, SeenRules};
use super::stir::{Stir, Stirred};
use super::sysctl::{self, SysctlError};
use super::watch::{self, Interest, Watch, WatchError};
use crate::api::types::InterfaceName;
use crate::plan::link::{KernelStep, Links, Mac, NicRoute, SeenKernel, Space, TableId};

/// Why the kernel cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the {space} namespace")]
pub struct KernelOpenError {
    /// Which namespace.
    pub space: Space,
    /// Why.
    #[source]
    pub source: OpenError,
}

/// Why the kernel cannot be observed.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// Links, addresses, routes or rules cannot be read.
    #[error("cannot read the links, addresses, routes and rules of the {space} namespace")]
    Netlink {
        /// Where.
        space: Space,
        /// Why.
        #[source]
        source: NetlinkError,
    },
    /// Sysctls cannot be read.
    #[error("cannot read the sysctls of the router namespace")]
    Sysctl(#[from] SysctlError),
    /// The firewall cannot be read.
    #[error("cannot read the firewall of the router namespace")]
    Firewall(#[from] FirewallError),
}

/// Why a fact for verification cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the {what} of the router namespace")]
pub struct FactError {
    /// What was to be read.
    pub what: &'static str,
    /// Why.
    #[source]
    pub source: NetlinkError,
}

/// The kernel as the agent works with it: one netlink socket a namespace.
#[derive(Debug)]
pub struct Kernel {
    host: Arc<Channel>,
    router: Arc<Channel>,
    firewall: Firewall,
    /// Writes that do not go over netlink: sysctls and the firewall.
    other_writes: AtomicU64,
}

impl Kernel {
    /// Opens both namespaces. For the caller's own, give [`namespace::CURRENT`] as `host`.
    ///
    /// Call this on a runtime with I/O and time enabled; the sockets belong to it from then on.
    ///
    /// # Errors
    ///
    /// When a path is not a namespace, or no socket can be opened in it.
    ///
    /// [`namespace::CURRENT`]: super::namespace::CURRENT
    pub async fn open(host: &Path, router: &Path) -> Result<Self, KernelOpenError> {
        let host = open(Space::Host, host).await?;
        let router = open(Space::Router, router).await?;
        Ok(Self {
            firewall: Firewall::new(router.netns().clone()),
            host,
            router,
            other_writes: AtomicU64::new(0),
        })
    }

    /// The router's namespace, for connecting to the daemons in it.
    #[must_use]
    pub fn router_netns(&self) -> &Netns {
        self.router.netns()
    }

    /// Whether the router's namespace is still the one behind its path. When it was deleted, or
    /// deleted and made again, this value works on one that nobody else sees: open it anew.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.router.netns().is_current()
    }

    /// How many messages that change something were sent in the life of this value.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.host.writes() + self.router.writes() + self.other_writes.load(Ordering::Relaxed)
    }

    /// How often what was dumped, by namespace, in the life of this value.
    pub async fn dumps(&self) -> BTreeMap<(Space, Dump), u64> {
        let mut all = BTreeMap::new();
        for (space, channel) in self.channels() {
            let dumps = channel.dumps().await.into_iter();
            all.extend(dumps.map(|(what, times)| ((space, what), times)));
        }
        all
    }

    /// Reads both namespaces: all links with their addresses, the routes of the main table that
    /// go with each of `nics` wherever it is, the sysctls of the router's namespace under
    /// `sysctl_keys` (paths below `/proc/sys`, with slashes) and the state of its firewall.
    ///
    /// Nothing is written.
    ///
    /// # Errors
    ///
    /// When any of it cannot be read; a part is never taken for the whole.
    pub async fn observe(
        &self,
        nics: &[InterfaceName],
        sysctl_keys: &[String],
    ) -> Result<SeenKernel, ObserveError> {
        let (host, router, rules, sysctls, firewall) = tokio::try_join!(
            observe_space(Space::Host, &self.host, nics),
            observe_space(Space::Router, &self.router, nics),
            observe_rules(&self.router),
            async { Ok(sysctl::read(self.router.netns(), sysctl_keys).await?) },
            async { Ok(self.firewall.state().await?) },
        )?;
        let mut nic_routes = BTreeMap::new();
        for (space, routes) in [(Space::Host, host.1), (Space::Router, router.1)] {
            nic_routes.extend(
                routes
                    .into_iter()
                    .map(|(nic, routes)| ((space, nic), routes)),
            );
        }
        Ok(SeenKernel {
            host: host.0,
            router: router.0,
            nic_routes,
            isolated: rules.isolated,
            tables_of_others: rules.tables,
            sysctls,
            firewall,
        })
    }

    /// Those of `tables` in which the router's namespace has routes that neither the kernel nor FRR
    /// made. Each is asked for alone: what all the others hold does not matter.
    ///
    /// # Errors
    ///
    /// When a table cannot be read.
    pub async fn tables_of_others(
        &self,
        tables: impl Iterator<Item = TableId>,
    ) -> Result<BTreeSet<TableId>, ObserveError> {
        let mut found = BTreeSet::new();
        for table in tables {
            let filter = RouteFilter { table, link: None };
            let routes = facts::routes(&self.router, filter).await;
            let routes = routes.map_err(|source| ObserveError::Netlink {
                space: Space::Router,
                source,
            })?;
            if routes.iter().any(SeenRoute::is_of_others) {
                found.insert(table);
            }
        }
        Ok(found)
    }

    /// Executes one step of a plan. A step whose effect is already there succeeds.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it, with the kernel's own words. What the step had done until
    /// then is undone as far as possible.
    pub async fn execute(&self, step: &KernelStep) -> Result<(), StepError> {
        execute::execute(self, step).await
    }

    /// Makes the new links with which `steps` begin, with what follows for them, in few messages.
    /// Returns how many steps that were.
    ///
    /// Zero says that they have to be executed one by one: they do not begin with a new link, or
    /// something is refused, and then nothing of it stands.
    pub async fn make_links(&self, steps: &[&KernelStep]) -> usize {
        execute::make_links(self, steps).await
    }

    /// The IPv4 and IPv6 routes of one table of the router's namespace.
    ///
    /// A table that changes all the time is given as it was read, and may miss or repeat what
    /// changed meanwhile.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub async fn routes(&self, table: TableId) -> Result<Vec<SeenRoute>, FactError> {
        let filter = RouteFilter { table, link: None };
        facts::routes(&self.router, filter)
            .await
            .map_err(|source| FactError {
                what: "routes",
                source,
            })
    }

    /// The neighbour entries of the router's namespace.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub async fn neighbours(&self) -> Result<Vec<SeenNeighbour>, FactError> {
        self.neighbours_of(OfLink::All).await
    }

    /// The neighbour entries of one link of the router's namespace.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub async fn link_neighbours(&self, index: u32) -> Result<Vec<SeenNeighbour>, FactError> {
        self.neighbours_of(OfLink::One(index)).await
    }

    async fn neighbours_of(&self, of: OfLink) -> Result<Vec<SeenNeighbour>, FactError> {
        let found = facts::neighbours(&self.router, of).await;
        found.map_err(|source| FactError {
            what: "neighbours",
            source,
        })
    }

    /// The forwarding entries of the bridges and VXLAN devices in the router's namespace.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub async fn fdb(&self) -> Result<Vec<SeenFdb>, FactError> {
        self.fdb_of(OfLink::All).await
    }

    /// The forwarding entries of one link of the router's namespace.
    ///
    /// # Errors
    ///
    /// When they cannot be read.
    pub async fn link_fdb(&self, index: u32) -> Result<Vec<SeenFdb>, FactError> {
        self.fdb_of(OfLink::One(index)).await
    }

    async fn fdb_of(&self, of: OfLink) -> Result<Vec<SeenFdb>, FactError> {
        let found = facts::fdb(&self.router, of).await;
        found.map_err(|source| FactError {
            what: "forwarding entries",
            source,
        })
    }

    /// Has zebra install a route of bgpd's anew that it holds for installed and the kernel, having
    /// told nobody, has not. Where the kernel has it, zebra writes it once more.
    ///
    /// # Errors
    ///
    /// When the kernel refuses what zebra is to hear of.
    pub async fn announce_drop(
        &self,
        table: TableId,
        destination: IpNet,
    ) -> Result<(), NetlinkError> {
        dropped::announce_route(&self.router, table, destination).await
    }

    /// Has zebra write a neighbour entry of a remote router anew that it holds for written and the
    /// kernel has not, or not so. `index` is the link's in the router's namespace.
    ///
    /// # Errors
    ///
    /// When the kernel refuses what zebra is to hear of.
    pub async fn announce_lost_neighbour(
        &self,
        index: u32,
        vtep: IpAddr,
    ) -> Result<(), NetlinkError> {
        dropped::announce_neighbour(&self.router, index, vtep).await
    }

    /// Writes that a remote host's MAC is behind a VTEP, as zebra would. `index` is the VXLAN
    /// device's in the router's namespace.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub async fn write_remote_mac(
        &self,
        index: u32,
        mac: Mac,
        vtep: IpAddr,
    ) -> Result<(), NetlinkError> {
        dropped::write_remote_mac(&self.router, index, mac, vtep).await
    }

    /// Forgets that a MAC was learned at a port of a bridge, so that whoever listens hears of it
    /// with the next frame from there; whether it was. `port` is the index of the port in the
    /// router's namespace.
    ///
    /// # Errors
    ///
    /// When the kernel refuses it.
    pub async fn forget_learned_mac(&self, port: u32, mac: Mac) -> Result<bool, NetlinkError> {
        dropped::forget_learned_mac(&self.router, port, mac).await
    }

    /// Watches links and addresses of both namespaces from now on. Changes of our own are told
    /// like everybody else's.
    ///
    /// # Errors
    ///
    /// When a namespace cannot be subscribed to.
    pub async fn watch(&self) -> Result<Watch, WatchError> {
        watch::watch(&self.channels(), Interest::Links).await
    }

    /// Tells `stirred` from now on where what packets are forwarded by changes in the router's
    /// namespace: routes, neighbours, forwarding entries.
    ///
    /// # Errors
    ///
    /// When the namespace cannot be subscribed to.
    pub async fn stir(&self, stirred: Stirred) -> Result<Stir, WatchError> {
        let opened = Stir::watch(&self.router, stirred).await;
        opened.map_err(|source| WatchError::Open {
            space: Space::Router,
            source,
        })
    }

    /// Begins to refresh the neighbours of the router's namespace, of no bridge at first; until
    /// what is returned is dropped.
    #[must_use]
    pub fn refresher(&self, pace: Pace) -> Refresher {
        Refresher::start(self.router.netns().clone(), pace)
    }

    /// Gets ready to keep packets flowing while bgpd, which listens at `bgpd`, restarts; until what
    /// is returned is dropped.
    #[must_use]
    pub fn retention(&self, bgpd: PathBuf) -> Retention {
        Retention::start(self.router.netns().clone(), bgpd)
    }

    pub(super) fn channel(&self, space: Space) -> &Channel {
        match space {
            Space::Host => &self.host,
            Space::Router => &self.router,
        }
    }

    pub(super) fn firewall(&self) -> &Firewall {
        &self.firewall
    }

    pub(super) fn count_write(&self) {
        self.other_writes.fetch_add(1, Ordering::Relaxed);
    }

    fn channels(&self) -> [(Space, &Arc<Channel>); 2] {
        [(Space::Host, &self.host), (Space::Router, &self.router)]
    }
}

/// The links of one namespace, and the routes that go with those of them that are in `nics`.
async fn observe_space(
    space: Space,
    channel: &Channel,
    nics: &[InterfaceName],
) -> Result<(Links, BTreeMap<InterfaceName, BTreeSet<NicRoute>>), ObserveError> {
    let failed = |source| ObserveError::Netlink { space, source };
    let links = observe::links(channel).await.map_err(failed)?;
    let routes = observe::nic_routes(channel, &links, nics)
        .await
        .map_err(failed)?;
    Ok((links, routes))
}

async fn observe_rules(channel: &Channel) -> Result<SeenRules, ObserveError> {
    let space = Space::Router;
    let seen = rules::seen(channel).await;
    seen.map_err(|source| ObserveError::Netlink { space, source })
}

async fn open(space: Space, path: &Path) -> Result<Arc<Channel>, KernelOpenError> {
    let failed = |source| KernelOpenError { space, source };
    let netns = Netns::open(path).map_err(|error| failed(error.into()))?;
    Channel::open(netns).await.map_err(failed)
}
