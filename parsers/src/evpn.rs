//! EVPN: routes and VNIs in bgpd, VNIs and remote routers in zebra.

mod advertised;
mod hosts;
mod remote;
mod table;
mod type2;
mod type5;
mod vni;
mod zebra;

pub use advertised::{Advertised, EvpnKey, advertised, advertised_from};
pub use hosts::{HostAddress, HostMac, Place, host_addresses_from, host_macs_from};
pub use remote::{NextHop, RemoteRouter, next_hops, router_macs};
pub use type2::{Type2Route, Type3Route, type2_from, type3_from};
pub use type5::{Type5Route, type5, type5_from};
pub use vni::{BgpVni, BgpVnis, InKernel, VniKind, bgp_vnis};
pub use zebra::{
    L2Vni, L3Vni, LinkState, VniDetail, VrfVni, ZebraVni, vni_details, vrf_vnis, zebra_vnis,
};

#[cfg(test)]
mod tests;
