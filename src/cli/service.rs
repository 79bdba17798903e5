//! Putting the service together: database, keys, workers, listeners; and taking it apart again in order.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::keyring;
use crate::app::{App, Parts};
use crate::clock::Clock;
use crate::config::Config;
use crate::console;
use crate::crash;
use crate::crypto::envelope::Keyring;
use crate::devdb::{self, DevDb};
use crate::http;
use crate::outbound::{Outbound, OutboundLimits};
use crate::store::{Db, DbOptions};
use crate::telemetry;
use crate::workers::Workers;

/// The database a command works on: the configured one, or the private Postgres it started or joined.
pub struct Database {
    private: Option<DevDb>,
    /// The configuration, with the address filled in.
    pub config: Config,
}

impl Database {
    /// Finds or starts the database. Blocks; call it from the main thread, before the runtime.
    pub fn open(mut config: Config) -> anyhow::Result<Self> {
        if !config.database.url.expose_secret().is_empty() {
            let dir = (!config.data.dir.is_empty()).then(|| PathBuf::from(&config.data.dir));
            keep_documents_in(&mut config, dir.as_deref());
            return Ok(Database { private: None, config });
        }
        anyhow::ensure!(
            !config.server.production,
            "server.production needs a database of its own: set DATABASE_URL. The private Postgres is for trying out."
        );
        let dir = (!config.data.dir.is_empty()).then(|| config.data.dir.clone().into());
        let db = DevDb::start_or_join(&devdb::Options { dir, ..devdb::Options::default() })?;
        config.database.url = db.url().into();
        keep_documents_in(&mut config, Some(db.dir()));
        Ok(Database { private: Some(db), config })
    }

    /// The same server and keys with another configuration, which names another database on it.
    pub fn beside(&self, config: Config) -> anyhow::Result<Beside> {
        let keys = keyring::load(&self.config.keys, self.dir())?;
        Ok(Beside { database: Database { private: None, config }, keys })
    }

    /// The folder of the private Postgres, where other private things may live too.
    pub fn dir(&self) -> Option<&Path> {
        self.private.as_ref().map(DevDb::dir)
    }

    /// Opens the pools and brings the schema to this version.
    pub async fn connect(&self) -> anyhow::Result<Db> {
        let options = &self.config.database;
        let db = Db::open(&DbOptions {
            url: options.url.clone(),
            connections: options.connections,
            acquire_timeout: Duration::from_millis(options.acquire_timeout_ms),
            statement_timeout: Duration::from_millis(options.statement_timeout_ms),
        })?;
        db.migrate().await.with_context(|| {
            let hint = match self.dir() {
                // Until the first release migrations are rewritten in place.
                Some(dir) => format!(" (a private one from an older build: remove {} and start anew)", dir.display()),
                None => String::new(),
            };
            format!("the database could not be brought to this version's schema{hint}")
        })?;
        Ok(db)
    }

    /// The parts of an [`App`] on this database.
    pub async fn parts(&self) -> anyhow::Result<Parts> {
        self.parts_with(keyring::load(&self.config.keys, self.dir())?).await
    }

    async fn parts_with(&self, keys: Keyring) -> anyhow::Result<Parts> {
        let config = self.config.clone();
        let webhooks = &config.webhooks;
        let limits = OutboundLimits {
            allow_http: webhooks.allow_http,
            allow_private: webhooks.allow_private,
            ..OutboundLimits::default()
        };
        Ok(Parts { db: self.connect().await?, clock: Clock::system(), outbound: Outbound::new(limits)?, keys, config })
    }

    /// Stops the private Postgres, if this process started it.
    pub fn close(self) -> anyhow::Result<()> {
        self.private.map_or(Ok(()), DevDb::stop)
    }
}

/// Documents are kept in the data folder where no other place is given.
fn keep_documents_in(config: &mut Config, dir: Option<&Path>) {
    if let Some(dir) = dir.filter(|_| config.documents.folder.is_empty() && config.documents.s3_bucket.is_empty()) {
        config.documents.folder = dir.join("documents").to_string_lossy().into_owned();
    }
}

/// Another database on the same server.
pub struct Beside {
    database: Database,
    keys: Keyring,
}

impl Beside {
    /// The parts of an [`App`] on it.
    pub async fn parts(self) -> anyhow::Result<Parts> {
        self.database.parts_with(self.keys).await
    }
}

