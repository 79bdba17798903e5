//! `paystrator bench pages`: how long the console's pages take at ten thousand payments and at many, in one run.
//!
//! Two databases beside the configured one, each filled once and kept, each with a service of this build; the pages are
//! asked for by turns, and what counts is the median. Beyond twice the time a page is below the floor.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use axum::http::Method;
use secrecy::ExposeSecret;
use tokio::net::TcpListener;

use super::fill::{self, Filled};
use super::middle;
use crate::cli::service::{Database, Service};
use crate::config::Config;
use crate::domain::ids;
use crate::outbound::{Answer, Outbound, OutboundLimits, Outcome, Request};
use crate::store::payment;

/// The small side.
const SMALL: u64 = 10_000;
/// How often each page is asked for, after twice to warm up.
const TIMES: usize = 21;
/// How much longer a page may take on the large side, and by how much it may be longer anyway: what is too short to be
/// told from noise.
const FLOOR: f64 = 2.0;
const NOISE_MS: f64 = 3.0;

#[derive(clap::Args)]
pub struct Options {
    /// Payments of the large side.
    #[arg(long, default_value_t = 10_000_000)]
    payments: u64,
}

/// One side: a service on a filled database, and somebody signed in.
struct Side {
    service: Service,
    outbound: Outbound,
    cookies: BTreeMap<String, String>,
    filled: Filled,
    total: u64,
    /// A payment in the middle of all.
    middle: String,
}

