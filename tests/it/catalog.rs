//! The database's own catalogue against DESIGN section 6: the client first in every key, and each hot statement on the
//! index it was written for, with tables loaded and analysed.

use serde_json::Value;
use sqlx::{AssertSqlSafe, PgPool, Row};

use crate::support::world::fresh_database;

/// What arrives without a client, the switches of the installation, people and the keys of providers, who belong to no
/// client, and how far the sums are.
const NOT_TENANT: [&str; 7] =
    ["route", "setting", "app_user", "session", "sign_in_attempt", "rollup_position", "provider_key"];

async fn migrated() -> PgPool {
    PgPool::connect(&fresh_database().await).await.unwrap()
}

fn is_tenant(table: &str) -> bool {
    !NOT_TENANT.contains(&table) && table != "_sqlx_migrations"
}

#[tokio::test]
async fn the_client_stands_first_in_every_key() {
    let db = migrated().await;
    let indexes = sqlx::query(
        "SELECT c.relname::text AS table, i.relname::text AS index, x.indisprimary AS primary,
            (SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum = x.indkey[0]) AS first
         FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
         WHERE c.relnamespace = 'public'::regnamespace AND x.indisunique ORDER BY 1, 2",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    let mut with_primary = Vec::new();
    for row in &indexes {
        let (table, index): (String, String) = (row.get("table"), row.get("index"));
        if row.get::<bool, _>("primary") {
            with_primary.push(table.clone());
        }
        if is_tenant(&table) {
            let first: Option<String> = row.get("first");
            assert_eq!(first.as_deref(), Some("client_id"), "{index} of {table}");
        }
    }
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    assert!(tables.len() > 15, "{tables:?}");
    for exception in NOT_TENANT {
        assert!(tables.iter().any(|table| table == exception), "{exception} is an exception no more");
    }
    for table in &tables {
        assert!(with_primary.contains(table), "{table} has no primary key");
        let nullable: Option<String> = sqlx::query_scalar(
            "SELECT is_nullable::text FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = $1 AND column_name = 'client_id'",
        )
        .bind(table)
        .fetch_optional(&db)
        .await
        .unwrap();
        assert!(!is_tenant(table) || nullable.as_deref() == Some("NO"), "{table}.client_id");
    }
}

#[tokio::test]
async fn the_client_stands_first_in_every_foreign_key() {
    let db = migrated().await;
    let keys = sqlx::query(
        "SELECT k.conname::text AS name, k.conrelid::regclass::text AS child, k.confrelid::regclass::text AS parent,
            (SELECT attname::text FROM pg_attribute WHERE attrelid = k.conrelid AND attnum = k.conkey[1]) AS from,
            (SELECT attname::text FROM pg_attribute WHERE attrelid = k.confrelid AND attnum = k.confkey[1]) AS to
         FROM pg_constraint k WHERE k.contype = 'f' AND k.connamespace = 'public'::regnamespace",
    )
    .fetch_all(&db)
    .await
    .unwrap();
    assert!(!keys.is_empty());
    for key in &keys {
        let text = |column: &str| key.get::<String, _>(column);
        assert!(is_tenant(&text("child")) && is_tenant(&text("parent")), "{} leaves the tenant", text("name"));
        assert_eq!((text("from").as_str(), text("to").as_str()), ("client_id", "client_id"), "{}", text("name"));
    }
}

#[tokio::test]
async fn a_second_live_attempt_is_refused_by_the_database() {
    let db = migrated().await;
    sqlx::raw_sql(LOAD).execute(&db).await.unwrap();
    for state in ["prepared", "sent", "accepted", "unknown", "paid", "reversed"] {
        let second = format!(
            "INSERT INTO attempt (client_id, payment_id, number, mode, connection_id, provider, identity, reference,
                frozen, fee, tax, why, state, created_at, updated_at)
             SELECT client_id, payment_id, 2, mode, connection_id, provider, identity, reference || '2', frozen, fee, tax,
                why, '{state}', now(), now() FROM attempt LIMIT 1"
        );
        let error = sqlx::raw_sql(AssertSqlSafe(second)).execute(&db).await.unwrap_err();
        assert_eq!(error.as_database_error().unwrap().constraint(), Some("attempt_one_live"), "{state}");
    }
}

