//! Onboardings, the conversation about each, and the work they wait for.
//!
//! Who changes one holds its row first ([`hold`]) and writes it back as a whole ([`update`]).

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx, known};
use crate::domain::onboarding::Status;
use crate::domain::service::Mode;

/// The index that keeps one at a time for each provider.
pub const RUNNING: &str = "onboarding_running";

/// What is to be done next by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Task {
    /// Bring the file there.
    File,
    /// Ask how it stands.
    Ask,
}

impl Task {
    fn as_str(self) -> &'static str {
        match self {
            Task::File => "file",
            Task::Ask => "ask",
        }
    }

    fn parse(text: &str) -> Option<Task> {
        [Task::File, Task::Ask].into_iter().find(|task| task.as_str() == text)
    }
}

/// Who is at one, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    pub id: Uuid,
    pub until: DateTime<Utc>,
}

/// An onboarding as it is kept. What is sealed is sealed under the key of the client's KYB file.
#[derive(Clone, Debug)]
pub struct Row {
    pub client_id: Uuid,
    pub id: Uuid,
    pub batch_id: Uuid,
    pub mode: Mode,
    /// The provider's code.
    pub target: String,
    pub status: Status,
    pub status_at: DateTime<Utc>,
    /// Rises with every change that is told.
    pub version: i32,
    /// Submissions so far.
    pub round: i32,
    pub file_version: i32,
    pub base_version: i32,
    pub seen_version: Option<i32>,
    pub changed: Vec<String>,
    pub details: Vec<u8>,
    /// The leave to read its documents.
    pub grant_id: Uuid,
    pub progress: Vec<u8>,
    pub provider_data: Option<Vec<u8>>,
    pub provider_data_at: Option<DateTime<Utc>>,
    pub connection_id: Option<Uuid>,
    /// With when.
    pub task: Option<(Task, DateTime<Utc>)>,
    pub lease: Option<Lease>,
    pub tries: i32,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
    pub updated_at: DateTime<Utc>,
}

struct Kept {
    client_id: Uuid,
    id: Uuid,
    batch_id: Uuid,
    mode: String,
    target: String,
    status: String,
    status_at: DateTime<Utc>,
    version: i32,
    round: i32,
    file_version: i32,
    base_version: i32,
    seen_version: Option<i32>,
    changed: Vec<String>,
    details: Vec<u8>,
    grant_id: Uuid,
    progress: Vec<u8>,
    provider_data: Option<Vec<u8>>,
    provider_data_at: Option<DateTime<Utc>>,
    connection_id: Option<Uuid>,
    task: Option<String>,
    next_try_at: Option<DateTime<Utc>>,
    lease: Option<Uuid>,
    leased_until: Option<DateTime<Utc>>,
    tries: i32,
    created_at: DateTime<Utc>,
    created_by: String,
    updated_at: DateTime<Utc>,
}

impl Kept {
    fn row(self) -> Result<Row> {
        let id = self.id;
        let task = self.task.map(|task| known("onboarding.task", id, task, Task::parse)).transpose()?;
        Ok(Row {
            client_id: self.client_id,
            id,
            batch_id: self.batch_id,
            mode: known("onboarding.mode", id, self.mode, Mode::parse)?,
            target: self.target,
            status: known("onboarding.status", id, self.status, Status::parse)?,
            status_at: self.status_at,
            version: self.version,
            round: self.round,
            file_version: self.file_version,
            base_version: self.base_version,
            seen_version: self.seen_version,
            changed: self.changed,
            details: self.details,
            grant_id: self.grant_id,
            progress: self.progress,
            provider_data: self.provider_data,
            provider_data_at: self.provider_data_at,
            connection_id: self.connection_id,
            task: task.zip(self.next_try_at),
            lease: self.lease.zip(self.leased_until).map(|(id, until)| Lease { id, until }),
            tries: self.tries,
            created_at: self.created_at,
            created_by: self.created_by,
            updated_at: self.updated_at,
        })
    }
}

