//! What the tests of bad days share: faster worlds, a second connection, providers of one's own making, and looks at
//! what the engine did.

use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use paystrator::domain::fee::FeePlan;
use paystrator::domain::ids;
use paystrator::domain::service::Mode;
use paystrator::flows::connections;
use paystrator::sandbox::{Fault, Kind};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{Options, World};

/// Nobody listens there.
pub const CLOSED: &str = "http://127.0.0.1:1";

/// A world whose documented times pass `speed` times faster, with a scan every 20 ms and sends that wait 400 ms.
pub fn fast(speed: u32) -> Options {
    let mut options = Options::default();
    options.config.schedule.speed = f64::from(speed);
    options.config.schedule.due_scan_ms = 20 * u64::from(speed);
    set_oy(&mut options, "send_timeout_ms", 400);
    options
}

/// Changes a setting of the OY! block.
pub fn set_oy(options: &mut Options, name: &str, value: u64) {
    options.config.providers.get_mut("oy").expect("the block of OY!")[name] = json!(value);
}

/// A payment's number, as the tables know it.
pub fn uuid(id: &str) -> Uuid {
    Uuid::parse_str(id.trim_start_matches("sm_")).unwrap()
}

impl World {
    pub fn fault(&self, fault: Fault) {
        self.sandbox.oy.add_fault(fault).unwrap();
    }

    /// Counts the calls of an operation from now on, without disturbing them.
    pub fn count(&self, operation: &str) -> Calls<'_> {
        let id = self.sandbox.oy.add_fault(Fault::new(Kind::Delay).on(operation).ms(0)).unwrap();
        Calls { world: self, id }
    }

    /// Moves the first connection to another address.
    pub async fn move_connection(&self, base_url: &str) {
        let credentials = serde_json::to_value(self.sandbox.oy.credentials()).unwrap();
        let settings = json!({ "base_url": base_url });
        connections::rotate(&self.app, self.client_id, self.connection_id, &credentials, &settings).await.unwrap();
    }

    /// Sets the first connection's status, as its owner does.
    pub async fn set_status(&self, status: &str) {
        let path = format!("/v1/providers/{}/status", ids::show(ids::CONNECTION, self.connection_id));
        let wish = json!({ "status": status, "reason": "test" }).to_string();
        let done = self.caller.call("POST", &path, Some(wish), &[("If-Match", "*")]).await;
        assert_eq!(done.status, 200, "{}", done.body);
    }

    /// Another connection, at the end of the sequence.
    pub async fn second_connection(&self, base_url: &str) -> Uuid {
        let credentials = serde_json::to_value(self.sandbox.oy.credentials()).unwrap();
        let new = connections::NewConnection {
            client_id: self.client_id,
            mode: Mode::Test,
            provider: "oy",
            label: "Second",
            credentials: &credentials,
            settings: &json!({ "base_url": base_url }),
            fee: FeePlan { flat: Some(1_000), ..FeePlan::default() },
            by: "test",
        };
        connections::create(&self.app, &new).await.unwrap().id
    }

    /// A number of the database.
    pub async fn number(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query).fetch_one(&self.sql).await.unwrap()
    }

    /// A statement, straight to the database.
    pub async fn execute(&self, statement: &'static str) {
        sqlx::query(statement).execute(&self.sql).await.unwrap();
    }

    /// A payment's attempts as JSON, in order.
    pub async fn attempt_rows(&self, id: &str) -> Vec<Value> {
        sqlx::query_scalar("SELECT to_jsonb(a) - 'frozen' FROM attempt a WHERE payment_id = $1 ORDER BY number")
            .bind(uuid(id))
            .fetch_all(&self.sql)
            .await
            .unwrap()
    }

    /// Waits until the current attempt's row satisfies `done`.
    pub async fn until_attempt(&self, id: &str, done: impl Fn(&Value) -> bool) -> Value {
        self.until_some(id, async || self.attempt_rows(id).await.pop().filter(|row| done(row))).await
    }

    /// Waits until `look` finds what it wants; tells the payment's story where it never does.
    pub async fn until_some<T>(&self, id: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let wait = async {
            loop {
                match look().await {
                    Some(found) => return found,
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(30), wait).await {
            Ok(found) => found,
            Err(_) => panic!("never came: {}", self.story(id).await),
        }
    }

    /// Waits until a payment has this open exception.
    pub async fn until_exception(&self, id: &str, kind: &str) {
        self.until_some(id, async || self.exceptions(id).await.contains(&kind.to_owned()).then_some(())).await;
    }

    /// The types of a payment's events, by version.
    pub async fn events(&self, id: &str) -> Vec<String> {
        sqlx::query_scalar("SELECT type FROM event WHERE payment_id = $1 ORDER BY version")
            .bind(uuid(id))
            .fetch_all(&self.sql)
            .await
            .unwrap()
    }

    /// What stands on suspense for a payment: debits less credits.
    pub async fn suspense(&self, id: &str) -> i64 {
        sqlx::query_scalar(
            "SELECT COALESCE(sum(CASE WHEN debit = 'suspense' THEN amount ELSE -amount END), 0)::bigint
             FROM ledger_line WHERE payment_id = $1 AND 'suspense' IN (debit, credit)",
        )
        .bind(uuid(id))
        .fetch_one(&self.sql)
        .await
        .unwrap()
    }

    /// Our books and the simulator's name the same money: what left the provider by our lines without fees (OY!'s own
    /// fees are not simulated) is what it paid out and holds.
    pub async fn money_agrees(&self) {
        let left: Vec<(String, i64)> = sqlx::query_as(
            "SELECT c.provider, sum(CASE WHEN l.credit = 'provider' THEN l.amount ELSE -l.amount END)::bigint
             FROM ledger_line l JOIN connection c ON c.client_id = l.client_id AND c.id = l.connection_id
             WHERE l.line = 'Transfer' AND 'provider' IN (l.debit, l.credit) GROUP BY 1",
        )
        .fetch_all(&self.sql)
        .await
        .unwrap();
        for simulator in self.sandbox.simulators() {
            let ours = left.iter().find(|(code, _)| code == simulator.code()).map_or(0, |(_, sum)| *sum);
            let theirs = simulator.summary();
            assert_eq!(ours, theirs.paid + theirs.reserved, "our books and {}'s differ", simulator.code());
        }
    }
}

/// A count of calls that goes on.
pub struct Calls<'w> {
    world: &'w World,
    id: u64,
}

