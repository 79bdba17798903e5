//! Who works for which client, as what; and invitations to.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx};

/// A person of a client. Name and address are sealed.
#[derive(Clone)]
pub struct Member {
    pub user_id: Uuid,
    pub email: Vec<u8>,
    pub name: Vec<u8>,
    pub role: String,
    pub second_factor: bool,
    /// How many keys belong to the person that are not revoked, of both modes.
    pub keys: i64,
    pub created_at: DateTime<Utc>,
}

/// Everybody who works for a client, in the order they came.
pub async fn of_client(db: &Db, client_id: Uuid) -> Result<Vec<Member>> {
    Ok(sqlx::query_as!(
        Member,
        r#"SELECT m.user_id, u.email, u.name, m.role, u.totp IS NOT NULL AS "second_factor!", m.created_at,
            (SELECT count(*) FROM api_key k
             WHERE k.client_id = m.client_id AND k.user_id = m.user_id AND k.revoked_at IS NULL) AS "keys!"
         FROM membership m JOIN app_user u ON u.user_id = m.user_id
         WHERE m.client_id = $1 ORDER BY m.created_at, m.user_id"#,
        client_id
    )
    .fetch_all(&db.reads)
    .await?)
}

/// A client that somebody works for.
#[derive(Clone, Debug)]
pub struct Employer {
    pub client_id: Uuid,
    pub name: String,
    pub role: String,
}

/// Every open client that a person works for, by name.
pub async fn of_user(db: &Db, user_id: Uuid) -> Result<Vec<Employer>> {
    Ok(sqlx::query_as!(
        Employer,
        "SELECT c.client_id, c.name, m.role FROM membership m JOIN client c ON c.client_id = m.client_id
         WHERE m.user_id = $1 AND c.status = 'ACTIVE' ORDER BY c.name, c.client_id",
        user_id
    )
    .fetch_all(&db.reads)
    .await?)
}

/// What a person is for a client.
pub async fn role(db: &Db, client_id: Uuid, user_id: Uuid) -> Result<Option<String>> {
    Ok(sqlx::query_scalar!("SELECT role FROM membership WHERE client_id = $1 AND user_id = $2", client_id, user_id)
        .fetch_optional(&db.reads)
        .await?)
}

/// Locks a client's people until the transaction ends, and answers them: who decides by who is there decides alone.
pub async fn lock(tx: &mut Tx, client_id: Uuid) -> Result<Vec<(Uuid, String)>> {
    // The client's row first: it orders those who would otherwise add and remove past each other.
    sqlx::query!("SELECT client_id FROM client WHERE client_id = $1 FOR NO KEY UPDATE", client_id)
        .fetch_optional(tx.conn())
        .await?;
    let rows = sqlx::query!("SELECT user_id, role FROM membership WHERE client_id = $1", client_id)
        .fetch_all(tx.conn())
        .await?;
    Ok(rows.into_iter().map(|row| (row.user_id, row.role)).collect())
}

