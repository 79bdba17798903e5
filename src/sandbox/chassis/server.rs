//! An HTTP server on loopback whose handlers can cut the connection instead of answering.
//!
//! axum serves; the stream in between refuses every further byte once its [`Cut`] is used, so the caller sees a
//! connection that closed without an answer. It knows nothing of what is served.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How long a stop waits for answers under way.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// The scissors of one connection.
#[derive(Clone, Default)]
pub struct Cut(Arc<AtomicBool>);

impl Cut {
    /// Closes the connection: the response returned here is never written.
    pub fn now(&self) -> Response {
        self.0.store(true, Ordering::Release);
        Response::default()
    }
}

impl Connected<IncomingStream<'_, Loopback>> for Cut {
    fn connect_info(stream: IncomingStream<'_, Loopback>) -> Self {
        stream.io().cut.clone()
    }
}

/// One running server.
pub struct Door {
    address: SocketAddr,
    served: JoinHandle<()>,
}

impl Door {
    /// Opens `port` on 127.0.0.1 (0 = any) and serves until `stopping`. Fails when the port is taken.
    pub async fn open(port: u16, router: Router, stopping: CancellationToken) -> anyhow::Result<Door> {
        let listener =
            TcpListener::bind(("127.0.0.1", port)).await.with_context(|| format!("cannot open port {port}"))?;
        let address = listener.local_addr()?;
        let service = router.into_make_service_with_connect_info::<Cut>();
        let served = axum::serve(Loopback(listener), service).with_graceful_shutdown(stopping.cancelled_owned());
        let served = tokio::spawn(async move {
            if let Err(e) = served.await {
                tracing::error!(error = %e, "a sandbox server ended");
            }
        });
        Ok(Door { address, served })
    }

    /// `http://127.0.0.1:<port>`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Waits until the server has ended; the token given to [`Door::open`] must have been cancelled.
    pub async fn closed(mut self) {
        if tokio::time::timeout(STOP_LIMIT, &mut self.served).await.is_err() {
            self.served.abort();
        }
    }
}

/// The listener under axum: every connection gets its scissors.
pub struct Loopback(TcpListener);

impl Listener for Loopback {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Small answers must not wait for each other; a failure here only costs time.
        let _ = stream.set_nodelay(true);
        (Wire { stream, cut: Cut::default() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection that stops writing when cut.
pub struct Wire {
    stream: TcpStream,
    cut: Cut,
}

impl Wire {
    fn whole(&self) -> io::Result<()> {
        match self.cut.0.load(Ordering::Acquire) {
            true => Err(io::ErrorKind::ConnectionAborted.into()),
            false => Ok(()),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.whole()?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
