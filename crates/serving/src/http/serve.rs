//! From a listener to answers, until the shutdown.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};

use super::ServerOptions;
use super::audit::Peer;
use super::guard::App;
use super::metrics::{UPKEEP_INTERVAL, prometheus};
use super::routes::{metrics_router, router};
use super::tls::ServerCertificate;
use crate::FeatureServer;

/// How long to wait after a failure to accept, which is mostly a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How often to look whether gathered rows have waited long enough; intervals are whole seconds.
const BATCH_LOOK_INTERVAL: Duration = Duration::from_millis(250);

/// Serves requests from `listener` until `shutdown` is ready, and then finishes what has begun.
///
/// After the shutdown no connection is taken and idle ones are closed; requests and materializations
/// have [`shutdown_timeout`](ServerOptions::shutdown_timeout) to end, and are then dropped.
///
/// # Errors
///
/// None so far: a connection that fails ends alone, and a failure to accept is tried again.
pub async fn serve(
    listener: TcpListener,
    server: Arc<dyn FeatureServer>,
    options: ServerOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let metrics = prometheus();
    let app = Arc::new(App::new(server, options));
    let router = router(Arc::clone(&app));
    let metrics_router = metrics_router(Arc::clone(&app));
    let metrics_listener = app.options.metrics_listener.clone();
    let mut connections = JoinSet::new();
    let mut upkeep = interval(UPKEEP_INTERVAL);
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batches = interval(BATCH_LOOK_INTERVAL);
    batches.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut shutdown = pin!(shutdown);
    loop {
        let (accepted, router, certificate) = tokio::select! {
            accepted = listener.accept() => (accepted, &router, app.options.certificate.as_ref()),
            accepted = accept(metrics_listener.as_deref()) => (accepted, &metrics_router, None),
            // Nobody else takes note of the connections that have ended.
            Some(_ended) = connections.join_next() => continue,
            _ = upkeep.tick() => {
                metrics.run_upkeep();
                continue;
            }
            _ = batches.tick() => {
                write_due_batches(&app);
                continue;
            }
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let router = router.clone();
                let router = match &app.options.audit_log {
                    Some(_) => router.layer(Extension(Peer(peer))),
                    None => router,
                };
                let (certificate, closed) = (certificate.cloned(), app.closing.subscribe());
                let connection = serve_connection(stream, certificate, router, closed, &app.options);
                connections.spawn(connection);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let deadline = Instant::now() + app.options.shutdown_timeout;
    tracing::info!(connections = connections.len(), "shutting down");
    app.closing.send_replace(true);
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if timeout_at(deadline, all_ended).await.is_err() {
        tracing::warn!(connections = connections.len(), "dropping requests that did not finish in time");
        connections.shutdown().await;
    }
    app.background.finish(deadline).await;
    // After everything that could add to them; their rows have been answered for.
    if let Some(batches) = &app.offline_batches {
        batches.write_all(&*app.server).await;
    }
    Ok(())
}

async fn accept(listener: Option<&TcpListener>) -> io::Result<(TcpStream, std::net::SocketAddr)> {
    match listener {
        Some(listener) => listener.accept().await,
        None => std::future::pending().await,
    }
}

fn write_due_batches(app: &Arc<App>) {
    let Some(batches) = &app.offline_batches else { return };
    for source in batches.due() {
        let (batches, server) = (Arc::clone(batches), Arc::clone(&app.server));
        app.background.spawn(async move { batches.write(&*server, source).await });
    }
}

fn serve_connection(
    stream: TcpStream,
    certificate: Option<ServerCertificate>,
    router: Router,
    closed: watch::Receiver<bool>,
    options: &ServerOptions,
) -> impl Future<Output = ()> + Send + 'static {
    let idle_timeout = options.idle_timeout;
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(idle_timeout);
    async move {
        // An answer is one write: waiting to fill a packet would only delay it.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot turn off the delay of small packets");
        }
        let Some(certificate) = certificate else {
            return serve_stream(stream, &builder, router, closed).await;
        };
        match timeout(idle_timeout, certificate.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => serve_stream(stream, &builder, router, closed).await,
            Ok(Err(error)) => tracing::debug!(%error, "a client does not speak TLS as this server does"),
            Err(_elapsed) => tracing::debug!("a client did not finish its TLS handshake in time"),
        }
    }
}

async fn serve_stream(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    builder: &http1::Builder,
    router: Router,
    mut closed: watch::Receiver<bool>,
) {
    let service = TowerToHyperService::new(router);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let told_to_close = async { closed.wait_for(|closed| *closed).await.map(|_| ()) };
    let ended = tokio::select! {
        ended = &mut connection => ended,
        _ = told_to_close => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended early");
    }
}

/// Ready when the process is asked to end: by SIGTERM or SIGINT, or Ctrl-C where there are no signals.
pub async fn shutdown_signal() {
    let interrupted = async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "cannot wait for Ctrl-C");
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        match signal(SignalKind::terminate()) {
            Ok(mut terminated) => tokio::select! {
                () = interrupted => {}
                _ = terminated.recv() => {}
            },
            Err(error) => {
                tracing::error!(%error, "cannot wait for SIGTERM");
                interrupted.await;
            }
        }
    }
    #[cfg(not(unix))]
    interrupted.await;
}
