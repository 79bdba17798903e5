//! The conversation about an onboarding, line by line. Its onboarding is held while a line is added.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Result, Tx, known};
use crate::domain::onboarding::Status;

/// What a line tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The client submitted a version of its file.
    Submitted,
    /// The provider answered for the file, or for a question of ours.
    Answered,
    /// The provider told a status by itself.
    Told,
    /// A try brought no usable answer.
    Failed,
    /// We stopped trying: the version cannot be sent any more.
    Halted,
    Withdrawn,
    /// The client's account was tested, and did not work.
    Tested,
    Connected,
}

impl Kind {
    const ALL: [Kind; 8] = [
        Kind::Submitted,
        Kind::Answered,
        Kind::Told,
        Kind::Failed,
        Kind::Halted,
        Kind::Withdrawn,
        Kind::Tested,
        Kind::Connected,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Submitted => "submitted",
            Kind::Answered => "answered",
            Kind::Told => "told",
            Kind::Failed => "failed",
            Kind::Halted => "halted",
            Kind::Withdrawn => "withdrawn",
            Kind::Tested => "tested",
            Kind::Connected => "connected",
        }
    }

    fn parse(text: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Where the provider stands in the place of a person.
pub const PROVIDER: &str = "provider";

/// A line to add.
pub struct New<'a> {
    pub kind: Kind,
    pub who: &'a str,
    pub status: Option<Status>,
    pub file_version: i32,
    pub changed: &'a [String],
    /// Sealed.
    pub remarks: Option<Vec<u8>>,
    pub note: Option<&'a str>,
}

impl<'a> New<'a> {
    /// A line about a version of the file that says no more than its kind and who.
    pub fn of(kind: Kind, who: &'a str, file_version: i32) -> Self {
        New { kind, who, status: None, file_version, changed: &[], remarks: None, note: None }
    }
}

/// Adds a line. The same failure again, right after itself, is counted up instead.
pub async fn add(tx: &mut Tx, client_id: Uuid, id: Uuid, new: &New<'_>, now: DateTime<Utc>) -> Result<()> {
    if new.kind == Kind::Failed {
        let same = sqlx::query!(
            "UPDATE onboarding_line SET times = times + 1, last_at = $5
             WHERE client_id = $1 AND onboarding_id = $2 AND kind = 'failed' AND file_version = $3
                AND note IS NOT DISTINCT FROM $4 AND seq = (SELECT max(l.seq) FROM onboarding_line l
                    WHERE l.client_id = $1 AND l.onboarding_id = $2)",
            client_id,
            id,
            new.file_version,
            new.note,
            now,
        )
        .execute(tx.conn())
        .await?;
        if same.rows_affected() == 1 {
            return Ok(());
        }
    }
    sqlx::query!(
        "INSERT INTO onboarding_line (client_id, onboarding_id, seq, at, last_at, kind, who, status, file_version,
            changed, remarks, note)
         SELECT $1, $2, COALESCE(max(seq), 0) + 1, $3, $3, $4, $5, $6, $7, $8, $9, $10
         FROM onboarding_line WHERE client_id = $1 AND onboarding_id = $2",
        client_id,
        id,
        now,
        new.kind.as_str(),
        new.who,
        new.status.map(Status::as_str),
        new.file_version,
        new.changed,
        new.remarks,
        new.note,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// A line as it is kept.
#[derive(Clone, Debug)]
pub struct Row {
    pub at: DateTime<Utc>,
    /// When it happened last, where it did so often.
    pub last_at: DateTime<Utc>,
    pub times: i32,
    pub kind: Kind,
    pub who: String,
    pub status: Option<Status>,
    pub file_version: i32,
    pub changed: Vec<String>,
    pub remarks: Option<Vec<u8>>,
    pub note: Option<String>,
}

/// The newest lines of the conversation, `limit` at most, in order.
pub async fn list(db: &Db, client_id: Uuid, id: Uuid, limit: i64) -> Result<Vec<Row>> {
    let rows = sqlx::query!(
        "SELECT at, last_at, times, kind, who, status, file_version, changed, remarks, note
         FROM onboarding_line WHERE client_id = $1 AND onboarding_id = $2 ORDER BY seq DESC LIMIT $3",
        client_id,
        id,
        limit,
    )
    .fetch_all(&db.reads)
    .await?;
    rows.into_iter()
        .rev()
        .map(|row| {
            let status = row.status.map(|status| known("onboarding_line.status", id, status, Status::parse));
            Ok(Row {
                at: row.at,
                last_at: row.last_at,
                times: row.times,
                kind: known("onboarding_line.kind", id, row.kind, Kind::parse)?,
                who: row.who,
                status: status.transpose()?,
                file_version: row.file_version,
                changed: row.changed,
                remarks: row.remarks,
                note: row.note,
            })
        })
        .collect()
}

/// How many lines are the provider's about one version of the file.
pub async fn said(tx: &mut Tx, client_id: Uuid, id: Uuid, file_version: i32) -> Result<i64> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM onboarding_line
         WHERE client_id = $1 AND onboarding_id = $2 AND file_version = $3 AND who = 'provider'"#,
        client_id,
        id,
        file_version,
    );
    Ok(count.fetch_one(tx.conn()).await?)
}

/// The provider's newest words under a status, sealed; `None` where it said none.
pub async fn last_remarks(tx: &mut Tx, client_id: Uuid, id: Uuid, status: Status) -> Result<Option<Vec<u8>>> {
    let found = sqlx::query_scalar!(
        "SELECT remarks FROM onboarding_line
         WHERE client_id = $1 AND onboarding_id = $2 AND status = $3 ORDER BY seq DESC LIMIT 1",
        client_id,
        id,
        status.as_str(),
    )
    .fetch_optional(tx.conn())
    .await?;
    Ok(found.flatten())
}

/// Takes away what providers said of every version in which this person stands.
pub async fn forget(tx: &mut Tx, client_id: Uuid, person_id: Uuid) -> Result<()> {
    sqlx::query!(
        "UPDATE onboarding_line l SET remarks = NULL
         WHERE l.client_id = $1 AND l.remarks IS NOT NULL AND EXISTS (SELECT FROM kyb_person p
            WHERE p.client_id = l.client_id AND p.version = l.file_version AND p.person_id = $2)",
        client_id,
        person_id,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}
