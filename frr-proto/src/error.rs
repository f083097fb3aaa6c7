//! What can go wrong, one enum an operation, with FRR's own words.

use std::time::Duration;

use tonic::{Code, Status};

use crate::{Rpc, path::DataPath};

/// Why one call brought no answer of use.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The daemon answered with an error.
    #[error("{rpc} was refused ({code:?}): {words}")]
    Refused {
        /// The call.
        rpc: Rpc,
        /// The gRPC status code.
        code: Code,
        /// What the daemon said, unchanged.
        words: String,
    },
    /// No answer came in time. The daemon may have done it, or may do it later.
    #[error("{rpc} was not answered within {after:?}")]
    TimedOut {
        /// The call.
        rpc: Rpc,
        /// The deadline.
        after: Duration,
    },
    /// The connection broke before an answer came. The daemon may have done it.
    #[error("the connection to the daemon was lost in {rpc}")]
    Lost {
        /// The call.
        rpc: Rpc,
        /// What the transport said.
        #[source]
        source: Box<Status>,
    },
    /// This program is ending.
    #[error("the call was given up because the program is ending")]
    Ending,
}

impl CallError {
    /// Tells what the daemon said from what the transport says.
    pub(crate) fn from_status(rpc: Rpc, status: Status) -> Self {
        // Only a status that was made on this side has a cause.
        if std::error::Error::source(&status).is_some() {
            return Self::Lost {
                rpc,
                source: Box::new(status),
            };
        }
        Self::Refused {
            rpc,
            code: status.code(),
            words: status.message().to_owned(),
        }
    }

    /// Whether the daemon answered, so that what it holds is known.
    pub(crate) fn is_answer(&self) -> bool {
        match self {
            Self::Refused { .. } => true,
            Self::TimedOut { .. } | Self::Lost { .. } | Self::Ending => false,
        }
    }

    /// Whether the connection is gone, so that a new one has to be made.
    #[must_use]
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Lost { .. } => true,
            Self::Refused { .. } | Self::TimedOut { .. } | Self::Ending => false,
        }
    }

    /// The daemon's words, if it refused with this code.
    pub(crate) fn refused_with(&self, wanted: Code) -> Option<&str> {
        match self {
            Self::Refused { code, words, .. } if *code == wanted => Some(words),
            Self::Refused { .. } | Self::TimedOut { .. } | Self::Lost { .. } | Self::Ending => None,
        }
    }
}

/// Why a daemon could not be spoken to.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The peer does not speak HTTP/2.
    #[error("cannot speak HTTP/2 with the daemon")]
    Transport(#[from] tonic::transport::Error),
    /// The peer does not answer as FRR's northbound does.
    #[error("the daemon does not tell its capabilities")]
    Capabilities(#[from] CallError),
}

/// Why data could not be read.
#[derive(Debug, thiserror::Error)]
pub enum GetError {
    /// There is nothing at this path, or the daemon does not know the path.
    /// FRR answers both alike (`INVALID_ARGUMENT`).
    #[error("no data at {path}: {words}")]
    NoData {
        /// The path that was asked for.
        path: DataPath,
        /// What the daemon said.
        words: String,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Why something typed could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// This daemon does not implement what was asked of it.
    #[error("the daemon does not implement the YANG module {module}")]
    NotImplemented {
        /// The missing module.
        module: &'static str,
    },
    /// The data could not be fetched.
    #[error(transparent)]
    Get(#[from] GetError),
    /// The data is not what its YANG module says.
    #[error("the data at {path} is not as expected")]
    Unexpected {
        /// The path that was asked for.
        path: DataPath,
        /// Where in the document, and what is wrong there.
        #[source]
        source: serde_path_to_error::Error<serde_json::Error>,
    },
}

/// Why no candidate could be made.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// Another candidate of this driver was in use all the time.
    #[error("another transaction of this driver was in the way for {after:?}")]
    Busy {
        /// How long it was waited for.
        after: Duration,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Why a candidate could not be edited. The candidate is gone.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// The daemon refuses a path or a value.
    #[error("the daemon refuses the edit: {words}")]
    Refused {
        /// What the daemon said.
        words: String,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Why a candidate is not valid. The candidate is gone.
#[derive(Debug, thiserror::Error)]
pub enum ValidateError {
    /// The daemon finds the configuration wrong.
    #[error("the daemon refuses the configuration: {words}")]
    Invalid {
        /// What the daemon said.
        words: String,
    },
    /// The call failed.
    #[error(transparent)]
    Call(#[from] CallError),
}

/// Why a candidate could not be prepared. The candidate is gone, and nothing
/// has changed.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The daemon finds the configuration wrong.
    #[error("the daemon refuses the configuration: {words}")]
    Invalid {
        /// What the daemon said.
        words: String,
    },
    /// Somebody else's transaction is in the way.
    #[error("the daemon is in another transaction: {words}")]
    Occupied {
        /// What the daemon said.
        words: String,
    },
    /// The call failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for PrepareError {
    fn from(error: CallError) -> Self {
        if let Some(words) = error.refused_with(Code::InvalidArgument) {
            Self::Invalid {
                words: words.to_owned(),
            }
        } else if let Some(words) = error.refused_with(Code::Unavailable) {
            Self::Occupied {
                words: words.to_owned(),
            }
        } else {
            Self::Call(error)
        }
    }
}

/// Why what was prepared could not be applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// No answer came: it may have taken effect or not. Read it back.
    #[error("whether the configuration was applied is not known")]
    Unknown(#[source] CallError),
    /// The daemon refused, and nothing has changed.
    #[error("the prepared configuration was not applied")]
    Refused(#[source] CallError),
}

impl From<CallError> for ApplyError {
    fn from(error: CallError) -> Self {
        if error.is_answer() {
            Self::Refused(error)
        } else {
            Self::Unknown(error)
        }
    }
}

/// Why what was prepared could not be given up. Nothing has changed; the
/// deletion of the candidate, which follows, gives it up as well.
#[derive(Debug, thiserror::Error)]
#[error("the prepared configuration was not given up in good order")]
pub struct AbortError(#[from] pub CallError);

/// Why a candidate could not be committed in one step.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The daemon finds the configuration wrong, and nothing has changed.
    #[error("the daemon refuses the configuration: {words}")]
    Invalid {
        /// What the daemon said.
        words: String,
    },
    /// Somebody else's transaction is in the way, and nothing has changed.
    #[error("the daemon is in another transaction: {words}")]
    Occupied {
        /// What the daemon said.
        words: String,
    },
    /// No answer came: it may have taken effect or not. Read it back.
    #[error("whether the configuration was applied is not known")]
    Unknown(#[source] CallError),
    /// The daemon refused for another reason, and nothing has changed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for CommitError {
    fn from(error: CallError) -> Self {
        if !error.is_answer() {
            return Self::Unknown(error);
        }
        match PrepareError::from(error) {
            PrepareError::Invalid { words } => Self::Invalid { words },
            PrepareError::Occupied { words } => Self::Occupied { words },
            PrepareError::Call(error) => Self::Call(error),
        }
    }
}
