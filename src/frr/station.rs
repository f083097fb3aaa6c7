//! The monitoring station (RFC 7854 §1.1): where bgpd tells of its sessions as they come and go.
//!
//! A session that is lost is heard of at once, and nothing has to be asked for that. What always
//! holds: what is told here only says what to look at; nothing is believed that was not read.
//! bgpd connects, once for each of its instances, and again after a loss; whoever speaks anything
//! else is cut off.

use std::io;
use std::path::Path;

use bytes::BytesMut;
use perouter_parsers::bmp::{self, Front, Message};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;

use crate::netlink::namespace::{NamespaceError, Netns};
use crate::plan::bgp::desired::STATION;

/// How many instances are heard at a time: a node's most.
const CONNECTIONS: usize = 4096;

/// The pause after a connection could not be taken, which is for want of file descriptors.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// Hears what bgpd tells. Dropping it ends the listening.
#[derive(Debug)]
pub struct Station {
    _task: AbortOnDropHandle<()>,
}

/// The station cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    /// The router's namespace.
    #[error(transparent)]
    Namespace(#[from] NamespaceError),
    /// Its socket.
    #[error("cannot listen for bgpd's BMP on {STATION} in the router's namespace: {0}")]
    Listen(io::Error),
}

impl Station {
    /// Listens at [`STATION`] in the namespace, and hands on what is said of sessions.
    ///
    /// # Errors
    /// [`StationError`]; somebody else may listen there.
    pub async fn open(netns: &Path, tell: mpsc::Sender<Message>) -> Result<Self, StationError> {
        let listener = Netns::open(netns)?
            .listen_tcp(STATION)
            .await
            .map_err(StationError::Listen)?;
        Ok(Self {
            _task: AbortOnDropHandle::new(tokio::spawn(accept(listener, tell))),
        })
    }
}

async fn accept(listener: TcpListener, tell: mpsc::Sender<Message>) {
    let mut hearings = JoinSet::new();
    loop {
        while hearings.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) if hearings.len() < CONNECTIONS => {
                hearings.spawn(hear(stream, tell.clone()));
            }
            Ok((_, peer)) => tracing::warn!(%peer, "cut off: too many connections for BMP"),
            Err(error) => {
                tracing::warn!("cannot take a connection for BMP: {error}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// Hears one instance until its connection ends.
async fn hear(mut stream: TcpStream, tell: mpsc::Sender<Message>) {
    let mut received = BytesMut::with_capacity(4096);
    loop {
        match bmp::front(&received) {
            Ok(Front::Message { message, length }) => {
                let _ = received.split_to(length);
                let tells_of_session = match &message {
                    Message::PeerUp(_) | Message::PeerDown { .. } => true,
                    Message::Other(_) => false,
                };
                if tells_of_session && tell.send(message).await.is_err() {
                    return;
                }
            }
            Ok(Front::More) => match stream.read_buf(&mut received).await {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::debug!("bgpd's BMP broke off: {error}");
                    return;
                }
            },
            Err(error) => {
                tracing::warn!("cut off: what was told by BMP cannot be read: {error}");
                return;
            }
        }
    }
}
