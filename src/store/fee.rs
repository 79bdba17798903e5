//! Fee plans: what each connection costs for each service, from when, and every version of it.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Db, Error, Result, Tx, known};
use crate::domain::fee::{DatedPlan, FeePlan, FeePlans};
use crate::domain::service::Service;

/// The plans of these connections that are in force at `now` or will be.
pub async fn current(db: &Db, client_id: Uuid, connections: &[Uuid], now: DateTime<Utc>) -> Result<FeePlans> {
    let rows = sqlx::query!(
        "SELECT f.connection_id, f.service, f.version, f.effective_from, f.plan FROM fee_plan f
         WHERE f.client_id = $1 AND f.connection_id = ANY ($2) AND f.effective_from >= COALESCE((
            SELECT max(g.effective_from) FROM fee_plan g
            WHERE g.client_id = $1 AND g.connection_id = f.connection_id AND g.service = f.service
                AND g.effective_from <= $3), '-infinity')",
        client_id,
        connections,
        now,
    )
    .fetch_all(&db.reads)
    .await?;
    let dated = rows.into_iter().map(|row| {
        Ok(DatedPlan {
            connection_id: row.connection_id,
            service: known("fee_plan.service", row.connection_id, row.service, Service::parse)?,
            version: row.version,
            effective_from: row.effective_from,
            plan: read(row.connection_id, row.plan)?,
        })
    });
    Ok(FeePlans(dated.collect::<Result<_>>()?))
}

/// One version, as its history shows it.
pub struct Version {
    pub service: String,
    pub version: i32,
    pub effective_from: DateTime<Utc>,
    pub plan: FeePlan,
    /// `in_force`, `planned`, or `replaced`: by one that began since, or one that begins at the same moment.
    pub standing: String,
    pub created_at: DateTime<Utc>,
    pub created_by: String,
}

/// What a history may be narrowed by, and where a page of it begins: after this service and version.
pub struct Which<'a> {
    pub service: Option<&'a str>,
    pub after: Option<(&'a str, i32)>,
}

/// A page of a connection's versions: by service, the newest first.
pub async fn history(
    db: &Db,
    client_id: Uuid,
    connection: Uuid,
    which: &Which<'_>,
    limit: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Version>> {
    let (service, version) = which.after.unzip();
    let rows = sqlx::query_as!(
        Read,
        r#"SELECT f.service, f.version, f.effective_from, f.plan, f.created_at, f.created_by,
            CASE WHEN EXISTS (SELECT FROM fee_plan g
                WHERE g.client_id = $1 AND g.connection_id = $2 AND g.service = f.service
                    AND (g.effective_from <= $7 OR g.effective_from = f.effective_from)
                    AND (g.effective_from, g.version) > (f.effective_from, f.version)) THEN 'replaced'
                WHEN f.effective_from > $7 THEN 'planned' ELSE 'in_force' END AS "standing!"
         FROM fee_plan f
         WHERE f.client_id = $1 AND f.connection_id = $2 AND ($3::text IS NULL OR f.service = $3)
            AND ($4::text IS NULL OR f.service > $4 OR (f.service = $4 AND f.version < $5))
         ORDER BY f.service, f.version DESC LIMIT $6"#,
        client_id,
        connection,
        which.service,
        service,
        version,
        limit,
        now,
    )
    .fetch_all(&db.reads)
    .await?;
    let version = |row: Read| {
        Ok(Version {
            service: row.service,
            version: row.version,
            effective_from: row.effective_from,
            plan: read(connection, row.plan)?,
            standing: row.standing,
            created_at: row.created_at,
            created_by: row.created_by,
        })
    };
    rows.into_iter().map(version).collect()
}

struct Read {
    service: String,
    version: i32,
    effective_from: DateTime<Utc>,
    plan: serde_json::Value,
    standing: String,
    created_at: DateTime<Utc>,
    created_by: String,
}

/// A plan to write down.
pub struct NewPlan<'a> {
    pub client_id: Uuid,
    pub connection_id: Uuid,
    pub services: &'a [String],
    pub effective_from: DateTime<Utc>,
    pub plan: &'a FeePlan,
    pub by: &'a str,
}

/// Adds a version for each of these services; who calls holds the connection's row. Answers them by service.
pub async fn append(tx: &mut Tx, new: &NewPlan<'_>, now: DateTime<Utc>) -> Result<Vec<i32>> {
    let plan = serde_json::to_value(new.plan).unwrap_or_default();
    Ok(sqlx::query_scalar!(
        "INSERT INTO fee_plan (client_id, connection_id, service, version, effective_from, plan, created_at, created_by)
         SELECT $1, $2, s, 1 + COALESCE((SELECT max(version) FROM fee_plan
            WHERE client_id = $1 AND connection_id = $2 AND service = s), 0), $4, $5, $6, $7
         FROM UNNEST($3::text[]) AS s
         RETURNING version",
        new.client_id,
        new.connection_id,
        new.services,
        new.effective_from,
        plan,
        now,
        new.by,
    )
    .fetch_all(tx.conn())
    .await?)
}

fn read(connection: Uuid, plan: serde_json::Value) -> Result<FeePlan> {
    let value = plan.to_string();
    serde_json::from_value(plan).map_err(|_| Error::BadRow { column: "fee_plan.plan", id: connection, value })
}
