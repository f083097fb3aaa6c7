//! Best paths, chosen anew.

use ipnet::IpNet;

use super::vty::Typed;
use super::{Daemon, Frr, FrrError};
use crate::api::VrfName;

impl Frr {
    /// Has bgpd choose the best path of a prefix of a VRF, or of none, anew, which has it tell zebra and all
    /// neighbours, though nothing changed. Where it has no such prefix, nothing happens.
    ///
    /// # Errors
    /// [`FrrError`] with FRR's words: bgpd has no such VRF.
    pub async fn choose_anew(
        &mut self,
        vrf: Option<&VrfName>,
        prefix: IpNet,
    ) -> Result<(), FrrError> {
        self.about_to_write(1)?;
        let of_vrf = vrf.map(|vrf| format!("vrf {vrf} ")).unwrap_or_default();
        let line = match prefix {
            IpNet::V4(prefix) => format!("clear bgp {of_vrf}prefix {prefix}"),
            IpNet::V6(prefix) => format!("clear bgp {of_vrf}ipv6 unicast prefix {prefix}"),
        };
        self.accepted(Daemon::Bgpd, &Typed::plain(&line)).await
    }
}