/// Rows as a busy month leaves them: many ended, few under way, of several clients.
const LOAD: &str = "
    INSERT INTO client (client_id, name, created_at)
    SELECT md5('c' || n)::uuid, 'c' || n, now() FROM generate_series(1, 8) n;
    INSERT INTO connection (client_id, id, mode, provider, label, kind, services, identity, credentials,
        credential_fields, credentials_at, settings, status, codename, created_at, updated_at)
    SELECT client_id, md5('k' || client_id)::uuid, 'test', 'oy', 'l', 'AGGREGATOR', '{send_money}', 'i', '', '{}', now(),
        '{}', 'ACTIVE', client_id::text, now(), now() FROM client;
    INSERT INTO endpoint (client_id, id, mode, url, events, secret, token, created_at, updated_at)
    SELECT client_id, md5('e' || client_id)::uuid, 'test', 'u', '{payment.succeeded}', '', '', now(), now() FROM client;
    INSERT INTO payment (client_id, id, mode, service, external_id, amount, currency, destination, receiver,
        receiver_hash, status, evidence, version, attempt, send_until, created_at, updated_at)
    SELECT md5('c' || (n % 8 + 1))::uuid, md5('p' || n)::uuid, 'test', 'send_money', 'x' || n, 10000, 'IDR', 'BCA', '',
        decode(md5('r' || n), 'hex'), CASE WHEN n % 50 = 0 THEN 'PROCESSING' ELSE 'SUCCESS' END,
        CASE WHEN n % 50 = 0 THEN 'accepted' ELSE 'paid' END, 3, 1, now(), now() - n * interval '1 minute', now()
    FROM generate_series(1, 20000) n;
    INSERT INTO attempt (client_id, payment_id, number, mode, connection_id, provider, identity, reference, frozen, fee,
        tax, why, state, next_try_at, created_at, updated_at)
    SELECT client_id, id, 1, 'test', md5('k' || client_id)::uuid, 'oy', 'i', 'ref' || id, '', 0, 0, '{}',
        CASE WHEN substr(external_id, 2)::int % 100 = 0 THEN 'prepared'
            WHEN substr(external_id, 2)::int % 50 = 0 THEN 'accepted' ELSE 'paid' END,
        CASE WHEN substr(external_id, 2)::int % 50 = 0 THEN now() END, now(), now() FROM payment;
    INSERT INTO event (client_id, id, mode, payment_id, version, type, body, created_at)
    SELECT client_id, md5('v' || id)::uuid, 'test', id, 1, 'payment.succeeded', '{}', now() FROM payment;
    INSERT INTO delivery (client_id, event_id, endpoint_id, state, next_try_at, created_at, updated_at)
    SELECT client_id, id, md5('e' || client_id)::uuid,
        CASE WHEN substr(id::text, 1, 1) = '0' THEN 'pending' ELSE 'delivered' END, now(), now(), now() FROM event;
    INSERT INTO exception (client_id, id, payment_id, attempt, kind, detail, amount, observations, status, opened_at)
    SELECT client_id, md5('x' || id)::uuid, id, 1, 'vanished', '', 10000, '{}',
        CASE WHEN substr(id::text, 1, 2) = '00' THEN 'OPEN' ELSE 'CLOSED' END, now() FROM payment;
    INSERT INTO ledger_line (client_id, payment_id, attempt, kind, line, connection_id, mode, debit, credit, amount,
        currency, created_at)
    SELECT client_id, id, 1, 'sent', 'Transfer', md5('k' || client_id)::uuid, 'test', 'in_transit', 'provider', amount,
        currency, now() FROM payment;
    INSERT INTO observation (client_id, payment_id, id, attempt, kind, seen_at, verdict)
    SELECT client_id, id, md5('o' || id)::uuid, 1, 'answer', now(), 'accepted' FROM payment;
    INSERT INTO callback (client_id, id, connection_id, received_at, source, body, reading, reference, done_at, next_try_at)
    SELECT client_id, md5('b' || id)::uuid, md5('k' || client_id)::uuid, now(), 's', '', 'question', 'ref' || id,
        CASE WHEN substr(id::text, 1, 1) = '0' THEN NULL ELSE now() END, now() FROM payment;
    ANALYZE;";

/// The one prepared statement whose text holds all of `parts`.
fn statement(parts: &[&str]) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let mut found = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        let prepared: Value = serde_json::from_str(&text).unwrap();
        let query = prepared["query"].as_str().unwrap().to_owned();
        if parts.iter().all(|part| query.contains(part)) {
            found.push(query);
        }
    }
    assert_eq!(found.len(), 1, "{parts:?} name {} statements", found.len());
    found.remove(0)
}