/// Writes a new one with the route that leads to it by its id alone. Where one runs at this provider already the error
/// violates [`RUNNING`].
pub async fn insert(tx: &mut Tx, row: &Row) -> Result<()> {
    sqlx::query!(
        "WITH routed AS (
            INSERT INTO route (kind, lookup, client_id, target) VALUES ('onboarding', uuid_send($2), $1, $2)
        )
        INSERT INTO onboarding (client_id, id, batch_id, mode, target, status, status_at, file_version, base_version,
            changed, details, grant_id, progress, task, next_try_at, created_at, created_by, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14, $7, $15, $7)",
        row.client_id,
        row.id,
        row.batch_id,
        row.mode.as_str(),
        row.target,
        row.status.as_str(),
        row.created_at,
        row.file_version,
        &row.changed,
        row.details,
        row.grant_id,
        row.progress,
        row.task.map(|(task, _)| task.as_str()),
        row.task.map(|(_, at)| at),
        row.created_by,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// One of a client's.
pub async fn get(db: &Db, client_id: Uuid, id: Uuid) -> Result<Option<Row>> {
    let found = sqlx::query_as!(Kept, "SELECT * FROM onboarding WHERE client_id = $1 AND id = $2", client_id, id)
        .fetch_optional(&db.reads)
        .await?;
    found.map(Kept::row).transpose()
}

/// The same, held: nobody else changes it before the transaction ends.
pub async fn hold(tx: &mut Tx, client_id: Uuid, id: Uuid) -> Result<Option<Row>> {
    let sql =
        sqlx::query_as!(Kept, "SELECT * FROM onboarding WHERE client_id = $1 AND id = $2 FOR UPDATE", client_id, id);
    sql.fetch_optional(tx.conn()).await?.map(Kept::row).transpose()
}

/// Those of a client, held, that carried a version in which this person stands.
pub async fn hold_of_person(tx: &mut Tx, client_id: Uuid, person_id: Uuid) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Kept,
        "SELECT o.* FROM onboarding o WHERE o.client_id = $1 AND EXISTS (SELECT FROM onboarding_line l
            JOIN kyb_person p ON p.client_id = l.client_id AND p.version = l.file_version
            WHERE l.client_id = o.client_id AND l.onboarding_id = o.id AND p.person_id = $2)
         ORDER BY o.id FOR UPDATE OF o",
        client_id,
        person_id,
    );
    rows.fetch_all(tx.conn()).await?.into_iter().map(Kept::row).collect()
}

/// A page of a client's in one mode, newest first, before the one `before` names.
pub async fn list(db: &Db, client_id: Uuid, mode: &str, before: Option<Uuid>, limit: i64) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Kept,
        "SELECT * FROM onboarding WHERE client_id = $1 AND mode = $2 AND ($3::uuid IS NULL OR id < $3)
         ORDER BY id DESC LIMIT $4",
        client_id,
        mode,
        before,
        limit,
    );
    rows.fetch_all(&db.reads).await?.into_iter().map(Kept::row).collect()
}

/// Those that one call began, in its order.
pub async fn of_batch(db: &Db, client_id: Uuid, batch_id: Uuid) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Kept,
        "SELECT * FROM onboarding WHERE client_id = $1 AND batch_id = $2 ORDER BY id",
        client_id,
        batch_id,
    );
    rows.fetch_all(&db.reads).await?.into_iter().map(Kept::row).collect()
}

/// The one that runs at each of these providers, if one does: provider and id.
pub async fn running(db: &Db, client_id: Uuid, mode: &str, targets: &[String]) -> Result<Vec<(String, Uuid)>> {
    let rows = sqlx::query!(
        "SELECT target, id FROM onboarding WHERE client_id = $1 AND mode = $2 AND target = ANY ($3)
            AND status NOT IN ('rejected', 'connected', 'withdrawn') ORDER BY target",
        client_id,
        mode,
        targets,
    )
    .fetch_all(&db.reads)
    .await?;
    Ok(rows.into_iter().map(|row| (row.target, row.id)).collect())
}

