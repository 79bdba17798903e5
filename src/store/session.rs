//! Who is signed in. A session is found by the hash of its token; the token itself is nowhere.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

/// A session with the person's sealed name, and what that person is for the client worked for now.
#[derive(Clone)]
pub struct Session {
    pub token_hash: Vec<u8>,
    pub id: Uuid,
    pub user_id: Uuid,
    pub mode: String,
    pub stage: String,
    pub device: String,
    pub started_at: DateTime<Utc>,
    pub proved_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
    pub email: Vec<u8>,
    pub name: Vec<u8>,
    pub second_factor: bool,
    /// Only where the client is open and the person still works for it.
    pub client_id: Option<Uuid>,
    pub client: Option<String>,
    pub role: Option<String>,
    /// Since when the client holds its sending back, and why.
    pub paused_at: Option<DateTime<Utc>>,
    pub paused_reason: Option<String>,
    /// The same of who runs the installation, for all clients.
    pub all_paused: Option<serde_json::Value>,
}

/// The session of a token, however old.
pub async fn find(db: &Db, token_hash: &[u8]) -> Result<Option<Session>> {
    Ok(sqlx::query_as!(
        Session,
        r#"SELECT s.token_hash, s.id, s.user_id, s.mode, s.stage, s.device, s.started_at, s.proved_at, s.seen_at, u.email, u.name,
            u.totp IS NOT NULL AS "second_factor!", c.client_id AS "client_id?", c.name AS "client?", m.role AS "role?",
            c.paused_at AS "paused_at?", c.paused_reason AS "paused_reason?",
            (SELECT value FROM setting WHERE name = 'sending_paused') AS all_paused
         FROM session s JOIN app_user u ON u.user_id = s.user_id
            LEFT JOIN membership m ON m.client_id = s.client_id AND m.user_id = s.user_id
            LEFT JOIN client c ON c.client_id = m.client_id AND c.status = 'ACTIVE'
         WHERE s.token_hash = $1"#,
        token_hash
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// A session as its owner sees it in the list.
#[derive(Clone, Debug)]
pub struct Place {
    pub id: Uuid,
    pub device: String,
    pub started_at: DateTime<Utc>,
    pub seen_at: DateTime<Utc>,
}

/// The live sessions of a person, the last seen first.
pub async fn of_user(
    db: &Db,
    user_id: Uuid,
    started_after: DateTime<Utc>,
    seen_after: DateTime<Utc>,
) -> Result<Vec<Place>> {
    Ok(sqlx::query_as!(
        Place,
        "SELECT id, device, started_at, seen_at FROM session
         WHERE user_id = $1 AND stage = 'full' AND started_at > $2 AND seen_at > $3 ORDER BY seen_at DESC, id",
        user_id,
        started_after,
        seen_after,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// A session to write down.
pub struct NewSession<'a> {
    pub token_hash: &'a [u8],
    pub id: Uuid,
    pub user_id: Uuid,
    pub client_id: Option<Uuid>,
    pub mode: &'a str,
    pub stage: &'a str,
    pub device: &'a str,
    pub started_at: DateTime<Utc>,
    pub proved_at: DateTime<Utc>,
}

pub async fn insert(tx: &mut Tx, new: &NewSession<'_>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "INSERT INTO session (token_hash, id, user_id, client_id, mode, stage, device, started_at, proved_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $10, $9)",
        new.token_hash,
        new.id,
        new.user_id,
        new.client_id,
        new.mode,
        new.stage,
        new.device,
        new.started_at,
        now,
        new.proved_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Notes that a session was used.
pub async fn touch(tx: &mut Tx, token_hash: &[u8], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("UPDATE session SET seen_at = $2 WHERE token_hash = $1", token_hash, now).execute(tx.conn()).await?;
    Ok(())
}

/// Notes that the person proved who they are once more.
pub async fn set_proved(tx: &mut Tx, token_hash: &[u8], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!("UPDATE session SET proved_at = $2 WHERE token_hash = $1", token_hash, now).execute(tx.conn()).await?;
    Ok(())
}

pub async fn set_mode(tx: &mut Tx, token_hash: &[u8], mode: &str) -> Result<()> {
    sqlx::query!("UPDATE session SET mode = $2 WHERE token_hash = $1", token_hash, mode).execute(tx.conn()).await?;
    Ok(())
}

/// Ends one session by its token; `false` where it had ended before.
pub async fn end(tx: &mut Tx, token_hash: &[u8]) -> Result<bool> {
    let done = sqlx::query!("DELETE FROM session WHERE token_hash = $1", token_hash).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Ends one of a person's own sessions; `false` where there is none.
pub async fn end_one(tx: &mut Tx, user_id: Uuid, id: Uuid) -> Result<bool> {
    let done =
        sqlx::query!("DELETE FROM session WHERE user_id = $1 AND id = $2", user_id, id).execute(tx.conn()).await?;
    Ok(done.rows_affected() == 1)
}

/// Ends all sessions of a person.
pub async fn end_all(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    sqlx::query!("DELETE FROM session WHERE user_id = $1", user_id).execute(tx.conn()).await?;
    Ok(())
}

/// Ends the sessions in which a person works for a client.
pub async fn end_at(tx: &mut Tx, user_id: Uuid, client_id: Uuid) -> Result<()> {
    sqlx::query!("DELETE FROM session WHERE user_id = $1 AND client_id = $2", user_id, client_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Forgets sessions that ran out.
pub async fn sweep(tx: &mut Tx, started_before: DateTime<Utc>, seen_before: DateTime<Utc>) -> Result<()> {
    sqlx::query!("DELETE FROM session WHERE started_at < $1 OR seen_at < $2", started_before, seen_before)
        .execute(tx.conn())
        .await?;
    Ok(())
}