/// A page: its name and its address.
type Page = (&'static str, String);

pub async fn measure(database: &Database, options: &Options) -> anyhow::Result<()> {
    let small = Side::start(database, SMALL).await?;
    let large = Side::start(database, options.payments).await?;
    let mut failed = Vec::new();
    println!("\n{:<44} {:>12} {:>12} {:>8}", "page", format!("{SMALL}"), format!("{}", large.total), "ratio");
    for ((name, near), (_, far)) in small.pages().into_iter().zip(large.pages()) {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        for turn in 0..TIMES + 2 {
            // Neither side is always the second.
            let (one, other) = match turn % 2 {
                0 => (small.time(&near).await, large.time(&far).await),
                _ => {
                    let other = large.time(&far).await;
                    (small.time(&near).await, other)
                }
            };
            if turn >= 2 {
                a.push(one.with_context(|| format!("{name} on the small side"))?);
                b.push(other.unwrap_or(f64::INFINITY));
            }
        }
        let (a, b) = (middle(a), middle(b));
        let ratio = b / a;
        println!("{name:<44} {a:>9.1} ms {b:>9.1} ms {ratio:>7.2} ×");
        if ratio > FLOOR && b - a > NOISE_MS {
            failed.push(format!("{name} takes {ratio:.2} × as long"));
        }
    }
    small.service.stop().await;
    large.service.stop().await;
    match failed.is_empty() {
        true => println!("every floor holds"),
        false => println!("below the floor: {}", failed.join("; ")),
    }
    Ok(())
}

/// The configuration of a database beside the configured one.
async fn beside(database: &Database, name: &str) -> anyhow::Result<Config> {
    let mut config = database.config.clone();
    let url = config.database.url.expose_secret().to_owned();
    let (before, after) = url.rsplit_once('/').context("the database's address ends with its name")?;
    let options = after.split_once('?').map_or(String::new(), |(_, options)| format!("?{options}"));
    let make = format!(
        "SELECT 'CREATE DATABASE {name}' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '{name}') \\gexec\n"
    );
    fill::psql(&url, &[], &make, Vec::new()).await?;
    config.database.url = format!("{before}/{name}{options}").into();
    // Filling and summing up take their time.
    config.database.statement_timeout_ms = 3_600_000;
    Ok(config)
}

impl Side {
    async fn start(database: &Database, total: u64) -> anyhow::Result<Side> {
        println!("{total} payments");
        let config = beside(database, &format!("paystrator_pages_{total}")).await?;
        let filled = fill::fill(database.beside(config.clone())?.parts().await?, total).await?;
        let mut served = config;
        served.database.statement_timeout_ms = database.config.database.statement_timeout_ms;
        let parts = database.beside(served)?.parts().await?;
        let half = fill::external_id(total / 2);
        let id = payment::id_of_external(&parts.db, filled.client_id, "test", &half).await?.context("the middle")?;
        let limits = OutboundLimits { allow_http: true, allow_private: true, answer_limit_bytes: 8 << 20 };
        let outbound = Outbound::new(limits)?;
        let service = Service::start(parts, TcpListener::bind("127.0.0.1:0").await?).await?;
        let middle = ids::show(ids::SEND_MONEY, id);
        let mut side = Side { service, outbound, cookies: BTreeMap::new(), filled, total, middle };
        side.sign_in().await?;
        Ok(side)
    }

    async fn call(&self, method: Method, path: &str, body: String) -> anyhow::Result<Answer> {
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut headers = vec![("Cookie".to_owned(), cookies.join("; "))];
        if path.starts_with("/v1/") {
            headers.push(("Authorization".into(), format!("Bearer {}", self.filled.key)));
        }
        if method == Method::POST {
            headers.push(("Content-Type".into(), "application/x-www-form-urlencoded".into()));
        }
        let url = format!("{}{path}", self.service.url);
        let timeout = Duration::from_secs(60);
        match self.outbound.guarded(Request { method, url, headers, body: body.into_bytes(), timeout }).await {
            Outcome::Answered(answer) => Ok(answer),
            Outcome::NotSent { reason } | Outcome::Unknown { reason } => anyhow::bail!("{path}: {reason}"),
        }
    }

    fn keep(&mut self, answer: &Answer) {
        for (name, value) in &answer.headers {
            let pair = value.split(';').next().and_then(|pair| pair.split_once('='));
            if let Some((cookie, value)) = pair.filter(|_| name == "set-cookie") {
                self.cookies.insert(cookie.into(), value.into());
            }
        }
    }

    async fn sign_in(&mut self) -> anyhow::Result<()> {
        let page = self.call(Method::GET, "/console/sign-in", String::new()).await?;
        self.keep(&page);
        let text = String::from_utf8_lossy(&page.body).into_owned();
        let token = text.split("name=\"form_token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        let token = token.context("the page has a form")?;
        let form = format!(
            "form_token={token}&email={}&password={}",
            fill::OWNER.replace('@', "%40"),
            fill::PASSWORD.replace(' ', "+")
        );
        let answer = self.call(Method::POST, "/console/sign-in", form).await?;
        self.keep(&answer);
        anyhow::ensure!(answer.status == 303, "nobody could sign in: {}", answer.status);
        Ok(())
    }

    /// Milliseconds of one page.
    async fn time(&self, page: &Page) -> anyhow::Result<f64> {
        let answer = self.call(Method::GET, &page.1, String::new()).await?;
        anyhow::ensure!(answer.status == 200, "{} answered {}", page.1, answer.status);
        Ok(answer.elapsed.as_secs_f64() * 1000.0)
    }

    fn pages(&self) -> Vec<(&'static str, Page)> {
        let list = |query: &str| format!("/console/transactions{query}");
        let day = |ago: i64| (self.service.app.now() - chrono::TimeDelta::days(ago)).format("%Y-%m-%d").to_string();
        let endpoint = ids::show(ids::ENDPOINT, self.filled.endpoint);
        let middle = &self.middle;
        let half = fill::external_id(self.total / 2);
        let pages: Vec<Page> = vec![
            ("home, 24 hours", "/console/".into()),
            ("home, 7 days", "/console/?reach=7d".into()),
            ("home, 30 days", "/console/?reach=30d".into()),
            ("home, what is looked at again", "/console/home/live".into()),
            ("transactions", list("")),
            ("transactions, a page from the middle", list(&format!("?before={middle}"))),
            ("transactions, successful", list("?status=SUCCESS")),
            ("transactions, failed", list("?status=FAILED")),
            ("transactions, failed, from the middle", list(&format!("?status=FAILED&before={middle}"))),
            ("transactions, under way", list("?status=PROCESSING")),
            ("transactions, reversed (rare)", list("?status=REVERSED")),
            ("transactions, expired (none)", list("?status=EXPIRED")),
            ("transactions, in doubt", list("?doubt=1")),
            ("transactions, by order id", list(&format!("?order={half}"))),
            ("transactions, by an order id there is not", list("?order=NOBODY")),
            ("transactions, to a bank", list("?destination=BNI")),
            ("transactions, to a bank paid once", list("?destination=CIMB")),
            ("transactions, from a day on", list(&format!("?from={}", day(3)))),
            ("transactions, up to a day long ago", list(&format!("?to={}", day(28)))),
            ("one payment's story", list(&format!("/{middle}"))),
            ("providers", "/console/providers".into()),
            ("providers, by service", "/console/providers?service=send_money".into()),
            ("audit log", "/console/settings/audit".into()),
            ("audit log, a later page", "/console/settings/audit?before=300".into()),
            ("audit log, the team", "/console/settings/audit?area=member".into()),
            ("audit log, the pause", "/console/settings/audit?area=sending".into()),
            ("audit log, an area with nothing in it", "/console/settings/audit?area=second_factor".into()),
            ("team", "/console/settings/team".into()),
            ("money in doubt", list("/doubt")),
            ("sequences", "/console/sequences".into()),
            ("API keys", "/console/settings/keys".into()),
            ("webhooks", "/console/settings/webhooks".into()),
            ("deliveries of an endpoint", format!("/console/settings/webhooks/{endpoint}")),
            ("deliveries, the failed ones", format!("/console/settings/webhooks/{endpoint}?state=failed")),
            ("API: deliveries of an endpoint", format!("/v1/webhook-endpoints/{endpoint}/deliveries")),
            ("API: exceptions", "/v1/exceptions?status=OPEN".into()),
            ("API: events", "/v1/events".into()),
        ];
        pages.into_iter().map(|page| (page.0, page)).collect()
    }
}
