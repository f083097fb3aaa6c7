//! What no difference between wanted and seen shows: zebra holds routes for installed that the
//! kernel has dropped without telling anybody, as it does when a bridge leaves its VRF or has no
//! carrier for a moment; and MACs of remote routers, when a VXLAN device was down for one. What else
//! a VNI has is disturbed only for the latter, which zebra writes again in no other way.

use ipnet::IpNet;

use super::execute::chain;
use super::facts::kernel::table_of;
use super::pass::Worker;
use crate::intent::VniIntent;
use crate::netlink::Kernel;
use crate::plan::desired::Names;
use crate::plan::link::{KernelStep, LinkChange, SeenKernel, Space};
use crate::verify::{self, Stalled};

impl Worker {
    /// Has zebra install anew what verification twice missed in the kernel.
    pub(super) async fn wake_zebra(&mut self) {
        let Some(kernel) = self.kernel() else { return };
        let stalled = verify::stalled(self.findings());
        let unforwarded = verify::unforwarded(self.findings());
        let mut done = Vec::new();
        for vni in &self.resolution.intent.vnis {
            match stalled.get(&vni.key) {
                _ if unforwarded.contains(&vni.key) => done.extend(cycle(kernel, vni).await),
                Some(Stalled::All) => done.extend(cycle(kernel, vni).await),
                Some(Stalled::Routes(routes)) => {
                    let seen = self.seen.as_deref();
                    done.extend(announce(kernel, vni, routes, seen).await);
                }
                None => {}
            }
        }
        if !done.is_empty() {
            self.note_repair(done.len(), done);
        }
    }
}

/// Has zebra hear of the end of each route, and install it anew; what was done.
async fn announce(
    kernel: &Kernel,
    vni: &VniIntent,
    routes: &[IpNet],
    seen: Option<&SeenKernel>,
) -> Vec<String> {
    let vrf = &vni.spec.vrf;
    // Without its table nobody can have read its routes.
    let Ok(table) = table_of(vrf, seen) else {
        return Vec::new();
    };
    let mut done = Vec::new();
    for route in routes {
        match kernel.announce_drop(table, *route).await {
            Ok(()) => done.push(format!(
                "~ router: route {route} of VRF {vrf} is installed anew by zebra, which had not \
                 heard of its end"
            )),
            Err(error) => {
                tracing::warn!("zebra cannot be told that {route} of VRF {vrf} is gone: {error}");
            }
        }
    }
    done
}

/// Has zebra install all routes by a bridge anew, by a bridge that goes down and comes up again.
async fn cycle(kernel: &Kernel, vni: &VniIntent) -> Option<String> {
    let step = KernelStep::SetLink {
        space: Space::Router,
        name: Names::of(vni.spec.vni).bridge,
        change: LinkChange::Cycle,
    };
    match kernel.execute(&step).await {
        Ok(()) => Some(step.to_string()),
        Err(error) => {
            tracing::warn!("{}", chain(&error));
            None
        }
    }
}
