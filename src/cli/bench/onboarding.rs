//! How fast KYB files reach nine providers, with a tenth that hangs and without: the one must cost the others nothing.
//!
//! Service and stand-ins run in this process, on loopback, over real HTTP. Both sides alternate on the same clients; what
//! counts is the median of the ratios.

use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::stream;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::app::Parts;
use crate::cli::service::{Database, Service};
use crate::crypto::secret::Personal;
use crate::domain::access::Rights;
use crate::domain::ids;
use crate::domain::kyb::{Draft, check};
use crate::domain::service::Mode;
use crate::flows::access::{self, By, Caller};
use crate::flows::documents::{self, Incoming, Uploaded};
use crate::flows::kyb;
use crate::flows::onboarding::{self, Wish};
use crate::flows::once::First;
use crate::outbound::{Outbound, OutboundLimits};
use crate::sandbox::{self, Fault, Kind, Sandbox, SandboxConfig};

#[derive(clap::Args)]
pub struct Options {
    /// Clients that on-board at once, each at ten providers.
    #[arg(long, default_value_t = 40)]
    clients: usize,
    /// Alternations.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// The provider that hangs, and those that do not.
const HUNG: &str = "p0";
const WELL: [&str; 9] = ["p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"];

/// The ratio that is allowed.
const FLOOR: f64 = 1.2;

/// The longest that one side may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// A file as the API's document prints it.
const EXAMPLE: &str = include_str!("../../http/v1/kyb/example.json");

fn codes() -> impl Iterator<Item = &'static str> {
    std::iter::once(HUNG).chain(WELL)
}

/// Measures, and says whether the floor holds.
pub async fn measure(database: &Database, options: &Options) -> anyhow::Result<()> {
    anyhow::ensure!(options.clients > 0 && options.rounds > 0, "--clients and --rounds are above 0");
    let folder = std::env::temp_dir().join(format!("paystrator-bench-{}", std::process::id()));
    let result = measure_in(database, options, &folder).await;
    let _ = std::fs::remove_dir_all(&folder);
    result
}

async fn measure_in(database: &Database, options: &Options, folder: &std::path::Path) -> anyhow::Result<()> {
    let outbound =
        Outbound::new(OutboundLimits { allow_http: true, allow_private: true, ..OutboundLimits::default() })?;
    let kyb = codes().map(str::to_owned).collect();
    let sandbox = sandbox::start(SandboxConfig { kyb, ..SandboxConfig::new(folder) }, outbound).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let mut parts = database.parts().await?;
    parts.config.documents.folder = folder.join("documents").to_string_lossy().into_owned();
    parts.config.server.public_url = format!("http://{}", listener.local_addr()?);
    aim(&mut parts, &sandbox)?;
    let service = Service::start(parts, listener).await?;
    println!("{} clients fill in their files", options.clients);
    let mut clients = Vec::new();
    for n in 0..options.clients {
        clients.push(client(&service, n).await?);
    }
    let mut ratios = Vec::new();
    println!("\n{:>7}  {:>12}  {:>14}  {:>6}", "round", "none hung/s", "one of ten/s", "ratio");
    for round in 1..=options.rounds {
        let whole = side(&service, &sandbox, &clients).await?;
        let hung = sandbox.kyb(HUNG).context("the stand-in that hangs")?;
        hung.add_fault(Fault::new(Kind::Hang).on("push")).map_err(anyhow::Error::msg)?;
        let with_hung = side(&service, &sandbox, &clients).await;
        hung.clear_faults();
        let with_hung = with_hung?;
        println!("{round:>7}  {whole:>12.0}  {with_hung:>14.0}  {:>6.2}", whole / with_hung);
        ratios.push(whole / with_hung);
    }
    ratios.sort_by(f64::total_cmp);
    let ratio = ratios[ratios.len() / 2];
    println!("\nwith one of ten hung a push takes {ratio:.2} times as long as with none (wanted: at most {FLOOR})");
    println!("{}", if ratio <= FLOOR { "the floor holds" } else { "below the floor" });
    service.stop().await;
    sandbox.stop().await;
    Ok(())
}

