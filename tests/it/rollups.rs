//! The sums by hour: equal to the payments after anything, whoever adds them up, however often, and in whichever order
//! transactions end. The seeded, ticked and crash runs ask the same at their ends. And the generator of many payments, which must
//! keep every rule too.

use std::time::Duration;

use paystrator::domain::latency::Histogram;
use paystrator::flows::rollups;
use paystrator::workers::WORK;
use sqlx::PgPool;

use crate::support::days::Day;
use crate::support::dice::{Dice, seed};
use crate::support::truth::sums::{agree, caught_up, stored};
use crate::support::world::{self, Options, World, fresh_database};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_mix_of_payments_the_sums_are_what_the_payments_say() {
    let options = Options { also: &["doku"], must_be_idle: false, ..Options::default() };
    world::run_with(options, |world| async move {
        world.endpoint("ends").await;
        let mut dice = Dice::new(seed());
        let mut ids = Vec::new();
        for number in 0..40 {
            let day = Day::draw(&mut dice, number, false);
            day.set(&world.sandbox);
            ids.push(world.send(&format!("MIX-{number}"), &day.account, 10_000 + number as i64).await);
            // Two who add at the same time, as two processes do: one of them finds nothing to do.
            let (one, two) = tokio::join!(rollups::add(&world.app), rollups::add(&world.app));
            one.and(two).unwrap();
        }
        for id in &ids[..20] {
            let moved = |row: &serde_json::Value| {
                row["status"] != "PROCESSING" || row["evidence"] == "unknown" || row["evidence"] == "accepted"
            };
            world.until(id, moved).await;
        }
        same(&world).await;
        let before = stored(&world.sql).await;
        assert!(before.values().map(|sums| sums[0]).sum::<i64>() == 40, "each payment began once");
        assert!(before.values().any(|sums| sums[2] > 0), "some were paid");
        assert!(before.values().any(|sums| sums[8..11].iter().sum::<i64>() > 0), "some attempts were freed");
        // Made anew, they are the same.
        rollups::rebuild(&world.app).await.unwrap();
        same(&world).await;
        world
    })
    .await;
}

/// Waits until no payment moves while the sums and the rows are compared.
async fn same(world: &World) {
    for _ in 0..100 {
        caught_up(&world.app, &world.sql).await;
        let at: i64 =
            sqlx::query_scalar("SELECT COALESCE(max(xact), 0) FROM event").fetch_one(&world.sql).await.unwrap();
        let wrong = agree(&world.sql).await;
        let after: i64 =
            sqlx::query_scalar("SELECT COALESCE(max(xact), 0) FROM event").fetch_one(&world.sql).await.unwrap();
        if at == after && wrong.is_empty() {
            return;
        }
        assert!(at != after || wrong.is_empty() || deliveries_move(world).await, "{}", wrong.join("\n"));
    }
    panic!("never still");
}

async fn deliveries_move(world: &World) -> bool {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM delivery WHERE state = 'pending')")
        .fetch_one(&world.sql)
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_committed_late_is_added_once_and_not_before() {
    world::run(|world| async move {
        let first = world.send("FIRST", "5550001", 10_000).await;
        world.until_status(&first, "SUCCESS").await;
        caught_up(&world.app, &world.sql).await;
        // A transaction under way holds the sums where it began.
        let mut late = world.sql.begin().await.unwrap();
        sqlx::query("UPDATE event SET xact = DEFAULT WHERE type = 'payment.processing'")
            .execute(&mut *late)
            .await
            .unwrap();
        let second = world.send("SECOND", "5550002", 20_000).await;
        world.until_status(&second, "SUCCESS").await;
        after_whoever_adds(&world).await;
        rollups::add(&world.app).await.unwrap();
        let begun = async || -> i64 {
            sqlx::query_scalar("SELECT sum(begun)::bigint FROM payment_hour").fetch_one(&world.sql).await.unwrap()
        };
        let behind = rollups_complete(&world).await;
        assert_eq!(begun().await, 1, "nothing that began after the oldest transaction under way is in");
        rollups::add(&world.app).await.unwrap();
        assert_eq!(rollups_complete(&world).await, behind, "and it is not said to be");
        late.rollback().await.unwrap();
        caught_up(&world.app, &world.sql).await;
        assert_eq!(begun().await, 2);
        assert!(rollups_complete(&world).await > behind);
        assert_eq!(agree(&world.sql).await, Vec::<String>::new());
        world
    })
    .await;
}

/// Waits for the end of a step that the worker is at: an addition beside it would do nothing.
async fn after_whoever_adds(world: &World) {
    sqlx::query("SELECT name FROM rollup_position FOR UPDATE").execute(&world.sql).await.unwrap();
}

async fn rollups_complete(world: &World) -> Option<chrono::DateTime<chrono::Utc>> {
    sqlx::query_scalar("SELECT complete_at FROM rollup_position").fetch_one(&world.sql).await.unwrap()
}

