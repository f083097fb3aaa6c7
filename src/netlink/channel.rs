//! One rtnetlink socket in one namespace: requests that write, and dumps that read.
//!
//! What always holds:
//!
//! - The socket is opened on a thread inside the namespace and driven on the runtime.
//! - A refusal carries the kernel's own words (extended acknowledgement), not only its errno.
//! - A message that cannot be decoded fails the dump it belongs to. It is never dropped, since
//!   what is missing from a dump would be taken for missing in the kernel.
//! - A lost connection is an error, never an empty answer or a success.

use std::collections::BTreeMap;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::{Stream, StreamExt as _};
use nix::errno::Errno;
use rtnetlink::Handle;
use rtnetlink::packet_core::{
    DoneMessage, ErrorMessage, NLM_F_ACK, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
    NlasIterator,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::sys::{AsyncSocket as _, TokioSocket, protocols::NETLINK_ROUTE};
use tokio::sync::Mutex;
use tokio::time::{Duration, sleep};
use tokio_util::task::AbortOnDropHandle;

use super::namespace::{NamespaceError, Netns};
use super::socket::{FaithfulSocket, NLM_F_DUMP_INTR, UNDECODABLE};
use crate::api::IpVersion;

/// The length of `struct nlmsghdr`, which an error repeats of the request.
const HEADER_LEN: usize = 16;

/// `NLMSGERR_ATTR_MSG`: the kernel's words.
const NLMSGERR_ATTR_MSG: u16 = 1;

/// How often a dump is begun anew because what it reads kept changing.
const DUMP_TRIES: usize = 5;

/// How long to wait for the rest of an abandoned dump to be read off the socket, in all.
const BUSY_TRIES: usize = 200;
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// What the kernel said to a request that it did not carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The error number.
    pub errno: Errno,
    /// The kernel's own words, when it gave some.
    pub words: Option<String>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.errno)?;
        self.words
            .iter()
            .try_for_each(|words| write!(f, " ({words})"))
    }
}

impl std::error::Error for Refusal {}

/// Why a netlink request failed.
#[derive(Debug, thiserror::Error)]
pub enum NetlinkError {
    /// The kernel said no.
    #[error("the kernel refuses: {0}")]
    Refused(Refusal),
    /// The kernel's answer cannot be decoded.
    #[error("an answer of the kernel cannot be decoded: {0}")]
    Undecodable(String),
    /// The socket was lost before an answer came.
    #[error("the netlink socket was lost before the kernel answered")]
    Lost,
    /// What was asked for is nothing that can be said over netlink.
    #[error("the request contradicts itself: {0}")]
    Contradictory(String),
}

impl NetlinkError {
    /// The kernel's error number, when it is the kernel that said no.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Refused(refusal) => Some(refusal.errno),
            Self::Undecodable(_) | Self::Lost | Self::Contradictory(_) => None,
        }
    }
}

/// Why no socket can be opened in a namespace.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The namespace cannot be opened or entered.
    #[error("cannot reach the namespace")]
    Namespace(#[from] NamespaceError),
    /// The socket cannot be made.
    #[error("cannot open a netlink socket")]
    Socket(#[source] io::Error),
}

/// What a dump reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dump {
    /// All links.
    Links,
    /// All addresses.
    Addresses,
    /// Routes of a table, or those of one link in it.
    Routes(IpVersion),
    /// The routing rules of both IP versions.
    Rules,
    /// All neighbours.
    Neighbours,
    /// All forwarding entries.
    Fdb,
}

/// An rtnetlink socket in one namespace.
#[derive(Debug)]
pub(super) struct Channel {
    netns: Netns,
    handle: Handle,
    /// The kernel runs one dump a socket at a time. How many there were is kept here too.
    dumping: Mutex<BTreeMap<Dump, u64>>,
    writes: AtomicU64,
    _driver: AbortOnDropHandle<()>,
}