/// Whose onboarding an id is.
pub async fn client_of(db: &Db, id: Uuid) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar!("SELECT client_id FROM route WHERE kind = 'onboarding' AND lookup = uuid_send($1)", id)
        .fetch_optional(&db.reads)
        .await?)
}

/// Writes all of one back that can change, as it shall stand; its row is held.
pub async fn update(tx: &mut Tx, row: &Row, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE onboarding SET status = $3, status_at = $4, version = $5, round = $6, file_version = $7,
            base_version = $8, seen_version = $9, changed = $10, details = $11, grant_id = $12, progress = $13,
            provider_data = $14, provider_data_at = $15, connection_id = $16, task = $17, next_try_at = $18,
            lease = $19, leased_until = $20, tries = $21, updated_at = $22
         WHERE client_id = $1 AND id = $2",
        row.client_id,
        row.id,
        row.status.as_str(),
        row.status_at,
        row.version,
        row.round,
        row.file_version,
        row.base_version,
        row.seen_version,
        &row.changed,
        row.details,
        row.grant_id,
        row.progress,
        row.provider_data,
        row.provider_data_at,
        row.connection_id,
        row.task.map(|(task, _)| task.as_str()),
        row.task.map(|(_, at)| at),
        row.lease.map(|lease| lease.id),
        row.lease.map(|lease| lease.until),
        row.tries,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Claims work that is due at one provider, until `until`; never what is `held` by the caller.
pub async fn claim(
    tx: &mut Tx,
    target: &str,
    held: &[Uuid],
    limit: i64,
    until: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Row>> {
    let rows = sqlx::query_as!(
        Kept,
        "WITH due AS (
            SELECT client_id, id FROM onboarding
            WHERE target = $1 AND task IS NOT NULL AND next_try_at <= $2
                AND (leased_until IS NULL OR leased_until <= $2) AND id <> ALL ($5)
            ORDER BY next_try_at LIMIT $3
        )
        UPDATE onboarding o SET lease = gen_random_uuid(), leased_until = $4
        FROM due WHERE o.client_id = due.client_id AND o.id = due.id
            AND o.task IS NOT NULL AND o.next_try_at <= $2 AND (o.leased_until IS NULL OR o.leased_until <= $2)
        RETURNING o.*",
        target,
        now,
        limit,
        until,
        held,
    );
    rows.fetch_all(tx.conn()).await?.into_iter().map(Kept::row).collect()
}

/// Keeps what a step leaves for the next one, and the lease for longer. `false` where it is lost, or the client has
/// submitted anew or ended it.
pub async fn keep_progress(tx: &mut Tx, row: &Row, lease: Lease, progress: &[u8]) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE onboarding SET progress = $5, leased_until = $6
         WHERE client_id = $1 AND id = $2 AND lease = $3 AND round = $4 AND task IS NOT NULL",
        row.client_id,
        row.id,
        lease.id,
        row.round,
        progress,
        lease.until,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many stand where, and how many of them wait too long: undelivered since before `delivery`, or without a word
/// since before `provider`.
#[derive(Clone, Debug)]
pub struct Count {
    pub target: String,
    pub status: String,
    pub count: i64,
    pub stuck: i64,
}

/// Counts those that have not ended.
pub async fn counts(db: &Db, delivery: DateTime<Utc>, provider: DateTime<Utc>) -> Result<Vec<Count>> {
    Ok(sqlx::query_as!(
        Count,
        r#"SELECT target, status, count(*) AS "count!",
            count(*) FILTER (WHERE (status = 'submitted' AND (task IS NULL OR status_at <= $1))
                OR (status IN ('received', 'processing') AND status_at <= $2)) AS "stuck!"
         FROM onboarding WHERE status NOT IN ('rejected', 'connected', 'withdrawn') GROUP BY 1, 2"#,
        delivery,
        provider,
    )
    .fetch_all(&db.reads)
    .await?)
}
