//! A daemon that is read from.

use std::{fmt, time::Duration};

use tokio::net::TcpStream;
use tonic::Code;

use crate::{
    CallError, ConnectError, DataPath, GetError, Rpc,
    connection::Connection,
    wire::{Encoding, GetCapabilitiesRequest, GetRequest, get_request},
};

/// What a daemon said of itself when it was connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// The version of FRR, like `10.3`.
    pub version: String,
    /// Whether the daemon records transactions to go back to.
    pub rollback: bool,
    /// The YANG modules that it implements.
    pub modules: Vec<Module>,
}

/// One YANG module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its name, like `frr-vrf`.
    pub name: String,
    /// The date of its newest revision, like `2019-12-06`.
    pub revision: String,
}

impl Capabilities {
    /// Whether the daemon implements this YANG module.
    #[must_use]
    pub fn implements(&self, module: &str) -> bool {
        self.modules.iter().any(|known| known.name == module)
    }
}

/// Which data is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// What was configured.
    Config,
    /// What is.
    State,
}

/// One connection to one daemon, for reading. Writing needs a
/// [`crate::Driver`].
#[derive(Clone)]
pub struct Daemon {
    connection: Connection,
    capabilities: Capabilities,
}

impl Daemon {
    /// Speaks with a daemon over a connected stream, and asks for its capabilities.
    ///
    /// Whose network namespace the stream belongs to is the caller's business.
    /// Every call, this one too, may take `deadline`.
    ///
    /// # Errors
    ///
    /// [`ConnectError`] when the peer is not FRR's northbound.
    pub async fn connect(stream: TcpStream, deadline: Duration) -> Result<Self, ConnectError> {
        let connection = Connection::new(stream, deadline).await?;
        let answer = connection
            .call(Rpc::GetCapabilities, |mut client| async move {
                client.get_capabilities(GetCapabilitiesRequest {}).await
            })
            .await?;
        let modules = (answer.supported_modules.into_iter())
            .map(|module| Module {
                name: module.name,
                revision: module.revision,
            })
            .collect();
        let capabilities = Capabilities {
            version: answer.frr_version,
            rollback: answer.rollback_support,
            modules,
        };
        Ok(Self {
            connection,
            capabilities,
        })
    }

    /// What the daemon said of itself when it was connected to.
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// Reads what is at one path, as JSON (RFC 7951). Defaults are left out.
    ///
    /// FRR may add siblings of the path that nobody asked for.
    ///
    /// # Errors
    ///
    /// [`GetError::NoData`] when there is nothing, and also when the daemon
    /// does not know the path: ask [`Capabilities::implements`] which it is.
    pub async fn get(&self, path: &DataPath, data: DataType) -> Result<String, GetError> {
        let data = match data {
            DataType::Config => get_request::DataType::Config,
            DataType::State => get_request::DataType::State,
        };
        let request = GetRequest {
            r#type: data.into(),
            encoding: Encoding::Json.into(),
            with_defaults: false,
            path: vec![path.to_string()],
        };
        self.connection
            .call(Rpc::Get, |mut client| async move {
                let mut answers = client.get(request).await?.into_inner();
                let mut json = String::new();
                while let Some(answer) = answers.message().await? {
                    json.push_str(&answer.data.unwrap_or_default().data);
                }
                Ok(tonic::Response::new(json))
            })
            .await
            .map_err(|error| no_data(path, error))
    }

    /// Waits until no call of this connection is under way, those included that
    /// ran into their deadline or whose futures were dropped.
    ///
    /// To be awaited before the connection or the runtime is dropped: FRR's
    /// server ends for good when it finishes a call whose client has gone, and
    /// leaves a daemon that routes on, but has no northbound until it is started
    /// again.
    pub async fn settle(&self) {
        self.connection.settle().await;
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Tells what FRR says of a path with nothing at it from other failures.
fn no_data(path: &DataPath, error: CallError) -> GetError {
    match error.refused_with(Code::InvalidArgument) {
        Some(words) => GetError::NoData {
            path: path.clone(),
            words: words.to_owned(),
        },
        None => GetError::Call(error),
    }
}

impl fmt::Debug for Daemon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Daemon")
            .field("version", &self.capabilities.version)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