/// Every scan of a plan: how, what, and by which index.
fn scans(plan: &Value, found: &mut Vec<(String, String, String)>) {
    let text = |name: &str| plan[name].as_str().unwrap_or("").to_owned();
    if text("Node Type").contains("Scan") {
        found.push((text("Node Type"), text("Relation Name"), text("Index Name")));
    }
    for child in plan["Plans"].as_array().into_iter().flatten() {
        scans(child, found);
    }
}

#[tokio::test]
async fn hot_statements_use_the_index_they_were_written_for() {
    let db = migrated().await;
    sqlx::raw_sql(LOAD).execute(&db).await.unwrap();
    let external = "payment_client_id_mode_external_id_key";
    // Statement, and which index must find its rows. Any whole read of a big table is a fault.
    let hot: [(&[&str], &[&str]); 15] = [
        (&["INSERT INTO payment ("], &["payment_same_receiver", external]),
        (&["WITH input AS", "UPDATE payment p"], &["payment_pkey", "attempt_pkey"]),
        (&["claimed AS", "UPDATE delivery d"], &["delivery_due"]),
        (&["UPDATE delivery d SET state"], &["delivery_pkey"]),
        (&["SELECT client_id, endpoint_id FROM delivery"], &["delivery_due"]),
        (&["state = 'prepared' AND next_try_at", "GROUP BY 1, 2"], &["attempt_to_send"]),
        (&["state = 'prepared'", "ORDER BY next_try_at LIMIT"], &["attempt_to_send"]),
        (&["state IN ('sent', 'accepted', 'unknown') AND next_try_at <= $1"], &["attempt_to_ask"]),
        (&["UPDATE attempt a SET leased_until"], &["attempt_to_ask"]),
        (&["FROM attempt a JOIN payment p", "a.reference = $3"], &["attempt_client_id_connection_id_reference_key"]),
        (&["UPDATE callback c SET next_try_at"], &["callback_due"]),
        // Home: what is in doubt is found without reading what is not.
        (&["a WHERE unknown_since < a"], &["payment_in_doubt"]),
        (&["a WHERE x.opened_at < a"], &["exception_open", "payment_pkey"]),
        (&["x.opened_at DESC LIMIT"], &["exception_open", "payment_pkey"]),
        (&["WITH live AS"], &["attempt_to_send", "attempt_to_ask", "payment_pkey"]),
    ];
    plans(&db, "SET jit = off; SET plan_cache_mode = force_generic_plan", &hot).await;
    // The sums by hour, as their worker allows itself.
    let summed: [(&[&str], &[&str]); 2] = [
        (&["INSERT INTO payment_hour"], &["event_written", "payment_pkey", "attempt_pkey"]),
        (&["INSERT INTO delivery_hour"], &["delivery_written"]),
    ];
    let settings = "SET jit = off; SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off;
        SET enable_hashjoin = off; SET enable_mergejoin = off";
    plans(&db, settings, &summed).await;
}

/// Plans each statement as the service's pool does after a few runs, one plan for all values, and looks for its indexes.
async fn plans(db: &PgPool, settings: &'static str, hot: &[(&[&str], &[&str])]) {
    let mut connection = db.acquire().await.unwrap();
    sqlx::raw_sql(settings).execute(&mut *connection).await.unwrap();
    for (parts, indexes) in hot {
        let query = statement(parts);
        let count = (1..100).take_while(|n| query.contains(&format!("${n}"))).count();
        let values = vec!["NULL"; count].join(", ");
        sqlx::raw_sql(AssertSqlSafe(format!("PREPARE hot AS {query}"))).execute(&mut *connection).await.unwrap();
        let explain = format!(
            "EXPLAIN (FORMAT JSON) EXECUTE hot{}",
            if count == 0 { String::new() } else { format!("({values})") }
        );
        let row = sqlx::raw_sql(AssertSqlSafe(explain)).fetch_one(&mut *connection).await.unwrap();
        sqlx::raw_sql("DEALLOCATE hot").execute(&mut *connection).await.unwrap();
        let plan: Value = row.get(0);
        let mut found = Vec::new();
        scans(&plan[0]["Plan"], &mut found);
        for index in *indexes {
            assert!(found.iter().any(|(_, _, used)| used == index), "{parts:?} does not use {index}: {found:#?}");
        }
        let big = ["payment", "attempt", "event", "delivery", "callback", "observation", "ledger_line", "exception"];
        let whole = found.iter().find(|(how, table, _)| how == "Seq Scan" && big.contains(&table.as_str()));
        assert_eq!(whole, None, "{parts:?} reads a whole table: {found:#?}");
    }
}
