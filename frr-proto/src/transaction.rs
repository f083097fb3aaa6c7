//! One transaction, from a candidate to its end.
//!
//! Every step takes the candidate's number by value into a task that runs to
//! its end. If the future of a step is dropped, the task's result is dropped
//! by the runtime, and with it the number, which deletes the candidate.

use std::fmt;

use tonic::Code;

use crate::{
    AbortError, ApplyError, CallError, CommitError, EditError, Edits, PrepareError, Rpc,
    ValidateError,
    driver::Lease,
    wire::{CommitRequest, CommitResponse, commit_request::Phase},
};

/// A private copy of the running configuration, to be edited.
///
/// Dropping it deletes it.
#[must_use = "a candidate that is not committed is deleted"]
pub struct Candidate {
    lease: Lease,
}

/// A configuration that the daemon has accepted and keeps ready. Until it is
/// applied or aborted, no other transaction of anybody is possible.
///
/// Dropping it deletes it, which gives the transaction up.
#[must_use = "what is prepared blocks the daemon until it is applied or aborted"]
pub struct Prepared {
    lease: Lease,
}

/// What preparing found.
#[derive(Debug)]
#[must_use = "what is prepared blocks the daemon until it is applied or aborted"]
pub enum Preparation {
    /// It is ready to be applied.
    Ready(Prepared),
    /// The candidate says what is running already; it is gone.
    Unchanged,
}

/// How a commit in one step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is the running configuration now.
    Applied(Applied),
    /// It was the running configuration already.
    Unchanged,
}

/// A configuration that is running now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The recorded transaction, if the daemon records them.
    pub transaction: Option<u32>,
    /// What the daemon had to say about it, empty as a rule.
    pub warnings: String,
}

impl Candidate {
    pub(crate) fn new(lease: Lease) -> Self {
        Self { lease }
    }

    /// Makes some changes, all or none of them.
    ///
    /// # Errors
    ///
    /// [`EditError::Refused`] with the daemon's words. The candidate is gone.
    pub async fn edit(self, edits: Edits) -> Result<Self, EditError> {
        let calls = self.lease.calls.clone();
        let edited = calls.to_the_end(async move {
            let request = edits.request(self.lease.id);
            let edited = (self.lease.calls.connection)
                .call(Rpc::EditCandidate, |mut client| async move {
                    client.edit_candidate(request).await
                })
                .await;
            match edited {
                Ok(_) => Ok(self),
                Err(error) => {
                    self.lease.give_up(&error).await;
                    Err(error)
                }
            }
        });
        edited
            .await?
            .map_err(|error| match error.refused_with(Code::InvalidArgument) {
                Some(words) => EditError::Refused {
                    words: words.to_owned(),
                },
                None => EditError::Call(error),
            })
    }

    /// Asks the daemon whether it would take this, and changes nothing.
    ///
    /// # Errors
    ///
    /// [`ValidateError::Invalid`] with the daemon's words. The candidate is gone.
    pub async fn validate(self) -> Result<Self, ValidateError> {
        let calls = self.lease.calls.clone();
        let validated = calls.to_the_end(async move {
            match phase(&self.lease, Phase::Validate, "").await {
                Ok(_) => Ok(self),
                Err(error) => {
                    self.lease.give_up(&error).await;
                    Err(error)
                }
            }
        });
        validated
            .await?
            .map_err(|error| match error.refused_with(Code::InvalidArgument) {
                Some(words) => ValidateError::Invalid {
                    words: words.to_owned(),
                },
                None => ValidateError::Call(error),
            })
    }

    /// The first phase: has the daemon check it and keep it ready.
    ///
    /// # Errors
    ///
    /// [`PrepareError`] with the daemon's words. The candidate is gone, and
    /// nothing is kept ready.
    pub async fn prepare(self, comment: &str) -> Result<Preparation, PrepareError> {
        let comment = comment.to_owned();
        let calls = self.lease.calls.clone();
        let prepared = calls.to_the_end(async move {
            match phase(&self.lease, Phase::Prepare, &comment).await {
                Ok(_) => Ok(Preparation::Ready(Prepared { lease: self.lease })),
                Err(error) => {
                    self.lease.give_up(&error).await;
                    if no_changes(&error) {
                        Ok(Preparation::Unchanged)
                    } else {
                        Err(error)
                    }
                }
            }
        });
        Ok(prepared.await??)
    }

