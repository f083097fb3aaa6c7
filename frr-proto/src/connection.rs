//! One connection to one daemon: the calls, each with its deadline.

use std::{fmt, future::Future, io, sync::Arc, time::Duration};

use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, sync::RwLock};
use tonic::{
    Response, Status,
    transport::{Channel, Endpoint},
};
use tower::service_fn;

use crate::{CallError, wire::northbound_client::NorthboundClient};

/// The generated client, over whatever carries it.
pub(crate) type Client = NorthboundClient<Channel>;

/// Answers can hold a whole RIB.
const LONGEST_ANSWER: usize = 1 << 30;

/// The calls of the service that are made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rpc {
    /// Ask for version, modules and encodings.
    GetCapabilities,
    /// Read data.
    Get,
    /// Make a candidate.
    CreateCandidate,
    /// Edit a candidate.
    EditCandidate,
    /// Delete a candidate.
    DeleteCandidate,
    /// Check a candidate.
    Validate,
    /// Make a candidate the running configuration.
    Commit,
}

impl fmt::Display for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GetCapabilities => "GetCapabilities",
            Self::Get => "Get",
            Self::CreateCandidate => "CreateCandidate",
            Self::EditCandidate => "EditCandidate",
            Self::DeleteCandidate => "DeleteCandidate",
            Self::Validate => "Commit VALIDATE",
            Self::Commit => "Commit ALL",
        })
    }
}

/// The client over one TCP connection, which is never made again.
///
/// Candidate numbers start from 1 in every life of a daemon, so a connection
/// that healed itself could name somebody else's candidate.
#[derive(Debug, Clone)]
pub(crate) struct Connection {
    client: Client,
    deadline: Duration,
    /// Read by every call that is under way.
    under_way: Arc<RwLock<()>>,
}

impl Connection {
    /// Speaks HTTP/2 over a stream that is connected.
    pub(crate) async fn new(
        stream: TcpStream,
        deadline: Duration,
    ) -> Result<Self, tonic::transport::Error> {
        // Small requests, each waiting for its answer: delay would be all there is.
        // A failure costs time only.
        let _ = stream.set_nodelay(true);
        let mut once = Some(TokioIo::new(stream));
        let connector = service_fn(move |_| {
            let stream = once
                .take()
                .ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected));
            async move { stream }
        });
        // The name is never looked up; HTTP/2 wants one.
        let channel = Endpoint::from_static("http://northbound.invalid")
            .connect_with_connector(connector)
            .await?;
        let client = NorthboundClient::new(channel).max_decoding_message_size(LONGEST_ANSWER);
        Ok(Self {
            client,
            deadline,
            under_way: Arc::default(),
        })
    }

    /// How long one call may take.
    pub(crate) fn deadline(&self) -> Duration {
        self.deadline
    }

    /// Makes one call. When its deadline has passed, nobody waits for it any
    /// more, but it goes on: FRR's server ends for good, and leaves a daemon
    /// without northbound, when it finishes a call that was cancelled.
    pub(crate) async fn call<T, F>(
        &self,
        rpc: Rpc,
        call: impl FnOnce(Client) -> F,
    ) -> Result<T, CallError>
    where
        T: Send + 'static,
        F: Future<Output = Result<Response<T>, Status>> + Send + 'static,
    {
        let call = call(self.client.clone());
        let timed_out = |_| CallError::TimedOut {
            rpc,
            after: self.deadline,
        };
        // Held up only while somebody waits for all calls to end.
        let under_way = Arc::clone(&self.under_way).read_owned();
        let under_way = tokio::time::timeout(self.deadline, under_way)
            .await
            .map_err(timed_out)?;
        let task = tokio::spawn(async move {
            let answer = call.await;
            drop(under_way);
            answer
        });
        match tokio::time::timeout(self.deadline, task).await {
            Ok(Ok(Ok(response))) => Ok(response.into_inner()),
            Ok(Ok(Err(status))) => Err(CallError::from_status(rpc, status)),
            Ok(Err(_)) => Err(CallError::Ending),
            Err(_) => Err(CallError::TimedOut {
                rpc,
                after: self.deadline,
            }),
        }
    }

    /// Waits until no call is under way, those included that nobody waits for.
    pub(crate) async fn settle(&self) {
        drop(self.under_way.write().await);
    }
}

#[cfg(test)]
impl Connection {
    /// The client without deadlines and without types that protect it.
    pub(crate) fn into_client(self) -> Client {
        self.client
    }
}
