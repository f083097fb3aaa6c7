//! Serves the agent's unix socket: one request a connection, one JSON document back.
//!
//! `status` is answered from the last report at once, whatever the loop is doing: when FRR hangs,
//! a pass takes as long as the longest silence, and that is when people ask. All else goes to
//! the loop.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot, watch};

use crate::status::protocol::{Answer, Request};
use crate::status::report::Report;

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(5);

/// The longest request line, in bytes.
const LONGEST: u64 = 256;

/// The last report, as soon as there is one.
pub(super) type Published = watch::Receiver<Option<Arc<Report>>>;

/// A request, and where its answer goes.
#[derive(Debug)]
pub(super) struct Asked {
    /// The request line.
    pub(super) request: String,
    /// Takes the answer.
    pub(super) answer: oneshot::Sender<String>,
}

/// The socket cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {}: {source}", path.display())]
pub struct SocketError {
    path: PathBuf,
    source: io::Error,
}

/// Listens at `path` and gives every request to `requests`. A socket that a dead agent left is
/// replaced.
///
/// # Errors
/// When the socket cannot be made.
pub(super) fn serve(
    path: &Path,
    requests: mpsc::Sender<Asked>,
    published: Published,
) -> Result<(), SocketError> {
    let failed = |source| SocketError {
        path: path.to_owned(),
        source,
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(converse(stream, requests.clone(), published.clone()));
                }
                Err(error) => {
                    tracing::warn!("cannot accept a connection: {error}");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
    });
    Ok(())
}

async fn converse(stream: UnixStream, requests: mpsc::Sender<Asked>, published: Published) {
    let (read, mut write) = stream.into_split();
    let mut lines = BufReader::new(tokio::io::AsyncReadExt::take(read, LONGEST)).lines();
    let Ok(Ok(Some(request))) = tokio::time::timeout(PATIENCE, lines.next_line()).await else {
        return;
    };
    let report = published.borrow().clone();
    let text = match (request.parse(), report) {
        (Ok(Request::Status), Some(report)) => super::report::json(&Answer::Ok(&*report)),
        (Ok(Request::Status | Request::Verify | Request::Walk(_) | Request::Plan) | Err(_), _) => {
            let (answer, answered) = oneshot::channel();
            if requests.send(Asked { request, answer }).await.is_err() {
                return;
            }
            let Ok(text) = answered.await else { return };
            text
        }
    };
    if let Err(error) = write.write_all(text.as_bytes()).await {
        tracing::debug!("a client went before its answer: {error}");
    }
}
