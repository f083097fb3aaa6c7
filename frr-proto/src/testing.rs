//! What the tests with real daemons share: connections, typed and raw.

use std::{sync::Arc, time::Duration};

use perouter_harness::{Daemon as Which, Frr, Options};
use tokio::net::TcpStream;
use tonic::{Status, transport::Channel};

use crate::{
    Daemon, Driver,
    connection::Connection,
    wire::{
        self, CommitRequest, CreateCandidateRequest, DeleteCandidateRequest, EditCandidateRequest,
        PathValue, commit_request::Phase, northbound_client::NorthboundClient,
    },
};

/// Long enough for a machine that builds something else at the same time.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// How long a daemon is watched that should have crashed.
pub(crate) const CRASH_WITHIN: Duration = Duration::from_secs(10);

/// A router with these daemons, each serving gRPC.
pub(crate) fn router(daemons: &[Which]) -> Arc<Frr> {
    Arc::new(Frr::start(Options::default().daemons(daemons.iter().copied())).unwrap())
}

/// A stream to one of its daemons.
pub(crate) fn stream(frr: &Frr, daemon: Which) -> TcpStream {
    let stream = frr.grpc_connect(daemon.grpc_port()).unwrap();
    stream.set_nonblocking(true).unwrap();
    TcpStream::from_std(stream).unwrap()
}

/// A typed connection to one of its daemons.
pub(crate) async fn daemon(frr: &Frr, daemon: Which) -> Daemon {
    Daemon::connect(stream(frr, daemon), DEADLINE)
        .await
        .unwrap()
}

/// A new driver of one of its daemons.
pub(crate) async fn driver(frr: &Frr, which: Which) -> Driver {
    Driver::new(daemon(frr, which).await)
}

/// The service as it is, with no protection at all.
#[derive(Clone)]
pub(crate) struct Raw {
    pub(crate) client: NorthboundClient<Channel>,
}

impl Raw {
    pub(crate) async fn connect(frr: &Frr, daemon: Which) -> Self {
        let connection = Connection::new(stream(frr, daemon), DEADLINE)
            .await
            .unwrap();
        Self {
            client: connection.into_client(),
        }
    }

    pub(crate) async fn create(&self) -> u32 {
        let request = CreateCandidateRequest {};
        self.client
            .clone()
            .create_candidate(request)
            .await
            .unwrap()
            .into_inner()
            .candidate_id
    }

    pub(crate) async fn edit(&self, id: u32, path: &str, value: &str) -> Result<(), Status> {
        let update = vec![PathValue {
            path: path.to_owned(),
            value: value.to_owned(),
        }];
        let request = EditCandidateRequest {
            candidate_id: id,
            update,
            delete: Vec::new(),
        };
        self.client.clone().edit_candidate(request).await.map(drop)
    }

    pub(crate) async fn delete(&self, id: u32) -> Result<(), Status> {
        let request = DeleteCandidateRequest { candidate_id: id };
        self.client
            .clone()
            .delete_candidate(request)
            .await
            .map(drop)
    }

    pub(crate) async fn commit(
        &self,
        id: u32,
        phase: Phase,
    ) -> Result<wire::CommitResponse, Status> {
        let request = CommitRequest {
            candidate_id: id,
            phase: phase.into(),
            comment: String::new(),
        };
        self.client
            .clone()
            .commit(request)
            .await
            .map(tonic::Response::into_inner)
    }
}
