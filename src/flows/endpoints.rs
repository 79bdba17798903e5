//! Webhook endpoints: made with a secret and a token of their own, changed, rotated with overlap, tested.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::Caller;
use super::audit::audited;
use super::deliver::{self, Tried, secret_place, token_place};
use super::once::{self, First, Once, Refused};
use crate::app::App;
use crate::crash;
use crate::crypto::random_bytes;
use crate::domain::{ids, webhook};
use crate::outbound::{self, OutboundLimits};
use crate::store::endpoint::{self, Endpoint};
use crate::store::{self, delivery, event};

/// The status of an endpoint that is told.
pub const ACTIVE: &str = "ACTIVE";
/// The status of an endpoint that is not.
pub const DISABLED: &str = "DISABLED";

/// How a delivery can stand.
pub const STATES: [&str; 3] = ["pending", "delivered", "failed"];

/// An endpoint that was just made. The secret and the token are shown once.
pub struct Made {
    pub endpoint: Endpoint,
    /// `whsec_` and base64, as Standard Webhooks libraries take it.
    pub secret: String,
    pub token: String,
}

/// Whether webhooks may be sent to `url`; the error says why not.
pub fn check_url(app: &App, url: &str) -> Result<(), String> {
    let webhooks = &app.config.webhooks;
    let limits = OutboundLimits {
        allow_http: webhooks.allow_http,
        allow_private: webhooks.allow_private,
        ..OutboundLimits::default()
    };
    outbound::check_url(url, &limits).map_err(|refused| refused.to_string())
}

/// The route in idempotency rows.
const ROUTE: &str = "webhook-endpoints";

/// An endpoint as its owner wants it. `url` and `events` are checked already.
pub struct EndpointWish<'a> {
    pub url: &'a str,
    pub description: &'a str,
    pub events: &'a [String],
}

/// Makes an endpoint.
pub async fn create(
    app: &App,
    caller: &Caller,
    wish: &EndpointWish<'_>,
    once: Option<Once>,
) -> Result<First<Made>, Refused> {
    loop {
        if let Some(id) = once::earlier(app, caller, ROUTE, once.as_ref()).await? {
            return Ok(First::Replayed(id));
        }
        let made = new(app, caller, wish);
        let mut tx = super::begin(&app.db).await?;
        endpoint::insert(&mut tx, &made.endpoint).await?;
        let detail = json!({ "url": wish.url, "events": wish.events });
        let object = ids::show(ids::ENDPOINT, made.endpoint.id);
        audited(&mut tx, caller, "endpoint.created", &object, detail, made.endpoint.created_at).await?;
        if once::commit(app, tx, caller, ROUTE, once.as_ref(), made.endpoint.id).await? {
            return Ok(First::Made(made));
        }
    }
}

fn new(app: &App, caller: &Caller, wish: &EndpointWish<'_>) -> Made {
    let now = app.now();
    let (client_id, id) = (caller.client_id, ids::new_id(now));
    let (secret, shown) = new_secret();
    let token = hex::encode(random_bytes::<24>());
    let endpoint = Endpoint {
        client_id,
        id,
        mode: caller.mode.as_str().into(),
        url: wish.url.into(),
        description: wish.description.into(),
        events: wish.events.to_vec(),
        secret: app.keys.seal(secret_place(client_id, id), &secret),
        previous_secret: None,
        previous_until: None,
        token: app.keys.seal(token_place(client_id, id), token.as_bytes()),
        status: ACTIVE.into(),
        disabled_reason: String::new(),
        version: 1,
        created_at: now,
        updated_at: now,
    };
    Made { endpoint, secret: shown, token }
}

/// A new signing secret: its bytes, and how it is shown.
fn new_secret() -> (Vec<u8>, String) {
    let secret = random_bytes::<32>();
    (secret.to_vec(), format!("whsec_{}", STANDARD.encode(secret)))
}

