//! `L3Passthrough`: a session with the host, and nothing else.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::{Written, host_session};
use crate::api::fault::Faults;
use crate::api::model::L3Passthrough;
use crate::api::v1alpha1::L3PassthroughSpec;

impl Written for L3PassthroughSpec {
    type Domain = L3Passthrough;

    fn node_selector(&self) -> Option<&LabelSelector> {
        self.node_selector.as_ref()
    }

    fn convert(&self, faults: &mut Faults) -> Option<L3Passthrough> {
        let Self {
            node_selector: _,
            host_session,
        } = self;
        host_session::convert("spec.hostSession", host_session, faults)
            .map(|host_session| L3Passthrough { host_session })
    }
}
