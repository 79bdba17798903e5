//! The versions of a client's KYB file, and the people of each. Rows are added and never changed.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx, known};
use crate::domain::kyb::Role;

/// A version as it is kept.
#[derive(Clone, Debug)]
pub struct Row {
    pub version: i32,
    pub id: Uuid,
    pub key_id: Uuid,
    /// Sealed.
    pub company: Vec<u8>,
    pub changed: Vec<String>,
    pub saved_at: DateTime<Utc>,
    pub saved_by: String,
}

/// One version of a client's file, or the newest.
pub async fn get(db: &Db, client_id: Uuid, version: Option<i32>) -> Result<Option<Row>> {
    Ok(sqlx::query_as!(
        Row,
        "SELECT version, id, key_id, company, changed, saved_at, saved_by FROM kyb_version
         WHERE client_id = $1 AND ($2::integer IS NULL OR version = $2) ORDER BY version DESC LIMIT 1",
        client_id,
        version,
    )
    .fetch_optional(&db.reads)
    .await?)
}

/// A person of a version.
#[derive(Clone, Debug)]
pub struct PersonRow {
    pub role: Role,
    pub person_id: Uuid,
    pub id: Uuid,
    /// Sealed; `None` where the person had been erased before.
    pub data: Option<Vec<u8>>,
}

/// The people of a version, in their order.
pub async fn people(db: &Db, client_id: Uuid, version: i32) -> Result<Vec<PersonRow>> {
    let rows = sqlx::query!(
        "SELECT role, person_id, id, data FROM kyb_person WHERE client_id = $1 AND version = $2 ORDER BY place",
        client_id,
        version,
    )
    .fetch_all(&db.reads)
    .await?;
    let person = |role, person_id, id, data| {
        Ok(PersonRow { role: known("kyb_person.role", id, role, Role::parse)?, person_id, id, data })
    };
    rows.into_iter().map(|row| person(row.role, row.person_id, row.id, row.data)).collect()
}

/// Who saved a version, when, and what it changed.
#[derive(Clone, Debug)]
pub struct Saved {
    pub version: i32,
    pub changed: Vec<String>,
    pub saved_at: DateTime<Utc>,
    pub saved_by: String,
}

/// A page of the versions, newest first, before the version `before`.
pub async fn versions(db: &Db, client_id: Uuid, before: Option<i32>, limit: i64) -> Result<Vec<Saved>> {
    Ok(sqlx::query_as!(
        Saved,
        "SELECT version, changed, saved_at, saved_by FROM kyb_version
         WHERE client_id = $1 AND ($2::integer IS NULL OR version < $2) ORDER BY version DESC LIMIT $3",
        client_id,
        before,
        limit,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// Writes a version with its people and the documents it names, each with whose it is; says whether it was written: no
/// two changes make the same version.
pub async fn insert(
    tx: &mut Tx,
    client_id: Uuid,
    new: &Row,
    people: &[PersonRow],
    documents: &[(Uuid, Option<Uuid>)],
) -> Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO kyb_version (client_id, version, id, key_id, company, changed, saved_at, saved_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
        client_id,
        new.version,
        new.id,
        new.key_id,
        new.company,
        &new.changed,
        new.saved_at,
        new.saved_by,
    )
    .execute(tx.conn())
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "INSERT INTO kyb_person (client_id, version, place, role, person_id, id, data)
         SELECT $1, $2, i.place - 1, i.role, i.person_id, i.id, i.data
         FROM UNNEST($3::text[], $4::uuid[], $5::uuid[], $6::bytea[]) WITH ORDINALITY
            AS i(role, person_id, id, data, place)",
        client_id,
        new.version,
        &people.iter().map(|person| person.role.as_str().to_owned()).collect::<Vec<_>>(),
        &people.iter().map(|person| person.person_id).collect::<Vec<_>>(),
        &people.iter().map(|person| person.id).collect::<Vec<_>>(),
        &people.iter().map(|person| person.data.clone()).collect::<Vec<_>>() as &[Option<Vec<u8>>],
    )
    .execute(tx.conn())
    .await?;
    let (ids, owners): (Vec<Uuid>, Vec<Option<Uuid>>) = documents.iter().copied().unzip();
    sqlx::query!(
        "INSERT INTO kyb_document (client_id, version, document_id, person_id)
         SELECT $1, $2, i.document_id, i.person_id FROM UNNEST($3::uuid[], $4::uuid[]) AS i(document_id, person_id)",
        client_id,
        new.version,
        &ids,
        &owners as &[Option<Uuid>],
    )
    .execute(tx.conn())
    .await?;
    Ok(true)
}

/// A person of a client's file, in whatever version.
#[derive(Clone, Debug)]
pub struct Known {
    pub person_id: Uuid,
    pub created_at: DateTime<Utc>,
    pub destroyed_at: Option<DateTime<Utc>>,
    pub first_version: i32,
    pub last_version: i32,
    /// Of any version, by the words of the column.
    pub roles: Vec<String>,
}

/// Everybody who ever stood in a client's file, in the order in which they came.
pub async fn known_people(db: &Db, client_id: Uuid) -> Result<Vec<Known>> {
    Ok(sqlx::query_as!(
        Known,
        r#"SELECT k.id AS person_id, k.created_at, k.destroyed_at, min(p.version) AS "first_version!",
            max(p.version) AS "last_version!", array_agg(DISTINCT p.role ORDER BY p.role) AS "roles!"
         FROM data_key k JOIN kyb_person p ON p.client_id = k.client_id AND p.person_id = k.id
         WHERE k.client_id = $1 AND k.purpose = 'person' GROUP BY k.client_id, k.id ORDER BY k.id"#,
        client_id,
    )
    .fetch_all(&db.reads)
    .await?)
}

/// What is kept of one person in one version.
#[derive(Clone, Debug)]
pub struct Kept {
    pub version: i32,
    pub saved_at: DateTime<Utc>,
    pub saved_by: String,
    pub role: String,
    pub id: Uuid,
    pub data: Option<Vec<u8>>,
}

/// Everything that is kept of one person, oldest first.
pub async fn of_person(db: &Db, client_id: Uuid, person_id: Uuid) -> Result<Vec<Kept>> {
    Ok(sqlx::query_as!(
        Kept,
        "SELECT v.version, v.saved_at, v.saved_by, p.role, p.id, p.data
         FROM kyb_person p JOIN kyb_version v ON v.client_id = p.client_id AND v.version = p.version
         WHERE p.client_id = $1 AND p.person_id = $2 ORDER BY p.version, p.place",
        client_id,
        person_id,
    )
    .fetch_all(&db.reads)
    .await?)
}
