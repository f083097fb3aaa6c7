//! What changes a daemon.

use std::{collections::BTreeSet, fmt, future::Future, sync::Arc, time::Duration};

use tokio::{
    runtime::Handle,
    sync::{Mutex, OwnedMutexGuard},
};
use tonic::Code;

use crate::{
    CallError, CommitError, Daemon, Edits, PrepareError, Rpc,
    connection::{Client, Connection},
    wire::{
        CommitRequest, CommitResponse, CreateCandidateRequest, DeleteCandidateRequest,
        commit_request::Phase,
    },
};

/// How often a commit is tried that finds another transaction in the way.
/// mgmtd holds one for milliseconds when something is typed.
const ATTEMPTS: u32 = 20;

/// How long is waited between such attempts.
const BETWEEN_ATTEMPTS: Duration = Duration::from_millis(50);

/// Changes the configuration of one daemon.
///
/// What a commit replaces is the whole running configuration, by a copy that
/// was made some milliseconds before and edited. What FRR's own command line
/// commits in those milliseconds is lost, whoever calls; so let nobody write to
/// the same daemon by another way at the same time, and read back.
///
/// Zebra and staticd are behind mgmtd, where that runs. Mgmtd erases what it was
/// not told itself: when a VRF is typed that is new to it, and, with everything
/// else, when any daemon behind it starts. There, use [`Driver::prepare`] to have
/// a change checked, let mgmtd's command line make it, and read it back here.
/// bgpd and bfdd are not behind mgmtd; what they are told here lasts.
#[derive(Clone)]
pub struct Driver {
    daemon: Daemon,
    calls: Calls,
}

/// Changes that the daemon has found valid, together with what was running
/// then. The daemon knows nothing of it any more: dropping it gives it up.
#[must_use = "what is prepared does nothing until it is applied"]
pub struct Prepared {
    edits: Edits,
    calls: Calls,
}

/// How a commit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is the running configuration now.
    Applied {
        /// What the daemon had to say about it, empty as a rule.
        warnings: String,
    },
    /// It was the running configuration already.
    Unchanged,
}

impl Driver {
    /// A driver of this daemon, running its calls on the current runtime.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, which a connected [`Daemon`] needs anyway.
    #[must_use]
    pub fn new(daemon: Daemon) -> Self {
        let calls = Calls {
            connection: daemon.connection().clone(),
            runtime: Handle::current(),
            undeleted: Arc::default(),
        };
        Self { daemon, calls }
    }

    /// The daemon, to read from.
    #[must_use]
    pub fn daemon(&self) -> &Daemon {
        &self.daemon
    }

    /// Has the daemon check some changes, and changes nothing.
    ///
    /// # Errors
    ///
    /// [`PrepareError::Invalid`] with the daemon's words.
    pub async fn prepare(&self, edits: Edits) -> Result<Prepared, PrepareError> {
        let calls = self.calls.clone();
        let turn = calls.turn().await?;
        let task = calls.clone();
        let checked = calls.to_the_end(async move {
            let candidate = task.candidate(turn, &edits).await?;
            let validated = candidate.commit(Rpc::Validate, Phase::Validate).await;
            candidate.delete().await;
            validated.map(|_| edits)
        });
        let edits = checked.await??;
        Ok(Prepared {
            edits,
            calls: self.calls.clone(),
        })
    }

    /// Makes some changes. They are checked as in [`Driver::prepare`].
    ///
    /// # Errors
    ///
    /// [`CommitError`] with the daemon's words. Only after
    /// [`CommitError::Unknown`] can anything have changed.
    pub async fn commit(&self, edits: Edits) -> Result<Outcome, CommitError> {
        self.calls.commit(edits).await
    }
}

impl Prepared {
    /// Makes the changes, to what is running now.
    ///
    /// # Errors
    ///
    /// [`CommitError`] with the daemon's words, which can refuse now what it
    /// found valid before if somebody else changed something in between. Only
    /// after [`CommitError::Unknown`] can anything have changed.
    pub async fn apply(self) -> Result<Outcome, CommitError> {
        self.calls.commit(self.edits).await
    }

    /// What would be changed.
    #[must_use]
    pub fn edits(&self) -> &Edits {
        &self.edits
    }
}

/// The driver's turn: it has one at a time, and who holds this has it. Inside
/// are the candidates whose deletion was not answered.
type Turn = OwnedMutexGuard<BTreeSet<u32>>;