/// One endpoint of the caller's client and mode.
pub async fn get(app: &App, caller: &Caller, id: Uuid) -> store::Result<Option<Endpoint>> {
    let found = endpoint::get(&app.db, caller.client_id, id).await?;
    Ok(found.filter(|endpoint| endpoint.mode == caller.mode.as_str()))
}

/// Puts an endpoint out of use, and says why. What waits for it is not delivered any more.
pub async fn disable(app: &App, client_id: Uuid, id: Uuid, why: &str) -> store::Result<()> {
    let mut tx = super::begin(&app.db).await?;
    crash::point("disable.before");
    endpoint::disable(&mut tx, client_id, id, why, app.now()).await?;
    tx.commit().await?;
    crash::point("disable.committed");
    app.endpoints.forget(&(client_id, id));
    Ok(())
}

/// The endpoints of the caller's client and mode, oldest first.
pub async fn list(app: &App, caller: &Caller) -> store::Result<Vec<Endpoint>> {
    endpoint::list(&app.db, caller.client_id, caller.mode.as_str()).await
}

/// The endpoint switched on or off by its owner.
pub fn switched(endpoint: Endpoint, on: bool) -> Endpoint {
    let (status, why) = if on { (ACTIVE, "") } else { (DISABLED, "switched off by its owner") };
    Endpoint { status: status.into(), disabled_reason: why.into(), ..endpoint }
}

/// Writes `changed` over `before`, as the version after it; `None` where another stands by now.
pub async fn change(
    app: &App,
    caller: &Caller,
    before: &Endpoint,
    changed: Endpoint,
) -> store::Result<Option<Endpoint>> {
    let (mut then, mut now) = (serde_json::Map::new(), serde_json::Map::new());
    for (name, old, new) in [
        ("url", json!(before.url), json!(changed.url)),
        ("description", json!(before.description), json!(changed.description)),
        ("events", json!(before.events), json!(changed.events)),
        ("status", json!(before.status), json!(changed.status)),
    ] {
        if old != new {
            then.insert(name.into(), old);
            now.insert(name.into(), new);
        }
    }
    write(app, caller, changed, "endpoint.changed", json!({ "before": then, "after": now })).await
}

/// Writes an endpoint, and what was done to it. `None` where it has another version by now.
async fn write(
    app: &App,
    caller: &Caller,
    changed: Endpoint,
    action: &str,
    detail: Value,
) -> store::Result<Option<Endpoint>> {
    let now = app.now();
    let mut tx = super::begin(&app.db).await?;
    let done = endpoint::update(&mut tx, &changed, now).await?;
    if done {
        audited(&mut tx, caller, action, &ids::show(ids::ENDPOINT, changed.id), detail, now).await?;
        tx.commit().await?;
    }
    app.endpoints.forget(&(changed.client_id, changed.id));
    Ok(done.then(|| Endpoint { version: changed.version + 1, updated_at: now, ..changed }))
}

/// Gives an endpoint a new secret. The old one signs too for a while, unless it must end `immediately`.
/// `None` where there is no such endpoint.
pub async fn rotate(
    app: &App,
    caller: &Caller,
    id: Uuid,
    immediately: bool,
) -> store::Result<Option<(Endpoint, String)>> {
    loop {
        let Some(mut endpoint) = get(app, caller, id).await? else { return Ok(None) };
        let (secret, shown) = new_secret();
        let schedule = &app.config.schedule;
        let old = std::mem::replace(&mut endpoint.secret, app.keys.seal(secret_place(endpoint.client_id, id), &secret));
        let overlap = (!immediately).then(|| app.now() + schedule.seconds(schedule.secret_overlap_s));
        (endpoint.previous_secret, endpoint.previous_until) = (overlap.map(|_| old), overlap);
        // Who changed it meanwhile is not undone: its newest version is rotated.
        let detail = json!({ "immediately": immediately });
        if let Some(endpoint) = write(app, caller, endpoint, "endpoint.secret_rotated", detail).await? {
            return Ok(Some((endpoint, shown)));
        }
    }
}

/// How long a test may take: somebody waits for it.
const TEST_PATIENCE: Duration = Duration::from_secs(10);