/// `false` where the person works there already.
pub async fn insert(tx: &mut Tx, client_id: Uuid, user_id: Uuid, role: &str, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO membership (client_id, user_id, role, created_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (client_id, user_id) DO NOTHING",
        client_id,
        user_id,
        role,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

pub async fn set_role(tx: &mut Tx, client_id: Uuid, user_id: Uuid, role: &str) -> Result<()> {
    sqlx::query!("UPDATE membership SET role = $3 WHERE client_id = $1 AND user_id = $2", client_id, user_id, role)
        .execute(tx.conn())
        .await?;
    Ok(())
}

pub async fn remove(tx: &mut Tx, client_id: Uuid, user_id: Uuid) -> Result<()> {
    sqlx::query!("DELETE FROM membership WHERE client_id = $1 AND user_id = $2", client_id, user_id)
        .execute(tx.conn())
        .await?;
    Ok(())
}

/// An invitation. The address is sealed.
#[derive(Clone)]
pub struct Invitation {
    pub client_id: Uuid,
    pub id: Uuid,
    pub email: Vec<u8>,
    pub email_hash: Vec<u8>,
    pub role: String,
    pub invited_by: String,
    pub client: String,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
}

/// The open invitation whose token has this hash.
pub async fn invitation_by_token(db: &Db, hash: &[u8], now: DateTime<Utc>) -> Result<Option<Invitation>> {
    Ok(sqlx::query_as!(
        Invitation,
        "SELECT i.client_id, i.id, i.email, i.email_hash, i.role, i.invited_by, c.name AS client, i.created_at,
            i.expires_at
         FROM route r JOIN invitation i ON i.client_id = r.client_id AND i.id = r.target
            JOIN client c ON c.client_id = r.client_id AND c.status = 'ACTIVE'
         WHERE r.kind = 'invitation' AND r.lookup = $1 AND i.ended_at IS NULL AND i.expires_at > $2",
        hash,
        now,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// The open invitations of a client, oldest first; those that ran out too.
pub async fn invitations(db: &Db, client_id: Uuid) -> Result<Vec<Invitation>> {
    Ok(sqlx::query_as!(
        Invitation,
        "SELECT i.client_id, i.id, i.email, i.email_hash, i.role, i.invited_by, c.name AS client, i.created_at,
            i.expires_at
         FROM invitation i JOIN client c ON c.client_id = i.client_id
         WHERE i.client_id = $1 AND i.ended_at IS NULL ORDER BY i.id",
        client_id,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Whom an invitation of a client was made for, open or ended: the sealed address.
pub async fn invited(db: &Db, client_id: Uuid, id: Uuid) -> Result<Option<Vec<u8>>> {
    Ok(sqlx::query_scalar!("SELECT email FROM invitation WHERE client_id = $1 AND id = $2", client_id, id)
        .fetch_optional(&db.reads)
        .await?)
}

/// An invitation to write down.
pub struct NewInvitation<'a> {
    pub client_id: Uuid,
    pub id: Uuid,
    pub email: &'a [u8],
    pub email_hash: &'a [u8],
    pub role: &'a str,
    pub invited_by: &'a str,
    pub token_hash: &'a [u8],
    pub expires_at: DateTime<Utc>,
}

/// Writes an invitation and its route; an open one to the same address ends first, by [`end_invitations_to`].
pub async fn insert_invitation(tx: &mut Tx, new: &NewInvitation<'_>, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "WITH routed AS (
            INSERT INTO route (kind, lookup, client_id, target) VALUES ('invitation', $7, $1, $2)
        )
        INSERT INTO invitation (client_id, id, email, email_hash, role, invited_by, created_at, expires_at)
        VALUES ($1, $2, $3, $4, $5, $6, $8, $9)",
        new.client_id,
        new.id,
        new.email,
        new.email_hash,
        new.role,
        new.invited_by,
        new.token_hash,
        now,
        new.expires_at,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends the open invitation to an address, if there is one.
pub async fn end_invitations_to(tx: &mut Tx, client_id: Uuid, email_hash: &[u8], now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE invitation SET ended_at = $3 WHERE client_id = $1 AND email_hash = $2 AND ended_at IS NULL",
        client_id,
        email_hash,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Ends an invitation; `false` where there is none, or it ended before.
pub async fn end_invitation(tx: &mut Tx, client_id: Uuid, id: Uuid, now: DateTime<Utc>) -> Result<bool> {
    let done = sqlx::query!(
        "UPDATE invitation SET ended_at = $3 WHERE client_id = $1 AND id = $2 AND ended_at IS NULL",
        client_id,
        id,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends the open invitations that somebody made.
pub async fn end_invitations_by(tx: &mut Tx, client_id: Uuid, maker: &str, now: DateTime<Utc>) -> Result<()> {
    sqlx::query!(
        "UPDATE invitation SET ended_at = $3 WHERE client_id = $1 AND invited_by = $2 AND ended_at IS NULL",
        client_id,
        maker,
        now,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
