//! The arguments of servers.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Args;
use larder::{DoorOptions, ServerCertificate};
use tokio::net::TcpListener;

#[derive(Debug, Args)]
pub(crate) struct ServeArguments {
    /// The address to listen on.
    #[arg(short = 'h', long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port to listen on; 0 takes a free one.
    #[arg(short, long, default_value_t = 6566)]
    pub(crate) port: u16,
    /// Seconds after which definitions applied by another process are seen.
    #[arg(short = 'r', long = "registry_ttl_sec", value_name = "SECONDS", default_value_t = 1)]
    pub(crate) registry_ttl_seconds: u64,
    /// Answer with Prometheus metrics on a port of their own; `feature_server.metrics.enabled` does the same.
    #[arg(short, long)]
    pub(crate) metrics: bool,
    /// The port for metrics; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 8000)]
    pub(crate) metrics_port: u16,
    /// Answer over gRPC too, as `larder listen` does, at this address (`host:port`).
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) grpc: Option<String>,
    /// Let `larder udf record` read what requests bring to on-demand views, which may be private: whoever
    /// reaches the port may.
    #[arg(long)]
    pub(crate) recording: bool,
    /// Seconds after which an idle connection is closed.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub(crate) keep_alive_timeout: u64,
    #[command(flatten)]
    pub(crate) tls: TlsArguments,
    /// The protocol.
    #[arg(short = 't', long = "type", value_name = "TYPE", value_parser = ["http"], default_value = "http")]
    pub(crate) kind: String,
    #[command(flatten)]
    pub(crate) of_feast: FlagsOfFeast,
    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    pub(crate) help: Option<bool>,
}