impl Channel {
    /// Opens a socket in `netns` and drives it on the current runtime.
    pub(super) async fn open(netns: Netns) -> Result<Arc<Self>, OpenError> {
        let socket = FaithfulSocket::from(open_socket(&netns).await?);
        let (mut connection, handle, unsolicited) = rtnetlink::from_socket(socket);
        // This socket belongs to no multicast group: nothing unsolicited is of use.
        drop(unsolicited);
        // Without these a lost connection would read as an acknowledgement, or as the end of a
        // dump. With them rtnetlink gives both as errors, which `end_of` tells apart.
        connection.set_forward_ack(true);
        connection.set_forward_done(true);
        Ok(Arc::new(Self {
            netns,
            handle,
            dumping: Mutex::default(),
            writes: AtomicU64::new(0),
            _driver: AbortOnDropHandle::new(tokio::spawn(connection)),
        }))
    }

    /// The namespace that the socket is in.
    pub(super) fn netns(&self) -> &Netns {
        &self.netns
    }

    /// How many messages that change something were sent.
    pub(super) fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// How often what was dumped.
    pub(super) async fn dumps(&self) -> BTreeMap<Dump, u64> {
        self.dumping.lock().await.clone()
    }

    /// What requests are built with, for [`Self::write`], [`Self::get`] and [`Self::dump`].
    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Executes a request that changes something and waits for the kernel's word on it.
    pub(super) async fn write(
        &self,
        request: impl Future<Output = Result<(), rtnetlink::Error>>,
    ) -> Result<(), NetlinkError> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        match request.await {
            // An acknowledgement is given as an error too: this is the end without one.
            Ok(()) => Err(NetlinkError::Lost),
            Err(end) => end_of(end).map(drop),
        }
    }

    /// Writes one message with these flags, which rtnetlink's own requests have fixed for each
    /// kind of message.
    pub(super) async fn ask(
        &self,
        message: RouteNetlinkMessage,
        flags: u16,
    ) -> Result<(), NetlinkError> {
        let mut request = NetlinkMessage::from(message);
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | flags;
        let mut handle = self.handle.clone();
        self.write(async move {
            let mut answers = handle.request(request)?;
            while let Some(answer) = answers.next().await {
                if let NetlinkPayload::Error(error) = answer.payload {
                    return Err(rtnetlink::Error::NetlinkError(error));
                }
            }
            Ok(())
        })
        .await
    }

    /// The answer to a request for one thing.
    pub(super) async fn get<M>(
        &self,
        answers: impl Stream<Item = Result<M, rtnetlink::Error>>,
    ) -> Result<M, NetlinkError> {
        match pin!(answers).next().await {
            Some(Ok(found)) => Ok(found),
            Some(Err(end)) => end_of(end).and(Err(NetlinkError::Lost)),
            None => Err(NetlinkError::Lost),
        }
    }

    /// Asks for a whole table, and gives what `select` makes of each entry that it takes.
    ///
    /// A dump during which the table changed is begun anew, a few times; a table that never
    /// rests is then given as it was read, and may miss or repeat what changed meanwhile.
    pub(super) async fn dump<M, T, S>(
        &self,
        what: Dump,
        ask: impl Fn(&Handle) -> S,
        mut select: impl FnMut(M) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError>
    where
        S: Stream<Item = Result<M, rtnetlink::Error>>,
    {
        let mut alone = self.dumping.lock().await;
        *alone.entry(what).or_default() += 1;
        let mut busy = 0;
        let mut tries = 1;
        loop {
            match dump_once(ask(&self.handle), &mut select).await {
                Ok((_, Consistency::Changed)) if tries < DUMP_TRIES => tries += 1,
                Ok((entries, _)) => return Ok(entries),
                // The rest of a dump whose reader gave up is still on its way.
                Err(error) if error.errno() == Some(Errno::EBUSY) && busy < BUSY_TRIES => {
                    busy += 1;
                    sleep(BUSY_PAUSE).await;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

async fn dump_once<M, T>(
    answers: impl Stream<Item = Result<M, rtnetlink::Error>>,
    select: &mut impl FnMut(M) -> Option<T>,
) -> Result<(Vec<T>, Consistency), NetlinkError> {
    let mut answers = pin!(answers);
    let mut entries = Vec::new();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(entry) => entries.extend(select(entry)),
            Err(end) => return end_of(end).map(|consistency| (entries, consistency)),
        }
    }
    Err(NetlinkError::Lost)
}

/// Whether what was dumped stood still meanwhile.
#[derive(Clone, Copy)]
enum Consistency {
    Whole,
    Changed,
}

/// Opens a socket inside `netns`, registered with the current runtime, that has the kernel
/// filter dumps as asked, explain its refusals, and not repeat our requests to us.
pub(super) async fn open_socket(netns: &Netns) -> Result<TokioSocket, OpenError> {
    let runtime = tokio::runtime::Handle::current();
    netns
        .run(move || {
            let _context = runtime.enter();
            let mut socket = TokioSocket::new(NETLINK_ROUTE)?;
            let options = socket.socket_mut();
            options.set_netlink_get_strict_chk(true)?;
            options.set_ext_ack(true)?;
            options.set_cap_ack(true)?;
            Ok(socket)
        })
        .await?
        .map_err(OpenError::Socket)
}

/// What ends a request: an acknowledgement, the end of a dump, or a failure.
fn end_of(end: rtnetlink::Error) -> Result<Consistency, NetlinkError> {
    use rtnetlink::Error;
    match &end {
        Error::NetlinkError(error) => outcome_of(error).map(|()| Consistency::Whole),
        Error::UnexpectedMessage(message) if let NetlinkPayload::Done(done) = &message.payload => {
            end_of_dump(done).map(|()| match message.header.flags & NLM_F_DUMP_INTR {
                0 => Consistency::Whole,
                _ => Consistency::Changed,
            })
        }
        Error::RequestFailed => Err(NetlinkError::Lost),
        other @ (Error::UnexpectedMessage(_)
        | Error::NamespaceError(_)
        | Error::InvalidHardwareAddress(_)
        | Error::InvalidIp(_)
        | Error::InvalidAddress(..)
        | Error::InvalidNla(_)) => Err(NetlinkError::Undecodable(other.to_string())),
    }
}

/// What an `NLMSG_ERROR` means: an acknowledgement when its code is zero.
fn outcome_of(error: &ErrorMessage) -> Result<(), NetlinkError> {
    let Some(code) = error.code else {
        return Ok(());
    };
    if code == UNDECODABLE {
        return Err(NetlinkError::Undecodable(
            String::from_utf8_lossy(&error.header).into_owned(),
        ));
    }
    Err(NetlinkError::Refused(Refusal {
        errno: Errno::from_raw(code.get().saturating_neg()),
        words: error.header.get(HEADER_LEN..).and_then(words_of),
    }))
}

/// What an `NLMSG_DONE` means: a dump may fail at its very end.
fn end_of_dump(done: &DoneMessage) -> Result<(), NetlinkError> {
    if done.code >= 0 {
        return Ok(());
    }
    Err(NetlinkError::Refused(Refusal {
        errno: Errno::from_raw(done.code.saturating_neg()),
        words: words_of(&done.extended_ack),
    }))
}

/// The kernel's words among the attributes of an extended acknowledgement.
fn words_of(attributes: &[u8]) -> Option<String> {
    NlasIterator::new(attributes)
        .flatten()
        .find(|attribute| attribute.kind() == NLMSGERR_ATTR_MSG)
        .map(|attribute| {
            String::from_utf8_lossy(attribute.value())
                .trim_end_matches('\0')
                .to_owned()
        })
        .filter(|words| !words.is_empty())
}