#[tokio::test]
async fn a_payment_counts_in_the_hour_it_began_and_in_the_hour_it_ended() {
    world::run(|world| async move {
        let id = world.send("LATE", "5550001", 50_000).await;
        world.until_status(&id, "SUCCESS").await;
        for statement in [
            "UPDATE event SET created_at = '2026-03-01T09:59:00Z' WHERE type = 'payment.processing'",
            "UPDATE payment SET created_at = '2026-03-01T09:59:00Z'",
            "UPDATE attempt SET created_at = '2026-03-01T09:59:00Z'",
            "UPDATE event SET created_at = '2026-03-01T10:00:30Z' WHERE type = 'payment.succeeded'",
        ] {
            sqlx::query(statement).execute(&world.sql).await.unwrap();
        }
        rollups::rebuild(&world.app).await.unwrap();
        caught_up(&world.app, &world.sql).await;
        let sums: Vec<_> = stored(&world.sql).await.into_iter().map(|(key, sums)| (key.2.to_rfc3339(), sums)).collect();
        let (begun, ended) = (&sums[0], &sums[1]);
        assert_eq!((begun.0.as_str(), &begun.1[..4]), ("2026-03-01T09:00:00+00:00", &[1, 50_000, 0, 0][..]));
        assert_eq!((ended.0.as_str(), &ended.1[..4]), ("2026-03-01T10:00:00+00:00", &[0, 0, 1, 50_000][..]));
        assert_eq!(ended.1[11..13], [2_500, 275], "the fee and its tax");
        // A minute and a half: between one minute and two.
        assert_eq!(ended.1[13..], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(agree(&world.sql).await, Vec::<String>::new());
        world
    })
    .await;
}

#[tokio::test]
async fn on_another_server_the_sums_stand_still_until_they_are_made_anew() {
    world::run(|world| async move {
        let id = world.send("ONE", "5550001", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world.idle().await;
        caught_up(&world.app, &world.sql).await;
        // As after a restore from a dump: the rows name transactions that this server has not come to.
        for statement in [
            "UPDATE event SET xact = xact + 1000000000000",
            "UPDATE delivery SET xact = xact + 1000000000000",
            "UPDATE rollup_position SET xact = xact + 1000000000000",
        ] {
            sqlx::query(statement).execute(&world.sql).await.unwrap();
        }
        // While the worker looks, whoever comes beside it goes away content.
        let refusal = async {
            loop {
                match rollups::add(&world.app).await {
                    Err(refusal) => return refusal,
                    Ok(()) => tokio::task::yield_now().await,
                }
            }
        };
        let refused = tokio::time::timeout(Duration::from_secs(30), refusal).await.expect("nobody refuses");
        assert!(refused.to_string().contains("rollups rebuild"), "{refused}");
        rollups::rebuild(&world.app).await.unwrap();
        let two = world.send("TWO", "5550002", 10_000).await;
        world.until_status(&two, "SUCCESS").await;
        caught_up(&world.app, &world.sql).await;
        assert_eq!(agree(&world.sql).await, Vec::<String>::new());
        world
    })
    .await;
}

#[test]
fn a_worker_adds_them_up() {
    assert!(WORK.iter().any(|work| work.name == "rollups"));
}

#[test]
fn quantiles_are_read_from_the_steps() {
    let empty = Histogram::default();
    assert_eq!((empty.total(), empty.quantile_ms(50)), (0, None));
    let one = Histogram::of(&[0, 1]);
    assert_eq!((one.quantile_ms(50), one.quantile_ms(95)), (Some(200), Some(200)), "the end of its step");
    let mut even = Histogram::of(&[0, 0, 0, 100]);
    assert_eq!((even.quantile_ms(50), even.quantile_ms(95)), (Some(750), Some(975)), "even within a step");
    even.add(&Histogram::of(&[100]));
    assert_eq!((even.quantile_ms(50), even.quantile_ms(95)), (Some(100), Some(950)));
    let mut slow = vec![0; 15];
    slow.push(3);
    assert_eq!(Histogram::of(&slow).quantile_ms(95), Some(3_600_000), "beyond the last end: at least that");
    slow.push(4);
    assert_eq!(Histogram::of(&slow).total(), 7, "no count is lost");
}

#[tokio::test]
async fn a_filled_database_holds_every_rule_and_no_other_is_filled() {
    let url = fresh_database().await;
    let run = async |args: &[&str]| {
        let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_paystrator"))
            .args(args)
            .env("DATABASE_URL", &url)
            .env("PAYSTRATOR__KEYS__MASTER", "1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=")
            .output()
            .await
            .unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    };
    let fill = ["bench", "fill", "--payments", "1000"];
    let (done, said) = run(&fill).await;
    assert!(done && said.contains("1000 of 1000 payments"), "{said}");
    let sql = PgPool::connect(&url).await.unwrap();
    assert_eq!(agree(&sql).await, Vec::<String>::new());
    for proof in [["ledger", "verify"], ["audit", "verify"]] {
        let (holds, said) = run(&proof).await;
        assert!(holds, "{proof:?}: {said}");
    }
    let statuses: Vec<(String, i64)> =
        sqlx::query_as("SELECT status, count(*) FROM payment GROUP BY 1 ORDER BY 1").fetch_all(&sql).await.unwrap();
    let names: Vec<&str> = statuses.iter().map(|(status, _)| status.as_str()).collect();
    assert_eq!(names, ["FAILED", "PROCESSING", "REVERSED", "SUCCESS"]);
    let (again, said) = run(&fill).await;
    assert!(again && !said.contains("of 1000 payments"), "as it is: {said}");
    let (other, said) = run(&["bench", "fill", "--payments", "2000"]).await;
    assert!(!other && said.contains("another number"), "{said}");
    // Somebody else's payment: nothing is filled.
    sqlx::query("UPDATE client SET name = 'Somebody'").execute(&sql).await.unwrap();
    let (filled, said) = run(&fill).await;
    assert!(!filled && said.contains("payments of other clients"), "{said}");
    let clients: i64 = sqlx::query_scalar("SELECT count(*) FROM client").fetch_one(&sql).await.unwrap();
    assert_eq!(clients, 1, "and no client was made");
}
