//! People: their sealed names, their password and second factor, and the tries to sign in.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

/// A person's row. Name and address are sealed, the password is a hash.
#[derive(Clone)]
pub struct User {
    pub user_id: Uuid,
    pub email: Vec<u8>,
    pub name: Vec<u8>,
    pub password: String,
    pub totp: Option<Vec<u8>>,
    pub totp_step: i64,
    pub totp_pending: Option<Vec<u8>>,
    pub recovery: Vec<Vec<u8>>,
}

pub async fn get(db: &Db, user_id: Uuid) -> Result<Option<User>> {
    Ok(sqlx::query_as!(
        User,
        "SELECT user_id, email, name, password, totp, totp_step, totp_pending, recovery FROM app_user WHERE user_id = $1",
        user_id
    )
    .fetch_optional(&db.reads)
    .await?)
}

pub async fn by_email(db: &Db, email_hash: &[u8]) -> Result<Option<User>> {
    Ok(sqlx::query_as!(
        User,
        "SELECT user_id, email, name, password, totp, totp_step, totp_pending, recovery FROM app_user
         WHERE email_hash = $1",
        email_hash
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// The person whose open link has this hash.
pub async fn by_reset(db: &Db, hash: &[u8], now: DateTime<Utc>) -> Result<Option<Uuid>> {
    Ok(sqlx::query_scalar!("SELECT user_id FROM app_user WHERE reset_hash = $1 AND reset_until > $2", hash, now)
        .fetch_optional(&db.reads)
        .await?)
}

/// A person to write down.
pub struct NewUser<'a> {
    pub user_id: Uuid,
    pub email: &'a [u8],
    pub email_hash: &'a [u8],
    pub name: &'a [u8],
    pub password: &'a str,
}

/// `false` where the address is taken.
pub async fn insert(tx: &mut Tx, user: &NewUser<'_>, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO app_user (user_id, email, email_hash, name, password, password_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (email_hash) DO NOTHING",
        user.user_id,
        user.email,
        user.email_hash,
        user.name,
        user.password,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Sets the password, and ends the link that may have led to it.
pub async fn set_password(tx: &mut Tx, user_id: Uuid, password: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE app_user SET password = $2, password_at = $3, reset_hash = NULL, reset_until = NULL WHERE user_id = $1",
        user_id,
        password,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Makes `hash` the one link by which the person may set a new password.
pub async fn set_reset(tx: &mut Tx, user_id: Uuid, hash: &[u8], until: DateTime<Utc>) -> Result<()> {
    sqlx::query!("UPDATE app_user SET reset_hash = $2, reset_until = $3 WHERE user_id = $1", user_id, hash, until)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Uses the link; `false` where it was used or ran out meanwhile.
pub async fn use_reset(tx: &mut Tx, user_id: Uuid, hash: &[u8], now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE app_user SET reset_hash = NULL, reset_until = NULL
         WHERE user_id = $1 AND reset_hash = $2 AND reset_until > $3",
        user_id,
        hash,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps a secret that is shown and not confirmed yet.
pub async fn set_pending(tx: &mut Tx, user_id: Uuid, secret: &[u8]) -> Result<()> {
    sqlx::query!("UPDATE app_user SET totp_pending = $2 WHERE user_id = $1", user_id, secret)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Makes the pending secret the second factor; `false` where it is another one by now.
pub async fn confirm_totp(tx: &mut Tx, user_id: Uuid, secret: &[u8], step: i64, recovery: &[Vec<u8>]) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE app_user SET totp = $2, totp_pending = NULL, totp_step = $3, recovery = $4
         WHERE user_id = $1 AND totp_pending = $5",
        user_id,
        secret,
        step,
        recovery,
        secret,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the second factor away.
pub async fn clear_totp(tx: &mut Tx, user_id: Uuid) -> Result<()> {
    sqlx::query!("UPDATE app_user SET totp = NULL, totp_pending = NULL, recovery = '{}' WHERE user_id = $1", user_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes a code's step; `false` where this one or a later one was taken already.
pub async fn take_step(tx: &mut Tx, user_id: Uuid, step: i64) -> Result<bool> {
    let done = sqlx::query!("UPDATE app_user SET totp_step = $2 WHERE user_id = $1 AND totp_step < $2", user_id, step)
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses a recovery code up; `false` where it is none of those left.
pub async fn take_recovery(tx: &mut Tx, user_id: Uuid, hash: &[u8]) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE app_user SET recovery = array_remove(recovery, $2) WHERE user_id = $1 AND $2 = ANY (recovery)",
        user_id,
        hash,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts a try; answers how many there were with it, or `None` where it is too early for one.
pub async fn count_try(
    tx: &mut Tx,
    kind: &str,
    lookup: &[u8],
    forgotten_before: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Option<i32>> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO sign_in_attempt AS a (kind, lookup, tries, last_at, blocked_until) VALUES ($1, $2, 1, $4, $4)
         ON CONFLICT (kind, lookup) DO UPDATE
            SET tries = CASE WHEN a.last_at < $3 THEN 1 ELSE a.tries + 1 END, last_at = $4
            WHERE a.blocked_until <= $4
         RETURNING tries",
        kind,
        lookup,
        forgotten_before,
        now,
    )
    .fetch_optional(tx.conn())
    .await?)
}

/// Lets no further try count before `until`.
pub async fn block_tries(tx: &mut Tx, kind: &str, lookup: &[u8], until: DateTime<Utc>) -> Result<()> {
    sqlx::query!("UPDATE sign_in_attempt SET blocked_until = $3 WHERE kind = $1 AND lookup = $2", kind, lookup, until)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Until when tries are blocked, if they are.
pub async fn blocked_until(db: &Db, kind: &str, lookup: &[u8]) -> Result<Option<DateTime<Utc>>> {
    Ok(sqlx::query_scalar!("SELECT blocked_until FROM sign_in_attempt WHERE kind = $1 AND lookup = $2", kind, lookup)
        .fetch_optional(&db.reads)
        .await?)
}

/// Forgets the tries of an account: it was signed in to.
pub async fn forget_tries(tx: &mut Tx, kind: &str, lookup: &[u8]) -> Result<()> {
    sqlx::query!("DELETE FROM sign_in_attempt WHERE kind = $1 AND lookup = $2", kind, lookup)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// Takes back one try of an address: it was no failure. Others from there keep counting.
pub async fn uncount_try(tx: &mut Tx, kind: &str, lookup: &[u8]) -> Result<()> {
    sqlx::query!(
        "UPDATE sign_in_attempt SET tries = greatest(tries - 1, 0) WHERE kind = $1 AND lookup = $2",
        kind,
        lookup
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Forgets tries whose time is long over.
pub async fn sweep_tries(tx: &mut Tx, before: DateTime<Utc>) -> Result<()> {
    sqlx::query!("DELETE FROM sign_in_attempt WHERE last_at < $1 AND blocked_until < $1", before)
        .execute(tx.conn())
        .await?;
    Ok(())
}
