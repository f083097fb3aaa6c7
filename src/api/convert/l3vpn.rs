//! `L3VPN`: what is wrong with one. There is none that is right, as VRFs over SRv6 are not
//! supported yet.

use std::convert::Infallible;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{Written, l3vni, ranged};
use crate::api::fault::{Faults, Reason};
use crate::api::types::VrfName;
use crate::api::v1alpha1::L3VpnSpec;

/// What is said of all that asks for such a VRF.
pub const VRF_OVER_SRV6: Reason = Reason::NotYet("VRFs over SRv6 are");

impl Written for L3VpnSpec {
    type Domain = Infallible;

    fn node_selector(&self) -> Option<&LabelSelector> {
        self.node_selector.as_ref()
    }

    /// Notes what is wrong beside [`VRF_OVER_SRV6`], which whoever reads an object has noted: it is
    /// to be told even of one whose specification cannot be read.
    fn convert(&self, faults: &mut Faults) -> Option<Infallible> {
        let Self {
            node_selector: _,
            vrf,
            rd_assigned_number,
            host_session,
            export_rts,
            import_rts,
        } = self;
        faults.check("spec.vrf", vrf.parse::<VrfName>());
        let number = ranged::<u16>(*rd_assigned_number, 1, 65535, "");
        faults.check("spec.rdAssignedNumber", number);
        if let Some(session) = host_session {
            l3vni::convert_host_session(session, faults);
        }
        l3vni::route_targets("spec.exportRTs", export_rts, 0, faults);
        l3vni::route_targets("spec.importRTs", import_rts, 1, faults);
        None
    }
}