/// Tells a test event to an endpoint, once and now; answers the event's id and how it went, `None` where that is still
/// open.
pub async fn test(app: &Arc<App>, endpoint: &Endpoint) -> anyhow::Result<(Uuid, Option<Tried>)> {
    let now = app.now();
    let id = ids::new_id(now);
    let data = json!({ "id": ids::show(ids::ENDPOINT, endpoint.id), "mode": endpoint.mode });
    let body = json!({ "type": "webhook.test", "timestamp": webhook::time(now), "data": data }).to_string();
    let lease = now + Duration::from_millis(app.config.webhooks.timeout_ms) + TEST_PATIENCE;
    let (client_id, endpoint_id) = (endpoint.client_id, endpoint.id);
    let mut tx = super::begin(&app.db).await?;
    event::insert_test(&mut tx, client_id, &endpoint.mode, endpoint_id, id, &body, lease, now).await?;
    tx.commit().await?;
    let key = delivery::Key { client_id, event_id: id, endpoint_id, replay: 0 };
    let due = delivery::Due { key, tries: 0, leased_until: lease, body };
    let (task_app, endpoint) = (app.clone(), endpoint.clone());
    // In a task of its own: a caller that hangs up cancels nothing.
    let tried = app.tasks.spawn(async move { deliver::try_once(&task_app, &endpoint, &due).await });
    match tokio::time::timeout(TEST_PATIENCE, tried).await {
        Ok(tried) => Ok((id, Some(tried??))),
        Err(_) => Ok((id, None)),
    }
}

/// A page of an endpoint's deliveries, newest first; of one state where it is given.
pub async fn deliveries(
    app: &App,
    endpoint: &Endpoint,
    state: Option<&str>,
    before: Option<(Uuid, i32)>,
    limit: i64,
) -> store::Result<Vec<delivery::Row>> {
    delivery::list(&app.db, endpoint.client_id, endpoint.id, state, before, limit).await
}

/// How many deliveries of each endpoint of a client wait, and how many were given up and not told since; by endpoint.
pub async fn left_over(app: &App, caller: &Caller) -> store::Result<Vec<delivery::LeftOver>> {
    delivery::left_over(&app.db, caller.client_id).await
}

/// How many deliveries are told again at once; the next call takes the next ones.
pub const REPLAYS: i64 = 1_000;

/// Tells an endpoint once more what it was not told: its newest deliveries that were given up and not told since, at
/// most [`REPLAYS`] of them. Answers how many.
pub async fn replay_failed(app: &App, endpoint: &Endpoint) -> store::Result<u64> {
    let mut tx = super::begin(&app.db).await?;
    let count = delivery::replay_failed(&mut tx, endpoint.client_id, endpoint.id, REPLAYS, app.now()).await?;
    tx.commit().await?;
    Ok(count)
}

/// Tells every event of a payment once more to each active endpoint that it was told to. Answers how many tellings.
pub async fn replay_payment(app: &App, caller: &Caller, payment_id: Uuid) -> store::Result<u64> {
    let mut tx = super::begin(&app.db).await?;
    let mode = caller.mode.as_str();
    let count = delivery::replay_payment(&mut tx, caller.client_id, mode, payment_id, app.now()).await?;
    tx.commit().await?;
    Ok(count)
}

/// Tells an event to an endpoint once more; answers which telling it is, `None` where there is no such event.
pub async fn replay(app: &App, endpoint: &Endpoint, event_id: Uuid) -> store::Result<Option<i32>> {
    loop {
        let now = app.now();
        let mut tx = super::begin(&app.db).await?;
        let (client_id, mode) = (endpoint.client_id, &endpoint.mode);
        match delivery::replay(&mut tx, client_id, mode, event_id, endpoint.id, now).await {
            Ok(replay) => {
                tx.commit().await?;
                return Ok(replay);
            }
            // Two replays at once took the same number: this one takes the next.
            Err(error) if error.violated().is_some() => {}
            Err(error) => return Err(error),
        }
    }
}
