//! `GET /v1/audit`: who did what, newest first.

use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::domain::access::{Need, Product};
use crate::domain::ids;
use crate::flows::audit;
use crate::http::auth::Auth;
use crate::http::error::{ApiError, Failure};
use crate::http::extract::{Http, Params, page_limit};
use crate::http::reply::{self, Page, Reply, Success, time};
use crate::store::audit::Row;

/// Which entries.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WhichEntries {
    /// `nextCursor` of the page before.
    cursor: Option<String>,
    /// 1 to 100; 20 when left out.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    limit: Option<String>,
}

/// One thing that was done.
#[derive(Serialize, ToSchema)]
pub struct AuditEntry {
    #[schema(example = "au_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub id: String,
    /// Its place in the client's chain, which is one for test and live.
    pub seq: i64,
    pub at: String,
    /// `test` or `live`; null for what concerns both.
    pub mode: Option<String>,
    /// Who did it; `engine` for what the product does by itself.
    pub person: String,
    #[schema(example = "connection.status_set")]
    pub action: String,
    /// What it was done to.
    #[schema(example = "conn_0190163d8694739ba9d1e1f2b5c4a3d2")]
    pub object: String,
    /// Before and after, without secrets, and the key it was done with.
    #[schema(value_type = Object)]
    pub detail: Value,
    /// SHA-256 over the hash of the entry before and this one's content, in hex.
    pub hash: String,
}

impl AuditEntry {
    fn of(row: Row) -> Self {
        AuditEntry {
            id: ids::show(ids::AUDIT, row.id),
            seq: row.seq,
            at: time(row.at),
            mode: row.mode,
            person: row.person,
            action: row.action,
            object: row.object,
            detail: row.detail,
            hash: hex::encode(row.hash),
        }
    }
}

/// List what was done in this client, newest first: by people, and by the product itself.
///
/// Told are the entries of this key's mode and those that concern both. Each entry's hash covers the one before, so that
/// `paystrator audit verify` finds a log that was changed.
#[utoipa::path(
    get, path = "/v1/audit", tag = "Access", operation_id = "list_audit", params(WhichEntries),
    responses(
        (status = 200, body = Success<Page<AuditEntry>>), (status = 400, body = Failure), (status = 401, body = Failure),
        (status = 403, body = Failure), (status = 429, body = Failure), (status = 503, body = Failure),
    ),
)]
pub async fn list(
    State(http): State<Http>,
    auth: Auth,
    Params(page): Params<WhichEntries>,
) -> Result<Reply<Page<AuditEntry>>, ApiError> {
    let caller = auth.may(Product::Settings, Need::Read)?;
    let limit = page_limit(page.limit.as_deref())?;
    let wrong = |_| ApiError::field("cursor", "is not one that was answered here");
    let before = page.cursor.as_deref().map(str::parse).transpose().map_err(wrong)?;
    let rows = audit::list(&http.app, &caller, before, limit as i64 + 1).await?;
    Ok(reply::ok(Page::of(rows, limit, |row| row.seq.to_string(), AuditEntry::of)))
}
