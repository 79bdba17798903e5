//! Monitoring: what takes a connection out of routing by itself, what brings it back, and who has the last word.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use paystrator::clock::Clock;
use paystrator::domain::monitoring::{Rule, Seconds, Tally, longer};
use paystrator::flows::connections;
use serde_json::{Value, json};

use crate::api_providers::told;
use crate::support::bad::{CLOSED, fast};
use crate::support::{Options, World, run, run_with};

const HOUR: Duration = Duration::from_secs(3_600);

fn noon() -> DateTime<Utc> {
    DateTime::parse_from_rfc3339("2026-11-20T12:00:00Z").unwrap().to_utc()
}

#[test]
fn a_rule_counts_what_it_says_and_nothing_older() {
    let mut seen = Seconds::default();
    for second in 0..100 {
        seen.note(second % 4 == 0, HOUR, noon() + TimeDelta::seconds(second));
        seen.note(true, HOUR, noon() + TimeDelta::seconds(second));
    }
    let since = |seen: &Seconds, second: i64| seen.since(noon() + TimeDelta::seconds(second));
    assert_eq!(since(&seen, -1), Tally { answered: 125, unanswered: 75 });
    assert_eq!(since(&seen, 95), Tally { answered: 5, unanswered: 3 });
    assert_eq!(since(&seen, 100), Tally::default());
    // What is older than the longest window is let go of.
    seen.note(true, HOUR, noon() + TimeDelta::seconds(3_600 + 51));
    assert_eq!(since(&seen, -1), Tally { answered: 62, unanswered: 37 });

    let rule = Rule { minimum_sends: 4, failing_percent: 50, ..Rule::default() };
    let trips = |answered, unanswered| rule.trips(Tally { answered, unanswered });
    let judged = [(0, 3), (0, 4), (2, 2), (3, 2), (1_000_000, 999_999)].map(|(good, bad)| trips(good, bad));
    assert_eq!(judged, [false, true, true, false, false]);
    assert!(!Rule { failing_percent: 100, ..rule }.trips(Tally { answered: 1, unanswered: 99 }));

    let wait =
        |earlier, ago: Option<i64>| rule.wait(earlier, ago.map(|s| noon() - TimeDelta::seconds(s)), HOUR, noon());
    assert_eq!(
        [wait(0, None), wait(60, Some(3_599)), wait(60, Some(3_600)), wait(2_400, Some(1))],
        [60, 120, 60, 3_600]
    );
    assert_eq!((longer(60), longer(3_600), longer(u32::MAX)), (120, 3_600, 3_600));
}

impl World {
    async fn standing(&self) -> String {
        let id = self.first();
        let data = self.caller.get(&format!("/v1/providers/{id}")).await.body["data"].take();
        let watched = self.caller.get(&format!("/v1/providers/{id}/monitoring")).await.body["data"].take();
        let text = |value: &Value| value.as_str().map_or(value.to_string(), str::to_owned);
        format!(
            "{} {:?} good {} next {}",
            text(&data["status"]),
            text(&data["statusReason"]),
            watched["good"],
            text(&watched["nextLookAt"])
        )
    }

