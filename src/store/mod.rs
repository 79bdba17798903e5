//! What is remembered: sqlx and nothing else. Plain functions, database handle first, client id second.
//!
//! Reads take a [`Db`]; writes take a [`Tx`], which only flows can make. No provider, no HTTP, no decision lives here:
//! a function says what the statement did (how many rows it touched, what it found) and no more.

pub mod accept;
pub mod access;
pub mod advance;
pub mod attempt;
pub mod audit;
pub mod callback;
pub mod client;
pub mod connection;
pub mod data_key;
pub mod delivery;
pub mod document;
pub mod doubt;
pub mod endpoint;
pub mod event;
pub mod exception;
pub mod fee;
pub mod grant;
pub mod idempotency;
pub mod kyb;
pub mod ledger;
pub mod membership;
pub mod monitoring;
pub mod onboarding;
pub mod onboarding_line;
pub mod payment;
pub mod provider_key;
pub mod removal;
pub mod rollup;
pub mod sealed;
pub mod sequence;
pub mod session;
pub mod status;
pub mod user;

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

/// The schema, compiled in.
pub static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("./migrations");

/// A fault of the database or of a row in it. What a caller may do about it is in the two questions below.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("the database is not available: {0}")]
    Unavailable(String),
    #[error("row {id} of {column} holds {value:?}, which this version does not know")]
    BadRow { column: &'static str, id: uuid::Uuid, value: String },
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The database could not be reached or did not answer in time: try again later.
    pub fn is_unavailable(&self) -> bool {
        match self {
            Error::Unavailable(_) => true,
            Error::Database(sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed | sqlx::Error::Io(_)) => true,
            // 57P0x: shutting down or starting; 53xxx: out of resources; 08xxx: connection; 57014: statement timeout.
            Error::Database(sqlx::Error::Database(error)) => error.code().is_some_and(|code| {
                code.starts_with("57P") || code.starts_with("53") || code.starts_with("08") || code == "57014"
            }),
            Error::Database(sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)) => true,
            _ => false,
        }
    }

    /// Whether the same request may well succeed in a moment: the database cannot be used now, or two changes met and
    /// this one was taken back.
    pub fn is_momentary(&self) -> bool {
        // 40P01: deadlock; 40001: a concurrent change.
        let met = |error: &dyn sqlx::error::DatabaseError| matches!(error.code().as_deref(), Some("40P01" | "40001"));
        self.is_unavailable() || matches!(self, Error::Database(sqlx::Error::Database(error)) if met(&**error))
    }

    /// The unique constraint that was violated, if one was.
    pub fn violated(&self) -> Option<&str> {
        match self {
            Error::Database(sqlx::Error::Database(error)) if error.is_unique_violation() => error.constraint(),
            _ => None,
        }
    }
}

/// How the database is connected to.
#[derive(Clone, Debug)]
pub struct DbOptions {
    pub url: SecretString,
    pub connections: u32,
    pub acquire_timeout: Duration,
    pub statement_timeout: Duration,
}

/// A handle for reading. Clones share the pools.
#[derive(Clone)]
pub struct Db {
    reads: PgPool,
    writers: PgPool,
}

/// Connections kept for the batch writers, so that no reader can starve them.
const WRITERS: u32 = 6;

impl Db {
    /// Opens the pools. Connections are made as they are needed: a database that is away is no error here.
    pub fn open(options: &DbOptions) -> Result<Self> {
        let connect: PgConnectOptions = options.url.expose_secret().parse().map_err(Error::Database)?;
        let timeout = options.statement_timeout.as_millis().to_string();
        // jit costs more than it gives on small statements; every time is an offset-carrying parameter.
        let connect = connect.application_name("paystrator").options([
            ("jit", "off"),
            ("timezone", "UTC"),
            ("statement_timeout", timeout.as_str()),
        ]);
        // A batch is a long statement: planned once for arrays of any length, it goes by the primary keys for good.
        let planned_once = connect.clone().options([("plan_cache_mode", "force_generic_plan")]);
        let pool = |connections: u32, connect: PgConnectOptions| {
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(options.acquire_timeout)
                .test_before_acquire(false)
                .max_lifetime(Duration::from_secs(1800))
                .connect_lazy_with(connect)
        };
        Ok(Db { reads: pool(options.connections, connect), writers: pool(WRITERS, planned_once) })
    }

    /// Brings the schema to this version.
    pub async fn migrate(&self) -> anyhow::Result<()> {
        Ok(MIGRATIONS.run(&self.writers).await?)
    }

    /// One round trip: the database answers, and the clock it has.
    pub async fn ping(&self) -> Result<chrono::DateTime<chrono::Utc>> {
        Ok(sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "at!""#).fetch_one(&self.reads).await?)
    }

    /// A durability setting of the server, such as `fsync`.
    pub async fn server_setting(&self, name: &str) -> Result<String> {
        Ok(sqlx::query_scalar!(r#"SELECT current_setting($1) AS "value!""#, name).fetch_one(&self.reads).await?)
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.reads.close().await;
        self.writers.close().await;
    }
}

/// The right to write. Implemented once, in flows, by a type that only flows can make.
pub trait MayWrite {}

/// A transaction, or a connection for one single statement that is a transaction by itself.
pub struct Tx(Inner);

enum Inner {
    Many(Transaction<'static, Postgres>),
    Single(PoolConnection<Postgres>),
}

impl Tx {
    /// Begins a transaction.
    pub async fn begin(db: &Db, _: &impl MayWrite) -> Result<Tx> {
        Ok(Tx(Inner::Many(db.reads.begin().await?)))
    }

    /// A writer's connection on which the next statement commits by itself.
    pub async fn single(db: &Db, _: &impl MayWrite) -> Result<Tx> {
        Ok(Tx(Inner::Single(db.writers.acquire().await?)))
    }

    /// Makes it durable. For a single statement this already happened.
    pub async fn commit(self) -> Result<()> {
        match self.0 {
            Inner::Many(transaction) => Ok(transaction.commit().await?),
            Inner::Single(_) => Ok(()),
        }
    }

    fn conn(&mut self) -> &mut PgConnection {
        match &mut self.0 {
            Inner::Many(transaction) => transaction,
            Inner::Single(connection) => connection,
        }
    }
}

/// Reads a text column into the enum it stands for.
fn known<T>(column: &'static str, id: uuid::Uuid, value: String, parse: fn(&str) -> Option<T>) -> Result<T> {
    match parse(&value) {
        Some(known) => Ok(known),
        None => Err(Error::BadRow { column, id, value }),
    }
}