/// Makes every stand-in a target.
fn aim(parts: &mut Parts, sandbox: &Sandbox) -> anyhow::Result<()> {
    for code in codes() {
        let provider = sandbox.kyb(code).context("a stand-in")?;
        // What is measured is pushes: nobody fetches.
        let quiet = Map::from_iter([("fetches".to_owned(), Value::Bool(false))]);
        let secret = provider.change_settings(quiet).map_err(anyhow::Error::msg)?.secret;
        let url = format!("{}/kyb", sandbox.kyb_url(code));
        let block = json!({ "way": "push", "test_url": url, "test_secret": secret });
        parts.config.onboarding.insert(code.to_owned(), block);
    }
    Ok(())
}

/// A client whose file is complete.
async fn client(service: &Service, n: usize) -> anyhow::Result<Caller> {
    let app = &service.app;
    let client_id = access::create_client(app, &format!("Bench {n} {}", std::process::id())).await?;
    let (by, rights) = (By::Key(uuid::Uuid::nil()), Rights::all());
    let caller = Caller { client_id, by, mode: Mode::Test, rights, person: "bench".into(), by_token: false };
    let mut file: Value = serde_json::from_str(EXAMPLE)?;
    upload(service, &caller, &mut file).await?;
    let Value::Object(file) = file else { anyhow::bail!("the example is an object") };
    let (right, faults) = check(&file, kyb::today(app));
    anyhow::ensure!(faults.is_empty(), "the example is wrong");
    kyb::save(app, &caller, None, Draft::of(right)).await?;
    Ok(caller)
}

/// Puts a document of its own in each place of the file that names one.
async fn upload(service: &Service, caller: &Caller, value: &mut Value) -> anyhow::Result<()> {
    let mut places = Vec::new();
    collect(value, &mut places);
    for (n, place) in places.into_iter().enumerate() {
        let content = format!("%PDF-1.7\n% {n} {}\n%%EOF\n", caller.client_id).into_bytes();
        let incoming = Incoming { name: Personal::new(format!("document {n}.pdf")), declared: None };
        let content = stream::iter([Ok::<_, std::io::Error>(content)]);
        let (Uploaded::New(document) | Uploaded::Before(document)) =
            documents::upload(&service.app, caller, incoming, content).await?;
        *place = Value::from(ids::show(ids::DOCUMENT, document.id));
    }
    Ok(())
}

fn collect<'a>(value: &'a mut Value, places: &mut Vec<&'a mut Value>) {
    match value {
        Value::String(text) if text.starts_with("doc_") => places.push(value),
        Value::Array(items) => items.iter_mut().for_each(|item| collect(item, places)),
        Value::Object(fields) => fields.values_mut().for_each(|field| collect(field, places)),
        _ => {}
    }
}

/// Every client on-boards at all ten; answers the pushes a second at the nine. At the end all is withdrawn.
async fn side(service: &Service, sandbox: &Sandbox, clients: &[Caller]) -> anyhow::Result<f64> {
    let received = || -> usize { WELL.iter().filter_map(|code| sandbox.kyb(code)).map(|p| p.received().len()).sum() };
    let wishes: Vec<Wish> = codes().map(|code| Wish { provider: code.into(), details: Map::new() }).collect();
    let (before, wanted) = (received(), clients.len() * WELL.len());
    let started = Instant::now();
    let mut begun = Vec::new();
    for caller in clients {
        if let First::Made(all) = onboarding::begin(&service.app, caller, &wishes, None).await? {
            begun.extend(all.into_iter().map(|one| (caller, one.id)));
        }
    }
    while received() < before + wanted {
        anyhow::ensure!(started.elapsed() < PATIENCE, "{} of {wanted} arrived", received() - before);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let per_s = wanted as f64 / started.elapsed().as_secs_f64();
    for (caller, id) in begun {
        onboarding::withdraw(&service.app, caller, id).await?;
    }
    Ok(per_s)
}
