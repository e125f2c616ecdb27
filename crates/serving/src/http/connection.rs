//! One connection, from its first byte to its last answer.

use std::pin::pin;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::tls::ServerCertificate;

/// How connections are taken.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    /// What clients are shown, who then speak TLS.
    pub(crate) certificate: Option<ServerCertificate>,
    pub(crate) protocol: Protocol,
    /// How long a connection may be open without the head of a request.
    pub(crate) idle_timeout: Duration,
}

/// What is spoken on a connection.
#[derive(Clone, Debug)]
pub(crate) enum Protocol {
    /// HTTP/1.1 alone.
    Http1(http1::Builder),
    /// HTTP/1.1 or HTTP/2, as the client begins.
    Any(Box<auto::Builder<TokioExecutor>>),
}

impl Protocol {
    pub(crate) fn http1(idle_timeout: Duration) -> Self {
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(idle_timeout);
        Self::Http1(builder)
    }

    pub(crate) fn any(idle_timeout: Duration) -> Self {
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(idle_timeout);
        // A client that is gone without a word answers no ping.
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(idle_timeout);
        Self::Any(Box::new(builder))
    }
}

impl Door {
    /// Answers the requests of one connection until it ends, or `closed` is true and they are answered.
    pub(crate) async fn serve(self, stream: TcpStream, router: Router, closed: watch::Receiver<bool>) {
        // An answer is one write: waiting to fill a packet would only delay it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot turn off the delay of small packets");
        }
        let Some(certificate) = self.certificate else {
            return self.protocol.serve(stream, router, closed).await;
        };
        match timeout(self.idle_timeout, certificate.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.protocol.serve(stream, router, closed).await,
            Ok(Err(error)) => tracing::debug!(%error, "a client does not speak TLS as this server does"),
            Err(_elapsed) => tracing::debug!("a client did not finish its TLS handshake in time"),
        }
    }
}

impl Protocol {
    async fn serve(
        self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        router: Router,
        closed: watch::Receiver<bool>,
    ) {
        let (stream, service) = (TokioIo::new(stream), TowerToHyperService::new(router));
        match self {
            Self::Http1(builder) => until_closed(builder.serve_connection(stream, service), closed).await,
            Self::Any(builder) => until_closed(builder.serve_connection(stream, service), closed).await,
        }
    }
}

async fn until_closed<C>(connection: C, mut closed: watch::Receiver<bool>)
where
    C: GracefulConnection,
    C::Error: std::fmt::Debug,
{
    let mut connection = pin!(connection);
    let told_to_close = async { closed.wait_for(|closed| *closed).await.map(|_| ()) };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = told_to_close => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(?error, "connection ended early");
    }
}

/// Waits for connections that were told to close, and drops those that are there after `deadline`.
pub(crate) async fn end(mut connections: JoinSet<()>, deadline: Instant) {
    tracing::info!(connections = connections.len(), "shutting down");
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout_at(deadline, all_ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "dropping requests that did not finish in time");
        connections.shutdown().await;
    }
}
