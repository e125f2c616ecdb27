//! From a listener to answers, until the shutdown.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::ServerOptions;
use super::audit::Peer;
use super::connection::{Door, Protocol, end};
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
                let door = Door {
                    certificate: certificate.cloned(),
                    protocol: Protocol::http1(app.options.idle_timeout),
                    idle_timeout: app.options.idle_timeout,
                };
                connections.spawn(door.serve(stream, router, app.closing.subscribe()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let deadline = Instant::now() + app.options.shutdown_timeout;
    app.closing.send_replace(true);
    end(connections, deadline).await;
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

/// What a door to any router needs to know.
#[derive(Clone, Debug)]
pub struct DoorOptions {
    /// What the server shows to clients, who then speak TLS to it; `None` means plain text.
    pub certificate: Option<ServerCertificate>,
    /// How long a connection may be open without the head of a request before it is closed.
    pub idle_timeout: Duration,
    /// How long requests may go on after the shutdown has begun.
    pub shutdown_timeout: Duration,
}

impl Default for DoorOptions {
    /// Plain text; 75 s for idle connections, 30 s for the shutdown.
    fn default() -> Self {
        let idle_timeout = Duration::from_secs(75);
        Self { certificate: None, idle_timeout, shutdown_timeout: Duration::from_secs(30) }
    }
}

/// Serves a router over HTTP/1 and HTTP/2, hence gRPC too, from `listener` until `shutdown` is ready, and then
/// finishes what has begun.
///
/// # Errors
///
/// None so far: a connection that fails ends alone, and a failure to accept is tried again.
pub async fn serve_router(
    listener: TcpListener,
    router: Router,
    options: DoorOptions,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let closing = watch::Sender::new(false);
    let door = Door {
        certificate: options.certificate.map(ServerCertificate::offering_http2),
        protocol: Protocol::any(options.idle_timeout),
        idle_timeout: options.idle_timeout,
    };
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(_ended) = connections.join_next() => continue,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok((stream, _peer)) => {
                connections.spawn(door.clone().serve(stream, router.clone(), closing.subscribe()));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    closing.send_replace(true);
    end(connections, Instant::now() + options.shutdown_timeout).await;
    Ok(())
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
