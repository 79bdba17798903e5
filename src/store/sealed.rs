//! Every column that holds a sealed value, read page by page by its primary key, whatever it is: for sealing anew.
//!
//! The statements are put together from the constants of this file alone.

use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::{Db, Result, Tx};

/// A column of sealed values.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    pub table: &'static str,
    pub column: &'static str,
    /// The column of the client it is sealed to; of people, who belong to none, their own id.
    pub client: &'static str,
    /// The column that names the row within the client, as it is part of what the value is sealed to.
    pub row: &'static str,
    /// What else the primary key has; `0` where it has nothing.
    part: &'static str,
    /// The name of the place its values are sealed to.
    pub place: &'static str,
}

/// All of them. `tests/it/rotation.rs` compares the places with those the flows seal to.
pub const COLUMNS: [Column; 14] = [
    column("connection", "credentials", "id", "0", "connection.credentials"),
    column("connection", "previous_credentials", "id", "0", "connection.credentials"),
    column("endpoint", "secret", "id", "0", "endpoint.secret"),
    column("endpoint", "previous_secret", "id", "0", "endpoint.secret"),
    column("endpoint", "token", "id", "0", "endpoint.token"),
    column("callback", "body", "id", "0", "callback.body"),
    column("payment", "receiver", "id", "0", "payment.receiver"),
    column("attempt", "frozen", "payment_id", "number", "attempt.frozen"),
    column("invitation", "email", "id", "0", "invitation.email"),
    column("data_key", "wrapped", "id", "0", "data_key.wrapped"),
    of_people("email", "app_user.email"),
    of_people("name", "app_user.name"),
    of_people("totp", "app_user.totp"),
    of_people("totp_pending", "app_user.totp"),
];

/// Places whose values are sealed under a key of `data_key`: where that is sealed anew, they stay as they are.
pub const UNDER_DATA_KEYS: [&str; 8] = [
    "kyb_version.company",
    "kyb_person.data",
    "document.about",
    "document.content",
    "onboarding.details",
    "onboarding.progress",
    "onboarding.provider_data",
    "onboarding_line.remarks",
];

const fn of_people(name: &'static str, place: &'static str) -> Column {
    Column { client: "user_id", ..column("app_user", name, "user_id", "0", place) }
}

const fn column(
    table: &'static str,
    column: &'static str,
    row: &'static str,
    part: &'static str,
    place: &'static str,
) -> Column {
    Column { table, column, client: "client_id", row, part, place }
}

/// A place in a table, by its primary key.
#[derive(Clone, Copy, Debug, Default)]
pub struct Position {
    pub client_id: Uuid,
    pub row: Uuid,
    part: i16,
}

/// A row of a page.
#[derive(Debug)]
pub struct Found {
    pub at: Position,
    /// The id of the master key it is sealed under, as its bytes say; `None` where nothing is stored.
    pub key: Option<Vec<u8>>,
    /// The value, where it is sealed under another key than the one asked for.
    pub sealed: Option<Vec<u8>>,
}

/// A row as it is read: client, row, part, key and value.
type Read = (Uuid, Uuid, i16, Option<Vec<u8>>, Option<Vec<u8>>);

/// The rows after `after`, in the order of the primary key; with the values that are not sealed under the key `but`,
/// where that is given.
pub async fn page(db: &Db, column: Column, after: Position, but: Option<[u8; 4]>, limit: i64) -> Result<Vec<Found>> {
    let Column { table, column: name, client, row, part, .. } = column;
    // A part that is no column must not stand in the order: the primary key's index ends before it.
    let (key, from) = match part {
        "0" => (format!("{client}, {row}"), "$1, $2"),
        part => (format!("{client}, {row}, {part}"), "$1, $2, $3"),
    };
    let sql = format!(
        "SELECT {client}, {row}, ({part})::smallint, substring({name} FROM 2 FOR 4),
            CASE WHEN substring({name} FROM 2 FOR 4) <> $5::bytea THEN {name} END
         FROM {table} WHERE $3::smallint IS NOT NULL AND ({key}) > ({from}) ORDER BY {key} LIMIT $4"
    );
    let rows: Vec<Read> = sqlx::query_as(AssertSqlSafe(sql))
        .bind(after.client_id)
        .bind(after.row)
        .bind(after.part)
        .bind(limit)
        .bind(but.map(|id| id.to_vec()))
        .fetch_all(&db.reads)
        .await?;
    let found = |(client_id, row, part, key, sealed)| Found { at: Position { client_id, row, part }, key, sealed };
    Ok(rows.into_iter().map(found).collect())
}

/// A value to put in the place of another.
pub struct Renewed {
    pub at: Position,
    pub old: Vec<u8>,
    pub new: Vec<u8>,
}

/// Replaces values that still stand; answers how many. What somebody else has written since stays.
pub async fn replace(tx: &mut Tx, column: Column, values: &[Renewed]) -> Result<u64> {
    let Column { table, column: name, client, row, .. } = column;
    let sql = format!(
        "UPDATE {table} t SET {name} = i.new
         FROM UNNEST($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[]) AS i(client_id, id, old, new)
         WHERE t.{client} = i.client_id AND t.{row} = i.id AND t.{name} = i.old"
    );
    let done = sqlx::query(AssertSqlSafe(sql))
        .bind(values.iter().map(|value| value.at.client_id).collect::<Vec<_>>())
        .bind(values.iter().map(|value| value.at.row).collect::<Vec<_>>())
        .bind(values.iter().map(|value| value.old.as_slice()).collect::<Vec<_>>())
        .bind(values.iter().map(|value| value.new.as_slice()).collect::<Vec<_>>())
        .execute(tx.conn())
        .await?;
    Ok(done.rows_affected())
}
