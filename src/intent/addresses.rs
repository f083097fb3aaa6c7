//! Address arithmetic: every address of a node follows from a pool and the node's index, so
//! that all nodes agree without asking each other.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::NodeIndex;

#[cfg(test)]
mod tests;

/// The two ends of a VNI's veth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostLeg {
    /// The router's side, the same on every node.
    pub router: Ipv4Net,
    /// The host's side, one per node.
    pub host: Ipv4Net,
}

/// A pool that has no address for this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{pool} has no address for node index {index}: it holds {size} and this needs number {needed} \
     (counted from 0); use a larger pool"
)]
pub struct PoolError {
    pool: Ipv4Net,
    index: u32,
    size: u64,
    needed: u64,
}

/// The BGP identifier of the node: address number `index + 1` of `spec.routerIDCIDR`.
///
/// # Errors
/// When the pool is too small.
pub fn router_id(pool: Ipv4Net, index: NodeIndex) -> Result<Ipv4Addr, PoolError> {
    nth(pool, u64::from(index.0) + 1, index)
}

/// The VTEP of the node: address number `index` of the pool, so that index 0 has its network
/// address.
///
/// # Errors
/// When the pool is too small.
pub fn vtep(pool: Ipv4Net, index: NodeIndex) -> Result<Ipv4Addr, PoolError> {
    nth(pool, u64::from(index.0), index)
}

/// The veth addresses of a VNI. The router has the pool's first address, or the second where
/// the first ends in zero; the host has the one that follows by the node's index.
///
/// The pool's last address is its broadcast address, to which the kernel opens no TCP session,
/// so the host never gets it; a /31 has none (RFC 3021).
///
/// # Errors
/// When the pool is too small.
pub fn host_leg(pool: Ipv4Net, index: NodeIndex) -> Result<HostLeg, PoolError> {
    let [.., last] = pool.network().octets();
    let first = u64::from(last == 0);
    let usable = size(pool) - u64::from(pool.prefix_len() < 31);
    let numbered = |number| {
        let address = nth_of(pool, usable, number, index)?;
        Ok(Ipv4Net::new_assert(address, pool.prefix_len()))
    };
    Ok(HostLeg {
        router: numbered(first)?,
        host: numbered(first + 1 + u64::from(index.0))?,
    })
}

fn size(pool: Ipv4Net) -> u64 {
    1_u64 << (32 - u32::from(pool.prefix_len()))
}

fn nth(pool: Ipv4Net, number: u64, index: NodeIndex) -> Result<Ipv4Addr, PoolError> {
    nth_of(pool, size(pool), number, index)
}

fn nth_of(pool: Ipv4Net, size: u64, number: u64, index: NodeIndex) -> Result<Ipv4Addr, PoolError> {
    let network = u64::from(u32::from(pool.network()));
    match u32::try_from(network + number) {
        Ok(address) if number < size => Ok(Ipv4Addr::from(address)),
        Ok(_) | Err(_) => Err(PoolError {
            pool,
            index: index.0,
            size,
            needed: number,
        }),
    }
}
