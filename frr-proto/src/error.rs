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

/// Why some changes cannot be made. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The daemon does not take the changes: a path or value is wrong, a node to
    /// remove is not there, or the whole would not be valid.
    #[error("the daemon refuses the configuration: {words}")]
    Invalid {
        /// What the daemon said.
        words: String,
    },
    /// Other steps of this driver were in the way.
    #[error("other changes of this driver were in the way for {after:?}")]
    Busy {
        /// How long they were waited for.
        after: Duration,
    },
    /// A call failed.
    #[error(transparent)]
    Call(CallError),
}

impl From<CallError> for PrepareError {
    fn from(error: CallError) -> Self {
        match error.refused_with(Code::InvalidArgument) {
            Some(words) => Self::Invalid {
                words: words.to_owned(),
            },
            None => Self::Call(error),
        }
    }
}

/// Why some changes were not made.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The daemon does not take the changes, and nothing has changed.
    #[error("the daemon refuses the configuration: {words}")]
    Invalid {
        /// What the daemon said.
        words: String,
    },
    /// Somebody else's transaction is in the way, for longer than the daemons
    /// themselves need; nothing has changed. One that was forgotten is freed by
    /// a restart of the daemon only.
    #[error("the daemon is in another transaction: {words}")]
    Occupied {
        /// What the daemon said.
        words: String,
    },
    /// Other steps of this driver were in the way, and nothing has changed.
    #[error("other changes of this driver were in the way for {after:?}")]
    Busy {
        /// How long they were waited for.
        after: Duration,
    },
    /// The commit was not answered: it may have taken effect or not. Read it back.
    #[error("whether the configuration was applied is not known")]
    Unknown(#[source] CallError),
    /// A call failed, and nothing has changed.
    #[error(transparent)]
    Call(CallError),
}

impl From<PrepareError> for CommitError {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Invalid { words } => Self::Invalid { words },
            PrepareError::Busy { after } => Self::Busy { after },
            PrepareError::Call(error) => Self::Call(error),
        }
    }
}

impl CommitError {
    /// What the failure of the commit itself means.
    pub(crate) fn from_commit(error: CallError) -> Self {
        if !error.is_answer() {
            Self::Unknown(error)
        } else if let Some(words) = error.refused_with(Code::InvalidArgument) {
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
