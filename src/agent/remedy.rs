//! What no difference between wanted and seen shows: zebra holds routes for installed that the
//! kernel has dropped without telling anybody, as it does when a bridge leaves its VRF.
//!
//! zebra installs them anew when the bridge goes down and comes up again. Nothing that works is
//! disturbed by that: only where the kernel has none of the fabric's routes is it done.

use super::execute::chain;
use super::pass::Worker;
use crate::plan::desired::Names;
use crate::plan::link::{KernelStep, LinkChange, Space};
use crate::verify;

impl Worker {
    /// Has zebra install its routes anew where verification twice found none in the kernel.
    pub(super) async fn wake_zebra(&mut self) {
        for step in self.stalled_bridges() {
            let Some(kernel) = self.kernel() else { return };
            if let Err(error) = kernel.execute(&step).await {
                tracing::warn!("{}", chain(&error));
                continue;
            }
            self.note_repair(1, vec![step.to_string()]);
        }
    }

    fn stalled_bridges(&self) -> Vec<KernelStep> {
        let stalled = verify::stalled(self.findings());
        let vnis = self.resolution.intent.vnis.iter();
        let vnis = vnis.filter(|vni| stalled.contains(&&vni.key));
        vnis.map(|vni| KernelStep::SetLink {
            space: Space::Router,
            name: Names::of(vni.spec.vni).bridge,
            change: LinkChange::Cycle,
        })
        .collect()
    }
}