    /// Both phases in one, for a change of this daemon alone.
    ///
    /// # Errors
    ///
    /// [`CommitError`] with the daemon's words. Only after
    /// [`CommitError::Unknown`] can anything have changed.
    pub async fn commit(self, comment: &str) -> Result<Outcome, CommitError> {
        let comment = comment.to_owned();
        let calls = self.lease.calls.clone();
        let committed = calls.to_the_end(async move {
            match phase(&self.lease, Phase::All, &comment).await {
                Ok(answer) => {
                    self.lease.delete().await;
                    Ok(Outcome::Applied(Applied::from(answer)))
                }
                Err(error) => {
                    self.lease.give_up(&error).await;
                    if no_changes(&error) {
                        Ok(Outcome::Unchanged)
                    } else {
                        Err(error)
                    }
                }
            }
        });
        Ok(committed.await??)
    }

    /// Deletes the candidate and returns when that is done.
    pub async fn discard(self) {
        let calls = self.lease.calls.clone();
        // What does not come to its end now is made up for by the next driver.
        let _ = calls.to_the_end(self.lease.delete()).await;
    }
}

impl Prepared {
    /// The second phase: makes it the running configuration.
    ///
    /// # Errors
    ///
    /// [`ApplyError::Unknown`] when no answer came: it has to be read back
    /// whether it took effect.
    pub async fn apply(self) -> Result<Applied, ApplyError> {
        let calls = self.lease.calls.clone();
        let applied = calls.to_the_end(self.finish(Phase::Apply));
        Ok(Applied::from(applied.await??))
    }

    /// The other second phase: gives it up.
    ///
    /// # Errors
    ///
    /// [`AbortError`] when the daemon did not say so.
    pub async fn abort(self) -> Result<(), AbortError> {
        let calls = self.lease.calls.clone();
        let aborted = calls.to_the_end(self.finish(Phase::Abort));
        aborted.await??;
        Ok(())
    }

    /// The one call that a prepared transaction has, and the deletion after it.
    async fn finish(self, last: Phase) -> Result<CommitResponse, CallError> {
        match phase(&self.lease, last, "").await {
            Ok(answer) => {
                self.lease.delete().await;
                Ok(answer)
            }
            Err(error) => {
                self.lease.give_up(&error).await;
                Err(error)
            }
        }
    }
}

/// Makes the call of one phase.
async fn phase(lease: &Lease, phase: Phase, comment: &str) -> Result<CommitResponse, CallError> {
    let request = CommitRequest {
        candidate_id: lease.id,
        phase: phase.into(),
        comment: comment.to_owned(),
    };
    let rpc = match phase {
        Phase::Validate => Rpc::Validate,
        Phase::Prepare => Rpc::Prepare,
        Phase::Abort => Rpc::Abort,
        Phase::Apply => Rpc::Apply,
        Phase::All => Rpc::Commit,
    };
    let connection = &lease.calls.connection;
    connection
        .call(
            rpc,
            |mut client| async move { client.commit(request).await },
        )
        .await
}

/// Whether the daemon refuses because the candidate is what is running.
fn no_changes(error: &CallError) -> bool {
    error.refused_with(Code::Aborted).is_some()
}

impl From<CommitResponse> for Applied {
    fn from(answer: CommitResponse) -> Self {
        let transaction = Some(answer.transaction_id).filter(|id| *id != 0);
        Self {
            transaction,
            warnings: answer.error_message,
        }
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Candidate").field(&self.lease.id).finish()
    }
}

impl fmt::Debug for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Prepared").field(&self.lease.id).finish()
    }
}

#[cfg(test)]
mod tests;
