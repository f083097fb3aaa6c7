//! The proxy before the gRPC ports.
//!
//! It speaks HTTP/2 and leaves messages, headers and trailers as they are: it knows of gRPC only
//! how a refusal is written. To each daemon it holds one connection of its own, on which every
//! call runs to its end.

use std::io;
use std::net::{Ipv4Addr, TcpListener as StdListener, TcpStream as StdStream};

use bytes::{Bytes, BytesMut};
use h2::client::SendRequest;
use h2::server::SendResponse;
use h2::{RecvStream, client, server};
use http::{HeaderMap, HeaderValue, Request, Response, request, response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::{Background, Fault, Faults};
use crate::{Daemon, Frr, HarnessError};

/// Stands before the gRPC ports of some daemons.
pub struct NorthboundProxy {
    faults: Faults,
    // Held for its end: all connections close with it.
    _background: Background,
}

impl NorthboundProxy {
    /// Listens on the loopback address of `front`'s network namespace, on the ports that these
    /// daemons have in `real`'s.
    ///
    /// A daemon that is started anew is not connected to again.
    ///
    /// # Errors
    ///
    /// What the system says when a daemon does not listen, or its port is taken in `front`.
    pub fn start(real: &Frr, front: &Frr, daemons: &[Daemon]) -> Result<Self, HarnessError> {
        let (background, faults) = (Background::start()?, Faults::default());
        for daemon in daemons {
            let port = daemon.grpc_port();
            let failed = || HarnessError::system(format!("stand before port {port} of {daemon}"));
            let upstream = real.grpc_connect(port).map_err(failed())?;
            let listener = front
                .within(|| StdListener::bind((Ipv4Addr::LOCALHOST, port)))
                .map_err(failed())?;
            let runtime = background.runtime()?;
            let _inside = runtime.enter();
            let (upstream, listener) = asynchronous(upstream, listener).map_err(failed())?;
            runtime.spawn(accept(listener, upstream, *daemon, faults.clone()));
        }
        Ok(Self {
            faults,
            _background: background,
        })
    }

    /// What it lets fail. Every call counts, reading ones too.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

fn asynchronous(
    upstream: StdStream,
    listener: StdListener,
) -> io::Result<(TcpStream, TcpListener)> {
    upstream.set_nonblocking(true)?;
    listener.set_nonblocking(true)?;
    // Small requests, each waiting for its answer.
    upstream.set_nodelay(true)?;
    Ok((
        TcpStream::from_std(upstream)?,
        TcpListener::from_std(listener)?,
    ))
}

async fn accept(listener: TcpListener, upstream: TcpStream, daemon: Daemon, faults: Faults) {
    let Ok((upstream, connection)) = client::handshake(upstream).await else {
        return;
    };
    tokio::spawn(connection);
    while let Ok((client, _)) = listener.accept().await {
        // A failure costs time only.
        let _ = client.set_nodelay(true);
        let proxy = Proxy {
            upstream: upstream.clone(),
            daemon,
            faults: faults.clone(),
        };
        tokio::spawn(proxy.serve(client));
    }
}

/// Answers of calls whose connection is to close. They are dropped after it: before, that would
/// reset their stream, which is another fault.
type Closing = mpsc::UnboundedSender<SendResponse<Bytes>>;

#[derive(Clone)]
struct Proxy {
    upstream: SendRequest<Bytes>,
    daemon: Daemon,
    faults: Faults,
}

impl Proxy {
    /// Serves one connection, until the client or a fault closes it. Calls that are under way
    /// then go on in tasks of their own.
    async fn serve(self, client: TcpStream) {
        let (closing, mut closed) = mpsc::unbounded_channel();
        let Ok(mut connection) = server::handshake(client).await else {
            return;
        };
        loop {
            let answer = tokio::select! {
                accepted = connection.accept() => match accepted {
                    Some(Ok((request, answer))) => {
                        let (proxy, closing) = (self.clone(), closing.clone());
                        tokio::spawn(async move { proxy.call(request, answer, closing).await });
                        continue;
                    }
                    Some(Err(_)) | None => return,
                },
                answer = closed.recv() => answer,
            };
            drop(connection);
            drop(answer);
            return;
        }
    }

    async fn call(
        self,
        request: Request<RecvStream>,
        mut answer: SendResponse<Bytes>,
        closing: Closing,
    ) -> Result<(), h2::Error> {
        let (head, body) = request.into_parts();
        let body = Body::read(body).await?;
        let name = head.uri.path().rsplit('/').next().unwrap_or_default();
        match self.faults.next(self.daemon, name) {
            None => self.ask(head, body).await?.send(&mut answer),
            Some(Fault::Late(delay)) => {
                let answered = self.ask(head, body).await?;
                tokio::time::sleep(delay).await;
                answered.send(&mut answer)
            }
            // Sending fails when the client has closed already, which is as good.
            Some(Fault::ClosedBefore) => {
                let _ = closing.send(answer);
                Ok(())
            }
            Some(Fault::ClosedAfter) => {
                self.ask(head, body).await?;
                let _ = closing.send(answer);
                Ok(())
            }
            Some(Fault::Refused { status, words }) => {
                answer.send_response(refusal(status, words), true).map(drop)
            }
        }
    }

    /// Makes a call of the daemon, to its end.
    async fn ask(&self, head: request::Parts, body: Body) -> Result<Answer, h2::Error> {
        let mut upstream = self.upstream.clone().ready().await?;
        let (response, mut stream) =
            upstream.send_request(Request::from_parts(head, ()), body.is_empty())?;
        if !body.is_empty() {
            stream.send_data(body.data, true)?;
        }
        let (head, body) = response.await?.into_parts();
        Ok(Answer {
            head,
            body: Body::read(body).await?,
        })
    }
}

/// A refusal as gRPC writes it: headers alone.
fn refusal(status: u8, words: &'static str) -> Response<()> {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    let kind = HeaderValue::from_static("application/grpc");
    headers.insert("content-type", kind);
    headers.insert("grpc-status", u16::from(status).into());
    headers.insert("grpc-message", HeaderValue::from_static(words));
    response
}

/// What follows the headers, whole.
struct Body {
    data: Bytes,
    trailers: Option<HeaderMap>,
}

impl Body {
    async fn read(mut stream: RecvStream) -> Result<Self, h2::Error> {
        let mut data = BytesMut::new();
        while let Some(chunk) = stream.data().await {
            let chunk = chunk?;
            stream.flow_control().release_capacity(chunk.len())?;
            data.extend_from_slice(&chunk);
        }
        Ok(Self {
            data: data.freeze(),
            trailers: stream.trailers().await?,
        })
    }

    fn is_empty(&self) -> bool {
        self.data.is_empty() && self.trailers.is_none()
    }
}

struct Answer {
    head: response::Parts,
    body: Body,
}

impl Answer {
    fn send(self, answer: &mut SendResponse<Bytes>) -> Result<(), h2::Error> {
        let ends = self.body.is_empty();
        let mut stream = answer.send_response(Response::from_parts(self.head, ()), ends)?;
        if ends {
            return Ok(());
        }
        let Body { data, trailers } = self.body;
        stream.send_data(data, trailers.is_none())?;
        match trailers {
            Some(trailers) => stream.send_trailers(trailers),
            None => Ok(()),
        }
    }
}