impl Calls<'_> {
    pub fn seen(&self) -> u64 {
        let standing = self.world.sandbox.oy.standing_faults();
        standing.iter().find(|s| s.id == self.id).map_or(0, |s| s.seen)
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Captured {
    pub method: String,
    pub path: String,
    pub query: String,
    pub headers: HeaderMap,
    pub body: String,
}

/// A provider of one's own making: remembers every request and answers what it is told to.
#[derive(Clone)]
pub struct Stub {
    pub url: String,
    seen: Arc<Mutex<Vec<Captured>>>,
}

type Reply = Arc<dyn Fn(&Captured) -> (u16, String) + Send + Sync>;

impl Stub {
    pub async fn start(reply: impl Fn(&Captured) -> (u16, String) + Send + Sync + 'static) -> Stub {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stub = Stub { url: format!("http://{}", listener.local_addr().unwrap()), seen: Arc::default() };
        let reply: Reply = Arc::new(reply);
        let routes = axum::Router::new().fallback(answer).with_state((stub.clone(), reply));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        stub
    }

    /// Everything that came, oldest first.
    pub fn seen(&self) -> Vec<Captured> {
        self.seen.lock().unwrap().clone()
    }
}

async fn answer(
    State((stub, reply)): State<(Stub, Reply)>,
    method: axum::http::Method,
    uri: axum::http::Uri,
    headers: HeaderMap,
    body: String,
) -> Response {
    let captured = Captured {
        method: method.to_string(),
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        headers,
        body,
    };
    let (status, text) = reply(&captured);
    stub.seen.lock().unwrap().push(captured);
    (axum::http::StatusCode::from_u16(status).unwrap(), text).into_response()
}

/// A TCP relay that can be cut: everything under way is dropped, and nothing new gets through until it is mended.
pub struct Relay {
    pub port: u16,
    open: tokio::sync::watch::Sender<bool>,
}

impl Relay {
    pub async fn to(address: String) -> Relay {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (open, _) = tokio::sync::watch::channel(true);
        let states = open.clone();
        tokio::spawn(async move {
            while let Ok((mut inner, _)) = listener.accept().await {
                let (address, mut state) = (address.clone(), states.subscribe());
                if *state.borrow() {
                    tokio::spawn(async move {
                        let Ok(mut outer) = tokio::net::TcpStream::connect(address).await else { return };
                        tokio::select! {
                            _ = tokio::io::copy_bidirectional(&mut inner, &mut outer) => {}
                            _ = state.wait_for(|open| !open) => {}
                        }
                    });
                }
            }
        });
        Relay { port, open }
    }

    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}

/// Runs all of `futures` at once, in their order of answer.
pub async fn together<F: Future + Send + 'static>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F::Output: Send + 'static,
{
    let mut tasks = tokio::task::JoinSet::new();
    futures.into_iter().for_each(|future| {
        tasks.spawn(future);
    });
    tasks.join_all().await
}