/// Flags of `feast serve` that do nothing here, so that its command lines work unchanged.
#[derive(Debug, Args)]
pub(crate) struct FlagsOfFeast {
    /// No effect: one process serves with all processors.
    #[arg(short, long, value_name = "NUMBER", allow_negative_numbers = true)]
    pub(crate) workers: Option<i64>,
    /// No effect: connections are not limited by process.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) worker_connections: Option<u64>,
    /// No effect: the process is not replaced after some requests.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_requests: Option<u64>,
    /// No effect: as `--max-requests`.
    #[arg(long, value_name = "NUMBER")]
    pub(crate) max_requests_jitter: Option<u64>,
    /// There is no access log; `--log-level debug` shows requests that were refused.
    #[arg(long)]
    pub(crate) no_access_log: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListenArguments {
    /// The address to listen on, `host:port`; port 0 takes a free one.
    #[arg(short, long, default_value = "localhost:50051")]
    pub(crate) address: String,
    /// No effect: calls wait for nobody's thread.
    #[arg(short = 'w', long = "max_workers", value_name = "NUMBER")]
    pub(crate) max_workers: Option<u64>,
    /// Seconds after which definitions applied by another process are seen.
    #[arg(short = 'r', long = "registry_ttl_sec", value_name = "SECONDS", default_value_t = 5)]
    pub(crate) registry_ttl_seconds: u64,
    #[command(flatten)]
    pub(crate) tls: TlsArguments,
}

#[derive(Debug, Args)]
pub(crate) struct ServeTransformationsArguments {
    /// The address to listen on.
    #[arg(short = 'h', long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port to listen on; 0 takes a free one.
    #[arg(short, long, default_value_t = 6569)]
    pub(crate) port: u16,
    /// Seconds after which definitions applied by another process are seen.
    #[arg(short = 'r', long = "registry_ttl_sec", value_name = "SECONDS", default_value_t = 5)]
    pub(crate) registry_ttl_seconds: u64,
    #[command(flatten)]
    pub(crate) tls: TlsArguments,
    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    pub(crate) help: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct McpArguments {
    /// How messages come and go; over HTTP, `larder serve` offers the same tools.
    #[arg(short, long, value_name = "TRANSPORT", value_parser = ["stdio"], default_value = "stdio")]
    pub(crate) transport: String,
    /// Seconds after which definitions applied by another process are seen.
    #[arg(short = 'r', long = "registry_ttl_sec", value_name = "SECONDS", default_value_t = 5)]
    pub(crate) registry_ttl_seconds: u64,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "they are flags")]
pub(crate) struct ServeRegistryArguments {
    /// The address to listen on.
    #[arg(short = 'h', long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port to listen on; 0 takes a free one.
    #[arg(short, long, default_value_t = 6570)]
    pub(crate) port: u16,
    /// Serve gRPC, which is so unless `--no-grpc` says otherwise.
    #[arg(long, overrides_with = "no_grpc")]
    pub(crate) grpc: bool,
    /// Do not serve gRPC.
    #[arg(long, overrides_with = "grpc")]
    pub(crate) no_grpc: bool,
    /// Serve REST, on a port of its own.
    #[arg(short, long, overrides_with = "no_rest_api")]
    pub(crate) rest_api: bool,
    /// Do not serve REST, which is so unless `--rest-api` says otherwise.
    #[arg(long, overrides_with = "rest_api")]
    pub(crate) no_rest_api: bool,
    /// The port for REST; 0 takes a free one.
    #[arg(long, value_name = "PORT", default_value_t = 6572)]
    pub(crate) rest_port: u16,
    #[command(flatten)]
    pub(crate) tls: TlsArguments,
    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    pub(crate) help: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeLineageArguments {
    /// The address to listen on.
    #[arg(short = 'h', long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port to listen on; 0 takes a free one.
    #[arg(short, long, default_value_t = 6580)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) tls: TlsArguments,
    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    pub(crate) help: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct ServeOfflineArguments {
    /// The address to listen on.
    #[arg(short = 'h', long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port to listen on; 0 takes a free one.
    #[arg(short, long, default_value_t = 8815)]
    pub(crate) port: u16,
    #[command(flatten)]
    pub(crate) tls: TlsArguments,
    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    pub(crate) help: Option<bool>,
}

#[derive(Debug, Args)]
pub(crate) struct UiArguments {
    /// The address to listen on.
    #[arg(short = 'h', long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port to listen on; 0 takes a free one.
    #[arg(short, long, default_value_t = 8888)]
    pub(crate) port: u16,
    /// The path at which a proxy shows the page, such as `/features`.
    #[arg(long = "root_path", value_name = "PATH", default_value = "")]
    pub(crate) root_path: larder::RootPath,
    /// Origins whose pages may read what this server answers, such as `https://app.example.org`, with commas between.
    #[arg(long, value_name = "ORIGINS", env = "FEAST_UI_CORS_ALLOWED_ORIGINS", default_value = "")]
    pub(crate) cors_allowed_origins: larder::AllowedOrigins,
    #[command(flatten)]
    pub(crate) tls: TlsArguments,
    /// No effect: the page shows the registry as it is whenever it is asked.
    #[arg(short = 'r', long = "registry_ttl_sec", value_name = "SECONDS")]
    pub(crate) registry_ttl_seconds: Option<u64>,
    /// Print help.
    #[arg(long, action = clap::ArgAction::Help)]
    pub(crate) help: Option<bool>,
}

/// What a server shows to clients who speak TLS.
#[derive(Debug, Args)]
pub(crate) struct TlsArguments {
    /// Speak TLS with this private key, in PEM; needs `--cert`.
    #[arg(short, long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// The certificate of the key, in PEM, followed by those of its authorities.
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
}

impl TlsArguments {
    /// The certificate and its key, where there are some.
    pub(crate) fn certificate(&self) -> Result<Option<ServerCertificate>> {
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => Ok(Some(ServerCertificate::load(cert, key)?)),
            _ => Ok(None),
        }
    }

    pub(crate) fn door(&self) -> Result<DoorOptions> {
        Ok(DoorOptions { certificate: self.certificate()?, ..DoorOptions::default() })
    }
}

/// How often a server looks at the registry.
pub(crate) fn registry_refresh(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Listens on `host:port`; `flag` is what to choose another with.
pub(crate) async fn listen(address: &str, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| {
        format!(
            "cannot listen on {address}; choose another address with `{flag}`, with port 0 for a free one"
        )
    })
}

/// Listens on a port of a host; `flag` is what to choose another port with.
pub(crate) async fn listen_at(host: &str, port: u16, flag: &str) -> Result<TcpListener> {
    TcpListener::bind((host, port)).await.with_context(|| {
        format!("cannot listen on {host}:{port}; choose another port with `{flag}`, 0 for a free one")
    })
}
