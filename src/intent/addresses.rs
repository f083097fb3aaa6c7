//! Address arithmetic: every address of a node follows from a pool and the node's index, so
//! that all nodes agree without asking each other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::NodeIndex;
use crate::api::IpVersion;

#[cfg(test)]
mod tests;

/// The two ends of a veth, in one IP version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLeg {
    /// The router's side, the same on every node.
    pub router: IpNet,
    /// The host's side, one per node.
    pub host: IpNet,
}

/// A node's VTEP addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vteps {
    /// The one of IPv4.
    pub ipv4: Option<Ipv4Addr>,
    /// The one of IPv6.
    pub ipv6: Option<Ipv6Addr>,
}

impl Vteps {
    /// A VTEP of IPv4 alone.
    #[must_use]
    pub const fn of_ipv4(address: Ipv4Addr) -> Self {
        Self {
            ipv4: Some(address),
            ipv6: None,
        }
    }

    /// Whether the node has any.
    #[must_use]
    pub const fn is_some(&self) -> bool {
        self.ipv4.is_some() || self.ipv6.is_some()
    }

    /// The one that tunnels start from: of the version asked for, else that of IPv4 where there
    /// is one.
    #[must_use]
    pub fn local(&self, over: Option<IpVersion>) -> Option<IpAddr> {
        let ipv4 = self.ipv4.map(IpAddr::V4);
        let ipv6 = self.ipv6.map(IpAddr::V6);
        match over {
            Some(IpVersion::V4) => ipv4,
            Some(IpVersion::V6) => ipv6,
            None => ipv4.or(ipv6),
        }
    }

    /// Whether an address is one of them.
    #[must_use]
    pub fn has(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => self.ipv4 == Some(address),
            IpAddr::V6(address) => self.ipv6 == Some(address),
        }
    }

    /// All of them, each as a prefix of its full length.
    pub fn prefixes(&self) -> impl Iterator<Item = IpNet> {
        let ipv4 = self.ipv4.map(IpAddr::V4);
        ipv4.into_iter()
            .chain(self.ipv6.map(IpAddr::V6))
            .map(IpNet::from)
    }
}

/// A pool that has no address for this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{pool} has no address for node index {index}: it holds {size} and this needs number {needed} \
     (counted from 0); use a larger pool"
)]
pub struct PoolError {
    pool: IpNet,
    index: u32,
    size: u128,
    needed: u128,
}

/// The BGP identifier of the node: address number `index + 1` of `spec.routerIDCIDR`.
///
/// # Errors
/// When the pool is too small.
pub fn router_id(pool: Ipv4Net, index: NodeIndex) -> Result<Ipv4Addr, PoolError> {
    nth_ipv4(pool, u128::from(index.0) + 1, index)
}

/// The VTEP of the node: address number `index` of the pool, so that index 0 has its network
/// address.
///
/// # Errors
/// When the pool is too small.
pub fn vtep(pool: Ipv4Net, index: NodeIndex) -> Result<Ipv4Addr, PoolError> {
    nth_ipv4(pool, u128::from(index.0), index)
}

/// As [`vtep`], of IPv6.
///
/// # Errors
/// When the pool is too small.
pub fn vtep_ipv6(pool: Ipv6Net, index: NodeIndex) -> Result<Ipv6Addr, PoolError> {
    let number = u128::from(index.0);
    number_in(IpNet::V6(pool), size(pool.into()), number, index).map(Ipv6Addr::from)
}

/// The veth addresses of a VNI. The router has the pool's first address, or the second where
/// the first ends in zero; the host has the one that follows by the node's index.
///
/// An IPv4 pool's last address is its broadcast address, to which the kernel opens no TCP
/// session, so the host never gets it; a /31 has none (RFC 3021), nor has a pool of IPv6.
///
/// # Errors
/// When the pool is too small.
pub fn host_leg(pool: impl Into<IpNet>, index: NodeIndex) -> Result<HostLeg, PoolError> {
    let pool = pool.into();
    let (last_octet, broadcasts) = match pool {
        IpNet::V4(net) => (net.network().octets()[3], net.prefix_len() < 31),
        IpNet::V6(net) => (net.network().octets()[15], false),
    };
    let first = u128::from(last_octet == 0);
    let usable = size(pool) - u128::from(broadcasts);
    let numbered = |number| {
        let bits = number_in(pool, usable, number, index)?;
        let address = match pool {
            // It fits: the pool is of IPv4.
            #[expect(clippy::cast_possible_truncation, reason = "an address of the pool")]
            IpNet::V4(_) => IpAddr::V4(Ipv4Addr::from(bits as u32)),
            IpNet::V6(_) => IpAddr::V6(Ipv6Addr::from(bits)),
        };
        Ok(IpNet::new_assert(address, pool.prefix_len()))
    };
    Ok(HostLeg {
        router: numbered(first)?,
        host: numbered(first + 1 + u128::from(index.0))?,
    })
}

/// How many addresses a pool has; all of IPv6 count as one less than they are.
fn size(pool: IpNet) -> u128 {
    let free = u32::from(pool.max_prefix_len() - pool.prefix_len());
    1_u128.checked_shl(free).unwrap_or(u128::MAX)
}

fn nth_ipv4(pool: Ipv4Net, number: u128, index: NodeIndex) -> Result<Ipv4Addr, PoolError> {
    let pool = IpNet::V4(pool);
    #[expect(clippy::cast_possible_truncation, reason = "an address of the pool")]
    number_in(pool, size(pool), number, index).map(|bits| Ipv4Addr::from(bits as u32))
}

/// The bits of a pool's address with this number, if it is one of the first `usable`.
fn number_in(pool: IpNet, usable: u128, number: u128, index: NodeIndex) -> Result<u128, PoolError> {
    let network = match pool.network() {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    if number < usable {
        Ok(network + number)
    } else {
        Err(PoolError {
            pool,
            index: index.0,
            size: usable,
            needed: number,
        })
    }
}
