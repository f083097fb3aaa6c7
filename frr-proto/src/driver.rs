//! The one that changes a daemon.

use std::{collections::BTreeSet, fmt, future::Future, sync::Arc};

use futures::{StreamExt, stream};
use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard},
};
use tonic::Code;

use crate::{
    BeginError, CallError, Candidate, Daemon, Rpc,
    connection::Connection,
    wire::{CreateCandidateRequest, DeleteCandidateRequest},
};

/// How many deletions are under way at a time when a predecessor's are made up for.
const DELETIONS_AT_A_TIME: usize = 16;

/// What a driver knows of the candidates of its daemon. Who holds it has the
/// driver's one transaction.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// No candidate up to this number exists, apart from those in `undeleted`
    /// and the one in hand.
    seen: u32,
    /// Candidates whose deletion was not answered.
    undeleted: BTreeSet<u32>,
}

/// What candidates share: the connection, and the runtime on which their calls
/// run to the end.
#[derive(Clone)]
pub(crate) struct Calls {
    pub(crate) connection: Connection,
    runtime: Handle,
}

impl Calls {
    /// Runs something to its end, whether or not this future is polled on.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, CallError> {
        match self.runtime.spawn(work).await {
            Ok(done) => Ok(done),
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(CallError::Ending),
            },
        }
    }

    /// Deletes one candidate. That it is not there is as good.
    async fn delete(&self, candidate_id: u32) -> Result<Deletion, CallError> {
        let request = DeleteCandidateRequest { candidate_id };
        let deleted = self
            .connection
            .call(Rpc::DeleteCandidate, |mut client| async move {
                client.delete_candidate(request).await
            })
            .await;
        match deleted {
            Ok(_) => Ok(Deletion::Done),
            Err(error) if error.refused_with(Code::NotFound).is_some() => Ok(Deletion::NotThere),
            Err(error) => Err(error),
        }
    }
}

/// What a deletion found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Deletion {
    Done,
    NotThere,
}

/// A candidate's number, and the driver's one transaction with it. When it is
/// dropped, the candidate is deleted and the transaction is free again.
pub(crate) struct Lease {
    pub(crate) id: u32,
    pub(crate) calls: Calls,
    /// Taken by the deletion, which happens once.
    ledger: Option<OwnedMutexGuard<Ledger>>,
}

impl Lease {
    /// Deletes the candidate now. Inside [`Calls::to_the_end`] only: half of
    /// it would be worse than none.
    pub(crate) async fn delete(mut self) {
        if let Some(ledger) = self.ledger.take() {
            delete_candidate(self.calls.clone(), self.id, ledger).await;
        }
    }

    /// After a call that failed. What was answered leaves the daemon free to
    /// answer the deletion as well; else nobody waits for it.
    pub(crate) async fn give_up(self, error: &CallError) {
        if error.is_answer() {
            self.delete().await;
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(ledger) = self.ledger.take() {
            let calls = self.calls.clone();
            // A runtime that is ending drops this: the next driver makes up for it.
            self.calls
                .runtime
                .spawn(delete_candidate(calls, self.id, ledger));
        }
    }
}

/// Deletes a candidate and gives its transaction back. The number is not used
/// again, except to delete it once more when no answer came.
async fn delete_candidate(calls: Calls, id: u32, mut ledger: OwnedMutexGuard<Ledger>) {
    if calls.delete(id).await.is_err() {
        ledger.undeleted.insert(id);
    }
}

/// The only one that changes a daemon's configuration over this service.
///
/// There must be one driver for a daemon at a time: a second one deletes the
/// candidate that the first is using. That is by intent, since the first is
/// dead as a rule, and what it prepared blocks the daemon.
pub struct Driver {
    daemon: Daemon,
    calls: Calls,
    ledger: Arc<Mutex<Ledger>>,
    freed: usize,
}

impl Driver {
    /// Becomes the driver of a daemon: deletes every candidate that a
    /// predecessor left, and with it the transaction that it may have left
    /// prepared.
    ///
    /// # Errors
    ///
    /// [`BeginError`] when one of the calls fails.
    pub async fn take_over(daemon: Daemon) -> Result<Self, BeginError> {
        let calls = Calls {
            connection: daemon.connection().clone(),
            runtime: Handle::current(),
        };
        let ledger = Arc::<Mutex<Ledger>>::default();
        let (lease, freed) = begin(&calls, &ledger).await?;
        calls.to_the_end(lease.delete()).await?;
        Ok(Self {
            daemon,
            calls,
            ledger,
            freed,
        })
    }

    /// How many candidates a predecessor had left.
    #[must_use]
    pub fn freed(&self) -> usize {
        self.freed
    }

    /// The daemon, to read from.
    #[must_use]
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Begins a transaction with a copy of what is running now. Waits for
    /// another one of this driver to end.
    ///
    /// # Errors
    ///
    /// [`BeginError::Busy`] when the other one does not end within the
    /// deadline of a call.
    pub async fn candidate(&self) -> Result<Candidate, BeginError> {
        let (lease, _) = begin(&self.calls, &self.ledger).await?;
        Ok(Candidate::new(lease))
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("daemon", &self.daemon)
            .finish_non_exhaustive()
    }
}

/// Takes the driver's one transaction, makes a candidate for it, and deletes
/// what earlier ones may have left. Says how many there were.
async fn begin(calls: &Calls, ledger: &Arc<Mutex<Ledger>>) -> Result<(Lease, usize), BeginError> {
    let after = calls.connection.deadline();
    let ledger = tokio::time::timeout(after, Arc::clone(ledger).lock_owned())
        .await
        .map_err(|_| BeginError::Busy { after })?;
    let task = calls.clone();
    let begun = calls.to_the_end(async move {
        let mut lease = create(task, ledger).await?;
        let freed = sweep(&mut lease).await?;
        Ok::<_, CallError>((lease, freed))
    });
    Ok(begun.await??)
}

async fn create(calls: Calls, ledger: OwnedMutexGuard<Ledger>) -> Result<Lease, CallError> {
    let answer = calls
        .connection
        .call(Rpc::CreateCandidate, |mut client| async move {
            client.create_candidate(CreateCandidateRequest {}).await
        })
        .await?;
    Ok(Lease {
        id: answer.candidate_id,
        calls,
        ledger: Some(ledger),
    })
}

/// Deletes every candidate below this one that may exist: all of them at first,
/// later those whose creation or deletion was not answered.
async fn sweep(lease: &mut Lease) -> Result<usize, CallError> {
    let Some(ledger) = lease.ledger.as_deref_mut() else {
        return Ok(0);
    };
    let calls = &lease.calls;
    let unknown = (ledger.seen + 1..lease.id).rev();
    let mut deletions = stream::iter(ledger.undeleted.iter().copied().chain(unknown))
        .map(|id| calls.delete(id))
        .buffer_unordered(DELETIONS_AT_A_TIME);
    let mut freed = 0;
    while let Some(deletion) = deletions.next().await {
        freed += usize::from(deletion? == Deletion::Done);
    }
    drop(deletions);
    ledger.undeleted.clear();
    ledger.seen = lease.id;
    Ok(freed)
}

#[cfg(test)]
mod tests;
