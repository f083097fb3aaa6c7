//! bgpd: sessions, and its routing tables.

mod neighbor;
mod path;
mod summary;
mod unicast;
mod vrfs;

pub use neighbor::{
    AdminState, Bfd, BfdStatus, FamilyCounters, LastReset, Neighbor, Neighbors, Notification,
    Uptime, neighbors,
};
pub use path::{AsPath, Encapsulation, ExtendedCommunities, Path, Source};
pub use summary::{
    AddressFamily, Families, Peer, PeerCondition, PeerState, Summary, summary, summary_of_all,
};
pub use unicast::{UnicastRoute, unicast, unicast_from};
pub use vrfs::{Instance, InstanceKind, instances};

#[cfg(test)]
mod tests;