/// What the steps of a driver share.
#[derive(Clone)]
struct Calls {
    connection: Connection,
    runtime: Handle,
    undeleted: Arc<Mutex<BTreeSet<u32>>>,
}

impl Calls {
    /// Waits until the steps before this one are done.
    async fn turn(&self) -> Result<Turn, PrepareError> {
        let after = self.connection.deadline();
        tokio::time::timeout(after, Arc::clone(&self.undeleted).lock_owned())
            .await
            .map_err(|_| PrepareError::Busy { after })
    }

    /// Runs something to its end, whether or not this future is polled on.
    async fn to_the_end<T: Send + 'static>(
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

    async fn commit(&self, edits: Edits) -> Result<Outcome, CommitError> {
        let mut turn = self.turn().await?;
        let mut attempt = 1;
        loop {
            let (task, changes) = (self.clone(), edits.clone());
            let committed = self.to_the_end(async move { task.commit_once(turn, &changes).await });
            match committed.await.map_err(CommitError::Unknown)? {
                Err(CommitError::Occupied { .. }) if attempt < ATTEMPTS => {}
                done => return done,
            }
            attempt += 1;
            tokio::time::sleep(BETWEEN_ATTEMPTS).await;
            turn = self.turn().await?;
        }
    }

    /// One attempt, each with a candidate of its own.
    async fn commit_once(&self, turn: Turn, edits: &Edits) -> Result<Outcome, CommitError> {
        let candidate = self
            .candidate(turn, edits)
            .await
            .map_err(PrepareError::from)?;
        let committed = candidate.commit(Rpc::Commit, Phase::All).await;
        candidate.delete().await;
        match committed {
            Ok(answer) => Ok(Outcome::Applied {
                warnings: answer.error_message,
            }),
            Err(error) if error.refused_with(Code::Aborted).is_some() => Ok(Outcome::Unchanged),
            Err(error) => Err(CommitError::from_commit(error)),
        }
    }

    /// Makes a candidate of what is running and edits it. Only within
    /// [`Calls::to_the_end`], as everything that follows until its deletion.
    async fn candidate(&self, mut turn: Turn, edits: &Edits) -> Result<Candidate, CallError> {
        // A commit that was not answered may still be waiting in the daemon. It
        // must not come after this one: its candidate has to be gone first.
        while let Some(id) = turn.first().copied() {
            self.delete(id).await?;
            turn.remove(&id);
        }
        let create = |mut client: Client| async move {
            client.create_candidate(CreateCandidateRequest {}).await
        };
        let id = self
            .connection
            .call(Rpc::CreateCandidate, create)
            .await?
            .candidate_id;
        let candidate = Candidate {
            id,
            calls: self.clone(),
            turn,
        };
        let request = edits.request(id);
        let edit = |mut client: Client| async move { client.edit_candidate(request).await };
        match self.connection.call(Rpc::EditCandidate, edit).await {
            Ok(_) => Ok(candidate),
            Err(error) => {
                candidate.delete().await;
                Err(error)
            }
        }
    }

    /// Deletes a candidate. That it is not there is as good.
    async fn delete(&self, candidate_id: u32) -> Result<(), CallError> {
        let delete = |mut client: Client| async move {
            client
                .delete_candidate(DeleteCandidateRequest { candidate_id })
                .await
        };
        match self.connection.call(Rpc::DeleteCandidate, delete).await {
            Ok(_) => Ok(()),
            Err(error) if error.refused_with(Code::NotFound).is_some() => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A private copy of the running configuration in the daemon. It does not leave
/// the task that made it.
struct Candidate {
    id: u32,
    calls: Calls,
    turn: Turn,
}

impl Candidate {
    async fn commit(&self, rpc: Rpc, phase: Phase) -> Result<CommitResponse, CallError> {
        let request = CommitRequest {
            candidate_id: self.id,
            phase: phase.into(),
            comment: "perouter".to_owned(),
        };
        let commit = |mut client: Client| async move { client.commit(request).await };
        self.calls.connection.call(rpc, commit).await
    }

    /// Ends the candidate, and with it the turn. What is not answered is asked
    /// for again before anything else is done.
    async fn delete(mut self) {
        if self.calls.delete(self.id).await.is_err() {
            self.turn.insert(self.id);
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("daemon", &self.daemon)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("edits", &self.edits)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