    async fn monitor(&self, body: Value) -> crate::support::http::Reply {
        self.provider("PUT", &format!("{}/monitoring", self.first()), body, None).await
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_leaves_routing_and_comes_back() {
    run_with(fast(60), async |world| {
        world.second_connection(world.sandbox.url("oy")).await;
        world.move_connection(CLOSED).await;
        let rule =
            json!({ "enabled": true, "minimumSends": 3, "windowSeconds": 3_600, "waitSeconds": 5, "recoveries": 2 });
        assert_eq!(world.monitor(rule).await.status, 200);
        for order in ["FIRST", "SECOND", "THIRD"] {
            let id = world.send(order, "1239812390", 10_000).await;
            world.until_status(&id, "SUCCESS").await;
        }
        let closed = async |wanted: &str| {
            let mut standing = String::new();
            for _ in 0..500 {
                standing = world.standing().await;
                if standing.starts_with(wanted) {
                    return standing;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            panic!(
                "{standing} is not {wanted}; {:?}",
                world.app.seen.since(world.client_id, world.connection_id, noon())
            );
        };
        assert!(closed("MAINTENANCE").await.contains("Monitoring: 3 of the last 3 sends got no answer."));
        // What is accepted now goes to the next connection at once.
        let id = world.send("FOURTH", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        assert_eq!(world.attempts(&id).await.len(), 1);
        world.move_connection(world.sandbox.url("oy")).await;
        closed("ACTIVE").await;
        let done = world.audited().await.into_iter().filter(|entry| entry[0] == "monitoring");
        let done: Vec<String> = done.map(|entry| format!("{} {}", entry[1], entry[2])).collect();
        insta::assert_snapshot!(done.join("\n"), @r###"
        "connection.status_set" {"after":{"reason":"Monitoring: 3 of the last 3 sends got no answer.","status":"MAINTENANCE"},"before":{"status":"ACTIVE"}}
        "connection.status_set" {"after":{"reason":"Monitoring: the provider answers again.","status":"ACTIVE"},"before":{"status":"MAINTENANCE"}}
        "###);
        let id = world.send("FIFTH", "1239812390", 10_000).await;
        world.until_status(&id, "SUCCESS").await;
        world
    })
    .await;
}

#[tokio::test]
async fn people_have_the_last_word_and_a_relapse_waits_longer() {
    let clock = Clock::manual(noon());
    let mut options = Options { clock: clock.clone(), must_be_idle: false, ..Options::default() };
    options.config.schedule.speed = 1.0;
    run_with(options, async |world| {
        let id = world.first();
        assert_eq!(world.monitor(json!({ "enabled": true, "minimumSends": 3, "recoveries": 2 })).await.status, 200);
        let fail = |times: u32| {
            clock.advance(Duration::from_secs(2));
            for _ in 0..times {
                world.app.seen.note(world.client_id, world.connection_id, false, HOUR, clock.now());
            }
        };
        let look = async || connections::watch(&world.app).await.unwrap();
        let set = async |status: &str| {
            let body = json!({ "status": status, "reason": "by hand" });
            assert_eq!(world.provider("POST", &format!("{id}/status"), body, Some("*")).await.status, 200);
        };
        // The worker looks too, at every move of the clock: whoever looked, this is what comes of it.
        let until = async |standing: &str| {
            let mut last = String::new();
            for _ in 0..500 {
                look().await;
                last = world.standing().await;
                if last == standing {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            panic!("{last} is not {standing}");
        };
        let out = "MAINTENANCE \"Monitoring: 3 of the last 3 sends got no answer.\"";
        fail(2);
        look().await;
        until("ACTIVE \"\" good 0 next null").await;
        fail(1);
        until(&format!("{out} good 0 next 2026-11-20T12:01:04.000Z")).await;
        clock.advance(Duration::from_secs(60));
        until(&format!("{out} good 1 next 2026-11-20T12:02:04.000Z")).await;
        world.move_connection(CLOSED).await;
        clock.advance(Duration::from_secs(60));
        until(&format!("{out} good 0 next 2026-11-20T12:04:04.000Z")).await;
        world.move_connection(world.sandbox.url("oy")).await;
        clock.advance(Duration::from_secs(120));
        until(&format!("{out} good 1 next 2026-11-20T12:05:04.000Z")).await;
        clock.advance(Duration::from_secs(60));
        until("ACTIVE \"Monitoring: the provider answers again.\" good 0 next null").await;
        // A relapse: twice as long as it took before.
        fail(3);
        until(&format!("{out} good 0 next 2026-11-20T12:09:06.000Z")).await;
        // Somebody takes over: what happened before does not count, and nobody looks any more.
        set("ACTIVE").await;
        clock.advance(Duration::from_secs(240));
        until("ACTIVE \"by hand\" good 0 next null").await;
        for (status, wait) in [("MAINTENANCE", 480), ("INACTIVE", 60)] {
            set("ACTIVE").await;
            fail(3);
            until(&format!("{out} good 0 next {}", (clock.now() + TimeDelta::seconds(wait)).format("%FT%T%.3fZ")))
                .await;
            set(status).await;
            fail(3);
            clock.advance(HOUR * 24);
            until(&format!("{status} \"by hand\" good 0 next null")).await;
        }
        set("ACTIVE").await;
        assert_eq!(world.monitor(json!({ "enabled": false })).await.body["data"]["enabled"], false);
        fail(30);
        until("ACTIVE \"by hand\" good 0 next null").await;
        world
    })
    .await;
}

#[tokio::test]
async fn a_rule_that_is_none_is_refused() {
    run(async |world| {
        let reply = world.monitor(json!({
            "enabled": true, "windowSeconds": 9, "minimumSends": 0, "failingPercent": 101, "waitSeconds": 0,
            "recoveries": 101,
        }));
        insta::assert_snapshot!(told(&reply.await), @r###"
        400 wrong_parameters_in_request
          windowSeconds: must be a whole number from 10 to 3600
          minimumSends: must be a whole number from 1 to 10000
          failingPercent: must be a whole number from 1 to 100
          waitSeconds: must be a whole number from 1 to 3600
          recoveries: must be a whole number from 1 to 100
        "###);
        insta::assert_snapshot!(told(&world.monitor(json!({ "enabled": "yes", "often": 1 })).await), @r###"
        400 wrong_parameters_in_request
          enabled: must be of type boolean
          often: is not a field of this request
        "###);
        let stranger = world.stranger().await;
        let path = format!("/v1/providers/{}/monitoring", world.first());
        assert_eq!(stranger.get(&path).await.status, 404);
        assert_eq!(world.caller.get(&path).await.body["data"]["enabled"], false);
        let usual = world.monitor(json!({ "enabled": true })).await;
        insta::assert_snapshot!(usual.body["data"].to_string(), @r###"{"enabled":true,"failingPercent":50,"good":0,"minimumSends":20,"nextLookAt":null,"recoveries":3,"trippedAt":null,"waitSeconds":60,"windowSeconds":300}"###);
        world
    })
    .await;
}
