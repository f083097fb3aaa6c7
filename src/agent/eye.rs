//! What was seen of the kernel last, and whether that still counts.
//!
//! With a thousand VNIs there are thousands of links, and to read them all takes longer than to
//! make those of one more. So a change of the intent may be planned on what was read last, if
//! nothing was heard from the kernel since. What happens in the very moment is missed then, as
//! it is by whoever has just read everything; all is read back before a pass has settled.

use std::sync::Arc;

use crate::api::types::InterfaceName;
use crate::netlink::{Heard, Kernel, KernelEvent, ObserveError, Watch};
use crate::plan::desired::sysctl_keys;
use crate::plan::link::{KernelStep, SeenKernel};
use crate::plan::{Plan, Step};

/// Looks at the kernel and listens to it.
#[derive(Debug)]
pub struct Eye {
    watch: Watch,
    sight: Sight,
}

/// What was seen last, until something is told.
#[derive(Debug, Default)]
struct Sight {
    seen: Option<Seen>,
    /// Nothing more will be told, which whoever waits for changes has yet to hear.
    lost: Option<KernelEvent>,
}

/// What was seen, with what was asked for.
#[derive(Debug)]
struct Seen {
    nics: Vec<InterfaceName>,
    kernel: Arc<SeenKernel>,
}

/// Whether there may be more to hear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listening {
    Goes,
    Ends,
}

impl Sight {
    /// Forgets what was seen, because of something that nobody waits for. That nothing more will be
    /// told is kept for whoever does.
    fn overhear(&mut self, heard: Heard) -> Listening {
        if heard != Heard::Nothing {
            self.seen = None;
        }
        match heard {
            Heard::Event(event @ KernelEvent::Lost { .. }) => {
                self.lost = Some(event);
                Listening::Ends
            }
            Heard::Event(
                KernelEvent::Link { .. }
                | KernelEvent::Address { .. }
                | KernelEvent::Neighbour { .. }
                | KernelEvent::Overrun { .. },
            ) => Listening::Goes,
            // Whoever waits for changes finds so too.
            Heard::Nothing | Heard::NoMore => Listening::Ends,
        }
    }

    fn saw(&mut self, nics: Vec<InterfaceName>, kernel: Arc<SeenKernel>) {
        self.seen = Some(Seen { nics, kernel });
    }

    fn known(&self, nics: &[InterfaceName]) -> Option<Arc<SeenKernel>> {
        let seen = self.seen.as_ref().filter(|seen| seen.nics == nics)?;
        Some(seen.kernel.clone())
    }
}

impl Eye {
    /// One that has seen nothing yet.
    #[must_use]
    pub fn new(watch: Watch) -> Self {
        Self {
            watch,
            sight: Sight::default(),
        }
    }

    /// Waits until the kernel tells of a change; none when it will not tell any more.
    ///
    /// Cancel safe.
    pub async fn changed(&mut self) -> Option<KernelEvent> {
        if let Some(lost) = self.sight.lost.take() {
            return Some(lost);
        }
        let event = self.watch.next().await;
        self.sight.seen = None;
        event
    }

    /// What has been told and not yet been heard.
    pub fn heard(&mut self) -> Heard {
        if let Some(lost) = self.sight.lost.take() {
            return Heard::Event(lost);
        }
        let heard = self.watch.heard();
        if heard != Heard::Nothing {
            self.sight.seen = None;
        }
        heard
    }

    /// Forgets what was seen if anything has been told since.
    fn listen(&mut self) {
        while self.sight.lost.is_none()
            && self.sight.overhear(self.watch.heard()) == Listening::Goes
        {}
    }

    /// Reads everything.
    ///
    /// # Errors
    /// As [`Kernel::observe`].
    pub async fn observe(
        &mut self,
        kernel: &Kernel,
        nics: Vec<InterfaceName>,
    ) -> Result<Arc<SeenKernel>, ObserveError> {
        // What is told from here on may not be in what is read.
        self.listen();
        let found = Arc::new(kernel.observe(&nics, &sysctl_keys()).await?);
        self.sight.saw(nics, found.clone());
        Ok(found)
    }

    /// What was read last, if nothing was told since.
    pub fn known(&mut self, nics: &[InterfaceName]) -> Option<Arc<SeenKernel>> {
        self.listen();
        self.sight.known(nics)
    }
}

/// Whether a plan rests on what the kernel does not tell of: the routes of NICs.
#[must_use]
pub fn needs_reading(plan: &Plan) -> bool {
    plan.all_steps().any(|step| {
        matches!(
            step,
            Step::Kernel(KernelStep::MoveNic { .. } | KernelStep::AddRoute { .. })
        )
    })
}

#[cfg(test)]
mod tests;