/// The running service.
pub struct Service {
    pub app: Arc<App>,
    /// How to reach it.
    pub url: String,
    workers: Workers,
    stop_http: oneshot::Sender<()>,
    http: tokio::task::JoinHandle<std::io::Result<()>>,
    metrics: Option<tokio::task::JoinHandle<()>>,
}

impl Service {
    /// Starts workers and listener. `listener` is bound already, so that its address is known.
    pub async fn start(mut parts: Parts, listener: TcpListener) -> anyhow::Result<Self> {
        let address = listener.local_addr()?;
        if parts.config.server.public_url.is_empty() {
            // Where a port was drawn, links must name that one.
            parts.config.server.listen = address;
        }
        let (app, inboxes) = App::new(parts)?;
        let workers = Workers::start(&app, inboxes);
        let (stop_http, stopped) = oneshot::channel::<()>();
        let routes = http::router(app.clone()).merge(console::router(app.clone()));
        let serving = http::serve(routes, listener, async {
            let _ = stopped.await;
        });
        let http = tokio::spawn(serving);
        Ok(Service { app, url: format!("http://{address}"), workers, stop_http, http, metrics: None })
    }

    /// Serves `/metrics` on a listener of its own.
    pub async fn expose_metrics(&mut self, handle: PrometheusHandle) -> anyhow::Result<()> {
        let address = self.app.config.server.metrics_listen.clone();
        if address.is_empty() {
            return Ok(());
        }
        let listener =
            TcpListener::bind(&address).await.with_context(|| format!("cannot listen on {address} for metrics"))?;
        let routes = axum::Router::new().route("/metrics", axum::routing::get(async move || handle.render()));
        self.metrics = Some(tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, routes).await {
                tracing::error!(%error, "the metrics listener ended");
            }
        }));
        Ok(())
    }

    /// Finishes requests, calls and deliveries in hand, then stops.
    pub async fn stop(self) {
        let patience = Duration::from_secs(self.app.config.server.drain_timeout_s);
        let _ = self.stop_http.send(());
        if tokio::time::timeout(patience, self.http).await.is_err() {
            tracing::warn!("requests in hand took too long");
        }
        self.workers.stop(patience).await;
        if let Some(metrics) = self.metrics {
            metrics.abort();
        }
        self.app.db.close().await;
    }
}

/// Refuses to serve real money on a database that could forget it. Asked before any worker runs: a process that must
/// not serve must not send either.
async fn check_durability(parts: &Parts) -> anyhow::Result<()> {
    anyhow::ensure!(parts.config.schedule.speed == 1.0, "server.production needs schedule.speed = 1");
    for (name, bad) in [("fsync", "off"), ("synchronous_commit", "off"), ("full_page_writes", "off")] {
        let value = parts.db.server_setting(name).await?;
        anyhow::ensure!(value != bad, "the database has {name} = {value}: what is acknowledged could be lost");
    }
    Ok(())
}

/// Refuses to serve real people's data with settings by which others could read along.
fn check_privacy(config: &Config) -> anyhow::Result<()> {
    let found = config.unsealed();
    anyhow::ensure!(found.is_empty(), "server.production keeps data of people off open lines: {}", found.join("; "));
    Ok(())
}

/// `paystrator serve`: until Ctrl-C or SIGTERM.
pub fn serve(config: Config) -> anyhow::Result<()> {
    crash::arm(config.server.production)?;
    if config.server.production {
        check_privacy(&config)?;
    }
    let database = Database::open(config)?;
    let result = super::runtime(&database.config)?.block_on(async {
        let parts = database.parts().await?;
        if parts.config.server.production {
            check_durability(&parts).await?;
        }
        let listen = parts.config.server.listen;
        let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
        let metrics = telemetry::init_metrics()?;
        let mut service = Service::start(parts, listener).await?;
        service.expose_metrics(metrics).await?;
        if let Some(dir) = database.dir() {
            eprintln!("private Postgres in {}", dir.display());
        }
        eprintln!("serving on {0} (console at {0}/console/, reference at {0}/docs); Ctrl-C stops", service.url);
        interrupted().await?;
        eprintln!("finishing work in hand");
        service.stop().await;
        Ok(())
    });
    database.close()?;
    result
}

/// Waits for Ctrl-C or SIGTERM.
pub async fn interrupted() -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
